"""An odd extension costs that extension; a critical one that cannot be read or is unknown forbids the certificate."""

from __future__ import annotations

import datetime as dt

import pytest

from cccd_core.emrtd import tlv
from cccd_core.errors import CertificateError, FormatError
from cccd_core.pki import TrustStore, extensions, parse_certificate
from support import x509_forms as forms

PLAIN = forms.Base()
BROKEN = {
    # a document type list without version and SET, as Philippine and Indonesian signers have
    extensions.DOCUMENT_TYPE_LIST: ["3003130150", "30060201003000", "04020500", "", "3006020100310530", "300502010031"],
    extensions.AUTHORITY_KEY_IDENTIFIER: ["0402AABB", "3003810100", "30", "3004800211"],
    extensions.SUBJECT_KEY_IDENTIFIER: ["0102030405060708", "30020400", ""],
    extensions.EXTENDED_KEY_USAGE: ["3000", "300406022A", "06022A03", "3003130150"],
    extensions.PRIVATE_KEY_USAGE_PERIOD: ["3000", "3003800141", "3011180F32303230303130313030303030305A"],
    extensions.BASIC_CONSTRAINTS: ["3004010200FF", "30030201FF", "300601010002020001", "0101FF", "30050101FF0500"],
    extensions.KEY_USAGE: ["0300", "030108", "030107", "04020780", "0302"],
    extensions.CRL_DISTRIBUTION_POINTS: ["3003040100", "3004A0020401", "30"],
    extensions.CERTIFICATE_POLICIES: ["3000", "30020500", "300430020500"],
    extensions.SUBJECT_ALTERNATIVE_NAME: ["3000", "0500"],
    extensions.ISSUER_ALTERNATIVE_NAME: ["3000", "30030500"],
}
CASES = [(identifier, value) for identifier, values in BROKEN.items() for value in values]


def alone(identifier: str, value: str, *, critical: bool) -> bytes:
    """A signer with that extension in place of its own of that kind, if it has one."""
    odd = forms.extension(identifier, bytes.fromhex(value), critical=critical)
    own = [forms.KEY_USAGE_SIGNER, *forms.identifiers(PLAIN.signer, PLAIN.csca)]
    kept = [each for each in own if tlv.oid(identifier) not in each]
    return forms.certificate(PLAIN.signer, PLAIN.csca, [*kept, odd])


@pytest.mark.parametrize(("identifier", "value"), CASES)
def test_one_that_cannot_be_read_is_as_absent_and_named(identifier: str, value: str) -> None:
    read = parse_certificate(alone(identifier, value, critical=False))
    assert list(read.broken_extensions) == [identifier]
    assert (read.broken_critical, read.unknown_critical) == ({}, ())
    bare = parse_certificate(forms.certificate(PLAIN.signer, PLAIN.csca, []))
    for field in ("key_usage", "extended_key_usage", "private_key_usage_period", "path_length", "document_types",
                  "is_ca", "has_basic_constraints", "distribution_points"):  # fmt: skip
        if identifier != extensions.KEY_USAGE and field == "key_usage":
            assert read.key_usage == {"digital_signature"}
        else:
            assert getattr(read, field) == getattr(bare, field)


@pytest.mark.parametrize(("identifier", "value"), CASES)
def test_a_critical_one_that_cannot_be_read_forbids_the_certificate(identifier: str, value: str) -> None:
    read = parse_certificate(alone(identifier, value, critical=True))
    assert list(read.broken_critical) == [identifier]
    assert read.unknown_critical == (identifier,)
    trust = TrustStore([parse_certificate(PLAIN.csca.certificate)])
    with pytest.raises(CertificateError):
        trust.validate(read, forms.AT)


def test_a_document_type_list_that_is_no_sequence_of_two_costs_itself_alone() -> None:
    odd = bytes.fromhex("301006076781080101060204053003130150")
    base = forms.Base(signer_more=[odd])
    read = parse_certificate(base.signer.certificate)
    assert read.document_types is None
    assert extensions.DOCUMENT_TYPE_LIST in read.broken_extensions
    trust = TrustStore([parse_certificate(base.csca.certificate)])
    assert trust.validate(read, forms.AT)


