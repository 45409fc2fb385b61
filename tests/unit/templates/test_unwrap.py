"""Records in wrappers: opened, named, bounded; and what is none is called what it is."""

from __future__ import annotations

import base64
import functools
import gzip
import json
from collections.abc import Callable
from urllib.parse import quote

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cccd_core import templates
from cccd_core.errors import FormatError, ParameterError
from cccd_core.templates import FingerTemplate, TemplateRecord
from cccd_core.templates.subtypes import finger_of
from cccd_core.templates.unwrap import MAX_LAYERS, unwrap

RECORDS = ("iso-2005", "iso-2011", "ansi-2004", "ansi-2009")
G = bytes.fromhex("464d520020323000000000240000012c019000c500c50100020050014064003220500000")
DRAFT = "464d5200303330000000002d0042001100b50100020000fe01030001012c019000c500c5014064003220500000"
CERTIFIED = (
    "464d5200303330000000003700010200000028ffffffffffffffffff000000000000020000c500c500012c019060014064003220500000"
)


def one(name: str = "iso-2005", position: int = 0, count: int = 20) -> bytes:
    numbers = np.arange(count)
    view = FingerTemplate(
        numbers * 7, numbers * 11, numbers * 300, numbers % 3, numbers % 101, 300, 400, position=position
    )
    return templates.write(view, name)


def piv(record: bytes) -> bytes:
    """NIST SP 800-76-2 clause 9, table 14: 88 bytes of header, the record, a signature."""
    header = b"\x03\x0d" + len(record).to_bytes(4, "big") + (300).to_bytes(2, "big") + b"\x00\x1b\x02\x01"
    header += bytes(8) + bytes(16) + b"\x00\x00\x08\x80\x50"
    return header.ljust(88, b"\x01") + record + bytes(300)


def bir_xml(*records: tuple[str, bytes], name: str = "BDB") -> bytes:
    parts = "".join(
        f"<BIR><BDBInfo><Type>Finger</Type><Subtype>{subtype}</Subtype></BDBInfo>"
        f"<{name}>{base64.b64encode(record).decode()}</{name}></BIR>"
        for subtype, record in records
    )
    return f'<?xml version="1.0"?><BIR xmlns="urn:any"><CBEFFVersion/>{parts}</BIR>'.encode()


def tlv(tag: str, value: bytes) -> bytes:
    size = bytes((len(value),)) if len(value) < 128 else b"\x82" + len(value).to_bytes(2, "big")
    return bytes.fromhex(tag) + size + value


def in_lines(text: bytes, end: bytes = b"\r\n") -> bytes:
    return end.join(text[start : start + 64] for start in range(0, len(text), 64)) + end


