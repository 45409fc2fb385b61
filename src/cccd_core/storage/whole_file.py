"""Files that are read and written as a whole: what stands under a name is the old content or the new, never a part.

Any path may be a target. A plain file is replaced at once, keeping its mode and owner; a symbolic link is followed and
what it leads to is replaced; a file of several names, a pipe or a terminal is written into, since putting another file
in its place would cut it off from those who hold it. Nothing but a plain file is ever replaced, and block devices,
sockets and folders are refused.
"""

from __future__ import annotations

import errno
import os
import re
import secrets
import stat
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import IO, NoReturn

from cccd_core.errors import FileError
from cccd_core.storage.faults import file_error

_PIPE_PATIENCE_S = 60.0  # how long a named pipe may have no reader yet
_POLL_S = 0.02
# Names of what this process holds open already; to open them anew would start at the file's beginning.
_DESCRIPTOR = re.compile(r"/dev/fd/(\d+)|/proc/(?:self|thread-self|\d+)/fd/(\d+)")
_STREAMS = {"/dev/stdin": 0, "/dev/stdout": 1, "/dev/stderr": 2}


def read(path: str | os.PathLike[str], what: str, *, most: int) -> bytes:
    """The whole content of a file of at most `most` bytes. FileError, in which `what` is the file's kind ("template").

    A pipe or terminal is read to its end. No more than `most` bytes are ever taken into memory.
    """
    try:
        with Path(path).open("rb") as file:
            size = os.fstat(file.fileno()).st_size  # of the file that is read, whatever takes its place meanwhile
            data = file.read(min(size, most) + 1)  # so that a wide bound takes no memory
            if len(data) > size:
                data += file.read(most + 1 - len(data))
    except OSError as error:
        raise file_error(f"the {what} cannot be read", error, path=str(path)) from None
    if len(data) > most:
        raise FileError(f"the file is too large for a {what}", path=str(path), most=most)
    return data


def write(
    path: str | os.PathLike[str],
    data: bytes | Iterable[bytes],
    *,
    private: bool = False,
    folders: bool = False,
    replace: bool = True,
) -> None:
    """Puts `data` under this name, whole and on the disk when this returns, or leaves what was there.

    A new file gets the mode 0666 less the umask; 0600 with `private`, for what holds fingers, numbers or keys.
    `folders` makes the folders that are missing (0700 with `private`). Without `replace` a name that is taken is
    refused, also when somebody is quicker. A plain file that holds the very bytes already is left alone.

    Raises FileError (DiskFullError) and then leaves no part; a process that is killed leaves at most `.cccd-*.part`.
    """
    target = Path(path)
    try:
        _write(target, data, private, folders, replace)
    except OSError as error:
        raise file_error("the file cannot be written", error, path=str(path)) from None


def begin(path: str | os.PathLike[str], *, private: bool = False) -> IO[bytes]:
    """A file that grows while something goes on (a recording), open to be written without a buffer; OSError from there.

    It is written into where it stands: what a plain file held goes. A new one gets the mode 0600 with `private`. A pipe
    or terminal is written into; block devices, sockets and folders are refused, as in `write`. FileError.
    """
    target = Path(path)
    try:
        held = _held(target)
        if held is not None:
            return os.fdopen(os.dup(held), "wb", buffering=0)
        _demand_file(target)
        return os.fdopen(_open_into(target, os.O_CREAT | os.O_TRUNC, 0o600 if private else 0o666), "wb", buffering=0)
    except OSError as error:
        raise file_error("the file cannot be written", error, path=str(path)) from None


def make_empty(path: Path) -> None:
    """An empty file of mode 0600, its name on the disk. OSError as it comes; FileExistsError for a name in use."""
    _replace(path, b"", None, 0o600, replace=False)


