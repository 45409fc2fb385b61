"""People as rows of a Parquet file: person_id, finger_1 ... finger_10 (bytes), unplaced (a list of bytes)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Final, TypeAlias, TypeVar

import pyarrow as pa
import pyarrow.parquet as pq

from cccd_core.errors import FileError

SUFFIX: Final = ".parquet"
COLUMNS: Final = {f"finger_{position}": position for position in range(1, 11)}
NAME: Final = "person_id"
UNPLACED: Final = "unplaced"
SCHEMA: Final = pa.schema(
    [(NAME, pa.string()), *((column, pa.binary()) for column in COLUMNS), (UNPLACED, pa.list_(pa.binary()))]
)
_GROUP_BYTES_MOST: Final = 1 << 30  # uncompressed, as the file's own metadata state it
_ROWS: Final = 256  # converted to Python objects at a time

Row: TypeAlias = tuple[object, list[tuple[str, int, object]]]  # name, (column, position or 0, bytes)
_T = TypeVar("_T")


def count(path: Path) -> int:
    """How many rows there are. FileError for what is no Parquet file of people."""
    with _open(path) as file:
        return int(file.metadata.num_rows)


def rows(path: Path) -> Iterator[Row]:
    """The rows in their order, some hundred in memory at a time. FileError, also for damage."""
    with _open(path) as file:
        known = [name for name in file.schema_arrow.names if name in (NAME, UNPLACED, *COLUMNS)]
        for group in range(file.num_row_groups):
            batches = _guarded(path, partial(file.iter_batches, _ROWS, [group], known))
            while (part := _guarded(path, partial(next, batches, None))) is not None:
                for row in _guarded(path, part.to_pylist):
                    yield row.get(NAME), list(_fingers(row))


def table(people: Iterable[Mapping[str, object]]) -> pa.Table:
    """Rows to be written."""
    return pa.Table.from_pylist(list(people), schema=SCHEMA)


def _fingers(row: Mapping[str, object]) -> Iterator[tuple[str, int, object]]:
    for column, position in COLUMNS.items():
        if row.get(column) is not None:
            yield column, position, row[column]
    others = row.get(UNPLACED)
    if others is not None:
        for data in others if isinstance(others, list) else [others]:
            yield UNPLACED, 0, data


def _open(path: Path) -> pq.ParquetFile:
    file = _guarded(path, lambda: pq.ParquetFile(path, memory_map=False))
    names = file.schema_arrow.names
    if NAME not in names or len(set(names)) != len(names):
        raise FileError(f"the Parquet file has no column {NAME}, or a column twice", path=str(path))
    for group in range(file.num_row_groups):
        if file.metadata.row_group(group).total_byte_size > _GROUP_BYTES_MOST:
            raise FileError("a row group is too large", path=str(path), group=group, most=_GROUP_BYTES_MOST)
    return file


def _guarded(path: Path, read: Callable[[], _T]) -> _T:
    try:
        return read()
    except (pa.ArrowException, OSError, ValueError, OverflowError, MemoryError) as error:
        raise FileError("not a readable Parquet file", path=str(path), why=type(error).__name__) from None
