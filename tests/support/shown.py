"""What the text of an object shows: every class of the package, each field filled with something that is recognised."""

from __future__ import annotations

import dataclasses
import enum
import importlib
import inspect
import pkgutil
import typing
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import UnionType
from typing import Any

import numpy as np

import cccd_core


def classes() -> Iterator[type]:
    """Every class that is defined in the package, also those of modules that need an optional part."""
    for module in pkgutil.walk_packages(cccd_core.__path__, "cccd_core."):
        for value in list(vars(importlib.import_module(module.name)).values()):
            if inspect.isclass(value) and value.__module__ == module.name:
                yield value
                inside = (inner for inner in vars(value).values() if inspect.isclass(inner))
                yield from (inner for inner in inside if inner.__module__ == module.name)


def path_of(cls: type) -> str:
    """`area.module.Class`, without the package's name."""
    return f"{cls.__module__.removeprefix('cccd_core.')}.{cls.__qualname__}"


def has_fields(cls: type) -> bool:
    """Whether its text is made of named fields: a data class or a named tuple."""
    return dataclasses.is_dataclass(cls) or (issubclass(cls, tuple) and hasattr(cls, "_fields"))


def writes_itself(cls: type) -> bool:
    """Whether the package writes its text: not that of an error or a name among several, which hold no value."""
    if issubclass(cls, BaseException | enum.Enum):
        return False
    ours = (each for each in cls.__mro__ if each.__module__.startswith("cccd_core."))
    return any(name in vars(each) for each in ours for name in ("__repr__", "__str__", "__format__"))


def names_of(cls: type) -> tuple[str, ...]:
    """The names of its fields."""
    if dataclasses.is_dataclass(cls):
        return tuple(field.name for field in dataclasses.fields(cls))
    return tuple(cls._fields)  # type: ignore[attr-defined]


@dataclass(frozen=True, repr=False)
class _Mark:
    name: str

    def __repr__(self) -> str:
        return f"<<{self.name}>>"

    def __format__(self, spec: str) -> str:
        return repr(self)

    def __len__(self) -> int:
        return 12

    def __iter__(self) -> Iterator[object]:
        return iter(())


def filled(cls: type) -> Any:
    """An instance whose fields each show themselves as `<<name>>`."""
    marks = {name: _Mark(name) for name in names_of(cls)}
    if not dataclasses.is_dataclass(cls):
        return cls._make(marks.values())  # type: ignore[attr-defined]
    made = cls.__new__(cls)
    for name, mark in marks.items():
        object.__setattr__(made, name, mark)
    return made


def texts(value: object) -> str:
    """Everything that a log, an error or a traceback would write of it."""
    return "\n".join((repr(value), str(value), f"{value}", "%s %r" % (value, value)))  # noqa: UP031 - how logging does


def shown_fields(cls: type) -> set[str]:
    """The fields that the text of an instance shows."""
    text = texts(filled(cls))
    return {name for name in names_of(cls) if f"<<{name}>>" in text}


class _Unknown:
    """Stands for a name that is imported for the type checker alone."""

    def __class_getitem__(cls, item: object) -> type:
        return cls


def types_of(cls: type) -> dict[str, object]:
    """The declared type of each field."""
    missing: dict[str, object] = {}
    while True:
        try:
            return typing.get_type_hints(cls, localns=missing)
        except NameError as error:
            missing[str(error.name)] = _Unknown


def holds_raw_data(declared: object) -> bool:
    """Whether a field of this type holds bytes or an array, at any depth."""
    if declared is np.ndarray or declared in (bytes, bytearray, memoryview):
        return True
    origin = typing.get_origin(declared)
    if origin is np.ndarray:
        return True
    if origin is None and not isinstance(declared, UnionType):
        return False
    return any(holds_raw_data(each) for each in typing.get_args(declared))


def judged_elsewhere(declared: object) -> bool:
    """Whether a field of this type holds an object of the package, whose own text is looked at by itself, or a path."""
    parts = typing.get_args(declared) if isinstance(declared, UnionType) else (declared,)
    return all(
        part is type(None) or part is Path or (inspect.isclass(part) and part.__module__.startswith("cccd_core."))
        for part in parts
    )
