"""What a caller hands in at a public door: looked at before it is used, so that a mistake is told by its name."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, TypeVar

from cccd_core.errors import ParameterError

BUFFERS: Final = (bytes, bytearray, memoryview)
_T = TypeVar("_T")


def require_type(value: object, kind: type | tuple[type, ...], field: str) -> None:
    """ParameterError where an argument is of another type than its field takes. The facts are `field` and the names of
    the types `wanted` and `given`, never the value."""
    if not isinstance(value, kind):
        kinds = kind if isinstance(kind, tuple) else (kind,)
        wanted = " or ".join(each.__name__ for each in kinds)
        raise ParameterError("an argument of another type", field=field, wanted=wanted, given=type(value).__name__)


def members(values: Iterable[_T], kind: type[_T], field: str) -> tuple[_T, ...]:
    """The members of a collection, each of this type; a text or bytes are no collection. ParameterError."""
    given: object = values
    if isinstance(given, str | bytes | bytearray) or not isinstance(given, Iterable):
        raise ParameterError(
            "an argument of another type", field=field, wanted=f"several of {kind.__name__}", given=type(given).__name__
        )
    found = tuple(values)
    for each in found:
        require_type(each, kind, field)
    return found
