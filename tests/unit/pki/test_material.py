"""Trust material is taken as people hold it; what it is not is named, and each unreadable part is left out alone."""

from __future__ import annotations

import base64
import copy
import datetime as dt
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cccd_core import pki
from cccd_core.emrtd import ber, cms, tlv
from cccd_core.errors import CertificateError, FileError, FormatError
from cccd_core.pki import issue, ldif, material, material_forms
from cccd_core.pki.master_list import CSCA_MASTER_LIST
from cccd_core.pki.rules import Rule
from support import x509_forms as forms

BASE = forms.Base()
CSCA, SIGNER = (pki.parse_certificate(party.certificate) for party in (BASE.csca, BASE.signer))
OTHER = forms.Base()
CRL = issue.revocation_list(
    issue.Authority(BASE.csca.name, BASE.csca.key_identifier, issue.SignatureAlgorithm.ECDSA_SHA256, BASE.csca.sign),
    1, dt.datetime(2026, 10, 1, tzinfo=dt.UTC), dt.datetime(2027, 1, 1, tzinfo=dt.UTC), {},
)  # fmt: skip

BAD_CRL = CRL.replace(b"261001", b"269901")  # says whose it is, and not of when
_STRANGERS = forms.Base(csca=forms.party(forms.name(("C", "LA"), ("CN", "CSCA")), 1))
STRANGER, STRANGERS_SIGNER = (pki.parse_certificate(each.certificate) for each in (_STRANGERS.csca, _STRANGERS.signer))


def pem(der: bytes, label: str = "CERTIFICATE", width: int = 64, end: bytes = b"\n") -> bytes:
    text = base64.b64encode(der)
    lines = [text[at : at + width] for at in range(0, len(text), width)]
    return end.join((f"-----BEGIN {label}-----".encode(), *lines, f"-----END {label}-----".encode(), b""))


def bag(*certificates: bytes, crls: bytes = b"", content_type: str = cms.DATA) -> bytes:
    data = tlv.sequence(
        tlv.integer(1), tlv.encode(tlv.SET, b""), tlv.sequence(tlv.oid(content_type)),
        tlv.encode(0xA0, b"".join(certificates)), tlv.encode(0xA1, crls) if crls else b"", tlv.encode(tlv.SET, b""),
    )  # fmt: skip
    return tlv.sequence(tlv.oid(cms.SIGNED_DATA), tlv.encode(0xA0, data))


def master_list(*certificates: bytes, root: forms.Base = BASE, purpose: str = "2.23.136.1.1.3") -> bytes:
    signer = forms.party(forms.name(("C", "VN"), ("CN", "List signer")), 5)
    purposes = forms.extension("2.5.29.37", tlv.sequence(tlv.oid(purpose)), critical=True)
    signer.certificate = forms.certificate(
        signer, root.csca, [forms.KEY_USAGE_SIGNER, purposes, *forms.identifiers(signer, root.csca)]
    )
    listed = copy.copy(root)
    listed.signer = signer
    content = tlv.sequence(tlv.integer(0), tlv.set_of(certificates))
    return forms.message(listed, content=content, content_type=CSCA_MASTER_LIST, tag=None)


def entry(dn: str, attribute: str, value: bytes) -> bytes:
    text = f"{attribute}:: ".encode() + base64.b64encode(value)
    folded = b"\n ".join(text[at : at + 76] for at in range(0, len(text), 76))
    return f"dn: {dn}\nobjectclass: top\n".encode() + folded + b"\nsn: 1\n\n"


LDIF = (
    b"# from a directory\nversion: 1\n\n"
    + entry("cn=1,o=dsc,c=VN", "userCertificate;binary", BASE.signer.certificate)
    + entry("cn=2,o=csca,c=VN", "cACertificate;binary", BASE.csca.certificate)
    + entry("o=crl,c=VN", "certificateRevocationList;binary", CRL)
)
ROOTS = pki.Material((CSCA,))


