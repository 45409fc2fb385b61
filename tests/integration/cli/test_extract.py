"""cccd extract, on real images: names, resumption, failures, and the matcher's answer to what was extracted."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cccd_core.cli.common import EXIT_FAULTS, EXIT_NOT_RUN, EXIT_USAGE, run
from cccd_core.cli.main import build
from cccd_core.extraction import weights
from cccd_core.templates import load
from support import itl_prints

pytestmark = [
    pytest.mark.data,
    pytest.mark.jit,
    pytest.mark.skipif(not weights.found(), reason="the extra cccd_core[extract] is not installed"),
]


def call(*words: str | Path) -> int:
    return run(build("extract"), ["extract", *map(str, words)])


def answer(capsys: pytest.CaptureFixture[str]) -> dict[str, object]:
    return json.loads(capsys.readouterr().out)


@pytest.fixture
def folder(images: Path, tmp_path: Path) -> Path:
    made = tmp_path / "images"
    made.mkdir()
    for name in ("101_1", "101_2"):
        (made / f"{name}.png").write_bytes((images / "fvc2002_DB1_B" / f"{name}.png").read_bytes())
    (made / "notes.txt").write_text("not an image")
    return made


def test_names_are_kept_and_a_second_run_does_what_is_left(
    folder: Path, tmp_path: Path, images: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert call(folder / "101_1.png", "-o", out, "--json") == 0
    first = answer(capsys)
    assert [row["template"] for row in first["images"]] == [str(out / "101_1.fmr")]
    record = load(out / "101_1.fmr")
    assert record.view.count == first["images"][0]["minutiae"]
    before = (out / "101_1.fmr").stat()
    assert before.st_mode & 0o777 == 0o600
    assert call(folder, "-o", out, "--json", "--threads", "2") == 0
    second = answer(capsys)
    assert [row["kept"] for row in second["images"]] == [True, False]
    assert (out / "101_1.fmr").stat().st_mtime_ns == before.st_mtime_ns
    assert sorted(path.name for path in out.iterdir()) == ["101_1.fmr", "101_2.fmr"]
    assert first["manifest"]["parameters"] == second["manifest"]["parameters"]


def test_an_image_that_fails_is_named_and_the_rest_goes_on(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "102_1.wsq").write_bytes(b"\xff\xa0 no image")
    Image.fromarray(np.full((300, 300), 250, np.uint8)).save(folder / "103_1.png", dpi=(500, 500))
    with Image.open(folder / "101_1.png") as image:
        image.save(folder / "104_1.bmp", dpi=(0, 0))
    out = tmp_path / "out"
    assert call(folder, "-o", out, "--format", "ansi-2004") == EXIT_FAULTS
    said = capsys.readouterr()
    assert "2 templates written" in said.out
    assert "3 failed" in said.out
    told = " ".join(said.err.split())
    assert "102_1.wsq" in told
    assert "103_1.png: the image shows no finger" in told
    assert "104_1.bmp: the image does not state its resolution; give --dpi" in told
    assert load(out / "101_1.fmr").format == "ansi-2004"
    assert call(folder / "104_1.bmp", "-o", out, "--dpi", "500") == 0
    assert load(out / "104_1.fmr").view == load(out / "101_1.fmr").view or load(out / "104_1.fmr").view.count


def test_what_is_doubted_of_an_image_is_said(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with Image.open(folder / "101_1.png") as image:
        image.save(folder / "101_3.png", dpi=(250, 250))
        beside = Image.new("L", (2 * image.width, image.height), 255)
        with Image.open(folder / "101_2.png") as other:
            beside.paste(image, (0, 0))
            beside.paste(other, (image.width, 0))
    beside.save(folder / "101_4.png", dpi=(500, 500))
    assert call(folder, "-o", tmp_path / "out") == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "doubtful 101_3.png: the ridges of the image lie closer or further apart than a finger's" in said
    assert "doubtful 101_4.png: the minutiae lie as those of two fingers beside each other" in said
    assert "doubtful 101_1.png" not in said
    assert call(folder, "-o", tmp_path / "told", "--json") == 0
    rows = {Path(row["image"]).name: row["findings"] for row in answer(capsys)["images"]}
    assert rows["101_1.png"] == rows["101_2.png"] == []
    assert "ridge_distance" in [each["word"] for each in rows["101_3.png"]]
    # the same where two files are compared, and where error rates are asked for
    assert run(build("match"), ["match", str(folder / "101_1.png"), str(folder / "101_3.png"), "--json"]) == 0
    (compared,) = answer(capsys)["candidates"]
    assert "ridge_distance" in [each["word"] for each in compared["findings"]]
    assert run(build("match"), ["match", str(folder / "101_1.png"), str(folder / "101_3.png")]) == 0
    assert "101_3.png: doubtful: the ridges" in " ".join(capsys.readouterr().out.split())


def test_a_file_that_is_no_whole_image_is_told_apart(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    whole = (folder / "101_1.png").read_bytes()
    (folder / "101_1.png").write_bytes(whole[: len(whole) // 2])
    (folder / "101_2.png").write_bytes(b"")
    (folder / "101_3.png").write_text("no image")
    raw = tmp_path / "a.raw"
    raw.write_bytes(bytes(300 * 300))
    assert call(folder, raw, "-o", tmp_path / "out", "--dpi", "500") == EXIT_FAULTS
    told = " ".join(capsys.readouterr().err.split())
    assert "101_1.png: an image is damaged or cut short" in told
    assert "101_2.png: the file is empty" in told
    assert "101_3.png: no image in a format that is read" in told
    assert "a.raw: raw pixels do not state their size; give --raw WIDTHxHEIGHT" in told


def test_raw_pixels_give_the_same_template(folder: Path, tmp_path: Path) -> None:
    with Image.open(folder / "101_1.png") as image:
        (tmp_path / "a.raw").write_bytes(np.asarray(image).tobytes())
        size = f"{image.width}x{image.height}"
    assert call(tmp_path / "a.raw", "-o", tmp_path / "raw", "--raw", size, "--dpi", "500") == 0
    assert call(folder / "101_1.png", "-o", tmp_path / "png", "--dpi", "500") == 0
    assert (tmp_path / "raw" / "a.fmr").read_bytes() == (tmp_path / "png" / "101_1.fmr").read_bytes()


def test_a_command_line_that_is_wrong(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out"
    assert call(folder, "-o", out, "--raw", "300x300") == EXIT_USAGE
    assert call(folder, "-o", out, "--raw", "300", "--dpi", "500") == EXIT_USAGE
    assert call(folder, "-o", out, "--format", "nothing") == EXIT_USAGE
    assert call(tmp_path / "none", "-o", out) == EXIT_NOT_RUN
    assert call(tmp_path, "-o", out) == EXIT_NOT_RUN  # no image in it
    (tmp_path / "101_1.bmp").write_bytes(b"")
    assert call(folder, tmp_path / "101_1.bmp", "-o", out) == EXIT_USAGE
    said = " ".join(capsys.readouterr().err.split())
    assert "two images would get the same file" in said
    assert "101_1.bmp" in said
    assert "two folders" in said
    assert not out.exists()


def test_doctor_says_whether_the_extra_is_there(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(build("doctor"), ["doctor", "--json"]) == 0
    found = answer(capsys)["extraction"]
    assert set(found) == {"pyfing", "h5py"}
    assert "not installed" not in found.values()


def test_one_of_several_prints_is_taken_by_its_position(
    images: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    prints = []
    for finger, name in (("2", "101_1"), ("7", "102_1")):
        with Image.open(images / "fvc2002_DB1_B" / f"{name}.png") as image:
            prints.append((14, itl_prints.fourteen(np.asarray(image.convert("L")), finger)))
    (tmp_path / "card.an2").write_bytes(itl_prints.itl(*prints))
    assert call(tmp_path / "card.an2", "-o", tmp_path / "out") == EXIT_FAULTS
    assert "several prints" in capsys.readouterr().err
    assert call(tmp_path / "card.an2", "-o", tmp_path / "out", "--position", "7") == 0
    made = load(tmp_path / "out" / "card.fmr").view
    assert (made.position, made.count > 20) == (7, True)
    assert call(tmp_path / "card.an2", "-o", tmp_path / "out", "--position", "11") == EXIT_USAGE
