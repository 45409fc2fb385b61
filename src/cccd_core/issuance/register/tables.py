"""The register's tables, as statements speak of them; `migrations` made them."""

from __future__ import annotations

from typing import Final

from sqlalchemy import BigInteger, Column, Date, Identity, Integer, MetaData, Table, Text

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
    "numbers", METADATA, Column("number", Text, primary_key=True), Column("person_id", Text, nullable=False)
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
