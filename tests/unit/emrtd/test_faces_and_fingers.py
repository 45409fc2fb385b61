"""DG2, DG3 and DG4 as other States write them: every edition, headers that contradict their image, odd frames."""

from __future__ import annotations

import struct

import pytest

from cccd_core.emrtd import cbeff, dg2, dg3, images, tlv
from cccd_core.emrtd.odd import Found
from cccd_core.errors import FormatError
from support import emrtd_samples

JPEG = emrtd_samples.portrait()  # 48 x 64
JP2 = emrtd_samples.portrait("jpeg2000", (30, 40))
WSQ = bytes.fromhex("FFA0FFA8000361FFA2001100FF00500040000000000000000000FFA1")  # 64 x 80, a head alone


def names(found: Found[object]) -> list[str]:
    return [part.name for part in found.odd]


def face_2005(
    image: bytes, *, kind: int = 0, size: tuple[int, int] = (48, 64), points: int = 0, gender: int = 2, off: int = 0
) -> bytes:
    body = struct.pack(">HBBB3sH3s3s", points, gender, 0, 0, bytes(3), 0, bytes(3), bytes(3)) + bytes(8 * points)
    body += struct.pack(">BBHHBBHH", 1, kind, *size, 1, 2, 0, 0) + image
    return (len(body) + 4 + off).to_bytes(4, "big") + body


def record_2005(*faces: bytes, count: int | None = None, off: int = 0, version: bytes = b"010\0") -> bytes:
    content = b"".join(faces)
    number = len(faces) if count is None else count
    return b"FAC\0" + version + struct.pack(">IH", 14 + len(content) + off, number) + content


def face_2011(
    image: bytes, *, kind: int = 0, size: tuple[int, int] = (48, 64), quality: int = 1, off: int = 0
) -> bytes:
    body = bytes(9) + bytes(5) + bytes((quality,)) + bytes(5 * quality)
    body += struct.pack(">HBBBB3sH3s3s", 1, 1, 0, 0, 0, bytes(3), 0, bytes(3), bytes(3)) + bytes(8)
    body += struct.pack(">BBHHBHBB", 1, kind, *size, 0, 0, 0, 1) + (len(image) + off).to_bytes(4, "big") + image
    return (len(body) + 4).to_bytes(4, "big") + body


def record_2011(*faces: bytes) -> bytes:
    content = b"".join(faces)
    return b"FAC\x00030\0" + struct.pack(">IHBH", 17 + len(content), len(faces), 0, 0) + content


def group(file_tag: int, *blocks: bytes, count: int | None = None, format_type: str = "0008", kind: int = 2) -> bytes:
    header = bytes.fromhex("80020101") + bytes((0x81, 1, kind)) + bytes.fromhex("820100870201018802" + format_type)
    templates = [tlv.encode(0x7F60, tlv.encode(0xA1, header) + block) for block in blocks]
    number = len(blocks) if count is None else count
    return tlv.encode(file_tag, tlv.encode(0x7F61, tlv.integer(number) + b"".join(templates)))


def dg2_of(*records: bytes, **options: object) -> bytes:
    return group(0x75, *(tlv.encode(0x5F2E, record) for record in records), **options)  # type: ignore[arg-type]


# ---- DG2, ISO/IEC 19794-5:2005


def test_a_size_that_contradicts_the_image_is_told_beside_it() -> None:
    found = dg2.parse(dg2_of(record_2005(face_2005(JPEG, size=(337, 449)))))
    (face,) = found
    assert (face.image, face.kind, face.width_px, face.height_px, face.sex) == (JPEG, "jpeg", 48, 64, "F")
    assert (face.stated_kind, face.stated_width_px, face.stated_height_px) == ("jpeg", 337, 449)
    (part,) = found.odd
    assert part.name == "face 1, size"
    assert part.error.facts == {"stated_width_px": 337, "stated_height_px": 449, "width_px": 48, "height_px": 64}


def test_a_kind_that_contradicts_the_image_is_told_beside_it() -> None:
    for image, code, stated, kind, size in (
        (JPEG, 1, "jpeg2000", "jpeg", (48, 64)),
        (JP2, 0, "jpeg", "jpeg2000", (30, 40)),
    ):
        found = dg2.parse(dg2_of(record_2005(face_2005(image, kind=code, size=size))))
        assert (found[0].image, found[0].kind, found[0].stated_kind) == (image, kind, stated)
        assert names(found) == ["face 1, kind"]
    found = dg2.parse(dg2_of(record_2005(face_2005(JPEG, kind=9))))
    assert (found[0].image, found[0].stated_kind, names(found)) == (JPEG, None, ["face 1, kind"])


