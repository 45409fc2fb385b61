"""Acts in the register: begun before anything is done, ended with what becomes of numbers and cards, in one transaction
each. The database holds the rules: one act under way, and none changed or taken away."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from sqlalchemy import Connection, RowMapping, delete, insert, or_, select, update
from sqlalchemy.exc import IntegrityError

from cccd_core.errors import ConflictError, DamagedError, FileError
from cccd_core.issuance.correction.acts import Act, ActEnd, ActKind, EndedCard, Known, Ordered
from cccd_core.issuance.dossiers.reasons import ToDo
from cccd_core.issuance.register.database import open_register
from cccd_core.issuance.register.life import State
from cccd_core.issuance.register.numbers import numbers_of
from cccd_core.issuance.register.records import microseconds, time_of
from cccd_core.issuance.register.store import CardStatus, as_card
from cccd_core.issuance.register.tables import ACT_CARDS, ACTS, CARDS, DOSSIERS, GIVEN_UP, NUMBERS, PEOPLE
from cccd_core.issuance.runs.place import register_of
from cccd_core.plain import decode
from cccd_core.storage.cipher import Cipher
from cccd_core.storage.database import again, repeated
from cccd_core.storage.postgres import NO_SCHEMA, at_server


class Acts:
    """The acts of one register; `where`, and errors, as `register.database.open_register`. `cipher`: what its numbers
    are encrypted by, which only `by_number` needs."""

    def __init__(self, where: Path | str, *, cipher: Cipher | None = None) -> None:
        self._database = open_register(where, make=False)
        self._cipher = cipher

    @classmethod
    @contextmanager
    def opened(cls, where: Path | str, *, cipher: Cipher | None = None) -> Iterator[Acts]:
        """The acts, closed at the end."""
        with closing(cls(where, cipher=cipher)) as acts:
            yield acts

    def close(self) -> None:
        """Lets go of the database."""
        self._database.close()

    @again
    def under_way(self) -> Act | None:
        """The act that was begun and has not ended."""
        with self._database.read() as connection:
            row = connection.execute(select(ACTS).where(ACTS.c.ended.is_(None))).mappings().first()
            return None if row is None else _act(connection, row)

    @again
    def find(self, act_id: str) -> Act | None:
        """The act of this identifier."""
        with self._database.read() as connection:
            row = connection.execute(select(ACTS).where(ACTS.c.act_id == act_id)).mappings().first()
            return None if row is None else _act(connection, row)

    @again
    def all(self, order: str | None = None) -> list[Act]:
        """Every act, or those of an order, oldest first."""
        query = select(ACTS).order_by(ACTS.c.time_us, ACTS.c.act_id)
        with self._database.read() as connection:
            rows = connection.execute(query if order is None else query.where(ACTS.c.ordered_by == order)).mappings()
            return [_act(connection, row) for row in rows.all()]

    @again
    def by_dossier(self, dossier_id: str) -> Known:
        """Whose card was made for this dossier. ConflictError where that is nobody's, or several people's."""
        with self._database.read() as connection:
            query = select(NUMBERS.c.person_id).join(CARDS, CARDS.c.number == NUMBERS.c.number)
            found = set(connection.execute(query.where(CARDS.c.dossier_id == dossier_id)).scalars())
            found = found or set(
                connection.execute(select(PEOPLE.c.person_id).where(PEOPLE.c.dossier_id == dossier_id)).scalars()
            )
            if len(found) != 1:
                said = "the dossier is several people's" if found else "nobody in the register came in by this dossier"
                raise ConflictError(said, dossier=dossier_id, people=len(found))
            return _known(connection, found.pop())

    @again
    def by_number(self, number: str) -> Known:
        """Whose number it is. ConflictError, without it, where it is nobody's; UnavailableError where numbers are
        encrypted by another key than this."""
        numbers = numbers_of(self._database, self._cipher)
        with self._database.read() as connection:
            numbers.demand(connection)
            mark = numbers.stored(number)
            found = connection.execute(select(NUMBERS.c.person_id).where(NUMBERS.c.number == mark)).scalar()
            if found is None:
                raise ConflictError("nobody in the register has this number")
            return _known(connection, found)

    @again
    def person(self, person_id: str) -> Known:
        """A person by their identifier in the gallery."""
        with self._database.read() as connection:
            return _known(connection, person_id)

    @repeated
    def begin(self, act: Act) -> Act:
        """Writes down what is about to be done; what was begun or done already is given as it stands. ConflictError
        where another act is under way, or a card of these people."""
        with self._database.write() as connection:
            row = connection.execute(select(ACTS).where(ACTS.c.act_id == act.act_id)).mappings().first()
            if row is not None:
                return _act(connection, row)
            for person_id in filter(None, (act.person_id, act.other)):
                waiting = [card for card in _known(connection, person_id).cards if card.status is CardStatus.UNDER_WAY]
                if act.kind is ActKind.REMOVE:
                    waiting = [card for card in waiting if not _at_an_end(connection, card.dossier_id)]
                if waiting:
                    raise ConflictError(
                        "a card of this person is being made: finish its run first", dossier=waiting[0].dossier_id
                    )
            values = {
                "act_id": act.act_id, "kind": act.kind, "person_id": act.person_id, "other": act.other,
                "positions": " ".join(map(str, act.positions)) or None, "ordered_by": act.ordered.order,
                "actor": act.ordered.actor, "reason": act.ordered.reason, "time_us": microseconds(act.begun),
            }  # fmt: skip
            try:
                connection.execute(insert(ACTS).values(values))
            except IntegrityError:
                raise ConflictError("another act is under way: finish it first", finish_by=FINISH_BY) from None
        return act

    @repeated
    def end(self, act: Act, ended: ActEnd, at: datetime) -> Act:
        """Does in the register what the act says, and that it ended, in one transaction; the act with the cards that it
        ended. Doing it again changes nothing. What was deleted is in no byte of the register's file afterwards, or of a
        server's once that is purged (`purge_register`)."""
        with self._database.write() as connection:
            row = connection.execute(select(ACTS).where(ACTS.c.act_id == act.act_id)).mappings().one()
            if row["ended"] is not None:
                return _act(connection, row)
            cards: list[EndedCard] = []
            if ended is ActEnd.DONE and act.kind is ActKind.REMOVE:
                cards = _remove(connection, act.person_id)
            elif ended is ActEnd.DONE and act.kind is ActKind.MERGE and act.other is not None:
                cards = _merge(connection, act.act_id, act.person_id, act.other)
            for card in cards:
                values = {"serial": card.serial, "dossier_id": card.dossier_id, "to_do": card.to_do}
                connection.execute(insert(ACT_CARDS).values(act_id=act.act_id, **values))
            connection.execute(
                update(ACTS).where(ACTS.c.act_id == act.act_id).values(ended=ended, ended_us=microseconds(at))
            )
        self._database.erase()
        return replace(act, ended=ended, cards=tuple(cards))


