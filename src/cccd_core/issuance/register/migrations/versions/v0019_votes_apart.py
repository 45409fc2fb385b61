"""A vote that nobody else sees before two are in, not by SQL either; and the numbers and cards of the people of an open
case, for those who settle it.

In a server these are policies, which ask functions: an account sees by itself neither the other's vote nor that there
is one. An inspector sees who voted on what, once two have.

Nobody votes, looks, and takes the vote back: a transaction that wrote anything sees no vote of another, and neither a
decision nor a senior's vote comes in it, of which the one or the other would tell what the first had answered.
"""

# ruff: noqa: S608 - every word of these statements stands in this file
from __future__ import annotations

from alembic import op

revision = "0019"
down_revision = "0018"

_HEAD = "LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$"
_SETTLES = "(SELECT cccd_register.my_role()) = 'adjudicator'"
_INSPECTS = "(SELECT cccd_register.my_role()) = 'inspector'"
_SEEN_CASE = "EXISTS (SELECT 1 FROM cccd_register.cases c WHERE c.case_id = case_votes.case_id)"
_MINE = "adjudicator = ANY (ARRAY(SELECT cccd_register.my_names()))"
_WROTE = "pg_current_xact_id_if_assigned() IS NOT NULL"
_RAISE = "RAISE EXCEPTION USING ERRCODE = 'check_violation', CONSTRAINT = '{0}', MESSAGE = '{0}';"
_SAID = (
    "(SELECT v.answer FROM cccd_register.case_votes v WHERE v.case_id = NEW.case_id AND v.round = NEW.round"
    " AND v.place = {0})"
)
_TURN = "1 + (SELECT count(*) FROM cccd_register.case_reopenings o WHERE o.case_id = NEW.case_id)"
_RULES = {  # as v0004 has them, and in a transaction that wrote nothing before
    "a_third_votes_where_two_differ": (f"NEW.place = 3 AND ({_WROTE} OR {_SAID.format(1)} = {_SAID.format(2)})"),
    "decision_is_what_the_votes_say": (
        f"{_WROTE} OR NEW.round <> {_TURN} OR NOT (COALESCE({_SAID.format(3)} = NEW.answer, FALSE)"
        f" OR ({_SAID.format(3)} IS NULL AND COALESCE({_SAID.format(1)} = NEW.answer"
        f" AND {_SAID.format(2)} = NEW.answer, FALSE)))"
    ),
}


def _of_open_case(of: str) -> str:
    """Whether a person is of a case that is seen and not settled."""
    return (
        f"(EXISTS (SELECT 1 FROM cccd_register.cases c WHERE c.person_id = {of} AND cccd_register.is_open(c.case_id))"
        f" OR EXISTS (SELECT 1 FROM cccd_register.case_people p WHERE p.person_id = {of}"
        " AND cccd_register.is_open(p.case_id)))"
    )


def upgrade() -> None:
    """Makes the indexes by which people of cases are found and, in a server, the functions and policies."""
    op.execute("CREATE INDEX cases_of_a_person ON cases (person_id)")
    op.execute("CREATE INDEX case_people_by_person ON case_people (person_id)")
    if op.get_context().dialect.name == "sqlite":
        return
    op.execute(
        f"CREATE FUNCTION votes_in(of_case text, of_round integer) RETURNS bigint {_HEAD}"
        " SELECT count(*) FROM cccd_register.case_votes v WHERE v.case_id = of_case AND v.round = of_round $$"
    )
    op.execute(
        f"CREATE FUNCTION is_open(of_case text) RETURNS boolean {_HEAD}"
        " SELECT NOT EXISTS (SELECT 1 FROM cccd_register.case_decisions d WHERE d.case_id = of_case AND d.round"
        " = 1 + (SELECT count(*) FROM cccd_register.case_reopenings o WHERE o.case_id = of_case)) $$"
    )
    for rule, wrong in _RULES.items():
        op.execute(
            f"CREATE OR REPLACE FUNCTION {rule}() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path"
            f" = pg_catalog, pg_temp AS $$ BEGIN IF {wrong} THEN {_RAISE.format(rule)} END IF; RETURN NEW; END $$"
        )
    # by the card's own number: a policy must not name a column of numbers, which `Database.purge` writes anew
    op.execute(
        f"CREATE FUNCTION person_of_card(of_card bigint) RETURNS text {_HEAD}"
        " SELECT n.person_id FROM cccd_register.cards c JOIN cccd_register.numbers n ON n.number = c.number"
        f" WHERE c.card_id = of_card AND {_SETTLES} $$"
    )
    op.execute("DROP POLICY case_votes_select ON case_votes")
    op.execute(
        f"CREATE POLICY case_votes_select ON case_votes FOR SELECT USING ({_SEEN_CASE} AND ({_MINE}"
        " OR (pg_current_xact_id_if_assigned() IS NULL AND cccd_register.votes_in(case_id, round) > 1)))"
    )
    op.execute(  # a run keeps the decision whose voter was killed before
        "CREATE POLICY decisions_that_are_due ON case_decisions FOR INSERT"
        f" WITH CHECK ((SELECT cccd_register.my_role()) = 'factory' AND {_SEEN_CASE.replace('votes', 'decisions')})"
    )
    op.execute("DROP POLICY people_of_cases ON people")
    op.execute(
        f"CREATE POLICY people_of_cases ON people FOR SELECT USING ({_SETTLES} AND {_of_open_case('people.person_id')})"
    )
    op.execute(
        f"CREATE POLICY cases_of_dossiers ON cases FOR SELECT USING ({_INSPECTS} AND EXISTS"
        " (SELECT 1 FROM cccd_register.dossiers d WHERE d.dossier_id = cases.dossier_id))"
    )
    op.execute(
        f"CREATE POLICY numbers_of_cases ON numbers FOR SELECT USING ({_SETTLES}"
        f" AND {_of_open_case('numbers.person_id')})"
    )
    op.execute("DROP POLICY cards_of_cases ON cards")
    op.execute(
        f"CREATE POLICY cards_of_cases ON cards FOR SELECT USING ({_SETTLES} AND (EXISTS"
        " (SELECT 1 FROM cccd_register.cases c WHERE c.dossier_id = cards.dossier_id"
        f" AND cccd_register.is_open(c.case_id)) OR {_of_open_case('cccd_register.person_of_card(cards.card_id)')}))"
    )
