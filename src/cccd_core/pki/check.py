"""Says clause by clause how a certificate or list is not as Doc 9303-12 has it (`cccd pki check`).

Looks at the bytes themselves, so that what a lenient reader passes over is seen. The rules are `profile`'s.
"""

from __future__ import annotations

import base64
import datetime as dt
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial

from cccd_core.emrtd import cms, times, tlv
from cccd_core.emrtd.public_keys import EC_PUBLIC_KEY, EcPublicKey, RsaPublicKey, UnknownKey
from cccd_core.errors import CccdError, Fact, FormatError
from cccd_core.pki import extensions as x
from cccd_core.pki import names
from cccd_core.pki.certificates import DEVIATION_LIST_SIGNER, MASTER_LIST_SIGNER, Certificate, parse_certificate
from cccd_core.pki.deviation_list import DEVIATION_LIST, parse_content
from cccd_core.pki.master_list import CSCA_MASTER_LIST
from cccd_core.pki.messages import verify_signer
from cccd_core.pki.policy import VerificationPolicy
from cccd_core.pki.profile import (
    AUTHORITIES,
    CLAUSES,
    ENTRY_EXTENSIONS,
    HARMLESS_ENTRY_EXTENSIONS,
    Expected,
    Kind,
    Severity,
    extensions_of,
)
from cccd_core.pki.signatures import parse_scheme, verify
from cccd_core.pki.strength import (
    MIN_AUTHORITY_CURVE_BITS,
    MIN_AUTHORITY_RSA_BITS,
    MIN_CURVE_BITS,
    MIN_RSA_BITS,
    STRONG_HASHES,
)
from cccd_core.pki.validity import CRL_DAYS_MAX, CSCA_KEY_YEARS_MAX, SIGNER_KEY_DAYS_MAX
from cccd_core.plain import JsonObject

MAX_BYTES = 32 << 20
_MOST_ROWS = 100_000
_MOST_INSIDE = 10_000
_PRINTABLE_ATTRIBUTES = frozenset((names.COUNTRY, "2.5.4.5"))
_DIRECTORY_STRINGS = frozenset(("2.5.4.3", "2.5.4.7", "2.5.4.8", "2.5.4.10", "2.5.4.11"))
_COMMON_NAME = "2.5.4.3"
_LOCALITY = "2.5.4.7"
_DAY = dt.timedelta(days=1)
_USAGE = {True: {"key_cert_sign", "crl_sign"}, False: {"digital_signature"}}


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


def check(data: bytes, *, inside: bool = False) -> Checked:
    """Checks a DER certificate, revocation list, master list or deviation list. With `inside` every certificate that a
    master list lists is checked too. FormatError for what is none of them, or more than 32 MiB."""
    if len(data) > MAX_BYTES:
        raise FormatError("too long for a certificate or list", length=len(data), limit=MAX_BYTES)
    outer = tlv.read_one(data, tlv.SEQUENCE, what="certificate or list").reader()
    first = outer.next(tlv.SEQUENCE, tlv.OID, what="certificate or list")
    if first.tag == tlv.OID:
        return _signed_list(data, inside)
    head = first.reader()
    if head.peek() == 0xA0:
        return _certificate(data)
    head.next(tlv.INTEGER, tlv.SEQUENCE, what="version or signature algorithm")
    if head.peek() == tlv.SEQUENCE:  # serial number or version, algorithm, issuer
        head.next()
    head.next(tlv.SEQUENCE, what="issuer")
    is_list = head.peek() in (tlv.UTC_TIME, tlv.GENERALIZED_TIME)
    return _revocation_list(data) if is_list else _certificate(data)


def check_file(data: bytes, *, inside: bool = False) -> Checked:
    """`check` of a file's content, which may be PEM (RFC 7468), of whatever label. FormatError."""
    if data.lstrip()[:5] != b"-----":
        return check(data, inside=inside)
    lines = [line.strip() for line in data.strip().splitlines()]
    if len(lines) < 3 or not lines[0].startswith(b"-----BEGIN ") or not lines[-1].startswith(b"-----END "):
        raise FormatError("not one PEM text", lines=len(lines))
    try:
        return check(base64.b64decode(b"".join(lines[1:-1]), validate=True), inside=inside)
    except ValueError:
        raise FormatError("a PEM text that is no base64") from None


class _Findings:
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


# -- certificates


