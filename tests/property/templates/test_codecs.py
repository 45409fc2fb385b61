"""Every parser against made and broken input: what is written reads back; nothing but CccdError comes out."""

from __future__ import annotations

import contextlib
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cccd_core import templates
from cccd_core.errors import CccdError, FormatError
from cccd_core.templates import TemplateRecord
from cccd_core.templates.model import CaptureDetails
from support.finger_templates import HEIGHT_PX, WIDTH_PX, records

NAMES = sorted(templates.FORMATS)
CARDS = ("iso-2005-card", "iso-2005-compact")


def image_of(record: TemplateRecord) -> dict[str, object]:
    if record.format != "xyt":
        return {}
    return {"dpi": record.view.resolution_x_ppcm * 2.54, "height_px": record.view.height_px}


def plain(record: TemplateRecord) -> TemplateRecord:
    """Without the details that a codec adds on reading (the quality block of a view, whether quality was there)."""
    return replace(record, views=tuple(replace(view, details=CaptureDetails()) for view in record.views))


@pytest.mark.parametrize("name", NAMES)
@given(data=st.data())
def test_what_is_written_reads_back(name: str, data: st.DataObject) -> None:
    record = data.draw(records(name))
    written = templates.write(record, name)
    read = templates.read(written, format=name if name in CARDS else None, **image_of(record)) if written else record
    assert plain(read) == record
    assert templates.write(read, name) == written


@pytest.mark.parametrize("name", [*NAMES, None])
@given(data=st.binary(max_size=600))
def test_noise(name: str | None, data: bytes) -> None:
    with contextlib.suppress(CccdError):
        record = templates.read(data, format=name, dpi=500, height_px=HEIGHT_PX)
        assert (
            templates.read(templates.write(record, record.format), format=record.format, dpi=500, height_px=HEIGHT_PX)
            == record
        )


@pytest.mark.parametrize("name", NAMES)
@given(data=st.data())
def test_a_broken_record_is_read_or_refused_with_an_offset(name: str, data: st.DataObject) -> None:
    record = data.draw(records(name))
    broken = bytearray(templates.write(record, name))
    for _ in range(data.draw(st.integers(1, 3))):
        if broken:
            broken[data.draw(st.integers(0, len(broken) - 1))] = data.draw(st.integers(0, 255))
    if data.draw(st.booleans()):
        del broken[data.draw(st.integers(0, len(broken))) :]
    offset = 0
    try:
        templates.read(bytes(broken), format=name, dpi=500, height_px=HEIGHT_PX, width_px=WIDTH_PX)
    except FormatError as error:
        offset = error.facts["offset"]
    assert 0 <= offset <= len(broken)


@given(data=st.data())
def test_a_broken_itl_file_is_read_or_refused(data: st.DataObject) -> None:
    """Minutiae among images and texts, with separators, lengths and tags where none belong: nothing but FormatError,
    whose offset lies in the file, and what is read is written and read alike."""
    record = data.draw(records(data.draw(st.sampled_from(["nist-itl-legacy", "nist-itl-378", "nist-itl-efs"]))))
    written = templates.write(record, record.format)
    start = written.index(b"9.001:")
    image = b"14.001:42\x1d14.002:00\x1d14.006:99\x1d14.007:99\x1d14.999:\x1c\x1c"
    file = bytearray(written[:start] + data.draw(st.sampled_from([b"", image])) + written[start:])
    pieces = [
        b"\x1c",
        b"\x1d",
        b"\x1e",
        b"\x1f",
        b"9.001:",
        b"1.003:",
        b"9",
        b"0",
        b"\xff",
        b"14.999:",
        b"\x1c9.001:9\x1d",
    ]
    for _ in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.integers(0, len(file)))
        file[place : place + data.draw(st.integers(0, 12))] = data.draw(st.sampled_from(pieces))
    offset = 0
    try:
        read = templates.read(bytes(file), format=data.draw(st.sampled_from([record.format, None])))
    except FormatError as error:
        offset = error.facts.get("offset", 0)
    else:
        assert templates.read(templates.write(read, read.format), format=read.format) == read
    assert 0 <= offset <= len(file)


@pytest.mark.parametrize("name", [name for name in NAMES if name not in CARDS])
@given(data=st.data())
def test_detection(name: str, data: st.DataObject) -> None:
    record = data.draw(records(name))
    written = templates.write(record, name)
    if written:
        assert templates.detect(written) == name
