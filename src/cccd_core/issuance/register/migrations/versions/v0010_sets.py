"""A statement's events are looked at as one set, in PostgreSQL: that each goes one of the moves, and on from where the
event before it led to, is asked once by the trigger that moves the dossiers, and no more of each row by three keys,
which cost as much as all the rest together. In SQLite nothing changes, whose triggers are asked row by row.

What the keys promised besides, that nobody takes away a dossier or a move that an event speaks of, the triggers of
version 5 forbid.
"""

# ruff: noqa: S608 - every word of these statements stands in this file
from __future__ import annotations

from alembic import op

revision = "0010"
down_revision = "0005"

_KEYS = ("events_dossier_no_fkey", "move_is_one_of_those", "event_follows_the_one_before", "one_state_a_place")
_RAISE = "RAISE EXCEPTION USING ERRCODE = 'check_violation', CONSTRAINT = '{rule}', MESSAGE = '{rule}';"
_IN_ORDER = "WINDOW one AS (PARTITION BY dossier_no ORDER BY sequence)"


def _function(name: str, body: str, variables: str = "") -> str:
    """A trigger's function. It runs as the owner of the tables, wherever names are looked for by whoever calls it."""
    declared = f"DECLARE {variables} " if variables else ""
    return (
        f"CREATE OR REPLACE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER"
        f" SET search_path = pg_catalog, pg_temp AS $$ {declared}BEGIN {body} END $$"
    )


def _raise(rule: str) -> str:
    return _RAISE.format(rule=rule)


_POSTGRESQL = (
    *(f"ALTER TABLE events DROP CONSTRAINT {name}" for name in _KEYS),
    # The first of a dossier's new events goes on from where it stands, the others from the one before. No join of what
    # was added with itself: the planner takes it for as few rows as it had when the session first asked.
    _function(
        "events_move",
        "IF EXISTS (SELECT 1 FROM added a WHERE (a.from_state, a.to_state) NOT IN"
        f" (SELECT m.from_state, m.to_state FROM cccd_register.moves m)) THEN {_raise('move_is_one_of_those')} END IF;"
        " IF EXISTS (SELECT 1 FROM (SELECT sequence, time_us, from_state, lag(sequence) OVER one AS before_it,"
        f" lag(time_us) OVER one AS before_then, lag(to_state) OVER one AS before_to FROM added {_IN_ORDER}) a"
        " WHERE a.before_it <> a.sequence - 1 OR a.before_then > a.time_us OR a.before_to <> a.from_state)"
        f" THEN {_raise('event_is_the_next')} END IF;"
        " UPDATE cccd_register.dossiers d SET state = a.to_state, last_sequence = a.sequence, last_time_us = a.time_us"
        " FROM (SELECT dossier_no, sequence, to_state, time_us, first_value(sequence) OVER one AS first_sequence,"
        " first_value(from_state) OVER one AS from_state, first_value(time_us) OVER one AS first_time_us,"
        f" lead(sequence) OVER one AS following FROM added {_IN_ORDER}) a WHERE a.following IS NULL"
        " AND d.dossier_no = a.dossier_no AND d.last_sequence = a.first_sequence - 1"
        " AND d.state = a.from_state AND d.last_time_us <= a.first_time_us;"
        " GET DIAGNOSTICS moved = ROW_COUNT; IF moved <> (SELECT count(DISTINCT dossier_no) FROM added) THEN"
        f" {_raise('event_is_the_next')} END IF; RETURN NULL;",
        "moved bigint;",
    ),
    _function(
        "dossiers_are_moved",
        "IF EXISTS (SELECT 1 FROM now LEFT JOIN LATERAL (SELECT e.sequence, e.to_state, e.time_us"
        " FROM cccd_register.events e WHERE e.dossier_no = now.dossier_no ORDER BY e.sequence DESC LIMIT 1) e ON TRUE"
        " WHERE (e.sequence, e.to_state, e.time_us) IS DISTINCT FROM (now.last_sequence, now.state, now.last_time_us))"
        f" THEN {_raise('state_is_the_last_events')} END IF; RETURN NULL;",
    ),
)


def upgrade() -> None:
    """Changes the rules of a server's tables."""
    if op.get_context().dialect.name == "postgresql":
        for statement in _POSTGRESQL:
            op.execute(statement)
