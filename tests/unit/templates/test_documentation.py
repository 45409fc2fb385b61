"""The examples of the reference page run, and its lists are whole."""

from __future__ import annotations

import doctest
from pathlib import Path

from cccd_core.templates.notices import Remark

PAGE = Path(__file__).parents[3] / "docs" / "reference" / "templates.md"


def test_the_examples_of_the_reference_run() -> None:
    result = doctest.testfile(str(PAGE), module_relative=False, encoding="utf-8")
    assert result.attempted >= 7
    assert result.failed == 0


def test_every_notice_stands_in_the_reference() -> None:
    text = PAGE.read_text(encoding="utf-8")
    for remark in Remark:
        assert f"| `{remark}` | {remark.text}" in text
