"""Plain data: JSON as a type, and the one way in which records of ours become JSON and come back.

A record is a frozen dataclass of texts, numbers, truth values, dates, bytes (as hexadecimal), words (StrEnum, Literal),
tuples, frozensets, mappings by text, and further records. Its field names and words are what stands in files: renaming
a class changes no file, renaming a field or a word does.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence, Set
from dataclasses import MISSING, fields, is_dataclass
from datetime import date, datetime
from enum import StrEnum
from functools import cache
from inspect import get_annotations
from types import NoneType, UnionType
from typing import Literal, TypeAlias, TypeVar, Union, cast, get_args, get_origin

Json: TypeAlias = Union[bool, int, float, str, "Sequence[Json]", "Mapping[str, Json]", None]
JsonObject: TypeAlias = Mapping[str, Json]

_T = TypeVar("_T")


def encode(value: object) -> Json:
    """A record, or any part of one, as JSON-ready data; what is None by default is left out where it is None.

    TypeError for what is no part of a record.
    """
    if isinstance(value, StrEnum):
        return str(value)
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Mapping):
        return {str(name): encode(item) for name, item in value.items()}
    if isinstance(value, Set):
        return sorted((encode(item) for item in value), key=repr)
    if isinstance(value, Sequence):
        return [encode(item) for item in value]
    if is_dataclass(value):
        given = {item: getattr(value, item.name) for item in fields(value) if item.init}
        return {item.name: encode(one) for item, one in given.items() if one is not None or item.default is not None}
    raise TypeError(f"no part of a record: {type(value).__name__}")


def encode_record(value: object) -> dict[str, Json]:
    """A record as a JSON object."""
    return cast("dict[str, Json]", encode(value))


class RefusedError(ValueError):
    """A part of JSON data that is not what it must be: where it stands, and what it had to be; never its value."""

    def __init__(self, what: str, where: tuple[str, ...] = ()) -> None:
        super().__init__(what, where)
        self.what = what
        self.where = where

    def under(self, name: str) -> RefusedError:
        """The same, seen from what holds it under this name."""
        return RefusedError(self.what, (name, *self.where))

    def __str__(self) -> str:
        return f"{'.'.join(self.where)}: {self.what}" if self.where else self.what


def decode(kind: type[_T], data: object) -> _T:
    """The record of this type in JSON data from outside. A field that is left out has its default; RefusedError, a
    ValueError that names the field, for one that is unknown, missing or of another type than it must have."""
    return cast(_T, _decoder(cast("Hashable", kind))(data))


@cache
def _decoder(kind: Hashable) -> Callable[[object], object]:
    """What takes one type back from JSON."""
    if kind == Json:
        return lambda data: data
    origin, arguments = get_origin(kind), get_args(kind)
    if origin in (Union, UnionType):
        choice = _choice(tuple(map(_decoder, arguments)))
        others = [one for one in arguments if one is not NoneType]
        if len(others) == len(arguments) or len(others) > 1:
            return choice
        only = _decoder(others[0])  # whose error says more than that of a choice
        return lambda data: None if data is None else only(data)
    if origin in (tuple, frozenset) and isinstance(origin, type):
        return _items(origin, _decoder(arguments[0]))
    if origin is Literal:
        return lambda data: data if isinstance(data, str) and data in arguments else _refuse("word")
    if origin is Mapping:
        return _mapping(_decoder(arguments[0]), _decoder(arguments[1]))
    if not isinstance(kind, type):
        raise TypeError(f"no type of a record: {kind}")
    if is_dataclass(kind):
        return _record(kind)
    if issubclass(kind, StrEnum):
        words = {str(word): word for word in kind}
        return lambda data: words.get(_require(str, data)) or _refuse(kind.__name__)
    if kind is bytes:
        return _converted(bytes.fromhex, "text of hexadecimal digits")
    if kind in (date, datetime):
        return _converted(kind.fromisoformat, f"{'time' if kind is datetime else 'date'} as ISO 8601 has it")
    if kind is float:
        return _float
    if kind is str:
        return _text
    if kind in (bool, int, NoneType):
        return lambda data: _require(kind, data)
    raise TypeError(f"no type of a record: {kind}")


def _converted(convert: Callable[[str], object], what: str) -> Callable[[object], object]:
    def take(data: object) -> object:
        try:
            return convert(_require(str, data))
        except ValueError:
            return _refuse(what)

    return take


def _float(data: object) -> object:
    try:
        return float(_require(int, data) if isinstance(data, int) else _require(float, data))
    except OverflowError:  # hundreds of digits
        return _refuse("float")


def _text(data: object) -> object:
    text = _require(str, data)
    if not text.isascii() and any("\ud800" <= sign <= "\udfff" for sign in text):
        return _refuse("text")  # half a character, which JSON can escape and no file can hold
    return text


def _choice(decoders: Sequence[Callable[[object], object]]) -> Callable[[object], object]:
    def take(data: object) -> object:
        for decoder in decoders:
            try:
                return decoder(data)
            except ValueError:
                continue
        return _refuse("one of several")

    return take


def _items(build: type, decoder: Callable[[object], object]) -> Callable[[object], object]:
    def take(data: object) -> object:
        if isinstance(data, str) or not isinstance(data, Sequence):
            return _refuse("list")
        return build(_inside(str(number), decoder, item) for number, item in enumerate(data))

    return take


def _inside(name: str, decoder: Callable[[object], object], item: object) -> object:
    try:
        return decoder(item)
    except RefusedError as error:
        raise error.under(name) from None


def _mapping(key: Callable[[object], object], decoder: Callable[[object], object]) -> Callable[[object], object]:
    def take(data: object) -> object:
        return {key(name): _inside(name, decoder, item) for name, item in _mapping_of(data).items()}

    return take


def _record(kind: type) -> Callable[[object], object]:
    hints = get_annotations(kind, eval_str=True)
    known = {item.name: item for item in fields(kind) if item.init}
    decoders = {name: _decoder(hints[name]) for name in known}
    needed = {name for name, item in known.items() if item.default is MISSING and item.default_factory is MISSING}

    def take(data: object) -> object:
        given = _mapping_of(data)
        missing = sorted(needed - given.keys())
        if missing:
            raise RefusedError("it is missing", (missing[0],))
        if not given.keys() <= known.keys():
            raise RefusedError(f"a field that {kind.__name__.lstrip('_')} does not have")
        return kind(**{name: _inside(name, decoders[name], item) for name, item in given.items()})

    return take


def _mapping_of(data: object) -> Mapping[str, object]:
    if not isinstance(data, Mapping) or not all(isinstance(name, str) for name in data):
        raise RefusedError("not an object")
    return data


def _require(kind: type[_T], data: object) -> _T:
    if not isinstance(data, kind) or (isinstance(data, bool) and kind is int):
        raise RefusedError(f"not a {kind.__name__}")
    return data


def _refuse(what: str) -> object:
    raise RefusedError(f"not a {what}")
