"""ANSI/NIST-ITL files in the NIEM XML encoding (1-2011 and its updates), as the records and fields of the traditional
one: what an element holds is put where its field would hold it, so that both are read by the same rules.

ANSI/NIST-ITL 1-2011 annex C and its mapping of elements to fields; NIEM's biometrics domain. Names are compared without
their namespaces, whose versions differ by edition. A record of Type 9 has the legacy fields in `Minutiae`, those of
INCITS 378 in `INCITSMinutiae` (the angle in units of two degrees, as field 9.137), the extended ones in
`ExtendedFeatureSetMinutiae`. Of other records the size, resolution, compression, position and impression type of an
image are read, and of a print its data; all texts go by and are never kept.
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from xml.parsers import expat

from cccd_core.errors import FormatError
from cccd_core.templates.nist_itl import (
    MAX_PARTS,
    MAX_RECORDS,
    MINUTIAE,
    PRINTS,
    RS,
    US,
    WITH_IMAGE_FIELDS,
    Field,
    File,
    Image,
    Record,
    grayscale_image,
    tagged_image,
)
from cccd_core.templates.notices import Notice, Remark
from cccd_core.templates.xml_text import MAX_DEPTH, local, oddities, parse

MAX_ELEMENTS = 500_000
MAX_VALUE = 32  # characters: no number or code that is read is longer
_HEAD_BYTES = 8192
_STARTS = (b"<", b" ", b"\t", b"\r", b"\n", b"\xef")
_ROOT = re.compile(rb"<(?:[A-Za-z_][\w.-]{0,63}:)?NISTBiometricInformationExchangePackage[\s>/]")
_MINUTIAE_PACKAGE = "PackageMinutiaeRecord"
_PACKAGE = re.compile(r"Package\w{1,60}Record")
_INCITS, _EFS, _LEGACY = "INCITSMinutiae", "ExtendedFeatureSetMinutiae", "Minutiae"
_ID = "IdentificationID"

# Elements that are a subfield each, by their path in a record of Type 9: the field, and which items their elements are.
_SUBFIELDS: dict[str, tuple[int, dict[str, int]]] = {
    f"{_LEGACY}/MinutiaeNISTStandard/MinutiaDetail": (
        12,
        {
            f"MinutiaIdentification/{_ID}": 0,
            "PositionHorizontalCoordinateValue": 1,
            "PositionVerticalCoordinateValue": 2,
            "PositionThetaAngleMeasure": 3,
            "MinutiaQualityValue": 4,
            "MinutiaCategoryCode": 5,
        },
    ),
    f"{_INCITS}/INCITSMinutia": (
        137,
        {
            f"MinutiaIdentification/{_ID}": 0,
            "INCITSMinutiaLocation/PositionHorizontalCoordinateValue": 1,
            "INCITSMinutiaLocation/PositionVerticalCoordinateValue": 2,
            "INCITSMinutiaLocation/ImageLocationThetaAngleMeasure": 3,
            "INCITSMinutiaCategoryCode": 4,
            "MinutiaQualityValue": 5,
        },
    ),
    f"{_INCITS}/MinutiaeQuality": (
        135,
        {
            "QualityValue": 0,
            f"QualityAlgorithmVendorIdentification/{_ID}": 1,
            f"QualityAlgorithmProductIdentification/{_ID}": 2,
        },
    ),
    f"{_EFS}/EFSMinutia": (
        331,
        {
            "ImageLocationHorizontalCoordinateMeasure": 0,
            "ImageLocationVerticalCoordinateMeasure": 1,
            "ImageLocationThetaAngleMeasure": 2,
            "EFSMinutiaCategoryCode": 3,
            "ImageLocationUncertaintyRadiusMeasure": 4,
            "MinutiaDirectionUncertaintyValue": 5,
        },
    ),
    # What is not read but named, by its first item.
    f"{_LEGACY}/MinutiaeFingerCorePosition": (8, {}),
    f"{_LEGACY}/MinutiaeFingerDeltaPosition": (9, {}),
    f"{_INCITS}/MinutiaeRidgeCountDetail": (138, {}),
    f"{_INCITS}/FingerprintPatternCoreLocation": (139, {}),
    f"{_INCITS}/FingerprintPatternDeltaLocation": (140, {}),
    f"{_EFS}/MinutiaeCore": (320, {}),
    f"{_EFS}/MinutiaeDelta": (321, {}),
    f"{_EFS}/EFSRidgeCountItem": (333, {}),
    "OtherMinutiae": (176, {}),
}
# Elements that may be there again and are a subfield of one item each: finger positions.
_POSITIONS = {
    f"{_LEGACY}/MinutiaeFingerPositionCode": 6,
    f"{_LEGACY}/MinutiaePalmPositionCode": 6,
    f"{_INCITS}/FingerImpressionImage/FingerPositionCode": 134,
    f"{_EFS}/MinutiaeFrictionRidgeLocation/FrictionRidgePositionCode": 302,
    f"{_EFS}/MinutiaeFingerLocation/FingerPositionCode": 302,
    f"{_EFS}/MinutiaePalmLocation/PalmPositionCode": 302,
    f"{_EFS}/MinutiaePlantarLocation/PlantarPositionCode": 302,
}
# Elements that are there once: the field and the item.
_ITEMS = {
    "MinutiaeImpressionCaptureCategoryCode": (3, 0),
    f"{_LEGACY}/MinutiaeNISTStandard/MinutiaeQuantity": (10, 0),
    f"{_INCITS}/CBEFFFormatOwnerIdentification/{_ID}": (126, 0),
    f"{_INCITS}/CBEFFFormatCategoryIdentification/{_ID}": (126, 1),
    f"{_INCITS}/CBEFFProductIdentification/{_ID}": (126, 2),
    f"{_INCITS}/ImageCaptureDetail/CaptureDeviceCertificationCode": (127, 0),
    f"{_INCITS}/ImageCaptureDetail/CaptureDeviceIdentification/{_ID}": (127, 1),
    f"{_INCITS}/FingerImpressionImage/ImageHorizontalLineLengthPixelQuantity": (128, 0),
    f"{_INCITS}/FingerImpressionImage/ImageVerticalLineLengthPixelQuantity": (129, 0),
    f"{_INCITS}/FingerImpressionImage/ImageScaleUnitsCode": (130, 0),
    f"{_INCITS}/FingerImpressionImage/ImageHorizontalPixelDensityValue": (131, 0),
    f"{_INCITS}/FingerImpressionImage/ImageVerticalPixelDensityValue": (132, 0),
    f"{_INCITS}/FingerViewNumeric": (133, 0),
    f"{_INCITS}/MinutiaeQuantity": (136, 0),
    f"{_EFS}/FrictionRidgeImageRegionOfInterest/ImageSegmentWidthMeasure": (300, 0),
    f"{_EFS}/FrictionRidgeImageRegionOfInterest/ImageSegmentHeightMeasure": (300, 1),
    f"{_EFS}/FrictionRidgeImageLateralReversalCode": (315, 0),
}
_OF_SUBFIELDS = {
    f"{path}/{of}": (number, item) for path, (number, items) in _SUBFIELDS.items() for of, item in items.items()
}
_NO_MINUTIAE = f"{_EFS}/MinutiaeNoMinutiaePresentIndicator"
# Elements of an image, wherever they stand in its record: the field of Types 13 and 14.
_OF_IMAGES = {
    "ImageHorizontalLineLengthPixelQuantity": 6,
    "ImageVerticalLineLengthPixelQuantity": 7,
    "ImageScaleUnitsCode": 8,
    "ImageHorizontalPixelDensityValue": 9,
    "ImageVerticalPixelDensityValue": 10,
    "ImageCompressionAlgorithmText": 11,
    "ImageCompressionAlgorithmCode": 11,
    "CaptureResolutionCode": 5,
    "FingerprintImageImpressionCaptureCategoryCode": 3,
    "FrictionRidgeImageImpressionCaptureCategoryCode": 3,
}
_POSITION = "FingerPositionCode"  # of the whole image where it stands here; of segments and missing fingers elsewhere
_DATA = ("BinaryBase64Object", "Base64BinaryObject")  # of NIEM 2 and 3, of later ones
_GRAYSCALE = range(3, 7)


def is_file(data: bytes) -> bool:
    """Whether `data` is XML in whose beginning such a file's element stands."""
    if data[:1] not in _STARTS:  # nearly all there is
        return False
    head = data[:_HEAD_BYTES]
    return b"NISTBiometricInformationExchangePackage" in head and _ROOT.search(head) is not None


