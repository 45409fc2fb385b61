"""The gallery in a PostgreSQL server: everyone enrolled, in one schema of a database."""

from __future__ import annotations

from typing import Final

from cccd_core.dedup.gallery.records import TEMPLATE_BYTES_MOST
from cccd_core.dedup.gallery.sql import SqlGallery
from cccd_core.dedup.gallery.withdrawal import Clock, now_utc
from cccd_core.storage.cipher import Cipher
from cccd_core.storage.postgres import PostgresDatabase, PostgresKind

# Identifiers compare as bytes: an index in a language's order breaks when the system's tables of languages change.
KIND: Final = PostgresKind(
    "gallery",
    "cccd_gallery",
    2,
    "gallery",
    (
        "CREATE TABLE gallery (gallery_id text NOT NULL)",
        "CREATE UNIQUE INDEX one_gallery ON gallery ((true))",
        "INSERT INTO gallery VALUES (replace(gen_random_uuid()::text, '-', ''))",
        "CREATE TABLE person (sequence bigint PRIMARY KEY CHECK (sequence > 0),"
        ' person_id text COLLATE "C" NOT NULL CHECK (octet_length(person_id) BETWEEN 1 AND 256),'
        " sha256 bytea NOT NULL CHECK (octet_length(sha256) = 32), CONSTRAINT one_person UNIQUE (person_id))",
        "CREATE TABLE finger (sequence bigint NOT NULL REFERENCES person, place integer NOT NULL,"
        f" template bytea NOT NULL CHECK (octet_length(template) <= {TEMPLATE_BYTES_MOST}),"
        " PRIMARY KEY (sequence, place))",
        "CREATE TABLE withdrawal (sequence bigint PRIMARY KEY CHECK (sequence > 0), kind text NOT NULL,"
        ' person_id text COLLATE "C" NOT NULL, ordered_by text NOT NULL, time text NOT NULL, fingers bigint NOT NULL,'
        " place bigint NOT NULL CHECK (place > 0))",
        "CREATE INDEX withdrawn_place ON withdrawal (place)",
        "CREATE TABLE renaming (sequence bigint PRIMARY KEY REFERENCES withdrawal, new_id text NOT NULL)",
        "CREATE TABLE trace (sequence bigint PRIMARY KEY REFERENCES withdrawal,"
        " sha256 bytea NOT NULL CHECK (octet_length(sha256) = 32))",
    ),
    frozenset(
        {
            ("gallery", "gallery_id", "text", True),
            ("person", "sequence", "bigint", True),
            ("person", "person_id", "text", True),
            ("person", "sha256", "bytea", True),
            ("finger", "sequence", "bigint", True),
            ("finger", "place", "integer", True),
            ("finger", "template", "bytea", True),
            ("withdrawal", "sequence", "bigint", True),
            ("withdrawal", "kind", "text", True),
            ("withdrawal", "person_id", "text", True),
            ("withdrawal", "ordered_by", "text", True),
            ("withdrawal", "time", "text", True),
            ("withdrawal", "fingers", "bigint", True),
            ("withdrawal", "place", "bigint", True),
            ("renaming", "sequence", "bigint", True),
            ("renaming", "new_id", "text", True),
            ("trace", "sequence", "bigint", True),
            ("trace", "sha256", "bytea", True),
        }
    ),
    # A column that is given its own type again loses its statistics, and its storage: templates cannot be made smaller.
    {
        "finger": "ALTER TABLE finger ALTER template TYPE bytea, ALTER template SET STORAGE EXTERNAL,"
        " ALTER template SET STATISTICS 0",
        "person": 'ALTER TABLE person ALTER person_id TYPE text COLLATE "C", ALTER person_id SET STATISTICS 0,'
        " ALTER sha256 TYPE bytea, ALTER sha256 SET STATISTICS 0",
    },
    {1: 8},
)


class PostgresGallery(SqlGallery):
    """A gallery in the schema `cccd_gallery` of a database, which is made when it is not there; one a database.

    `url` and errors as `storage.postgres.PostgresDatabase`. What was removed or replaced is seen by nobody from the
    moment when the call returns; its bytes are in the server's tables until `purge`, and in its log and backups for as
    long as these are kept.
    """

    def __init__(self, url: str, *, make: bool = True, clock: Clock = now_utc, cipher: Cipher | None = None) -> None:
        """`make`: whether tables that are not there are made, or a FileError; `clock` gives the time of withdrawals;
        `cipher` as `SqlGallery`."""
        super().__init__(PostgresDatabase(url, KIND, make=make), clock, cipher)

    def __repr__(self) -> str:
        return f"PostgresGallery({self.where!r})"
