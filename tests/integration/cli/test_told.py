"""What the commands tell an audit trail, before they do it: searches, readings, changes, of whom by an identifier."""

from __future__ import annotations

import json
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from cccd_core import templates
from cccd_core.dedup import EnrolledPerson, GalleryStore
from cccd_core.dedup.service.protocol import Request
from cccd_core.issuance.audit import places
from cccd_core.issuance.audit.chain import Recorded
from cccd_core.issuance.audit.entry import Actor, Role
from cccd_core.issuance.audit.lookups import ToldService, digest_of
from cccd_core.issuance.audit.stores import FileStore
from cccd_core.issuance.audit.trail import Trail, read
from cccd_core.issuance.audit.verify import verify
from cccd_core.issuance.review.store import Cases
from cccd_core.templates import TemplateRecord
from support import reviewing, served
from support.joining import population
from support.register import opened as opened_register
from support.register import receipt, with_units

ORDER = "CV 9/2026"


@pytest.fixture(scope="module")
def people() -> list[EnrolledPerson]:
    return population()[:6]


@pytest.fixture
def gallery(tmp_path: Path, people: list[EnrolledPerson]) -> Path:
    """A gallery that demands its trail."""
    folder = tmp_path / "gallery"
    folder.mkdir()
    with closing(GalleryStore(folder / "gallery.sqlite")) as opened:
        opened.add_many(people)
    places.demand(folder, str(tmp_path / "acts.jsonl"))
    return folder


def told(gallery: Path) -> list[Recorded]:
    with places.looked_at(str(gallery.parent / "acts.jsonl")) as reader:
        assert verify(reader).sound
        return list(read(reader))


def acts(gallery: Path) -> list[tuple[str, str, str | None, int | None, str | None]]:
    return [
        (one.entry.kind, one.entry.what, one.entry.person, one.entry.count, one.entry.order) for one in told(gallery)
    ]


def laid(folder: Path, person: EnrolledPerson) -> Path:
    folder.mkdir()
    for position, finger in person.tenprint.items():
        templates.save(templates.write(TemplateRecord("iso-2005", (finger,)), "iso-2005"), folder / f"{position}.iso")
    return folder


@pytest.mark.jit
def test_a_search_is_told_with_whom_it_found(
    gallery: Path, people: list[EnrolledPerson], tmp_path: Path, cccd: Any
) -> None:
    probe = laid(tmp_path / "Nguyen Van A", people[2])
    code, out, err = cccd("search", gallery, probe, "--actor", "an.hk", "--order", ORDER, "--json")
    assert code == 0, err
    found = [one["person_id"] for one in json.loads(out)["answers"][0]["candidates"]]
    assert people[2].person_id in found
    first, outcome, *candidates = acts(gallery)
    assert (first[0], first[1], first[3], first[4]) == ("search", "search", 6, ORDER)
    assert str(first[2]).startswith("sha256:")
    assert outcome[1:4] == ("duplicate", None, len(found))
    assert [one[2] for one in candidates] == found
    assert {one.entry.of for one in told(gallery)[1:]} == {1}
    assert told(gallery)[0].entry.actor == Actor("an.hk", Role.OPERATOR)
    assert b"Nguyen" not in (tmp_path / "acts.jsonl").read_bytes()


@pytest.mark.jit
def test_nobody_is_searched_for_or_shown_where_it_cannot_be_told(
    gallery: Path, people: list[EnrolledPerson], tmp_path: Path, cccd: Any
) -> None:
    probe = laid(tmp_path / "probe", people[0])
    cccd("gallery", "list", gallery, "--json")
    path = tmp_path / "acts.jsonl"
    path.write_bytes(path.read_bytes().replace(b"listed", b"lasted"))
    for words in (("search", gallery, probe), ("gallery", "list", gallery),
                  ("gallery", "export", gallery, "--out", tmp_path / "o"),
                  ("gallery", "remove", gallery, people[0].person_id, "--order", ORDER)):  # fmt: skip
        code, out, err = cccd(*words)
        assert (code, out) == (3, ""), words
        assert "not as it was written" in err
    assert not (tmp_path / "o").exists()
    code, _, err = cccd("gallery", "list", gallery, "--trail", tmp_path / "mine.jsonl")
    assert (code, "another audit trail" in err) == (3, True)
    with closing(GalleryStore(gallery / "gallery.sqlite")) as opened:
        assert len(opened) == 6


