"""EF.COM: which data groups are there, for which LDS version.

Doc 9303-10 clause 4.6.1. EF.COM is not signed: what counts is the list in EF.SOD.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass

from cccd_core.emrtd import tlv
from cccd_core.emrtd.files import ElementaryFile
from cccd_core.emrtd.odd import OddPart, OddParts, objects, raw

LDS_1_7 = "0107"
LDS_1_8 = "0108"
UNICODE_4_0_0 = "040000"

LIST_NAME = "list of tags"
"""The name of the list as an odd part: without it nothing is said of data groups."""

_LDS_TAG = 0x5F01
_UNICODE_TAG = 0x5F36
_LIST_TAG = 0x5C
_PARTS = {_LDS_TAG: "lds_version", _UNICODE_TAG: "unicode_version", _LIST_TAG: LIST_NAME}


@dataclass(frozen=True, slots=True)
class Com:
    """`lds_version` as four digits and `unicode_version` as six, None where they are not that; the data groups' numbers
    in ascending order; `odd` names what else is there (`tag 77`)."""

    lds_version: str | None
    unicode_version: str | None
    data_groups: tuple[int, ...]
    odd: tuple[OddPart, ...] = ()


def build(data_groups: Collection[int], *, lds_version: str = LDS_1_7) -> bytes:
    """EF.COM that lists these data groups."""
    tags = bytes(ElementaryFile.for_data_group(number).tag for number in sorted(set(data_groups)))
    return tlv.encode(
        ElementaryFile.EF_COM.tag,
        tlv.encode(_LDS_TAG, lds_version.encode("ascii"))
        + tlv.encode(_UNICODE_TAG, UNICODE_4_0_0.encode("ascii"))
        + tlv.encode(_LIST_TAG, tags),
    )


def parse(data: bytes) -> Com:
    """Reads EF.COM, its parts in any order. A tag of the list that is no data group's or stands there twice, a version
    that is no number, a part that is missing, unknown or there twice is in `odd`; the rest is read. FormatError with
    offset for what is no EF.COM.
    """
    whole = tlv.read_one(data, ElementaryFile.EF_COM.tag, what="EF.COM")
    odd = OddParts()
    values: dict[int, tlv.Tlv] = {}
    for found in objects(whole, odd, what="EF.COM"):
        if found.tag not in _PARTS:
            odd.add(f"tag {found.tag:X}", raw(whole, found), "an unknown part of EF.COM", offset=found.offset)
        elif found.tag in values:
            odd.add(_PARTS[found.tag], found.value, "a part of EF.COM is there twice", offset=found.offset)
        else:
            values[found.tag] = found
    for tag, name in _PARTS.items():
        if tag not in values:
            odd.add(name, b"", "a part of EF.COM is missing", offset=whole.value_offset, tag=f"{tag:X}")
    listed = values.get(_LIST_TAG)
    groups = () if listed is None else _listed(listed, odd)
    lds, unicode = _digits(values.get(_LDS_TAG), 4, odd), _digits(values.get(_UNICODE_TAG), 6, odd)
    return Com(lds, unicode, groups, odd.all())


def _listed(listed: tlv.Tlv, odd: OddParts) -> tuple[int, ...]:
    numbers: list[int] = []
    for index, tag in enumerate(listed.value):
        file = ElementaryFile.for_tag(tag)
        place, name = listed.value_offset + index, f"tag {tag:02X}"
        if file is None or file.data_group is None:
            odd.add(name, bytes((tag,)), "a tag that is no data group's", offset=place, tag=f"{tag:02X}")
        elif file.data_group in numbers:
            odd.add(name, bytes((tag,)), "a data group is listed twice", offset=place, tag=f"{tag:02X}")
        else:
            numbers.append(file.data_group)
    return tuple(sorted(numbers))


def _digits(found: tlv.Tlv | None, count: int, odd: OddParts) -> str | None:
    if found is None:
        return None
    if not re.fullmatch(rb"[0-9]{%d}" % count, found.value):
        odd.add(_PARTS[found.tag], found.value, "a version of EF.COM is not its digits", offset=found.value_offset)
        return None
    return found.value.decode("ascii")
