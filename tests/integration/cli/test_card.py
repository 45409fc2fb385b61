"""`cccd card read|verify`: what it shows, how it ends, and what it never says."""

from __future__ import annotations

import json
import stat
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from PIL import Image

from cccd_core import templates
from cccd_core.card.card_keys import CardMasterKey
from cccd_core.card.virtual import VirtualCard
from cccd_core.cli import common
from cccd_core.cli.common import EXIT_FAULTS, EXIT_NOT_RUN, EXIT_UNDECIDED, EXIT_USAGE
from cccd_core.cli.main import build
from cccd_core.inspection import CheckName, FileState, Outcome, Protocol, Verdict
from cccd_core.issuance.audit.trail import read
from cccd_core.personalise import CardJob
from support import cards
from support.cards import Country
from support.chip import finish_job, open_channel
from support.issuing import fingers_of


def positioned(person: int, *, again: bool = False) -> dict[int, bytes]:
    """Two fingers of a person as records that say which they are."""
    found = {}
    for position in (2, 7):
        record = templates.read(fingers_of(person, again=again)[f"{position}.fmr"])
        found[position] = templates.write(replace(record.views[0], position=position), "iso-2005")
    return found


@pytest.fixture(scope="module")
def country(tmp_path_factory: pytest.TempPathFactory) -> Country:
    return Country.make(tmp_path_factory.mktemp("country") / "pki")


@pytest.fixture(scope="module")
def job(country: Country) -> CardJob:
    """A job with fingers that a matcher can compare."""
    return cards.job(1, country.signer, country.cvca_certificate, records=positioned(1))


