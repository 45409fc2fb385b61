"""The same batch as one Parquet file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq


def row_of(folder: Path) -> dict[str, Any]:
    """One dossier's folder as a row."""
    row: dict[str, Any] = {"dossier_id": folder.name}
    for name, value in json.loads((folder / "dossier.json").read_bytes()).items():
        row[name] = json.dumps(value) if isinstance(value, dict) else value
    for path in (folder / "fingers").iterdir():
        row[f"finger_{path.name.partition('.')[0]}"] = path.read_bytes()
    for path in folder.glob("portrait.*"):
        row["portrait"] = path.read_bytes()
    return row


def write_parquet(rows: list[dict[str, Any]], path: Path, *, rows_a_group: int = 2, **types: Any) -> Path:
    """The rows as a file of several row groups; `types` gives columns other types than those of their values."""
    names = sorted({name for row in rows for name in row})
    columns = {name: pa.array([row.get(name) for row in rows], type=types.get(name)) for name in names}
    pq.write_table(pa.table(columns), path, row_group_size=rows_a_group)
    return path


def as_parquet(batch: Path, path: Path, **options: Any) -> Path:
    """A folder of dossiers as one file."""
    return write_parquet([row_of(folder) for folder in sorted(batch.iterdir())], path, **options)
