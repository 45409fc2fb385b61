"""The page on intake says what the code does, and its examples run."""

from __future__ import annotations

import doctest
from pathlib import Path

from cccd_core.intake import Doubt
from cccd_core.issuance.dossiers.policy import USUAL_SEVERITIES
from cccd_core.issuance.dossiers.reasons import Severity

PAGE = Path(__file__).parents[3] / "docs" / "explanation" / "intake.md"
SAID = {Severity.ERROR: "rejected", Severity.REVIEW: "review", Severity.WARNING: "a warning", None: "counted"}


def test_the_examples_run() -> None:
    result = doctest.testfile(str(PAGE), module_relative=False, encoding="utf-8")
    assert result.attempted >= 8
    assert result.failed == 0


def test_every_doubt_stands_there_with_what_it_does() -> None:
    text = PAGE.read_text(encoding="utf-8")
    for doubt in Doubt:
        assert f"| `{doubt}` | {doubt.text} | {SAID[USUAL_SEVERITIES[doubt]]}" in text
