"""What the commands tell an audit trail, before they do it: searches, readings, changes, of whom by an identifier."""

from __future__ import annotations

import hashlib
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
from cccd_core.issuance.runs.place import keep_register
from cccd_core.templates import TemplateRecord
from support import dossiers, reviewing, served
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
    assert cccd("gallery", "info", gallery)[0] == 0
    assert cccd("gallery", "withdrawals", gallery, "--order", ORDER)[0] == 0
    first = people[0].person_id
    assert acts(gallery) == [
        ("reading", "listed", None, 6, ORDER), ("reading", "exported", None, 6, None),
        ("reading", "done", None, None, None),
        ("correction", "removed", first, None, ORDER), ("correction", "done", first, None, None),
        ("correction", "removed", "nobody", None, ORDER), ("correction", "failed", "nobody", None, None),
        ("correction", "renamed", people[1].person_id, None, ORDER),
        ("correction", "done", people[1].person_id, None, None),
        ("reading", "counted", None, None, None), ("reading", "done", None, 5, None),
        ("reading", "withdrawals_listed", None, None, ORDER), ("reading", "done", None, 2, None),
    ]  # fmt: skip


@pytest.mark.jit
def test_people_who_come_in_together_are_one_act(gallery: Path, tmp_path: Path, cccd: Any) -> None:
    new = [*population()[6:9]]
    folder = tmp_path / "people"
    folder.mkdir()
    for one in new[:2]:
        laid(folder / one.person_id, one)
    assert cccd("gallery", "add", gallery, folder, "--order", ORDER)[0] == 0
    laid(folder / new[2].person_id, new[2])
    assert cccd("gallery", "add", gallery, folder, "--actor", "root")[0] == 0
    assert cccd("gallery", "add", gallery, folder)[0] == 0
    names = sorted(one.person_id for one in new)
    digest = "sha256:" + hashlib.sha256("".join(f"{name}\n" for name in names).encode()).hexdigest()
    found = [one.entry for one in told(gallery)]
    assert [(one.what, one.count, one.reason, one.order) for one in found] == [
        ("added", 2, None, ORDER), ("done", 2, "0 were there, 0 left out", None),
        ("added", 3, None, None), ("done", 1, "2 were there, 0 left out", None),
        ("added", 3, None, None), ("done", 0, "3 were there, 0 left out", None),
    ]  # fmt: skip
    assert [one.person == digest for one in found] == [False, False, False, True, False, True]


@pytest.mark.jit
def test_everyone_against_everyone_is_told_where_both_are(
    gallery: Path, people: list[EnrolledPerson], tmp_path: Path, cccd: Any
) -> None:
    other, out = tmp_path / "other", tmp_path / "joined"
    other.mkdir()
    with closing(GalleryStore(other / "gallery.sqlite")) as opened:
        opened.add_many([EnrolledPerson(f"again-{one.person_id}", one.tenprint) for one in people[:2]])
    elsewhere = tmp_path / "others"
    places.demand(other, str(elsewhere))
    words = ("dedup", gallery, "--against", other, "--out", out, "--order", ORDER, "--workers", "1")
    assert cccd(*words)[0] == 0
    first, last = (one.entry for one in told(gallery))
    assert (first.kind, first.what, first.count, first.order) == ("search", "join", 8, ORDER)
    assert last.what == "done"
    assert last.person == f"sha256:{hashlib.sha256((out / 'pairs.csv').read_bytes()).hexdigest()}"
    assert last.count == len((out / "pairs.csv").read_text().splitlines()) - 1 >= 2
    assert str(last.reason).startswith("duplicate ")
    with places.looked_at(str(elsewhere)) as reader:
        assert [one.entry.what for one in read(reader)] == ["join", "done"]
        assert [one.entry for one in read(reader)][1].person == last.person


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
        assert one.ask(Request("status", "r2", wait=60)).state == "done"
        assert one.ask(replace(asked, order=ORDER)).state == "done"
        assert one.ask(Request("status", "r1", wait=60)).state == "done", "whoever was inserted is shown to nobody"
        again = [each.entry for each in read(trail)][len(found) :]
        assert [(each.what, each.order, each.reason) for each in again] == [("answer_shown", ORDER, "request r2")] * 2
        trail.path.write_bytes(b"")
        refused = one.ask(served.insert("r5", people[5]))
        assert refused.error is not None
        assert (refused.state, refused.error.kind) == ("failed", "damaged")
        kept = one.ask(Request("status", "r2", wait=60))
        assert (kept.state, kept.outcome) == ("refused", None)
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
    for name in ("D3", "D4"):
        dossiers.put(tmp_path / "batch", name)
    assert (
        cccd("register", "receive", tmp_path / "batch", *on, "--actor", "an", "--unit", "n3", "--order", ORDER)[0] == 0
    )
    first, last = [one.entry for one in told(gallery)][-2:]
    assert (first.what, first.count, first.order) == ("batch_received", 2, ORDER)
    digest = hashlib.sha256(b"D3\nD4\n").hexdigest()
    assert (last.count, last.person, last.reason) == (2, f"sha256:{digest}", "0 were there, 0 left out")


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
        folder = tmp_path / "gallery"
        assert cccd("gallery", "create", folder)[0] == 0
        keep_register(folder, url)
        assert cccd("gallery", "info", folder)[0] == 0, "a gallery is told where its register is"
        _, out, _ = cccd("audit", "show", url, "--json")
        assert [one["what"] for one in json.loads(out)["entries"]][2:] == ["counted", "done"]
        assert cccd("gallery", "create", tmp_path / "first", "--at", url)[0] == 0
        assert cccd("gallery", "create", tmp_path / "second", "--at", url)[0] == 0
        assert cccd("gallery", "list", tmp_path / "second")[0] == 0, "and where its people are"
        _, out, _ = cccd("audit", "show", url, "--json")
        made = ["gallery_made", "done"]
        assert [one["what"] for one in json.loads(out)["entries"]][4:] == [*made, *made, "listed"]
        assert cccd("audit", "verify", url.replace("owner@", "nobody_there@"))[0] == 3
    finally:
        postgres.drop(url)
