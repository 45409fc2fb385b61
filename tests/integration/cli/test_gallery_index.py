"""`cccd gallery index|compact|verify|rotate`: what they do, say and end with."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from cccd_core.cli import common
from cccd_core.cli.gallery_key import KEY_VARIABLE
from cccd_core.cli.main import build
from cccd_core.dedup import GalleryStore, open_gallery
from cccd_core.dedup.codes import FingerCoder
from cccd_core.dedup.index import Index
from cccd_core.dedup.index.packing import pack
from cccd_core.matching import Matcher
from cccd_core.storage.aes_gcm import KeyRing
from cccd_core.storage.lock import exclusive
from support.index_world import person

FIRST, SECOND = "11" * 32, "22" * 32


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A gallery of five people; and two keys beside it."""
    path = tmp_path / "gallery"
    path.mkdir()
    gallery = GalleryStore(path / "gallery.sqlite")
    gallery.add_many(person(f"P{n}", 2 * n, loose=n % 2) for n in range(5))
    gallery.close()
    (tmp_path / "first").write_text(FIRST + "\n")
    (tmp_path / "second").write_text(SECOND.upper())
    return path


@pytest.fixture
def cccd(capsys: pytest.CaptureFixture[str]) -> Any:
    """Runs `cccd gallery`; returns exit code, standard output and standard error."""

    def run(*words: str | Path) -> tuple[int, str, str]:
        code = common.run(build("gallery"), ["gallery", *map(str, words)])
        said = capsys.readouterr()
        return code, said.out, said.err

    return run


def ready(folder: Path, cipher: KeyRing | None = None) -> tuple[int, int]:
    """People in the index, and people still to come."""
    with open_gallery(folder, cipher=cipher) as gallery:
        index = Index.open(folder, gallery, Matcher(), FingerCoder.shipped(), cipher=cipher)
        return index.people, len(list(index.pending()))


def test_an_index_is_made_and_kept_up_to_date(cccd: Any, folder: Path) -> None:
    assert json.loads(cccd("info", folder, "--json")[1])["index"] is None
    code, out, err = cccd("index", folder)
    assert (code, out.split()[:2]) == (0, ["new_rows", "5"])
    assert "index: 5 of 5" in err
    assert ready(folder) == (5, 0)
    assert cccd("remove", folder, "P2", "--order", "o")[0] == 0
    assert ready(folder) == (4, 0)
    done = json.loads(cccd("index", folder, "--json")[1])
    assert (done["new_rows"], done["withdrawn"], done["dead"]) == (0, 0, 1)
    done = json.loads(cccd("compact", folder, "--json")[1])
    assert (done["people"], done["dead"], done["written_shards"]) == (4, 0, 1)
    index = json.loads(cccd("info", folder, "--json")[1])["index"]
    assert (index["people"], index["up_to_person"], index["up_to_withdrawal"]) == (4, 5, 1)
    assert "index: shards" in cccd("info", folder)[1]
    assert cccd("verify", folder)[:2] == (0, "sound: 4 people, and the index beside them\n")


def test_whoever_comes_in_or_is_replaced_is_in_the_index(cccd: Any, folder: Path) -> None:
    people = folder.parent / "people"
    assert cccd("export", folder, "--out", people)[0] == 0
    fresh = folder.parent / "fresh"
    assert cccd("create", fresh)[0] == 0
    code, _, err = cccd("add", fresh, people)
    assert code == 0
    assert "index: 5 of 5" in err
    assert ready(fresh) == (5, 0)
    (people / "P0" / "2.fmr").write_bytes((people / "P1" / "2.fmr").read_bytes())
    assert cccd("replace", fresh, people / "P0", "--order", "o")[0] == 0
    assert ready(fresh) == (5, 0)
    assert json.loads(cccd("info", fresh, "--json")[1])["index"]["shards"] == 2


def test_nothing_is_left_of_who_was_removed_by_whomever(cccd: Any, folder: Path) -> None:
    cccd("index", folder)
    with open_gallery(folder) as gallery:  # by a program, which leaves the index as it is
        run = pack((p, Matcher().prepare(t)) for p, t in gallery.get("P3").fingers())
        gallery.remove("P3", order="1")

    def holds() -> bool:
        return any(run in path.read_bytes() for path in folder.rglob("*") if path.is_file())

    assert holds()
    done = json.loads(cccd("compact", folder, "--json")[1])
    assert (done["people"], done["dead"], done["up_to_withdrawal"]) == (4, 0, 1)
    assert not holds()


def test_one_process_changes_the_index(cccd: Any, folder: Path) -> None:
    with exclusive(folder / "index" / "lock", "index of the gallery"):
        code, _, err = cccd("index", folder)
    assert code == 3
    assert "another process is using the index of the gallery" in err
    assert cccd("compact", folder)[0] == 3  # there is none yet
    assert cccd("index", folder, "--wait")[0] == 0


def test_damage_is_named_and_the_index_made_anew(cccd: Any, folder: Path) -> None:
    cccd("index", folder)
    (shard,) = folder.rglob("*.shard")
    with shard.open("r+b") as file:
        file.seek(-5, 2)
        file.write(b"?")
    code, out, _ = cccd("verify", folder)
    assert code == 1
    assert str(shard) in out
    found = json.loads(cccd("verify", folder, "--json")[1])
    assert [(one["file"], one["section"], one["people"]) for one in found["findings"]] == [(str(shard), "fingers", 1)]
    assert cccd("index", folder, "--anew")[0] == 0
    assert cccd("verify", folder)[0] == 0


def test_damaged_people_are_named(cccd: Any, folder: Path) -> None:
    from sqlalchemy import create_engine

    engine = create_engine(f"sqlite:///{folder / 'gallery.sqlite'}")
    with engine.begin() as connection:
        connection.exec_driver_sql("UPDATE finger SET template = substr(template, 1, 60) WHERE sequence IN (2, 5)")
    engine.dispose()
    code, out, _ = cccd("verify", folder, "--json")
    assert code == 1
    assert [one["section"] for one in json.loads(out)["findings"]] == ["person 2", "person 5"]


def test_keys_come_and_change(cccd: Any, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = folder.parent / "first", folder.parent / "second"
    cccd("index", folder)
    done = json.loads(cccd("rotate", folder, "--to", first, "--json")[1])
    assert (done["people"], done["shards"]) == (5, 1)
    for words in (("info",), ("index",), ("compact",), ("verify",), ("list",), ("verify", "--key", second)):
        code, _, err = cccd(words[0], folder, *words[1:])
        assert code == 3
        assert "encrypted" in err
    assert cccd("verify", folder, "--key", first)[0] == 0
    assert ready(folder, KeyRing(bytes.fromhex(FIRST))) == (5, 0)
    monkeypatch.setenv(KEY_VARIABLE, FIRST)
    assert cccd("rotate", folder, "--to", second)[0] == 0
    assert cccd("verify", folder)[0] == 3
    monkeypatch.setenv(KEY_VARIABLE, SECOND)
    assert cccd("verify", folder)[0] == 0
    assert cccd("list", folder)[0] == 0
    assert json.loads(cccd("rotate", folder, "--to", second, "--json")[1])["people"] == 0


def test_what_is_no_key_is_refused(cccd: Any, folder: Path) -> None:
    wrong = folder.parent / "wrong"
    for text in ("", "11" * 31, "zz" * 32, "11" * 33):
        wrong.write_text(text)
        code, _, err = cccd("rotate", folder, "--to", wrong)
        assert code == 2
        assert "64 hexadecimal digits" in err
