"""One odd part costs that part: what is beside it is read, and it is kept byte for byte and named."""

from __future__ import annotations

import dataclasses
import datetime as dt
import hashlib

import pytest

from cccd_core.emrtd import com, dates, details, dg1, dg13, dg16, displayed, mrz, tlv
from cccd_core.emrtd.dates import PartialDate
from cccd_core.emrtd.odd import MAX_OBJECTS, OddPart, OddParts
from cccd_core.errors import FormatError, ParameterError
from support import emrtd_samples

FIELDS = dg13.of_content(emrtd_samples.content(spouse="Lê Văn Cường"))
ROWS = {
    tlv.to_integer(row.reader().next()): tlv.encode(row.tag, row.value)
    for row in [
        each
        for part in tlv.read_one(tlv.read_one(dg13.build(FIELDS)).value).reader()
        if part.tag == tlv.SET
        for each in part.reader()
    ]
}


def citizen(rows: dict[int, bytes], head: bytes | None = None) -> bytes:
    head = tlv.integer(1) + tlv.oid(dg13.UTF8_CHARACTER_SET) if head is None else head
    return tlv.encode(0x6D, tlv.sequence(head, tlv.encode(tlv.SET, b"".join(rows.values()))))


def same_but(found: dg13.CitizenFields, *changed: str) -> bool:
    """Whether all fields but these are as they were."""
    names = set(dg13.CitizenFields.__dataclass_fields__) - {"odd", *changed}
    return all(getattr(found, name) == getattr(FIELDS, name) for name in names)


# ---- an odd part itself


def test_an_odd_part_shows_its_bytes_to_nobody() -> None:
    part = OddPart("sex", "NỮ".encode(), FormatError("neither Nam nor Nữ", field=4))
    assert "NỮ" not in repr(part)
    assert repr("NỮ".encode())[2:-1] not in repr(part)
    assert part.as_dict() == {
        "name": "sex",
        "error": {"kind": "format", "message": "neither Nam nor Nữ", "facts": {"field": 4}},
        "length": 4,
        "sha256": hashlib.sha256("NỮ".encode()).hexdigest(),
    }
    assert part.text == "NỮ"
    assert OddPart("x", b"\xff", part.error).text is None
    assert OddPart("x", b"a\x00", part.error).text is None


def test_odd_parts_are_told_up_to_a_limit() -> None:
    odd = OddParts()
    for number in range(10_000):
        odd.add(f"part {number}", b"", "odd")
    assert len(odd.all()) == MAX_OBJECTS + 1
    assert odd.all()[-1].name == "more"


# ---- DG13


@pytest.mark.parametrize(
    ("number", "row", "name", "text"),
    [
        (4, "30090201040C044EE1BBAE", "sex", "NỮ"),
        (4, "30080201040C036E616D", "sex", "nam"),
        (4, "300A0201040C054B68C3A163", "sex", "Khác"),
        (3, "30090201030C0431393630", "birth_date", "1960"),
        (11, "300502010B0C00", "issue_date", ""),
        (12, "301802010C0C134B48C3944E47205448E1BB9C492048E1BAA04E", "expiry_date", "KHÔNG THỜI HẠN"),
        (12, None, "expiry_date", ""),
    ],
)
def test_dg13_with_one_unusual_row(number: int, row: str | None, name: str, text: str) -> None:
    rows = {**ROWS, number: bytes.fromhex(row)} if row else {n: r for n, r in ROWS.items() if n != number}
    found = dg13.parse(citizen(rows))
    assert [(part.name, part.text) for part in found.odd] == [(name, text)]
    assert found.odd[0].error.facts["field"] == number
    assert getattr(found, name) is None
    assert same_but(found, name)
    assert not found.permanent
    with pytest.raises(ParameterError, match="odd parts are not written"):
        dg13.build(found)


