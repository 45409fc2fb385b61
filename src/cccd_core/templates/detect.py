"""Which format bytes are in.

Two pairs of editions share their first eight bytes. " 20": the ISO record of 2005 has four bytes of length, ANSI's of
2004 two, or two zero bytes and then four; whichever reading gives the length at hand is right, and no length fits both.
"030": the ISO record of 2011 is a chain of representations that fills it exactly; what is no such chain is ANSI's of
2009. Text that starts like a line of .xyt is .xyt; what begins with the length of a record of Type 1 is an
ANSI/NIST-ITL file, whose records of Type 9 say the form of their minutiae. The card formats have nothing to be known by
and must be named.
"""

from __future__ import annotations

import re
from contextlib import suppress
from operator import itemgetter
from typing import Protocol

from cccd_core.errors import FormatError
from cccd_core.templates import ansi378_2004, ansi378_2009, iso19794_2_2005, iso19794_2_2011, nist_file, nist_type9, xyt
from cccd_core.templates.identify import bare_minutiae
from cccd_core.templates.model import PPCM_500_DPI, TemplateRecord
from cccd_core.templates.unwrap import Inside, unwrap

_XYT_START = re.compile(rb"\s{0,64}\d{1,5}[ \t]{1,16}\d{1,5}[ \t]{1,16}-?\d{1,3}(?:[ \t\r\n]|$)")


def detect(data: bytes) -> str:
    """The format of the first record in `data`, a key of FORMATS, out of its wrappers; FormatError where there is none.
    Looks at the frame alone."""
    inside = unwrap(data)
    first = next((each for each in inside if each.is_record), inside[0])
    return bare_format(first)


def bare_format(inside: Inside) -> str:
    """The format of a record that is out of its wrappers; FormatError, which says what the bytes are, where they are
    none."""
    data = inside.data
    magic = data[:8]
    if magic == iso19794_2_2005.MAGIC:
        return _edition_20(data)
    if magic == ansi378_2009.MAGIC:
        return _edition_030(data)
    if magic == ansi378_2009.MAGIC_AMENDMENT_1:
        return ansi378_2009.FORMAT
    if data[:4] == b"FMR\x00":
        raise FormatError("a finger minutiae record of an unknown version", offset=4)
    if nist_file.is_file(data):
        return nist_type9.format_of(data)
    if is_xyt(data):
        if len(data) > xyt.MAX_BYTES:
            raise FormatError("the text is too long for minutiae", bytes=len(data), most=xyt.MAX_BYTES)
        return xyt.FORMAT
    bare = bare_minutiae(data)
    if bare is not None:
        raise FormatError("no known template format, but perhaps bare minutiae of a card", needs=f"format {bare}")
    raise FormatError(f"no template: {' of '.join((*inside.wrappers, inside.what))}", bytes=len(data))


def _edition_20(data: bytes) -> str:
    short = int.from_bytes(data[8:10], "big")
    if int.from_bytes(data[8:12], "big") == len(data):
        return iso19794_2_2005.FORMAT
    if short == len(data) or (short == 0 and int.from_bytes(data[10:14], "big") == len(data)):
        return ansi378_2004.FORMAT
    found = _that_reads(data, iso19794_2_2005, ansi378_2004)
    if found is not None:
        return found
    # A cut file, whose reader shall say so. Two bytes that make an ISO record of megabytes, or one shorter than its
    # header, are rather ANSI's.
    ansi = short or int.from_bytes(data[10:12], "big") < iso19794_2_2005.HEADER_BYTES
    return ansi378_2004.FORMAT if ansi else iso19794_2_2005.FORMAT


def _edition_030(data: bytes) -> str:
    if _is_chain_2011(data):
        return iso19794_2_2011.FORMAT
    return _that_reads(data, ansi378_2009, iso19794_2_2011) or ansi378_2009.FORMAT


def is_xyt(data: bytes) -> bool:
    """Whether text begins as .xyt does: with a line of numbers."""
    return _XYT_START.match(data) is not None


class Codec(Protocol):
    """A module that reads and writes one edition."""

    FORMAT: str

    def read(self, data: bytes, *, ppcm: int | None = None) -> TemplateRecord: ...

    def write(self, record: TemplateRecord) -> bytes: ...


def _that_reads(data: bytes, *codecs: Codec) -> str | None:
    """Of the editions by which a file of an odd length can be read, the one that finds the least to remark."""
    found: list[tuple[int, str]] = []
    for codec in codecs:
        with suppress(FormatError):
            # Any resolution will do: whether it is stated does not tell one edition from the other.
            found.append((len(codec.read(data, ppcm=PPCM_500_DPI).notices), codec.FORMAT))
    return min(found, key=itemgetter(0))[1] if found else None


def _is_chain_2011(data: bytes) -> bool:
    if len(data) < iso19794_2_2011.HEADER.size:
        return False
    _, length, view_count, _ = iso19794_2_2011.HEADER.unpack_from(data)
    if not 1 <= view_count <= iso19794_2_2011.MAX_VIEWS:
        return False
    end = iso19794_2_2011.HEADER.size
    for _ in range(view_count):  # at most 176
        view_bytes = int.from_bytes(data[end : end + 4], "big")
        if view_bytes < iso19794_2_2011.MIN_VIEW_BYTES:
            return False
        end += view_bytes
    return bool(end == length)
