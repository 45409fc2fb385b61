"""The picture of a matched pair: which minutiae were paired, how well they lie on each other, what made the score."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import ConnectionPatch

from cccd_core.evaluation.plots import png
from cccd_core.matching.explanation import MatchExplanation
from cccd_core.storage import whole_file
from cccd_core.templates import KIND_BIFURCATION, KIND_ENDING, FingerTemplate

PAIRED, AGAINST, OUTSIDE = "#1a7f37", "#d62728", "0.65"
_TICK_PX = 12.0
_PARTS_DRAWN = 16
_MARKERS = {KIND_ENDING: "o", KIND_BIFURCATION: "s"}  # anything else: a triangle
_PPCM_500_DPI = 500 / 2.54

Points = npt.NDArray[np.float64]


def draw(
    probe: FingerTemplate,
    candidate: FingerTemplate,
    why: MatchExplanation,
    path: Path,
    *,
    title: str = "",
    extrapolated_from: float = math.inf,
) -> Path:
    """Writes `picture` to a file, a new one for its owner alone. FileError where it cannot be written."""
    data = picture(probe, candidate, why, title=title, extrapolated_from=extrapolated_from)
    whole_file.write(path, data, private=True, folders=True)
    return path


def picture(
    probe: FingerTemplate,
    candidate: FingerTemplate,
    why: MatchExplanation,
    *,
    title: str = "",
    extrapolated_from: float = math.inf,
) -> bytes:
    """A pair as PNG: both templates with their pairs joined, one laid over the other, the parts of the score.

    Green minutiae are paired; red ones lie in the area that both prints show and found no partner; grey ones lie
    outside it. Circles are ridge endings, squares bifurcations, triangles of unknown type. A score above
    `extrapolated_from` is said to be extrapolation.
    """
    figure = Figure(figsize=(15, 9.5), layout="constrained")
    grid = figure.add_gridspec(2, 3, height_ratios=(3, 2), width_ratios=(1, 1, 1))
    left, middle, right = (figure.add_subplot(grid[0, column]) for column in range(3))
    parts, words = figure.add_subplot(grid[1, :2]), figure.add_subplot(grid[1, 2])
    at_probe, at_candidate = _places(probe), _places(candidate)
    for axes, name, template, places, paired, inside in (
        (left, "probe", probe, at_probe, why.probe_indices, why.overlap_probe),
        (middle, "candidate", candidate, at_candidate, why.candidate_indices, why.overlap_candidate),
    ):
        _minutiae(axes, template, places, template.angle_rad, _colours(len(places), paired, inside))
        _frame(axes, places, f"{name}: {template.count} minutiae")
    _joins(
        figure, left, middle, at_probe[why.probe_indices], at_candidate[why.candidate_indices], why.pair_similarities
    )
    _overlay(right, probe, candidate, at_probe, at_candidate, why)
    _bars(parts, why)
    _words(words, why, extrapolated_from)
    if title:
        figure.suptitle(title, parse_math=False)
    return png(figure)


def _places(template: FingerTemplate) -> Points:
    """Places in pixels at 500 dpi, y downwards: float64[n, 2]."""
    return np.column_stack(
        [
            template.x_px * (_PPCM_500_DPI / max(template.resolution_x_ppcm, 1)),
            template.y_px * (_PPCM_500_DPI / max(template.resolution_y_ppcm, 1)),
        ]
    )


def _colours(count: int, paired: npt.NDArray[np.int64], inside: npt.NDArray[np.bool_]) -> list[str]:
    colours = [AGAINST if inside[index] else OUTSIDE for index in range(count)]
    for index in paired.tolist():
        colours[index] = PAIRED
    return colours


def _minutiae(
    axes: Axes, template: FingerTemplate, places: Points, angles: Points, colours: list[str], size: float = 26.0
) -> None:
    for (x, y), angle, kind, colour in zip(
        places.tolist(), angles.tolist(), template.kind.tolist(), colours, strict=True
    ):
        axes.scatter([x], [y], s=size, marker=_MARKERS.get(kind, "^"), facecolors="none", edgecolors=colour, zorder=3)
        axes.plot(
            [x, x + _TICK_PX * math.cos(angle)],
            [y, y - _TICK_PX * math.sin(angle)],
            color=colour,
            linewidth=1.1,
            zorder=3,
        )


def _frame(axes: Axes, places: Points, title: str) -> None:
    axes.set_title(title, fontsize=10)
    axes.set_aspect("equal")
    axes.set_xticks([])
    axes.set_yticks([])
    low, high = (places.min(axis=0), places.max(axis=0)) if len(places) else (np.zeros(2), np.ones(2) * 100)
    axes.set_xlim(low[0] - 25, high[0] + 25)
    axes.set_ylim(high[1] + 25, low[1] - 25)  # y downwards, as in the image


def _joins(
    figure: Figure, left: Axes, right: Axes, ends: Points, other_ends: Points, similarities: npt.NDArray[np.float64]
) -> None:
    shade = Normalize(0.0, 1.0)
    for start, end, similarity in zip(ends.tolist(), other_ends.tolist(), similarities.tolist(), strict=True):
        strength = float(shade(similarity, clip=True))
        figure.add_artist(
            ConnectionPatch(
                xyA=tuple(start), coordsA=left.transData, xyB=tuple(end), coordsB=right.transData,
                color=PAIRED, linewidth=0.6 + 1.2 * strength, alpha=0.2 + 0.5 * strength,
            )
        )  # fmt: skip


def _overlay(
    axes: Axes,
    probe: FingerTemplate,
    candidate: FingerTemplate,
    at_probe: Points,
    at_candidate: Points,
    why: MatchExplanation,
) -> None:
    """The candidate turned and shifted onto the probe; lines show what remains between the partners."""
    cosine, sine = math.cos(why.rotation_rad), math.sin(why.rotation_rad)
    # counter-clockwise as seen, with y downwards
    moved = at_candidate @ np.array([[cosine, -sine], [sine, cosine]]) + np.array(why.shift_px)
    _minutiae(axes, probe, at_probe, probe.angle_rad, ["#1f77b4"] * probe.count)
    _minutiae(axes, candidate, moved, candidate.angle_rad + why.rotation_rad, ["#e67e00"] * candidate.count, 14.0)
    for a, b in zip(why.probe_indices.tolist(), why.candidate_indices.tolist(), strict=True):
        axes.plot([at_probe[a, 0], moved[b, 0]], [at_probe[a, 1], moved[b, 1]], color=PAIRED, linewidth=1.5)
    _frame(axes, np.concatenate([at_probe, moved]), "laid over each other: probe blue, candidate orange")


def _bars(axes: Axes, why: MatchExplanation) -> None:
    largest = sorted(why.parts.items(), key=lambda part: -abs(part[1]))
    if len(largest) > _PARTS_DRAWN:
        rest = largest[_PARTS_DRAWN - 1 :]
        largest = [*largest[: _PARTS_DRAWN - 1], (f"{len(rest)} smaller parts", sum(value for _, value in rest))]
    names, values = [name for name, _ in largest], [value for _, value in largest]
    axes.barh(range(len(names)), values, color=[PAIRED if value >= 0 else AGAINST for value in values])
    axes.set_yticks(range(len(names)), names, fontsize=8)
    axes.invert_yaxis()
    axes.axvline(0.0, color="0.3", linewidth=0.8)
    axes.grid(visible=True, axis="x", linewidth=0.3)
    axes.set_title(f"parts of the raw score {why.raw_score:.2f}: what spoke for (green) and against (red)", fontsize=10)


def _words(axes: Axes, why: MatchExplanation, extrapolated_from: float) -> None:
    axes.axis("off")
    record = why.as_dict()
    lone = record["unpaired_in_overlap"]
    lines = [
        f"score {why.score:.1f}",
        f"one pair of different fingers in {_round(10.0 ** (why.score / 10.0))} scores as high",
        f"(extrapolated: measured up to score {extrapolated_from:.0f})" if why.score > extrapolated_from else "",
        f"{record['paired']} minutiae paired",
        "unpaired where both prints show ridges:",
        f"    {lone['probe']} of the probe, {lone['candidate']} of the candidate",
        f"turned by {math.degrees(why.rotation_rad):.0f}°, shifted by "
        f"{why.shift_px[0]:.0f}, {why.shift_px[1]:.0f} px at 500 dpi",
    ]
    axes.text(0.0, 1.0, "\n".join(lines), va="top", fontsize=10, transform=axes.transAxes, wrap=True)
    handles = [
        Line2D([], [], color=colour, marker="o", linestyle="", markerfacecolor="none", label=label)
        for colour, label in (
            (PAIRED, "paired"),
            (AGAINST, "unpaired in the overlap"),
            (OUTSIDE, "outside the overlap"),
        )
    ]
    handles += [
        Line2D([], [], color="0.2", marker=marker, linestyle="", markerfacecolor="none", label=label)
        for marker, label in (("o", "ridge ending"), ("s", "bifurcation"), ("^", "type unknown"))
    ]
    axes.legend(handles=handles, loc="lower left", fontsize=8, ncols=2, frameon=False)


def _round(number: float) -> str:
    """A large number in words that can be grasped: `12`, `4,000`, `10^9`."""
    if number >= 1e7:
        return f"10^{math.log10(number):.0f}"
    digits = max(0, int(math.log10(max(number, 1.0))) - 1)
    return f"{round(number, -digits):,.0f}"
