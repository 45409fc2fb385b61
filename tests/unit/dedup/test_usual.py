"""The cascade where nobody names one."""

from __future__ import annotations

import numpy as np
import pytest

from cccd_core.dedup.codes.screen import Loss, Measured
from cccd_core.dedup.search.cascade import Cascade
from cccd_core.dedup.search.screening import miss_rate
from cccd_core.dedup.search.usual import FEW, MOST_LOST, usual_cascade


@pytest.mark.parametrize("fingers", range(1, 11))
def test_next_to_nobody_is_lost(fingers: int) -> None:
    assert usual_cascade(FEW, fingers) == Cascade()
    found, shipped = usual_cascade(FEW + 1, fingers), Measured.shipped()
    assert found == usual_cascade(10**8, fingers)
    if found.keep is None:
        return
    lost = miss_rate(shipped, found.keep, fingers)
    assert lost is not None
    assert lost <= MOST_LOST
    smaller = [keep for keep in shipped.keeps if keep < found.keep]
    assert all((miss_rate(shipped, keep, fingers) or 1) > MOST_LOST for keep in smaller)


def test_ten_fingers_are_screened_and_one_is_not() -> None:
    kept = usual_cascade(10**6, 10).keep
    assert kept is not None
    assert kept < 0.01
    assert usual_cascade(10**6, 1) == Cascade()


def test_where_nothing_was_measured_everyone_is_compared() -> None:
    shipped = Measured.shipped()
    blank = Measured(shipped.coder, shipped.keeps, shipped.scores, ())
    assert usual_cascade(10**6, 10, blank) == Cascade()
    lossy = Measured(shipped.coder, shipped.keeps, shipped.scores, (Loss("x", "y", 10, 0.3, 100, 1, 0.1),))
    assert usual_cascade(10**6, 10, lossy) == Cascade()


def test_fingers_that_all_but_a_few_have() -> None:
    from types import SimpleNamespace

    from cccd_core.dedup.search.usual import fingers_of

    present = np.array([0b1111111111] * 195 + [0b110] * 4 + [0], np.uint16)
    live = SimpleNamespace(shard=SimpleNamespace(present=present), rows=np.arange(200))
    assert fingers_of([live]) == 2
    assert fingers_of([]) == 1
