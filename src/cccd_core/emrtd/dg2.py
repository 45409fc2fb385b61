"""DG2: the face image.

Doc 9303-10 clause 4.7.2; ISO/IEC 19794-5:2005 clauses 5.4 to 5.9 (facial record format).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from cccd_core.emrtd import cbeff, images
from cccd_core.emrtd.files import ElementaryFile
from cccd_core.errors import FormatError

_FILE_HEADER = struct.Struct(">4s4sIH")  # magic, version, length of record, number of images
_FACE_HEADER = struct.Struct(">IHBBB3sH3s3s")  # length, feature points, gender, eyes, hair, mask, expression, pose ×2
_IMAGE_HEADER = struct.Struct(">BBHHBBHH")  # image type, data type, width, height, colour, source, device, quality
_FEATURE_POINT_BYTES = 8
_GENDERS = {"M": 1, "F": 2}
_FULL_FRONTAL = 1
_DATA_TYPES = {"jpeg": 0, "jpeg2000": 1}


@dataclass(frozen=True, slots=True)
class FaceImage:
    """A portrait: the image file as it was captured, and what its record says of it."""

    image: bytes
    kind: str
    width_px: int
    height_px: int
    sex: str | None


def build(portrait: bytes, *, sex: str | None = None) -> bytes:
    """DG2 of one portrait, a JPEG or JPEG 2000 file kept as it is. FormatError where it is neither."""
    info = images.inspect(portrait)
    colour = {1: 3, 3: 1}.get(info.components, 0)  # 8-bit grey, 24-bit RGB, unspecified
    image_header = _IMAGE_HEADER.pack(
        _FULL_FRONTAL, _DATA_TYPES[info.kind], info.width_px, info.height_px, colour, 0, 0, 0
    )
    length = _FACE_HEADER.size + _IMAGE_HEADER.size + len(portrait)
    face = _FACE_HEADER.pack(length, 0, _GENDERS.get(sex or "", 0), 0, 0, bytes(3), 0, bytes(3), bytes(3))
    record = _FILE_HEADER.pack(b"FAC\0", b"010\0", _FILE_HEADER.size + length, 1) + face + image_header + portrait
    template = cbeff.BiometricTemplate(cbeff.TYPE_FACE, 0, cbeff.OWNER_JTC1_SC37, cbeff.FORMAT_FACE, record)
    return cbeff.build(ElementaryFile.DG2.tag, [template])


def parse(data: bytes) -> tuple[FaceImage, ...]:
    """The face images of DG2, all of them. FormatError where a record or an image's head is not what it should be."""
    faces: list[FaceImage] = []
    for template in cbeff.parse(data, ElementaryFile.DG2.tag, what="DG2"):
        if (template.format_owner, template.format_type) != (cbeff.OWNER_JTC1_SC37, cbeff.FORMAT_FACE):
            raise FormatError(
                "DG2 holds another format than ISO/IEC 19794-5",
                owner=f"{template.format_owner:04X}", type=f"{template.format_type:04X}",
            )  # fmt: skip
        faces += _record(template.data)
    return tuple(faces)


def _record(record: bytes) -> list[FaceImage]:
    if len(record) < _FILE_HEADER.size:
        raise FormatError("a face record ends inside its header", length=len(record))
    magic, version, length, count = _FILE_HEADER.unpack_from(record)
    if (magic, version) != (b"FAC\0", b"010\0") or length != len(record) or not 1 <= count <= cbeff.MAX_TEMPLATES:
        raise FormatError("a face record's header is wrong", length=len(record), stated=length, count=count)
    faces = []
    position = _FILE_HEADER.size
    for _ in range(count):
        faces.append(_face(record, position))
        position += _FACE_HEADER.unpack_from(record, position)[0]
    if position != len(record):
        raise FormatError("bytes follow the last face of a record", offset=position)
    return faces


def _face(record: bytes, start: int) -> FaceImage:
    if len(record) - start < _FACE_HEADER.size + _IMAGE_HEADER.size:
        raise FormatError("a face record ends inside a face", offset=start)
    length, points, gender = _FACE_HEADER.unpack_from(record, start)[:3]
    header = start + _FACE_HEADER.size + points * _FEATURE_POINT_BYTES
    end = start + length
    if header + _IMAGE_HEADER.size >= end or end > len(record):
        raise FormatError("a face does not fit its record", offset=start, length=length)
    _, kind, width, height = _IMAGE_HEADER.unpack_from(record, header)[:4]
    image = record[header + _IMAGE_HEADER.size : end]
    info = images.inspect(image)
    if _DATA_TYPES[info.kind] != kind or (info.width_px, info.height_px) != (width, height):
        raise FormatError("a face record contradicts its image", offset=header)
    return FaceImage(image, info.kind, width, height, {1: "M", 2: "F"}.get(gender))
