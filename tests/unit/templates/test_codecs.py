"""What each codec refuses, and that it says where."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from cccd_core import templates
from cccd_core.errors import FileError, FormatError, ParameterError
from cccd_core.templates import CaptureDetails, FingerTemplate, QualityBlock, TemplateRecord

RECORDS = ("iso-2005", "iso-2011", "ansi-2004", "ansi-2009")
CARDS = ("iso-2005-card", "iso-2005-compact")


def view(count: int = 3, **fields: object) -> FingerTemplate:
    numbers = np.arange(count)
    made = FingerTemplate(
        numbers, numbers * 2, numbers % 4 * 16384, numbers % 3, numbers % 101, width_px=400, height_px=480
    )
    return replace(made, **fields)


def data_of(name: str, **fields: object) -> bytes:
    return templates.write(TemplateRecord(name, (view(**fields), view(**fields))), name)


def changed(data: bytes, offset: int, value: bytes) -> bytes:
    return data[:offset] + value + data[offset + len(value) :]


@pytest.mark.parametrize("name", RECORDS)
def test_every_cut_is_refused_with_an_offset(name: str) -> None:
    data = data_of(name)
    for length in range(len(data)):
        with pytest.raises(FormatError) as caught:
            templates.read(data[:length], format=name)
        assert 0 <= caught.value.facts["offset"] <= length


@pytest.mark.parametrize("name", RECORDS)
def test_every_cut_with_a_corrected_length_is_refused(name: str) -> None:
    data = data_of(name)
    place, size = (8, 2) if name == "ansi-2004" else (8, 4)
    for length in range(32, len(data)):
        cut = changed(data[:length], place, length.to_bytes(size, "big"))
        with pytest.raises(FormatError):
            templates.read(cut, format=name)


@pytest.mark.parametrize("name", RECORDS)
def test_bytes_after_the_record_are_refused(name: str) -> None:
    data = data_of(name)
    with pytest.raises(FormatError) as caught:
        templates.read(data + b"\x00", format=name)
    assert caught.value.facts["actual"] == len(data) + 1
    size = 2 if name == "ansi-2004" else 4
    with pytest.raises(FormatError, match="follow"):
        templates.read(changed(data, 8, (len(data) + 1).to_bytes(size, "big")) + b"\x00", format=name)


@pytest.mark.parametrize("name", RECORDS)
def test_another_magic_is_refused(name: str) -> None:
    with pytest.raises(FormatError, match="not an"):
        templates.read(b"FMR\x00 99\x00" + bytes(60), format=name)


@pytest.mark.parametrize(
    ("name", "offset", "value", "at"),
    [
        ("iso-2005", 18, b"\x00\x00", 18),
        ("iso-2005", 20, b"\x00\x00", 20),
        ("iso-2005", 22, b"\x00", 22),
        ("ansi-2004", 20, b"\x00\x00", 20),
        ("ansi-2004", 22, b"\x00\x00", 22),
        ("ansi-2004", 24, b"\x00", 24),
        ("ansi-2004", 34, b"\xb4", 34),
        ("ansi-2009", 19, b"\x00", 19),
        ("ansi-2009", 33, b"\x00\x00", 33),
        ("ansi-2009", 35, b"\x00\x00", 35),
        ("ansi-2009", 42, b"\xff", 42),
        ("iso-2011", 12, b"\x00\x00", 12),
        ("iso-2011", 12, b"\x01\x00", 12),
        ("iso-2011", 14, b"\x02", 14),
        ("iso-2011", 15, b"\x00\x00\x00\x05", 15),
        ("iso-2011", 15, b"\x7f\xff\xff\xff", 15),
        ("iso-2011", 36, b"\x00\x00", 36),
        ("iso-2011", 38, b"\x00\x00", 38),
        ("iso-2011", 45, b"\x70", 45),
    ],
)
def test_a_wrong_field_is_refused_where_it_stands(name: str, offset: int, value: bytes, at: int) -> None:
    data = data_of(name)
    with pytest.raises(FormatError) as caught:
        templates.read(changed(data, offset, value), format=name)
    assert caught.value.facts["offset"] == at


def test_a_2011_view_whose_length_is_not_what_it_holds_is_refused() -> None:
    data = data_of("iso-2011", extended=bytes.fromhex("010100061234"))
    with pytest.raises(FormatError, match="not what it holds"):
        templates.read(
            changed(data, 15, (int.from_bytes(data[15:19], "big") - 1).to_bytes(4, "big")), format="iso-2011"
        )


@pytest.mark.parametrize("name", RECORDS)
def test_reserved_bits_and_types_are_read_as_nothing(name: str) -> None:
    plain = TemplateRecord(name, (view(1, x_px=[5], y_px=[9], kind=[0], quality=[50]),))
    data = templates.write(plain, name)
    place = data.index(bytes.fromhex("00050009"))
    record = templates.read(changed(data, place, bytes.fromhex("c005c009")))
    assert (record.view.x_px[0], record.view.y_px[0], record.view.kind[0]) == (5, 9, 0)


@pytest.mark.parametrize("name", RECORDS)
@pytest.mark.parametrize("code", [0, 101, 254, 255])
def test_quality_codes_come_back_as_they_were(name: str, code: int) -> None:
    record = TemplateRecord(name, (view(1, x_px=[5], y_px=[9], kind=[0], quality=[50]),))
    data = templates.write(record, name)
    place = data.index(bytes.fromhex("00050009")) + 5
    strange = changed(data, place, bytes([code]))
    read = templates.read(strange)
    worst_there_is = name in ("iso-2011", "ansi-2009") and code == 0
    assert read.view.quality.tolist() == [1 if worst_there_is else 0]
    assert templates.write(read, name) == strange
    better = replace(read, views=(replace(read.view, quality=np.array([60])),))
    assert templates.write(better, name)[place] == 60


def test_the_capture_quality_is_written_when_it_was_changed() -> None:
    blocks = (QualityBlock(70, 15, 9), QualityBlock(60, 15, 8))
    original = view(capture_quality=70, details=CaptureDetails(quality_blocks=blocks))
    for name in ("iso-2011", "ansi-2009"):
        read = templates.read(templates.write(TemplateRecord(name, (original,)), name)).view
        assert read.details.quality_blocks[0] == blocks[0]
        record = TemplateRecord(name, (replace(read, capture_quality=20),))
        assert templates.read(templates.write(record, name)).view.details.quality_blocks == (QualityBlock(20),)


def test_a_quality_added_to_a_2011_view_without_is_written() -> None:
    plain = templates.read(templates.write(view(quality=np.zeros(3, int)), "iso-2011"))
    assert plain.view.details.with_quality is False
    better = replace(plain, views=(replace(plain.view, quality=np.array([0, 50, 0])),))
    assert templates.read(templates.write(better, "iso-2011")).view.quality.tolist() == [0, 50, 0]


def test_an_unknown_format_has_no_loss() -> None:
    with pytest.raises(ParameterError, match="unknown template format"):
        templates.loss("iso-2005", "iso-1994")


@pytest.mark.parametrize("certified", [False, True])
def test_2011_certification_blocks_stand_only_in_a_certified_record(certified: bool) -> None:
    block = templates.CertificationBlock(15, 1)
    record = TemplateRecord(
        "iso-2011", (view(details=CaptureDetails(certification_blocks=(block,))),), certified=certified
    )
    read = templates.read(templates.write(record, "iso-2011"))
    assert read.certified is certified
    assert read.view.details.certification_blocks == ((block,) if certified else ())


def test_a_short_ansi_record_may_have_the_wide_length() -> None:
    record = TemplateRecord("ansi-2004", (view(),), wide_length=True)
    data = templates.write(record, "ansi-2004")
    assert data[8:10] == b"\x00\x00"
    assert templates.detect(data) == "ansi-2004"
    assert templates.read(data).wide_length
    assert templates.write(templates.read(data), "ansi-2004") == data


@pytest.mark.parametrize("name", ["iso-2005", "ansi-2004"])
def test_a_record_beyond_64_kib(name: str) -> None:
    vendor_area = bytes.fromhex("0101ea60") + bytes(60000 - 4)
    big = TemplateRecord(name, (view(extended=vendor_area), view(extended=vendor_area)))
    data = templates.write(big, name)
    assert len(data) > 0xFFFF
    assert templates.detect(data) == name
    assert templates.read(data).views == big.views
    assert not templates.read(data).wide_length


@pytest.mark.parametrize("name", CARDS)
def test_card_formats_are_whole_minutiae_and_named(name: str) -> None:
    data = templates.write(view(), name)
    size = {"iso-2005-card": 5, "iso-2005-compact": 3}[name]
    assert len(data) == 3 * size
    with pytest.raises(FormatError) as caught:
        templates.read(data[:-1], format=name)
    assert caught.value.facts["offset"] == 2 * size
    with pytest.raises(FormatError, match="too many"):
        templates.read(bytes(256 * size), format=name)
    assert templates.read(b"", format=name).view.count == 0
    with pytest.raises(FormatError, match="must be named"):
        templates.read(bytes(3 * size))


def test_compact_coordinates_end_at_25_mm() -> None:
    wide = view(1, x_px=[510], y_px=[0], kind=[0], quality=[0])
    with pytest.raises(ParameterError, match=r"0\.1 mm"):
        templates.write(wide, "iso-2005-compact")


XYT = b"10 470 90 55\n200 1 359 100\n"
IMAGE = {"dpi": 500, "height_px": 480}


def test_xyt_turns_the_image_and_the_direction() -> None:
    record = templates.read(XYT, **IMAGE, width_px=400)
    assert record.format == "xyt"
    assert record.view.x_px.tolist() == [10, 200]
    assert record.view.y_px.tolist() == [10, 479]
    assert np.rad2deg(record.view.angle_rad).round(1).tolist() == [270.0, 179.0]
    assert record.view.quality.tolist() == [55, 100]
    assert (record.view.width_px, record.view.height_px, record.view.resolution_x_ppcm) == (400, 480, 197)
    assert templates.write(record, "xyt") == XYT


def test_xyt_without_quality_stays_so() -> None:
    text = b"10 470 90\n200 1 359\n"
    assert templates.write(templates.read(text, **IMAGE), "xyt") == text


@pytest.mark.parametrize(
    "text", [b"10 470 90 55\r\n", b"  10\t470  90 55  \n\n\n", b"10 470 90 55", b"10 470 -270 55\n"]
)
def test_xyt_in_other_dress(text: bytes) -> None:
    assert templates.write(templates.read(text, **IMAGE), "xyt") == b"10 470 90 55\n"


@pytest.mark.parametrize(
    ("text", "offset", "what"),
    [
        (b"10 470 90 55\n10 470 90 55 1\n", 13, "not x, y"),
        (b"10 470 90 55\n10 470\n", 13, "not x, y"),
        (b"10 470 9.5 55\n", 0, "not x, y"),
        (b"10 481 90 55\n", 0, "outside"),
        (b"20000 1 90 55\n", 0, "outside"),
        (b"10 470 360 55\n", 0, "turn"),
        (b"10 470 90 101\n", 0, "quality"),
        (b"10 470 90 55\n10 470 90\n", 0, "some lines"),
        (b"1 1 1\n" * 1001, 6000, "too many"),
        (b" " * 70000, 65536, "too long"),
        (b"\n" * 2001, 0, "too many lines"),
    ],
)
def test_xyt_says_where_it_is_wrong(text: bytes, offset: int, what: str) -> None:
    with pytest.raises(FormatError, match=what) as caught:
        templates.read(text, format="xyt", **IMAGE)
    assert caught.value.facts["offset"] == offset


@pytest.mark.parametrize("missing", ["dpi", "height_px"])
def test_xyt_demands_resolution_and_height(missing: str) -> None:
    with pytest.raises(ParameterError, match="state them"):
        templates.read(XYT, **{key: value for key, value in IMAGE.items() if key != missing})
    with pytest.raises(ParameterError, match="dpi"):
        templates.read(XYT, dpi=5, height_px=480)
    with pytest.raises(ParameterError, match="height"):
        templates.read(XYT, dpi=500, height_px=0)


def test_xyt_needs_a_height_to_be_written() -> None:
    no_height = view(height_px=0)
    with pytest.raises(ParameterError, match="height"):
        templates.write(no_height, "xyt")
    with pytest.raises(ParameterError, match="below"):
        templates.write(no_height, "xyt", height_px=3)
    assert templates.write(no_height, "xyt", height_px=480).startswith(b"0 480 180")


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ({"position": 256}, "iso-2005"),
        ({"impression": 16}, "iso-2005"),
        ({"view": 16}, "ansi-2004"),
        ({"view": 256}, "iso-2011"),
        ({"capture_quality": 256}, "iso-2005"),
        ({"capture_quality": 256}, "ansi-2009"),
        ({"width_px": 70000}, "iso-2005"),
        ({"height_px": 70000}, "iso-2011"),
        ({"extended": bytes(70000)}, "iso-2005"),
        ({"x_px": np.array([1, 2, 20000])}, "ansi-2009"),
        ({"resolution_x_ppcm": 70000}, "iso-2005"),
    ],
)
def test_what_does_not_fit_is_refused(change: dict[str, object], name: str) -> None:
    with pytest.raises(ParameterError):
        templates.write(TemplateRecord(name, (view(**change),)), name)


@pytest.mark.parametrize("name", RECORDS)
def test_at_most_255_minutiae(name: str) -> None:
    assert templates.read(templates.write(view(255), name)).view.count == 255
    with pytest.raises(ParameterError, match="number of minutiae"):
        templates.write(view(256), name)
    assert templates.read(templates.write(templates.strongest(view(256), 255), name)).view.count == 255


@pytest.mark.parametrize("name", [*CARDS, "xyt"])
def test_formats_of_one_view_refuse_two(name: str) -> None:
    with pytest.raises(ParameterError, match="fewer finger views"):
        templates.write([view(), view()], name)


def test_detection_of_what_is_nothing() -> None:
    for data in (b"", b"FMR", b"hello", bytes(100)):
        with pytest.raises(FormatError, match="must be named"):
            templates.detect(data)
    with pytest.raises(FormatError, match="unknown version"):
        templates.detect(b"FMR\x00040\x00")
    for call in (templates.read, templates.write):
        with pytest.raises(ParameterError, match="unknown template format"):
            call(b"x" if call is templates.read else view(), format="iso-1994")


@pytest.mark.parametrize(
    ("name", "cut", "expected"),
    [
        ("iso-2005", -1, "iso-2005"),
        ("ansi-2004", -1, "ansi-2004"),
        ("ansi-2009", -1, "ansi-2009"),
        ("ansi-2009", 14, "ansi-2009"),
        ("iso-2011", -1, "iso-2011"),
        ("iso-2011", 30, "ansi-2009"),
    ],
)
def test_a_cut_file_is_known_by_what_is_left(name: str, cut: int, expected: str) -> None:
    assert templates.detect(data_of(name)[:cut]) == expected


def test_a_cut_record_with_the_wide_length_is_known() -> None:
    area = bytes.fromhex("0101ea60") + bytes(60000 - 4)
    data = templates.write([view(extended=area), view(extended=area)], "ansi-2004")
    assert templates.detect(data[:-1]) == "ansi-2004"


def test_files(tmp_path) -> None:
    path = tmp_path / "1.fmr"
    with pytest.raises(FileError) as missing:
        templates.load(path)
    assert missing.value.facts["path"] == str(path)
    data = data_of("iso-2005")
    templates.save(data, path)
    assert templates.load(path) == templates.read(data)
    path.write_bytes(data[:-1])
    with pytest.raises(FormatError) as cut:
        templates.load(path)
    assert cut.value.facts["path"] == str(path)
    path.write_bytes(bytes(16 * 1024 * 1024 + 1))
    with pytest.raises(FileError, match="too large"):
        templates.load(path)
    with pytest.raises(FileError, match="written"):
        templates.save(data, tmp_path / "none" / "1.fmr")
    assert [entry.name for entry in tmp_path.iterdir()] == ["1.fmr"]