@pytest.mark.parametrize("off", [-14, -1, 1, 1000])
def test_lengths_and_counts_that_are_off_cost_no_image(off: int) -> None:
    for record, name in (
        (record_2005(face_2005(JPEG), off=off), "face 1, length"),
        (record_2005(face_2005(JPEG, off=off)), "face 1, length of image"),
        (record_2005(face_2005(JPEG), count=1 + abs(off)), "face 1, count"),
        (record_2005(face_2005(JPEG), count=0), "face 1, count"),
    ):
        found = dg2.parse(dg2_of(record))
        assert [face.image for face in found] == [JPEG]
        assert names(found) == [name]


def test_bytes_behind_the_last_image_are_no_part_of_it() -> None:
    record = record_2005(face_2005(JPEG))
    assert JPEG.endswith(b"\xff\xd9")
    found = dg2.parse(dg2_of(record + bytes(8)))
    assert [face.image for face in found] == [JPEG]
    assert [(part.name, part.raw) for part in found.odd] == [
        ("face 1, length", record[8:12]),
        ("rest of face 1", bytes(8)),
    ]


def test_several_faces_in_a_record_and_in_templates() -> None:
    two = record_2005(face_2005(JPEG, points=2), face_2005(JP2, kind=1, size=(30, 40), gender=1))
    found = dg2.parse(dg2_of(two, record_2005(face_2005(JPEG, gender=0))))
    assert [(face.image, face.sex) for face in found] == [(JPEG, "F"), (JP2, "M"), (JPEG, None)]
    assert found.odd == ()
    for count in (0, 1, 3):
        found = dg2.parse(dg2_of(record_2005(face_2005(JPEG), face_2005(JPEG), count=count)))
        assert ([face.image for face in found], names(found)) == ([JPEG, JPEG], ["face 1, count"])


def test_an_image_elsewhere_than_its_header_says_is_found() -> None:
    face = bytearray(face_2005(JPEG))
    for points in (1, 700, 65535):
        face[4:6] = points.to_bytes(2, "big")
        found = dg2.parse(dg2_of(record_2005(bytes(face))))
        assert [(each.image, each.stated_width_px) for each in found] == [(JPEG, 48)]
        assert names(found) == ["face 1, header"]


def test_unknown_image_bytes_are_kept() -> None:
    found = dg2.parse(dg2_of(record_2005(face_2005(b"what this is nobody knows"))))
    assert [(face.image, face.kind, face.width_px) for face in found] == [
        (b"what this is nobody knows", "unknown", None)
    ]
    assert (found[0].stated_width_px, names(found), found.odd[0].raw) == (48, ["face 1"], found[0].image)
    assert b"nobody" not in repr(found).encode()


@pytest.mark.parametrize("version", [b"020\0", b"011\0", b"\0\0\0\0"])
def test_other_editions_are_read_as_that_of_2005(version: bytes) -> None:
    found = dg2.parse(dg2_of(record_2005(face_2005(JPEG), version=version)))
    assert ([face.image for face in found], names(found)) == ([JPEG], ["face 1, header"])


def test_a_block_of_no_known_kind() -> None:
    found = dg2.parse(dg2_of(b"XYZ" * 10 + JPEG))
    assert [face.image for face in found] == [JPEG]
    assert names(found) == ["face 1, header", "face 1, format"]
    found = dg2.parse(dg2_of(b"XYZ", record_2005(face_2005(JPEG))))
    assert [face.image for face in found] == [JPEG]
    assert "face 1" in names(found)
    for cut in range(40):
        dg2.parse(dg2_of(record_2005(face_2005(JPEG))[:cut]))


# ---- ISO/IEC 19794-5:2011


