"""DG3: the fingers.

Doc 9303-10 clause 4.7.3 and table of biometric subtypes. Doc 9303 foresees finger images (ISO/IEC 19794-4) in DG3; our
profile stores ISO/IEC 19794-2:2005 minutiae records, because the card is matched at counters that hold a minutiae
matcher and ten images do not fit the chip. The format type in each header says so, as CBEFF means it to.
"""

from __future__ import annotations

from collections.abc import Mapping

from cccd_core.emrtd import cbeff
from cccd_core.emrtd.files import ElementaryFile
from cccd_core.errors import FormatError, ParameterError

_RECORD_HEADER_BYTES = 24
_VIEW_HEADER_BYTES = 4
_MINUTIA_BYTES = 6
_MAX_VIEWS = 16


def subtype(position: int) -> int:
    """The CBEFF subtype of an ISO/IEC 19794 finger position 1-10: bits 1-2 right or left, bits 3-5 the finger."""
    if not 1 <= position <= 10:
        raise ParameterError("a finger position is 1 to 10", position=position)
    return ((position - 1) % 5 + 1) << 2 | (1 if position <= 5 else 2)


_POSITIONS = {subtype(position): position for position in range(1, 11)}


def build(fingers: Mapping[int, bytes]) -> bytes:
    """DG3 of ISO/IEC 19794-2:2005 records by finger position, in ascending order of positions.

    ParameterError where a record is none, or says another finger than its position.
    """
    templates = []
    for position in sorted(fingers):
        try:
            stated, extended = _inspect(fingers[position])
        except FormatError as error:
            raise ParameterError(f"fingers: {error.message}", position=position, **error.facts) from None
        if stated not in (0, position):
            raise ParameterError("a finger record says another position", position=position, stated=stated)
        kind = cbeff.FORMAT_FINGER_MINUTIAE_EXTENDED if extended else cbeff.FORMAT_FINGER_MINUTIAE
        templates.append(
            cbeff.BiometricTemplate(
                cbeff.TYPE_FINGER, subtype(position), cbeff.OWNER_JTC1_SC37, kind, fingers[position]
            )
        )
    return cbeff.build(ElementaryFile.DG3.tag, templates)


def parse(data: bytes) -> dict[int, bytes]:
    """The minutiae records of DG3 by finger position. FormatError where a template is of another kind, two are of one
    finger, or a record's frame is broken; the minutiae themselves are for `templates` to read.
    """
    fingers: dict[int, bytes] = {}
    for template in cbeff.parse(data, ElementaryFile.DG3.tag, what="DG3"):
        minutiae = (cbeff.FORMAT_FINGER_MINUTIAE, cbeff.FORMAT_FINGER_MINUTIAE_EXTENDED)
        if template.format_owner != cbeff.OWNER_JTC1_SC37 or template.format_type not in minutiae:
            raise FormatError(
                "DG3 holds another format than ISO/IEC 19794-2",
                owner=f"{template.format_owner:04X}", type=f"{template.format_type:04X}",
            )  # fmt: skip
        position = _POSITIONS.get(template.subtype)
        stated, _ = _inspect(template.data)
        if position is None or position in fingers or stated not in (0, position):
            raise FormatError("the fingers of DG3 contradict each other", subtype=template.subtype, stated=stated)
        fingers[position] = template.data
    return fingers


def _inspect(record: bytes) -> tuple[int, bool]:
    """(finger position of the first view, whether any view has extended data) of an ISO/IEC 19794-2:2005 record whose
    lengths add up (clauses 7.3 to 7.5)."""
    if record[:8] != b"FMR\0 20\0" or len(record) < _RECORD_HEADER_BYTES + _VIEW_HEADER_BYTES + 2:
        raise FormatError("not an ISO/IEC 19794-2:2005 record", offset=0, length=len(record))
    if int.from_bytes(record[8:12], "big") != len(record):
        raise FormatError("a finger record states another length", offset=8, length=len(record))
    views = record[22]
    if not 1 <= views <= _MAX_VIEWS:
        raise FormatError("a finger record has an impossible number of views", offset=22, count=views)
    position = _RECORD_HEADER_BYTES
    finger = record[position]
    extended = False
    for _ in range(views):
        if position + _VIEW_HEADER_BYTES > len(record) or record[position] != finger:
            raise FormatError("a finger record is cut, or holds several fingers", offset=position)
        position += _VIEW_HEADER_BYTES + record[position + 3] * _MINUTIA_BYTES
        length = int.from_bytes(record[position : position + 2], "big")
        position += 2 + length
        extended = extended or length > 0
    if position != len(record) or finger > 10:
        raise FormatError("a finger record's parts do not add up", offset=min(position, len(record)))
    return finger, extended
