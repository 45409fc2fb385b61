"""A person's folder: fingers and what lies beside them, the same for dossiers and people."""

from __future__ import annotations

import base64
import gzip
import os
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.support import dossiers, itl_prints

from cccd_core.errors import FormatError
from cccd_core.intake.finger_files import Wrong, read_finger_folder, said
from cccd_core.intake.people import People, Unread, read_person
from cccd_core.issuance.dossiers.batch import open_batch
from cccd_core.issuance.dossiers.check import check_batch
from cccd_core.templates import nist_file, write
from cccd_core.templates.beside import prints_instead

PNG = b"\x89PNG\r\n\x1a\n" + bytes(90_000)  # larger than any template may be


def record(seed: int) -> bytes:
    return write(dossiers.finger(seed), "iso-2005")


def lay_beside(folder: Path) -> None:
    """Ten files of which none is a finger; "index.png" and "left.wsq" name no position."""
    other = record(99)
    beside = {
        "index.png": PNG, "left.wsq": b"x", "scan.dat": b"\xff\xa0\xff" + bytes(80_000), "2.fmr.bak": other,
        "7.fmr~": other,
        "Thumbs.db": b"x", ".DS_Store": b"x", "2.fmr.sha256": b"9f86d081884c7d659a2feaa0c55ad015  2.fmr\n",
        "scan\udcff.tif": b"x",
    }  # fmt: skip
    for name, data in beside.items():
        (folder / name).write_bytes(data)
    (folder / "8").mkdir()


def test_what_lies_beside_fingers_rejects_no_dossier(tmp_path: Path) -> None:
    folder = dossiers.put(tmp_path, "D1", fingers={"2.fmr": record(1), "7.fmr": record(2)})
    lay_beside(folder / "fingers")
    result = check_batch(open_batch(tmp_path))
    assert result.well
    found = {problem.field: problem.facts["what"] for problem in result.problems if problem.reason == "unknown_file"}
    assert len(found) == 10
    assert found["fingers/8"] == "a folder"
    assert found["fingers/index.png"] == "an image, PNG"
    assert "fingers/scan\\xff.tif" in found


def test_images_of_a_position_are_fingers_where_they_are_wanted(tmp_path: Path) -> None:
    wsq = b"\xff\xa0\xff" + bytes(80_000)
    for name, data in {"2.fmr": record(1), "2.png": PNG, "7.wsq": wsq, "8.png": PNG, "8.jp2": wsq, "thumb.png": PNG,
                       "1.fmr": record(2), "1.png": PNG, "1.bmp": wsq, "9.png": b""}.items():  # fmt: skip
        (tmp_path / name).write_bytes(data)
    folder = os.open(tmp_path, os.O_RDONLY)
    try:
        plain = read_finger_folder(folder, most_files=64, most_bytes=65536, unplaced=True)
        found = read_finger_folder(folder, most_files=64, most_bytes=65536, unplaced=False, most_image_bytes=len(PNG))
        less = read_finger_folder(folder, most_files=64, most_bytes=65536, unplaced=False, most_image_bytes=85_000)
    finally:
        os.close(folder)
    assert [each.name for each in plain.fingers] == ["1.fmr", "2.fmr"]
    assert (plain.images, plain.wrong, len(plain.passed_over)) == ([], [], 8)
    assert [each.name for each in found.fingers] == ["1.fmr", "2.fmr"]
    # of finger 1 there are two, and a template: neither is taken; of finger 8 two and no template
    assert [(each.name, each.position) for each in found.images] == [("2.png", 2), ("7.wsq", 7), ("8.jp2", 8)]
    assert found.images[0].data == PNG
    assert [(each.name, each.what) for each in found.wrong] == [("8.png", Wrong.REPEATED)]
    assert [name for name, _ in found.passed_over] == ["thumb.png", "9.png", "1.bmp", "1.png"]
    assert [(each.name, each.what) for each in less.wrong] == [("8.png", Wrong.NOT_READ)]
    assert ("2.png", "an image, too large or not to be read") in less.passed_over


def test_what_lies_beside_fingers_is_counted_of_a_person(tmp_path: Path) -> None:
    for name, data in {"2.fmr": record(1), "7.txt": base64.b64encode(record(2))}.items():
        (tmp_path / "P1").mkdir(exist_ok=True)
        (tmp_path / "P1" / name).write_bytes(data)
    lay_beside(tmp_path / "P1")
    counts: Counter[str] = Counter()
    assert list(read_person(tmp_path / "P1", passed_over=counts).tenprint) == [2, 7]
    assert said(counts) == "4 images, 1 folder, 5 other files"
    people = People(tmp_path)
    assert [not isinstance(one, Unread) for one in people] == [True]
    assert people.passed_over == counts


