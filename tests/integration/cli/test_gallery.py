"""`cccd gallery`: who is enrolled, who is taken out, what is told of it."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cccd_core.cli import common
from cccd_core.cli.main import build
from cccd_core.dedup import GalleryStore, open_gallery
from cccd_core.dedup.gallery.folder import alone_with, beside_others_in
from cccd_core.errors import BusyError
from cccd_core.issuance.register.store import Acceptance, Register
from cccd_core.templates import write
from support.known_fingers import finger, identity, person
from support.postgres_server import Server


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A gallery of three people."""
    path = tmp_path / "gallery"
    path.mkdir()
    gallery = GalleryStore(path / "gallery.sqlite")
    gallery.add_many([person("P1", 1), person("P\u202e2", 2, (1, 2, 3), 2), person("P3", 3, ())])
    gallery.close()
    return path


def put(folder: Path, files: dict[str, bytes]) -> None:
    for name, data in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)


def record(identity: int) -> bytes:
    return write(finger(identity), "iso-2005")


@pytest.fixture
def people(tmp_path: Path) -> Path:
    """Two people who can be read, and what lies beside them."""
    put(
        tmp_path / "people",
        {
            "truth.csv": b"a,b",
            ".hidden/2.fmr": b"?",
            "Q1/2.fmr": record(1),
            "Q1/07.fmr": write(finger(2), "iso-2011"),
            "Q1/notes.txt": b"left thumb missing",
            "Q2/10.fmr": record(3),
            "Q2/0-1.fmr": record(4),
            "Q2/0-2.fmr": record(5),
        },
    )
    return tmp_path / "people"


@pytest.fixture
def cccd(capsys: pytest.CaptureFixture[str]) -> Any:
    """Runs `cccd gallery`; returns exit code, standard output and standard error."""

    def run(*words: str | Path) -> tuple[int, str, str]:
        code = common.run(build("gallery"), ["gallery", *map(str, words)])
        said = capsys.readouterr()
        return code, said.out, said.err

    return run


def test_who_is_enrolled(cccd: Any, folder: Path) -> None:
    code, out, _ = cccd("list", folder, "--json")
    assert code == 0
    assert json.loads(out) == [
        {"person_id": "P1", "positions": [2, 7]},
        {"person_id": "P\u202e2", "positions": [1, 2, 3, 0, 0]},
        {"person_id": "P3", "positions": []},
    ]
    code, out, _ = cccd("list", folder)
    assert code == 0
    assert "1 2 3 0 0" in out
    assert "\u202e" not in out
    with open_gallery(folder) as gallery:
        assert json.loads(cccd("info", folder, "--json")[1]) == {
            "people": 3, "removed": 0, "withdrawals": 0, "last_sequence": 3, "gallery_id": gallery.gallery_id,
            "where": str(folder / "gallery.sqlite"), "index": None, "encrypted": False,
        }  # fmt: skip


def test_a_long_list_says_how_much_more_there_is(cccd: Any, folder: Path) -> None:
    gallery = GalleryStore(folder / "gallery.sqlite")
    gallery.add_many(person(f"more-{i}", 10 + i) for i in range(210))
    for i in range(201):
        gallery.replace(person("P1", 4 + i), order=f"o{i}")
    gallery.close()
    out = cccd("list", folder)[1]
    assert "... and 13 more: --json has them all" in out
    assert "more-209" not in out
    assert len(json.loads(cccd("list", folder, "--json")[1])) == 213
    out = cccd("withdrawals", folder)[1]
    assert "and 1 before: --json has them all" in out
    assert "o200" in out
    assert len(json.loads(cccd("withdrawals", folder, "--json")[1])) == 201


def test_a_person_is_taken_out_and_the_trace_shows_it(cccd: Any, folder: Path) -> None:
    code, out, _ = cccd("remove", folder, "P\u202e2", "--order", "CV 12/2026")
    assert (code, out) == (0, "P\\u202e2 removed: 5 fingers, order CV 12/2026, withdrawal 1\n")
    code, out, _ = cccd("remove", folder, "P1", "--order", "CV 13/2026", "--json")
    gone = json.loads(out)
    assert (code, gone["kind"], gone["person_id"], gone["fingers"]) == (0, "removed", "P1", 2)
    code, out, _ = cccd("withdrawals", folder)
    assert code == 0
    assert "CV 12/2026" in out
    assert [one["order"] for one in json.loads(cccd("withdrawals", folder, "--json")[1])] == [
        "CV 12/2026",
        "CV 13/2026",
    ]
    info = json.loads(cccd("info", folder, "--json")[1])
    assert (info["people"], info["removed"], info["withdrawals"], info["last_sequence"]) == (1, 2, 2, 3)
    assert cccd("info", folder)[1].split()[:6] == ["people", "1", "removed", "2", "withdrawals", "2"]


