"""Cases that people settle: whom they are about, the votes, what was decided, what was opened again, and who was found
to be different people.

Nothing here is ever changed or taken away. Who votes, when, and what the votes come to is the tables' own rule, as it
is `review.settle`'s.
"""

# ruff: noqa: S608 - every word of these statements stands in this file
from __future__ import annotations

from alembic import op

revision = "0004"
down_revision = "0002"

_KINDS = (
    "'possible_duplicate', 'several_people', 'same_finger', 'finger_in_doubt', 'own_record_mismatch', 'two_records',"
    " 'own_record_removed', 'not_searchable'"
)
_ANSWERS = "'same_person', 'different_people', 'accept', 'capture_again', 'refuse'"
_TABLES = ("cases", "case_people", "case_votes", "case_decisions", "case_reopenings", "apart")


def _is_sqlite() -> bool:
    return op.get_context().dialect.name == "sqlite"


def _text(name: str, most: int, needed: bool = True) -> str:
    kind, length = ("TEXT", "length") if _is_sqlite() else ('text COLLATE "C"', "octet_length")
    return f"{name} {kind}{' NOT NULL' if needed else ''} CHECK ({length}({name}) BETWEEN 1 AND {most})"


def _tables() -> tuple[str, ...]:
    lite = _is_sqlite()
    whole, small = ("INTEGER", "INTEGER") if lite else ("bigint", "integer")
    end = " STRICT, WITHOUT ROWID" if lite else ""
    case = f"{_text('case_id', 25)} REFERENCES cases"
    turn = f"round {small} NOT NULL CHECK (round >= 1)"
    time = f"time_us {whole} NOT NULL CHECK (time_us > 0)"
    return (
        f"CREATE TABLE cases ({_text('case_id', 25)} PRIMARY KEY, {_text('kind', 32)} CHECK (kind IN ({_KINDS})),"
        f" {_text('dossier_id', 64)}, {_text('digest', 128)}, {_text('person_id', 256)},"
        f" {_text('operator', 64, False)}, {_text('evidence', 65536)}, {time}){end}",
        "CREATE INDEX cases_of_a_dossier ON cases (dossier_id)",
        f"CREATE TABLE case_people ({case}, place {small} NOT NULL CHECK (place BETWEEN 1 AND 64),"
        f" {_text('person_id', 256)}, {_text('dossier_id', 256, False)}, PRIMARY KEY (case_id, place),"
        f" CONSTRAINT one_place_a_person UNIQUE (case_id, person_id)){end}",
        f"CREATE TABLE case_votes ({case}, {turn}, place {small} NOT NULL CHECK (place BETWEEN 1 AND 3),"
        f" {_text('adjudicator', 64)}, senior {small} NOT NULL CHECK (senior IN (0, 1)),"
        f" {_text('answer', 32)} CHECK (answer IN ({_ANSWERS})), {_text('reason', 2048)}, {time},"
        " PRIMARY KEY (case_id, round, place), CONSTRAINT nobody_votes_twice UNIQUE (case_id, round, adjudicator),"
        f" CONSTRAINT a_senior_decides CHECK (place < 3 OR senior = 1)){end}",
        f"CREATE TABLE case_decisions ({case}, {turn}, {_text('answer', 32)} CHECK (answer IN ({_ANSWERS})), {time},"
        f" PRIMARY KEY (case_id, round)){end}",
        f"CREATE TABLE case_reopenings ({_text('case_id', 25)}, {turn}, {_text('reopened_by', 64)},"
        f" {_text('ordered_by', 64)}, {_text('reason', 2048)}, {time}, PRIMARY KEY (case_id, round),"
        " CONSTRAINT what_was_settled_is_opened_again FOREIGN KEY (case_id, round) REFERENCES case_decisions"
        f"){end}",
        f"CREATE TABLE apart ({_text('person_id', 256)}, {_text('other', 256)}, {_text('case_id', 25)}, {turn},"
        " PRIMARY KEY (person_id, other, case_id, round), CONSTRAINT people_are_set_apart_by_a_decision"
        f" FOREIGN KEY (case_id, round) REFERENCES case_decisions){end}",
        "CREATE INDEX apart_from ON apart (other)",
        "CREATE INDEX apart_by ON apart (case_id)",
    )


