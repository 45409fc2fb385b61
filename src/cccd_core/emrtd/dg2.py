"""DG2: the face image.

Doc 9303-10 clause 4.7.2; ISO/IEC 19794-5:2005 clauses 5.4 to 5.9 (facial record format, the one that is written); read
are also the edition of 2011 and ISO/IEC 39794-5.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

from cccd_core.emrtd import cbeff, images, iso19794, iso39794, records
from cccd_core.emrtd.files import ElementaryFile
from cccd_core.emrtd.images import StatedImage
from cccd_core.emrtd.odd import Found, OddParts

FORMAT_FACE_39794 = 0x002A

_FILE_HEADER = struct.Struct(">4s4sIH")  # magic, version, length of record, number of images
_FACE_HEADER = struct.Struct(">IHBBB3sH3s3s")  # length, feature points, gender, eyes, hair, mask, expression, pose x2
_IMAGE_HEADER = struct.Struct(">BBHHBBHH")  # image type, data type, width, height, colour, source, device, quality
_GENDERS = {"M": 1, "F": 2}
_FULL_FRONTAL = 1
_DATA_TYPES = {"jpeg": 0, "jpeg2000": 1}
_FORMATS = {
    iso19794.FACE_2005: cbeff.FORMAT_FACE, iso19794.FACE_2011: cbeff.FORMAT_FACE, iso39794.FACE: FORMAT_FACE_39794
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class FaceImage:
    """A portrait: the image file as it was captured, and what its record says of it.

    `kind` and size are the image's own, by its first bytes (`unknown` and None where these are no known image's); what
    the record says stands beside them, and contradictions are in the result's `odd`.
    """

    image: bytes = field(repr=False)
    kind: str
    width_px: int | None
    height_px: int | None
    sex: str | None = field(repr=False)
    stated_kind: str | None
    stated_width_px: int | None
    stated_height_px: int | None
    standard: str


def build(portrait: bytes, *, sex: str | None = None) -> bytes:
    """DG2 of one portrait, a JPEG or JPEG 2000 file kept as it is. FormatError where it is neither."""
    info = images.inspect_portrait(portrait)
    colour = {1: 3, 3: 1}.get(info.components, 0)  # 8-bit grey, 24-bit RGB, unspecified
    image_header = _IMAGE_HEADER.pack(
        _FULL_FRONTAL, _DATA_TYPES[info.kind], info.width_px, info.height_px, colour, 0, 0, 0
    )
    length = _FACE_HEADER.size + _IMAGE_HEADER.size + len(portrait)
    face = _FACE_HEADER.pack(length, 0, _GENDERS.get(sex or "", 0), 0, 0, bytes(3), 0, bytes(3), bytes(3))
    record = _FILE_HEADER.pack(b"FAC\0", b"010\0", _FILE_HEADER.size + length, 1) + face + image_header + portrait
    template = cbeff.BiometricTemplate(cbeff.TYPE_FACE, 0, cbeff.OWNER_JTC1_SC37, cbeff.FORMAT_FACE, record)
    return cbeff.build(ElementaryFile.DG2.tag, [template])


def parse(data: bytes) -> Found[FaceImage]:
    """The face images of DG2, all of them, of whichever edition. Headers that contradict the image, or themselves, are
    in `odd` (`face 1, size`), and so is a template without an image. FormatError where there is no group of templates.
    """
    odd = OddParts()
    templates = cbeff.parse(data, ElementaryFile.DG2.tag, what="DG2")
    odd.extend(templates.odd)
    faces: list[FaceImage] = []
    for number, template in enumerate(templates, 1):
        faces += _faces(template, odd, f"face {number}")
    return Found(tuple(faces), odd.all())


def _faces(template: cbeff.BiometricTemplate, odd: OddParts, name: str) -> list[FaceImage]:
    standard, found = records.read(template.data, odd, name)
    if (template.format_owner, template.format_type) != (cbeff.OWNER_JTC1_SC37, _FORMATS.get(standard)):
        odd.add(
            f"{name}, format", b"", "a header names another format than its data has",
            owner=f"{template.format_owner:04X}", type=f"{template.format_type:04X}", found=standard,
        )  # fmt: skip
    if template.biometric_type not in (0, cbeff.TYPE_FACE):
        odd.add(f"{name}, type", b"", "a header names another biometric than a face", type=template.biometric_type)
    return [_face(each, odd, name if len(found) == 1 else f"{name}.{i}", standard) for i, each in enumerate(found, 1)]


def _face(stated: StatedImage, odd: OddParts, name: str, standard: str) -> FaceImage:
    info = images.compared(stated, odd, name)
    return FaceImage(
        image=stated.image, kind="unknown" if info is None else info.kind,
        width_px=None if info is None else info.width_px, height_px=None if info is None else info.height_px,
        sex=stated.sex, stated_kind=stated.kind, stated_width_px=stated.width_px, stated_height_px=stated.height_px,
        standard=standard,
    )  # fmt: skip
