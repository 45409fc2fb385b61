"""DG1: the machine readable zone. Doc 9303-10 clause 4.7.1."""

from __future__ import annotations

from dataclasses import replace

from cccd_core.emrtd import mrz as zones
from cccd_core.emrtd import tlv
from cccd_core.emrtd.files import ElementaryFile
from cccd_core.emrtd.odd import OddParts
from cccd_core.errors import FormatError

_MRZ_TAG = 0x5F1F


def build(mrz: zones.Mrz) -> bytes:
    """DG1 of a zone. ParameterError for one that has odd fields."""
    return tlv.encode(ElementaryFile.DG1.tag, tlv.encode(_MRZ_TAG, "".join(mrz.lines).encode("ascii")))


def parse(data: bytes) -> zones.Mrz:
    """The zone in DG1; what is odd in it, a wrong check digit say, is in its `odd`. FormatError with offset where there
    is no zone."""
    found, behind = _zone(data)
    try:
        zone = zones.parse(_text(found))
    except FormatError as error:
        raise _moved(error, found) from None
    odd = OddParts()
    for part in zone.odd:
        odd.caught(part.name, part.raw, _moved(part.error, found))
    if behind:
        odd.add("rest of DG1", behind, "bytes follow the machine readable zone", offset=len(data) - len(behind))
    return replace(zone, odd=odd.all())


def lines(data: bytes) -> tuple[str, ...]:
    """The lines of the zone in DG1 as they stand there. FormatError as `parse`."""
    text = _text(_zone(data)[0])
    width = zones.LINES[zones.parse(text).format][1]
    flat = text.replace("\r", "").replace("\n", "")
    return tuple(flat[start : start + width] for start in range(0, len(flat), width))


def _zone(data: bytes) -> tuple[tlv.Tlv, bytes]:
    """The data object of the zone, without what fills it behind the lines, and whatever follows these."""
    whole = tlv.read_one(data, ElementaryFile.DG1.tag, what="DG1")
    found = whole.reader().next(_MRZ_TAG, what="machine readable zone")
    lines = found.value.rstrip(b"\0\r\n ")
    behind = whole.value[found.value_offset + len(lines) - whole.value_offset :].lstrip(b"\r\n")
    return found._replace(value=lines), behind


def _text(found: tlv.Tlv) -> str:
    """One character a byte, so that offsets hold: what is not of the zone's alphabet is odd in any reading."""
    return found.value.decode("latin-1")


def _moved(error: FormatError, found: tlv.Tlv) -> FormatError:
    offset = error.facts.get("offset", 0)
    place = found.value_offset + (offset if isinstance(offset, int) else 0)
    return FormatError(error.message, **(error.facts | {"offset": place}))
