"""What is shown: nothing that a terminal would obey, nothing cut where there is no terminal, one form for every error.

Results go to standard output; where that carries a file's content (`-o -`), they go to standard error.
"""

from __future__ import annotations

import errno
import io
import json
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain, islice
from typing import Any, NoReturn

from rich.box import HEAVY_HEAD, Box
from rich.console import Console, ConsoleDimensions, RenderableType
from rich.table import Table
from rich.text import Text

from cccd_core.errors import CccdError
from cccd_core.printable import escaped, shown
from cccd_core.storage.faults import file_error

_WIDE = 100_000  # columns of an output that is no terminal: lines end where they end
_PIECE = 1 << 16  # characters of JSON that are written at a time


class ReaderLeftError(Exception):
    """Whoever read standard output has closed it (`cccd ... | head`): no fault, and nobody to tell."""


class _Console(Console):
    @property  # type: ignore[misc]  # nobody sets it
    def size(self) -> ConsoleDimensions:
        found = super().size
        return found if self.is_terminal else ConsoleDimensions(_WIDE, found.height)


# A file may be called `:ok:.fmr`, and is shown so.
console = _Console(emoji=False, highlight=False)
errors = _Console(stderr=True, emoji=False, highlight=False)


class _Streams:
    stdout_is_data = False


_streams = _Streams()


def keep_stdout_for_data(taken: bool = True) -> None:
    """From now on standard output carries a file's content and nothing else; what is said goes to standard error."""
    _streams.stdout_is_data = taken


def say(*lines: str) -> None:
    """Lines of a result, each as it is."""
    _write("".join(shown(line) + "\n" for line in lines))


def show(what: RenderableType) -> None:
    """A table or tree of a result."""
    if isinstance(what, Table) and what.title is not None:
        say(str(what.title))  # on a line of its own: as part of the table it would be folded to its width
        what.title = None
    target = errors if _streams.stdout_is_data else console
    rendered = Console(  # apart, so that what could not be written is not kept to be written again
        file=io.StringIO(),
        width=target.width,
        force_terminal=target.is_terminal,
        color_system=target.color_system,  # type: ignore[arg-type]
        emoji=False,
        highlight=False,
    )
    rendered.print(what)
    _write(rendered.file.getvalue())  # type: ignore[attr-defined]


def counted(count: int, what: str) -> str:
    """How many of something there are: `1 dossier`, `2,000 dossiers`."""
    return f"{count:,} {what}" if count == 1 else f"{count:,} {what}s"


def both(line: tuple[str, str]) -> str:
    """Vietnamese and English on one line; once where they are the same."""
    vietnamese, english = line
    return vietnamese if vietnamese == english else f"{vietnamese} / {english}"


def tell(line: str) -> None:
    """A line beside the result, on standard error; where that is closed or full nobody can be told."""
    try:
        sys.stderr.write(shown(line) + "\n")
        sys.stderr.flush()
    except (OSError, ValueError, AttributeError):
        return


def print_json(value: Any) -> None:
    """Writes `value` as JSON in UTF-8, whatever the locale. It holds no unpaired surrogate, which other programs
    refuse: a byte of a name that is no UTF-8 stands as text, as in `shown`. An iterator stands for an array, and is
    never held whole."""
    waiting: list[str] = []
    size = 0
    for piece in json.JSONEncoder(ensure_ascii=False, indent=2, default=_plain).iterencode(value):
        waiting.append(piece)
        size += len(piece)
        if size >= _PIECE:
            _write_json("".join(waiting))
            waiting, size = [], 0
    _write_json("".join(waiting) + "\n")


def _write_json(text: str) -> None:
    _write(re.sub(r"[^\n -~]", _escaped_in_json, text), utf8=True)


class _Items(list[Any]):
    """An array for the encoder, whose items are made while they are written."""

    def __init__(self, items: Iterator[Any]) -> None:
        super().__init__()
        self._first = list(islice(items, 1))
        self._rest = items

    def __bool__(self) -> bool:
        return bool(self._first)

    def __iter__(self) -> Iterator[Any]:
        return chain(self._first, self._rest)


def _escaped_in_json(sign: re.Match[str]) -> str:
    one = sign[0]
    if one.isprintable():
        return one
    return "\\" + escaped(one) if "\ud800" <= one <= "\udfff" else json.dumps(one)[1:-1]


def _plain(value: Any) -> Any:
    if isinstance(value, Iterator):
        return _Items(value)
    if hasattr(value, "as_dict"):
        return value.as_dict()
    if hasattr(value, "tolist"):
        return value.tolist()
    return str(value)


def show_error(error: CccdError, *, as_json: bool) -> None:
    """One form for every error: a line on standard error, or an `error` object where results go."""
    if as_json:
        print_json({"error": error.as_dict()})
    else:
        tell(f"{error.kind}: {error}")


def cause(error: Mapping[str, Any]) -> str:
    """An error that stands in a result, as `show_error` says it; the file's path stands beside it already."""
    facts = {name: value for name, value in error["facts"].items() if name != "path"}
    return str(CccdError(error["message"], **facts))


def table(
    *columns: str,
    title: str | None = None,
    right: Iterable[str] = (),
    header: bool = True,
    frame: Box | None = HEAVY_HEAD,
) -> Table:
    """A table whose cells fold in a narrow terminal and are never cut. `right` names the columns of figures."""

    figures = frozenset(right)
    made = Table(
        title=title,
        box=frame,
        padding=(0, 1) if frame is HEAVY_HEAD else (0, 2, 0, 0),
        show_header=header,
    )
    for name in columns:
        made.add_column(name, justify="right" if name in figures else "left", overflow="fold")
    return made


def cell(value: object, style: str = "") -> Text:
    """A table's cell from any text: no markup, nothing that a terminal would obey."""
    return Text(shown(str(value)), style=style)


def aligned(rows: Mapping[str, Any]) -> list[str]:
    """The lines of two aligned columns, for short listings."""
    width = max((len(name) for name in rows), default=0)
    return [f"{name.ljust(width)}  {value}" for name, value in rows.items()]


def write_stdout(data: bytes | Iterable[bytes]) -> None:
    """The content of a file, to standard output. FileError, DiskFullError; ReaderLeftError."""
    try:
        sys.stdout.flush()
        for piece in (data,) if isinstance(data, bytes) else data:
            sys.stdout.buffer.write(piece)
        sys.stdout.buffer.flush()
    except OSError as error:
        _cannot_print(error)


def flush() -> None:
    """Makes sure that what was printed has arrived. Errors as `write_stdout`."""
    try:
        sys.stdout.flush()
    except OSError as error:
        _cannot_print(error)


def _write(text: str, *, utf8: bool = False) -> None:
    stream = sys.stderr if _streams.stdout_is_data else sys.stdout
    try:
        buffer = getattr(stream, "buffer", None)
        if utf8 and buffer is not None:
            stream.flush()
            buffer.write(text.encode())
        else:
            stream.write(text)
        stream.flush()
    except OSError as error:
        _cannot_print(error)


def _cannot_print(error: OSError) -> NoReturn:
    if error.errno == errno.EPIPE:
        raise ReaderLeftError from None
    raise file_error("standard output cannot be written", error) from None