def test_a_folder_of_which_nothing_can_be_read(tmp_path: Path) -> None:
    folder = dossiers.put(tmp_path, "D1", {**dossiers.document(1), "birth_date": "2024-05-17"}, fingers={})
    lay_beside(folder / "fingers")
    reasons = {problem.field: problem.reason for problem in check_batch(open_batch(tmp_path)).errors}
    assert reasons["fingers"] == "unreadable_finger"
    with pytest.raises(FormatError, match="no file of the folder is a template"):
        read_person(folder / "fingers", fingerless=True)


def test_what_a_file_manager_leaves_is_nothing(tmp_path: Path) -> None:
    (tmp_path / "P1").mkdir()
    (tmp_path / "P1" / ".DS_Store").write_bytes(b"x")
    (tmp_path / "P1" / "Thumbs.db").write_bytes(b"x")
    assert read_person(tmp_path / "P1", fingerless=True).count == 0


def test_ansi_nist_itl_files_of_prints_are_images(tmp_path: Path) -> None:
    pixels = np.zeros((300, 300), np.uint8)
    prints = itl_prints.itl((14, itl_prints.fourteen(pixels, "2", compression="NONE")))
    minutiae = write(dossiers.finger(1), "nist-itl-378")
    both = itl_prints.itl((14, itl_prints.fourteen(pixels, "2", compression="NONE")), (9, b"9.001:9\x1d9.002:1\x1c"))
    xml = itl_prints.itl_xml(itl_prints.fourteen_xml(pixels, "7"))
    for name, data in {"1.an2": prints, "2.an2": prints, "2.fmr": record(1), "3.an2": minutiae, "4.an2": both,
                       "7.xml": xml, "card.an2": prints}.items():  # fmt: skip
        (tmp_path / name).write_bytes(data)
    assert len(prints) > 65536
    folder = os.open(tmp_path, os.O_RDONLY)
    try:
        found = read_finger_folder(folder, most_files=64, most_bytes=65536, unplaced=False, most_image_bytes=1 << 20)
    finally:
        os.close(folder)
    assert [each.name for each in found.images] == ["1.an2", "2.an2", "7.xml"]
    assert [each.name for each in found.fingers] == ["2.fmr", "3.an2", "4.an2"]
    assert [(each.name, each.what) for each in found.wrong] == [("card.an2", Wrong.NO_POSITION)]


def with_image(finger: int, position: int) -> bytes:
    """A file of minutiae and of the image that they are of, larger than a template may be."""
    minutiae = write(replace(dossiers.finger(finger), position=position), "nist-itl-378")
    pixels = np.random.default_rng(finger).integers(0, 256, (300, 300)).astype(np.uint8)
    return minutiae + itl_prints.fourteen(pixels, str(position), compression="NONE")


def test_minutiae_with_their_image_and_in_gzip_are_read(tmp_path: Path) -> None:
    two, seven = with_image(1, 2), with_image(2, 7)
    assert len(two) > 65536
    fingers = {"2.an2": two, "7.an2.gz": gzip.compress(seven)}
    folder = dossiers.put(tmp_path / "batch", "D1", fingers=fingers)
    result = check_batch(open_batch(tmp_path / "batch"))
    assert result.well, [problem.as_dict() for problem in result.problems]
    person = read_person(folder / "fingers")
    assert {position: finger.count for position, finger in person.tenprint.items()} == {
        2: dossiers.finger(1).count, 7: dossiers.finger(2).count
    }  # fmt: skip
    row = {**dossiers.document(1), "dossier_id": "D1", "portrait": dossiers.portrait()}
    row |= {"finger_2": two, "finger_7": gzip.compress(seven)}
    pq.write_table(pa.Table.from_pylist([row]), tmp_path / "batch.parquet")
    assert check_batch(open_batch(tmp_path / "batch.parquet")).well


def test_prints_in_gzip_are_prints(tmp_path: Path) -> None:
    pixels = np.random.default_rng(1).integers(0, 256, (300, 300)).astype(np.uint8)
    file = itl_prints.itl((14, itl_prints.fourteen(pixels, "2", compression="NONE")))
    packed = gzip.compress(file)
    assert nist_file.begins(packed[:1024])
    assert len(nist_file.prints_alone(packed)) == 1
    assert prints_instead(packed)
    for broken in (packed[:200], packed[:-9], gzip.compress(b"no such file"), gzip.compress(file)[:20] + bytes(500)):
        assert nist_file.opened(broken) == broken
        assert nist_file.prints_alone(broken) == ()
    bomb = gzip.compress(file[:200] + bytes(nist_file.MAX_OPENED_BYTES))
    assert nist_file.opened(bomb) == bomb
