"""Which format bytes are in.

Two pairs of editions share their first eight bytes. " 20": the ISO record of 2005 has four bytes of length, ANSI's of
2004 two, or two zero bytes and then four; whichever reading gives the length at hand is right, and no length fits both.
"030": the ISO record of 2011 is a chain of representations that fills it exactly; what is no such chain is ANSI's of
2009. Text that starts like a line of .xyt is .xyt. The card formats have nothing to be known by and must be named.
"""

from __future__ import annotations

import re

from cccd_core.errors import FormatError
from cccd_core.templates import ansi378_2004, ansi378_2009, iso19794_2_2005, iso19794_2_2011, xyt

_XYT_START = re.compile(rb"\s{0,64}\d{1,5}[ \t]{1,16}\d{1,5}[ \t]{1,16}-?\d{1,3}(?:[ \t\r\n]|$)")


def detect(data: bytes) -> str:
    """The format of `data`, a key of FORMATS; FormatError where it is none of them. Looks at the frame alone."""
    magic = data[:8]
    if magic == iso19794_2_2005.MAGIC:
        return _edition_20(data)
    if magic == ansi378_2009.MAGIC:
        return iso19794_2_2011.FORMAT if _is_chain_2011(data) else ansi378_2009.FORMAT
    if magic == ansi378_2009.MAGIC_AMENDMENT_1:
        return ansi378_2009.FORMAT
    if data[:4] == b"FMR\x00":
        raise FormatError("a finger minutiae record of an unknown version", offset=4)
    if _XYT_START.match(data):
        return xyt.FORMAT
    raise FormatError(
        "no known template format; a card format must be named",
        offset=0,
        bytes=len(data),
        needs="format iso-2005-card or iso-2005-compact",
    )


def _edition_20(data: bytes) -> str:
    short = int.from_bytes(data[8:10], "big")
    if int.from_bytes(data[8:12], "big") == len(data):
        return iso19794_2_2005.FORMAT
    if short == len(data) or (short == 0 and int.from_bytes(data[10:14], "big") == len(data)):
        return ansi378_2004.FORMAT
    # No length fits: a cut or padded file, whose reader shall say so. Two bytes that make an ISO record of megabytes,
    # or one shorter than its header, are rather ANSI's.
    ansi = short or int.from_bytes(data[10:12], "big") < iso19794_2_2005.HEADER_BYTES
    return ansi378_2004.FORMAT if ansi else iso19794_2_2005.FORMAT


def _is_chain_2011(data: bytes) -> bool:
    if len(data) < iso19794_2_2011.HEADER.size:
        return False
    _, length, view_count, flag = iso19794_2_2011.HEADER.unpack_from(data)
    if flag > 1 or not 1 <= view_count <= iso19794_2_2011.MAX_VIEWS:
        return False
    end = iso19794_2_2011.HEADER.size
    for _ in range(view_count):  # at most 176
        view_bytes = int.from_bytes(data[end : end + 4], "big")
        if view_bytes < iso19794_2_2011.MIN_VIEW_BYTES:
            return False
        end += view_bytes
    return bool(end == length)
