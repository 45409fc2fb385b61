"""What stands beside a record, and what is none: passed over and counted in bounded memory, or called what it is."""

from __future__ import annotations

import base64
import io
import tracemalloc
import zipfile

import numpy as np
import pytest

from cccd_core import templates
from cccd_core.errors import FormatError
from cccd_core.templates import FingerTemplate
from cccd_core.templates.identify import identify, signature_of, surely
from unit.templates.test_unwrap import G, bir_xml, group, one

FACE = b"FAC\x00010\x00" + bytes(90)
IRIS = b"IIR\x00010\x00" + bytes(90)


def words(data: bytes) -> list[str]:
    return [str(notice.word) for notice in templates.read(data).notices]


@pytest.mark.parametrize("kilobytes", [300, 1200, 3000])
def test_a_bir_with_faces_and_irises_of_any_size_gives_its_fingers(kilobytes: int) -> None:
    face, iris = FACE + b"\xa7" * (kilobytes << 10), IRIS + b"\x5c" * (kilobytes << 9)
    parts = (("", face), ("Right IndexFinger", one()), ("Left", iris), ("Left Thumb", one(count=30)), ("Right", iris))
    data = bir_xml(*parts)
    record = templates.read(data)
    assert [(view.position, view.count) for view in record.views] == [(2, 20), (6, 30)]
    notice = next(each for each in record.notices if str(each.word) == "not_read")
    assert notice.facts["passed_over"] == 3
    assert notice.facts["others"] == (
        "a face image record (ISO/IEC 19794-5), an iris image record (ISO/IEC 19794-6) (2 times)"
    )
    assert templates.detect(data) == "iso-2005"


def test_what_is_passed_over_is_not_kept() -> None:
    data = bir_xml(*[("", FACE + bytes(4 << 20))] * 2, ("Left Thumb", one()))
    tracemalloc.start()
    try:
        assert templates.read(data).view.count == 20
        assert tracemalloc.get_traced_memory()[1] < 6 << 20  # of 11 MB: one element, decoded, at a time
    finally:
        tracemalloc.stop()


def test_blocks_of_no_name_and_portraits_in_data_uris_are_passed_over() -> None:
    portrait = b"data:image/jpeg;base64," + base64.b64encode(b"\xff\xd8\xff\xe0" + bytes(2 << 20))
    data = bir_xml(("", bytes(range(200))), ("Left Thumb", one())).replace(
        b"</BIR></BIR>", b"</BIR><Photo>" + portrait + b"</Photo></BIR>"
    )
    record = templates.read(data)
    assert record.view.count == 20
    assert "bytes of no known format" in str(record.notices[-1])


def test_a_bir_of_other_modalities_alone_says_so() -> None:
    with pytest.raises(FormatError, match=r"no template: XML of base64 text of a face image record"):
        templates.read(bir_xml(("", FACE + bytes(2 << 20)), ("", IRIS)))


def test_records_of_more_than_a_wrapper_may_hold_are_refused_however_large_the_document() -> None:
    with pytest.raises(FormatError, match="too much"):
        templates.read(bir_xml(*[("", one(count=200)[:-2] + b"\xff\xff" + bytes(40_000))] * 40))


TEXT = base64.b64encode(one())
AROUND = {
    "a table": b"id,name,template\n7,somebody," + TEXT + b",x\n",
    "a cell in quotes": b"insert into t values (7, '" + TEXT + b"');",
    "YAML": b"finger: 2\ntemplate: |\n  "
    + b"\n  ".join(TEXT[n : n + 64] for n in range(0, len(TEXT), 64))
    + b"\nnext: 1\n",
    "a log": b"12:01 INFO captured " + TEXT.rstrip(b"=") + b" in 3 s\n",
    "digits": b"template=" + one().hex().encode() + b"&finger=2",
    "C": ("static const unsigned char t[] = {" + ", ".join(f"0x{byte:02x}" for byte in one()) + "};").encode(),
    "a page": b"<html><p>" + TEXT + b"</p></html>",
}


@pytest.mark.parametrize("way", AROUND)
def test_a_record_somewhere_in_text_is_read(way: str) -> None:
    record = templates.read(AROUND[way])
    assert record.view.count == 20
    assert ("form or assignment" if way == "digits" else "text around it") in str(record.notices[0])
    assert templates.detect(AROUND[way]) == "iso-2005"


def test_a_record_in_text_that_is_cut_is_refused_and_two_are_two_views() -> None:
    both = b"a: " + TEXT + b"\nb: " + base64.b64encode(one(position=7)) + b"\n"
    rows = b"both:\n  " + TEXT.rstrip(b"=") + b"\n  " + base64.b64encode(one(position=7)).rstrip(b"=") + b"\nnext: 1\n"
    joined = b"both: " + base64.b64encode(one() + one(position=7)) + b"\n"
    for data in (both, rows, joined):
        assert [view.position for view in templates.read(data).views] == [0, 7]
    with pytest.raises(FormatError, match="a record within text is cut"):
        templates.read(both[:-40])
    with pytest.raises(FormatError, match="text that is no template"):
        templates.read(b"Rk1SA is how a record begins in base64\n")


