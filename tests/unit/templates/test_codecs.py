"""What each codec refuses, and that it says where."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from cccd_core import templates
from cccd_core.errors import FileError, FormatError, ParameterError
from cccd_core.templates import CaptureDetails, CertificationBlock, FingerTemplate, QualityBlock, TemplateRecord

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
def test_a_cut_into_the_minutiae_is_refused_with_an_offset(name: str) -> None:
    data = data_of(name)
    for length in range(len(data) - 2):  # the last two bytes are the length of extended data that are none
        with pytest.raises(FormatError) as caught:
            templates.read(data[:length], format=name)
        assert 0 <= caught.value.facts["offset"] <= length


@pytest.mark.parametrize("name", RECORDS)
def test_a_cut_into_the_minutiae_with_a_corrected_length_is_refused(name: str) -> None:
    data = data_of(name)
    place, size = (8, 2) if name == "ansi-2004" else (8, 4)
    for length in range(32, len(data) - 2):
        cut = changed(data[:length], place, length.to_bytes(size, "big"))
        with pytest.raises(FormatError):
            templates.read(cut, format=name)


def words(record: TemplateRecord) -> list[str]:
    return [str(notice.word) for notice in record.notices]


@pytest.mark.parametrize("name", RECORDS)
@pytest.mark.parametrize("cut", [1, 2])
def test_a_cut_behind_the_only_views_minutiae_is_read_and_told(name: str, cut: int) -> None:
    data = templates.write(TemplateRecord(name, (view(),)), name)
    record = templates.read(data[:-cut])
    assert record.format == name
    assert record == templates.read(data)
    assert "extended_cut" in words(record)
    assert "length_off" in words(record)


@pytest.mark.parametrize("name", RECORDS)
@pytest.mark.parametrize("claimed", ["0003", "ffff"])
def test_extended_data_that_claim_too_much_are_what_is_there(name: str, claimed: str) -> None:
    data = templates.write(TemplateRecord(name, (view(extended=b"\xab"),)), name)
    record = templates.read(data[:-3] + bytes.fromhex(claimed) + data[-1:])
    assert record == templates.read(data)
    assert words(record) == ["extended_cut"]


@pytest.mark.parametrize("name", RECORDS)
@pytest.mark.parametrize("areas", ["", "0001000801010203", "0100000cab0102030405060701000004"])
@pytest.mark.parametrize("padding", [0, 7])
def test_a_wrong_number_of_minutiae_is_refused_and_loses_none(name: str, areas: str, padding: int) -> None:
    rng = np.random.default_rng(5)
    x, y = rng.integers(0, 400, 40), rng.integers(0, 480, 40)
    one = view(40, x_px=x, y_px=y, extended=bytes.fromhex(areas))
    data = templates.write(TemplateRecord(name, (one,)), name)
    size = 6
    place = len(data) - len(one.extended) - 2 - size * one.count - 1
    assert data[place] == one.count
    for count in (0, 1, 20, 39, 41, 42):
        with pytest.raises(FormatError) as caught:
            templates.read(changed(data, place, bytes((count,))) + bytes(padding), format=name)
        assert caught.value.facts["offset"] is not None


@pytest.mark.parametrize("name", RECORDS)
@pytest.mark.parametrize("which", ["first", "last"])
@pytest.mark.parametrize("claimed", ["0003", "ffff"])
def test_with_several_views_extended_data_that_claim_too_much_put_minutiae_in_doubt(
    name: str, claimed: str, which: str
) -> None:
    data = data_of(name, extended=b"\xab")
    place = data.index(bytes.fromhex("0001ab")) if which == "first" else len(data) - 3
    strange = changed(data, place, bytes.fromhex(claimed))
    if name == "iso-2011":  # each view states its own length
        assert templates.read(strange) == templates.read(data)
        return
    with pytest.raises(FormatError):
        templates.read(strange, format=name)


@pytest.mark.parametrize("name", RECORDS)
@pytest.mark.parametrize("padding", [b"\x00", b"\n", b"\r\n", bytes(348), b"\xff" * 5])
def test_bytes_after_the_record_are_padding(name: str, padding: bytes) -> None:
    data = data_of(name)
    record = templates.read(data + padding)
    assert record.format == name
    assert record == templates.read(data)
    assert [notice.as_dict()["facts"] for notice in record.notices] == [{"bytes": len(padding), "offset": len(data)}]
    assert words(record) == ["padded"]


@pytest.mark.parametrize("name", RECORDS)
@pytest.mark.parametrize("off", [-1, 1, -7, 1000])
def test_a_length_that_is_not_where_the_views_end_is_told(name: str, off: int) -> None:
    data = data_of(name)
    size = 2 if name == "ansi-2004" else 4
    record = templates.read(changed(data, 8, (len(data) + off).to_bytes(size, "big")))
    assert record.format == name
    assert record == templates.read(data)
    assert words(record) == ["length_off"]


@pytest.mark.parametrize("name", RECORDS)
def test_filling_within_the_stated_length_is_told_and_other_bytes_are_refused(name: str) -> None:
    data = data_of(name)
    size = 2 if name == "ansi-2004" else 4
    longer = changed(data, 8, (len(data) + 5).to_bytes(size, "big"))
    assert templates.read(longer + bytes(5)) == templates.read(data)
    assert words(templates.read(longer + bytes(5))) == ["length_off", "padded"]
    with pytest.raises(FormatError, match="follow"):
        templates.read(longer + b"\x00\x01\x00\x00\x00", format=name)


@pytest.mark.parametrize("name", RECORDS)
def test_views_that_run_over_the_stated_length_into_other_bytes_are_refused(name: str) -> None:
    """The padding of a cut record must not pass for minutiae."""
    data = data_of(name)
    size = 2 if name == "ansi-2004" else 4
    for missing in (3, 6, 9):
        cut = changed(data[:-missing], 8, (len(data) - missing).to_bytes(size, "big"))
        with pytest.raises(FormatError):
            templates.read(cut + bytes(40), format=name)


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
    length = int.from_bytes(data[15:19], "big")
    with pytest.raises(FormatError, match="not what it holds"):
        templates.read(changed(data, 15, (length + 1).to_bytes(4, "big")), format="iso-2011")
    last = 15 + length
    for off in (-1, 1, 9):  # the last view's is told
        record = templates.read(changed(data, last, (length + off).to_bytes(4, "big")))
        assert words(record)
        assert record.views[1].x_px.tolist() == [0, 1, 2]


@pytest.mark.parametrize("certified", [False, True])
@pytest.mark.parametrize("flag", [2, 255])
def test_a_certification_flag_that_is_neither_is_told(certified: bool, flag: int) -> None:
    blocks = (CertificationBlock(7, 2),) if certified else ()
    record = TemplateRecord(
        "iso-2011", (view(details=CaptureDetails(certification_blocks=blocks)),), certified=certified
    )
    data = changed(templates.write(record, "iso-2011"), 14, bytes((flag,)))
    read = templates.read(data)
    assert read.format == "iso-2011"
    assert (read.certified, read.view.details.certification_blocks) == (certified, blocks)
    assert words(read) == ["certification_flag"]


def test_the_header_of_the_2007_draft_is_read() -> None:
    data = bytes.fromhex("464d5200303330000000002d0042001100b50100020000fe01030001012c019000c500c5014064003220500000")
    record = templates.read(data)
    assert (record.format, record.product_id, record.device_id, len(record.views)) == ("ansi-2009", 0x420011, 0xB5, 1)
    seen = record.view
    assert (seen.position, seen.width_px, seen.height_px, seen.x_px.tolist(), seen.y_px.tolist()) == (
        2,
        300,
        400,
        [100],
        [50],
    )
    assert words(record) == ["header_2007"]


@pytest.mark.parametrize("name", RECORDS)
def test_a_callers_resolution_stands_in_place_of_the_stated_one(name: str) -> None:
    data = data_of(name, resolution_x_ppcm=500, resolution_y_ppcm=500)
    record = templates.read(data, dpi=500)
    assert {(each.resolution_x_ppcm, each.resolution_y_ppcm) for each in record.views} == {(197, 197)}
    assert "resolution_given" in words(record)
    assert not templates.read(data_of(name), dpi=500).notices
    nothing = data.replace(bytes.fromhex("01f401f4"), bytes(4))
    with pytest.raises(FormatError) as caught:
        templates.read(nothing, format=name)
    assert caught.value.facts["needs"] == "dpi"
    assert templates.read(nothing, dpi=500).view.resolution_x_ppcm == 197


@pytest.mark.parametrize("name", RECORDS)
def test_reserved_bits_and_types_are_read_as_nothing(name: str) -> None:
    plain = TemplateRecord(name, (view(1, x_px=[5], y_px=[9], kind=[0], quality=[50]),))
    data = templates.write(plain, name)
    place = data.index(bytes.fromhex("00050009"))
    record = templates.read(changed(data, place, bytes.fromhex("c005c009")))
    assert (record.view.x_px[0], record.view.y_px[0], record.view.kind[0]) == (5, 9, 0)
    assert [dict(notice.facts) for notice in record.notices] == [{"minutiae": 1, "view": 1}]


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
    with pytest.raises(FormatError, match="no template: zero bytes alone"):
        templates.read(bytes(3 * size))
    bare = templates.write(view(12, kind=np.array([1, 2] * 6)), name)
    with pytest.raises(FormatError, match="perhaps bare minutiae") as unnamed:
        templates.read(bare)
    assert unnamed.value.facts["needs"] == f"format {name}"


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
    for data, words in ((b"", "an empty file"), (b"FMR", "text"), (b"hello", "text"), (bytes(100), "zero bytes alone")):
        with pytest.raises(FormatError, match=f"no template: {words}"):
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
    path.write_bytes(data[:-9])
    with pytest.raises(FormatError) as cut:
        templates.load(path)
    assert cut.value.facts["path"] == str(path)
    path.write_bytes(bytes(16 * 1024 * 1024 + 1))
    with pytest.raises(FileError, match="too large"):
        templates.load(path)
    with pytest.raises(FileError, match="written"):
        templates.save(data, tmp_path / "none" / "1.fmr")
    assert [entry.name for entry in tmp_path.iterdir()] == ["1.fmr"]