# ---- forms


@pytest.mark.parametrize(
    "data",
    [
        BASE.csca.certificate + BASE.signer.certificate + CRL,
        pem(BASE.csca.certificate) + pem(BASE.signer.certificate) + pem(CRL, "X509 CRL"),
        b"Subject: CN=x\n\n" + pem(BASE.csca.certificate, end=b"\r\n") + b"\r\nmore text\n"
        + pem(BASE.signer.certificate, width=76) + pem(CRL, "X509 CRL"),
        b"\xef\xbb\xbf" + pem(bag(BASE.csca.certificate, BASE.signer.certificate, crls=CRL), "PKCS7"),
        (pem(BASE.csca.certificate) + pem(BASE.signer.certificate) + pem(CRL, "X509 CRL")).decode().encode("utf-16"),
        bag(BASE.csca.certificate, BASE.signer.certificate, crls=CRL),
        pem(bag(BASE.csca.certificate, BASE.signer.certificate, crls=CRL), "CMS"),
        base64.b64encode(bag(BASE.csca.certificate, BASE.signer.certificate, crls=CRL)),
        base64.encodebytes(bag(BASE.csca.certificate, BASE.signer.certificate, crls=CRL)),
        LDIF,
        LDIF.replace(b"\n", b"\r\n"),
        LDIF.replace(b"userCertificate;binary", b"USERCERTIFICATE").replace(b"objectclass: top", b"changetype: add"),
        b"\xef\xbb\xbf" + LDIF.rstrip(b"\n"),
    ],
    ids=lambda data: f"{len(data) // 1000} kB",
)  # fmt: skip
def test_all_forms_hold_the_same(data: bytes) -> None:
    found = material.read(data, "name")
    assert set(found.certificates) == {CSCA, SIGNER}
    assert [crl.issuer for crl in found.crls] == [CSCA.subject]
    assert (found.master_lists, found.refused) == ((), ())
    assert (found.authorities, found.signers) == ((CSCA,), (SIGNER,))
    store = found.trust_store(forms.AT)
    assert (store.anchors, store.refused) == ((CSCA,), ())
    assert store.validate(SIGNER, forms.AT).revocation.revoked is False


@pytest.mark.parametrize(
    ("data", "path", "issuer"),
    [
        (BAD_CRL, "crl", "known"),
        (pem(BAD_CRL, "X509 CRL"), "crl.pem", "known"),
        (CRL[:60], "a.CRL", None),
        (b"<html>not found</html>", "a.crl", None),
        (b"-----BEGIN X509 CRL-----\nMIIB", "a.pem", None),
        (pem(CRL[:60], "X509 CRL"), "a.pem", None),
        (entry("o=crl,c=VN", "certificateRevocationList;binary", CRL[:60]), "a.ldif", None),
        (CRL[:60], "a.der", "nothing says that it is a list"),
        (pem(CRL[:60]), "a.pem", "nothing says that it is a list"),
    ],
    ids=range(9),  # the bytes are made anew by every process
)
def test_a_list_that_cannot_be_read_is_not_no_list(data: bytes, path: str, issuer: str | None) -> None:
    """It may have revoked whoever is judged: that is said of all of whom no other list speaks."""
    found = material.read(data, path)
    assert found.refused
    known = {"known": {CSCA.subject_key}, None: {None}}.get(issuer, set())
    assert found.lost_lists == known
    at = dt.datetime(2026, 11, 1, tzinfo=dt.UTC)
    store = (found + ROOTS).trust_store(at)
    report = store.judge(SIGNER, at)
    assert report.accepted
    assert [flag.rule for flag in report.flags] == ([Rule.FRESH_LIST] if known else [])
    assert (found + ROOTS + material.read(CRL)).trust_store(at).judge(SIGNER, at).flags == ()
    other = pki.Material((STRANGER,))
    assert [flag.rule for flag in (found + other).trust_store(at).judge(STRANGERS_SIGNER, at).flags] == (
        [Rule.FRESH_LIST] if None in known else []
    )


