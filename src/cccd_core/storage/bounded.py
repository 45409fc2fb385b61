"""Files of folders that come from outside: nothing but plain files inside an open folder, and no more than a bound."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Iterator
from enum import Enum
from typing import IO, Final

from cccd_core.errors import CccdError, Fact

LINK_ERRORS: Final = (errno.ELOOP, errno.ENOTDIR)  # of opening what is a link, or no folder, as a folder


class Trouble(Enum):
    """Why a file was not read."""

    UNSAFE_PATH = 1  # a link, a device, a pipe, a folder
    TOO_LARGE = 2
    UNREADABLE = 3


class BoundError(CccdError):
    """A file that is not read; `trouble` says why."""

    kind = "bound"

    def __init__(self, message: str, trouble: Trouble, **facts: Fact) -> None:
        super().__init__(message, **facts)
        self.trouble = trouble


def read_bounded(folder: int, name: str, most: int) -> bytes:
    """The whole of a plain file in the open folder, links refused. BoundError."""
    with _opened(folder, name) as (file, size):
        data = b"" if size > most else file.read(most + 1)
    if size > most or len(data) > most:
        raise BoundError("the file is too large", Trouble.TOO_LARGE, bytes=max(size, len(data)), most=most)
    return data


def read_head(folder: int, name: str, most: int) -> bytes:
    """The first `most` bytes of a plain file in the open folder, links refused. BoundError."""
    with _opened(folder, name) as (file, _):
        return file.read(most)


@contextlib.contextmanager
def _opened(folder: int, name: str) -> Iterator[tuple[IO[bytes], int]]:
    """A plain file, and its size."""
    try:
        # O_NONBLOCK: a pipe that nobody writes must not hold the batch.
        handle = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=folder)
    except OSError as error:
        unsafe = error.errno in (*LINK_ERRORS, errno.ENXIO)
        trouble = Trouble.UNSAFE_PATH if unsafe else Trouble.UNREADABLE
        raise BoundError("the file cannot be opened", trouble, why=error.strerror or "") from None
    try:
        status = os.fstat(handle)
        if not stat.S_ISREG(status.st_mode):
            raise BoundError("not a plain file", Trouble.UNSAFE_PATH)
        with os.fdopen(handle, "rb", closefd=False) as file:
            yield file, status.st_size
    except OSError as error:
        raise BoundError("the file cannot be read", Trouble.UNREADABLE, why=error.strerror or "") from None
    finally:
        with contextlib.suppress(OSError):
            os.close(handle)
