"""Which run makes the card of which dossier. Lies beside the register, which knows cards and not who makes them.

An order is placed before the register accepts the dossier, so that nothing is accepted that no run is known to make.
Numbers stand here as the register has them: under a key, their marks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from sqlalchemy import Column, ColumnElement, MetaData, String, Table, insert, select, update

from cccd_core.errors import ConflictError
from cccd_core.storage.sqlite import SqliteFile, SqliteKind

KIND = SqliteKind(
    what="list of orders",
    application_id=0x4343444F,  # "CCDO"
    version=1,
    schema=(
        "CREATE TABLE orders (dossier_id TEXT NOT NULL, number TEXT NOT NULL, run TEXT NOT NULL, digest TEXT NOT NULL,"
        " PRIMARY KEY (dossier_id, number)) WITHOUT ROWID",
    ),
    value_bytes_max=4096,
)

_MARK_SIGNS: Final = 64  # which no number has

_ORDERS = Table(
    "orders",
    MetaData(),
    Column("dossier_id", String, primary_key=True),
    Column("number", String, primary_key=True),
    Column("run", String),
    Column("digest", String),
)


@dataclass(frozen=True, slots=True)
class Order:
    """The card of this dossier, under this number, is this run's to make; `digest` is the raw dossier's."""

    dossier_id: str
    number: str = field(repr=False)
    run: str
    digest: str


class Orders:
    """The orders of all runs over one register; made where it is not there. Errors as `SqliteFile`.

    `stored`: what stands in the place of a number (`register.numbers.Numbers.stored`); numbers that were there before
    the register had a key are found as well, and replaced where `replace` lets it."""

    def __init__(self, path: Path, stored: Callable[[str], str] = str, *, replace: bool = True) -> None:
        self._file = SqliteFile(path, KIND)
        self._stored = stored
        try:
            if replace:
                self._replace()
        except BaseException:
            self.close()
            raise

    def _replace(self) -> None:
        with self._file.read() as connection:
            rows = connection.execute(select(_ORDERS.c.dossier_id, _ORDERS.c.number)).all()
        clear = [row for row in rows if len(row.number) != _MARK_SIGNS and self._stored(row.number) != row.number]
        if clear:
            with self._file.write() as connection:
                for row in clear:
                    one = update(_ORDERS).where(_ORDERS.c.dossier_id == row.dossier_id, _ORDERS.c.number == row.number)
                    connection.execute(one.values(number=self._stored(row.number)))
            self._file.erase()

    def close(self) -> None:
        """Lets go of the file."""
        self._file.close()

    def order(self, dossier_id: str, number: str) -> Order | None:
        """Whose a dossier is; None where it was never ordered."""
        with self._file.read() as connection:
            row = connection.execute(select(_ORDERS).where(*self._own(dossier_id, number))).first()
        return None if row is None else Order(dossier_id, number, row.run, row.digest)

    def _own(self, dossier_id: str, number: str) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
        return _ORDERS.c.dossier_id == dossier_id, _ORDERS.c.number.in_({number, self._stored(number)})

    def place(self, orders: Iterable[Order]) -> None:
        """Places all of them or none; one that stands there already stays. ConflictError where the dossier is another
        run's, or was ordered with other contents."""
        with self._file.write() as connection:
            for one in orders:
                row = connection.execute(select(_ORDERS).where(*self._own(one.dossier_id, one.number))).first()
                if row is None:
                    values = {"dossier_id": one.dossier_id, "number": self._stored(one.number)}
                    connection.execute(insert(_ORDERS).values(**values, run=one.run, digest=one.digest))
                elif (row.run, row.digest) != (one.run, one.digest):
                    raise ConflictError("the dossier was ordered otherwise", dossier=one.dossier_id, run=row.run)

    def take_over(self, order: Order, run: str) -> None:
        """Gives an order of a lost run to another run."""
        with self._file.write() as connection:
            connection.execute(
                update(_ORDERS)
                .where(*self._own(order.dossier_id, order.number), _ORDERS.c.run == order.run)
                .values(run=run)
            )