WRAPPERS: dict[str, Callable[[bytes], bytes]] = {
    "base64": base64.b64encode,
    "base64 in lines": lambda data: in_lines(base64.b64encode(data)),
    "base64 without padding": lambda data: base64.b64encode(data).rstrip(b"="),
    "base64 for the web": base64.urlsafe_b64encode,
    "base64 with blanks for plus": lambda data: base64.b64encode(data).replace(b"+", b" "),
    "hexadecimal": lambda data: data.hex().encode(),
    "hexadecimal, upper case": lambda data: data.hex().upper().encode() + b"\n",
    "hexadecimal in pairs": lambda data: data.hex(" ").encode(),
    "hexadecimal with 0x": lambda data: b"0x" + data.hex().encode(),
    "JSON string": lambda data: json.dumps(base64.b64encode(data).decode()).encode(),
    "JSON object": lambda data: json.dumps({"a": [1, {"template": base64.b64encode(data).decode()}]}).encode(),
    "data URI": lambda data: b"data:application/octet-stream;base64," + base64.b64encode(data),
    "vendor XML": lambda data: (
        b"<Fid><Bytes>" + base64.b64encode(data) + b"</Bytes><Format>1769473</Format><Version>1.0.0</Version></Fid>"
    ),
    "CBEFF XML": lambda data: bir_xml(("Right IndexFinger", data)),
    "XML of another make": lambda data: b"\xef\xbb\xbf<a><b>" + data.hex().encode() + b"</b></a>",
    "gzip": gzip.compress,
    "gzip of base64": lambda data: gzip.compress(base64.b64encode(data)),
    "base64 of gzip": lambda data: base64.b64encode(gzip.compress(data)),
    "base64 with tabs": lambda data: in_lines(base64.b64encode(data), b"\t"),
    "base64 and a zero byte": lambda data: base64.b64encode(data) + b"\x00",
    "base64 with a mark": lambda data: b"\xef\xbb\xbf" + base64.b64encode(data),
    "base64 in UTF-16": lambda data: base64.b64encode(data).decode().encode("utf-16"),
    "hexadecimal in UTF-16": lambda data: data.hex().encode().decode().encode("utf-16"),
    "JSON in UTF-16": lambda data: json.dumps([base64.b64encode(data).decode()]).encode("utf-16"),
    "XML in UTF-16": lambda data: (
        f'<?xml version="1.0" encoding="UTF-16"?>\n<a>{base64.b64encode(data).decode()}</a>'.encode("utf-16")
    ),
    "percent-encoded base64": lambda data: quote(base64.b64encode(data), safe="").replace("A", "%41", 1).encode(),
    "data URI of percents": lambda data: b"data:application/octet-stream," + quote(data, safe="").encode(),
    "data URI of base64 and percents": lambda data: b"data:;base64," + quote(base64.b64encode(data), safe="").encode(),
    "hexadecimal with hyphens": lambda data: data.hex("-").encode(),
    "hexadecimal of C": lambda data: ", ".join(f"0x{byte:02x}" for byte in data).encode(),
    "hexadecimal of PostgreSQL": lambda data: b"\\x" + data.hex().encode(),
    "hexadecimal of SQL": lambda data: b"X'" + data.hex().encode() + b"'",
    "JSON list of bytes": lambda data: json.dumps(list(data)).encode(),
    "JSON list of signed bytes": lambda data: json.dumps([(byte + 128) % 256 - 128 for byte in data]).encode(),
    "JSON of a buffer": lambda data: json.dumps({"type": "Buffer", "data": list(data)}).encode(),
    "base64 of base64 of base64": lambda data: base64.b64encode(base64.b64encode(base64.b64encode(data))),
    "base64, six times": lambda data: functools.reduce(lambda each, _: base64.b64encode(each), range(6), data),
    "hexadecimal of base64 of digits": lambda data: base64.b64encode(data.hex().encode()).hex().encode(),
    "PEM": lambda data: b"-----BEGIN FMR-----\n" + base64.encodebytes(data) + b"-----END FMR-----\n",
    "JSON lines": lambda data: f'{{"a": 1}}\n{{"t": "{base64.b64encode(data).decode()}"}}\n'.encode(),
    "JSON within JSON": lambda data: json.dumps([json.dumps({"t": base64.b64encode(data).decode()})]).encode(),
    "an attribute of XML": lambda data: b'<a><b c="' + base64.b64encode(data) + b'"/></a>',
    "PIV": piv,
    "BioAPI": lambda data: (len(data) + 16).to_bytes(4, "little") + bytes(12) + data,
    "biometric information template": lambda data: tlv("7f60", tlv("a1", bytes(20)) + tlv("5f2e", data)),
}


@pytest.mark.parametrize("name", RECORDS)
@pytest.mark.parametrize("wrapper", WRAPPERS)
def test_a_record_in_a_wrapper_is_the_record(name: str, wrapper: str) -> None:
    data = one(name)
    wrapped = WRAPPERS[wrapper](data)
    read, bare = templates.read(wrapped), templates.read(data)
    assert np.array_equal(read.view.x_px, bare.view.x_px)
    assert read.format == templates.detect(wrapped) == name
    assert [str(notice.word) for notice in read.notices] == ["unwrapped"]
    assert templates.read(wrapped, format=name) == read


@pytest.mark.parametrize("wrapper", WRAPPERS)
def test_the_smallest_record_is_found_in_each_wrapper(wrapper: str) -> None:
    assert templates.read(WRAPPERS[wrapper](G)).view.x_px.tolist() == [100]


def test_a_wrapper_names_the_finger_where_the_record_does_not() -> None:
    two = bir_xml(("Right Thumb", one()), ("Left LittleFinger", one()), ("Left MiddleFinger", one(position=7)))
    assert [view.position for view in templates.read(two).views] == [1, 10, 7]
    assert [finger_of(text) for text in ("Left RingFinger", "Right", "", "Face", "Left")] == [9, 0, 0, 0, 0]


def test_the_finger_is_named_in_every_form_of_a_subtype() -> None:
    forms = {
        "RightIndex": 2,
        "LeftThumb": 6,
        "Right PointerFinger": 2,
        "IndexFinger Right": 2,
        "LEFT_INDEX": 7,
        "RightLittleFinger": 5,
        "left ring finger": 9,
        "Left Right Thumb": 0,
        "Right Index Middle": 0,
        "UNKNOWN": 0,
        "Thumb": 0,
    }
    assert {text: finger_of(text) for text in forms} == forms


