"""Fees: what was paid for a dossier, by which receipt, or why nothing was. Nothing here is changed or taken away: who
paid too much is paid back by a row of its own.
"""

from __future__ import annotations

from alembic import op

revision = "0017"
down_revision = "0016"

_SEEN = "EXISTS (SELECT 1 FROM cccd_register.dossiers d WHERE d.dossier_no = fees.dossier_no)"
_OWN = (
    "actor = ANY (ARRAY(SELECT cccd_register.my_names()))"
    " AND ((SELECT cccd_register.my_role()) = 'operator' OR (SELECT cccd_register.my_role()) = 'factory')"
)


def upgrade() -> None:
    """Makes the table, its rules, and the index by which a unit's dossiers of some days are found."""
    lite = op.get_context().dialect.name == "sqlite"
    whole, some, length = ("INTEGER", "BLOB", "length") if lite else ("bigint", "bytea", "octet_length")
    text = "TEXT" if lite else 'text COLLATE "C"'

    def words(name: str, most: int, needed: bool = True) -> str:
        return f"{name} {text}{' NOT NULL' if needed else ''} CHECK ({length}({name}) BETWEEN 1 AND {most})"

    op.execute(
        f"CREATE TABLE fees (event_id {some} PRIMARY KEY CHECK ({length}(event_id) = 16),"
        f" dossier_no {whole} NOT NULL REFERENCES dossiers,"
        f" dong {whole} NOT NULL CHECK (dong BETWEEN -10000000 AND 10000000), {words('receipt', 64, False)},"
        f" {words('exemption', 256, False)}, {words('actor', 128)}, time_us {whole} NOT NULL CHECK (time_us > 0),"
        " CONSTRAINT one_fee_a_receipt UNIQUE (receipt),"
        " CONSTRAINT money_has_a_receipt CHECK (dong = 0 OR receipt IS NOT NULL),"
        " CONSTRAINT nothing_is_paid_for_a_reason CHECK (dong <> 0 OR exemption IS NOT NULL))"
        f"{' STRICT, WITHOUT ROWID' if lite else ''}"
    )
    op.execute("CREATE INDEX fees_of_a_dossier ON fees (dossier_no)")
    op.execute("CREATE INDEX fees_of_a_time ON fees (time_us)")
    op.execute("CREATE INDEX dossiers_of_a_unit ON dossiers (unit, received_day)")
    if lite:
        for change in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER fees_stay_at_{change.lower()} BEFORE {change} ON fees"
                " BEGIN SELECT RAISE(ABORT, 'fees_stay'); END"
            )
        op.execute(
            "CREATE TRIGGER fees_are_added BEFORE INSERT ON fees WHEN EXISTS (SELECT 1 FROM fees f"
            " WHERE f.event_id = NEW.event_id OR f.receipt = NEW.receipt) BEGIN SELECT RAISE(ABORT, 'fees_stay'); END"
        )
        return
    op.execute("CREATE TRIGGER fees_stay BEFORE UPDATE OR DELETE ON fees FOR EACH ROW EXECUTE FUNCTION stays()")
    op.execute(
        "CREATE TRIGGER fees_are_not_emptied BEFORE TRUNCATE ON fees FOR EACH STATEMENT EXECUTE FUNCTION stays()"
    )
    op.execute(f"CREATE POLICY fees_select ON fees FOR SELECT USING ({_SEEN})")
    op.execute(f"CREATE POLICY fees_insert ON fees FOR INSERT WITH CHECK ({_OWN} AND {_SEEN})")