@pytest.mark.parametrize(
    ("number", "value", "name"),
    [
        (1, tlv.utf8_string(""), "personal_number"),
        (2, tlv.encode(tlv.UTF8_STRING, b"\xff\xfe"), "full_name"),
        (2, tlv.octet_string("Nguyễn".encode()), "full_name"),
        (2, tlv.utf8_string("x" * 5000), "full_name"),
        (3, tlv.utf8_string("31/02/1999"), "birth_date"),
        (3, tlv.utf8_string("1999-02-01"), "birth_date"),
        (3, tlv.utf8_string("00/00/1999"), "birth_date"),
        (6, tlv.sequence(tlv.utf8_string("Kinh")), "ethnicity"),
        (12, tlv.utf8_string("không thời hạn"), "expiry_date"),
        (15, tlv.NULL_VALUE, "old_number"),
    ],
)
def test_dg13_with_one_value_of_another_form(number: int, value: bytes, name: str) -> None:
    found = dg13.parse(citizen({**ROWS, number: tlv.sequence(tlv.integer(number), value)}))
    assert [part.name for part in found.odd] == [name]
    assert found.odd[0].raw == tlv.read_one(value).value
    assert getattr(found, name) is None
    assert same_but(found, name)


@pytest.mark.parametrize("tag", [0x0C, 0x13, 0x16, 0x1A])
def test_dg13_takes_any_string(tag: int) -> None:
    found = dg13.parse(citizen({**ROWS, 5: tlv.sequence(tlv.integer(5), tlv.encode(tag, b"Viet Nam"))}))
    assert (found.nationality_name, found.odd) == ("Viet Nam", ())


def test_dg13_takes_wide_strings() -> None:
    nfd = tlv.sequence(tlv.integer(4), tlv.utf8_string("Nu\u031b\u0303"))
    assert dg13.parse(citizen({**ROWS, 4: nfd})).sex == "F"
    nfd = tlv.sequence(tlv.integer(4), tlv.utf8_string("NU\u031b\u0303"))
    assert [part.raw for part in dg13.parse(citizen({**ROWS, 4: nfd})).odd] == ["NU\u031b\u0303".encode()]
    for tag, encoding in ((0x1E, "utf-16-be"), (0x1C, "utf-32-be"), (0x14, "latin-1")):
        text = "Vi\u00eat" if tag == 0x14 else "Việt Nam"
        found = dg13.parse(citizen({**ROWS, 5: tlv.sequence(tlv.integer(5), tlv.encode(tag, text.encode(encoding)))}))
        assert (found.nationality_name, found.odd) == (text, ())
    found = dg13.parse(citizen({**ROWS, 5: tlv.sequence(tlv.integer(5), tlv.encode(0x1E, b"\x00V\x01"))}))
    assert [part.name for part in found.odd] == ["nationality_name"]


def test_dg13_rows_that_are_odd_in_themselves() -> None:
    row = ROWS[2]
    cases = {
        "twice": ({**ROWS, 99: row}, ["full_name"]),
        "another version": (ROWS, ["version"]),
        "number not in its shortest form": (
            {**ROWS, 2: tlv.sequence(bytes.fromhex("02020002"), tlv.utf8_string(FIELDS.full_name or ""))},
            ["full_name"],
        ),
        "number 0": ({**ROWS, 99: tlv.sequence(tlv.integer(0), tlv.utf8_string("x"))}, [f"row {len(ROWS) + 1}"]),
        "number as text": (
            {**ROWS, 99: tlv.sequence(tlv.utf8_string("2"), tlv.utf8_string("x"))},
            [f"row {len(ROWS) + 1}"],
        ),
        "a SET for a row": ({**ROWS, 99: tlv.set_of([tlv.integer(17)])}, [f"row {len(ROWS) + 1}"]),
        "two values": (
            {**ROWS, 2: tlv.sequence(tlv.integer(2), tlv.utf8_string(FIELDS.full_name or ""), tlv.NULL_VALUE)},
            ["full_name"],
        ),
        "bytes behind": ({**ROWS, 99: b"\x30\x05\x02"}, ["rest of fields of DG13"]),
    }
    for what, (rows, names) in cases.items():
        head = tlv.integer(2) + tlv.oid(dg13.UTF8_CHARACTER_SET) if what == "another version" else None
        found = dg13.parse(citizen(rows, head))
        assert [part.name for part in found.odd] == names, what
        assert same_but(found), what


def test_dg13_without_a_value_or_with_unknown_rows() -> None:
    found = dg13.parse(citizen({**ROWS, 6: tlv.sequence(tlv.integer(6))}))
    assert [part.name for part in found.odd] == ["ethnicity"]
    assert same_but(found, "ethnicity")
    unknown = {n: tlv.sequence(tlv.integer(n), tlv.integer(n)) for n in (16, 17, 200)}
    found = dg13.parse(citizen({**unknown, **ROWS}))
    assert found.odd == ()
    assert found.others == {n: tlv.integer(n) for n in (16, 17, 200)}
    assert same_but(found, "others")


