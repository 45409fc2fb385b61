"""ANSI/NIST-ITL files in NIEM XML: the same minutiae as in the traditional encoding, other records named, bounds."""

from __future__ import annotations

import base64
import gzip
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cccd_core import templates
from cccd_core.errors import FormatError
from cccd_core.templates import FingerTemplate

HEAD = (
    '<?xml version="1.0" encoding="UTF-8"?>\n<!-- an exchange -->\n'
    '<itl:NISTBiometricInformationExchangePackage xmlns:itl="http://biometrics.nist.gov/standard/2011" '
    'xmlns:biom="http://niem.gov/niem/biometrics/1.0" xmlns:nc="http://niem.gov/niem/niem-core/2.0">'
)
TAIL = "</itl:NISTBiometricInformationExchangePackage>"


def element(name: str, *content: object) -> str:
    space = "nc" if name in ("IdentificationID", "BinaryBase64Object") else "biom"
    space = (
        "itl" if name in ("Minutiae", "MinutiaeNISTStandard", "MinutiaDetail") or name.startswith("Package") else space
    )
    return f"<{space}:{name}>{''.join(map(str, content))}</{space}:{name}>"


def identified(name: str, value: object) -> str:
    return element(name, element("IdentificationID", value))


def niem(*records: str, listed: tuple[int, ...]) -> bytes:
    contents = "".join(element("ContentRecordSummary", element("RecordCategoryCode", f"{kind:02d}")) for kind in listed)
    first = element(
        "PackageInformationRecord",
        element("RecordCategoryCode", 1),
        element("Transaction", element("TransactionContentSummary", contents)),
    )
    return (HEAD + first + "\n".join(records) + TAIL).encode()


def nine(*content: str, idc: int = 0, impression: int = 1) -> str:
    return element(
        "PackageMinutiaeRecord",
        element("RecordCategoryCode", 9),
        identified("ImageReferenceIdentification", f"{idc:02d}"),
        element("MinutiaeImpressionCaptureCategoryCode", impression),
        *content,
    )


def incits(view: FingerTemplate, *more: str, count: int | None = None) -> str:
    minutiae = [
        element(
            "INCITSMinutia",
            identified("MinutiaIdentification", number),
            element(
                "INCITSMinutiaLocation",
                element("PositionHorizontalCoordinateValue", x),
                element("PositionVerticalCoordinateValue", y),
                element("ImageLocationThetaAngleMeasure", round(angle * 180 / 65536) % 180),
            ),
            element("INCITSMinutiaCategoryCode", kind),
            element("MinutiaQualityValue", f" {quality}"),
        )
        for number, (x, y, angle, kind, quality) in enumerate(rows(view), start=1)
    ]
    return element(
        "INCITSMinutiae",
        identified("CBEFFFormatOwnerIdentification", 27),
        identified("CBEFFFormatCategoryIdentification", 513),
        identified("CBEFFProductIdentification", 1769473),
        element(
            "ImageCaptureDetail",
            identified("CaptureDeviceIdentification", 12),
            element("CaptureDeviceCertificationCode", "APPF"),
        ),
        element(
            "FingerImpressionImage",
            element("ImageHorizontalLineLengthPixelQuantity", view.width_px),
            element("ImageHorizontalPixelDensityValue", view.resolution_x_ppcm),
            element("ImageScaleUnitsCode", 2),
            element("ImageVerticalLineLengthPixelQuantity", view.height_px),
            element("ImageVerticalPixelDensityValue", view.resolution_y_ppcm),
            element("FingerPositionCode", view.position),
        ),
        element("FingerViewNumeric", view.view),
        element(
            "MinutiaeQuality",
            identified("QualityAlgorithmProductIdentification", 7),
            element("QualityValue", view.capture_quality),
            identified("QualityAlgorithmVendorIdentification", "0033"),
        ),
        element("MinutiaeQuantity", view.count if count is None else count),
        *minutiae,
        *more,
    )


def extended(view: FingerTemplate, *more: str) -> str:
    minutiae = [
        element(
            "EFSMinutia",
            element("ImageLocationHorizontalCoordinateMeasure", x),
            element("ImageLocationVerticalCoordinateMeasure", y),
            element("ImageLocationThetaAngleMeasure", round(angle * 360 / 65536) % 360),
            element("EFSMinutiaCategoryCode", "XEB"[kind]),
        )
        for x, y, angle, kind, _ in rows(view)
    ]
    return element(
        "ExtendedFeatureSetMinutiae",
        element(
            "FrictionRidgeImageRegionOfInterest",
            element("ImageSegmentWidthMeasure", view.width_px),
            element("ImageSegmentHeightMeasure", view.height_px),
            # points of its outline are elements of the same names as a minutia's
            element(
                "ImageSegmentPolygon",
                element("ImageSegmentVertex", element("ImageLocationHorizontalCoordinateMeasure", 9)),
            ),
        ),
        element("MinutiaeFrictionRidgeLocation", element("FrictionRidgePositionCode", view.position)),
        *minutiae,
        *more,
    )


