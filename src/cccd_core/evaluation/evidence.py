"""What speaks for and against one finger in a pair of prints, for who has to decide: figures and sentences.

Measured on the pairs that the matcher made (`MatchExplanation`); no score is made here.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import Enum

import numpy as np
import numpy.typing as npt

from cccd_core.matching.explanation import MatchExplanation
from cccd_core.plain import Json
from cccd_core.templates import KIND_BIFURCATION, KIND_ENDING, FingerTemplate

PX_PER_MM = 500 / 25.4  # places below are in pixels at 500 dpi
LIKE_ANY = 20.0  # below: one pair of different fingers in 100 scores as high, and whatever is paired is chance
UNSURE = 60.0  # below: pairs of different fingers have scored as high; of the 2.4 million measured none did above
MUCH_TURNED_DEG = 45.0  # by more, a finger is seldom laid on a sensor
_KINDS = {KIND_ENDING: "ending", KIND_BIFURCATION: "bifurcation"}

Points = npt.NDArray[np.float64]


class Weight(Enum):
    """How far a score may be taken for agreement of two prints."""

    NONE = "does not speak for one finger, as far as these prints show"
    UNSURE = "does not decide: different fingers have scored as high"
    ONE_FINGER = "speaks for one finger"

    @staticmethod
    def of(score: float) -> Weight:
        """The weight of a calibrated score, by `LIKE_ANY` and `UNSURE`."""
        return Weight.NONE if score < LIKE_ANY else Weight.UNSURE if score < UNSURE else Weight.ONE_FINGER


@dataclass(frozen=True, slots=True)
class Pair:
    """One minutia in both prints: its indices, how far apart the two lie when the prints are laid over each other, how
    far their directions differ (0 to 180), and their types in words ("ending", "ending / bifurcation", "other")."""

    probe: int
    candidate: int
    apart_mm: float
    turned_deg: float
    types: str


@dataclass(frozen=True, slots=True)
class Evidence:
    """A pair of prints in figures. `pairs` are in reading order of the probe, and numbered so from 1.

    `common_probe`, `common_candidate`: minutiae in the area that both prints show, of `minutiae_probe` and
    `minutiae_candidate` in all; `alone_probe`, `alone_candidate`: those of them without a partner. `common_mm2`: the
    area that the probe's minutiae in the common area enclose. `types_agree` of `types_known` pairs are of one type.
    """

    score: float
    weight: Weight
    pairs: tuple[Pair, ...]
    minutiae_probe: int
    minutiae_candidate: int
    common_probe: int
    common_candidate: int
    alone_probe: int
    alone_candidate: int
    common_mm2: float
    types_agree: int
    types_known: int
    rotation_deg: float
    extrapolated_from: float

    def as_dict(self) -> dict[str, Json]:
        """JSON-ready: figures and sentences; no minutia's place."""
        return {
            "weight": self.weight.name.lower(),
            "words": list(self.sentences()),
            "paired": len(self.pairs),
            "apart_mm": round(_mean([pair.apart_mm for pair in self.pairs]), 3),
            "turned_deg": round(_mean([pair.turned_deg for pair in self.pairs]), 1),
            "types": {"agree": self.types_agree, "known": self.types_known},
            "common_area": {
                "mm2": round(self.common_mm2, 1),
                "probe": {"minutiae": self.common_probe, "of": self.minutiae_probe, "alone": self.alone_probe},
                "candidate": {
                    "minutiae": self.common_candidate,
                    "of": self.minutiae_candidate,
                    "alone": self.alone_candidate,
                },
            },
        }

    def sentences(self) -> tuple[str, ...]:
        """The evidence in words: what the score means, what agrees, how exactly, what speaks against."""
        return (self._meaning(), *self._agreement(), self._against())

    def _meaning(self) -> str:
        odds = in_words(10.0 ** (self.score / 10.0))
        if self.score < 3.0:
            return f"Score {self.score:.1f}: more than half of all pairs of different fingers score as high."
        if self.score > self.extrapolated_from:
            measured = in_words(10.0 ** (self.extrapolated_from / 10.0))
            return (
                f"Score {self.score:.1f}: fewer than one pair of different fingers in {measured} scores as high. That "
                f"is as far as it was measured; worked out from there it is one in {odds}."
            )
        return f"Score {self.score:.1f}: one pair of different fingers in {odds} scores as high."

    def _agreement(self) -> tuple[str, ...]:
        count = len(self.pairs)
        if not self.minutiae_probe or not self.minutiae_candidate:
            empty = [
                name for name, n in (("probe", self.minutiae_probe), ("candidate", self.minutiae_candidate)) if not n
            ]
            have = "has" if len(empty) == 1 else "have"
            return (f"The {' and the '.join(empty)} {have} no minutiae: there is nothing to compare.",)
        if not count:
            return ("No way to lay one print on the other brings minutiae together.",)
        if self.weight is Weight.NONE:
            return (
                f"The best way to lay one print on the other brings {_minutiae(count)} together, as it does with "
                "different fingers. They are not agreement, and are not marked.",
            )
        apart, turned = [pair.apart_mm for pair in self.pairs], [pair.turned_deg for pair in self.pairs]
        do = "agree" if self.weight is Weight.ONE_FINGER else "fit together"
        lines = [
            f"{_minutiae(count)} {do}, numbered in both prints, in a common area of about {self.common_mm2:.0f} mm²: "
            f"{self.common_probe} of the probe's {self.minutiae_probe} minutiae and {self.common_candidate} of the "
            f"candidate's {self.minutiae_candidate} lie in it.",
            f"How exactly: partners lie {_mean(apart):.2f} mm apart on average and {max(apart):.2f} mm at most (ridges "
            f"are about 0.5 mm apart); their directions differ by {_mean(turned):.0f}° on "
            f"average, once the candidate is turned by {abs(self.rotation_deg):.0f}° "
            f"{'counter-clockwise' if self.rotation_deg > 0 else 'clockwise'}.",
        ]
        unknown = count - self.types_known
        if self.types_known:
            lines.append(
                f"Types: {self.types_agree} of {self.types_known} pairs are the same type (ending or bifurcation), "
                f"which pressure and ink can change.{f' Of {unknown} it is not known.' if unknown else ''}"
            )
        else:
            lines.append("Types: of no pair are both known (ending or bifurcation).")
        return tuple(lines)

    def _against(self) -> str:
        alone, common = self.alone_probe + self.alone_candidate, self.common_probe + self.common_candidate
        if not common:
            return "Against: the prints have no common area."
        turn = ""
        if self.weight is Weight.UNSURE and abs(self.rotation_deg) > MUCH_TURNED_DEG:
            turn = (
                f"the prints fit only once the candidate is turned by {abs(self.rotation_deg):.0f}°, as fingers are "
                "seldom laid on a sensor: ask how they were taken."
            )
        if not alone:
            if turn:
                return f"Against: {turn} Every minutia of the common area has its partner."
            return "Against: nothing. Every minutia of the common area has its partner."
        have = f"{'has' if alone == 1 else 'have'} no partner"
        whose = f"{self.alone_probe} of the probe, {self.alone_candidate} of the candidate"
        if self.weight is Weight.NONE:
            return f"Against: even so {alone} of the {common} minutiae in the common area {have}: {whose}."
        missed = (
            f"Against: {alone} of the {common} minutiae in the common area {have} (red; {whose}). If this is one "
            "finger, they were missed or made up in one of the prints: look for them in the images."
        )
        return f"{missed} And {turn}" if turn else missed


