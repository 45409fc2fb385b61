"""Roles: what each may do, in code, and in a server that refuses by itself whatever is not given."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from sqlalchemy import select

from cccd_core.dedup import EnrolledPerson
from cccd_core.dedup.gallery.postgres import PostgresGallery
from cccd_core.errors import CccdError, ConflictError, DamagedError, ParameterError
from cccd_core.issuance import server_rights
from cccd_core.issuance.access import accounts
from cccd_core.issuance.access.roles import RIGHTS, Act, Role, demand
from cccd_core.issuance.audit.sql import SqlStore
from cccd_core.issuance.oversight.findings import Kind, Scope
from cccd_core.issuance.oversight.inspecting import NO_VOTES, Inspector
from cccd_core.issuance.register.database import open_register
from cccd_core.issuance.register.fees import Fee, Fees
from cccd_core.issuance.register.life import State
from cccd_core.issuance.register.members import Member, Members
from cccd_core.issuance.register.store import Acceptance, Register
from cccd_core.issuance.register.tables import ROLE_MOVES
from cccd_core.issuance.review.cases import Other, Question
from cccd_core.issuance.review.enrolled import enrolled
from cccd_core.issuance.review.settle import Answer, Stage, Vote
from cccd_core.issuance.review.store import Cases
from cccd_core.issuance.runs.evidence import Evidence, OrderEvidence
from cccd_core.templates import Tenprint
from support.dossiers import finger
from support.postgres_server import Server
from support.register import opened, receipt, steps, with_units
from support.reviewing import question
from support.server_rights import UNSECURED, granted, written

NOW = datetime(2026, 11, 2, 8, 30, tzinfo=UTC)


def vote(who: str, answer: Answer = Answer.DIFFERENT_PEOPLE, *, senior: bool = False) -> Vote:
    return Vote(who, senior, answer, "seen", NOW)


def acceptance(number: int = 1) -> Acceptance:
    return Acceptance(f"D{number}", f"00120300000{number}", f"P{number}", True, date(2026, 11, 2), None)


def test_no_role_does_anothers_work() -> None:
    may = {role: RIGHTS[role].acts for role in Role}
    apart = ({Act.SETTLE_CASES}, {Act.ISSUE}, {Act.MANAGE}, {Act.READ_TRAIL})
    for role in Role:
        assert sum(bool(may[role] & acts) for acts in apart) <= 1
    assert Act.MOVE_DOSSIERS not in may[Role.ADJUDICATOR] | may[Role.INSPECTOR] | may[Role.ADMINISTRATOR]
    assert RIGHTS[Role.OPERATOR].moves | RIGHTS[Role.FACTORY].moves == set(State)
    demand(Role.OPERATOR, Act.MOVE_DOSSIERS, account="an", to="handed_over")
    with pytest.raises(ConflictError, match="does not move"):
        demand(Role.OPERATOR, Act.MOVE_DOSSIERS, account="an", to="approved")
    with pytest.raises(ConflictError, match="may not do this"):
        demand(Role.ADMINISTRATOR, Act.SEE_DOSSIERS, account="an")


def test_the_table_of_the_register_is_that_of_the_code(where: Path | str) -> None:
    database = open_register(where)
    with database.read() as connection:
        found = {(row.role, row.to_state) for row in connection.execute(select(ROLE_MOVES))}
    database.close()
    assert found == {(role, state) for role in Role for state in RIGHTS[role].moves}


@pytest.mark.parametrize(
    "wrong",
    [
        {"login": "An"}, {"login": ""}, {"login": "an", "role": Role.OPERATOR}, {"role": Role.INSPECTOR},
        {"role": Role.FACTORY, "senior": True}, {"role": Role.AUDITOR, "for_others": True}, {"order": ""},
        {"order": "x" * 65},
    ],
)  # fmt: skip
def test_what_cannot_be_a_member(wrong: dict[str, object]) -> None:
    with pytest.raises(ParameterError):
        Member(**{"login": "an", "role": Role.ADMINISTRATOR, **wrong})  # type: ignore[arg-type]


# -- a file: the code asks


@pytest.fixture
def acts_as(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Makes this process run under another account."""
    return lambda name: monkeypatch.setattr(accounts, "of_this_process", lambda: name)


@pytest.fixture
def file(tmp_path: Path, acts_as: Callable[[str], None]) -> Path:
    """A register with members, of which `chief` is the administrator."""
    path = tmp_path / "register.sqlite"
    with_units(path)
    acts_as("chief")
    with closing(Members(path)) as members:
        members.give(Member("chief", Role.ADMINISTRATOR))
        members.give(Member("op", Role.OPERATOR, "north"))
        members.give(Member("an.hk", Role.ADJUDICATOR))
        members.give(Member("bich.hk", Role.ADJUDICATOR))
        members.give(Member("dung.hk", Role.ADJUDICATOR, senior=True))
        members.give(Member("page", Role.ADJUDICATOR, for_others=True))
        members.give(Member("line", Role.FACTORY))
    return path


