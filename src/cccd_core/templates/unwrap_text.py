"""Records as text: base64 and hexadecimal digits, percent-encoded, in PEM, in data URIs, in JSON.

Text is opened where what it decodes to says itself that it is a record, or something that can hold one.

Sources: RFC 4648 (base64, base16), RFC 2397 (data URIs), RFC 7468 (PEM).
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Callable, Iterator
from urllib.parse import unquote_to_bytes

from cccd_core.errors import FormatError
from cccd_core.templates import nist_itl
from cccd_core.templates.identify import block_39794, signature_of, surely
from cccd_core.templates.unwrap_binary import (
    BLANKS,
    FILLING,
    GZIP,
    MAX_RECORDS,
    RECORD,
    RECORD_START,
    Part,
    Parts,
    cbeff,
    inflated,
    length_of,
)
from cccd_core.templates.unwrap_code import arrays, bytes_of_map, dumps, turned_words, unescaped
from cccd_core.templates.unwrap_coded import escaped
from cccd_core.templates.unwrap_numbers import listing, numbers

MAX_LAYERS = 6
MAX_TRIED = 10_000  # strings of JSON, elements of XML

_RECORD_LIST = list(RECORD)
_RECORD_TEXT = RECORD.decode("ascii")
_BASE64 = re.compile(rb"[A-Za-z0-9+/_-]+={0,2}")
_HEX = re.compile(rb"[0-9A-Fa-f]+")
_HEX_START = re.compile(rb"[0-9A-Fa-fxX\s:,'\\-]{64}")
_DATA_URI = re.compile(rb"data:[^,]{0,200},", re.IGNORECASE)
_PERCENT = re.compile(rb"(?=[^%]{0,2000}%[0-9A-Fa-f]{2})[A-Za-z0-9+/=_%\r\n-]+")
_LOST_MOST = 3  # bytes, of four characters of base64
LEAST_TEXT = 32  # the characters of the shortest record in base64
# Within other text: base64, also in lines; digits.
_RUNS = re.compile(
    rb"(?<![A-Za-z0-9+/_-])Rk1SA[A-Za-z0-9+/_-]{16,}(?:\r?\n[ \t]{0,40}(?!Rk1SA)[A-Za-z0-9+/_-]+)*={0,2}"
    rb"|(?<![0-9A-Fa-f])464[dD]5200[0-9A-Fa-f]{40,}"
)
# What stands behind `name=` at a line's start or in a form.
_VALUES = re.compile(
    rb"(?:\A|[&?\r\n])[ \t]{0,40}(?:export |set )?[A-Za-z_][\w.\[\]%$-]{0,63}[ \t]{0,9}=[ \t]{0,9}"
    rb"([\"']?)([^\s&\"'=]{32,}={0,2};?,?)\1;?[ \t]{0,40}(?=[&\r\n]|\Z)"
)
_BASE64_TEXTS = re.compile(rb"[^=,;]+?(?:=+|[,;]|\s(?=Rk1SA)|\Z)")  # one after the other, each ended as base64 ends


def holds_record(text: bytes) -> bool:
    """Whether a string of some document is a record as text, or something that can hold one."""
    return len(text) >= LEAST_TEXT and any(opener(text) is not None for _, opener in TEXTS)


def json_text(data: bytes) -> Parts | None:
    """Every string, and list of bytes, of a JSON document or of JSON lines that holds a record."""
    text = data.strip(BLANKS)
    if text[:1] not in (b'"', b"{", b"["):
        return None
    lines = [line for line in text.splitlines() if line.strip()]
    several = 1 < len(lines) <= MAX_TRIED and all(
        line[:1] in (b"{", b"[") and line[-1:] in (b"}", b"]") for line in lines
    )
    try:  # JSON lines are a document each
        document: object = [json.loads(line) for line in lines] if several else json.loads(text)
    except (ValueError, RecursionError):
        return None
    return [Part(each) for each in _records_in(document)] or None


def _records_in(document: object) -> Iterator[bytes]:
    stack = [document]
    tried = 0
    while stack:
        each = stack.pop()
        tried += isinstance(each, (dict, list, str))
        if tried > MAX_TRIED:
            raise FormatError("JSON text of too many strings", most=MAX_TRIED)
        if isinstance(each, dict):
            content = bytes_of_map(each)
            if content is not None:
                yield content
            else:
                stack += reversed(list(each.values()))
        elif isinstance(each, list):
            if each[:4] == _RECORD_LIST and all(isinstance(byte, int) and -128 <= byte <= 255 for byte in each):
                yield bytes(byte & 255 for byte in each)
            else:
                stack += reversed(each)
        elif isinstance(each, str) and each.startswith(_RECORD_TEXT):
            yield _of_characters(each)
        elif isinstance(each, str) and each.isascii():
            text = each.encode("ascii")
            if holds_record(text) or (text[:1] in (b"{", b"[") and b"Rk1S" in text):
                yield text


def _of_characters(text: str) -> bytes:
    """The record whose bytes are a string's characters."""
    try:
        content = text.encode("latin-1")
    except UnicodeEncodeError:
        content = b""
    length = length_of(content)
    if not length or content[length:].strip(FILLING):
        raise FormatError("a string of JSON that is a record's bytes is not as long as it says", characters=len(text))
    return content


