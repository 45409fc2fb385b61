"""Members: which account has which role, of which unit, given by whom; never changed, only followed by the next.

In PostgreSQL also the policies of row security, which hold from when it is turned on (`register.server.install`): whose
row an account sees or adds is what the members' table says of `session_user`. The owner of the tables is not bound by
them, and so no trigger is.
"""

# ruff: noqa: S608 - every word of these statements stands in this file
from __future__ import annotations

from alembic import op

revision = "0011"
down_revision = "0010"

_ROLES = "'operator', 'adjudicator', 'factory', 'inspector', 'administrator', 'auditor'"
_MOVES = {
    "operator": "received rejected withdrawn cancelled handed_over returned",
    "factory": "received checked searched in_review approved signed written verified dispatched rejected",
}
_NOT_THE_NEXT = "NEW.turn <> 1 + COALESCE((SELECT max(m.turn) FROM {0}members m WHERE m.login = NEW.login), 0)"


def _is_sqlite() -> bool:
    return op.get_context().dialect.name == "sqlite"


def _text(name: str, most: int, needed: bool = True) -> str:
    kind, length = ("TEXT", "length") if _is_sqlite() else ('text COLLATE "C"', "octet_length")
    return f"{name} {kind}{' NOT NULL' if needed else ''} CHECK ({length}({name}) BETWEEN 1 AND {most})"


def _tables() -> list[str]:
    lite = _is_sqlite()
    whole, small = ("INTEGER", "INTEGER") if lite else ("bigint", "integer")
    end = " STRICT, WITHOUT ROWID" if lite else ""

    def yes(name: str) -> str:
        return f"{name} {small} NOT NULL CHECK ({name} IN (0, 1))"

    return [
        f"CREATE TABLE role_moves ({_text('role', 16)}, {_text('to_state', 16)}, PRIMARY KEY (role, to_state)){end}",
        "INSERT INTO role_moves (role, to_state) VALUES "
        + ", ".join(f"('{role}', '{state}')" for role, found in _MOVES.items() for state in found.split()),
        f"CREATE TABLE members ({_text('login', 64)}, turn {small} NOT NULL CHECK (turn >= 1),"
        f" {_text('role', 16)} CHECK (role IN ({_ROLES})), {_text('unit', 64, False)} REFERENCES units,"
        f" {yes('senior')}, {yes('for_others')}, {yes('standing')}, {_text('given_by', 64)},"
        f" {_text('ordered_by', 64, False)}, time_us {whole} NOT NULL CHECK (time_us > 0), PRIMARY KEY (login, turn),"
        " CONSTRAINT a_senior_is_an_adjudicator CHECK (senior = 0 OR role = 'adjudicator'),"
        " CONSTRAINT who_acts_for_others CHECK (for_others = 0 OR role IN ('operator', 'adjudicator', 'factory')),"
        f" CONSTRAINT who_is_of_a_unit CHECK (unit IS NOT NULL OR role NOT IN ('operator', 'inspector'))){end}",
    ]


def _in_sqlite() -> None:
    for change in ("INSERT", "UPDATE", "DELETE"):
        op.execute(
            f"CREATE TRIGGER role_moves_stay_at_{change.lower()} BEFORE {change} ON role_moves"
            " BEGIN SELECT RAISE(ABORT, 'role_moves_stay'); END"
        )
    op.execute(
        f"CREATE TRIGGER member_is_the_next BEFORE INSERT ON members WHEN {_NOT_THE_NEXT.format('')}"
        " BEGIN SELECT RAISE(ABORT, 'member_is_the_next'); END"
    )
    for change in ("UPDATE", "DELETE"):
        op.execute(
            f"CREATE TRIGGER members_stay_at_{change.lower()} BEFORE {change} ON members"
            " BEGIN SELECT RAISE(ABORT, 'members_stay'); END"
        )


_HEAD = "SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$"
_RAISE = "RAISE EXCEPTION USING ERRCODE = 'check_violation', CONSTRAINT = '{0}', MESSAGE = '{0}';"
_STANDING = (
    "m.standing = 1 AND NOT EXISTS (SELECT 1 FROM cccd_register.members l WHERE l.login = m.login AND l.turn > m.turn)"
)
_ME = f"FROM cccd_register.members m WHERE m.login = session_user::text AND {_STANDING}"
_FOR_OTHERS = f"EXISTS (SELECT 1 {_ME} AND m.for_others = 1 AND m.role = o.role)"
_FUNCTIONS = {
    "my_role": ("text", f"SELECT m.role {_ME}"),
    "i_am_of_all": ("boolean", f"SELECT EXISTS (SELECT 1 {_ME} AND m.unit IS NULL)"),
    "my_moves": (
        "SETOF text",
        f"SELECT r.to_state FROM cccd_register.role_moves r WHERE r.role = (SELECT m.role {_ME})",
    ),
    # Units of those who see dossiers: none for an administrator or auditor.
    "my_units": (
        "SETOF text",
        f"WITH RECURSIVE mine AS (SELECT m.unit {_ME} AND m.role IN"
        " ('operator', 'adjudicator', 'factory', 'inspector')), below AS (SELECT u.unit_id"
        " FROM cccd_register.units u, mine WHERE mine.unit IS NULL"
        " OR u.unit_id = mine.unit"
        " UNION SELECT u.unit_id FROM cccd_register.units u JOIN below b ON u.parent = b.unit_id)"
        " SELECT b.unit_id FROM below b",
    ),
    # In whose name this account acts: its own, and those of its role where it acts for others.
    "my_names": (
        "SETOF text",
        f"SELECT m.login {_ME} UNION SELECT o.login FROM cccd_register.members o WHERE {_FOR_OTHERS}"
        f" AND {_STANDING.replace('m.', 'o.')}",
    ),
    "my_seniors": (
        "SETOF text",
        f"SELECT m.login {_ME} AND m.senior = 1 UNION SELECT o.login FROM cccd_register.members o WHERE {_FOR_OTHERS}"
        f" AND o.senior = 1 AND {_STANDING.replace('m.', 'o.')}",
    ),
}
_ROLE = "(SELECT cccd_register.my_role())"
_SEEN_CASE = "EXISTS (SELECT 1 FROM cccd_register.cases c WHERE c.case_id = {0}.case_id)"
_ALL = "TRUE"