def read(data: bytes) -> File:
    """The records of `data`. FormatError where it is no XML, has too many elements, or says twice what is said once.
    Linear in the file's length."""
    reader = _Reader()
    reader.read(data)
    records = tuple(reader.records)
    found, listed = sorted(record.type for record in records[1:]), sorted(reader.listed)
    if not records or records[0].type != 1:
        raise FormatError("an ANSI/NIST-ITL file in XML (NIEM) does not begin with its record of Type 1", offset=0)
    notices = oddities(data)
    if found != listed:
        notices += (Notice(Remark.CONTENTS_OFF, {"listed": len(listed), "found": len(found)}),)
    return File(records, listed.count(MINUTIAE), notices, has_offsets=False)


@dataclass(slots=True)
class _Package:
    """A record while it is read: how deep its element stands, its type, and its fields as subfields of items."""

    depth: int
    offset: int
    type: int = -1
    idc: int = -1
    fields: dict[int, list[dict[int, str]]] = field(default_factory=dict)
    coded: list[str] = field(default_factory=list)  # pieces of a print's data

    def put(self, number: int, item: int, value: str, *, again: bool = False) -> None:
        subfields = self.fields.setdefault(number, [])
        if again or not subfields:
            subfields.append({})
        if item in subfields[-1]:
            raise FormatError("an element of a record is there twice", offset=self.offset, field=number)
        if len(subfields) > MAX_PARTS:
            raise FormatError("a record has too many elements of one kind", offset=self.offset, most=MAX_PARTS)
        subfields[-1][item] = value


