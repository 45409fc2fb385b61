"""The folder of a gallery: where its people are, and whose it is while somebody changes who is enrolled.

gallery.sqlite    the people, or
gallery.json      the database that has them: {"format": "cccd-gallery", "version": 1, "url": "postgresql://..."}
index/            what is derived from them
lock
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager
from pathlib import Path
from typing import Final

from cccd_core.dedup.gallery.postgres import PostgresGallery
from cccd_core.dedup.gallery.sql import SqlGallery
from cccd_core.dedup.gallery.sqlite import GalleryStore
from cccd_core.errors import ConflictError, DamagedError, ParameterError
from cccd_core.storage import pointer, whole_file
from cccd_core.storage.cipher import Cipher
from cccd_core.storage.faults import file_error
from cccd_core.storage.lock import exclusive
from cccd_core.storage.postgres import demand_url

GALLERY_FILE: Final = "gallery.sqlite"
DATABASE_FILE: Final = "gallery.json"
_FORMAT: Final = "cccd-gallery"
_DATABASE_BYTES_MOST: Final = 4096


def alone_with(folder: Path) -> AbstractContextManager[None]:
    """Holds a gallery's folder for one run or command: who is enrolled does not change under its hands. BusyError,
    FileError."""
    return exclusive(folder / "lock", "gallery")


def beside_others_in(folder: Path) -> AbstractContextManager[None]:
    """Holds a gallery's folder together with others who enrol people, and while nobody is alone with it. BusyError,
    FileError."""
    return exclusive(folder / "lock", "gallery", shared=True)


def create_gallery(folder: Path, url: str | None = None, *, cipher: Cipher | None = None) -> SqlGallery:
    """A new gallery in a folder, which is made for its owner alone: in a file of its own, or in the database of this
    URL, where one that is there already is taken.

    ConflictError where the folder has a gallery; errors as GalleryStore and PostgresGallery.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise file_error("the gallery cannot be made", error, path=str(folder)) from None
    with alone_with(folder):
        if _has(folder, GALLERY_FILE) or _has(folder, DATABASE_FILE):
            raise ConflictError("the folder has a gallery", path=str(folder))
        if url is None:
            return GalleryStore(folder / GALLERY_FILE, cipher=cipher)
        made = PostgresGallery(url, cipher=cipher)
        try:
            whole_file.write(folder / DATABASE_FILE, database_file(made.where), private=True)
        except BaseException:
            made.close()
            raise
        return made


def gallery_in(folder: Path, *, make: bool = False, cipher: Cipher | None = None) -> SqlGallery:
    """The gallery of a folder; where there is none and `make` lets it, one in a file. To be closed.

    Errors as GalleryStore and PostgresGallery; ConflictError for a folder that has two, DamagedError for a file that
    names no database.
    """
    if not _has(folder, DATABASE_FILE):
        return GalleryStore(folder / GALLERY_FILE, make=make, cipher=cipher)
    if _has(folder, GALLERY_FILE):
        raise ConflictError("the folder has two galleries, in a file and in a database", path=str(folder))
    return PostgresGallery(database_named(folder / DATABASE_FILE), make=False, cipher=cipher)


@contextmanager
def open_gallery(
    folder: Path, *, alone: bool = False, enrolling: bool = False, cipher: Cipher | None = None
) -> Iterator[SqlGallery]:
    """The gallery of a folder, which must be there. `alone`: nobody issues from it or changes it meanwhile;
    `enrolling`: nobody is alone with it; `cipher`: what it is encrypted by.

    Errors as `gallery_in`; BusyError where another run or command has the folder.
    """
    with ExitStack() as stack:
        gallery = stack.enter_context(closing(gallery_in(folder, cipher=cipher)))
        if alone:
            stack.enter_context(alone_with(folder))
        elif enrolling:
            stack.enter_context(beside_others_in(folder))
        yield gallery


def _has(folder: Path, name: str) -> bool:
    try:
        return (folder / name).exists()
    except OSError as error:
        raise file_error("the gallery cannot be opened", error, path=str(folder)) from None


def database_file(url: str) -> bytes:
    """The content of a file that names a gallery's database."""
    return f"{json.dumps({'format': _FORMAT, 'version': pointer.VERSION, 'url': url}, indent=1)}\n".encode()


def database_named(path: Path) -> str:
    """The URL of the database that a file names. FileError, DamagedError."""
    url = pointer.named(path, "the database of a gallery", kind=_FORMAT, key="url", most=_DATABASE_BYTES_MOST)
    try:
        return demand_url(url)
    except ParameterError as error:
        raise DamagedError(error.message, **{**error.facts, "path": str(path)}) from None
