"""Lines of bounded length out of a socket."""

from __future__ import annotations

import socket
import time
from typing import Final

from cccd_core.dedup.service.protocol import FRAME_BYTES_MOST
from cccd_core.errors import FormatError

_READ: Final = 1 << 16


class Lines:
    """What comes in over a socket, line by line."""

    def __init__(self, connection: socket.socket) -> None:
        self._socket = connection
        self._rest = bytearray()

    def next(self, idle_s: float, line_s: float) -> bytes | None:
        """The next line without its end; None where the other side ended. TimeoutError where none begins within
        `idle_s`, or one that has begun does not end within `line_s`; FormatError where it is too long; OSError."""
        looked, begun = 0, time.monotonic() if self._rest else None
        while (end := self._rest.find(b"\n", looked)) < 0:
            looked = len(self._rest)
            if looked > FRAME_BYTES_MOST:
                raise FormatError("a line is too long", most=FRAME_BYTES_MOST)
            self._socket.settimeout(idle_s if begun is None else max(0.001, begun + line_s - time.monotonic()))
            more = self._socket.recv(_READ)
            if not more:
                return None
            self._rest += more
            begun = time.monotonic() if begun is None else begun
            if time.monotonic() > begun + line_s:
                raise TimeoutError
        line = bytes(self._rest[:end])
        del self._rest[: end + 1]
        return line
