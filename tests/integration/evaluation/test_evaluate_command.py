"""`cccd evaluate` as it is called, on small made sets and on real fingerprints."""

from __future__ import annotations

import csv
import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from cccd_core import templates
from cccd_core.cli.common import EXIT_FAULTS, EXIT_NOT_RUN, EXIT_USAGE, run
from cccd_core.cli.main import build
from reference import evaluation_naive as naive
from support.toy_matcher import fingers, write_folder


def cccd(*arguments: str | Path) -> int:
    return run(build(), [str(argument) for argument in arguments])


@pytest.mark.jit
def test_everything_asked_for_is_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_folder(tmp_path / "x" / "a", fingers(7, 4, 3))
    write_folder(tmp_path / "x" / "b", fingers(7, 4, 3))
    out, pictures, scores = tmp_path / "r.json", tmp_path / "pictures", tmp_path / "s.csv"
    arguments = [tmp_path / "x" / "a", tmp_path / "x" / "b", "--expect", "101-105:1-3", "--threads", "2", "--cross"]
    arguments += ["--bootstrap", "20", "--out", out, "--plots", pictures, "--scores", scores]
    assert cccd("evaluate", *arguments) == 0
    printed = capsys.readouterr().out
    assert "x/a" in printed
    assert "EER" in printed
    record = json.loads(out.read_text("utf-8"))
    assert record["manifest"]["threads"] == 2
    assert [(entry["templates"], entry["failed"], entry["impostor_pairs"]) for entry in record["sets"]] == [
        (12, 3, 90)
    ] * 2
    assert len(record["cross"]) == 2
    assert len(scores.read_text("utf-8").splitlines()) == 1 + 2 * 105
    assert (pictures / "all_det.png").exists()
    assert cccd("evaluate", tmp_path / "x" / "a", "--plots", pictures, "--compare", out, "--json") == 0
    assert json.loads(capsys.readouterr().out)["sets"][0]["fingers"] == 4
    assert (pictures / "compare.png").exists()


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["nowhere"], EXIT_NOT_RUN),
        (["DIR", "--expect", "rubbish"], EXIT_USAGE),
        (["DIR", "DIR"], EXIT_USAGE),
        (["DIR", "--cross"], EXIT_USAGE),
        (["DIR", "--compare", "x.json"], EXIT_USAGE),
        (["DIR", "--threads", "0"], EXIT_USAGE),
        ([], EXIT_USAGE),
    ],
)
def test_what_cannot_be_done_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], code: int
) -> None:
    write_folder(tmp_path / "set", fingers(7, 1, 1))
    given = [str(tmp_path / "set") if word == "DIR" else word for word in arguments]
    assert cccd("evaluate", *given) == code
    captured = capsys.readouterr()
    assert captured.err.strip()
    assert not captured.out.strip()


def test_two_files_of_one_sample_are_both_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for ending in ("fmr", "iso"):
        write_folder(tmp_path, fingers(7, 1, 2), ending=ending)
    assert cccd("evaluate", tmp_path, "--json") == EXIT_NOT_RUN
    error = json.loads(capsys.readouterr().out)["error"]
    assert error["kind"] == "file"
    assert {Path(error["facts"][key]).name for key in ("path", "other")} == {"101_1.fmr", "101_1.iso"}


@pytest.mark.jit
@pytest.mark.parametrize(
    ("names", "said"),
    [
        ([f"scan{k}.tif" for k in range(6)], "in this folder: 6 images"),
        (["a.png", "notes.txt"], "in this folder: 1 image, 1 other file"),
        ([], "in this folder: nothing else"),
    ],
)
def test_a_folder_without_templates_is_told_and_the_others_are_evaluated(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], names: list[str], said: str
) -> None:
    (tmp_path / "none").mkdir()
    for name in names:
        (tmp_path / "none" / name).write_bytes(b"x")
    assert cccd("evaluate", tmp_path / "none") == EXIT_FAULTS
    assert said in capsys.readouterr().err
    good = write_folder(tmp_path / "good", fingers(7, 3, 2))
    more = ["--cross", "--plots", tmp_path / "p", "--scores", tmp_path / "s.csv", "--bootstrap", "20"]
    assert cccd("evaluate", tmp_path / "none", good, *more) == EXIT_FAULTS
    assert said in capsys.readouterr().err
    assert len((tmp_path / "s.csv").read_text("utf-8").splitlines()) == 1 + 15
    assert cccd("evaluate", tmp_path / "none", good, "--json") == EXIT_FAULTS
    entries = json.loads(capsys.readouterr().out)["sets"]
    assert [(entry["templates"], entry["passed_over"]) for entry in entries] == [(0, len(names)), (6, 0)]
    assert entries[0]["beside"] == said.partition(": ")[2]