def test_what_cannot_be_taken_out(cccd: Any, folder: Path, tmp_path: Path) -> None:
    code, _, err = cccd("remove", folder, "P9", "--order", "x")
    assert (code, err) == (3, "conflict: nobody of this identifier is enrolled\n")
    assert cccd("remove", folder, "P1")[0] == 2  # no order
    code, out, _ = cccd("remove", folder, "P1", "--order", "", "--json")
    assert (code, json.loads(out)["error"]["kind"]) == (2, "parameter")
    for words in (("remove", tmp_path / "none", "P1", "--order", "x"), ("list", tmp_path / "none"), ("info", tmp_path)):
        assert cccd(*words)[0] == 3
    assert not (tmp_path / "none").exists()
    assert not (tmp_path / "gallery.sqlite").exists(), "a gallery that is looked at is not made"
    with alone_with(folder):  # a run is under way
        code, _, err = cccd("remove", folder, "P1", "--order", "x")
        assert (code, err.split(":")[0]) == (3, "busy")
        assert cccd("list", folder)[0] == 0
    with open_gallery(folder, alone=True) as gallery, pytest.raises(BusyError), open_gallery(folder, alone=True):
        pass
    with open_gallery(folder) as gallery:
        assert len(gallery) == 3


def test_people_come_in_and_who_is_there_is_counted(cccd: Any, tmp_path: Path, people: Path) -> None:
    gallery = tmp_path / "new" / "gallery"
    code, out, _ = cccd("create", gallery, "--json")
    made = json.loads(out)
    assert (code, made["people"], made["where"]) == (0, 0, str(gallery / "gallery.sqlite"))
    assert gallery.stat().st_mode & 0o777 == 0o700
    code, _, err = cccd("create", gallery)
    assert (code, err.split(":")[0]) == (3, "conflict")
    code, out, err = cccd("add", gallery, people)
    assert (code, out) == (0, "2 people enrolled, 0 were there, 0 left out\n")
    assert "enrol: 2 of 2" in err
    put(people, {"Q3/1.fmr": record(9)})
    code, out, _ = cccd("add", gallery, people, "--json")
    found = {"added": 1, "known": 2, "refused": [], "unread": [], "passed_over": {"text that is no template": 1}}
    assert (code, json.loads(out)) == (0, found)
    with open_gallery(gallery) as opened:
        assert opened.gallery_id == made["gallery_id"]
        q1, q2, q3 = opened
        assert {position: identity(template) for position, template in q1.tenprint.items()} == {2: 1, 7: 2}
        assert (list(q2.tenprint), [identity(each) for each in q2.unplaced], q3.person_id) == ([10], [4, 5], "Q3")


def test_who_cannot_be_read_is_named_and_the_others_go_on(cccd: Any, folder: Path, people: Path) -> None:
    put(
        people,
        {
            "P1/2.fmr": record(77),  # other fingers than P1 has
            "R0/2.fmr": b"FMR\0 no more",
            "R1/2.fmr": record(11), "R1/02.fmr": record(12),
            "R2/thumb.fmr": record(13),
            "R3/11.fmr": record(14),
            "R4/readme.md": b"nothing",
            "R5/2.fmr": record(15) + bytes(70_000),
            "R6/2.xyt": b"1 2 3 4\n",
            "bad\nname/2.fmr": record(16),
            "Z/2.fmr": record(17),
        },
    )  # fmt: skip
    (people / "link").symlink_to(people / "Q1")
    put(people, {"S/1.fmr": record(18)})
    (people / "S" / "2.fmr").symlink_to(people / "Q1" / "2.fmr")
    code, out, err = cccd("add", folder, people, "--json")
    found = json.loads(out)
    assert (code, err) == (1, "")
    assert (found["added"], found["known"], found["refused"]) == (3, 0, ["P1"])
    assert sum(found["passed_over"].values()) == 2  # Q1/notes.txt and R4/readme.md
    assert {(one["person_id"], one["file"]) for one in found["unread"]} == {
        ("R0", "2.fmr"), ("R1", "2.fmr"), ("R2", "thumb.fmr"), ("R3", "11.fmr"), ("R4", ""), ("R5", "2.fmr"),
        ("R6", "2.xyt"), ("bad\\nname", ""), ("link", ""), ("S", "2.fmr"),
    }  # fmt: skip
    assert [one["person_id"] for one in json.loads(cccd("list", folder, "--json")[1])][3:] == ["Q1", "Q2", "Z"]
    code, out, _ = cccd("add", folder, people)
    assert code == 1
    assert "0 people enrolled, 3 were there, 11 left out" in out
    assert "two files of one finger" in out
    assert "--height" in out  # what the .xyt needs, as an option
    code, out, _ = cccd("add", folder, people, "--format", "xyt", "--dpi", "500", "--height", "400", "--json")
    assert code == 1
    assert json.loads(out)["added"] == 1


