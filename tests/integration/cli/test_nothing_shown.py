"""Nothing of a person, a finger or a key in logs, errors and reports: real commands over values that are unmistakable,
at the most that is logged, and a search for them in everything that was told."""

from __future__ import annotations

import base64
import json
import sqlite3
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cccd_core import templates
from cccd_core.cli import common, log
from cccd_core.cli.main import build
from cccd_core.country.personal_number import parse as parse_number
from cccd_core.issuance.dossiers import check
from support import dossiers
from support.issuing import Office, fingers_of

NUMBER = "001088777331"
OTHER_NUMBER = "001088777441"
KEY = "5eed" * 16
VALUES = {
    "full_name": "Khuất Duy Thoại",
    "place_of_residence": "Ngõ 7731 Thụy Khuê",
    "place_of_origin": "Quán Thánh Zét",
    "father": "Khuất Bỉnh Quyền",
    "mother": "Tưởng Ngọc Uyển",
    "spouse": "Giáp Thị Xoan",
    "marks": "Sẹo chấm C. 3cm ngoài",
    "religion": "Cao Đài",
    "old_number": "012777331",
}
WORDS = (
    NUMBER, NUMBER[3:], NUMBER[-6:], OTHER_NUMBER, KEY, "Khuất", "Khu\\u1ea5t", "KHUAT", "Thoại", "Thụy Khuê", "Zét",
    "Bỉnh", "Tưởng", "Giáp", "Sẹo", "Cao Đài", "012777331", "8805171", "1988-05-17",
)  # fmt: skip


@pytest.fixture
def seeded(office: Office) -> Office:
    """A batch with a sound dossier and one of every kind that is wrong."""
    fields = dossiers.document(1, personal_number=NUMBER, **VALUES)
    assert parse_number(NUMBER) is not None
    fingers = fingers_of(1)
    batch = office.batch()

    def put(name: str, *, files: dict[str, bytes] | None = None, picture: bytes | None = b"", **changes: Any) -> None:
        changed = {**fields, "personal_number": OTHER_NUMBER, **changes}
        dossiers.put(batch, name, changed, fingers=fingers if files is None else files, seed=1, picture=picture)

    dossiers.put(batch, "B1", fields, fingers=fingers, seed=1)
    put("B2")  # the same fingers
    put("B3", full_name=VALUES["full_name"] + " \u0001")
    put("B4", birth_date="17.05.1988 " + NUMBER)
    put("B5", sex=VALUES["full_name"], unknown_field=VALUES["mother"])
    put("B6", personal_number=NUMBER + "9", father=NUMBER * 20)
    put("B7", files={name: data[:-7] + b"\xff" * 7 for name, data in fingers.items()})
    put("B8", files={name: data[:40] for name, data in fingers.items()}, picture=b"\xff\xd8\xff" + NUMBER.encode())
    put("B9", kind="exchange", old_number=VALUES["old_number"] + "x")
    broken = json.dumps(fields, ensure_ascii=False).encode()[:-1] + b', "full_name": "' + b"Khu\xe1\xba\xa5t" + b'"'
    dossiers.put(batch, "B10", broken, fingers=fingers, seed=1)
    return office


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Any:
    """Runs a command in this process, all of it logged to a file; returns exit code and everything it said."""

    def called(log_file: Path, *words: str | Path) -> tuple[int, str]:
        options = ["--log", str(log_file), "--log-level", "debug"]
        code = common.run(build(str(words[0])), [*options, *map(str, words)])
        said = capsys.readouterr()
        return code, said.out + said.err

    return called


def test_the_main_job_tells_nothing_of_a_person(seeded: Office, tmp_path: Path, run: Any) -> None:
    key = tmp_path / "key"
    key.write_text(KEY)
    issue = [
        "issue", seeded.batch(), "--gallery", seeded.gallery, "--pki", seeded.pki, "--out", seeded.out(),
        "--keep-images", key,
    ]  # fmt: skip
    logged = tmp_path / "log"
    told = ""
    for command in (issue, [*issue, "--json"], ["batch", "check", seeded.batch()]):
        code, said = run(logged, *command)
        assert code in (0, 1), said
        told += said
    out = seeded.out()
    for name in ("report.json", "report.html", "dossiers.jsonl", "audit.jsonl", "run.sqlite"):
        told += (out / name).read_bytes().decode("utf-8", "replace")
    told += seeded.gallery.joinpath("orders.sqlite").read_bytes().decode("utf-8", "replace")
    told += logged.read_text(encoding="utf-8")
    lines = [json.loads(line) for line in (out / "dossiers.jsonl").read_text(encoding="utf-8").splitlines()]
    assert {line["state"] for line in lines} >= {"verified", "rejected", "duplicate"}
    demand_nothing_of_a_person(told, seeded)
    (register,) = sqlite3.connect(seeded.gallery / "register.sqlite").execute("SELECT count(*) FROM cards").fetchone()
    assert register, "what is looked for was there"


