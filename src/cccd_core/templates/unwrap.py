"""The records inside what people hand over: base64 and hexadecimal text, JSON, XML, gzip, CBEFF, vendors' headers.

Layers are opened from outside in until a record is bare; each is named. What is opened is bounded: so many layers, so
many records, so many strings looked at, and few bytes. Nothing is guessed: a wrapper is opened where what
is inside says itself that it is a record.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from cccd_core.errors import FormatError
from cccd_core.templates import nist_file
from cccd_core.templates.identify import identify
from cccd_core.templates.notices import Notice
from cccd_core.templates.unwrap_binary import (
    BLANKS,
    FILLING,
    GZIP,
    MARK,
    MAX_BYTES,
    MAX_RECORDS,
    RECORD,
    RECORD_START,
    UTF16_MARKS,
    Part,
    Parts,
    cbeff,
    gzip,
    length_of,
    marked,
    utf16,
    utf32,
    zlib_stream,
)
from cccd_core.templates.unwrap_coded import CODED
from cccd_core.templates.unwrap_text import MAX_LAYERS, TEXTS, json_text, text_around
from cccd_core.templates.unwrap_xml import xml
from cccd_core.templates.xml_text import is_xml


@dataclass(frozen=True, slots=True)
class Inside:
    """A bare record, the names of the wrappers that it came out of, outermost first, the finger that a wrapper says
    it is of (0: it says none), what is odd about the wrappers; or what else stood there, by its bytes or in words."""

    data: bytes = field(repr=False)
    wrappers: tuple[str, ...] = ()
    position: int = 0
    passed_over: str = ""
    notices: tuple[Notice, ...] = ()

    @property
    def is_record(self) -> bool:
        """Whether it begins as a record does."""
        return self.data.startswith(RECORD) or nist_file.is_file(self.data)

    @property
    def what(self) -> str:
        """What it is where it is no record."""
        return self.passed_over or identify(self.data)


def unwrap(data: bytes, *, most_bytes: int = MAX_BYTES) -> tuple[Inside, ...]:
    """What is inside `data`, in order, records and what stands beside them; `data` itself where it is no wrapper that
    is known here. No more than `most_bytes` come out of the wrappers, what is passed over left out. FormatError for a
    wrapper that is broken, too deep or too large. Linear in the bytes opened."""
    if data.startswith(RECORD) and RECORD_START.search(data, len(RECORD)) is None:
        return (Inside(data),)  # one bare record, as nearly always
    return tuple(_open(Part(data), (), [min(most_bytes, MAX_BYTES), MAX_RECORDS])) or (Inside(data),)


def _open(part: Part, wrappers: tuple[str, ...], budget: list[int]) -> Iterator[Inside]:
    data, position, _, notices = part
    if data.startswith(RECORD):
        for record in _one_after_another(data):
            budget[1] -= 1
            if budget[1] < 0:
                raise _too_much(budget)
            yield Inside(record, wrappers, position, notices=notices)
        return
    if nist_file.is_file(data):
        yield Inside(data, wrappers, position, notices=notices)
        return
    for name, opener in _OPENERS if len(data) <= MAX_BYTES else _openers_of_large(data):
        inside = opener(data)
        if inside is None:
            continue
        if len(wrappers) >= MAX_LAYERS:
            raise FormatError("a template in too many wrappers", layers=len(wrappers) + 1, most=MAX_LAYERS)
        yield from _opened(inside, (*wrappers, name), part, budget)
        return
    if wrappers:  # what was opened and is no record: its reader says what it is
        yield Inside(data, wrappers, position)


def _opened(inside: Parts, wrappers: tuple[str, ...], outer: Part, budget: list[int]) -> Iterator[Inside]:
    records = 0
    for part in inside:
        if part.passed_over:
            yield Inside(b"", (*wrappers, "base64 text"), part.position or outer.position, part.passed_over)
            continue
        records += 1
        budget[0] -= len(part.data)
        if budget[0] < 0 or records > MAX_RECORDS:
            raise _too_much(budget)
        position, notices = part.position or outer.position, (*outer.notices, *part.notices)
        yield from _open(part._replace(position=position, notices=notices), wrappers, budget)


def _openers_of_large(data: bytes) -> tuple[tuple[str, Callable[[bytes], Parts | None]], ...]:
    """The wrappers that pass by what they need not keep; FormatError for other text that may hold a record."""
    if data.removeprefix(MARK).lstrip(BLANKS)[:1] in (b"{", b"["):
        raise FormatError("the text is too long for one that holds records", bytes=len(data), most_bytes=MAX_BYTES)
    if data.startswith((GZIP, *UTF16_MARKS)) or is_xml(data):
        return _OF_LARGE
    return ()


def _too_much(budget: list[int]) -> FormatError:
    what = "bytes" if budget[0] < 0 else "records"
    return FormatError("a wrapper holds too much", of=what, most_records=MAX_RECORDS)


def _one_after_another(data: bytes) -> Iterator[bytes]:
    """The records that `data` is a row of, with nothing but filling between. FormatError where a second one begins, but
    not where the one before it ends."""
    start = 0
    while True:
        following = RECORD_START.search(data, start + len(RECORD))
        if following is None:
            yield data[start:]
            return
        length = length_of(data[start : following.start()])
        if not length or data[start + length : following.start()].strip(FILLING):
            raise FormatError("a second record begins within the one before it", offset=following.start())
        yield data[start : following.start()]
        start = following.start()


_OF_LARGE: tuple[tuple[str, Callable[[bytes], Parts | None]], ...] = (
    ("gzip", gzip),
    ("UTF-32 text", utf32),
    ("UTF-16 text", utf16),
    ("XML", xml),
)
_OPENERS: tuple[tuple[str, Callable[[bytes], Parts | None]], ...] = (
    *_OF_LARGE[:3],
    ("zlib", zlib_stream),
    ("leading blanks or a mark", marked),
    *_OF_LARGE[3:],
    ("JSON", json_text),
    *CODED,
    *TEXTS,
    ("text around it", text_around),
    ("CBEFF or another header", cbeff),
)
