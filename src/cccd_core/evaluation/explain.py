"""The picture of matched pairs for an examiner: numbered minutiae in both prints, one laid over the other, and the
evidence in words.
"""

from __future__ import annotations

import math
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from matplotlib.lines import Line2D

from cccd_core.errors import ParameterError
from cccd_core.evaluation.evidence import Evidence, Points, Weight, evidence, laid_over, places
from cccd_core.evaluation.plots import png
from cccd_core.matching.explanation import MatchExplanation
from cccd_core.templates import KIND_BIFURCATION, KIND_ENDING, FingerTemplate

MOST_CANDIDATES = 8
PAIRED, UNSURE, AGAINST, OUTSIDE = "#1a7f37", "#b06c00", "#d62728", "0.65"
_PROBE, _CANDIDATE = "#1f77b4", "#e67e00"
_COLOUR = {Weight.ONE_FINGER: PAIRED, Weight.UNSURE: UNSURE, Weight.NONE: "0.3"}
_MARKERS = {KIND_ENDING: "o", KIND_BIFURCATION: "s"}
_OTHER = "x"  # the sign of an unknown type, as in `templates.draw`
_TICK_PX = 12.0
_NUMBER_PX = 12.0
_NAME_SIGNS = 48
_ROWS, _TABLES = 14, 3  # of the table of pairs


@dataclass(frozen=True, slots=True)
class Candidate:
    """One finger to be drawn beside the probe: what it is called, and why it scored what it did."""

    name: str
    template: FingerTemplate
    why: MatchExplanation


def picture(
    name: str, probe: FingerTemplate, candidates: Sequence[Candidate], *, extrapolated_from: float = math.inf
) -> bytes:
    """The probe against one candidate or several (at most eight), each with its evidence, as PNG.

    Minutiae that agree have one number in both prints, and are green, or brown where the score is too low to decide.
    Where it is no higher than different fingers score, none is marked as agreeing. Red ones lie in the area that both
    prints show and found no partner, grey ones outside it. Circles are ridge endings, squares bifurcations, crosses any
    other. A score above `extrapolated_from` is said to be worked out. ParameterError for another number of candidates.
    """
    if not 1 <= len(candidates) <= MOST_CANDIDATES:
        raise ParameterError(
            "so many candidates are not drawn in one picture", candidates=len(candidates), most=MOST_CANDIDATES
        )
    found = [
        evidence(probe, candidate.template, candidate.why, extrapolated_from=extrapolated_from)
        for candidate in candidates
    ]
    if len(candidates) == 1:
        figure = Figure(figsize=(15, 8.3 if found[0].weight is Weight.NONE else 9.8), layout="constrained")
        _whole(figure, name, probe, candidates[0], found[0])
    else:
        figure = Figure(figsize=(17, 5.4 * len(candidates)), layout="constrained")
        blocks = figure.subfigures(len(candidates), 1, hspace=0.04, squeeze=False)[:, 0]
        for block, candidate, each in zip(blocks, candidates, found, strict=True):
            _row(block, name, probe, candidate, each)
    return png(figure)


def _whole(figure: Figure, name: str, probe: FingerTemplate, candidate: Candidate, found: Evidence) -> None:
    """One pair: the prints above, words and table below."""
    plain = found.weight is Weight.NONE
    grid = figure.add_gridspec(3, 3, height_ratios=(0.2, 6.0, 1.6 if plain else 3.0))
    _headline(figure.add_subplot(grid[0, :]), name, candidate, found)
    _prints([figure.add_subplot(grid[1, column]) for column in range(3)], probe, candidate, found)
    _words(figure.add_subplot(grid[2, 0]), found, 64)
    below = figure.add_subplot(grid[2, 1:])
    _table(below, found)
    _legend(below, found, "upper left" if plain else "lower left", columns=6)