def test_faces_of_the_edition_of_2011() -> None:
    found = dg2.parse(dg2_of(record_2011(face_2011(JPEG), face_2011(JP2, kind=2, size=(30, 40), quality=3))))
    assert [(face.image, face.sex, face.standard) for face in found] == [
        (JPEG, "M", "ISO/IEC 19794-5:2011"),
        (JP2, "M", "ISO/IEC 19794-5:2011"),
    ]
    assert found.odd == ()
    found = dg2.parse(dg2_of(record_2011(face_2011(JPEG, off=-5))))
    assert ([face.image for face in found], names(found)) == ([JPEG], ["face 1, length of image"])
    face = bytearray(face_2011(JPEG))
    face[18] = 40
    found = dg2.parse(dg2_of(record_2011(bytes(face))))
    assert ([face.image for face in found], names(found)) == ([JPEG], ["face 1, header"])
    assert (found[0].stated_width_px, found[0].stated_height_px) == (48, 64)


# ---- ISO/IEC 39794-5


def face_39794(
    image: bytes, *, code: bytes = b"\x80\x01\x03", more: bytes = b"", person: bytes = b"", number: int = 0
) -> bytes:
    about = tlv.encode(0xA1, tlv.encode(0xA0, code) + more)
    base = tlv.encode(0xA0, tlv.encode(0xA0, tlv.encode(0x80, image) + about))
    return tlv.sequence(tlv.encode(0x80, bytes((number,))), tlv.encode(0xA1, base), person)


def block_39794(*representations: bytes, tag: int = 0x65, version: bytes = bytes.fromhex("80010381 0207E3")) -> bytes:
    return tlv.encode(tag, tlv.encode(0xA0, version) + tlv.encode(0xA1, b"".join(representations)))


def dg2_39794(block: bytes, *, holder: int = 0x7F2E, wrapped: bool = True) -> bytes:
    return group(0x75, tlv.encode(holder, tlv.encode(0xA1, block) if wrapped else block), format_type="002A")


def test_a_face_of_39794() -> None:
    for holder in (0x7F2E, 0x5F2E):
        for wrapped in (True, False):
            found = dg2.parse(dg2_39794(block_39794(face_39794(JP2)), holder=holder, wrapped=wrapped))
            (face,) = found
            assert (face.image, face.kind, face.stated_kind, face.standard) == (
                JP2,
                "jpeg2000",
                "jpeg2000",
                "ISO/IEC 39794-5",
            )
            assert (face.width_px, face.height_px, face.sex) == (30, 40, None)
            assert found.odd == ()


def test_a_face_of_39794_with_all_that_may_be_there() -> None:
    size = tlv.encode(0xA7, b"\x80\x01\x1e\x81\x01\x28")
    unknown = tlv.encode(0xBF40, b"\x80\x01\x00") + tlv.encode(0x9F7F, b"x")
    person = tlv.encode(0xA8, bytes.fromhex("A005A103800103"))
    landmarks = tlv.encode(0xA9, tlv.sequence(tlv.NULL_VALUE) * 70)
    two = [
        face_39794(JP2, more=size + unknown, person=person + landmarks),
        face_39794(JPEG, code=b"\x80\x01\x02", number=1),
    ]
    found = dg2.parse(dg2_39794(block_39794(*two)))
    assert [(face.image, face.sex) for face in found] == [(JP2, "F"), (JPEG, None)]
    assert (found[0].stated_width_px, found[0].stated_height_px, found.odd) == (30, 40, ())
    extended = face_39794(JP2, code=tlv.encode(0xA1, b"\x80\x01\x03"))
    assert dg2.parse(dg2_39794(block_39794(extended))).odd == ()


def test_a_face_of_39794_that_contradicts_itself() -> None:
    size = tlv.encode(0xA7, b"\x80\x01\x10\x81\x01\x20")
    found = dg2.parse(dg2_39794(block_39794(face_39794(JPEG, more=size))))
    assert (found[0].image, found[0].kind, found[0].stated_kind) == (JPEG, "jpeg", "jpeg2000")
    assert names(found) == ["face 1, kind", "face 1, size"]
    found = dg2.parse(dg2_39794(block_39794(face_39794(JPEG, code=b"\x80\x01\x63"))))
    assert ([face.image for face in found], names(found)) == ([JPEG], ["face 1, kind"])
    found = dg2.parse(dg2_39794(block_39794(face_39794(JP2), version=b"")))
    assert ([face.image for face in found], names(found)) == ([JP2], ["face 1, version"])
    found = dg2.parse(dg2_39794(block_39794(tlv.sequence(b"\x80\x01\x00"), face_39794(JP2))))
    assert ([face.image for face in found], names(found)) == ([JP2], ["face 1.1"])
    bare = tlv.read_one(face_39794(JP2)).value
    found = dg2.parse(dg2_39794(block_39794(bare)))
    assert ([face.image for face in found], names(found)) == ([JP2], ["face 1, representations"])
    found = dg2.parse(dg2_39794(tlv.encode(0x65, b"")))
    assert (list(found), names(found)) == ([], ["face 1, version", "face 1"])
    found = dg2.parse(dg2_39794(block_39794(face_39794(JP2))[:-1], wrapped=False))
    assert found[0].image.startswith(JP2)
    assert names(found) == ["face 1", "face 1, header", "face 1, format"]