def test_who_gives_roles(tmp_path: Path, acts_as: Callable[[str], None]) -> None:
    path = tmp_path / "register.sqlite"
    acts_as("chief")
    with closing(Members(path, make=True)) as members:
        with pytest.raises(ConflictError, match="first member"):
            members.give(Member("an", Role.ADJUDICATOR))
        members.give(Member("chief", Role.ADMINISTRATOR, order="QD 1"))
        with pytest.raises(ConflictError, match="of their own"):
            members.give(Member("chief", Role.FACTORY))
        with pytest.raises(ConflictError, match="of their own"):
            members.take("chief")
        with pytest.raises(ConflictError, match="no such unit"):
            members.give(Member("op", Role.OPERATOR, "nowhere"))
        members.give(Member("second", Role.ADMINISTRATOR))
        members.give(Member("second", Role.ADMINISTRATOR, order="again"))
        acts_as("second")
        members.take("chief", order="QD 2")
        members.take("chief")
        assert [(one.login, one.given_by, one.order) for one in members.all()] == [("second", "chief", None)]
        for nobody in ("chief", "stranger", "uid 7"):
            acts_as(nobody)
            with pytest.raises(ConflictError, match="no role"):
                members.give(Member("an", Role.ADJUDICATOR))
        acts_as("second")
        members.give(Member("chief", Role.AUDITOR))
        acts_as("chief")
        with pytest.raises(ConflictError, match="may not do this"):
            members.take("second")


def test_members_are_never_changed(file: Path) -> None:
    database = open_register(file)
    for statement in (
        "UPDATE members SET role = 'administrator'", "DELETE FROM members",
        "INSERT INTO members VALUES ('op', 3, 'factory', NULL, 0, 0, 1, 'op', NULL, 1)",
        "INSERT OR REPLACE INTO members VALUES ('op', 1, 'factory', NULL, 0, 0, 1, 'op', NULL, 1)",
        "INSERT INTO role_moves VALUES ('operator', 'approved')", "DELETE FROM role_moves",
    ):  # fmt: skip
        with pytest.raises(ConflictError), database.write() as connection:
            connection.exec_driver_sql(statement)
    database.close()


def test_votes_are_those_of_members(file: Path, acts_as: Callable[[str], None]) -> None:
    one = question()
    with closing(Cases(file)) as cases:
        cases.open([one], NOW)
        acts_as("an.hk")
        with pytest.raises(ConflictError, match="another's name"):
            cases.vote(one.case_id, vote("bich.hk"))
        with pytest.raises(ConflictError, match="no senior"):
            cases.vote(one.case_id, vote("an.hk", senior=True))
        assert cases.vote(one.case_id, vote("An.HK")).votes_in == 1
        for other in ("op", "line", "chief", "stranger"):
            acts_as(other)
            with pytest.raises(ConflictError):
                cases.vote(one.case_id, vote(other))
        acts_as("page")
        for other in ("op", "stranger"):
            with pytest.raises(ConflictError):
                cases.vote(one.case_id, vote(other))
        assert cases.vote(one.case_id, vote("bich.hk", Answer.SAME_PERSON)).votes_in == 2
        assert cases.vote(one.case_id, vote("dung.hk", senior=True)).settled
        with pytest.raises(ConflictError, match="no senior"):
            cases.reopen(one.case_id, by="an.hk", order="1", reason="x", at=NOW)
        assert not cases.reopen(one.case_id, by="dung.hk", order="1", reason="x", at=NOW).settled
        assert not cases.on_trust()


def test_dossiers_are_moved_by_those_of_their_unit(file: Path, acts_as: Callable[[str], None]) -> None:
    with closing(opened(file)) as register:
        acts_as("op")
        register.receive_many([receipt("D1", actor="op"), receipt("D2", unit_id="n2", actor="op")])
        with pytest.raises(ConflictError, match="another unit"):
            register.receive_many([receipt("D3", unit_id="s1", actor="op")])
        with pytest.raises(ConflictError, match="another's name"):
            register.receive_many([receipt("D3", actor="op2")])
        with pytest.raises(ConflictError, match="does not move"):
            register.move_many(steps("D1", State.CHECKED, actor="op"))
        acts_as("line")
        register.receive_many([receipt("D3", unit_id="s1", actor="line")])
        register.move_many(steps("D1", State.CHECKED, actor="line"))
        acts_as("op")
        with pytest.raises(ConflictError, match="another unit"):
            register.move_many(steps("D3", State.WITHDRAWN, actor="op"))
        register.move_many(steps("D1", State.WITHDRAWN, actor="op"))
        acts_as("an.hk")
        with pytest.raises(ConflictError, match="may not do this"):
            register.move_many(steps("D2", State.WITHDRAWN, actor="an.hk"))


