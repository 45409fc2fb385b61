"""What is written is read back, for any content; what is read of other bytes is an error of ours or a right answer."""

from __future__ import annotations

import datetime as dt
import hashlib
import unicodedata
from collections import Counter
from collections.abc import Callable

import pytest
from asn1crypto import cms as asn1_cms
from hypothesis import given, settings
from hypothesis import strategies as st

from cccd_core.emrtd import (
    ElementaryFile,
    build_data_groups,
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
    sod,
    tlv,
)
from cccd_core.emrtd.names import name_field
from cccd_core.emrtd.public_keys import parse_spki
from cccd_core.errors import FormatError
from cccd_core.signing import ChipKeys, sign_data_groups
from support import countries, emrtd_samples

LETTERS = "aăâbcdđeêghiklmnoôơpqrstuưvxyAĂÂBCDĐEÊGHIKLMNOÔƠPQRSTUƯVXY"
TONES = ["", "\u0300", "\u0301", "\u0303", "\u0309", "\u0323"]
words = st.lists(st.tuples(st.sampled_from(LETTERS), st.sampled_from(TONES)), min_size=1, max_size=9).map(
    lambda pairs: "".join(letter + tone for letter, tone in pairs)
)
names = st.lists(words, min_size=1, max_size=12).map(" ".join)
texts = st.text(st.characters(exclude_categories=("Cc", "Cs")), min_size=1, max_size=60)
dates = st.dates(dt.date(1900, 1, 1), dt.date(2025, 1, 1))


@st.composite
def contents(draw: st.DrawFn) -> object:
    birth = draw(dates)
    issue = draw(st.dates(dt.date(2025, 1, 2), dt.date(2027, 1, 1)))
    expiry = draw(st.none() | st.dates(dt.date(2027, 1, 2), dt.date(2090, 1, 1)))
    fingers = draw(st.dictionaries(st.integers(1, 10), st.integers(0, 60), max_size=4))
    optional = {
        name: draw(st.none() | texts)
        for name in ("ethnicity", "religion", "place_of_origin", "place_of_residence", "marks", "father", "mother",
                     "spouse", "old_number")
    }  # fmt: skip
    return emrtd_samples.content(
        personal_number=draw(st.text("0123456789", min_size=12, max_size=12)), full_name=draw(names),
        birth_date=birth, sex=draw(st.sampled_from("MF")), issue_date=issue, expiry_date=expiry,
        fingers={position: emrtd_samples.finger_record(position, count) for position, count in fingers.items()},
        **optional,
    )  # fmt: skip


@given(contents())
@settings(max_examples=150)
def test_any_content_comes_back(content: object) -> None:
    groups = build_data_groups(content)  # type: ignore[arg-type]
    zone = dg1.parse(groups[1])
    assert zone.personal_number == content.personal_number  # type: ignore[attr-defined]
    assert zone.information == mrz.for_card(content).information  # type: ignore[arg-type]
    assert dg13.parse(groups[13]) == dg13.of_content(content)  # type: ignore[arg-type]
    assert dg2.parse(groups[2])[0].image == content.portrait  # type: ignore[attr-defined]
    if 3 in groups:
        assert dg3.minutiae(dg3.parse(groups[3])) == content.fingers  # type: ignore[attr-defined]
    assert com.parse(com.build(groups)).data_groups == tuple(groups)
    for number, data in groups.items():
        tlv.check_structure(data, what=f"DG{number}", der=number in (1, 13, 14))


