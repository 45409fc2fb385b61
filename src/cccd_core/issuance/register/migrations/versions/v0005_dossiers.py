"""Units, dossiers and their events.

Which move may follow which is the database's own rule, on two legs: keys (an event's pair of states is one of `moves`;
its `from_state` is the state that the event before it led to) and triggers (it is the next event of its dossier; its
time is not before; what is kept is never changed; a dossier's state is its last event's). The triggers of SQLite say
the keys' part again, for a program that opens the file may leave its keys unheeded.
"""

# ruff: noqa: S608 - every word of these statements stands in this file
from __future__ import annotations

from alembic import op

revision = "0005"
down_revision = "0004"

_MOVES = {
    "none": "received",
    "received": "checked rejected withdrawn cancelled",
    "checked": "searched in_review rejected withdrawn cancelled",
    "searched": "approved in_review rejected withdrawn cancelled",
    "in_review": "searched approved rejected withdrawn cancelled",
    "approved": "signed in_review withdrawn cancelled",
    "signed": "written approved cancelled",
    "written": "verified signed cancelled",
    "verified": "dispatched cancelled",
    "dispatched": "handed_over returned cancelled",
    "returned": "dispatched cancelled",
}
_KINDS = (
    "(kind = 'new' AND grounds IS NULL) OR (kind = 'exchange' AND grounds IS NOT NULL AND grounds IN ('renewal_age',"
    " 'name_or_birth_changed', 'appearance_or_sex_changed', 'printed_error', 'unit_rearranged',"
    " 'number_established_anew', 'holder_request')) OR (kind = 'reissue' AND grounds IS NOT NULL AND grounds IN"
    " ('lost', 'damaged', 'nationality_regained'))"
)
_SAYS_WHY = (
    "reason IS NOT NULL OR (to_state NOT IN ('in_review', 'returned', 'rejected')"
    " AND NOT (from_state = 'signed' AND to_state = 'approved')"
    " AND NOT (from_state = 'written' AND to_state = 'signed'))"
)
_PLACE = (
    "(sequence = 1 AND previous IS NULL AND from_state = 'none')"
    " OR (sequence > 1 AND previous IS NOT NULL AND previous = sequence - 1)"
)


def _text(name: str, most: int, needed: bool = True) -> str:
    """A text's column: so many characters in SQLite, bytes in PostgreSQL, where it is compared as bytes."""
    kind, length = ("TEXT", "length") if _is_sqlite() else ('text COLLATE "C"', "octet_length")
    return f"{name} {kind}{' NOT NULL' if needed else ''} CHECK ({length}({name}) BETWEEN 1 AND {most})"


def _is_sqlite() -> bool:
    return op.get_context().dialect.name == "sqlite"