def test_errors_of_every_command_tell_nothing_of_a_person(seeded: Office, tmp_path: Path, run: Any) -> None:
    key, wrong_key = tmp_path / "key", tmp_path / "wrong"
    key.write_text(KEY)
    wrong_key.write_text(KEY[:-2] + "zz")
    batch, gallery = seeded.batch(), tmp_path / "people"
    finger = batch / "B1" / "fingers" / "2.fmr"
    people = tmp_path / "folder"
    for person in ("P1", "P2"):
        (people / person).mkdir(parents=True)
        (people / person / "2.fmr").write_bytes(finger.read_bytes())
    (people / "P2" / "7.fmr").write_bytes(finger.read_bytes()[:50])
    mrz = f"088777331{VALUES['old_number']}"
    card = tmp_path / "one.card"
    commands = [
        ["gallery", "create", gallery, "--key", key],
        ["gallery", "add", gallery, people, "--key", key],
        ["gallery", "add", gallery, people, "--key", wrong_key],
        ["gallery", "add", gallery, people],
        ["gallery", "info", gallery, "--key", key],
        ["gallery", "verify", gallery, "--key", key],
        ["search", gallery, people, "--key", key],
        ["match", finger, people / "P1" / "2.fmr"],
        ["template", "info", people / "P2" / "7.fmr"],
        ["template", "info", batch / "B1" / "dossier.json"],
        ["template", "convert", finger, "--to", "nist-itl-legacy", "-o", tmp_path / "x"],
        ["extract", batch / "B1" / "portrait.jpg", "-o", tmp_path / "y"],
        ["vcard", "new", card, "--pki", seeded.pki],
        ["vcard", "info", card],
        ["card", "verify", card, "--pki", seeded.pki, "--can", NUMBER[-6:]],
        ["card", "verify", card, "--pki", seeded.pki, "--can", NUMBER],
        ["card", "verify", card, "--pki", seeded.pki, "--mrz", mrz],
        ["card", "read", batch / "B1" / "dossier.json", "--mrz", mrz + "\n" + mrz],
        ["pki", "show", batch / "B1"],
    ]
    logged = tmp_path / "log"
    told = ""
    for number, command in enumerate(commands):
        more = ["--json"] if number % 2 else []
        told += run(logged, *command, *more)[1]
    demand_nothing_of_a_person(told + logged.read_text(encoding="utf-8"), seeded)


def test_tracebacks_of_a_fault_show_no_values_around_it(
    seeded: Office, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A mistake of the program comes out with its lines of code, and without what stood in the variables there."""

    def fails(*_: object, **__: object) -> None:
        raise RuntimeError("a mistake of the program")

    monkeypatch.setattr(check, "_read", fails)
    log.start(Path("-"), log.Level.DEBUG)
    with pytest.raises(RuntimeError) as caught:
        common.run(build("batch"), ["batch", "check", str(seeded.batch())])
    log.stop()
    told = "".join(traceback.format_exception(caught.value)) + "".join(capsys.readouterr())
    assert "a mistake of the program" in told
    demand_nothing_of_a_person(told, seeded)


def demand_nothing_of_a_person(text: str, office: Office) -> None:
    """Nothing of these values in it: not as text, in hexadecimal, in base64 or as Python writes bytes."""
    assert [word for word in WORDS if word in text] == []
    for name, data in _files(office.batch() / "B1"):
        for start in range(40, len(data) - 24, max(1, len(data) // 9)):
            piece = data[start : start + 12]
            coded = base64.b64encode(data[start : start + 24]).decode("ascii")[4:-4]
            for form in (piece.hex(), coded, repr(piece)[2:-1]):
                assert form not in text, f"{name} is told of"
    for path in (office.batch() / "B1" / "fingers").glob("*.fmr"):
        view = templates.read(path.read_bytes()).view
        for column in (view.x_px, view.y_px, view.angle):
            assert ", ".join(map(str, column[:4].tolist())) not in text
            assert " ".join(map(str, column[:4].tolist())) not in text


def _files(folder: Path) -> Iterator[tuple[str, bytes]]:
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.suffix != ".json":
            yield path.name, path.read_bytes()
