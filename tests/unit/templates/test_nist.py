"""ANSI/NIST-ITL files: minutiae of Type 9 in three forms, other records named, odd framing, what is refused."""

from __future__ import annotations

import base64
import gzip
from collections.abc import Sequence

import numpy as np
import pytest

from cccd_core import templates
from cccd_core.errors import FormatError, ParameterError
from cccd_core.templates import FingerTemplate, TemplateRecord

FS, GS, RS, US = "\x1c", "\x1d", "\x1e", "\x1f"
FORMS = ("nist-itl-legacy", "nist-itl-378", "nist-itl-efs")

LEGACY = {
    3: "1",
    4: "S",
    5: f"MINDTCT{US}A",
    6: "07",
    7: f"T{US}UN",
    10: "4",
    11: "1",
    12: RS.join(
        (
            f"001{US}05122334270{US}14{US}A{US}002,03{US}003,11",
            f"002{US}10160507090{US}63{US}B",
            f"003{US}00000000000{US}02{US}C",
            f"004{US}12001200359{US}01{US}D",
        )
    ),
}
INCITS = {
    3: "0",
    4: "U",
    126: f"27{US}513{US}1769473",
    127: f"APPF{US}12",
    128: "400",
    129: "480",
    130: "1",
    131: "500",
    132: "500",
    133: "3",
    134: "2",
    135: f"80{US}0033{US}7",
    136: "2",
    137: f"1{US}100{US}200{US}45{US}1{US}60{RS}2{US}399{US}0{US}179{US}2{US}0",
}
EFS = {
    3: "1",
    4: "U",
    300: f"2032{US}2438{US}10{US}20",
    302: f"8{US}DST",
    331: f"100{US}200{US}90{US}E{RS}1999{US}2400{US}359{US}B{US}30{US}5{RS}5{US}6{US}0{US}X{US}{US}180",
}


def tagged(kind: int, fields: dict[int, str], *, off: int = 0, data: bytes = b"") -> bytes:
    """A record of Type `kind`, whose stated length is `off` by so much."""
    body = GS.join(f"{kind}.{number:03d}:{value}" for number, value in sorted(fields.items())).encode("latin-1")
    if data:
        body += f"{GS}{kind}.999:".encode() + data
    length = len(body)
    for _ in range(3):
        length = len(f"{kind}.001:{length}{GS}") + len(body) + 1
    return f"{kind}.001:{length + off}{GS}".encode() + body + FS.encode()


def nist(records: Sequence[tuple[int, bytes]], *, listed: Sequence[int] | None = None, native: str = "19.69") -> bytes:
    """A file of these records, each its type and bytes."""
    types = [kind for kind, _ in records] if listed is None else listed
    contents = RS.join((f"1{US}{len(types)}", *(f"{kind}{US}{number:02d}" for number, kind in enumerate(types))))
    first = {2: "0400", 3: contents, 4: "LFFS", 5: "20260101", 7: "A", 8: "B", 9: "1", 11: native, 12: native}
    return tagged(1, first) + b"".join(record for _, record in records)


def nine(fields: dict[int, str], idc: int = 0, **options: int) -> tuple[int, bytes]:
    return 9, tagged(9, {2: f"{idc:02d}", **fields}, **options)


def fourteen(idc: int = 0, position: str = "7", *, off: int = 0, compression: str = "WSQ20") -> tuple[int, bytes]:
    fields = {
        2: str(idc), 3: "0", 4: "AGENCY", 5: "20260101", 6: "800", 7: "750", 8: "1", 9: "500", 10: "500",
        11: compression, 12: "8", 13: position,
    }  # fmt: skip
    return 14, tagged(14, fields, off=off, data=b"\xff\xa0\x1c\x1d\x1e9.001:5\x1f" + bytes(50))


def four(idc: int = 0, position: int = 2, flag: int = 0, compression: int = 1) -> tuple[int, bytes]:
    head = bytes(
        (idc, 0, position, 255, 255, 255, 255, 255, flag, 800 >> 8, 800 & 255, 750 >> 8, 750 & 255, compression)
    )
    return 4, (18 + 40).to_bytes(4, "big") + head + b"\x1c" * 40


