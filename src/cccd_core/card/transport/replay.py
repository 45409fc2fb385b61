"""Recorded sessions: a link that writes down what passes, and a link that plays it back.

A recording is a file of JSON lines: first `{"cccd_session": 1, "atr": hex}`, then for each exchange
`{"command": hex, "response": hex}`, `{"event": "reset"}` or `{"event": "removed"}`. A redacted recording holds headers,
lengths and status words alone (`{"header": hex, "nc": n, "nr": n, "sw": hex}`): good to look at, not to play back.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final, TextIO

from cccd_core.card.link import Link
from cccd_core.errors import CardRemovedError, FileError, FormatError, TransportError

VERSION: Final = 1
RECORDING_BYTES_MAX: Final = 1 << 26


class RecordingLink:
    """Passes everything on to `link` and writes it to `path`. `redacted` keeps all data out of the file; leave it on
    wherever the card may be a person's.
    """

    def __init__(self, link: Link, path: Path, *, redacted: bool = True) -> None:
        self._link = link
        self._redacted = redacted
        try:
            self._file: TextIO = path.open("w", encoding="ascii")
        except OSError as error:
            raise FileError("cannot write the recording", path=str(path), why=error.strerror or "") from None
        self._write({"cccd_session": VERSION, "atr": link.atr.hex(), "redacted": redacted})

    @property
    def atr(self) -> bytes:
        """The answer to reset."""
        return self._link.atr

    def transmit(self, command: bytes) -> bytes:
        """One APDU, passed on and written down."""
        try:
            response = self._link.transmit(command)
        except CardRemovedError:
            self._write({"event": "removed"})
            raise
        if self._redacted:
            self._write(
                {
                    "header": command[:4].hex(),
                    "nc": max(0, len(command) - 4),
                    "nr": max(0, len(response) - 2),
                    "sw": response[-2:].hex(),
                }
            )
        else:
            self._write({"command": command.hex(), "response": response.hex()})
        return response

    def reset(self) -> None:
        """A reset, passed on and written down."""
        self._link.reset()
        self._write({"event": "reset"})

    def close(self) -> None:
        """Closes the link and the recording."""
        self._link.close()
        self._file.close()

    def _write(self, line: dict[str, Any]) -> None:
        self._file.write(json.dumps(line) + "\n")
        self._file.flush()


class ReplayLink:
    """Plays a recording back: each command must be the recorded one, byte for byte, in its order.

    Raises FormatError for what is no recording or a redacted one; `transmit` raises TransportError, with the number of
    the line, where the session goes another way than the recorded one.
    """

    def __init__(self, path: Path) -> None:
        try:
            if path.stat().st_size > RECORDING_BYTES_MAX:
                raise FormatError("a recording larger than any can be", path=str(path))
            text = path.read_text(encoding="ascii")
        except (OSError, UnicodeDecodeError) as error:
            raise FileError("cannot read the recording", path=str(path), why=type(error).__name__) from None
        lines = text.splitlines()
        head = _line(lines[0] if lines else "", 1)
        if head.get("cccd_session") != VERSION or head.get("redacted") is True:
            raise FormatError("no recording that can be played back", path=str(path))
        self.atr = _hex(head, "atr", 1)
        self._steps: list[tuple[int, str | bytes, bytes]] = []
        for number, raw in enumerate(lines[1:], 2):
            line = _line(raw, number)
            if "event" in line:
                if line["event"] not in ("reset", "removed"):
                    raise FormatError("a recording with an unknown event", line=number)
                self._steps.append((number, line["event"], b""))
            else:
                self._steps.append((number, _hex(line, "command", number), _hex(line, "response", number)))
        self._next = 0

    @property
    def finished(self) -> bool:
        """Whether everything recorded was played."""
        return self._next == len(self._steps)

    def transmit(self, command: bytes) -> bytes:
        """The recorded answer to the recorded command."""
        number, expected, response = self._step()
        if expected == "removed":
            raise CardRemovedError("the card leaves here in the recording", line=number)
        if expected != command:
            raise TransportError("another command than the recorded one", line=number, header=command[:4].hex())
        return response

    def reset(self) -> None:
        """A recorded reset."""
        number, expected, _ = self._step()
        if expected != "reset":
            raise TransportError("a reset that was not recorded", line=number)

    def close(self) -> None:
        """Nothing to let go of."""

    def _step(self) -> tuple[int, str | bytes, bytes]:
        if self.finished:
            raise TransportError("the recording is over", line=len(self._steps) + 1)
        self._next += 1
        return self._steps[self._next - 1]


def _line(raw: str, number: int) -> dict[str, Any]:
    try:
        line = json.loads(raw)
    except (ValueError, RecursionError):
        raise FormatError("a line of the recording is no JSON", line=number) from None
    if not isinstance(line, dict):
        raise FormatError("a line of the recording is no object", line=number)
    return line


def _hex(line: dict[str, Any], name: str, number: int) -> bytes:
    value = line.get(name)
    try:
        return bytes.fromhex(value) if isinstance(value, str) else _no_bytes(number, name)
    except ValueError:
        return _no_bytes(number, name)


def _no_bytes(number: int, name: str) -> bytes:
    raise FormatError("a line of the recording lacks its bytes", line=number, field=name)
