"""The door to the codecs: read, write, load, and the names of the formats. Imports the codecs, the model and errors."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from cccd_core.errors import FileError, FormatError, ParameterError
from cccd_core.templates import iso19794_2_2005
from cccd_core.templates.model import FingerTemplate, TemplateRecord

MAX_FILE_BYTES = 16 * 1024 * 1024  # no record of any edition comes near

# name -> what it is
FORMATS = {
    "iso-2005": "ISO/IEC 19794-2:2005 record",
    "iso-2005-card": "ISO/IEC 19794-2:2005 card format, normal size",
    "iso-2005-compact": "ISO/IEC 19794-2:2005 card format, compact size",
    "iso-2011": "ISO/IEC 19794-2:2011 record",
    "ansi-2004": "ANSI/INCITS 378-2004 record",
    "ansi-2009": "ANSI/INCITS 378-2009 record",
    "xyt": "NIST mindtct .xyt text",
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

    Raises FormatError, with the offset, for bytes that are no valid record, and ParameterError where the format lacks
    what the caller must then state (.xyt: `dpi` and `height_px`). Card formats have no magic and must be named.
    """
    del dpi, height_px, width_px
    if format is not None and format not in FORMATS:
        raise ParameterError("unknown template format", format=format, known=" ".join(FORMATS))
    if format in (None, "iso-2005"):
        return iso19794_2_2005.read(data)
    raise FormatError("this format is not read yet", format=format)


def write(record: TemplateRecord | FingerTemplate | Sequence[FingerTemplate], format: str) -> bytes:  # noqa: A002
    """The bytes of `record` (or of these views) in `format`, a key of FORMATS.

    ParameterError where the format cannot hold it (too many minutiae, a size or a resolution out of its range).
    """
    if isinstance(record, FingerTemplate):
        record = TemplateRecord(format, (record,))
    elif not isinstance(record, TemplateRecord):
        record = TemplateRecord(format, tuple(record))
    if format != "iso-2005":
        raise ParameterError("unknown template format", format=format, known=" ".join(FORMATS))
    return iso19794_2_2005.write(record)


def load(
    path: str | Path,
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
    except (FormatError, ParameterError) as error:
        raise error.with_facts(path=str(path)) from error.__cause__