def der(tag: int, value: bytes) -> bytes:
    size = bytes((len(value),)) if len(value) < 128 else b"\x82" + len(value).to_bytes(2, "big")
    return bytes((tag,)) + size + value


def block_39794(tag: int, size: int = 3) -> bytes:
    """A block of ISO/IEC 39794 as part 1 begins it: generation 3 of 2019, and a representation of `size` bytes."""
    return der(tag, der(0xA0, b"\x80\x01\x03\x81\x02\x07\xe3") + der(0xA1, der(0x30, der(0x80, bytes(size)))))


def degrees(view: FingerTemplate) -> list[int]:
    return [round(angle * 360 / 65536) % 360 for angle in view.angle.tolist()]


def test_legacy_fields() -> None:
    record = templates.read(nist([nine(LEGACY)]))
    view = record.view
    assert record.format == "nist-itl-legacy"
    assert record.notices == ()
    assert (view.resolution_x_ppcm, view.resolution_y_ppcm) == (1000, 1000)
    assert view.x_px.tolist() == [512, 1016, 0, 1200]
    assert view.y_px.tolist() == [0, 2334 - 507, 2334, 2334 - 1200]  # rows are counted from the highest
    assert degrees(view) == [90, 270, 180, 179]
    assert view.kind.tolist() == [1, 2, 0, 0]
    assert view.quality.tolist() == [81, 1, 100, 0]
    assert (view.position, view.impression) == (7, 1)


def test_a_legacy_record_is_what_xyt_text_says() -> None:
    """Both have their origin at the bottom left and the opposite direction; NBIS counts rows of .xyt from 1."""
    n = np.arange(40)
    view = FingerTemplate(n * 9, n * 11 % 479, n * 1600, n % 3, n + 1, 400, 480)
    lines = templates.write(view, "xyt").split(b"\n")[:-1]
    data = templates.write(templates.rescale(view, 1000), "nist-itl-legacy")
    entries = [entry.split(b"\x1f") for entry in data.partition(b"9.012:")[2].rstrip(b"\x1c").split(b"\x1e")]
    assert len(entries) == len(lines) == 40
    for line, (_, place, _, _) in zip(lines, entries, strict=True):
        x, y, theta = map(int, line.split()[:3])
        assert int(place[8:]) == theta
        assert abs(int(place[:4]) * 0.197 - x) <= 0.6
        assert abs(int(place[4:8]) * 0.197 - (y - 1)) <= 1


def test_incits_378_fields() -> None:
    record = templates.read(nist([nine(INCITS)]))
    view = record.view
    assert record.format == "nist-itl-378"
    assert (record.product_id, record.compliance, record.device_id) == (1769473, 8, 12)
    assert (view.width_px, view.height_px, view.resolution_x_ppcm) == (400, 480, 197)
    assert (view.x_px.tolist(), view.y_px.tolist(), degrees(view)) == ([100, 399], [200, 0], [90, 358])
    assert (view.kind.tolist(), view.quality.tolist()) == ([1, 2], [60, 0])
    assert (view.position, view.impression, view.view, view.capture_quality) == (2, 0, 3, 80)
    assert view.details.quality_blocks == (templates.QualityBlock(80, 0x33, 7),)
    same = templates.read(templates.write(record, "ansi-2009"))
    assert (same.product_id, same.device_id, same.compliance) == (1769473, 12, 0x80)
    assert same.view.x_px.tolist() == [100, 399]


@pytest.mark.parametrize(("code", "quality"), [("", 0), ("0", 0), ("1", 1), ("100", 100), ("254", 0), ("255", 0)])
def test_the_quality_of_incits_378_fields(code: str, quality: int) -> None:
    fields = {**INCITS, 137: f"1{US}100{US}200{US}45{US}1{US}{code}", 136: "1"}
    assert templates.read(nist([nine(fields)])).view.quality.tolist() == [quality]