@pytest.mark.parametrize("name", RECORDS)
def test_a_template_of_iso_7816_11_names_the_finger(name: str) -> None:
    codes = {
        0x05: 1,
        0x09: 2,
        0x0D: 3,
        0x11: 4,
        0x15: 5,
        0x06: 6,
        0x0A: 7,
        0x0E: 8,
        0x12: 9,
        0x16: 10,
        0: 0,
        1: 0,
        2: 0,
    }
    for code, position in codes.items():
        header = tlv("a1", tlv("81", b"\x08") + tlv("82", bytes((code,))) + tlv("88", b"\x00\x02"))
        view = templates.read(tlv("7f60", header + tlv("5f2e", one(name)))).view
        assert view.position == position
    header = tlv("a1", tlv("82", b"\x09"))
    record = templates.read(tlv("7f60", header + tlv("5f2e", one(name, 7))))
    assert record.view.position == 7
    assert dict(record.notices[-1].facts) == {"wrapper": 2, "record": "7"}
    image = tlv("7f60", tlv("a1", tlv("82", b"\x05")) + tlv("5f2e", b"FIR\x00" + bytes(90)))
    finger = tlv("7f60", header + tlv("5f2e", one(name)))
    assert templates.read(tlv("7f61", b"\x02\x01\x02" + image + finger)).view.position == 2
    long = tlv("7f60", tlv("a1", tlv("81", b"\x08")) + tlv("5f2e", one(name, count=39)))
    assert templates.read(long).view.position == 0


def test_a_mark_or_blanks_before_an_itl_file_are_passed_over() -> None:
    data = templates.write(templates.read(one()), "nist-itl-378")
    for start in (b"\n", b"\r\n ", b"\xef\xbb\xbf"):
        assert templates.read(start + data).view.count == 20


def test_every_record_of_a_group_is_a_view() -> None:
    group = tlv(
        "7f61",
        b"\x02\x01\x02"
        + b"".join(tlv("7f60", tlv("a1", bytes(20)) + tlv("5f2e", one(position=place))) for place in (2, 7)),
    )
    assert [view.position for view in templates.read(group).views] == [2, 7]


def test_records_of_two_formats_in_one_wrapper_are_refused() -> None:
    with pytest.raises(FormatError, match="several formats"):
        templates.read(bir_xml(("Right Thumb", one()), ("Left Thumb", one("iso-2011"))))


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "an empty file"),
        (b"\xff\xa0\xff\xa8" + bytes(90), "a fingerprint image, WSQ"),
        (b"\x89PNG\r\n\x1a\n" + bytes(90), "an image, PNG"),
        (b"BM" + bytes(90), "an image, BMP"),
        (base64.b64encode(b"\x89PNG\r\n\x1a\n" + bytes(90)), "base64 text of an image, PNG"),
        (base64.b64encode(b"\xff\xa0\xff\xa8" + bytes(90)), "base64 text of a fingerprint image, WSQ"),
        ((b"\xff\xd8\xff\xe0" + bytes(90)).hex().encode(), "hexadecimal text of an image, JPEG"),
        (
            b"data:image/png;base64," + base64.b64encode(b"\x89PNG\r\n\x1a\n" + bytes(90)),
            "data URI of base64 text of an",
        ),
        (bir_xml(("", b"\x89PNG\r\n\x1a\n" + bytes(90))), "XML of base64 text of an image, PNG"),
        (bytes(257) + b"ustar\x00" + bytes(250), "a tar archive"),
        (b"name,finger\nA,2\n", "a table"),
        (b"Rar!\x1a\x07\x00" + bytes(40), "a RAR archive"),
        (b"\x00\x00\x01\x00\x01\x00\x10\x10" + bytes(40), "an image, ICO"),
        (b"\x00\x00\x00\x18ftypheic" + bytes(40), "an image, HEIC"),
        (b"\x00\x00\x00\x18ftypisom" + bytes(40), "a film, MP4"),
        (b"RIFF\x24\x00\x00\x00WAVEfmt " + bytes(40), "a sound, WAV"),
        (b"\x28\xb5\x2f\xfd" + bytes(40), "a zstd file"),
        (b"PK\x05\x06" + bytes(18), "an empty ZIP archive"),
        (bytes.fromhex("30820300 06092a864886f70d010702") + bytes(99), "a message of CMS"),
        (b"-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n", "a certificate, PEM"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n", "Git LFS"),
        (b"II*\x00" + bytes(90), "an image, TIFF"),
        (b"FIR\x00010\x00" + bytes(90), "a fingerprint image record"),
        (base64.b64encode(b"FIR\x00010\x00" + bytes(90)), "a fingerprint image record"),
        (bir_xml(("Left Thumb", b"FIR\x00020\x00" + bytes(90))), "a fingerprint image record"),
        (b"<html><body>not found</body></html>", "XML or HTML text without a template"),
        (b"<a><b>c</b></a>", "XML or HTML text without a template"),
        (b'{"error": "no template"}', "JSON text without a template"),
        (b"no template here", "text that is no template"),
        (" Xin chào\n".encode(), "text that is no template"),
        (b"   \n", "blank text"),
        (bytes(1000), "zero bytes alone"),
        (b"PK\x03\x04" + bytes(100), "a ZIP archive"),
        (bytes(range(128, 256)), "bytes of no known format"),
    ],
)
def test_what_is_no_template_is_called_what_it_is(data: bytes, words: str) -> None:
    with pytest.raises(FormatError, match=words):
        templates.read(data)
    with pytest.raises(FormatError, match=words):
        templates.detect(data)