def test_one_that_is_unknown_counts_where_it_is_critical() -> None:
    for critical, value in (
        (b"\x01\x01\x00", ()),
        (b"", ()),
        (b"\x01\x01\xff", ("1.2.3",)),
        (b"\x01\x01\x01", ("1.2.3",)),
    ):
        odd = tlv.sequence(tlv.oid("1.2.3"), critical, tlv.octet_string(b"x"))
        read = parse_certificate(forms.Base(signer_more=[odd]).signer.certificate)
        assert read.unknown_critical == value
        assert read.extensions["1.2.3"] == b"x"


@pytest.mark.parametrize(
    "odd",
    [
        forms.KEY_USAGE_SIGNER,
        tlv.sequence(tlv.oid("1.2.3"), b"\x01\x02\x00\x00", tlv.octet_string(b"")),
        tlv.sequence(tlv.oid("1.2.3"), tlv.octet_string(b""), tlv.octet_string(b"")),
        tlv.sequence(tlv.octet_string(b"")),
        tlv.NULL_VALUE,
    ],
    ids=["twice", "truth of two bytes", "two values", "no identifier", "no sequence"],
)
def test_a_row_that_is_no_extension_is_refused(odd: bytes) -> None:
    with pytest.raises(FormatError):
        parse_certificate(forms.certificate(PLAIN.signer, PLAIN.csca, [forms.KEY_USAGE_SIGNER, odd]))


def test_what_is_said() -> None:
    period = bytes.fromhex("3022800F32303230303130313030303030305A810F32303231303130313030303030305A")
    read = parse_certificate(
        forms.certificate(
            PLAIN.signer, PLAIN.csca,
            [
                forms.extension(extensions.EXTENDED_KEY_USAGE, bytes.fromhex("30080606678108010103"), critical=True),
                forms.extension(extensions.PRIVATE_KEY_USAGE_PERIOD, period),
                forms.extension(extensions.BASIC_CONSTRAINTS, bytes.fromhex("3000"), critical=True),
                forms.extension(extensions.KEY_USAGE, bytes.fromhex("0303070680")),
                forms.extension(extensions.DOCUMENT_TYPE_LIST, bytes.fromhex("300C020100310713015013024944")),
            ],
        )
    )  # fmt: skip
    assert (read.extended_key_usage, read.extended_key_usage_critical) == ({"2.23.136.1.1.3"}, True)
    utc = dt.UTC
    assert read.private_key_usage_period == (dt.datetime(2020, 1, 1, tzinfo=utc), dt.datetime(2021, 1, 1, tzinfo=utc))
    assert (read.has_basic_constraints, read.is_ca, read.path_length) == (True, False, None)
    assert read.key_usage == {"key_cert_sign", "crl_sign", "decipher_only"}
    assert read.document_types == {"P", "ID"}
    assert read.unknown_critical == ()


def test_two_identifiers_of_one_scheme() -> None:
    """NULL in one of them alone says the same; another hash does not."""
    signer, csca = PLAIN.signer, PLAIN.csca
    bare = tlv.sequence(tlv.oid("1.2.840.10045.4.3.2"))
    other = tlv.sequence(tlv.oid("1.2.840.10045.4.3.3"))
    null = tlv.sequence(tlv.oid("1.2.840.10045.4.3.2"), tlv.NULL_VALUE)
    whole = tlv.read_one(forms.certificate(signer, csca, [forms.KEY_USAGE_SIGNER])).reader()
    part = whole.next()
    signature = tlv.encode(tlv.BIT_STRING, b"\0" + csca.sign(tlv.encode(part.tag, part.value)))
    rows = tlv.encode(part.tag, part.value)
    assert bare in rows
    trust = TrustStore([parse_certificate(csca.certificate)])
    assert trust.validate(parse_certificate(tlv.sequence(rows, null, signature)), forms.AT)
    for wrong in (other, tlv.sequence(tlv.oid("1.2.3"))):
        with pytest.raises(FormatError):
            parse_certificate(tlv.sequence(rows, wrong, signature))
