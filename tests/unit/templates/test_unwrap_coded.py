"""Records in the less usual codings, and as numbers in text: read right and whole, or refused with what they are."""

from __future__ import annotations

import base64
import binascii
import json
import quopri
import zlib

import pytest
from tests.support.dossiers import finger
from tests.unit.templates.test_unwrap_code import same

from cccd_core import templates
from cccd_core.errors import FormatError

RECORD = templates.write(finger(3, 21), "iso-2005").replace(b"\n", b"\x0b")
OTHER = templates.write(finger(4, 24), "ansi-2009").replace(b"\n", b"\x0b")
RECORDS = (RECORD, OTHER)


def rows(record: bytes, width: int = 16) -> list[bytes]:
    return [record[at : at + width] for at in range(0, len(record), width)]


def hex_row(row: bytes, mark: str = " ") -> str:
    return mark.join(f"{byte:02X}" for byte in row)


def printed(row: bytes) -> str:
    return "".join(chr(byte) if 32 < byte < 127 else "." for byte in row)


def uuencoded(record: bytes) -> str:
    lines = [binascii.b2a_uu(row).decode() for row in rows(record, 45)]
    return "begin 644 2.fmr\n" + "".join(lines) + "`\nend\n"


def intel_hex(record: bytes) -> str:
    lines = []
    for number, row in enumerate(rows(record)):
        line = bytes([len(row), *(16 * number).to_bytes(2, "big"), 0, *row])
        lines.append(f":{line.hex().upper()}{-sum(line) % 256:02X}")
    return "\r\n".join([":020000040800F2", *lines, ":00000001FF"])


def s_records(record: bytes) -> str:
    lines = ["S0030000FC"]
    for number, row in enumerate(rows(record)):
        line = bytes([len(row) + 3, *(16 * number).to_bytes(2, "big"), *row])
        lines.append(f"S1{line.hex().upper()}{255 - sum(line) % 256:02X}")
    return "\n".join([*lines, "S9030000FC"])


def format_hex(record: bytes, number: str, gap: str) -> str:
    lines = [f"{16 * at:{number}}{gap}{hex_row(row)}  {printed(row)}" for at, row in enumerate(rows(record))]
    return "\n".join(["   Label: 2.fmr", "", " " * 11 + hex_row(bytes(range(16))), "", *lines])


def escapes(record: bytes) -> str:
    return "".join(chr(byte) if 32 <= byte < 127 and byte not in b"\\\"'" else f"\\{byte:03o}" for byte in record)


FORMS = {
    "uuencoded": uuencoded,
    "Intel HEX": intel_hex,
    "S-records": s_records,
    "base32": lambda record: base64.b32encode(record).decode(),
    "base32 in lines": lambda record: "\n".join(each.decode() for each in rows(base64.b32encode(record), 64)),
    "Ascii85": lambda record: base64.a85encode(record, adobe=True, wrapcol=60).decode(),
    "base85": lambda record: base64.b85encode(record).decode(),
    "quoted-printable": lambda record: quopri.encodestring(record, quotetabs=True).decode(),
    "quoted-printable in a mail": lambda record: (
        "Content-Transfer-Encoding: quoted-printable\r\n\r\n" + quopri.encodestring(record).decode() + "\r\n--x--\r\n"
    ),
    "Python's bytes": repr,
    "Python's bytearray": lambda record: f"template = {bytearray(record)!r}\n",
    "C's string": lambda record: 'char t[] = "' + "".join(f"\\x{byte:02x}" for byte in record) + '";',
    "C's literals": lambda record: (
        "t =\n" + "\n".join('  "' + "".join(f"\\x{byte:02x}" for byte in row) + '"' for row in rows(record)) + ";\n"
    ),
    "PostgreSQL's escapes": escapes,
    "JSON's characters": lambda record: json.dumps({"t": record.decode("latin-1")}),
    "JSON's characters in a log": lambda record: "got " + json.dumps({"t": record.decode("latin-1")}),
    "Node's buffer": lambda record: f"<Buffer {record.hex(' ')}>",
    "a picture's source": lambda record: (
        f'<img src="data:application/octet-stream;base64,{base64.b64encode(record).decode()}">'
    ),
    "Format-Hex": lambda record: format_hex(record, "08X", "   "),
    "Format-Hex of PowerShell 7": lambda record: format_hex(record, "016X", " "),
    "Wireshark": lambda record: "\n".join(
        f"{16 * at:04x}   {row.hex(' ')}   {printed(row)}" for at, row in enumerate(rows(record))
    ),
    "certutil": lambda record: "\n".join(
        f"    {16 * at:04x}  {row[:8].hex(' ')}  {row[8:].hex(' ')}   {printed(row)}"
        for at, row in enumerate(rows(record))
    ),
    "od with text": lambda record: "\n".join(
        f"{16 * at:07o} {row.hex(' '):47}  >{printed(row)}<" for at, row in enumerate(rows(record))
    ),
    "decimal numbers": lambda record: ", ".join(map(str, record)),
    "decimal numbers, bare": lambda record: " ".join(map(str, record)),
    "NumPy's": lambda record: "[" + "\n ".join(" ".join(f"{byte:3}" for byte in row) for row in rows(record, 18)) + "]",
    "a log's line": lambda record: f"2026-11-27 10:00 INFO sent: {hex_row(record)}\n2026-11-27 10:01 INFO done\n",
    "a log's line with colons": lambda record: f"10:00 template={hex_row(record, ':')} ok",
    "a table's cell": lambda record: f"id;finger;template\n7;2;{hex_row(record)}\n",
    "a trace of a card": lambda record: f"--> 00 CB 3F FF 00\n<-- {hex_row(record)} 90 00\n",
    "rows in a log": lambda record: "Template:\n" + "\n".join(hex_row(row) for row in rows(record)) + "\nend of it\n",
    "a registry's file": lambda record: '"T"=hex:' + ",\\\r\n  ".join(row.hex(",") for row in rows(record)) + "\r\n",
    "Basic's": lambda record: "t = Array(" + ", ".join(f"&H{byte:02X}" for byte in record) + ")",
    "Pascal's": lambda record: "t: array = (" + ", ".join(f"${byte:02X}" for byte in record) + ");",
}


