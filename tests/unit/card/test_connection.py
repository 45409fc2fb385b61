"""Long answers and long commands: in pieces, in extended length fields, and back where a card does not take them."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from cccd_core.card import CardConnection, CommandApdu, ResponseApdu
from cccd_core.card.secure_messaging import AesCipher, SecureMessaging, TdesCipher
from cccd_core.card.virtual.channels import ReaderChannel
from cccd_core.errors import CardError
from support.chip import ScriptedLink

SIGNATURE = bytes(range(256)) + bytes(128)  # RSA of 3072 bits
SIGN = CommandApdu(0, 0x88, 0, 0, b"12345678", 65_536)


class Pieces:
    """A card without extended length: 6700 to it; a long answer as 256 bytes and 61xx, the rest by GET RESPONSE. Le of
    GET RESPONSE must not be above what there is (6Cxx)."""

    def __init__(self, answer: Callable[[CommandApdu], bytes]) -> None:
        self.answer = answer
        self.rest = b""
        self.commands: list[CommandApdu] = []

    def __call__(self, raw: bytes) -> bytes:
        command = CommandApdu.from_bytes(raw)
        self.commands.append(command)
        if command.is_extended:
            return b"\x67\x00"
        if command.ins == 0xC0:
            if (command.ne or 0) > len(self.rest):
                return bytes((0x6C, len(self.rest)))
        else:
            self.rest = self.answer(command)
        given, self.rest = self.rest[:256], self.rest[256:]
        return given + (bytes((0x61, min(len(self.rest), 256) & 0xFF)) if self.rest else b"\x90\x00")


@pytest.mark.parametrize("told", [True, False])
def test_a_long_signature_comes_in_pieces(told: bool) -> None:
    """Also from a card that was said to take extended length, and refuses it."""
    card = Pieces(lambda _: SIGNATURE)
    connection = CardConnection(ScriptedLink(card), extended_length=told)
    assert connection.send(SIGN) == ResponseApdu(SIGNATURE, 0x9000)
    assert not connection.extended_length
    assert connection.send(SIGN).data == SIGNATURE
    assert [command.is_extended for command in card.commands] == [told] * told + [False] * 4
    assert {command.ne for command in card.commands if not command.is_extended} == {256, 128}


@pytest.mark.parametrize("cipher", [AesCipher(bytes(16), bytes(16)), TdesCipher(bytes(16), bytes(16))])
def test_a_protected_answer_comes_in_pieces(cipher: AesCipher | TdesCipher) -> None:
    channel = ReaderChannel(cipher)

    def protected(command: CommandApdu) -> bytes:
        assert channel.open_command(command).data == SIGN.data
        return channel.seal_response(ResponseApdu(SIGNATURE, 0x9000)).data

    card = Pieces(protected)
    connection = CardConnection(ScriptedLink(card))
    connection.push(SecureMessaging(cipher))
    for _ in range(3):
        assert connection.send(SIGN).data == SIGNATURE


def test_a_wrong_length_in_get_response_is_put_right() -> None:
    def answer(command: bytes) -> bytes:
        if command[1] != 0xC0:
            return b"\x61\x00"
        return b"\x6c\x05" if command[4] != 5 else b"five!\x90\x00"

    link = ScriptedLink(answer)
    assert CardConnection(link).send(SIGN).data == b"five!"
    assert len(link.commands) == 3


def test_a_card_that_never_names_the_right_length_ends() -> None:
    link = ScriptedLink(lambda command: b"\x61\x00" if command[1] != 0xC0 else b"\x6c\x05")
    assert CardConnection(link).send(SIGN).sw_hex == "6C05"
    assert len(link.commands) == 3
    endless = ScriptedLink(lambda command: b"x\x61\x01")
    with pytest.raises(CardError, match="without end"):
        CardConnection(endless).send(SIGN)


def test_long_data_goes_in_a_chain_where_extended_length_is_refused() -> None:
    got: list[bytes] = []

    def answer(raw: bytes) -> bytes:
        command = CommandApdu.from_bytes(raw)
        if command.is_extended:
            return b"\x67\x00"
        got.append(command.data)
        return b"\x90\x00"

    connection = CardConnection(ScriptedLink(answer), extended_length=True)
    assert connection.send(CommandApdu(0, 0xD6, 0, 0, bytes(700))).ok
    assert [len(part) for part in got] == [255, 255, 190]
    assert not connection.extended_length