def decoded_base64(data: bytes) -> bytes | None:
    """What base64 in any of its forms says; None for what is none, or rather hexadecimal digits of a record."""
    text = data.strip(BLANKS).replace(b"\t", b"")
    if text[:4].lower() == b"464d":  # hexadecimal digits are base64, too
        return None
    # A form that was sent without care turns every + into a blank; a blank at a line's end is none of those.
    lines = [line.strip(BLANKS) for line in text.splitlines()]
    joined = b"".join(lines).replace(b" ", b"+").replace(b"-", b"+").replace(b"_", b"/").rstrip(b"=")
    if not _BASE64.fullmatch(joined) or len(joined) % 4 == 1:
        return None
    try:
        return base64.b64decode(joined + b"=" * (-len(joined) % 4), validate=True)
    except binascii.Error:
        return None


def _base64_text(data: bytes) -> Parts | None:
    parts: Parts = []
    for found in _BASE64_TEXTS.finditer(data.strip(BLANKS + b"\x00")):
        content = decoded_base64(found[0].rstrip(b",;"))
        if content is None or not _is_known(content):
            if any(part.data.startswith(RECORD) for part in parts):
                raise FormatError("base64 text of a record and then of none", part=len(parts) + 1)
            return None
        parts.append(Part(_with_all(content)))
        if len(parts) > MAX_RECORDS:
            break
    return parts or None


def _hex_text(data: bytes) -> Parts | None:
    text = re.sub(rb"[\s:,-]|0x|0X|\\x|[xX]'|'\s*\Z", b"", data) if _HEX_START.match(data) else b""
    if not _HEX.fullmatch(text) or len(text) % 2:
        return None
    content = bytes.fromhex(text.decode("ascii"))
    if not content.startswith((RECORD, GZIP)) and _has_a_column(data):
        return None  # digits of a column that counts are no bytes: what stands behind them would be misread
    if not _is_known(content):
        content = turned_words(data)
    return [Part(_with_all(content))] if content else None


def _with_all(content: bytes) -> bytes:
    """`content`; FormatError where it is a record that says to be up to three bytes longer: text lost some characters,
    and of which minutia cannot be told."""
    if content.startswith(RECORD) and not length_of(content):
        for stated in (int.from_bytes(each, "big") for each in (content[8:12], content[8:10], content[10:14])):
            if 0 < stated - len(content) <= _LOST_MOST:
                raise FormatError("text of a record in which characters are missing", stated=stated, bytes=len(content))
    return content


def _dump(data: bytes) -> Parts | None:
    """A dump's bytes, in the order in which they are known as something."""
    return next(([Part(content)] for content in (*dumps(data), listing(data)) if _is_known(content)), None)


def _has_a_column(data: bytes) -> bool:
    """Whether lines of digits begin with a group of another width than those that follow."""
    lines = [line.split() for line in data.strip(BLANKS).splitlines()]
    return any(len(groups) > 1 and len(groups[0]) != len(groups[1]) for groups in lines)


def _percent(data: bytes) -> Parts | None:
    return [Part(unquote_to_bytes(data))] if _PERCENT.fullmatch(data) else None


def _pem(data: bytes) -> Parts | None:
    if not data.lstrip(BLANKS).startswith(b"-----BEGIN "):
        return None
    bodies = data.split(b"-----")[2::4]
    return [Part(body) for body in bodies[: MAX_RECORDS + 1] if holds_record(body)] or None


