"""`cccd search`: who somebody is, by folders of templates."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cccd_core import templates
from cccd_core.cli import common
from cccd_core.cli.main import build
from cccd_core.dedup import EnrolledPerson, GalleryStore
from cccd_core.dedup.codes import FingerCoder
from cccd_core.dedup.index import update
from cccd_core.templates import FingerTemplate, TemplateRecord, Tenprint, mirrored
from support.joining import MATCHER, population, someone, swapped, unplaced

pytestmark = pytest.mark.jit


@pytest.fixture(scope="module", params=["indexed", "not indexed"])
def gallery(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """26 people enrolled, some of them twice."""
    folder = tmp_path_factory.mktemp("gallery")
    opened = GalleryStore(folder / "gallery.sqlite")
    opened.add_many(population())
    if request.param == "indexed":
        update(opened, folder, MATCHER, FingerCoder.shipped())
    opened.close()
    return folder


@pytest.fixture
def cccd(capsys: pytest.CaptureFixture[str]) -> Any:
    """Runs `cccd search`; returns exit code, standard output and standard error."""

    def run(*words: str | Path) -> tuple[int, str, str]:
        code = common.run(build("search"), ["search", *map(str, words)])
        said = capsys.readouterr()
        return code, said.out, said.err

    return run


def laid(folder: Path, person: EnrolledPerson) -> Path:
    """The person as a folder of files."""
    folder.mkdir()
    named = [(f"{position}", finger) for position, finger in person.tenprint.items()]
    named += [(f"0-{number}", finger) for number, finger in enumerate(person.unplaced)]
    for name, finger in named:
        templates.save(templates.write(TemplateRecord("iso-2005", (finger,)), "iso-2005"), folder / f"{name}.iso")
    return folder


def found(cccd: Any, *words: str | Path) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    code, out, err = cccd(*words, "--json")
    assert code == 0, err
    told = json.loads(out)
    return told, told["answers"]


def test_who_it_is_and_by_which_fingers(cccd: Any, gallery: Path, tmp_path: Path) -> None:
    one = laid(tmp_path / "p008", someone("x", 8, impression=2))
    told, (answer,) = found(cccd, gallery, one)
    assert (answer["outcome"], answer["of"], answer["reasons"]) == ("duplicate", "p008", ["match"])
    (best,) = answer["candidates"]
    assert [finger["position"] for finger in best["fingers"]] == [2, 3, 7, 8]
    assert (best["arrangement"], best["mirrored"]) == (None, False)
    assert answer["screened"] == answer["compared"] == told["people"] == told["comparisons"] == 26
    assert (told["cascade"], answer["miss_rate"], told["fpir"]) == ("same>any", 0.0, 1e-4)
    assert told["manifest"]["first_look"] is None
    assert told["duplicate_score"] == pytest.approx(10 * np.log10(26 / 1e-4))


def test_swapped_hands_and_mirrored_prints_are_told_in_words(cccd: Any, gallery: Path, tmp_path: Path) -> None:
    image = someone("x", 10, impression=2)
    image = EnrolledPerson("x", Tenprint({p: mirrored(finger) for p, finger in image.tenprint.items()}))
    folders = laid(tmp_path / "a", swapped("x", 7)), laid(tmp_path / "b", image)
    _, (one, other) = found(cccd, gallery, *folders)
    assert (one["of"], one["candidates"][0]["arrangement"]) == ("p007", "the hands are exchanged")
    assert (other["of"], other["candidates"][0]["mirrored"]) == ("p010", True)
    code, out, _ = cccd(gallery, *folders)
    assert code == 0
    assert "the hands are exchanged (p007)" in out
    assert "the fingers are mirror images (p010)" in out


def test_fingers_that_are_missing_or_poor_are_an_outcome_of_their_own(cccd: Any, gallery: Path, tmp_path: Path) -> None:
    few = someone("x", 8).tenprint[2]
    poor = FingerTemplate(*(column[:5] for column in columns(few)), few.width_px, few.height_px, position=2)
    (tmp_path / "none").mkdir()
    _, answers = found(
        cccd, gallery, tmp_path / "none", laid(tmp_path / "poor", EnrolledPerson("x", Tenprint({2: poor})))
    )
    assert [one["outcome"] for one in answers] == ["not_searchable", "not_searchable"]


def columns(finger: FingerTemplate) -> Sequence[Any]:
    return finger.x_px, finger.y_px, finger.angle, finger.kind, finger.quality


def test_people_given_together_are_compared_too(cccd: Any, gallery: Path, tmp_path: Path) -> None:
    first, again = laid(tmp_path / "one", someone("x", 70)), laid(tmp_path / "two", someone("x", 70, impression=1))
    _, (one, two) = found(cccd, gallery, first, again)
    assert one["outcome"] == "unique"
    assert (two["outcome"], two["of"], two["candidates"][0]["person_id"]) == ("duplicate", str(first), str(first))


def test_against_a_list(cccd: Any, gallery: Path, tmp_path: Path) -> None:
    person = laid(tmp_path / "x", someone("x", 1, impression=7))
    (tmp_path / "list").write_text("p002\nagain 1\nagain 1\np003\n")
    told, (answer,) = found(cccd, gallery, person, "--against", tmp_path / "list")
    assert (told["people"], answer["compared"]) == (3, 3)
    assert [one["person_id"] for one in answer["candidates"]] == ["again 1"]
    (tmp_path / "list").write_text("p002\np001\nnobody\nno one\n")
    code, _, err = cccd(gallery, person, "--against", tmp_path / "list")
    assert code == 3
    assert "line=3, unknown=2" in err
    assert "nobody" not in err


def test_a_rate_asked_for(cccd: Any, gallery: Path, tmp_path: Path) -> None:
    person = laid(tmp_path / "x", someone("x", 1, impression=7, positions=(2,)))
    told, (answer,) = found(cccd, gallery, person, "--fpir", "1e-7")
    assert told["fpir"] == 1e-7
    assert answer["outcome"] == "review" if answer["candidates"] else "unique"
    assert cccd(gallery, person, "--fpir", "0")[0] == 2
    assert cccd(gallery, person, "--cascade", "same")[0] == 2


@pytest.mark.parametrize(
    ("name", "data"), [("11.iso", None), ("thumb.iso", None), ("3.iso", b"no template"), ("02.iso", None)]
)
def test_a_folder_that_is_no_person(cccd: Any, gallery: Path, tmp_path: Path, name: str, data: bytes | None) -> None:
    person = laid(tmp_path / "x", someone("x", 1, positions=(2, 7)))
    (person / name).write_bytes((person / "7.iso").read_bytes() if data is None else data)
    code, _, err = cccd(gallery, person)
    assert code in (2, 3)
    assert name.removeprefix("0") in err
    assert cccd(gallery, tmp_path / "not there")[0] == 3


def test_a_cascade_finds_the_same_among_few(cccd: Any, gallery: Path, tmp_path: Path) -> None:
    """The hands exchanged, fingers of unknown position, mirror images: all by the codes first."""
    image = someone("x", 10, impression=2)
    image = EnrolledPerson("x", Tenprint({p: mirrored(finger) for p, finger in image.tenprint.items()}))
    given = [someone("x", 8, impression=2), swapped("x", 7), unplaced("x", 6), image, someone("x", 77)]
    folders = [laid(tmp_path / f"{number}", person) for number, person in enumerate(given)]
    words = (gallery, *folders, "--cascade", "codes:keep=0.1>same>any")
    if not (gallery / "index").exists():
        return
    told, answers = found(cccd, *words)
    assert [one["of"] for one in answers] == ["p008", "p007", "p006", "p010", None]
    assert told["cascade"] == "codes:keep=0.1>same>any"
    assert told["manifest"]["first_look"] == {"all": {"10": 30.0}}
    assert [one["screened"] for one in answers] == [26 + n for n in range(5)]
    assert all(one["compared"] < 26 for one in answers)
    assert all(0 <= one["miss_rate"] < 0.1 for one in answers)
