"""What a card says, as people read it: the form from which DG1, DG2, DG3 and DG13 are built, checked once."""

from __future__ import annotations

import datetime as dt
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from types import MappingProxyType

from cccd_core.errors import ParameterError

MAX_TEXT_CHARACTERS = 400
MAX_PORTRAIT_BYTES = 60_000
MAX_FINGER_BYTES = 32_000  # an image; a minutiae record takes 2 kB at most

_REQUIRED_TEXTS = ("full_name", "nationality_name")


@dataclass(frozen=True, slots=True, repr=False)
class CardContent:
    """The content of one card, before it is coded into data groups.

    Texts are Vietnamese in NFC (brought to NFC here). `portrait` is a JPEG or JPEG 2000 file; `fingers` maps ISO/IEC
    19794 finger positions 1-10 to ISO/IEC 19794-2:2005 records or images (ISO/IEC 19794-4:2005, `finger_image.build`),
    in ascending order. `expiry_date` None means a card without expiry ("Không thời hạn"). ParameterError names the
    field that is wrong, never its value.
    """

    personal_number: str
    full_name: str
    birth_date: dt.date
    sex: str
    issue_date: dt.date
    expiry_date: dt.date | None
    portrait: bytes = field(repr=False)
    fingers: Mapping[int, bytes] = field(repr=False)
    nationality: str = "VNM"
    nationality_name: str = "Việt Nam"
    ethnicity: str | None = None
    religion: str | None = None
    place_of_origin: str | None = None
    place_of_residence: str | None = None
    marks: str | None = None
    father: str | None = None
    mother: str | None = None
    spouse: str | None = None
    old_number: str | None = None

    def __post_init__(self) -> None:
        for each in fields(self):
            value = getattr(self, each.name)
            if isinstance(value, str):
                object.__setattr__(self, each.name, _text(each.name, value))
        if len(self.personal_number) != 12 or not _digits(self.personal_number):
            raise ParameterError("the personal number has twelve digits", field="personal_number")
        for name in _REQUIRED_TEXTS:
            if not getattr(self, name).strip():
                raise ParameterError("a required text is empty", field=name)
        if self.sex not in ("M", "F"):
            raise ParameterError("sex is M or F", field="sex")
        if len(self.nationality) != 3 or not self.nationality.isascii() or not self.nationality.isupper():
            raise ParameterError("nationality is a code of three capital letters", field="nationality")
        if self.issue_date < self.birth_date:
            raise ParameterError("the card is issued before birth", field="issue_date")
        if self.expiry_date is not None and self.expiry_date <= self.issue_date:
            raise ParameterError("the card expires before it is issued", field="expiry_date")
        if not 0 < len(self.portrait) <= MAX_PORTRAIT_BYTES:
            raise ParameterError("the portrait has an impossible size", field="portrait", limit=MAX_PORTRAIT_BYTES)
        for position, record in self.fingers.items():
            if not 1 <= position <= 10:
                raise ParameterError("a finger position is 1 to 10", field="fingers", position=position)
            if not 0 < len(record) <= MAX_FINGER_BYTES:
                raise ParameterError("a finger record has an impossible size", field="fingers", position=position)
        object.__setattr__(self, "portrait", bytes(self.portrait))
        ordered = {position: bytes(self.fingers[position]) for position in sorted(self.fingers)}
        object.__setattr__(self, "fingers", MappingProxyType(ordered))

    def __reduce__(self) -> tuple[object, ...]:
        values = {each.name: getattr(self, each.name) for each in fields(self)}
        return (_rebuild, (values | {"fingers": dict(self.fingers)},))


def _rebuild(values: dict[str, object]) -> CardContent:
    return CardContent(**values)  # type: ignore[arg-type]


def _digits(text: str) -> bool:
    return text.isascii() and text.isdigit()


def _text(name: str, value: str) -> str:
    normal = unicodedata.normalize("NFC", value)
    if len(normal) > MAX_TEXT_CHARACTERS:
        raise ParameterError("a text is too long", field=name, limit=MAX_TEXT_CHARACTERS)
    if any(unicodedata.category(character) in ("Cc", "Cs") for character in normal):
        raise ParameterError("a text holds control characters", field=name)
    return normal
