"""What a trail is found to be: words, and the first entry that is not as it was written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from cccd_core.emrtd.algorithms import SignatureAlgorithm
from cccd_core.emrtd.public_keys import EcPublicKey, RsaPublicKey
from cccd_core.emrtd.x509 import certificate_parts
from cccd_core.errors import Fact
from cccd_core.issuance.audit.chain import Statement
from cccd_core.plain import JsonObject, encode
from cccd_core.signing.keys import verifies
from cccd_core.signing.ledger import key_digest


class Wrong(StrEnum):
    """What is wrong with a trail. Words are stable."""

    NOT_A_TRAIL = "not_a_trail"
    OTHER_TRAIL = "other_trail"
    ALTERED = "altered"
    MISSING = "missing"
    INSERTED = "inserted"
    REPEATED = "repeated"
    REORDERED = "reordered"
    BLOCK_ALTERED = "block_altered"
    BLOCK_MISSING = "block_missing"
    OTHER_KEY = "other_key"
    NOT_SIGNED_SO = "not_signed_so"
    CUT_OFF = "cut_off"
    REWRITTEN = "rewritten"
    ANCHOR_NOT_SIGNED_SO = "anchor_not_signed_so"
    NO_ANCHOR = "no_anchor"
    UNGUARDED = "unguarded"

    @property
    def text(self) -> str:
        """In English."""
        return _TEXTS[self]


_TEXTS: Mapping[Wrong, str] = {
    Wrong.NOT_A_TRAIL: "the first line is not that of an audit trail, or was altered",
    Wrong.OTHER_TRAIL: "this is another trail than the one that was asked for",
    Wrong.ALTERED: "the entry was altered",
    Wrong.MISSING: "the entry is missing",
    Wrong.INSERTED: "an entry stands here that was not there when the key signed",
    Wrong.REPEATED: "an entry stands here a second time",
    Wrong.REORDERED: "the entry stands in another place than it was written in",
    Wrong.BLOCK_ALTERED: "the signed block before this entry was altered",
    Wrong.BLOCK_MISSING: "a signed block before this entry is missing",
    Wrong.OTHER_KEY: "the block before this entry is signed by a key that was not given",
    Wrong.NOT_SIGNED_SO: "the signature of the block before this entry is not the key's",
    Wrong.CUT_OFF: "an anchor knows of more entries: from this one on they were cut off, or the copy is an older one",
    Wrong.REWRITTEN: "an anchor knows other entries up to this number: the trail was written anew",
    Wrong.ANCHOR_NOT_SIGNED_SO: "an anchor of this trail is not signed by a key that was given",
    Wrong.NO_ANCHOR: "none of the anchors is of this trail",
    Wrong.UNGUARDED: "the tables of the trail are not as they were made: what forbids to alter rows was taken away",
}


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong, and at which entry (its number from 1). `facts` are what is known of what stood there:
    digests, between which times, where it stands now."""

    what: Wrong
    number: int
    facts: Mapping[str, Fact] = field(default_factory=dict)

    def as_dict(self) -> JsonObject:
        """JSON-ready."""
        return {"what": self.what, "text": self.what.text, "entry": self.number, "facts": dict(self.facts)}


@dataclass(frozen=True, slots=True)
class AuditKey:
    """A key that may sign trails: its name in statements, and its public half."""

    name: str
    public: EcPublicKey | RsaPublicKey

    @classmethod
    def of_certificate(cls, certificate_der: bytes) -> AuditKey:
        """FormatError for what is no certificate."""
        parts = certificate_parts(certificate_der)
        return cls(key_name(parts.spki, parts.public_key), parts.public_key)

    def signed(self, statement: Statement) -> bool:
        """Whether the signature of a statement is this key's."""
        try:
            algorithm = SignatureAlgorithm[statement.algorithm]
        except KeyError:
            return False
        if (algorithm.family == "ecdsa") is not isinstance(self.public, EcPublicKey):
            return False
        return verifies(self.public, algorithm, statement.signature, statement.to_be_signed())


def key_name(spki: bytes, public: EcPublicKey | RsaPublicKey) -> str:
    """How a key is named in statements: SHA-256 of its SubjectPublicKeyInfo, the curve by name."""
    return key_digest(public.spki() if isinstance(public, EcPublicKey) else spki).hex()


@dataclass(frozen=True, slots=True)
class Verification:
    """What was found. `entries` and `blocks` stand in the trail; `signed` is up to which entry a key that was given has
    signed, `anchored` up to which an anchor or a code bears out, without a break from the first; `back` are entries
    before which the clock was set back, by how many seconds. `findings`: the first that is wrong first. `left`: how
    many lines behind `entries` were not looked at, as what is wrong stands so far before them."""

    version: int
    trail: str | None
    about: str | None
    entries: int
    blocks: int
    signed: int
    anchored: int
    keys_given: bool
    torn: bool
    first_at: datetime | None
    last_at: datetime | None
    code: str | None
    back: Mapping[int, float] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()
    left: int = 0

    @property
    def sound(self) -> bool:
        """Whether nothing is wrong. What nobody can tell is not wrong: see `unsigned` and `keys_given`."""
        return not self.findings

    @property
    def unsigned(self) -> int:
        """How many entries stand behind the last that is signed: whoever can write the file can alter these."""
        return self.entries - self.signed

    def as_dict(self) -> JsonObject:
        """JSON-ready."""
        return {
            "sound": self.sound, "first": self.findings[0].as_dict() if self.findings else None,
            "findings": [one.as_dict() for one in self.findings],
            "version": self.version, "trail": self.trail, "about": self.about, "entries": self.entries,
            "blocks": self.blocks, "signatures_checked": self.keys_given, "signed": self.signed,
            "unsigned": self.unsigned, "anchored": self.anchored, "torn": self.torn, "not_looked_at": self.left,
            "from": encode(self.first_at), "to": encode(self.last_at), "code": self.code,
            "clock_set_back": [{"entry": number, "seconds": by} for number, by in self.back.items()],
        }  # fmt: skip