@pytest.mark.parametrize(
    ("code", "reported"), [("80", 80), ("0", 0), ("254", 0), ("255", 0), (f"70{US}0033", 70), (f"70{US}zz{US}1", 70)]
)
def test_the_quality_of_a_capture(code: str, reported: int) -> None:
    view = templates.read(nist([nine({**INCITS, 135: code})])).view
    assert view.capture_quality == reported
    assert view.details.quality_blocks[0].score == int(code.split(US)[0])


def test_the_resolution_of_incits_378_fields() -> None:
    centimetres = nist([nine({**INCITS, 130: "2", 131: "394", 132: "197"})])
    assert templates.read(centimetres).view.resolution_x_ppcm == 394
    assert templates.read(centimetres).view.resolution_y_ppcm == 197
    none = nist([nine({**INCITS, 130: "0"})])
    with pytest.raises(FormatError, match="state it"):
        templates.read(none)
    given = templates.read(none, dpi=500)
    assert given.view.resolution_x_ppcm == 197
    assert [str(notice.word) for notice in given.notices] == ["resolution_given"]


def test_the_extended_feature_set() -> None:
    record = templates.read(nist([nine(EFS)]))
    view = record.view
    assert record.format == "nist-itl-efs"
    assert (view.width_px, view.height_px, view.resolution_x_ppcm) == (2032, 2438, 1000)
    assert (view.x_px.tolist(), view.y_px.tolist(), degrees(view)) == ([100, 1999, 5], [200, 2400, 6], [90, 359, 0])
    assert (view.kind.tolist(), view.quality.tolist()) == ([1, 2, 0], [0, 0, 0])
    assert view.position == 8
    assert [notice.as_dict()["facts"] for notice in record.notices] == [{"minutiae": 1, "view": 1}]
    assert str(record.notices[0].word) == "direction_unknown"


@pytest.mark.parametrize("form", FORMS)
def test_what_is_written_is_a_whole_file(form: str) -> None:
    """Lengths are right to the byte, and the list of contents names every record."""
    n = np.arange(30)
    views = [FingerTemplate(n * 9, n * 13, n * 2000, n % 3, n, 300, 400, position=place) for place in (2, 7, 1)]
    data = templates.write(views, form)
    records = data.split(b"\x1c")
    assert records.pop() == b""
    assert len(records) == 4
    for number, record in enumerate(records):
        kind = b"9" if number else b"1"
        assert record.startswith(kind + b".001:%d\x1d" % (len(record) + 1))
    assert b"1.003:1\x1f3\x1e9\x1f00\x1e9\x1f01\x1e9\x1f02\x1d" in records[0]
    read = templates.read(data)
    assert [view.position for view in read.views] == [2, 7, 1]
    assert [view.count for view in read.views] == [30, 30, 30]
    assert read.notices == ()
    assert templates.detect(data) == form
    assert templates.write(read, form) == data


@pytest.mark.parametrize("form", FORMS)
def test_no_minutiae_are_none(form: str) -> None:
    empty: np.ndarray = np.zeros(0, np.uint16)
    data = templates.write(FingerTemplate(empty, empty, empty, empty, empty, 300, 400), form)
    assert templates.read(data).view.count == 0
    assert templates.write(templates.read(data), form) == data


def test_every_record_is_a_view() -> None:
    record = templates.read(nist([nine(LEGACY), nine({**LEGACY, 6: "02"}, 1), (2, tagged(2, {2: "02", 3: "x"}))]))
    assert [view.position for view in record.views] == [7, 2]
    assert record.notices == ()  # a record of texts is no loss


@pytest.mark.parametrize(("code", "position"), [("11", 1), ("12", 6), ("00", 0), (f"02{RS}07", 0), ("7", 7)])
def test_finger_positions(code: str, position: int) -> None:
    assert templates.read(nist([nine({**LEGACY, 6: code})])).view.position == position


