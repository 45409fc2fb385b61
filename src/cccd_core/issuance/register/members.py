"""The members of a register: which account acts as what, of which unit, and who said so.

A register without any member is used by whoever can open it, as the embedded default is. From the first one on, which
is an administrator, an account must have the role for what it does, and acts in another's name only where its role says
so. In a server the row security of the tables asks the same (`migrations.versions.v0011_members`); whoever owns the
tables, or can write to the file, is bound by neither.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from sqlalchemy import Connection, RowMapping, func, insert, select

from cccd_core.errors import ConflictError, DamagedError, ParameterError
from cccd_core.issuance.access import accounts
from cccd_core.issuance.access.roles import RIGHTS, Act, Role, demand
from cccd_core.issuance.register.database import open_register
from cccd_core.issuance.register.records import microseconds, time_of
from cccd_core.issuance.register.tables import DOSSIERS, MEMBERS, UNITS
from cccd_core.storage.database import repeated

_ASKED_AT_ONCE: Final = 500
_FOR_OTHERS: Final = frozenset({Role.OPERATOR, Role.ADJUDICATOR, Role.FACTORY})
_OWNS: Final = (
    "SELECT pg_has_role(session_user, c.relowner, 'MEMBER') FROM pg_class c WHERE c.oid = to_regclass('members')"
)


@dataclass(frozen=True, slots=True)
class Member:
    """An account with a role. `unit_id`: of this unit and those below it, of all without one; `senior`: decides where
    two adjudicators differ; `for_others`: a program at which people sign in, which acts in the names of others of its
    role. ParameterError for what cannot be."""

    login: str
    role: Role
    unit_id: str | None = None
    senior: bool = False
    for_others: bool = False
    given_by: str = ""
    order: str | None = None
    time: datetime | None = None

    def __post_init__(self) -> None:
        if accounts.name(self.login) != self.login:
            raise ParameterError("an account's name is kept in small letters")
        if self.senior and self.role is not Role.ADJUDICATOR:
            raise ParameterError("a senior is an adjudicator", role=str(self.role))
        if self.for_others and self.role not in _FOR_OTHERS:
            raise ParameterError("this role does not act for others", role=str(self.role))
        if self.unit_id is None and RIGHTS[self.role].of_unit:
            raise ParameterError("this role is of a unit", role=str(self.role))
        if self.order is not None and (not 0 < len(self.order) <= 64 or not self.order.isprintable()):
            raise ParameterError("the number of an order is 1 to 64 printable signs")


class Members:
    """The members of the register at `where`; `where`, and errors, as `open_register`."""

    def __init__(
        self, where: Path | str, *, make: bool = False, clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._database = open_register(where, make=make)
        self._clock = clock

    def close(self) -> None:
        """Lets go of the database; it can be used again."""
        self._database.close()

    @repeated
    def all(self) -> list[Member]:
        """Those who have a role, by their names."""
        with self._database.read() as connection:
            last: dict[str, RowMapping] = {}
            for row in connection.execute(select(MEMBERS).order_by(MEMBERS.c.login, MEMBERS.c.turn)).mappings():
                last[row["login"]] = row
            return [_member(row) for row in last.values() if row["standing"] == 1]

    @repeated
    def give(self, member: Member) -> None:
        """Gives an account a role in place of the one it has; the same again changes nothing. The first of a register
        is an administrator. ConflictError where whoever asks may not, gives a role to themselves, or the unit is none
        of the register's."""
        with self._database.write() as connection:
            mine = self._demand(connection, member.login)
            if not has_members(connection) and member.role is not Role.ADMINISTRATOR:
                raise ConflictError("the first member of a register is an administrator", role=str(member.role))
            unit_id = member.unit_id
            if unit_id is not None and not _below(connection, unit_id):
                raise ConflictError("the register has no such unit", unit=unit_id)
            known = member_of(connection, member.login)
            if known is None or _said(known) != _said(member):
                self._add(connection, member, mine, standing=True)

    @repeated
    def take(self, login: str, *, order: str | None = None) -> None:
        """Takes an account's role away; again changes nothing. Errors as `give`."""
        with self._database.write() as connection:
            mine = self._demand(connection, login)
            known = member_of(connection, login)
            if known is not None:
                gone = Member(login, known.role, known.unit_id, known.senior, known.for_others, order=order)
                self._add(connection, gone, mine, standing=False)

    def _demand(self, connection: Connection, login: str) -> str:
        """Who asks, where they may say who is a member."""
        mine = account(connection)
        if demand_act(connection, Act.MANAGE) is not None and mine == login:
            raise ConflictError("nobody gives or takes a role of their own", account=mine)
        return accounts.name(mine)

    def _add(self, connection: Connection, member: Member, mine: str, *, standing: bool) -> None:
        query = select(func.max(MEMBERS.c.turn)).where(MEMBERS.c.login == member.login)
        row = {
            "login": member.login, "turn": 1 + (connection.execute(query).scalar() or 0), "role": str(member.role),
            "unit": member.unit_id, "senior": int(member.senior), "for_others": int(member.for_others),
            "standing": int(standing), "given_by": mine, "ordered_by": member.order,
            "time_us": microseconds(self._clock()),
        }  # fmt: skip
        connection.execute(insert(MEMBERS).values(row))


