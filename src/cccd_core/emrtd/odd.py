"""What a reader does with a part that is not as its standard has it: it keeps the part, says what is wrong, reads on.

A document of another State, or of an old issuer, is genuine with an odd field in it; whoever stands at the counter
needs all the others. What we write has no odd part: that is for whoever checks our own cards to demand.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TypeVar, overload

from cccd_core.emrtd import tlv
from cccd_core.errors import Fact, FormatError
from cccd_core.plain import Json

MAX_OBJECTS = 64  # data objects read of one holder, when it does not say itself how many there may be

_T_co = TypeVar("_T_co", covariant=True)


@dataclass(frozen=True, slots=True)
class OddPart:
    """One part of a file that is not as it should be.

    `name` is the field's own name where the part belongs to one (`birth_date`), else words for the part (`list of
    tags`, `tag 5F99`, `row 3`). `raw` are the bytes as they stand in the file: the value's alone for a field's value,
    the whole data object for one that is not known, nothing for what is missing. `error` says what is wrong. Where the
    value could be told all the same, the result has it beside this.
    """

    name: str
    raw: bytes = field(repr=False)
    error: FormatError = field(compare=False)

    @property
    def text(self) -> str | None:
        """The bytes as people can read them; None where they are no text. Personal data."""
        try:
            text = self.raw.decode("utf-8")
        except UnicodeDecodeError:
            return None
        return text if text.isprintable() else None

    def as_dict(self) -> dict[str, Json]:
        """JSON-ready: which part, why, and a digest to find it by; never the bytes."""
        return {
            "name": self.name,
            "error": self.error.as_dict(),
            "length": len(self.raw),
            "sha256": hashlib.sha256(self.raw).hexdigest(),
        }


class OddParts:
    """Collects odd parts while a file is read; at most `limit`, the last of which then says that there are more."""

    def __init__(self, limit: int = MAX_OBJECTS) -> None:
        self._parts: list[OddPart] = []
        self._limit = limit

    def add(self, name: str, raw: bytes, message: str, /, **facts: Fact) -> None:
        """Notes a part, and in which way it is odd."""
        self.caught(name, raw, FormatError(message, **facts))

    def caught(self, name: str, raw: bytes, error: FormatError) -> None:
        """Notes a part that could not be read because of `error`."""
        if len(self._parts) < self._limit:
            self._parts.append(OddPart(name, raw, error))
        elif len(self._parts) == self._limit:
            more = FormatError("more parts are odd than are told", limit=self._limit)
            self._parts.append(OddPart("more", b"", more))

    def extend(self, parts: Sequence[OddPart]) -> None:
        """Takes over what another reader found odd."""
        for part in parts:
            self.caught(part.name, part.raw, part.error)

    def all(self) -> tuple[OddPart, ...]:
        """What was noted, in order."""
        return tuple(self._parts)


@dataclass(frozen=True, slots=True)
class Found(Sequence[_T_co]):
    """What could be read of a file, in its order: a sequence of `parts`; and what is `odd` in it."""

    parts: tuple[_T_co, ...]
    odd: tuple[OddPart, ...] = ()

    @overload
    def __getitem__(self, index: int) -> _T_co: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[_T_co, ...]: ...
    def __getitem__(self, index: int | slice) -> _T_co | tuple[_T_co, ...]:
        return self.parts[index]

    def __len__(self) -> int:
        return len(self.parts)

    def __iter__(self) -> Iterator[_T_co]:
        return iter(self.parts)


def objects(holder: tlv.Tlv, odd: OddParts, *, what: str, limit: int = MAX_OBJECTS) -> tuple[tlv.Tlv, ...]:
    """The data objects in `holder`. From the first that cannot be read, or is beyond `limit`, the rest is one odd part
    `rest of WHAT`.
    """
    reader = holder.reader()
    found: list[tlv.Tlv] = []
    while reader.remaining:
        start = reader.offset
        try:
            if len(found) == limit:
                raise FormatError(f"{what} has too many parts", offset=start, limit=limit)
            found.append(reader.next())
        except FormatError as error:
            odd.caught(f"rest of {what}", holder.value[start - holder.value_offset :], error)
            break
    return tuple(found)


def counted(found: tlv.Tlv, odd: OddParts, *, what: str) -> int | None:
    """The small number in an INTEGER, read leniently: an odd part where it is not one in its shortest form, None where
    it is no number at all."""
    try:
        return tlv.to_integer(found)
    except FormatError as error:
        odd.caught(what, found.value, error)
        return int.from_bytes(found.value, "big", signed=True) if 1 <= len(found.value) <= 8 else None


def raw(holder: tlv.Tlv, found: tlv.Tlv) -> bytes:
    """A data object's bytes, tag and length among them, as they stand in the one that holds it."""
    return holder.value[found.offset - holder.value_offset : found.end - holder.value_offset]
