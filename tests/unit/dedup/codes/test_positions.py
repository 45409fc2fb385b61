"""Fingers at other positions than stated are found; what was not moved is found as before."""

from __future__ import annotations

import numpy as np
import pytest

from cccd_core.dedup.codes.positions import (
    AS_STATED,
    FOURS_SWAPPED,
    HANDS_SWAPPED,
    relaid,
    scan_unplaced,
)
from cccd_core.dedup.codes.screen import Measured, People, Screen
from cccd_core.errors import ParameterError

WIDE = Measured("", (0.1, 0.01), dict.fromkeys(("bits", "int4"), ((1.3, 2.3),)), ())


def people(count: int, seed: int) -> People:
    random = np.random.default_rng(seed)
    present = np.where(np.arange(count) % 3, 1023, random.integers(1, 1024, count)).astype(np.uint16)
    there = (present[:, None] >> np.arange(10) & 1).astype(np.uint8)[:, :, None]
    return People(
        {name: random.integers(0, 256, (count, 10, 32)).astype(np.uint8) * there for name in ("bits", "int4")}, present
    )


@pytest.mark.parametrize("laying", [AS_STATED, HANDS_SWAPPED, FOURS_SWAPPED])
def test_a_laying_moves_fingers_and_undoes_itself(laying):
    some = people(9, 1)
    moved = relaid(some, laying)
    for row in range(9):
        for place, position in enumerate(laying):
            assert moved.present[row] >> place & 1 == some.present[row] >> (position - 1) & 1
            assert (moved.columns["bits"][row, place] == some.columns["bits"][row, position - 1]).all()
    again = relaid(moved, laying)
    assert (again.present == some.present).all()
    assert all((again.columns[name] == codes).all() for name, codes in some.columns.items())


def test_what_is_no_order_is_refused():
    for bad in ((1,) * 10, AS_STATED[:9], (0, *AS_STATED[1:])):
        with pytest.raises(ParameterError):
            relaid(people(1, 1), bad)


def test_swapped_hands_are_found_as_they_were_laid():
    enrolled, screen = people(120, 2), Screen(people(80, 3), WIDE)
    for laying in (AS_STATED, HANDS_SWAPPED, FOURS_SWAPPED):
        moved = relaid(enrolled, laying)
        probe, row, score = screen.scan(relaid(moved, laying), enrolled, keep=0.01)
        found = list(zip(probe.tolist(), row.tolist(), strict=True))
        assert found == sorted(set(found))
        assert {(p, p) for p in range(120)} <= set(found)
        assert len(found) < 120 * 120 * 0.025
        assert score.min() >= 2.3
    stated = screen.scan(relaid(enrolled, HANDS_SWAPPED), enrolled, keep=0.01)
    assert sum(p == r for p, r in zip(*(column.tolist() for column in stated[:2]), strict=True)) < 60


def test_a_finger_of_unknown_position_is_found_where_it_lies():
    enrolled, screen = people(60, 4), Screen(people(80, 5), WIDE)
    fingers = {name: np.ascontiguousarray(codes[1::3, 4]) for name, codes in enrolled.columns.items()}
    finger, row, position, score = scan_unplaced(screen, fingers, enrolled, keep=0.01, threads=2)
    found = list(zip(finger.tolist(), row.tolist(), position.tolist(), strict=True))
    assert found == sorted(found)
    assert {(n, 1 + 3 * n, 5) for n in range(20)} <= set(found)
    assert len(found) < 20 * 600 * 0.03
    assert score.min() >= 2.3
    assert all(enrolled.present[r] >> (p - 1) & 1 for _, r, p in found)
    none = {name: codes[:0] for name, codes in fingers.items()}
    assert not len(scan_unplaced(screen, none, enrolled, keep=0.01)[0])
