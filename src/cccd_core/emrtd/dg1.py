"""DG1: the machine readable zone. Doc 9303-10 clause 4.7.1."""

from __future__ import annotations

from cccd_core.emrtd import mrz as zones
from cccd_core.emrtd import tlv
from cccd_core.emrtd.files import ElementaryFile
from cccd_core.errors import FormatError

_MRZ_TAG = 0x5F1F


def build(mrz: zones.Mrz) -> bytes:
    """DG1 of a zone."""
    return tlv.encode(ElementaryFile.DG1.tag, tlv.encode(_MRZ_TAG, "".join(mrz.lines).encode("ascii")))


def parse(data: bytes) -> zones.Mrz:
    """The zone in DG1, every check digit right. FormatError with offset otherwise."""
    reader = tlv.read_one(data, ElementaryFile.DG1.tag, what="DG1").reader()
    found = reader.next(_MRZ_TAG, what="machine readable zone")
    reader.finish("DG1")
    if not found.value.isascii():
        raise FormatError("a machine readable zone is not ASCII", offset=found.value_offset)
    try:
        return zones.parse(found.value.decode("ascii"))
    except FormatError as error:
        offset = error.facts.get("offset")
        if isinstance(offset, int):
            error.facts["offset"] = offset + found.value_offset
        raise