def test_codes_under_explicit_tags() -> None:
    explicit = tlv.encode(0xA0, b"\x0a\x01\x03")
    found = dg2.parse(
        dg2_39794(block_39794(face_39794(JP2, code=explicit), version=bytes.fromhex("A003020103A104020207E3")))
    )
    assert ([face.stated_kind for face in found], found.odd) == (["jpeg2000"], ())


def test_a_block_as_a_data_object_in_a_constructed_one() -> None:
    block = tlv.encode(0x7F2E, tlv.encode(0x5F2E, record_2005(face_2005(JPEG))))
    found = dg2.parse(group(0x75, block))
    assert ([face.image for face in found], found.odd) == ([JPEG], ())


def test_a_constructed_octet_string_and_long_lengths() -> None:
    pieces = tlv.octet_string(JP2[:50]) + tlv.octet_string(JP2[50:])
    about = tlv.encode(0xA1, tlv.encode(0xA0, b"\x80\x01\x03"))
    base = tlv.encode(0xA0, tlv.encode(0xA0, tlv.encode(0xA0, pieces) + about))
    block = block_39794(tlv.sequence(b"\x80\x84\x00\x00\x00\x01\x00", tlv.encode(0xA1, base)))
    found = dg2.parse(dg2_39794(block))
    assert ([face.image for face in found], found.odd) == ([JP2], ())


def indefinite(data: bytes) -> bytes:
    """The data object with indefinite lengths wherever it is constructed."""
    found = tlv.read_one(data)
    if not found.constructed:
        return data
    parts = b"".join(indefinite(tlv.encode(part.tag, part.value)) for part in found.reader())
    return tlv.encode(found.tag, b"")[:-1] + b"\x80" + parts + b"\0\0"


def test_a_block_with_indefinite_lengths() -> None:
    block = indefinite(tlv.encode(0xA1, block_39794(face_39794(JP2))))
    for holder in (0x7F2E, 0x5F2E):
        found = dg2.parse(group(0x75, tlv.encode(holder, block), format_type="002A"))
        assert ([face.image for face in found], found.odd) == ([JP2], ())
    found = dg2.parse(group(0x75, tlv.encode(0x5F2E, block[:-1]), format_type="002A"))
    assert found[0].image.startswith(JP2)
    assert names(found)[0] == "face 1"


def test_representations_without_end_are_bounded() -> None:
    found = dg2.parse(dg2_39794(block_39794(*[face_39794(b"x")] * 500)))
    assert len(found) == 16
    assert "rest of representations of face 1" in names(found)


# ---- the frame


@pytest.mark.parametrize(
    ("change", "name"),
    [
        (
            lambda d: d.replace(bytes.fromhex("020101 7F60".replace(" ", "")), bytes.fromhex("0201027F60")),
            "number of templates",
        ),
        (lambda d: d.replace(bytes.fromhex("88020008"), bytes.fromhex("88020007")), "face 1, format"),
        (lambda d: d.replace(bytes.fromhex("87020101"), bytes.fromhex("87020102")), "face 1, format"),
        (lambda d: d.replace(bytes.fromhex("810102"), bytes.fromhex("810108")), "face 1, type"),
        (lambda d: d.replace(bytes.fromhex("80020101"), bytes.fromhex("99020101")), "template 1, tag 99"),
        (lambda d: d.replace(bytes.fromhex("80020101"), bytes.fromhex("88020008")), "template 1, format type"),
    ],
)
def test_a_header_that_is_odd_costs_no_face(change: object, name: str) -> None:
    found = dg2.parse(change(dg2_of(record_2005(face_2005(JPEG)))))  # type: ignore[operator]
    assert [face.image for face in found] == [JPEG]
    assert names(found) == [name]


