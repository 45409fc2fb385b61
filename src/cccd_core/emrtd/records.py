"""Of which standard a biometric data block is, by its own first bytes. Reading only."""

from __future__ import annotations

from cccd_core.emrtd import ber, iso19794, iso39794, tlv
from cccd_core.emrtd.images import StatedImage
from cccd_core.emrtd.odd import OddParts
from cccd_core.errors import FormatError


def read(data: bytes, odd: OddParts, name: str) -> tuple[str, list[StatedImage]]:
    """(the standard, the images) of a data block of ISO/IEC 19794 or 39794. What cannot be read as either is searched
    for the first bytes of an image. `name` is what odd parts are called after.
    """
    if iso39794.holds(data):
        try:
            return iso39794.read(_definite(data), odd, name)
        except FormatError as error:
            odd.caught(name, data, error)
    return iso19794.read(data, odd, name)


def _definite(data: bytes) -> bytes:
    """The data with definite lengths, where they are BER with others; as they are where they are neither."""
    try:
        tlv.check_structure(data, what="block of ISO/IEC 39794")
    except FormatError:
        try:
            return ber.to_definite(data)
        except FormatError:
            pass
    return data
