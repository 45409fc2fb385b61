"""The making of a CSCA's key by two people: in a real token (SoftHSM2), in a dry run, refused, interrupted, killed."""

from __future__ import annotations

import datetime as dt
import itertools
import json
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from cccd_core import pki
from cccd_core.card import MemoryLink
from cccd_core.card.virtual import VirtualCard
from cccd_core.cli.common import run
from cccd_core.cli.main import build
from cccd_core.errors import ConflictError, FileError, FormatError, ParameterError, SigningError, VerificationError
from cccd_core.inspection import Access, Outcome, Verdict, inspect
from cccd_core.issuance.audit.findings import AuditKey
from cccd_core.issuance.audit.trail import Trail
from cccd_core.issuance.audit.verify import verify
from cccd_core.issuance.means import Means, SystemClock
from cccd_core.pki import authority
from cccd_core.pki.ceremony import Ceremony, Entry, hold, parse_protocol
from cccd_core.pki.check import check
from cccd_core.pki.cv.local_country import inspection_system
from cccd_core.pki.directory import PIN_VARIABLE, TokenKey
from cccd_core.pki.new_key import KEY_CURVES, NewKey
from cccd_core.pki.outlook import Matter, outlook
from cccd_core.signing.ledger import Purpose
from support import cards, softhsm, trails
from support.chip import finish_job, open_channel

ROOT = Path(__file__).resolve().parents[3]
NOW = dt.datetime(2026, 11, 22, 3, 4, 5, tzinfo=dt.UTC)
PEOPLE = ("Nguyễn Văn A", "Trần Thị B")
hsm = [
    pytest.mark.hsm,
    pytest.mark.skipif(
        softhsm.module() is None or shutil.which("softhsm2-util") is None, reason="SoftHSM2 is not installed"
    ),
]


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    (tmp_path / "hsm").mkdir()
    with softhsm.token(tmp_path / "hsm") as found:
        monkeypatch.setenv(PIN_VARIABLE, softhsm.PIN)
        yield str(found)


def yes(person: str, entry: Entry) -> bool:
    return person in PEOPLE and len(entry.digest) == 64


def in_token(module: str, label: str = "csca", **more: object) -> Ceremony:
    return Ceremony(PEOPLE, TokenKey(module, softhsm.TOKEN, label), **more)  # type: ignore[arg-type]


def commands_of_the_how_to(*beginnings: str) -> list[str]:
    text = (ROOT / "docs/how-to/run-a-csca-ceremony.md").read_text(encoding="utf-8").replace("\\\n", " ")
    return [line.strip() for line in text.splitlines() if line.strip().startswith(beginnings)]


def labels(module: str) -> set[str]:
    import pkcs11

    with pkcs11.lib(module).get_token(token_label=softhsm.TOKEN).open(user_pin=softhsm.PIN) as session:
        return {each.label for each in session.get_objects()}


def test_a_dry_run_asks_everything_and_leaves_nothing(tmp_path: Path) -> None:
    asked = []

    def confirm(person: str, entry: Entry) -> bool:
        asked.append((entry.step, person))
        return True

    made = hold(tmp_path / "pki", Ceremony(PEOPLE, None, dry_run=True), confirm, now=NOW)
    assert asked == [(step, person) for step in ("opening", "key", "intention") for person in PEOPLE]
    assert [entry.step for entry in made.entries] == ["opening", "key", "intention", "certificate"]
    assert made.dry_run
    assert "DRY RUN" in made.as_text()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("people", [(), ("A",), ("A", "A"), ("A", " a "), ("A", ""), ("A", "B", "a")])
def test_one_person_is_not_enough(people: tuple[str, ...]) -> None:
    with pytest.raises(ParameterError, match="two operators"):
        Ceremony(people, None, dry_run=True)


@pytest.mark.parametrize("curve", ["secp256k1", "secp192r1", "brainpoolP512t1", "P-384", ""])
def test_a_curve_that_no_csca_has_is_refused_before_the_first_step(curve: str) -> None:
    with pytest.raises(ParameterError, match="no curve for a CSCA"):
        Ceremony(PEOPLE, None, curve=curve, dry_run=True)


@pytest.mark.parametrize("curve", sorted(KEY_CURVES))
def test_a_rehearsal_is_of_the_curve_that_is_asked_for(tmp_path: Path, curve: str) -> None:
    made = hold(tmp_path / "pki", Ceremony(PEOPLE, None, curve=curve, dry_run=True), yes, now=NOW)
    assert made.entries[0].facts["curve"] == curve
    size = KEY_CURVES[curve].key_size // 8
    assert 2 * size - 8 < len(bytes.fromhex(made.signature)) < 2 * size + 16  # two numbers of the curve's size, in DER


