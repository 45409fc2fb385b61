"""Reading a template: wrappers, detection and every codec by name."""

from __future__ import annotations

import base64
import gzip

import numpy as np

from cccd_core import templates

MODULES = ("cccd_core.templates",)

NAMES = tuple(templates.FORMATS)
DETECT = len(NAMES)  # as the first byte
SIZE = {"height_px": 480, "width_px": 400}


def example(count: int = 3) -> templates.FingerTemplate:
    """A small template with something in every field."""
    places = np.arange(count, dtype=np.uint16)
    return templates.FingerTemplate(
        places * 7 % 250,
        places * 13 % 240,
        places * 5003,
        (places % 3).astype(np.uint8),
        (places % 101).astype(np.uint8),
        width_px=400,
        height_px=480,
        position=2,
        capture_quality=80,
        extended=bytes.fromhex("00010008010002030102000601ff"),
    )


SEEDS = tuple(
    bytes([first]) + templates.write(example(), name, **SIZE)
    for number, name in enumerate(NAMES)
    for first in (number, DETECT)
) + tuple(
    bytes([DETECT]) + wrapped
    for record in (templates.write(example(), "iso-2005"),)
    for wrapped in (
        base64.b64encode(record),
        record.hex().encode(),
        gzip.compress(record),
        b'{"a":["' + base64.b64encode(record) + b'"]}',
        b"<BIR><BIR><Subtype>Left Thumb</Subtype><BDB>" + base64.b64encode(record) + b"</BDB></BIR></BIR>",
        b"\x03\x0d" + bytes(86) + record + bytes(9),
        record + bytes(5),
    )
)


def large() -> list[bytes]:
    """Close to 64 KiB: many small views, few large ones, and text."""
    inputs = [bytes([DETECT]) + b"16383 100 359 100\n" * 1000, bytes([NAMES.index("xyt")]) + b"\n" * 65535]
    for name in ("iso-2005", "iso-2011", "ansi-2004", "ansi-2009"):
        for views, minutiae in ((176, 50), (176, 0), (40, 255)):
            data = templates.write([example(minutiae)] * views, name)
            inputs.append(bytes([DETECT]) + data)
    return inputs


def target(data: bytes) -> None:
    """The first byte names the format, or asks for detection; the rest is the file."""
    name = NAMES[data[0]] if data and data[0] < DETECT else None
    templates.read(data[1:], format=name, dpi=500, **SIZE)
