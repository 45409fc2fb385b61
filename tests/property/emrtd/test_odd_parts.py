"""Whatever stands in one field, the others are read as they are; what is built of anything has no odd part."""

from __future__ import annotations

import datetime as dt
from dataclasses import fields, replace

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from cccd_core.emrtd import ElementaryFile, cbeff, com, details, dg1, dg2, dg3, dg13, mrz, tlv
from cccd_core.emrtd.odd import OddPart
from cccd_core.errors import FormatError
from cccd_core.inspection.fields import decode
from cccd_core.signing import ChipKeys
from support import emrtd_samples

KEYS = ChipKeys.generate()
PERSON = details.PersonalDetails(
    "NGUYỄN<<AN", ("A<<B", "C"), "1", dt.date(1980, 1, 2), "Huế", "x", "0", "y", "z", "s", b"\0\1", "d", "c"
)
DOCUMENT = details.DocumentDetails(
    "Bộ Công an", dt.date(2020, 1, 2), ("B",), "e", "t", b"f", b"r", dt.datetime(2020, 1, 2, 3, 4, 5), "7"
)
CITIZEN = dg13.of_content(emrtd_samples.content())
GROUPS = emrtd_samples.data_groups(KEYS, additional={11: details.build_dg11(PERSON), 12: details.build_dg12(DOCUMENT)})

values = st.binary(max_size=30)


def inside(data: bytes, *tags: int) -> list[tlv.Tlv]:
    """The data objects in the last of `tags`, each in the one before it."""
    holder = tlv.read_one(data)
    for tag in tags:
        holder = next(part for part in holder.reader() if part.tag == tag)
    return list(holder.reader())


def test_what_is_built_has_no_odd_part() -> None:
    for found in (
        dg1.parse(GROUPS[1]), dg2.parse(GROUPS[2]), dg3.parse(GROUPS[3]), details.parse_dg11(GROUPS[11]),
        details.parse_dg12(GROUPS[12]), dg13.parse(GROUPS[13]), com.parse(com.build(GROUPS)),
    ):  # fmt: skip
        assert found.odd == ()  # type: ignore[attr-defined]
    files = {ElementaryFile.for_data_group(number): data for number, data in GROUPS.items()}
    assert decode(files | {ElementaryFile.EF_COM: com.build(GROUPS)}).errors == {}


@given(st.data(), values)
@settings(max_examples=150)
def test_one_row_of_dg13_costs_no_other(data: st.DataObject, value: bytes) -> None:
    rows = inside(GROUPS[13], tlv.SEQUENCE, tlv.SET)
    place = data.draw(st.integers(0, len(rows) - 1))
    number = tlv.to_integer(rows[place].reader().next())
    coded = [tlv.encode(row.tag, row.value) for row in rows]
    coded[place] = data.draw(
        st.sampled_from(
            (
                tlv.encode(0x30, value),
                tlv.sequence(tlv.integer(number), value),
                tlv.sequence(tlv.integer(number), tlv.encode(0x0C, value)),
                tlv.encode(0x04, value),
            )
        )
    )
    content = tlv.integer(1) + tlv.oid(dg13.UTF8_CHARACTER_SET) + tlv.encode(tlv.SET, b"".join(coded))
    found = dg13.parse(tlv.encode(0x6D, tlv.encode(tlv.SEQUENCE, content)))
    differing = {f.name for f in fields(found) if getattr(found, f.name) != getattr(CITIZEN, f.name)} - {"odd"}
    its_own = {
        4: {"sex"}, 12: {"expiry_date", "permanent"}, 13: {"father", "mother"}
    }.get(number, {dg13.NAMES[number]})  # fmt: skip
    assert differing <= its_own | {"others"}  # a row may come to be another, unknown one


@given(st.data(), values)
@settings(max_examples=150)
def test_one_part_of_dg11_and_dg12_costs_no_other(data: st.DataObject, value: bytes) -> None:
    for group, parse, good in ((11, details.parse_dg11, PERSON), (12, details.parse_dg12, DOCUMENT)):
        parts = inside(GROUPS[group])
        place = data.draw(st.integers(0, len(parts) - 1))
        coded = [tlv.encode(part.tag, part.value) for part in parts]
        coded[place] = tlv.encode(parts[place].tag, value)
        found = parse(tlv.encode(0x6B if group == 11 else 0x6C, b"".join(coded)))
        differing = [f.name for f in fields(found) if getattr(found, f.name) != getattr(good, f.name)]  # type: ignore[arg-type]
        assert len([name for name in differing if name != "odd"]) <= 1
        if parts[place].tag == 0x5C:
            assert set(differing) <= {"odd"}


@given(st.data(), values)
@settings(max_examples=120)
def test_one_template_costs_no_other(data: st.DataObject, value: bytes) -> None:
    templates = inside(GROUPS[3], cbeff.GROUP_TAG)
    place = data.draw(st.integers(1, 2))
    coded = [tlv.encode(part.tag, part.value) for part in templates]
    coded[place] = tlv.encode(data.draw(st.sampled_from((0x7F60, 0x53, 0x7F61))), value)
    found = dg3.parse(tlv.encode(0x63, tlv.encode(cbeff.GROUP_TAG, b"".join(coded))))
    kept = {1: 7, 2: 2}[place]
    assert dg3.minutiae(found)[kept] == emrtd_samples.content().fingers[kept]
    assert found.odd


@given(st.data())
@settings(max_examples=150)
def test_any_header_of_a_face_costs_no_image(data: st.DataObject) -> None:
    changed = bytearray(GROUPS[2])
    start = changed.index(b"FAC\0")
    for _ in range(data.draw(st.integers(1, 6))):
        changed[start + data.draw(st.integers(0, 45))] = data.draw(st.integers(0, 255))
    found = dg2.parse(bytes(changed))
    assert any(face.image == emrtd_samples.portrait() for face in found)


LINES = mrz.for_card(emrtd_samples.content()).lines
COVERED = {  # by the field's own check digit, or by nothing but the composite one
    "document_code": (0, 2), "issuing_state": (2, 5), "birth_date": (30, 37), "sex": (37, 38), "expiry_date": (38, 45),
    "nationality": (45, 48), "optional_data_2": (48, 59), "name": (60, 90),
}  # fmt: skip


@given(st.sampled_from(sorted(COVERED)), st.text("AZ09<x '", min_size=30, max_size=30))
@settings(max_examples=150)
def test_one_field_of_a_zone_costs_no_other(name: str, text: str) -> None:
    flat = "".join(LINES)
    start, end = COVERED[name]
    changed = flat[:start] + text[: end - start] + flat[end:]
    assume(changed[0] != "V")
    found, good = mrz.parse(changed), mrz.parse(flat)
    lost = {"name": {"primary_identifier", "secondary_identifier"}}.get(name, {name})
    assert replace(found, **{f: getattr(good, f) for f in lost}, odd=()) == good  # type: ignore[arg-type]
    assert {part.name for part in found.odd} <= {name, "composite"}


@given(st.text("AZ09<vx '\n«", max_size=130) | st.text(max_size=100))
@settings(max_examples=200)
def test_any_text_is_a_zone_or_none(text: str) -> None:
    for parse in (mrz.parse, mrz.parse_typed):
        try:
            found = parse(text)
        except FormatError:
            continue
        assert all(isinstance(part, OddPart) for part in found.odd)