@pytest.fixture(scope="module")
def card(job: CardJob, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("card") / "a.card"
    with VirtualCard.create(path, master_key=CardMasterKey(bytes(range(0x40, 0x50)) * 2)) as made:
        finish_job(*open_channel(made), job)
    return path


TEXT, COUNT = {"type": "string"}, {"type": "integer", "minimum": 0}
CHECK = {"name": {"enum": list(CheckName)}, "label": TEXT, "outcome": {"enum": list(Outcome)}, "detail": TEXT}
FILE = {"state": {"enum": list(FileState)}, "bytes": COUNT, "detail": TEXT}
FINGER = {"probe": COUNT, "position": COUNT, "score": {"type": "number"}}
HOLDER = {
    "matched": {"type": "boolean"}, "score": {"type": "number"}, "threshold": {"type": "number"},
    "fmr": {"type": "number"}, "fingers": {"type": "array"},
}  # fmt: skip


def exactly(properties: dict[str, Any], *other: str) -> dict[str, Any]:
    """An object of these properties and no other."""
    kind = ["object", *other]
    return {"type": kind, "properties": properties, "required": list(properties), "additionalProperties": False}


SCHEMA = {
    "verdict": {"enum": list(Verdict)},
    "reasons": {"type": "array", "items": TEXT},
    "expired": {"type": ["boolean", "null"]},
    "access": {"enum": [*Protocol, None]},
    "checks": {"type": "array", "items": exactly(CHECK)},
    "passive_authentication": {"type": ["object", "null"], "required": ["accepted", "policy", "rules", "refusals"]},
    "left_out": {"type": "array", "items": exactly({"kind": TEXT, "message": TEXT, "facts": {"type": "object"}})},
    "files": {"type": "object", "additionalProperties": exactly(FILE)},
    "holder": exactly({**HOLDER, "fingers": {"type": "array", "items": exactly(FINGER)}}, "null"),
    "closing": {"type": "string"},
}
PERSONAL = {"fields": {"type": "object"}, "odd": {"type": "object", "additionalProperties": TEXT}}


def conforms(told: dict[str, Any], *, personal: bool) -> None:
    """Whether what `--json` printed has the form that is promised."""
    jsonschema.validate(told, exactly({**SCHEMA, **(PERSONAL if personal else {})}))


def run(*words: str | Path) -> int:
    return common.run(build("card"), ["card", *(str(word) for word in words)])


def of_a_terminal(card: Path, job: CardJob, country: Country) -> tuple[str | Path, ...]:
    """The words with which a terminal of the country reads all of a card."""
    folder = country.directory.path
    return (card, "--can", job.secrets.can, "--pki", folder, "--terminal", folder / "cv" / "is")


def test_a_genuine_card_is_read_and_verified(
    card: Path, job: CardJob, country: Country, capsys: pytest.CaptureFixture[str]
) -> None:
    opened = (card, "--can", job.secrets.can, "--pki", country.directory.path)
    assert run("read", *opened) == 0
    said = capsys.readouterr().out
    assert cards.content(1).full_name in said
    assert said.rstrip().endswith("verdict: genuine")
    assert run("verify", *opened) == 0
    said = capsys.readouterr().out
    assert "passive authentication" in said
    assert said.rstrip().endswith("verdict: genuine")
    for personal in (cards.content(1).full_name, job.personal_number, job.secrets.can):
        assert personal not in said


def test_a_reading_is_told_by_the_digest_of_what_is_signed(
    card: Path, job: CardJob, country: Country, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    trail = tmp_path / "acts.jsonl"
    opened = (card, "--can", job.secrets.can, "--pki", country.directory.path, "--order", "CV 9", "--actor", "an")
    assert run("read", *opened, "--trail", trail) == 0
    assert run("verify", *opened, "--trail", trail) == 0
    found = [one.entry for one in read(trail.read_bytes())]
    assert [(one.kind, one.what, one.reason, one.order) for one in found] == [
        ("reading", "card_read", None, "CV 9"), ("reading", "done", "genuine", None),
        ("reading", "card_verified", None, "CV 9"), ("reading", "done", "genuine", None),
    ]  # fmt: skip
    assert str(found[1].person).startswith("sha256:")
    assert found[1].person == found[3].person
    for personal in (cards.content(1).full_name, job.personal_number, job.secrets.can):
        assert personal.encode() not in trail.read_bytes()
    capsys.readouterr()
    assert run("read", *opened, "--trail", tmp_path / "no" / "acts.jsonl") == 3
    assert capsys.readouterr().out == "", "what cannot be told is not read"


def test_json_says_the_same(card: Path, job: CardJob, country: Country, capsys: pytest.CaptureFixture[str]) -> None:
    opened = (*of_a_terminal(card, job, country), "--json")
    assert run("read", *opened) == 0
    full = json.loads(capsys.readouterr().out)
    assert run("verify", *opened) == 0
    told = json.loads(capsys.readouterr().out)
    conforms(full, personal=True)
    conforms(told, personal=False)
    assert full["fields"]["DG13.full_name"] == cards.content(1).full_name
    assert set(full) - set(told) == {"fields", "odd"}
    assert told["verdict"] == "genuine"
    assert told["reasons"] == []
    assert (told["expired"], told["access"], told["holder"]) == (False, "pace", None)
    assert {check["outcome"] for check in told["checks"]} == {"held"}
    assert {row["state"] for row in told["files"].values()} == {"read"}


@pytest.mark.parametrize("secret", ["can", "mrz"])
def test_secrets_come_from_standard_input_too(
    secret: str, card: Path, job: CardJob, country: Country, stdin: Any
) -> None:
    from cccd_core.emrtd.mrz import for_card

    lines = for_card(cards.content(1)).lines
    stdin((job.secrets.can + "\n").encode() if secret == "can" else "\n".join(lines).lower().encode())
    assert run("verify", card, f"--{secret}", "-", "--pki", country.directory.path) == 0


def test_without_trust_or_with_a_wrong_can_it_cannot_be_told(
    card: Path, job: CardJob, country: Country, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("read", card, "--can", job.secrets.can) == EXIT_UNDECIDED
    said = capsys.readouterr().out
    assert cards.content(1).full_name in said
    assert "verdict: could not tell" in said
    wrong = f"{(int(job.secrets.can) + 1) % 1_000_000:06d}"
    assert run("verify", card, "--can", wrong, "--pki", country.directory.path) == EXIT_UNDECIDED
    said = capsys.readouterr().out
    assert "does not accept the CAN" in said
    assert run("verify", card, "--can", wrong, "--json") == EXIT_UNDECIDED
    conforms(json.loads(capsys.readouterr().out), personal=False)
    assert wrong not in said


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--can", "12345"], "six digits"),
        (["--can", "1234567"], "six digits"),
        (["--can", "12345a"], "six digits"),
        (["--mrz", "IDVNM"], "typed wrongly"),
        (
            ["--mrz", "IDVNM0990000017001099000001<<89905015M3905014VNM<<<<<<<<<<<2NGUYEN<<VAN<A<<<<<<<<<<<<<<<<<"],
            "check",
        ),
        ([], "--pin-none"),
        (["--can", "123456", "--pin-none"], "--pin-none"),
        (["--can", "-", "--mrz", "-"], "read once"),
        (["--can", "123456", "--at", "yesterday"], "2026-11-01"),
        (["--can", "123456", "--at", "2026-12-01T10:00:00"], "zone"),
        (["--can", "123456", "--reader", "x"], "either"),
    ],
)
def test_what_is_wrong_with_the_command_line_never_reaches_the_card(
    words: list[str], said: str, tmp_path: Path, card: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = card.read_bytes()
    assert run("verify", card, *words) == EXIT_USAGE
    told = " ".join(capsys.readouterr().err.split())
    assert said in told.replace("│ ", "")
    assert card.read_bytes() == before
    assert "0990000017001" not in told


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["legacy"], 0), (["strict"], 0), (["legacy,fresh_list=refuse"], 0), (["fresh_list=ignore"], 0),
        (["legacy", "fresh_list=refuse"], 0), (["lax"], EXIT_USAGE), (["digest=ignore"], EXIT_USAGE),
        (["nothing=flag"], EXIT_USAGE),
    ],
)  # fmt: skip
def test_a_policy_by_its_words(
    words: list[str], code: int, card: Path, job: CardJob, country: Country, capsys: pytest.CaptureFixture[str]
) -> None:
    policy = [word for each in words for word in ("--policy", each)]
    assert run("verify", card, "--can", job.secrets.can, "--pki", country.directory.path, *policy) == code
    if not code:
        said = capsys.readouterr().out
        name = ",".join(words)
        assert f"policy {name if name.startswith(('strict', 'legacy')) else f'strict,{name}'}" in said
        assert "issuing_state" in said


