"""The door to a batch, whatever its form."""

from __future__ import annotations

from pathlib import Path

from cccd_core.errors import FileError
from cccd_core.issuance.dossiers.folder import FolderBatch
from cccd_core.issuance.dossiers.policy import CheckPolicy
from cccd_core.issuance.dossiers.raw import Batch


def open_batch(path: Path, policy: CheckPolicy | None = None) -> Batch:
    """The batch at `path`: a folder, or a Parquet file. FileError where it is neither."""
    policy = policy or CheckPolicy()
    if path.is_dir():
        return FolderBatch(path, policy)
    if path.is_file():
        from cccd_core.issuance.dossiers.parquet import ParquetBatch

        return ParquetBatch(path, policy)
    raise FileError("the batch is neither a folder nor a Parquet file", path=str(path))
