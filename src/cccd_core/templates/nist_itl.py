"""The container of ANSI/NIST-ITL files in the traditional encoding: records, their fields, and what they hold in words.

A file begins with its record of Type 1, whose field 1.003 lists the others. Records of Types 3 to 8 are binary, their
length in the first four bytes; all others are tagged: fields `9.012:...`, each followed by GS, the last by FS, of
subfields parted by RS, of items parted by US; the first field is the record's length in bytes. Image data stand last in
a tagged record, in field 999, and may hold any byte.

ANSI/NIST-ITL 1-2007, 1-2011 and its updates of 2013 and 2015 (NIST SP 500-290), clauses 5, 8.1 and annex B. What is
read of a record that is no Type 9 is the size, resolution, compression and position of an image, and the data of a
print's; nothing of the texts of Types 1 and 2 is kept, since they name people.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from cccd_core.errors import FormatError
from cccd_core.templates.notices import Notice, Remark

FS, GS, RS, US = b"\x1c", b"\x1d", b"\x1e", b"\x1f"
MAX_RECORDS = 1000  # field 1.003 counts in three digits
MAX_FIELDS = 1000  # of one record: field numbers have three digits
MAX_PARTS = 1000  # of a field, and of each part of it
MINUTIAE = 9

_BINARY = range(3, 9)
_TEXT = (1, 9)  # types in which no FS can stand but the last
WITH_IMAGE_FIELDS = (10, 13, 14, 15, 16, 17, 19, 20)
_START = re.compile(rb"0{0,2}1\.0{0,8}1:\d{1,10}\x1d")
_HEAD = re.compile(rb"(\d{1,3})\.0{0,8}1:(\d{1,10})(?=[\x1c\x1d])")
_FIELD = re.compile(rb"(\d{1,3})\.(\d{1,9}):")
_RECORD_END = re.compile(rb"\x1c(?=\d{1,3}\.0{0,8}1:\d|\Z)")
_NUMBER = re.compile(rb" {0,9}(\d{1,10}) {0,9}")
_DECIMAL = re.compile(rb" {0,9}(\d{1,3}(?:\.\d{1,4})?) {0,9}")
_DATA = 999
_BLANKS = b" \t\r\n\x00"

_IMAGES = {
    3: "fingerprint image",
    4: "fingerprint image",
    5: "fingerprint image",
    6: "fingerprint image",
    7: "user-defined image",
    8: "signature",
    10: "photograph",
    13: "latent print image",
    14: "fingerprint image",
    15: "palm print image",
    16: "test image",
    17: "iris image",
    19: "plantar image",
    20: "source image",
    99: "CBEFF record",
}
PRINTS = (3, 4, 5, 6, 13, 14)  # images whose position is a finger's
_COMPRESSIONS = {
    "NONE": "uncompressed",
    "WSQ20": "WSQ",
    "WSQ": "WSQ",
    "JPEGB": "JPEG",
    "JPEGL": "lossless JPEG",
    "JP2": "JPEG 2000",
    "JP2L": "lossless JPEG 2000",
    "PNG": "PNG",
}
_BINARY_COMPRESSIONS = {0: "NONE", 1: "WSQ20", 2: "JPEGB", 3: "JPEGL", 4: "JP2", 5: "JP2L", 6: "PNG"}


@dataclass(frozen=True, slots=True)
class Field:
    """The value of a field, without its tag and separator, and the offset at which it stands."""

    offset: int
    value: bytes = field(repr=False)

    def subfields(self) -> Iterator[Field]:
        """Each subfield, in order."""
        return self._parts(RS)

    def items(self) -> Iterator[Field]:
        """Each item of this subfield, in order."""
        return self._parts(US)

    def first(self) -> Field:
        """The first item of this subfield."""
        return Field(self.offset, self.value.partition(US)[0])

    def _parts(self, separator: bytes) -> Iterator[Field]:
        if self.value.count(separator) > MAX_PARTS:
            raise FormatError("a field of an ANSI/NIST-ITL file has too many parts", offset=self.offset, most=MAX_PARTS)
        offset = self.offset
        for part in self.value.split(separator):
            yield Field(offset, part)
            offset += len(part) + 1

    def number(self, what: str, most: int) -> int:
        """The value as a whole number of 0 to `most`; FormatError, with the offset, where it is none."""
        match = _NUMBER.fullmatch(self.value)
        if match is None:
            raise FormatError(f"the {what} is no whole number", offset=self.offset)
        number = int(match[1])
        if number > most:
            raise FormatError(f"the {what} is out of its range", offset=self.offset, value=number, most=most)
        return number

    def number_or(self, default: int, most: int = 0xFFFF) -> int:
        """The value as a whole number of 0 to `most`, `default` where it is none."""
        match = _NUMBER.fullmatch(self.value)
        return default if match is None or int(match[1]) > most else int(match[1])


@dataclass(frozen=True, slots=True)
class Image:
    """What a record says of its image: size in pixels, rows and columns a millimetre (0: not said), compression in
    words, finger or palm positions, of a print its coded `data`, and its impression type as it is coded there (0: a
    plain live-scan print, or not said; 1: a rolled one)."""

    width_px: int
    height_px: int
    per_mm: tuple[float, float]
    compression: str
    positions: tuple[int, ...]
    data: bytes = field(default=b"", repr=False)
    impression: int = 0


@dataclass(frozen=True, slots=True)
class Record:
    """One record: its type, its information designation character (-1: it says none), where it starts, its fields by
    number (tagged ones; without image data) and what it says of an image."""

    type: int
    idc: int
    offset: int
    fields: Mapping[int, Field] = field(repr=False)
    image: Image | None = None


@dataclass(frozen=True, slots=True)
class File:
    """The records of a file, how many of Type 9 it lists, what is odd about its framing, and whether the offsets within
    its records are those of the file, which they are not in XML."""

    records: tuple[Record, ...]
    listed_minutiae: int
    notices: tuple[Notice, ...]
    has_offsets: bool = True

    def minutiae(self) -> tuple[Record, ...]:
        """The records of Type 9."""
        return tuple(record for record in self.records if record.type == MINUTIAE)

    def image_of(self, record: Record) -> Image | None:
        """The print image with the same information designation character, which the minutiae are of; None where there
        is none, or more than one."""
        found = [
            each.image
            for each in self.records
            if each.image is not None and each.type in PRINTS and each.idc == record.idc >= 0
        ]
        return found[0] if len(found) == 1 else None

    def prints(self) -> tuple[Image, ...]:
        """The images of prints whose data stand in the file, in order."""
        found = (each.image for each in self.records if each.type in PRINTS)
        return tuple(image for image in found if image is not None and image.data)

    def images(self) -> str:
        """The images in words: "2 fingerprint images (type 14, WSQ) of positions 2, 7"; "" where there are none."""
        counts: Counter[tuple[int, str]] = Counter()
        positions: dict[tuple[int, str], list[int]] = {}
        for record in self.records:
            if record.type in _IMAGES:
                form = (record.type, record.image.compression if record.image else "")
                counts[form] += 1
                if record.image is not None and record.type in PRINTS:
                    positions.setdefault(form, []).extend(record.image.positions)
        words = []
        for (number, compression), count in sorted(counts.items()):
            kind = f"type {number}, {compression}" if compression else f"type {number}"
            found = list(dict.fromkeys(positions.get((number, compression), ())))[:20]
            where = f" of position{'s' if len(found) > 1 else ''} {', '.join(map(str, found))}" if any(found) else ""
            words.append(f"{count} {_IMAGES[number]}{'s' if count > 1 else ''} ({kind}){where}")
        return _listed(words)


def _listed(words: Sequence[str]) -> str:
    return " and ".join(part for part in (", ".join(words[:-1]), *words[-1:]) if part)


def is_file(data: bytes) -> bool:
    """Whether `data` begins as such a file does: with the length of its record of Type 1."""
    return data[:1] in (b"1", b"0") and _START.match(data) is not None


def read(data: bytes) -> File:
    """The records of `data`. FormatError, with the offset, where a record is cut or where none can begin. Linear in the
    file's length."""
    data, without = _without_line_ends(data)
    records: list[Record] = []
    notices: list[Notice] = list(without)
    listed: tuple[int, ...] = ()
    offset = 0
    per_mm = 0.0
    while offset < len(data):
        if len(records) >= MAX_RECORDS:
            raise FormatError("an ANSI/NIST-ITL file of too many records", offset=offset, most=MAX_RECORDS)
        head = _HEAD.match(data, offset)
        expected = listed[len(records) - 1] if 0 < len(records) <= len(listed) else 0
        if head is not None:
            record, offset, odd = _tagged(data, head)
            notices += odd
        elif expected in _BINARY:
            record, offset = _binary(data, offset, expected, per_mm)
        elif len(records) > len(listed) or not data[offset:].strip(_BLANKS):
            notices.append(Notice(Remark.PADDED, {"bytes": len(data) - offset, "offset": offset}))
            break
        else:
            raise FormatError(
                "an ANSI/NIST-ITL file in which a record does not begin as one", offset=offset, record=len(records) + 1
            )
        if not records:
            listed = _contents(record)
            native = record.fields.get(11)
            match = _DECIMAL.fullmatch(native.value) if native else None
            per_mm = float(match[1]) if match else 0.0
        records.append(record)
    if not records or records[0].type != 1:
        raise FormatError("the file does not begin with its record of Type 1", offset=0)
    if listed != tuple(record.type for record in records[1:]):
        notices.append(Notice(Remark.CONTENTS_OFF, {"listed": len(listed), "found": len(records) - 1}))
    return File(tuple(records), listed.count(MINUTIAE), tuple(notices), has_offsets=not without)


