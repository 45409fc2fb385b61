"""Images of fingers, as the decoder's process takes them: WSQ by our decoder, the others by Pillow."""

from __future__ import annotations

import io
import struct

from PIL import Image

from cccd_core.errors import CccdError
from cccd_core.extraction import decoding, wsq

MODULES = ("cccd_core.extraction.wsq", "cccd_core.extraction.decoding")
_MOST_PX = 100_000


def _segment(marker: int, body: bytes) -> bytes:
    return struct.pack(">HH", marker, len(body) + 2) + body


def _wsq(height: int, width: int, coded: bytes) -> bytes:
    """A file of one subband, filters of one tap, and codes of 8 bits for a value, runs and escapes."""
    taps = bytes([1, 1]) + struct.pack(">BBI", 0, 0, 1) * 2
    steps = struct.pack(">BH", 2, 44) + b"".join(struct.pack(">BHBH", 0, int(n < 1), 1, 12) for n in range(64))
    symbols = bytes([189, 171, 3, 101, 102, 103, 104, 105, 106])
    codes = bytes([0] + [0] * 7 + [len(symbols)] + [0] * 8) + symbols
    block = _segment(0xFFA3, b"\0")
    return b"".join(
        [
            b"\xff\xa0",
            _segment(0xFFA8, b"NIST_COM 2\nPPI 500\n"),
            _segment(0xFFA4, taps),
            _segment(0xFFA5, steps),
            _segment(0xFFA2, struct.pack(">BBHHBHBHBH", 0, 255, height, width, 0, 128, 0, 1, 0, 0)),
            _segment(0xFFA6, codes),
            block,
            coded,
            block * 2,
            b"\xff\xa1",
        ]
    )


def _saved(kind: str) -> bytes:
    out = io.BytesIO()
    Image.new("L", (9, 7), 99).save(out, kind)
    return out.getvalue()


SEEDS: tuple[bytes, ...] = (
    _wsq(32, 32, bytes([0])),
    _wsq(40, 70, bytes([0, 3, 77, 1, 2, 0])),
    *(_saved(kind) for kind in ("PNG", "TIFF", "BMP", "JPEG", "JPEG2000")),
)


def large() -> list[bytes]:
    """A block full of codes in an image as large as is taken here."""
    return [_wsq(300, 330, bytes(110)), _wsq(316, 316, bytes(60_000))]


def target(data: bytes) -> None:
    """Decodes as the process does, of fewer pixels."""
    try:
        if data[:2] == wsq.START:
            wsq.decode(data, most_px=_MOST_PX)
        elif len(data) < 4096:
            decoding.decode(data)
    except (CccdError, MemoryError):
        pass
