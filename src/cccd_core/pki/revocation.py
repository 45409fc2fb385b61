"""Certificate revocation lists: read, kept apart by the key that signed them and by what they speak of, and asked.

RFC 5280 clauses 5 and 6.3.3; Doc 9303-12 clause 7.2. A State may issue one list for each key or one, signed by its
newest key, for all (Doc 9303-12 clause 4.2): what any of them says against a certificate counts, and no list hides
another of another key or scope."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

from cccd_core.arguments import BUFFERS, require_type
from cccd_core.emrtd import ber, tlv
from cccd_core.emrtd import times as asn1_times
from cccd_core.emrtd.public_keys import EcPublicKey, RsaPublicKey
from cccd_core.errors import CertificateError, FormatError, VerificationError
from cccd_core.pki import names
from cccd_core.pki.certificates import Certificate, one_scheme, split_signed
from cccd_core.pki.path import Times
from cccd_core.pki.report import Judgement
from cccd_core.pki.rules import RULES, Action, Rule
from cccd_core.pki.signatures import PublicKey, SignatureScheme, parse_scheme, verify
from cccd_core.pki.strength import judge_scheme, permits
from cccd_core.plain import Json

MAX_CRL_BYTES: Final = 8 << 20
ABOUT: Final = "revocation list"

_NUMBER, _DELTA, _SCOPE, _AUTHORITY_KEY = "2.5.29.20", "2.5.29.27", "2.5.29.28", "2.5.29.35"
_REASON, _INVALIDITY, _CERTIFICATE_ISSUER = "2.5.29.21", "2.5.29.24", "2.5.29.29"
_ENUMERATED: Final = 0x0A

REASONS: Final = MappingProxyType({
    0: "unspecified", 1: "key_compromise", 2: "ca_compromise", 3: "affiliation_changed", 4: "superseded",
    5: "cessation_of_operation", 6: "certificate_hold", 8: "remove_from_crl", 9: "privilege_withdrawn",
    10: "aa_compromise",
})  # fmt: skip
"""CRLReason (RFC 5280 clause 5.3.1) -> word."""


@dataclass(frozen=True, slots=True)
class Revocation:
    """One row of a list: since when, and, where the list says it, why and from when the key was known to be unsafe."""

    time: dt.datetime
    reason: str | None = None
    invalidity_date: dt.datetime | None = None


@dataclass(frozen=True, slots=True)
class Scope:
    """Of what a list speaks (issuing distribution point, RFC 5280 clause 5.2.5): of everything where all is as here.
    `addresses` is not None where the list is a part: of the certificates that name one of them."""

    user_certificates_only: bool = False
    authority_certificates_only: bool = False
    attribute_certificates_only: bool = False
    some_reasons_only: bool = False
    indirect: bool = False
    addresses: frozenset[str] | None = None

    def speaks_of(self, *, authority: bool) -> bool:
        """Whether the list is about certificates of this kind."""
        if self.attribute_certificates_only:
            return False
        return not (self.user_certificates_only if authority else self.authority_certificates_only)

    def speaks_wholly_of(self, certificate: Certificate) -> bool:
        """Whether a certificate of this kind that the list does not name is not revoked, for any reason."""
        here = self.addresses is None or not self.addresses.isdisjoint(certificate.distribution_points)
        return here and not self.some_reasons_only


@dataclass(frozen=True, slots=True)
class RevocationList:
    """A certificate revocation list: whose, of when, of what it speaks, and what it revokes by serial number.

    `base_number` is set for a delta, which says what changed since the list of that number; `removed` are the serial
    numbers that a delta takes back. Rows about certificates of another issuer (indirect lists) are left out: nothing is
    decided by them here.
    """

    der: bytes = field(repr=False)
    issuer: str
    issuer_key: str = field(repr=False)
    authority_key_identifier: bytes | None = field(repr=False)
    number: int | None
    base_number: int | None
    this_update: dt.datetime
    next_update: dt.datetime | None
    scope: Scope
    revoked: Mapping[int, Revocation] = field(repr=False)
    removed: frozenset[int] = field(repr=False)
    signature_algorithm: bytes = field(repr=False)
    signature: bytes = field(repr=False)
    signed_part: bytes = field(repr=False)


def parse_crl(der: bytes) -> RevocationList:
    """Reads one CertificateList of at most 8 MiB, DER or BER. FormatError for anything else, critical extensions that
    are not understood included."""
    require_type(der, BUFFERS, "der")
    if len(der) > MAX_CRL_BYTES:
        raise FormatError("a revocation list is too long", length=len(der), limit=MAX_CRL_BYTES)
    return ber.read(_parse_crl, der)


def _parse_crl(der: bytes) -> RevocationList:
    signed_part, algorithm, signature = split_signed(der, "revocation list")
    parts = tlv.read_one(signed_part, tlv.SEQUENCE, what="revocation list").reader()
    parts.optional(tlv.INTEGER, what="version")
    inner = parts.next(tlv.SEQUENCE, what="signature algorithm")
    if not one_scheme(tlv.encode(inner.tag, inner.value), algorithm):
        raise FormatError("a revocation list names two signature algorithms", offset=inner.offset)
    issuer = names.read(parts.next(tlv.SEQUENCE, what="issuer"))
    times = [_next_time(parts)]
    if parts.peek() in (tlv.UTC_TIME, tlv.GENERALIZED_TIME):
        times.append(_next_time(parts))
    rows = parts.optional(tlv.SEQUENCE, what="revoked certificates")
    explicit = parts.optional(0xA0, what="extensions")
    parts.finish("revocation list")
    extensions = _extensions(
        explicit and explicit.reader().next(tlv.SEQUENCE, what="extensions"), (_NUMBER, _DELTA, _SCOPE, _AUTHORITY_KEY)
    )
    scope = _scope(extensions[_SCOPE]) if _SCOPE in extensions else Scope()
    base = _integer(extensions[_DELTA]) if _DELTA in extensions else None
    revoked, removed = _rows(rows, issuer.key, scope.indirect, delta=base is not None)
    return RevocationList(
        bytes(der), issuer.shown, issuer.key, _authority_key(extensions.get(_AUTHORITY_KEY)),
        _integer(extensions[_NUMBER]) if _NUMBER in extensions else None, base,
        times[0], times[1] if len(times) > 1 else None, scope, revoked, removed, algorithm, signature, signed_part,
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class RevocationStatus:
    """What the lists say of a certificate: `revoked` True or False, or None where no list speaks of it wholly.

    The times are those of the list that the answer rests on; `fresh` is whether it is in force, None where it does not
    say until when. `text` is the same in words.
    """

    revoked: bool | None
    text: str
    this_update: dt.datetime | None = None
    next_update: dt.datetime | None = None
    fresh: bool | None = None
    revoked_at: dt.datetime | None = None
    reason: str | None = None
    invalidity_date: dt.datetime | None = None

    def as_dict(self) -> dict[str, Json]:
        """JSON-ready."""
        times = {
            "this_update": self.this_update, "next_update": self.next_update, "revoked_at": self.revoked_at,
            "invalidity_date": self.invalidity_date,
        }  # fmt: skip
        return {
            "revoked": self.revoked, "fresh": self.fresh, "reason": self.reason, "text": self.text,
            **{name: None if time is None else time.isoformat() for name, time in times.items()},
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Kept:
    crl: RevocationList
    key: object  # what the key is, however it was written
    since: dt.datetime  # when the key's certificate began
    scheme: SignatureScheme


class RevocationLists:
    """The lists that count: each signed by a trusted CSCA whose key may sign lists. `unusable`: the names of issuers
    of whom a list was left out."""

    __slots__ = ("_kept", "unusable")

    def __init__(self) -> None:
        self._kept: list[_Kept] = []
        self.unusable: set[str] = set()

    def __len__(self) -> int:
        return len(self._kept)

    def add(self, crl: RevocationList, anchors: list[Certificate]) -> None:
        """Keeps a list that one of `anchors`, which bear its issuer's name or key identifier, signed and may sign.
        CertificateError otherwise."""
        rule = Rule.LIST_SIGNATURE
        for anchor in anchors:
            try:
                scheme = parse_scheme(crl.signature_algorithm)
                verify(scheme, anchor.public_key, crl.signature, crl.signed_part)
            except (VerificationError, FormatError):
                continue
            if anchor.key_usage is not None and "crl_sign" not in anchor.key_usage:
                rule = Rule.LIST_KEY_USAGE
                continue
            if isinstance(anchor.public_key, RsaPublicKey) and not permits(anchor.public_key, scheme):
                rule = Rule.KEY_RESTRICTION
                continue
            self._kept.append(_Kept(crl, _identity(anchor.public_key), anchor.not_before, scheme))
            return
        why = (
            "no trusted CSCA signed a revocation list" if rule is Rule.LIST_SIGNATURE else "the CSCA may not sign lists"
        )
        raise CertificateError(why, check=RULES[rule].check, rule=rule.value, issuer=crl.issuer)

    def judge(
        self, judgement: Judgement, certificate: Certificate, issuer: Certificate, times: Times, *, authority: bool
    ) -> RevocationStatus:
        """What the lists say of a certificate that `issuer` signed, at `times.now`; with `authority` it is a CSCA's
        own."""
        key = _identity(issuer.public_key)
        found = [
            kept
            for kept in self._kept
            if (kept.key == key or (kept.crl.issuer_key == issuer.subject_key and kept.since >= issuer.not_before))
            and kept.crl.scope.speaks_of(authority=authority)
            and times.reached(kept.crl.this_update)
        ]
        newest: dict[tuple[object, ...], _Kept] = {}
        for kept in sorted(found, key=lambda each: (each.crl.this_update, each.crl.number or 0)):
            newest[kept.key, kept.crl.scope, kept.crl.base_number is not None] = kept
        rule = Rule.AUTHORITY_REVOCATION if authority else Rule.REVOCATION
        serial = certificate.serial_number
        for kept in newest.values():
            row = _row(kept, newest.get((kept.key, kept.crl.scope, True)), serial)
            if row is not None and times.reached(row.time):
                judgement.failed(
                    rule, ABOUT, "the certificate was revoked", subject=certificate.subject,
                    revoked_at=row.time.isoformat(),
                    **({"reason": row.reason} if row.reason else {}),
                )  # fmt: skip
                return RevocationStatus(
                    True, "revoked", kept.crl.this_update, kept.crl.next_update, None, row.time, row.reason,
                    row.invalidity_date,
                )  # fmt: skip
        # Every row counts that may be about it; that there is none says something in a list of the own key, or of one
        # that follows it and speaks for it too.
        speaking = [kept for kept in newest.values() if kept.key == key or kept.since > issuer.not_before]
        whole = [
            kept for kept in speaking if kept.crl.base_number is None and kept.crl.scope.speaks_wholly_of(certificate)
        ]
        if not whole:
            return self._nothing_said(judgement, rule, bool(speaking), issuer.subject_key in self.unusable)
        # the own key's list before another's, then the newest
        kept = max(whole, key=lambda each: (each.key == key, each.crl.this_update))
        return self._not_named(judgement, rule, kept, times)

    def _nothing_said(self, judgement: Judgement, rule: Rule, partly: bool, unusable: bool) -> RevocationStatus:
        text = "the lists speak of a part only" if partly else "no revocation list"
        if unusable:
            text = "the revocation list of the issuer's name that was given cannot be used"
        judgement.unknown(rule, ABOUT, text)
        if rule is Rule.REVOCATION:
            if unusable or judgement.policy[Rule.FRESH_LIST] is Action.REFUSE:
                judgement.failed(
                    Rule.FRESH_LIST, ABOUT, text if unusable else "no revocation list speaks of the signer"
                )
            else:
                judgement.unknown(Rule.FRESH_LIST, ABOUT, text)
        return RevocationStatus(None, text)

    def _not_named(self, judgement: Judgement, rule: Rule, kept: _Kept, times: Times) -> RevocationStatus:
        crl = kept.crl
        fresh = None if crl.next_update is None else not times.reached(crl.next_update) or crl.next_update == times.now
        words = {True: "", False: ", which is out of date", None: ", which does not say until when"}[fresh]
        text = f"not revoked by the list of {crl.this_update.isoformat()}{words}"
        judge_scheme(judgement, kept.scheme, ABOUT)
        judgement.held(rule, ABOUT, text)
        if rule is Rule.REVOCATION:
            judgement.held(Rule.LIST_SIGNATURE, ABOUT, kept.scheme.name)
            judgement.held(Rule.LIST_KEY_USAGE, ABOUT)
            judgement.require(
                Rule.FRESH_LIST, fresh is True, ABOUT,
                f"the revocation list is of {crl.this_update.isoformat()}{words}",
                this_update=crl.this_update.isoformat(),
                next_update=None if crl.next_update is None else crl.next_update.isoformat(),
            )  # fmt: skip
        return RevocationStatus(False, text, crl.this_update, crl.next_update, fresh)


def _identity(key: PublicKey) -> object:
    return (key.curve.name, key.x, key.y) if isinstance(key, EcPublicKey) else key


def _row(kept: _Kept, delta: _Kept | None, serial: int) -> Revocation | None:
    """The row of a serial number in a list, with what the newer delta on it changed."""
    row = kept.crl.revoked.get(serial)
    base = kept.crl.number
    if (
        row is not None
        and delta is not None
        and serial in delta.crl.removed
        and delta.crl.base_number is not None
        and (base is not None and delta.crl.base_number <= base)
        and kept.crl.this_update <= delta.crl.this_update
    ):
        return None
    return row


def _rows(
    rows: tlv.Tlv | None, issuer_key: str, indirect: bool, *, delta: bool
) -> tuple[dict[int, Revocation], frozenset[int]]:
    revoked: dict[int, Revocation] = {}
    removed: set[int] = set()
    of = issuer_key  # in an indirect list a row without an issuer is of the row before (RFC 5280 clause 5.3.3)
    for found in rows.reader() if rows else ():
        entry = found.reader()
        serial = tlv.to_number(entry.next(tlv.INTEGER, what="serial number"))
        time = _next_time(entry)
        reason = invalidity = None
        if entry.remaining:
            known = (_REASON, _INVALIDITY, _CERTIFICATE_ISSUER) if indirect else (_REASON, _INVALIDITY)
            extensions = _extensions(entry.next(tlv.SEQUENCE, what="extensions"), known)
            entry.finish("revoked certificate")
            if _REASON in extensions:
                reason = REASONS.get(
                    int.from_bytes(tlv.read_one(extensions[_REASON], _ENUMERATED, what="reason").value)
                )
            if _INVALIDITY in extensions:
                invalidity = asn1_times.read(
                    tlv.read_one(extensions[_INVALIDITY], tlv.GENERALIZED_TIME, what="invalidity date")
                )
            if _CERTIFICATE_ISSUER in extensions:
                of = _certificate_issuer(extensions[_CERTIFICATE_ISSUER])
        if of != issuer_key:
            continue
        if reason == "remove_from_crl":
            # means something in a delta alone; in a whole list the certificate is not revoked either
            removed.add(serial)
            revoked.pop(serial, None)
        else:
            revoked[serial] = Revocation(time, reason, invalidity)
            removed.discard(serial)
    return revoked, frozenset(removed) if delta else frozenset()


def _extensions(extensions: tlv.Tlv | None, known: tuple[str, ...]) -> dict[str, bytes]:
    """Extension ::= SEQUENCE { extnID, critical BOOLEAN DEFAULT FALSE, extnValue } (RFC 5280 clause 4.1), those
    known."""
    values: dict[str, bytes] = {}
    for extension in extensions.reader() if extensions else ():
        parts = extension.reader()
        identifier = tlv.to_oid(parts.next(tlv.OID, what="extension"))
        critical = parts.optional(tlv.BOOLEAN, what="critical")
        value = parts.next(tlv.OCTET_STRING, what="extension").value
        if identifier in known:
            if identifier in values:
                raise FormatError("a revocation list has an extension twice", extension=identifier)
            values[identifier] = value
        elif critical is not None and critical.value != b"\0":
            raise FormatError("a revocation list has an unknown critical extension", extension=identifier)
    return values


def _scope(der: bytes) -> Scope:
    """IssuingDistributionPoint ::= SEQUENCE { [0] distributionPoint, [1] .. [5] } (RFC 5280 clause 5.2.5)."""
    flags = {0x81: False, 0x82: False, 0x84: False, 0x85: False}
    addresses: frozenset[str] | None = None
    reasons = False
    for part in tlv.read_one(der, tlv.SEQUENCE, what="issuing distribution point").reader():
        if part.tag in flags:
            flags[part.tag] = part.value != b"\0"
        elif part.tag == 0xA0:
            addresses = _addresses(part)
        elif part.tag == 0x83:
            reasons = True
        else:
            raise FormatError(
                "an unknown part of an issuing distribution point", offset=part.offset, tag=f"{part.tag:X}"
            )
    if sum(flags[tag] for tag in (0x81, 0x82, 0x85)) > 1:
        raise FormatError("a revocation list is of two kinds of certificates alone")
    return Scope(flags[0x81], flags[0x82], flags[0x85], reasons, flags[0x84], addresses)


def _addresses(point: tlv.Tlv) -> frozenset[str]:
    """The addresses in DistributionPointName ::= CHOICE { [0] GeneralNames, [1] a part of a name }."""
    name = point.reader().next(0xA0, 0xA1, what="name of a distribution point")
    found = name.reader() if name.tag == 0xA0 else ()
    return frozenset(each.value.decode("ascii") for each in found if each.tag == 0x86 and each.value.isascii())


def _authority_key(der: bytes | None) -> bytes | None:
    if der is None:
        return None
    found = tlv.read_one(der, tlv.SEQUENCE, what="authority key identifier").reader().optional(0x80)
    return None if found is None else found.value


def _integer(der: bytes) -> int:
    return tlv.to_integer(tlv.read_one(der, tlv.INTEGER, what="number of a revocation list"), maximum_bytes=64)


def _certificate_issuer(der: bytes) -> str:
    """The directory name among GeneralNames."""
    for each in tlv.read_one(der, tlv.SEQUENCE, what="certificate issuer").reader():
        if each.tag == 0xA4:
            return names.read(each.reader().next(tlv.SEQUENCE, what="certificate issuer")).key
    raise FormatError("a certificate issuer without a name")


def _next_time(parts: tlv.Reader) -> dt.datetime:
    return asn1_times.read(parts.next(tlv.UTC_TIME, tlv.GENERALIZED_TIME, what="time"))
