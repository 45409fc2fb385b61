"""What is read is written again, reads back alike, and converts to every format or is refused by it."""

from __future__ import annotations

import contextlib

from cccd_core import templates
from cccd_core.errors import ParameterError
from fuzz.targets.templates import NAMES, SEEDS, SIZE

__all__ = ["MODULES", "SEEDS", "target"]

MODULES = ("cccd_core.templates",)

MAX_BYTES = 2048  # many conversions of one record; the time that reading takes is for the target `templates` to judge


def target(data: bytes) -> None:
    """The first byte names the format, or asks for detection; the rest is the file."""
    if len(data) > MAX_BYTES:
        return
    name = NAMES[data[0]] if data and data[0] < len(NAMES) else None
    record = templates.read(data[1:], format=name, dpi=500, **SIZE)
    if len(record.views) > 16:
        return
    again = templates.write(record, record.format)
    if templates.read(again, format=record.format, dpi=500, **SIZE) != record:
        raise AssertionError(f"{record.format}: what was written is not what was read")
    for other in NAMES:
        with contextlib.suppress(ParameterError):  # the format cannot hold it
            converted = templates.convert(record, other, height_px=0x3FFF)
            if templates.convert(converted, other) != converted:
                raise AssertionError(f"{other}: a record changes on its way to its own format")
