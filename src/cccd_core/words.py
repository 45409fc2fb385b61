"""Stable words for reports: the word, what it says to people, and one of them said of something, with its facts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Generic, Self, TypeVar

from cccd_core.errors import Fact


class Word(StrEnum):
    """A word and, as `text`, what it says. Members are `NAME = "word", "text"`."""

    text: str

    def __new__(cls, word: str, text: str) -> Self:
        member = str.__new__(cls, word)
        member._value_ = word
        member.text = text
        return member


AnyWord = TypeVar("AnyWord", bound=Word, covariant=True)


@dataclass(frozen=True, slots=True)
class Said(Generic[AnyWord]):
    """A word said of something, with its facts: positions, counts, sizes, names of formats; nobody's data."""

    word: AnyWord
    facts: Mapping[str, Fact] = field(default_factory=dict)

    def __str__(self) -> str:
        facts = ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in self.facts.items())
        return f"{self.word.text}{f' ({facts})' if facts else ''}"

    def __hash__(self) -> int:
        return hash((self.word, tuple(self.facts.items())))

    def as_dict(self) -> dict[str, Fact | dict[str, Fact]]:
        """JSON-ready."""
        return {"word": str(self.word), "text": self.word.text, "facts": dict(self.facts)}
