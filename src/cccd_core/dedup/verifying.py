"""Looks at all that a gallery's folder keeps, and says what is wrong with it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from cccd_core.dedup.gallery.checking import damaged_people
from cccd_core.dedup.gallery.sql import SqlGallery
from cccd_core.dedup.index import Finding, check
from cccd_core.dedup.service import ledger
from cccd_core.errors import ConflictError, DamagedError
from cccd_core.progress import Progress
from cccd_core.storage.cipher import Cipher


def findings(
    gallery: SqlGallery, folder: Path, *, cipher: Cipher | None = None, progress: Progress | None = None
) -> Iterator[Finding]:
    """What is wrong with the gallery in `folder`: with its tables, its people, the trace of who was taken out, its
    index and the ledger of its service. All of it is read once. Errors as the gallery and `check`."""
    where = gallery.where
    for what in gallery.faults():
        yield Finding(where, "tables", 0, 0, what)
    for number, what in damaged_people(gallery, progress):
        yield Finding(where, f"person {number}", 0, 1, what)
    try:
        for _ in gallery.withdrawals():
            pass
    except DamagedError as error:
        yield Finding(where, "withdrawals", 0, 0, error.message)
    yield from check(gallery, folder, cipher=cipher, progress=progress)
    try:
        ledger.check(folder, gallery.gallery_id)
    except (DamagedError, ConflictError) as error:
        offset = error.facts.get("offset")
        at = offset if isinstance(offset, int) else 0
        yield Finding(str(folder / ledger.LEDGER_FILE), "records", at, 0, error.message)
