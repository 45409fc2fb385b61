"""`cccd card keys`: whether a card and a master key go together, and what finding that out costs the card."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cccd_core import pki
from cccd_core.card.card_keys import CardMasterKey, KeyDiversification
from cccd_core.card.virtual import VirtualCard
from cccd_core.cli import common
from cccd_core.cli.common import EXIT_FAULTS, EXIT_NOT_RUN
from cccd_core.cli.main import build
from support.chip import personalised

KEY = "404142434445464748494A4B4C4D4E4F"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    pki.init(tmp_path / "pki")
    return tmp_path


def keys(folder: Path, said: str, card: CardMasterKey, capsys: pytest.CaptureFixture[str]) -> tuple[int, dict]:
    """The exit code, and what was said in JSON; the card counts no failure."""
    (folder / "pki" / "card_master_key.hex").write_text(said)
    path = folder / "a.card"
    VirtualCard.create(path, master_key=card, serial=bytes(range(1, 9))).close()
    words = ["card", "keys", str(path), "--pki", str(folder / "pki")]
    shown = common.run(build("card"), words)
    assert KEY not in capsys.readouterr().out
    code = common.run(build("card"), [*words, "--json"])
    assert code == shown
    with VirtualCard.open(path) as after:
        assert after.memory.channel_failures == 0
        assert after.memory.life_cycle.name == "BLANK"
    return code, json.loads(capsys.readouterr().out)


@pytest.mark.parametrize("method", KeyDiversification)
@pytest.mark.parametrize("named", KeyDiversification)
def test_the_method_is_found_whatever_the_file_says(
    folder: Path, capsys: pytest.CaptureFixture[str], method: KeyDiversification, named: KeyDiversification
) -> None:
    code, found = keys(folder, f"{named} {KEY}\n", CardMasterKey(bytes.fromhex(KEY), method), capsys)
    assert code == (0 if method is named else EXIT_FAULTS)
    (only,) = found["master_keys"]
    assert (only["method"], only["fits_by"], only["opens"]) == (named, [method], method is named)
    assert (found["secure_channel"], found["mode"], found["i"], found["key_version"]) == ("SCP03", "S8", "70", 1)


def test_a_locked_card_is_said_to_be_locked(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    card, _ = personalised(folder / "a.card", portrait_bytes=300)
    card.close()
    (folder / "pki" / "card_master_key.hex").write_text(KEY)
    assert (
        common.run(build("card"), ["card", "keys", str(folder / "a.card"), "--pki", str(folder / "pki")])
        == EXIT_NOT_RUN
    )
    assert "the card is locked" in " ".join(capsys.readouterr().err.split())


def test_a_card_that_has_its_own_keys_already(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    own = CardMasterKey(b"A" * 32, version=2)
    code, found = keys(folder, f"{KEY}\n2 {'41' * 32}\n", own, capsys)
    assert (code, found["opens"], found["key_version"]) == (0, True, 2)
    assert [key["opens"] for key in found["master_keys"]] == [False, True]


def test_another_keys_card_and_another_version(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, found = keys(folder, KEY, CardMasterKey(b"A" * 16), capsys)
    assert (code, found["master_keys"][0]["fits_by"]) == (EXIT_FAULTS, [])
    (folder / "a.card").unlink()
    code, found = keys(folder, f"7 {KEY}", CardMasterKey(bytes.fromhex(KEY)), capsys)
    assert (code, found["master_keys"][0]["fits_by"], found["opens"]) == (EXIT_FAULTS, ["cccd"], False)


def test_a_file_that_holds_no_key(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = folder / "a.card"
    VirtualCard.create(path, master_key=CardMasterKey(bytes(16))).close()
    (folder / "pki" / "card_master_key.hex").write_text(f"kdf9 {KEY}")
    assert common.run(build("card"), ["card", "keys", str(path), "--pki", str(folder / "pki")]) == EXIT_NOT_RUN
    said = capsys.readouterr().err
    assert "kdf3" in said
    assert KEY not in said