def test_a_signer_s_certificate_from_elsewhere(card: Path, job: CardJob, country: Country, tmp_path: Path) -> None:
    signer = country.directory.path / "ds" / "certificate.der"
    opened = (card, "--can", job.secrets.can, "--pki", country.directory.path)
    assert run("verify", *opened, "--ds", signer) == 0
    (tmp_path / "none").write_bytes(b"none")
    assert run("verify", *opened, "--ds", tmp_path / "none") == EXIT_NOT_RUN


def test_no_such_file_is_not_carried_out(tmp_path: Path) -> None:
    assert run("verify", tmp_path / "none.card", "--can", "123456") == EXIT_NOT_RUN


def test_an_expired_document_is_genuine_and_does_not_pass(
    card: Path, job: CardJob, country: Country, capsys: pytest.CaptureFixture[str]
) -> None:
    opened = (card, "--can", job.secrets.can, "--pki", country.directory.path, "--at", "2040-01-02")
    assert run("verify", *opened) == EXIT_FAULTS
    said = capsys.readouterr().out
    assert "expired: yes" in said
    assert said.rstrip().endswith("verdict: does NOT pass: the document has expired; the chip is genuine")
    assert run("verify", *opened[:-1], "2040-01-01") == 0, "the last day counts"


def test_folders_on_the_way_to_what_is_written_are_made_for_their_owner(
    card: Path, job: CardJob, country: Country, tmp_path: Path
) -> None:
    opened = (card, "--can", job.secrets.can, "--pki", country.directory.path)
    portrait = tmp_path / "new" / "deep" / "p.png"
    assert run("read", *opened, "--portrait", portrait, "--files", tmp_path / "other" / "files") == 0
    assert portrait.is_file()
    for folder in (portrait.parent, portrait.parent.parent, tmp_path / "other" / "files"):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_the_portrait_and_the_files_are_written_for_their_owner(
    card: Path, job: CardJob, country: Country, tmp_path: Path
) -> None:
    opened = of_a_terminal(card, job, country)
    assert run("read", *opened, "--portrait", tmp_path / "p.png", "--files", tmp_path / "files") == 0
    with Image.open(tmp_path / "p.png") as picture:
        assert (picture.format, picture.size) == ("PNG", (96, 96))
    assert run("read", *opened, "--portrait", tmp_path / "p.jpg") == 0
    assert (tmp_path / "p.jpg").read_bytes() == cards.content(1).portrait
    written = {path.name: path for path in (tmp_path / "files").iterdir()}
    assert set(written) == {f"{file.label}.bin" for file in job.image.files}
    for file, content in job.image.files.items():
        assert written[f"{file.label}.bin"].read_bytes() == content
    for path in [*written.values(), tmp_path / "p.png", tmp_path / "p.jpg"]:
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.jit
@pytest.mark.parametrize(("person", "code"), [(1, 0), (2, EXIT_FAULTS)])
def test_the_holder_s_fingers(
    person: int, code: int, card: Path, job: CardJob, country: Country, tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    for position, record in positioned(person, again=True).items():
        (tmp_path / f"{position}.fmr").write_bytes(record)
    opened = of_a_terminal(card, job, country)
    assert run("verify", *opened[:-2], "--finger", tmp_path / "2.fmr", "--json") == EXIT_UNDECIDED
    shut = json.loads(capsys.readouterr().out)
    assert shut["files"]["DG3"]["state"] == "shut"
    assert shut["closing"] == "could not tell: the finger could not be compared; the chip is genuine"
    fingers = ("--finger", tmp_path / "2.fmr", "--finger", tmp_path / "7.fmr")
    assert run("verify", *opened, *fingers, "--json") == code
    told = json.loads(capsys.readouterr().out)
    conforms(told, personal=False)
    assert told["verdict"] == "genuine"
    assert told["holder"]["matched"] is (code == 0)
    assert told["holder"]["threshold"] == pytest.approx(40.0)
    assert [finger["position"] for finger in told["holder"]["fingers"]] == [2, 7]
    assert run("verify", *opened, *fingers) == code
    said = capsys.readouterr().out.rstrip()
    assert ("finger: the holder's" if code == 0 else "finger: NOT the holder's") in said
    other = "verdict: does NOT pass: the finger is NOT the holder's; the chip is genuine"
    assert said.endswith("verdict: genuine" if code == 0 else other)
    assert run("verify", *opened[:-2], *fingers) == EXIT_UNDECIDED
    assert capsys.readouterr().out.rstrip().endswith(f"verdict: {shut['closing']}")


@pytest.mark.parametrize("rate", ["nan", "0", "1", "-1", "inf"])
def test_a_rate_that_is_none_is_refused_before_a_card_is_touched(rate: str, tmp_path: Path) -> None:
    assert run("verify", tmp_path / "none.card", "--can", "123456", "--fmr", rate) == EXIT_USAGE


def test_nothing_personal_is_logged(card: Path, job: CardJob, country: Country, tmp_path: Path) -> None:
    words = ["--log", str(tmp_path / "log"), "--log-level", "debug", "card", "read", str(card), "--can"]
    words += [job.secrets.can, "--pki", str(country.directory.path), "--json"]
    assert common.run(build("card"), words) == 0
    logged = (tmp_path / "log").read_text(encoding="utf-8")
    assert "genuine" in logged
    for personal in (cards.content(1).full_name, job.personal_number, job.secrets.can, "NGUYEN"):
        assert personal not in logged
