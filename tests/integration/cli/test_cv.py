"""`cccd pki cv`: a country's terminals from the first key to the third, as people run it; what is refused; check."""

from __future__ import annotations

import datetime as dt
import json
import stat
from pathlib import Path
from typing import Any

import pytest

from cccd_core.card import CardConnection, ChipReader, MemoryLink
from cccd_core.card.profile import TerminalTrust
from cccd_core.card.virtual import VirtualCard
from cccd_core.cli import common
from cccd_core.cli.common import EXIT_FAULTS, EXIT_NOT_RUN, EXIT_USAGE
from cccd_core.cli.main import build
from cccd_core.emrtd.cv import CvCertificate, Right, parse_certificate, parse_request
from cccd_core.emrtd.files import ElementaryFile
from cccd_core.errors import CertificateError, ConflictError, FileError, FormatError, ParameterError
from cccd_core.pki.cv import CvFolder
from cccd_core.pki.cv.authority import hand_on
from cccd_core.pki.cv.check import CLAUSES, CvOutcome, CvRule, check
from reference import cv_naive as naive
from support.chip import CAN, personalised
from support.terminals import Hierarchy, days

START = "2026-11-01"


def run(*words: str | Path) -> int:
    return common.run(build("pki"), ["pki", "cv", *(str(word) for word in words)])


