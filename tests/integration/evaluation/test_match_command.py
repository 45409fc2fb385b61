"""`cccd match` as it is called."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from cccd_core import templates
from cccd_core.cli.common import EXIT_FAULTS, EXIT_NOT_RUN, EXIT_USAGE, run
from cccd_core.cli.main import build
from support.toy_matcher import fingers, write_folder


def cccd(*arguments: str | Path) -> int:
    return run(build(), [str(argument) for argument in arguments])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_folder(tmp_path / "set", fingers(7, 2, 2))


@pytest.mark.jit
def test_scores_come_in_the_order_given(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    names = ["101_1.fmr", "102_1.fmr", "101_2.fmr"]
    assert cccd("match", folder / "101_1.fmr", *(folder / name for name in names), "--json") == 0
    record = json.loads(capsys.readouterr().out)
    assert [Path(row["candidate"]).name for row in record["candidates"]] == names
    same, other, _ = (row["score"] for row in record["candidates"])
    assert same > other >= 0.0
    assert record["manifest"]["parameters"].startswith("sha256:")


@pytest.mark.jit
def test_what_cannot_be_read_is_said_and_the_rest_compared(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "broken.fmr").write_bytes(b"FMR\0 20\0")
    assert cccd("match", folder / "101_1.fmr", folder / "broken.fmr", folder / "101_2.fmr", "--json") == EXIT_FAULTS
    first, second = json.loads(capsys.readouterr().out)["candidates"]
    assert first["error"]["kind"] == "format"
    assert second["score"] >= 0.0
    assert cccd("match", folder / "none.fmr", folder / "101_2.fmr") == EXIT_NOT_RUN
    assert "none.fmr" in capsys.readouterr().err
    assert cccd("match", folder / "101_2.fmr", folder / "broken.fmr") == EXIT_NOT_RUN
    assert "broken.fmr" in capsys.readouterr().out


@pytest.mark.jit
@pytest.mark.parametrize("others", [["broken.fmr"], ["broken.fmr", "none.fmr"]])
def test_that_nothing_is_drawn_is_said(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], others: list[str]
) -> None:
    (folder / "broken.fmr").write_bytes(b"FMR\0 20\0")
    picture = tmp_path / "why.png"
    code = cccd("match", folder / "101_1.fmr", *(folder / name for name in others), "--explain", picture)
    assert code == (EXIT_NOT_RUN if len(others) == 1 else EXIT_FAULTS)
    assert "no picture is written" in capsys.readouterr().err
    assert not picture.exists()


@pytest.mark.data
@pytest.mark.jit
def test_a_pair_is_drawn(fingerprints: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    real = fingerprints / "fvc2002_DB1_B" / "fjfx"
    picture = tmp_path / "why.png"
    assert cccd("match", real / "101_1.fmr", real / "101_2.fmr", "--explain", picture, "--json") == 0
    (row,) = json.loads(capsys.readouterr().out)["candidates"]
    why = row["explanation"]
    assert why["score"] == pytest.approx(row["score"], abs=1e-3)
    assert why["paired"] == why["evidence"]["paired"] >= 5
    assert sum(why["parts"].values()) == pytest.approx(why["raw_score"], abs=1e-3)
    assert why["evidence"]["weight"] == "one_finger"
    assert why["evidence"]["apart_mm"] < 0.5
    assert picture.stat().st_size > 20_000


@pytest.mark.data
@pytest.mark.jit
def test_several_candidates_are_drawn_and_at_most_eight(
    fingerprints: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    real = fingerprints / "fvc2002_DB1_B" / "fjfx"
    others = [real / f"{finger}_{impression}.fmr" for finger in (102, 103, 101) for impression in (2, 3, 4)]
    picture = tmp_path / "why.png"
    assert (
        cccd("match", real / "101_1.fmr", *others, tmp_path / "none.fmr", "--explain", picture, "--json") == EXIT_FAULTS
    )
    captured = capsys.readouterr()
    rows = json.loads(captured.out)["candidates"]
    explained = [row for row in rows if "explanation" in row]
    assert len(explained) == 8
    assert "the best 8 of 9 candidates are drawn" in captured.err
    left = [row["score"] for row in rows if "score" in row and "explanation" not in row]
    assert left == [min(row["score"] for row in rows if "score" in row)]
    for row in explained:
        same = Path(row["candidate"]).name.startswith("101")
        assert row["explanation"]["evidence"]["weight"] == ("one_finger" if same else "none")
    with Image.open(picture) as image:
        assert image.size[1] > 8 * 500


def two_views(folder: Path, name: str, positions: tuple[int, int]) -> Path:
    """A record of the first impressions of fingers 101 and 102, in two views."""
    views = [
        replace(templates.load(folder / f"{finger}_1.fmr").view, position=position)
        for finger, position in zip((101, 102), positions, strict=True)
    ]
    (folder / name).write_bytes(templates.write(views, "iso-2005"))
    return folder / name


@pytest.mark.jit
def test_the_view_that_is_meant(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    both = two_views(folder, "both.fmr", (7, 2))
    scores = {}
    for option in ([], ["--view", "1"], ["--view", "2"], ["--position", "2"], ["--position", "7"]):
        assert cccd("match", folder / "102_1.fmr", both, *option, "--json") == 0
        (row,) = json.loads(capsys.readouterr().out)["candidates"]
        scores[" ".join(option)] = row["score"]
        assert row["views"] == 2
        assert row["view"] == (2 if option in (["--view", "2"], ["--position", "2"]) else 1)
    assert scores[""] == scores["--view 1"] == scores["--position 7"]
    assert scores["--view 2"] == scores["--position 2"] > scores["--view 1"]
    assert cccd("match", both, folder / "102_1.fmr", "--view", "2") == 0
    assert "of 2 finger views the one numbered 2 is used (finger 2, right index)" in capsys.readouterr().out
    assert cccd("match", folder / "102_1.fmr", both) == 0
    assert "the one numbered 1 is used (finger 7, left index)" in capsys.readouterr().out


@pytest.mark.jit
def test_a_view_that_is_not_there(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    both = two_views(folder, "both.fmr", (7, 2))
    assert cccd("match", folder / "102_1.fmr", both, folder / "101_1.fmr", "--view", "3", "--json") == EXIT_FAULTS
    first, second = json.loads(capsys.readouterr().out)["candidates"]
    assert first["error"]["facts"]["views"] == 2
    assert second["score"] >= 0.0
    assert cccd("match", both, folder / "102_1.fmr", "--position", "5") == EXIT_USAGE
    assert "--position" in capsys.readouterr().err
    for wrong in (["--view", "0"], ["--position", "11"], ["--view", "1", "--position", "2"]):
        assert cccd("match", both, folder / "102_1.fmr", *wrong) == EXIT_USAGE