def test_frames_of_other_forms() -> None:
    block = tlv.encode(0x5F2E, record_2005(face_2005(JPEG)))
    header = tlv.encode(0xA1, bytes.fromhex("8702010188020008"))
    template = tlv.encode(0x7F60, header + block)
    for content, wanted, odd in (
        (template, 1, ["number of templates"]),
        (tlv.integer(1) + template + template, 2, ["number of templates"]),
        (
            tlv.integer(1) + tlv.encode(0x7F60, block),
            1,
            ["template 1, format owner", "template 1, format type", "face 1, format"],
        ),
        (tlv.integer(1) + tlv.encode(0x7F60, header), 0, ["template 1"]),
        (tlv.integer(1) + tlv.encode(0x7F60, header + block + tlv.encode(0x7D, b"")), 1, ["template 1, tag 7D"]),
        (tlv.integer(1) + template + b"\x53\x01\x00", 1, ["tag 53"]),
        (b"\x02\x02\x00\x01" + template, 1, ["number of templates"]),
        (tlv.integer(1) + template + b"\x7f", 1, ["rest of group of templates"]),
    ):
        found = dg2.parse(tlv.encode(0x75, tlv.encode(0x7F61, content)))
        assert (len(found), names(found)) == (wanted, odd)
    one = tlv.encode(0x7F61, tlv.integer(1) + template)
    found = dg2.parse(tlv.encode(0x75, one + one))
    assert (len(found), names(found)) == (2, ["group"])
    found = dg2.parse(tlv.encode(0x75, one + b"\x81\x00"))
    assert (len(found), names(found)) == (1, ["tag 81"])
    for data in (b"\x75\x00", tlv.encode(0x75, template), tlv.encode(0x63, one), b"", tlv.encode(0x75, one)[:-1]):
        with pytest.raises(FormatError):
            dg2.parse(data)


@pytest.mark.parametrize("tag", [0x63, 0x76])
@pytest.mark.parametrize("filling", ["", "5304A1B2C3D4", "5300"])
def test_an_empty_group_has_random_filling(tag: int, filling: str) -> None:
    data = tlv.encode(tag, tlv.encode(0x7F61, b"\x02\x01\x00" + bytes.fromhex(filling)))
    assert cbeff.parse(data, tag, what="DG") == Found(())


# ---- DG3


def finger_2005(image: bytes, *, position: int = 2, size: tuple[int, int] = (64, 80)) -> bytes:
    return struct.pack(">IBBBBBHHB", 14 + len(image), position, 1, 1, 80, 0, *size, 0) + image


def fingers_2005(*fingers: bytes, compression: int = 2) -> bytes:
    content = b"".join(fingers)
    head = b"FIR\x00010\0" + (32 + len(content)).to_bytes(6, "big")
    return head + struct.pack(">HHBBHHHHBBH", 0, 31, len(fingers), 1, 500, 500, 500, 500, 8, compression, 0) + content


def fingers_2011(image: bytes, *, position: int = 7, compression: int = 2, certified: bool = False) -> bytes:
    body = bytes(9) + bytes(5) + b"\x01" + bytes(5) + (b"\x01" + bytes(3) if certified else b"")
    body += struct.pack(">BBBHHHHBBBHH", position, 0, 1, 500, 500, 500, 500, 8, compression, 0, 64, 80)
    body += len(image).to_bytes(4, "big") + image
    finger = (len(body) + 4).to_bytes(4, "big") + body
    return b"FIR\x00020\0" + struct.pack(">IHBB", 16 + len(finger), 1, certified, 1) + finger


def dg3_of(*blocks: bytes, format_type: str = "0007", holder: int = 0x5F2E) -> bytes:
    return group(0x63, *(tlv.encode(holder, b) for b in blocks), format_type=format_type, kind=8)


def test_finger_images_of_19794_4() -> None:
    found = dg3.parse(dg3_of(fingers_2005(finger_2005(WSQ), finger_2005(WSQ, position=7))))
    assert [(f.position, f.kind, f.data, f.width_px, f.height_px) for f in found] == [
        (2, "wsq", WSQ, 64, 80),
        (7, "wsq", WSQ, 64, 80),
    ]
    assert found.odd == ()
    assert dg3.minutiae(found) == {}
    raw = bytes(64 * 80)
    found = dg3.parse(dg3_of(fingers_2005(finger_2005(raw), compression=0)))
    assert (found[0].kind, found[0].data, found[0].width_px, found.odd) == ("raw", raw, 64, ())
    for certified in (False, True):
        found = dg3.parse(dg3_of(fingers_2011(WSQ, certified=certified)))
        assert [(f.position, f.kind, f.data, f.standard) for f in found] == [(7, "wsq", WSQ, "ISO/IEC 19794-4:2011")]
        assert found.odd == ()