def _row(block: SubFigure, name: str, probe: FingerTemplate, candidate: Candidate, found: Evidence) -> None:
    """One pair of several: the prints and the words in a row."""
    grid = block.add_gridspec(2, 4, height_ratios=(0.2, 6.0), width_ratios=(1, 1, 1, 1.15))
    _headline(block.add_subplot(grid[0, :]), name, candidate, found)
    _prints([block.add_subplot(grid[1, column]) for column in range(3)], probe, candidate, found)
    words = block.add_subplot(grid[1, 3])
    _words(words, found, 56)
    _legend(words, found, "lower left", columns=2)


def _headline(axes: Axes, name: str, candidate: Candidate, found: Evidence) -> None:
    axes.axis("off")
    axes.text(
        0.5, 0.5, f"{_short(name)} against {_short(candidate.name)}: score {found.score:.1f}, {found.weight.value}",
        parse_math=False, color=_COLOUR[found.weight], fontsize=13, fontweight="bold",
        ha="center", va="center", transform=axes.transAxes,
    )  # fmt: skip


def _short(name: str) -> str:
    """As much of a name as there is room for."""
    return name if len(name) <= _NAME_SIGNS else f"{name[: _NAME_SIGNS - 13]}…{name[-12:]}"


def _prints(three: list[Axes], probe: FingerTemplate, candidate: Candidate, found: Evidence) -> None:
    """Both prints with their numbers, and one laid over the other."""
    left, middle, right = three
    colour = _COLOUR[found.weight]
    marked = found.pairs if found.weight is not Weight.NONE else ()
    why = candidate.why
    for axes, title, template, paired, inside in (
        (left, "probe", probe, [pair.probe for pair in marked], why.overlap_probe),
        (middle, "candidate", candidate.template, [pair.candidate for pair in marked], why.overlap_candidate),
    ):
        colours = [AGAINST if each else OUTSIDE for each in inside.tolist()]
        for index in paired:
            colours[index] = colour
        at = places(template)
        _minutiae(axes, template, at, template.angle_rad, colours)
        _numbers(axes, at, template, paired, colour)
        _frame(axes, at, f"{title}\n{template.count} minutiae")
    _overlay(right, probe, candidate, found)


def _minutiae(
    axes: Axes, template: FingerTemplate, at: Points, angles: Points, colours: list[str], size: float = 26.0
) -> None:
    for (x, y), angle, kind, colour in zip(at.tolist(), angles.tolist(), template.kind.tolist(), colours, strict=True):
        if kind in _MARKERS:
            axes.scatter([x], [y], s=size, marker=_MARKERS[kind], facecolors="none", edgecolors=colour, zorder=3)
        else:  # a sign without a face
            axes.scatter([x], [y], s=size, marker=_OTHER, color=colour, zorder=3)
        axes.plot(
            [x, x + _TICK_PX * math.cos(angle)],
            [y, y - _TICK_PX * math.sin(angle)],
            color=colour, linewidth=1.1, zorder=3,
        )  # fmt: skip


def _numbers(axes: Axes, at: Points, template: FingerTemplate, numbered: list[int], colour: str) -> None:
    """Each number where there is most room around its minutia."""
    steps = np.stack([np.cos(template.angle_rad), -np.sin(template.angle_rad)], axis=1) * _TICK_PX
    taken = np.concatenate([at, at + 0.5 * steps, at + steps])
    turns = np.arange(16) * (math.tau / 16)
    around = _NUMBER_PX * np.stack([np.cos(turns), np.sin(turns)], axis=1)
    for number, index in enumerate(numbered, start=1):
        spots = at[index] + around
        room = np.sqrt(((spots[:, None] - taken[None]) ** 2).sum(axis=2)).min(axis=1)
        spot = spots[int(room.argmax())]
        taken = np.concatenate([taken, spot[None]])
        axes.text(
            float(spot[0]), float(spot[1]), str(number),
            ha="center", va="center", fontsize=7, color=colour, zorder=4,
        )  # fmt: skip


