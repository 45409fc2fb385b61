"""The tables of a gallery, as statements speak of them, and what their rows are bounded by."""

from __future__ import annotations

from typing import Final

from sqlalchemy import BigInteger, Column, Integer, LargeBinary, MetaData, String, Table

READ_BLOCK: Final = 64  # people held while iterating
ASKED_BLOCK: Final = 500  # identifiers or numbers in one question, withdrawals in one answer, people in one addition
NUMBERS: Final = 1 << 62
ID_DIGITS: Final = 32

_METADATA = MetaData()
GALLERY = Table("gallery", _METADATA, Column("gallery_id", String))  # one row
PERSON = Table(
    "person",
    _METADATA,
    Column("sequence", BigInteger, primary_key=True),
    Column("person_id", String),
    Column("sha256", LargeBinary),
)
FINGER = Table(
    "finger",
    _METADATA,
    Column("sequence", BigInteger, primary_key=True),
    Column("place", Integer, primary_key=True),  # 1..10 the position, 100.. the unplaced fingers in their order
    Column("template", LargeBinary),
)
WITHDRAWAL = Table(
    "withdrawal",
    _METADATA,
    Column("sequence", BigInteger, primary_key=True),
    Column("kind", String),
    Column("person_id", String),
    Column("ordered_by", String),
    Column("time", String),  # ISO 8601, UTC
    Column("fingers", BigInteger),
    Column("place", BigInteger),  # the person's number, which nobody else gets: an iteration may be under way
)
RENAMING = Table(
    "renaming", _METADATA, Column("sequence", BigInteger, primary_key=True), Column("new_id", String)
)  # of the withdrawals of that kind: the new identifier
TRACE = Table(
    "trace", _METADATA, Column("sequence", BigInteger, primary_key=True), Column("sha256", LargeBinary)
)  # of each withdrawal, by which it is known not to have been altered
