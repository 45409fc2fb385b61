"""Each data group: what is built is read back, and what is wrong is refused."""

from __future__ import annotations

import dataclasses
import datetime as dt
import unicodedata

import pytest

from cccd_core.emrtd import (
    ChipImage,
    ElementaryFile,
    build_data_groups,
    cbeff,
    com,
    details,
    dg1,
    dg2,
    dg3,
    dg13,
    dg15,
    images,
    mrz,
    security_infos,
    tlv,
)
from cccd_core.emrtd.odd import Found
from cccd_core.errors import FormatError, ParameterError
from cccd_core.signing import ChipKeys
from support import emrtd_samples

CONTENT = emrtd_samples.content()
KEYS = ChipKeys.generate()


def test_files_of_doc_9303_10() -> None:
    table = {file.label: (file.fid, file.sfi, file.tag) for file in ElementaryFile}
    assert table["EF.CardAccess"] == (0x011C, 0x1C, 0x31)
    assert table["EF.COM"] == (0x011E, 0x1E, 0x60)
    assert table["EF.SOD"] == (0x011D, 0x1D, 0x77)
    tags = ["61", "75", "63", "76", "65", "66", "67", "68", "69", "6A", "6B", "6C", "6D", "6E", "6F", "70"]
    for number, tag in enumerate(tags, start=1):
        file = ElementaryFile.for_data_group(number)
        assert (file.fid, file.sfi, file.tag) == (0x0100 + number, number, int(tag, 16))
        assert file.data_group == number
        assert ElementaryFile.for_tag(file.tag) is file
    assert table["EF.CardSecurity"] == (0x011D, 0x1D, 0x30)
    outside = [file for file in ElementaryFile if not file.in_application]
    assert outside == [ElementaryFile.EF_CARDACCESS, ElementaryFile.EF_CARDSECURITY]
    for number in (0, 17):
        with pytest.raises(ParameterError):
            ElementaryFile.for_data_group(number)


def test_an_image_is_copied_bounded_and_has_a_digest() -> None:
    files = {ElementaryFile.DG1: b"a", ElementaryFile.EF_CARDACCESS: b"b"}
    image = ChipImage(files)
    files[ElementaryFile.DG2] = b"c"
    assert list(image) == [ElementaryFile.DG1, ElementaryFile.EF_CARDACCESS]
    assert (image.data_groups, image.size_bytes, len(image)) == ({1: b"a"}, 2, 2)
    same = ChipImage({ElementaryFile.EF_CARDACCESS: b"b", ElementaryFile.DG1: b"a"})
    assert same.digest == image.digest != ChipImage({ElementaryFile.DG1: b"ab"}).digest
    for content in (b"", bytes(65_536)):
        with pytest.raises(ParameterError):
            ChipImage({ElementaryFile.DG1: content})


def test_everything_that_goes_in_comes_back() -> None:
    groups = emrtd_samples.data_groups(KEYS)
    assert list(groups) == [1, 2, 3, 13, 14, 15]
    assert dg1.parse(groups[1]) == mrz.for_card(CONTENT)
    (face,) = dg2.parse(groups[2])
    assert (face.image, face.kind, face.width_px, face.height_px, face.sex) == (CONTENT.portrait, "jpeg", 48, 64, "F")
    assert dg3.minutiae(dg3.parse(groups[3])) == dict(CONTENT.fingers)
    assert dg13.parse(groups[13]) == dg13.of_content(CONTENT)
    infos = security_infos.parse(groups[14])
    assert infos.pace == (security_infos.PaceInfo(),)
    assert [info.public_key for info in infos.chip_authentication_public_keys] == [KEYS.ca_public_key]
    assert infos.chip_authentication == (security_infos.ChipAuthenticationInfo(),)
    assert infos.active_authentication == security_infos.ActiveAuthenticationInfo()
    assert infos.others == ()
    assert dg15.parse(groups[15]) == KEYS.aa_public_key
    assert groups == emrtd_samples.data_groups(KEYS)


