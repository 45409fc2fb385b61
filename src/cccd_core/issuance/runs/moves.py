"""A run's steps in the register of dossiers.

The run's own state is written first and the register after it, so that what was left between the two is said by the
next call: from where a dossier stands there to where the run has it (`way.steps`). One step goes the other way round: a
dossier stands as signed before anything of it goes to a chip, so that who withdraws it meanwhile either comes before,
and it gets no card, or is told that it is too late.

Many dossiers are moved by one transaction. A step's `event_id` comes from run, dossier, place and state: what a lost
connection left in doubt is recorded once.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Final, TypeAlias

from cccd_core.country.grounds import GROUNDS, KINDS
from cccd_core.errors import BusyError, ConflictError
from cccd_core.issuance.dossiers.dossier import Dossier, valid_id
from cccd_core.issuance.dossiers.raw import RawDossier
from cccd_core.issuance.dossiers.reasons import RegisterReason
from cccd_core.issuance.register.dossiers import DossierRegister
from cccd_core.issuance.register.life import State
from cccd_core.issuance.register.records import DossierRecord, Event, Move, Receipt, event_id
from cccd_core.issuance.register.units import CENTRE, UNKNOWN, first_units
from cccd_core.issuance.runs.content import ContentStore
from cccd_core.issuance.runs.evidence import Revocation
from cccd_core.issuance.runs.state import DossierState, Entry
from cccd_core.issuance.runs.way import CHANGED, TAKEN_UP, Step, by_a_run, ended, steps, to_be_signed
from cccd_core.plain import JsonObject

_TRIES: Final = 20  # each fails only where somebody else moved one of the dossiers meanwhile
_NO_LONGER: Final = frozenset({State.WITHDRAWN, State.CANCELLED})
_EPOCH: Final = datetime(1970, 1, 2, tzinfo=UTC)
_Standing: TypeAlias = Mapping[str, tuple[DossierRecord, Event]]
_Plan: TypeAlias = Callable[[DossierRecord, Event], tuple[Step, ...]]
logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Handed:
    """A dossier as it was handed in: what the register takes of it. `sound`: whether the check found nothing wrong."""

    dossier_id: str
    digest: str
    sound: bool
    kind: str
    grounds: str | None = None
    unit: str | None = field(default=None, repr=False)
    operator: str | None = field(default=None, repr=False)
    captured: datetime | None = None

    @classmethod
    def read(cls, raw: RawDossier) -> Handed | None:
        """What a dossier says with which something is wrong; None where it does not say what it is."""
        said = raw.document
        kind, grounds = _text(said, "kind") or "new", _text(said, "grounds")
        known = (grounds in GROUNDS[kind]) if kind in GROUNDS else (kind in KINDS and grounds is None)
        if not raw.document or not known or not valid_id(raw.dossier_id):
            return None
        unit, operator = _text(said, "unit"), _text(said, "operator")
        return cls(raw.dossier_id, raw.digest, False, kind, grounds, unit, operator)

    @classmethod
    def of(cls, digest: str, dossier: Dossier) -> Handed:
        """What a sound dossier says."""
        return cls(
            dossier.dossier_id, digest, True, dossier.kind, dossier.grounds, dossier.unit, dossier.operator,
            dossier.captured_at,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Received:
    """What the register says of dossiers that were handed in: those that get no card, and why; those that name a unit
    that it does not have."""

    refused: Mapping[str, RegisterReason]
    unit_unknown: frozenset[str]


@dataclass(slots=True)
class DossierMoves:
    """The steps of one run's dossiers. `actor`, `order` and `now` (the clock) are what each step says; ParameterError
    where they cannot be said. `content`: where the run keeps what it checked.

    Errors as `DossierRegister`; BusyError where others do not leave the dossiers alone.
    """

    register: DossierRegister
    run: str
    actor: str
    order: str | None
    now: Callable[[], datetime]
    content: Callable[[], ContentStore]
    _units: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        Move("any", State.CHECKED, self.actor, order=self.order)

    def receive(self, handed: Sequence[Handed]) -> Received:
        """Takes dossiers in that are not there yet, and takes up again those that a run rejected."""
        by_id = {one.dossier_id: one for one in handed}
        self._receive(by_id.values())
        others: dict[str, RegisterReason] = {}

        def plan(record: DossierRecord, last: Event) -> tuple[Step, ...]:
            one = by_id[record.dossier_id]
            others.pop(record.dossier_id, None)
            same = one.digest == in_force(self.register, record, last, one.digest)
            if record.state is State.REJECTED:
                if not by_a_run(last.reason):
                    others[record.dossier_id] = RegisterReason.REJECTED_BY_HAND
                elif not same and not _same_kind(record, one):
                    others[record.dossier_id] = RegisterReason.DOSSIER_CHANGED
                elif not same or one.sound:
                    return (Step(State.RECEIVED, TAKEN_UP if same else f"{TAKEN_UP} {one.digest}"),)
            elif record.state in _NO_LONGER:
                others[record.dossier_id] = ended(record.state) or RegisterReason.CANCELLED
            elif not same:
                if record.state not in _UNDECIDED or not _same_kind(record, one):
                    others[record.dossier_id] = RegisterReason.DOSSIER_CHANGED
                else:
                    return Step(State.REJECTED, CHANGED), Step(State.RECEIVED, f"{TAKEN_UP} {one.digest}")
            return ()

        self._move(by_id, plan)
        if not self._units and any(one.unit for one in handed):
            self._units = {unit.unit_id for unit in self.register.units()}
        strange = {one.dossier_id for one in handed if one.unit and one.unit not in self._units}
        programmes = self._units - {unit.unit_id for unit in first_units()}
        return Received(others, frozenset(strange if programmes else ()))

    def tell(self, entries: Iterable[Entry]) -> list[Entry]:
        """Says of each dossier how far the run has it. Those that the register has at an end, where no card was made of
        them yet, are given back as they are to be."""
        by_id = {one.dossier_id: one for one in entries if one.state is not DossierState.RECEIVED}
        standing = self._move(by_id, lambda record, last: steps(record.state, last.reason, by_id[record.dossier_id]))
        missing = self._late(by_id.keys() - standing.keys(), by_id)
        if missing:
            self._move(missing, lambda record, last: steps(record.state, last.reason, missing[record.dossier_id]))
        found = (_ended(by_id[name], record, last) for name, (record, last) in standing.items())
        return [one for one in found if one is not None]

    def ended(self, dossier_ids: Iterable[str]) -> dict[str, RegisterReason]:
        """Which of these dossiers get no card, and why."""
        return _refusals(self.register.last(dossier_ids))

    def cancelled(self, entries: Iterable[Entry]) -> list[Revocation]:
        """The proved cards among these whose dossier somebody cancelled, while the card was made or since."""
        serials = {one.dossier_id: one.card_serial for one in entries if one.card_serial is not None}
        return [
            Revocation(serials[name], name, str(RegisterReason.CANCELLED))
            for name, (record, _) in self.register.last(serials).items()
            if record.state is State.CANCELLED
        ]

    def sign(self, dossier_id: str) -> RegisterReason | None:
        """The card of this dossier is built and signed: nobody withdraws it from now on. Why it gets none, where
        nothing of it may go to a chip."""
        standing = self._move([dossier_id], lambda record, _: to_be_signed(record.state))
        return _refusals(standing).get(dossier_id)

    def _move(self, dossier_ids: Iterable[str], plan: _Plan) -> _Standing:
        """Moves dossiers by what is planned for where they stand; where they stood."""
        ids = list(dossier_ids)
        for _ in range(_TRIES):
            standing = self.register.last(ids)
            time = self.now()
            moves = [
                Move(
                    name, step.to, self.actor, sequence, time, step.reason, self.order,
                    event_id("issue", self.run, name, str(sequence + 1), step.to),
                )
                for name, (record, last) in standing.items()
                for sequence, step in enumerate(plan(record, last), record.sequence)
            ]  # fmt: skip
            try:
                self.register.move_many(moves)
            except ConflictError as error:
                if "dossier" not in error.facts:  # of no one's making
                    raise
                logger.info("a dossier was moved by somebody else meanwhile: %s", error)
            else:
                return standing
        raise BusyError("others move the dossiers of this run all the time", path=self.register.where)

    def _receive(self, handed: Iterable[Handed]) -> None:
        """Takes in those that are not there."""
        one_by_id = {one.dossier_id: one for one in handed}
        for _ in range(_TRIES):
            there = self.register.last(one_by_id)
            new = [one for name, one in one_by_id.items() if name not in there]
            if not new:
                return
            self._require_units(new)
            try:
                self.register.receive_many(map(self._receipt, new))
            except ConflictError as error:  # received by somebody else meanwhile
                if "dossier" not in error.facts:
                    raise
            else:
                return
        raise BusyError("others receive the dossiers of this run all the time", path=self.register.where)

    def _receipt(self, one: Handed) -> Receipt:
        now = self.now()
        received = one.captured if one.captured is not None and one.captured > _EPOCH else now
        return Receipt(
            one.dossier_id, one.unit if one.unit in self._units and one.unit else UNKNOWN.unit_id, one.digest, received,
            self.actor, one.kind, one.grounds, operator=_kept(one.operator),
        )  # fmt: skip

    def _require_units(self, handed: Iterable[Handed]) -> None:
        """A register without units begins with those of the country; in any other the unit of dossiers that name none
        is made when it is first needed."""
        if not self._units:
            self._units = {unit.unit_id for unit in self.register.units()}
        wanted = {CENTRE, UNKNOWN.unit_id} if any(one.unit not in self._units for one in handed) else set[str]()
        lacking = [unit for unit in first_units() if not self._units or unit.unit_id in wanted - self._units]
        if lacking:
            self.register.put_units(lacking)
            self._units |= {unit.unit_id for unit in lacking}

    def _late(self, names: Iterable[str], entries: Mapping[str, Entry]) -> dict[str, Entry]:
        """Of these dossiers, which a run of an earlier version began, those that can be are taken in now; their
        entries."""
        wanted = [name for name in names if entries[name].state in _KEPT]
        if not wanted:
            return {}
        found = [Handed.of(entries[one.dossier.dossier_id].digest or "", one.dossier)
                 for one in self.content().read(wanted)]  # fmt: skip
        self._receive(found)
        return {one.dossier_id: entries[one.dossier_id] for one in found}


def in_force(register: DossierRegister, record: DossierRecord, last: Event, digest: str) -> str:
    """The digest of what was handed in last under a dossier's id; `digest`: that of what is handed in now."""
    if record.digest == digest and last.sequence == 1:
        return digest
    again = [
        event.reason.removeprefix(TAKEN_UP).strip()
        for event in register.events(record.dossier_id)
        if event.to is State.RECEIVED and event.reason is not None and event.reason.startswith(TAKEN_UP)
    ]
    return next((one for one in reversed(again) if one), record.digest)