def _without_line_ends(data: bytes) -> tuple[bytes, tuple[Notice, ...]]:
    """A file without the line ends that an editor or a transfer put behind its separators; as it is where they do not
    stand behind every one of a kind, as in an image's data they would not."""
    removed = 0
    for separator in (FS, GS, RS, US):
        found = data.count(separator + b"\r\n") + data.count(separator + b"\n")
        last = data.endswith(separator)  # nothing need follow the last one
        if found and found + last == data.count(separator):
            before = len(data)
            data = data.replace(separator + b"\r\n", separator).replace(separator + b"\n", separator)
            removed += before - len(data)
    return data, (Notice(Remark.LINE_ENDS, {"bytes": removed}),) if removed else ()


def _contents(first: Record) -> tuple[int, ...]:
    """The types that field 1.003 lists, in order; none where it is no such list."""
    contents = first.fields.get(3)
    if contents is None or contents.value.count(RS) > MAX_PARTS:
        return ()
    return tuple(subfield.first().number_or(0, 99) for subfield in list(contents.subfields())[1:])


def _tagged(data: bytes, head: re.Match[bytes]) -> tuple[Record, int, tuple[Notice, ...]]:
    """The tagged record at `head`, the offset after it, and what is odd about its length."""
    start, kind, length = head.start(), int(head[1]), int(head[2])
    end = start + length
    stated_right = start < end <= len(data) and data[end - 1 : end] == FS
    if kind in _TEXT or not stated_right:
        found = data.find(FS, start) if kind in _TEXT else _separator(data, start)
        if found < 0:
            raise FormatError(
                "an ANSI/NIST-ITL file in which a record is cut", offset=start, type=kind, left=len(data) - start
            )
        actual = found + 1
    else:
        actual = end
    odd: tuple[Notice, ...] = ()
    if actual != end:
        odd = (Notice(Remark.LENGTH_OFF, {"type": kind, "stated": length, "actual": actual - start}),)
    wanted = kind in _TEXT or kind in WITH_IMAGE_FIELDS
    fields = _fields(data, start, actual - 1, kind) if wanted else {}
    picture = fields.pop(_DATA, None)
    idc = fields[2].number_or(-1, 99) if 2 in fields else -1
    image = tagged_image(fields) if kind in WITH_IMAGE_FIELDS else None
    if image is not None and picture is not None:
        image = replace(image, data=picture.value)
    return Record(kind, idc, start, fields, image), actual, odd


