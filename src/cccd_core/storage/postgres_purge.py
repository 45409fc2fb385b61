"""What was deleted from tables of a PostgreSQL server taken out of its files, as far as statements can do it.

A row that was deleted stays in the pages of its table until others are written over it: an ordinary VACUUM frees the
place and leaves the bytes. VACUUM FULL writes table, indices and long values into new files and empties the old ones.
It keeps rows that somebody may still see, so that those transactions are waited for first. Besides the tables there are
the planner's statistics, which hold values of rows: they are forgotten, and not gathered again.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from typing import Final

from sqlalchemy import Connection

from cccd_core.errors import BusyError, UnavailableError

_PAUSE_S: Final = 0.05
_STATISTICS: Final = "pg_catalog.pg_statistic"


def purge(connection: Connection, schema: str, personal: Mapping[str, str], *, where: str, patience_s: float) -> None:
    """Leaves nothing of what was deleted from these tables, the first of the search path, which are in this schema;
    `personal` as `PostgresKind`. The connection is one of AUTOCOMMIT; `where` is for errors, which are those of
    `PostgresDatabase.purge`."""
    may_be_kept = False
    for table, forget in personal.items():
        if connection.exec_driver_sql(_IS_GATHERED, (schema, table)).scalar_one():
            connection.exec_driver_sql(forget)
            may_be_kept = True
    _outlast(connection, may_be_kept, where, patience_s)
    if not _rewritten(connection, [_STATISTICS]) and may_be_kept:
        raise UnavailableError(
            "this user may not take deleted values out of the statistics", path=where, needs="the database's owner"
        )
    if not _rewritten(connection, personal):
        raise UnavailableError(
            "this user may not take deleted rows out of the tables", path=where, needs="the tables' owner"
        )
    if connection.exec_driver_sql(_MAY_CHECKPOINT).scalar_one():
        connection.exec_driver_sql("CHECKPOINT")


def _outlast(connection: Connection, statistics: bool, where: str, patience_s: float) -> None:
    """Waits for everyone who began before now, in any database: the oldest transaction of the server says what rows are
    kept. Where it is about `statistics`, who reads the log for the catalogue (logical replication) counts too."""
    end = time.monotonic() + patience_s
    now = connection.exec_driver_sql("SELECT pg_current_xact_id()::text::bigint").scalar_one()
    while connection.exec_driver_sql(_OLDER, (now, now, statistics, now)).scalar_one():
        if time.monotonic() >= end:
            raise BusyError(
                "somebody may still see what was deleted: it is out of the gallery, but not out of its files",
                path=where, needs="the other transactions to end",
            )  # fmt: skip
        time.sleep(_PAUSE_S)


def _rewritten(connection: Connection, tables: Iterable[str]) -> bool:
    """Writes these tables anew; False where the server passed one over, as it does where the user may not."""
    done = True
    for table in tables:
        before = connection.exec_driver_sql(_FILE, (table,)).scalar_one()
        connection.exec_driver_sql(f"VACUUM (FULL) {table}")
        done = done and connection.exec_driver_sql(_FILE, (table,)).scalar_one() != before
    return done


_IS_GATHERED: Final = (  # whether the server keeps values of a table as statistics, or may come to
    "SELECT count(*) > 0 FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid"
    " JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = %s AND c.relname = %s"
    " AND a.atttypid IN ('bytea'::regtype, 'text'::regtype) AND a.attnum > 0 AND a.attstattarget IS DISTINCT FROM 0"
)
_FILE: Final = "SELECT pg_relation_filenode(%s::regclass)"
_OLDER: Final = (  # age counts from the newest transaction on, also where the numbers have come round
    "SELECT (SELECT count(*) FROM pg_stat_activity WHERE pid <> pg_backend_pid()"
    " AND greatest(age(backend_xid), age(backend_xmin)) > age(%s::text::xid))"
    " + (SELECT count(*) FROM pg_prepared_xacts WHERE age(transaction) > age(%s::text::xid))"
    " + (SELECT count(*) FROM pg_replication_slots"
    " WHERE greatest(age(xmin), CASE WHEN %s THEN age(catalog_xmin) END) > age(%s::text::xid))"
)
_MAY_CHECKPOINT: Final = (
    "SELECT rolsuper OR EXISTS (SELECT 1 FROM pg_roles r WHERE r.rolname = 'pg_checkpoint'"
    " AND pg_has_role(r.oid, 'USAGE')) FROM pg_roles WHERE rolname = current_user"
)
