"""Acts on people: what was ordered, before it is done; that it was done; the cards that it ended; the numbers that were
given up for others by it.

At most one act is under way. None is ever changed but to say that it ended, and none taken away.
"""

# ruff: noqa: S608 - every word of these statements stands in this file
from __future__ import annotations

from alembic import op

revision = "0016"
down_revision = "0012"

_KINDS = "'remove', 'replace', 'merge', 'split'"
_ENDS = "'done', 'abandoned'"
_TO_DO = "'revoke', 'take_in_and_revoke', 'destroy_and_revoke'"
_FIXED = ("act_id", "kind", "person_id", "other", "positions", "ordered_by", "actor", "reason", "time_us")
_RAISE = "RAISE EXCEPTION USING ERRCODE = 'check_violation', CONSTRAINT = 'acts_stay', MESSAGE = 'acts_stay';"


def _is_sqlite() -> bool:
    return op.get_context().dialect.name == "sqlite"


def _text(name: str, most: int, needed: bool = True) -> str:
    kind, length = ("TEXT", "length") if _is_sqlite() else ('text COLLATE "C"', "octet_length")
    return f"{name} {kind}{' NOT NULL' if needed else ''} CHECK ({length}({name}) BETWEEN 1 AND {most})"


def _tables() -> tuple[str, ...]:
    lite = _is_sqlite()
    whole, end = ("INTEGER", " STRICT, WITHOUT ROWID") if lite else ("bigint", "")
    return (
        f"CREATE TABLE acts ({_text('act_id', 25)} PRIMARY KEY, {_text('kind', 16)} CHECK (kind IN ({_KINDS})),"
        f" {_text('person_id', 256)}, {_text('other', 256, False)}, {_text('positions', 64, False)},"
        f" {_text('ordered_by', 64)}, {_text('actor', 128)}, {_text('reason', 1024)},"
        f" time_us {whole} NOT NULL CHECK (time_us > 0), ended_us {whole} CHECK (ended_us > 0),"
        f" {_text('ended', 16, False)} CHECK (ended IN ({_ENDS})),"
        f" CONSTRAINT an_end_has_its_time CHECK ((ended IS NULL) = (ended_us IS NULL))){end}",
        "CREATE UNIQUE INDEX one_act_under_way ON acts ((1)) WHERE ended IS NULL",
        f"CREATE TABLE act_cards ({_text('act_id', 25)} REFERENCES acts, {_text('serial', 256)},"
        f" {_text('dossier_id', 256)}, {_text('to_do', 32)} CHECK (to_do IN ({_TO_DO})),"
        f" PRIMARY KEY (act_id, serial)){end}",
        f"CREATE TABLE given_up ({_text('number', 64)} PRIMARY KEY, {_text('successor', 64)},"
        f" {_text('act_id', 25)} REFERENCES acts){end}",
    )


def _in_sqlite() -> None:
    said = "BEGIN SELECT RAISE(ABORT, 'acts_stay'); END"
    changed = " OR ".join(f"OLD.{name} IS NOT NEW.{name}" for name in _FIXED)
    op.execute(
        f"CREATE TRIGGER acts_end_once BEFORE UPDATE ON acts WHEN OLD.ended IS NOT NULL OR NEW.ended IS NULL"
        f" OR {changed} {said}"
    )
    op.execute(f"CREATE TRIGGER act_cards_stay BEFORE UPDATE ON act_cards {said}")
    for table, key in (("acts", "act_id"), ("act_cards", "act_id")):
        op.execute(f"CREATE TRIGGER {table}_are_not_taken_away BEFORE DELETE ON {table} {said}")
        same = f"t.{key} = NEW.{key}" + (" AND t.serial = NEW.serial" if table == "act_cards" else "")
        op.execute(
            f"CREATE TRIGGER {table}_are_added BEFORE INSERT ON {table}"
            f" WHEN EXISTS (SELECT 1 FROM {table} t WHERE {same}) {said}"
        )


def _in_postgresql() -> None:
    op.execute(
        "CREATE FUNCTION acts_stay() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp"
        f" AS $$ BEGIN {_RAISE} END $$"
    )
    old, new = (", ".join(f"{row}.{name}" for name in _FIXED) for row in ("OLD", "NEW"))
    op.execute(
        "CREATE TRIGGER acts_end_once BEFORE UPDATE ON acts FOR EACH ROW WHEN (OLD.ended IS NOT NULL"
        f" OR NEW.ended IS NULL OR ({old}) IS DISTINCT FROM ({new})) EXECUTE FUNCTION acts_stay()"
    )
    op.execute("CREATE TRIGGER act_cards_stay BEFORE UPDATE ON act_cards FOR EACH ROW EXECUTE FUNCTION acts_stay()")
    for table in ("acts", "act_cards"):
        op.execute(
            f"CREATE TRIGGER {table}_are_not_taken_away BEFORE DELETE OR TRUNCATE ON {table}"
            " FOR EACH STATEMENT EXECUTE FUNCTION acts_stay()"
        )


def upgrade() -> None:
    """Makes the tables, and what keeps them."""
    for statement in _tables():
        op.execute(statement)
    _in_sqlite() if _is_sqlite() else _in_postgresql()