def purge_register(gallery: Path, gallery_at: str) -> None:
    """Leaves nothing of what acts deleted in the files of a server that has the register of a gallery's folder: the one
    that the folder names, or the one in the gallery's own database (`gallery_at`, a file's path or a URL). In a file
    nothing is left anyway. Errors as `Database.purge`."""
    for where in {str(register_of(gallery)), gallery_at}:
        if at_server(where):
            try:
                database = open_register(where, make=False)
            except FileError as error:
                if error.facts.get("why") != NO_SCHEMA:
                    raise
            else:
                with closing(database):
                    database.purge()


_NO_CARD = frozenset({State.WITHDRAWN, State.CANCELLED, State.REJECTED})
FINISH_BY = "cccd register person resume"


def demand_none_under_way(where: Path | str) -> None:
    """ConflictError where an act on this register was interrupted: register and gallery may not agree until it is
    finished."""
    with Acts.opened(where) as acts:
        act = acts.under_way()
    if act is not None:
        raise ConflictError(
            "an act on a person was interrupted: finish it first",
            act=act.act_id, kind=str(act.kind), order=act.ordered.order, finish_by=FINISH_BY,
        )  # fmt: skip


def _known(connection: Connection, person_id: str) -> Known:
    numbers = tuple(
        connection.execute(
            select(NUMBERS.c.number).where(NUMBERS.c.person_id == person_id).order_by(NUMBERS.c.number)
        ).scalars()
    )
    cards = connection.execute(select(CARDS).where(CARDS.c.number.in_(numbers)).order_by(CARDS.c.card_id)).mappings()
    return Known(person_id, tuple(as_card(row) for row in cards), numbers)


