"""One entry of an audit trail, whatever it tells of: who did what, on which dossier or card, on whose order, why.

Entries hold no personal data: dossiers and cards are named by their identifiers, reasons are words of the program or
the number of a file. Nobody is found again in a trail by name, number or fingers.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, fields
from enum import StrEnum

from cccd_core.errors import ParameterError
from cccd_core.issuance.access import accounts
from cccd_core.issuance.access.roles import Role as Role
from cccd_core.printable import shown

TEXT_MOST = 128


class Kind(StrEnum):
    """What an entry tells of. Words are stable: they stand in trails."""

    DOSSIER = "dossier"  # a dossier came to a state, or was moved by hand
    CARD = "card"  # a card was revoked, destroyed, handed over
    REVIEW = "review"  # somebody decided a case
    CORRECTION = "correction"  # a person was removed, replaced, merged or split, a unit changed
    SEARCH = "search"  # somebody searched the gallery or a watch list
    READING = "reading"  # somebody looked at a record, a template or a portrait
    ACCESS = "access"  # a key or a right was given, used or taken away


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts: the name of an account, and as what."""

    name: str
    role: Role

    def __post_init__(self) -> None:
        _demand("actor", self.name)


def this_account(role: Role = Role.FACTORY) -> Actor:
    """The account of the system that runs this process, as it stands in the audit trail."""
    return Actor(accounts.of_this_process(), role)


@dataclass(frozen=True, slots=True)
class Entry:
    """What is told. `what` is the act or the state come to, a word of the program; `actor` None is for trails of
    before there were any. `person`: of whom, by the identifier in a gallery, or by the digest of the fingers that were
    looked up (`named` makes an identifier fit); `count`: of how many; `of`: the number of the entry whose outcome this
    is.

    ParameterError, without the text, for a text of no sign, of more than 128 or of others than printable ones, and for
    a number below 0."""

    kind: Kind
    what: str
    actor: Actor | None = None
    dossier: str | None = None
    card: str | None = None
    order: str | None = None
    reason: str | None = None
    person: str | None = None
    count: int | None = None
    of: int | None = None

    def __post_init__(self) -> None:
        for each in fields(self)[1:]:
            value = getattr(self, each.name)
            if isinstance(value, str):
                _demand(each.name, value)
            elif isinstance(value, int) and not 0 <= value < 1 << 53:
                raise ParameterError("a number of an entry is none below 0", field=each.name)


def named(person: str) -> str:
    """An identifier as an entry holds it. A gallery lets one have signs that a trail does not: these stand as
    `printable.shown` writes them, and what is too long then is cut, with a digest."""
    text = shown(person)
    if len(text) <= TEXT_MOST:
        return text
    return f"{text[: TEXT_MOST - 17]}#{hashlib.sha256(text.encode()).hexdigest()[:16]}"


def _demand(name: str, text: str) -> None:
    if not 0 < len(text) <= TEXT_MOST or not text.isprintable():
        raise ParameterError(
            "a text of an entry has 1 to 128 signs, all of them printable", field=name, length=len(text)
        )