def test_certificates_in_ber() -> None:
    parts = [tlv.encode(e.tag, e.value) for e in tlv.read_one(BASE.csca.certificate).reader()]
    found = material.read(b"\x30\x80" + b"".join(parts) + b"\0\0")
    assert found.certificates == (CSCA,)
    assert found.certificates[0].der == ber.to_definite(BASE.csca.certificate)
    parts = [tlv.encode(e.tag, e.value) for e in tlv.read_one(CRL).reader()]
    endless = material.read(
        b"\x30\x80\x30\x80" + tlv.read_one(parts[0]).value + b"\0\0" + b"".join(parts[1:]) + b"\0\0"
    )
    assert [crl.signed_part for crl in endless.crls] == [parts[0]]
    null = tlv.sequence(tlv.oid("1.2.840.10045.4.3.2"), tlv.NULL_VALUE)
    (loose,) = material.read(tlv.sequence(parts[0], null, parts[2])).crls
    assert pki.TrustStore([CSCA], [loose]).validate(SIGNER, forms.AT).revocation.revoked is False


# ---- what cannot be read


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (b"", "an empty file"),
        (b"  \n", "an empty file"),
        (b"PK\x03\x04rest", "a ZIP archive: unpack it first"),
        (b"%PDF-1.7", "a PDF document"),
        (b"\n<?xml version='1.0'?>", "XML or a page of the web"),
        (b'{"a": 1}', "JSON"),
        (b"0123 a text that begins with the digit 0", "text"),
        (b"hello", "text"),
        (b"\xff\xd8\xff\xe0", "unknown bytes"),
        (forms.message(BASE), "an EF.SOD, which is verified, not trusted"),
        (forms.message(BASE, tag=None), "the signed data of an EF.SOD, which are verified, not trusted"),
        (bag(content_type="2.23.136.1.1.7"), "a deviation list, which makes nobody trusted"),
        (BASE.csca.spki, "a public key"),
        (tlv.sequence(tlv.integer(0), tlv.sequence(tlv.oid("1.2.3")), tlv.octet_string(b"x")), "a private key"),
        (tlv.sequence(tlv.integer(1), tlv.octet_string(b"x")), "a private key"),
        (tlv.sequence(tlv.integer(3), tlv.sequence(tlv.oid("1.2.3"))), "a PKCS #12 key store"),
        (tlv.sequence(tlv.oid("1.2.840.113549.1.7.1"), tlv.encode(0xA0, b"")), "a message that is not signed"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
def test_what_is_no_material_is_called_what_it_is(data: bytes, what: str) -> None:
    found = material.read(data, "some.file")
    assert found.certificates == found.crls == found.master_lists == ()
    (error,) = found.refused
    assert error.message == f"not trust material, but {what}"
    assert error.facts["path"] == "some.file"


def test_one_bad_part_costs_itself() -> None:
    good, broken = pem(BASE.csca.certificate), pem(BASE.csca.certificate[:-5])
    secret = pem(tlv.sequence(tlv.integer(0)), "PRIVATE KEY")
    cut = pem(BASE.signer.certificate)[:100] + b"\n"
    text = (
        broken + secret + cut + b"-----BEGIN CERTIFICATE-----\n!!!\n-----END CERTIFICATE-----\n" + pem(b"x", "X") + good
    )
    found = material.read(text, "p")
    assert found.certificates == (CSCA,)
    assert [error.message for error in found.refused] == [
        "data object is longer than what holds it", "a private key among trust material", "a PEM block without its end",
        "not base64", "a PEM block of another kind",
    ]  # fmt: skip
    lines = [error.facts["line"] for error in found.refused]
    assert lines == sorted(lines)
    assert text.splitlines()[int(str(lines[1])) - 1] == b"-----BEGIN PRIVATE KEY-----"
    assert "MAMCAQA" not in str(found.refused)  # nothing of a key is told
    last = material.read(good + cut)
    assert (last.certificates, last.refused[0].message) == ((CSCA,), "a PEM block without its end")


def test_one_bad_value_of_ldif_costs_itself() -> None:
    odd = (
        b"dn: a\nuserCertificate;binary:: !!!\n\ndn: b\nuserCertificate;binary:< file:///etc/passwd\n\n"
        b"dn: c\nchangetype: delete\nuserCertificate;binary:: AAAA\n\ndn: d\nuserCertificate;binary\n\n"
        + entry("e", "userCertificate;binary", b"0\3abc") + entry("f", "jpegPhoto", b"0\3abc") + LDIF
    )  # fmt: skip
    found = material.read(odd, "x.ldif")
    assert set(found.certificates) == {CSCA, SIGNER}
    assert [(error.facts["line"], error.message) for error in found.refused] == [
        (2, "a value is not base64"),
        (5, "a value that lies elsewhere is not fetched"),
        (9, "a change of the directory, not an entry"),
        (12, "a line of LDIF without a colon"),
        (16, "another data object stands in place of trust material"),
    ]


def test_lines_of_ldif_are_unfolded() -> None:
    values = list(ldif.read(b"dn: a\n b\ncn;lang-vi:: \n YQ=\n =\nsn:c \n"))
    assert [(v.attribute, v.line, v.value) for v in values] == [("dn", 1, b"ab"), ("cn", 3, b"a"), ("sn", 6, b"c")]


# ---- master lists


def test_a_master_list_counts_where_a_root_beside_it_proves_it() -> None:
    listed = master_list(BASE.csca.certificate, OTHER.csca.certificate)
    for data in (
        listed,
        entry("ml", "pkdMasterListContent", listed),
        entry("ml", "CscaMasterListData", listed),
        pem(listed, "CMS"),
    ):
        found = material.read(data)
        assert found.master_lists == (listed,)
        assert found.certificates == ()
        alone = found.trust_store(forms.AT)
        assert len(alone) == 0
        assert alone.refused[0].facts["check"] == "issuer"
        stored = (found + ROOTS).trust_store(forms.AT)
        assert set(stored.anchors) == {CSCA, pki.parse_certificate(OTHER.csca.certificate)}
        ((proved,), refused) = material.prove_master_lists(found, ROOTS, forms.AT)
        assert (len(proved.certificates), refused) == (2, ())


def test_a_certificate_out_of_one_list_proves_no_other() -> None:
    first = master_list(BASE.csca.certificate, OTHER.csca.certificate)
    second = master_list(OTHER.csca.certificate, root=OTHER)
    whole = pki.Material((CSCA,), master_lists=(second, first))
    lists, refused = whole.verified_lists(forms.AT)
    assert len(lists) == 1
    assert [error.facts["master_list"] for error in refused] == [1]


def revoking(serial: int) -> bytes:
    signer = issue.Authority(
        BASE.csca.name, BASE.csca.key_identifier, issue.SignatureAlgorithm.ECDSA_SHA256, BASE.csca.sign
    )
    since = dt.datetime(2026, 10, 1, tzinfo=dt.UTC)
    return issue.revocation_list(signer, 1, since, dt.datetime(2027, 1, 1, tzinfo=dt.UTC), {serial: since})


@pytest.mark.parametrize("whose", ["its signer", "who vouches"])
def test_a_master_list_of_somebody_revoked_proves_nothing(whose: str) -> None:
    listed = material.read(master_list(OTHER.csca.certificate))
    serial = 5 if whose == "its signer" else CSCA.serial_number
    crl = material.read(revoking(serial))
    rule = "revocation" if whose == "its signer" else "authority_revocation"
    for lists, roots in ((listed, ROOTS + crl), (listed + crl, ROOTS)):
        proved, refused = material.prove_master_lists(lists, roots, forms.AT)
        assert (proved, [error.facts["rule"] for error in refused]) == ((), [rule])
        store = lists.trust_store(forms.AT, roots=roots)
        assert len(store) == 0
        assert [error.facts["rule"] for error in store.refused] == [rule]
    together = (listed + ROOTS + crl).trust_store(forms.AT)
    assert together.anchors == (CSCA,)
    assert [error.facts["rule"] for error in together.refused] == [rule]


def test_lists_that_are_not_proved() -> None:
    good = master_list(BASE.csca.certificate)
    for bad in (
        good[:-1] + bytes((good[-1] ^ 1,)),
        master_list(BASE.csca.certificate, purpose="2.23.136.1.1.8"),
        master_list(BASE.csca.certificate, root=OTHER),
    ):
        lists, refused = material.prove_master_lists(material.read(bad), ROOTS, forms.AT)
        assert (lists, len(refused)) == ((), 1)
    with pytest.raises(FormatError, match=r"EF\.SOD"):
        material.prove_master_lists(material.read(forms.message(BASE)), ROOTS)
    with pytest.raises(FormatError, match="a ZIP archive"):
        material.prove_master_lists(material.read(good), material.read(b"PK\x03\x04"))
    with pytest.raises(FormatError, match="no certificate"):
        material.prove_master_lists(material.read(good), material.read(CRL))


def test_each_certificate_that_a_list_loses_is_named() -> None:
    unknown = forms.party(forms.name(("C", "XX"), ("CN", "unknown curve")), 9)
    unknown.spki = bytes.fromhex("303E301006072A8648CE3D020106052B81040001032A0004") + b"\1" * 40
    odd = forms.certificate(unknown, BASE.csca, [forms.KEY_USAGE_CA, forms.CA_TRUE])
    broken = tlv.sequence(tlv.sequence(), tlv.sequence(), tlv.bit_string(b"x"))
    listed = master_list(BASE.csca.certificate, BASE.signer.certificate, odd, broken, tlv.NULL_VALUE)
    found = pki.parse_master_list(listed, CSCA, forms.AT)
    assert set(found.certificates) == {CSCA, SIGNER}
    assert len(found.refused) == 3
    for error in found.refused:
        assert len(str(error.facts["sha256"])) == 64
        assert isinstance(error.facts["at"], int)
    (named,) = (error for error in found.refused if "subject" in error.facts)
    assert (named.facts["subject"], named.facts["curve"]) == ("C=XX, CN=unknown curve", "sect163k1")
    # the signer is no authority: the store of the list is one of the others, and names it
    store = pki.TrustStore(found.certificates)
    assert store.anchors == (CSCA,)
    assert [error.facts["subject"] for error in store.refused] == [SIGNER.subject]
    whole = pki.Material((CSCA,), master_lists=(listed,)).trust_store(forms.AT)
    assert (len(whole), len(whole.refused)) == (1, 4)


def test_a_list_in_ber() -> None:
    listed = master_list(BASE.csca.certificate, OTHER.csca.certificate)
    parts = [tlv.encode(e.tag, e.value) for e in tlv.read_one(listed).reader()]
    endless = b"\x30\x80" + parts[0] + b"\xa0\x80" + tlv.read_one(parts[1]).value + b"\0\0\0\0"
    assert len(pki.parse_master_list(endless, CSCA, forms.AT).certificates) == 2
    found = material.read(endless)
    assert len((found + ROOTS).trust_store(forms.AT)) == 2


# ---- folders


def test_folders(tmp_path: Path) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "csca.cer").write_bytes(BASE.csca.certificate)
    (tmp_path / "a" / "b" / "list.crl").write_bytes(CRL)
    (tmp_path / "a" / "b" / "ds.pem").write_bytes(pem(BASE.signer.certificate))
    (tmp_path / "a" / "readme.txt").write_text("about these files")
    (tmp_path / "a" / ".hidden").write_bytes(OTHER.csca.certificate)
    (tmp_path / "a" / "loop").symlink_to(tmp_path / "a")
    found = material.load(tmp_path)
    assert set(found.certificates) == {CSCA, SIGNER}
    assert len(found.crls) == 1
    assert [Path(str(error.facts["path"])).name for error in found.refused] == ["readme.txt"]
    both = material.load(tmp_path / "a" / "csca.cer", tmp_path / "a" / "b")
    assert set(both.certificates) == {CSCA, SIGNER}
    deep = tmp_path
    for _ in range(material.MAX_DEPTH + 2):
        deep /= "d"
    deep.mkdir(parents=True)
    (deep / "x.cer").write_bytes(OTHER.csca.certificate)
    assert set(material.load(tmp_path).certificates) == {CSCA, SIGNER}
    with pytest.raises(FileError):
        material.load(tmp_path / "none")


