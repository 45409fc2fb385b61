"""Deviation lists: what of a State's documents is known not to be as Doc 9303 has it.

Doc 9303-3 clause 7 (deviations and their types), Doc 9303-12 clause 10 (the list); signed like a master list, by a
deviation list signer.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from cccd_core.emrtd import times, tlv
from cccd_core.emrtd.hashes import HASH_SIZES, hash_identifier, parse_hash
from cccd_core.errors import FormatError, ParameterError
from cccd_core.pki import names
from cccd_core.pki.certificates import Certificate
from cccd_core.pki.crl import RevocationList
from cccd_core.pki.messages import SignatureReport, read_signed_list
from cccd_core.pki.path import Role
from cccd_core.pki.policy import VerificationPolicy
from cccd_core.pki.signed_list import write_signed_list
from cccd_core.pki.trust import TrustStore
from cccd_core.plain import RefusedError, decode
from cccd_core.signing.signer import Signer

DEVIATION_LIST = "2.23.136.1.1.7"
MAX_BYTES = 8 << 20
MAX_DEVIATIONS = 10_000
MAX_DESCRIPTIONS = 64
MAX_DOCUMENTS = 100_000

TYPES = {
    "cert_or_key": f"{DEVIATION_LIST}.1",
    "cert_or_key.ds_signature": f"{DEVIATION_LIST}.1.1",
    "cert_or_key.ds_encoding": f"{DEVIATION_LIST}.1.2",
    "cert_or_key.csca_encoding": f"{DEVIATION_LIST}.1.3",
    "cert_or_key.aa_key_compromised": f"{DEVIATION_LIST}.1.4",
    "lds": f"{DEVIATION_LIST}.2",
    "lds.dg_malformed": f"{DEVIATION_LIST}.2.1",
    "lds.dg_hash_wrong": f"{DEVIATION_LIST}.2.2",
    "lds.sod_signature_wrong": f"{DEVIATION_LIST}.2.3",
    "lds.com_inconsistent": f"{DEVIATION_LIST}.2.4",
    "mrz": f"{DEVIATION_LIST}.3",
    "mrz.wrong_data": f"{DEVIATION_LIST}.3.1",
    "mrz.wrong_check_digit": f"{DEVIATION_LIST}.3.2",
    "chip": f"{DEVIATION_LIST}.4",
    "national_use": f"{DEVIATION_LIST}.5",
}
"""The deviation types by a word of ours (Doc 9303-3 clause 7.3.5)."""
_WORDS = {identifier: word for word, identifier in TYPES.items()}
_WITH_DATA_GROUP = ("lds.dg_malformed", "lds.dg_hash_wrong")
_EF_SOD, _EF_COM = 20, 21  # in the place of a data group's number


@dataclass(frozen=True, slots=True)
class Description:
    """One way in which documents deviate: its type (a word of `TYPES`, or an OID that is not known here), a text, the
    data group where the type has one (20: EF.SOD, 21: EF.COM), other parameters and what a State adds, as DER."""

    type: str
    text: str | None = None
    data_group: int | None = None
    parameters: bytes | None = None
    national_use: bytes | None = None


@dataclass(frozen=True, slots=True)
class Documents:
    """Which documents: all that is stated must be met. The signer by issuer (DER Name, hexadecimal in JSON) and serial
    number (hexadecimal), by key identifier, or by the SHA-256 (or other hash) of its certificate."""

    document_type: str | None = None
    issuer: bytes | None = None
    serial_number: str | None = None
    key_identifier: bytes | None = None
    certificate_digest: bytes | None = None
    digest_algorithm: str | None = None
    first_issued: dt.datetime | None = None
    last_issued: dt.datetime | None = None
    document_numbers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Deviation:
    """Documents, and how they deviate."""

    documents: Documents
    descriptions: tuple[Description, ...]


@dataclass(frozen=True, slots=True)
class DeviationList:
    """A deviation list whose signature leads to the root that was given."""

    deviations: tuple[Deviation, ...]
    signer: Certificate
    algorithm: str
    signing_time: dt.datetime | None
    report: SignatureReport


# -- writing


def read_deviations(data: bytes) -> tuple[Deviation, ...]:
    """Deviations as JSON has them: a list of objects with the fields of `Deviation`. FormatError; `field` is where the
    fault stands (`0.documents.first_issued`)."""
    try:
        return decode(tuple[Deviation, ...], json.loads(data))
    except RefusedError as error:
        raise FormatError(f"deviations that cannot be read: {error.what}", field=".".join(error.where)) from None
    except (ValueError, RecursionError):
        raise FormatError("deviations that cannot be read: not JSON") from None


def write_deviation_list(
    deviations: Iterable[Deviation], signer: Signer, authority: Certificate, signing_time: dt.datetime
) -> bytes:
    """A signed deviation list. ParameterError for a deviation that cannot be written; errors as `write_signed_list`."""
    rows = []
    for number, each in enumerate(deviations):
        try:
            rows.append(_encode(each))
        except ParameterError as error:
            raise error.with_facts(deviation=number) from None
    if not rows or len(rows) > MAX_DEVIATIONS:
        raise ParameterError("a deviation list of no deviation, or of too many", count=len(rows), most=MAX_DEVIATIONS)
    content = tlv.sequence(tlv.integer(0), hash_identifier(signer.algorithm.hash_name), tlv.set_of(rows))
    return write_signed_list(DEVIATION_LIST, content, signer, authority, signing_time)


def _encode(deviation: Deviation) -> bytes:
    if not deviation.descriptions or len(deviation.descriptions) > MAX_DESCRIPTIONS:
        raise ParameterError("a deviation has a description", count=len(deviation.descriptions))
    return tlv.sequence(_encode_documents(deviation.documents), tlv.set_of(map(_encode_how, deviation.descriptions)))


def _encode_documents(of: Documents) -> bytes:
    parts = []
    if of.document_type is not None:
        parts.append(tlv.encode(0x80, _printable(of.document_type, least=1, most=2)))
    parts.append(_encode_signer(of))
    if (of.first_issued is None) != (of.last_issued is None):
        missing = "first_issued" if of.first_issued is None else "last_issued"
        raise ParameterError("a time of issue has a beginning and an end", field=missing)
    if of.first_issued is not None and of.last_issued is not None:
        period = _generalized(of.first_issued, "first_issued") + _generalized(of.last_issued, "last_issued")
        if of.first_issued > of.last_issued:
            raise ParameterError("a time of issue ends before it begins", field="last_issued")
        parts.append(tlv.encode(0xA4, period))
    if of.document_numbers:
        numbers = [tlv.encode(tlv.PRINTABLE_STRING, _printable(one, least=1, most=64)) for one in of.document_numbers]
        parts.append(tlv.encode(0xA5, b"".join(sorted(numbers))))
    if not any(parts):
        raise ParameterError("a deviation says which documents it is about")
    return tlv.sequence(*parts)


def _encode_signer(of: Documents) -> bytes:
    """DocumentSignerIdentifier ::= CHOICE { [1] issuerAndSerialNumber, [2] key identifier, [3] digest }."""
    found = []
    if of.issuer is not None and of.serial_number is not None:
        names.read(tlv.read_one(of.issuer, tlv.SEQUENCE, what="issuer"))
        found.append(tlv.encode(0xA1, of.issuer + tlv.integer(int(of.serial_number, 16))))
    elif of.issuer is not None or of.serial_number is not None:
        raise ParameterError("a signer is named by its issuer and its serial number")
    if of.key_identifier is not None:
        found.append(tlv.encode(0x82, of.key_identifier))
    if of.certificate_digest is not None:
        name = of.digest_algorithm or "sha256"
        if len(of.certificate_digest) != HASH_SIZES.get(name):
            raise ParameterError("a certificate's digest of another length than its hash's", algorithm=name)
        found.append(tlv.encode(0xA3, hash_identifier(name) + tlv.octet_string(of.certificate_digest)))
    if len(found) > 1:
        raise ParameterError("a signer is named in one way")
    return found[0] if found else b""


def _encode_how(how: Description) -> bytes:
    identifier = tlv.oid(TYPES.get(how.type, how.type))
    text = b"" if how.text is None else tlv.encode(tlv.PRINTABLE_STRING, _printable(how.text, least=1, most=4096))
    parameters = how.parameters
    if how.data_group is not None:
        if how.type not in _WITH_DATA_GROUP or how.data_group not in (*range(1, 17), _EF_SOD, _EF_COM):
            raise ParameterError("a deviation of no such data group", type=how.type, data_group=how.data_group)
        parameters = tlv.integer(how.data_group)
    return tlv.sequence(
        text,
        identifier,
        b"" if parameters is None else tlv.encode(0xA0, parameters),
        b"" if how.national_use is None else tlv.encode(0xA1, how.national_use),
    )


def _printable(text: str, *, least: int, most: int) -> bytes:
    allowed = text.isascii() and all(sign.isalnum() or sign in " '()+,-./:=?" for sign in text)
    if not allowed or not least <= len(text) <= most:
        raise ParameterError("a text that a PrintableString does not have, or of another length", length=len(text))
    return text.encode("ascii")


def _generalized(time: dt.datetime, field: str) -> bytes:
    if time.tzinfo is None:
        raise ParameterError("a time without a time zone", field=field, needs="like 2026-01-01T00:00:00+07:00")
    utc = time.astimezone(dt.UTC)
    return tlv.encode(tlv.GENERALIZED_TIME, f"{utc.year:04d}{utc:%m%d%H%M%SZ}".encode("ascii"))


# -- reading


def parse_deviation_list(
    data: bytes,
    *roots: Certificate,
    at: dt.datetime | None = None,
    crls: Iterable[RevocationList] = (),
    policy: VerificationPolicy = VerificationPolicy.STRICT,
) -> DeviationList:
    """Reads and verifies a deviation list against CSCA certificates, which must be trusted already, and their
    revocation lists, as `parse_master_list` does a master list. FormatError, VerificationError, CertificateError."""
    if len(data) > MAX_BYTES:
        raise FormatError("a deviation list is too long", length=len(data), limit=MAX_BYTES)
    known = TrustStore(roots, crls).require_whole()
    found = read_signed_list(
        data, DEVIATION_LIST, Role.DEVIATION_LIST_SIGNER, known, at, about="deviation list", policy=policy
    )
    return DeviationList(parse_content(found.content), found.signer, found.algorithm, found.signing_time, found.report)


def parse_content(content: bytes) -> tuple[Deviation, ...]:
    """The deviations of a DER DeviationList ::= SEQUENCE { version 0, digest algorithm OPTIONAL, SET OF Deviation }.
    FormatError with offset; nothing is verified."""
    parts = tlv.read_one(content, tlv.SEQUENCE, what="deviation list").reader()
    version = tlv.to_integer(parts.next(tlv.INTEGER, what="version of the deviation list"))
    if version != 0:
        raise FormatError("a deviation list of an unknown version", version=version)
    parts.optional(tlv.SEQUENCE, what="digest algorithm")
    listed = parts.next(tlv.SET, what="deviations")
    parts.finish("deviation list")
    return tuple(map(_deviation, _items(listed, MAX_DEVIATIONS)))


def _deviation(found: tlv.Tlv) -> Deviation:
    parts = _expect(found, tlv.SEQUENCE).reader()
    documents = _documents(parts.next(tlv.SEQUENCE, what="documents of a deviation"))
    descriptions = parts.next(tlv.SET, what="descriptions of a deviation")
    parts.finish("deviation")
    return Deviation(documents, tuple(map(_how, _items(descriptions, MAX_DESCRIPTIONS))))


def _documents(found: tlv.Tlv) -> Documents:
    parts = found.reader()
    kind = parts.optional(0x80, what="document type")
    issuer = serial = key = digest = algorithm = first = last = None
    if (by_name := parts.optional(0xA1, what="document signer")) is not None:
        inside = by_name.reader()
        name = inside.next(tlv.SEQUENCE, what="issuer")
        issuer = tlv.encode(name.tag, name.value)
        number = tlv.to_number(inside.next(tlv.INTEGER, what="serial number"))
        serial = f"{number:X}"
        inside.finish("document signer")
    elif (by_key := parts.optional(0x82, what="document signer")) is not None:
        key = by_key.value
    elif (by_digest := parts.optional(0xA3, what="document signer")) is not None:
        inside = by_digest.reader()
        algorithm = parse_hash(inside.next(tlv.SEQUENCE, what="digest algorithm"))
        digest = inside.next(tlv.OCTET_STRING, what="digest of a certificate").value
        inside.finish("document signer")
    if (period := parts.optional(0xA4, what="time of issue")) is not None:
        inside = period.reader()
        first, last = (times.read(inside.next(tlv.GENERALIZED_TIME, what="time of issue")) for _ in range(2))
        inside.finish("time of issue")
    listed = parts.optional(0xA5, what="document numbers")
    numbers = tuple(
        tlv.to_text(_expect(each, tlv.PRINTABLE_STRING), maximum_bytes=64)
        for each in (_items(listed, MAX_DOCUMENTS) if listed else ())
    )
    parts.finish("documents of a deviation")
    text = None if kind is None else tlv.to_text(kind, maximum_bytes=16)
    return Documents(text, issuer, serial, key, digest, algorithm, first, last, numbers)


def _how(found: tlv.Tlv) -> Description:
    parts = _expect(found, tlv.SEQUENCE).reader()
    text = parts.optional(tlv.PRINTABLE_STRING, what="description")
    identifier = tlv.to_oid(parts.next(tlv.OID, what="deviation type"))
    parameters, national = parts.optional(0xA0, what="parameters"), parts.optional(0xA1, what="national use")
    parts.finish("description of a deviation")
    word = _WORDS.get(identifier, identifier)
    said = None if parameters is None else parameters.value
    group = None
    if parameters is not None and word in _WITH_DATA_GROUP:
        group = tlv.to_integer(tlv.read_one(parameters.value, tlv.INTEGER, what="data group"))
        said = None
    return Description(
        word, None if text is None else tlv.to_text(text), group, said, None if national is None else national.value
    )


def _items(holder: tlv.Tlv, most: int) -> Iterator[tlv.Tlv]:
    for count, each in enumerate(holder.reader()):
        if count >= most:
            raise FormatError("a deviation list has too many parts", offset=each.offset, limit=most)
        yield each


def _expect(found: tlv.Tlv, tag: int) -> tlv.Tlv:
    if found.tag != tag:
        raise FormatError("another data object stands in a deviation list", offset=found.offset, tag=f"{found.tag:X}")
    return found
