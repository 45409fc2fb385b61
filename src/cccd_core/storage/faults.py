"""What the operating system says of a file, as an error of ours."""

from __future__ import annotations

import errno

from cccd_core.errors import DiskFullError, Fact, FileError

DISK_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


def file_error(message: str, error: OSError, **facts: Fact) -> FileError:
    """FileError with the system's word as `why`; DiskFullError, named as such, where nothing more fits."""
    if error.errno in DISK_FULL:
        return DiskFullError(f"the disk is full: {message}", **facts, why=error.strerror or "")
    return FileError(message, **facts, why=error.strerror or type(error).__name__)
