"""Registers of dossiers for tests: a small tree of units, dossiers, and their steps."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert

from cccd_core.issuance.register.database import open_register
from cccd_core.issuance.register.dossiers import DossierRegister
from cccd_core.issuance.register.life import State
from cccd_core.issuance.register.records import Move, Receipt
from cccd_core.issuance.register.tables import UNITS

NOON = datetime(2026, 11, 2, 5, tzinfo=UTC)
DIGEST = "sha256:" + "5a" * 32
WAY = (
    State.CHECKED, State.SEARCHED, State.APPROVED, State.SIGNED, State.WRITTEN, State.VERIFIED, State.DISPATCHED,
    State.HANDED_OVER,
)  # fmt: skip


def places(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Path | str]:
    """Where a register of the test's own is, by the fixture's parameter: a file, or a database of the tests' server."""
    if request.param == "file":
        yield tmp_path / "register.sqlite"
    else:
        server = request.getfixturevalue("postgres")
        url = server.new_database()
        yield url
        server.drop(url)


PLACES = ["file", pytest.param("server", marks=pytest.mark.postgres)]


def with_units(where: Path | str) -> None:
    """Puts two wards of a province, and one of another, into a register."""
    rows = [("centre", "centre", None), ("north", "province", "centre"), ("south", "province", "centre")]
    rows += [("n1", "ward", "north"), ("n2", "ward", "north"), ("s1", "ward", "south")]
    database = open_register(where)
    with database.write() as connection:
        connection.execute(
            insert(UNITS),
            [{"unit_id": a, "level": b, "name": a, "parent": c, "verified": 1} for a, b, c in rows],
        )
    database.close()


def opened(where: Path | str, clock: Callable[[], datetime] = lambda: NOON, **changes: Any) -> DossierRegister:
    """The register, of which every deadline is a week."""
    values: dict[str, Any] = {"due": week, "clock": clock}
    return DossierRegister(where, **{**values, **changes})


def week(day: date) -> date | None:
    """A week later."""
    return day + timedelta(days=7)


def receipt(dossier: str = "D1", **changes: Any) -> Receipt:
    """A dossier taken in at noon."""
    values: dict[str, Any] = {"unit_id": "n1", "digest": DIGEST, "received": NOON, "actor": "counter 1"}
    return Receipt(dossier, **{**values, **changes})


def steps(dossier: str, *to: State, **changes: Any) -> list[Move]:
    """Steps one after the other, with a reason and an order where one is needed."""
    found = []
    for state in to:
        values: dict[str, Any] = {"actor": "somebody", "reason": "as the test says"}
        if state is State.CANCELLED:
            values["order"] = "CV 1/2026"
        found.append(Move(dossier, state, **{**values, **changes}))
    return found
