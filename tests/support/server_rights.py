"""What each role may do with each table of a server, written once; and what a server says of it."""

from __future__ import annotations

from typing import Final

from support.postgres_server import Server

_RIGHTS: Final = """
table                          operator  adjudicator  factory  inspector  administrator  auditor
cccd_audit.about               r         r            r        r          r              r
cccd_audit.lines               ri        ri           ri       ri         ri             r
cccd_audit.writer              ru        ru           ru       ru         ru             r
cccd_gallery.about             -         -            r        -          -              -
cccd_gallery.finger            -         -            ri       -          -              -
cccd_gallery.gallery           -         -            ru       -          -              -
cccd_gallery.person            -         -            ri       -          -              -
cccd_gallery.renaming          -         -            ri       -          -              -
cccd_gallery.trace             -         -            ri       -          -              -
cccd_gallery.withdrawal        -         -            ri       -          -              -
cccd_register.about            r         r            r        r          r              -
cccd_register.act_cards        -         -            r        -          -              -
cccd_register.acts             -         -            r        -          -              -
cccd_register.apart            -         r            ri       -          -              -
cccd_register.cards            -         r            riU      -          -              -
cccd_register.case_decisions   -         ri           ri       r          -              -
cccd_register.case_people      -         ri           ri       -          -              -
cccd_register.case_reopenings  -         ri           r        -          -              -
cccd_register.case_votes       -         ri           r        R          -              -
cccd_register.cases            -         ri           ri       R          -              -
cccd_register.dossiers         riU       r            riU      r          -              -
cccd_register.events           ri        r            ri       r          -              -
cccd_register.fees             ri        -            ri       r          -              -
cccd_register.given_up         -         -            r        -          -              -
cccd_register.identity         ru        ru           ru       r          ru             -
cccd_register.members          r         r            r        r          ri             -
cccd_register.moves            r         r            r        r          r              -
cccd_register.numbers          -         r            ri       -          -              -
cccd_register.people           -         R            riU      -          -              -
cccd_register.role_moves       r         r            r        r          r              -
cccd_register.sealing          -         r            ri       -          -              -
cccd_register.successions      r         r            r        r          ri             -
cccd_register.units            r         r            r        r          riU            -
"""
"""r: SELECT, i: INSERT, u: UPDATE, of the whole table; R, U: of the columns in `COLUMNS`. Nobody but the owner has any
other right, and nobody one on a sequence."""

COLUMNS: Final = {
    ("cccd_register.cards", "U"): "status serial",
    ("cccd_register.case_votes", "R"): "case_id round place adjudicator senior answer time_us",
    ("cccd_register.cases", "R"): "case_id kind dossier_id time_us",
    ("cccd_register.dossiers", "U"): "due_day",
    ("cccd_register.people", "R"): "person_id dossier_id",
    ("cccd_register.people", "U"): "enrolled",
    ("cccd_register.units", "U"): "ends",
}

UNSECURED: Final = frozenset(
    [
        "about",
        "act_cards",
        "acts",
        "given_up",
        "moves",
        "role_moves",
        "sealing",
    ]  # nobody's data, or the factory's alone
)
"""The register's tables of which a role that may read them sees all rows; of all others policies say which."""

_LETTERS: Final = {"SELECT": "r", "INSERT": "i", "UPDATE": "u"}
_TABLES: Final = (
    "SELECT n.nspname || '.' || c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
    " WHERE n.nspname LIKE 'cccd\\_%' AND c.relkind NOT IN ('i', 'I', 't', 'S')"
)
_GRANTED: Final = """
SELECT n.nspname || '.' || c.relname, coalesce(r.rolname, 'PUBLIC'), g.privilege_type, coalesce(g.columns, '')
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace CROSS JOIN LATERAL (
  SELECT grantee, privilege_type, NULL AS columns FROM aclexplode(c.relacl)
  UNION ALL SELECT e.grantee, e.privilege_type, string_agg(a.attname, ' ' ORDER BY a.attnum)
  FROM pg_attribute a CROSS JOIN LATERAL aclexplode(a.attacl) e WHERE a.attrelid = c.oid GROUP BY 1, 2) g
LEFT JOIN pg_roles r ON r.oid = g.grantee WHERE n.nspname LIKE 'cccd\\_%' AND g.grantee <> c.relowner
"""


def written() -> dict[str, dict[str, set[str]]]:
    """The table above: of each table what each role may do; a right on columns has them behind it."""
    heading, *lines = _RIGHTS.strip().splitlines()
    _, *roles = heading.split()
    found: dict[str, dict[str, set[str]]] = {}
    for line in lines:
        table, *rights = line.split()
        found[table] = {
            role: {f"{one.lower()} {COLUMNS.get((table, one), '')}".strip() for one in said}
            for role, said in zip(roles, rights, strict=True)
            if said != "-"
        }
    return found


def granted(server: Server, database: str) -> dict[str, dict[str, set[str]]]:
    """The same as a server has it, of roles called after the database, and of whoever else has a right."""
    found: dict[str, dict[str, set[str]]] = {name: {} for name in server.sql(_TABLES, database).splitlines()}
    for line in server.sql(_GRANTED, database).splitlines():
        table, role, right, columns = line.split("|")
        said = f"{_LETTERS.get(right, right)} {columns}".strip()
        found.setdefault(table, {}).setdefault(role.removeprefix(f"{database}_"), set()).add(said)
    return found
