"""Records as programs and their tools print them, and text whose framing lies: read right, or refused."""

from __future__ import annotations

import base64
import json
from urllib.parse import quote, urlencode

import pytest
from tests.support.dossiers import finger

from cccd_core import templates
from cccd_core.errors import FormatError
from cccd_core.templates.subtypes import finger_of

RECORDS = tuple(templates.write(finger(3, count), name) for count in (20, 21) for name in ("iso-2005", "iso-2011"))
RECORD = RECORDS[0]
BASE64 = base64.b64encode(RECORD)


def same(data: bytes, record: bytes) -> bool:
    """Whether one record is read, and all of it."""
    found, wanted = templates.read(data), templates.read(record)
    assert len(found.views) == 1
    return templates.write(found, found.format) == templates.write(wanted, wanted.format)


def dump(record: bytes, word: int, offset: str, *, turned: bool = True, squeezed: bool = False) -> bytes:
    """As `od` prints words of so many bytes, the last one filled with zero bytes; equal rows as one `*`."""
    lines: list[str] = []
    last = b""
    for place in range(0, len(record), 16):
        row = record[place : place + 16]
        if squeezed and row == last:
            if lines[-1] != "*":
                lines.append("*")
            continue
        last = row
        row = row.ljust(-(-len(row) // word) * word, b"\0")
        words = [row[start : start + word] for start in range(0, len(row), word)]
        digits = " ".join((each[::-1] if turned else each).hex() for each in words)
        lines.append(f"{place:{offset}} {digits}")
    return ("\n".join([*lines, f"{len(record):{offset}}"]) + "\n").encode()


@pytest.mark.parametrize("offset", ["07o", "07d", "07x", "08x"])
@pytest.mark.parametrize("word", [2, 4, 8])
@pytest.mark.parametrize("record", RECORDS)
def test_dumps_of_words_that_begin_with_their_last_byte(record: bytes, word: int, offset: str) -> None:
    data = dump(record, word, offset)
    assert same(data, record)
    assert templates.read(data).notices[0].facts["wrappers"] == "hexadecimal dump"


def test_the_magic_tells_the_order_of_a_words_bytes() -> None:
    assert same(dump(RECORD, 2, "07o", turned=False), RECORD)
    other = bytes([RECORD[1], RECORD[0]]) + RECORD[2:]
    for turned in (True, False):
        with pytest.raises(FormatError, match="no template"):
            templates.read(dump(other, 2, "07o", turned=turned))


@pytest.mark.parametrize("word", [1, 2])
def test_equal_rows_that_a_dump_leaves_out(word: int) -> None:
    record = RECORD + bytes(100)
    data = dump(record, word, "07o", squeezed=True)
    assert b"*\n" in data
    assert same(data, record)
    with pytest.raises(FormatError):
        templates.read(data.replace(b"*\n", b""))


def test_words_of_xxd_with_a_last_one_that_is_shorter() -> None:
    record = RECORD + bytes(3 - len(RECORD) % 4 + 1 + 2)  # two bytes more than whole words: padding
    lines = []
    for place in range(0, len(record), 16):
        row = record[place : place + 16]
        words = [row[start : start + 4][::-1].hex().rjust(8) for start in range(0, len(row), 4)]
        lines.append(f"{place:08x}: {' '.join(words):<35}  {'.' * len(row)}")
    found = templates.read("\n".join(lines).encode())
    assert templates.write(found, "iso-2005") == RECORD
    assert found.notices[1].facts["bytes"] == len(record) - len(RECORD)


def signed(byte: int) -> int:
    return byte - 256 if byte > 127 else byte


@pytest.mark.parametrize(
    "item",
    ["(byte)0x{0:02X}", "(byte) {0}", "{1}", "(signed char){1}", "0x{0:x}", "0x{0:x}u", "0x{0:x}.toByte()", "&H{0:X}"],
)  # fmt: skip
@pytest.mark.parametrize("record", RECORDS)
def test_arrays_of_programs(record: bytes, item: str) -> None:
    body = ",\n ".join(item.format(byte, signed(byte)) for byte in record)
    assert same(f"final byte[] T = new byte[] {{ /* a finger */ {body}, }};\n".encode(), record)


def test_arrays_that_are_no_record_or_none_for_certain() -> None:
    for body in (
        ", ".join(f"{byte:03o}" for byte in RECORD),  # octal, which looks decimal
        ", ".join(map(str, [*RECORD, 256])),
        ", ".join(map(str, (byte + 1 & 255 for byte in RECORD))),
    ):
        with pytest.raises(FormatError):
            templates.read(f"int t[] = {{{body}}};".encode())
    with pytest.raises(FormatError, match="cut"):
        templates.read(f"int t[] = {{{', '.join(map(str, RECORD[:-9]))}}};".encode())


@pytest.mark.parametrize(
    "text",
    [
        b"TEMPLATE=" + BASE64,
        b"# right index\nFINGER=2\nTEMPLATE = " + BASE64 + b"\nQUALITY=80\n",
        b"export TEMPLATE='" + BASE64 + b"';\n",
        urlencode({"finger": 2, "template": BASE64.decode(), "q": 1}).encode(),
        b"template=" + quote(BASE64.decode(), safe="").encode(),
        urlencode({"template": "data:;base64," + BASE64.decode()}).encode(),
        b"DATA:application/octet-stream;base64," + quote(BASE64.decode(), safe="").encode(),
        b"data:application/octet-stream," + quote(RECORD).encode(),
        b"see TEMPLATE=" + BASE64 + b" in the log",
        BASE64.replace(b"/", rb"\/") + rb"\n",
        rb"\r\n".join(BASE64[at : at + 64] for at in range(0, len(BASE64), 64)).replace(b"/", rb"\/"),
        b'"t":"' + BASE64.replace(b"=", rb"\u003d").replace(b"+", rb"\u002B") + b'",',
        json.dumps({"t": {str(place): byte for place, byte in enumerate(RECORD)}}).encode(),
        json.dumps({str(place): byte for place, byte in enumerate(RECORD)} | {"length": len(RECORD)}).encode(),
        json.dumps([signed(byte) for byte in RECORD]).encode(),
    ],
)  # fmt: skip
def test_text_in_which_a_record_stands(text: bytes) -> None:
    assert same(text, RECORD)
    assert templates.read(text).notices[0].word == "unwrapped"


def test_every_value_of_a_form_is_read_or_none() -> None:
    assert len(templates.read(b"a=" + BASE64 + b"&b=" + BASE64).views) == 2
    assert len(templates.read(b"a=" + BASE64 + b"\nand " + BASE64 + b"\n").views) == 2  # not the first alone
    with pytest.raises(FormatError):
        templates.read(b"a=" + BASE64 + b"\nb=" + BASE64[:60] + b"\n")


def test_a_map_of_bytes_with_one_missing() -> None:
    document = {str(place): byte for place, byte in enumerate(RECORD)}
    for wrong in ({**document, "30": 256}, {**document, "30": True}, {**document, "9999": 1}):
        with pytest.raises(FormatError, match="not all there"):
            templates.read(json.dumps(wrong).encode())


def xml(coding: str) -> str:
    return f'<?xml version="1.0" encoding="{coding}"?>\n<BIR><BDB>{BASE64.decode()}</BDB></BIR>'


@pytest.mark.parametrize(
    ("data", "word", "facts"),
    [
        (xml("UTF-16").encode(), "coding_off", {"stored": "UTF-8"}),
        (xml("utf-16le").encode(), "coding_off", {"stored": "UTF-8"}),
        (xml("utf-8").encode("utf-16"), "coding_off", {"stored": "UTF-16"}),
        (xml("utf-8").encode("utf-16-be"), "coding_off", {"stored": "UTF-16"}),
        (xml("utf-8").encode() + bytes(37), "padded", {"bytes": 37, "offset": len(xml("utf-8"))}),
    ],
)  # fmt: skip
def test_xml_whose_framing_lies(data: bytes, word: str, facts: dict[str, object]) -> None:
    assert same(data, RECORD)
    assert [notice.facts for notice in templates.read(data).notices if notice.word == word] == [facts]


def test_xml_whose_framing_is_right_or_padded_within_utf16() -> None:
    for data in (xml("utf-16").encode("utf-16"), xml("utf-8").encode()):
        assert [notice.word for notice in templates.read(data).notices] == ["unwrapped"]
    for zeros in (36, 37):
        assert same(xml("utf-16").encode("utf-16") + bytes(zeros), RECORD)
    for coding in ("gb2312", "no-such-coding"):
        with pytest.raises(FormatError):
            templates.read(xml(coding).encode())


def test_what_is_odd_about_a_file_is_said_once() -> None:
    parts = "".join(f"<BIR><Subtype>{name}</Subtype><BDB>{BASE64.decode()}</BDB></BIR>" for name in ("Left Index",) * 4)
    record = templates.read(f"<BIR>{parts}</BIR>".encode() + bytes(9))
    assert len(record.views) == 4
    assert [notice.word for notice in record.notices] == ["unwrapped", "padded"]


@pytest.mark.parametrize(
    ("subtype", "position"),
    [
        ("left indexfinger", 7), ("leftindexfinger", 7), ("LEFTINDEXFINGER", 7), ("right thumb", 1), ("rightthumb", 1),
        ("left_ring_finger", 9), ("leftringfinger", 9), ("Right littlefinger", 5), ("rightpointerfinger", 2),
        ("bright thumb", 0), ("leftover index", 0), ("left", 0), ("leftrightthumb", 0), ("finger", 0),
    ],
)  # fmt: skip
def test_subtypes_in_any_case(subtype: str, position: int) -> None:
    assert finger_of(subtype) == position
    text = f"<bir><bdbinfo><subtype>{subtype}</subtype></bdbinfo><bdb>{BASE64.decode()}</bdb></bir>"
    assert templates.read(text.encode()).view.position == position


@pytest.mark.parametrize("name", ["nist-itl-legacy", "nist-itl-378", "nist-itl-efs"])
@pytest.mark.parametrize("separators", [b"\x1c", b"\x1d", b"\x1c\x1d", b"\x1c\x1d\x1e\x1f"])
@pytest.mark.parametrize("end", [b"\r\n", b"\n"])
def test_itl_files_with_line_ends_behind_their_separators(name: str, separators: bytes, end: bytes) -> None:
    data = templates.write((finger(3, 20, position=2), finger(4, 20, position=7)), name)
    spoilt = data
    for each in separators:
        spoilt = spoilt.replace(bytes([each]), bytes([each]) + end)
    found, wanted = templates.read(spoilt), templates.read(data)
    assert templates.write(found, name) == templates.write(wanted, name)
    assert [(notice.word, notice.facts) for notice in found.notices] == [
        ("line_ends", {"bytes": len(spoilt) - len(data)})
    ]


def test_an_itl_file_in_which_some_separators_have_line_ends_is_refused() -> None:
    data = templates.write(finger(3, 20, position=2), "nist-itl-378")
    place = data.index(b"\x1d9.")
    with pytest.raises(FormatError):
        templates.read(data[: place + 1] + b"\r\n" + data[place + 1 :])


@pytest.mark.parametrize(("subtype", "word"), [("NoFinger", "subtype_unknown"), ("Left", "subtype_unknown"), ("", "")])
def test_a_subtype_that_names_no_finger_is_told_where_the_record_names_none(subtype: str, word: str) -> None:
    for position in (0, 7):
        text = base64.b64encode(templates.write(finger(3, 20, position=position), "iso-2005")).decode()
        read = templates.read(f"<BIR><Subtype>{subtype}</Subtype><BDB>{text}</BDB></BIR>".encode())
        assert read.view.position == position
        assert [str(notice.word) for notice in read.notices] == [
            "unwrapped",
            *([word] if word and not position else []),
        ]


def test_a_subtype_of_iso_7816_11_that_names_no_finger_is_told() -> None:
    for subtype, words in ((0, ["unwrapped"]), (3, ["unwrapped", "subtype_unknown"]), (10, ["unwrapped"])):
        bare = templates.write(finger(3, 20, position=0), "iso-2005")
        header = bytes([0xA1, 6, 0x81, 1, 8, 0x82, 1, subtype])
        body = header + b"\x5f\x2e\x82" + len(bare).to_bytes(2, "big") + bare
        read = templates.read(b"\x7f\x60\x82" + len(body).to_bytes(2, "big") + body)
        assert [str(notice.word) for notice in read.notices] == words
