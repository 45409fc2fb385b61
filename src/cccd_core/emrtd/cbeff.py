"""Biometric information group templates, the frame of DG2, DG3 and DG4.

Doc 9303-10 clause 4.7.2 (DG2), 4.7.3 (DG3); ISO/IEC 7816-11 annex; ISO/IEC 19785-3 clause 11 (patron format).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from cccd_core.emrtd import tlv
from cccd_core.emrtd.odd import Found, OddParts, counted, objects, raw
from cccd_core.errors import FormatError, ParameterError

GROUP_TAG = 0x7F61
TEMPLATE_TAG = 0x7F60
HEADER_TAG = 0xA1
DATA_TAG = 0x5F2E
DATA_CONSTRUCTED_TAG = 0x7F2E
FILLING_TAG = 0x53

TYPE_FACE = 0x02
TYPE_FINGER = 0x08
OWNER_JTC1_SC37 = 0x0101
FORMAT_FINGER_MINUTIAE = 0x0001  # ISO/IEC 19794-2 record without extended data
FORMAT_FINGER_MINUTIAE_EXTENDED = 0x0002
FORMAT_FINGER_IMAGE = 0x0007
FORMAT_FACE = 0x0008

MAX_TEMPLATES = 16
MAX_HEADER_OBJECTS = 16

_VERSION = 0x0101
_HEADER_NAMES = {0x81: "biometric type", 0x82: "biometric subtype", 0x87: "format owner", 0x88: "format type"}
_KNOWN_HEADER = frozenset((*range(0x80, 0x8B), 0x90, 0x91, 0x92))  # ISO/IEC 7816-11 table of the biometric header


@dataclass(frozen=True, slots=True)
class BiometricTemplate:
    """One biometric information template: what kind of data by whose format, and the data block itself; 0 where the
    header does not say it. `constructed` where the block is a row of data objects (7F2E), as ISO/IEC 39794 has it."""

    biometric_type: int
    subtype: int
    format_owner: int
    format_type: int
    data: bytes = field(repr=False)
    constructed: bool = False

    def encode(self) -> bytes:
        """The template as data object 7F60."""
        header = (
            tlv.encode(0x80, _VERSION.to_bytes(2, "big"))
            + tlv.encode(0x81, bytes((self.biometric_type,)))
            + tlv.encode(0x82, bytes((self.subtype,)))
            + tlv.encode(0x87, self.format_owner.to_bytes(2, "big"))
            + tlv.encode(0x88, self.format_type.to_bytes(2, "big"))
        )
        block = tlv.encode(DATA_CONSTRUCTED_TAG if self.constructed else DATA_TAG, self.data)
        return tlv.encode(TEMPLATE_TAG, tlv.encode(HEADER_TAG, header) + block)


def build(file_tag: int, templates: Sequence[BiometricTemplate]) -> bytes:
    """A data group of 1 to 16 templates in one group template."""
    if not 1 <= len(templates) <= MAX_TEMPLATES:
        raise ParameterError("a biometric data group holds 1 to 16 templates", count=len(templates))
    content = tlv.encode(tlv.INTEGER, bytes((len(templates),))) + b"".join(t.encode() for t in templates)
    return tlv.encode(file_tag, tlv.encode(GROUP_TAG, content))


def parse(data: bytes, file_tag: int, *, what: str) -> Found[BiometricTemplate]:
    """The templates of a biometric data group, whatever number it states; none where it says that it holds none.

    A number that is another, parts that are missing, unknown or there twice are in `odd`. FormatError with offset for
    what is no data object `file_tag` with a group in it.
    """
    whole = tlv.read_one(data, file_tag, what=what)
    odd = OddParts()
    templates: list[BiometricTemplate] = []
    groups = 0
    for found in objects(whole, odd, what=what):
        if found.tag != GROUP_TAG:
            odd.add(f"tag {found.tag:X}", raw(whole, found), "an unknown data object", offset=found.offset)
            continue
        groups += 1
        if groups > 1:
            odd.add("group", b"", "a second group of templates", offset=found.offset)
        templates += _group(found, odd)
    if not groups:
        raise FormatError("biometric group template is missing", offset=whole.value_offset, expected=f"{GROUP_TAG:X}")
    if len(templates) > MAX_TEMPLATES:
        odd.add("templates", b"", "too many templates", count=len(templates), limit=MAX_TEMPLATES)
    return Found(tuple(templates[:MAX_TEMPLATES]), odd.all())


def _group(group: tlv.Tlv, odd: OddParts) -> list[BiometricTemplate]:
    templates: list[BiometricTemplate] = []
    stated: int | None = None
    count = 0
    for found in objects(group, odd, what="group of templates"):
        if found.tag == tlv.INTEGER and stated is None and not count:
            stated = counted(found, odd, what="number of templates")
        elif found.tag == TEMPLATE_TAG:
            count += 1
            template = _template(found, odd, f"template {count}")
            if template is not None:
                templates.append(template)
        # Doc 9303-10 clause 4.7.3.2: random filling makes the hash of an empty group unique
        elif found.tag != FILLING_TAG or count:
            odd.add(f"tag {found.tag:X}", raw(group, found), "an unknown data object", offset=found.offset)
    if stated != count:
        odd.add("number of templates", b"", "the number of templates is another", stated=stated, count=count)
    return templates


def _template(found: tlv.Tlv, odd: OddParts, name: str) -> BiometricTemplate | None:
    header: dict[int, int] = {}
    block: tlv.Tlv | None = None
    for part in objects(found, odd, what=name):
        if part.tag == HEADER_TAG and not header:
            header = _header(part, odd, name)
        elif part.tag in (DATA_TAG, DATA_CONSTRUCTED_TAG) and block is None:
            block = part
        else:
            odd.add(f"{name}, tag {part.tag:X}", raw(found, part), "an unknown data object", offset=part.offset)
    if block is None:
        odd.add(name, found.value, "biometric data block is missing", offset=found.offset)
        return None
    if block.tag == DATA_CONSTRUCTED_TAG and block.value.startswith(DATA_TAG.to_bytes(2, "big")):
        inner = objects(block, odd, what=name)  # ISO/IEC 7816-11: 7F2E may hold the block as one data object 5F2E
        block = inner[0] if inner else block
    for tag in (0x87, 0x88):
        if tag not in header:
            odd.add(f"{name}, {_HEADER_NAMES[tag]}", b"", "a biometric header lacks its format", offset=found.offset)
    return BiometricTemplate(
        biometric_type=header.get(0x81, 0), subtype=header.get(0x82, 0), format_owner=header.get(0x87, 0),
        format_type=header.get(0x88, 0), data=block.value, constructed=block.tag == DATA_CONSTRUCTED_TAG,
    )  # fmt: skip


def _header(found: tlv.Tlv, odd: OddParts, name: str) -> dict[int, int]:
    values: dict[int, int] = {}
    seen: set[int] = set()
    for part in objects(found, odd, what=f"header of {name}", limit=MAX_HEADER_OBJECTS):
        shown = f"{name}, {_HEADER_NAMES.get(part.tag, f'tag {part.tag:X}')}"
        if part.tag in seen:
            odd.add(shown, part.value, "a biometric header says something twice", offset=part.offset)
        elif part.tag not in _KNOWN_HEADER:
            odd.add(shown, raw(found, part), "an unknown part of a biometric header", offset=part.offset)
        elif part.tag in _HEADER_NAMES:
            if 1 <= len(part.value) <= (2 if part.tag >= 0x87 else 3):
                values[part.tag] = int.from_bytes(part.value, "big")
            else:
                odd.add(shown, part.value, "a part of a biometric header has another size", offset=part.offset)
        seen.add(part.tag)
    return values
