"""A vote that nobody else sees before two are in, not by SQL either; and all that there is of the people of an open
case, dossiers, numbers, cards and fingers, for those who settle it, who see nothing else.

In a server these are policies, which ask functions: an account sees by itself neither the other's vote nor that there
is one. An inspector sees who voted on what, once two have.

Nobody votes, looks, and takes the vote back: a transaction that wrote anything sees no vote of another, and neither a
decision nor a senior's vote comes in it, of which the one or the other would tell what the first had answered.

A senior opens a case by order (`review.ordered`), and is told whom a dossier brought in, and whose a number is, by the
identifier alone; a case that names its order is on record for good.
"""

# ruff: noqa: S608 - every word of these statements stands in this file
from __future__ import annotations

from alembic import op

revision = "0019"
down_revision = "0018"

_HEAD = "LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$"
_SETTLES = "(SELECT cccd_register.my_role()) = 'adjudicator'"
_INSPECTS = "(SELECT cccd_register.my_role()) = 'inspector'"
_MAKES_CARDS = "(SELECT cccd_register.my_role()) = 'factory'"
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


_FUNCTIONS = {  # of those who settle cases; whoever else asks is told nothing
    "of_my_units(of_dossier text) RETURNS boolean": (
        "SELECT EXISTS (SELECT 1 FROM cccd_register.dossiers d WHERE d.dossier_id = of_dossier"
        " AND d.unit IN (SELECT cccd_register.my_units()))"
    ),
    "i_settle(of_case text) RETURNS boolean": (
        f"SELECT {_SETTLES} AND EXISTS (SELECT 1 FROM cccd_register.cases c WHERE c.case_id = of_case"
        " AND (cccd_register.i_am_of_all() OR cccd_register.of_my_units(c.dossier_id)))"
        " AND NOT EXISTS (SELECT 1 FROM cccd_register.case_decisions d WHERE d.case_id = of_case AND d.round"
        " = 1 + (SELECT count(*) FROM cccd_register.case_reopenings o WHERE o.case_id = of_case))"
    ),
    "dossier_of_my_case(of_dossier text) RETURNS boolean": (
        "SELECT EXISTS (SELECT 1 FROM cccd_register.cases c WHERE c.dossier_id = of_dossier"
        " AND cccd_register.i_settle(c.case_id)) OR EXISTS (SELECT 1 FROM cccd_register.case_people p"
        " WHERE p.dossier_id = of_dossier AND cccd_register.i_settle(p.case_id))"
    ),
    "person_of_my_case(of_person text) RETURNS boolean": (
        "SELECT EXISTS (SELECT 1 FROM cccd_register.cases c WHERE c.person_id = of_person"
        " AND cccd_register.i_settle(c.case_id)) OR EXISTS (SELECT 1 FROM cccd_register.case_people p"
        " WHERE p.person_id = of_person AND cccd_register.i_settle(p.case_id))"
    ),
    # by the card's own number: a policy must not name a column of numbers, which `Database.purge` writes anew
    "card_of_my_case(of_card bigint) RETURNS boolean": (
        "SELECT EXISTS (SELECT 1 FROM cccd_register.cards c JOIN cccd_register.numbers n ON n.number = c.number"
        " WHERE c.card_id = of_card AND cccd_register.person_of_my_case(n.person_id))"
    ),
    "person_by_order(of_dossier text) RETURNS text": (
        "SELECT n.person_id FROM cccd_register.cards c JOIN cccd_register.numbers n ON n.number = c.number"
        " WHERE c.dossier_id = of_dossier AND EXISTS (SELECT cccd_register.my_seniors()) LIMIT 1"
    ),
    "owner_by_order(of_number text) RETURNS text": (
        "SELECT n.person_id FROM cccd_register.numbers n WHERE n.number = of_number"
        " AND EXISTS (SELECT cccd_register.my_seniors())"
    ),
    "i_ordered(of_evidence text) RETURNS boolean": (
        "SELECT (of_evidence::json #>> '{ordered,by}') IN (SELECT cccd_register.my_seniors())"
    ),
}
_IN_GALLERY = (  # the gallery may be elsewhere: only who asks finds out
    "CREATE FUNCTION fingers_of_my_case(of_person text) RETURNS TABLE (gallery_id text, sequence bigint, sha256 bytea,"
    " place integer, template bytea) LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp"
    " AS $$ BEGIN IF cccd_register.person_of_my_case(of_person) THEN RETURN QUERY SELECT g.gallery_id, p.sequence,"
    " p.sha256, f.place, f.template FROM cccd_gallery.gallery g CROSS JOIN cccd_gallery.person p"
    " LEFT JOIN cccd_gallery.finger f ON f.sequence = p.sequence WHERE p.person_id = of_person ORDER BY f.place;"
    " END IF; END $$"
)
_POLICIES = (
    ("people", "people_of_cases", "cccd_register.person_of_my_case(person_id)"),
    ("numbers", "numbers_of_cases", "cccd_register.person_of_my_case(person_id)"),
    (
        "cards", "cards_of_cases",
        "cccd_register.dossier_of_my_case(dossier_id) OR cccd_register.card_of_my_case(card_id)",
    ),
    ("dossiers", "dossiers_of_cases", "cccd_register.dossier_of_my_case(dossier_id)"),
)  # fmt: skip


