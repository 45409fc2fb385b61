"""The door to the codecs: read, write, convert, load, save."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Sequence
from pathlib import Path

from cccd_core.errors import CccdError, FileError, ParameterError
from cccd_core.templates import (
    ansi378_2004,
    ansi378_2009,
    iso19794_2_2005,
    iso19794_2_2011,
    iso19794_2_card,
    xyt,
)
from cccd_core.templates.convert import CAPACITY, fit
from cccd_core.templates.detect import detect
from cccd_core.templates.model import FingerTemplate, TemplateRecord
from cccd_core.templates.transform import ppcm

MAX_FILE_BYTES = 16 * 1024 * 1024

# name -> what it is
FORMATS = {name: capacity.what for name, capacity in CAPACITY.items()}

_BINARY = {codec.FORMAT: codec for codec in (iso19794_2_2005, iso19794_2_2011, ansi378_2004, ansi378_2009)}
_READ: dict[str, Callable[[bytes], TemplateRecord]] = {name: codec.read for name, codec in _BINARY.items()}
_WRITE: dict[str, Callable[[TemplateRecord], bytes]] = {name: codec.write for name, codec in _BINARY.items()} | {
    iso19794_2_card.NORMAL: iso19794_2_card.write,
    iso19794_2_card.COMPACT: iso19794_2_card.write,
    xyt.FORMAT: xyt.write,
}


def read(
    data: bytes,
    *,
    format: str | None = None,  # noqa: A002 - the field's word, at the library's door
    dpi: float | None = None,
    height_px: int | None = None,
    width_px: int | None = None,
) -> TemplateRecord:
    """The record in `data`, its format detected unless `format` (a key of FORMATS) names it.

    The card formats cannot be detected and must be named. .xyt text lacks its image's resolution and height: `dpi` and
    `height_px` are demanded for it, `width_px` is welcome; formats that state these ignore the arguments.

    Raises FormatError, with the offset, for bytes that are no valid record, and ParameterError for a missing or wrong
    argument. Linear in the number of minutiae, about 40 us for a record of 50.
    """
    data = bytes(data)
    name = detect(data) if format is None else format
    codec = _READ.get(name)
    if codec is not None:
        return codec(data)
    if name in iso19794_2_card.MINUTIA_BYTES:
        return iso19794_2_card.read(data, name)
    if name != xyt.FORMAT:
        raise ParameterError("unknown template format", format=name, known=" ".join(FORMATS))
    if dpi is None or height_px is None:
        raise ParameterError(
            ".xyt does not say its image's resolution and height: state them", needs="dpi and height_px"
        )
    return xyt.read(data, ppcm=ppcm(dpi), height_px=height_px, width_px=width_px or 0)


def write(
    record: TemplateRecord | FingerTemplate | Sequence[FingerTemplate],
    format: str,  # noqa: A002
    *,
    dpi: float | None = None,
    height_px: int | None = None,
    width_px: int | None = None,
) -> bytes:
    """The bytes of `record` (or of these views) in `format`, a key of FORMATS.

    A record read in the same format comes out as it was, byte for byte. To another format it is converted with the loss
    that docs/reference/templates.md states; `dpi` asks for another resolution, `height_px` and `width_px` give the
    image's size, at the resolution written, where the source does not know it (.xyt needs the height). ParameterError
    where the format cannot hold the record: too many minutiae or views, a coordinate out of its range.
    """
    if isinstance(record, FingerTemplate):
        record = TemplateRecord("", (record,))
    elif not isinstance(record, TemplateRecord):
        record = TemplateRecord("", tuple(record))
    fitted = fit(record, format, dpi=dpi, height_px=height_px, width_px=width_px)
    return _WRITE[format](fitted)


def convert(
    record: TemplateRecord,
    format: str,  # noqa: A002
    *,
    dpi: float | None = None,
    height_px: int | None = None,
    width_px: int | None = None,
) -> TemplateRecord:
    """`record` in another format: exactly what reading the bytes of `write` gives, so that its loss shows."""
    fitted = fit(record, format, dpi=dpi, height_px=height_px, width_px=width_px)
    data = _WRITE[format](fitted)
    view = fitted.view
    if format == xyt.FORMAT:
        return xyt.read(data, ppcm=view.resolution_x_ppcm, height_px=view.height_px, width_px=view.width_px)
    return read(data, format=format)


def load(
    path: str | os.PathLike[str],
    *,
    format: str | None = None,  # noqa: A002
    dpi: float | None = None,
    height_px: int | None = None,
    width_px: int | None = None,
) -> TemplateRecord:
    """The record in the file at `path`; as `read`, with the path among the facts of its errors.

    FileError for a file that cannot be read or is larger than 16 MiB.
    """
    try:
        with Path(path).open("rb") as file:
            data = file.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise FileError("the template cannot be read", path=str(path), why=error.strerror or "") from error
    if len(data) > MAX_FILE_BYTES:
        raise FileError("the file is too large for a template", path=str(path), most=MAX_FILE_BYTES)
    try:
        return read(data, format=format, dpi=dpi, height_px=height_px, width_px=width_px)
    except CccdError as error:
        error.with_facts(path=str(path))
        raise


def save(data: bytes, path: str | os.PathLike[str]) -> None:
    """Writes `data` to `path` so that a file of this name is always whole: the old one or the new one. FileError."""
    target = Path(path)
    temporary = target.with_name(f".{target.name}.{secrets.token_hex(4)}")
    try:
        try:
            with temporary.open("xb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(target)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
    except OSError as error:
        raise FileError("the file cannot be written", path=str(path), why=error.strerror or "") from error
