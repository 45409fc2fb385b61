"""The checks of a certificate: Doc 9303-12 tables 5 and 6."""

from __future__ import annotations

from functools import partial

from cccd_core.emrtd import tlv
from cccd_core.emrtd.public_keys import EC_PUBLIC_KEY, EcPublicKey, RsaPublicKey, UnknownKey
from cccd_core.errors import FormatError
from cccd_core.pki import extensions as x
from cccd_core.pki.certificates import DEVIATION_LIST_SIGNER, MASTER_LIST_SIGNER, Certificate, parse_certificate
from cccd_core.pki.check_parts import (
    DAY,
    Checked,
    Findings,
    check_algorithm,
    check_extensions,
    check_integer,
    check_name,
    check_time,
)
from cccd_core.pki.profile import (
    AUTHORITIES,
    Kind,
    extensions_of,
)
from cccd_core.pki.signatures import parse_scheme, verify
from cccd_core.pki.states import COUNTRIES_OF, issued_by
from cccd_core.pki.strength import (
    MIN_AUTHORITY_CURVE_BITS,
    MIN_AUTHORITY_RSA_BITS,
    MIN_CURVE_BITS,
    MIN_RSA_BITS,
)
from cccd_core.pki.validity import CSCA_KEY_YEARS_MAX, SIGNER_KEY_DAYS_MAX

_LOCALITY = "2.5.4.7"
_USAGE = {True: {"key_cert_sign", "crl_sign"}, False: {"digital_signature"}}


def check_certificate(data: bytes) -> Checked:
    """What a DER certificate breaks."""
    found = Findings()
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
    check_integer(found, "serial_number", serial, positive=True)
    parts.next(tlv.SEQUENCE)
    issuer = parts.next(tlv.SEQUENCE)
    validity = parts.next(tlv.SEQUENCE).reader()
    for _ in range(2):
        check_time(found, validity.next())
    subject = parts.next(tlv.SEQUENCE)
    for part, name in (("issuer", issuer), ("subject", subject)):
        check_name(found, name, part)
    countries = (certificate.issuer_name.country, certificate.subject_name.country)
    found.require(countries[0] == countries[1], "countries_match", issuer=countries[0], subject=countries[1])
    found.require(certificate.not_before < certificate.not_after, "time_order")
    spki = parts.next(tlv.SEQUENCE)
    _key(found, certificate, spki, kind)
    check_algorithm(found, certificate.signature_algorithm)
    unique = [parts.optional(tag) for tag in (0x81, 0x82)]
    found.require(unique == [None, None], "unique_identifiers")
    raw = check_extensions(found, parts, extensions_of(kind))
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


def _meaning(found: Findings, certificate: Certificate, kind: Kind, raw: dict[str, tlv.Tlv]) -> None:
    """What the values of extensions say, for those that are there and can be read."""
    usage = certificate.key_usage
    if usage is not None and kind is not Kind.COMMUNICATION:
        found.require(usage == _USAGE[kind in AUTHORITIES], "key_usage_bits", found=", ".join(sorted(usage)))
    if kind in AUTHORITIES and certificate.has_basic_constraints:
        held = certificate.is_ca and certificate.path_length == 0
        found.require(held, "basic_constraints", ca=certificate.is_ca, path_length=certificate.path_length)
    _period(found, certificate, kind)
    for oid, name in (
        (x.SUBJECT_ALTERNATIVE_NAME, certificate.subject_name),
        (x.ISSUER_ALTERNATIVE_NAME, certificate.issuer_name),
    ):
        if oid in raw:
            found.reads("alternative_names", partial(_alternative, raw[oid], name.country), extension=oid)
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


def _period(found: Findings, certificate: Certificate, kind: Kind) -> None:
    if certificate.private_key_usage_period is None:
        return
    since, until = certificate.private_key_usage_period
    begin, end = since or certificate.not_before, until or certificate.not_after
    found.require(
        certificate.not_before <= begin < end <= certificate.not_after, "key_period",
        since=begin.isoformat(), until=end.isoformat(),
    )  # fmt: skip
    days = (end - begin) // DAY
    if kind in AUTHORITIES:
        found.require(3 * 365 <= days <= CSCA_KEY_YEARS_MAX * 366, "key_period_length", days=days)
    elif kind is Kind.DOCUMENT_SIGNER:
        found.require(days <= SIGNER_KEY_DAYS_MAX, "key_period_length", days=days)


def _key(found: Findings, certificate: Certificate, spki: tlv.Tlv, kind: Kind) -> None:
    key = certificate.public_key
    if isinstance(key, UnknownKey):
        found.require(False, "public_key", why=key.why.message)
        return
    parts = spki.reader()
    algorithm = parts.next(tlv.SEQUENCE).reader()
    identifier = tlv.to_oid(algorithm.next(tlv.OID))
    bits = key.modulus.bit_length() if isinstance(key, RsaPublicKey) else key.curve.bits
    least = MIN_RSA_BITS if isinstance(key, RsaPublicKey) else MIN_CURVE_BITS
    found.require(bits >= least, "key_length", key=key.name, least=least)
    if kind in AUTHORITIES and bits >= least:
        advised = MIN_AUTHORITY_RSA_BITS if isinstance(key, RsaPublicKey) else MIN_AUTHORITY_CURVE_BITS
        found.require(bits >= advised, "key_strength", key=key.name, least=advised)
    if isinstance(key, EcPublicKey):
        spelt = identifier == EC_PUBLIC_KEY and algorithm.peek() == tlv.SEQUENCE
        found.require(spelt and _has_cofactor(algorithm.next(tlv.SEQUENCE)), "explicit_parameters", curve=key.name)
        point = parts.next(tlv.BIT_STRING).value
        found.require(point[1:2] == b"\x04", "uncompressed_point")


def _has_cofactor(parameters: tlv.Tlv) -> bool:
    """ECParameters ::= SEQUENCE { version, field, curve, base, order, cofactor OPTIONAL } (X9.62)."""
    kinds = [each.tag for each in parameters.reader()]
    return kinds[-2:] == [tlv.INTEGER, tlv.INTEGER]


def _alternative(value: tlv.Tlv, country: str | None) -> None:
    """GeneralNames with a directoryName that has a locality of one to three upper case letters; where `country` is
    given, and the code is known, one of that country."""
    for each in tlv.read_one(value.value, tlv.SEQUENCE).reader():
        if each.tag != 0xA4:
            continue
        for row in each.reader().next(tlv.SEQUENCE).reader():
            for attribute in row.reader():
                inside = attribute.reader()
                if tlv.to_oid(inside.next(tlv.OID)) == _LOCALITY:
                    code = inside.next().value
                    if not (1 <= len(code) <= 3 and code.isalpha() and code.isupper()):
                        continue
                    state = code.decode("ascii")
                    if country is not None and state in COUNTRIES_OF and not issued_by(state, country):
                        raise FormatError("the code of another country than the name's", offset=inside.offset)
                    return
    raise FormatError("no directory name with the country code of the MRZ", offset=value.offset)


def _verify(certificate: Certificate, issuer: Certificate) -> None:
    scheme = parse_scheme(certificate.signature_algorithm)
    verify(scheme, issuer.public_key, certificate.signature, certificate.signed_part)
