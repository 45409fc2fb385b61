"""A rejected dossier may be handed in again, and is then received anew, with a reason."""

from __future__ import annotations

from alembic import op

revision = "0012"
down_revision = "0011"

_MOVE = "INSERT INTO moves (from_state, to_state) VALUES ('rejected', 'received')"
_SQLITE = (
    "DROP TRIGGER moves_stay",
    _MOVE,
    "CREATE TRIGGER moves_stay BEFORE INSERT ON moves WHEN 1 BEGIN SELECT RAISE(ABORT, 'moves_stay'); END",
    "CREATE TRIGGER taken_up_says_why BEFORE INSERT ON events WHEN NEW.from_state = 'rejected' AND NEW.reason IS NULL"
    " BEGIN SELECT RAISE(ABORT, 'taken_up_says_why'); END",
)
_POSTGRESQL = (
    "ALTER TABLE moves DISABLE TRIGGER moves_stay",
    _MOVE,
    "ALTER TABLE moves ENABLE TRIGGER moves_stay",
    "ALTER TABLE events ADD CONSTRAINT taken_up_says_why CHECK (reason IS NOT NULL OR from_state <> 'rejected')",
)


def upgrade() -> None:
    """Adds the move and what it must say."""
    for statement in _SQLITE if op.get_context().dialect.name == "sqlite" else _POSTGRESQL:
        op.execute(statement)
