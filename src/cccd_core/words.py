"""Stable words for reports: the word, and what it says to people. Imports nothing of the project."""

from __future__ import annotations

from enum import StrEnum
from typing import Self


class Word(StrEnum):
    """A word and, as `text`, what it says. Members are `NAME = "word", "text"`."""

    text: str

    def __new__(cls, word: str, text: str) -> Self:
        member = str.__new__(cls, word)
        member._value_ = word
        member.text = text
        return member