def test_dg13_parents_of_other_forms() -> None:
    for value, father, mother in (
        (tlv.utf8_string("A"), "A", None),
        (tlv.sequence(tlv.utf8_string("A"), tlv.octet_string(b"B")), "A", None),
        (tlv.sequence(*[tlv.utf8_string(t) for t in "ABCDE"]), "A", "B"),
    ):
        found = dg13.parse(citizen({**ROWS, 13: tlv.sequence(tlv.integer(13), value)}))
        assert (found.father, found.mother) == (father, mother)
        assert len(found.odd) == 1
        assert same_but(found, "father", "mother")


def test_dg13_bytes_behind_its_fields_cost_nothing() -> None:
    content = tlv.read_one(citizen(ROWS)).value
    for data in (
        tlv.encode(0x6D, content + tlv.NULL_VALUE),
        tlv.encode(0x6D, tlv.sequence(tlv.read_one(content).value, tlv.NULL_VALUE)),
    ):
        found = dg13.parse(data)
        assert [(part.name, part.raw) for part in found.odd] == [("rest of DG13", tlv.NULL_VALUE)]
        assert same_but(found)
    for data in (b"", citizen(ROWS)[:-1], citizen(ROWS) + b"\0", tlv.encode(0x6D, b""), bytes(20_000)):
        with pytest.raises(FormatError):
            dg13.parse(data)


def test_dg13_is_written_whole_or_not_at_all() -> None:
    for changes in (
        {"full_name": None},
        {"sex": "Nữ"},
        {"expiry_date": None},
        {"permanent": True},
        {"birth_date": None},
    ):
        with pytest.raises(ParameterError):
            dg13.build(dataclasses.replace(FIELDS, **changes))  # type: ignore[arg-type]


# ---- EF.COM


def test_ef_com_with_tags_that_are_none() -> None:
    for data, name in (
        ("60155F0104303130375F36063034303030305C03617577", "tag 77"),
        ("60155F0104303130375F36063034303030305C03617511", "tag 11"),
    ):
        found = com.parse(bytes.fromhex(data))
        assert (found.lds_version, found.unicode_version, found.data_groups) == ("0107", "040000", (1, 2))
        assert [(part.name, part.raw) for part in found.odd] == [(name, bytes.fromhex(data)[-1:])]


@pytest.mark.parametrize(
    ("parts", "lds", "groups", "names"),
    [
        ("5F360630343030303 0 5C026175", None, (1, 2), ["lds_version"]),
        ("5C026175 5F01043031303 7 5F3606303430303030", "0107", (1, 2), []),
        ("5F010430313039 5F3606303430303030 5C026175", "0109", (1, 2), []),
        ("5F010431 2E3720 5F3606303430303030 5C026175", None, (1, 2), ["lds_version"]),
        ("5F010430313037 5F3606303430303030", "0107", (), ["list of tags"]),
        ("5F010430313037 5F3606303430303030 5C0161 5C0175", "0107", (1,), ["list of tags"]),
        ("5F010430313037 5F3606303430303030 5C0161 5F5501FF", "0107", (1,), ["tag 5F55"]),
        ("5F010430313037 5F3606303430303030 5C03616175", "0107", (1, 2), ["tag 61"]),
        ("5F010430313037 5F3606303430303030 5C0161 5F55", "0107", (1,), ["rest of EF.COM"]),
    ],
)
def test_ef_com_of_other_forms(parts: str, lds: str | None, groups: tuple[int, ...], names: list[str]) -> None:
    found = com.parse(tlv.encode(0x60, bytes.fromhex(parts.replace(" ", ""))))
    assert (found.lds_version, found.data_groups) == (lds, groups)
    assert [part.name for part in found.odd] == names


# ---- DG11 and DG12


def test_dg11_lists_the_object_of_names_itself() -> None:
    found = details.parse_dg11(bytes.fromhex("6B125C035F0EA05F0E0141A0070201015F0F0142"))
    assert (found.full_name, found.other_names, found.odd) == ("A", ("B",), ())
    both = tlv.encode(0x5C, bytes.fromhex("5F0E5F0FA0")) + bytes.fromhex("5F0E0141A0070201015F0F0142")
    assert details.parse_dg11(tlv.encode(0x6B, both)) == found


