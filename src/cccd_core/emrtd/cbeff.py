"""Biometric information group templates, the frame of DG2, DG3 and DG4.

Doc 9303-10 clause 4.7.2 (DG2), 4.7.3 (DG3); ISO/IEC 7816-11 annex; ISO/IEC 19785-3 clause 11 (patron format).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from cccd_core.emrtd import tlv
from cccd_core.errors import FormatError, ParameterError

GROUP_TAG = 0x7F61
TEMPLATE_TAG = 0x7F60
HEADER_TAG = 0xA1
DATA_TAG = 0x5F2E
DATA_CONSTRUCTED_TAG = 0x7F2E

TYPE_FACE = 0x02
TYPE_FINGER = 0x08
OWNER_JTC1_SC37 = 0x0101
FORMAT_FINGER_MINUTIAE = 0x0001  # ISO/IEC 19794-2 record without extended data
FORMAT_FINGER_MINUTIAE_EXTENDED = 0x0002
FORMAT_FACE = 0x0008

MAX_TEMPLATES = 16
MAX_HEADER_OBJECTS = 16

_VERSION = 0x0101


@dataclass(frozen=True, slots=True)
class BiometricTemplate:
    """One biometric information template: what kind of data by whose format, and the data block itself."""

    biometric_type: int
    subtype: int
    format_owner: int
    format_type: int
    data: bytes

    def encode(self) -> bytes:
        """The template as data object 7F60."""
        header = (
            tlv.encode(0x80, _VERSION.to_bytes(2, "big"))
            + tlv.encode(0x81, bytes((self.biometric_type,)))
            + tlv.encode(0x82, bytes((self.subtype,)))
            + tlv.encode(0x87, self.format_owner.to_bytes(2, "big"))
            + tlv.encode(0x88, self.format_type.to_bytes(2, "big"))
        )
        return tlv.encode(TEMPLATE_TAG, tlv.encode(HEADER_TAG, header) + tlv.encode(DATA_TAG, self.data))


def build(file_tag: int, templates: Sequence[BiometricTemplate]) -> bytes:
    """A data group of 1 to 16 templates in one group template."""
    if not 1 <= len(templates) <= MAX_TEMPLATES:
        raise ParameterError("a biometric data group holds 1 to 16 templates", count=len(templates))
    content = tlv.encode(tlv.INTEGER, bytes((len(templates),))) + b"".join(t.encode() for t in templates)
    return tlv.encode(file_tag, tlv.encode(GROUP_TAG, content))


def parse(data: bytes, file_tag: int, *, what: str) -> tuple[BiometricTemplate, ...]:
    """The templates of a biometric data group; none where it says that it holds none. FormatError with offset."""
    whole = tlv.read_one(data, file_tag, what=what).reader()
    group = whole.next(GROUP_TAG, what="biometric group template").reader()
    whole.finish(what)
    counted = group.next(tlv.INTEGER, what="number of templates")
    count = tlv.to_integer(counted)
    if not 0 <= count <= MAX_TEMPLATES:
        raise FormatError("an impossible number of templates", offset=counted.offset, count=count)
    templates = tuple(_template(group.next(TEMPLATE_TAG, what="biometric template")) for _ in range(count))
    if not count:
        group.optional(0x53, what="random filling")  # Doc 9303-10 clause 4.7.3.2: makes the hash of an empty one unique
    group.finish("biometric group template")
    return templates


def _template(found: tlv.Tlv) -> BiometricTemplate:
    parts = found.reader()
    header: dict[int, tlv.Tlv] = {}
    for each in parts.next(HEADER_TAG, what="biometric header").reader():
        if each.tag in header or len(header) >= MAX_HEADER_OBJECTS:
            raise FormatError("a biometric header says something twice, or too much", offset=each.offset)
        header[each.tag] = each
    block = parts.next(DATA_TAG, DATA_CONSTRUCTED_TAG, what="biometric data block")
    parts.finish("biometric template")
    values = {tag: int.from_bytes(each.value, "big") for tag, each in header.items() if len(each.value) <= 2}
    for tag in (0x87, 0x88):
        if tag not in values:
            raise FormatError("a biometric header lacks its format", offset=found.offset, tag=f"{tag:X}")
    return BiometricTemplate(values.get(0x81, 0), values.get(0x82, 0), values[0x87], values[0x88], block.value)