def _tables() -> list[str]:
    """The tables of both databases, in their own words for types."""
    lite = _is_sqlite()
    whole = "INTEGER" if lite else "bigint"
    small = "INTEGER" if lite else "integer"
    day = "TEXT" if lite else "date"
    some = "BLOB" if lite else "bytea"
    end = " STRICT, WITHOUT ROWID" if lite else ""
    size = "length" if lite else "octet_length"
    return [
        f"CREATE TABLE moves ({_text('from_state', 16)}, {_text('to_state', 16)},"
        f" PRIMARY KEY (from_state, to_state)){end}",
        "INSERT INTO moves (from_state, to_state) VALUES "
        + ", ".join(f"('{before}', '{after}')" for before, found in _MOVES.items() for after in found.split()),
        f"CREATE TABLE units ({_text('unit_id', 64)} PRIMARY KEY, level {'TEXT' if lite else 'text'} NOT NULL"
        " CHECK (level IN ('centre', 'province', 'district', 'ward')),"
        f" {_text('name', 256)}, {_text('parent', 64, False)} REFERENCES units,"
        f" {_text('code', 16, False)}, begins {day}, ends {day}, {_text('source', 512, False)},"
        f" verified {small} NOT NULL CHECK (verified IN (0, 1)), CONSTRAINT unit_ends_after_it_begins"
        f" CHECK (begins IS NULL OR ends IS NULL OR begins <= ends)){end}",
        "CREATE INDEX units_below ON units (parent)",
        f"CREATE TABLE successions ({_text('unit_id', 64)} REFERENCES units, {_text('successor', 64)} REFERENCES units,"
        f" PRIMARY KEY (unit_id, successor), CONSTRAINT nobody_follows_itself CHECK (unit_id <> successor)){end}",
        f"CREATE TABLE dossiers (dossier_no {whole} PRIMARY KEY CHECK (dossier_no > 0),"
        f" {_text('dossier_id', 64)}, {_text('kind', 16)}, {_text('grounds', 32, False)},"
        f" {_text('unit', 64)} CONSTRAINT unit_is_known REFERENCES units, {_text('station', 64, False)},"
        f" {_text('operator', 64, False)}, {_text('shift', 16, False)}, received_day {day} NOT NULL, due_day {day},"
        f" digest {some} NOT NULL CHECK ({size}(digest) = 32), {_text('state', 16)}, last_sequence {small} NOT NULL,"
        f" last_time_us {whole} NOT NULL, CONSTRAINT one_dossier UNIQUE (dossier_id),"
        f" CONSTRAINT kind_has_its_grounds CHECK ({_KINDS}),"
        f" CONSTRAINT due_after_received CHECK (due_day IS NULL OR due_day >= received_day)"
        + (
            ", FOREIGN KEY (dossier_no, last_sequence, state) REFERENCES events (dossier_no, sequence, to_state)"
            " DEFERRABLE INITIALLY DEFERRED) STRICT"
            if lite
            else ")"
        ),
        "CREATE INDEX dossiers_in_state ON dossiers (state, unit)",
        "CREATE INDEX dossiers_due ON dossiers (due_day) WHERE state NOT IN"
        " ('handed_over', 'rejected', 'withdrawn', 'cancelled')",
        f"CREATE TABLE events (dossier_no {whole} NOT NULL REFERENCES dossiers, sequence {small} NOT NULL,"
        f" previous {small}, {_text('from_state', 16)}, {_text('to_state', 16)},"
        f" event_id {some} NOT NULL CHECK ({size}(event_id) = 16),"
        f" {_text('actor', 128)}, time_us {whole} NOT NULL CHECK (time_us > 0),"
        f" behind_us {whole} NOT NULL CHECK (behind_us >= 0), {_text('reason', 256, False)},"
        f" {_text('ordered_by', 64, False)}, CONSTRAINT one_event_a_place PRIMARY KEY (dossier_no, sequence),"
        " CONSTRAINT one_state_a_place UNIQUE (dossier_no, sequence, to_state),"
        " CONSTRAINT event_is_given_once UNIQUE (event_id),"
        f" CONSTRAINT event_has_its_place CHECK ({_PLACE}), CONSTRAINT move_says_why CHECK ({_SAYS_WHY}),"
        " CONSTRAINT cancelled_by_order CHECK (ordered_by IS NOT NULL OR to_state <> 'cancelled'),"
        " CONSTRAINT move_is_one_of_those FOREIGN KEY (from_state, to_state) REFERENCES moves,"
        " CONSTRAINT event_follows_the_one_before FOREIGN KEY (dossier_no, previous, from_state)"
        f" REFERENCES events (dossier_no, sequence, to_state)){end}",
        "CREATE INDEX events_of_a_time ON events (time_us)",
    ]


