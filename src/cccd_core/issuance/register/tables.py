"""The register's tables, as statements speak of them; `migrations` made them."""

from __future__ import annotations

from typing import Final

from sqlalchemy import BigInteger, Column, Date, Identity, Integer, LargeBinary, MetaData, Table, Text

NUMBER: Final = BigInteger().with_variant(Integer, "sqlite")
METADATA: Final = MetaData()

IDENTITY: Final = Table("identity", METADATA, Column("register_id", Text, primary_key=True))
PEOPLE: Final = Table(
    "people",
    METADATA,
    Column("person_id", Text, primary_key=True),  # in the gallery
    Column("dossier_id", Text, nullable=False),  # by which the person came in
    Column("enrolled", Integer, nullable=False),  # 1 where the gallery has fingers of them
)
NUMBERS: Final = Table(
    "numbers",
    METADATA,
    Column("number", Text, primary_key=True),  # or its mark: see `register.numbers`
    Column("person_id", Text, nullable=False),
    Column("sealed", LargeBinary),
)
SEALING: Final = Table(
    "sealing",
    METADATA,
    Column("one", Integer, primary_key=True, autoincrement=False),
    Column("key_id", LargeBinary, nullable=False),
    Column("secret", LargeBinary, nullable=False),
)
CARDS: Final = Table(
    "cards",
    METADATA,
    Column("card_id", NUMBER, Identity(always=True), primary_key=True),
    Column("dossier_id", Text, nullable=False),
    Column("number", Text, nullable=False),
    Column("replaces", Text),  # a former number whose card this one replaces
    Column("status", Text, nullable=False),
    Column("serial", Text),
    Column("issue_date", Date, nullable=False),
    Column("expiry_date", Date),
)

