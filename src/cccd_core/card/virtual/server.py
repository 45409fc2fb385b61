"""Serves a software card to vpcd, the virtual reader of the vsmartcard project.

The card is the TCP client. Each message is a length (two bytes, big endian) and that many bytes: one byte is a control
(0 power off, 1 power on, 2 reset, 4 answer to reset), more are an APDU. vpcd sends length and body apart; without
TCP_QUICKACK before every `recv` the delayed acknowledgement slows a card to 21 APDUs a second.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from typing import Final

from cccd_core.card.transport.memory import Card
from cccd_core.errors import CardRemovedError

DEFAULT_PORT: Final = 35_963
RETRY_S: Final = 0.2
POLL_S: Final = 0.01
SEND_S: Final = 30.0  # how long a reader may take to accept an answer
_POWER_OFF: Final = 0
_POWER_ON: Final = 1
_RESET: Final = 2
_ATR: Final = 4


class _GoneError(Exception):
    """The reader closed the connection."""


def serve(
    card: Card,
    port: int = DEFAULT_PORT,
    *,
    host: str = "127.0.0.1",
    stop: threading.Event | None = None,
    on_connect: Callable[[bool], None] | None = None,
) -> None:
    """Keeps `card` in the virtual reader of `port` until `stop` is set; comes back when the reader's service restarts.

    `on_connect(True)` is called when the card is in the reader, `on_connect(False)` when the reader let go of it.
    Returns within a hundredth of a second after `stop`, never in the middle of a command.
    """
    stop = stop or threading.Event()
    while not stop.is_set():
        try:
            connection = socket.create_connection((host, port), timeout=1.0)
        except OSError:
            stop.wait(RETRY_S)
            continue
        with connection:
            if on_connect is not None:
                on_connect(True)
            try:
                _serve_connection(card, connection, stop)
            except (_GoneError, CardRemovedError, OSError):  # a card without power answers nobody
                stop.wait(RETRY_S)
            finally:
                card.power_off()
                if on_connect is not None:
                    on_connect(False)


def _serve_connection(card: Card, connection: socket.socket, stop: threading.Event) -> None:
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    connection.settimeout(POLL_S)
    while not stop.is_set():
        head = _receive(connection, 2, stop)
        if not head:
            return
        message = _receive(connection, int.from_bytes(head, "big"), None)
        if len(message) != 1:
            card_answer = card.process(message)
        elif message[0] == _ATR:
            card_answer = card.atr
        else:
            if message[0] == _POWER_OFF:
                card.power_off()
            elif message[0] in (_POWER_ON, _RESET):
                card.power_on()
            continue
        connection.settimeout(SEND_S)
        connection.sendall(len(card_answer).to_bytes(2, "big") + card_answer)
        connection.settimeout(POLL_S)


def _receive(connection: socket.socket, size: int, stop: threading.Event | None) -> bytes:
    """`size` bytes; b"" when `stop` was set before the first of them."""
    parts = bytearray()
    while len(parts) < size:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
        try:
            part = connection.recv(size - len(parts))
        except TimeoutError:
            if stop is not None and not parts and stop.is_set():
                return b""
            continue
        if not part:
            raise _GoneError
        parts += part
    return bytes(parts)
