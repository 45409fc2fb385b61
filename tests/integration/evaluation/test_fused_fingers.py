"""Four fingers of fifty people, real prints: no error, with a margin; two fingers: fewer errors than asked."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path

import pytest

from cccd_core.evaluation import error_rates, read_folder
from cccd_core.evaluation.finger_fusion import Fusion
from cccd_core.evaluation.persons import person_scores
from cccd_core.evaluation.scoring import score_pairs
from cccd_core.matching import Matcher


@pytest.mark.data
@pytest.mark.jit
def test_four_fingers_make_no_error(fingerprints: Path) -> None:
    scores, timing = score_pairs(read_folder(fingerprints / "fcj2020" / "fjfx"), Matcher(), threads=2)
    assert (timing.genuine_pairs, timing.impostor_pairs) == (2925, 695_046)
    fuse = Fusion.shipped().fuse
    four = person_scores(scores, fuse)
    assert four.persons == 50
    assert len(four.fingers) == 4
    assert (len(four.genuine), len(four.impostor)) == (750, 44_100)
    assert four.genuine.min() > four.impostor.max() + 20.0
    rates = []
    for chosen in combinations(four.fingers, 2):
        two = person_scores(scores, fuse, chosen)
        eer = error_rates(two.genuine, two.impostor).eer
        assert eer is not None
        rates.append(eer)
    assert sum(rates) / len(rates) <= 0.013