@pytest.mark.parametrize("out", ["out", "out.parquet"])
def test_what_is_exported_comes_back_as_it_was(cccd: Any, folder: Path, tmp_path: Path, out: str) -> None:
    target = tmp_path / out
    code, said, _ = cccd("export", folder, "--out", target)
    assert (code, said) == (0, "3 people written, 0 were there, 0 left out\n")
    assert target.stat().st_mode & 0o077 == 0
    assert cccd("export", folder, "--out", target)[0] == 0
    other = tmp_path / "other"
    assert cccd("create", other)[0] == 0
    assert json.loads(cccd("import", other, target, "--json")[1])["added"] == 3
    with open_gallery(folder) as before, open_gallery(other) as after:
        assert {one.person_id: one for one in before} == {one.person_id: one for one in after}
        if target.is_file():
            assert list(before) == list(after)
    assert cccd("add", other, target)[0] == 1  # P3 has no finger
    assert cccd("import", other, target)[1] == "0 people enrolled, 3 were there, 0 left out\n"


def test_who_cannot_be_a_folder_is_named(cccd: Any, tmp_path: Path) -> None:
    gallery = tmp_path / "gallery"
    cccd("create", gallery)
    with open_gallery(gallery) as opened:
        opened.add_many([person("a/b", 1), person("..", 2), person("ệ" * 64, 3), person("fine", 4)])
    code, out, _ = cccd("export", gallery, "--out", tmp_path / "out", "--json")
    found = json.loads(out)
    assert (code, found["written"]) == (1, 2)
    assert found["refused"] == ["a/b", ".."]
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["fine", "ệ" * 64]
    assert cccd("export", gallery, "--out", tmp_path / "all.parquet")[0] == 0


@pytest.mark.parametrize("content", [b"", b"PAR1", b"PAR1" + bytes(100) + b"PAR1"])
def test_what_is_no_parquet_file_is_said(cccd: Any, folder: Path, tmp_path: Path, content: bytes) -> None:
    (tmp_path / "people.parquet").write_bytes(content)
    code, _, err = cccd("add", folder, tmp_path / "people.parquet")
    assert (code, err.split(":")[0]) == (3, "file")
    assert cccd("add", folder, tmp_path / "none")[0] == 3
    assert cccd("add", folder, folder / "gallery.sqlite")[0] == 3


def test_rows_that_are_wrong_are_named(cccd: Any, folder: Path, tmp_path: Path) -> None:
    rows = [
        {"person_id": "T1", "finger_2": record(1), "unplaced": [record(2)], "other": "ignored"},
        {"person_id": "T2", "finger_2": b"?", "unplaced": None, "other": None},
        {"person_id": None, "finger_2": record(3), "unplaced": None, "other": None},
        {"person_id": "T4", "finger_2": None, "unplaced": [record(4)] * 11, "other": None},
        {"person_id": "T5", "finger_2": record(5) + bytes(70_000), "unplaced": None, "other": None},
    ]
    files = tmp_path / "files"
    files.mkdir()
    pq.write_table(pa.Table.from_pylist(rows), files / "people.parquet", row_group_size=2)
    code, out, _ = cccd("add", folder, files, "--json")
    found = json.loads(out)
    assert (code, found["added"]) == (1, 1)
    assert [(one["person_id"], one["file"]) for one in found["unread"]] == [
        ("T2", "finger_2"), ("people.parquet, row 2", ""), ("T4", ""), ("T5", "finger_2"),
    ]  # fmt: skip
    pq.write_table(pa.table({"name": ["a"]}), tmp_path / "people.parquet")
    assert cccd("add", folder, tmp_path / "people.parquet")[0] == 3


