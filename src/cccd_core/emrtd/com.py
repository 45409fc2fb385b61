"""EF.COM: which data groups are there, for which LDS version.

Doc 9303-10 clause 4.6.1. EF.COM is not signed: what counts is the list in EF.SOD.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass

from cccd_core.emrtd import tlv
from cccd_core.emrtd.files import ElementaryFile
from cccd_core.errors import FormatError

LDS_1_7 = "0107"
LDS_1_8 = "0108"
UNICODE_4_0_0 = "040000"

_LDS_TAG = 0x5F01
_UNICODE_TAG = 0x5F36
_LIST_TAG = 0x5C


@dataclass(frozen=True, slots=True)
class Com:
    """`lds_version` as four digits, `unicode_version` as six, the data groups' numbers in ascending order."""

    lds_version: str
    unicode_version: str
    data_groups: tuple[int, ...]


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
    """Reads EF.COM. FormatError with offset for what is none, an unknown tag in the list or one that is twice there."""
    reader = tlv.read_one(data, ElementaryFile.EF_COM.tag, what="EF.COM").reader()
    lds = _digits(reader.next(_LDS_TAG, what="LDS version"), 4)
    unicode = _digits(reader.next(_UNICODE_TAG, what="Unicode version"), 6)
    listed = reader.next(_LIST_TAG, what="list of tags")
    reader.finish("EF.COM")
    numbers = []
    for index, tag in enumerate(listed.value):
        file = ElementaryFile.for_tag(tag)
        if file is None or file.data_group is None or file.data_group in numbers:
            raise FormatError("a tag out of place in EF.COM", offset=listed.value_offset + index, tag=f"{tag:X}")
        numbers.append(file.data_group)
    return Com(lds, unicode, tuple(sorted(numbers)))


def _digits(found: tlv.Tlv, count: int) -> str:
    if not re.fullmatch(rb"[0-9]{%d}" % count, found.value):
        raise FormatError("a version of EF.COM is not digits", offset=found.value_offset, length=len(found.value))
    return found.value.decode("ascii")
