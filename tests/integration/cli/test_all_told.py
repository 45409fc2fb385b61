"""What cannot be told is not done: every command that tells a trail, before a trail that was altered."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from cccd_core.dedup import EnrolledPerson, GalleryStore
from cccd_core.issuance import Register
from cccd_core.issuance.audit import places
from cccd_core.issuance.correction.acts import Act, ActKind, Ordered
from cccd_core.issuance.correction.store import Acts
from cccd_core.issuance.register.numbers import clear_person_id
from cccd_core.issuance.register.store import Acceptance
from cccd_core.issuance.review.store import Cases
from cccd_core.issuance.runs.images import KeptImages
from cccd_core.storage.aes_gcm import KeyRing
from cccd_core.templates import TemplateRecord, Tenprint, save, write
from support import dossiers, reviewing
from support.commands import telling
from support.register import opened as opened_register
from support.register import receipt, with_units

NUMBERS = {"A": "001088000101", "B": "001088000102"}
PEOPLE = {name: clear_person_id(name, number) for name, number in NUMBERS.items()}
KEY = "00" * 32
ORDERED = "--gallery gallery --order o --as an --reason r"

# How each is called in the scene below; {A} is a person of the gallery, {case} a case.
CALLS = {
    "search": "gallery probes/{A}",
    "evaluate-search": "gallery probes",
    "dedup join": "gallery --out made",
    "issue": "batch --gallery gallery --pki {pki} --out made",
    "batch images": "run --key key.hex --to made",
    "gallery create": "empty",
    "gallery add": "gallery people",
    "gallery import": "gallery people",
    "gallery export": "gallery --out made",
    "gallery info": "gallery",
    "gallery list": "gallery",
    "gallery withdrawals": "gallery",
    "gallery index": "gallery",
    "gallery compact": "gallery",
    "gallery verify": "gallery",
    "gallery rotate": "gallery --to key.hex",
    "gallery remove": "gallery {A} --order o",
    "gallery replace": "gallery probes/{A} --order o",
    "gallery rename": "gallery nobody else --order o",
    "review list": "--gallery gallery",
    "review show": "{case} --gallery gallery",
    "review page": "{case} --gallery gallery --out made",
    "review pages": "--gallery gallery --out made",
    "review decide": "{case} --gallery gallery --as an --answer different_people --reason r",
    "review undo": "{case} --gallery gallery --as an --order o --reason r",
    "access give": "root --role administrator --register gallery/register.sqlite",
    "access take": "root --register gallery/register.sqlite",
    "register units": "units.csv --register gallery/register.sqlite",
    "register receive": "batch --register gallery/register.sqlite --actor an --unit n1",
    "register move": "D1 --to checked --actor an --register gallery/register.sqlite",
    "register record": "steps.csv --register gallery/register.sqlite",
    "register show": "D1 --register gallery/register.sqlite",
    "register list": "--register gallery/register.sqlite",
    "register due": "--register gallery/register.sqlite",
    "register verify": "--register gallery/register.sqlite",
    "register rotate": "--register gallery/register.sqlite --to key.hex",
    "register fee": "D1 --dong 35000 --receipt AA-1 --actor an --register gallery/register.sqlite",
    "register inspect": "--register gallery/register.sqlite",
    "register person show": "--dossier A --gallery gallery",
    "register person acts": "--gallery gallery",
    "register person remove": f"--dossier A {ORDERED}",
    "register person replace": f"probes/{{A}} --dossier A {ORDERED}",
    "register person merge": f"--dossier A --other B {ORDERED}",
    "register person split": f"--dossier A --finger 2 {ORDERED}",
    "register person resume": "--gallery gallery",
}
ELSEWHERE = {  # they need more than the scene has
    "card read": "test_card.py",
    "card verify": "test_card.py",
    "access server": "test_access.py",
    "review open": "issuance/test_review.py",
}
COMPARE = {"search", "evaluate-search", "dedup join"}


def test_the_table_has_every_command_that_tells() -> None:
    assert {name for name, tells in telling().items() if tells} == CALLS.keys() | ELSEWHERE.keys()


def laid(folder: Path, person: EnrolledPerson) -> None:
    folder.mkdir(parents=True)
    for position, finger in person.tenprint.items():
        save(write(TemplateRecord("iso-2005", (finger,)), "iso-2005"), folder / f"{position}.iso")


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A gallery and a register with people, a dossier and a case, and what the commands take besides."""
    folder = tmp_path_factory.mktemp("scene")
    for name in ("gallery", "empty", "run", "batch"):
        (folder / name).mkdir()
    prints = {
        name: Tenprint({position: dossiers.finger(10 * index + position) for position in (2, 7)})
        for index, name in enumerate(PEOPLE)
    }
    where = folder / "gallery" / "register.sqlite"
    with closing(GalleryStore(folder / "gallery" / "gallery.sqlite")) as gallery, closing(Register(where)) as register:
        for name, person in PEOPLE.items():
            gallery.add(EnrolledPerson(person, prints[name]))
            register.accept([Acceptance(name, NUMBERS[name], person, True, date(2026, 11, 2), None)])
            register.verify(name, NUMBERS[name], f"SERIAL-{name}")
    with_units(where)
    with closing(opened_register(where)) as opened:
        opened.receive_many([receipt("D1")])
    with closing(Cases(where)) as cases:
        cases.open([reviewing.question()], datetime(2026, 11, 1, tzinfo=UTC))
    laid(folder / "probes" / PEOPLE["A"], EnrolledPerson("A", prints["A"]))
    laid(folder / "people" / "new", EnrolledPerson("new", prints["B"]))
    KeptImages(folder / "run", KeyRing(bytes.fromhex(KEY))).put("D1", {2: b"\x89PNG"})
    dossiers.put(folder / "batch", "D7")
    (folder / "key.hex").write_text(KEY)
    (folder / "units.csv").write_text("unit_id,level,name,parent\nn3,ward,n3,north\n")
    (folder / "steps.csv").write_text("dossier_id,to,actor,event_id\nD1,checked,an,e-1\n")
    return folder


def held(folder: Path) -> list[str]:
    """All that gallery and register hold."""
    found = []
    for name in ("gallery.sqlite", "register.sqlite"):
        with closing(sqlite3.connect(folder / "gallery" / name)) as database:
            found += database.iterdump()
    return found


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.jit) if name in COMPARE else name for name in CALLS]
)
def test_nothing_is_done_or_shown_that_cannot_be_told(
    name: str, scene: Path, country: Path, tmp_path: Path, cccd: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "scene"
    shutil.copytree(scene, folder)
    if name == "register person resume":
        with closing(Acts(folder / "gallery" / "register.sqlite")) as acts:
            acts.begin(
                Act("a-1", ActKind.REMOVE, PEOPLE["A"], Ordered("o", "an", "r"), datetime(2026, 11, 2, tzinfo=UTC))
            )
    for demanding in ("gallery", "empty", "run"):
        places.demand(folder / demanding, str(folder / "acts.jsonl"))
    (folder / "acts.jsonl").write_text("{}\n")
    monkeypatch.chdir(folder)
    before = held(folder)
    words = CALLS[name].format(case=reviewing.question().case_id, pki=country, **PEOPLE).split()
    code, out, err = cccd(*name.split(), *words)
    assert (code, out) == (3, ""), err
    assert "the end of the audit trail is not as it was written" in err
    assert held(folder) == before
    assert not (folder / "made").exists()
    assert not (folder / "empty" / "gallery.sqlite").exists()
    assert (folder / "acts.jsonl").read_text() == "{}\n"
