"""cccd access as it is typed."""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path

import pytest

from cccd_core.cli.common import run
from cccd_core.cli.main import build
from cccd_core.issuance.access import accounts
from cccd_core.issuance.access.roles import Role
from cccd_core.issuance.register.store import Register
from support.postgres_server import Server


def typed(area: str, *words: str) -> int:
    return run(build(area), [area, *words])


def test_members_are_given_listed_and_taken(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(accounts, "of_this_process", lambda: "chief")
    where = ["--register", str(tmp_path / "register.sqlite")]
    assert typed("register", "init", *where) == 0
    assert typed("access", "list", *where) == 0
    assert "taken on trust" in capsys.readouterr().err
    assert typed("access", "give", "an.hk", "--role", "adjudicator", *where) == 3
    assert "first member" in capsys.readouterr().err
    assert typed("access", "give", "Chief", "--role", "administrator", *where) == 0
    assert typed("access", "give", "an.hk", "--role", "adjudicator", "--senior", "--order", "12/QD", *where) == 0
    assert typed("access", "give", "op", "--role", "operator", "--unit", "001", *where) == 0
    assert typed("access", "give", "op", "--role", "king", *where) == 2
    capsys.readouterr()
    assert typed("access", "list", *where) == 0
    shown = capsys.readouterr()
    assert "adjudicator, senior" in shown.out
    assert "12/QD" in shown.out
    assert shown.err == ""
    assert typed("access", "take", "op", *where, "--json") == 0
    assert json.loads(capsys.readouterr().out)["role"] is None
    assert typed("access", "list", *where, "--json") == 0
    assert [one["account"] for one in json.loads(capsys.readouterr().out)] == ["an.hk", "chief"]
    assert typed("access", "server", *where) == 2  # a file has no rights of its own


def test_a_vote_on_trust_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    gallery = tmp_path / "gallery"
    gallery.mkdir()
    with closing(Register(gallery / "register.sqlite")):
        pass
    words = ["decide", "C1", "--gallery", str(gallery), "--as", "an", "--answer", "accept", "--reason", "seen"]
    assert typed("review", *words) != 0
    assert "taken on trust" in capsys.readouterr().err


@pytest.mark.postgres
def test_a_server_gets_its_groups(postgres: Server, capsys: pytest.CaptureFixture[str]) -> None:
    url = postgres.new_database()
    where = ["--register", url]
    assert typed("register", "init", *where) == 0
    assert typed("access", "server", *where) != 0
    assert typed("access", "give", "chief.of.ours", "--role", "administrator", *where) == 0
    capsys.readouterr()
    assert typed("access", "server", "--print", *where) == 0
    statements = capsys.readouterr().out
    name = Server.name(url)
    assert f'GRANT UPDATE (due_day) ON cccd_register.dossiers TO "{name}_operator";' in statements
    assert postgres.sql(f"SELECT count(*) FROM pg_roles WHERE rolname LIKE '{name}\\_%'") == "0"
    assert typed("access", "server", *where) == 0
    told = capsys.readouterr()
    assert f"{name}_administrator" in told.out
    assert "no account chief.of.ours" in told.err
    assert postgres.sql("SELECT count(*) FROM cccd_register.identity", name) == "1"  # which no role may draw
    postgres.sql("CREATE ROLE stranger LOGIN")
    assert typed("access", "list", "--register", postgres.url(name, "stranger")) == 3
    assert "this account may not do that in the register" in capsys.readouterr().err
    assert typed("register", "verify", *where) == 0
    capsys.readouterr()
    assert typed("audit", "show", url, "--kind", "access", "--json") == 0
    entries = json.loads(capsys.readouterr().out)["entries"]
    assert {one["actor"] for one in entries} == {"owner"}  # who logs in, whoever runs the process
    told = [(one["what"], one.get("reason")) for one in entries]
    assert told[:2] == [("rights_installed", None), ("failed", "conflict")]
    assert told[-2:] == [("rights_installed", None), ("done", None)]
    postgres.drop(url)
    postgres.sql("DROP ROLE stranger")
    for role in Role:
        postgres.sql(f'DROP ROLE "{name}_{role}"')