@pytest.mark.parametrize(
    ("data", "birth", "name", "odd"),
    [
        ("6B0B5C025F2B5F2B0419600000", PartialDate(1960), None, []),
        (
            "6B1D5C045F0E5F2B5F0E094E475559454E3C3C415F2B083139363030303030",
            PartialDate(1960),
            "NGUYEN<<A",
            [],
        ),
        ("6B155C045F0E5F2B5F0E094E475559454E3C3C415F2B00", None, "NGUYEN<<A", ["birth_date"]),
    ],
)
def test_dg11_with_a_birth_date_that_is_not_known(
    data: str, birth: PartialDate | None, name: str | None, odd: list[str]
) -> None:
    found = details.parse_dg11(bytes.fromhex(data))
    assert (found.birth_date, found.full_name, [part.name for part in found.odd]) == (birth, name, odd)


@pytest.mark.parametrize(
    ("value", "date"),
    [
        (b"19600517", dt.date(1960, 5, 17)),
        (bytes.fromhex("19600517"), dt.date(1960, 5, 17)),
        (b"19600500", PartialDate(1960, 5)),
        (bytes.fromhex("19600500"), PartialDate(1960, 5)),
        (bytes.fromhex("1960FFFF"), PartialDate(1960)),
        (b"1960<<<<", PartialDate(1960)),
        (b"1960XXXX", PartialDate(1960)),
        (b"1960    ", PartialDate(1960)),
        (b"1960", PartialDate(1960)),
        (b"196005", PartialDate(1960, 5)),
        (b"19601000", PartialDate(1960, 10)),
        (b"00000000", None),
        (b"19600017", None),
        (b"19601300", None),
        (b"19600230", None),
        (b"19601 17", None),
        (b"1960-117", None),
        (b"<<<<<<<<", None),
        (b"17.05.1960", None),
        (b"1960-05-17", None),
        (b"\xff\xfe", None),
        ("١٩٦٠".encode(), None),
        (b"", None),
    ],
)
def test_dates_that_are_known_in_part(value: bytes, date: dt.date | PartialDate | None) -> None:
    if date is None:
        with pytest.raises(FormatError):
            dates.parse(value)
    else:
        assert dates.parse(value) == date
        assert date.isoformat().startswith("1960")


@pytest.mark.parametrize(
    ("value", "time"),
    [
        (b"20260102030405", dt.datetime(2026, 1, 2, 3, 4, 5)),
        (bytes.fromhex("20260102030405"), dt.datetime(2026, 1, 2, 3, 4, 5)),
        (b"20260102030460", None),
        (b"20260002030405", None),
        (b"20260102", None),
        (b"2026010203040\xe9", None),
        (b"", None),
    ],
)
def test_dg12_with_other_times(value: bytes, time: dt.datetime | None) -> None:
    content = tlv.encode(0x5C, bytes.fromhex("5F555F19")) + tlv.encode(0x5F55, value) + tlv.encode(0x5F19, b"A")
    found = details.parse_dg12(tlv.encode(0x6C, content))
    assert (found.personalised, found.authority) == (time, "A")
    assert [part.raw for part in found.odd] == ([] if time else [value])


@pytest.mark.parametrize(
    ("content", "name"),
    [
        ("5C045F0E5F11 5F0E0141 5F11014B", None),
        ("5C045F0E5F79 5F0E0141", "tag 5F79"),
        ("5C045F0E5F0E 5F0E0141", "list of tags"),
        ("5C045F0E5F11 5F0E0141", "place_of_birth"),
        ("5C025F0E 5F0E0141 5F11014B", "place_of_birth"),
        ("5C025F0E 5F0E0141 5F790142", "tag 5F79"),
        ("5C025F0E 5F0E0141 5F0E0142", "full_name"),
        ("5C025F0E 5F0E0141 5C00", "list of tags"),
        ("5F0E0141", "list of tags"),
        ("5C045F0E5F12 5F0E0141 5F1202FFFE", "telephone"),
        ("5C045F0E5F0F 5F0E0141 A0070201025F0F0142", "other_names"),
        ("5C045F0E5F0F 5F0E0141 A0045F0F0142", "other_names"),
        ("5C045F0E5F0F 5F0E0141 5F0F0142", "other_names"),
        ("5C045F0E5F0F 5F0E0141 A0080202000 15F0F0142", "other_names"),
        ("5C045F0E5F0F 5F0E0141 A0070201015F0F0142 A0070201015F0F0143", "other_names"),
        ("5C045F0E5F0F 5F0E0141 A00B0201015F0F01425F790143", "tag 5F79"),
        ("5C025F0E 5F0E0141 5F1105", "rest of DG11"),
        ("5C035F0E5F 5F0E0141", "tag 5F"),
    ],
)
def test_dg11_with_one_thing_wrong(content: str, name: str | None) -> None:
    found = details.parse_dg11(tlv.encode(0x6B, bytes.fromhex(content.replace(" ", ""))))
    assert found.full_name == "A"
    assert [part.name for part in found.odd] == ([name] if name else [])
    if "42" in content and "5F0F" in content:
        assert found.other_names == (("B", "C") if content.endswith("5F0F0143") else ("B",))
    if name:
        with pytest.raises(ParameterError, match="odd parts"):
            details.build_dg11(found)


