"""Command and response APDUs, and the connection's chaining."""

from __future__ import annotations

import pytest

from cccd_core.card import CardConnection, CommandApdu, ResponseApdu, trace
from cccd_core.errors import CardError, FormatError, ParameterError
from support.chip import ScriptedLink


@pytest.mark.parametrize(
    ("command", "encoded"),
    [
        (CommandApdu(0, 0xA4, 4, 0), "00A40400"),
        (CommandApdu(0, 0xB0, 0, 0, ne=256), "00B0000000"),
        (CommandApdu(0, 0xB0, 0, 0, ne=1), "00B0000001"),
        (CommandApdu(0, 0xD6, 0, 0, b"\x01\x02"), "00D60000020102"),
        (CommandApdu(0, 0xA4, 4, 0, b"\xa0", 256), "00A4040001A000"),
        (CommandApdu(0, 0xB0, 0, 0, ne=65_536), "00B00000000000"),
        (CommandApdu(0, 0xB0, 0, 0, ne=257), "00B00000000101"),
        (CommandApdu(0, 0xD6, 0, 0, b"\x07", extended=True), "00D6000000000107"),
        (CommandApdu(0, 0xD6, 0, 0, b"\x07", 256, extended=True), "00D60000000001070100"),
    ],
)
def test_the_cases_of_7816_4(command: CommandApdu, encoded: str) -> None:
    assert command.to_bytes().hex().upper() == encoded
    read = CommandApdu.from_bytes(bytes.fromhex(encoded))
    assert (read.header, read.data, read.ne) == (command.header, command.data, command.ne)


@pytest.mark.parametrize(
    "raw",
    ["", "00", "00A404", "00A4040002A0", "00A4040001A00000", "00A404000000", "00A40400000000A0", "00A40400000001A000"],
)
def test_lengths_that_do_not_add_up(raw: str) -> None:
    with pytest.raises(FormatError):
        CommandApdu.from_bytes(bytes.fromhex(raw))


def test_impossible_commands() -> None:
    for bad in ({"cla": 256}, {"ne": 0}, {"ne": 65_537}, {"data": bytes(65_536)}):
        with pytest.raises(ParameterError):
            CommandApdu(**({"cla": 0, "ins": 0, "p1": 0, "p2": 0} | bad))
    for raw in (b"", b"\x90", bytes(65_539)):
        with pytest.raises(FormatError):
            ResponseApdu.from_bytes(raw)


def test_nothing_secret_shows() -> None:
    command, response = CommandApdu(0, 0x82, 0, 0, b"secret!"), ResponseApdu(b"secret!", 0x9000)
    shown = repr(command) + repr(response) + trace.redacted(command, response)
    assert b"secret!".hex() not in shown.lower()
    assert "secret" not in shown
    assert trace.redacted(command, response) == "00820000 nc=7 -> 9000 nr=7"


def test_response_chaining_gathers_the_whole() -> None:
    answers = iter([b"abc\x61\x02", b"de\x61\x00", b"f\x90\x00"])
    link = ScriptedLink(lambda _: next(answers))
    assert CardConnection(link).send(CommandApdu(0, 0xCA, 0, 0, ne=256)).data == b"abcdef"
    assert [command.hex() for command in link.commands] == ["00ca000000", "00c0000002", "00c0000000"]


def test_endless_response_chaining_ends() -> None:
    link = ScriptedLink(lambda _: b"\x61\x00")
    with pytest.raises(CardError):
        CardConnection(link).send(CommandApdu(0, 0xCA, 0, 0, ne=256))
    assert len(link.commands) == 1025
    link = ScriptedLink(lambda _: bytes(256) + b"\x61\x00")
    with pytest.raises(CardError):
        CardConnection(link).send(CommandApdu(0, 0xCA, 0, 0, ne=256))
    assert len(link.commands) <= 258


def test_the_right_le_is_used_once() -> None:
    link = ScriptedLink(lambda command: b"12345\x90\x00" if command[-1] == 5 else b"\x6c\x05")
    assert CardConnection(link).send(CommandApdu(0, 0xB0, 0, 0, ne=256)).data == b"12345"
    link = ScriptedLink(lambda _: b"\x6c\x05")
    assert CardConnection(link).send(CommandApdu(0, 0xB0, 0, 0, ne=256)).sw == 0x6C05
    assert len(link.commands) == 2


def test_long_data_is_chained() -> None:
    link = ScriptedLink(lambda _: b"\x90\x00")
    data = bytes(range(256)) * 2
    assert CardConnection(link).send(CommandApdu(0, 0xDB, 0, 0, data)).ok
    parts = [CommandApdu.from_bytes(raw) for raw in link.commands]
    assert [part.cla for part in parts] == [0x10, 0x10, 0x00]
    assert b"".join(part.data for part in parts) == data
    link = ScriptedLink(lambda _: b"\x90\x00")
    CardConnection(link, extended_length=True).send(CommandApdu(0, 0xDB, 0, 0, data))
    assert len(link.commands) == 1


def test_an_answer_that_is_none() -> None:
    with pytest.raises(CardError):
        CardConnection(ScriptedLink(lambda _: b"\x90")).send(CommandApdu(0, 0xB0, 0, 0))
