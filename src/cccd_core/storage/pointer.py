"""Reads a small file of JSON that names where something is kept: {"format": ..., "version": 1, KEY: TEXT}."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

from cccd_core.errors import DamagedError
from cccd_core.storage import whole_file

VERSION: Final = 1


def named(path: Path, names: str, *, kind: str, key: str, most: int) -> str:
    """The text under `key` of a file of this `kind` (its "format") and of at most `most` bytes. `names`: of what
    it is the name ("a register"). FileError; DamagedError for a file that is none, or of another version."""
    data = whole_file.read(path, f"name of {names}", most=most)
    try:
        said: object = json.loads(data)
    except (ValueError, RecursionError):
        said = None
    if not isinstance(said, dict) or said.keys() != {"format", "version", key} or said["format"] != kind:
        raise DamagedError(f"the file does not name {names}", path=str(path))
    if said["version"] != VERSION:
        raise DamagedError("the file is of another version", path=str(path), known=VERSION)
    value = said[key]
    if not isinstance(value, str):
        raise DamagedError(f"the file does not name {names}", path=str(path))
    return value