identifiers = st.lists(st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ", min_size=1, max_size=20), min_size=1, max_size=15)


@given(identifiers, st.just([]) | identifiers, st.sampled_from((30, 31, 39)))
def test_name_fields_fill_their_width_and_keep_beginnings(first: list[str], second: list[str], width: int) -> None:
    field = name_field("<".join(first), "<".join(second), width)
    assert len(field) == width
    shown_first, _, shown_second = field.rstrip("<").partition("<<")
    whole = "<".join(first) + ("<<" + "<".join(second) if second else "")
    for shown, given_ in ((shown_first, first), (shown_second, second)):
        parts = [part for part in shown.split("<") if part]
        assert len(parts) <= len(given_)
        assert all(full.startswith(part) for part, full in zip(parts, given_, strict=False))
    if len(whole) <= width:
        assert field == whole.ljust(width, "<")
    else:
        assert field[-1].isalpha()
    if second:
        assert shown_second


@given(names)
def test_any_vietnamese_name_gives_a_zone_that_is_read_back(name: str) -> None:
    zone = mrz.for_card(emrtd_samples.content(full_name=name))
    again = mrz.parse("".join(zone.lines))
    assert again.information == zone.information
    assert again.lines == zone.lines
    assert unicodedata.is_normalized("NFC", emrtd_samples.content(full_name=name).full_name)


KEYS = ChipKeys.generate()
GROUPS = emrtd_samples.data_groups(
    KEYS,
    additional={
        11: details.build_dg11(details.PersonalDetails("A<<B", ("C",), birth_date=dt.date(1980, 1, 2))),
        12: details.build_dg12(details.DocumentDetails("A", dt.date(2020, 1, 2), ("B",), front_image=b"f")),
    },
)
SIGNER = countries.software_signer()
SOD = sign_data_groups(GROUPS, SIGNER, version=1, signing_time=emrtd_samples.NOW)
READERS: dict[str, tuple[Callable[[bytes], object], bytes]] = {
    "DG1": (dg1.parse, GROUPS[1]),
    "DG2": (dg2.parse, GROUPS[2]),
    "DG3": (dg3.parse, GROUPS[3]),
    "DG11": (details.parse_dg11, GROUPS[11]),
    "DG12": (details.parse_dg12, GROUPS[12]),
    "DG13": (dg13.parse, GROUPS[13]),
    "DG14": (security_infos.parse, GROUPS[14]),
    "DG15": (dg15.parse, GROUPS[15]),
    "EF.CardAccess": (security_infos.parse, security_infos.for_card_access().encode()),
    "EF.COM": (com.parse, com.build(GROUPS)),
    "EF.SOD": (sod.parse, SOD),
    "JPEG": (images.inspect, emrtd_samples.portrait("jpeg")),
    "JPEG 2000": (images.inspect, emrtd_samples.portrait("jpeg2000")),
    "key": (parse_spki, KEYS.ca_public_key),
}


@pytest.mark.parametrize("name", READERS)
@given(st.data())
@settings(max_examples=120)
def test_changed_files_give_our_errors_or_are_read(name: str, data: st.DataObject) -> None:
    reader, seed = READERS[name]
    reader(seed)
    changed = bytearray(seed)
    for _ in range(data.draw(st.integers(1, 4))):
        position = data.draw(st.integers(0, max(0, len(changed) - 1)))
        action = data.draw(st.sampled_from(("set", "cut", "insert", "drop")))
        if action == "set" and changed:
            changed[position] = data.draw(st.integers(0, 255))
        elif action == "cut":
            del changed[position:]
        elif action == "insert":
            changed[position:position] = data.draw(st.binary(min_size=1, max_size=6))
        else:
            del changed[position : position + 3]
    try:
        reader(bytes(changed))
    except FormatError as error:
        offset = error.facts.get("offset", 0)
        assert isinstance(offset, int)
        assert 0 <= offset <= len(changed) + 8


@pytest.mark.parametrize("name", READERS)
def test_foreign_bytes_are_refused_at_an_offset(name: str) -> None:
    reader, seed = READERS[name]
    outcomes = {"foreign": Counter[str](), "behind a right head": Counter[str](), "behind a right half": Counter[str]()}

    @given(st.binary(max_size=200))
    @settings(max_examples=60)
    def read(data: bytes) -> None:
        for kind, head in zip(outcomes, (b"", seed[:2], seed[: len(seed) // 2]), strict=True):
            outcomes[kind][_outcome(lambda each=head + data: reader(each), len(head + data))] += 1

    read()
    # by chance a few bytes may be right; half of an image is as good as the whole, whose head alone is looked at
    assert [sum(counts.values()) for counts in outcomes.values()] == [60, 60, 60]
    assert outcomes["foreign"]["refused"] >= 58
    assert outcomes["behind a right head"]["refused"] >= 58
    wanted = "read" if name.startswith("JPEG") else "refused"
    # an EF.COM whose first half is right wants one list of tags more, and an odd one costs itself
    assert outcomes["behind a right half"][wanted] >= 54


def _outcome(read: Callable[[], object], size: int) -> str:
    """`read`, or `refused` by a FormatError whose offset lies within the bytes or at their end."""
    try:
        read()
    except FormatError as error:
        offset = error.facts["offset"]
        assert isinstance(offset, int)
        assert 0 <= offset <= size
        return "refused"
    return "read"


@given(st.dictionaries(st.integers(1, 16), st.binary(max_size=40), min_size=2), st.sampled_from((0, 1)))
@settings(max_examples=60)
def test_a_second_parser_reads_the_same_in_every_sod(groups: dict[int, bytes], version: int) -> None:
    data = sign_data_groups(groups, SIGNER, version=version, signing_time=emrtd_samples.NOW)
    der = tlv.read_one(data, ElementaryFile.EF_SOD.tag).value
    tlv.check_structure(der, what="EF.SOD", der=True)
    parsed = asn1_cms.ContentInfo.load(der, strict=True)["content"]
    assert parsed["version"].native == "v3"
    info = parsed["signer_infos"][0]
    attributes = {each["type"].native: each["values"].native[0] for each in info["signed_attrs"]}
    content = parsed["encap_content_info"]["content"].native
    assert attributes["message_digest"] == hashlib.sha256(content).digest()
    assert attributes["signing_time"] == emrtd_samples.NOW
    assert attributes["content_type"] == "2.23.136.1.1.1"
    encodings = [each.dump() for each in info["signed_attrs"]]
    assert encodings == sorted(encodings)
    assert info["sid"].chosen["serial_number"].native == parsed["certificates"][0].chosen.serial_number
    listed = sod.parse(data).security_object
    assert listed.digests == {n: hashlib.sha256(d).digest() for n, d in groups.items()}
    assert listed.version == version


def _length(size: int, extra: int) -> bytes:
    """A length in its shortest form, or, with 1 to 3 `extra` bytes, in one that BER allows and DER does not."""
    if not extra:
        return tlv.encode(tlv.OCTET_STRING, bytes(size))[1 : -size or None]
    return bytes((0x80 | extra + 1,)) + size.to_bytes(extra + 1, "big")


lengths = st.sampled_from((0, 0, 0, 0, 0, 1, 3))
values = st.recursive(
    st.builds(lambda value, extra: b"\x04" + _length(len(value), extra) + value, st.binary(max_size=12), lengths),
    lambda parts: st.builds(
        lambda inner, extra: b"\x30" + _length(len(b"".join(inner)), extra) + b"".join(inner),
        st.lists(parts, max_size=4),
        lengths,
    ),
    max_leaves=12,
)


def test_structure_check_is_safe_for_any_bytes_and_der_is_stricter() -> None:
    outcomes: Counter[tuple[str, str]] = Counter()

    @given(st.binary(max_size=300) | values | st.tuples(values, st.binary(min_size=1, max_size=4)).map(b"".join))
    @settings(max_examples=300)
    def check(data: bytes) -> None:
        ber, der = (
            _outcome(lambda der=der: tlv.check_structure(data, what="data", der=der), len(data))
            for der in (False, True)
        )
        outcomes[ber, der] += 1

    check()
    assert outcomes["read", "read"] > 20
    assert outcomes["read", "refused"] > 20
    assert outcomes["refused", "refused"] > 20
    assert outcomes["refused", "read"] == 0


@given(st.integers(-(1 << 63), (1 << 63) - 1))
def test_integers_come_back(value: int) -> None:
    assert tlv.to_integer(tlv.read_one(tlv.integer(value), tlv.INTEGER, der=True)) == value


@given(st.lists(st.integers(0, 1 << 40), max_size=8), st.integers(0, 2), st.integers(0, 39))
def test_object_identifiers_come_back(rest: list[int], first: int, second: int) -> None:
    dotted = ".".join(map(str, (first, second, *rest)))
    assert tlv.to_oid(tlv.read_one(tlv.oid(dotted), tlv.OID, der=True)) == dotted
