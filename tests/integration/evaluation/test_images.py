"""Images in place of templates: cccd match, cccd evaluate and the counter's probe, on real prints."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cccd_core.cli.common import EXIT_USAGE, run
from cccd_core.cli.main import build
from cccd_core.extraction import ExtractionParameters, weights

pytestmark = [
    pytest.mark.data,
    pytest.mark.jit,
    pytest.mark.skipif(not weights.found(), reason="the extra cccd_core[extract] is not installed"),
]
SET = "fvc2002_DB1_B"


def call(*words: str | Path) -> int:
    return run(build(str(words[0])), [*map(str, words)])


def answer(capsys: pytest.CaptureFixture[str]) -> dict[str, object]:
    return json.loads(capsys.readouterr().out)


def test_images_and_templates_are_matched_alike(
    images: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = images / SET
    template = images.parent / "fingerprints" / SET / "fjfx" / "101_3.fmr"
    poor = images / "fcj2020" / "142-5_4.png"
    plain, drawn = tmp_path / "templates.png", tmp_path / "ridges.png"
    assert call("match", folder / "101_1.png", folder / "101_2.png", template, poor, "--json", "--explain", drawn) == 0
    found = answer(capsys)
    scores = [row["score"] for row in found["candidates"]]
    assert min(scores[:2]) > 60 > scores[2]
    assert found["manifest"]["extraction"] == ExtractionParameters().digest
    seen = [row.get("image", {}) for row in found["candidates"]]
    assert seen[0]["capture_again"] == []
    assert seen[1] == {}
    assert "smudged" in seen[2]["capture_again"]
    assert found["probe_doubts"]["image"]["quality"] >= 60
    # the same pair by its templates alone scores the same, and has no ridges in its picture
    assert call("extract", folder / "101_1.png", folder / "101_2.png", "-o", tmp_path / "made") == 0
    capsys.readouterr()
    made = tmp_path / "made"
    assert call("match", made / "101_1.fmr", made / "101_2.fmr", "--json", "--explain", plain) == 0
    again = answer(capsys)
    assert again["candidates"][0]["score"] == pytest.approx(scores[0], abs=0.5)  # angles of 256 steps in the file
    assert "extraction" not in again["manifest"]
    one = tmp_path / "one.png"
    assert call("match", folder / "101_1.png", folder / "101_2.png", "--explain", one) == 0
    assert shades(one) > 2 * shades(plain)


def shades(path: Path) -> int:
    """How many pixels of a picture are neither white nor black."""
    with Image.open(path) as image:
        gray = np.asarray(image.convert("L"))
    return int(np.count_nonzero((gray > 100) & (gray < 250)))


def test_a_set_of_images_is_evaluated_and_its_failures_stand_apart(
    images: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "set"
    folder.mkdir()
    for name in ("101_1", "101_2", "102_1", "102_2"):
        shutil.copy(images / SET / f"{name}.png", folder)
    (folder / "101_3.png").write_bytes(b"\x89PNG\r\n\x1a\n broken")
    Image.new("L", (300, 300), 250).save(folder / "102_3.png", dpi=(500, 500))
    shutil.copy(images / "fcj2020" / "142-5_4.png", folder / "103_1.png")
    (folder / "notes.txt").write_text("nothing")
    words = ("evaluate", folder, "--bootstrap", "0", "--json")
    assert call(*words, "--threads", "2", "--expect", "101-103:1") == 0
    (entry,) = answer(capsys)["sets"]
    assert (entry["templates"], entry["failed"], entry["passed_over"]) == (5, 2, 1)
    made = entry["images"]
    assert (made["extraction"], made["extracted"], made["failed"]) == (ExtractionParameters().digest, 5, 2)
    assert made["capture_again"] == ["103_1"]
    assert made["quality"]["least"] < 43 <= made["quality"]["median"]
    why = {each["sample"]: each["why"] for each in entry["failures"]}
    assert set(why) == {"101_3", "102_3"}
    assert all(each.startswith("extraction: ") for each in why.values())
    assert call(*words[:-1]) == 0
    told = capsys.readouterr().out
    assert "5 extracted, 2 failed" in told
    assert "102_3: the image shows no finger" in " ".join(told.split())
    # one template among them: the images are what lies beside it
    shutil.copy(images.parent / "fingerprints" / SET / "fjfx" / "101_1.fmr", folder / "101_1.fmr")
    assert call(*words) == 0
    (entry,) = answer(capsys)["sets"]
    assert (entry["templates"], entry["beside"]) == (1, "7 images, 1 other file")
    assert "images" not in entry


def test_what_an_image_needs_is_named(images: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "set"
    folder.mkdir()
    for name in ("101_1", "101_2"):
        with Image.open(images / SET / f"{name}.png") as image:
            Image.fromarray(np.asarray(image)).save(folder / f"{name}.bmp", dpi=(0, 0))
    for words in (("evaluate", folder), ("match", folder / "101_1.bmp", folder / "101_2.bmp")):
        assert call(*words) != 0
        assert "--dpi" in " ".join(capsys.readouterr().err.split())
        assert call(*words, "--dpi", "500") == 0
        capsys.readouterr()
    assert call("match", folder / "101_1.bmp", folder / "101_2.bmp", "--format", "iso-2005") not in (0, EXIT_USAGE)
    assert "image" in capsys.readouterr().err
    shutil.copy(folder / "101_1.bmp", folder / "101_1.png")
    assert call("evaluate", folder, "--dpi", "500") != 0
    assert "two files of one impression" in " ".join(capsys.readouterr().err.split())