def evidence(
    probe: FingerTemplate, candidate: FingerTemplate, why: MatchExplanation, *, extrapolated_from: float = math.inf
) -> Evidence:
    """The evidence of an explained pair; scores above `extrapolated_from` are said to be worked out, not measured."""
    at_probe, at_candidate = places(probe), laid_over(candidate, why)
    turned = candidate.angle_rad + why.rotation_rad
    pairs = []
    agree = known = 0
    for a, b in zip(why.probe_indices.tolist(), why.candidate_indices.tolist(), strict=True):
        apart = float(np.hypot(*(at_probe[a] - at_candidate[b]))) / PX_PER_MM
        turn = math.degrees(abs(math.remainder(float(probe.angle_rad[a] - turned[b]), math.tau)))
        kinds = _KINDS.get(int(probe.kind[a]), ""), _KINDS.get(int(candidate.kind[b]), "")
        if all(kinds):
            known += 1
            agree += kinds[0] == kinds[1]
        types = " / ".join(dict.fromkeys(kind or "other" for kind in kinds))
        pairs.append(Pair(a, b, apart, turn, types))
    pairs.sort(key=lambda pair: (round(at_probe[pair.probe, 1] / 40.0), at_probe[pair.probe, 0], pair.probe))
    lone_probe, lone_candidate = why.overlap_probe.copy(), why.overlap_candidate.copy()
    lone_probe[why.probe_indices] = False
    lone_candidate[why.candidate_indices] = False
    return Evidence(
        why.score,
        Weight.of(why.score),
        tuple(pairs),
        probe.count,
        candidate.count,
        # a minutia just outside that has a partner is in both prints, too
        int(lone_probe.sum()) + len(pairs),
        int(lone_candidate.sum()) + len(pairs),
        int(lone_probe.sum()),
        int(lone_candidate.sum()),
        _enclosed(at_probe[np.union1d(np.flatnonzero(why.overlap_probe), why.probe_indices)]) / PX_PER_MM**2,
        agree,
        known,
        math.degrees(math.remainder(why.rotation_rad, math.tau)),
        extrapolated_from,
    )


