"""The folder of a gallery: where its file lies, and whose it is while somebody changes who is enrolled."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager
from pathlib import Path
from typing import Final

from cccd_core.dedup.gallery.sqlite import GalleryStore
from cccd_core.storage.cipher import Cipher
from cccd_core.storage.lock import exclusive

GALLERY_FILE: Final = "gallery.sqlite"


def alone_with(folder: Path) -> AbstractContextManager[None]:
    """Holds a gallery's folder for one run or command: who is enrolled does not change under its hands. BusyError,
    FileError."""
    return exclusive(folder / "lock", "gallery")


@contextmanager
def open_gallery(folder: Path, *, alone: bool = False, cipher: Cipher | None = None) -> Iterator[GalleryStore]:
    """The gallery of a folder, which must be there; `alone`: and nobody issues from it meanwhile; `cipher`: what it is
    encrypted by.

    Errors as GalleryStore; BusyError where another run or command has the folder.
    """
    with ExitStack() as stack:
        gallery = stack.enter_context(closing(GalleryStore(folder / GALLERY_FILE, make=False, cipher=cipher)))
        if alone:
            stack.enter_context(alone_with(folder))
        yield gallery
