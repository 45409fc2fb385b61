"""Writes the table of verification rules into docs/reference/pki.md, between its two marks.

`python scripts/write_rules_table.py`; a test holds the page equal to what this makes.
"""

from __future__ import annotations

from pathlib import Path

from cccd_core.pki.rules import RULES, Rule

PAGE = Path(__file__).resolve().parent.parent / "docs/reference/pki.md"
BEGIN, END = "<!-- rules -->", "<!-- end of rules -->"


def table() -> str:
    """The rules as a Markdown table, in the order of the code."""
    rows = ["| rule | `check` | what must hold | clause | strict | legacy |", "|---|---|---|---|---|---|"]
    for rule in Rule:
        row = RULES[rule]
        strict, legacy = ("always", "always") if row.fixed else (row.strict.value, row.legacy.value)
        rows.append(f"| `{rule.value}` | `{row.check}` | {row.text} | {row.clause} | {strict} | {legacy} |")
    return "\n".join(rows)


def with_table(page: str) -> str:
    """The page with the table as it is now."""
    head, _, rest = page.partition(BEGIN)
    _, _, tail = rest.partition(END)
    return f"{head}{BEGIN}\n{table()}\n{END}{tail}"


if __name__ == "__main__":
    PAGE.write_text(with_table(PAGE.read_text("utf-8")), "utf-8")