def _certificate(data: bytes) -> Checked:
    found = _Findings()
    found.reads("der", lambda: tlv.check_structure(data, what="certificate", der=True, max_objects=10_000))
    found.reads("algorithms_agree", lambda: _algorithms_agree(data))
    try:
        certificate = parse_certificate(data)
    except FormatError as error:
        found.require(False, "readable", why=error.message, **error.facts)
        return Checked(Kind.CERTIFICATE, "", tuple(found.breaches))
    kind = _kind_of(certificate)
    whole = tlv.read_one(data, tlv.SEQUENCE).reader()
    parts = whole.next(tlv.SEQUENCE).reader()
    version = parts.optional(0xA0)
    found.require(version is not None and version.value == b"\x02\x01\x02", "version")
    serial = parts.next(tlv.INTEGER)
    _integer(found, "serial_number", serial, positive=True)
    parts.next(tlv.SEQUENCE)
    issuer = parts.next(tlv.SEQUENCE)
    validity = parts.next(tlv.SEQUENCE).reader()
    for _ in range(2):
        _time(found, validity.next())
    subject = parts.next(tlv.SEQUENCE)
    for part, name in (("issuer", issuer), ("subject", subject)):
        _name(found, name, part)
    countries = (certificate.issuer_name.country, certificate.subject_name.country)
    found.require(countries[0] == countries[1], "countries_match", issuer=countries[0], subject=countries[1])
    found.require(certificate.not_before < certificate.not_after, "time_order")
    spki = parts.next(tlv.SEQUENCE)
    _key(found, certificate, spki, kind)
    _algorithm(found, certificate.signature_algorithm)
    unique = [parts.optional(tag) for tag in (0x81, 0x82)]
    found.require(unique == [None, None], "unique_identifiers")
    raw = _extensions(found, parts, extensions_of(kind))
    for oid, why in (*certificate.broken_extensions.items(), *certificate.broken_critical.items()):
        found.require(False, "extension_syntax", extension=oid, why=why.message)
    _meaning(found, certificate, kind, raw)
    if kind is Kind.ROOT:
        found.reads("signature", lambda: _verify(certificate, certificate))
    return Checked(kind, certificate.subject, tuple(found.breaches))


def _algorithms_agree(data: bytes) -> None:
    whole = tlv.read_one(data, tlv.SEQUENCE).reader()
    parts = whole.next(tlv.SEQUENCE).reader()
    parts.optional(0xA0)
    parts.next(tlv.INTEGER)
    if parts.next(tlv.SEQUENCE).value != whole.next(tlv.SEQUENCE).value:
        raise FormatError("a certificate names two signature algorithms")


def _kind_of(certificate: Certificate) -> Kind:
    purposes = certificate.extended_key_usage or frozenset()
    if certificate.is_ca or "key_cert_sign" in (certificate.key_usage or ()):
        own = {None, certificate.subject_key_identifier}
        same = certificate.issuer_name == certificate.subject_name and certificate.authority_key_identifier in own
        return Kind.ROOT if same else Kind.LINK
    if purposes & {MASTER_LIST_SIGNER, DEVIATION_LIST_SIGNER}:
        return Kind.LIST_SIGNER
    return Kind.COMMUNICATION if purposes else Kind.DOCUMENT_SIGNER


def _meaning(found: _Findings, certificate: Certificate, kind: Kind, raw: dict[str, tlv.Tlv]) -> None:
    """What the values of extensions say, for those that are there and can be read."""
    usage = certificate.key_usage
    if usage is not None and kind is not Kind.COMMUNICATION:
        found.require(usage == _USAGE[kind in AUTHORITIES], "key_usage_bits", found=", ".join(sorted(usage)))
    if kind in AUTHORITIES and certificate.has_basic_constraints:
        held = certificate.is_ca and certificate.path_length == 0
        found.require(held, "basic_constraints", ca=certificate.is_ca, path_length=certificate.path_length)
    _period(found, certificate, kind)
    for oid in (x.SUBJECT_ALTERNATIVE_NAME, x.ISSUER_ALTERNATIVE_NAME):
        if oid in raw:
            found.reads("alternative_names", partial(_alternative, raw[oid]), extension=oid)
    if x.AUTHORITY_KEY_IDENTIFIER in raw:
        identifier = certificate.authority_key_identifier
        found.require(identifier is not None, "key_identifiers")
        if kind is Kind.ROOT and identifier is not None:
            found.require(identifier == certificate.subject_key_identifier, "key_identifiers")
    if kind is Kind.LIST_SIGNER:
        purposes = certificate.extended_key_usage or frozenset()
        found.require(len(purposes) == 1, "purpose", found=", ".join(sorted(purposes)))
    if x.CRL_DISTRIBUTION_POINTS in raw:
        addresses = certificate.distribution_points
        right = [one for one in addresses if one.lower().startswith(("ldap:", "ldaps:", "http:", "https:"))]
        found.require(bool(addresses) and right == list(addresses), "distribution_points", count=len(addresses))
    if certificate.document_types is not None:
        lengths = {len(one) for one in certificate.document_types}
        version = tlv.read_one(raw[x.DOCUMENT_TYPE_LIST].value, tlv.SEQUENCE).reader().next(tlv.INTEGER)
        right_types = bool(lengths) and lengths <= {1, 2} and version.value == b"\0"
        found.require(right_types, "document_types", types=", ".join(sorted(certificate.document_types)))
    if kind is Kind.LINK:
        renamed = certificate.issuer_name != certificate.subject_name
        found.require(not renamed or x.NAME_CHANGE in raw, "name_change")
    if x.NAME_CHANGE in raw:
        found.require(raw[x.NAME_CHANGE].value == tlv.NULL_VALUE, "name_change")


