"""Locks between processes. A lock ends with its process, however that ends."""

from __future__ import annotations

import errno
import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cccd_core.errors import BusyError
from cccd_core.storage.faults import file_error


def hold(descriptor: int, what: str, path: Path, *, wait: bool = False, shared: bool = False) -> None:
    """Locks an open file for this process until it is closed, or with `shared` for it and others that share it.
    BusyError where another one has it, unless this one is to `wait` until it is free; FileError."""
    try:
        fcntl.flock(descriptor, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | (0 if wait else fcntl.LOCK_NB))
    except OSError as error:
        if error.errno in (errno.EWOULDBLOCK, errno.EACCES):
            raise BusyError(f"another process is using the {what}", path=str(path)) from None
        raise file_error(f"the {what} cannot be locked", error, path=str(path)) from None


@contextmanager
def exclusive(path: Path, what: str, *, wait: bool = False, shared: bool = False) -> Iterator[None]:
    """Holds a lock file for one process, or with `shared` for those that share it. BusyError where another one has it,
    unless this one is to `wait`; FileError where it cannot be made.

    The lock's folder is made where it is not there, for its owner alone: what is locked so is personal data.
    """
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        raise file_error("the lock cannot be opened", error, path=str(path)) from None
    try:
        hold(descriptor, what, path, wait=wait, shared=shared)
        yield
    finally:
        os.close(descriptor)