class _Reader:
    def __init__(self) -> None:
        self.records: list[Record] = []
        self.listed: list[int] = []
        self._path: list[str] = []
        self._text = ""
        self._coded: list[str] | None = None  # of the print in whose data the parser is
        self._elements = 0
        self._package: _Package | None = None
        self._native_per_mm = 0.0
        self._parser = expat.ParserCreate(namespace_separator=" ")
        self._parser.buffer_text = True  # else it calls for every line of an image's data
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.CharacterDataHandler = self._characters

    def read(self, data: bytes) -> None:
        parse(self._parser, data)

    def _start(self, name: str, attributes: Mapping[str, str]) -> None:
        self._elements += 1 + len(attributes)
        if len(self._path) >= MAX_DEPTH or self._elements > MAX_ELEMENTS:
            raise FormatError("XML text of too many elements, or nested too deep", most=MAX_ELEMENTS)
        self._path.append(local(name))
        self._text = ""
        package = self._package
        if package is None:
            if _PACKAGE.fullmatch(self._path[-1]):
                if len(self.records) >= MAX_RECORDS:
                    raise FormatError("an ANSI/NIST-ITL file of too many records", most=MAX_RECORDS)
                kind = MINUTIAE if self._path[-1] == _MINUTIAE_PACKAGE else -1
                self._package = _Package(len(self._path), self._parser.CurrentByteIndex, kind)
        elif package.type in PRINTS and self._path[-1] in _DATA and not package.coded:
            self._coded = package.coded
        elif package.type == MINUTIAE and len(self._path) - package.depth <= 3:
            found = _SUBFIELDS.get("/".join(self._path[package.depth :]))
            if found is not None:
                package.put(found[0], -1, "", again=True)

    def _characters(self, text: str) -> None:
        if self._coded is not None:
            self._coded.append(text)
        elif len(self._text) <= 2 * MAX_VALUE:  # other images' data and texts go by
            self._text += text[: 2 * MAX_VALUE]

    def _end(self, _: str) -> None:
        text, package = self._text.strip(), self._package
        self._coded = None
        if package is not None and len(self._path) == package.depth:
            self.records.append(self._made(package))
            self._package = None
        elif package is not None and text:
            self._put(package, self._path[package.depth :], text)
        self._path.pop()
        self._text = ""

    def _put(self, package: _Package, path: list[str], text: str) -> None:
        if path == ["RecordCategoryCode"] and package.type < 0:
            package.type = _number(text)
        elif path == ["ImageReferenceIdentification", _ID]:
            package.idc = _number(text)
        elif package.type == 1:
            if path[-2:] == ["ContentRecordSummary", "RecordCategoryCode"]:
                self.listed.append(_number(text))
            elif path[-1] == "NativeScanningResolutionValue" and re.fullmatch(r"\d{1,3}(\.\d{1,4})?", text):
                self._native_per_mm = float(text)
        elif package.type == MINUTIAE:
            _put_of_minutiae(package, "/".join(path), text[: MAX_VALUE + 1])
        elif path[-1] == _POSITION:
            if len(path) == 2 or path[-2] == "FingerprintImagePosition":
                package.put(13, 0, text[: MAX_VALUE + 1], again=True)
        elif path[-1] in _OF_IMAGES and _OF_IMAGES[path[-1]] not in package.fields:
            package.put(_OF_IMAGES[path[-1]], 0, text[: MAX_VALUE + 1])

    def _made(self, package: _Package) -> Record:
        fields = {number: _field(package.offset, number, said) for number, said in package.fields.items()}
        image: Image | None = None
        if package.type in WITH_IMAGE_FIELDS:
            image = tagged_image(fields)
        elif package.type in _GRAYSCALE:
            image = grayscale_image(fields, self._native_per_mm)
        if image is not None and package.coded:
            image = replace(image, data=_decoded("".join(package.coded)))
        return Record(package.type, package.idc, package.offset, fields, image)


