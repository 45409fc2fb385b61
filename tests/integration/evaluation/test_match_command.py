"""`cccd match` as it is called."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

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


@pytest.mark.data
@pytest.mark.jit
def test_a_pair_is_drawn(fingerprints: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    real = fingerprints / "fvc2002_DB1_B" / "fjfx"
    picture = tmp_path / "why.png"
    assert cccd("match", real / "101_1.fmr", real / "101_2.fmr", "--explain", picture, "--json") == 0
    record = json.loads(capsys.readouterr().out)
    why = record["explanation"]
    assert why["score"] == pytest.approx(record["candidates"][0]["score"], abs=1e-3)
    assert why["paired"] >= 5
    assert sum(why["parts"].values()) == pytest.approx(why["raw_score"], abs=1e-3)
    assert picture.stat().st_size > 20_000
    assert cccd("match", real / "101_1.fmr", real / "101_2.fmr", real / "102_1.fmr", "--explain", picture) == EXIT_USAGE
