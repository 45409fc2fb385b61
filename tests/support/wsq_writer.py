"""WSQ files of a few numbers: a smooth image whose pixels can be said beforehand, and whatever a test spoils."""

from __future__ import annotations

import struct

LOW = (8526986790, 3774028556, -1106244044, -238494650, 378284555)  # times 10^-10, from the centre on
HIGH = (7884856164, -4180922732, -406894176, 645388826)


def segment(marker: int, body: bytes) -> bytes:
    return struct.pack(">HH", marker, len(body) + 2) + body


def frame(height: int, width: int, shift: int = 128) -> bytes:
    return segment(0xFFA2, struct.pack(">BBHHBHBHBH", 0, 255, height, width, 0, shift, 0, 1, 0, 0))


def filters() -> bytes:
    # mantissas have 32 bits: one digit less for the largest
    numbers = [(value < 0, 9 if abs(value) > 0xFFFFFFFF else 10, value) for value in (*LOW, *HIGH)]
    coded = b"".join(
        struct.pack(">BBI", sign, power, round(abs(value) / 10 ** (10 - power))) for sign, power, value in numbers
    )
    return segment(0xFFA4, bytes([9, 7]) + coded)


def steps(coded: int) -> bytes:
    """The first `coded` subbands have steps of 1 and zero bins of 1.2."""
    pairs = b"".join(struct.pack(">BHBH", 0, int(band < coded), 1, 12 * (band < coded)) for band in range(64))
    return segment(0xFFA5, struct.pack(">BH", 2, 44) + pairs)


def codes(symbols: bytes) -> bytes:
    """Each symbol has 8 bits."""
    counts = bytes([0] * 7 + [len(symbols)] + [0] * 8)
    return segment(0xFFA6, bytes([0]) + counts + symbols)


def block(coded: bytes) -> bytes:
    return segment(0xFFA3, bytes([0])) + coded.replace(b"\xff", b"\xff\x00")


def comment(text: bytes) -> bytes:
    return segment(0xFFA8, text)


def smooth(height: int, width: int, value: int, *, text: bytes = b"NIST_COM 2\nPPI 500\n") -> bytes:
    """One subband, the lowest, every number of which is `value` (-73 to 74, not 0)."""
    count = -(-height // 32) * -(-width // 32)
    table = codes(bytes([value + 180]))
    return b"".join(
        [b"\xff\xa0", comment(text), filters(), steps(1), frame(height, width), table, block(bytes(count)), block(b""),
         block(b""), b"\xff\xa1"]
    )  # fmt: skip
