"""Where dossiers came from: the units that handed them in, by name, as the batch and the register say it."""

from __future__ import annotations

import re
from collections.abc import Container, Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cccd_core.issuance.dossiers.raw import Batch
from cccd_core.issuance.register.database import open_register
from cccd_core.issuance.register.life import State
from cccd_core.issuance.register.reading import DossierReader
from cccd_core.issuance.register.units import CENTRE, Unit, national, with_those_above

_NAMES_MOST: Final = 4
_CODE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


@dataclass(frozen=True, slots=True)
class HandedIn:
    """What a unit is told by: its code and its name, with those of the units above it. `code` is None where the
    dossier names none, or what is no code (which might be anything, a person's name as well)."""

    code: str | None = None
    name: str | None = None


UNKNOWN: Final = HandedIn()


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a report looks for units: the batch, and the register (a file or a URL) for their names."""

    batch: Batch
    register: Path | str

    def of(self, dossier_ids: Container[str]) -> dict[str, HandedIn]:
        """The unit of each of these dossiers that the batch has. Cost: a reading of each, and of the register's units
        once. Errors of batch and register."""
        codes = {raw.dossier_id: _code(raw.document.get("unit")) for raw in self.batch.read(dossier_ids)}
        if any(codes.values()):
            units = self._units()
            return {name: UNKNOWN if code is None else _named(code, units) for name, code in codes.items()}
        return dict.fromkeys(codes, UNKNOWN)

    def gone_on(self, dossier_ids: Iterable[str]) -> set[str]:
        """Those of these dossiers, which ended in a run, that went on since: corrected and handed in again, in another
        batch or at a counter. Errors of the register."""
        with closing(DossierReader(open_register(self.register, make=False))) as reader:
            there = reader.last(dossier_ids)
        return {name for name, (record, _) in there.items() if record.state is not State.REJECTED}

    def _units(self) -> dict[str, Unit]:
        with closing(DossierReader(open_register(self.register, make=False))) as reader:
            found = {unit.unit_id: unit for unit in reader.units()}
        return {**{unit.unit_id: unit for unit in national()}, **found}


def _code(value: object) -> str | None:
    return value if isinstance(value, str) and _CODE.fullmatch(value) else None


def _named(code: str, units: Mapping[str, Unit]) -> HandedIn:
    found = with_those_above(units, code)
    names = [unit.name for unit in found if unit is found[0] or unit.unit_id != CENTRE]
    return HandedIn(code, ", ".join(names[:_NAMES_MOST]) or None)