def upgrade() -> None:
    """Makes the indexes by which people of cases are found and, in a server, the functions and policies."""
    op.execute("CREATE INDEX cases_of_a_person ON cases (person_id)")
    op.execute("CREATE INDEX case_people_by_person ON case_people (person_id)")
    op.execute("CREATE INDEX case_people_by_dossier ON case_people (dossier_id)")
    if op.get_context().dialect.name == "sqlite":
        return
    op.execute(
        f"CREATE FUNCTION votes_in(of_case text, of_round integer) RETURNS bigint {_HEAD}"
        " SELECT count(*) FROM cccd_register.case_votes v WHERE v.case_id = of_case AND v.round = of_round $$"
    )
    for rule, wrong in _RULES.items():
        op.execute(
            f"CREATE OR REPLACE FUNCTION {rule}() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path"
            f" = pg_catalog, pg_temp AS $$ BEGIN IF {wrong} THEN {_RAISE.format(rule)} END IF; RETURN NEW; END $$"
        )
    for name, body in _FUNCTIONS.items():
        op.execute(f"CREATE FUNCTION {name} {_HEAD} {body} $$")
    op.execute(_IN_GALLERY)
    op.execute("DROP POLICY case_votes_select ON case_votes")
    op.execute(
        f"CREATE POLICY case_votes_select ON case_votes FOR SELECT USING ({_SEEN_CASE} AND ({_MINE}"
        " OR (pg_current_xact_id_if_assigned() IS NULL AND cccd_register.votes_in(case_id, round) > 1)))"
    )
    op.execute(  # a run keeps the decision whose voter was killed before
        "CREATE POLICY decisions_that_are_due ON case_decisions FOR INSERT"
        f" WITH CHECK ({_MAKES_CARDS} AND {_SEEN_CASE.replace('votes', 'decisions')})"
    )
    op.execute(
        f"CREATE POLICY cases_of_dossiers ON cases FOR SELECT USING ({_INSPECTS} AND EXISTS"
        " (SELECT 1 FROM cccd_register.dossiers d WHERE d.dossier_id = cases.dossier_id))"
    )
    op.execute("DROP POLICY cases_select ON cases")
    op.execute(
        f"CREATE POLICY cases_select ON cases FOR SELECT USING (({_SETTLES} OR {_MAKES_CARDS})"
        " AND ((SELECT cccd_register.i_am_of_all()) OR cccd_register.of_my_units(dossier_id)))"
    )
    op.execute("DROP POLICY dossiers_select ON dossiers")
    op.execute(
        "CREATE POLICY dossiers_select ON dossiers FOR SELECT USING (unit = ANY (ARRAY(SELECT"
        f" cccd_register.my_units())) AND NOT {_SETTLES})"
    )
    for policy, table in (("people_of_cases", "people"), ("cards_of_cases", "cards")):
        op.execute(f"DROP POLICY {policy} ON {table}")
    for table, policy, rows in _POLICIES:
        op.execute(f"CREATE POLICY {policy} ON {table} FOR SELECT USING ({_SETTLES} AND ({rows}))")
    op.execute("DROP POLICY apart_select ON apart")
    op.execute(
        f"CREATE POLICY apart_select ON apart FOR SELECT USING ({_MAKES_CARDS}"
        f" OR ({_SETTLES} AND {_SEEN_CASE.replace('case_votes', 'apart')}))"
    )
    op.execute(
        f"CREATE POLICY cases_by_order ON cases FOR INSERT WITH CHECK ({_SETTLES} AND cccd_register.i_ordered(evidence)"
        " AND ((SELECT cccd_register.i_am_of_all()) OR cccd_register.of_my_units(dossier_id)))"
    )
    op.execute(
        f"CREATE POLICY people_by_order ON case_people FOR INSERT WITH CHECK ({_SETTLES} AND EXISTS (SELECT 1 FROM"
        " cccd_register.cases c WHERE c.case_id = case_people.case_id AND cccd_register.i_ordered(c.evidence)))"
    )
