"""Records of ours as JSON and back."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from enum import StrEnum
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cccd_core.plain import Json, RefusedError, decode, encode


class Word(StrEnum):
    ONE = "one"
    TWO = "two"


@dataclass(frozen=True)
class Part:
    number: int
    words: tuple[Word, ...] = ()


@dataclass(frozen=True)
class Said:
    word: Literal["yes", "no"]


@dataclass(frozen=True)
class Record:
    text: str
    amount: float
    sure: bool
    part: Part
    parts: Mapping[str, Part]
    day: date
    moment: datetime | None
    data: bytes = b""
    numbers: frozenset[int] = frozenset()
    anything: Json = None
    made: str = field(init=False, default="x")


FULL = Record(
    "ế", 1.5, True, Part(3, (Word.TWO, Word.ONE)), {"a": Part(0)}, date(2026, 2, 28),
    datetime(2026, 2, 28, 7, tzinfo=UTC), b"\x00\xff", frozenset({3, 1}), {"k": [1, None, "v", {"w": 0.5}]},
)  # fmt: skip


def test_a_record_comes_back_as_it_was() -> None:
    said = json.loads(json.dumps(encode(FULL)))
    assert decode(Record, said) == FULL
    assert said["part"] == {"number": 3, "words": ["two", "one"]}
    assert (said["data"], said["numbers"], said["day"]) == ("00ff", [1, 3], "2026-02-28")
    assert "made" not in said


def test_a_word_is_one_of_those_that_there_are() -> None:
    assert decode(Said, encode(Said("no"))) == Said("no")
    for wrong in ("maybe", 1, None, ["yes"]):
        with pytest.raises(RefusedError):
            decode(Said, {"word": wrong})


def test_what_is_left_out_has_its_default() -> None:
    assert decode(Part, {"number": 1}) == Part(1)
    assert decode(tuple[Part, ...], [{"number": 1}, {"number": 2}]) == (Part(1), Part(2))


@pytest.mark.parametrize(
    "change",
    [
        {"text": 1}, {"text": None}, {"amount": "1"}, {"amount": True}, {"sure": 1}, {"part": []}, {"part": {}},
        {"part": {"number": True}}, {"part": {"number": 1, "words": "one"}},
        {"part": {"number": 1, "words": ["three"]}}, {"part": {"number": 1, "words": [["one"]]}},
        {"text": "\ud800"},
        {"part": {"number": 1, "more": 2}}, {"parts": [1]}, {"day": "2026-02-30"}, {"moment": 3}, {"data": "0"},
        {"numbers": [1.5]}, {"made": "y"},
    ],
)  # fmt: skip
def test_anything_else_is_refused_with_its_place_and_without_its_value(change: dict[str, object]) -> None:
    said = {**json.loads(json.dumps(encode(FULL))), **change}
    with pytest.raises(RefusedError) as refused:
        decode(Record, said)
    ((name, value),) = change.items()
    assert refused.value.where[:1] == (() if name == "made" else (name,))
    told = str(refused.value)
    assert told.endswith(refused.value.what)
    assert told.startswith(".".join(refused.value.where))
    for secret in ("three", "2026-02-30", "\ud800", str(value)):
        assert secret not in refused.value.what or len(secret) < 3


def test_the_place_of_a_fault_is_told_down_to_its_member() -> None:
    said = {**json.loads(json.dumps(encode(FULL))), "part": {"number": 1, "words": ["one", "three"]}}
    with pytest.raises(RefusedError, match=r"^part\.words\.1: not a ") as refused:
        decode(Record, said)
    assert refused.value.where == ("part", "words", "1")
    with pytest.raises(RefusedError, match="it is missing") as refused:
        decode(Record, {**said, "part": {}})
    assert refused.value.where == ("part", "number")


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
)


@given(anything)
def test_any_json_is_a_record_or_refused(data: object) -> None:
    try:
        found = decode(Part, data)
    except ValueError:
        return
    assert isinstance(data, dict)
    assert decode(Part, encode(found)) == found


def test_what_is_no_part_of_a_record_is_a_mistake_of_the_program() -> None:
    with pytest.raises(TypeError):
        encode(object())
    with pytest.raises(TypeError):
        decode(object, {})
