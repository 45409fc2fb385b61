"""People whose fingers are images: enrolled, replaced, looked up and measured by what is extracted from them."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from cccd_core import templates
from cccd_core.dedup import open_gallery
from cccd_core.errors import UnavailableError
from cccd_core.extraction import ImageReader, weights
from cccd_core.intake import people_rows
from cccd_core.templates import TemplateRecord
from support.served import at_socket

pytestmark = [
    pytest.mark.data,
    pytest.mark.jit,
    pytest.mark.skipif(not weights.found(), reason="the extra cccd_core[extract] is not installed"),
]
FINGERS = {2: "101-4", 7: "101-6"}  # of one person of fcj2020, by position


def person(images: Path, folder: Path, number: int, impression: int) -> Path:
    """Somebody's images."""
    folder.mkdir(parents=True)
    for position, finger in FINGERS.items():
        name = finger.replace("101", str(number))
        shutil.copy(images / "fcj2020" / f"{name}_{impression}.png", folder / f"{position}.png")
    return folder


@pytest.fixture
def people(images: Path, tmp_path: Path) -> Path:
    """Two people of images, of whom the second has a template beside one, and one whose image is none."""
    for number in (101, 103):
        person(images, tmp_path / "people" / f"p{number}", number, 1)
    made = ImageReader.shared().read((tmp_path / "people" / "p103" / "2.png").read_bytes(), dpi=500)
    record = templates.write(TemplateRecord("iso-2005", (made.template,)), "iso-2005")
    (tmp_path / "people" / "p103" / "2.fmr").write_bytes(record)
    spoilt = tmp_path / "people" / "spoilt"
    spoilt.mkdir()
    (spoilt / "2.png").write_bytes((images / "fcj2020" / "101-4_1.png").read_bytes()[:900])
    return tmp_path / "people"


def test_enrolled_looked_up_and_measured(cccd: Any, images: Path, people: Path, tmp_path: Path) -> None:
    gallery = tmp_path / "gallery"
    assert cccd("gallery", "create", gallery)[0] == 0
    code, out, _ = cccd("gallery", "add", gallery, people, "--dpi", "500", "--json")
    told = json.loads(out)
    assert (code, told["added"]) == (1, 2)
    assert [one["person_id"] for one in told["unread"]] == ["spoilt"]
    assert told["unread"][0]["file"] == "2.png"
    assert told["passed_over"] == {"an image beside a template of its finger": 1}
    with open_gallery(gallery) as opened:
        known = {entry.person.person_id: entry.person for entry in opened.entries()}
    assert {len(one.tenprint) for one in known.values()} == {2}
    assert all(0 < finger.capture_quality <= 100 for finger in known["p101"].tenprint.values())
    again = person(images, tmp_path / "again", 101, 2)
    code, out, _ = cccd("search", gallery, again, "--dpi", "500", "--json")
    assert code == 0
    (answer,) = json.loads(out)["answers"]
    assert (answer["outcome"], answer["of"]) == ("duplicate", "p101")
    with at_socket(gallery, tmp_path / "s"):
        code, out, _ = cccd("ask", "identify", tmp_path / "s", again, "--dpi", "500", "--json")
    assert (code, json.loads(out)["outcome"]["answer"]["of"]) == (0, "p101")
    probes = tmp_path / "probes"
    person(images, probes / "p101", 101, 3)
    code, out, _ = cccd("evaluate-search", gallery, probes, "--dpi", "500", "--json", "--cascade", "same>any")
    assert code == 0
    assert json.loads(out)["unread"] == 0
    assert cccd("gallery", "replace", gallery, probes / "p101", "--order", "CV 1", "--dpi", "500")[0] == 0


def test_images_in_rows(cccd: Any, images: Path, tmp_path: Path) -> None:
    pixels = (images / "fcj2020" / "101-4_1.png").read_bytes()
    pq.write_table(people_rows.table([{"person_id": "A", "finger_2": pixels}]), tmp_path / "people.parquet")
    assert cccd("gallery", "create", tmp_path / "gallery")[0] == 0
    code, out, _ = cccd("gallery", "add", tmp_path / "gallery", tmp_path / "people.parquet", "--dpi", "500", "--json")
    assert (code, json.loads(out)["added"]) == (0, 1)


def test_without_the_extractor_it_is_said_what_is_missing(
    cccd: Any, people: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing() -> ImageReader:
        raise UnavailableError("no minutiae can be extracted here", needs="cccd_core[extract]")

    monkeypatch.setattr(ImageReader, "shared", missing)
    assert cccd("gallery", "create", tmp_path / "gallery")[0] == 0
    code, _, err = cccd("gallery", "add", tmp_path / "gallery", people, "--dpi", "500")
    assert code not in (0, 1)
    assert "cccd_core[extract]" in err
    code, _, err = cccd("search", tmp_path / "gallery", people / "p101", "--dpi", "500")
    assert code != 0
    assert "cccd_core[extract]" in err