@pytest.mark.jit
def test_who_is_listed_exported_removed_and_renamed_is_told(
    gallery: Path, people: list[EnrolledPerson], tmp_path: Path, cccd: Any
) -> None:
    assert cccd("gallery", "list", gallery, "--order", ORDER)[0] == 0
    assert cccd("gallery", "export", gallery, "--out", tmp_path / "out.parquet", "--actor", "root")[0] == 0
    assert cccd("gallery", "remove", gallery, people[0].person_id, "--order", ORDER)[0] == 0
    assert cccd("gallery", "remove", gallery, "nobody", "--order", ORDER)[0] == 3
    assert cccd("gallery", "rename", gallery, people[1].person_id, "P71", "--order", ORDER)[0] == 0
    first = people[0].person_id
    assert acts(gallery) == [
        ("reading", "listed", None, 6, ORDER), ("reading", "exported", None, 6, None),
        ("reading", "done", None, None, None),
        ("correction", "removed", first, None, ORDER), ("correction", "done", first, None, None),
        ("correction", "removed", "nobody", None, ORDER), ("correction", "failed", "nobody", None, None),
        ("correction", "renamed", people[1].person_id, None, ORDER),
        ("correction", "done", people[1].person_id, None, None),
    ]  # fmt: skip


@pytest.mark.jit
def test_a_service_tells_before_it_answers(tmp_path: Path, people: list[EnrolledPerson]) -> None:
    folder, trail = served.made(tmp_path / "gallery", people[:4]), FileStore(tmp_path / "acts.jsonl")
    witness = ToldService(Trail(trail), Actor("search-1", Role.OPERATOR))
    with served.service(folder, witness=witness) as one:
        assert one.ask(served.insert("r1", people[4])).state == "done"
        assert one.ask(served.insert("r1", people[4])).state == "done", "sent again, carried out once"
        asked = served.identify("r2", people[4])
        assert one.ask(replace(asked, order=ORDER)).state == "done"
        assert one.ask(Request("identify", "r3", people[0].person_id, wait=60)).state == "done"
        assert one.ask(Request("delete", "r4", "nobody", order=ORDER, wait=60)).state == "failed"
        found = [(each.entry.what, each.entry.person, each.entry.order) for each in read(trail)]
        name = people[4].person_id
        assert found[:2] == [("added", name, None), ("done", name, None)]
        assert (found[2][0], str(found[2][1])[:7], found[2][2]) == ("search", "sha256:", ORDER)
        assert ("candidate", name, None) in found
        assert ("search", people[0].person_id, None) in found
        assert found[-2:] == [("removed", "nobody", ORDER), ("failed", "nobody", None)]
        trail.path.write_bytes(b"")
        refused = one.ask(served.insert("r5", people[5]))
        assert refused.error is not None
        assert (refused.state, refused.error.kind) == ("failed", "damaged")
    with closing(GalleryStore(folder / "gallery.sqlite")) as opened:
        assert people[5].person_id not in opened


def test_the_same_fingers_have_the_same_digest(people: list[EnrolledPerson]) -> None:
    one = people[0]
    assert digest_of(one) == digest_of(EnrolledPerson("other", one.tenprint))
    assert len({digest_of(each) for each in people}) == len(people)


