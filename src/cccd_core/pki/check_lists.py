"""The checks of revocation lists, master lists and deviation lists: Doc 9303-12 tables 9 and 10, clauses 9 and 10."""

from __future__ import annotations

from functools import partial

from cccd_core.emrtd import cms, times, tlv
from cccd_core.errors import FormatError
from cccd_core.pki import extensions as x
from cccd_core.pki import names
from cccd_core.pki.certificates import Certificate, parse_certificate
from cccd_core.pki.check_certificate import check_certificate
from cccd_core.pki.check_parts import (
    DAY,
    Breach,
    Checked,
    Findings,
    check_algorithm,
    check_extensions,
    check_integer,
    check_listed_extensions,
    check_name,
    check_time,
)
from cccd_core.pki.deviation_list import DEVIATION_LIST, parse_content
from cccd_core.pki.master_list import CSCA_MASTER_LIST
from cccd_core.pki.messages import verify_signer
from cccd_core.pki.path import no_authority
from cccd_core.pki.policy import VerificationPolicy
from cccd_core.pki.profile import (
    ENTRY_EXTENSIONS,
    HARMLESS_ENTRY_EXTENSIONS,
    Kind,
    extensions_of,
)
from cccd_core.pki.signatures import parse_scheme
from cccd_core.pki.strength import (
    STRONG_HASHES,
)
from cccd_core.pki.validity import CRL_DAYS_MAX

_MOST_ROWS = 100_000
_MOST_INSIDE = 10_000


def check_revocation_list(data: bytes) -> Checked:
    """What a DER revocation list breaks."""
    found = Findings()
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
        check_algorithm(found, tlv.encode(outer.tag, outer.value))
        issuer = parts.next(tlv.SEQUENCE)
        check_name(found, issuer, "issuer")
        about = str(names.read(issuer))
        _updates(found, parts)
        rows = parts.optional(tlv.SEQUENCE)
        found.require(rows is None or bool(rows.value), "revoked_certificates")
        _rows(found, rows)
        raw = check_extensions(found, parts, extensions_of(Kind.REVOCATION_LIST), 0xA0)
        if (number := raw.get("2.5.29.20")) is not None:
            check_integer(found, "crl_number", tlv.read_one(number.value, tlv.INTEGER), positive=False)
        if (authority := raw.get(x.AUTHORITY_KEY_IDENTIFIER)) is not None:
            identifier = tlv.read_one(authority.value, tlv.SEQUENCE).reader()
            found.require(identifier.peek() == 0x80, "key_identifiers")

    found.reads("der", lambda: tlv.check_structure(data, what="revocation list", der=True))
    found.reads("readable", walk)
    return Checked(Kind.REVOCATION_LIST, about, tuple(found.breaches))


def _updates(found: Findings, parts: tlv.Reader) -> None:
    this = parts.next(tlv.UTC_TIME, tlv.GENERALIZED_TIME)
    check_time(found, this)
    if parts.peek() not in (tlv.UTC_TIME, tlv.GENERALIZED_TIME):
        found.require(False, "next_update")
        return
    following = parts.next()
    check_time(found, following)
    begin, end = times.read(this), times.read(following)
    found.require(begin < end, "time_order")
    found.require(2 * DAY <= end - begin <= CRL_DAYS_MAX * DAY, "update_interval", days=(end - begin) // DAY)


def _rows(found: Findings, rows: tlv.Tlv | None) -> None:
    """Each kind of breach once, with the number of the first row that has it."""
    seen: set[str] = set()
    for count, row in enumerate(rows.reader() if rows is not None else ()):
        if count >= _MOST_ROWS:
            raise FormatError("too many revoked certificates", limit=_MOST_ROWS)
        inside = row.reader()
        mine = Findings()
        check_integer(mine, "serial_number", inside.next(tlv.INTEGER), positive=True)
        check_time(mine, inside.next())
        if inside.remaining:
            raw = check_listed_extensions(mine, inside.next(tlv.SEQUENCE), ENTRY_EXTENSIONS, absent=False)
            for one in ENTRY_EXTENSIONS:
                harmless = one.name in HARMLESS_ENTRY_EXTENSIONS
                rule = "entry_extension_harmless" if harmless else "entry_extension"
                mine.require(one.identifier not in raw, rule, extension=one.name)
        for breach in mine.breaches:
            key = f"{breach.rule} {breach.facts.get('extension')}"
            if key not in seen:
                seen.add(key)
                found.breaches.append(Breach(breach.rule, {**breach.facts, "row": count}))


def check_signed_list(data: bytes, inside: bool) -> Checked:
    """What a DER master list or deviation list breaks; with `inside` also each certificate that it lists."""
    found = Findings()
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
        checked.append(check_certificate(signer.der))
        issuers = [one for one in certificates if one.is_ca and one.subject_name == signer.issuer_name]
        found.require(bool(issuers), "certificates_inside", lacks="its CSCA")
        found.reads("list_signature", partial(verify_signer, signed, info, signer, policy=VerificationPolicy.LEGACY))
    listed: list[tlv.Tlv] = []
    found.reads("content_version", lambda: listed.extend(_content(signed.content, kind)))
    for number, each in enumerate(listed):
        member = _readable(tlv.encode(each.tag, each.value))
        if member is not None and (why := no_authority(member)) is not None:
            found.require(
                False, "listed_authorities", row=number, why=why, subject=member.subject, sha256=member.fingerprint
            )
    if inside:
        checked += [check_certificate(tlv.encode(each.tag, each.value)) for each in listed]
    about = certificates[0].subject if certificates else ""
    return Checked(kind, about, tuple(found.breaches), tuple(checked))


def _signer(found: Findings, info: cms.SignerInfo, certificates: list[Certificate]) -> Certificate | None:
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


def _algorithm_of(found: Findings, info: cms.SignerInfo) -> None:
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