def test_cards_are_made_by_the_factory(file: Path, acts_as: Callable[[str], None]) -> None:
    with closing(Register(file)) as register:
        for other in ("op", "an.hk", "chief", "stranger"):
            acts_as(other)
            with pytest.raises(ConflictError):
                register.accept([acceptance()])
        acts_as("line")
        register.accept([acceptance()])
        acts_as("op")
        with pytest.raises(ConflictError):
            register.verify("D1", acceptance().number, "S1")


# -- a server: it refuses by itself


@dataclass
class Office:
    """A register, gallery and trail in one database of the tests' server, and an account of each role."""

    server: Server
    url: str
    tail: str
    folder: Path

    def login(self, who: str) -> str:
        return f"{who}.{self.tail}"

    def at(self, who: str) -> str:
        return self.server.url(Server.name(self.url), self.login(who))


WHO = {
    "op": Member("op", Role.OPERATOR, "north"), "south": Member("south", Role.OPERATOR, "s1"),
    "an": Member("an", Role.ADJUDICATOR), "bich": Member("bich", Role.ADJUDICATOR, "s1"),
    "dung": Member("dung", Role.ADJUDICATOR, senior=True), "page": Member("page", Role.ADJUDICATOR, for_others=True),
    "line": Member("line", Role.FACTORY), "look": Member("look", Role.INSPECTOR, "north"),
    "chief": Member("chief", Role.ADMINISTRATOR), "trail": Member("trail", Role.AUDITOR),
}  # fmt: skip


