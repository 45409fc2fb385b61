"""What the checks of certificates and of lists have in common: breaches, and the parts that both are made of."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from cccd_core.emrtd import times, tlv
from cccd_core.errors import CccdError, Fact, FormatError
from cccd_core.pki import names
from cccd_core.pki.profile import (
    CLAUSES,
    Expected,
    Kind,
    Severity,
)
from cccd_core.pki.signatures import parse_scheme
from cccd_core.pki.strength import (
    STRONG_HASHES,
)
from cccd_core.plain import JsonObject

DAY = dt.timedelta(days=1)
_COMMON_NAME = "2.5.4.3"
_PRINTABLE_ATTRIBUTES = frozenset((names.COUNTRY, "2.5.4.5"))
_DIRECTORY_STRINGS = frozenset(("2.5.4.3", "2.5.4.7", "2.5.4.8", "2.5.4.10", "2.5.4.11"))


@dataclass(frozen=True, slots=True)
class Breach:
    """A rule that does not hold: its word, and the circumstances."""

    rule: str
    facts: dict[str, Fact] = field(default_factory=dict)

    @property
    def severity(self) -> Severity:
        """What it means."""
        return CLAUSES[self.rule].severity

    def as_dict(self) -> JsonObject:
        """JSON-ready, with the rule's clause and words."""
        clause = CLAUSES[self.rule]
        return {
            "rule": self.rule, "severity": self.severity, "clause": clause.source, "text": clause.text,
            "facts": self.facts,
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Checked:
    """What was looked at, and what is broken. `inside`: the certificates of a list."""

    kind: Kind
    about: str
    breaches: tuple[Breach, ...]
    inside: tuple[Checked, ...] = ()

    @property
    def sound(self) -> bool:
        """Whether nothing is broken, inside neither; advice does not count."""
        return all(one.severity is not Severity.BROKEN for one in self.breaches) and all(
            one.sound for one in self.inside
        )

    def as_dict(self) -> JsonObject:
        """JSON-ready."""
        return {
            "kind": self.kind, "about": self.about, "sound": self.sound,
            "breaches": [one.as_dict() for one in self.breaches], "inside": [one.as_dict() for one in self.inside],
        }  # fmt: skip


class Findings:
    """Breaches as they are found."""

    def __init__(self) -> None:
        self.breaches: list[Breach] = []

    def require(self, holds: bool, rule: str, **facts: Fact) -> None:
        if not holds:
            self.breaches.append(Breach(rule, facts))

    def reads(self, rule: str, work: Callable[[], object], **facts: Fact) -> bool:
        """Whether `work` is done without an error; where it is not, the rule is broken, and the error says why."""
        try:
            work()
        except CccdError as error:
            self.breaches.append(Breach(rule, {**facts, "why": error.message, **error.facts}))
            return False
        return True


def check_algorithm(found: Findings, algorithm: bytes) -> None:
    """Whether a signature algorithm is known and its hash permitted."""

    def strong() -> None:
        scheme = parse_scheme(algorithm)
        if scheme.hash_name not in STRONG_HASHES:
            raise FormatError("a hash that is not permitted", algorithm=scheme.name)

    found.reads("algorithm", strong)


def check_integer(found: Findings, rule: str, value: tlv.Tlv, *, positive: bool) -> None:
    """Whether an INTEGER is of the shortest form, at most 20 bytes, and not negative."""
    raw = value.value
    shortest = len(raw) == 1 or not ((raw[:1] == b"\0" and raw[1] < 0x80) or (raw[:1] == b"\xff" and raw[1] >= 0x80))
    number = int.from_bytes(raw, "big", signed=True)
    found.require(bool(raw) and shortest and len(raw) <= 20 and number >= (1 if positive else 0), rule, bytes=len(raw))


def check_time(found: Findings, value: tlv.Tlv) -> None:
    """Whether a time is in the one form that DER has."""

    def right() -> None:
        if times.encode(times.read(value)) != tlv.encode(value.tag, value.value):
            raise FormatError("a time in another form", offset=value.offset)

    found.reads("time_form", right)


def check_name(found: Findings, name: tlv.Tlv, part: str) -> None:
    """Whether a name has what names of the PKI have."""
    countries: list[tlv.Tlv] = []
    common = 0
    for row in name.reader():
        for attribute in row.reader():
            inside = attribute.reader()
            kind = tlv.to_oid(inside.next(tlv.OID))
            value = inside.next()
            common += kind == _COMMON_NAME
            if kind == names.COUNTRY:
                countries.append(value)
            elif kind in _PRINTABLE_ATTRIBUTES:
                found.require(value.tag == tlv.PRINTABLE_STRING, "name_strings", part=part, attribute=kind)
            elif kind in _DIRECTORY_STRINGS:
                right = value.tag in (tlv.PRINTABLE_STRING, tlv.UTF8_STRING)
                found.require(right, "name_strings", part=part, attribute=kind)
    right = len(countries) == 1 and countries[0].tag == tlv.PRINTABLE_STRING
    text = countries[0].value if countries else b""
    letters = len(text) == 2 and text.isalpha() and text.isupper()
    found.require(right and letters, "country", part=part)
    found.require(common >= 1, "common_name", part=part)


def check_extensions(
    found: Findings, parts: tlv.Reader, table: Iterable[Expected], tag: int = 0xA3
) -> dict[str, tlv.Tlv]:
    """The extensions in the explicit field of this tag, compared with the table; their values by OID."""
    holder = parts.optional(tag)
    if holder is None:
        found.require(False, "extension_presence", extension="all")
        return {}
    return check_listed_extensions(found, holder.reader().next(tlv.SEQUENCE), table)


def check_listed_extensions(
    found: Findings, holder: tlv.Tlv, table: Iterable[Expected], *, absent: bool = True
) -> dict[str, tlv.Tlv]:
    """Compares the extensions with the table; their values by OID."""
    raw: dict[str, tlv.Tlv] = {}
    critical: dict[str, bool] = {}
    for each in holder.reader():
        inside = each.reader()
        oid = tlv.to_oid(inside.next(tlv.OID))
        flag = inside.optional(tlv.BOOLEAN)
        found.require(flag is None or flag.value != b"\0", "extension_default", extension=oid)
        found.require(flag is None or flag.value in (b"\0", b"\xff"), "der", extension=oid)
        found.require(oid not in raw, "extension_twice", extension=oid)
        raw[oid] = inside.next(tlv.OCTET_STRING)
        critical[oid] = flag is not None and flag.value != b"\0"
    rows = tuple(table)
    for row in rows:
        there = row.identifier in raw
        if absent and ((there and row.presence == "x") or (not there and row.presence == "m")):
            found.require(False, "extension_presence", extension=row.name, presence=row.presence)
        elif there and row.criticality != "-":
            right = critical[row.identifier] == (row.criticality == "c")
            found.require(right, "extension_criticality", extension=row.name)
    known = {row.identifier for row in rows}
    for oid in raw.keys() - known:
        found.require(not critical[oid], "private_extension", extension=oid)
    return raw
