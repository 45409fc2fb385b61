"""DG16: persons to notify. Reading only. Doc 9303-10 clause 4.7.16."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from cccd_core.emrtd import dates, tlv
from cccd_core.emrtd.dates import PartialDate
from cccd_core.emrtd.files import ElementaryFile
from cccd_core.emrtd.odd import Found, OddParts, counted, objects, raw
from cccd_core.errors import FormatError

_RECORDED = 0x5F50
_NAMES = {_RECORDED: "recorded", 0x5F51: "name", 0x5F52: "telephone", 0x5F53: "address"}
_PERSONS = range(0xA1, 0xB0)  # A1 the first, A2 the second, ...


@dataclass(frozen=True, slots=True, repr=False)
class PersonToNotify:
    """One person; `name` as in the machine readable zone, `recorded` when this was written down."""

    recorded: dt.date | PartialDate | None = None
    name: str | None = None
    telephone: str | None = None
    address: str | None = None


def parse(data: bytes) -> Found[PersonToNotify]:
    """The persons. What is odd is in `odd` (`person 1, recorded`), and the rest is read. FormatError where there is no
    DG16."""
    whole = tlv.read_one(data, ElementaryFile.DG16.tag, what="DG16")
    odd = OddParts()
    stated: int | None = None
    persons: list[PersonToNotify] = []
    for part in objects(whole, odd, what="DG16"):
        if part.tag == tlv.INTEGER and stated is None and not persons:
            stated = counted(part, odd, what="number of persons")
        elif part.tag in _PERSONS:
            persons.append(_person(part, odd, f"person {len(persons) + 1}"))
        else:
            odd.add(f"tag {part.tag:X}", raw(whole, part), "an unknown data object", offset=part.offset)
    if stated != len(persons):
        odd.add("number of persons", b"", "the number of persons is another", stated=stated, count=len(persons))
    return Found(tuple(persons), odd.all())


def _person(holder: tlv.Tlv, odd: OddParts, name: str) -> PersonToNotify:
    texts: dict[int, str] = {}
    recorded: dt.date | PartialDate | None = None
    seen: set[int] = set()
    for part in objects(holder, odd, what=name):
        shown = f"{name}, {_NAMES.get(part.tag, f'tag {part.tag:X}')}"
        if part.tag not in _NAMES or part.tag in seen:
            odd.add(shown, raw(holder, part), "a data object that is unknown or there twice", offset=part.offset)
            continue
        seen.add(part.tag)
        try:
            if part.tag == _RECORDED:
                recorded = dates.parse(part.value)
            else:
                texts[part.tag] = tlv.to_text(part)
        except FormatError as error:
            odd.caught(shown, part.value, error)
    return PersonToNotify(recorded, texts.get(0x5F51), texts.get(0x5F52), texts.get(0x5F53))