@pytest.mark.parametrize(
    "image", [fourteen(), four(position=7), four(position=7, flag=1)], ids=["type 14", "type 4", "type 4, native"]
)
def test_an_image_tells_where_rows_begin(image: tuple[int, bytes]) -> None:
    """800 x 750 pixels at 500 dpi are 40.64 x 38.10 mm."""
    record = templates.read(nist([image, nine(LEGACY)]))
    view = record.view
    assert abs(view.height_px - 3810) <= 1
    assert abs(view.width_px - 4064) <= 1
    assert view.y_px.tolist()[0] == view.height_px - 1 - 2334
    assert [str(notice.word) for notice in record.notices] == ["not_read"]
    assert f"type {image[0]}, WSQ" in str(record.notices[0].facts["images"])


def test_an_image_of_another_record_tells_nothing() -> None:
    assert templates.read(nist([fourteen(idc=5), nine(LEGACY)])).view.height_px == 2335
    assert templates.read(nist([fourteen(), fourteen(), nine(LEGACY)])).view.height_px == 2335


def test_the_caller_tells_where_rows_begin() -> None:
    data = nist([nine(LEGACY)])
    assert templates.read(data, height_px=3000).view.y_px.tolist()[0] == 2999 - 2334
    assert templates.read(data, dpi=500, height_px=750, width_px=800).view.y_px.tolist()[0] == 3809 - 2334
    with pytest.raises(FormatError, match="outside the image"):
        templates.read(data, height_px=2334)
    with pytest.raises(ParameterError):
        templates.read(data, height_px=70_000)


@pytest.mark.parametrize("fields", [LEGACY, INCITS, EFS])
def test_the_last_minutia_may_end_as_every_other(fields: dict[int, str]) -> None:
    number = next(number for number in (12, 137, 331) if number in fields)
    ended = {**fields, number: fields[number] + RS}
    assert templates.read(nist([nine(ended)])) == templates.read(nist([nine(fields)]))
    assert words_of(nist([nine(ended)])) == words_of(nist([nine(fields)]))
    with pytest.raises(FormatError):
        templates.read(nist([nine({**fields, number: fields[number] + RS + RS})]))


def test_an_image_tells_the_finger_where_the_minutiae_do_not() -> None:
    assert templates.read(nist([fourteen(position="13"), nine({**LEGACY, 6: "00"})])).view.position == 0
    assert templates.read(nist([fourteen(position="3"), nine({**LEGACY, 6: "00"})])).view.position == 3
    assert templates.read(nist([fourteen(position="13"), nine(LEGACY)])).view.position == 7


def test_several_forms() -> None:
    both = {**LEGACY, **INCITS}
    data = nist([nine(both)])
    assert templates.read(data).format == "nist-itl-378"
    assert templates.read(data, format="nist-itl-legacy").view.count == 4
    mixed = nist([nine(both), nine(LEGACY, 1)])
    assert [view.count for view in templates.read(mixed).views] == [4, 4]
    apart = nist([nine(INCITS), nine(EFS, 1)])
    with pytest.raises(FormatError, match="several forms"):
        templates.read(apart)
    chosen = templates.read(apart, format="nist-itl-efs")
    assert len(chosen.views) == 1
    assert chosen.notices[-1].facts == {"other_records_of_type_9": 1}
    with pytest.raises(FormatError, match="minutiae as nist-itl-378 and nist-itl-efs"):
        templates.read(apart, format="nist-itl-legacy")


def test_forms_that_name_different_fingers_are_noticed() -> None:
    def differ(record: tuple[int, bytes], *others: tuple[int, bytes]) -> list[tuple[object, ...]]:
        found = templates.read(nist([*others, record]), format="nist-itl-378").notices
        return [tuple(notice.facts.values()) for notice in found if str(notice.word) == "fingers_differ"]

    every = {**LEGACY, **EFS, **INCITS}
    assert differ(nine(every)) == [
        (1, "nist-itl-378", "2", "nist-itl-efs", "8"),
        (1, "nist-itl-378", "2", "nist-itl-legacy", "7"),
        (1, "nist-itl-efs", "8", "nist-itl-legacy", "7"),
    ]
    assert differ(nine({**LEGACY, **INCITS, 6: f"02{RS}07"})) == []  # it may be either
    assert differ(nine({**LEGACY, **INCITS, 6: "00"})) == []
    assert differ(nine({**LEGACY, **INCITS, 6: "11", 134: "1"})) == []  # a plain thumb is a thumb
    assert differ(nine(INCITS), fourteen(position="7")) == [(1, "nist-itl-378", "2", "image", "7")]
    assert differ(nine(INCITS), fourteen(position="2")) == differ(nine(INCITS), fourteen(position="13")) == []


