"""Two fingers drawn side by side as SVG, with the minutiae that fit numbered in both, and what they say in words.

The words and colours are those of `evaluation.explain`, which draws the same pair as a PNG for an examiner.
"""

from __future__ import annotations

import html
import math
from dataclasses import dataclass
from typing import Final, Protocol

from cccd_core.evaluation.evidence import LIKE_ANY, Evidence, Weight, evidence, places
from cccd_core.matching.explanation import MatchExplanation
from cccd_core.templates import KIND_BIFURCATION, KIND_ENDING, FingerTemplate, mirrored

_MARGIN_PX: Final = 24.0
_LEAST_PX: Final = 120.0  # of a side that is drawn, at 500 dpi
_TICK_PX: Final = 13.0
_SIGN_PX: Final = 4.5
_COLOUR: Final = {Weight.ONE_FINGER: "#1a7f37", Weight.UNSURE: "#8a5300", Weight.NONE: "#444444"}
_ALONE, _OUTSIDE = "#b3261e", "#8c8c8c"
_WEIGHTS: Final = {
    Weight.NONE: ("không cho thấy là cùng một ngón", Weight.NONE.value),
    Weight.UNSURE: ("chưa đủ để quyết định: ngón khác nhau cũng từng giống đến vậy", Weight.UNSURE.value),
    Weight.ONE_FINGER: ("cho thấy là cùng một ngón", Weight.ONE_FINGER.value),
}


class Explainer(Protocol):
    """What a drawing asks of `matching.Matcher`."""

    def explain(self, probe: FingerTemplate, candidate: FingerTemplate) -> MatchExplanation: ...


@dataclass(frozen=True, slots=True)
class DrawnPair:
    """Two fingers drawn: the SVG of each, what they say in lines (Vietnamese, English), and whether the first had to be
    turned into its mirror image for that."""

    probe: str
    candidate: str
    lines: tuple[tuple[str, str], ...]
    weight: tuple[str, str]
    colour: str
    mirrored: bool


def draw(probe: FingerTemplate, candidate: FingerTemplate, matcher: Explainer, names: tuple[str, str]) -> DrawnPair:
    """Draws a pair; `names` are what a reader who does not see the drawings is told that they show. Where the two are
    not alike, and are once one is mirrored, the mirror image is drawn. Cost: one comparison, two where not alike."""
    why = matcher.explain(probe, candidate)
    turned = False
    if why.score < LIKE_ANY:
        image = mirrored(probe)
        other = matcher.explain(image, candidate)
        if other.score >= LIKE_ANY:
            probe, why, turned = image, other, True
    found = evidence(probe, candidate, why)
    marked = found.weight is not Weight.NONE
    colour = _COLOUR[found.weight]
    first, second = ([pair.probe for pair in found.pairs], [pair.candidate for pair in found.pairs])
    sizes = [_size(probe), _size(candidate)]
    size = max(width for width, _ in sizes), max(height for _, height in sizes)  # one scale for both
    sides = [
        _side(template, name, paired if marked else [], inside.tolist(), colour, size)
        for template, name, paired, inside in (
            (probe, names[0], first, why.overlap_probe),
            (candidate, names[1], second, why.overlap_candidate),
        )
    ]
    return DrawnPair(sides[0], sides[1], tuple(_lines(found, turned)), _WEIGHTS[found.weight], colour, turned)


def draw_alone(template: FingerTemplate, name: str) -> str:
    """The SVG of one finger beside which there is no other."""
    return _side(template, name, [], [False] * template.count, _OUTSIDE, _size(template))


def _size(template: FingerTemplate) -> tuple[float, float]:
    """Width and height of what is drawn of a finger, at 500 dpi."""
    (left, right), (top, bottom) = (_span(axis, _LEAST_PX) for axis in places(template).T.tolist())
    return right - left, bottom - top


