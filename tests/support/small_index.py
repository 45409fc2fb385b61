"""An index whose shards are so small that a few people fill several: deltas of 4 people, shards of 16, tiers of 2."""

from __future__ import annotations

import pytest

from cccd_core.dedup.index import policy

SIZES = {"DELTA_PEOPLE": 4, "SHARD_PEOPLE": 16, "TIER": 2}


def make_small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Makes shards small until the patch is undone."""
    for name, size in SIZES.items():
        monkeypatch.setattr(policy, name, size)


@pytest.fixture
def small_shards(monkeypatch: pytest.MonkeyPatch) -> None:
    """Makes shards small for one test."""
    make_small(monkeypatch)