def test_features_that_are_not_read_are_named() -> None:
    record = templates.read(nist([nine({**INCITS, 138: f"0{US}0{US}0", 139: f"1{US}2{US}3"})]))
    assert record.notices[0].facts == {"fields": "9.138 9.139"}
    assert str(record.notices[0].word) == "not_read"


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (
            nist([fourteen(0, "2"), fourteen(1, "7")]),
            r"2 fingerprint images \(type 14, WSQ\) of positions 2, 7 and no m",
        ),
        (nist([fourteen(compression="JP2")]), r"1 fingerprint image \(type 14, JPEG 2000\) of position 7 and no min"),
        (
            nist([four(0, 2), four(1, 7, compression=0)]),
            r"image \(type 4, WSQ\) of position 2 .*\(type 4, uncompressed\)",
        ),
        (
            nist([(13, tagged(13, {2: "0", 11: "PNG"}, data=b"x"))]),
            r"1 latent print image \(type 13, PNG\) and no minutiae",
        ),
        (nist([(10, tagged(10, {2: "0", 11: "JPEGB"}, data=b"x"))]), r"1 photograph \(type 10, JPEG\) and no minutiae"),
        (nist([(2, tagged(2, {2: "0", 3: "NGUYEN"}))]), "an ANSI/NIST-ITL file with no minutiae"),
        (nist([], listed=[9]), "no minutiae, though it lists them"),
        (nist([nine({4: "U", 13: "A", 20: "B"})]), r"minutiae in a vendor's fields alone \(9.013 to 9.030\)"),
        (nist([nine({4: "U"})]), "records of Type 9 that hold no minutiae"),
    ],
)
def test_a_file_without_minutiae_says_what_it_holds(data: bytes, words: str) -> None:
    for read in (templates.read, templates.detect):
        with pytest.raises(FormatError, match=words) as caught:
            read(data)
        assert "NGUYEN" not in str(caught.value)
        assert "card" not in str(caught.value)


def test_the_row_of_the_cases() -> None:
    text = "312e3030313a35371d312e3030323a303530301d312e3030333a311f311e391f30301d312e3030343a544553541c"
    with pytest.raises(FormatError, match="an ANSI/NIST-ITL file with no minutiae, though it lists them"):
        templates.read(bytes.fromhex(text))


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    "wrap", [base64.b64encode, gzip.compress, lambda data: data.hex().encode()], ids=["base64", "gzip", "hexadecimal"]
)
def test_in_a_wrapper(form: str, wrap: object) -> None:
    assert callable(wrap)
    n = np.arange(20)
    data = templates.write(FingerTemplate(n, n * 3, n * 300, n % 3, n, 300, 400, position=2), form)
    record = templates.read(wrap(data))
    assert record == templates.read(data)
    assert [str(notice.word) for notice in record.notices] == ["unwrapped"]


def words_of(data: bytes) -> list[str]:
    return [str(notice.word) for notice in templates.read(data).notices]


@pytest.mark.parametrize("off", [-20, -1, 1, 1000])
def test_a_wrong_length_is_put_right_by_the_separator(off: int) -> None:
    assert words_of(nist([nine(LEGACY, off=off)])) == ["length_off"]
    assert words_of(nist([nine(LEGACY, off=off), nine(LEGACY, 1)])) == ["length_off"]
    assert words_of(nist([fourteen(1, off=off), nine(LEGACY)])) == ["length_off", "not_read"]


def test_a_list_of_contents_that_is_wrong_is_named() -> None:
    for listed in ([], [9, 9], [14]):
        assert words_of(nist([nine(LEGACY)], listed=listed)) == ["contents_off"]


