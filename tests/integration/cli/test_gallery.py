"""`cccd gallery`: who is enrolled, who is taken out, what is told of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from cccd_core.cli import common
from cccd_core.cli.main import build
from cccd_core.dedup import GalleryStore, open_gallery
from cccd_core.dedup.gallery.folder import alone_with
from cccd_core.errors import BusyError
from support.known_fingers import person


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A gallery of three people."""
    path = tmp_path / "gallery"
    path.mkdir()
    gallery = GalleryStore(path / "gallery.sqlite")
    gallery.add_many([person("P1", 1), person("P\u202e2", 2, (1, 2, 3), 2), person("P3", 3, ())])
    gallery.close()
    return path


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
    found = json.loads(cccd("info", folder, "--json")[1])
    assert found == {"people": 3, "removed": 0, "withdrawals": 0, "index": None, "encrypted": False}


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
    found = json.loads(cccd("info", folder, "--json")[1])
    assert (found["people"], found["removed"], found["withdrawals"]) == (1, 2, 2)
    assert cccd("info", folder)[1].split() == ["people", "1", "removed", "2", "withdrawals", "2"]


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