_UNDECIDED: Final = frozenset({State.RECEIVED, State.CHECKED, State.SEARCHED, State.IN_REVIEW})
_KEPT: Final = frozenset({DossierState.SOUND, DossierState.UNIQUE})


def refused(entry: Entry, reason: RegisterReason) -> Entry:
    """The entry of a dossier that the register has at an end: nobody is asked about it any more."""
    evidence = replace(entry.evidence, case=None, card=None, error=None)
    return replace(entry, state=DossierState.REJECTED, reason=reason, searched=False, evidence=evidence)


def _refusals(standing: _Standing) -> dict[str, RegisterReason]:
    why = {name: ended(record.state) for name, (record, _) in standing.items()}
    return {name: reason for name, reason in why.items() if reason is not None}


def _ended(entry: Entry, record: DossierRecord, last: Event) -> Entry | None:
    open_still = entry.state in (DossierState.SOUND, DossierState.UNIQUE)
    if record.state in _NO_LONGER and (open_still or entry.state is DossierState.REVIEW):
        reason = ended(record.state)
    elif record.state is State.REJECTED and open_still and not by_a_run(last.reason):
        reason = RegisterReason.REJECTED_BY_HAND
    else:
        return None
    return None if reason is None else refused(entry, reason)


def _same_kind(record: DossierRecord, one: Handed) -> bool:
    return (record.kind, record.grounds) == (one.kind, one.grounds)


def _text(document: JsonObject, name: str) -> str | None:
    value = document.get(name)
    return value if isinstance(value, str) and value else None


def _kept(operator: str | None) -> str | None:
    """Who entered the dossier, where the name is one that the register keeps."""
    if operator is None or not operator.isprintable() or len(operator.encode("utf-8", "surrogatepass")) > 64:
        return None
    return operator