def test_a_card_without_fingers_and_keys_has_fewer_groups() -> None:
    groups = build_data_groups(emrtd_samples.content(fingers={}))
    assert list(groups) == [1, 2, 13, 14]
    assert security_infos.parse(groups[14]) == security_infos.for_card_access(chip_authentication=False)


def test_additional_groups_come_in_their_places() -> None:
    person = details.build_dg11(details.PersonalDetails(full_name="NGUYỄN<<AN"))
    groups = build_data_groups(CONTENT, additional={11: person})
    assert list(groups) == [1, 2, 3, 11, 13, 14]
    with pytest.raises(ParameterError, match="twice"):
        build_data_groups(CONTENT, additional={1: groups[1]})
    with pytest.raises(FormatError):
        build_data_groups(CONTENT, additional={12: person})


@pytest.mark.parametrize(("kind", "mode"), [("jpeg", "RGB"), ("jpeg", "L"), ("jpeg2000", "RGB"), ("jpeg2000", "L")])
def test_faces_of_each_kind(kind: str, mode: str) -> None:
    image = emrtd_samples.portrait(kind, (37, 51), mode)
    info = images.inspect(image)
    assert (info.kind, info.width_px, info.height_px, info.components) == (kind, 37, 51, 3 if mode == "RGB" else 1)
    (face,) = dg2.parse(dg2.build(image, sex="M"))
    assert (face.image, face.kind, face.sex) == (image, kind, "M")


def test_dg2_byte_by_byte() -> None:
    image = emrtd_samples.portrait()
    (template,) = cbeff.parse(dg2.build(image, sex="F"), 0x75, what="DG2")
    assert (template.biometric_type, template.subtype) == (0x02, 0)
    assert (template.format_owner, template.format_type) == (0x0101, 0x0008)
    record = template.data
    assert record[:8] == b"FAC\x00010\x00"
    assert int.from_bytes(record[8:12], "big") == len(record)
    assert record[12:14] == b"\0\1"
    assert int.from_bytes(record[14:18], "big") == len(record) - 14
    assert record[20] == 2  # female
    assert record[34:40] == bytes((1, 0, 0, 48, 0, 64))  # full frontal, JPEG, width, height
    assert record[46:] == image


@pytest.mark.parametrize(
    "data",
    [
        b"", b"\x89PNG\r\n\x1a\n" + bytes(100), b"\xff\xd8\xff", b"\xff\xd8\xff\xd9",
        b"\xff\xd8\xff\xc0\x00\x0b\x08\x00\x00\x00\x30\x01\x01\x11\x00", b"\xff\xd8\xff\xe0\x00\x01",
        bytes.fromhex("0000000C6A5020200D0A870A"), bytes.fromhex("0000000C6A5020200D0A870A" + "FFFFFFFF6A703268"),
        bytes.fromhex("0000000C6A5020200D0A870A" + "000000016A703268" + "FFFFFFFFFFFFFFFF"),
        bytes.fromhex("FF4FFF51002F0000FFFFFFFF" + "00" * 40),
    ],
    ids=range(10),
)  # fmt: skip
def test_images_that_are_none(data: bytes) -> None:
    with pytest.raises(FormatError):
        images.inspect(data)


def test_a_face_record_that_contradicts_its_image_gives_the_image() -> None:
    data = bytearray(dg2.build(emrtd_samples.portrait()))
    start = data.index(b"FAC\0")
    for offset in (8, 13, 14, 35, 37, 39):
        changed = bytearray(data)
        changed[start + offset] ^= 1
        found = dg2.parse(bytes(changed))
        assert [face.image for face in found] == [emrtd_samples.portrait()]
        assert found.odd


