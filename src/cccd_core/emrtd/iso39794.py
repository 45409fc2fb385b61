"""Image blocks of ISO/IEC 39794: faces (part 5) and fingers (part 4). Reading only.

ASN.1 with context tags in DER; longer forms of lengths are taken, and other BER after `records`. Only what leads to
the image and tells its kind, size, person's sex and finger is looked at: extensions, landmarks and the like are passed
over.

ISO/IEC 39794-1 clause 9 (versions, choices with extensions), 39794-4 annex A, 39794-5 annex A; ICAO's application
profiles of both parts; Doc 9303-10 clause 4.7.2.
"""

from __future__ import annotations

from cccd_core.emrtd import tlv
from cccd_core.emrtd.images import StatedImage
from cccd_core.emrtd.odd import OddParts, objects
from cccd_core.errors import FormatError

FACE, FINGER = "ISO/IEC 39794-5", "ISO/IEC 39794-4"
MAX_REPRESENTATIONS = 16

_STANDARDS = {0x65: FACE, 0x64: FINGER}  # [APPLICATION 5], [APPLICATION 4]
_WRAPPED = 0xA1  # Doc 9303-10: the object of ISO/IEC 39794 inside 7F2E
_FACE_KINDS = {2: "jpeg", 3: "jpeg2000", 4: "jpeg2000", 5: "png", 6: "pnm", 7: "pnm"}
_FINGER_KINDS = {0: "pnm", 1: "wsq", 2: "jpeg2000", 3: "jpeg2000", 4: "png"}
_ENUMERATED = 0x0A
_SEXES = {2: "M", 3: "F"}


def holds(data: bytes) -> bool:
    """Whether `data`, the content of a biometric data block, begins as one of ISO/IEC 39794 does."""
    return data[:1] in (b"\xa1", b"\x65", b"\x64")


def read(data: bytes, odd: OddParts, name: str) -> tuple[str, list[StatedImage]]:
    """(the standard, the images) of a biometric data block's content: `A1 { 65 { ... } }`, with or without the A1.

    `name` is what odd parts are called after. FormatError where there is no block of either part.
    """
    outer = tlv.read_one(data, _WRAPPED, *_STANDARDS, what="block of ISO/IEC 39794")
    block = tlv.read_one(outer.value, *_STANDARDS, what="block of ISO/IEC 39794") if outer.tag == _WRAPPED else outer
    parts = _members(block, odd, name)
    version = _members(parts[0], odd, f"{name}, version") if 0 in parts else {}
    if _number(version.get(0)) is None or _number(version.get(1)) is None:
        odd.add(f"{name}, version", b"", "a block of ISO/IEC 39794 does not say its version", offset=block.offset)
    representations = _representations(parts.get(1), odd, name)
    read_one = _face if block.tag == 0x65 else _finger
    found: list[StatedImage] = []
    for number, each in enumerate(representations, 1):
        shown = name if len(representations) == 1 else f"{name}.{number}"
        image = read_one(_members(each, odd, shown), odd, shown)
        if image is None:
            odd.add(shown, each.value, "a representation without an image", offset=each.offset)
        else:
            found.append(image)
    return _STANDARDS[block.tag], found


def _representations(holder: tlv.Tlv | None, odd: OddParts, name: str) -> tuple[tlv.Tlv, ...]:
    """The SEQUENCEs in `holder`; `holder` itself where one stands in it without its SEQUENCE."""
    if holder is None:
        odd.add(name, b"", "a block of ISO/IEC 39794 without representations")
        return ()
    parts = objects(holder, odd, what=f"representations of {name}", limit=MAX_REPRESENTATIONS)
    sequences = tuple(part for part in parts if part.tag == tlv.SEQUENCE)
    if len(sequences) == len(parts):
        return parts
    odd.add(f"{name}, representations", b"", "a representation that is no SEQUENCE", offset=holder.offset)
    return sequences or (holder,)