def test_names_without_their_object_are_all_read() -> None:
    content = bytes.fromhex("5C045F0E5F0F 5F0E0141 5F0F0142 5F0F0143".replace(" ", ""))
    found = details.parse_dg11(tlv.encode(0x6B, content))
    assert found.other_names == ("B", "C")
    assert [part.name for part in found.odd] == ["other_names", "other_names"]


def test_pictures_are_in_no_repr() -> None:
    assert "picture" not in repr(details.DocumentDetails(front_image=b"picture", rear_image=b"picture"))
    assert "picture" not in repr(details.PersonalDetails(proof_of_citizenship=b"picture"))


def test_a_date_known_in_part_is_not_written() -> None:
    with pytest.raises(ParameterError, match="whole"):
        details.build_dg11(details.PersonalDetails(birth_date=PartialDate(1960)))
    for year, month in ((0, None), (10_000, None), (1960, 13), (1960, 0)):
        with pytest.raises(ParameterError):
            PartialDate(year, month)


# ---- DG5, DG7, DG16


def test_displayed_images() -> None:
    picture = emrtd_samples.portrait()
    for parse, tag, holder in ((displayed.parse_dg5, 0x5F40, 0x65), (displayed.parse_dg7, 0x5F43, 0x67)):
        whole = tlv.encode(holder, tlv.integer(1) + tlv.encode(tag, picture))
        (found,) = parse(whole)
        assert (found.image, found.kind, found.width_px, found.height_px) == (picture, "jpeg", 48, 64)
        assert parse(whole).odd == ()
        for content, count, name in (
            (tlv.integer(2) + tlv.encode(tag, picture), 1, "number of images"),
            (tlv.encode(tag, picture), 1, "number of images"),
            (tlv.integer(1) + tlv.encode(tag, b"x"), 1, "image 1"),
            (tlv.integer(1) + tlv.encode(tag, picture) + b"\x5f\x79\x00", 1, "tag 5F79"),
            (tlv.integer(0), 0, None),
        ):
            found_all = parse(tlv.encode(holder, content))
            assert len(found_all) == count
            assert [part.name for part in found_all.odd] == ([name] if name else [])


def test_persons_to_notify() -> None:
    person = bytes.fromhex("5F50083230323630313032 5F5104413C3C42 5F520131 5F530148".replace(" ", ""))
    other = bytes.fromhex("5F500432026010 5F510143".replace(" ", ""))
    content = tlv.integer(2) + tlv.encode(0xA1, person) + tlv.encode(0xA2, other)
    found = dg16.parse(tlv.encode(0x70, content))
    assert found[0] == dg16.PersonToNotify(dt.date(2026, 1, 2), "A<<B", "1", "H")
    assert found[1].name == "C"
    assert [part.name for part in found.odd] == ["person 2, recorded"]
    assert [part.name for part in dg16.parse(tlv.encode(0x70, tlv.integer(3) + content[3:] + b"\x81\x00")).odd] == [
        "person 2, recorded", "tag 81", "number of persons"
    ]  # fmt: skip
    with pytest.raises(FormatError):
        dg16.parse(b"\x70\x01")


# ---- the machine readable zone

TD1 = ("I<UTOD231458907<<<<<<<<<<<<<<<", "7408122F1204159UTO<<<<<<<<<<<6", "ERIKSSON<<ANNA<MARIA<<<<<<<<<<")
TD3 = ("P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<", "L898902C36UTO7408122F1204159ZE184226B<<<<<10")


