"""Person comparisons: which finger scores are fused, and how many pairs there are."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from cccd_core.errors import ParameterError
from cccd_core.evaluation.persons import person_scores
from cccd_core.evaluation.scoring import PairScores


def made(names: list[str]) -> PairScores:
    """Scores that say which pair they are of."""
    fingers = [name.rpartition("_")[0] for name in names]
    index = np.array([sorted(set(fingers)).index(finger) for finger in fingers], dtype=np.int32)
    scores = [100.0 * a + b for a, b in combinations(range(len(names)), 2)]
    return PairScores(tuple(names), index, np.array(scores, dtype=np.float32))


def test_the_same_fingers_of_two_samples_are_fused() -> None:
    # person 7 has fingers 1 and 2, two impressions; person 8 lacks finger 2 in impression 2
    names = ["7-1_1", "7-1_2", "7-2_1", "7-2_2", "8-1_1", "8-1_2", "8-2_1"]
    seen: list[tuple[list[float], list[bool]]] = []

    def total(scores: np.ndarray, mask: np.ndarray) -> np.ndarray:  # type: ignore[type-arg]
        seen.extend((row.tolist(), there.tolist()) for row, there in zip(scores, mask, strict=True))
        return np.where(mask, scores, 0.0).sum(axis=1).astype(np.float32)

    found = person_scores(made(names), total)
    assert found.fingers == ("1", "2")
    assert found.persons == 2
    assert found.genuine.tolist() == [1.0 + 203.0, 405.0]  # 7: 0-1 and 2-3; 8: 4-5 alone
    assert sorted(found.impostor.tolist()) == sorted([4.0 + 206.0, 5.0, 104.0 + 306.0, 105.0])
    assert len(seen) == 6
    assert sum(all(mask) for _, mask in seen) == 3
    one = person_scores(made(names), total, fingers=["2"])
    assert one.genuine.tolist() == [203.0, 0.0]
    assert sorted(one.impostor.tolist()) == [0.0, 0.0, 206.0, 306.0]


@pytest.mark.parametrize("names", [["7_1", "8_1"], ["-1_1", "7-1_2"], ["7-_1", "7-1_2"]])
def test_names_without_a_person_are_refused(names: list[str]) -> None:
    with pytest.raises(ParameterError):
        person_scores(made(names), lambda scores, mask: scores[:, 0])
    with pytest.raises(ParameterError):
        person_scores(made(["7-1_1", "7-1_2"]), lambda scores, mask: scores[:, 0], fingers=["9"])