@pytest.mark.parametrize(
    ("country", "code"), [("vn", "VNM"), ("VNM", "VNM"), ("VN", "LAO"), ("VN", "VN"), ("", "VNM"), ("VN", "vnm")]
)
def test_a_country_has_one_name(country: str, code: str) -> None:
    with pytest.raises(ParameterError, match="two capital letters"):
        Ceremony(PEOPLE, None, country=country, country_code=code, dry_run=True)


def test_a_state_has_its_keys_in_a_token(tmp_path: Path) -> None:
    with pytest.raises(ParameterError, match="in a token"):
        Ceremony(PEOPLE, None)
    (tmp_path / "full").mkdir()
    (tmp_path / "full/x").write_text("x")
    with pytest.raises(FileError):
        hold(tmp_path / "full", Ceremony(PEOPLE, None, dry_run=True), yes)


_HOLD = f"""
import os, signal, sys
from pathlib import Path
from cccd_core.pki.ceremony import Ceremony, hold
from cccd_core.pki.directory import TokenKey

where = TokenKey(sys.argv[2], {softhsm.TOKEN!r}, sys.argv[3])
target, left = Path(sys.argv[1]), int(sys.argv[4])

def count(event, arguments):
    global left
    if event not in ("open", "os.rename", "os.mkdir", "os.remove", "os.chmod", "os.link"):
        return
    if isinstance(arguments[0], (str, Path)) and str(arguments[0]).startswith(f"{{target.parent}}/.pki."):
        left -= 1
        if left < 0:
            os.kill(os.getpid(), signal.SIGKILL)

sys.addaudithook(count)
hold(target, Ceremony(("A", "B"), where), lambda person, entry: True)
"""