@pytest.mark.parametrize("name", ["iso-2005-card", "iso-2005-compact"])
@pytest.mark.parametrize(
    "data", [G + bytes(-len(G) % 15), base64.b64encode(one(count=209)), b"\x89PNG\r\n\x1a\n" + bytes(52), b"hello" * 3]
)
def test_what_begins_as_something_else_is_no_bare_minutiae(name: str, data: bytes) -> None:
    size = {"iso-2005-card": 5, "iso-2005-compact": 3}[name]
    data = data[: len(data) // size * size]
    with pytest.raises((FormatError, ParameterError), match="not bare minutiae"):
        templates.read(data, format=name)


def test_random_bytes_are_never_sent_to_a_card_format() -> None:
    rng = np.random.default_rng(11)
    for size in (45, 60, 150, 384, 600, 765):
        for _ in range(50):
            with pytest.raises(FormatError) as caught:
                templates.read(rng.bytes(size))
            assert "needs" not in caught.value.facts


def test_layers_records_and_bytes_are_bounded() -> None:
    data = G
    for _ in range(MAX_LAYERS // 2):
        data = base64.b64encode(gzip.compress(data))
    assert templates.read(data).view.count == 1
    with pytest.raises(FormatError, match="too many wrappers"):
        templates.read(gzip.compress(data))
    with pytest.raises(FormatError, match="too much"):
        templates.read(gzip.compress(bytes(20 << 20)))
    with pytest.raises(FormatError, match="too much"):
        templates.read(bir_xml(*[("Left Thumb", G)] * 65))
    with pytest.raises(FormatError, match="cut"):
        templates.read(gzip.compress(one())[:-9])
    with pytest.raises(FormatError, match="nested too deep"):
        templates.read(b"<a>" * 70 + base64.b64encode(G) + b"</a>" * 70)
    laughs = b"<!DOCTYPE a [<!ENTITY b 'cccc'>]><a><b>" + base64.b64encode(G) + b"</b></a>"
    with pytest.raises(FormatError, match="document type"):
        templates.read(laughs)
    with pytest.raises(FormatError, match="broken"):
        templates.read(b"<Fid><Bytes>" + base64.b64encode(G))
    with pytest.raises(FormatError):
        templates.read(b'{"a":' * 5000 + b"1" + b"}" * 5000)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"1 2 3 4\n" * (2 << 20), "too long for minutiae"),
        (gzip.compress(b"1 2 3 4\n" * (2 << 20)), "too much"),
        (gzip.compress(b"1 2 3 4\n" * 20_000), "too long for minutiae"),
        (b"[" + b"1," * (1 << 20) + b"1]", "too long for one that holds records"),
        (b"<a>" + b"<b/>" * (1 << 20) + b"</a>", "too many elements"),
        (json.dumps(["FMR"] * 20_000).encode(), "too many strings"),
        (json.dumps([[]] * 20_000).encode(), "too many strings"),
        (b"<a>" + b"<b/>" * 20_000 + b"</a>", "too many elements"),
        (one(count=9) * 65, "too much"),
        (gzip.compress(b"") * 65, "too much"),
    ],
)
def test_more_than_a_record_needs_is_refused_before_it_is_looked_at(data: bytes, words: str) -> None:
    with pytest.raises(FormatError, match=words):
        templates.read(data)
    with pytest.raises(FormatError, match=words):
        templates.detect(data)


