"""Dossiers with images of fingers, from the scanner's file to the chip: real prints, the real matcher."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from cccd_core.cli.common import run
from cccd_core.cli.main import build
from cccd_core.emrtd import ElementaryFile, dg3
from cccd_core.errors import UnavailableError
from cccd_core.extraction import ImageReader, weights
from cccd_core.extraction.quality import Shortfall
from cccd_core.intake import Doubt
from cccd_core.issuance.audit.trail import read
from cccd_core.issuance.dossiers.batch import open_batch
from cccd_core.issuance.dossiers.check import BatchCheck, check_batch
from cccd_core.issuance.dossiers.policy import CheckPolicy
from cccd_core.issuance.holder import compare_holder
from cccd_core.templates import load
from support import dossiers, itl_prints
from support.issuing import Office, outcomes

pytestmark = [
    pytest.mark.data,
    pytest.mark.jit,
    pytest.mark.skipif(not weights.found(), reason="the extra cccd_core[extract] is not installed"),
]
DAY = date(2026, 11, 2)
POSITIONS = {2: "101", 7: "102", 1: "103", 6: "104"}  # a person made of four fingers of a set


def picture(images: Path, position: int, impression: int = 1, form: str = "PNG", rate: int = 12) -> bytes:
    """A print as a file that states 500 dpi."""
    out = io.BytesIO()
    with Image.open(images / "fvc2002_DB1_B" / f"{POSITIONS[position]}_{impression}.png") as image:
        if form == "JPEG2000":
            image.convert("L").save(out, form, irreversible=True, quality_mode="rates", quality_layers=[rate])
        else:
            image.convert("L").save(out, form, dpi=(500, 500))
    return out.getvalue()


def template(images: Path, position: int, impression: int = 1) -> bytes:
    """The same print as another extractor has it."""
    folder = images.parent / "fingerprints" / "fvc2002_DB1_B" / "fjfx"
    return (folder / f"{POSITIONS[position]}_{impression}.fmr").read_bytes()


def checked(batch: Path, policy: CheckPolicy | None = None) -> tuple[BatchCheck, dict[str, list[tuple[str, str]]]]:
    """The check, and (field, reason) of every problem by severity."""
    result = check_batch(open_batch(batch), day=DAY, policy=policy)
    found: dict[str, list[tuple[str, str]]] = {}
    for problem in result.problems:
        found.setdefault(problem.severity, []).append((problem.field, problem.reason))
    return result, found


@pytest.fixture
def office(tmp_path: Path, test_pki: Path) -> Office:
    return Office(tmp_path, test_pki, toy=False)


def test_from_the_scanner_to_the_chip(office: Office, images: Path) -> None:
    batch = office.batch()
    first = {f"{position}.png": picture(images, position) for position in POSITIONS}
    jp2 = picture(images, 2, 1, "JPEG2000")
    dossiers.put(batch, "D1", {**dossiers.document(1), "templates": {"dpi": 500}}, fingers={**first, "2.png": jp2})
    # the same person under another number, by templates of another extractor from other impressions
    again = {f"{position}.fmr": template(images, position, 3) for position in POSITIONS}
    dossiers.put(batch, "D2", dossiers.document(2), fingers=again)
    report = office.issue()
    assert outcomes(report)["D1"][0] == "verified"
    assert outcomes(report)["D2"] == ("duplicate", "duplicate")
    (entry,) = (entry for entry in report.entries if entry.dossier_id == "D1")
    data = dg3_of(office, entry, "000001")
    found = dg3.parse(data)
    assert found.odd == ()
    assert [(each.position, each.kind, each.standard, each.dpi) for each in found] == [
        (2, "jpeg2000", "ISO/IEC 19794-4:2005", 500), (7, "jpeg2000", "ISO/IEC 19794-4:2005", 500)
    ]  # fmt: skip
    assert found[0].data == jp2  # as it came
    assert all(len(each.data) <= CheckPolicy().chip_finger_bytes for each in found)
    probe = ImageReader.shared().read(picture(images, 7, 2), position=7).template
    assert compare_holder(data, [probe]).matched
    stranger = ImageReader.shared().read(picture(images, 1, 2)).template
    assert not compare_holder(data, [replace(stranger, position=7)]).matched
    kept = b"".join(path.read_bytes() for path in office.out().glob("checked.sqlite*"))
    assert jp2[100:200] not in kept


def dg3_of(office: Office, entry: object, digits: str) -> bytes:
    inspection = office.read_card(entry.card_serial, f"001088{digits}")  # type: ignore[attr-defined]
    return inspection.files[ElementaryFile.DG3]


def test_images_beside_templates(tmp_path: Path, images: Path) -> None:
    fingers = {f"{position}.fmr": template(images, position) for position in POSITIONS}
    dossiers.put(tmp_path, "D1", fingers={**fingers, "2.png": picture(images, 2, 2)})
    # a stranger's image, one that is broken, and one that says no resolution: the template goes on
    spoilt = {
        "2.png": picture(images, 7),
        "7.jp2": b"\x00\x00\x00\x0cjP  \r\n\x87\n",
        "1.jp2": picture(images, 1, 1, "JPEG2000"),
    }
    dossiers.put(tmp_path, "D2", dossiers.document(2), fingers={**fingers, **spoilt})
    result, found = checked(tmp_path)
    assert (result.sound, result.review, result.errors) == (2, 1, [])
    assert found["review"] == [("fingers/2.fmr", "finger_in_doubt")]
    assert found["warning"] == [("fingers/1.jp2", "image_unused"), ("fingers/7.jp2", "image_unused")]
    (doubt,) = (problem.facts for problem in result.problems if problem.severity == "review")
    assert doubt["doubt"] == "image_differs"


def test_poor_and_impossible_images(tmp_path: Path, images: Path) -> None:
    good = {f"{position}.png": picture(images, position) for position in POSITIONS}
    with Image.open(images / "fcj2020" / "142-5_4.png") as image:
        out = io.BytesIO()
        image.convert("L").save(out, "PNG", dpi=(500, 500))
    empty = io.BytesIO()
    Image.new("L", (300, 300), 250).save(empty, "PNG", dpi=(500, 500))
    unstated = io.BytesIO()
    Image.open(io.BytesIO(good["2.png"])).save(unstated, "PNG")
    dossiers.put(tmp_path, "poor", fingers={**good, "9.png": out.getvalue()})
    dossiers.put(tmp_path, "void", dossiers.document(2), fingers={**good, "9.png": empty.getvalue()})
    dossiers.put(tmp_path, "unit", dossiers.document(3), fingers={**good, "2.png": unstated.getvalue()})
    dossiers.put(tmp_path, "same", dossiers.document(4), fingers={**good, "9.png": good["2.png"]})
    result, found = checked(tmp_path)
    assert [(problem.dossier_id, problem.field, problem.reason) for problem in result.errors] == [
        ("same", "fingers/9.png", "finger_repeated"),
        ("unit", "fingers/2.png", "finger_undescribed"),
        ("void", "fingers/9.png", "unreadable_finger"),
    ]
    (again,) = (problem.facts for problem in result.problems if problem.reason == "capture_again")
    assert again["position"] == 9
    assert 1 <= again["quality"] < 43
    assert str(again["why"])
    assert found["warning"] == [("fingers/9.png", "capture_again")]
    told = result.as_dict()["quality"]
    assert told["poor"]["9"] == again["quality"]
    assert set(told["poor"]) == {*map(str, POSITIONS), "9"}
    assert all(43 <= figure <= 100 for position, figure in told["poor"].items() if position != "9")
    assert "9" not in told["void"]


def test_a_resolution_that_the_ridges_deny_is_for_review(tmp_path: Path, images: Path) -> None:
    good = {f"{position}.png": picture(images, position) for position in (2, 7)}

    def says(data: bytes, dpi: int) -> bytes:
        out = io.BytesIO()
        with Image.open(io.BytesIO(data)) as image:
            image.save(out, "PNG", dpi=(dpi, dpi))
        return out.getvalue()

    dossiers.put(tmp_path, "half", fingers={**good, "2.png": says(good["2.png"], 250)})
    dossiers.put(tmp_path, "twice", dossiers.document(2), fingers={**good, "7.png": says(good["7.png"], 1000)})
    dossiers.put(tmp_path, "right", dossiers.document(3), fingers=good)
    result, _ = checked(tmp_path)
    doubts = {
        (problem.dossier_id, problem.facts["doubt"], problem.facts.get("at_dpi"), problem.severity)
        for problem in result.problems
        if problem.reason == "finger_in_doubt"
    }
    assert {("half", "ridge_distance", 500, "review"), ("twice", "ridge_distance", 500, "review")} <= doubts
    assert "right" not in {name for name, *_ in doubts}
    ignoring = {**CheckPolicy().severities, Doubt.RIDGE_DISTANCE: None}
    result, _ = checked(tmp_path, CheckPolicy(severities=ignoring))
    assert "ridge_distance" not in {problem.facts.get("doubt") for problem in result.problems}


def test_the_quality_stands_in_the_report(office: Office, images: Path, capsys: pytest.CaptureFixture[str]) -> None:
    good = {f"{position}.png": picture(images, position) for position in (2, 7)}
    with Image.open(images / "fcj2020" / "142-5_4.png") as image:
        out = io.BytesIO()
        image.convert("L").save(out, "PNG", dpi=(500, 500))
    dossiers.put(office.batch(), "D1", fingers={**good, "9.png": out.getvalue()})
    dossiers.put(office.batch(), "D2", dossiers.document(2), seed=2)  # templates alone
    batch, out_dir = office.batch(), office.out()
    words = [batch, "--gallery", office.gallery, "--pki", office.pki, "--out", out_dir]
    for _ in range(2):  # kept with the run's state
        assert call("issue", *words) == 0
        assert "3 images of fingers, quality " in capsys.readouterr().out
    lines = [json.loads(line) for line in (out_dir / "dossiers.jsonl").read_text().splitlines()]
    of = {line["id"]: line["evidence"].get("quality") for line in lines}
    assert of["D2"] is None
    assert [each["position"] for each in of["D1"]] == [2, 7, 9]
    assert [bool(each["capture_again"]) for each in of["D1"]] == [False, False, True]
    figures = [each["figure"] for each in of["D1"]]
    told = json.loads((out_dir / "report.json").read_text())["quality"]
    assert (told["images"], told["least"], told["most"]) == (3, min(figures), max(figures))
    (poor,) = told["capture_again"]
    assert (poor["dossier"], poor["position"], poor["quality"]) == ("D1", 9, figures[2])
    assert poor["why"] == of["D1"][2]["capture_again"]
    page = (out_dir / "report.html").read_text()
    assert "Images of fingers" in page
    assert Shortfall(poor["why"][0]).advice in page


def test_the_quality_of_a_batch_is_said(tmp_path: Path, images: Path, capsys: pytest.CaptureFixture[str]) -> None:
    dossiers.put(tmp_path, "D1", fingers={f"{position}.png": picture(images, position) for position in POSITIONS})
    assert run(build("batch"), ["batch", "check", str(tmp_path)]) == 0
    assert f"{len(POSITIONS)} images of fingers, quality " in capsys.readouterr().out


def test_prints_in_files_of_ansi_nist_itl(office: Office, images: Path) -> None:
    def pixels(position: int) -> np.ndarray:
        with Image.open(io.BytesIO(picture(images, position))) as image:
            return np.asarray(image.convert("L"))

    two, seven = pixels(2), pixels(7)
    rolled = itl_prints.itl((14, itl_prints.fourteen(two, "3", compression="NONE", impression="1")))
    plain = itl_prints.itl_xml(itl_prints.fourteen_xml(seven, "7", compression="NONE"))
    assert min(len(rolled), len(plain)) > 1 << 16  # larger than a template may be
    dossiers.put(office.batch(), "D1", fingers={"2.an2": rolled, "7.xml": plain})
    _, found = checked(office.batch())
    assert found == {"warning": [("fingers/2.an2", "position_differs")]}
    report = office.issue()
    assert outcomes(report)["D1"][0] == "verified"
    (entry,) = report.entries
    data = dg3_of(office, entry, "000001")
    assert [(each.position, each.kind) for each in dg3.parse(data)] == [(2, "jpeg2000"), (7, "jpeg2000")]
    records = data.split(b"FIR\x00010\x00")[1:]
    assert [record[6 + 18 + 8] for record in records] == [1, 0]  # ISO/IEC 19794-4:2005, 7.2.6: rolled, plain


def test_an_image_too_large_for_the_chip_leaves_its_minutiae_there(office: Office, images: Path) -> None:
    pictures = {f"{position}.png": picture(images, position) for position in (2, 7)}
    dossiers.put(office.batch(), "D1", fingers=pictures)
    report = office.issue(policy=CheckPolicy(chip_finger_bytes=4000))
    assert outcomes(report)["D1"][0] == "verified"
    (entry,) = report.entries
    found = dg3.parse(dg3_of(office, entry, "000001"))
    assert [(each.position, each.kind) for each in found] == [(2, "minutiae"), (7, "minutiae")]


def test_more_images_than_a_chip_s_file_holds(office: Office, images: Path) -> None:
    pictures = {f"{position}.jp2": picture(images, position, 1, "JPEG2000", rate=5) for position in POSITIONS}
    fields = {**dossiers.document(1), "templates": {"dpi": 500}}
    dossiers.put(office.batch(), "D1", fields, fingers=pictures)
    report = office.issue(policy=CheckPolicy(chip_fingers=4, chip_finger_bytes=31_000))
    (entry,) = report.entries
    found = dg3.parse(dg3_of(office, entry, "000001"))
    assert {each.position: each.kind for each in found} == {
        1: "minutiae", 2: "jpeg2000", 6: "minutiae", 7: "minutiae"
    }  # fmt: skip


def test_parquet_brings_images_too(tmp_path: Path, images: Path) -> None:
    row = {**dossiers.document(1), "dossier_id": "D1", "portrait": dossiers.portrait()}
    row |= {"finger_2": template(images, 2), "finger_image_7": picture(images, 7), "finger_image_1": picture(images, 1)}
    pq.write_table(pa.Table.from_pylist([row]), tmp_path / "batch.parquet")
    result, found = checked(tmp_path / "batch.parquet")
    assert (result.sound, found) == (1, {})


def test_without_the_extractor_an_image_alone_is_nobodys_fault(
    tmp_path: Path, images: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fingers = {f"{position}.fmr": template(images, position) for position in POSITIONS}
    dossiers.put(tmp_path, "D1", fingers={**fingers, "2.png": picture(images, 2)})
    monkeypatch.setattr(ImageReader, "shared", staticmethod(_missing))
    result, found = checked(tmp_path)
    assert (result.sound, found) == (1, {"warning": [("fingers/2.png", "image_unused")]})
    dossiers.put(tmp_path, "D2", dossiers.document(2), fingers={"2.png": picture(images, 2)})
    with pytest.raises(UnavailableError):
        checked(tmp_path)


def _missing() -> ImageReader:
    raise UnavailableError("the extractor is not installed", needs="cccd_core[extract]")


def test_images_are_kept_encrypted_where_that_is_asked_for(
    office: Office, images: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pictures = {2: picture(images, 2), 7: picture(images, 7, 1, "JPEG2000")}
    fields = {**dossiers.document(1), "templates": {"dpi": 500}}
    dossiers.put(office.batch(), "D1", fields, fingers={"2.png": pictures[2], "7.jp2": pictures[7]})
    dossiers.put(office.batch(), "D2", dossiers.document(2), seed=2)
    key, other = office.folder / "images.key", office.folder / "other.key"
    key.write_text("5a" * 32)
    other.write_text("a5" * 32)
    batch, out = office.batch(), office.out()
    words = [batch, "--gallery", office.gallery, "--pki", office.pki, "--out", out, "--keep-images", key, "--json"]
    trail = office.folder / "acts.jsonl"
    words += ["--trail", trail, "--show-people"]
    for _ in range(2):  # a second run changes nothing
        assert call("issue", *words) == 0
    kept = sorted((out / "images").rglob("*.sealed"))
    assert [path.relative_to(out / "images").as_posix() for path in kept] == ["D1/2.sealed", "D1/7.sealed"]
    assert all(path.stat().st_mode & 0o777 == 0o600 for path in kept)
    sealed = b"".join(path.read_bytes() for path in kept)
    assert not any(data[40:80] in sealed for data in pictures.values())
    opened = office.folder / "opened"
    capsys.readouterr()
    assert call("batch", "images", out, "--key", key, "--to", opened) == 0
    assert "2 images written" in capsys.readouterr().out
    assert {path.name: path.read_bytes() for path in opened.rglob("*.*")} == {
        "2.png": pictures[2], "7.jp2": pictures[7]
    }  # fmt: skip
    acts = [(one.entry.what, one.entry.count) for one in read(trail.read_bytes())]
    run_told = [("issue", None), ("people_reported", None), ("done", 2)]
    assert acts == [*run_told, *run_told, ("images_opened", None), ("done", 2)], "who opens them need name no trail"
    again = office.folder / "again"
    assert call("batch", "images", out, "--key", other, "--to", again) != 0
    assert call("batch", "images", out, "--key", key, "--to", again, "--dossier", "D2") != 0
    # one finger's file in another's place
    kept[0].write_bytes(kept[1].read_bytes())
    assert call("batch", "images", out, "--key", key, "--to", again) != 0
    assert "another finger's" in " ".join(capsys.readouterr().err.split())
    assert not list(again.rglob("*.*"))


def call(*words: str | Path) -> int:
    return run(build(str(words[0])), [*map(str, words)])


def test_an_itl_file_of_images_is_an_image(tmp_path: Path, images: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = picture(images, 2)
    fields = "14.002:0\x1d14.006:388\x1d14.007:374\x1d14.008:1\x1d14.009:500\x1d14.010:500\x1d14.011:PNG\x1d14.013:2"
    body = fields.encode() + b"\x1d14.999:" + data
    record = f"14.001:{len(body) + 16:08d}\x1d".encode() + body + b"\x1c"
    file = b"1.001:40\x1d1.002:0501\x1d1.003:1\x1f1\x1e14\x1f00\x1c" + record
    assert len(file) <= CheckPolicy().max_finger_bytes * 4
    policy = CheckPolicy(max_finger_bytes=1 << 20)
    pictures = {f"{position}.png": picture(images, position) for position in (7, 1, 6)}
    dossiers.put(tmp_path / "batch", "D1", fingers={**pictures, "2.an2": file})
    result, found = checked(tmp_path / "batch", policy)
    assert (result.sound, found) == (1, {})
    (tmp_path / "2.an2").write_bytes(file)
    (tmp_path / "2.png").write_bytes(data)
    assert call("match", tmp_path / "2.an2", tmp_path / "2.png", "--json") == 0
    (row,) = json.loads(capsys.readouterr().out)["candidates"]
    assert row["score"] > 150
    assert call("extract", tmp_path / "2.an2", "-o", tmp_path / "made") == 0
    assert load(tmp_path / "made" / "2.fmr").view.position == 2
