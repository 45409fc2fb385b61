"""Images of fingers inside other files: ANSI/NIST-ITL in both encodings, and data group 3 of a chip. What stands there
is decoded as it would be. The first byte chooses.
"""

from __future__ import annotations

import base64
import contextlib
import io
import struct

from PIL import Image

from cccd_core.emrtd import cbeff, dg3
from cccd_core.errors import CccdError
from cccd_core.extraction import images, reader
from cccd_core.templates import beside, nist_file
from fuzz.targets import finger_images

MODULES = (
    "cccd_core.templates.nist_itl", "cccd_core.templates.nist_xml", "cccd_core.templates.nist_file",
    "cccd_core.templates.beside", "cccd_core.extraction.reader", "cccd_core.extraction.decoding", "cccd_core.emrtd",
)  # fmt: skip
_FS, _GS = "\x1c", "\x1d"
_PIXELS = bytes(range(63))
_ROOM = 60_000


def _png() -> bytes:
    out = io.BytesIO()
    Image.frombytes("L", (9, 7), _PIXELS).save(out, "PNG", dpi=(500, 500))
    return out.getvalue()


def _tagged(kind: int, fields: dict[int, str], data: bytes = b"") -> bytes:
    body = _GS.join(f"{kind}.{number:03d}:{value}" for number, value in fields.items()).encode()
    if data:
        body += f"{_GS}{kind}.999:".encode() + data
    length = len(f"{kind}.001:000000{_GS}") + len(body) + 1
    return f"{kind}.001:{length:06d}{_GS}".encode() + body + _FS.encode()


def _itl(*records: tuple[int, bytes]) -> bytes:
    listed = "\x1e".join([f"1\x1f{len(records)}", *(f"{kind}\x1f00" for kind, _ in records)])
    return _tagged(1, {2: "0400", 3: listed, 11: "19.69"}) + b"".join(data for _, data in records)


def _fourteen(position: str, compression: str, data: bytes) -> bytes:
    said = {2: "0", 3: "1", 6: "9", 7: "7", 8: "1", 9: "500", 10: "500", 11: compression, 12: "8", 13: position}
    return _tagged(14, said, data)


def _four(position: int, compression: int, data: bytes) -> bytes:
    head = bytes((0, 1, position, 255, 255, 255, 255, 255, 0, 0, 9, 0, 7, compression))
    return struct.pack(">I", 4 + len(head) + len(data)) + head + data


def _xml(data: bytes, compression: str, name: str = "BinaryBase64Object") -> bytes:
    said = {
        name: base64.encodebytes(data).decode(), "ImageCompressionAlgorithmText": compression,
        "ImageHorizontalLineLengthPixelQuantity": 9, "ImageHorizontalPixelDensityValue": 500, "ImageScaleUnitsCode": 1,
        "ImageVerticalLineLengthPixelQuantity": 7, "ImageVerticalPixelDensityValue": 500,
        "FingerprintImageImpressionCaptureCategoryCode": 1, "FingerPositionCode": 2,
    }  # fmt: skip
    inside = "".join(f"<b:{key}>{value}</b:{key}>" for key, value in said.items())
    return (
        '<i:NISTBiometricInformationExchangePackage xmlns:i="i" xmlns:b="b"><i:PackageInformationRecord>'
        "<b:RecordCategoryCode>1</b:RecordCategoryCode></i:PackageInformationRecord><i:PackageFingerprintImageRecord>"
        "<b:RecordCategoryCode>14</b:RecordCategoryCode><b:FingerImpressionImage>"
        f"{inside}</b:FingerImpressionImage></i:PackageFingerprintImageRecord>"
        "</i:NISTBiometricInformationExchangePackage>"
    ).encode()


def _chip(kind: int, data: bytes) -> bytes:
    """DG3 with one record of ISO/IEC 19794-4:2005, image compression `kind`."""
    finger = struct.pack(">IBBBBBHHB", 14 + len(data), 2, 1, 1, 80, 1, 9, 7, 0) + data
    general = struct.pack(">HHBBHHHHBBH", 0, 31, 1, 1, 500, 500, 500, 500, 8, kind, 0)
    length = 8 + 6 + len(general) + len(finger)
    record = b"FIR\x00010\0" + length.to_bytes(6, "big") + general + finger
    return cbeff.build(0x63, [cbeff.BiometricTemplate(8, 0, 0x0101, 7, record)])


SEEDS: tuple[bytes, ...] = (
    b"\0" + _itl((14, _fourteen("2", "PNG", _png()))),
    b"\0" + _itl((14, _fourteen("2", "NONE", _PIXELS)), (14, _fourteen("7", "NONE", _PIXELS))),
    b"\0" + _itl((4, _four(11, 0, _PIXELS)), (4, _four(7, 6, _png()))),
    b"\0" + _xml(_png(), "PNG"),
    b"\0" + _xml(_PIXELS, "NONE", "Base64BinaryObject"),
    b"\1" + _chip(0, _PIXELS),
    b"\1" + _chip(5, _png()),
)


def large() -> list[bytes]:
    """Many prints, one of many lines, and a chip's file full of one image."""
    many = [(14, _fourteen("2", "NONE", _PIXELS))] * (_ROOM // 400)
    lines = _xml(bytes(_ROOM * 2 // 5), "NONE").replace(b"A\n", b"A\n\n\n")[:_ROOM] + b"</"
    return [
        b"\0" + _itl(*many),
        b"\0" + _xml(bytes(_ROOM * 5 // 7), "NONE"),
        b"\0" + lines,
        b"\0" + _xml(b"", "NONE").replace(b"</b:BinaryBase64Object>", b" " * _ROOM + b"</b:BinaryBase64Object>"),
        b"\1" + _chip(0, bytes(_ROOM)),
    ]


def target(data: bytes) -> None:
    """Reads `data[1:]` as the choice says, and decodes what it holds as the decoder's process does, of fewer pixels."""
    if data[:1] == b"\1":
        for finger in dg3.parse(data[1:]):
            _decoded(finger.data, (finger.width_px or 0, finger.height_px or 0) if finger.kind == "raw" else None)
        return
    beside.instead("2.an2", data[1:])
    prints = nist_file.prints_alone(data[1:])
    for position in (0, 2) if prints else ():
        try:
            held = reader.chosen(prints, position)
        except CccdError:
            continue
        _decoded(held.data, reader.size_of(held))


def _decoded(data: bytes, size: tuple[int, int] | None) -> None:
    if size is None:
        finger_images.target(data)
        return
    with contextlib.suppress(CccdError, MemoryError):
        images.raw(data, *size)
