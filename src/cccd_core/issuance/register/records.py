"""What goes into the register of dossiers, and what comes out: a dossier, its events, a figure."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Final, TypeAlias

from cccd_core.country.grounds import GROUNDS, KINDS
from cccd_core.errors import ParameterError
from cccd_core.issuance.register.life import State

_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_DIGEST: Final = re.compile(r"sha256:[0-9a-f]{64}")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_EVENTS: Final = uuid.UUID("6a1f4f0e-6d0c-5e7b-9d0c-0b5d0a3c7e11")
Clock: TypeAlias = Callable[[], datetime]


def event_id(*parts: str) -> uuid.UUID:
    """The same identifier for the same parts (RFC 9562 version 5): what is imported twice is recorded once."""
    return uuid.uuid5(_EVENTS, "\0".join(parts))


def microseconds(time: datetime) -> int:
    """Since 1970, UTC. ParameterError for a time without a zone or before 1970."""
    if time.tzinfo is None:
        raise ParameterError("a time has a zone")
    found = (time - _EPOCH) // timedelta(microseconds=1)
    if found <= 0:
        raise ParameterError("an event is of no time before 1970")
    return found


def time_of(microseconds: int) -> datetime:
    """The time, UTC."""
    return _EPOCH + timedelta(microseconds=microseconds)


@dataclass(frozen=True, slots=True)
class Receipt:
    """A dossier that is taken in. `digest`: of what was handed in (`RawDossier.digest`), of which nothing else is kept.
    `unit_id`: one of the register's. `received`: when the counter took it. ParameterError for what cannot be kept."""

    dossier_id: str
    unit_id: str
    digest: str
    received: datetime
    actor: str
    kind: str = "new"
    grounds: str | None = None
    station: str | None = None
    operator: str | None = None
    shift: str | None = None
    event_id: uuid.UUID = field(default=uuid.UUID(int=0))

    def __post_init__(self) -> None:
        _demand_id(self.dossier_id)
        if _DIGEST.fullmatch(self.digest) is None:
            raise ParameterError("a dossier's digest is sha256: and 64 hexadecimal digits", dossier=self.dossier_id)
        if self.kind not in KINDS or (self.grounds is not None) != (self.kind in GROUNDS):
            raise ParameterError(
                "the dossier's kind is none, or its grounds are not its kind's", dossier=self.dossier_id
            )
        if self.grounds is not None and self.grounds not in GROUNDS[self.kind]:
            raise ParameterError("the dossier's grounds are not its kind's", dossier=self.dossier_id)
        microseconds(self.received)
        for name, most in (("unit_id", 64), ("actor", 128), ("station", 64), ("operator", 64), ("shift", 16)):
            demand_text(name, getattr(self, name), most, needed=name in ("unit_id", "actor"))
        if self.event_id.int == 0:
            object.__setattr__(self, "event_id", event_id("received", self.dossier_id))


@dataclass(frozen=True, slots=True)
class Move:
    """A step of a dossier. `after`: the number of the last event that whoever moves it has seen; another one is a
    conflict. `time`: by the clock of whoever moved it; the register's own without it. `order`: by which order, no
    personal data. The same `event_id` is recorded once. ParameterError for what cannot be kept."""

    dossier_id: str
    to: State
    actor: str
    after: int | None = None
    time: datetime | None = None
    reason: str | None = None
    order: str | None = None
    event_id: uuid.UUID = field(default_factory=uuid.uuid4)

    def __post_init__(self) -> None:
        _demand_id(self.dossier_id)
        if self.time is not None:
            microseconds(self.time)
        for name, most in (("actor", 128), ("reason", 256), ("order", 64)):
            demand_text(name, getattr(self, name), most, needed=name == "actor")


@dataclass(frozen=True, slots=True)
class Event:
    """A step that was recorded. `time` is never before that of the event before it, UTC; `behind` says how far before
    it the clock was that gave it, which was set back."""

    dossier_id: str
    sequence: int
    before: str
    to: State
    actor: str
    time: datetime
    behind: timedelta
    reason: str | None
    order: str | None
    event_id: uuid.UUID


@dataclass(frozen=True, slots=True)
class DossierRecord:
    """A dossier as it stands. `due` is None where the holidays were not known on which its deadline hangs."""

    dossier_id: str
    kind: str
    grounds: str | None
    unit_id: str
    station: str | None
    operator: str | None
    shift: str | None
    received: date
    due: date | None
    digest: str
    state: State
    sequence: int
    time: datetime


@dataclass(frozen=True, slots=True)
class Figure:
    """How many dossiers of a unit went to a state on a day, Vietnam's."""

    day: date
    unit_id: str
    state: State
    count: int


def _demand_id(dossier_id: str) -> None:
    if _ID.fullmatch(dossier_id) is None:
        raise ParameterError("a dossier's id is 1 to 64 letters, digits, '.', '_', '-'")


def demand_text(name: str, value: str | None, most: int, *, needed: bool) -> None:
    """ParameterError for a text that cannot be kept, or one that is needed and not there."""
    if value is None and not needed:
        return
    if not value or len(value.encode("utf-8", "surrogatepass")) > most or not value.isprintable():
        raise ParameterError(f"the {name} is no printable text of 1 to {most} bytes")