_NOT_THE_NEXT = (
    "NOT EXISTS (SELECT 1 FROM dossiers d WHERE d.dossier_no = NEW.dossier_no"
    " AND d.last_sequence = NEW.sequence - 1 AND d.state = NEW.from_state)"
)
_KEPT = (
    "dossier_no",
    "dossier_id",
    "kind",
    "grounds",
    "unit",
    "station",
    "operator",
    "shift",
    "received_day",
    "digest",
)
_SQLITE = {
    "moves_stay BEFORE INSERT ON moves": ("moves_stay", "1"),
    "moves_are_not_changed BEFORE UPDATE ON moves": ("moves_stay", "1"),
    "moves_are_not_deleted BEFORE DELETE ON moves": ("moves_stay", "1"),
    "dossier_is_new BEFORE INSERT ON dossiers": (
        "dossier_is_new",
        "NEW.state <> 'none' OR NEW.last_sequence <> 0 OR NEW.last_time_us <> 0 OR EXISTS (SELECT 1 FROM dossiers d"
        " WHERE d.dossier_no = NEW.dossier_no OR d.dossier_id = NEW.dossier_id)",
    ),
    "unit_is_known BEFORE INSERT ON dossiers": (
        "unit_is_known", "NOT EXISTS (SELECT 1 FROM units u WHERE u.unit_id = NEW.unit)",
    ),
    "dossier_stays BEFORE UPDATE ON dossiers": (
        "dossier_stays",
        " OR ".join(f"NEW.{name} IS NOT OLD.{name}" for name in _KEPT)
        + " OR (NEW.due_day IS NOT OLD.due_day AND OLD.due_day IS NOT NULL)",
    ),
    "state_is_the_last_events BEFORE UPDATE OF state, last_sequence, last_time_us ON dossiers": (
        "state_is_the_last_events",
        "NOT EXISTS (SELECT 1 FROM events e WHERE e.dossier_no = NEW.dossier_no AND e.sequence = NEW.last_sequence"
        " AND e.to_state = NEW.state AND e.time_us = NEW.last_time_us) OR EXISTS (SELECT 1 FROM events e"
        " WHERE e.dossier_no = NEW.dossier_no AND e.sequence > NEW.last_sequence)",
    ),
    "dossier_is_not_deleted BEFORE DELETE ON dossiers": ("dossier_stays", "1"),
    "event_is_the_next BEFORE INSERT ON events": (
        "event_is_the_next",
        f"{_NOT_THE_NEXT} OR NOT ({_PLACE.replace('sequence', 'NEW.sequence').replace('previous', 'NEW.previous')})"
        .replace("from_state = 'none'", "NEW.from_state = 'none'"),
    ),
    "event_is_one_of_the_moves BEFORE INSERT ON events": (
        "move_is_one_of_those",
        "NOT EXISTS (SELECT 1 FROM moves m WHERE m.from_state = NEW.from_state AND m.to_state = NEW.to_state)",
    ),
    "event_is_given_once BEFORE INSERT ON events": (
        "event_is_given_once", "EXISTS (SELECT 1 FROM events e WHERE e.event_id = NEW.event_id)",
    ),
    "time_goes_on BEFORE INSERT ON events": (
        "time_goes_on",
        "EXISTS (SELECT 1 FROM dossiers d WHERE d.dossier_no = NEW.dossier_no AND d.last_time_us > NEW.time_us)",
    ),
    "events_stay BEFORE UPDATE ON events": ("events_stay", "1"),
    "events_are_not_deleted BEFORE DELETE ON events": ("events_stay", "1"),
}  # fmt: skip

_RAISE = "RAISE EXCEPTION USING ERRCODE = 'check_violation', CONSTRAINT = '{rule}', MESSAGE = '{rule}';"


def _function(name: str, body: str, variables: str = "") -> str:
    """A trigger's function. It runs as the owner of the tables, wherever names are looked for by whoever calls it."""
    declared = f"DECLARE {variables} " if variables else ""
    return (
        f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER"
        f" SET search_path = pg_catalog, pg_temp AS $$ {declared}BEGIN {body} END $$"
    )


def _names(of: str) -> str:
    return ", ".join(f"{of}.{name}" for name in _KEPT)


def _raise(rule: str) -> str:
    return _RAISE.format(rule=rule)


