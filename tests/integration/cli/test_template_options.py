"""The options of template files are the same wherever template files are read."""

from __future__ import annotations

import inspect
from typing import Any

import pytest
import typer.main

from cccd_core.cli.main import build
from cccd_core.cli.options import NOTHING_SAID, with_template_options


def command_of(words: str) -> Any:
    area, *rest = words.split()
    found: Any = typer.main.get_command(build(area))
    for word in (area, *rest):
        found = found.commands[word]
    return found


@pytest.mark.parametrize(
    "words",
    [
        "match", "search", "evaluate", "evaluate-search", "gallery add", "gallery replace", "template info",
        "template draw", "card read", "card verify",
    ],
)  # fmt: skip
def test_every_command_that_reads_templates_has_them(words: str) -> None:
    options = {option.name: option for option in command_of(words).params}
    wanted = {option.name: option for option in command_of("match").params}
    for name in ("format", "dpi", "height", "width"):
        assert options[name].opts == [f"--{name}"]
        assert getattr(options[name], "help", "") == getattr(wanted[name], "help", None)
        assert not options[name].required


def test_they_stand_where_given_stood_and_arrive_as_one() -> None:
    seen: list[object] = []

    def command(first: int, given: object = NOTHING_SAID, last: int = 0) -> None:
        seen.extend((first, given, last))

    called = with_template_options(command)
    assert list(inspect.signature(called).parameters) == ["first", "format", "dpi", "height", "width", "last"]
    called(first=1, format="xyt", dpi=500.0, height=400, width=None, last=2)
    assert seen[0] == 1
    assert [getattr(seen[1], name) for name in ("format", "dpi", "height", "width")] == ["xyt", 500.0, 400, None]
    assert seen[2] == 2
