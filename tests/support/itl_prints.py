"""ANSI/NIST-ITL files of prints, in both encodings, around the pixels of an image."""

from __future__ import annotations

import base64
import io

import numpy as np
from PIL import Image

FS, GS, RS, US = "\x1c", "\x1d", "\x1e", "\x1f"
_XML = (
    '<?xml version="1.0" encoding="UTF-8"?><itl:NISTBiometricInformationExchangePackage '
    'xmlns:itl="http://biometrics.nist.gov/standard/2011" xmlns:biom="http://niem.gov/niem/biometrics/1.0" '
    'xmlns:nc="http://niem.gov/niem/niem-core/2.0">'
)


def png(image: np.ndarray) -> bytes:
    out = io.BytesIO()
    Image.fromarray(image).save(out, "PNG")  # states no resolution
    return out.getvalue()


def tagged(kind: int, fields: dict[int, str], data: bytes = b"") -> bytes:
    body = GS.join(f"{kind}.{number:03d}:{value}" for number, value in sorted(fields.items())).encode()
    if data:
        body += f"{GS}{kind}.999:".encode() + data
    length = len(body) + len(f"{kind}.001:{GS}") + 1 + 6
    return f"{kind}.001:{length:06d}{GS}".encode() + body + FS.encode()


def fourteen(
    image: np.ndarray, position: str, *, compression: str = "PNG", scale: str = "500", impression: str = "0"
) -> bytes:
    data = image.tobytes() if compression == "NONE" else png(image)
    height, width = image.shape
    fields = {2: "0", 3: impression, 6: str(width), 7: str(height), 8: "1", 9: scale, 10: scale, 11: compression}
    fields |= {12: "8", 13: position}
    return tagged(14, fields, data)


def four(image: np.ndarray, position: int, impression: int = 0) -> bytes:
    height, width = image.shape
    head = (
        bytes((0, impression, position, 255, 255, 255, 255, 255, 0))
        + width.to_bytes(2, "big")
        + height.to_bytes(2, "big")
    )
    return (18 + image.size).to_bytes(4, "big") + head + b"\0" + image.tobytes()


def itl(*records: tuple[int, bytes]) -> bytes:
    contents = RS.join((f"1{US}{len(records)}", *(f"{kind}{US}00" for kind, _ in records)))
    first = {2: "0400", 3: contents, 4: "LFFS", 5: "20260101", 7: "A", 8: "B", 9: "1", 11: "19.69", 12: "19.69"}
    return tagged(1, first) + b"".join(record for _, record in records)


def element(name: str, *content: object) -> str:
    """An element of NIEM XML; its namespace is not looked at."""
    return f"<biom:{name}>{''.join(map(str, content))}</biom:{name}>"


def fourteen_xml(
    image: np.ndarray, position: str, *, compression: str = "PNG", scale: str = "500", impression: str = "0",
    more: str = "", data: bytes | None = None, name: str = "BinaryBase64Object",
) -> str:  # fmt: skip
    """A record of Type 14 in XML, its data in lines of 76 characters."""
    coded = data if data is not None else base64.encodebytes(image.tobytes() if compression == "NONE" else png(image))
    height, width = image.shape
    said = {
        "ImageCompressionAlgorithmText": compression, "ImageHorizontalLineLengthPixelQuantity": width,
        "ImageHorizontalPixelDensityValue": scale, "ImageScaleUnitsCode": 1,
        "ImageVerticalLineLengthPixelQuantity": height, "ImageVerticalPixelDensityValue": scale,
        "FingerprintImageImpressionCaptureCategoryCode": impression, "FingerPositionCode": position,
    }  # fmt: skip
    fields = "".join(element(*each) for each in said.items())
    return element(
        "PackageFingerprintImageRecord",
        element("RecordCategoryCode", 14),
        element("ImageReferenceIdentification", element("IdentificationID", 1)),
        element("FingerImpressionImage", element(name, coded.decode("latin-1")), fields, more),
    )


def itl_xml(*records: str) -> bytes:
    """A file of records of Type 14."""
    listed = element("ContentRecordSummary", element("RecordCategoryCode", 14)) * len(records)
    first = element("PackageInformationRecord", element("RecordCategoryCode", 1), element("Transaction", listed))
    return (_XML + first + "".join(records) + "</itl:NISTBiometricInformationExchangePackage>").encode()