def _put_of_minutiae(package: _Package, path: str, text: str) -> None:
    if path in _ITEMS:
        package.put(*_ITEMS[path], text)
        return
    if path in _POSITIONS:
        package.put(_POSITIONS[path], 0, text, again=True)
        return
    if path == _NO_MINUTIAE and text in ("true", "1"):
        package.put(334, 0, "Y")
        return
    found = _OF_SUBFIELDS.get(path)
    if found is not None:
        package.put(*found, text)


def _field(offset: int, number: int, subfields: list[dict[int, str]]) -> Field:
    """The field as the traditional encoding has it."""
    rows = []
    for items in subfields:
        texts = [items.get(item, "") for item in range(max(items, default=0) + 1)]
        if number == 12:  # place and angle are one item there: XXXXYYYYTTT
            texts[1:4] = ["".join(t.zfill(n) if t else "" for t, n in zip(texts[1:4], (4, 4, 3), strict=False))]
        rows.append(US.join(text.encode("utf-8") for text in texts))
    return Field(offset, RS.join(rows))


def _decoded(text: str) -> bytes:
    """Image data; what is no base64 stays as it is, so that whoever decodes the image says that it is none."""
    coded = "".join(text.split()).encode("utf-8")
    try:
        return binascii.a2b_base64(coded, strict_mode=True)
    except binascii.Error:
        return coded


def _number(text: str) -> int:
    return int(text) if re.fullmatch("[0-9]{1,3}", text) else -1