def test_finger_images_that_contradict_their_record() -> None:
    found = dg3.parse(dg3_of(fingers_2005(finger_2005(JPEG), compression=2)))
    assert (found[0].kind, found[0].data) == ("jpeg", JPEG)
    assert names(found) == ["finger 1, kind", "finger 1, size"]
    found = dg3.parse(dg3_of(fingers_2005(finger_2005(WSQ), finger_2005(WSQ))))
    assert ([f.position for f in found], names(found)) == ([2, 2], ["finger 2, position"])
    found = dg3.parse(dg3_of(fingers_2005(finger_2005(WSQ, position=13))))
    assert ([f.position for f in found], found.odd) == ([None], ())
    found = dg3.parse(dg3_of(fingers_2005(finger_2005(b"?"))))
    assert ([(f.kind, f.data) for f in found], names(found)) == ([("unknown", b"?")], ["finger 1"])


def finger_39794(image: bytes, *, position: bytes = b"\x80\x01\x02", code: bytes = b"\x80\x01\x01") -> bytes:
    return tlv.sequence(
        tlv.encode(0xA0, position), tlv.encode(0xA1, b"\x80\x01\x00"), tlv.encode(0xA2, code), tlv.encode(0x83, image)
    )


def test_finger_images_of_39794_4() -> None:
    extended = tlv.encode(0xA1, b"\x80\x01\x07")
    block = block_39794(finger_39794(WSQ), finger_39794(WSQ, position=extended), tag=0x64)
    for data in (
        dg3_of(tlv.encode(0xA1, block), format_type="0029", holder=0x7F2E),
        dg3_of(block, format_type="0029", holder=0x5F2E),
    ):
        found = dg3.parse(data)
        assert [(f.position, f.kind, f.data, f.standard) for f in found] == [
            (2, "wsq", WSQ, "ISO/IEC 39794-4"),
            (7, "wsq", WSQ, "ISO/IEC 39794-4"),
        ]
        assert found.odd == ()
    lacking = block_39794(tlv.sequence(tlv.encode(0x83, WSQ)), tlv.sequence(), tag=0x64)
    found = dg3.parse(dg3_of(lacking, format_type="0029", holder=0x7F2E))
    assert [(f.position, f.kind) for f in found] == [(None, "wsq")]
    assert names(found) == ["finger 1.1, position", "finger 1.1, kind", "finger 1.2"]


def test_minutiae_records_that_are_odd_are_kept() -> None:
    good = emrtd_samples.finger_record(2)
    for record in (good[:-1], good[:8] + bytes(4) + good[12:], b"FMR\0 30\0" + good[8:]):
        found = dg3.parse(dg3_of(record, emrtd_samples.finger_record(7), format_type="0001"))
        assert [finger.data for finger in found] == [record, emrtd_samples.finger_record(7)]
        assert names(found)[0] == "finger 1"
        assert dg3.minutiae(found) == {7: emrtd_samples.finger_record(7)}
    newer = b"FMR\x00030\0" + (20).to_bytes(4, "big") + bytes(8)
    found = dg3.parse(dg3_of(newer, format_type="0001"))
    assert [(f.standard, f.kind) for f in found] == [("ISO/IEC 19794-2:2011", "minutiae")]


# ---- images


@pytest.mark.parametrize(
    ("data", "kind", "size", "components"),
    [
        (WSQ, "wsq", (64, 80), 1),
        (b"P5\n64 80\n255\n" + bytes(10), "pnm", (64, 80), 1),
        (b"P6 64 80 255\n", "pnm", (64, 80), 3),
        (
            b"\x89PNG\r\n\x1a\n" + bytes.fromhex("0000000D49484452 00000040 00000050 0802000000".replace(" ", "")),
            "png",
            (64, 80),
            3,
        ),
    ],
)
def test_heads_of_other_images(data: bytes, kind: str, size: tuple[int, int], components: int) -> None:
    info = images.inspect(data)
    assert (info.kind, (info.width_px, info.height_px), info.components) == (kind, size, components)
    with pytest.raises(FormatError, match="neither JPEG nor JPEG 2000"):
        dg2.build(data)
