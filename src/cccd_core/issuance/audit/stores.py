"""Where the lines of a trail are kept: what reads one, what is added to one, and a trail in a file.

Whoever adds holds the trail alone from before it looks at the last line until its own lines are kept: so several
threads, processes and machines write one chain.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import Final, Protocol

from cccd_core.errors import FileError
from cccd_core.issuance.audit.chain import LINE_BYTES_MAX
from cccd_core.storage import whole_file
from cccd_core.storage.faults import file_error
from cccd_core.storage.lock import hold

FILE_BYTES_MAX: Final = 1 << 32
"""Of a trail that is read whole: one of an earlier version, or from standard input."""
WHAT: Final = "audit trail"
_CHUNK: Final = 1 << 16


class TrailReader(Protocol):
    """The lines of one trail, as often as they are asked for."""

    @property
    def where(self) -> str:
        """The place, in errors."""

    @property
    def guarded(self) -> bool:
        """Whether what forbids to alter lines is as it was made, where the place has anything of the kind."""

    def lines(self, skip: int = 0) -> Iterator[bytes]:
        """Each line with its end, in order, but for so many; a last one without an end is torn. Of a line that is
        longer than any that was ever written the beginning alone comes. FileError."""


class Writing(Protocol):
    """A trail that is held alone."""

    def first(self) -> bytes | None:
        """The first line, without its end; None where there is none."""

    def back(self) -> Iterator[bytes]:
        """Every line, without its end, from the last to the first."""

    def append(self, lines: Sequence[bytes]) -> None:
        """Adds lines: all of them, and on the disk when `TrailStore.writing` ends, or none."""


class TrailStore(TrailReader, Protocol):
    """Where one trail is kept. Errors name the place; nothing in it is ever changed or taken out."""

    def writing(self) -> AbstractContextManager[Writing]:
        """Holds the trail alone, after everybody who asked before; what an interruption tore off is cut. FileError."""

    def holds(self, line: bytes) -> bool:
        """Whether this line stands among the last ones. FileError."""

    def set_aside(self) -> None:
        """Puts the trail that stands here, one of an earlier version, where `aside` finds it; nothing where there is
        none. FileError."""

    def aside(self) -> list[bytes]:
        """The lines that were put aside; none where there are none. FileError."""


class BytesReader:
    """A trail in memory."""

    where: Final = "-"
    guarded: Final = True

    def __init__(self, data: bytes) -> None:
        self._data = data

    def lines(self, skip: int = 0) -> Iterator[bytes]:
        """See `TrailReader`."""
        start = 0
        while start < len(self._data):
            end = self._data.find(b"\n", start) + 1 or len(self._data)
            if skip:
                skip -= 1
            else:
                yield self._data[start:end]
            start = end


class FileStore:
    """A trail in a file, a line a record. One of an earlier version is put beside it as `NAME.v1.jsonl`."""

    guarded: Final = True

    def __init__(self, path: Path) -> None:
        self.path = path
        self._aside = path.with_name(f"{path.stem}.v1{path.suffix}")

    @property
    def where(self) -> str:
        """See `TrailReader`."""
        return str(self.path)

    def lines(self, skip: int = 0) -> Iterator[bytes]:
        """See `TrailReader`; none where there is no file."""
        try:
            with self.path.open("rb") as file:
                while line := file.readline(LINE_BYTES_MAX + 2):
                    whole = line
                    while not whole.endswith(b"\n") and (whole := file.readline(_CHUNK)):
                        line = line[: LINE_BYTES_MAX + 1] + b"\n"  # too long for any line: what is read ends it
                    if skip:
                        skip -= 1
                    else:
                        yield line
        except FileNotFoundError:
            return
        except OSError as error:
            raise file_error(f"the {WHAT} cannot be read", error, path=self.where) from None

    @contextmanager
    def writing(self) -> Iterator[Writing]:
        """See `TrailStore`; the file is made, for its owner alone, where there is none."""
        try:
            descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise file_error(f"the {WHAT} cannot be written", error, path=self.where) from None
        try:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise FileError(f"the {WHAT} cannot be written", path=self.where, why="not a file")
            hold(descriptor, WHAT, self.path, wait=True)
            file = _HeldFile(descriptor, self.path)
            file.cut_torn_end()
            yield file
        finally:
            os.close(descriptor)

    def holds(self, line: bytes) -> bool:
        """Always whether it was added: a file is added to or it is not."""
        with self.writing() as file:
            return next(file.back(), None) == line

    def set_aside(self) -> None:
        """See `TrailStore`."""
        if not self.path.exists():
            return
        try:
            self.path.rename(self._aside)
            whole_file.sync_folder(self.path.parent)
        except OSError as error:
            raise file_error("the trail of an earlier version cannot be put aside", error, path=self.where) from None

    def aside(self) -> list[bytes]:
        """See `TrailStore`."""
        if not self._aside.exists():
            return []
        return whole_file.read(self._aside, WHAT, most=FILE_BYTES_MAX).split(b"\n")[:-1]


class _HeldFile:
    """The open file of a trail, which this process holds alone."""

    def __init__(self, descriptor: int, path: Path) -> None:
        self._descriptor, self._path = descriptor, path
        self._end = os.fstat(descriptor).st_size

    def first(self) -> bytes | None:
        data = self._read(0, _CHUNK)  # no first line is as long
        return data.partition(b"\n")[0] if self._end else None

    def back(self) -> Iterator[bytes]:
        start, rest = self._end - 1, b""  # without the end of the last line
        while start > 0:
            size = min(_CHUNK, start)
            start -= size
            *lines, rest = reversed((self._read(start, size) + rest).split(b"\n"))
            yield from lines
        if self._end:
            yield rest

    def append(self, lines: Sequence[bytes]) -> None:
        new = not self._end
        try:
            try:
                view = memoryview(b"".join(line + b"\n" for line in lines))
                while view:
                    view = view[os.write(self._descriptor, view) :]
            except OSError:
                with suppress(OSError):
                    os.ftruncate(self._descriptor, self._end)
                raise
            os.fsync(self._descriptor)
            if new:
                whole_file.sync_folder(self._path.parent)
            self._end = os.fstat(self._descriptor).st_size
        except OSError as error:
            raise file_error(f"the {WHAT} cannot be written", error, path=str(self._path)) from None

    def cut_torn_end(self) -> None:
        """Cuts what was never acknowledged."""
        end = self._end
        whole = 0
        while end and not whole:
            start = max(0, end - _CHUNK)
            found = self._read(start, end - start).rfind(b"\n")
            whole, end = (start + found + 1, end) if found >= 0 else (0, start)
        if whole < self._end:
            try:
                os.ftruncate(self._descriptor, whole)
            except OSError as error:
                what = f"the torn end of the {WHAT} cannot be cut"
                raise file_error(what, error, path=str(self._path)) from None
            self._end = whole

    def _read(self, start: int, size: int) -> bytes:
        try:
            return os.pread(self._descriptor, size, start)
        except OSError as error:
            raise file_error(f"the {WHAT} cannot be read", error, path=str(self._path)) from None
