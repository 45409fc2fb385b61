"""ANSI/NIST-ITL files in either encoding, the traditional one and NIEM's XML, as they are or in gzip."""

from __future__ import annotations

import zlib
from typing import Final

from cccd_core.errors import FormatError
from cccd_core.templates import nist_itl, nist_xml
from cccd_core.templates.nist_itl import File, Image

MAX_OPENED_BYTES: Final = 64 << 20  # out of gzip
_GZIP: Final = b"\x1f\x8b"
_HEAD_BYTES: Final = 1024


def is_file(data: bytes) -> bool:
    """Whether `data` begins as such a file does."""
    return nist_itl.is_file(data) or nist_xml.is_file(data)


def begins(head: bytes) -> bool:
    """Whether these first bytes of a file may begin such a file, or one in gzip."""
    return is_file(head) or is_file(_inflated(head, _HEAD_BYTES)[0])


def opened(data: bytes) -> bytes:
    """The file that `data` holds in gzip, up to 64 MiB; `data` itself where it is no gzip file or holds anything else,
    is cut or is broken, which its reader will say."""
    if not is_file(_inflated(data, _HEAD_BYTES)[0]):
        return data
    content, whole = _inflated(data, MAX_OPENED_BYTES)
    return content if whole else data


def _inflated(data: bytes, most: int) -> tuple[bytes, bool]:
    """At most so many bytes out of gzip, and whether that is everything."""
    if not data.startswith(_GZIP):
        return b"", False
    inflater = zlib.decompressobj(wbits=31)
    try:
        content = inflater.decompress(data, most)
    except zlib.error:
        return b"", False
    return content, inflater.eof and not inflater.unused_data.strip(b"\x00")


def read(data: bytes) -> File:
    """The records of `data`. FormatError where a record is cut or where none can begin. Linear in the file's length."""
    return nist_xml.read(data) if nist_xml.is_file(data) else nist_itl.read(data)


def prints_alone(data: bytes) -> tuple[Image, ...]:
    """The images of prints in a file that holds no minutiae, as it is or in gzip; none in any other, and in one that
    cannot be read."""
    data = opened(data)
    if not is_file(data):
        return ()
    try:
        file = read(data)
    except FormatError:
        return ()
    return () if file.minutiae() else file.prints()