def sync_folder(folder: Path) -> None:
    """Forces the names in a folder to the disk: without it a new or renamed file may be gone after a power cut."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _write(target: Path, data: bytes | Iterable[bytes], private: bool, folders: bool, replace: bool) -> None:
    held = _held(target)
    if held is not None:
        with os.fdopen(os.dup(held), "wb") as file:
            _put(file, data)
        return
    try:
        known = target.stat()
    except FileNotFoundError:
        target = Path(os.path.realpath(target))  # through a link that leads to nothing yet
        if target.is_dir():  # `nothing/..`
            _refuse(target, stat.S_IFDIR)
        if folders:
            missing = [folder for folder in target.parents if not folder.exists()]
            for folder in reversed(missing):  # one by one: `parents=True` gives the mode to the last alone
                folder.mkdir(mode=0o700 if private else 0o777, exist_ok=True)
        _replace(target, data, None, 0o600 if private else None, replace)
        return
    if not replace:
        raise FileExistsError(errno.EEXIST, "a file of this name is there already")
    if stat.S_ISREG(known.st_mode):
        if isinstance(data, bytes) and known.st_size == len(data) and target.read_bytes() == data:
            return
        if known.st_nlink > 1:
            _write_into(target, data, os.O_TRUNC)
        else:
            _replace(Path(os.path.realpath(target)), data, known, None, replace)
    elif stat.S_ISFIFO(known.st_mode) or stat.S_ISCHR(known.st_mode):
        _write_into(target, data, 0)
    else:
        _refuse(target, known.st_mode)


def _demand_file(target: Path) -> None:
    """FileError for what is there and no file that can be written into."""
    try:
        mode = target.stat().st_mode
    except FileNotFoundError:
        return
    if not (stat.S_ISREG(mode) or stat.S_ISFIFO(mode) or stat.S_ISCHR(mode)):
        _refuse(target, mode)


def _refuse(target: Path, mode: int) -> NoReturn:
    kind = "folder" if stat.S_ISDIR(mode) else "device" if stat.S_ISBLK(mode) else "socket"
    raise FileError(f"a {kind} cannot be written as a file", path=str(target))


def _held(target: Path) -> int | None:
    """The descriptor that a name like /dev/stdout stands for."""
    name = os.path.abspath(target)  # noqa: PTH100 - resolve() would follow the link that is asked about
    found = _DESCRIPTOR.fullmatch(name)
    if found is None:
        return _STREAMS.get(name)
    own = name.startswith(("/dev/", "/proc/self/", "/proc/thread-self/", f"/proc/{os.getpid()}/"))
    return int(found[1] or found[2]) if own else None


def _replace(
    target: Path, data: bytes | Iterable[bytes], known: os.stat_result | None, mode: int | None, replace: bool
) -> None:
    """Writes a file beside the target and moves it there."""
    part = target.with_name(f".cccd-{secrets.token_hex(8)}.part")  # of no name that is too long beside a long one
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666 if mode is None else mode)
    try:
        with os.fdopen(descriptor, "wb") as file:
            if known is not None:
                _keep(file.fileno(), known)
            _put(file, data)
        if replace:
            part.replace(target)
        else:
            os.link(part, target)  # fails where somebody was quicker
            part.unlink()
    except BaseException:
        with suppress(OSError):
            part.unlink(missing_ok=True)
        raise
    sync_folder(target.parent)


def _keep(descriptor: int, known: os.stat_result) -> None:
    """Gives a file the owner and the mode of the one that it replaces."""
    found = os.fstat(descriptor)
    if (found.st_uid, found.st_gid) != (known.st_uid, known.st_gid):
        os.fchown(descriptor, known.st_uid, known.st_gid)  # EPERM: somebody else's file is not made ours unseen
    os.fchmod(descriptor, stat.S_IMODE(known.st_mode))


def _write_into(target: Path, data: bytes | Iterable[bytes], flags: int) -> None:
    with os.fdopen(_open_into(target, flags), "wb") as file:
        _put(file, data)


def _open_into(target: Path, flags: int, mode: int = 0o666) -> int:
    deadline = time.monotonic() + _PIPE_PATIENCE_S
    while True:
        try:
            # O_NONBLOCK for the opening alone: a pipe that nobody reads must not hold the program without end.
            descriptor = os.open(target, os.O_WRONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC | flags, mode)
            break
        except OSError as error:
            if error.errno != errno.ENXIO or time.monotonic() > deadline:
                raise
            time.sleep(_POLL_S)
    os.set_blocking(descriptor, True)
    return descriptor


def _put(file: IO[bytes], data: bytes | Iterable[bytes]) -> None:
    for piece in (data,) if isinstance(data, bytes) else data:
        file.write(piece)
    file.flush()
    if stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        os.fsync(file.fileno())
