"""The picture of matched pairs for an examiner: numbered minutiae in both prints, one laid over the other, and the
evidence in words.
"""

from __future__ import annotations

import math
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from cccd_core.errors import ParameterError
from cccd_core.evaluation.evidence import PX_PER_MM, Evidence, Points, Weight, evidence, laid_over, places
from cccd_core.evaluation.plots import png
from cccd_core.matching.explanation import MatchExplanation
from cccd_core.templates import KIND_BIFURCATION, KIND_ENDING, FingerTemplate

Image: TypeAlias = NDArray[np.uint8]

MOST_CANDIDATES = 8
PAIRED, UNSURE, AGAINST, OUTSIDE = "#1a7f37", "#b06c00", "#d62728", "0.65"
_PROBE, _CANDIDATE = "#1f77b4", "#e67e00"
_COLOUR = {Weight.ONE_FINGER: PAIRED, Weight.UNSURE: UNSURE, Weight.NONE: "0.3"}
_MARKERS = {KIND_ENDING: "o", KIND_BIFURCATION: "s"}
_OTHER = "x"  # the sign of an unknown type, as in `templates.draw`
_TICK_PX = 12.0
_NUMBER_PX = 12.0
_MARGIN_PX = 25.0
_BAR_MM = 5
_BAR_PX = _BAR_MM * PX_PER_MM
_STRIP = 0.06  # of a panel's height, for the bar
_WIDTH_IN, _HEAD_IN, _PRINTS_IN, _ROW_IN, _LINE_IN = 15.0, 1.1, 6.0, 6.0, 0.165
_HEAD_PT = 13.0  # less where a name is wide
_EDGE = 0.015  # of the width
_PALE = 0.45  # of the ridges' ink
_WORDS_BELOW, _WORDS_BESIDE = 62, 54  # signs in a line
_NAME_SIGNS = 48
_ROWS, _TABLES = 14, 3  # of the table of pairs


@dataclass(frozen=True, slots=True, repr=False)
class Candidate:
    """One finger to be drawn beside the probe: what it is called, why it scored what it did, and where there is one the
    image on whose pixels its minutiae lie, uint8[height, width] at 500 dpi (`Extraction.image`)."""

    name: str
    template: FingerTemplate
    why: MatchExplanation
    image: Image | None = None


@dataclass(frozen=True, slots=True, repr=False)
class _Probe:
    """What all candidates are drawn beside."""

    name: str
    template: FingerTemplate
    image: Image | None


_Pair: TypeAlias = tuple[_Probe, Candidate, Evidence]