class TestInAToken:
    pytestmark = hsm

    def test_a_csca_is_made(self, module: str, tmp_path: Path) -> None:
        target = tmp_path / "vn" / "pki"
        made = hold(target, in_token(module, name="CSCA Việt Nam", organization="Bộ Công an"), yes, now=NOW)
        directory = pki.load(target)
        csca = directory.csca_certificate
        assert (directory.test, directory.signers, csca.country) == (False, (), "VN")
        assert "CSCA Việt Nam" in csca.subject
        assert check(csca.der).breaches == ()
        assert csca.distribution_points == ("https://pkddownload1.icao.int/CRLs/VNM.crl",)
        assert check((target / "csca/crl.der").read_bytes()).breaches == ()
        files = {path.name for path in (target / "csca").iterdir()}
        assert files == {"certificate.der", "crl.der", "ledger", "protocol.json", "protocol.md"}
        stored = parse_protocol((target / "csca/protocol.json").read_bytes())
        assert stored == made
        stored.verify(csca)
        assert "confirmed by: Nguyễn Văn A, Trần Thị B" in (target / "csca/protocol.md").read_text()
        assert csca.fingerprint in (target / "csca/protocol.md").read_text()
        tally = directory.tally(directory.authorities[0])
        assert tally.purposes == {
            Purpose.CERTIFICATE: 1, Purpose.PROTOCOL: 1, Purpose.REVOCATION_LIST: 1, Purpose.PROOF: 1,
        }  # fmt: skip
        # It certifies signers, whose keys are made in the token as well and nowhere else.
        with pytest.raises(ParameterError, match="made in a token"):
            authority.add_signer(target, now=NOW)
        key = NewKey.in_token(TokenKey(module, softhsm.TOKEN, "ds-1"), "secp256r1")
        after = authority.add_signer(target, key=key, now=NOW).directory
        key.release()
        assert after.signers[0].certificate.distribution_points == csca.distribution_points
        assert after.trust_store().validate(after.signers[0].certificate, NOW)
        assert [one.matter for one in outlook(after, NOW)] == [Matter.NO_AUDIT]
        assert labels(module) == {"csca", "ds-1"}
        key = NewKey.in_token(TokenKey(module, softhsm.TOKEN, "audit-1"), "secp256r1")
        after = authority.add_audit_signer(target, key=key, now=NOW).directory
        key.release()
        assert outlook(after, NOW) == ()
        holder, store = after.audit_signers[-1], trails.MemoryStore()
        with closing(after.counted(holder, Purpose.AUDIT, lambda: NOW)) as signer:
            trail = Trail(store, "a run", clock=lambda: NOW, signer=lambda: signer)
            trail.append([trails.entry(1)])
            trail.seal()
        assert verify(store.data, keys=[AuditKey.of_certificate(holder.certificate.der)]).signed == 1
        assert after.tally(holder).purposes == {Purpose.CERTIFICATE: 1, Purpose.PROOF: 1, Purpose.AUDIT: 1}

    def test_its_country_personalises_and_reads_fingers_as_a_test_country_does(
        self, module: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The steps of the how-to, the commands as they stand there: then a card is made, proved and read."""
        target = tmp_path / "country"
        hold(target, in_token(module), yes)
        monkeypatch.chdir(tmp_path)
        for line in commands_of_the_how_to("cccd pki signer", "cccd pki cv"):
            words = shlex.split(line.replace("out/country", str(target)).replace("…", module))
            words = [{"issuing": softhsm.TOKEN, "csca": softhsm.TOKEN}.get(word, word) for word in words]
            assert run(build("pki"), words[1:]) == 0, line
        (target / "card_master_key.hex").write_text("404142434445464748494A4B4C4D4E4F" * 2)
        directory = pki.load(target)
        means = Means.usual(target, "no reader").authority(SystemClock())
        assert means.notices == ("no key signs audit trails: they are only chained (cccd pki audit-signer)",)
        person = cards.job(1, directory.document_signer(), inspection_system(target).trust_point().encoded)
        card = VirtualCard.create(None, master_key=means.card_master_key, wait=lambda _: None)
        finish_job(*open_channel(card, master_key=means.card_master_key), person)
        access = Access(can=person.secrets.can, terminal=means.terminal)
        found = inspect(MemoryLink(card), means.trust, access=access)
        assert (found.verdict, found.reasons) == (Verdict.GENUINE, ())
        assert {check.outcome for check in found.checks} == {Outcome.HELD}
        assert found.files == person.image.files

    def test_the_next_key_is_certified_by_the_one_before(self, module: str, tmp_path: Path) -> None:
        target = tmp_path / "pki"
        hold(target, in_token(module), yes, now=NOW)
        before = pki.load(target).csca_certificate
        made = hold(target, in_token(module, "csca-2", name="CSCA VNM 2"), yes, now=NOW)
        after = pki.load(target)
        assert [entry.step for entry in made.entries][-2:] == ["certificate", "link certificate"]
        parse_protocol((target / "csca-2/protocol.json").read_bytes()).verify(after.csca_certificate)
        link = (target / "csca-2/link.der").read_bytes()
        assert check(link).breaches == ()
        assert pki.parse_certificate(link).issuer == before.subject
        assert after.authorities[1].pkcs11 == TokenKey(module, softhsm.TOKEN, "csca-2")
        assert len(after.trust_store()) == 2

    def test_a_changed_protocol_is_refused(self, module: str, tmp_path: Path) -> None:
        target = tmp_path / "pki"
        made = hold(target, in_token(module), yes, now=NOW)
        csca = pki.load(target).csca_certificate
        first, *rest = made.entries
        for wrong in (
            replace(made, entries=(replace(first, confirmed_by=("Nobody",)), *rest)),
            replace(made, entries=tuple(made.entries[:-1])),
            replace(made, operators=("A", "B")),
            replace(made, signature=made.signature[:-2] + "00"),
            replace(made, signature="zz"),
        ):
            with pytest.raises(VerificationError):
                wrong.verify(csca)
        with pytest.raises(VerificationError):
            made.verify(pki.init(tmp_path / "other", now=NOW).csca_certificate)
        for data in (b"", b"{}", b"[" * 100_000, made.as_json().replace(b'"version": 1', b'"version": 2')):
            with pytest.raises(FormatError):
                parse_protocol(data)

    @pytest.mark.parametrize("refused", ["opening", "key", "intention"])
    def test_what_is_not_confirmed_is_not_made(self, module: str, tmp_path: Path, refused: str) -> None:
        def confirm(person: str, entry: Entry) -> bool:
            return not (entry.step == refused and person == PEOPLE[1])

        with pytest.raises(ConflictError, match="not confirmed"):
            hold(tmp_path / "pki", in_token(module), confirm, now=NOW)
        assert not (tmp_path / "pki").exists()
        assert labels(module) == set(), "the key was destroyed"
        hold(tmp_path / "pki", in_token(module), yes, now=NOW)

    def test_an_interrupt_leaves_nothing_and_a_label_is_never_taken_twice(self, module: str, tmp_path: Path) -> None:
        def interrupt(person: str, entry: Entry) -> bool:
            if entry.step == "intention":
                raise KeyboardInterrupt
            return True

        with pytest.raises(KeyboardInterrupt):
            hold(tmp_path / "pki", in_token(module), interrupt, now=NOW)
        assert labels(module) == set()
        hold(tmp_path / "pki", in_token(module), yes, now=NOW)
        with pytest.raises(ConflictError, match="of this label already"):
            hold(tmp_path / "other", in_token(module), yes, now=NOW)
        assert labels(module) == {"csca"}, "the key that was there stays"

    def test_killed_at_any_step_the_folder_is_whole_or_not_there(self, module: str, tmp_path: Path) -> None:
        """Killed before what the ceremony does to a file, not amid what the token's library does: SoftHSM2 writes its
        own files anew in place, and one that is cut short is a token that nobody opens again."""
        target = tmp_path / "pki"
        for kill in itertools.count(0, 3):  # in a process of its own: a token's library does not outlive a fork
            arguments = [sys.executable, "-c", _HOLD, str(target), module, f"key-{kill}", str(kill)]
            ended = subprocess.run(arguments, capture_output=True, check=False).returncode
            assert target.exists() is (ended == 0)
            if ended == 0:
                break
            assert ended == -signal.SIGKILL
        assert kill > 6
        directory = pki.load(target)
        parse_protocol((target / "csca/protocol.json").read_bytes()).verify(directory.csca_certificate)
        assert directory.trust_store()

    def test_the_pin_is_asked_for(self, module: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv(PIN_VARIABLE)
        with pytest.raises(SigningError, match="PIN"):
            hold(tmp_path / "pki", in_token(module), yes, now=NOW)
        assert list(tmp_path.glob("pki*")) == []

    def test_openssl_verifies_list_and_link(self, module: str, tmp_path: Path) -> None:
        """Explicit parameters keep OpenSSL from building chains; it verifies single signatures."""
        target = tmp_path / "pki"
        hold(target, in_token(module), yes, now=NOW)
        hold(target, in_token(module, "csca-2", name="CSCA VNM 2"), yes, now=NOW)
        certificate = target / "csca/certificate.der"
        pem = tmp_path / "csca.pem"
        subprocess.run(
            ["openssl", "x509", "-inform", "DER", "-in", certificate, "-out", pem], check=True, capture_output=True
        )
        key = subprocess.run(["openssl", "x509", "-in", pem, "-pubkey", "-noout"], check=True, capture_output=True)
        (tmp_path / "key.pem").write_bytes(key.stdout)
        link = pki.parse_certificate((target / "csca-2/link.der").read_bytes())
        (tmp_path / "signed").write_bytes(link.signed_part)
        (tmp_path / "signature").write_bytes(link.signature)
        answer = subprocess.run(
            ["openssl", "dgst", "-sha384", "-verify", tmp_path / "key.pem", "-signature", tmp_path / "signature",
             tmp_path / "signed"], capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert answer.stdout.strip() == "Verified OK", answer.stderr
        answer = subprocess.run(
            ["openssl", "crl", "-inform", "DER", "-in", target / "csca/crl.der", "-CAfile", pem, "-noout"],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert "verify OK" in answer.stderr


def test_the_commands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    import typer

    from cccd_core.cli.common import run
    from cccd_core.cli.main import build

    people = ["--operator", "A", "--operator", "B"]
    seen = []

    def prompt(text: str, **_: object) -> str:
        seen.append(text)
        said = capsys.readouterr().err
        return said.rsplit("digest: ", 1)[1][:8]

    monkeypatch.setattr(typer, "prompt", prompt)
    assert run(build(), ["pki", "ceremony", str(tmp_path / "x"), *people, "--dry-run"]) == 0
    assert len(seen) == 6
    assert "DRY RUN" in capsys.readouterr().out
    assert run(build(), ["pki", "ceremony", str(tmp_path / "x"), "--operator", "A", "--dry-run"]) == 2
    assert run(build(), ["pki", "ceremony", str(tmp_path / "x"), *people]) == 2
    capsys.readouterr()
    monkeypatch.setattr(typer, "prompt", lambda *_, **__: "no")
    assert run(build(), ["pki", "ceremony", str(tmp_path / "x"), *people, "--dry-run", "--json"]) == 3
    assert json.loads(capsys.readouterr().out)["error"]["kind"] == "conflict"
    assert not (tmp_path / "x").exists()


def test_an_input_that_ends_at_a_question_is_told(tmp_path: Path) -> None:
    arguments = [
        sys.executable, "-m", "cccd_core.cli.main", "pki", "ceremony", str(tmp_path / "x"), "--operator", "A",
        "--operator", "B", "--dry-run", "--json",
    ]  # fmt: skip
    ended = subprocess.run(arguments, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    assert ended.returncode == 3
    assert json.loads(ended.stdout)["error"]["message"] == "the input ended before a question was answered"
    assert list(tmp_path.iterdir()) == []
