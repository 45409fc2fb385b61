"""Numbers of people under a key: the number's mark stands where the number did, so that every rule on it holds, and the
number itself beside it, encrypted. In a server whoever settles cases sees of which card and person they are."""

from __future__ import annotations

from alembic import op

revision = "0018"
down_revision = "0017"


def upgrade() -> None:
    """Makes the place of the key's name and of the secret that marks are made with, and of encrypted numbers."""
    lite = op.get_context().dialect.name == "sqlite"
    some, size = ("BLOB", "length") if lite else ("bytea", "octet_length")
    op.execute(
        f"CREATE TABLE sealing (one integer PRIMARY KEY CHECK (one = 1),"
        f" key_id {some} NOT NULL CHECK ({size}(key_id) = 8),"
        f" secret {some} NOT NULL CHECK ({size}(secret) <= 256))"
    )
    op.execute(f"ALTER TABLE numbers ADD COLUMN sealed {some} CHECK ({size}(sealed) <= 256)")
    if not lite:
        role = "(SELECT cccd_register.my_role()) = 'adjudicator'"
        of_a_case = "EXISTS (SELECT 1 FROM cccd_register.cases c WHERE c.dossier_id = cards.dossier_id)"
        op.execute(f"CREATE POLICY cards_of_cases ON cards FOR SELECT USING ({role} AND {of_a_case})")
        op.execute(f"CREATE POLICY people_of_cases ON people FOR SELECT USING ({role})")