def _period(found: _Findings, certificate: Certificate, kind: Kind) -> None:
    if certificate.private_key_usage_period is None:
        return
    since, until = certificate.private_key_usage_period
    begin, end = since or certificate.not_before, until or certificate.not_after
    found.require(
        certificate.not_before <= begin < end <= certificate.not_after, "key_period",
        since=begin.isoformat(), until=end.isoformat(),
    )  # fmt: skip
    days = (end - begin) // _DAY
    if kind in AUTHORITIES:
        found.require(3 * 365 <= days <= CSCA_KEY_YEARS_MAX * 366, "key_period_length", days=days)
    elif kind is Kind.DOCUMENT_SIGNER:
        found.require(days <= SIGNER_KEY_DAYS_MAX, "key_period_length", days=days)


def _key(found: _Findings, certificate: Certificate, spki: tlv.Tlv, kind: Kind) -> None:
    key = certificate.public_key
    if isinstance(key, UnknownKey):
        found.require(False, "public_key", why=key.why.message)
        return
    parts = spki.reader()
    algorithm = parts.next(tlv.SEQUENCE).reader()
    identifier = tlv.to_oid(algorithm.next(tlv.OID))
    bits = key.modulus.bit_length() if isinstance(key, RsaPublicKey) else key.curve.bits
    if kind in AUTHORITIES:
        least = MIN_AUTHORITY_RSA_BITS if isinstance(key, RsaPublicKey) else MIN_AUTHORITY_CURVE_BITS
    else:
        least = MIN_RSA_BITS if isinstance(key, RsaPublicKey) else MIN_CURVE_BITS
    found.require(bits >= least, "key_strength", key=key.name, least=least)
    if isinstance(key, EcPublicKey):
        spelt = identifier == EC_PUBLIC_KEY and algorithm.peek() == tlv.SEQUENCE
        found.require(spelt and _has_cofactor(algorithm.next(tlv.SEQUENCE)), "explicit_parameters", curve=key.name)
        point = parts.next(tlv.BIT_STRING).value
        found.require(point[1:2] == b"\x04", "uncompressed_point")


def _has_cofactor(parameters: tlv.Tlv) -> bool:
    """ECParameters ::= SEQUENCE { version, field, curve, base, order, cofactor OPTIONAL } (X9.62)."""
    kinds = [each.tag for each in parameters.reader()]
    return kinds[-2:] == [tlv.INTEGER, tlv.INTEGER]


# -- parts of certificates and lists


def _algorithm(found: _Findings, algorithm: bytes) -> None:
    def strong() -> None:
        scheme = parse_scheme(algorithm)
        if scheme.hash_name not in STRONG_HASHES:
            raise FormatError("a hash that is not permitted", algorithm=scheme.name)

    found.reads("algorithm", strong)


def _integer(found: _Findings, rule: str, value: tlv.Tlv, *, positive: bool) -> None:
    raw = value.value
    shortest = len(raw) == 1 or not ((raw[:1] == b"\0" and raw[1] < 0x80) or (raw[:1] == b"\xff" and raw[1] >= 0x80))
    number = int.from_bytes(raw, "big", signed=True)
    found.require(bool(raw) and shortest and len(raw) <= 20 and number >= (1 if positive else 0), rule, bytes=len(raw))