@pytest.fixture
def country(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    """CVCA, document verifier and inspection system, made by commands."""
    work = tmp_path / "country"
    work.mkdir()
    begin = ("--from", START)
    assert run("init", work / "cvca", "--holder", "VNCOUNTRY", *begin) == 0
    words = ("--role", "dv", "--holder", "VNPOLICE", "--trust", work / "cvca")
    assert run("request", work / "dv", work / "dv.cvreq", *words) == 0
    assert run("dv", work / "cvca", work / "dv.cvreq", work / "dv.cvcert", "--rights", "dg3,dg4", *begin) == 0
    assert run("add", work / "dv", work / "dv.cvcert") == 0
    words = ("--role", "is", "--holder", "VNBORDER", "--trust", work / "dv")
    assert run("request", work / "is", work / "is.cvreq", *words) == 0
    assert run("is", work / "dv", work / "is.cvreq", work / "is.cvcert", "--rights", "dg3", *begin) == 0
    assert run("add", work / "is", work / "is.cvcert") == 0
    capsys.readouterr()
    return work


def test_a_terminal_made_by_commands_reads_fingers(country: Path) -> None:
    terminal = CvFolder.load(country / "is").terminal()
    assert terminal.rights is Right.READ_DG3
    root = CvFolder.load(country / "cvca").trust_point()
    trust = TerminalTrust(root.encoded, dt.date(2026, 11, 1))
    card, files = personalised(portrait_bytes=300, trust=trust)
    for _ in range(2):
        reader = ChipReader(CardConnection(MemoryLink(card)))
        reader.connection.reset()
        reader.open_pace(CAN)
        reader.chip_authentication(files[ElementaryFile.DG14])
        reader.terminal_authentication(files[ElementaryFile.DG14], terminal)
        assert reader.read(ElementaryFile.DG3) == files[ElementaryFile.DG3]
        assert not reader.try_read(ElementaryFile.DG4).content
        # The CVCA hands on, everybody is certified anew, and the card that knows the first key alone follows.
        if terminal.certificate.body.holder.sequence == "00001":
            terminal = renewed(country)
    assert [str(point.holder) for point in trusted(card)] == ["VNCOUNTRY00002", "VNCOUNTRY00001"]


def trusted(card: VirtualCard) -> Any:
    assert card.memory.trust is not None
    return card.memory.trust.points


def renewed(country: Path) -> Any:
    """The terminal after every key of the country was replaced."""
    begin = ("--from", "2026-11-20")
    assert run("link", country / "cvca", country / "link.cvcert", *begin) == 0
    assert run("renew", country / "dv", country / "dv2.cvreq") == 0
    assert run("dv", country / "cvca", country / "dv2.cvreq", country / "dv2.cvcert", *begin) == 0
    assert run("add", country / "dv", country / "link.cvcert", country / "dv2.cvcert") == 0
    assert run("renew", country / "is", country / "is2.cvreq") == 0
    assert run("is", country / "dv", country / "is2.cvreq", country / "is2.cvcert", *begin) == 0
    assert run("add", country / "is", country / "dv", country / "is2.cvcert") == 0
    terminal = CvFolder.load(country / "is").terminal()
    assert str(terminal.certificate.body.authority) == "VNPOLICE00002"
    return terminal


def test_keys_are_for_their_owner(country: Path) -> None:
    for name in ("cvca", "dv", "is"):
        (key,) = (country / name / "keys").iterdir()
        assert stat.S_IMODE(key.stat().st_mode) == 0o600
        assert stat.S_IMODE(key.parent.stat().st_mode) == 0o700
        assert b"PRIVATE KEY" in key.read_bytes()
        for file in (country / name / "certificates").iterdir():
            assert parse_certificate(file.read_bytes())


def test_show(country: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("show", country / "is", "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["holder"], told["role"], told["keys_without_certificate"]) == ("VNBORDER", "is", [])
    assert [row["holder"] for row in told["certificates"]] == ["VNCOUNTRY00001", "VNPOLICE00001", "VNBORDER00001"]
    assert [row["key_here"] for row in told["certificates"]] == [False, False, True]
    assert told["certificates"][2]["rights"] == ["DG3"]
    assert run("renew", country / "is", country / "next.cvreq") == 0
    assert "VNBORDER00002 has no certificate yet" in capsys.readouterr().out
    assert run("show", country / "is") == 0
    assert "VNPOLICE00001" in capsys.readouterr().out


def test_requests_say_who_asks(country: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert parse_request((country / "is.cvreq").read_bytes()).outer is None
    assert run("renew", country / "is", country / "next.cvreq") == 0
    outer = parse_request((country / "next.cvreq").read_bytes()).outer
    assert outer is not None
    assert str(outer[0]) == "VNBORDER00001"
    capsys.readouterr()
    assert run("is", country / "dv", country / "next.cvreq", country / "next.cvcert", "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert told["authenticated"] is True
    assert told["rights"] == ["DG3"], "a renewal keeps what it had"
    # the same request from somebody who has another key of that name
    words = ("--role", "is", "--holder", "VNBORDER", "--trust", country / "dv")
    assert run("request", country / "thief", country / "thief.cvreq", *words) == 0
    assert (
        run("is", country / "dv", country / "thief.cvreq", country / "thief.cvcert", "--rights", "dg3") == EXIT_NOT_RUN
    )
    assert "another key" in capsys.readouterr().err
    assert not (country / "thief.cvcert").exists()


def test_rights_are_given_in_words(country: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A first certificate without any said is none, whoever's name it bears; other ones than before may be said."""
    words = ("--role", "is", "--holder", "VNHARBOUR", "--trust", country / "dv")
    assert run("request", country / "harbour", country / "harbour.cvreq", *words) == 0
    # a second key of a name that was certified, shown by nobody
    words = ("--role", "is", "--holder", "VNBORDER", "--trust", country / "dv")
    assert run("request", country / "thief", country / "thief.cvreq", *words, "--sequence", "00002") == 0
    out = country / "out.cvcert"
    for authority, asked in (("dv", "harbour.cvreq"), ("dv", "thief.cvreq"), ("cvca", "dv.cvreq")):
        kind = "is" if authority == "dv" else "dv"
        capsys.readouterr()
        assert run(kind, country / authority, country / asked, out) == EXIT_USAGE
        assert "--rights" in capsys.readouterr().err
        assert not out.exists()
    assert run("renew", country / "is", country / "next.cvreq") == 0
    assert run("is", country / "dv", country / "next.cvreq", out, "--rights", "none") == 0
    assert "may read no protected data group" in " ".join(capsys.readouterr().out.split())


def test_a_certificate_that_outlives_its_authoritys(country: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The verifier's ends on 29 January 2027."""
    words = ("is", country / "dv", country / "is.cvreq", country / "out.cvcert", "--rights", "dg3", "--from", START)
    for days_, ends in ((90, None), (91, "2027-01-29")):
        assert run(*words, "--days", str(days_), "--json") == 0
        assert json.loads(capsys.readouterr().out)["authority_ends"] == ends
        assert run(*words, "--days", str(days_)) == 0
        assert ("outlives" in capsys.readouterr().out) is (ends is not None)


def test_a_verifier_of_another_country(country: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ("--role", "dv", "--holder", "LAPOLICE", "--trust", country / "cvca")
    assert run("request", country / "guest", country / "guest.cvreq", *words) == 0
    asked = ("dv", country / "cvca", country / "guest.cvreq", country / "guest.cvcert", "--rights", "dg3")
    assert run(*asked) == EXIT_NOT_RUN
    assert "--foreign" in capsys.readouterr().err
    assert run(*asked, "--foreign", "--json") == 0
    assert json.loads(capsys.readouterr().out)["role"] == "dv_foreign"


def test_what_is_refused(country: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for words, said in (
        (("is", country / "cvca", country / "is.cvreq", tmp_path / "x"), "not the folder of a DV"),
        (("dv", country / "dv", country / "dv.cvreq", tmp_path / "x"), "not the folder of a CVCA"),
        (("renew", country / "cvca", tmp_path / "x"), "link"),
        (("link", country / "dv", tmp_path / "x"), "not the folder of a CVCA"),
        (("init", country / "cvca", "--holder", "VNAGAIN"), "never overwritten"),
        (("show", tmp_path / "nothing"), "cannot be read"),
        (("is", country / "dv", country / "is.cvcert", tmp_path / "x"), "bytes follow"),
        (("check", country / "is.cvcert", "--issuer", country / "dv" / "certificates"), "the files themselves"),
        (("add", country / "is", country / "is.cvreq"), "is.cvreq"),
    ):
        assert run(*words) == EXIT_NOT_RUN, words
        assert said in " ".join(capsys.readouterr().err.split())
    for words in (
        ("init", tmp_path / "new", "--holder", "vnlower"),
        ("init", tmp_path / "new", "--holder", "VNWAYTOOLONGNAME"),
        ("init", tmp_path / "new", "--holder", "VNX", "--curve", "secp192r1"),
        ("init", tmp_path / "new", "--holder", "VNX", "--rights", "dg9"),
        ("init", tmp_path / "new", "--holder", "VNX", "--days", "36501"),
    ):
        assert run(*words) == EXIT_USAGE, words
    assert not (tmp_path / "x").exists()
    stranger = Hierarchy()
    (tmp_path / "stranger.cvcert").write_bytes(stranger.verifier().encoded)
    assert run("add", country / "is", tmp_path / "stranger.cvcert") == EXIT_NOT_RUN
    assert "nothing in the folder leads" in " ".join(capsys.readouterr().err.split())
    (tmp_path / "stranger.cvcert").write_bytes(stranger.inspector().encoded)
    assert run("add", country / "is", tmp_path / "stranger.cvcert") == EXIT_NOT_RUN
    assert "none of these certificates is of use" in " ".join(capsys.readouterr().err.split())


def test_a_folder_that_is_none(country: Path, tmp_path: Path) -> None:
    folder = country / "is"
    index = (folder / "cv.json").read_bytes()
    for wrong in (b"", b"{}", b"[" * 60_000, index.replace(b'"version": 1', b'"version": 2'),
                  index.replace(b"VNBORDER", b"V"), index.replace(b'"is"', b'"at"')):  # fmt: skip
        (folder / "cv.json").write_bytes(wrong)
        with pytest.raises(FormatError):
            CvFolder.load(folder)
    (folder / "cv.json").write_bytes(index)
    (folder / "certificates" / "odd.cvcert").write_bytes(b"odd")
    with pytest.raises(FormatError, match="odd"):
        CvFolder.load(folder)
    (folder / "certificates" / "odd.cvcert").unlink()
    (key,) = (folder / "keys").iterdir()
    key.rename(key.with_name("VNBORDER00007.pem"))
    with pytest.raises(ConflictError, match="no certificate of its own"):
        CvFolder.load(folder).terminal()
    with pytest.raises(ConflictError, match="not the folder of an inspection system"):
        CvFolder.load(country / "dv").terminal()
    with pytest.raises(FileError):
        CvFolder.load(tmp_path / "none")
    with pytest.raises(ParameterError):
        CvFolder.load(country / "dv").new_key(curve="P-256")
    cvca = CvFolder.load(country / "cvca")
    (mine,), (theirs,) = ((one / "keys").iterdir() for one in (country / "cvca", country / "dv"))
    mine.write_bytes(theirs.read_bytes())
    with pytest.raises(CertificateError, match="key"):
        hand_on(cvca, start=days(0))


# ---- check


def outcomes(data: bytes, *, issuers: Any = (), at: dt.date | None = None) -> dict[CvRule, CvOutcome]:
    return {one.rule: one.outcome for one in check(data, issuers, at)}


def test_check_of_sound_ones(country: Path, capsys: pytest.CaptureFixture[str]) -> None:
    at = ("--at", "2026-11-15")
    assert run("check", country / "is.cvcert", "--issuer", country / "dv", *at, "--json") == 0
    told = json.loads(capsys.readouterr().out)["findings"]
    assert {row["outcome"] for row in told} == {"held"}
    assert {row["rule"] for row in told} == {str(r) for r in CvRule} - {"extensions", "outer_signature"}
    assert all(row["clause"] and row["text"] for row in told)
    assert run("check", country / "is.cvcert", *at) == 0  # nobody to ask about the signature
    assert "VNPOLICE00001" in " ".join(capsys.readouterr().out.split())
    assert run("renew", country / "is", country / "next.cvreq") == 0
    for file in ("dv.cvreq", "next.cvreq"):
        assert run("check", country / file, "--issuer", country / "is") == 0
    assert run("check", country / "is.cvcert", "--at", "2027-11-15") == EXIT_FAULTS
    assert set(CLAUSES) == set(CvRule)


def test_nobody_certifies_the_own_key(country: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ("is", country / "dv", country / "dv.cvreq", tmp_path / "own.cvcert", "--rights", "none")
    assert run(*words) == EXIT_USAGE
    assert "the authority's own key" in " ".join(capsys.readouterr().err.split())
    assert not (tmp_path / "own.cvcert").exists()


def test_check_says_which_certificate_is_missing(country: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Given the verifier's alone, it is the CVCA's that is needed."""
    made = Hierarchy()

    def said(*above: CvCertificate) -> str:
        (found,) = (one for one in check(made.inspector().encoded, above) if one.rule is CvRule.SIGNATURE)
        assert found.outcome is CvOutcome.UNTOLD
        return found.detail

    root, verifier = (str(one.body.holder) for one in (made.root(), made.verifier()))
    assert said() == f"the certificate of {verifier} is needed"
    assert said(made.root()) == f"the certificate of {verifier} is needed"
    assert said(made.verifier()) == f"the certificate of {root} is needed, above that of {verifier}"
    assert said(Hierarchy().root(), made.verifier()) == f"the certificate of {verifier} is given, and nothing proves it"
    assert run("check", country / "is.cvcert", "--issuer", country / "dv.cvcert", "--json") == 0
    rows = {row["rule"]: row for row in json.loads(capsys.readouterr().out)["findings"]}
    assert rows["signature"]["outcome"] == "untold"
    assert "needed, above that of" in rows["signature"]["detail"]


def test_check_says_what_is_broken() -> None:
    made = Hierarchy()
    point = naive.multiply("brainpoolP256r1", 7)
    key = naive.ec_key("2.3", "brainpoolP256r1", point, parameters=True)
    bare = naive.ec_key("2.1", "brainpoolP256r1", point, parameters=False)
    padded = key.replace(b"\x87\x01\x01", b"\x87\x02\x00\x01")
    padded = naive.tlv(0x7F49, padded[padded.index(b"\x06") :])
    root = ("VNROOT00001", key, "VNROOT00001", 0xC3, "260101", "281231")

    def of(*parts: Any) -> bytes:
        return naive.certificate(naive.body(*parts), bytes(64))

    for data, rule, outcome in (
        (b"", CvRule.FORM, CvOutcome.BROKEN),
        (of(*root) + b"\0", CvRule.FORM, CvOutcome.BROKEN),
        (of(*root), CvRule.SIGNATURE, CvOutcome.BROKEN),
        (of("VN", *root[1:]), CvRule.AUTHORITY, CvOutcome.BROKEN),
        (of(*root[:2], "vnroot00001", *root[3:]), CvRule.HOLDER, CvOutcome.BROKEN),
        (of(root[0], bare, *root[2:]), CvRule.DOMAIN_PARAMETERS, CvOutcome.BROKEN),
        (of(root[0], bare, *root[2:]), CvRule.STRENGTH, CvOutcome.ADVISED_AGAINST),
        (of(root[0], padded, *root[2:]), CvRule.SHORTEST_NUMBERS, CvOutcome.BROKEN),
        (of(root[0], padded, *root[2:]), CvRule.WHOLE, CvOutcome.HELD),
        (of(*root[:2], "VNDV00001", 0x83, *root[4:]), CvRule.DOMAIN_PARAMETERS, CvOutcome.BROKEN),
        (of(*root[:2], "VNDV00001", 0x83, *root[4:]), CvRule.LIFETIME, CvOutcome.ADVISED_AGAINST),
        (of(*root[:2], "VNDV00001", 0x83, *root[4:]), CvRule.SIGNATURE, CvOutcome.UNTOLD),
        (of(*root[:3], 0xC7, *root[4:]), CvRule.RESERVED_RIGHTS, CvOutcome.BROKEN),
        (of(*root[:4], "281231", "260101"), CvRule.DATES_IN_ORDER, CvOutcome.BROKEN),
        (of(*root[:4], "260231", "261231"), CvRule.EFFECTIVE, CvOutcome.BROKEN),
        (of(*root[:5], "991332"), CvRule.EXPIRATION, CvOutcome.BROKEN),
        (made.root().encoded, CvRule.SIGNATURE, CvOutcome.HELD),
    ):
        found = outcomes(data)
        assert found[rule] is outcome, (rule, found)
    fields = naive.body(*root)
    for changed, rule in (
        (fields.replace(b"\x5f\x29\x01\x00", b"\x5f\x29\x01\x01"), CvRule.PROFILE),
        (fields.replace(naive.oid("0.4.0.127.0.7.3.1.2.1"), naive.oid("0.4.0.127.0.7.3.1.2.2")), CvRule.AUTHORIZATION),
        (fields.replace(naive.oid("0.4.0.127.0.7.2.2.2.2.3"), naive.oid("0.4.0.127.0.7.2.2.2.2.9")), CvRule.PUBLIC_KEY),
    ):
        found = outcomes(naive.certificate(changed, bytes(64)))
        assert found[rule] is CvOutcome.BROKEN
        assert found[CvRule.HOLDER] is CvOutcome.HELD, "one fault hides no other"
    twice = naive.tlv(0x7F4E, naive.tlv(0x5F29, b"\0"), naive.tlv(0x5F29, b"\0"), naive.tlv(0x42, b"VNX00001"))
    assert outcomes(naive.certificate(twice, bytes(64)))[CvRule.ORDER] is CvOutcome.BROKEN


def test_check_looks_at_the_issuers_signature() -> None:
    made, stranger = Hierarchy(), Hierarchy()
    root = made.root()
    assert outcomes(made.verifier().encoded, issuers=[root])[CvRule.SIGNATURE] is CvOutcome.HELD
    assert outcomes(stranger.verifier().encoded, issuers=[root])[CvRule.SIGNATURE] is CvOutcome.BROKEN
    by_root = made.inspector(by=made.cvca).encoded
    assert outcomes(by_root, issuers=[root])[CvRule.SIGNATURE] is CvOutcome.BROKEN
    found = outcomes(made.verifier().encoded, at=days(-11))
    assert found[CvRule.IN_FORCE] is CvOutcome.BROKEN
