"""A batch in one Parquet file is the same batch."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from cccd_core.errors import FileError
from cccd_core.issuance.dossiers.batch import open_batch
from cccd_core.issuance.dossiers.check import CheckedDossier, check_dossier
from cccd_core.issuance.dossiers.parquet import ParquetBatch
from cccd_core.issuance.dossiers.policy import CheckPolicy
from cccd_core.templates import write
from support.dossiers import document, finger, portrait, put
from support.parquet import as_parquet, write_parquet

DAY = date(2026, 11, 1)


def check(path: Path) -> dict[str, CheckedDossier]:
    batch = open_batch(path)
    found = {raw.dossier_id: check_dossier(raw, day=DAY, policy=CheckPolicy()) for raw in batch.read()}
    assert list(found) == batch.ids()
    return found


def row(dossier_id: Any, index: int = 1, **changes: Any) -> dict[str, Any]:
    fields = {name: value for name, value in document(index).items() if name != "captured_at"}
    fingers = {f"finger_{position}": write(finger(index * 100 + position), "iso-2005") for position in (2, 7)}
    return {"dossier_id": dossier_id, **fields, **fingers, "portrait": portrait(index), **changes}


def test_a_folder_and_its_file_give_the_same(tmp_path: Path) -> None:
    batch = tmp_path / "batch"
    for index in range(5):
        put(batch, f"D{index}", seed=index)
    put(batch, "X1", document(7, sex="F", fingers={"9": {"missing": "amputated"}}), seed=7)
    fingers = {f"{position}.xyt": write(finger(position), "xyt") for position in (1, 2)}
    described = {"dpi": 500, "height_px": 500, "format": "xyt"}
    put(batch, "X2", document(8, templates=described), fingers=fingers, seed=8)
    one, other = check(batch), check(as_parquet(batch, tmp_path / "batch.parquet"))
    assert list(one) == list(other)
    for name, mine in one.items():
        theirs = other[name]
        assert (mine.reason, mine.sound) == (theirs.reason, theirs.sound)
    assert one["X1"].reason == "number_sex"
    assert one["X2"].reason is None


def test_only_the_wanted_rows_are_given_out(tmp_path: Path) -> None:
    path = write_parquet([row(f"D{index}", index) for index in range(1, 8)], tmp_path / "b.parquet", rows_a_group=3)
    found = [raw.dossier_id for raw in open_batch(path).read({"D2", "D7", "D9"})]
    assert found == ["D2", "D7"]


def test_columns_of_other_types(tmp_path: Path) -> None:
    moment = datetime(2026, 2, 27, 2, 14, tzinfo=UTC)
    rows = [
        row(
            "D1",
            birth_date=date(1988, 5, 17),
            captured_at=moment,
            templates={"dpi": 500, "height_px": 480},
            fingers=[("9", {"missing": "amputated", "note": None})],
        )
    ]
    fingers_type = pa.map_(pa.string(), pa.struct([("missing", pa.string()), ("note", pa.string())]))
    path = write_parquet(
        rows, tmp_path / "b.parquet", captured_at=pa.timestamp("us", tz="Asia/Ho_Chi_Minh"), fingers=fingers_type
    )
    checked = check(path)["D1"]
    assert checked.problems == ()
    assert checked.sound is not None
    assert checked.sound.dossier.captured_at == moment
    assert checked.sound.dossier.missing_fingers == {9}


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"birth_date": 19880517}, "field_type"),
        ({"full_name": b"\xff\xfe"}, "field_type"),
        ({"sex": None}, "field_missing"),
        ({"templates": "{not json"}, "dossier_unreadable"),
        ({"finger_2": b"xx"}, "unreadable_finger"),
        ({"finger_2": b"x" * (65 << 10)}, "unreadable_finger"),
        ({"portrait": b"x"}, "portrait_unreadable"),
        ({"portrait": None}, "portrait_missing"),
        ({"personal_number": "12"}, "number_structure"),
        ({"marks": "m" * (70 << 10)}, "dossier_unreadable"),
    ],
)
def test_each_fault_of_a_row_is_named(tmp_path: Path, changes: dict[str, Any], reason: str) -> None:
    path = write_parquet([row("D1", **changes)], tmp_path / "b.parquet")
    assert reason in {problem.reason for problem in check(path)["D1"].problems if problem.severity == "error"}


def test_ids_that_are_no_ids_or_stand_twice(tmp_path: Path) -> None:
    rows = [row("D1", 1), row("D1", 2), row(None, 3), row("../../etc", 4), row("D2", 5)]
    checked = check(write_parquet(rows, tmp_path / "b.parquet"))
    reasons = [item.reason for item in checked.values()]
    assert reasons == [None, "dossier_repeated", "dossier_id", "dossier_id", None]
    assert len(checked) == 5
    assert next(iter(checked)) == "D1"


def test_an_unknown_column_is_a_warning(tmp_path: Path) -> None:
    checked = check(write_parquet([row("D1", shoe_size=43)], tmp_path / "b.parquet"))["D1"]
    assert checked.reason is None
    assert [(problem.field, problem.reason) for problem in checked.problems] == [("shoe_size", "unknown_field")]


def test_files_that_are_no_batch(tmp_path: Path) -> None:
    with pytest.raises(FileError, match="no column dossier_id"):
        open_batch(write_parquet([{"name": "x"}], tmp_path / "other.parquet"))
    whole = write_parquet([row(f"D{index}", index) for index in range(1, 9)], tmp_path / "b.parquet").read_bytes()
    for cut in (4, 100, len(whole) // 2, len(whole) - 8):
        (tmp_path / "torn.parquet").write_bytes(whole[:cut])
        with pytest.raises(FileError):
            open_batch(tmp_path / "torn.parquet")


def test_flipped_bytes_end_in_our_error_or_in_named_problems(tmp_path: Path) -> None:
    whole = bytearray(
        write_parquet([row(f"D{index}", index) for index in range(1, 4)], tmp_path / "b.parquet").read_bytes()
    )
    victim = tmp_path / "flipped.parquet"
    endings = set()
    for place in range(0, len(whole), len(whole) // 150):
        flipped = bytearray(whole)
        flipped[place] ^= 0xFF
        victim.write_bytes(flipped)
        try:
            check(victim)
            endings.add("checked")
        except FileError:
            endings.add("refused")
    assert endings == {"checked", "refused"}


def test_a_row_group_beyond_the_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_parquet([row("D1")], tmp_path / "b.parquet")
    monkeypatch.setattr("cccd_core.issuance.dossiers.parquet._MOST_GROUP_BYTES", 100)
    with pytest.raises(FileError, match="row group is too large"):
        ParquetBatch(path, replace(CheckPolicy()))
