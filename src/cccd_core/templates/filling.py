"""Reading with what the caller knows of an image, where the record does not say it itself."""

from __future__ import annotations

from cccd_core.errors import FormatError
from cccd_core.templates.convert import CAPACITY
from cccd_core.templates.io import read
from cccd_core.templates.model import TemplateRecord
from cccd_core.templates.unwrap_binary import MAX_BYTES


def read_filling(
    data: bytes,
    *,
    format: str | None = None,  # noqa: A002 - the door's word
    dpi: float | None = None,
    height_px: int | None = None,
    width_px: int | None = None,
    most_bytes: int = MAX_BYTES,
) -> tuple[TemplateRecord, bool]:
    """The record as `read` gives it, but a resolution that it states stands: `dpi` is for one that states none (.xyt, a
    resolution of zero), and says in which pixels `height_px` counts where the format has units of its own. And whether
    `dpi` became the record's resolution. Errors as `read`'s; costs two readings where both are said."""

    def as_said(resolution: float | None) -> TemplateRecord:
        return read(data, format=format, dpi=resolution, height_px=height_px, width_px=width_px, most_bytes=most_bytes)

    record = as_said(dpi)
    if dpi is None:
        return record, False
    fixed = CAPACITY[record.format].resolution_ppcm
    if fixed is not None:
        return record, not fixed
    try:
        return as_said(None), False
    except FormatError:  # it states none
        return record, True
