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


def _saved(kind: str, mode: str = "L", **options: object) -> bytes:
    out = io.BytesIO()
    Image.new(mode, (9, 7), 99).save(out, kind, **options)
    return out.getvalue()


def _turned() -> bytes:
    exif = Image.Exif()
    exif[0x0112] = 6
    return _saved("JPEG", exif=exif)


def _runs() -> bytes:
    """A BMP of run lengths."""
    head = struct.pack("<IiiHHIIiiII", 40, 9, 7, 1, 8, 1, 0, 0, 0, 256, 0)
    pixels = (b"\x09\x63\0\0" + b"\0\x03\1\2\3\0" + b"\0\2\1\1") * 2 + b"\0\1"
    return b"BM" + struct.pack("<IHHI", 1078 + len(pixels), 0, 0, 1078) + head + bytes(1024) + pixels


SEEDS: tuple[bytes, ...] = (
    _wsq(32, 32, bytes([0])),
    _wsq(40, 70, bytes([0, 3, 77, 1, 2, 0])),
    *(_saved(kind) for kind in ("PNG", "TIFF", "BMP", "JPEG", "JPEG2000")),
    *(_saved("TIFF", compression=each) for each in ("tiff_lzw", "tiff_adobe_deflate", "packbits", "jpeg")),
    _saved("TIFF", "1", compression="group4"),
    _saved("TIFF", "I;16"),
    _saved("PNG", "I;16", dpi=(500, 500)),
    _saved("PNG", "LA"),
    _saved("PNG", "P", transparency=0),
    _saved("JPEG", "CMYK"),
    _saved("JPEG", progressive=True),
    _saved("JPEG2000", no_jp2=True, tile_size=(4, 4)),
    _turned(),
    _runs(),
)


def large() -> list[bytes]:
    """A block full of codes in an image as large as is taken here, and tables alone."""
    tables = _segment(0xFFA6, b"".join(bytes([number % 8]) + bytes(16) for number in range(3500)))
    return [
        _wsq(300, 330, bytes(110)), _wsq(316, 316, bytes(60_000)), b"\xff\xa0" + tables,
        b"\xff\xa0" + _segment(0xFFA5, bytes(3 + 64 * 6)) * 150,
    ]  # fmt: skip


def target(data: bytes) -> None:
    """Decodes as the process does, of fewer pixels."""
    try:
        if data[:2] == wsq.START:
            wsq.decode(data, most_px=_MOST_PX)
        elif len(data) < 4096:
            decoding.decode(data)
    except (CccdError, MemoryError):
        pass
