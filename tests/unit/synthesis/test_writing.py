"""A synthetic people on disk: both forms hold the same, and what was broken off goes on."""

from __future__ import annotations

import csv
import json
from io import BytesIO

import pyarrow.parquet as pq
import pytest

from cccd_core.errors import ConflictError, FileError
from cccd_core.synthesis import Enrolments, writing
from cccd_core.synthesis.writing import write_people
from cccd_core.templates import load, read

PLAN = Enrolments(6, duplicates=0.3, mistakes=0.5, positions=(1, 7))
COUNT = 30


def contents(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_folders_hold_the_records_and_the_truth(tmp_path):
    assert write_people(tmp_path, PLAN, COUNT, threads=1) == COUNT
    for record in PLAN.records(0, COUNT):
        files = sorted(path.name for path in (tmp_path / record.record_id).iterdir())
        placed = [f"{position}.fmr" for position in record.placed]
        assert files == sorted([*placed, *(f"0-{k}.fmr" for k in range(1, len(record.unplaced) + 1))])
        for position, finger in record.placed.items():
            view = load(tmp_path / record.record_id / f"{position}.fmr").view
            assert (view.position, view.x_px.tolist()) == (position, finger.x_px.tolist())
    with (tmp_path / "truth.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["record"] for row in rows] == [record.record_id for record in PLAN.records(0, COUNT)]
    assert [row["duplicate"] == "1" for row in rows] == [PLAN.truth(k).duplicate for k in range(COUNT)]
    assert [row["mistake"] or None for row in rows] == [PLAN.truth(k).mistake for k in range(COUNT)]
    assert json.loads((tmp_path / "synthesis.json").read_text())["digest"] == PLAN.digest


def test_parquet_holds_the_same_templates(tmp_path, monkeypatch):
    monkeypatch.setattr(writing, "PEOPLE_A_FILE", 12)
    write_people(tmp_path / "folders", PLAN, COUNT)
    assert write_people(tmp_path / "parquet", PLAN, COUNT, form="parquet") == COUNT
    files = sorted((tmp_path / "parquet").glob("*.parquet"))
    assert [pq.read_metadata(path).num_rows for path in files] == [12, 12, 6]
    for row in (row for path in files for row in pq.read_table(path).to_pylist()):
        folder = tmp_path / "folders" / row["person_id"]
        held = {f"{k}.fmr": row[f"finger_{k}"] for k in range(1, 11) if row[f"finger_{k}"] is not None}
        held |= {f"0-{k}.fmr": data for k, data in enumerate(row["unplaced"], start=1)}
        assert held == {path.name: path.read_bytes() for path in folder.iterdir()}
        assert all(read(BytesIO(data).getvalue()).views for data in held.values())


class BrokenOffError(Exception):
    pass


@pytest.mark.parametrize("form", ["folders", "parquet"])
def test_what_was_broken_off_goes_on_to_the_same_bytes(tmp_path, form, monkeypatch):
    monkeypatch.setattr(writing, "PEOPLE_A_FILE", 8)
    monkeypatch.setattr(writing, "_PORTION", 4)
    write_people(tmp_path / "whole", PLAN, COUNT, form=form)

    def stop(done, total, what):
        if what == "people" and done >= 12:
            raise BrokenOffError

    with pytest.raises(BrokenOffError):
        write_people(tmp_path / "broken", PLAN, COUNT, form=form, progress=stop)
    left = write_people(tmp_path / "broken", PLAN, COUNT, form=form)
    assert 0 < left < COUNT
    assert contents(tmp_path / "broken") == contents(tmp_path / "whole")
    assert write_people(tmp_path / "broken", PLAN, COUNT, form=form) == 0
    write_people(tmp_path / "longer", PLAN, 10, form=form)
    assert write_people(tmp_path / "longer", PLAN, COUNT, form=form) == COUNT - 10
    assert contents(tmp_path / "longer") == contents(tmp_path / "whole")


def test_another_people_is_not_mixed_in(tmp_path):
    write_people(tmp_path, PLAN, 3)
    with pytest.raises(ConflictError):
        write_people(tmp_path, Enrolments(7), 3)
    with pytest.raises(ConflictError):
        write_people(tmp_path, PLAN, 3, form="parquet")
    (tmp_path / "synthesis.json").write_text("no plan")
    with pytest.raises(ConflictError):
        write_people(tmp_path, PLAN, 3)


def test_where_nothing_can_be_written(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(FileError):
        write_people(tmp_path / "file", PLAN, 3)
