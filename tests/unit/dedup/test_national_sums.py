"""The sums for a nation follow from rates, and from what codes were measured to lose."""

from __future__ import annotations

from dataclasses import asdict, replace

import pytest
from benchmarks.scale.__main__ import exponent
from benchmarks.scale.national import Nation, losses, measured_rows, sums, tables

from cccd_core.dedup import Cascade
from cccd_core.dedup.codes.screen import Measured
from cccd_core.dedup.judge.thresholds import Thresholds
from cccd_core.dedup.parameters import DedupParameters
from cccd_core.dedup.search.estimate import Rates
from cccd_core.dedup.search.pairs import fingers_until_given_up
from cccd_core.errors import ParameterError

RATES = Rates(
    prepared=1e4, coded=2e3, compared=2e5, unpacked=1e6, screened=1e8, known=1e4, finger_bytes=1000.0, code_bytes=384.0
)
NATION = Nation(people=1_000_000, daily=10_000, machines=2, cores=50, memory=1e9)
SCREENED = Cascade.parse("codes:keep=0.0003>same>any")


def test_sums_by_hand() -> None:
    found = sums(NATION, SCREENED, RATES, added=200.0)
    assert found.added_hours == pytest.approx(1e6 / (200 * 100) / 3600)
    assert found.code_bytes == 1e6 * 10 * 384
    assert found.index_bytes == 1e6 * 10 * 1384
    assert (found.machine_code_bytes, found.machines_for_codes) == (found.code_bytes / 2, 4)
    assert found.network_bytes == found.code_bytes
    assert (found.duplicates_daily, found.reviews_daily) == pytest.approx((1.0, 10.0))
    assert found.filling_days == 100
    pairs = 1e6 * (1e6 - 1) / 2
    tiles = 16 * 17 // 2  # 1,000,000 people are seven shards of two parts and one of two
    often = tiles * 65536 / 1e6  # below a hundred workers, each of whom has a tile of a part or none
    screen = pairs / 1e8 + 1e6 * often / 1e4
    assert found.join.screen_hours == pytest.approx(screen / 100 / 3600)
    rows = fingers_until_given_up(Thresholds(DedupParameters(), NATION.people - 1), 10)
    left = pairs * 3e-4 * 0.35 * 1.02  # of ten fingers the sketch takes most of the strangers
    compare = left * (2.0 + 0.001 * (10 + 10 * rows)) / 2e5
    unpacked = tiles * 65536 * (1 + 4) * 4 + 2 * 0.001 * left * 10
    assert found.join.compare_hours == pytest.approx((compare + unpacked / 1e6) / 100 / 3600)
    index = 1e5 * (1 / 1e4 + 1 / 2e3)
    share = 1e4 * (1e6 + 5e3) / pairs  # the day's people among all
    whole = screen + compare + unpacked / 1e6
    assert found.daily_hours == pytest.approx((share * whole + index) / 100 / 3600, rel=1e-5)
    assert found.daily_hours < found.daily_hours_doubled < 2 * found.daily_hours


def test_more_machines_take_less_time_and_move_more() -> None:
    few, many = (sums(replace(NATION, machines=count), SCREENED, RATES, 200.0) for count in (2, 8))
    assert many.join.hours == pytest.approx(few.join.hours / 4)
    assert many.network_bytes == 7 * few.network_bytes


def test_losses_are_those_that_were_measured() -> None:
    told = losses(3e-4, 1_000_000)
    known = Measured.shipped().losses_of(3e-4)
    assert [row[:3] for row in told] == [(one.sets, one.extractor, one.fingers) for one in known]
    assert all(0 <= rate <= most / 1e6 <= 1 for *_, rate, most in told)
    assert losses(1e-6, 1) == losses(min(Measured.shipped().keeps), 1)


def test_the_exponent_is_the_slope() -> None:
    assert exponent([1000, 2000, 4000], [1.0, 2.0, 4.0]) == pytest.approx(1.0)
    assert exponent([1000, 4000], [3.0, 6.0]) == pytest.approx(0.5)


def test_tables_are_made_of_a_record_alone() -> None:
    machine = {"machine": "one", "threads": {"active": 2}, "kernels": {"simd_active": "avx2"}}
    row = {"what": "opened", "value": 0.25, "unit": "s", "load": 1.5}
    record: dict[str, object] = {
        "command": "measure", "machine": machine, "rows": [row], "rates": asdict(RATES), "added": 200.0,
    }  # fmt: skip
    assert "| opened | 0.25 s | 1.5 |" in measured_rows(record)
    text = tables(record, NATION, SCREENED)
    assert "1,000,000 people" in text
    assert "| machines whose memory holds all codes | 4 |" in text
    with pytest.raises(ValueError, match="no record"):
        tables({"rates": None, "added": None}, NATION, SCREENED)
    with pytest.raises(ParameterError):
        sums(replace(NATION, people=1), SCREENED, RATES, 200.0)
