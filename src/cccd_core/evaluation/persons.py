"""Several fingers of one person as one comparison.

The fingers of the set are named `<person>-<finger>`. One sample of a person is one impression number of all fingers.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from cccd_core.errors import ParameterError
from cccd_core.evaluation.scoring import PairScores

Fuse = Callable[[npt.NDArray[np.floating[Any]], npt.NDArray[np.bool_]], npt.NDArray[np.float32]]


@dataclass(frozen=True, slots=True, repr=False)
class PersonScores:
    """Fused scores of each unordered pair of person samples, float32: all pairs of impressions of one person
    (`genuine`), all pairs of samples of two persons (`impostor`)."""

    fingers: tuple[str, ...]
    persons: int
    genuine: npt.NDArray[np.float32]
    impostor: npt.NDArray[np.float32]


def person_scores(scores: PairScores, fuse: Fuse, fingers: Sequence[str] | None = None) -> PersonScores:
    """Fuses the scores of the same fingers of two person samples; a finger that either lacks is left out of the pair.

    `fingers` are the finger codes to take (what stands after the last `-`), all without it. ParameterError where names
    are not `<person>-<finger>_<impression>` or a code is not in the set.
    """
    samples: dict[tuple[str, str], dict[str, int]] = {}
    for index, name in enumerate(scores.names):
        finger, _, impression = name.rpartition("_")
        person, dash, code = finger.rpartition("-")
        if not dash or not person or not code:
            raise ParameterError("fingers must be named <person>-<finger>", sample=name)
        samples.setdefault((person, impression), {})[code] = index
    found = sorted({code for codes in samples.values() for code in codes})
    wanted = found if fingers is None else list(fingers)
    if not set(wanted) <= set(found):
        raise ParameterError("no such finger in this set", fingers=" ".join(wanted), found=" ".join(found))
    at = np.array([[samples[key].get(code, -1) for code in wanted] for key in sorted(samples)])
    persons = [person for person, _ in sorted(samples)]
    number = np.array([persons.index(person) for person in persons])
    first, second = np.triu_indices(len(at), 1)
    a, b = at[first], at[second]
    both = (a >= 0) & (b >= 0)
    low, high = np.minimum(a, b), np.maximum(a, b)
    count = len(scores.names)
    place = low * count - low * (low + 1) // 2 + high - low - 1
    fused = fuse(scores.scores[np.where(both, place, 0)], both)
    same = number[first] == number[second]
    return PersonScores(tuple(wanted), len(set(persons)), fused[same], fused[~same])
