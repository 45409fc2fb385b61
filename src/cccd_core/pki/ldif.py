"""LDIF as the ICAO public key directory publishes it: which attribute has which value, on which line.

RFC 2849. Imports nothing but the ground. Values that lie elsewhere (`:<`) are never fetched.
"""

from __future__ import annotations

import base64
import binascii
import io
from collections.abc import Iterator
from dataclasses import dataclass, field

from cccd_core.errors import FormatError

MAX_LINE_BYTES = 48 << 20  # the base64 of the longest master list


@dataclass(frozen=True, slots=True)
class Value:
    """One value of an attribute: its type in lower case without options (`;binary`), where it begins, its bytes.

    `error` is set, and the bytes are empty, where the value cannot be read or must not be taken.
    """

    attribute: str
    line: int
    value: bytes = field(repr=False)
    error: FormatError | None = None


def is_ldif(data: bytes) -> bool:
    """Whether these bytes begin as LDIF does: a version, a comment or an entry's name."""
    for line in data[:8192].splitlines():
        word = line.strip().lower()
        if word and not word.startswith(b"#"):
            return word.startswith((b"version:", b"dn:"))
    return False


def read(data: bytes) -> Iterator[Value]:
    """The values of all attributes in the order of the file. Changes other than `add` are named, not made.

    Never raises for what the file says: a value that cannot be read comes with its `error`.
    """
    change = ""
    for number, line in _unfolded(data):
        if not line:
            change = ""
            continue
        if line.startswith(b"#") or line == b"-":
            continue
        name, colon, rest = line.partition(b":")
        attribute = name.split(b";", 1)[0].strip().lower().decode("ascii", errors="replace")[:80]
        if not colon:
            yield Value(attribute, number, b"", FormatError("a line of LDIF without a colon", line=number))
            continue
        if attribute == "changetype":
            change = rest.strip().lower().decode("ascii", errors="replace")[:20]
            continue
        if change not in ("", "add"):
            yield Value(
                attribute,
                number,
                b"",
                FormatError("a change of the directory, not an entry", line=number, change=change),
            )
            continue
        yield _value(attribute, number, rest)


def _value(attribute: str, number: int, rest: bytes) -> Value:
    if len(rest) > MAX_LINE_BYTES:
        return Value(attribute, number, b"", FormatError("a value is too long", line=number, limit=MAX_LINE_BYTES))
    if rest.startswith(b"<"):
        return Value(attribute, number, b"", FormatError("a value that lies elsewhere is not fetched", line=number))
    if not rest.startswith(b":"):
        return Value(attribute, number, rest.strip())
    try:
        return Value(attribute, number, base64.b64decode(rest[1:].strip(), validate=True))
    except binascii.Error:
        return Value(attribute, number, b"", FormatError("a value is not base64", line=number))


def _unfolded(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Each line with its continuations (which begin with one space), and the number of its first."""
    whole: bytearray | None = None
    start = 1
    for number, raw in enumerate(io.BytesIO(data), 1):
        line = raw.rstrip(b"\r\n")
        if line.startswith(b" ") and whole is not None:
            whole += line[1:]
            continue
        if whole is not None:
            yield start, bytes(whole)
        whole, start = bytearray(line), number
    if whole is not None:
        yield start, bytes(whole)
