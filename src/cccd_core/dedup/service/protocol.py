"""What is said over the socket: one JSON object a line in each direction, every length bounded before it is read.

    {"id": "r1", "operation": "insert", "reference": "A-17", "fingers": [{"position": 2, "data": "Rk1SACAy..."}]}
    {"id": "r1", "operation": "insert", "state": "accepted"}

A connection may carry any number of requests, answered one by one in their order. Nobody's name or number has a place
in it: a reference is made of letters, digits and `.`, `_`, `:`, `-`, and is not twelve digits as a personal number is.
"""

from __future__ import annotations

import base64
import binascii
import json
import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal, TypeAlias, TypeVar

from cccd_core.dedup.lookup import Answer, Looked
from cccd_core.dedup.person import MAX_FINGERS, EnrolledPerson, is_identifier
from cccd_core.errors import (
    BusyError,
    CccdError,
    ConflictError,
    DamagedError,
    Fact,
    FileError,
    FormatError,
    ParameterError,
    UnavailableError,
)
from cccd_core.plain import Json, RefusedError, decode, encode_record

FRAME_BYTES_MOST: Final = 1 << 20  # ten fingers of 64 KiB in base64, and what stands around them
FINGER_BYTES_MOST: Final = 64 << 10
WAIT_MOST_S: Final = 60.0
_NAME: Final = re.compile(r"[A-Za-z0-9._:-]{1,64}")
_PERSONAL_NUMBER: Final = re.compile(r"[0-9]{12}")

_T = TypeVar("_T")

Operation: TypeAlias = Literal["insert", "identify", "delete", "status"]
State: TypeAlias = Literal["accepted", "done", "failed", "refused", "unknown"]


@dataclass(frozen=True, slots=True)
class SentFinger:
    """A template in any format: position (0: unknown), and its bytes in base64."""

    position: int
    data: str = field(repr=False)

    def bytes_of(self) -> bytes:
        """The template's bytes. FormatError."""
        if not 0 <= self.position <= MAX_FINGERS:
            raise FormatError("a finger's position is 0, unknown, to 10", position=self.position)
        if len(self.data) > FINGER_BYTES_MOST * 4 // 3 + 4:
            raise FormatError("too large for a template", position=self.position, most=FINGER_BYTES_MOST)
        try:
            return base64.b64decode(self.data, validate=True)
        except (binascii.Error, ValueError):
            raise FormatError("a template's bytes are no base64", position=self.position) from None


@dataclass(frozen=True, slots=True)
class Request:
    """One request.

    `id`: the request's own; sent again it is the same request, and is answered as before. `reference`: whom it is of;
    `fingers`: of who is inserted or identified, in a template format that says so itself, or in the one of `format`,
    `dpi`, `height_px`, `width_px` (see `templates.read`). `order`: which order or legal ground asks for a
    deletion, or for somebody being looked up.
    `wait`: how many seconds the answer may take, so that it is the outcome; 0 is answered at once.

    * `insert` enrols the fingers under the reference.
    * `identify` looks the fingers up, or without fingers those enrolled under the reference, who is left out.
    * `delete` takes out whom the reference stands for.
    * `status` tells the state of the request of this id; without one, of the service.
    """

    operation: Operation
    id: str | None = None
    reference: str | None = None
    fingers: tuple[SentFinger, ...] = field(default=(), repr=False)
    order: str | None = None
    wait: float = 0.0
    format: str | None = None
    dpi: float | None = None
    height_px: int | None = None
    width_px: int | None = None

    def demand_sound(self) -> None:
        """Raises ParameterError for a request that is none."""
        if not (math.isfinite(self.wait) and 0 <= self.wait <= WAIT_MOST_S):
            raise ParameterError("an answer may be waited for so many seconds", field="wait", most=WAIT_MOST_S)
        for name, text in (("id", self.id), ("reference", self.reference)):
            if text is not None and _NAME.fullmatch(text) is None:
                what = "it is 1 to 64 letters, digits and the signs . _ : -"
                raise ParameterError(what, field=name)
            if text is not None and _PERSONAL_NUMBER.fullmatch(text) is not None:
                raise ParameterError("twelve digits are a personal number, which does not belong here", field=name)
        if self.id is None and self.operation != "status":
            raise ParameterError("a request has an id", field="id")
        if len(self.fingers) > MAX_FINGERS:
            raise ParameterError("a person has at most ten fingers", field="fingers", fingers=len(self.fingers))
        wanted = _WANTED[self.operation]
        for name, given in (("reference", self.reference), ("fingers", self.fingers), ("order", self.order)):
            if given and name not in wanted[0] | wanted[1]:
                raise ParameterError("the operation has no such field", field=name, operation=self.operation)
            if not given and name in wanted[0]:
                raise ParameterError("the operation needs this field", field=name, operation=self.operation)
        if self.operation == "identify" and not (self.reference or self.fingers):
            raise ParameterError(
                "somebody is looked up by fingers or by a reference", field="fingers", operation=self.operation
            )
        if self.order is not None and not is_identifier(self.order):
            raise ParameterError("an order has 1 to 64 characters, none of them a control character", field="order")