def _rules(schema: str) -> dict[str, tuple[str, str]]:
    """By the rule: the table whose new rows it is about, and what is against it. `schema` stands before each table."""
    votes, decisions = f"{schema}case_votes", f"{schema}case_decisions"
    same = "v.case_id = NEW.case_id AND v.round = NEW.round"
    said = f"(SELECT v.answer FROM {votes} v WHERE {same} AND v.place = "
    turn = f"NEW.round <> 1 + (SELECT count(*) FROM {schema}case_reopenings o WHERE o.case_id = NEW.case_id)"
    return {
        "vote_is_the_next": (
            "case_votes",
            f"{turn} OR NEW.place <> 1 + (SELECT count(*) FROM {votes} v WHERE {same})",
        ),
        "who_entered_it_does_not_vote": (
            "case_votes",
            f"EXISTS (SELECT 1 FROM {schema}cases c WHERE c.case_id = NEW.case_id AND c.operator = NEW.adjudicator)",
        ),
        "a_third_votes_where_two_differ": (
            "case_votes",
            f"NEW.place = 3 AND {said}1) = {said}2)",
        ),
        "decision_is_what_the_votes_say": (
            "case_decisions",
            f"{turn} OR NOT (COALESCE({said}3) = NEW.answer, FALSE) OR (NOT EXISTS (SELECT 1 FROM {votes} v"
            f" WHERE {same} AND v.place = 3) AND COALESCE({said}1) = NEW.answer AND {said}2) = NEW.answer, FALSE)))",
        ),
        "pair_is_what_was_decided": (
            "apart",
            f"NOT EXISTS (SELECT 1 FROM {decisions} d WHERE d.case_id = NEW.case_id AND d.round = NEW.round"
            f" AND d.answer = 'different_people') OR NOT EXISTS (SELECT 1 FROM {schema}case_people p"
            " WHERE p.case_id = NEW.case_id AND p.person_id = NEW.other)",
        ),
    }  # fmt: skip


_KEYS = {
    "cases": "t.case_id = NEW.case_id",
    "case_people": "t.case_id = NEW.case_id AND (t.place = NEW.place OR t.person_id = NEW.person_id)",
    "case_votes": "t.case_id = NEW.case_id AND t.round = NEW.round AND t.adjudicator = NEW.adjudicator",
    "case_decisions": "t.case_id = NEW.case_id AND t.round = NEW.round",
    "case_reopenings": "t.case_id = NEW.case_id AND t.round = NEW.round",
    "apart": "t.person_id = NEW.person_id AND t.other = NEW.other AND t.case_id = NEW.case_id AND t.round = NEW.round",
}
"""What SQLite's INSERT OR REPLACE would take away without a word."""
_RAISE = "RAISE EXCEPTION USING ERRCODE = 'check_violation', CONSTRAINT = '{rule}', MESSAGE = '{rule}';"


def _in_sqlite() -> None:
    said = "BEGIN SELECT RAISE(ABORT, '{rule}'); END"
    for rule, (table, wrong) in _rules("").items():
        op.execute(f"CREATE TRIGGER {rule} BEFORE INSERT ON {table} WHEN {wrong} {said.format(rule=rule)}")
    for table, key in _KEYS.items():
        op.execute(
            f"CREATE TRIGGER {table}_are_added BEFORE INSERT ON {table}"
            f" WHEN EXISTS (SELECT 1 FROM {table} t WHERE {key}) {said.format(rule='case_rows_stay')}"
        )
    for table in _TABLES:
        for change in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER {table}_stay_at_{change.lower()} BEFORE {change} ON {table}"
                f" {said.format(rule='case_rows_stay')}"
            )


def _function(name: str, body: str) -> str:
    return (
        f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER"
        f" SET search_path = pg_catalog, pg_temp AS $$ BEGIN {body} END $$"
    )


def _in_postgresql() -> None:
    for rule, (table, wrong) in _rules("cccd_register.").items():
        op.execute(_function(rule, f"IF {wrong} THEN {_RAISE.format(rule=rule)} END IF; RETURN NEW;"))
        op.execute(f"CREATE TRIGGER {rule} BEFORE INSERT ON {table} FOR EACH ROW EXECUTE FUNCTION {rule}()")
    op.execute(_function("case_rows_stay", _RAISE.format(rule="case_rows_stay")))
    for table in _TABLES:
        op.execute(
            f"CREATE TRIGGER {table}_stay BEFORE UPDATE OR DELETE ON {table}"
            " FOR EACH ROW EXECUTE FUNCTION case_rows_stay()"
        )
        op.execute(
            f"CREATE TRIGGER {table}_are_not_emptied BEFORE TRUNCATE ON {table}"
            " FOR EACH STATEMENT EXECUTE FUNCTION case_rows_stay()"
        )


def upgrade() -> None:
    """Makes the tables and their rules."""
    for statement in _tables():
        op.execute(statement)
    if _is_sqlite():
        _in_sqlite()
    else:
        _in_postgresql()