def account(connection: Connection) -> str:
    """Who acts: the login at the server, or the account of the system that has the file open."""
    if connection.dialect.name == "postgresql":
        return str(connection.exec_driver_sql("SELECT session_user").scalar_one())
    return accounts.of_this_process().lower()


def has_members(connection: Connection) -> bool:
    """Whether anybody ever had a role in the register."""
    return connection.execute(select(MEMBERS.c.login).limit(1)).first() is not None


def member_of(connection: Connection, login: str) -> Member | None:
    """An account's role; None where it has none."""
    query = select(MEMBERS).where(MEMBERS.c.login == login).order_by(MEMBERS.c.turn.desc()).limit(1)
    row = connection.execute(query).mappings().first()
    return None if row is None or row["standing"] != 1 else _member(row)


def demand_act(connection: Connection, act: Act, name: str | None = None) -> Member | None:
    """The member who may do this: the account that asks, or `name` for whom it asks. None where the register has no
    members, or where who asks owns the tables and names nobody. ConflictError where they may not."""
    if not has_members(connection):
        return None
    mine = account(connection)
    me = member_of(connection, mine)
    if not _owns(connection):
        if me is None:
            raise ConflictError("this account has no role in the register", account=mine)
        demand(me.role, act, account=mine)
        if name is not None and name != mine and not me.for_others:
            raise ConflictError("this account does not act in another's name", account=mine, name=name)
    if name is None or name == mine:
        return me
    other = member_of(connection, name)
    if other is None:
        raise ConflictError("whoever is named has no role in the register", account=mine, name=name)
    demand(other.role, act, account=name)
    return other


def demand_senior(connection: Connection, name: str, *, senior: bool) -> None:
    """ConflictError where the register has members, and whoever is named is no adjudicator, or no senior one."""
    found = demand_act(connection, Act.SETTLE_CASES, name)
    if found is not None and senior and not found.senior:
        raise ConflictError("whoever is named is no senior", name=name)


def demand_moves(connection: Connection, actor: str, states: Iterable[str], units: Callable[[], set[str]]) -> None:
    """ConflictError where the register has members, and the actor does not move dossiers of these units to these
    states. Whoever owns the tables of a server does, as it does there."""
    found = None if _owns(connection) else demand_act(connection, Act.MOVE_DOSSIERS, actor)
    if found is not None:
        for state in states:
            demand(found.role, Act.MOVE_DOSSIERS, account=found.login, to=str(state))
        if found.unit_id is not None:
            strange = sorted(units() - _below(connection, found.unit_id))
            if strange:
                raise ConflictError("the dossier is of another unit", account=found.login, unit=strange[0])


def last_number(connection: Connection) -> int:
    """The number of the dossier that came in last, of whichever unit: in a server an account sees its own alone."""
    if connection.dialect.name == "postgresql":
        return int(connection.exec_driver_sql("SELECT cccd_register.last_dossier()").scalar_one())
    return connection.execute(select(func.max(DOSSIERS.c.dossier_no))).scalar() or 0


def units_of_dossiers(connection: Connection, numbers: Iterable[int]) -> set[str]:
    """The units of these dossiers."""
    left, found = list(numbers), set[str]()
    for start in range(0, len(left), _ASKED_AT_ONCE):
        part = left[start : start + _ASKED_AT_ONCE]
        found |= set(connection.execute(select(DOSSIERS.c.unit).where(DOSSIERS.c.dossier_no.in_(part))).scalars())
    return found


def _owns(connection: Connection) -> bool:
    """Whether who asks owns the tables of a server, or is above all its users: no row security binds them."""
    return connection.dialect.name == "postgresql" and bool(connection.exec_driver_sql(_OWNS).scalar())


def _below(connection: Connection, unit_id: str) -> set[str]:
    below = select(UNITS.c.unit_id).where(UNITS.c.unit_id == unit_id).cte("below", recursive=True)
    below = below.union(select(UNITS.c.unit_id).where(UNITS.c.parent == below.c.unit_id))
    return set(connection.execute(select(below.c.unit_id)).scalars())


def _said(member: Member) -> tuple[object, ...]:
    return member.role, member.unit_id, member.senior, member.for_others


def _member(row: RowMapping) -> Member:
    try:
        return Member(
            row["login"], Role(row["role"]), row["unit"], row["senior"] == 1, row["for_others"] == 1, row["given_by"],
            row["ordered_by"], time_of(row["time_us"]),
        )  # fmt: skip
    except (ValueError, TypeError, AttributeError, ParameterError):
        raise DamagedError("the register holds a member as it never writes one") from None