def test_a_pki_folder_of_ours_gives_its_certificates_and_no_key(tmp_path: Path) -> None:
    made = pki.init(tmp_path / "pki")
    for path in (tmp_path, tmp_path / "pki"):
        found = material.load(path)
        assert set(found.authorities) == {holder.certificate for holder in made.authorities}
        assert set(found.signers) == {holder.certificate for holder in made.signers}
        assert (len(found.crls), found.refused) == (1, ())
        assert found.trust_store().validate(made.document_signer_certificate, dt.datetime.now(dt.UTC))
    (tmp_path / "pki" / "pki.json").write_text("{}")
    assert material.load(tmp_path).certificates == ()
    assert len(material.load(tmp_path).refused) == 1


@pytest.mark.parametrize(
    "hostile",
    [
        lambda: b"-----BEGIN CERTIFICATE-----\n" * 50_000,
        lambda: b"-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n" * 50_000,
        lambda: b"dn: a\n" + b"userCertificate:x\n" * 100_000,
        lambda: b"dn: a\nuserCertificate::\n" + b" \n" * 500_000,
        lambda: b"\x30\x00" * 300_000,
        lambda: bag(*[bag(bag(BASE.csca.certificate))] * 200),
        lambda: b"\x30\x80" * 100_000,
    ],
    ids=[
        "begins",
        "empty blocks",
        "values that are none",
        "folded",
        "objects",
        "bags in bags",
        "depth",
    ],
)
def test_hostile_material_ends(hostile: Callable[[], bytes]) -> None:
    found = material.read(hostile())
    assert found.certificates == ()
    assert len(found.refused) <= material_forms.MAX_UNREADABLE + 1