def test_dg3_says_which_finger_by_subtype() -> None:
    # right thumb to little, then left: bits 1-2 side (01 right, 10 left), bits 3-5 finger
    assert [dg3.subtype(p) for p in range(1, 11)] == [5, 9, 13, 17, 21, 6, 10, 14, 18, 22]
    fingers = {p: emrtd_samples.finger_record(p) for p in (10, 1, 6)}
    data = dg3.build(fingers)
    templates = cbeff.parse(data, 0x63, what="DG3")
    assert [t.subtype for t in templates] == [5, 6, 22]
    assert {(t.biometric_type, t.format_owner, t.format_type) for t in templates} == {(8, 0x0101, 0x0001)}
    assert list(dg3.minutiae(dg3.parse(data))) == [1, 6, 10]


def test_dg3_says_where_there_are_extended_data() -> None:
    data = dg3.build({1: emrtd_samples.finger_record(1, extended=bytes.fromhex("0001000800000000"))})
    assert cbeff.parse(data, 0x63, what="DG3")[0].format_type == 0x0002
    assert list(dg3.minutiae(dg3.parse(data))) == [1]


def test_dg3_refuses_records_of_another_finger_or_that_are_none() -> None:
    with pytest.raises(ParameterError, match="another position"):
        dg3.build({1: emrtd_samples.finger_record(2)})
    with pytest.raises(ParameterError) as caught:
        dg3.build({1: emrtd_samples.finger_record(1)[:-1]})
    assert caught.value.facts["position"] == 1
    good = dg3.build({1: emrtd_samples.finger_record(1), 2: emrtd_samples.finger_record(2)})
    found = dg3.parse(good.replace(bytes((0x82, 1, 9)), bytes((0x82, 1, 5))))
    assert [part.name for part in found.odd] == ["finger 2, position"]
    assert [finger.position for finger in found] == [1, None]
    found = dg3.parse(good.replace(bytes.fromhex("88020001"), bytes.fromhex("88020007"), 1))
    assert [part.name for part in found.odd] == ["finger 1, format"]
    assert list(dg3.minutiae(found)) == [1, 2]


def test_a_group_of_no_templates_is_read() -> None:
    empty = tlv.encode(0x63, tlv.encode(0x7F61, b"\x02\x01\x00" + tlv.encode(0x53, b"\x12\x34")))
    assert dg3.parse(empty) == Found(())
    with pytest.raises(ParameterError):
        dg3.build({})


def test_dg13_byte_by_byte() -> None:
    data = dg13.build(dg13.of_content(emrtd_samples.content(full_name=unicodedata.normalize("NFD", "Đỗ Ưng"))))
    assert data[0] == 0x6D
    body = tlv.read_one(tlv.read_one(data, der=True).value, tlv.SEQUENCE, der=True).reader(der=True)
    assert tlv.to_integer(body.next(tlv.INTEGER)) == 1
    assert tlv.to_oid(body.next(tlv.OID)) == "1.0.10646.1.0.8"
    rows = {}
    order = []
    for row in body.next(tlv.SET).reader(der=True):
        entry = row.reader()
        number = tlv.to_integer(entry.next(tlv.INTEGER))
        rows[number] = entry.next()
        order.append(tlv.encode(row.tag, row.value))
    assert order == sorted(order)
    texts = {n: tlv.to_text(v) for n, v in rows.items() if v.tag == tlv.UTF8_STRING}
    assert texts == {
        1: "079303012345", 2: "Đỗ Ưng", 3: "01/05/2003", 4: "Nữ", 5: "Việt Nam", 6: "Kinh", 7: "Không",
        8: "Quận 1, Thành phố Hồ Chí Minh", 9: "12 Đường Lê Lợi, Bến Nghé, Quận 1, Thành phố Hồ Chí Minh",
        10: "Nốt ruồi cách 1 cm dưới mắt trái", 11: "20/11/2026", 12: "01/05/2028", 15: "024123456",
    }  # fmt: skip
    assert [tlv.to_text(each) for each in rows[13].reader()] == ["Nguyễn Văn An", "Trần Thị Bình"]
    assert 14 not in rows
    assert 16 not in rows


def test_dg13_of_a_card_without_expiry_and_of_one_parent() -> None:
    fields = dg13.of_content(emrtd_samples.content(expiry_date=None, father=None, spouse="Lê Văn Cường", sex="M"))
    data = dg13.build(fields)
    assert "Không thời hạn".encode() in data
    assert dg13.parse(data) == fields