def test_a_callers_limit_holds_for_what_comes_out_of_wrappers() -> None:
    assert templates.read(gzip.compress(G), most_bytes=len(G)).view.count == 1
    with pytest.raises(FormatError, match="too much"):
        templates.read(gzip.compress(G), most_bytes=len(G) - 1)
    assert templates.read(one(), most_bytes=1).view.count == 20


def group(*records: bytes) -> bytes:
    inside = b"".join(tlv("7f60", tlv("a1", bytes(20)) + tlv("5f2e", each)) for each in records)
    return tlv("7f61", b"\x02\x01" + bytes((len(records),)) + inside)


TOGETHER: dict[str, Callable[[bytes, bytes], bytes]] = {
    "one after the other": lambda a, b: a + b,
    "with filling between": lambda a, b: a + bytes(6) + b + b"\r\n",
    "in base64 as one": lambda a, b: base64.b64encode(a + b),
    "in two lines of base64": lambda a, b: base64.b64encode(a) + b"\n" + base64.b64encode(b) + b"\n",
    "in base64 of many lines": lambda a, b: base64.encodebytes(a) + base64.encodebytes(b),
    "in base64 without padding": lambda a, b: (
        base64.b64encode(a).rstrip(b"=") + b"\r\n" + base64.b64encode(b).rstrip(b"=")
    ),
    "in base64 with a comma": lambda a, b: base64.b64encode(a) + b"," + base64.b64encode(b),
    "in two lines of digits": lambda a, b: f"{a.hex()}\n{b.hex()}\n".encode(),
    "in two members of gzip": lambda a, b: gzip.compress(a) + gzip.compress(b),
    "behind two headers": lambda a, b: piv(a) + piv(b),
    "behind a far header": lambda a, b: piv(a) + bytes(2000) + piv(b),
    "in a group": group,
}


@pytest.mark.parametrize("name", RECORDS)
@pytest.mark.parametrize("way", TOGETHER)
def test_two_records_are_two_views_however_they_stand_together(name: str, way: str) -> None:
    for first, second in ((20, 30), (21, 31), (22, 32)):  # every padding of base64
        record = templates.read(TOGETHER[way](one(name, 2, first), one(name, 7, second)))
        assert [(view.position, view.count) for view in record.views] == [(2, first), (7, second)]


@pytest.mark.parametrize("name", RECORDS)
@pytest.mark.parametrize(
    "data",
    [
        lambda a, b: a[:-7] + b,
        lambda a, b: a + b"remark" + b,
        lambda a, b: a + b[:-30],
        lambda a, b: group(a, b)[:-30],
        lambda a, b: group(a, b)[: -len(b) - 2],
        lambda a, b: piv(a) + piv(b)[:-330],
        lambda a, b: base64.b64encode(a) + b"\n" + base64.b64encode(b[:-30]),
        lambda a, b: gzip.compress(a) + gzip.compress(b)[:-30],
        lambda a, b: bir_xml(("Left Thumb", a), ("Left Thumb", b[:-30])),
    ],
)
def test_a_second_record_that_is_cut_is_never_left_out(name: str, data: Callable[[bytes, bytes], bytes]) -> None:
    with pytest.raises(FormatError):
        templates.read(data(one(name), one(name, 7)))


def test_what_stands_beside_a_finger_is_passed_over_and_named() -> None:
    face, iris = b"FAC\x00010\x00" + bytes(90), b"IIR\x00010\x00" + bytes(90)
    for parts in ((face, one(position=2), iris), (one(position=2), iris, face)):
        record = templates.read(bir_xml(*(("", each) for each in parts)))
        assert [view.position for view in record.views] == [2]
        assert templates.detect(bir_xml(*(("", each) for each in parts))) == "iso-2005"
        notice = record.notices[-1]
        assert str(notice.word) == "not_read"
        assert "a face image record" in str(notice)
        assert "an iris image record" in str(notice)


@given(st.binary(max_size=400))
def test_any_bytes_are_unwrapped_or_refused(data: bytes) -> None:
    for start in (b"", b"<", b"{", b"\x1f\x8b", b"Rk1S", b"464d", b'"Rk1S', b"data:,", b"<a><BDB>Rk1S"):
        try:
            inside = unwrap(start + data)
        except FormatError:
            continue
        assert inside


def test_the_draft_of_2007_and_a_strange_flag_survive_a_wrapper() -> None:
    for text, word in ((DRAFT, "header_2007"), (CERTIFIED, "certification_flag")):
        record: TemplateRecord = templates.read(base64.b64encode(bytes.fromhex(text)))
        assert [str(notice.word) for notice in record.notices] == ["unwrapped", word]
