"""Tables that are the truth of something, in a file or on a server: what their keeper asks of either."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from functools import wraps
from typing import Final, ParamSpec, Protocol, TypeVar

from sqlalchemy import Connection, Table

from cccd_core.errors import FileError

_TRIES: Final = 3
_T = TypeVar("_T")
_P = ParamSpec("_P")


class LostConnectionError(FileError):
    """The server was lost in the middle of a transaction. The fact `undone` says that nothing of it was kept, so that
    it may be done again; where it is False it may have been kept, and whoever needs to know must look."""

    @property
    def undone(self) -> bool:
        """Whether nothing of the transaction was kept."""
        return self.facts.get("undone") is True


class Database(Protocol):
    """Where the tables are. `where` names it in errors, without a password."""

    @property
    def where(self) -> str: ...

    def read(self) -> AbstractContextManager[Connection]:
        """One transaction that sees one state of the tables, and changes nothing."""

    def write(self) -> AbstractContextManager[Connection]:
        """One transaction, the only one that writes; kept when it ends well, undone when anything is raised.

        What one writer kept is seen by the next, and before anything that a later one writes."""

    def put(  # type: ignore[explicit-any]  # a table of any columns
        self, connection: Connection, table: Table, rows: Sequence[Mapping[str, object]]
    ) -> None:
        """Inserts rows, which have the same columns, in the transaction of `write`."""

    def among(  # type: ignore[explicit-any]  # a table of any columns
        self, connection: Connection, table: Table, names: Sequence[str], key: str, values: Sequence[str | bytes]
    ) -> Iterator[tuple[object, ...]]:
        """The columns `names` of the rows whose `key` is one of these values, as the driver gives them: texts, whole
        numbers and bytes, no days."""

    def erase(self) -> None:
        """Leaves nothing of what was deleted before where this can be done at once."""

    def purge(self) -> None:
        """Leaves nothing of what was deleted before, however long it takes."""

    def faults(self) -> list[str]:
        """What the keeper itself finds wrong with its tables and indices, read whole; a hundred faults at the most."""

    def close(self) -> None:
        """Lets go; it can be used again."""


def again(method: Callable[_P, _T]) -> Callable[_P, _T]:
    """A call that is made again, twice at most, where the database was lost and nothing of it was kept."""
    return _made_again(method, kept_or_not=False)


def repeated(method: Callable[_P, _T]) -> Callable[_P, _T]:
    """A call that changes nothing when it is made a second time: it is made again, twice at most, where the database
    was lost, whether anything of it was kept or not."""
    return _made_again(method, kept_or_not=True)


def _made_again(method: Callable[_P, _T], *, kept_or_not: bool) -> Callable[_P, _T]:
    @wraps(method)
    def call(*args: _P.args, **named: _P.kwargs) -> _T:
        for _ in range(_TRIES - 1):
            try:
                return method(*args, **named)
            except LostConnectionError as error:
                if not (error.undone or kept_or_not):
                    raise
        return method(*args, **named)

    return call