class Sealed:
    """An authority's codec in two lines: enough to see that its fields and no others pass through it."""

    def encode(self, number: int, value: bytes) -> bytes:
        return tlv.octet_string(bytes((number,)) + bytes(b ^ 0x5A for b in value))

    def decode(self, number: int, data: bytes) -> bytes:
        value = tlv.read_one(data, tlv.OCTET_STRING, what="sealed field").value
        if value[:1] != bytes((number,)):
            raise FormatError("a sealed field of another number", field=number)
        return bytes(b ^ 0x5A for b in value[1:])


def test_the_authority_replaces_the_coding_of_its_part() -> None:
    fields = dg13.of_content(CONTENT)
    data = dg13.build(fields, codec=Sealed())
    for clear in ("Nguyễn Thị Minh Khai", "079303012345", "Quận 1, Thành phố", "01/05/2028"):
        assert clear.encode() in data
    for sealed in ("Kinh", "12 Đường Lê Lợi", "Nốt ruồi", "Nguyễn Văn An", "024123456", "20/11/2026"):
        assert sealed.encode() not in data
    assert dg13.parse(data, codec=Sealed()) == fields
    unread = dg13.parse(data)
    assert {part.name for part in unread.odd} == {
        "ethnicity", "religion", "place_of_residence", "marks", "issue_date", "parents", "old_number"
    }  # fmt: skip
    assert (unread.full_name, unread.expiry_date) == (fields.full_name, fields.expiry_date)


def test_dg13_reads_other_orders_strings_and_unknown_fields() -> None:
    rows = [
        tlv.sequence(tlv.integer(16), tlv.utf8_string("00112233")),
        tlv.sequence(tlv.integer(12), tlv.encode(tlv.PRINTABLE_STRING, b"01/02/2030")),
        tlv.sequence(tlv.integer(5), tlv.utf8_string("Việt Nam")),
        tlv.sequence(tlv.integer(4), tlv.encode(tlv.PRINTABLE_STRING, b"Nam")),
        tlv.sequence(tlv.integer(3), tlv.encode(tlv.PRINTABLE_STRING, b"31/12/1999")),
        tlv.sequence(tlv.integer(2), tlv.utf8_string(unicodedata.normalize("NFD", "Lê Ấn"))),
        tlv.sequence(tlv.integer(1), tlv.encode(tlv.PRINTABLE_STRING, b"001099000001")),
    ]

    def coded(parts: list[bytes]) -> bytes:
        content = tlv.integer(1) + tlv.oid(dg13.UTF8_CHARACTER_SET) + tlv.encode(tlv.SET, b"".join(parts))
        return tlv.encode(0x6D, tlv.encode(tlv.SEQUENCE, content))

    fields = dg13.parse(coded(rows))
    assert (fields.full_name, fields.birth_date, fields.sex) == ("Lê Ấn", dt.date(1999, 12, 31), "M")
    assert fields.others == {16: tlv.utf8_string("00112233")}
    assert dg13.parse(dg13.build(fields)) == fields
    again = dg13.parse(coded([*rows, rows[0]]))
    assert [(part.name, part.error.facts["field"]) for part in again.odd] == [("field 16", 16)]
    assert dataclasses.replace(again, odd=()) == fields
    for number, row in ((4, tlv.utf8_string("x")), (3, tlv.utf8_string("31/02/1999")), (2, tlv.utf8_string(""))):
        others = [each for each in rows if tlv.sequence(tlv.integer(number))[2:] not in each[:5]]
        (part,) = dg13.parse(coded([*others, tlv.sequence(tlv.integer(number), row)])).odd
        assert part.error.facts == {"field": number}
        assert part.raw == row[2:]


def test_dg15_refuses_a_point_off_its_curve() -> None:
    changed = bytearray(dg15.build(KEYS.aa_public_key))
    changed[-1] ^= 1
    with pytest.raises(FormatError, match="curve"):
        dg15.parse(bytes(changed))