def _face(parts: dict[int, tlv.Tlv], odd: OddParts, name: str) -> StatedImage | None:
    """representationId [0], imageRepresentation [1] base [0] of 2D [0], ..., identityMetadataBlock [8]."""
    flat: dict[int, tlv.Tlv] | None = parts
    for step in (1, 0, 0):
        flat = _members(flat[step], odd, name) if flat is not None and step in flat else None
    if flat is None or 0 not in flat:
        return None
    about = _members(flat[1], odd, name) if 1 in flat else {}
    size = _members(about[7], odd, name) if 7 in about else {}
    person = _members(parts[8], odd, name) if 8 in parts else {}
    return StatedImage(
        _octets(flat[0], odd, name), _kind(_FACE_KINDS, about.get(0), odd, name), _number(size.get(0)),
        _number(size.get(1)), _SEXES.get(_code(person.get(0), odd, name) or 0),
    )  # fmt: skip


def _finger(parts: dict[int, tlv.Tlv], odd: OddParts, name: str) -> StatedImage | None:
    """position [0], impression [1], imageDataFormat [2], imageData [3], ..."""
    if 3 not in parts:
        return None
    position = _code(parts.get(0), odd, name)
    if position is None:
        odd.add(f"{name}, position", b"", "a finger image does not say of which finger")
    kind = _kind(_FINGER_KINDS, parts.get(2), odd, name)
    return StatedImage(_octets(parts[3], odd, name), kind, position=position or None)


def _members(holder: tlv.Tlv, odd: OddParts, name: str) -> dict[int, tlv.Tlv]:
    """What stands in `holder` under context tags 0 to 30, the first of each; others are extensions, passed over."""
    found: dict[int, tlv.Tlv] = {}
    if not holder.constructed:
        odd.add(name, holder.value, "a value stands in place of a block", offset=holder.offset)
        return found
    for part in objects(holder, odd, what=name):
        if 0x80 <= part.tag <= 0xBE and part.tag & 0x40 == 0:
            number = part.tag & 0x1F
            if number in found:
                odd.add(f"{name}, [{number}]", part.value, "a part is there twice", offset=part.offset)
            else:
                found[number] = part
    return found


def _number(found: tlv.Tlv | None) -> int | None:
    """A small non-negative integer, under an explicit tag, too; None where there is none."""
    if found is None:
        return None
    if found.constructed:
        try:
            found = found.reader().next(tlv.INTEGER, _ENUMERATED)
        except FormatError:
            return None
    if not 1 <= len(found.value) <= 4:
        return None
    number = int.from_bytes(found.value, "big", signed=True)
    return number if number >= 0 else None


def _code(choice: tlv.Tlv | None, odd: OddParts, name: str) -> int | None:
    """The code of a choice: `[0] code`, or `[1] { [0] fallback }` where it was extended; a bare code is taken, too."""
    if choice is None or not choice.constructed:
        return _number(choice)
    parts = _members(choice, odd, name)
    if 1 in parts and parts[1].constructed:
        return _number(_members(parts[1], odd, name).get(0))
    return _number(parts.get(0))


def _kind(kinds: dict[int, str], choice: tlv.Tlv | None, odd: OddParts, name: str) -> str | None:
    code = _code(choice, odd, name)
    if code not in kinds:
        odd.add(f"{name}, kind", b"", "an unknown kind of image", code=code)
        return None
    return kinds[code]


def _octets(found: tlv.Tlv, odd: OddParts, name: str) -> bytes:
    """An OCTET STRING's octets; where it is constructed, those of its pieces (X.690 clause 8.7.3)."""
    if not found.constructed:
        return found.value
    pieces = objects(found, odd, what=name)
    if any(piece.tag != tlv.OCTET_STRING for piece in pieces):
        raise FormatError("an image is no row of octets", offset=found.offset, tag=f"{found.tag:X}")
    return b"".join(piece.value for piece in pieces)
