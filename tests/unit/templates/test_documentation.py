"""The examples of the reference page run."""

from __future__ import annotations

import doctest
from pathlib import Path


def test_the_examples_of_the_reference_run() -> None:
    page = Path(__file__).parents[3] / "docs" / "reference" / "templates.md"
    result = doctest.testfile(str(page), module_relative=False, encoding="utf-8")
    assert result.attempted >= 7
    assert result.failed == 0
