"""Stored JSON taken apart field by field: what is missing, left over or of another type is said, nothing guessed."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import TypeGuard, TypeVar

from cccd_core.errors import FormatError

_Word = TypeVar("_Word", bound=StrEnum)


class JsonFields:
    """The fields of one JSON object; each is taken once, and `end` demands that none is left.

    Every method raises FormatError that names the field, never its value.
    """

    def __init__(self, value: object, what: str) -> None:
        if not isinstance(value, dict):
            raise FormatError(f"{what} is no JSON object")
        self._what = what
        self._left: dict[object, object] = dict(value)

    def __contains__(self, name: str) -> bool:
        return name in self._left

    def value(self, name: str) -> object:
        """Whatever stands there."""
        if name not in self._left:
            raise FormatError(f"{self._what} lacks a field", field=name)
        return self._left.pop(name)

    def text(self, name: str) -> str:
        """A text, which can be written as UTF-8."""
        value = self.value(name)
        if not _is_text(value):
            raise self._wrong(name)
        return value

    def text_or_none(self, name: str) -> str | None:
        """A text, or null."""
        value = self.value(name)
        if value is not None and not _is_text(value):
            raise self._wrong(name)
        return value

    def word(self, name: str, words: type[_Word]) -> _Word:
        """One of the words of an enumeration."""
        return self._as_word(name, self.text(name), words)

    def number(self, name: str) -> int:
        """A whole number from 0 on."""
        value = self.value(name)
        if not isinstance(value, int) or isinstance(value, bool) or value < 0:
            raise self._wrong(name)
        return value

    def flag(self, name: str) -> bool:
        """True or false."""
        value = self.value(name)
        if not isinstance(value, bool):
            raise self._wrong(name)
        return value

    def items(self, name: str) -> list[object]:
        """A list."""
        value = self.value(name)
        if not isinstance(value, list):
            raise self._wrong(name)
        return value

    def texts(self, name: str) -> dict[str, str]:
        """An object of texts by name."""
        found: dict[str, str] = {}
        for key, value in self._object(name):
            if not _is_text(key) or not _is_text(value):
                raise self._wrong(name)
            found[key] = value
        return found

    def outcomes(self, name: str, words: type[_Word]) -> dict[_Word, bool | None]:
        """An object of true, false or null by word."""
        found: dict[_Word, bool | None] = {}
        for key, value in self._object(name):
            if not _is_text(key) or not (value is None or isinstance(value, bool)):
                raise self._wrong(name)
            found[self._as_word(name, key, words)] = value
        return found

    def end(self) -> None:
        """Demands that every field was taken."""
        if self._left:
            raise FormatError(f"{self._what} has fields that it should not have", fields=len(self._left))

    def _object(self, name: str) -> Iterable[tuple[object, object]]:
        value = self.value(name)
        if not isinstance(value, dict):
            raise self._wrong(name)
        return value.items()

    def _as_word(self, name: str, text: str, words: type[_Word]) -> _Word:
        try:
            return words(text)
        except ValueError:
            raise FormatError(f"{self._what} has a word that is not known", field=name) from None

    def _wrong(self, name: str) -> FormatError:
        return FormatError(f"{self._what} has a field of another type", field=name)


def _is_text(value: object) -> TypeGuard[str]:
    """Whether it is a text without half characters, which JSON can escape and no file can hold."""
    if not isinstance(value, str):
        return False
    return value.isascii() or not any("\ud800" <= letter <= "\udfff" for letter in value)