def _any(of: str) -> str:
    return f"ANY (ARRAY(SELECT cccd_register.{of}()))"


def _policies() -> list[tuple[str, str, str]]:
    """Table, command, whose rows: those that are seen by SELECT, or that may be added or changed."""
    of_my_units = f"unit = {_any('my_units')}"
    takes_in = f"{of_my_units} AND 'received' = {_any('my_moves')}"
    seen_dossier = "EXISTS (SELECT 1 FROM cccd_register.dossiers d WHERE d.dossier_no = events.dossier_no)"
    settles, issues = f"{_ROLE} = 'adjudicator'", f"{_ROLE} = 'factory'"
    either, manages = f"({settles} OR {issues})", f"{_ROLE} = 'administrator'"
    found = [
        ("identity", "SELECT", _ALL),
        ("dossiers", "SELECT", of_my_units),
        ("dossiers", "INSERT", takes_in),
        ("dossiers", "UPDATE", takes_in),
        ("events", "SELECT", seen_dossier),
        ("events", "INSERT", f"to_state = {_any('my_moves')} AND actor = {_any('my_names')} AND {seen_dossier}"),
        ("units", "SELECT", _ALL),
        ("units", "INSERT", manages),
        ("units", "UPDATE", manages),
        ("successions", "SELECT", _ALL),
        ("successions", "INSERT", manages),
        ("members", "SELECT", _ALL),
        (
            "members", "INSERT",
            f"{manages} AND given_by = session_user::text AND login <> session_user::text",
        ),
        (
            "cases", "SELECT",
            f"{either} AND ((SELECT cccd_register.i_am_of_all()) OR EXISTS (SELECT 1"
            " FROM cccd_register.dossiers d WHERE d.dossier_id = cases.dossier_id))",
        ),
        ("cases", "INSERT", issues),
        ("case_people", "INSERT", issues),
        (
            "case_votes", "INSERT",
            f"{settles} AND adjudicator = {_any('my_names')} AND (senior = 0 OR adjudicator = {_any('my_seniors')})"
            f" AND {_SEEN_CASE.format('case_votes')}",
        ),
        ("case_decisions", "INSERT", f"{settles} AND {_SEEN_CASE.format('case_decisions')}"),
        (
            "case_reopenings", "INSERT",
            f"{settles} AND reopened_by = {_any('my_seniors')} AND {_SEEN_CASE.format('case_reopenings')}",
        ),
        ("apart", "SELECT", either),
        ("apart", "INSERT", issues),
    ]  # fmt: skip
    for table in ("case_people", "case_votes", "case_decisions", "case_reopenings"):
        found.append((table, "SELECT", _SEEN_CASE.format(table)))
    for table in ("people", "numbers", "cards"):
        found += [(table, command, issues) for command in ("SELECT", "INSERT", "UPDATE")]
    return found


def _in_postgresql() -> None:
    op.execute(
        f"CREATE FUNCTION member_is_the_next() RETURNS trigger LANGUAGE plpgsql {_HEAD} BEGIN IF"
        f" {_NOT_THE_NEXT.format('cccd_register.')} THEN {_RAISE.format('member_is_the_next')} END IF;"
        " RETURN NEW; END $$"
    )
    op.execute(
        "CREATE TRIGGER member_is_the_next BEFORE INSERT ON members FOR EACH ROW EXECUTE FUNCTION member_is_the_next()"
    )
    for table in ("members", "role_moves"):
        added = "INSERT OR " if table == "role_moves" else ""
        op.execute(
            f"CREATE TRIGGER {table}_stay BEFORE {added}UPDATE OR DELETE ON {table}"
            " FOR EACH ROW EXECUTE FUNCTION stays()"
        )
        op.execute(
            f"CREATE TRIGGER {table}_are_not_emptied BEFORE TRUNCATE ON {table}"
            " FOR EACH STATEMENT EXECUTE FUNCTION stays()"
        )
    for name, (gives, body) in _FUNCTIONS.items():
        op.execute(f"CREATE FUNCTION {name}() RETURNS {gives} LANGUAGE sql STABLE {_HEAD} {body} $$")
    # Numbers of dossiers go on over all units, of which an operator sees its own.
    op.execute(
        f"CREATE FUNCTION last_dossier() RETURNS bigint LANGUAGE sql STABLE {_HEAD}"
        " SELECT COALESCE(max(d.dossier_no), 0) FROM cccd_register.dossiers d $$"
    )
    for table, command, rows in _policies():
        kind = "WITH CHECK" if command == "INSERT" else "USING"
        op.execute(f"CREATE POLICY {table}_{command.lower()} ON {table} FOR {command} {kind} ({rows})")


def upgrade() -> None:
    """Makes the table of members and, in a server, the policies."""
    for statement in _tables():
        op.execute(statement)
    if _is_sqlite():
        _in_sqlite()
    else:
        _in_postgresql()
