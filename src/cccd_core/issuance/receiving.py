"""A batch of dossiers taken into the register: what each is and where it came from, and a digest of all that was handed
in. Nothing else of it is kept, no template, image or name."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Final

from cccd_core.country.clock import VIETNAM
from cccd_core.errors import ConflictError
from cccd_core.issuance.dossiers.dossier import DossierParser, valid_id
from cccd_core.issuance.dossiers.policy import CheckPolicy
from cccd_core.issuance.dossiers.raw import Batch, RawDossier
from cccd_core.issuance.dossiers.reasons import Problem, Severity
from cccd_core.issuance.register.dossiers import DossierRegister
from cccd_core.issuance.register.records import Receipt
from cccd_core.progress import Progress

_AT_A_TIME: Final = 1000  # taken in by one transaction


@dataclass(frozen=True, slots=True)
class Counter:
    """Who takes dossiers in, and where. `unit_id` stands for dossiers that name no unit of their own."""

    actor: str
    unit_id: str | None = None
    station: str | None = None
    operator: str | None = None
    shift: str | None = None


@dataclass(frozen=True, slots=True)
class Reception:
    """What came of a batch: how many dossiers are new in the register, how many were there as they are, and why the
    others were not taken in: what is wrong with them, that they name no unit, or one that the register does not have,
    or that another dossier has the id. `digest`: SHA-256 of the ids of all that are in the register now, a line each,
    in the order of the batch."""

    new: int
    known: int
    refused: tuple[Problem, ...]
    without_unit: tuple[str, ...]
    unknown_unit: tuple[str, ...]
    other_dossier: tuple[str, ...]
    digest: str

    @property
    def well(self) -> bool:
        """Whether every dossier is in the register."""
        return not (self.refused or self.without_unit or self.unknown_unit or self.other_dossier)

    @property
    def left_out(self) -> int:
        """How many dossiers were not taken in."""
        wrong = {one.dossier_id for one in self.refused}
        return len(wrong) + len(self.without_unit) + len(self.unknown_unit) + len(self.other_dossier)


def receive(
    batch: Batch,
    register: DossierRegister,
    counter: Counter,
    *,
    now: datetime,
    policy: CheckPolicy | None = None,
    progress: Progress | None = None,
) -> Reception:
    """Takes the dossiers of a batch in; called again it takes in those that are missing. `now`: when those are received
    that do not say when they were captured.

    A dossier that cannot be taken in is named in the reception, and the others are taken in. ConflictError where the
    counter's own unit is none of the register's.
    """
    units = {unit.unit_id for unit in register.units()}
    if counter.unit_id is not None and counter.unit_id not in units:
        raise ConflictError("the register has no such unit", unit=counter.unit_id)
    refused: list[Problem] = []
    without_unit: list[str] = []
    unknown_unit: list[str] = []
    other_dossier: list[str] = []
    taken = new = 0
    standing = hashlib.sha256()
    total = len(batch.ids())

    def receipts() -> Iterator[Receipt]:
        nonlocal taken
        for done, raw in enumerate(batch.read(), 1):
            found = _receipt(raw, counter, now, policy or CheckPolicy())
            if isinstance(found, Receipt):
                if found.unit_id in units:
                    yield found
                else:
                    unknown_unit.append(raw.dossier_id)
            elif found:
                refused.extend(found)
            else:
                without_unit.append(raw.dossier_id)
            if progress is not None:
                progress(done, total, "receive")

    waiting = receipts()
    while part := list(islice(waiting, _AT_A_TIME)):
        while True:
            try:
                new += register.receive_many(part)
                break
            except ConflictError as error:  # nothing of the part was taken in
                other = error.facts.get("dossier")
                part, before = [one for one in part if one.dossier_id != other], part
                if len(part) == len(before):
                    raise
                other_dossier.append(str(other))
        taken += len(part)
        standing.update("".join(f"{one.dossier_id}\n" for one in part).encode())
    return Reception(
        new, taken - new, tuple(refused), tuple(without_unit), tuple(unknown_unit), tuple(other_dossier),
        f"sha256:{standing.hexdigest()}",
    )  # fmt: skip


def _receipt(raw: RawDossier, counter: Counter, now: datetime, policy: CheckPolicy) -> Receipt | list[Problem]:
    """What the register takes of a dossier; or what is wrong with it, nothing where it only lacks a unit."""
    parser = DossierParser(raw.dossier_id, raw.document, today=now.astimezone(VIETNAM).date(), policy=policy)
    dossier = parser.parse()
    problems = [one for one in (*raw.problems, *parser.problems) if one.severity is Severity.ERROR]
    if dossier is None or not valid_id(raw.dossier_id):
        return problems
    unit_id = dossier.unit or counter.unit_id
    if unit_id is None:
        return []
    return Receipt(
        dossier_id=raw.dossier_id,
        unit_id=unit_id,
        digest=raw.digest,
        received=dossier.captured_at or now,
        actor=counter.actor,
        kind=dossier.kind,
        grounds=dossier.grounds,
        station=counter.station,
        operator=counter.operator,
        shift=counter.shift,
    )