@pytest.mark.parametrize("record", RECORDS)
@pytest.mark.parametrize("form", FORMS)
def test_a_record_in_text_is_read(form: str, record: bytes) -> None:
    data = FORMS[form](record).encode()
    assert same(data, record)
    assert templates.read(data).notices[0].word == "unwrapped"


@pytest.mark.parametrize("form", [form for form in FORMS if form not in ("a picture's source", "C's literals")])
def test_what_is_cut_is_refused_and_says_so(form: str) -> None:
    text = FORMS[form](RECORD)
    with pytest.raises(
        FormatError, match=r"cut|broken|as long as it says|no template|no record|not all there|ends within"
    ):
        templates.read(text[: len(text) * 2 // 3].encode())


@pytest.mark.parametrize(
    "form",
    ["Intel HEX", "S-records", "uuencoded", "base32", "base85", "Python's bytes", "a trace of a card", "Format-Hex"],
)
def test_a_character_lost_is_never_a_record(form: str) -> None:
    text = FORMS[form](RECORD)
    for at in range(len(text) // 3, 2 * len(text) // 3):
        lost = (text[:at] + text[at + 1 :]).encode()
        try:
            found = templates.read(lost)
        except FormatError:
            continue
        assert templates.write(found, found.format) == templates.write(templates.read(RECORD), "iso-2005"), at


def test_base64_that_lost_a_character_is_refused() -> None:
    text = base64.b64encode(RECORD).rstrip(b"=")
    for lost in range(60, len(text) - 4):
        with pytest.raises(FormatError, match=r"missing|no template"):
            templates.read(text[:lost] + text[lost + 1 :])
    with pytest.raises(FormatError, match="missing"):
        templates.read((RECORD[:70] + RECORD[71:]).hex().encode())


def test_a_zlib_stream_is_opened_bare_and_in_text() -> None:
    stream = zlib.compress(RECORD)
    assert same(stream, RECORD)
    assert same(base64.b64encode(stream), RECORD)
    with pytest.raises(FormatError, match="cut"):
        templates.read(stream[:-6])
    with pytest.raises(FormatError, match="a zlib stream"):
        templates.read(zlib.compress(b"nothing of that kind"))


def test_utf32_text_is_opened() -> None:
    assert same(base64.b64encode(RECORD).decode().encode("utf-32"), RECORD)


def test_numbers_that_begin_as_a_record_are_no_xyt() -> None:
    with pytest.raises(FormatError, match="cut"):
        templates.read(" ".join(map(str, RECORD[:-30])).encode(), dpi=500, height_px=480)
    minutia = b"70 77 82 0\n32 50 60 10\n"  # a row of .xyt may begin like one
    assert templates.read(minutia, dpi=500, height_px=480).format == "xyt"


@pytest.mark.parametrize(
    ("text", "what"),
    [
        (b'<~87cURD]i,"Ebo80~>', "Ascii85 text of what is no record"),
        (b"got 46 4D 52 00 here", "bytes of a record"),
        (b"0000000   F   M   R  \\0      2   0\n", "a dump of bytes in a form that is not read"),
        (b"0000000 046506 000122 031040 000060\n", "a dump of bytes in a form that is not read"),
        (b"00000000: 01000110 01001101 01010010 00000000  FMR.\n", "a dump of bytes in a form that is not read"),
        (b":0300300002337A1E\n:00000001FF\n", "Intel HEX of bytes of no known format"),
        (b":0300300002337A1F\n:00000001FF\n", "Intel HEX text that is broken"),
        (b"S1130000285F245F2212226A000424290008237C2B\nS9030000FC", "S-records that are broken"),
    ],
)
def test_what_is_not_read_is_named(text: bytes, what: str) -> None:
    with pytest.raises(FormatError, match=what):
        templates.read(text)
