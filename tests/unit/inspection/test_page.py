"""The page on verification names every rule and every check, and nothing on it is made up."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from cccd_core.inspection import CheckName
from cccd_core.pki import RULES, Rule

ROOT = Path(__file__).resolve().parents[3]
PAGE = (ROOT / "docs" / "explanation" / "verification.md").read_text(encoding="utf-8")
ROWS = [
    [cell.strip() for cell in line.strip("|").split("|")]
    for line in PAGE.splitlines()
    if line.startswith("| `") and line.count("|") == 5
]


def test_every_rule_stands_on_it_with_its_clause() -> None:
    named = {row[0].strip("`"): row for row in ROWS}
    assert set(Rule) | set(CheckName) == set(named)
    assert len(ROWS) == len(Rule) + len(CheckName)
    for rule in Rule:
        assert named[rule][1] == RULES[rule].clause


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0])
def test_the_code_and_the_tests_are_there(row: list[str]) -> None:
    name, _, code, tests = row
    source = (ROOT / "src" / "cccd_core" / code.strip("`")).read_text(encoding="utf-8")
    word = name.strip("`")
    if word in set(Rule):
        assert re.search(rf"\bRule\.{word.upper()}\b", source)
    found = re.findall(r"`([^`]+)`", tests)
    assert found
    for test in found:
        path, _, function = test.partition("::")
        tree = ast.parse((ROOT / "tests" / path).read_text(encoding="utf-8"))
        assert not function or function in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
