"""The log of a command: what the library's loggers say, as lines `time level logger message`. Never data."""

from __future__ import annotations

import logging
import os
import stat
import sys
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import IO

from cccd_core.cli.terminal import tell
from cccd_core.errors import FileError
from cccd_core.printable import shown
from cccd_core.storage.faults import file_error

ROOT = logging.getLogger("cccd_core")


class Level(StrEnum):
    """How much is logged."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"


def start(target: Path, level: Level) -> None:
    """Logs to standard error (`-`), or to the end of a file, which is made for its owner alone where it is missing.

    FileError, DiskFullError where not even the first line can be written.
    """
    stop()
    handler = _Lines(sys.stderr if target == Path("-") else _opened(target), target)
    handler.setFormatter(_Line())
    ROOT.addHandler(handler)
    ROOT.setLevel(level.upper())
    try:
        handler.stream.write(_line("INFO", __name__, f"the log begins, level {level}") + "\n")
        handler.stream.flush()
    except OSError as error:
        stop()
        raise file_error("the log cannot be written", error, path=str(target)) from None


def silence_others() -> None:
    """What other libraries log, tracebacks among it, is not shown where nobody asked for a log."""
    logging.getLogger().addHandler(logging.NullHandler())


def stop() -> None:
    """Ends every log that `start` began."""
    for handler in [handler for handler in ROOT.handlers if isinstance(handler, _Lines)]:
        ROOT.removeHandler(handler)
        ROOT.setLevel(logging.NOTSET)
        handler.close()


class _Lines(logging.StreamHandler[IO[str]]):
    def __init__(self, stream: IO[str], target: Path) -> None:
        super().__init__(stream)
        self._target = target
        self._lost = False

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - logging's name
        """A log that fails on the way is told once, and stops no work."""
        error = sys.exc_info()[1]
        if not isinstance(error, OSError):
            super().handleError(record)
        elif not self._lost:
            self._lost = True
            tell(f"{file_error('the log cannot be written', error, path=str(self._target))}")

    def close(self) -> None:
        """Closes the file; standard error stays open."""
        super().close()
        if self.stream is not sys.stderr:
            try:
                self.stream.close()
            except OSError:  # told already
                return


class _Line(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        return _line(record.levelname, record.name, super().format(record))


def _line(level: str, name: str, message: str) -> str:
    time = datetime.now().astimezone().isoformat(timespec="milliseconds")
    return f"{time} {level} {name} {shown(message)}"


def _opened(target: Path) -> IO[str]:
    try:
        if target.exists() and stat.S_ISBLK(target.stat().st_mode):
            raise FileError("a device cannot be a log", path=str(target))
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOCTTY | os.O_NONBLOCK
        descriptor = os.open(target, flags, 0o600)
        os.set_blocking(descriptor, True)
        return os.fdopen(descriptor, "w", encoding="utf-8", errors="backslashreplace")
    except OSError as error:
        raise file_error("the log cannot be written", error, path=str(target)) from None