def _side(
    template: FingerTemplate,
    name: str,
    paired: list[int],
    inside: list[bool],
    colour: str,
    size: tuple[float, float],
) -> str:
    at = places(template).tolist()
    left, right = _span([x for x, _ in at], size[0])
    top, bottom = _span([y for _, y in at], size[1])
    numbers = {index: number for number, index in enumerate(paired, 1)}
    parts = [
        f'<svg class="finger" role="img" aria-label="{html.escape(name)}" xmlns="http://www.w3.org/2000/svg" '
        f'viewBox="{left:.0f} {top:.0f} {right - left:.0f} {bottom - top:.0f}">'
    ]
    kinds, angles = template.kind.tolist(), template.angle_rad.tolist()
    for index, (x, y) in enumerate(at):
        number = numbers.get(index)
        ink = colour if number is not None else _ALONE if inside[index] else _OUTSIDE
        parts.append(_minutia(x, y, angles[index], kinds[index], ink))
        if number is not None:  # behind the minutia, away from its line
            nx, ny = x - _TICK_PX * math.cos(angles[index]), y + _TICK_PX * math.sin(angles[index])
            parts.append(f'<text x="{nx:.1f}" y="{ny + 4:.1f}" fill="{ink}">{number}</text>')
    parts.append("</svg>")
    return "".join(parts)


def _minutia(x: float, y: float, angle: float, kind: int, ink: str) -> str:
    r = _SIGN_PX
    if kind == KIND_ENDING:
        sign = f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{r}"/>'
    elif kind == KIND_BIFURCATION:
        sign = f'<rect x="{x - r:.1f}" y="{y - r:.1f}" width="{2 * r}" height="{2 * r}"/>'
    else:
        sign = f'<path d="M{x - r:.1f} {y - r:.1f}l{2 * r} {2 * r}m0 {-2 * r}l{-2 * r} {2 * r}"/>'
    dx, dy = _TICK_PX * math.cos(angle), -_TICK_PX * math.sin(angle)  # y grows downwards
    return f'<g stroke="{ink}" fill="none">{sign}<path d="M{x:.1f} {y:.1f}l{dx:.1f} {dy:.1f}"/></g>'


def _span(values: list[float], least: float) -> tuple[float, float]:
    """From where to where an axis is drawn, for so much at the least."""
    if not values:
        return 0.0, least
    low, high = min(values) - _MARGIN_PX, max(values) + _MARGIN_PX
    short = max(0.0, least - (high - low)) / 2
    return low - short, high + short


def _lines(found: Evidence, turned: bool) -> list[tuple[str, str]]:
    english = found.sentences()
    count, alone = len(found.pairs), found.alone_probe + found.alone_candidate
    common = found.common_probe + found.common_candidate
    lines = []
    if turned:
        lines.append(
            (
                "Ngón thứ nhất được vẽ dưới dạng ảnh phản chiếu: chỉ khi lật gương hai vân tay mới giống nhau.",
                "The first finger is drawn as its mirror image: only so are the two alike.",
            )
        )
    if found.weight is Weight.NONE or not count:
        lines.append(("Không có điểm đặc trưng nào khớp đủ để đánh dấu.", english[1]))
        return lines
    apart = [pair.apart_mm for pair in found.pairs]
    lines.append(
        (
            f"{count} điểm đặc trưng khớp, mang cùng một số ở hai vân tay, trong vùng chung khoảng "
            f"{found.common_mm2:.0f} mm².",
            english[1],
        )
    )
    lines.append(
        (
            f"Các cặp cách nhau trung bình {_vi(sum(apart) / count)} mm, nhiều nhất {_vi(max(apart))} mm (các đường "
            f"vân cách nhau khoảng 0,5 mm); {found.types_agree} trên {found.types_known} cặp biết loại là cùng loại.",
            " ".join(english[2:-1]),
        )
    )
    lines.append(
        (
            f"Điều nói ngược lại: {alone} trên {common} điểm trong vùng chung không có cặp (màu đỏ)."
            if alone
            else "Không có gì nói ngược lại: mọi điểm trong vùng chung đều có cặp.",
            english[-1],
        )
    )
    return lines


def _vi(number: float) -> str:
    return f"{number:.2f}".replace(".", ",")