@pytest.fixture(scope="module")
def office(postgres: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    url = postgres.new_database()
    made = Office(postgres, url, uuid.uuid4().hex[:8], tmp_path_factory.mktemp("gallery"))
    with_units(url)
    PostgresGallery(url).close()
    SqlStore(url).close()
    for who in (*WHO, "nobody"):
        postgres.sql(f'CREATE ROLE "{made.login(who)}" LOGIN')
    with closing(Members(url)) as members:
        for who in ("chief", *(each for each in WHO if each != "chief")):
            one = WHO[who]
            members.give(Member(made.login(who), one.role, one.unit_id, one.senior, one.for_others))
    done = server_rights.install(url)
    assert done.without_account == done.unbound == ()
    with closing(Register(url)) as register:
        register.accept([acceptance()])
    with closing(opened(url)) as register:
        register.receive_many([receipt("N1"), receipt("N2", unit_id="n2"), receipt("S1", unit_id="s1")])
    with closing(Cases(url)) as cases:
        cases.open([question("N1"), question("S1")], NOW)
    yield made
    postgres.drop(url)
    for who in (*WHO, "nobody"):
        postgres.sql(f'DROP ROLE "{made.login(who)}"')
    for role in Role:
        postgres.sql(f'DROP ROLE "{server_rights.group(Server.name(url), role)}"')


@pytest.mark.postgres
def test_a_server_gives_each_role_just_this(office: Office) -> None:
    """Of every table there is; one that is new stands in no line of `support.server_rights`, and fails here."""
    name = Server.name(office.url)
    assert granted(office.server, name) == written()

    def names(query: str) -> set[str]:
        return set(office.server.sql(query, name).splitlines())

    of_register = "FROM pg_class c WHERE relnamespace = 'cccd_register'::regnamespace AND relkind = 'r'"
    assert names(f"SELECT relname {of_register} AND NOT relrowsecurity") == UNSECURED
    letters = {"r": "r", "a": "i", "w": "u"}
    policies = f"SELECT DISTINCT relname || ' ' || polcmd::text {of_register} AND p.polrelid = c.oid"
    found = map(str.split, names(policies.replace("pg_class c", "pg_class c, pg_policy p")))
    ruled = {(table, letters[command]) for table, command in found}
    used = {
        (table.removeprefix("cccd_register."), right[0])
        for table, roles in written().items() if table.startswith("cccd_register.")
        for rights in roles.values() for right in rights
    }  # fmt: skip
    # the lock of who writes is a right to change of which no policy shows a row
    assert {one for one in used if one[0] not in UNSECURED} - ruled == {("identity", "u")}


@pytest.mark.postgres
def test_nothing_in_the_server_goes_round_the_roles(office: Office) -> None:
    name, groups = Server.name(office.url), f"rolname LIKE '{Server.name(office.url)}\\_%'"

    def rows(query: str) -> list[str]:
        return office.server.sql(query, name).splitlines()

    in_ours = "nspname LIKE 'cccd\\_%'"
    # whoever has no role, and PUBLIC, has nothing; a function that runs as the owner looks for its names nowhere else
    assert rows(f"SELECT nspname FROM pg_namespace n, aclexplode(nspacl) g WHERE {in_ours} AND grantee = 0") == []
    definers = f"FROM pg_proc p JOIN pg_namespace n ON n.oid = pronamespace WHERE {in_ours} AND prosecdef"
    assert len(rows(f"SELECT proname {definers}")) > 20
    elsewhere = "proconfig IS DISTINCT FROM ARRAY['search_path=pg_catalog, pg_temp']"
    assert rows(f"SELECT proname {definers} AND {elsewhere}") == []
    # groups are nobody's account, have no power in the server, are in no other, and no member hands them on
    power = "rolcanlogin OR rolsuper OR rolcreaterole OR rolcreatedb OR rolreplication OR rolbypassrls"
    assert rows(f"SELECT rolname FROM pg_roles WHERE {groups} AND ({power})") == []
    assert len(rows(f"SELECT rolname FROM pg_roles WHERE {groups}")) == len(Role)
    of_groups = f"SELECT 1 FROM pg_auth_members m JOIN pg_roles r ON r.oid = m.{{}} WHERE {groups}"
    assert rows(of_groups.format("member")) == []
    assert rows(f"{of_groups.format('roleid')} AND m.admin_option") == []


@pytest.mark.postgres
def test_functions_of_the_owner_tell_nobody_what_is_not_theirs(office: Office) -> None:
    import psycopg

    with closing(Register(office.url)) as register:
        register.accept([acceptance(2)])
    asked = {
        "my_seniors()": {"dung", "page"}, "my_names()": {*WHO}, "person_by_order('D2')": {"dung", "page"},
        f"owner_by_order('{acceptance(2).number}')": {"dung", "page"}, "fingers_of_my_case('P2')": set[str](),
        "person_of_my_case('P2') AS found WHERE found": set[str](),
        "of_my_units('N1') AS found WHERE found": {"op", "an", "dung", "page", "line", "look"},
    }  # fmt: skip
    for who in WHO:
        at = psycopg.connect(office.at(who), options="-c search_path=cccd_register", autocommit=True)
        with closing(at) as connection:
            for function, may in asked.items():
                try:
                    found = connection.execute(f"SELECT * FROM {function}").fetchall()
                except psycopg.errors.UndefinedFunction:  # no right on the schema
                    found = []
                assert any(row != (None,) for row in found) is (who in may - {"trail"}), (who, function)


@pytest.mark.postgres
def test_who_takes_fees_records_them_and_who_inspects_sees_those_of_its_unit(office: Office) -> None:
    with closing(Fees(office.at("op"), make=False)) as fees:
        assert fees.record([Fee("N1", 500_000, office.login("op"), "R1")]) == 1
        for wrong in (Fee("N1", 5, office.login("south"), "R2"), Fee("S1", 5, office.login("op"), "R3")):
            with pytest.raises(CccdError):
                fees.record([wrong])
    with closing(Fees(office.at("look"), make=False)) as fees, pytest.raises(CccdError):
        fees.record([Fee("N1", 5, office.login("look"), "R4")])
    with closing(Inspector(office.at("look"))) as inspector:
        found = inspector.inspect()
    assert [(one.unit, one.dossier) for one in found.findings if one.kind is Kind.FEE_OFF_TARIFF] == [("n1", "N1")]
    assert NO_VOTES not in found.notes
    with closing(Inspector(office.at("op"))) as inspector:
        assert {*inspector.inspect(Scope("n1")).notes} == {*found.notes, NO_VOTES}


REFUSED = [
    # who gives rights reads nothing of people
    ("chief", "SELECT template FROM cccd_gallery.finger"),
    ("chief", "SELECT person_id FROM cccd_gallery.person"),
    ("chief", "SELECT number FROM numbers"),
    ("chief", "SELECT count(*) FROM cards"),
    ("chief", "SELECT person_id FROM people"),
    ("chief", "SELECT 1 FROM dossiers"),
    ("chief", "SELECT 1 FROM events"),
    ("chief", "SELECT evidence FROM cases"),
    ("chief", "SELECT answer FROM case_votes"),
    ("chief", "INSERT INTO members VALUES ('{chief}', 2, 'factory', NULL, 0, 0, 1, '{chief}', NULL, 1)"),
    ("chief", "INSERT INTO members VALUES ('x', 1, 'factory', NULL, 0, 0, 1, 'another', NULL, 1)"),
    ("chief", "UPDATE members SET role = 'factory'"),
    ("chief", "UPDATE units SET parent = NULL"),
    ("chief", 'SET ROLE "{database}_factory"'),
    ("chief", 'GRANT "{database}_factory" TO "{chief}"'),
    ("chief", "ALTER TABLE dossiers DISABLE ROW LEVEL SECURITY"),
    ("chief", "DROP POLICY dossiers_select ON dossiers"),
    ("chief", "CREATE POLICY mine ON dossiers USING (TRUE)"),
    ("chief", "CREATE TABLE cccd_register.mine (one integer)"),
    ("chief", "SET session_replication_role = replica"),
    ("chief", "SET SESSION AUTHORIZATION '{line}'"),
    # a counter enters, and decides nothing
    ("op", "SELECT template FROM cccd_gallery.finger"),
    ("op", "SELECT number FROM numbers"),
    ("op", "UPDATE events SET actor = 'x'"),
    ("op", "DELETE FROM events"),
    ("op", "UPDATE dossiers SET state = 'approved'"),
    ("op", "UPDATE dossiers SET unit = 'n1'"),
    ("op", "INSERT INTO case_votes VALUES ('{case}', 1, 1, '{op}', 0, 'accept', 'x', 1)"),
    ("op", "SELECT answer FROM case_votes"),
    ("op", "INSERT INTO cards (dossier_id, number, status, issue_date) VALUES ('N1', '1', 'valid', '2026-11-02')"),
    ("op", "INSERT INTO members VALUES ('{op}', 2, 'factory', NULL, 0, 0, 1, '{op}', NULL, 1)"),
    ("op", "INSERT INTO units VALUES ('x', 'ward', 'x', NULL, NULL, NULL, NULL, NULL, 0)"),
    # another's unit, another's name, another's step
    ("op", "INSERT INTO dossiers VALUES (99, 'S9', 'new', NULL, 's1', NULL, NULL, NULL, '2026-11-02', NULL,"
     " '{digest}', 'none', 0, 0)"),
    ("op", "INSERT INTO events VALUES (1, 2, 1, 'received', 'checked', '{event}', '{op}', 1800000000000000, 0)"),
    ("op", "INSERT INTO events VALUES (1, 2, 1, 'received', 'withdrawn', '{event}', 'x', 1800000000000000, 0)"),
    ("op", "INSERT INTO events VALUES (3, 2, 1, 'received', 'withdrawn', '{event}', '{op}', 1800000000000000, 0)"),
    ("line", "INSERT INTO events VALUES (1, 2, 1, 'received', 'withdrawn', '{event}', '{line}', 1800000000000000, 0)"),
    # whoever settles cases votes in their own name, and makes no cards
    ("an", "INSERT INTO case_votes VALUES ('{case}', 1, 1, '{bich}', 0, 'different_people', 'x', 1)"),
    ("an", "INSERT INTO case_votes VALUES ('{case}', 1, 1, '{an}', 1, 'different_people', 'x', 1)"),
    ("bich", "INSERT INTO case_votes VALUES ('{case}', 1, 1, '{bich}', 0, 'different_people', 'x', 1)"),
    ("page", "INSERT INTO case_votes VALUES ('{case}', 1, 1, '{op}', 0, 'different_people', 'x', 1)"),
    ("an", "INSERT INTO case_reopenings VALUES ('{case}', 1, '{an}', '1', 'x', 1)"),
    ("an", "UPDATE cards SET status = 'revoked'"),
    ("an", "SELECT enrolled FROM people"),
    ("an", "SELECT template FROM cccd_gallery.finger"),
    ("an", "INSERT INTO apart VALUES ('P1', 'P2', '{case}', 1)"),
    ("an", "INSERT INTO dossiers VALUES (99, 'N9', 'new', NULL, 'n1', NULL, NULL, NULL, '2026-11-02', NULL,"
     " '{digest}', 'none', 0, 0)"),
    # the factory settles nothing and gives no rights
    ("line", "INSERT INTO case_votes VALUES ('{case}', 1, 1, '{line}', 0, 'different_people', 'x', 1)"),
    ("line", "INSERT INTO members VALUES ('x', 1, 'factory', NULL, 0, 0, 1, '{line}', NULL, 1)"),
    ("line", "DELETE FROM cards"),
    ("line", "UPDATE cards SET number = '2'"),
    ("line", "UPDATE numbers SET person_id = 'x'"),
    ("line", "DELETE FROM cccd_gallery.finger"),
    # who inspects writes nothing
    ("look", "INSERT INTO dossiers VALUES (99, 'N9', 'new', NULL, 'n1', NULL, NULL, NULL, '2026-11-02', NULL,"
     " '{digest}', 'none', 0, 0)"),
    ("look", "UPDATE dossiers SET due_day = '2026-11-02'"),
    ("look", "UPDATE identity SET register_id = 'x'"),
    ("look", "SELECT number FROM numbers"),
    ("look", "SELECT evidence FROM cases"),
    ("look", "SELECT reason FROM case_votes"),
    ("look", "SELECT person_id FROM case_people"),
    # who audits reads the trail alone
    ("trail", "SELECT 1 FROM dossiers"),
    ("trail", "SELECT 1 FROM cccd_register.members"),
    ("trail", "SELECT 1 FROM cccd_gallery.finger"),
    ("trail", "INSERT INTO cccd_audit.lines VALUES (1, 'x')"),
    # and who has no role has no right
    ("nobody", "SELECT 1 FROM cccd_register.dossiers"),
    ("nobody", "SELECT 1 FROM cccd_gallery.finger"),
    ("nobody", "SELECT 1 FROM cccd_audit.lines"),
]  # fmt: skip


@pytest.mark.postgres
def test_the_server_refuses_what_a_role_must_not(office: Office) -> None:
    import psycopg

    words = {who: office.login(who) for who in WHO}
    words |= {"case": question("N1").case_id, "database": Server.name(office.url)}
    words |= {"digest": "\\x" + "00" * 32, "event": "\\x" + "07" * 16}
    done = []
    for who, statement in REFUSED:
        with psycopg.connect(office.at(who), options="-c search_path=cccd_register") as connection:
            try:
                connection.execute(statement.format(**words))
            except (psycopg.errors.InsufficientPrivilege, psycopg.errors.UndefinedTable):  # no schema, no table
                continue
            done.append((who, statement))
            connection.rollback()
    assert done == []


@pytest.mark.postgres
def test_rows_of_other_units_are_not_there(office: Office) -> None:
    import psycopg

    seen = {"op": ["N1", "N2"], "south": ["S1"], "look": ["N1", "N2"], "line": ["N1", "N2", "S1"], "bich": ["S1"]}
    for who, expected in seen.items():
        with closing(opened(office.at(who), make=False)) as register:
            assert [one.dossier_id for one in register.all()] == expected
            assert [bool(register.events(name)) for name in ("N1", "S1")] == ["N1" in expected, "S1" in expected]
    for who, cases_of in {"an": {"N1", "S1"}, "bich": {"S1"}, "line": {"N1", "S1"}}.items():
        with closing(Cases(office.at(who), make=False)) as cases:
            assert {case.question.dossier_id for case in cases.all()} == cases_of
    with psycopg.connect(office.at("op"), options="-c search_path=cccd_register") as connection:
        assert connection.execute("UPDATE identity SET register_id = 'x'").rowcount == 0
        assert connection.execute("UPDATE dossiers SET due_day = due_day WHERE unit = 's1'").rowcount == 0
        assert connection.execute("SELECT count(*) FROM pg_stats WHERE schemaname = 'cccd_register' AND tablename"
                                  " IN ('dossiers', 'numbers', 'cards')").fetchall() == [(0,)]  # fmt: skip


@pytest.mark.postgres
def test_each_role_does_its_own_work_in_the_server(office: Office) -> None:
    me = office.login
    with closing(opened(office.at("op"), make=False)) as register:
        register.receive_many([receipt("N3", actor=me("op"))])
        with pytest.raises(ConflictError, match="another unit"):
            register.receive_many([receipt("S2", unit_id="s1", actor=me("op"))])
        with pytest.raises(ConflictError):  # somebody else's, of which it sees nothing
            register.receive_many([receipt("S1", actor=me("op"))])
    with closing(opened(office.at("line"), make=False)) as register:
        register.move_many(steps("N3", State.CHECKED, State.SEARCHED, State.IN_REVIEW, actor=me("line")))
        assert register.set_deadlines() == 0
    with closing(opened(office.at("op"), make=False)) as register:
        register.move_many(steps("N3", State.WITHDRAWN, actor=me("op")))
        assert [event.actor for event in register.events("N3")] == [me("op"), *[me("line")] * 3, me("op")]
        assert list(register.faults()) == []
    with closing(Register(office.at("line"), make=False)) as register:
        register.accept([acceptance(2)])
        register.verify("D2", acceptance(2).number, "S-2")
        assert [card.serial for card in register.cards()] == [None, "S-2"]
    case = question("N1").case_id
    with closing(Cases(office.at("an"), make=False)) as cases:
        assert cases.vote(case, vote(me("an"))).votes_in == 1
    with closing(Cases(office.at("page"), make=False)) as cases:
        with pytest.raises(ConflictError, match="no senior"):
            cases.vote(case, vote(me("page"), senior=True))
        assert cases.vote(case, vote(me("dung"), Answer.SAME_PERSON, senior=True)).votes_in == 2
    with closing(Cases(office.at("dung"), make=False)) as cases, pytest.raises(ConflictError, match="votes twice"):
        cases.vote(case, vote(me("dung"), senior=True))
    with closing(Register(office.at("an"), make=False)) as register:
        # of whom a case may be, and of nobody else
        assert [len(register.made_by(name)) for name in ("D1", "D2", "N1")] == [1, 0, 0]
    with closing(PostgresGallery(office.at("line"), make=False)) as gallery:
        assert len(gallery) == 0
    with closing(SqlStore(office.at("trail"), make=False)):
        pass


@pytest.mark.postgres
def test_nobody_reads_the_others_vote_before_two_are_in(office: Office) -> None:
    import psycopg

    me, one = office.login, question("N2")
    with closing(Cases(office.url)) as cases:
        cases.open([one], NOW)

    def votes(who: str) -> list[tuple[str, ...]]:
        with psycopg.connect(office.at(who)) as connection:
            query = "SELECT adjudicator, answer FROM cccd_register.case_votes WHERE case_id = %s ORDER BY place"
            return connection.execute(query, [one.case_id]).fetchall()

    first, second = (me("an"), "same_person"), (me("dung"), "different_people")
    with closing(Cases(office.at("an"), make=False)) as cases:
        assert cases.vote(one.case_id, vote(me("an"), Answer.SAME_PERSON)).votes_in == 1
        assert cases.vote(one.case_id, vote(me("an"), Answer.SAME_PERSON)).votes_in == 1  # again
    assert (votes("an"), votes("dung"), votes("line")) == ([first], [], [])
    with psycopg.connect(office.at("dung"), options="-c search_path=cccd_register") as connection:
        mine = f"'{one.case_id}', 1, {{}}, '{me('dung')}', 1, '{{}}', 'x', 1"
        connection.execute(f"INSERT INTO case_votes VALUES ({mine.format(2, 'same_person')})")
        for telling in (  # what the other said, to somebody who takes the own vote back after it
            *(f"INSERT INTO case_decisions VALUES ('{one.case_id}', 1, '{answer}', 1)" for answer in Answer),
            f"INSERT INTO case_reopenings VALUES ('{one.case_id}', 1, '{me('dung')}', '1', 'x', 1)",
            f"INSERT INTO case_votes VALUES ({mine.format(3, 'same_person')})",
        ):
            with pytest.raises(psycopg.errors.IntegrityError), connection.transaction():
                connection.execute(telling)
        seen = "SELECT adjudicator FROM case_votes WHERE case_id = %s"
        assert connection.execute(seen, [one.case_id]).fetchall() == [(me("dung"),)]
        connection.rollback()
    with closing(Cases(office.at("dung"), make=False)) as cases:
        assert cases.find(one.case_id).votes_in == 1  # that there is one is no secret
        after = cases.vote(one.case_id, vote(me("dung")))
        assert (after.votes_in, after.standing.stage, len(after.votes)) == (2, Stage.CONFLICT, 2)
    assert votes("an") == votes("dung") == votes("line") == [first, second]
    with closing(Inspector(office.at("look"))) as inspector:
        found = {(each.unit, each.dossier) for each in inspector.inspect().findings if each.kind is Kind.VOTED_TOGETHER}
    assert ("n2", "N2") in found
    assert {unit for unit, _ in found} <= {"n1", "n2"}
    with psycopg.connect(office.at("look")) as connection:
        seen = connection.execute("SELECT dossier_id FROM cccd_register.cases ORDER BY 1").fetchall()
    assert seen == [("N1",), ("N2",)]  # of its unit


@pytest.mark.postgres
def test_whoever_settles_a_case_sees_its_people_and_nobody_else(office: Office) -> None:
    one, number = question("S1", others=(Other("P5", "N2"),)), acceptance(5).number
    fingers = EnrolledPerson("P5", Tenprint({2: finger(5)}))
    with closing(Register(office.url)) as register:
        register.accept([acceptance(5)])
    with closing(PostgresGallery(office.url)) as gallery:
        gallery.add(fingers)
        fingers = gallery.get("P5")  # as a gallery keeps them

    def seen(who: str) -> tuple[object, ...]:
        with closing(Register(office.at(who), make=False)) as register:
            cards = [card.number for card in register.cards_of(number)]
            told = (register.person_of(number), register.dossier_of("P5"), cards, len(register.cards_by("D5")))
        with closing(opened(office.at(who), make=False)) as dossiers:
            found = [name for name in ("N2", "S1") if dossiers.get(name) is not None and dossiers.events(name)]
        with enrolled(office.folder, office.at(who), None) as fingers_of:
            try:
                return (*told, found, fingers_of("P5") == fingers)
            except ConflictError:
                return (*told, found, False)

    nothing = (None, None, [], 0)
    assert seen("bich") == (*nothing, ["S1"], False)  # of which there is a case already
    with closing(Cases(office.url)) as cases:
        cases.open([one, question("N2")], NOW)
    for who in ("an", "bich"):
        assert seen(who) == ("P5", "D5", [number], 1, ["N2", "S1"], True)
    with closing(Cases(office.url)) as cases:
        for asked in (question("S1"), one):
            cases.vote(asked.case_id, vote(office.login("an")))
            assert cases.vote(asked.case_id, vote(office.login("bich"))).settled
    assert seen("bich") == (*nothing, [], False)
    assert seen("an") == (*nothing, ["N2"], False)  # about which there is another case


@pytest.mark.postgres
def test_a_senior_opens_a_case_by_order_and_nobody_else(office: Office) -> None:
    def ordered(who: str, dossier: str = "N3") -> Question:
        evidence = Evidence(ordered=OrderEvidence("12/QD", office.login(who), "twins"))
        return question(dossier, evidence=evidence)

    number = acceptance(2).number
    with closing(Register(office.url)) as register:
        register.accept([acceptance(2)])
    for who, expected in (("dung", ("P2", "P2")), ("an", (None, None)), ("op", None)):
        try:
            with closing(Register(office.at(who), make=False)) as register:
                found: object = (register.person_by("D2"), register.owner_of(number))
        except CccdError:
            found = None
        assert found == expected
    for who, name in (("an", "an"), ("an", "dung"), ("op", "op"), ("line", "dung")):
        with closing(Cases(office.at(who), make=False)) as cases, pytest.raises(ConflictError):
            cases.open_by_order(ordered(name), NOW)
    with closing(Cases(office.at("dung"), make=False)) as cases:
        assert not cases.open_by_order(ordered("dung"), NOW).settled
        with pytest.raises(ConflictError):
            cases.open([question("N3", digest="sha256:b")], NOW)  # by nobody's order


@pytest.mark.postgres
def test_whose_role_is_taken_away_is_out_at_once(office: Office) -> None:
    import psycopg

    gone, group = office.login("nobody"), server_rights.group(Server.name(office.url), Role.FACTORY)
    with closing(Members(office.at("chief"), make=False)) as members:
        members.give(Member(gone, Role.FACTORY, order="QD 9"))
        with pytest.raises(ConflictError, match="of their own"):
            members.give(Member(office.login("chief"), Role.FACTORY))
    with psycopg.connect(office.at("nobody")) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
        connection.execute("SELECT 1 FROM cccd_register.cards")  # the server's owner has not let it in yet
    office.server.sql("GRANT SELECT ON cccd_register.numbers TO PUBLIC", Server.name(office.url))
    office.server.sql(f'ALTER ROLE "{gone}" BYPASSRLS')
    done = server_rights.install(office.url)
    assert (group in done.groups, done.unbound) == (True, (gone,))
    office.server.sql(f'ALTER ROLE "{gone}" NOBYPASSRLS')
    with psycopg.connect(office.at("op")) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
        connection.execute("SELECT 1 FROM cccd_register.numbers")  # what was everybody's is so no more
    with psycopg.connect(office.at("nobody")) as connection:
        assert connection.execute("SELECT count(*) FROM cccd_register.cards").fetchall() != [(0,)]
    with closing(Members(office.at("chief"), make=False)) as members:
        members.take(gone)
    with psycopg.connect(office.at("nobody")) as connection:
        for table in ("cards", "numbers", "dossiers"):
            assert connection.execute(f"SELECT count(*) FROM cccd_register.{table}").fetchall() == [(0,)]
    assert f'REVOKE "{group}" FROM "{gone}"' in server_rights.statements(office.url)
    server_rights.install(office.url)
    with psycopg.connect(office.at("nobody")) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
        connection.execute("SELECT 1 FROM cccd_register.cards")


@pytest.mark.postgres
def test_rights_need_an_owner_and_members(postgres: Server, office: Office) -> None:
    with pytest.raises(ConflictError, match="may not do that"):
        server_rights.install(office.at("chief"))
    url = postgres.new_database()
    open_register(url).close()
    with pytest.raises(ConflictError, match="no members"):
        server_rights.install(url)
    with pytest.raises(ParameterError, match="too long"):
        server_rights.group("d" * 60, Role.AUDITOR)
    for statement in (
        "CREATE OR REPLACE FUNCTION cccd_register.my_role() RETURNS text LANGUAGE sql STABLE SECURITY DEFINER"
        " AS $$ SELECT 'factory' $$",
        "DROP POLICY cards_select ON cccd_register.cards",
    ):
        postgres.sql(statement, Server.name(url))
    with pytest.raises(DamagedError):
        open_register(url)
    postgres.drop(url)
