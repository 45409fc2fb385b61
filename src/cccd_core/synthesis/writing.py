"""A synthetic people on disk: folders or Parquet, what is true of it, and what it was made from.

    DIR/synthesis.json            the plan: what the records depend on, and how many there are
    DIR/truth.csv                 what is true of every record
    DIR/S0000000017/2.fmr         a record: <position>.fmr; of unknown position 0-1.fmr, 0-2.fmr, ...
    DIR/people-000003.parquet     or ten thousand records: person_id, finger_1 ... finger_10, unplaced (a list)

A record's folder and a Parquet file appear whole, so that a work that was broken off goes on where it ended.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Final, Literal, TypeAlias

import pyarrow as pa
import pyarrow.parquet as pq

from cccd_core.errors import ConflictError
from cccd_core.progress import Progress
from cccd_core.storage import whole_file
from cccd_core.storage.faults import file_error
from cccd_core.synthesis.enrolments import Enrolments, SyntheticRecord, Truth, record_id
from cccd_core.templates import write

Form: TypeAlias = Literal["folders", "parquet"]

PLAN_FILE: Final = "synthesis.json"
TRUTH_FILE: Final = "truth.csv"
COLUMNS: Final = ("record", "person", "duplicate", "mistake", "positions", "other")
PEOPLE_A_FILE: Final = 10_000
_MOST_PLAN_BYTES: Final = 1 << 16
_UNFINISHED: Final = ".unfinished"
_FORMAT: Final = "iso-2005"
_PORTION: Final = 256

_SCHEMA = pa.schema(
    [
        ("person_id", pa.string()),
        *((f"finger_{position}", pa.binary()) for position in range(1, 11)),
        ("unplaced", pa.list_(pa.binary())),
    ]
)


def write_people(
    folder: Path,
    plan: Enrolments,
    count: int,
    *,
    form: Form = "folders",
    threads: int | None = None,
    progress: Progress | None = None,
) -> int:
    """Writes the first `count` records of a plan, as ISO/IEC 19794-2:2005 records; how many were not there already.

    The same call goes on with what was broken off, and one of more records adds to them. ConflictError where the folder
    holds another people, FileError where it cannot be written.
    """
    begin(folder, plan, count, form)
    write_truth(folder / TRUTH_FILE, plan, count, progress)
    try:
        put = _put_folders if form == "folders" else _put_parquet
        new = put(folder, plan, count, threads, progress)
    except OSError as error:
        raise file_error("the people cannot be written", error, path=str(folder)) from None
    return new


def begin(folder: Path, plan: Enrolments, count: int, form: str) -> None:
    """Writes what the people are made from. ConflictError where another people stands there, or one in another form."""
    path = folder / PLAN_FILE
    said = {
        "digest": plan.digest,
        "form": form,
        "records": count,
        "seed": plan.seed,
        "duplicates": plan.duplicates,
        "mistakes": plan.mistakes,
        "positions": list(plan.positions),
        "parameters": asdict(plan.parameters),
    }
    if path.exists():
        before = _plan_in(path)
        if (before.get("digest"), before.get("form")) != (plan.digest, form):
            raise ConflictError("another synthetic people stands in this folder", path=str(folder))
        records = before.get("records")
        said["records"] = max(count, records if isinstance(records, int) else 0)
    whole_file.write(path, (json.dumps(said, indent=1) + "\n").encode(), folders=True)


def _plan_in(path: Path) -> Mapping[str, object]:
    try:
        found = json.loads(whole_file.read(path, "plan", most=_MOST_PLAN_BYTES))
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def write_truth(path: Path, plan: Enrolments, count: int, progress: Progress | None = None) -> None:
    """What is true of the first `count` records, as CSV: `record,person,duplicate,mistake,positions,other`."""
    whole_file.write(path, _truth_lines(plan, count, progress), folders=True)


def _truth_lines(plan: Enrolments, count: int, progress: Progress | None) -> Iterator[bytes]:
    yield (",".join(COLUMNS) + "\n").encode()
    for number in range(count):
        if progress and number % 4096 == 0:
            progress(number, count, "what is true")
        yield _line(plan.truth(number)).encode()
    if progress:
        progress(count, count, "what is true")


def _line(truth: Truth) -> str:
    other = "" if truth.other is None else record_id(truth.other)
    words = (
        record_id(truth.record),
        record_id(truth.person),
        str(int(truth.duplicate)),
        truth.mistake or "",
        " ".join(map(str, truth.positions)),
        other,
    )
    return ",".join(words) + "\n"


def _put_folders(folder: Path, plan: Enrolments, count: int, threads: int | None, progress: Progress | None) -> int:
    unfinished = folder / _UNFINISHED
    new = 0
    for start in range(0, count, _PORTION):
        stop = min(count, start + _PORTION)
        missing = [number for number in range(start, stop) if not (folder / record_id(number)).is_dir()]
        if missing:
            for record in plan.records(missing[0], missing[-1] + 1, threads=threads):
                target = folder / record.record_id
                if target.is_dir():
                    continue
                shutil.rmtree(unfinished, ignore_errors=True)
                unfinished.mkdir()
                for name, data in _files(record):
                    (unfinished / name).write_bytes(data)
                unfinished.rename(target)
                new += 1
        if progress:
            progress(stop, count, "people")
    return new


def _files(record: SyntheticRecord) -> Iterator[tuple[str, bytes]]:
    for position, finger in record.placed.items():
        yield f"{position}.fmr", write(finger, _FORMAT)
    for number, finger in enumerate(record.unplaced, start=1):
        yield f"0-{number}.fmr", write(finger, _FORMAT)


def _put_parquet(folder: Path, plan: Enrolments, count: int, threads: int | None, progress: Progress | None) -> int:
    unfinished = folder / f"{_UNFINISHED}.parquet"
    new = 0
    for start in range(0, count, PEOPLE_A_FILE):
        stop = min(count, start + PEOPLE_A_FILE)
        target = folder / f"people-{start // PEOPLE_A_FILE:06}.parquet"
        there = pq.read_metadata(target).num_rows if target.exists() else 0
        if there < stop - start:
            with pq.ParquetWriter(unfinished, _SCHEMA, compression="zstd") as file:
                for first in range(start, stop, _PORTION):
                    last = min(stop, first + _PORTION)
                    file.write_table(_rows(plan.records(first, last, threads=threads)))
                    if progress:
                        progress(last, count, "people")
            unfinished.rename(target)
            new += stop - start - there
        elif progress:
            progress(stop, count, "people")
    return new


def _rows(records: Iterable[SyntheticRecord]) -> pa.Table:
    rows = [
        {
            "person_id": record.record_id,
            **{f"finger_{position}": write(finger, _FORMAT) for position, finger in record.placed.items()},
            "unplaced": [write(finger, _FORMAT) for finger in record.unplaced],
        }
        for record in records
    ]
    return pa.Table.from_pylist(rows, schema=_SCHEMA)