def _separator(data: bytes, start: int) -> int:
    """Where a record whose length is wrong ends: at the first FS after which a record begins, or the file ends."""
    found = _RECORD_END.search(data, start)
    return -1 if found is None else found.start()


def _fields(data: bytes, start: int, end: int, kind: int) -> dict[int, Field]:
    """The fields between `start` and the last separator; image data, which are the last one, of prints alone. Where a
    record of minutiae has a field that begins as none of it does, or one twice, FormatError; what other records say
    before such a field is enough."""
    fields: dict[int, Field] = {}
    offset = start
    while offset < end:
        tag = _FIELD.match(data, offset, end)
        number = int(tag[2]) if tag is not None and int(tag[1]) == kind else -1
        if tag is None or number < 0 or number in fields or len(fields) >= MAX_FIELDS:
            if kind == MINUTIAE:
                raise FormatError(
                    "a field of a record of minutiae does not begin as one, or is there twice", offset=offset
                )
            break
        if number == _DATA:
            if kind in PRINTS:
                fields[_DATA] = Field(tag.end(), data[tag.end() : end])
            break
        stop = data.find(GS, offset, end)
        stop = end if stop < 0 else stop
        fields[number] = Field(tag.end(), data[tag.end() : stop])
        offset = stop + 1
    return fields


