"""The tariff: what is asked on which day, and a programme's own."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import pytest

from cccd_core.country.grounds import GROUNDS
from cccd_core.country.tariff import KNOWN, Rate, Reduction, Tariff, parse
from cccd_core.errors import ParameterError

LOST: dict[str, Any] = {"kind": "reissue", "grounds": "lost", "dong": [70000], "begins": "2026-01-01", "ends": None,
                        "source": "s"}  # fmt: skip
HALF: dict[str, Any] = {"percent": 50, "begins": "2026-07-01", "ends": "2026-12-31", "source": "s"}


@pytest.mark.parametrize(
    ("day", "dong"),
    [
        (date(2019, 10, 15), None), (date(2019, 10, 16), (70_000,)), (date(2020, 12, 31), (70_000,)),
        (date(2021, 1, 1), (35_000,)), (date(2022, 6, 30), (35_000,)), (date(2022, 7, 1), (70_000,)),
        (date(2025, 6, 30), (70_000,)), (date(2026, 12, 31), (35_000,)), (date(2027, 1, 1), (70_000,)),
    ],
)  # fmt: skip
def test_half_is_asked_on_the_days_of_a_reduction(day: date, dong: tuple[int, ...] | None) -> None:
    assert KNOWN.amounts("reissue", "lost", day) == dong


def test_every_kind_and_ground_has_a_rate_that_nobody_verified() -> None:
    day = date(2026, 11, 1)
    assert KNOWN.amounts("new", None, day) == (0, 15_000)
    for kind, grounds in GROUNDS.items():
        assert all(KNOWN.amounts(kind, one, day) is not None for one in grounds)
    assert not any(rate.verified for rate in KNOWN.rates)


def test_stretches_cover_each_day_once() -> None:
    rate = Rate("new", None, (100,), date(2026, 1, 1), date(2026, 3, 31), "s")
    cuts = (
        Reduction(50, date(2025, 12, 1), date(2026, 1, 10), "s"),
        Reduction(10, date(2026, 3, 1), date(2026, 9, 1), "s"),
    )
    found = [(one.begins, one.ends, one.dong) for one in Tariff((rate,), cuts).stretches()]
    assert found == [
        (date(2026, 1, 1), date(2026, 1, 10), (50,)), (date(2026, 1, 11), date(2026, 2, 28), (100,)),
        (date(2026, 3, 1), date(2026, 3, 31), (10,)),
    ]  # fmt: skip


def test_a_programme_brings_its_own() -> None:
    found = parse(json.dumps({"rates": [LOST], "reductions": [HALF]}).encode())
    assert found.amounts("reissue", "lost", date(2026, 6, 30)) == (70_000,)
    assert found.amounts("reissue", "lost", date(2026, 7, 1)) == (35_000,)
    assert found.amounts("reissue", "damaged", date(2026, 7, 1)) is None
    assert all(rate.verified for rate in found.rates)


@pytest.mark.parametrize(
    "document",
    [
        [], {}, {"rates": {}}, {"rates": [LOST] * 1001}, {"rates": [{**LOST, "kind": "other"}]},
        {"rates": [{**LOST, "grounds": None}]}, {"rates": [{**LOST, "dong": []}]}, {"rates": [{**LOST, "dong": [-1]}]},
        {"rates": [{**LOST, "dong": [True]}]}, {"rates": [{**LOST, "dong": ["7"]}]},
        {"rates": [{**LOST, "source": ""}]},
        {"rates": [{**LOST, "begins": "1.1.2026"}]}, {"rates": [{**LOST, "ends": "2025-01-01"}]},
        {"rates": [LOST], "reductions": [{**HALF, "percent": 101}]},
        {"rates": [LOST], "reductions": [{**HALF, "ends": "2026-01-01"}]},
        {"rates": [LOST], "reductions": [{**HALF, "begins": 7}]},
    ],
)  # fmt: skip
def test_what_is_no_tariff_is_refused(document: Any) -> None:
    with pytest.raises(ParameterError):
        parse(json.dumps(document).encode())
    with pytest.raises(ParameterError):
        parse(b"[" * 100_000)
