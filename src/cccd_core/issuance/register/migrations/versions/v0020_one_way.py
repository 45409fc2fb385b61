"""Cards go one way, whoever writes: under way, then valid with the serial of the card that was proved, then superseded.
And of whom the gallery has had fingers, that stays so."""

from __future__ import annotations

from alembic import op

revision = "0020"
down_revision = "0019"


def upgrade() -> None:
    """Makes the rules."""
    lite = op.get_context().dialect.name == "sqlite"
    same = "OLD.serial IS NEW.serial" if lite else "OLD.serial IS NOT DISTINCT FROM NEW.serial"
    one_way = (
        f"(OLD.status = NEW.status AND {same})"
        " OR (OLD.status = 'under_way' AND NEW.status = 'valid' AND OLD.serial IS NULL AND NEW.serial IS NOT NULL)"
        f" OR (OLD.status = 'valid' AND NEW.status = 'superseded' AND {same})"
    )
    rules = {
        "card_begins_under_way": ("INSERT ON cards", "NEW.status <> 'under_way' OR NEW.serial IS NOT NULL"),
        "card_goes_one_way": ("UPDATE OF status, serial ON cards", f"NOT ({one_way})"),
        "who_was_enrolled_stays_so": ("UPDATE OF enrolled ON people", "OLD.enrolled = 1 AND NEW.enrolled <> 1"),
    }
    for rule, (change, wrong) in rules.items():
        if lite:
            op.execute(f"CREATE TRIGGER {rule} BEFORE {change} WHEN {wrong} BEGIN SELECT RAISE(ABORT, '{rule}'); END")
            continue
        op.execute(
            f"CREATE FUNCTION {rule}() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp"
            f" AS $$ BEGIN RAISE EXCEPTION USING ERRCODE = 'check_violation', CONSTRAINT = '{rule}',"
            f" MESSAGE = '{rule}'; END $$"
        )
        op.execute(f"CREATE TRIGGER {rule} BEFORE {change} FOR EACH ROW WHEN ({wrong}) EXECUTE FUNCTION {rule}()")