def _at_an_end(connection: Connection, dossier_id: str) -> bool:
    """Whether this dossier is withdrawn, cancelled or rejected: no run makes its card any more."""
    state = connection.execute(select(DOSSIERS.c.state).where(DOSSIERS.c.dossier_id == dossier_id)).scalar()
    return state in _NO_CARD


def _to_revoke(known: Known) -> list[EndedCard]:
    return [
        EndedCard(card.serial, card.dossier_id, ToDo.REVOKE)
        for card in known.cards
        if card.status is CardStatus.VALID and card.serial is not None
    ]


def _remove(connection: Connection, person_id: str) -> list[EndedCard]:
    """Nothing in the register says any more whose numbers these were, or that there were any."""
    known = _known(connection, person_id)
    numbers = known.numbers
    connection.execute(delete(GIVEN_UP).where(or_(GIVEN_UP.c.number.in_(numbers), GIVEN_UP.c.successor.in_(numbers))))
    connection.execute(delete(CARDS).where(CARDS.c.number.in_(numbers)))
    connection.execute(delete(NUMBERS).where(NUMBERS.c.number.in_(numbers)))
    connection.execute(delete(PEOPLE).where(PEOPLE.c.person_id == person_id))
    return _to_revoke(known)


def _merge(connection: Connection, act_id: str, person_id: str, other: str) -> list[EndedCard]:
    """The other's numbers are given up for the one that the person goes by."""
    kept, given_up = _known(connection, person_id), _known(connection, other)
    number = _goes_by(kept)
    for each in given_up.numbers:
        connection.execute(insert(GIVEN_UP).values(number=each, successor=number, act_id=act_id))
    mine = NUMBERS.c.number.in_(given_up.numbers)
    connection.execute(update(NUMBERS).where(mine).values(person_id=person_id))
    valid = CARDS.c.number.in_(given_up.numbers), CARDS.c.status == CardStatus.VALID
    connection.execute(update(CARDS).where(*valid).values(status=CardStatus.SUPERSEDED))
    was_enrolled = select(PEOPLE.c.enrolled).where(PEOPLE.c.person_id == other)
    if connection.execute(was_enrolled).scalar():
        connection.execute(update(PEOPLE).where(PEOPLE.c.person_id == person_id).values(enrolled=1))
    connection.execute(delete(PEOPLE).where(PEOPLE.c.person_id == other))
    return _to_revoke(given_up)


def _goes_by(known: Known) -> str:
    """The number of the person's valid card, or of the last one."""
    valid = [card.number for card in known.cards if card.status is CardStatus.VALID]
    numbers = valid or [card.number for card in known.cards] or list(known.numbers)
    if not numbers:
        raise ConflictError("the person who stays has no number")
    return numbers[-1]


def _act(connection: Connection, row: RowMapping) -> Act:
    cards = connection.execute(
        select(ACT_CARDS).where(ACT_CARDS.c.act_id == row["act_id"]).order_by(ACT_CARDS.c.serial)
    ).mappings()
    try:
        return Act(
            row["act_id"],
            decode(ActKind, row["kind"]),
            row["person_id"],
            Ordered(row["ordered_by"], row["actor"], row["reason"]),
            time_of(row["time_us"]),
            row["other"],
            _positions(row["positions"]),
            None if row["ended"] is None else decode(ActEnd, row["ended"]),
            tuple(EndedCard(one["serial"], one["dossier_id"], decode(ToDo, one["to_do"])) for one in cards),
        )
    except ValueError:
        raise DamagedError("the register holds an act of an unknown kind") from None


def _positions(text: str | None) -> tuple[int, ...]:
    return () if text is None else tuple(int(word) for word in text.split())