def test_padding_is_named() -> None:
    data = nist([nine(LEGACY)])
    for padding in (b"\n", bytes(500), b"\r\n"):
        assert words_of(data + padding) == ["padded"]
        assert templates.read(data + padding) == templates.read(data)


def test_fields_and_heads_with_more_zeros_are_the_same() -> None:
    data = nist([nine(LEGACY)])
    padded = data.replace(b"9.0", b"09.00000").replace(b"1.001:", b"1.01:", 1)
    assert templates.read(padded) == templates.read(data)


@pytest.mark.parametrize(
    "fields",
    [
        {**LEGACY, 10: "5"},
        {**LEGACY, 10: "3"},
        {**LEGACY, 10: "x"},
        {number: value for number, value in LEGACY.items() if number != 12},
        {**LEGACY, 12: f"001{US}0512233427{US}14{US}A", 10: "1"},
        {**LEGACY, 12: f"001{US}05122334360{US}14{US}A", 10: "1"},
        {**LEGACY, 12: f"001{US}0512-334360{US}14{US}A", 10: "1"},
        {**LEGACY, 12: f"001{US}05122334270{US}64{US}A", 10: "1"},
        {**LEGACY, 12: f"001{US}05122334270{US}14{US}E", 10: "1"},
        {**LEGACY, 12: "001", 10: "1"},
        {**INCITS, 136: "3"},
        {**INCITS, 137: f"1{US}100{US}200{US}180{US}1{US}60", 136: "1"},
        {**INCITS, 137: f"1{US}100{US}200{US}45{US}3{US}60", 136: "1"},
        {**INCITS, 137: f"1{US}100{US}200{US}45{US}1{US}256", 136: "1"},
        {**INCITS, 137: f"1{US}65536{US}200{US}45{US}1{US}60", 136: "1"},
        {**INCITS, 137: f"1{US}100{US}200{US}45", 136: "1"},
        {**EFS, 331: f"100{US}200{US}360{US}E"},
        {**EFS, 331: f"100{US}200"},
        {**EFS, 331: f"-1{US}200{US}90{US}E"},
        {**EFS, 331: f"70000{US}200{US}90{US}E"},
        {**EFS, 331: ""  f"{US}{US}"},
        {**EFS, 331: RS.join([f"1{US}2{US}3{US}E"] * 1000)},
    ],
)  # fmt: skip
def test_minutiae_in_doubt_are_refused(fields: dict[int, str]) -> None:
    data = nist([nine(fields)])
    with pytest.raises(FormatError) as caught:
        templates.read(data)
    assert 0 < caught.value.facts["offset"] < len(data)


def test_a_broken_file_is_refused_with_an_offset() -> None:
    data = nist([nine(LEGACY)])
    start = data.index(b"9.001:")
    broken = {
        "cut in the minutiae": data[:-30],
        "without the last separator": data[:-1],
        "a field twice": data[:-1] + b"\x1d9.012:\x1c",
        "a field of another record": data[:-1] + b"\x1d8.012:\x1c",
        "a field without its tag": data[:-1] + b"\x1dhello\x1c",
        "rubbish for the record": data[:start] + b"rubbish" * 20,
        "a binary record beyond the end": nist([(4, b"\x00\x10\x00\x00" + bytes(30))]),
        "a binary record of no length": nist([(4, bytes(40))]),
    }
    for what, each in broken.items():
        with pytest.raises(FormatError) as caught:
            templates.read(each)
        assert 0 < caught.value.facts["offset"] < len(each), what


def test_hostile_files_are_bounded() -> None:
    for data in (
        nist([nine({**EFS, 300: US * 100_000})]),
        nist([nine({**LEGACY, 6: RS * 100_000})]),
        nist([nine({**LEGACY, 12: RS * 100_000, 10: "100001"})]),
        nist([(9, b"9.001:5\x1d" + b"\x1d".join(b"9.%d:" % number for number in range(5, 2000)) + b"\x1c")]),
        nist([nine(LEGACY)] * 101, listed=[9] * 101),
        nist([(2, tagged(2, {2: "0"}))] * 1001, listed=[]),
    ):
        with pytest.raises(FormatError):
            templates.read(data)


