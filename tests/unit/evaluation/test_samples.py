"""Folders of templates: names, what is expected, what cannot be read."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from cccd_core.errors import FileError, ParameterError
from cccd_core.evaluation import Expectation, read_folder, samples
from cccd_core.evaluation.samples import MAX_SAMPLES
from cccd_core.extraction import found as images_found
from support import itl_prints
from support.toy_matcher import fingers, write_folder


@pytest.mark.parametrize(
    ("text", "names", "impressions"),
    [
        ("101-110:1-8", [str(number) for number in range(101, 111)], [str(number) for number in range(1, 9)]),
        ("001-003:1", ["001", "002", "003"], ["1"]),
        ("8-12:1,3", ["8", "9", "10", "11", "12"], ["1", "3"]),
        ("012-3,101-4:1-2", ["012-3", "101-4"], ["1", "2"]),  # names, not ranges
        ("a,b,a:x", ["a", "b"], ["x"]),
        ("left_index:1", ["left_index"], ["1"]),
    ],
)
def test_expectation(text: str, names: list[str], impressions: list[str]) -> None:
    expected = Expectation.parse(text)
    assert list(expected.fingers) == names
    assert list(expected.impressions) == impressions
    assert len(expected.names()) == len(names) * len(impressions)


@pytest.mark.parametrize("text", ["", ":", "101", "101-110", "1:2:3", "1,,2:1", "../x:1", f"1-{MAX_SAMPLES + 1}:1"])
def test_expectation_refuses(text: str) -> None:
    with pytest.raises(ParameterError):
        Expectation.parse(text)


def test_finger_is_all_before_the_last_underscore(tmp_path: Path) -> None:
    made = fingers(1, 1, 2)[0][2]
    write_folder(tmp_path, [("012-3", "1", made), ("012-3", "10", made), ("012-3", "2", made), ("a_b", "1", made)])
    found = read_folder(tmp_path)
    assert [(sample.finger, sample.impression) for sample in found.samples] == [
        ("012-3", "1"),
        ("012-3", "2"),
        ("012-3", "10"),
        ("a_b", "1"),
    ]
    assert found.fingers == ("012-3", "a_b")
    assert found.finger_index.tolist() == [0, 0, 0, 1]
    assert found.failed == 0


def test_missing_and_unreadable_samples_stay_without_template(tmp_path: Path) -> None:
    write_folder(tmp_path, fingers(1, 2, 2))
    (tmp_path / "101_2.fmr").unlink()
    (tmp_path / "102_1.fmr").write_bytes(b"FMR\0 20\0 and then nothing that is a record")
    (tmp_path / "102_3.fmr").write_bytes(b"")
    found = read_folder(tmp_path, expect=Expectation.parse("101-103:1-2"))
    without = {sample.name: sample.failure for sample in found.samples if sample.template is None}
    assert set(without) == {"101_2", "102_1", "102_3", "103_1", "103_2"}
    assert without["103_1"] == "missing"
    assert "102_1" in without["102_1"]
    assert found.failed == 5
    assert len(found.samples) == 7


def test_other_files_are_no_samples(tmp_path: Path) -> None:
    write_folder(tmp_path, fingers(1, 1, 2))
    for name in ("README.md", "my_notes.txt", ".hidden_1.fmr", "nounderscore.fmr", "_1.fmr", "x_.fmr", "a_b.json"):
        (tmp_path / name).write_bytes(b"x")
    (tmp_path / "105_1.d").mkdir()
    found = read_folder(tmp_path)
    assert [sample.name for sample in found.samples] == ["101_1", "101_2"]
    assert (found.passed_over, found.images, found.folders) == (7, 0, 1)


def test_two_files_of_one_sample_are_refused(tmp_path: Path) -> None:
    write_folder(tmp_path, fingers(1, 1, 1))
    write_folder(tmp_path, fingers(1, 1, 1), ending="iso")
    with pytest.raises(FileError) as caught:
        read_folder(tmp_path)
    assert [caught.value.facts[key] for key in ("path", "other")] == [
        str(tmp_path / name) for name in ("101_1.fmr", "101_1.iso")
    ]


def test_xyt_needs_resolution_and_height(tmp_path: Path) -> None:
    (tmp_path / "1_1.xyt").write_text("10 20 45 80\n30 40 90 70\n")
    (tmp_path / "1_2.xyt").write_text("10 20 45 80\n")
    with pytest.raises(ParameterError):
        read_folder(tmp_path)
    found = read_folder(tmp_path, dpi=500, height_px=400)
    assert [sample.template.count for sample in found.samples if sample.template] == [2, 1]


def test_folder_that_is_not_there_or_empty(tmp_path: Path) -> None:
    with pytest.raises(FileError):
        read_folder(tmp_path / "nothing")
    found = read_folder(tmp_path)
    assert (found.samples, found.passed_over, found.beside) == ((), 0, "nothing else")


def test_what_is_in_a_folder_without_samples_is_counted(tmp_path: Path) -> None:
    for name in ("1_1.tif", "scan.PNG", "2_1.wsq", "notes.txt", ".DS_Store", "template.fmr"):
        (tmp_path / name).write_bytes(b"x")
    (tmp_path / "unnamed").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(50))
    (tmp_path / "archive_1").write_bytes(b"PK\x03\x04" + bytes(50))
    (tmp_path / "fjfx").mkdir()
    found = read_folder(tmp_path, format="iso-2005")  # else the images would be the samples
    assert (found.samples, found.passed_over, found.images, found.folders) == ((), 8, 4, 1)
    assert found.beside == "4 images, 4 other files, 1 folder"


def test_ansi_nist_itl_files_of_prints_are_images(tmp_path: Path) -> None:
    write_folder(tmp_path, fingers(1, 1, 2))
    pixels = np.zeros((300, 300), np.uint8)
    prints = itl_prints.itl((14, itl_prints.fourteen(pixels, "2", compression="NONE")))
    xml = itl_prints.itl_xml(itl_prints.fourteen_xml(pixels, "2"))
    for name, data in {"9_1.an2": prints, "9_2.xml": xml, "9_3.an2": xml[:-9]}.items():
        (tmp_path / name).write_bytes(data)
    found = read_folder(
        tmp_path
    )  # beside templates they are passed over; what is broken is a sample without a template
    assert (len(found.samples), found.failed, found.images) == (3, 1, 2)
    assert [path.name for path in images_found([tmp_path], raw=False)] == ["9_1.an2", "9_2.xml"]


def test_as_many_samples_as_a_set_may_have(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_folder(tmp_path, fingers(1, 1, 3))
    monkeypatch.setattr(samples, "MAX_SAMPLES", 3)
    assert len(read_folder(tmp_path).samples) == 3
    with pytest.raises(ParameterError):
        read_folder(tmp_path, expect=Expectation(("101",), ("1", "2", "3", "4")))
    monkeypatch.setattr(samples, "MAX_SAMPLES", 2)
    with pytest.raises(FileError):
        read_folder(tmp_path)


def test_what_is_no_template_is_passed_over_and_counted(tmp_path: Path) -> None:
    write_folder(tmp_path, fingers(2, 2, 3))
    (tmp_path / "101_1.tif").write_bytes(b"II*\x00" + bytes(50))
    (tmp_path / "101_2.bmp").write_bytes(b"BM" + bytes(50))
    (tmp_path / "103_1.tif").write_bytes(b"")
    (tmp_path / "103_2.WSQ").write_bytes(b"\xff\xa0\xff" + bytes(50))
    (tmp_path / "104_1.dat").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(50))
    found = read_folder(tmp_path)
    assert (len(found.samples), found.failed, found.passed_over) == (6, 0, 5)