def tagged_image(fields: Mapping[int, Field]) -> Image:
    """What the fields 3 and 6 to 13 of an image record say."""
    numbers = {number: fields[number].number_or(0, 99_999) for number in (6, 7, 8, 9, 10) if number in fields}
    compression = ""
    if 11 in fields:
        compression = _COMPRESSIONS.get(fields[11].value.strip().decode("latin-1").upper(), "other compression")
    positions: tuple[int, ...] = ()
    if 13 in fields and fields[13].value.count(RS) < 20:
        positions = tuple(each.first().number_or(0, 99) for each in fields[13].subfields())
    scale = {1: 25.4, 2: 10.0}.get(numbers.get(8, 0))
    per_mm = (numbers.get(9, 0) / scale, numbers.get(10, 0) / scale) if scale else (0.0, 0.0)
    return Image(
        numbers.get(6, 0), numbers.get(7, 0), per_mm, compression, positions, impression=_impression(fields)
    )  # fmt: skip


def grayscale_image(fields: Mapping[int, Field], native_per_mm: float) -> Image:
    """What the fields of a record of Types 3 to 6 say in XML: 5 the resolution's flag, others as in a tagged one."""
    numbers = {number: fields[number].number_or(0, 99_999) for number in (5, 6, 7, 11) if number in fields}
    per_mm = native_per_mm if numbers.get(5) else 500 / 25.4
    compression = _COMPRESSIONS.get(_BINARY_COMPRESSIONS.get(numbers.get(11, -1), ""), "other compression")
    positions = tuple(each.first().number_or(0, 99) for each in fields[13].subfields()) if 13 in fields else ()
    return Image(
        numbers.get(6, 0), numbers.get(7, 0), (per_mm, per_mm), compression, positions[:20],
        impression=_impression(fields),
    )  # fmt: skip


def _impression(fields: Mapping[int, Field]) -> int:
    return fields[3].number_or(0, 99) if 3 in fields else 0


def _binary(data: bytes, offset: int, kind: int, native_per_mm: float) -> tuple[Record, int]:
    """The binary record of type `kind` at `offset` and the offset after it. Its head: length (4), IDC, impression type,
    six positions, scanning resolution flag, width and height (2 each), compression; a signature's is another."""
    length = int.from_bytes(data[offset : offset + 4], "big")
    if length < 5 or offset + length > len(data):
        raise FormatError(
            "an ANSI/NIST-ITL file in which the length of a record is out of its range",
            offset=offset,
            type=kind,
            stated=length,
        )
    image = None
    if kind not in (7, 8) and length >= 18:
        head = data[offset : offset + 18]
        per_mm = native_per_mm if head[12] else 500 / 25.4
        image = Image(
            int.from_bytes(head[13:15], "big"),
            int.from_bytes(head[15:17], "big"),
            (per_mm, per_mm),
            _COMPRESSIONS.get(_BINARY_COMPRESSIONS.get(head[17], ""), "other compression"),
            tuple(position for position in head[6:12] if position != 255),
            data[offset + 18 : offset + length] if kind in PRINTS else b"",
            head[5],
        )
    return Record(kind, data[offset + 4], offset, {}, image), offset + length
