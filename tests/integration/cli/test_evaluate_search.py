"""`cccd evaluate-search`: who is found of people whose record is known."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cccd_core import templates
from cccd_core.cli import common
from cccd_core.cli.main import build
from cccd_core.dedup import GalleryStore
from cccd_core.templates import TemplateRecord
from support.joining import population, someone

pytestmark = pytest.mark.jit


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    """A gallery, and probes: two mates, one stranger."""
    (tmp_path / "gallery").mkdir()
    gallery = GalleryStore(tmp_path / "gallery" / "gallery.sqlite")
    gallery.add_many(population())
    gallery.close()
    for name, who in (("p008", 8), ("p013", 13), ("stranger", 400)):
        (tmp_path / "probes" / name).mkdir(parents=True)
        for position, finger in someone(name, who, impression=2).tenprint.items():
            data = templates.write(TemplateRecord("iso-2005", (finger,)), "iso-2005")
            templates.save(data, tmp_path / "probes" / name / f"{position}.iso")
    return tmp_path / "gallery", tmp_path / "probes"


def test_rates_cost_and_files(folders: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["evaluate-search", *map(str, folders), "--cascade", "codes:keep=0.01>same>any"]
    assert common.run(build("evaluate-search"), [*words, "--out", str(tmp_path / "out"), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["people"], told["mated"], told["others"], told["unread"]) == (26, 2, 1, 0)
    assert [one["lost_at"] for one in told["cascades"]] == [{}, {}]
    assert json.loads((tmp_path / "out" / "search.json").read_text()) == told
    assert (tmp_path / "out" / "search.png").read_bytes()[:4] == b"\x89PNG"
    assert common.run(build("evaluate-search"), words) == 0
    assert "0 % (0 to 84)" in capsys.readouterr().out


def test_a_probe_that_cannot_be_read_is_told(folders: tuple[Path, Path], capsys: pytest.CaptureFixture[str]) -> None:
    (folders[1] / "p008" / "2.iso").write_bytes(b"FMR\0nothing")
    assert common.run(build("evaluate-search"), ["evaluate-search", *map(str, folders)]) == 1
    assert "left out: p008" in capsys.readouterr().err