@pytest.mark.parametrize("coding", ["utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("wrap", [base64.b64encode, lambda data: data.hex().encode(), lambda data: bir_xml(("", data))])
def test_utf16_without_its_mark_is_read(coding: str, wrap: object) -> None:
    assert callable(wrap)
    record = templates.read(wrap(one()).decode().encode(coding))
    assert record.view.count == 20
    assert "UTF-16 text" in str(record.notices[0])
    with pytest.raises(FormatError, match="no template: UTF-16 text of text that is no template"):
        templates.read(("no finger at all, " * 9).encode(coding))


@pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
@pytest.mark.parametrize("members", [1, 2])
def test_an_archive_is_called_one_and_never_read_in_part(compression: int, members: int) -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", compression) as archive:
        for number in range(members):
            archive.writestr(f"{number}.fmr", one(count=200))
    for data in (out.getvalue(), base64.b64encode(out.getvalue())):
        with pytest.raises(FormatError, match="a ZIP archive"):
            templates.read(data)


def test_a_group_that_counts_wrongly_is_read_with_a_warning() -> None:
    right = group(one(position=2), one(position=7))
    assert "contents_off" not in words(right)
    for stated in (0, 1, 3):
        record = templates.read(right.replace(b"\x02\x01\x02", bytes((2, 1, stated)), 1))
        assert len(record.views) == 2
        notice = next(each for each in record.notices if str(each.word) == "contents_off")
        assert notice.facts == {"listed": stated, "found": 2}


def test_a_group_counts_what_is_passed_over_too() -> None:
    mixed = group(FACE, one())
    assert "contents_off" not in words(mixed)


@pytest.mark.parametrize(
    ("start", "what"),
    [
        (b"\xff\xd8\xff\xe0", "an image, JPEG"),
        (b"\xff\xd8\xff\xdb", "an image, JPEG"),
        (b"\xff\xa0\xff\xa8", "a fingerprint image, WSQ"),
        (b"BZh91AY&SY", "a bzip2 file"),
    ],
)
def test_signatures_of_three_bytes_are_known_without_an_ending(start: bytes, what: str) -> None:
    data = start + bytes(range(256))
    assert identify(data) == surely(data) == signature_of(data[:64]) == what
    for name in ("iso-2005-card", "iso-2005-compact"):
        with pytest.raises(FormatError, match=what):
            templates.read(data[: len(data) // 15 * 15], format=name)


@pytest.mark.parametrize(("name", "count"), [("iso-2005-card", 24), ("iso-2005-compact", 42)])
def test_bare_minutiae_of_mixed_types_are_said_to_be_a_card_format(name: str, count: int) -> None:
    numbers = np.arange(count)
    columns = (numbers * 7 % 197, numbers * 11 % 193, numbers * 300, numbers % 3, numbers % 2)
    view = FingerTemplate(*columns, width_px=200, height_px=200)
    with pytest.raises(FormatError, match="perhaps bare minutiae of a card") as refused:
        templates.read(templates.write(view, name))
    assert refused.value.facts["needs"] == f"format {name}"


def test_an_iso_record_that_starts_a_sentence_is_still_read() -> None:
    assert templates.read(b"\n  " + base64.b64encode(G)).view.count == 1


def rows_of(data: bytes, width: int, column: str, text: bool = False) -> bytes:
    """A hexadecimal dump: rows of `width` bytes behind a column that counts."""
    lines = []
    for number, at in enumerate(range(0, len(data), width)):
        row = data[at : at + width]
        shown = "".join(chr(byte) if 32 <= byte < 127 else "." for byte in row)
        lines.append(f"{column.format(at=at, row=number + 1)} {row.hex(' ')}{f'  |{shown}|' if text else ''}")
    return "\n".join(lines).encode() + b"\n"


@pytest.mark.parametrize("width", [4, 16, 24, 100])
@pytest.mark.parametrize(
    "column", ["{at:04x} ", "{at:08X}", "{at:07o}", "{at:d}\t", "{at:08x}:", "{row:d}", "{row:02d}:"]
)
@pytest.mark.parametrize("text", [False, True])
def test_a_dump_is_read_without_its_column(width: int, column: str, text: bool) -> None:
    data = one()
    assert templates.read(rows_of(data, width, column, text)).views == templates.read(data).views


@pytest.mark.parametrize("column", ["{at:03x}", "{row:03d}", "A{row:02d}", "0000", "{row:04d}0"])
def test_a_column_that_does_not_count_is_no_part_of_a_record(column: str) -> None:
    data = one()
    wrong = rows_of(data, 16, column).replace(b"\n", b"\n\n")
    wrong = (
        wrong if column not in ("{at:03x}", "{row:03d}") else wrong.replace(b"001 ", b"003 ").replace(b"010 ", b"011 ")
    )
    with pytest.raises(FormatError):
        templates.read(wrong)