def test_one_file_that_cannot_be_read_costs_no_other(tmp_path: Path) -> None:
    (tmp_path / "a.ldif").write_bytes(b"dn: a\n" + b"userCertificate:x\n" * 2000)
    (tmp_path / "b.cer").write_bytes(BASE.csca.certificate)
    found = material.load(tmp_path)
    assert found.certificates == (CSCA,)
    assert len(found.refused) == material_forms.MAX_UNREADABLE + 1
    assert "the rest was left out" in found.refused[-1].message


@given(
    st.one_of(
        st.binary(max_size=200),
        st.binary(max_size=120).map(pem),
        st.text(max_size=200).map(lambda t: ("dn: a\n" + t).encode()),
    )
)
def test_bytes_are_read_without_an_error(data: bytes) -> None:
    material.read(data)


def test_too_much_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(4):
        (tmp_path / f"{number}.cer").write_bytes(BASE.csca.certificate)
    monkeypatch.setattr(material, "MAX_FILES", 3)
    with pytest.raises(FileError):
        material.load(tmp_path)


def test_a_root_that_is_no_authority_proves_nothing() -> None:
    listed = master_list(BASE.csca.certificate)
    lists, refused = material.prove_master_lists(material.read(listed), pki.Material((SIGNER,)), forms.AT)
    assert (lists, len(refused)) == ((), 1)
    with pytest.raises(CertificateError):
        pki.parse_master_list(listed, SIGNER, forms.AT)
