"""Every template format: detection, each codec by name, and what is read is written again and read back alike."""

from __future__ import annotations

import numpy as np

from cccd_core import templates
from cccd_core.errors import ParameterError

MODULES = ("cccd_core.templates",)

NAMES = tuple(templates.FORMATS)
IMAGE = {"dpi": 500, "height_px": 480, "width_px": 400}


def _view(count: int) -> templates.FingerTemplate:
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


def _seeds() -> tuple[bytes, ...]:
    seeds = []
    for number, name in enumerate(NAMES):
        options = IMAGE | ({} if name.startswith("iso-2005-c") else {"dpi": None})
        body = templates.write(_view(3), name, **options)
        seeds += [bytes([number]) + body, bytes([len(NAMES)]) + body]
    return tuple(seeds)


SEEDS = _seeds()


def target(data: bytes) -> None:
    """The first byte names the format, or asks for detection; the rest is the file."""
    if not data:
        return
    name = NAMES[data[0]] if data[0] < len(NAMES) else None
    record = templates.read(data[1:], format=name, **IMAGE)
    again = templates.write(record, record.format)
    if templates.read(again, format=record.format, **IMAGE) != record:
        raise AssertionError(f"{record.format}: what was written is not what was read")
    for other in NAMES:
        try:
            templates.convert(record, other, height_px=0x3FFF)
        except ParameterError:
            continue  # the format cannot hold it
