"""Whether the tables of a schema, with their rules, are those that its statements make: columns, triggers, functions,
and whose rows an account sees (row security), turned on or not."""

from __future__ import annotations

import re
from functools import cache
from typing import Final

from sqlalchemy import Connection

_COLUMNS: Final = (
    "SELECT c.relname::text, a.attname::text, format_type(a.atttypid, a.atttypmod), a.attnotnull"
    " FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_attribute a ON a.attrelid = c.oid"
    " WHERE n.nspname = %s AND c.relkind = 'r' AND a.attnum > 0 AND NOT a.attisdropped"
    " LIMIT 256"
)
_OTHERS: Final = (  # views, foreign tables, what a rule would do besides
    "SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = %s"
    " AND (c.relkind IN ('v', 'm', 'f', 'p') OR c.relhasrules OR (c.relrowsecurity"
    " AND NOT EXISTS (SELECT 1 FROM pg_policy p WHERE p.polrelid = c.oid)))"
)
_POLICIES: Final = (  # whose rows a user sees or writes, once row security is turned on
    "SELECT c.relname::text, p.polname::text, p.polcmd::text, coalesce(pg_get_expr(p.polqual, p.polrelid), ''),"
    " coalesce(pg_get_expr(p.polwithcheck, p.polrelid), ''), p.polpermissive AND p.polroles = '{0}'"
    " FROM pg_policy p JOIN pg_class c ON c.oid = p.polrelid JOIN pg_namespace n ON n.oid = c.relnamespace"
    " WHERE n.nspname = %s LIMIT 256"
)
_FUNCTIONS: Final = (
    "SELECT p.proname::text, p.prosrc FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace"
    " WHERE n.nspname = %s LIMIT 256"
)
_POLICY_GONE: Final = re.compile(r"DROP POLICY (\w+) ON (\w+)")
_POLICY: Final = re.compile(r"CREATE POLICY (\w+) ON (\w+) FOR (\w+) (USING|WITH CHECK) \((.*)\)", re.DOTALL)
_COMMANDS: Final = {"SELECT": "r", "INSERT": "a", "UPDATE": "w", "DELETE": "d"}
_WRITTEN_OUT: Final = re.compile(r"\bcccd_\w+\.| AS \w+|::text|[\s()]")  # what a server may add to an expression
_TRIGGERS: Final = (  # each that is not turned off, with its table and what its function does
    "SELECT c.relname::text, t.tgname::text, p.prosrc FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid"
    " JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_proc p ON p.oid = t.tgfoid"
    " WHERE n.nspname = %s AND NOT t.tgisinternal AND t.tgenabled <> 'D' LIMIT 256"
)
_FUNCTION: Final = re.compile(r"CREATE (?:OR REPLACE )?FUNCTION (\w+)\([^)]*\) .* AS \$\$(.*)\$\$", re.DOTALL)
_TRIGGER: Final = re.compile(r"CREATE (?:CONSTRAINT )?TRIGGER (\w+) .* ON (\w+) .*EXECUTE FUNCTION (\w+)\(\)")


def columns_of(connection: Connection, name: str) -> frozenset[tuple[str, str, str, bool]]:
    """Of every table of a schema: its name, a column, the column's type, whether a value must be there."""
    rows = connection.exec_driver_sql(_COLUMNS, (name,)).fetchall()
    return frozenset((row[0], row[1], row[2], row[3]) for row in rows)


def rules_hold(connection: Connection, name: str, statements: tuple[str, ...]) -> bool:
    """Whether the rules of a schema are those that these statements make, and nothing else is there."""

    def rows(query: str) -> list[tuple[object, ...]]:
        return [tuple(row) for row in connection.exec_driver_sql(query, (name,)).fetchall()]

    policies = frozenset((*row[:3], _bare(str(row[3])), _bare(str(row[4])), row[5]) for row in rows(_POLICIES))
    return (
        rows(_OTHERS) == [(0,)]
        and frozenset(rows(_TRIGGERS)) == _triggers(statements)
        and frozenset(rows(_FUNCTIONS)) == _functions(statements)
        and policies == _policies(statements)
    )


@cache
def _triggers(statements: tuple[str, ...]) -> frozenset[tuple[str, str, str]]:
    """The triggers that these statements make, as `_TRIGGERS` finds them."""
    does = {found[1]: found[2] for found in map(_FUNCTION.match, statements) if found}
    made = [found for found in map(_TRIGGER.match, statements) if found]
    return frozenset((found[2], found[1], does[found[3]]) for found in made)


@cache
def _functions(statements: tuple[str, ...]) -> frozenset[tuple[str, str]]:
    """The functions that these statements make, as `_FUNCTIONS` finds them."""
    return frozenset({found[1]: found[2] for found in map(_FUNCTION.match, statements) if found}.items())


@cache
def _policies(statements: tuple[str, ...]) -> frozenset[tuple[str, str, str, str, str, bool]]:
    """The policies that these statements make, as `_POLICIES` finds them, each expression as `_bare`."""
    made: dict[tuple[str, str], tuple[str, str, str]] = {}
    for statement in statements:
        if gone := _POLICY_GONE.match(statement):
            del made[gone[2], gone[1]]
        elif found := _POLICY.match(statement):
            rows = _bare(found[5])
            made[found[2], found[1]] = (_COMMANDS[found[3]], *((rows, "") if found[4] == "USING" else ("", rows)))
    return frozenset((*name, *rows, True) for name, rows in made.items())


def _bare(expression: str) -> str:
    """An expression without what a server writes it out with: brackets, types, names of schemas and columns."""
    return _WRITTEN_OUT.sub("", expression).lower()