def test_a_person_is_replaced_and_renamed_by_order(cccd: Any, folder: Path, people: Path) -> None:
    put(people, {"P1/1.fmr": record(70)})
    assert cccd("replace", folder, people / "P1")[0] == 2  # no order
    code, out, _ = cccd("replace", folder, people / "P1", "--order", "recapture 7")
    assert (code, out) == (0, "P1 replaced: 2 fingers by 1, order recapture 7, withdrawal 1\n")
    code, out, _ = cccd("rename", folder, "P1", "P7", "--order", "CV 9", "--json")
    assert (code, json.loads(out)["new_id"]) == (0, "P7")
    assert cccd("rename", folder, "P7", "P3", "--order", "CV 9")[0] == 3
    assert cccd("replace", folder, people / "nobody", "--order", "x")[0] == 3
    put(people, {"P7/1.fmr": record(70), "P7/notes.txt": b"left-handed"})
    code, out, _ = cccd("replace", folder, people / "P7", "--order", "recapture 8", "--json")
    told = json.loads(out)
    assert (code, told["person_id"], told["order"]) == (0, "P7", "recapture 8")
    assert sum(told["passed_over"].values()) == 1
    put(people, {"P3/1.fmr": b"?"})
    code, out, _ = cccd("replace", folder, people / "P3", "--order", "x", "--json")
    assert (code, json.loads(out)["error"]["facts"]["file"]) == (3, "1.fmr")
    with open_gallery(folder) as gallery:
        assert {p: identity(t) for p, t in gallery.get("P7").tenprint.items()} == {1: 70}
        assert gallery.last_withdrawal() == 3
    assert "P7" in cccd("withdrawals", folder)[1]


def test_whom_the_register_of_cards_knows_is_not_renamed(cccd: Any, folder: Path) -> None:
    register = Register(folder / "register.sqlite")
    register.accept([Acceptance("D1", "001088000001", "P1", True, date(2026, 11, 1), None)])
    register.close()
    code, out, _ = cccd("rename", folder, "P1", "P7", "--order", "CV 9", "--json")
    assert (code, json.loads(out)["error"]["kind"]) == (3, "conflict")
    assert cccd("rename", folder, "P3", "P7", "--order", "CV 9")[0] == 0
    with open_gallery(folder) as gallery:
        assert gallery.known(["P1", "P3", "P7"]) == {"P1", "P7"}


def test_several_enrol_at_a_time_but_not_while_cards_are_issued(cccd: Any, folder: Path, people: Path) -> None:
    with beside_others_in(folder):
        assert cccd("add", folder, people)[0] == 0
        assert cccd("remove", folder, "Q1", "--order", "x")[0] == 3
    with alone_with(folder):
        assert cccd("add", folder, people)[0] == 3


@pytest.mark.postgres
def test_a_gallery_in_a_database_is_named_by_its_folder(
    cccd: Any, postgres: Server, tmp_path: Path, people: Path
) -> None:
    url = postgres.new_database()
    folder, again = tmp_path / "gallery", tmp_path / "again"
    code, out, _ = cccd("create", folder, "--at", url, "--json")
    made = json.loads(out)
    assert (code, made["where"]) == (0, url)
    assert (folder / "gallery.json").stat().st_mode & 0o777 == 0o600
    assert cccd("create", folder)[0] == 3
    assert cccd("add", folder, people)[0] == 0
    assert cccd("remove", folder, "Q1", "--order", "x")[0] == 0
    assert cccd("create", again, "--at", url)[0] == 0  # another machine's folder of the same gallery
    info = json.loads(cccd("info", again, "--json")[1])
    assert (info["people"], info["gallery_id"], info["withdrawals"]) == (1, made["gallery_id"], 1)
    code, _, err = cccd("create", tmp_path / "third", "--at", url.replace("owner@", "owner:secret7@"))
    assert (code, "secret7" in err) == (2, False)
    files = "SELECT pg_relation_filenode('cccd_gallery.finger')"
    before = postgres.sql(files, Server.name(url))
    assert cccd("compact", folder, "--index-only")[0] == 0
    assert postgres.sql(files, Server.name(url)) == before
    assert cccd("compact", folder)[0] == 0
    written = postgres.sql(files, Server.name(url))
    assert written != before
    code, out, _ = cccd("compact", again, "--json")  # who owns the tables need have no index
    assert (code, json.loads(out)) == (0, None)
    assert postgres.sql(files, Server.name(url)) != written
    assert cccd("compact", again, "--index-only")[0] == 3
    (folder / "gallery.sqlite").touch()
    assert cccd("info", folder)[0] == 3  # two truths
    (folder / "gallery.sqlite").unlink()
    for wrong in (b"{}", b"[", b'{"format": "cccd-gallery", "version": 2, "url": ""}', b"x" * 5000,
                  b'{"format": "cccd-gallery", "version": 1, "url": "postgresql://a:secret7@h/d"}'):  # fmt: skip
        (folder / "gallery.json").write_bytes(wrong)
        code, _, err = cccd("info", folder)
        assert (code, "secret7" in err) == (3, False)
    postgres.drop(url)
    assert cccd("info", again)[0] == 3