def test_what_does_not_fit_is_refused() -> None:
    n = np.arange(3)
    far = FingerTemplate(n + 3000, n, n, n, n, 4000, 400)
    with pytest.raises(ParameterError, match="coordinate"):
        templates.write(far, "nist-itl-legacy")
    for form in ("nist-itl-378", "nist-itl-efs"):
        assert templates.read(templates.write(far, form)).view.count == 3
    deep = FingerTemplate(n, n, n, n, n, 400, 3000)
    with pytest.raises(ParameterError, match="height above"):
        templates.write(deep, "nist-itl-legacy")
    with pytest.raises(ParameterError, match="fewer finger views"):
        templates.write([far] * 101, "nist-itl-378")
    low = FingerTemplate(
        n, n + 100, n, n, n, 400, 50, 1000, 1000
    )  # outside its own image: written in one that holds it
    assert templates.read(templates.write(low, "nist-itl-legacy")).view.y_px.tolist() == [0, 1, 2]


def test_a_conversion_names_what_it_loses() -> None:
    n = np.arange(20)
    view = FingerTemplate(n, n * 3, n * 300, n % 3, n, 300, 400, position=2, view=1, capture_quality=70)
    record = templates.read(templates.write(view, "iso-2005"))
    lost = {form: templates.lost(record, templates.convert(record, form)) for form in FORMS}
    assert lost == {
        "nist-itl-legacy": ("quality levels", "view number", "capture quality", "size"),
        "nist-itl-378": (),
        "nist-itl-efs": ("quality", "view number", "capture quality"),
    }


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (
            b'<itl:NISTBiometricInformationExchangePackage xmlns:itl="http://biometrics.nist.gov/standard/2011"/>',
            r"an ANSI/NIST-ITL file in XML \(NIEM\) does not begin with its record of Type 1",
        ),
        (
            b'<fmr:fingerMinutiaeData xmlns:fmr="https://standards.iso.org/iso-iec/39794/-2"><fmr:a>1</fmr:a>'
            b"</fmr:fingerMinutiaeData>",
            "an ISO/IEC 39794-2 finger minutiae record in XML, which is not read",
        ),
        (
            b'<a xmlns="urn:iso:std:iso-iec:39794:-2"><b/></a>',
            "an ISO/IEC 39794-2 finger minutiae record in XML, which is not read",
        ),
        (
            b'<a xmlns="http://standards.iso.org/iso-iec/39794/-5"><b/></a>',
            "a record of ISO/IEC 39794 in XML, which is not read",
        ),
        (block_39794(0x62), "an ISO/IEC 39794-2 finger minutiae record, tagged binary, which is not read"),
        (der(0xA1, block_39794(0x62)), "an ISO/IEC 39794-2 finger minutiae record, tagged binary, which is not read"),
        (block_39794(0x62, 300), "an ISO/IEC 39794-2 finger minutiae record, tagged binary, which is not read"),
        (block_39794(0x64), "an ISO/IEC 39794-4 finger image record"),
        (block_39794(0x65), "an ISO/IEC 39794-5 face image record"),
        (b"bcdefghijklmnopqrst", "text that is no template"),
    ],
)
def test_what_is_not_read_is_called_by_its_name(data: bytes, words: str) -> None:
    for wrapped in (data, gzip.compress(data), base64.b64encode(data)):
        with pytest.raises(FormatError, match=words):
            templates.read(wrapped)


@pytest.mark.parametrize("data", [b"1.001:57 is no length", b"1.01:5<GS>1.02:0400<GS>", b"1.5 2.5 3.5 and so on"])
def test_text_that_begins_alike_is_text(data: bytes) -> None:
    with pytest.raises(FormatError, match="text that is no template"):
        templates.read(data)


def test_a_record_shows_no_minutiae() -> None:
    record = templates.read(nist([nine(LEGACY)]))
    assert isinstance(record, TemplateRecord)
    assert "2334" not in repr(record)
