"""What comes over the socket is believed in nothing, and what goes out comes back."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest

from cccd_core.dedup.service.protocol import (
    FRAME_BYTES_MOST,
    Reply,
    Request,
    SentFinger,
    ToldError,
    frame_of,
    reply_of,
    request_of,
    sent,
)
from cccd_core.errors import BusyError, CccdError, ConflictError, FormatError, ParameterError

SOUND = {"operation": "insert", "id": "r1", "reference": "A-17", "fingers": [{"position": 2, "data": "QUJD"}]}


def test_a_request_comes_back_as_it_was_sent() -> None:
    request = Request("insert", "r1", "A-17", sent([(2, b"ABC"), (0, b"\0\xff")]), wait=1.5)
    assert request_of(frame_of(request)) == request
    assert [one.bytes_of() for one in request.fingers] == [b"ABC", b"\0\xff"]
    assert "ABC" not in repr(request)
    assert "QUJD" not in repr(request)


@pytest.mark.parametrize(
    "frame",
    [
        b"", b"{", b"[]", b"null", b"1", b"\xff\xfe", b'{"operation":"insert"}', b"[" * 100_000, b'{"a":' * 50_000,
        b'{"operation":"status","operation":"status"}', b'{"operation":"status","wait":NaN}', b'{"operation":"stop"}',
        b'{"operation":"status","wait":1e999}',
        b'{"operation":"status","wait":1' + b"0" * 400 + b"}",
        b'{"operation":"status","more":1}', b'{"operation":["status"]}',
    ],
)  # fmt: skip
def test_what_is_no_request_is_refused(frame: bytes) -> None:
    with pytest.raises((FormatError, ParameterError)) as refused:
        request_of(frame)
    assert frame[:20].decode("latin-1") not in str(refused.value) or not frame or len(frame) < 5


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"reference": "Nguyen Van A"}, "reference"), ({"reference": "Hòa"}, "reference"), ({"id": ""}, "id"),
        ({"reference": "001088000001"}, "reference"), ({"reference": "a" * 65}, "reference"), ({"id": None}, "id"),
        ({"reference": "a\n"}, "reference"), ({"fingers": []}, "fingers"), ({"reference": None}, "reference"),
        ({"wait": -1}, "wait"), ({"wait": 61}, "wait"), ({"order": "7"}, "order"),
        ({"fingers": SOUND["fingers"] * 11}, "fingers"),  # type: ignore[operator]
        ({"operation": "status"}, "reference"), ({"operation": "delete"}, "fingers"),
        ({"operation": "delete", "fingers": []}, "order"),
        ({"operation": "delete", "fingers": [], "order": "\x07"}, "order"),
        ({"operation": "identify", "reference": None, "fingers": []}, "fingers"),
    ],
)  # fmt: skip
def test_a_field_that_may_not_be(change: dict[str, Any], field: str) -> None:
    assert request_of(json.dumps(SOUND).encode()).reference == "A-17"
    with pytest.raises(ParameterError) as refused:
        request_of(json.dumps(SOUND | change).encode())
    assert refused.value.facts["field"] == field
    assert "Nguyen" not in str(refused.value)
    assert "001088000001" not in str(refused.value)


@pytest.mark.parametrize(
    "finger", [SentFinger(11, "QUJD"), SentFinger(-1, "QUJD"), SentFinger(2, "QU JD"), SentFinger(2, "Q" * 90_000)]
)
def test_a_finger_that_is_none(finger: SentFinger) -> None:
    with pytest.raises(FormatError):
        finger.bytes_of()


def test_altered_requests_raise_nothing_else() -> None:
    chance = random.Random(5)
    sound = json.dumps(SOUND).encode()
    refused = 0
    for _ in range(3000):
        frame = bytearray(sound)
        for _ in range(chance.randint(1, 4)):
            place = chance.randrange(len(frame))
            frame[place : place + chance.randint(0, 3)] = chance.randbytes(chance.randint(0, 3))
        try:
            request_of(bytes(frame))
        except CccdError:
            refused += 1
    assert refused > 1000


def test_errors_are_the_same_at_the_other_end() -> None:
    error = ConflictError("taken", line=3, why=None)
    reply = Reply("refused", "r1", "insert", error=ToldError.of(error))
    again = reply_of(frame_of(reply))
    assert again == reply
    assert again.error is not None
    there = again.error.again()
    assert (type(there), str(there)) == (ConflictError, str(error))
    assert type(ToldError("no kind", "x", {"a b": 1, "list": [1]}).again()) is CccdError
    assert type(ToldError("busy", "x").again()) is BusyError


def test_a_line_too_long_is_not_sent() -> None:
    with pytest.raises(FormatError):
        frame_of(Reply("done", outcome="x" * FRAME_BYTES_MOST))