def _frame(axes: Axes, at: Points, title: str) -> None:
    axes.set_title(title, fontsize=10)
    axes.set_aspect("equal")
    axes.set_xticks([])
    axes.set_yticks([])
    low, high = (at.min(axis=0), at.max(axis=0)) if len(at) else (np.zeros(2), np.ones(2) * 100)
    axes.set_xlim(low[0] - 25, high[0] + 25)
    axes.set_ylim(high[1] + 25, low[1] - 25)  # y downwards, as in the image


def _overlay(axes: Axes, probe: FingerTemplate, candidate: Candidate, found: Evidence) -> None:
    """The candidate turned and shifted onto the probe; lines show what remains between the partners."""
    at, moved = places(probe), laid_over(candidate.template, candidate.why)
    turned = candidate.template.angle_rad + candidate.why.rotation_rad
    _minutiae(axes, probe, at, probe.angle_rad, [_PROBE] * probe.count)
    _minutiae(axes, candidate.template, moved, turned, [_CANDIDATE] * candidate.template.count, 14.0)
    if found.weight is not Weight.NONE:
        for pair in found.pairs:
            (ax, ay), (bx, by) = at[pair.probe].tolist(), moved[pair.candidate].tolist()
            axes.plot([ax, bx], [ay, by], color=_COLOUR[found.weight], linewidth=2.0)
    how = "laid over each other" if found.weight is not Weight.NONE else "laid over each other as well as they go"
    _frame(axes, np.concatenate([at, moved]), f"{how}\nprobe blue, candidate orange")


def _words(axes: Axes, found: Evidence, width: int) -> None:
    axes.axis("off")
    text = "\n\n".join(textwrap.fill(sentence, width, break_on_hyphens=False) for sentence in found.sentences())
    axes.text(0.0, 1.0, text, va="top", fontsize=9.5, transform=axes.transAxes, parse_math=False)


def _legend(axes: Axes, found: Evidence, where: Literal["upper left", "lower left"], *, columns: int) -> None:
    common = "in the common area" if found.weight is Weight.NONE else "in the common area, no partner"
    meanings = [(AGAINST, common), (OUTSIDE, "outside the common area")]
    if found.weight is not Weight.NONE:
        meanings.insert(
            0, (_COLOUR[found.weight], f"numbered: {'agrees' if found.weight is Weight.ONE_FINGER else 'fits'}")
        )
    handles = [
        Line2D([], [], color=colour, marker="o", linestyle="", markerfacecolor="none", label=label)
        for colour, label in meanings
    ]
    handles += [
        Line2D([], [], color="0.2", marker=marker, linestyle="", markerfacecolor="none", label=label)
        for marker, label in (("o", "ridge ending"), ("s", "bifurcation"), (_OTHER, "other"))
    ]
    axes.legend(handles=handles, loc=where, fontsize=8, ncols=columns, frameon=False, borderaxespad=0.0)


def _table(axes: Axes, found: Evidence) -> None:
    """Every pair by its number, as far as there is room."""
    axes.axis("off")
    if found.weight is Weight.NONE or not found.pairs:
        return
    shown = found.pairs[: _ROWS * _TABLES]
    for column in range(math.ceil(len(shown) / _ROWS)):
        lines = ["no.   mm apart   turned   type"]
        for number, pair in list(enumerate(shown, start=1))[column * _ROWS : (column + 1) * _ROWS]:
            lines.append(f"{number:3}   {pair.apart_mm:8.2f}   {pair.turned_deg:5.0f}°   {pair.types}")
        axes.text(
            column / _TABLES, 1.0, "\n".join(lines), va="top", fontsize=8, family="monospace", transform=axes.transAxes
        )
    if len(shown) < len(found.pairs):
        more = f"and {len(found.pairs) - len(shown)} more"
        axes.text(1.0, 1.0, more, va="top", ha="right", fontsize=8, transform=axes.transAxes)