@pytest.mark.data
@pytest.mark.jit
def test_real_prints_with_failed_extractions(fingerprints: Path, tmp_path: Path) -> None:
    folder, scores, out = fingerprints / "fvc2000_DB1_B" / "fjfx", tmp_path / "s.csv", tmp_path / "r.json"
    assert (
        cccd("evaluate", folder, "--expect", "101-110:1-8", "--out", out, "--scores", scores, "--bootstrap", "0") == 0
    )
    (entry,) = json.loads(out.read_text("utf-8"))["sets"]
    counts = {key: entry[key] for key in ("fingers", "templates", "failed", "genuine_pairs", "impostor_pairs")}
    assert counts == {"fingers": 10, "templates": 72, "failed": 8, "genuine_pairs": 280, "impostor_pairs": 2880}
    with scores.open(newline="") as file:
        rows = list(csv.DictReader(file))
    genuine = [float(row["score"]) for row in rows if row["genuine"] == "1"]
    impostor = [float(row["score"]) for row in rows if row["genuine"] == "0"]
    assert (len(genuine), len(impostor)) == (280, 2880)
    for fmr, fnmr in entry["fnmr_at_fmr"].items():
        assert fnmr == naive.fnmr_at_fmr(genuine, impostor, float(fmr))
    assert entry["zero_fmr"] == naive.zero_fmr(genuine, impostor)
    # The floor of a matcher of fjfx templates here is about 10 %: one finger failed to extract.
    assert 0.05 < entry["eer"] < 0.20


@pytest.mark.jit
def test_files_with_several_views_are_counted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made = fingers(7, 3, 2)
    folder = write_folder(tmp_path / "set", made)
    views = [replace(made[0][2], position=7), replace(made[1][2], position=2)]
    (folder / "101_1.fmr").write_bytes(templates.write(views, "iso-2005"))
    entries = {}
    for option in ([], ["--view", "2"], ["--position", "2"], ["--position", "7"], ["--position", "9"]):
        assert cccd("evaluate", folder, "--bootstrap", "0", "--json", *option) == 0
        (entries[" ".join(option)],) = json.loads(capsys.readouterr().out)["sets"]
    assert {entry["several_views"] for entry in entries.values()} == {1}
    assert [entry["failed"] for entry in entries.values()] == [0, 0, 0, 0, 1]
    assert "none of this finger" in entries["--position 9"]["failures"][0]["why"]
    assert cccd("evaluate", folder, "--bootstrap", "0") == 0
    assert "1 file with several finger views, of which the first was taken" in capsys.readouterr().err
    assert cccd("evaluate", folder, "--bootstrap", "0", "--view", "2") == 0
    assert "was taken" not in capsys.readouterr().err
    assert cccd("evaluate", folder, "--view", "2", "--position", "2") == EXIT_USAGE


@pytest.mark.data
@pytest.mark.jit
def test_labels_that_cannot_be_right_are_asked_about(
    fingerprints: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "set"
    folder.mkdir()
    for file in (fingerprints / "crossmatch" / "fjfx").glob("01[23]-*.fmr"):
        shutil.copy(file, folder / file.name)
        if file.name.startswith("012-") and int(file.stem[-1]) > 4:
            (folder / file.name).rename(folder / file.name.replace("012", "999"))
    assert cccd("evaluate", folder, "--bootstrap", "0") == 0
    assert "all of 012 with 999: one person under two names?" in capsys.readouterr().out
    assert cccd("evaluate", folder, "--bootstrap", "0", "--json") == 0
    (label,) = json.loads(capsys.readouterr().out)["sets"][0]["labels"]
    assert (label["word"], label["names"]) == ("two_persons", ["012", "999"])


@pytest.mark.data
@pytest.mark.jit
def test_copies_doubtful_templates_and_exchanged_fingers_are_said(
    fingerprints: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "set"
    folder.mkdir()
    for file in (fingerprints / "crossmatch" / "fjfx").glob("012-[38]_[1-5].fmr"):
        shutil.copy(file, folder / file.name)
    assert cccd("evaluate", folder, "--bootstrap", "0") == 0
    out = capsys.readouterr().out
    assert not any(word in out for word in ("twice", "in doubt", "exchanged"))
    shutil.copy(folder / "012-3_1.fmr", folder / "012-3_9.fmr")
    shutil.move(folder / "012-3_2.fmr", tmp_path / "kept")
    shutil.move(folder / "012-8_2.fmr", folder / "012-3_2.fmr")
    shutil.move(tmp_path / "kept", folder / "012-8_2.fmr")
    view = templates.load(folder / "012-3_3.fmr").view
    templates.save(templates.write(replace(view, angle=view.angle * 0), "iso-2005"), folder / "012-3_8.fmr")
    assert cccd("evaluate", folder, "--bootstrap", "0") == 0
    out = " ".join(capsys.readouterr().out.split())
    assert "1 impression is a copy of another's template: in 1 genuine pair" in out
    assert "012-3_1, 012-3_9" in out
    assert "most minutiae point one way, or the opposite one (012-3_8)" in out
    assert "since 012-3_2 with 012-8_2 changed places: fingers exchanged?" in out
    assert cccd("evaluate", folder, "--bootstrap", "0", "--json") == 0
    (entry,) = json.loads(capsys.readouterr().out)["sets"]
    assert entry["repeats"] == [{"samples": ["012-3_1", "012-3_9"], "genuine_pairs": 1, "impostor_pairs": 0}]
    assert entry["doubts"]["one_direction"] == ["012-3_8"]
    assert [label["word"] for label in entry["labels"]] == ["exchanged"]