def picture(
    name: str,
    probe: FingerTemplate,
    candidates: Sequence[Candidate],
    *,
    image: Image | None = None,
    extrapolated_from: float = math.inf,
) -> bytes:
    """The probe against one candidate or several (at most eight), each with its evidence, as PNG; over their ridges
    where `image`s are given.

    Minutiae that agree have one number in both prints, and are green, or brown where the score is too low to decide.
    Red ones lie in the area that both prints show and found no partner, grey ones outside it. Where the score is no
    higher than different fingers score, none is marked as agreeing, and all in that area are red. The panels of a pair
    have one scale, which a bar shows. Circles are ridge endings, squares bifurcations, crosses any
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
    first = _Probe(name, probe, image)
    if len(candidates) == 1:
        lines = _lines(found[0], _WORDS_BELOW)
        below = _LINE_IN * max(len(lines), 0 if found[0].weight is Weight.NONE else _ROWS + 3) + 0.2
        figure = Figure(figsize=(_WIDTH_IN, _HEAD_IN + _PRINTS_IN + below))
        _whole(figure, (first, candidates[0], found[0]), lines, below)
    else:
        figure = Figure(figsize=(_WIDTH_IN, _ROW_IN * len(candidates)))
        blocks = figure.subfigures(len(candidates), 1, squeeze=False)[:, 0]
        for block, candidate, each in zip(blocks, candidates, found, strict=True):
            _row(block, (first, candidate, each))
    return png(figure)


def _whole(figure: Figure, pair: _Pair, lines: list[str], below_in: float) -> None:
    """One pair: the prints above, words and table below."""
    found = pair[-1]
    height = _HEAD_IN + _PRINTS_IN + below_in
    _headline(figure, height, pair)
    grid = figure.add_gridspec(
        1, 3, left=_EDGE, right=1 - _EDGE, top=1 - _HEAD_IN / height, bottom=(below_in + 0.15) / height, wspace=0.04
    )
    _prints([figure.add_subplot(grid[0, column]) for column in range(3)], pair)
    room = figure.add_gridspec(
        1, 3, left=_EDGE, right=1 - _EDGE, top=below_in / height, bottom=0.1 / height, wspace=0.04
    )
    _words(figure.add_subplot(room[0, 0]), lines)
    beside = figure.add_subplot(room[0, 1:])
    _table(beside, found)
    _legend(beside, found, "upper left" if found.weight is Weight.NONE else "lower left", columns=6)


def _row(block: SubFigure, pair: _Pair) -> None:
    """One pair of several: the prints and the words in a row."""
    _headline(block, _ROW_IN, pair)
    grid = block.add_gridspec(
        1, 4, width_ratios=(1, 1, 1, 1.2), left=_EDGE, right=1 - _EDGE,
        top=1 - _HEAD_IN / _ROW_IN, bottom=0.2 / _ROW_IN, wspace=0.04,
    )  # fmt: skip
    _prints([block.add_subplot(grid[0, column]) for column in range(3)], pair)
    words = block.add_subplot(grid[0, 3])
    _words(words, _lines(pair[-1], _WORDS_BESIDE))
    _legend(words, pair[-1], "lower left", columns=2)


def _headline(figure: Figure | SubFigure, height_in: float, pair: _Pair) -> None:
    """Two lines in the room kept for them above the titles of the panels."""
    probe, candidate, found = pair
    for line, below_top in (
        (f"{_short(probe.name)} against {_short(candidate.name)}", 0.25),
        (f"score {found.score:.1f}, {found.weight.value}", 0.5),
    ):
        text = figure.text(
            0.5, 1 - below_top / height_in, line,
            parse_math=False, color=_COLOUR[found.weight], fontsize=_HEAD_PT, fontweight="bold",
            ha="center", va="center",
        )  # fmt: skip
        wide = text.get_window_extent().width / figure.bbox.width
        text.set_fontsize(_HEAD_PT * min(1.0, (1 - 2 * _EDGE) / wide))


def _short(name: str) -> str:
    """As much of a name as there is room for."""
    return name if len(name) <= _NAME_SIGNS else f"{name[: _NAME_SIGNS - 13]}…{name[-12:]}"


def _prints(three: list[Axes], pair: _Pair) -> None:
    """Both prints with their numbers, and one laid over the other, in one scale."""
    left, middle, right = three
    probe, candidate, found = pair
    colour = _COLOUR[found.weight]
    marked = found.weight is not Weight.NONE
    why = candidate.why
    frames = []
    for axes, title, of, paired, inside in (
        (left, "probe", probe, [each.probe for each in found.pairs], why.overlap_probe),
        (middle, "candidate", candidate, [each.candidate for each in found.pairs], why.overlap_candidate),
    ):
        template = of.template
        if of.image is not None:
            _ridges(axes, of.image)
        colours = [AGAINST if each else OUTSIDE for each in inside.tolist()]
        for index in paired:  # what fits lies in both prints
            colours[index] = colour if marked else AGAINST
        at = places(template)
        _minutiae(axes, template, at, template.angle_rad, colours)
        _numbers(axes, at, template, paired if marked else [], colour)
        frames.append((axes, at, f"{title}\n{template.count} minutiae"))
    frames.append(_overlay(right, probe.template, candidate, found))
    _frame(frames)


def _ridges(axes: Axes, image: Image) -> None:
    """The image, pale, so that what is drawn over it stands out; pixel (0, 0) has its middle at (0, 0)."""
    height, width = image.shape
    axes.imshow(
        image, cmap="gray", vmin=0, vmax=255, alpha=_PALE, zorder=1,
        extent=(-0.5, width - 0.5, height - 0.5, -0.5), interpolation="bilinear",
    )  # fmt: skip


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


def _frame(frames: list[tuple[Axes, Points, str]]) -> None:
    """Titles, and for all panels one scale with a bar that shows it."""
    bounds = [(at.min(axis=0), at.max(axis=0)) if len(at) else (np.zeros(2), np.zeros(2)) for _, at, _ in frames]
    width, height = np.max([high - low for low, high in bounds], axis=0) + 2 * _MARGIN_PX
    width, height = max(width, 2 * _BAR_PX), max(height, 2 * _BAR_PX)
    for (axes, _, title), (low, high) in zip(frames, bounds, strict=True):
        axes.set_title(title, fontsize=10)
        axes.set_aspect("equal")
        axes.set_xticks([])
        axes.set_yticks([])
        x, y = ((low + high) / 2).tolist()
        left, bottom = x - width / 2, y + height / 2 + _STRIP * height
        axes.set_xlim(left, left + width)
        axes.set_ylim(bottom, y - height / 2)  # y downwards, as in the image
        at = bottom - _STRIP * height / 2
        start = left + _MARGIN_PX / 2
        axes.plot([start, start + _BAR_PX], [at, at], color="k", linewidth=2.0, solid_capstyle="butt")
        axes.annotate(
            f"{_BAR_MM} mm", (start + _BAR_PX, at), (5, 0), textcoords="offset points", va="center", fontsize=8
        )


def _overlay(axes: Axes, probe: FingerTemplate, candidate: Candidate, found: Evidence) -> tuple[Axes, Points, str]:
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
    return axes, np.concatenate([at, moved]), f"{how}\nprobe blue, candidate orange"


def _lines(found: Evidence, width: int) -> list[str]:
    sentences = (textwrap.fill(sentence, width, break_on_hyphens=False) for sentence in found.sentences())
    return "\n\n".join(sentences).splitlines()


def _words(axes: Axes, lines: list[str]) -> None:
    axes.axis("off")
    axes.text(0.0, 1.0, "\n".join(lines), va="top", fontsize=9.5, transform=axes.transAxes, parse_math=False)


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
