"""A batch of dossiers taken into the register: what each is and where it came from, and a digest of all that was handed
in. Nothing else of it is kept, no template, image or name."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
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
from cccd_core.issuance.register.life import State
from cccd_core.issuance.register.records import Move, Receipt
from cccd_core.issuance.runs.moves import in_force
from cccd_core.issuance.runs.way import TAKEN_UP, by_a_run
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
    """What came of a batch: how many dossiers are new in the register, how many were there as they are, how many a run
    had rejected and are received `again`, corrected; and why the others were not taken in: what is wrong with them,
    that they name no unit, one that the register does not have or that is not the account's, that a dossier of other
    contents has the id, or that somebody rejected it `by_hand`. `digest`: SHA-256 of the ids of all that are in
    the register now, a line each, in the order of the batch."""

    new: int
    known: int
    again: int
    refused: tuple[Problem, ...]
    without_unit: tuple[str, ...]
    unknown_unit: tuple[str, ...]
    other_unit: tuple[str, ...]
    other_dossier: tuple[str, ...]
    by_hand: tuple[str, ...]
    digest: str

    @property
    def well(self) -> bool:
        """Whether every dossier is in the register."""
        return not self.left_out

    @property
    def left_out(self) -> int:
        """How many dossiers were not taken in."""
        wrong = {one.dossier_id for one in self.refused}
        apart = (self.without_unit, self.unknown_unit, self.other_unit, self.other_dossier, self.by_hand)
        return len(wrong) + sum(map(len, apart))


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
    that do not say when they were captured. One that a run rejected and that says something else now is received anew,
    as a run does where it is handed in to it.

    A dossier that cannot be taken in is named in the reception, and the others are taken in. ConflictError where the
    counter's own unit is none of the register's.
    """
    units = {unit.unit_id for unit in register.units()}
    if counter.unit_id is not None and counter.unit_id not in units:
        raise ConflictError("the register has no such unit", unit=counter.unit_id)
    refused: list[Problem] = []
    without_unit: list[str] = []
    unknown_unit: list[str] = []
    other_unit: list[str] = []
    other_dossier: list[str] = []
    by_hand: list[str] = []
    taken = new = again = 0
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
            missing, moves, others = _against(part, register)
            try:
                new += register.receive_many(missing)
                again += register.move_many(moves)
                break
            except ConflictError as error:  # nothing of it was taken in
                other = error.facts.get("dossier")
                unit = error.facts.get("unit") if other is None else None
                part, before = [one for one in part if one.dossier_id != other and one.unit_id != unit], part
                if len(part) == len(before):
                    raise
                if other is not None:
                    other_dossier.append(str(other))
                else:
                    other_unit.extend(one.dossier_id for one in before if one.unit_id == unit)
        for name, rejected_by_hand in others.items():
            (by_hand if rejected_by_hand else other_dossier).append(name)
        here = [one.dossier_id for one in part if one.dossier_id not in others]
        taken += len(here)
        standing.update("".join(f"{name}\n" for name in here).encode())
    return Reception(
        new, taken - new - again, again, tuple(refused), tuple(without_unit), tuple(unknown_unit),
        tuple(other_unit), tuple(other_dossier), tuple(by_hand), f"sha256:{standing.hexdigest()}",
    )  # fmt: skip


def _against(part: Sequence[Receipt], register: DossierRegister) -> tuple[list[Receipt], list[Move], dict[str, bool]]:
    """Of these dossiers those that the register does not have; the steps of those that a run rejected and that are
    corrected; and which ids are those of other contents, and whether somebody rejected these by hand."""
    there = register.last(one.dossier_id for one in part)
    moves: list[Move] = []
    others: dict[str, bool] = {}
    for one in part:
        if one.dossier_id not in there:
            continue
        record, last = there[one.dossier_id]
        if one.digest == in_force(register, record, last, one.digest):
            continue
        rejected, by_run = record.state is State.REJECTED, by_a_run(last.reason)
        if rejected and by_run and (record.kind, record.grounds) == (one.kind, one.grounds):
            reason = f"{TAKEN_UP} {one.digest}"
            moves.append(Move(one.dossier_id, State.RECEIVED, one.actor, record.sequence, None, reason))
        else:
            others[one.dossier_id] = rejected and not by_run
    return [one for one in part if one.dossier_id not in there], moves, others


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
