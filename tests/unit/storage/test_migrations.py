"""Migrations of a folder, written out."""

from __future__ import annotations

from pathlib import Path

import pytest

from cccd_core.storage.migrations import written


def migration(folder: Path, revision: str, after: str | None) -> None:
    path = folder / "versions" / f"v{revision}.py"
    path.parent.mkdir(exist_ok=True)
    path.write_text(
        f"from alembic import op\nrevision = {revision!r}\ndown_revision = {after!r}\n"
        f"def upgrade():\n    op.execute('CREATE TABLE t{revision} (a)')\n"
    )


def test_each_version_has_the_statements_of_those_before_it(tmp_path: Path) -> None:
    migration(tmp_path, "0002", None)
    migration(tmp_path, "0004", "0002")
    migration(tmp_path, "0010", "0004")
    found = written(tmp_path, "sqlite")
    assert found.statements == tuple(f"CREATE TABLE t{name} (a)" for name in ("0002", "0004", "0010"))
    assert (found.version, found.earlier) == (10, {2: 1, 4: 2})


def test_a_migration_that_comes_after_a_later_versions_is_none(tmp_path: Path) -> None:
    migration(tmp_path, "0010", None)
    migration(tmp_path, "0006", "0010")
    with pytest.raises(ValueError, match="0006 comes after"):
        written(tmp_path, "sqlite")
