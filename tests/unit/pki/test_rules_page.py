"""The page of reference has the table of rules as the code has it."""

from __future__ import annotations

from scripts import write_rules_table


def test_the_table_on_the_page_is_the_codes() -> None:
    page = write_rules_table.PAGE.read_text("utf-8")
    assert write_rules_table.with_table(page) == page, "python scripts/write_rules_table.py"
