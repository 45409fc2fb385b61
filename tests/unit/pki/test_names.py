"""Names are compared as RFC 5280 clause 7.1 says; the same parts in another order are told apart from the same name."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cccd_core.emrtd import tlv
from cccd_core.errors import CertificateError, FormatError
from cccd_core.pki import TrustStore, names, parse_certificate, passive_authentication
from support import x509_forms as forms

UTF8, PRINTABLE, TELETEX, IA5, UNIVERSAL, BMP, NUMERIC = 0x0C, 0x13, 0x14, 0x16, 0x1C, 0x1E, 0x12


def of(kind: str, value: str, tag: int = UTF8, codec: str = "utf-8") -> names.Name:
    return names.parse(tlv.sequence(tlv.set_of([forms.attribute(kind, value, tag, codec)])))


def rows(*sets: list[tuple[str, str]]) -> names.Name:
    return names.parse(
        tlv.sequence(*(tlv.encode(tlv.SET, b"".join(forms.attribute(*p) for p in each)) for each in sets))
    )


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (of("O", "Government of Utopia"), of("O", "GOVERNMENT OF UTOPIA", PRINTABLE)),
        (of("O", "Government of Utopia"), of("O", "  government  of\tUtopia ")),
        (of("O", "Jabatan"), of("O", "Jabatan", BMP, "utf-16-be")),
        (of("O", "Jabatan"), of("O", "Jabatan", UNIVERSAL, "utf-32-be")),
        (of("O", "Österreich"), of("O", "Österreich", TELETEX, "latin-1")),
        (of("O", "Österreich"), of("O", "ÖSTERREICH", BMP, "utf-16-be")),
        (of("O", "Österreich"), of("O", "O\u0308sterreich")),  # composed and not
        (of("O", "Straße"), of("O", "STRASSE", PRINTABLE)),
        (of("O", "Ａｂｃ"), of("O", "abc")),  # full-width letters
        (of("O", "a\u00adb"), of("O", "ab")),  # a soft hyphen
        (of("O", "a\u200bb"), of("O", "ab")),  # a zero-width space
        (of("O", "a\u00a0 b"), of("O", "a b")),
        (of("O", "a\u2003b"), of("O", "a b")),
        (of("O", "Công an"), of("O", "CÔNG  AN")),
        (of("O", "ﬁ"), of("O", "FI")),
        (of("C", "vn", PRINTABLE), of("C", "VN", UTF8)),
        (of("EMAIL", "Ca@Example.COM", IA5), of("EMAIL", "ca@example.com", UTF8)),
        (of("DC", "Example", IA5), of("DC", "example", UTF8)),
        (of("DC", "bücher", UTF8), of("DC", "xn--bcher-kva", IA5)),
        (of("2.5.4.5", "004015", PRINTABLE), of("2.5.4.5", "004015", NUMERIC)),
        (rows([("O", "a"), ("OU", "b")]), rows([("OU", "B"), ("O", "A")])),  # a set has no order
        (names.parse(tlv.sequence()), names.parse(tlv.sequence())),
    ],
)  # fmt: skip
def test_one_name(one: names.Name, other: names.Name) -> None:
    assert one == other
    assert one.key == other.key


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (of("O", "a"), of("OU", "a")),
        (of("O", "a"), of("O", "á")),
        (of("O", "a b"), of("O", "ab")),
        (of("O", ""), names.parse(tlv.sequence())),
        (of("O", "a, CN=b"), rows([("O", "a")], [("CN", "b")])),
        (of("O", "a']['2.5.4.3=b"), rows([("O", "a")], [("CN", "b")])),
        (rows([("O", "a")], [("O", "a")]), rows([("O", "a")])),
        (of("O", "a", 0x04), of("O", "a", 0x03)),  # no text: the bytes count
        (of("O", "A", 0x04), of("O", "a", 0x04)),
        (of("O", "A", 0x04), of("O", "4:41")),
        (of("O", "A", 0x04), of("O", "\0004:41")),
    ],
)  # fmt: skip
def test_another_name(one: names.Name, other: names.Name) -> None:
    assert one != other
    assert one.key != other.key


def test_what_is_shown() -> None:
    name = rows([("C", "de")], [("O", "Bund\u202e\n")], [("1.2.3", "x")])
    assert str(name) == name.shown == r"C=de, O=Bund\u202e\n, 1.2.3=x"
    assert name.country == "DE"
    assert of("O", "x").country is None
    assert len(of("O", "x" * 4000).shown) == 300
    assert of("O", "a", 0x04).shown == "O=#61"


@pytest.mark.parametrize(
    "der",
    ["3100", "30023000", "300431023000", "300731053003060103", "30", "3009310730050603550403"],
)
def test_what_is_no_name_is_refused(der: str) -> None:
    with pytest.raises(FormatError):
        names.parse(bytes.fromhex(der))


@given(st.text(max_size=30))
def test_preparing_twice_is_preparing_once(text: str) -> None:
    once = names.prepare(text)
    assert names.prepare(once) == once
    assert once == once.strip(" ")
    assert "  " not in once


@given(st.binary(max_size=80))
def test_bytes_are_a_name_or_a_format_error(data: bytes) -> None:
    for der in (data, tlv.sequence(data), tlv.sequence(tlv.set_of([tlv.sequence(tlv.oid("2.5.4.3"), data)]))):
        try:
            names.parse(der)
        except FormatError:
            continue


# ---- whom a signer identifier means

PARTS = [("C", "VN"), ("ST", "WP"), ("L", "Putrajaya"), ("O", "x"), ("OU", "y"), ("CN", "z")]


def signer_found(base: forms.Base, **options: object) -> bool:
    trust = TrustStore([parse_certificate(base.csca.certificate)])
    try:
        passive_authentication(forms.message(base, **options), base.groups, trust, forms.AT)
    except CertificateError as error:
        if error.facts["check"] != "document_signer":
            raise
        return False
    return True


@pytest.mark.parametrize("order", [(0, 3, 1, 2, 4, 5), (5, 4, 3, 2, 1, 0), (0, 1, 2, 3, 4, 5)])
def test_the_only_certificate_is_the_signers_whatever_the_order_of_its_issuer(order: tuple[int, ...]) -> None:
    base = forms.Base(csca=forms.party(forms.name(*PARTS), 1), signer=forms.party(forms.name(("C", "VN")), 2))
    sloppy = forms.name(*(PARTS[at] for at in order))
    right = order == (0, 1, 2, 3, 4, 5)
    serial = base.signer.serial
    assert signer_found(base, identifier=tlv.sequence(sloppy, serial))
    assert not signer_found(base, identifier=tlv.sequence(sloppy, tlv.integer(3)))
    both = [base.csca.certificate, base.signer.certificate]
    assert signer_found(base, identifier=tlv.sequence(sloppy, serial), certificates=both) is right
    assert not signer_found(base, certificates=[base.csca.certificate])


def test_issuer_and_serial_number_in_other_forms() -> None:
    base = forms.Base()
    for tag, codec, words in (
        (PRINTABLE, "ascii", ("vn", "TEST", "csca")),
        (BMP, "utf-16-be", ("VN", " Test ", "CSCA")),
    ):
        parts = [forms.attribute(kind, word, tag, codec) for kind, word in zip(("C", "O", "CN"), words, strict=True)]
        form = tlv.sequence(*(tlv.set_of([part]) for part in parts))
        assert signer_found(base, identifier=tlv.sequence(form, base.signer.serial))
        both = [base.csca.certificate, base.signer.certificate]
        assert signer_found(base, identifier=tlv.sequence(form, base.signer.serial), certificates=both)
    padded = tlv.encode(tlv.INTEGER, bytes.fromhex("00000002"))
    assert signer_found(base, identifier=tlv.sequence(base.csca.name, padded))


@pytest.mark.parametrize(
    ("written", "value"),
    [("020100", 0), ("0202FF7F", -129), ("0203008000", 0x8000), ("02020002", 2), ("020180", -128),
     ("0219" + "7F" * 25, int("7F" * 25, 16)), ("0240" + "11" * 64, int("11" * 64, 16))],
)  # fmt: skip
def test_serial_numbers_by_value(written: str, value: int) -> None:
    base = forms.Base()
    base.signer.serial = bytes.fromhex(written)
    base = forms.Base(csca=base.csca, signer=base.signer)
    assert parse_certificate(base.signer.certificate).serial_number == value
    assert signer_found(base)
    assert signer_found(base, identifier=tlv.sequence(base.csca.name, tlv.integer(value)))
    assert not signer_found(base, identifier=tlv.sequence(base.csca.name, tlv.integer(value + 1)))


@pytest.mark.parametrize("written", ["0200", "0241" + "11" * 65])
def test_serial_numbers_that_are_none(written: str) -> None:
    base = forms.Base()
    base.signer.serial = bytes.fromhex(written)
    with pytest.raises(FormatError):
        parse_certificate(forms.Base(csca=base.csca, signer=base.signer).signer.certificate)


def test_signers_by_key_identifier() -> None:
    base = forms.Base()
    named = tlv.encode(0x80, base.signer.key_identifier)
    assert signer_found(base, identifier=named)
    assert not signer_found(base, identifier=tlv.encode(0x80, base.csca.key_identifier))
    # a certificate that does not say its key's identifier has the one that is computed
    base.signer.certificate = forms.certificate(base.signer, base.csca, [forms.KEY_USAGE_SIGNER])
    assert signer_found(base, identifier=named)


def test_a_certificate_that_cannot_be_read_or_used_costs_nothing_before_the_signers() -> None:
    base = forms.Base()
    unknown = forms.party(forms.name(("C", "XX")), 9)
    unknown.spki = bytes.fromhex("303E301006072A8648CE3D020106052B81040001032A0004") + b"\1" * 40
    cut = forms.party(forms.name(("C", "XX")), 9)
    cut.spki = bytes.fromhex("3040301006072A8648CE3D020106052B81040001032C0004") + b"\1" * 40
    others = [
        forms.certificate(unknown, base.csca, []),
        forms.certificate(cut, base.csca, []),
        tlv.sequence(tlv.sequence(), tlv.sequence(), tlv.bit_string(b"")),
        tlv.sequence(b"\0" * 40_000),
    ]
    for other in others:
        assert signer_found(base, certificates=[other, base.signer.certificate])
        assert signer_found(base, certificates=[base.signer.certificate, other])
    read = parse_certificate(others[0])
    assert read.public_key.name == "unknown (sect163k1)"
    assert read.as_dict()["key"] == "unknown (sect163k1)"
