"""ANSI/NIST-ITL files in either encoding, the traditional one and NIEM's XML."""

from __future__ import annotations

from cccd_core.errors import FormatError
from cccd_core.templates import nist_itl, nist_xml
from cccd_core.templates.nist_itl import File, Image


def is_file(data: bytes) -> bool:
    """Whether `data` begins as such a file does."""
    return nist_itl.is_file(data) or nist_xml.is_file(data)


def read(data: bytes) -> File:
    """The records of `data`. FormatError where a record is cut or where none can begin. Linear in the file's length."""
    return nist_xml.read(data) if nist_xml.is_file(data) else nist_itl.read(data)


def prints_alone(data: bytes) -> tuple[Image, ...]:
    """The images of prints in a file that holds no minutiae; none in any other, and in one that cannot be read."""
    if not is_file(data):
        return ()
    try:
        file = read(data)
    except FormatError:
        return ()
    return () if file.minutiae() else file.prints()