def legacy(view: FingerTemplate, *more: str) -> str:
    letters = "DAB"
    minutiae = [
        element(
            "MinutiaDetail",
            element("PositionHorizontalCoordinateValue", x),
            element("PositionVerticalCoordinateValue", view.height_px - 1 - y),
            identified("MinutiaIdentification", number),
            element("PositionThetaAngleMeasure", f"{(round(angle * 360 / 65536) + 180) % 360:03d}"),
            element("MinutiaQualityValue", 1),
            element("MinutiaCategoryCode", letters[kind]),
        )
        for number, (x, y, angle, kind, _) in enumerate(rows(view), start=1)
    ]
    return element(
        "Minutiae",
        element("MinutiaeNISTStandard", *minutiae, element("MinutiaeQuantity", view.count)),
        element("MinutiaeFingerPositionCode", view.position),
        *more,
    )


def rows(view: FingerTemplate) -> list[tuple[int, int, int, int, int]]:
    columns = (view.x_px, view.y_px, view.angle, view.kind, view.quality)
    return list(zip(*(column.tolist() for column in columns), strict=True))


def finger(count: int = 20, position: int = 2, seed: int = 1, **changes: int) -> FingerTemplate:
    rng = np.random.default_rng(seed)
    angle = rng.integers(0, 180, count) * 65536 // 180
    stated = {"width_px": 400, "height_px": 480, "resolution_x_ppcm": 197, "resolution_y_ppcm": 197, **changes}
    return FingerTemplate(
        rng.integers(0, 400, count), rng.integers(0, 480, count), angle, rng.integers(0, 3, count),
        rng.integers(0, 101, count), position=position, impression=1, view=3, capture_quality=80, **stated,
    )  # fmt: skip


def same(mine: FingerTemplate, theirs: FingerTemplate) -> None:
    for name in ("x_px", "y_px", "kind"):
        assert np.array_equal(getattr(mine, name), getattr(theirs, name)), name
    assert (mine.position, mine.impression) == (theirs.position, theirs.impression)
    assert (mine.width_px, mine.height_px, mine.resolution_x_ppcm) == (
        theirs.width_px, theirs.height_px, theirs.resolution_x_ppcm,
    )  # fmt: skip


@given(st.integers(0, 60), st.integers(1, 10), st.integers(0, 1000))
def test_incits_minutiae_are_those_of_the_traditional_encoding(count: int, position: int, seed: int) -> None:
    view = finger(count, position, seed)
    record = templates.read(niem(nine(incits(view)), listed=(9,)))
    traditional = templates.read(templates.write(view, "nist-itl-378"))
    assert record.format == "nist-itl-378"
    assert record.notices == ()
    same(record.view, traditional.view)
    assert np.array_equal(record.view.angle, traditional.view.angle)
    assert np.array_equal(record.view.quality, traditional.view.quality)
    assert (record.view.view, record.view.capture_quality) == (3, 80)
    assert (record.product_id, record.device_id) == (1769473, 12)


@given(st.integers(0, 60), st.integers(1, 10), st.integers(0, 1000))
def test_extended_and_legacy_minutiae_are_those_of_the_traditional_encoding(
    count: int, position: int, seed: int
) -> None:
    view = replace(finger(count, position, seed), resolution_x_ppcm=1000, resolution_y_ppcm=1000)
    empty = () if count else (element("MinutiaeNoMinutiaePresentIndicator", "true"),)
    for name, made in (("nist-itl-efs", extended(view, *empty)), ("nist-itl-legacy", legacy(view))):
        record = templates.read(niem(nine(made), listed=(9,)), height_px=480 if name == "nist-itl-legacy" else None)
        traditional = templates.read(templates.write(view, name), height_px=480)
        assert record.format == name
        assert np.array_equal(record.view.x_px, traditional.view.x_px)
        assert np.array_equal(record.view.y_px, traditional.view.y_px)
        assert np.array_equal(record.view.kind, traditional.view.kind)
        assert np.array_equal(record.view.angle, traditional.view.angle)
        assert record.view.position == position


def test_of_several_forms_the_one_is_taken_that_says_most_and_records_are_views() -> None:
    two, seven = finger(position=2), finger(30, position=7)
    data = niem(nine(legacy(two), incits(two), extended(two)), nine(incits(seven), idc=1), listed=(9, 9))
    record = templates.read(data)
    assert record.format == templates.detect(data) == "nist-itl-378"
    assert [(view.position, view.count) for view in record.views] == [(2, 20), (7, 30)]
    with pytest.raises(FormatError, match="no minutiae of this form"):
        templates.read(niem(nine(incits(two)), listed=(9,)), format="nist-itl-efs")