_POSTGRESQL = (
    _function("stays", _raise("rows_stay")),
    _function(
        "dossier_begins",
        "IF NEW.state <> 'none' OR NEW.last_sequence <> 0 OR NEW.last_time_us <> 0 THEN"
        f" {_raise('dossier_is_new')} END IF; RETURN NEW;",
    ),
    _function(
        "dossier_was_received",
        "IF NOT EXISTS (SELECT 1 FROM cccd_register.events e WHERE e.dossier_no = NEW.dossier_no AND e.sequence = 1)"
        f" THEN {_raise('dossier_is_received')} END IF; RETURN NULL;",
    ),
    _function(
        "dossier_keeps",
        f"IF ({_names('NEW')}) IS DISTINCT FROM ({_names('OLD')})"
        " OR (NEW.due_day IS DISTINCT FROM OLD.due_day AND OLD.due_day IS NOT NULL)"
        f" THEN {_raise('dossier_stays')} END IF; RETURN NEW;",
    ),
    _function(
        "dossiers_are_moved",
        "IF EXISTS (SELECT 1 FROM now LEFT JOIN cccd_register.events e"
        " ON e.dossier_no = now.dossier_no AND e.sequence = now.last_sequence"
        " WHERE (e.to_state, e.time_us) IS DISTINCT FROM (now.state, now.last_time_us) OR EXISTS (SELECT 1"
        " FROM cccd_register.events l WHERE l.dossier_no = now.dossier_no AND l.sequence = now.last_sequence + 1))"
        f" THEN {_raise('state_is_the_last_events')} END IF; RETURN NULL;",
    ),
    # The first of a dossier's new events goes on from where it stands, the others from the one before. Looked at in one
    # pass: the planner takes what was added for few rows, and would join it with itself row by row.
    _function(
        "events_move",
        "IF EXISTS (SELECT 1 FROM (SELECT sequence, time_us, lag(sequence) OVER one AS before_it,"
        " lag(time_us) OVER one AS before_then FROM added WINDOW one AS (PARTITION BY dossier_no ORDER BY sequence)) a"
        f" WHERE before_it <> sequence - 1 OR before_then > time_us) THEN {_raise('event_is_the_next')} END IF;"
        " UPDATE cccd_register.dossiers d SET state = a.to_state, last_sequence = a.last_sequence,"
        " last_time_us = a.last_time_us FROM (SELECT dossier_no, min(sequence) AS first_sequence,"
        " max(sequence) AS last_sequence, min(time_us) AS first_time_us, max(time_us) AS last_time_us,"
        " (array_agg(from_state ORDER BY sequence))[1] AS from_state,"
        " (array_agg(to_state ORDER BY sequence DESC))[1] AS to_state FROM added GROUP BY dossier_no) a"
        " WHERE d.dossier_no = a.dossier_no AND d.last_sequence = a.first_sequence - 1"
        " AND d.state = a.from_state AND d.last_time_us <= a.first_time_us;"
        " GET DIAGNOSTICS moved = ROW_COUNT; IF moved <> (SELECT count(DISTINCT dossier_no) FROM added) THEN"
        f" {_raise('event_is_the_next')} END IF; RETURN NULL;",
        "moved bigint;",
    ),
    *(
        f"CREATE TRIGGER {table}_stay BEFORE {'INSERT OR ' if table == 'moves' else ''}"
        f"{'' if table == 'dossiers' else 'UPDATE OR '}DELETE ON {table} FOR EACH ROW EXECUTE FUNCTION stays()"
        for table in ("moves", "dossiers", "events")
    ),
    *(
        f"CREATE TRIGGER {table}_are_not_emptied BEFORE TRUNCATE ON {table} FOR EACH STATEMENT EXECUTE FUNCTION stays()"
        for table in ("moves", "dossiers", "events")
    ),
    "CREATE TRIGGER dossier_is_new BEFORE INSERT ON dossiers FOR EACH ROW EXECUTE FUNCTION dossier_begins()",
    "CREATE CONSTRAINT TRIGGER dossier_is_received AFTER INSERT ON dossiers DEFERRABLE INITIALLY DEFERRED"
    " FOR EACH ROW EXECUTE FUNCTION dossier_was_received()",
    f"CREATE TRIGGER dossier_keeps BEFORE UPDATE OF {', '.join(_KEPT)}, due_day ON dossiers"
    " FOR EACH ROW EXECUTE FUNCTION dossier_keeps()",
    "CREATE TRIGGER dossiers_are_moved AFTER UPDATE ON dossiers REFERENCING NEW TABLE AS now"
    " FOR EACH STATEMENT EXECUTE FUNCTION dossiers_are_moved()",
    "CREATE TRIGGER events_move AFTER INSERT ON events REFERENCING NEW TABLE AS added"
    " FOR EACH STATEMENT EXECUTE FUNCTION events_move()",
)


def upgrade() -> None:
    """Makes the tables and their rules."""
    for statement in _tables():
        op.execute(statement)
    if _is_sqlite():
        for trigger, (rule, wrong) in _SQLITE.items():
            op.execute(f"CREATE TRIGGER {trigger} WHEN {wrong} BEGIN SELECT RAISE(ABORT, '{rule}'); END")
    else:
        for statement in _POSTGRESQL:
            op.execute(statement)
    _follow()


def _follow() -> None:
    """What moves a dossier when its event is there: in PostgreSQL `events_move`."""
    if _is_sqlite():
        op.execute(
            "CREATE TRIGGER events_move AFTER INSERT ON events BEGIN UPDATE dossiers SET state = NEW.to_state,"
            " last_sequence = NEW.sequence, last_time_us = NEW.time_us WHERE dossier_no = NEW.dossier_no; END"
        )
