"""Schemas that are made by Alembic's migrations, one after the other, and written out as statements.

A kind of tables (`SqliteKind`, `PostgresKind`) has its statements from here, so that it is opened, compared and brought
up as any other: the version lies where `storage` looks for it, and not in a table of Alembic's own.
"""

from __future__ import annotations

import io
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, TypeAlias

from alembic.migration import MigrationContext
from alembic.operations import Operations
from alembic.script import ScriptDirectory

Dialect: TypeAlias = Literal["sqlite", "postgresql"]


@dataclass(frozen=True, slots=True)
class Written:
    """What the migrations of one folder do in one kind of database. `earlier`: how many of the statements each version
    before the last one had."""

    version: int
    statements: tuple[str, ...]
    earlier: dict[int, int]


@dataclass(slots=True)
class _Statements(io.TextIOBase):
    """What Alembic writes, statement by statement."""

    found: list[str] = field(default_factory=list)

    def write(self, text: str, /) -> int:
        self.found.append(text.rstrip().removesuffix(";"))
        return len(text)


def written(folder: Path, dialect: Dialect) -> Written:
    """The migrations in `folder`/versions, from the first to the last. A migration's name is the number of the version
    that it makes, above that of the one before it (ValueError); it must not look at rows, which are not there when it
    is written out."""
    counts: dict[int, int] = {}
    statements = _Statements()
    context = MigrationContext.configure(
        dialect_name=dialect, opts={"as_sql": True, "output_buffer": statements, "transactional_ddl": True}
    )
    with Operations.context(context):
        for script in reversed(list(ScriptDirectory(str(folder)).walk_revisions())):
            if int(script.revision) <= max(counts, default=0):
                raise ValueError(f"the migration {script.revision} comes after one of a later version")
            script.module.upgrade()
            counts[int(script.revision)] = len(statements.found)
    *earlier, version = counts
    return Written(version, tuple(statements.found), {one: counts[one] for one in earlier})