def zone(lines: tuple[str, ...], line: int, place: int, text: str) -> mrz.Mrz:
    changed = [*lines]
    changed[line] = changed[line][:place] + text + changed[line][place + len(text) :]
    return mrz.parse("".join(changed))


@pytest.mark.parametrize(
    ("lines", "line", "place", "text", "names"),
    [
        (TD1, 0, 14, "8", {"document_number", "composite"}),
        (TD1, 0, 14, "<", {"document_number", "composite"}),
        (TD1, 0, 7, "a", {"document_number", "composite"}),
        (TD1, 1, 6, "<", {"birth_date", "composite"}),
        (TD1, 1, 0, "74O812", {"birth_date", "composite"}),
        (TD1, 1, 0, "741312", {"birth_date", "composite"}),
        (TD1, 1, 7, "X", {"sex"}),
        (TD1, 1, 7, "1", {"sex"}),
        (TD1, 1, 14, "1", {"expiry_date", "composite"}),
        (TD1, 1, 29, "1", {"composite"}),
        (TD1, 1, 15, "U70", {"nationality"}),
        (TD1, 1, 15, "<<<", {"nationality"}),
        (TD1, 0, 2, "0T0", {"issuing_state"}),
        (TD1, 2, 4, "5", {"name"}),
        (TD1, 2, 4, "'", {"name"}),
        (TD1, 2, 0, "<" * 30, {"name"}),
        (TD3, 1, 9, "<", {"document_number", "composite"}),
        (TD3, 1, 42, "<", {"optional_data_1", "composite"}),
        (TD3, 1, 43, "<", {"composite"}),
        (TD3, 1, 20, "X", {"sex"}),
        (TD3, 0, 9, " ", {"name"}),
    ],
)
def test_one_odd_field_of_a_zone(lines: tuple[str, ...], line: int, place: int, text: str, names: set[str]) -> None:
    good = mrz.parse("".join(lines))
    assert good.odd == ()
    found = zone(lines, line, place, text)
    assert {part.name for part in found.odd} == names
    assert all(part.error.facts["field"] == part.name for part in found.odd)
    lost = {"primary_identifier", "secondary_identifier"} if "name" in names else names
    for field in set(mrz.Mrz.__dataclass_fields__) - lost - {"odd"}:
        assert getattr(found, field) == getattr(good, field), field
    with pytest.raises(ParameterError, match="odd fields"):
        mrz.build(found)


def test_a_key_is_derived_where_the_zone_is_odd() -> None:
    for place in (9, 19, 27, 42, 43):
        assert zone(TD3, 1, place, "<").information.key_source == "L898902C3674081221204159"
    with pytest.raises(ParameterError):
        zone(TD3, 1, 13, "74O812").information.key_source  # noqa: B018


def test_unknown_dates_and_fillers_where_they_may_stand() -> None:
    values = {name: getattr(mrz.parse("".join(TD1)), name) for name in mrz.Mrz.__dataclass_fields__}
    for birth in ("74<<<<", "7408<<", "<<<<<<"):
        unknown = mrz.Mrz(**(values | {"birth_date": birth, "sex": "<"}))
        assert mrz.parse("".join(unknown.lines)) == unknown
    assert "birth_date" not in {part.name for part in zone(TD1, 1, 0, "<<<<<<<").odd}  # no date, no check digit
    for optional in ("<" * 15, "<" * 14 + "0"):
        composite = mrz.check_digit(TD3[1][:10] + TD3[1][13:20] + TD3[1][21:28] + optional)
        assert mrz.parse(TD3[0] + TD3[1][:28] + optional + composite).odd == ()


def test_a_zone_of_germany_and_of_long_numbers() -> None:
    values = {name: getattr(mrz.parse("".join(TD1)), name) for name in mrz.Mrz.__dataclass_fields__}
    german = mrz.Mrz(**(values | {"issuing_state": "D", "nationality": "D"}))
    assert mrz.parse("".join(german.lines)) == german
    long = mrz.Mrz(**(values | {"document_number": "D23145890734", "optional_data_1": "X<Y"}))
    assert mrz.parse("".join(long.lines)) == long
    first = long.lines[0]
    wrong = mrz.parse(first[:18] + "0" + first[19:] + "".join(long.lines[1:]))
    assert (wrong.document_number, wrong.optional_data_1) == ("D23145890734", "X<Y")
    assert {part.name for part in wrong.odd} == {"document_number", "composite"}
    longest = mrz.Mrz(**(values | {"document_number": "D" * 23}))
    assert mrz.parse("".join(longest.lines)) == longest
    assert len(longest.information.key_source) == 24 + 14


