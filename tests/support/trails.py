"""Audit trails for tests: a key, a clock that goes on by itself, a store in memory."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from cccd_core.issuance.audit.entry import Actor, Entry, Kind, Role
from cccd_core.issuance.audit.findings import AuditKey
from cccd_core.issuance.audit.trail import Trail
from cccd_core.pki import issue
from cccd_core.signing.signer import Signer
from cccd_core.signing.software import SoftwareSigner

FACTORY = Actor("factory-1", Role.FACTORY)


def signer(number: int = 0) -> Signer:
    """A key of its own for each number."""
    return _signer(number)


@functools.cache
def _signer(number: int) -> Signer:
    key = ec.generate_private_key(ec.SECP256R1())
    public = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    bare = SoftwareSigner(key, b"")
    name = issue.name({"C": "VN", "CN": f"TEST Audit Signer {number}"})
    authority = issue.Authority(name, issue.key_identifier(public), bare.algorithm, bare.sign)
    start = datetime(2026, 1, 1, tzinfo=UTC)
    validity = issue.Validity(start, start + timedelta(days=800), start + timedelta(days=700))
    return SoftwareSigner(key, issue.audit_certificate(authority, public, 1 + number, validity))


def key(number: int = 0) -> AuditKey:
    """What verifies it."""
    return AuditKey.of_certificate(signer(number).certificate_der)


@dataclass
class Ticking:
    """A clock that goes on by a second each time it is looked at."""

    at: datetime = datetime(2026, 11, 1, 5, tzinfo=UTC)

    def __call__(self) -> datetime:
        self.at += timedelta(seconds=1)
        return self.at


@dataclass
class MemoryStore:
    """Lines in memory."""

    kept: list[bytes] = field(default_factory=list)
    before: list[bytes] = field(default_factory=list)
    where: str = "memory"
    guarded: bool = True

    def lines(self, skip: int = 0) -> Iterator[bytes]:
        return (line + b"\n" for line in self.kept[skip:])

    @contextmanager
    def writing(self) -> Iterator[MemoryStore]:
        yield self

    def first(self) -> bytes | None:
        return self.kept[0] if self.kept else None

    def back(self) -> Iterator[bytes]:
        return reversed(self.kept)

    def append(self, lines: Sequence[bytes]) -> None:
        self.kept += lines

    def holds(self, line: bytes) -> bool:
        return line in self.kept

    def set_aside(self) -> None:
        self.before, self.kept = self.kept, []

    def aside(self) -> list[bytes]:
        return list(self.before)

    @property
    def data(self) -> bytes:
        return b"".join(self.lines())


def entry(number: int, what: str = "verified") -> Entry:
    """An entry unlike any other."""
    return Entry(Kind.DOSSIER, what, FACTORY, f"D{number:05d}", f"{number:016X}")


def trail(counts: Iterable[int], unsigned: int = 0, *, about: str = "run-1", signed_by: int = 0) -> MemoryStore:
    """A trail with a block after so many entries each, and some that no block covers."""
    store = MemoryStore()
    made = Trail(store, about, clock=Ticking(), signer=lambda: signer(signed_by))
    for count in counts:
        made.append([entry(made.entries + 1 + more) for more in range(count)])
        made.seal()
    made.append([entry(made.entries + 1 + more) for more in range(unsigned)])
    return store
