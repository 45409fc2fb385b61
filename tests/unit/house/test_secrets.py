"""Secrets come from files, the environment or a question: none stands on a command line, where others see it."""

from __future__ import annotations

import inspect
import re
import typing
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from cccd_core.cli.common import EXIT_USAGE, run
from cccd_core.cli.gallery_key import read_key
from cccd_core.cli.main import build
from cccd_core.errors import ParameterError

_SECRET = re.compile(r"pin|puk|pass(word|phrase)?|secret|key|can|mrz|credential|seed")
_ACCESS = "opens a chip for who has the card in hand, on which it is printed; - asks for it"
_LABEL = "the label of a key in a token, whose PIN is in CCCD_PKCS11_PIN or is asked for"
# Options of text that are called like a secret, and why they are none.
NONE = {
    ("card", "can"): _ACCESS,
    ("card", "mrz"): _ACCESS,
    ("pki", "key"): _LABEL,
}


def _commands(app: typer.Typer, before: str = "") -> Iterator[tuple[str, Callable[..., Any]]]:
    for command in app.registered_commands:
        assert command.callback is not None
        yield f"{before}{command.name or command.callback.__name__.replace('_', '-')}", command.callback
    for group in app.registered_groups:
        assert group.typer_instance is not None
        yield from _commands(group.typer_instance, f"{before}{group.name} ")


def _texts(command: Callable[..., Any]) -> Iterator[str]:
    """The options and arguments of a command that are text, and so could be a secret; a path only names a file."""
    for parameter in inspect.signature(command, eval_str=True).parameters.values():
        kinds = set(_kinds(parameter.annotation))
        if kinds & {str, bytes} and Path not in kinds:
            yield parameter.name


def _kinds(annotation: Any) -> Iterator[object]:
    if typing.get_origin(annotation) is typing.Annotated:
        yield from _kinds(typing.get_args(annotation)[0])
    elif typing.get_args(annotation):
        for each in typing.get_args(annotation):
            yield from _kinds(each)
    else:
        yield annotation


def test_no_option_takes_a_secret() -> None:
    found = {
        (name.split(" ")[0], text)
        for name, command in _commands(build())
        for text in _texts(command)
        if set(text.split("_")) & {word for word in text.split("_") if _SECRET.fullmatch(word)}
    }
    assert found == set(NONE)


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://clerk:hunter2@db.example/cccd", "postgres://:hunter2@/cccd", "POSTGRESQL://a:hunter2@[::1]:5432/b",
        "postgresql://db.example/cccd?password=hunter2", "postgresql://db.example/cccd?sslmode=require&password=hunter2",
        "--register=postgresql://clerk:hunter2@db.example/cccd",
    ],
)  # fmt: skip
def test_a_password_in_a_url_is_refused_whatever_the_command(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    for words in (["register", "list", "--register", url], ["doctor", url], ["gallery", "create", "g", "--at", url]):
        assert run(build(words[0]), words) == EXIT_USAGE
        shown = "".join(capsys.readouterr())
        assert "a password does not stand in the URL" in shown
        assert "hunter2" not in shown


@pytest.mark.parametrize(
    "url", ["postgresql://db.example:5432/cccd", "postgresql://clerk@db.example:5432/cccd?x=a:b@c"]
)
def test_a_url_without_one_is_not(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    run(build("doctor"), ["doctor", url])
    assert "a password does not stand" not in "".join(capsys.readouterr())


@pytest.mark.parametrize(
    "place",
    [
        "host=db.example dbname=cccd password=hunter2", "dbname = cccd sslpassword = hunter2", "postgres://hunter2/cccd",
        "postgresql:/clerk:hunter2@db.example/cccd", "postgresql:hunter2",
    ],
)  # fmt: skip
def test_what_is_meant_for_a_database_is_no_files_name(
    place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    for words in (
        ["register", "init", "--register", place], ["audit", "verify", place], ["audit", "anchor", place],
        ["register", "list", "--register", "r.sqlite", "--trail", place], ["gallery", "create", "g", "--at", place],
        ["register", "person", "acts", "--gallery", "g", "--register", place],
    ):  # fmt: skip
        assert run(build(words[0]), words) == EXIT_USAGE, words
        assert "hunter2" not in "".join(capsys.readouterr())
    assert [path.name for path in tmp_path.iterdir() if path.name != "g"] == []


def test_a_key_or_a_number_in_place_of_its_file_is_refused_and_not_shown(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    key, gallery = "5e" * 32, ["--gallery", str(tmp_path)]
    for words, secret in (
        (["gallery", "info", str(tmp_path), "--key", key], key),
        (["gallery", "rotate", str(tmp_path), "--to", key[:-1]], key[:-1]),
        (["register", "person", "show", *gallery, "--number-file", "001088000101"], "001088000101"),
    ):
        run(build(words[0]), words)  # whichever is told first
        assert secret not in "".join(capsys.readouterr())
    with pytest.raises(ParameterError, match="command line"):
        read_key(Path(key.upper()))
    (tmp_path / key).write_text(key)
    assert read_key(tmp_path / key) == bytes.fromhex(key)