CASES: Final = Table(
    "cases",
    METADATA,
    Column("case_id", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("dossier_id", Text, nullable=False),
    Column("digest", Text, nullable=False),  # of the dossier as it was handed in
    Column("person_id", Text, nullable=False),  # whose card it would be, in the gallery
    Column("operator", Text),  # who entered it
    Column("evidence", Text, nullable=False),
    Column("time_us", NUMBER, nullable=False),  # microseconds since 1970, UTC, as in the tables below
)
CASE_PEOPLE: Final = Table(
    "case_people",
    METADATA,
    Column("case_id", Text, primary_key=True),
    Column("place", Integer, primary_key=True, autoincrement=False),  # likeliest first, from 1
    Column("person_id", Text, nullable=False),
    Column("dossier_id", Text),
)
CASE_VOTES: Final = Table(
    "case_votes",
    METADATA,
    Column("case_id", Text, primary_key=True),
    Column("round", Integer, primary_key=True, autoincrement=False),  # one more whenever a case is opened again
    Column("place", Integer, primary_key=True, autoincrement=False),
    Column("adjudicator", Text, nullable=False),
    Column("senior", Integer, nullable=False),
    Column("answer", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("time_us", NUMBER, nullable=False),
)
CASE_DECISIONS: Final = Table(
    "case_decisions",
    METADATA,
    Column("case_id", Text, primary_key=True),
    Column("round", Integer, primary_key=True, autoincrement=False),
    Column("answer", Text, nullable=False),
    Column("time_us", NUMBER, nullable=False),
)
CASE_REOPENINGS: Final = Table(
    "case_reopenings",
    METADATA,
    Column("case_id", Text, primary_key=True),
    Column("round", Integer, primary_key=True, autoincrement=False),  # which was settled
    Column("reopened_by", Text, nullable=False),
    Column("ordered_by", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("time_us", NUMBER, nullable=False),
)
APART: Final = Table(
    "apart",
    METADATA,
    Column("person_id", Text, primary_key=True),
    Column("other", Text, primary_key=True),
    Column("case_id", Text, primary_key=True),
    Column("round", Integer, primary_key=True, autoincrement=False),
)
UNITS: Final = Table(
    "units",
    METADATA,
    Column("unit_id", Text, primary_key=True),
    Column("level", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("parent", Text),
    Column("code", Text),  # as the country's list of units has it
    Column("begins", Date),
    Column("ends", Date),  # the last day
    Column("source", Text),
    Column("verified", Integer, nullable=False),  # 0 where nobody looked it up
)
SUCCESSIONS: Final = Table(
    "successions",
    METADATA,
    Column("unit_id", Text, primary_key=True),
    Column("successor", Text, primary_key=True),
)
MEMBERS: Final = Table(
    "members",
    METADATA,
    Column("login", Text, primary_key=True),  # an account of the system, or of the server
    Column("turn", Integer, primary_key=True, autoincrement=False),  # the last one holds
    Column("role", Text, nullable=False),
    Column("unit", Text),  # of this one and those below it; of all without one
    Column("senior", Integer, nullable=False),
    Column("for_others", Integer, nullable=False),  # whether it acts in the names of others of its role
    Column("standing", Integer, nullable=False),  # 0 where the role was taken away
    Column("given_by", Text, nullable=False),
    Column("ordered_by", Text),
    Column("time_us", NUMBER, nullable=False),
)
ROLE_MOVES: Final = Table(
    "role_moves",
    METADATA,
    Column("role", Text, primary_key=True),
    Column("to_state", Text, primary_key=True),
)
MOVES: Final = Table(
    "moves",
    METADATA,
    Column("from_state", Text, primary_key=True),
    Column("to_state", Text, primary_key=True),
)
DOSSIERS: Final = Table(
    "dossiers",
    METADATA,
    Column("dossier_no", NUMBER, primary_key=True, autoincrement=False),
    Column("dossier_id", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("grounds", Text),
    Column("unit", Text, nullable=False),
    Column("station", Text),
    Column("operator", Text),
    Column("shift", Text),
    Column("received_day", Date, nullable=False),
    Column("due_day", Date),
    Column("digest", LargeBinary, nullable=False),
    Column("state", Text, nullable=False),  # this and the next two follow the last event; the database sees to it
    Column("last_sequence", Integer, nullable=False),
    Column("last_time_us", NUMBER, nullable=False),
)
EVENTS: Final = Table(
    "events",
    METADATA,
    Column("dossier_no", NUMBER, primary_key=True, autoincrement=False),
    Column("sequence", Integer, primary_key=True, autoincrement=False),  # from 1, without a gap
    Column("previous", Integer),  # sequence - 1, none for the first
    Column("from_state", Text, nullable=False),
    Column("to_state", Text, nullable=False),
    Column("event_id", LargeBinary, nullable=False),
    Column("actor", Text, nullable=False),
    Column("time_us", NUMBER, nullable=False),  # microseconds since 1970, UTC; never before the event before
    Column("behind_us", NUMBER, nullable=False),  # how far before it the clock was
    Column("reason", Text),
    Column("ordered_by", Text),
)
ACTS: Final = Table(
    "acts",
    METADATA,
    Column("act_id", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("person_id", Text, nullable=False),
    Column("other", Text),  # with whom a person is joined, or who gets the fingers
    Column("positions", Text),  # of the fingers that are taken out, with spaces between
    Column("ordered_by", Text, nullable=False),
    Column("actor", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("time_us", NUMBER, nullable=False),
    Column("ended_us", NUMBER),
    Column("ended", Text),
)
ACT_CARDS: Final = Table(
    "act_cards",
    METADATA,
    Column("act_id", Text, primary_key=True),
    Column("serial", Text, primary_key=True),
    Column("dossier_id", Text, nullable=False),
    Column("to_do", Text, nullable=False),
)
GIVEN_UP: Final = Table(
    "given_up",
    METADATA,
    Column("number", Text, primary_key=True),
    Column("successor", Text, nullable=False),  # a number
    Column("act_id", Text, nullable=False),
)
FEES: Final = Table(
    "fees",
    METADATA,
    Column("event_id", LargeBinary, primary_key=True),
    Column("dossier_no", NUMBER, nullable=False),
    Column("dong", NUMBER, nullable=False),  # below 0: paid back
    Column("receipt", Text),
    Column("exemption", Text),  # why nothing was asked
    Column("actor", Text, nullable=False),
    Column("time_us", NUMBER, nullable=False),
)
