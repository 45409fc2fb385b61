"""The gallery on disk: everyone enrolled, in one SQLite file, opened by `storage.sqlite`, durably and distrusted."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from cccd_core.dedup.gallery.records import TEMPLATE_BYTES_MOST
from cccd_core.dedup.gallery.sql import SqlGallery
from cccd_core.dedup.gallery.withdrawal import Clock, now_utc
from cccd_core.storage.cipher import Cipher
from cccd_core.storage.sqlite import SqliteFile, SqliteKind

KIND: Final = SqliteKind(
    "gallery",
    0x43434744,  # "CCGD"
    4,
    (
        "CREATE TABLE person (sequence INTEGER PRIMARY KEY, person_id TEXT NOT NULL UNIQUE, sha256 BLOB NOT NULL)",
        "CREATE TABLE finger (sequence INTEGER NOT NULL REFERENCES person, place INTEGER NOT NULL,"
        " template BLOB NOT NULL, PRIMARY KEY (sequence, place))",
        "CREATE TABLE withdrawal (sequence INTEGER PRIMARY KEY, kind TEXT NOT NULL, person_id TEXT NOT NULL,"
        " ordered_by TEXT NOT NULL, time TEXT NOT NULL, fingers INTEGER NOT NULL, place INTEGER NOT NULL)",
        "CREATE INDEX withdrawn_place ON withdrawal (place)",
        "CREATE TABLE renaming (sequence INTEGER PRIMARY KEY REFERENCES withdrawal, new_id TEXT NOT NULL)",
        "CREATE TABLE gallery (gallery_id TEXT NOT NULL)",
        "INSERT INTO gallery VALUES (lower(hex(randomblob(16))))",
        "CREATE TABLE trace (sequence INTEGER PRIMARY KEY REFERENCES withdrawal, sha256 BLOB NOT NULL)",
    ),
    value_bytes_max=TEMPLATE_BYTES_MOST,
    earlier={1: 2, 2: 4, 3: 7},
)


class GalleryStore(SqlGallery):
    """A gallery in one SQLite file, which is made, for its owner alone, when it is not there.

    Nothing of templates that were removed or replaced is left in the file and its log when the call returns (after a
    crash in between: when the gallery is closed next). DamagedError, too, for a file that is no gallery or of another
    version.
    """

    def __init__(
        self, path: str | Path, *, make: bool = True, clock: Clock = now_utc, cipher: Cipher | None = None
    ) -> None:
        """`make`: whether a file that is not there is made, or a FileError; `clock` gives the time of withdrawals;
        `cipher` as `SqlGallery`."""
        self.path = Path(path)
        super().__init__(SqliteFile(self.path, KIND, make=make), clock, cipher)

    def __repr__(self) -> str:
        return f"GalleryStore({str(self.path)!r})"
