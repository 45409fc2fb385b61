"""The reason words."""

from __future__ import annotations

import pickle

import pytest

from cccd_core.issuance.dossiers.reasons import (
    DossierError,
    DuplicateReason,
    Failure,
    Fault,
    Oddity,
    Problem,
    Reason,
    RegisterReason,
    ReviewReason,
    SettledReason,
    Severity,
    principal,
)
from cccd_core.plain import decode

TABLES = (Fault, Oddity, RegisterReason, ReviewReason, Failure, DuplicateReason, SettledReason)


def test_the_principal_reason_follows_the_order_of_the_table() -> None:
    few, number = Problem("a", "fingers", Fault.TOO_FEW_FINGERS), Problem("a", "number", Fault.NUMBER_STRUCTURE)
    odd = Problem("a", "x", Oddity.UNKNOWN_FIELD, Severity.WARNING)
    assert principal([few, number]) is Fault.NUMBER_STRUCTURE
    assert principal([odd]) is None
    assert principal([odd, few]) is Fault.TOO_FEW_FINGERS
    assert principal([Problem("a", "x", Oddity.UNKNOWN_FILE)]) is Oddity.UNKNOWN_FILE  # too many files are an error


def test_no_word_stands_in_two_tables_and_each_is_its_members_name() -> None:
    words = [word for table in TABLES for word in table]
    assert len(words) == len(set(words))
    assert all(word == word.name.lower() and word.text for word in words)


def test_a_word_that_was_stored_is_its_reason_again() -> None:
    for table in TABLES:
        for word in table:
            assert decode(Reason, str(word)) is word  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"not a|it is missing|does not have"):
        decode(Reason, "because")  # type: ignore[arg-type]


def test_a_fault_survives_between_processes() -> None:
    error = pickle.loads(pickle.dumps(DossierError("too large", fault=Fault.PORTRAIT_SIZE, bytes=3)))
    assert (error.fault, error.facts) == (Fault.PORTRAIT_SIZE, {"bytes": 3})
