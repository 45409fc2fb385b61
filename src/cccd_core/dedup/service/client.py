"""Asking a service from another process."""

from __future__ import annotations

import socket
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from cccd_core.dedup.service.framing import Lines
from cccd_core.dedup.service.protocol import Reply, Request, frame_of, reply_of
from cccd_core.errors import BusyError, ConflictError, FileError, UnavailableError

_SLACK_S: Final = 30.0  # beyond what a request lets the answer wait


class Client:
    """One connection to a service; for one thread."""

    def __init__(self, path: Path) -> None:
        """Connects to the socket. UnavailableError where nobody answers there."""
        self._path = path
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
        self._lines = Lines(self._socket)
        try:
            self._socket.connect(str(path))
        except (OSError, ValueError) as error:
            self._socket.close()
            why = getattr(error, "strerror", None) or "not a socket's path"
            what = "nobody answers at the socket"
            raise UnavailableError(what, path=str(path), why=why, needs="cccd search GALLERY --serve SOCKET") from None

    def ask(self, request: Request) -> Reply:
        """Sends a request and reads its answer. ParameterError for one that is none; FileError where the service went
        away, BusyError where it does not answer; FormatError for what is no answer."""
        request.demand_sound()
        frame = frame_of(request)
        try:
            self._socket.settimeout(request.wait + _SLACK_S)
            self._socket.sendall(frame)
            line = self._lines.next(request.wait + _SLACK_S, request.wait + _SLACK_S)
        except TimeoutError:
            raise BusyError("the service does not answer", path=str(self._path)) from None
        except OSError as error:
            raise FileError("the service went away", path=str(self._path), why=error.strerror or "") from None
        if line is None:
            raise FileError("the service went away", path=str(self._path))
        return reply_of(line)

    def close(self) -> None:
        """Ends the connection."""
        self._socket.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        del kind, error, trace
        self.close()


def outcome_of(reply: Reply) -> Reply:
    """The same reply; the error of one that was refused or failed is raised, with the request's `id`, and ConflictError
    for an id of which nobody knows."""
    if reply.error is not None:
        error = reply.error.again()
        raise error if reply.id is None else error.with_facts(id=reply.id)
    if reply.state == "unknown":
        raise ConflictError("nobody knows of a request of this id, or its answer is not kept any more")
    return reply
