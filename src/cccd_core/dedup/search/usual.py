"""The cascade that is taken where nobody names one: exhaustive where that costs little, else the codes first, which
keep so large a share of the people that next to nobody is lost."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import numpy as np

from cccd_core.dedup.codes.screen import Measured
from cccd_core.dedup.index.opened import LiveShard
from cccd_core.dedup.search.cascade import Cascade
from cccd_core.dedup.search.screening import miss_rate

FEW: Final = 1000
"""So many people are compared whole in a second or two, and joined in a few minutes."""
MOST_LOST: Final = 1e-3
"""Of true matches, as it was measured of the extractor that loses most."""
_SHARE_OF_FEWER: Final = 0.01


def usual_cascade(people: int, fingers: int, measured: Measured | None = None) -> Cascade:
    """The one for so many people who have so many fingers: of the shares that were measured the smallest that loses
    at most `MOST_LOST`; everyone is compared where there is none, and where there are at most `FEW`. Of ten fingers
    that is 0.001, of four 0.03, of one or two none."""
    if people <= FEW:
        return Cascade()
    known = Measured.shipped() if measured is None else measured
    for keep in sorted(one for one in known.keeps if one < 1):
        lost = miss_rate(known, keep, fingers)
        if lost is not None and lost <= MOST_LOST:
            return Cascade(keep)
    return Cascade()


def fingers_of(shards: Iterable[LiveShard]) -> int:
    """So many fingers of known position people have, but for one in a hundred who has fewer; at least 1."""
    counts = [np.bitwise_count(live.shard.present[live.rows]) for live in shards]
    together = np.concatenate([np.zeros(0, np.uint8), *counts])
    return max(1, int(np.quantile(together, _SHARE_OF_FEWER, method="lower"))) if len(together) else 1
