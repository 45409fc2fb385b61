"""Impressions of a set that are one template: a pair of them compares a template with itself, which is no measurement.

A copy under a finger's own name makes the genuine scores too good, one under another finger's the impostor scores too
high. One template is one in place and direction of its minutiae, in whatever order and format the file has them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from cccd_core.evaluation.samples import SampleSet
from cccd_core.plain import JsonObject
from cccd_core.templates import FingerTemplate


@dataclass(frozen=True, slots=True)
class Repeat:
    """Samples (their files' stems) that are one template, and how many genuine and impostor pairs they make."""

    samples: tuple[str, ...]
    genuine_pairs: int
    impostor_pairs: int

    def as_dict(self) -> JsonObject:
        """JSON-ready."""
        return {
            "samples": list(self.samples),
            "genuine_pairs": self.genuine_pairs,
            "impostor_pairs": self.impostor_pairs,
        }


def repeats(samples: SampleSet) -> tuple[Repeat, ...]:
    """The templates that stand under two names or more, in the order of their first; of those without minutiae none."""
    groups: dict[bytes, list[int]] = {}
    for place, sample in enumerate(samples.samples):
        if sample.template is not None and sample.template.count:
            groups.setdefault(_content(sample.template), []).append(place)
    found = []
    for places in groups.values():
        if len(places) > 1:
            fingers = [samples.samples[place].finger for place in places]
            genuine = sum(_pairs(fingers.count(finger)) for finger in set(fingers))
            names = tuple(samples.samples[place].name for place in places)
            found.append(Repeat(names, genuine, _pairs(len(places)) - genuine))
    return tuple(found)


def in_words(found: Iterable[Repeat]) -> str:
    """What is to be said of them before the figures are believed; "" where there are none."""
    every = list(found)
    copies = sum(len(each.samples) - 1 for each in every)
    genuine, impostor = (sum(getattr(each, name) for each in every) for name in ("genuine_pairs", "impostor_pairs"))
    parts = []
    if genuine:
        parts.append(f"{_counted(genuine, 'genuine')}, which makes the figures too good")
    if impostor:
        parts.append(f"{_counted(impostor, 'impostor')}, which makes them too bad")
    if not every:
        return ""
    what = "impressions are copies" if copies > 1 else "impression is a copy"
    return f"{copies:,} {what} of another's template: in {' and in '.join(parts)}"


def _content(template: FingerTemplate) -> bytes:
    columns = np.stack([template.x_px, template.y_px, template.angle]).astype(np.int64)
    ordered = columns[:, np.lexsort(columns)]
    return f"{template.resolution_x_ppcm} {template.resolution_y_ppcm} ".encode() + ordered.tobytes()


def _pairs(count: int) -> int:
    return count * (count - 1) // 2


def _counted(count: int, kind: str) -> str:
    return f"{count:,} {kind} pair{'s' if count > 1 else ''} a template is compared with itself"
