"""A service at a local socket, which its owner alone may connect to."""

from __future__ import annotations

import errno
import os
import secrets
import selectors
import socket
import stat
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cccd_core.dedup.service.framing import Lines
from cccd_core.dedup.service.protocol import Reply, ToldError, frame_of, request_of
from cccd_core.dedup.service.service import Service, mistake
from cccd_core.errors import BusyError, CccdError, FileError, FormatError, ParameterError
from cccd_core.storage.faults import file_error
from cccd_core.storage.lock import exclusive

PATH_BYTES_MOST: Final = 107  # what the address of a local socket holds
_DRAFT_BYTES: Final = 16  # a draft's name may be so much longer
_POLL_S: Final = 0.2


@dataclass(frozen=True, slots=True)
class Limits:
    """What one server grants: connections at a time, and seconds until a request begins, until it is whole, and until
    its answer is taken."""

    connections: int = 64
    idle_s: float = 300.0
    request_s: float = 30.0
    answer_s: float = 30.0


@contextmanager
def listening(path: Path) -> Iterator[socket.socket]:
    """A socket at this path, mode 0600, for as long as it lasts. One at which nobody answers is replaced.

    BusyError where somebody answers; FileError where anything else stands there, or it cannot be made; ParameterError
    for a path that is too long for a socket.
    """
    if len(os.fsencode(path)) > PATH_BYTES_MOST - _DRAFT_BYTES:
        most = PATH_BYTES_MOST - _DRAFT_BYTES
        raise ParameterError("the path is too long for a socket", path=str(path), most=most)
    _demand_socket(path)
    if not path.parent.is_dir():
        raise FileError("the socket's folder is not there", path=str(path))
    with exclusive(path.with_name(f".{path.name}.lock"), "socket"):
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
        with listener:
            try:
                _take(path)
                draft = path.with_name(f".{secrets.token_hex(4)}.sock")
                try:
                    listener.bind(str(draft))
                    draft.chmod(0o600)  # nobody can connect before it listens
                    listener.listen(64)
                    os.link(draft, path)
                finally:
                    draft.unlink(missing_ok=True)
                made = path.lstat()
            except OSError as error:
                raise file_error("the socket cannot be made", error, path=str(path)) from None
            try:
                yield listener
            finally:
                with suppress(OSError):
                    if os.path.samestat(made, path.lstat()):
                        path.unlink()


def serve(service: Service, listener: socket.socket, stop: threading.Event, limits: Limits | None = None) -> None:
    """Answers whoever connects until `stop` is set; then closes the service: what runs is ended and answered.

    Raises the error for which the service failed. A client that says nothing, too much or nonsense loses its own
    connection.
    """
    server = _Server(service, Limits() if limits is None else limits)
    with selectors.DefaultSelector() as selector:
        listener.setblocking(False)
        selector.register(listener, selectors.EVENT_READ)
        try:
            while not stop.is_set() and service.failed is None:
                if selector.select(_POLL_S):
                    server.accept(listener)
        finally:
            service.close()
            server.close()
    if service.failed is not None:
        raise service.failed


class _Server:
    def __init__(self, service: Service, limits: Limits) -> None:
        self._service, self._limits = service, limits
        self._lock = threading.Lock()
        self._open: dict[socket.socket, threading.Thread] = {}
        self._answering: set[socket.socket] = set()
        self._ending = False

    def accept(self, listener: socket.socket) -> None:
        """Takes a connection, or refuses it where there are too many."""
        try:
            connection, _ = listener.accept()
        except OSError as error:
            if error.errno in (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM):
                threading.Event().wait(_POLL_S)  # it stays in the queue until there is room
            return
        with self._lock:
            if len(self._open) < self._limits.connections:
                thread = threading.Thread(target=self._answer_all, args=(connection,), daemon=True)
                self._open[connection] = thread
                thread.start()
                return
        error_ = BusyError("too many connections", most=self._limits.connections)
        with connection, suppress(OSError):
            connection.setblocking(False)
            connection.send(frame_of(Reply("refused", error=ToldError.of(error_))))

    def close(self) -> None:
        """Ends every connection, those with an answer under way after it."""
        with self._lock:
            self._ending = True
            threads = list(self._open.values())
            for connection in self._open.keys() - self._answering:
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
        for thread in threads:
            thread.join()

    def _answer_all(self, connection: socket.socket) -> None:
        try:
            with connection, suppress(OSError):  # TimeoutError is one
                lines = Lines(connection)
                while self._answer_next(connection, lines):
                    pass
        finally:
            with self._lock:
                del self._open[connection]

    def _answer_next(self, connection: socket.socket, lines: Lines) -> bool:
        """Whether there may be another one."""
        goes_on = True
        reply = Reply("refused")
        try:
            line = lines.next(self._limits.idle_s, self._limits.request_s)
        except FormatError as error:
            line, goes_on = b"", False
            reply = Reply("refused", error=ToldError.of(error))
        if line is None:
            return False
        with self._lock:
            if self._ending:
                return False
            self._answering.add(connection)
        try:
            if goes_on:
                reply = self._reply(line)
            connection.settimeout(self._limits.answer_s)
            connection.sendall(frame_of(reply))
        finally:
            with self._lock:
                self._answering.discard(connection)
                goes_on = goes_on and not self._ending
        return goes_on

    def _reply(self, line: bytes) -> Reply:
        try:
            request = request_of(line)
        except CccdError as error:
            return Reply("refused", error=ToldError.of(error))
        try:
            return self._service.ask(request)
        except Exception as error:
            # A mistake of the program costs this request alone.
            told = ToldError.of(mistake(request.operation, error))
            return Reply("refused", request.id, request.operation, error=told)


def _demand_socket(path: Path) -> None:
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return
    except OSError as error:
        raise file_error("the socket cannot be made", error, path=str(path)) from None
    if not stat.S_ISSOCK(mode):
        raise FileError("something else stands where the socket is to be", path=str(path))


def _take(path: Path) -> None:
    """Makes room for a socket: one at which nobody answers goes. BusyError."""
    _demand_socket(path)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC) as asking:
        asking.settimeout(1)
        try:
            asking.connect(str(path))
        except FileNotFoundError:
            return
        except ConnectionRefusedError:
            path.unlink()
            return
        except (BlockingIOError, TimeoutError):  # it is there, and busy
            pass
    raise BusyError("another process answers at the socket", path=str(path))
