"""The reason words."""

from __future__ import annotations

from cccd_core.issuance import reasons
from cccd_core.issuance.reasons import Problem, principal


def test_the_principal_reason_follows_the_order_of_the_table() -> None:
    few, number = Problem("a", "fingers", "too_few_fingers"), Problem("a", "personal_number", "number_structure")
    assert principal([few, number]) == "number_structure"
    assert principal([Problem("a", "x", "unknown_field", "warning")]) is None
    assert principal([Problem("a", "x", "unknown_field", "warning"), few]) == "too_few_fingers"


def test_no_word_stands_in_two_tables() -> None:
    tables = [
        reasons.CHECK_REASONS,
        reasons.WARNINGS,
        reasons.REGISTER_REASONS,
        reasons.REVIEW_REASONS,
        reasons.FAILURES,
    ]
    words = [word for table in tables for word in table]
    assert len(words) == len(set(words))