def places(template: FingerTemplate) -> Points:
    """The minutiae in pixels at 500 dpi, y downwards: float64[n, 2]."""
    ppcm = PX_PER_MM * 10.0
    return np.column_stack(
        [template.x_px * (ppcm / template.resolution_x_ppcm), template.y_px * (ppcm / template.resolution_y_ppcm)]
    )


def laid_over(candidate: FingerTemplate, why: MatchExplanation) -> Points:
    """The candidate's minutiae turned and shifted onto the probe: float64[n, 2], as `places`."""
    cosine, sine = math.cos(why.rotation_rad), math.sin(why.rotation_rad)
    # counter-clockwise as seen, with y downwards
    return np.asarray(places(candidate) @ np.array([[cosine, -sine], [sine, cosine]]) + np.array(why.shift_px))


def in_words(number: float) -> str:
    """A large number that can be grasped: `12`, `4,000`, `3 million`, `10^15`."""
    digits = max(0, int(math.log10(max(number, 1.0))) - 1)
    rounded = round(number, -digits)
    for size, word in ((1e12, "million million"), (1e9, "thousand million"), (1e6, "million")):
        if size <= rounded < 1e15:
            return f"{rounded / size:,.0f} {word}"
    return f"10^{math.log10(number):.0f}" if rounded >= 1e15 else f"{rounded:,.0f}"


def _minutiae(count: int) -> str:
    return f"{count} minutia{'e' if count != 1 else ''}"


def _mean(values: list[float]) -> float:
    return sum(values) / len(values) if values else 0.0


def _enclosed(points: Points) -> float:
    """The area of the convex hull of points, by the monotone chain of Andrew (1979)."""
    ordered = sorted(set(map(tuple, points.tolist())))
    if len(ordered) < 3:
        return 0.0
    hull: list[tuple[float, float]] = []
    for way in (ordered, ordered[::-1]):
        start = len(hull)
        for x, y in way:
            while len(hull) - start >= 2:
                (ax, ay), (bx, by) = hull[-2:]
                if (bx - ax) * (y - ay) - (by - ay) * (x - ax) > 0:
                    break
                hull.pop()
            hull.append((x, y))
        hull.pop()
    around = zip(hull, hull[1:] + hull[:1], strict=True)
    return abs(sum(ax * by - bx * ay for (ax, ay), (bx, by) in around)) / 2.0