def text_around(data: bytes) -> Parts | None:
    """Records that stand as base64, hexadecimal digits, numbers or a string with escapes somewhere in text that is none
    of the forms above: a table's cell, a program, a log's line. Each begins as a record does and says how long it is.
    FormatError where one is cut."""
    if surely(data) != "text":
        return None
    found = escaped(data)
    text = data if found else unescaped(data)
    found += arrays(text)
    spans = [(start, end) for start, end, _ in found]
    found += [each for each in numbers(text) if not any(start < each[0] < end for start, end in spans)]
    spans = [(start, end) for start, end, _ in found]
    for run in _RUNS.finditer(text):
        if not any(start < run.start() < end for start, end in spans):
            found.append((run.start(), run.end(), _of_run(run[0])))
        if len(found) > 2 * MAX_RECORDS:
            break
    parts: Parts = []
    for start, _, content in sorted(found):
        length = length_of(content)
        if not length:
            raise FormatError("a record within text is cut", offset=start, record=len(parts) + 1)
        parts.append(Part(content if RECORD_START.search(content, length) else content[:length]))
    return parts or None


def _of_run(run: bytes) -> bytes:
    """The bytes of base64 or digits; none where they are neither."""
    if run.startswith(b"Rk1S"):
        return decoded_base64(_whole(re.sub(rb"\s", b"", run))) or b""
    return _from_digits(run)


def _assigned(data: bytes) -> Parts | None:
    """The values of a form, or of lines that assign, which hold records: `template=Rk1S...%3D&finger=2`,
    `TEMPLATE=data:;base64,Rk1S...`; None where a record stands elsewhere in the text, too."""
    values = [unquote_to_bytes(found[2].rstrip(b",;")) for found in _VALUES.finditer(data)]
    kept = [value for value in values[:MAX_TRIED] if holds_record(value)]
    if not kept or _traces(b"\n".join(kept)) < _traces(unquote_to_bytes(data)):
        return None
    return [Part(value) for value in kept]


def _traces(text: bytes) -> int:
    """How often something begins in a text as a record does in base64 or digits."""
    return text.count(b"Rk1SA") + text.lower().count(b"464d5200")


def _whole(text: bytes) -> bytes:
    """Base64 without what is no whole group at its end."""
    return text[: len(text) // 4 * 4]


def _from_digits(run: bytes) -> bytes:
    return bytes.fromhex(run[: len(run) // 2 * 2].decode("ascii"))


def without_uri(text: bytes) -> bytes:
    """What a data URI holds, as it stands there; any other text as it is."""
    found = _DATA_URI.match(text)
    return text if found is None else text[found.end() :]


def _data_uri(data: bytes) -> Parts | None:
    text = data.strip(BLANKS)
    return [Part(unquote_to_bytes(without_uri(text)))] if _DATA_URI.match(text) else None


def named(content: bytes) -> str | None:
    """What decoded text is that holds no record and never does: an image, a record of another modality; else None."""
    what = signature_of(content) or block_39794(content)
    return what if what and cbeff(content) is None else None


def _is_known(content: bytes) -> bool:
    """Whether decoded text is something that can hold a record, or has a name: text of another kind decodes to
    anything."""
    return (
        content.startswith((RECORD, GZIP, b"\x7f\x60", b"\x7f\x61"))
        or content.lstrip(BLANKS)[:1] == b"<"
        or nist_itl.is_file(content)
        or content[:3] in _CODED
        or inflated(content) is not None
        or cbeff(content) is not None
        or named(content) is not None
    )


def _coded(starts: frozenset[bytes]) -> frozenset[bytes]:
    """How a text begins that is one of `starts` in base64 or hexadecimal digits."""
    return frozenset(
        text[:3]
        for each in starts
        for text in (base64.b64encode(each), each.hex().encode(), each.hex().upper().encode())
    )


def _coded_again(starts: frozenset[bytes], times: int) -> frozenset[bytes]:
    once = _coded(starts)
    return once if times <= 1 else once | _coded_again(once, times - 1)


_CODED = _coded_again(frozenset((RECORD[:3], b"\x1f\x8b\x08")), MAX_LAYERS - 1)
TEXTS: tuple[tuple[str, Callable[[bytes], Parts | None]], ...] = (
    ("data URI", _data_uri),
    ("PEM", _pem),
    ("form or assignment", _assigned),
    ("percent-encoded text", _percent),
    ("hexadecimal dump", _dump),
    ("hexadecimal text", _hex_text),
    ("base64 text", _base64_text),
)
