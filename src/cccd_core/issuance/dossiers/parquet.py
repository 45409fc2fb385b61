"""A batch in one Parquet file, streamed row group by row group.

Columns: `cccd batch schema`, `x-parquet-columns`. A row becomes the same RawDossier as a folder would.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Container, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import TypeVar

import pyarrow as pa
import pyarrow.parquet as pq

from cccd_core.country.clock import VIETNAM
from cccd_core.errors import Fact, FileError
from cccd_core.issuance.dossiers import schema
from cccd_core.issuance.dossiers.dossier import decode, valid_id
from cccd_core.issuance.dossiers.policy import CheckPolicy
from cccd_core.issuance.dossiers.raw import FingerFile, RawDossier, shown_id
from cccd_core.issuance.dossiers.reasons import DossierError, Fault, Oddity, Problem, Severity
from cccd_core.plain import Json
from cccd_core.templates.beside import PRINTS_HEAD_BYTES
from cccd_core.templates.nist_file import begins

_FINGER_COLUMNS = {f"finger_{position}": position for position in schema.FINGER_NAMES}
_IMAGE_COLUMNS = {f"finger_image_{position}": position for position in schema.FINGER_NAMES}
_UNPLACED, _UNPLACED_IMAGES = "unplaced", "unplaced_images"  # lists, of fingers whose position nobody knows
_T = TypeVar("_T")
_ROWS = 256  # converted to Python objects at a time
_MOST_GROUP_BYTES = 1 << 30  # uncompressed, as the file's own metadata state it


@dataclass(slots=True)
class ParquetBatch:
    """One row a dossier."""

    path: Path
    policy: CheckPolicy
    _unknown: tuple[str, ...] = field(init=False)
    _ids: list[str] = field(init=False)  # of each row; a repeated one with its row, so that no two are the same

    def __post_init__(self) -> None:
        with self._open() as file:
            names = file.schema_arrow.names
            if "dossier_id" not in names:
                raise FileError("the Parquet file has no column dossier_id", path=str(self.path))
            if len(set(names)) != len(names):
                raise FileError("the Parquet file has a column twice", path=str(self.path))
            for group in range(file.num_row_groups):
                if file.metadata.row_group(group).total_byte_size > _MOST_GROUP_BYTES:
                    raise FileError(
                        "a row group is too large", path=str(self.path), group=group, most_bytes=_MOST_GROUP_BYTES
                    )
            known = {*schema.BY_NAME, *_FINGER_COLUMNS, *_IMAGE_COLUMNS, _UNPLACED, _UNPLACED_IMAGES, "portrait"}
            self._unknown = tuple(name for name in names if name not in known)
            self._ids = []
            seen: set[str] = set()
            for group in range(file.num_row_groups):
                for name in self._column(file, group):
                    shown = shown_id(name) if isinstance(name, str) else "?"
                    if shown in seen or shown == "?":
                        shown = f"{shown}#row{len(self._ids)}"
                    seen.add(shown)
                    self._ids.append(shown)

    def ids(self) -> list[str]:
        return list(self._ids)

    def read(self, wanted: Container[str] | None = None) -> Iterator[RawDossier]:
        """A row group without a wanted dossier is not read."""
        with self._open() as file:
            start = 0
            for group in range(file.num_row_groups):
                ids = self._ids[start : start + file.metadata.row_group(group).num_rows]
                start += len(ids)
                rows = [row for row, name in enumerate(ids) if wanted is None or name in wanted]
                if rows:
                    yield from self._read_group(file, group, ids, rows)

    def _open(self) -> pq.ParquetFile:
        try:
            return pq.ParquetFile(self.path, memory_map=False)
        except (pa.ArrowException, OSError, ValueError, OverflowError, MemoryError) as error:
            raise FileError("not a readable Parquet file", path=str(self.path), why=type(error).__name__) from None

    def _guarded(self, read: Callable[[], _T]) -> _T:
        try:
            return read()
        except (pa.ArrowException, OSError, ValueError, OverflowError, MemoryError) as error:
            raise FileError("the Parquet file is damaged", path=str(self.path), why=type(error).__name__) from None

    def _column(self, file: pq.ParquetFile, group: int) -> list[object]:
        return self._guarded(lambda: list(file.read_row_group(group, columns=["dossier_id"]).column(0).to_pylist()))

    def _read_group(self, file: pq.ParquetFile, group: int, ids: list[str], rows: list[int]) -> Iterator[RawDossier]:
        names = [name for name in file.schema_arrow.names if name not in self._unknown]
        table = self._guarded(lambda: file.read_row_group(group, columns=names))
        if table.num_rows != len(ids):
            raise FileError("the Parquet file has changed", path=str(self.path), group=group)
        for start in range(0, len(rows), _ROWS):
            part = rows[start : start + _ROWS]
            found = self._rows(table, part)
            for row, values in zip(part, found, strict=True):
                yield self._dossier(ids[row], values)

    def _rows(self, table: pa.Table, rows: list[int]) -> list[dict[str, object]]:
        return self._guarded(lambda: list(table.take(rows).to_pylist()))

    def _dossier(self, dossier_id: str, row: Mapping[str, object]) -> RawDossier:
        stated = row.get("dossier_id")
        problems: list[Problem] = [
            Problem(dossier_id, shown_id(column), Oddity.UNKNOWN_FIELD, Severity.WARNING) for column in self._unknown
        ]

        def error(where: str, reason: Fault, **facts: Fact) -> None:
            problems.append(Problem(dossier_id, where, reason, facts=facts))

        if not isinstance(stated, str) or not valid_id(stated):
            error("dossier_id", Fault.DOSSIER_ID)
        elif stated != dossier_id:
            error("dossier_id", Fault.DOSSIER_REPEATED)
        document: dict[str, Json] = {}
        for entry in schema.FIELDS:
            if entry.name != "dossier_id" and row.get(entry.name) is not None:
                try:
                    document[entry.name] = _plain(entry, row[entry.name])
                except DossierError as problem:
                    error(entry.name, problem.fault)
        fingers: dict[int, FingerFile] = {}
        images: dict[int, FingerFile] = {}
        for files, columns, list_column, most in (
            (fingers, _FINGER_COLUMNS, _UNPLACED, self.policy.max_finger_bytes),
            (images, _IMAGE_COLUMNS, _UNPLACED_IMAGES, self.policy.max_image_bytes),
        ):
            cells = [(column, place, row.get(column)) for column, place in columns.items()]
            unplaced = row.get(list_column)
            if unplaced is not None and (not isinstance(unplaced, list) or len(unplaced) > self.policy.max_files):
                error(list_column, Fault.UNREADABLE_FINGER, position=0, most=self.policy.max_files)
                unplaced = None
            cells += [(f"{list_column}[{number}]", -number, data) for number, data in enumerate(unplaced or (), 1)]
            for column, place, data in cells:
                if data is None:
                    continue
                with_images = isinstance(data, bytes) and begins(data[:PRINTS_HEAD_BYTES])
                limit = max(most, self.policy.max_image_bytes) if with_images else most
                if not isinstance(data, bytes) or len(data) > limit:
                    error(column, Fault.UNREADABLE_FINGER, position=max(place, 0), most=limit)
                else:
                    files[place] = FingerFile(column, "", data)
        picture = row.get("portrait")
        portrait = picture if isinstance(picture, bytes) else None
        if picture is not None and (portrait is None or len(portrait) > self.policy.max_portrait_bytes):
            error("portrait", Fault.PORTRAIT_SIZE, most=self.policy.max_portrait_bytes)
            portrait = None
        source = json.dumps(document, ensure_ascii=True, sort_keys=True).encode()
        if len(source) > self.policy.max_dossier_bytes:
            error("", Fault.DOSSIER_UNREADABLE, bytes=len(source), most=self.policy.max_dossier_bytes)
            document = {}
        return RawDossier(dossier_id, document, fingers, portrait, tuple(problems), source, images)


def _plain(entry: schema.Field, value: object) -> Json:
    """A cell as `dossier.json` would say it; what has no such form is left for the field checks to name."""
    if isinstance(value, datetime):
        return (value if value.tzinfo else value.replace(tzinfo=VIETNAM)).isoformat()
    if isinstance(value, date):
        return value.isoformat()
    if entry.type in ("templates", "fingers"):
        if isinstance(value, str):
            if len(value) > 16384:
                raise DossierError("a note is too long", fault=Fault.FIELD_LENGTH)
            return decode(value.encode("utf-8", "surrogatepass"))
        if isinstance(value, list):  # a map column
            value = dict(pair for pair in value if isinstance(pair, tuple) and len(pair) == 2)
        if isinstance(value, dict):
            return {str(key): item for key, item in value.items() if item is not None}
    if isinstance(value, str | int | float | bool):
        return value
    raise DossierError("a column of a type that no field has", fault=Fault.FIELD_TYPE)
