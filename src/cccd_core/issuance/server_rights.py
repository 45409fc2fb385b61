"""The roles of `access.roles` as groups of a PostgreSQL server, with the rights that each needs and no other.

A group is called `<database>_<role>`: roles of a server are those of all its databases. The groups have rights on
tables; which rows, the policies of the register say (`register.migrations.versions.v0011_members`), by its members. So
it takes two to let an account in: an administrator who makes it a member, and the owner of the server's roles who runs
this. Only register, gallery and trail of one database are spoken of; a table that is not named here is the owner's.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection

from cccd_core.errors import ConflictError, ParameterError
from cccd_core.issuance.access.roles import RIGHTS, Act, Role
from cccd_core.issuance.audit import sql as trail
from cccd_core.issuance.register.database import postgres_kind
from cccd_core.issuance.register.members import Member, Members
from cccd_core.issuance.register.store import Register
from cccd_core.storage.postgres import PostgresDatabase

_NAME_BYTES_MOST: Final = 63  # of a name in a server
_REGISTER: Final = "cccd_register"
_GALLERY: Final = "cccd_gallery"
_TRAIL: Final = "cccd_audit"
_ALL_READ: Final = "about, identity, moves, role_moves, units, successions, members"
_WRITERS: Final = frozenset({Act.MOVE_DOSSIERS, Act.SETTLE_CASES, Act.ISSUE, Act.MANAGE})
_RIGHTS: Final[Mapping[Act, tuple[str, ...]]] = {
    Act.SEE_DOSSIERS: ("SELECT ON dossiers, events, fees",),
    Act.MOVE_DOSSIERS: ("INSERT ON dossiers, events, fees", "UPDATE (due_day) ON dossiers"),
    Act.SEE_CASES: ("SELECT ON cases, case_people, case_votes, case_decisions, case_reopenings, apart",),
    Act.SEE_VOTES: (
        "SELECT (case_id, kind, dossier_id, time_us) ON cases",
        "SELECT (case_id, round, place, adjudicator, senior, answer, time_us) ON case_votes",
        "SELECT ON case_decisions",
    ),
    Act.SETTLE_CASES: (
        "INSERT ON case_votes, case_decisions, case_reopenings",
        "INSERT ON cases, case_people",  # by order of a senior, as the policies have it
        "SELECT ON dossiers, events, numbers, cards, sealing",  # of an open case and its people alone
        "SELECT (person_id, dossier_id) ON people",
    ),
    Act.ISSUE: (
        "SELECT ON people, numbers, cards, sealing, acts, act_cards, given_up",
        "INSERT ON people, numbers, cards, sealing, cases, case_people, case_decisions, apart",
        "UPDATE (enrolled) ON people",
        "UPDATE (status, serial) ON cards",
    ),
    Act.MANAGE: ("INSERT ON units, successions, members", "UPDATE (ends) ON units"),
}
_IN_GALLERY: Final = (
    "SELECT ON about, gallery, person, finger, withdrawal, renaming, trace",
    "INSERT ON person, finger, withdrawal, renaming, trace",
    "UPDATE ON gallery",  # the lock of who writes
)
# Row security, rights and triggers bind none of these; who makes roles may have made itself a member of any group.
_UNBOUND: Final = (
    "SELECT r.rolname::text FROM pg_roles r WHERE r.rolcanlogin AND (r.rolsuper OR r.rolbypassrls OR r.rolreplication"
    " OR r.rolcreaterole OR EXISTS (SELECT 1 FROM pg_roles g WHERE pg_has_role(r.oid, g.oid, 'MEMBER') AND (g.rolname"
    " IN ('pg_read_all_data', 'pg_write_all_data', 'pg_read_server_files', 'pg_write_server_files',"
    " 'pg_execute_server_program') OR g.oid IN (SELECT d.datdba FROM pg_database d WHERE d.datname = current_database()"
    " UNION SELECT c.relowner FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname IN"
    " ('cccd_register', 'cccd_gallery', 'cccd_audit')))))"
)


@dataclass(frozen=True, slots=True)
class Installed:
    """What is in the server now: the groups; members whose account the server does not have, and so cannot let in; and
    those whose account has powers in the server by which it is bound by nothing of this."""

    groups: tuple[str, ...]
    without_account: tuple[str, ...]
    unbound: tuple[str, ...]


def group(database: str, role: Role) -> str:
    """How the group of a role is called. ParameterError where the server could not keep the name."""
    found = f"{database}_{role}"
    if len(found.encode()) > _NAME_BYTES_MOST:
        raise ParameterError("the database's name is too long for groups named after it", database=database)
    return found


def statements(url: str) -> list[str]:
    """What `install` runs in the database at a URL as it is now. Errors as `PostgresDatabase`."""
    members = _members(url)
    with closing(PostgresDatabase(url, postgres_kind(), make=False)) as database, database.read() as connection:
        return list(_statements(connection, members))


def install(url: str) -> Installed:
    """Makes the groups where they are not there, gives them exactly these rights, turns row security on, and lets the
    members' accounts in and all others out; again changes nothing. For who owns the tables and may make roles.

    ConflictError where this account may not; others as `PostgresDatabase`.
    """
    members = _members(url)
    if not members:
        raise ConflictError("the register has no members: nobody would see anything", needs="an administrator")
    Register(url, make=False).close()  # which draws its id, if nobody did: no role may
    with closing(PostgresDatabase(url, postgres_kind(), make=False)) as database, database.write() as connection:
        for statement in _statements(connection, members):
            connection.exec_driver_sql(statement)
        name = _database(connection)
        known, above = _accounts(connection), set(connection.exec_driver_sql(_UNBOUND).scalars())
        return Installed(
            tuple(group(name, role) for role in Role),
            tuple(one.login for one in members if one.login not in known),
            tuple(one.login for one in members if one.login in above),
        )


def _members(url: str) -> list[Member]:
    with closing(Members(url)) as members:
        return members.all()


def _statements(connection: Connection, members: list[Member]) -> Iterator[str]:
    name = _database(connection)
    schemas = set(connection.exec_driver_sql("SELECT nspname::text FROM pg_namespace").scalars())
    for schema in sorted(schemas & {_REGISTER, _GALLERY, _TRAIL}):
        yield f"REVOKE ALL ON ALL TABLES IN SCHEMA {schema} FROM PUBLIC"
        yield f"REVOKE ALL ON SCHEMA {schema} FROM PUBLIC"
    for role in Role:
        yield from _of_role(name, role, schemas & {_GALLERY, _TRAIL})
    secured = connection.exec_driver_sql(
        "SELECT DISTINCT c.relname::text FROM pg_policy p JOIN pg_class c ON c.oid = p.polrelid"
        " WHERE c.relnamespace = to_regnamespace('cccd_register') ORDER BY 1"
    )
    for table in secured.scalars():
        yield f"ALTER TABLE {_REGISTER}.{table} ENABLE ROW LEVEL SECURITY"
    yield from _of_members(connection, name, members)


def _of_role(name: str, role: Role, schemas: set[str]) -> Iterator[str]:
    it, acts = group(name, role), RIGHTS[role].acts
    literal, quoted = it.replace("'", "''"), _quoted(it)
    yield (
        f"DO $$ BEGIN IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{literal}') THEN"
        f" CREATE ROLE {quoted} NOLOGIN; END IF; END $$"
    )
    for schema in sorted({_REGISTER, *schemas}):
        yield f"REVOKE ALL ON ALL TABLES IN SCHEMA {schema} FROM {quoted}"
        yield f"REVOKE ALL ON SCHEMA {schema} FROM {quoted}"
    if acts - {Act.READ_TRAIL, Act.WRITE_TRAIL}:
        yield from _given(_REGISTER, quoted, [f"SELECT ON {_ALL_READ}"])
        if acts & _WRITERS:
            yield from _given(_REGISTER, quoted, ["UPDATE ON identity"])  # the lock of who writes
        for act in sorted(acts & _RIGHTS.keys()):
            yield from _given(_REGISTER, quoted, _RIGHTS[act])
    if _GALLERY in schemas and Act.ISSUE in acts:
        yield from _given(_GALLERY, quoted, _IN_GALLERY)
    if _TRAIL in schemas:
        yield from trail.grants(it, writes=Act.WRITE_TRAIL in acts)


def _given(schema: str, quoted: str, rights: tuple[str, ...] | list[str]) -> Iterator[str]:
    yield f"GRANT USAGE ON SCHEMA {schema} TO {quoted}"
    for right in rights:
        what, tables = right.split(" ON ")
        yield f"GRANT {what} ON {', '.join(f'{schema}.{table}' for table in tables.split(', '))} TO {quoted}"


def _of_members(connection: Connection, name: str, members: list[Member]) -> Iterator[str]:
    """Lets accounts into the group of their role, and out of those that are not theirs."""
    groups = {group(name, role): role for role in Role}
    role_of = {one.login: one.role for one in members}
    inside = connection.exec_driver_sql(
        "SELECT g.rolname::text, u.rolname::text FROM pg_auth_members m JOIN pg_roles g ON g.oid = m.roleid"
        " JOIN pg_roles u ON u.oid = m.member WHERE u.rolcanlogin ORDER BY 1, 2"
    )
    there = {(row[0], row[1]) for row in inside if row[0] in groups}
    for each, login in sorted(there):
        if role_of.get(login) is not groups[each]:
            yield f"REVOKE {_quoted(each)} FROM {_quoted(login)}"
    known = _accounts(connection)
    for login, role in sorted(role_of.items()):
        if login in known and (group(name, role), login) not in there:
            yield f"GRANT {_quoted(group(name, role))} TO {_quoted(login)}"


def _database(connection: Connection) -> str:
    return str(connection.exec_driver_sql("SELECT current_database()").scalar_one())


def _accounts(connection: Connection) -> set[str]:
    return set(connection.exec_driver_sql("SELECT rolname::text FROM pg_roles WHERE rolcanlogin").scalars())


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