def test_com_lists_groups_in_ascending_order() -> None:
    data = com.build([13, 1, 2, 1])
    assert data.hex().upper() == "60155F0104303130375F36063034303030305C0361756D"
    assert com.parse(data) == com.Com("0107", "040000", (1, 2, 13))
    assert com.parse(com.build([2], lds_version=com.LDS_1_8)).lds_version == "0108"
    for tags, groups in (("6161", (1,)), ("77", ()), ("FF", ())):
        broken = tlv.encode(0x60, data[2:-5] + tlv.encode(0x5C, bytes.fromhex(tags)))
        found = com.parse(broken)
        assert (found.data_groups, [part.name for part in found.odd]) == (groups, [f"tag {tags[-2:]}"])


def test_details_come_back() -> None:
    person = details.PersonalDetails(
        full_name="NGUYỄN<<AN", other_names=("A<<B", "C"), personal_number="1", birth_date=dt.date(1934, 2, 3),
        place_of_birth="Huế", address="x", telephone="0", profession="y", title="z", summary="s",
        proof_of_citizenship=b"\x00\x01", other_documents="d", custody="c",
    )  # fmt: skip
    document = details.DocumentDetails(
        authority="Bộ Công an", issue_date=dt.date(2026, 11, 22), other_persons=("A",), endorsements="e",
        exit_requirements="t", front_image=b"f", rear_image=b"r", personalised=dt.datetime(2026, 1, 2, 3, 4, 5),
        personalisation_system="7",
    )  # fmt: skip
    assert details.parse_dg11(details.build_dg11(person)) == person
    assert details.parse_dg12(details.build_dg12(document)) == document
    assert details.parse_dg11(details.build_dg11(details.PersonalDetails())) == details.PersonalDetails()
    packed = tlv.encode(0x6C, tlv.encode(0x5C, b"\x5f\x26") + tlv.encode(0x5F26, bytes.fromhex("20261122")))
    assert details.parse_dg12(packed).issue_date == dt.date(2026, 11, 22)


@pytest.mark.parametrize(
    "content",
    [
        tlv.encode(0x5C, b"\x5f\x0e"),  # listed, not there
        tlv.encode(0x5C, b"") + tlv.encode(0x5F0E, b"A"),  # there, not listed
        tlv.encode(0x5C, b"\x5f\x0e\x5f\x0e") + tlv.encode(0x5F0E, b"A"),
        tlv.encode(0x5C, b"\x5f\x2b") + tlv.encode(0x5F2B, b"20261332"),
        tlv.encode(0x5C, b"\x5f\x0f") + tlv.encode(0xA0, tlv.integer(2) + tlv.encode(0x5F0F, b"A")),
        tlv.encode(0x5C, b"\x5f\x0f") + tlv.encode(0xA0, tlv.integer(17)),
    ],
)
def test_details_that_do_not_hold_what_their_list_says(content: bytes) -> None:
    assert details.parse_dg11(tlv.encode(0x6B, content)).odd


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"personal_number": "07930301234"}, "personal_number"),
        ({"personal_number": "٠٧٩٣٠٣٠١٢٣٤٥"}, "personal_number"),
        ({"full_name": "  "}, "full_name"),
        ({"full_name": "A\nB"}, "full_name"),
        ({"sex": "X"}, "sex"),
        ({"nationality": "VN"}, "nationality"),
        ({"issue_date": dt.date(2003, 4, 30)}, "issue_date"),
        ({"expiry_date": dt.date(2026, 11, 20)}, "expiry_date"),
        ({"portrait": b""}, "portrait"),
        ({"fingers": {11: b"x"}}, "fingers"),
        ({"fingers": {1: b""}}, "fingers"),
        ({"marks": "x" * 401}, "marks"),
    ],
)
def test_content_that_is_wrong_is_named(changes: dict[str, object], field: str) -> None:
    with pytest.raises(ParameterError) as caught:
        emrtd_samples.content(**changes)
    assert caught.value.facts["field"] == field
