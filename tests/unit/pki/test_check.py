"""`cccd pki check`: what is made here breaks nothing; each rule is broken by one change, and says so."""

from __future__ import annotations

import base64
import datetime as dt
import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from cccd_core import pki
from cccd_core.cli.common import run
from cccd_core.cli.main import build
from cccd_core.emrtd import tlv
from cccd_core.errors import CertificateError, FormatError
from cccd_core.pki import authority, issue, publish, signed_list
from cccd_core.pki.check import check, check_file
from cccd_core.pki.deviation_list import Description, Deviation, Documents
from cccd_core.pki.profile import CLAUSES, Kind, Severity
from support import countries

NOW = dt.datetime(2026, 11, 22, 3, 4, 5, tzinfo=dt.UTC)
DAY = dt.timedelta(days=1)
KEY = ec.generate_private_key(ec.SECP256R1())
NAME = issue.name({"C": "VN", "CN": "TEST DS"})


def everything(folder: Path) -> dict[str, bytes]:
    for kind in ("master_list", "deviation_list"):
        authority.add_list_signer(folder, kind, now=NOW)
    authority.roll_over(folder, new_name="TEST CSCA B", now=NOW)
    authority.add_signer(folder, now=NOW)
    found = {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*.der")}
    del found["audit/certificate.der"]  # which is of no profile of Doc 9303
    found["master list"] = publish.master_list(folder, now=NOW)
    known = Deviation(Documents("ID"), (Description("chip"),))
    return found | {"deviation list": publish.deviation_list(folder, [known], now=NOW)}


def test_what_is_made_here_breaks_nothing(tmp_path: Path) -> None:
    files = everything(pki.init(tmp_path / "pki", signers=2, now=NOW).path)
    kinds = Counter()
    for name, data in files.items():
        found = check(data, inside=True)
        assert (found.sound, found.breaches) == (True, ()), name
        assert all(one.breaches == () for one in found.inside), name
        kinds[found.kind] += 1
        pem = b"-----BEGIN X-----\n" + base64.encodebytes(data) + b"-----END X-----\n"
        assert check_file(pem, inside=True) == found
    assert kinds == {
        Kind.ROOT: 2, Kind.LINK: 1, Kind.DOCUMENT_SIGNER: 3, Kind.LIST_SIGNER: 2, Kind.REVOCATION_LIST: 2,
        Kind.MASTER_LIST: 1, Kind.DEVIATION_LIST: 1,
    }  # fmt: skip


def test_named_curves_are_told(tmp_path: Path) -> None:
    folder = pki.init(tmp_path / "pki", explicit_curves=False, now=NOW).path
    for name in ("csca/certificate.der", "ds/certificate.der"):
        found = check((folder / name).read_bytes())
        assert [one.rule for one in found.breaches] == ["explicit_parameters"]
        assert not found.sound


def test_reasons_in_a_list_are_advice(tmp_path: Path) -> None:
    folder = pki.init(tmp_path / "pki", now=NOW).path
    serial = pki.load(folder).signers[0].certificate.serial_number
    authority.revoke(folder, serial, "key_compromise", invalid_since=NOW - DAY, now=NOW)
    found = check((folder / "csca/crl.der").read_bytes())
    assert found.sound
    assert [(one.rule, one.facts["extension"]) for one in found.breaches] == [
        ("entry_extension_harmless", "reason_code"), ("entry_extension_harmless", "invalidity_date"),
    ]  # fmt: skip
    authority.renew_crl(folder, bare=True, now=NOW)
    assert check((folder / "csca/crl.der").read_bytes()).breaches == ()


# -- one change, one rule


def rebuilt(der: bytes, change: Callable[[list[bytes]], None]) -> bytes:
    """A certificate whose parts were changed; its signature is then wrong, which the profile does not ask of a
    signer's."""
    whole = tlv.read_one(der, tlv.SEQUENCE).reader()
    parts = [tlv.encode(one.tag, one.value) for one in whole.next(tlv.SEQUENCE).reader()]
    rest = [tlv.encode(one.tag, one.value) for one in whole]
    change(parts)
    return tlv.sequence(tlv.sequence(*parts), *rest)


def extensions(der: bytes, change: Callable[[dict[str, bytes]], None]) -> bytes:
    def inside(parts: list[bytes]) -> None:
        rows = tlv.read_one(tlv.read_one(parts[-1], 0xA3).value, tlv.SEQUENCE)
        found = {tlv.to_oid(row.reader().next(tlv.OID)): tlv.encode(row.tag, row.value) for row in rows.reader()}
        change(found)
        parts[-1] = tlv.encode(0xA3, tlv.sequence(*found.values()))

    return rebuilt(der, inside)


def ext(oid: str, value: bytes, *, critical: bytes = b"") -> bytes:
    return tlv.sequence(tlv.oid(oid), critical, tlv.octet_string(value))


CRITICAL = b"\x01\x01\xff"
VALIDITY = issue.Validity(NOW, NOW + 8000 * DAY, NOW + 90 * DAY)
COUNTRY = countries.country(explicit=True, validity=issue.Validity(NOW, NOW + 9000 * DAY, NOW + 1500 * DAY))
SIGNER = COUNTRY.signer(KEY, explicit=True, validity=VALIDITY).der


def swap(at: int, new: bytes) -> bytes:
    return rebuilt(SIGNER, lambda parts: parts.__setitem__(at, new))


def put(oid: str, value: bytes, critical: bytes = b"") -> bytes:
    return extensions(SIGNER, lambda found: found.__setitem__(oid, ext(oid, value, critical=critical)))


def drop(oid: str) -> bytes:
    return extensions(SIGNER, lambda found: found.pop(oid))


def times_of(first: bytes, last: bytes) -> bytes:
    return tlv.sequence(tlv.encode(tlv.UTC_TIME, first), tlv.encode(tlv.UTC_TIME, last))


def named(*rows: tuple[str, int, bytes]) -> bytes:
    return tlv.sequence(*(tlv.set_of([tlv.sequence(tlv.oid(oid), tlv.encode(tag, text))]) for oid, tag, text in rows))


CN = ("2.5.4.3", tlv.UTF8_STRING, b"DS")
CHANGES = {
    "version": (swap(0, b"\xa0\x03\x02\x01\x01"), "version"),
    "serial of zero": (swap(1, b"\x02\x01\x00"), "serial_number"),
    "negative serial": (swap(1, b"\x02\x01\x80"), "serial_number"),
    "long serial": (swap(1, b"\x02\x15\x01" + bytes(20)), "serial_number"),
    "padded serial": (swap(1, b"\x02\x02\x00\x01"), "serial_number"),
    "no country": (swap(5, named(CN)), "country"),
    "lower case": (swap(5, named(("2.5.4.6", tlv.PRINTABLE_STRING, b"vn"), CN)), "country"),
    "three letters": (swap(5, named(("2.5.4.6", tlv.PRINTABLE_STRING, b"VNM"), CN)), "country"),
    "UTF-8 country": (swap(5, named(("2.5.4.6", tlv.UTF8_STRING, b"VN"), CN)), "country"),
    "another country": (swap(5, named(("2.5.4.6", tlv.PRINTABLE_STRING, b"LA"), CN)), "countries_match"),
    "no common name": (swap(5, named(("2.5.4.6", tlv.PRINTABLE_STRING, b"VN"))), "common_name"),
    "teletex": (
        swap(5, named(("2.5.4.6", tlv.PRINTABLE_STRING, b"VN"), ("2.5.4.3", 0x14, b"DS"))), "name_strings",
    ),
    "UTF-8 serial number": (
        swap(5, named(("2.5.4.6", tlv.PRINTABLE_STRING, b"VN"), CN, ("2.5.4.5", tlv.UTF8_STRING, b"1"))),
        "name_strings",
    ),
    "no seconds": (swap(4, times_of(b"2611220304Z", b"461122030405Z")), "time_form"),
    "offset": (swap(4, times_of(b"261122030405+0700", b"461122030405Z")), "time_form"),
    "generalized too early": (
        swap(4, tlv.sequence(tlv.encode(tlv.GENERALIZED_TIME, b"20261122030405Z"),
                             tlv.encode(tlv.UTC_TIME, b"481122030405Z"))), "time_form",
    ),
    "ends first": (swap(4, times_of(b"461122030405Z", b"261122030405Z")), "time_order"),
    "unique identifier": (rebuilt(SIGNER, lambda parts: parts.insert(7, b"\x81\x02\x00\x01")), "unique_identifiers"),
    "named curve": (swap(6, countries.spki(KEY)), "explicit_parameters"),
    "no AKI": (drop("2.5.29.35"), "extension_presence"),
    "no key usage": (drop("2.5.29.15"), "extension_presence"),
    "no key period": (drop("2.5.29.16"), "extension_presence"),
    "no SAN": (drop("2.5.29.17"), "extension_presence"),
    "no IAN": (drop("2.5.29.18"), "extension_presence"),
    "no CRL DP": (drop("2.5.29.31"), "extension_presence"),
    "no document types": (drop("2.23.136.1.1.6.2"), "extension_presence"),
    "basic constraints": (put("2.5.29.19", tlv.sequence(), CRITICAL), "extension_presence"),
    "freshest CRL": (put("2.5.29.46", tlv.sequence()), "extension_presence"),
    "netscape": (put("2.16.840.1.113730.1.1", b"\x03\x02\x00\x01"), "extension_presence"),
    "name change of a signer": (put("2.23.136.1.1.6.1", tlv.NULL_VALUE), "extension_presence"),
    "key usage not critical": (put("2.5.29.15", b"\x03\x02\x07\x80"), "extension_criticality"),
    "critical AKI": (put("2.5.29.14", tlv.octet_string(bytes(20)), CRITICAL), "extension_criticality"),
    "default encoded": (put("2.5.29.14", tlv.octet_string(bytes(20)), b"\x01\x01\x00"), "extension_default"),
    "private and critical": (put("1.2.3.4", b"\x05\x00", CRITICAL), "private_extension"),
    "more usage": (put("2.5.29.15", b"\x03\x02\x06\xc0", CRITICAL), "key_usage_bits"),
    "key outlives": (
        put("2.5.29.16", tlv.sequence(tlv.encode(0x81, b"20991122030405Z"))), "key_period",
    ),
    "key signs a year": (
        put("2.5.29.16", tlv.sequence(tlv.encode(0x80, b"20261122030405Z"), tlv.encode(0x81, b"20271122030405Z"))),
        "key_period_length",
    ),
    "key period unreadable": (put("2.5.29.16", tlv.sequence()), "extension_syntax"),
    "SAN without a place": (
        put("2.5.29.17", tlv.sequence(tlv.encode(0x86, b"http://x"))), "alternative_names",
    ),
    "AKI without a key": (put("2.5.29.35", tlv.sequence()), "key_identifiers"),
    "ftp": (
        put("2.5.29.31", tlv.sequence(tlv.sequence(tlv.encode(0xA0, tlv.encode(0xA0, tlv.encode(0x86, b"ftp://x")))))),
        "distribution_points",
    ),
    "long type": (
        put("2.23.136.1.1.6.2", tlv.sequence(tlv.integer(0), tlv.set_of([tlv.encode(tlv.PRINTABLE_STRING, b"IDX")]))),
        "document_types",
    ),
    "type version": (
        put("2.23.136.1.1.6.2", tlv.sequence(tlv.integer(1), tlv.set_of([tlv.encode(tlv.PRINTABLE_STRING, b"ID")]))),
        "document_types",
    ),
    "RSA of 1024 bits": (swap(6, countries.spki(rsa.generate_private_key(65537, 1024))), "key_length"),
    "a curve of 192 bits": (swap(6, countries.spki(ec.generate_private_key(ec.SECP192R1()))), "key_length"),
    "two algorithms": (swap(2, tlv.sequence(tlv.oid("1.2.840.10045.4.3.4"))), "algorithms_agree"),
}  # fmt: skip


@pytest.mark.parametrize("name", CHANGES)
def test_each_change_breaks_its_rule(name: str) -> None:
    assert check(SIGNER).breaches == ()
    data, rule = CHANGES[name]
    found = check(data)
    assert rule in [one.rule for one in found.breaches]
    assert len({one.rule for one in found.breaches}) <= 3
    assert found.sound is all(CLAUSES[one.rule].severity is Severity.ADVICE for one in found.breaches)
    json.dumps(found.as_dict())


def test_lengths_that_are_not_the_shortest() -> None:
    whole = tlv.read_one(SIGNER, tlv.SEQUENCE).value
    padded = b"\x30\x83" + len(whole).to_bytes(3, "big") + whole
    assert "der" in [one.rule for one in check(padded).breaches]


def test_a_root_that_did_not_sign_itself() -> None:
    der = bytearray(COUNTRY.certificate.der)
    der[-1] ^= 1
    assert [one.rule for one in check(bytes(der)).breaches] == ["signature"]


CRL = issue.revocation_list(COUNTRY.authority, 5, NOW, NOW + 30 * DAY, {7: NOW})
CRL_CHANGES = {
    "version": (lambda p: p.__setitem__(0, b"\x02\x01\x00"), "version"),
    "no next update": (lambda p: p.pop(4), "next_update"),
    "late": (lambda p: p.__setitem__(4, tlv.encode(tlv.UTC_TIME, b"270422030405Z")), "update_interval"),
    "no version": (lambda p: p.pop(0), "version"),
    "empty rows": (lambda p: p.__setitem__(5, b"\x30\x00"), "revoked_certificates"),
    "no extensions": (lambda p: p.pop(6), "extension_presence"),
    "scope": (
        lambda p: p.__setitem__(6, tlv.encode(0xA0, tlv.sequence(ext("2.5.29.28", tlv.sequence(), critical=CRITICAL)))),
        "extension_presence",
    ),
    "negative number": (
        lambda p: p.__setitem__(6, tlv.encode(0xA0, tlv.sequence(ext("2.5.29.20", b"\x02\x01\x80")))), "crl_number",
    ),
    "algorithms": (lambda p: p.__setitem__(1, tlv.sequence(tlv.oid("1.2.840.10045.4.3.2"))), "algorithms_agree"),
    "hold": (
        lambda p: p.__setitem__(5, tlv.sequence(tlv.sequence(
            tlv.integer(7), tlv.encode(tlv.UTC_TIME, b"261122030405Z"),
            tlv.sequence(ext("2.5.29.23", tlv.oid("1.2.840.10040.2.1"))),
        ))), "entry_extension",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CRL_CHANGES)
def test_each_change_of_a_list_breaks_its_rule(name: str) -> None:
    assert check(CRL).breaches == ()
    change, rule = CRL_CHANGES[name]
    assert rule in [one.rule for one in check(rebuilt(CRL, change)).breaches]  # type: ignore[arg-type]


@pytest.mark.parametrize(("days", "sound"), [(1, False), (2, True), (90, True), (91, False), (400, False)])
def test_a_list_comes_every_90_days_and_not_within_48_hours(days: int, sound: bool) -> None:
    """Doc 9303-12 clause 4.1.5: MUST, and not more frequently."""
    found = check(issue.revocation_list(COUNTRY.authority, 5, NOW, NOW + days * DAY, {}))
    assert (found.sound, [one.rule for one in found.breaches]) == (sound, [] if sound else ["update_interval"])


@pytest.mark.parametrize(
    ("bits", "broken", "advised"), [(1024, True, False), (2048, False, True), (3072, False, False)]
)
def test_key_lengths_of_authorities(bits: int, broken: bool, advised: bool) -> None:
    """Doc 9303-12 clause 4.1.6: lengths that protect against attacks are a SHALL, 3072 bits were a recommendation."""
    key = countries.spki(rsa.generate_private_key(65537, bits))
    found = check(rebuilt(COUNTRY.certificate.der, lambda parts: parts.__setitem__(6, key)))
    rules = {one.rule: one.severity for one in found.breaches if one.rule.startswith("key_")}
    assert (rules.get("key_length") is Severity.BROKEN, rules.get("key_strength") is Severity.ADVICE) == (
        broken, advised,
    )  # fmt: skip


def test_every_rule_has_a_clause_and_a_test() -> None:
    tested = {rule for _, rule in CHANGES.values()} | {rule for _, rule in CRL_CHANGES.values()}
    untested = set(CLAUSES) - tested
    assert untested == {
        "readable", "algorithm", "signature", "der", "public_key", "key_strength", "uncompressed_point",
        "extension_twice", "basic_constraints", "purpose", "name_change", "entry_extension_harmless",
        "signed_data_version", "content_version", "listed_authorities", "certificates_inside", "lists_inside",
        "one_signer",
        "signer_identifier", "signer_version", "signed_attributes", "list_signature",
    }  # fmt: skip


@pytest.mark.parametrize("inside", [True, False])
def test_a_member_of_a_master_list_that_is_no_authority_is_named(
    inside: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = pki.init(tmp_path / "pki", now=NOW).path
    authority.add_list_signer(folder, "master_list", now=NOW)
    signer = pki.load(folder).signers[0].certificate
    with pytest.raises(CertificateError) as caught:
        publish.master_list(folder, [signer], now=NOW)
    assert (caught.value.facts["subject"], caught.value.facts["sha256"]) == (signer.subject, signer.fingerprint)
    directory = pki.load(folder)
    assert directory.tally(directory.list_signers[0]).signatures == 0
    assert check(publish.master_list(folder, now=NOW), inside=inside).breaches == ()
    monkeypatch.setattr(signed_list, "no_authority", lambda certificate: None)
    found = check(publish.master_list(folder, [signer], now=NOW), inside=inside)
    assert not found.sound
    assert [(one.rule, one.facts["sha256"]) for one in found.breaches] == [("listed_authorities", signer.fingerprint)]


@pytest.mark.parametrize("data", [b"", b"\x30\x00", b"\x02\x01\x01", b"-----BEGIN X-----", b"\x30" * 5000])
def test_what_is_neither_certificate_nor_list(data: bytes) -> None:
    with pytest.raises(FormatError):
        check_file(data)


def test_hostile_bytes_end_in_a_result_or_a_format_error() -> None:
    for data in (SIGNER, CRL):
        for at in range(0, len(data), 3):
            for bit in (1, 0x80):
                changed = bytearray(data)
                changed[at] ^= bit
                try:
                    json.dumps(check(bytes(changed)).as_dict())
                except FormatError:
                    continue


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = pki.init(tmp_path / "pki").path
    good = str(folder / "csca/certificate.der")
    assert run(build(), ["pki", "check", good, str(folder / "csca/crl.der")]) == 0
    assert "nothing is broken" in capsys.readouterr().out
    (tmp_path / "bad.der").write_bytes(CHANGES["no SAN"][0])
    assert run(build(), ["pki", "check", good, str(tmp_path / "bad.der"), "--json"]) == 1
    files = json.loads(capsys.readouterr().out)["files"]
    assert [one["sound"] for one in files] == [True, False]
    assert files[1]["breaches"][0]["clause"].startswith("Doc 9303-12 table 6")
    (tmp_path / "none").write_bytes(b"x")
    assert run(build(), ["pki", "check", str(tmp_path / "none")]) == 3
    capsys.readouterr()
    assert run(build(), ["pki", "check", str(tmp_path / "none"), good, "--json"]) == 1
    files = json.loads(capsys.readouterr().out)["files"]
    assert [(Path(one["path"]).name, "error" in one) for one in files] == [(Path(good).name, False), ("none", True)]


@pytest.mark.vectors
def test_the_authorities_of_the_world(vectors: Path) -> None:
    """What States publish, counted: a change of the rules shows here."""
    found = check((vectors / "master_lists" / "NL_ML_2026-07-22.ml").read_bytes(), inside=True)
    roots = [one for one in found.inside if one.kind is Kind.ROOT]
    assert len(roots) == 411
    assert 200 < sum(one.sound for one in roots) < 260
    rules = Counter(breach.rule for one in roots for breach in one.breaches)
    assert rules["extension_presence"] > 400
    assert rules["explicit_parameters"] == 3
