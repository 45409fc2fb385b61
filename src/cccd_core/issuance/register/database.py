"""Where a register is: a file beside the gallery, or a schema in a PostgreSQL server; its tables are those that the
migrations make."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Final

from sqlalchemy import make_url

from cccd_core.issuance.register import migrations
from cccd_core.issuance.register.tables import METADATA
from cccd_core.storage.database import Database
from cccd_core.storage.migrations import written
from cccd_core.storage.postgres import PostgresDatabase, PostgresKind, at_server
from cccd_core.storage.sqlite import SqliteFile, SqliteKind

_WHAT: Final = "register"
_VALUE_BYTES_MOST: Final = 1 << 17  # the evidence of a case
# A column that is given its own type again loses its statistics, which hold values of rows.
_PERSONAL: Final = {
    table: f"ALTER TABLE {table} "
    + ", ".join(f'ALTER {name} TYPE text COLLATE "C", ALTER {name} SET STATISTICS 0' for name in names)
    for table, names in {
        "numbers": ("number",),
        "cards": ("number", "replaces"),
        "given_up": ("number", "successor"),
    }.items()
}
_MIGRATIONS: Final = Path(migrations.__file__).parent


@cache
def sqlite_kind() -> SqliteKind:
    """A register in one file."""
    made = written(_MIGRATIONS, "sqlite")
    return SqliteKind(
        what=_WHAT,
        application_id=0x43434452,  # "CCDR"
        version=made.version,
        schema=made.statements,
        value_bytes_max=_VALUE_BYTES_MOST,
        earlier=made.earlier,
    )


@cache
def postgres_kind() -> PostgresKind:
    """A register in the schema `cccd_register` of a database."""
    made = written(_MIGRATIONS, "postgresql")
    dialect = make_url("postgresql://").get_dialect()()
    columns = frozenset(
        (table.name, column.name, column.type.compile(dialect).lower(), not column.nullable)
        for table in METADATA.tables.values()
        for column in table.columns
    )
    return PostgresKind(
        what=_WHAT,
        name="cccd_register",
        version=made.version,
        lock="identity",
        statements=made.statements,
        columns=columns,
        personal=_PERSONAL,
        earlier=made.earlier,
    )


def open_register(where: Path | str, *, make: bool = True) -> Database:
    """The tables at `where`: a `postgresql://` URL as `storage.postgres.PostgresDatabase` takes it, or a file's path.
    They are made where there are none and `make` lets it, and brought up to this version. Errors as `at_server`,
    `SqliteFile` and `PostgresDatabase`."""
    if at_server(where):
        return PostgresDatabase(str(where), postgres_kind(), make=make)
    return SqliteFile(Path(where), sqlite_kind(), make=make)