# operation -> the fields that it must have, and those that it may
_WANTED: Final[dict[str, tuple[frozenset[str], frozenset[str]]]] = {
    "insert": (frozenset({"reference", "fingers"}), frozenset()),
    "identify": (frozenset(), frozenset({"reference", "fingers", "order"})),
    "delete": (frozenset({"reference", "order"}), frozenset()),
    "status": (frozenset(), frozenset()),
}
PersonReader: TypeAlias = Callable[[str, Request], EnrolledPerson]
"""Makes a person of that identifier of a request's fingers, and believes them nothing. FormatError, ParameterError."""


@dataclass(frozen=True, slots=True)
class ToldError:
    """An error as it is sent and kept."""

    kind: str
    message: str
    facts: Mapping[str, Json] = field(default_factory=dict)

    @classmethod
    def of(cls, error: CccdError) -> ToldError:
        """What is told of an error."""
        return cls(error.kind, error.message, dict(error.facts))

    def again(self) -> CccdError:
        """The error itself, at the other end."""
        facts: dict[str, Fact] = {
            name: value if value is None or isinstance(value, str | int | float) else str(value)
            for name, value in self.facts.items()
            if name.isidentifier()
        }
        return _KINDS.get(self.kind, CccdError)(self.message, **facts)


_KINDS: Final[dict[str, type[CccdError]]] = {
    one.kind: one
    for one in (FormatError, ParameterError, UnavailableError, FileError, DamagedError, BusyError, ConflictError)
}


@dataclass(frozen=True, slots=True)
class Reply:
    """What is answered: to which request, and how it stands.

    `accepted`: it is kept, and will be carried out; `done`: with its `outcome`; `failed`: with its `error`, and `again`
    where the same request may be sent again and is then carried out; `refused`: nothing was kept of it; `unknown`:
    nobody knows of this id (any more).
    """

    state: State
    id: str | None = None
    operation: Operation | None = None
    outcome: Json = None
    error: ToldError | None = None
    again: bool = False


@dataclass(frozen=True, slots=True)
class Identified:
    """The outcome of `identify`: as `lookup.Looked` says it, of one person."""

    answer: Answer
    people: int
    comparisons: int
    fpir: float
    duplicate_score: float
    review_score: float
    cascade: str


def identified_in(reply: Reply) -> Looked | None:
    """The outcome of an `identify` that is done; None of any other reply. FormatError for what is none."""
    if reply.operation != "identify" or reply.state != "done":
        return None
    try:
        found = decode(Identified, reply.outcome)
    except RefusedError as error:
        raise FormatError(f"not an outcome: {error.what}") from None
    return Looked(
        (found.answer,), found.people, found.comparisons, found.fpir, found.duplicate_score, found.review_score,
        found.cascade, {},
    )  # fmt: skip


def request_of(frame: bytes) -> Request:
    """The request in a line. FormatError, ParameterError; none of them shows what was sent."""
    request = _decoded(Request, frame, "a request")
    request.demand_sound()
    return request


def reply_of(frame: bytes) -> Reply:
    """The reply in a line. FormatError."""
    return _decoded(Reply, frame, "a reply")


def frame_of(said: Request | Reply) -> bytes:
    """What is said as a line, its end included. FormatError where it is too long."""
    line = json.dumps(encode_record(said), separators=(",", ":")).encode() + b"\n"
    if len(line) > FRAME_BYTES_MOST:
        raise FormatError("it is longer than a line may be", length=len(line), most=FRAME_BYTES_MOST)
    return line


def sent(fingers: Sequence[tuple[int, bytes]]) -> tuple[SentFinger, ...]:
    """Templates as they are sent."""
    return tuple(SentFinger(position, base64.b64encode(data).decode()) for position, data in fingers)


def _decoded(kind: type[_T], frame: bytes, what: str) -> _T:
    try:
        return decode(kind, json.loads(frame, object_pairs_hook=_once))
    except RefusedError as error:
        where = error.where[0] if error.where else ""
        raise FormatError(f"not {what}: {error.what}", field=where) from None
    except (ValueError, RecursionError):
        raise FormatError(f"not {what}: a line holds one JSON object, in UTF-8, no field of it twice") from None


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError
    return found
