"""Steps of dossiers from a file, line by line, however many there are: JSON Lines, or CSV with its columns in the first
line. What is wrong with a line is said of that line, and the next one is read."""

from __future__ import annotations

import csv
import json
import uuid
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import IO, Final

from cccd_core.errors import CccdError, ParameterError
from cccd_core.issuance.register.life import State
from cccd_core.issuance.register.records import Move, event_id, microseconds

LINE_BYTES_MOST: Final = 16 * 1024
FIELDS: Final = ("dossier_id", "to", "actor", "time", "after", "reason", "order", "event_id")
_NEEDED: Final = ("dossier_id", "to")
_Fields = Mapping[str, object]


def read(file: IO[bytes], *, actor: str | None = None) -> Iterator[tuple[int, Move | CccdError]]:
    """The number of each line and its step, or what is wrong with it; empty lines are passed over. `actor`: of steps
    that name none.

    A step is known again, when the file is read anew, by its `event_id`; without one by its dossier, state, and `time`
    (RFC 3339, with a zone) or, where it has none, `after`, the number of the step before it. ParameterError where the
    first line is neither, or a line is longer than `LINE_BYTES_MOST`; OSError of the file.
    """
    fields_of: Callable[[str], _Fields] | None = None
    number = 0
    while line := file.readline(LINE_BYTES_MOST + 1):
        number += 1
        if len(line) > LINE_BYTES_MOST:
            raise ParameterError("a line of steps is too long", line=number, most=LINE_BYTES_MOST)
        if not line.strip():
            continue
        try:
            text = line.decode("utf-8-sig" if fields_of is None else "utf-8").strip("\r\n")
            if fields_of is None:
                fields_of, is_header = _format(text)
                if is_header:
                    continue
            found: Move | CccdError = _step(fields_of(text), actor)
        except CccdError as error:
            if fields_of is None:
                raise error.with_facts(line=number) from None
            found = error
        except (ValueError, TypeError, csv.Error, RecursionError):
            if fields_of is None:
                raise ParameterError("the file is neither JSON Lines nor CSV of steps", line=number) from None
            found = ParameterError("the line is no step")
        yield number, found


def _format(first: str) -> tuple[Callable[[str], _Fields], bool]:
    """How a line is taken apart, and whether the first one is the header of the others."""
    if first.lstrip().startswith("{"):
        return _of_json, False
    names = next(csv.reader([first], strict=True))
    unknown = [name for name in names if name not in FIELDS]
    if unknown or len(set(names)) < len(names) or not set(_NEEDED) <= set(names):
        raise ParameterError("the first line of steps is no header of theirs", known=" ".join(FIELDS))

    def of_csv(line: str) -> _Fields:
        values = next(csv.reader([line], strict=True))
        return {name: value or None for name, value in zip(names, values, strict=True)}

    return of_csv, True


def _of_json(line: str) -> _Fields:
    found = json.loads(line)
    if not isinstance(found, dict):
        raise TypeError
    return found


def _step(given: _Fields, actor: str | None) -> Move:
    if unknown := [name for name in given if name not in FIELDS]:
        raise ParameterError("a step has no such field", field=unknown[0][:64], known=" ".join(FIELDS))
    texts = {name: _text(given.get(name)) for name in FIELDS if name != "after"}
    dossier_id, to, who = texts["dossier_id"], texts["to"], texts["actor"] or actor
    if dossier_id is None or to is None or who is None:
        raise ParameterError("a step names its dossier, the state that it goes to, and who moves it")
    try:
        state = State(to)
    except ValueError:
        raise ParameterError("a step goes to none of the states", known=" ".join(State)) from None
    time = None if texts["time"] is None else datetime.fromisoformat(texts["time"])
    after = _number(given.get("after"))
    if texts["event_id"] is not None:
        name = uuid.UUID(texts["event_id"])
    elif time is not None:
        name = event_id("step", dossier_id, to, "at", str(microseconds(time)))
    elif after is not None:
        name = event_id("step", dossier_id, to, "after", str(after))
    else:
        raise ParameterError("a step has an event_id, a time or after, by which it is known again")
    return Move(dossier_id, state, who, after, time, texts["reason"], texts["order"], name)


def _text(value: object) -> str | None:
    if value is None or value == "":
        return None
    if not isinstance(value, str):
        raise TypeError
    return value


def _number(value: object) -> int | None:
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 10:
        value = int(value)
    if value is not None and (type(value) is not int or value < 1):
        raise ParameterError("after is the number of a step, from 1 on")
    return value
