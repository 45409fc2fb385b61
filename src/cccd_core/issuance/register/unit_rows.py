"""Rows of units, to and from what they say."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from sqlalchemy import Connection, select, update

from cccd_core.errors import CccdError, DamagedError
from cccd_core.issuance.register.tables import SUCCESSIONS, UNITS
from cccd_core.issuance.register.units import LEVELS, UNITS_MOST, Unit, by_id, demand_sound, merged
from cccd_core.storage.database import Database

_BLOCK: Final = 1000


def units_of(connection: Connection) -> dict[str, Unit]:
    """Every unit, by its id. DamagedError where a row is none that this program writes."""
    after: dict[str, list[str]] = {}
    query = select(SUCCESSIONS).order_by(SUCCESSIONS.c.unit_id, SUCCESSIONS.c.successor).limit(4 * UNITS_MOST)
    for unit_id, successor in connection.execute(query):
        after.setdefault(unit_id, []).append(successor)
    found: dict[str, Unit] = {}
    for row in connection.execute(select(UNITS).order_by(UNITS.c.unit_id).limit(UNITS_MOST)).mappings():
        try:
            found[row["unit_id"]] = Unit(
                row["unit_id"], row["level"], row["name"], row["parent"], row["code"], row["begins"], row["ends"],
                tuple(after.get(row["unit_id"], ())), row["source"], row["verified"] == 1,
            )  # fmt: skip
        except (CccdError, TypeError, AttributeError):
            raise DamagedError("the register holds a unit as it never writes one") from None
    return found


def change_units(database: Database, connection: Connection, units: Sequence[Unit]) -> int:
    """As `DossierRegister.put_units`, in the transaction at hand."""
    there = units_of(connection)
    given = by_id(units)
    now = {name: merged(there[name], unit) if name in there else unit for name, unit in given.items()}
    demand_sound({**there, **now})
    new = sorted((unit for name, unit in now.items() if name not in there), key=lambda unit: LEVELS.index(unit.level))
    for start in range(0, len(new), _BLOCK):  # who is above comes first
        database.put(connection, UNITS, [_row(unit) for unit in new[start : start + _BLOCK]])
    changed = [unit for name, unit in now.items() if name in there and unit != there[name]]
    for unit in changed:
        connection.execute(update(UNITS).where(UNITS.c.unit_id == unit.unit_id).values(ends=unit.ends))
    after = [
        {"unit_id": unit.unit_id, "successor": successor}
        for unit in now.values()
        for successor in unit.successors
        if unit.unit_id not in there or successor not in there[unit.unit_id].successors
    ]
    if after:
        database.put(connection, SUCCESSIONS, after)
    return len(new) + len(changed)


def _row(unit: Unit) -> dict[str, object]:
    return {
        "unit_id": unit.unit_id, "level": unit.level, "name": unit.name, "parent": unit.parent, "code": unit.code,
        "begins": unit.begins, "ends": unit.ends, "source": unit.source, "verified": int(unit.verified),
    }  # fmt: skip
