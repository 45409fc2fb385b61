"""The door to the codecs: read, write, convert, load, save."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace

from cccd_core.arguments import BUFFERS, members, require_type
from cccd_core.errors import CccdError, Fact, FormatError, ParameterError
from cccd_core.storage import whole_file
from cccd_core.templates import (
    ansi378_2004,
    ansi378_2009,
    iso19794_2_2005,
    iso19794_2_2011,
    iso19794_2_card,
    nist_type9,
    nist_write,
    xyt,
)
from cccd_core.templates.convert import CAPACITY, fit
from cccd_core.templates.detect import Codec, bare_format
from cccd_core.templates.identify import surely
from cccd_core.templates.model import PPCM_500_DPI, FingerTemplate, TemplateRecord
from cccd_core.templates.nist_file import is_file
from cccd_core.templates.notices import Notice, Remark
from cccd_core.templates.packed import require
from cccd_core.templates.transform import ppcm
from cccd_core.templates.unwrap import Inside, unwrap
from cccd_core.templates.unwrap_binary import MAX_BYTES, RECORD

MAX_FILE_BYTES = 16 * 1024 * 1024

# name -> what it is
FORMATS = {name: capacity.what for name, capacity in CAPACITY.items()}

_BINARY: dict[str, Codec] = {
    codec.FORMAT: codec for codec in (iso19794_2_2005, iso19794_2_2011, ansi378_2004, ansi378_2009)
}
_WRITE: dict[str, Callable[[TemplateRecord], bytes]] = {
    **{name: codec.write for name, codec in _BINARY.items()},
    iso19794_2_card.NORMAL: iso19794_2_card.write,
    iso19794_2_card.COMPACT: iso19794_2_card.write,
    xyt.FORMAT: xyt.write,
    **dict.fromkeys(nist_type9.STEPS, nist_write.write),
}


def read(
    data: bytes,
    *,
    format: str | None = None,  # noqa: A002 - the field's word, at the library's door
    dpi: float | None = None,
    height_px: int | None = None,
    width_px: int | None = None,
    most_bytes: int = MAX_BYTES,
) -> TemplateRecord:
    """The record in `data`, its format detected unless `format` (a key of FORMATS) names it.

    The card formats cannot be detected and must be named. .xyt text lacks its image's resolution and height: `dpi` and
    `height_px` are demanded for it, `width_px` is welcome. `dpi` stands in place of the resolution that a record
    states; formats in units of length have their own. The legacy form of ANSI/NIST-ITL files counts rows from an
    image's bottom: `height_px`, at `dpi` or in 0.01 mm, tells its top, else an image in the file, else the highest
    minutia is taken for it. What is odd about the bytes and touches no minutia is in the record's `notices`.
    No more than `most_bytes` come out of wrappers; what is no record beside one that is, is passed over, a notice.

    Raises FormatError, with the offset, for bytes that are no valid record, and ParameterError for a missing or wrong
    argument. Linear in the number of minutiae, about 40 us for a record of 50.
    """
    require_type(data, BUFFERS, "data")
    data = bytes(data)
    if format is not None and format not in FORMATS:
        raise ParameterError("unknown template format", format=format, known=" ".join(FORMATS))
    if format in iso19794_2_card.MINUTIA_BYTES:
        _demand_bare(data)
        return iso19794_2_card.read(data, format)
    everything = unwrap(data, most_bytes=most_bytes)
    inside = [each for each in everything if each.is_record] or everything[:1]
    try:
        records = [_read(each, format, dpi, height_px, width_px) for each in inside]
    except (FormatError, ParameterError) as error:
        what = None if format is None else _other_than(inside[0], format)
        if what is None:
            raise
        raise FormatError(f"the file is not {format}: {what}", offset=error.facts.get("offset", 0)) from None
    if len(everything) > len(inside) and inside[0].is_record:
        others = Counter(each.what for each in everything if not each.is_record)
        words = [f"{what} ({count} times)" if count > 1 else what for what, count in sorted(others.items())]
        notice = Notice(Remark.NOT_READ, {"others": ", ".join(words), "passed_over": others.total()})
        records[0] = replace(records[0], notices=(*records[0].notices, notice))
    if len(records) == 1:
        (record,) = records
        several = len(record.notices) > 1
        return replace(record, notices=tuple(dict.fromkeys(record.notices))) if several else record
    formats = {record.format for record in records}
    if len(formats) > 1:
        raise FormatError("a wrapper holds records of several formats", formats=" ".join(sorted(formats)))
    views = tuple(view for record in records for view in record.views)
    return replace(records[0], views=views, notices=_together(records))


def _together(records: Sequence[TemplateRecord]) -> tuple[Notice, ...]:
    """The notices of all records: what holds for all is said once, and of a view under its number among all."""
    notices: dict[Notice, None] = {}
    before = 0
    for record in records:
        for notice in record.notices:
            number = notice.facts.get("view")
            moved = {**notice.facts, "view": number + before} if isinstance(number, int) else notice.facts
            notices[Notice(notice.word, moved)] = None
        before += len(record.views)
    return tuple(notices)


def _read(
    inside: Inside,
    format: str | None,  # noqa: A002
    dpi: float | None,
    height_px: int | None,
    width_px: int | None,
) -> TemplateRecord:
    bare = inside.data.startswith(RECORD)
    itl = not bare and is_file(inside.data) if format is None else format in nist_type9.STEPS
    name = bare_format(inside) if format is None and not itl else format
    codec = _BINARY.get(name or "")
    if codec is not None:
        record = codec.read(inside.data, ppcm=None if dpi is None else ppcm(dpi))
    elif itl:
        size = (_hundredths(width_px, dpi), _hundredths(height_px, dpi))
        record = nist_type9.read(inside.data, name, ppcm=None if dpi is None else ppcm(dpi), sizes=(size,))
    elif dpi is None or height_px is None:
        raise ParameterError(
            ".xyt does not say its image's resolution and height: state them", needs="dpi and height_px"
        )
    else:
        record = xyt.read(inside.data, ppcm=ppcm(dpi), height_px=height_px, width_px=width_px or 0)
    others = {view.position for view in record.views} - {0, inside.position}
    if inside.position and others:
        facts: dict[str, Fact] = {"wrapper": inside.position, "record": " ".join(map(str, sorted(others)))}
        record = replace(record, notices=(*record.notices, Notice(Remark.POSITION_DIFFERS, facts)))
    if inside.position:
        views = tuple(view if view.position else replace(view, position=inside.position) for view in record.views)
        record = replace(record, views=views)
    if inside.notices:
        named = all(view.position for view in record.views)  # by the record: what the subtype says matters no more
        odd = (notice for notice in inside.notices if not (named and notice.word is Remark.SUBTYPE_UNKNOWN))
        record = replace(record, notices=(*odd, *record.notices))
    if inside.wrappers:
        notice = Notice(Remark.UNWRAPPED, {"wrappers": ", ".join(inside.wrappers)})
        record = replace(record, notices=(notice, *record.notices))
    return record


def _other_than(inside: Inside, format: str) -> str | None:  # noqa: A002
    """What a file is that is not in the format which the caller names; None where it may be, broken. Two editions begin
    alike: it is the other one where it can be read so."""
    if format == xyt.FORMAT and surely(inside.data) == "text":
        return None
    try:
        found = bare_format(inside)
        if found == format or (found in nist_type9.STEPS and format in nist_type9.STEPS):
            return None
        if found in _BINARY:
            _BINARY[found].read(inside.data, ppcm=PPCM_500_DPI)
    except FormatError:
        return None if inside.is_record else inside.what
    return f"it is {found}, which is known without being named"


def _hundredths(pixels: int | None, dpi: float | None) -> int:
    """So many pixels of `dpi`, in 0.01 mm, which are pixels themselves where it is not given; 0 where not known."""
    length = (pixels or 0) if dpi is None else round((pixels or 0) * 2540 / dpi)
    return require("image's size in 0.01 mm", length, 0xFFFF)


def _demand_bare(data: bytes) -> None:
    """FormatError where bytes that are said to be bare minutiae begin as something else does."""
    with suppress(FormatError):  # a broken wrapper is none
        if unwrap(data)[0].wrappers or data.startswith(RECORD):
            raise ParameterError("not bare minutiae of a card but a whole record: leave the format out")
    what = surely(data)
    if what is not None:
        raise FormatError(f"not bare minutiae of a card: {what}", bytes=len(data))


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
        record = TemplateRecord("", members(record, FingerTemplate, "record"))
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
    """`record` in another format: exactly what reading the bytes of `write` gives, so that its loss shows; where the
    format counts rows from an image's bottom and does not say its height, with the height of the first view."""
    fitted = fit(record, format, dpi=dpi, height_px=height_px, width_px=width_px)
    data = _WRITE[format](fitted)
    view = fitted.view
    if format == xyt.FORMAT:
        return xyt.read(data, ppcm=view.resolution_x_ppcm, height_px=view.height_px, width_px=view.width_px)
    if format == nist_type9.LEGACY:
        return nist_type9.read(data, format, sizes=[(each.width_px, each.height_px) for each in fitted.views])
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
    data = whole_file.read(path, "template", most=MAX_FILE_BYTES)
    try:
        return read(data, format=format, dpi=dpi, height_px=height_px, width_px=width_px)
    except CccdError as error:
        error.with_facts(path=str(path))
        raise


def save(data: bytes, path: str | os.PathLike[str]) -> None:
    """Writes `data` to `path`, whole or not at all, a new file for its owner alone. FileError."""
    whole_file.write(path, data, private=True)
