"""People, numbers and cards. SQLite's statements are, letter by letter, those by which files of version 2 were made
before there were migrations."""

from __future__ import annotations

from alembic import op

revision = "0002"
down_revision = None

_SQLITE = (
    "CREATE TABLE identity (register_id TEXT PRIMARY KEY)",
    "CREATE TABLE people (person_id TEXT PRIMARY KEY, dossier_id TEXT NOT NULL, enrolled INTEGER NOT NULL)",
    "CREATE TABLE numbers (number TEXT PRIMARY KEY, person_id TEXT NOT NULL REFERENCES people)",
    "CREATE TABLE cards (card_id INTEGER PRIMARY KEY, dossier_id TEXT NOT NULL,"
    " number TEXT NOT NULL REFERENCES numbers, replaces TEXT,"
    " status TEXT NOT NULL CHECK (status IN ('under_way', 'valid', 'superseded')),"
    " serial TEXT UNIQUE, issue_date DATE NOT NULL, expiry_date DATE, UNIQUE (dossier_id, number))",
)
# Identifiers compare as bytes: an index in a language's order breaks when the system's tables of languages change.
_POSTGRESQL = (
    'CREATE TABLE identity (register_id text COLLATE "C" PRIMARY KEY)',
    "CREATE UNIQUE INDEX one_identity ON identity ((true))",
    'CREATE TABLE people (person_id text COLLATE "C" PRIMARY KEY CHECK (octet_length(person_id) <= 256),'
    ' dossier_id text COLLATE "C" NOT NULL CHECK (octet_length(dossier_id) <= 256), enrolled integer NOT NULL)',
    'CREATE TABLE numbers (number text COLLATE "C" PRIMARY KEY CHECK (octet_length(number) <= 64),'
    ' person_id text COLLATE "C" NOT NULL REFERENCES people)',
    "CREATE TABLE cards (card_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,"
    ' dossier_id text COLLATE "C" NOT NULL CHECK (octet_length(dossier_id) <= 256),'
    ' number text COLLATE "C" NOT NULL REFERENCES numbers,'
    ' replaces text COLLATE "C" CHECK (octet_length(replaces) <= 64),'
    " status text COLLATE \"C\" NOT NULL CHECK (status IN ('under_way', 'valid', 'superseded')),"
    ' serial text COLLATE "C" CONSTRAINT one_serial UNIQUE CHECK (octet_length(serial) <= 256),'
    " issue_date date NOT NULL, expiry_date date, CONSTRAINT one_card_a_dossier UNIQUE (dossier_id, number))",
)
_BOTH = (
    "CREATE UNIQUE INDEX one_card_under_way ON cards (number) WHERE status = 'under_way'",
    "CREATE UNIQUE INDEX one_valid_card ON cards (number) WHERE status = 'valid'",
)


def upgrade() -> None:
    """Makes the tables."""
    for statement in (_SQLITE if op.get_context().dialect.name == "sqlite" else _POSTGRESQL) + _BOTH:
        op.execute(statement)