def test_votes_are_told_without_their_answer(gallery: Path, cccd: Any) -> None:
    asked = reviewing.question()
    with closing(Cases(gallery / "register.sqlite")) as cases:
        cases.open([asked], datetime(2026, 11, 1, tzinfo=UTC))
    case = asked.case_id
    assert cccd("review", "list", "--gallery", gallery)[0] == 0
    assert cccd("review", "show", case, "--gallery", gallery, "--actor", "an.hk")[0] == 0
    vote = ("review", "decide", case, "--gallery", gallery, "--answer", "different_people", "--reason", "the scars")
    assert cccd(*vote, "--as", "an.hk")[0] == 0
    assert b"different" not in (gallery.parent / "acts.jsonl").read_bytes()
    assert cccd(*vote, "--as", "hanh")[0] == 3, "who entered it"
    assert cccd(*vote, "--as", "binh.hk")[0] == 0
    undo = ("review", "undo", case, "--gallery", gallery, "--as", "dung.hk", "--order", ORDER, "--reason", "twins")
    assert cccd(*undo)[0] == 0
    found = [(one.entry.what, one.entry.actor.name if one.entry.actor else None) for one in told(gallery)]
    assert found[1:] == [
        ("shown", "an.hk"), ("vote", "an.hk"), ("done", "an.hk"), ("vote", "hanh"), ("failed", "hanh"),
        ("vote", "binh.hk"), ("done", "binh.hk"), ("settled", "binh.hk"), ("reopened", "dung.hk"), ("done", "dung.hk"),
    ]  # fmt: skip
    settled = next(one.entry for one in told(gallery) if one.entry.what == "settled")
    assert (settled.dossier, settled.reason) == ("D1", f"case {case}: different_people")


def test_the_register_tells_of_moves_by_hand_and_of_readings(gallery: Path, tmp_path: Path, cccd: Any) -> None:
    where = gallery / "register.sqlite"
    with_units(where)
    with closing(opened_register(where)) as register:
        register.receive_many([receipt("D1"), receipt("D2")])
    (tmp_path / "units.csv").write_text("unit_id,level,name,parent\nn3,ward,n3,north\n")
    on = ("--register", where)
    assert cccd("register", "show", "D1", *on)[0] == 0
    assert cccd("register", "list", *on, "--json")[0] == 0
    assert cccd("register", "due", "--day", "2026-11-02", *on)[0] == 0
    assert cccd("register", "move", "D1", "D2", "--to", "checked", "--actor", "an", "--order", ORDER, *on)[0] == 0
    assert cccd("register", "move", "D1", "--to", "written", "--actor", "an", *on)[0] == 3
    found = [(one.entry.what, one.entry.dossier, one.entry.count) for one in told(gallery)]
    assert found == [
        ("shown", "D1", None), ("done", "D1", None), ("listed", None, None), ("done", None, 2), ("listed", None, None),
        ("done", None, 0), ("move_to_checked", "D1", None), ("move_to_checked", "D2", None), ("done", None, 2),
        ("move_to_written", "D1", None), ("failed", "D1", None),
    ]  # fmt: skip
    code, _, err = cccd("register", "units", tmp_path / "units.csv", *on, "--order", ORDER)
    assert code == 0, err
    assert [(one.entry.what, one.entry.count) for one in told(gallery)][-2:] == [("units_changed", None), ("done", 1)]


def test_a_role_that_is_given_or_taken_is_told(gallery: Path, cccd: Any) -> None:
    on = ("--register", gallery / "register.sqlite", "--order", ORDER)
    assert cccd("register", "init", "--register", gallery / "register.sqlite")[0] == 0
    assert cccd("access", "give", "root", "--role", "administrator", *on)[0] == 0
    assert cccd("access", "take", "nobody", *on)[0] == 0
    found = [(one.entry.kind, one.entry.what, one.entry.reason, one.entry.order) for one in told(gallery)]
    assert found == [
        ("access", "role_given", "root: administrator", ORDER), ("access", "done", None, None),
        ("access", "role_taken", "nobody", ORDER), ("access", "done", None, None),
    ]  # fmt: skip


@pytest.mark.postgres
def test_a_register_in_a_server_has_its_trail_there(postgres: Any, tmp_path: Path, cccd: Any) -> None:
    url = postgres.new_database()
    try:
        assert cccd("register", "init", "--register", url)[0] == 0
        assert cccd("register", "list", "--register", url)[0] == 0
        assert cccd("register", "list", "--register", url, "--trail", tmp_path / "mine.jsonl")[0] == 3
        code, out, _ = cccd("audit", "show", url, "--json")
        assert (code, [one["what"] for one in json.loads(out)["entries"]]) == (0, ["listed", "done"])
        assert cccd("audit", "verify", url)[0] == 4
        assert cccd("audit", "verify", url.replace("owner@", "nobody_there@"))[0] == 3
    finally:
        postgres.drop(url)