@pytest.mark.parametrize("wrap", [gzip.compress, base64.b64encode, lambda data: b"\xef\xbb\xbf\n" + data])
def test_it_is_read_out_of_wrappers(wrap: object) -> None:
    assert callable(wrap)
    assert templates.read(wrap(niem(nine(incits(finger())), listed=(9,)))).view.count == 20


def image(kind: int, package: str, inside: str, idc: int = 0) -> str:
    head = (element("RecordCategoryCode", kind), identified("ImageReferenceIdentification", idc))
    return element(package, *head, element("FingerImpressionImage", inside))


PIXELS = "".join(
    element(name, value)
    for name, value in (
        ("ImageCompressionAlgorithmText", "WSQ20"), ("ImageHorizontalLineLengthPixelQuantity", 800),
        ("ImageHorizontalPixelDensityValue", 500), ("ImageScaleUnitsCode", 1),
        ("ImageVerticalLineLengthPixelQuantity", 750), ("ImageVerticalPixelDensityValue", 500),
    )
)  # fmt: skip


def test_images_are_named_and_say_where_rows_and_fingers_are() -> None:
    print_of_seven = PIXELS + element("FingerprintImagePosition", element("FingerPositionCode", 7))
    pixels = element("BinaryBase64Object", "\n".join(["A" * 76] * 30_000))  # 2.3 MB go by
    picture = image(14, "PackageFingerprintImageRecord", pixels + print_of_seven)
    view = replace(finger(position=0), height_px=round(100 * 750 / 500 * 25.4))
    record = templates.read(niem(picture, nine(legacy(view)), listed=(14, 9)))
    assert record.view.position == 7
    assert (record.view.width_px, record.view.height_px) == (4064, 3810)
    assert np.array_equal(record.view.y_px, view.y_px)
    assert str(record.notices[-1].word) == "not_read"
    assert "1 fingerprint image (type 14, WSQ) of position 7" in str(record.notices[-1])
    with pytest.raises(FormatError, match=r"1 fingerprint image \(type 14, WSQ\) of position 7 and no minutiae"):
        templates.read(niem(picture, listed=(14,)))


def test_what_is_not_read_of_it_is_named() -> None:
    core = element("FingerprintPatternCoreLocation", element("PositionHorizontalCoordinateValue", 4))
    record = templates.read(niem(nine(incits(finger(), core)), listed=(9,)))
    assert "9.139" in str(record.notices[-1])
    vendor = element("OtherMinutiae", element("MinutiaeAlgorithmOwnerText"))
    with pytest.raises(FormatError, match="vendor's fields alone"):
        templates.read(niem(nine(vendor), listed=(9,)))
    with pytest.raises(FormatError, match="no minutiae"):
        templates.read(niem(listed=()))
    assert str(templates.read(niem(nine(incits(finger())), listed=(2, 9))).notices[-1].word) == "contents_off"


VIEW = b"<biom:FingerViewNumeric>3</biom:FingerViewNumeric>"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda data: data.replace(b"Theta", b"Tetha", 2), "not as its form says"),
        (lambda data: data.replace(b"<biom:MinutiaeQuantity>20", b"<biom:MinutiaeQuantity>21"), "as many minutiae"),
        (lambda data: data.replace(b"Code>1</biom:INCITS", b"Code>7</biom:INCITS"), "type of a minutia"),
        (lambda data: data.replace(b"<biom:FingerViewNumeric>3<", b"<biom:FingerViewNumeric>" + b"3" * 99 + b"<"), ""),
        (lambda data: data.replace(VIEW, 2 * VIEW), "there twice"),
        (lambda data: data[:-60], "broken"),
        (lambda data: data.replace(b"?>", b"?><!DOCTYPE a>", 1), "document type"),
        (lambda data: data.replace(VIEW, b"<a/>" * 500_000), "too many elements"),
        (lambda data: data.replace(VIEW, b"<a>" * 70 + b"</a>" * 70), "too many elements, or nested too deep"),
        (lambda data: data.replace(b"PackageInformationRecord", b"Anything"), "Type 1"),
    ],
)  # fmt: skip
def test_minutiae_in_doubt_are_refused(change: object, words: str) -> None:
    assert callable(change)
    data = change(niem(nine(incits(finger())), listed=(9,)))
    if not words:  # a number that is none is not reported, as in the traditional encoding
        assert templates.read(data).view.view == 0
        return
    with pytest.raises(FormatError, match=words):
        templates.read(data)


def test_angles_beyond_units_of_two_degrees_are_refused_with_the_place_of_their_record() -> None:
    data = niem(nine(incits(finger(1))), listed=(9,))
    data = data.replace(data.split(b"ThetaAngleMeasure>")[1], b"234</biom:ImageLocation", 1)
    with pytest.raises(FormatError, match="angle of a minutia is out of its range") as refused:
        templates.read(data)
    assert data[int(refused.value.facts["offset"] or 0) :].startswith(b"<itl:PackageMinutiaeRecord")