def _time(found: _Findings, value: tlv.Tlv) -> None:
    def right() -> None:
        if times.encode(times.read(value)) != tlv.encode(value.tag, value.value):
            raise FormatError("a time in another form", offset=value.offset)

    found.reads("time_form", right)


def _name(found: _Findings, name: tlv.Tlv, part: str) -> None:
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


def _extensions(found: _Findings, parts: tlv.Reader, table: Iterable[Expected], tag: int = 0xA3) -> dict[str, tlv.Tlv]:
    holder = parts.optional(tag)
    if holder is None:
        found.require(False, "extension_presence", extension="all")
        return {}
    return _listed_extensions(found, holder.reader().next(tlv.SEQUENCE), table)


def _listed_extensions(
    found: _Findings, holder: tlv.Tlv, table: Iterable[Expected], *, absent: bool = True
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


def _alternative(value: tlv.Tlv) -> None:
    """GeneralNames with a directoryName that has a locality of one to three upper case letters."""
    for each in tlv.read_one(value.value, tlv.SEQUENCE).reader():
        if each.tag != 0xA4:
            continue
        for row in each.reader().next(tlv.SEQUENCE).reader():
            for attribute in row.reader():
                inside = attribute.reader()
                if tlv.to_oid(inside.next(tlv.OID)) == _LOCALITY:
                    code = inside.next().value
                    if 1 <= len(code) <= 3 and code.isalpha() and code.isupper():
                        return
    raise FormatError("no directory name with the country code of the MRZ", offset=value.offset)


def _verify(certificate: Certificate, issuer: Certificate) -> None:
    scheme = parse_scheme(certificate.signature_algorithm)
    verify(scheme, issuer.public_key, certificate.signature, certificate.signed_part)


# -- lists


def _revocation_list(data: bytes) -> Checked:
    found = _Findings()
    about = ""

    def walk() -> None:
        nonlocal about
        tlv.check_structure(data, what="revocation list")
        whole = tlv.read_one(data, tlv.SEQUENCE).reader()
        parts = whole.next(tlv.SEQUENCE).reader()
        outer = whole.next(tlv.SEQUENCE)
        whole.next(tlv.BIT_STRING)
        version = parts.optional(tlv.INTEGER)
        found.require(version is not None and version.value == b"\x01", "version")
        inner = parts.next(tlv.SEQUENCE)
        found.require(inner.value == outer.value, "algorithms_agree")
        _algorithm(found, tlv.encode(outer.tag, outer.value))
        issuer = parts.next(tlv.SEQUENCE)
        _name(found, issuer, "issuer")
        about = str(names.read(issuer))
        _updates(found, parts)
        rows = parts.optional(tlv.SEQUENCE)
        found.require(rows is None or bool(rows.value), "revoked_certificates")
        _rows(found, rows)
        raw = _extensions(found, parts, extensions_of(Kind.REVOCATION_LIST), 0xA0)
        if (number := raw.get("2.5.29.20")) is not None:
            _integer(found, "crl_number", tlv.read_one(number.value, tlv.INTEGER), positive=False)
        if (authority := raw.get(x.AUTHORITY_KEY_IDENTIFIER)) is not None:
            identifier = tlv.read_one(authority.value, tlv.SEQUENCE).reader()
            found.require(identifier.peek() == 0x80, "key_identifiers")

    found.reads("der", lambda: tlv.check_structure(data, what="revocation list", der=True))
    found.reads("readable", walk)
    return Checked(Kind.REVOCATION_LIST, about, tuple(found.breaches))


def _updates(found: _Findings, parts: tlv.Reader) -> None:
    this = parts.next(tlv.UTC_TIME, tlv.GENERALIZED_TIME)
    _time(found, this)
    if parts.peek() not in (tlv.UTC_TIME, tlv.GENERALIZED_TIME):
        found.require(False, "next_update")
        return
    following = parts.next()
    _time(found, following)
    begin, end = times.read(this), times.read(following)
    found.require(begin < end, "time_order")
    found.require(2 * _DAY <= end - begin <= CRL_DAYS_MAX * _DAY, "update_interval", days=(end - begin) // _DAY)


def _rows(found: _Findings, rows: tlv.Tlv | None) -> None:
    """Each kind of breach once, with the number of the first row that has it."""
    seen: set[str] = set()
    for count, row in enumerate(rows.reader() if rows is not None else ()):
        if count >= _MOST_ROWS:
            raise FormatError("too many revoked certificates", limit=_MOST_ROWS)
        inside = row.reader()
        mine = _Findings()
        _integer(mine, "serial_number", inside.next(tlv.INTEGER), positive=True)
        _time(mine, inside.next())
        if inside.remaining:
            raw = _listed_extensions(mine, inside.next(tlv.SEQUENCE), ENTRY_EXTENSIONS, absent=False)
            for one in ENTRY_EXTENSIONS:
                harmless = one.name in HARMLESS_ENTRY_EXTENSIONS
                rule = "entry_extension_harmless" if harmless else "entry_extension"
                mine.require(one.identifier not in raw, rule, extension=one.name)
        for breach in mine.breaches:
            key = f"{breach.rule} {breach.facts.get('extension')}"
            if key not in seen:
                seen.add(key)
                found.breaches.append(Breach(breach.rule, {**breach.facts, "row": count}))


def _signed_list(data: bytes, inside: bool) -> Checked:
    found = _Findings()
    try:
        signed = cms.parse(data)
    except FormatError as error:
        raise error.with_facts(needs="a certificate, revocation list, master list or deviation list") from None
    if signed.content_type not in (CSCA_MASTER_LIST, DEVIATION_LIST):
        raise FormatError("a signed message that is no list", content_type=signed.content_type)
    kind = Kind.MASTER_LIST if signed.content_type == CSCA_MASTER_LIST else Kind.DEVIATION_LIST
    found.reads("der", lambda: tlv.check_structure(data, what=str(kind), der=True))
    found.require(signed.version == 3, "signed_data_version", version=signed.version)
    found.require(not signed.crls, "lists_inside", count=len(signed.crls))
    found.require(len(signed.signers) == 1, "one_signer", count=len(signed.signers))
    certificates = [one for one in map(_readable, signed.certificates) if one is not None]
    checked = []
    for info in signed.signers:
        signer = _signer(found, info, certificates)
        if signer is None:
            found.require(False, "certificates_inside", lacks="the signer")
            continue
        checked.append(_certificate(signer.der))
        issuers = [one for one in certificates if one.is_ca and one.subject_name == signer.issuer_name]
        found.require(bool(issuers), "certificates_inside", lacks="its CSCA")
        found.reads("list_signature", partial(verify_signer, signed, info, signer, policy=VerificationPolicy.LEGACY))
    listed: list[tlv.Tlv] = []
    found.reads("content_version", lambda: listed.extend(_content(signed.content, kind)))
    if inside:
        checked += [_certificate(tlv.encode(each.tag, each.value)) for each in listed]
    about = certificates[0].subject if certificates else ""
    return Checked(kind, about, tuple(found.breaches), tuple(checked))


def _signer(found: _Findings, info: cms.SignerInfo, certificates: list[Certificate]) -> Certificate | None:
    found.require(info.subject_key_identifier is not None, "signer_identifier")
    kinds = {attribute.type for attribute in info.signed_attributes}
    wanted = {cms.CONTENT_TYPE, cms.MESSAGE_DIGEST, cms.SIGNING_TIME}
    found.require(wanted <= kinds, "signed_attributes", lacks=", ".join(sorted(wanted - kinds)))
    _algorithm_of(found, info)
    for one in certificates:
        if info.subject_key_identifier is not None:
            if one.subject_key_identifier == info.subject_key_identifier and not one.is_ca:
                return one
        elif one.serial_number == info.serial_number and not one.is_ca:
            return one
    return None


def _algorithm_of(found: _Findings, info: cms.SignerInfo) -> None:
    def strong() -> None:
        scheme = parse_scheme(info.signature_algorithm, digest=info.digest_algorithm)
        if scheme.hash_name not in STRONG_HASHES:
            raise FormatError("a hash that is not permitted", algorithm=scheme.name)

    found.reads("algorithm", strong)


def _content(content: bytes, kind: Kind) -> list[tlv.Tlv]:
    if kind is Kind.DEVIATION_LIST:
        if not parse_content(content):
            raise FormatError("a list without a row")
        return []
    parts = tlv.read_one(content, tlv.SEQUENCE).reader()
    if parts.next(tlv.INTEGER).value != b"\0":
        raise FormatError("a list of another version")
    listed: list[tlv.Tlv] = []
    for each in parts.next(tlv.SET).reader():
        if len(listed) >= _MOST_INSIDE:
            raise FormatError("too many certificates", limit=_MOST_INSIDE)
        listed.append(each)
    if not listed:
        raise FormatError("a list without a row")
    return listed


def _readable(der: bytes) -> Certificate | None:
    try:
        return parse_certificate(der)
    except FormatError:
        return None