def test_visas_have_no_check_digit_over_all() -> None:
    for lines, form in (
        (("V<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<", "L8988901C4XXX4009078F96121096ZE184226B<<<<<<"), "MRV-A"),
        (("V<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<", "L8988901C4XXX4009078F9612109<<<<<<<<"), "MRV-B"),
    ):  # Doc 9303-7 appendices A and B
        found = mrz.parse("".join(lines))
        assert (found.format, found.document_number, found.odd) == (form, "L8988901C", ())
        assert found.lines == lines
        assert found.optional_data_1 == ("6ZE184226B" if form == "MRV-A" else "")
    with pytest.raises(ParameterError, match="visas"):
        mrz.build(mrz.Mrz("TD3", "V", "UTO", "1", "400907", "F", "961210", "UTO", "A", "B"))


@pytest.mark.parametrize(
    "text",
    [
        "\n".join(TD3),
        "\r\n".join(TD3),
        "\n".join(TD3).lower(),
        " ".join(TD3),
        "\n".join(" ".join(line[i : i + 4] for i in range(0, len(line), 4)) for line in TD3),
        "\n  " + "\n\n".join(line.rstrip("<") for line in TD3) + "  \n",
        "\n".join(TD3).replace("<<", "«"),
        "\n".join(TD3).replace("<", "‹"),
        "\ufeff" + "\u200b\n".join(TD3),
        "\n".join(TD3).replace("<", "＜"),
    ],
)
def test_a_zone_as_people_type_it(text: str) -> None:
    assert mrz.parse_typed(text) == mrz.parse("".join(TD3))


@pytest.mark.parametrize("text", ["", "P<UTO", "x" * 500, "\n" * 300, TD3[0], TD3[1] + TD1[0]])
def test_what_people_type_that_is_no_zone(text: str) -> None:
    with pytest.raises(FormatError):
        mrz.parse_typed(text)


def test_dg1_keeps_its_lines_and_offsets() -> None:
    flat = "".join(TD1)
    data = tlv.encode(0x61, tlv.encode(0x5F1F, flat.replace("7408122", "7408123").encode()))
    assert dg1.lines(data) == (TD1[0], TD1[1].replace("7408122", "7408123"), TD1[2])
    found = dg1.parse(data)
    assert {part.name: part.error.facts["offset"] for part in found.odd} == {"birth_date": 41, "composite": 64}
    behind = tlv.encode(0x61, tlv.encode(0x5F1F, flat.encode()) + b"\x5f\x79\x00")
    assert [(part.name, part.raw) for part in dg1.parse(behind).odd] == [("rest of DG1", b"\x5f\x79\x00")]
    for text in (flat[:-1].encode(), b"", b"\xff" * 90):
        with pytest.raises(FormatError):
            dg1.parse(tlv.encode(0x61, tlv.encode(0x5F1F, text)))
    accent = flat.replace("ERIKSSON<", "\u00c9RIKSSON<").encode("latin-1")
    assert [(part.name, part.raw[:1]) for part in dg1.parse(tlv.encode(0x61, tlv.encode(0x5F1F, accent))).odd] == [
        ("name", b"\xc9")
    ]


def test_what_fills_dg1_behind_its_lines() -> None:
    for filling, odd in ((b"\r\n", []), (b"\0\0", ["rest of DG1"]), (b"  ", ["rest of DG1"])):
        data = tlv.encode(0x61, tlv.encode(0x5F1F, "\n".join(TD3).encode() + filling))
        found = dg1.parse(data)
        assert (found.document_number, [part.name for part in found.odd]) == ("L898902C3", odd)
        assert dg1.lines(data) == TD3


def test_a_zone_in_small_letters_is_odd_and_not_lost() -> None:
    found = mrz.parse("".join(TD3).lower())
    assert (found.birth_date, found.expiry_date, found.primary_identifier) == ("740812", "120415", "eriksson")
    assert "document_number" in {part.name for part in found.odd}
