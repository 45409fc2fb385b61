"""What a card's answer to INITIALIZE UPDATE says it is, and what of it is taken."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from cccd_core.card import CardConnection, CommandApdu, MemoryLink, ResponseApdu, profile, scp03
from cccd_core.card.card_keys import CardMasterKey
from cccd_core.card.scp03 import Scp03Keys, SecurityLevel, open_session, secure_channels
from cccd_core.card.virtual.channels import PersonaliserChannel
from cccd_core.emrtd.files import ElementaryFile
from cccd_core.emrtd.tlv import encode, oid
from cccd_core.errors import AuthenticationError, CardError
from support.chip import ScriptedLink, blank, open_channel
from support.quirky import QuirkyCard, status

KEYS = Scp03Keys(bytes(16), bytes(16), bytes(16))
INITIALIZE_UPDATE, GET_DATA = 0x50, 0xCA


def _connection(answers: dict[int, str]) -> CardConnection:
    return CardConnection(ScriptedLink(lambda command: bytes.fromhex(answers.get(command[1], "6D00"))))


@pytest.mark.parametrize(
    ("answer", "name"),
    [
        ("00" * 10 + "01020001" + "00" * 14, "SCP02"),
        ("00" * 10 + "0101" + "00" * 16, "SCP01"),
        ("00" * 10 + "FF02" + "00" * 16, "SCP02"),
        ("00" * 10 + "0110" + "00" * 16, "SCP10"),
        ("00" * 10 + "0111" + "00" * 20, "SCP11"),
        ("00" * 10 + "0181" + "00" * 16, "SCP81"),
        ("00" * 10 + "0177" + "00" * 16, "77"),
    ],
)
@pytest.mark.parametrize("s16", [None, False, True])
def test_another_secure_channel_is_named(answer: str, name: str, s16: bool | None) -> None:
    connection = _connection({INITIALIZE_UPDATE: answer + "9000"})
    with pytest.raises(CardError, match=f"the card's secure channel is {name}") as refused:
        open_session(connection, KEYS, s16=s16)
    assert refused.value.facts == {"protocol": name}
    assert isinstance(connection.link, ScriptedLink)
    assert len(connection.link.commands) == 1  # no key was tried


@pytest.mark.parametrize(
    "answer",
    ["", "00" * 11, "00" * 12, "00" * 10 + "0103", "00" * 10 + "010370" + "00" * 15, "00" * 10 + "010370" + "00" * 17],
)
def test_an_answer_that_is_none(answer: str) -> None:
    with pytest.raises(CardError, match="wrong length"):
        open_session(_connection({INITIALIZE_UPDATE: answer + "9000"}), KEYS)


def _recognition(*channels: str) -> str:
    rows = b"".join(encode(0x64, oid(f"1.2.840.114283.4.{channel}")) for channel in channels)
    return encode(0x66, encode(0x73, oid("1.2.840.114283.1") + rows)).hex() + "9000"


def test_a_card_that_refuses_is_asked_what_it_speaks() -> None:
    connection = _connection({INITIALIZE_UPDATE: "6985", GET_DATA: _recognition("17.3", "2.21")})
    with pytest.raises(CardError, match="SCP02, SCP11"):
        open_session(connection, KEYS)
    for told in (_recognition("3.112"), "6A88", "66009000", "660473029F009000"):
        with pytest.raises(CardError, match="conditions of use"):
            open_session(_connection({INITIALIZE_UPDATE: "6985", GET_DATA: told}), KEYS)


def test_our_cards_say_what_they_speak() -> None:
    connection, _ = open_channel(blank())
    assert secure_channels(connection) == ((3, 0x70),)


# ---- modes and levels


@pytest.mark.parametrize("size", [16, 24, 32])
@pytest.mark.parametrize("level", SecurityLevel)
@pytest.mark.parametrize("s16", [None, False, True])
def test_both_modes_at_every_level(size: int, level: SecurityLevel, s16: bool | None) -> None:
    master = CardMasterKey(bytes(range(size)))
    card = blank(master_key=master)
    connection = CardConnection(MemoryLink(card))
    profile.select_applet(connection)
    open_session(connection, master.chooser(card.serial), level, s16=s16)
    profile.write_file(connection, ElementaryFile.DG1, bytes(300))
    channel = card._session.channel
    assert isinstance(channel, PersonaliserChannel)
    assert channel._state.mac_size == (16 if s16 else 8)


@pytest.mark.parametrize("refusal", [0x6700, 0x6A80])
def test_a_card_in_s16_mode_is_found_out(refusal: int) -> None:
    card = blank()
    asked: list[int] = []

    def quirk(command: CommandApdu, usual: Callable[[], ResponseApdu]) -> ResponseApdu:
        if command.ins != INITIALIZE_UPDATE:
            return usual()
        asked.append(len(command.data))
        return status(refusal) if len(command.data) == 8 else usual()

    connection, session = open_channel(QuirkyCard(card, quirk))
    assert asked == [8, 16]
    assert session.sequence_counter == 1
    profile.write_file(connection, ElementaryFile.DG1, bytes(300))
    assert card.memory.channel_failures == 0


def test_a_card_of_the_other_mode_is_refused_where_one_was_asked_for() -> None:
    answer = "00" * 10 + "010371" + "00" * 35
    with pytest.raises(CardError, match="other SCP03 mode"):
        open_session(_connection({INITIALIZE_UPDATE: answer + "9000"}), KEYS, s16=False)


@pytest.mark.parametrize(
    ("parameter", "level", "offered"),
    [
        (0x00, SecurityLevel.C_DECRYPTION_C_MAC, True),
        (0x10, SecurityLevel.C_MAC, True),
        (0x10, SecurityLevel.C_MAC_R_MAC, False),
        (0x20, SecurityLevel.C_MAC_R_MAC, True),
        (0x30, SecurityLevel.ALL, False),
        (0x60, SecurityLevel.ALL, True),
        (0x70, SecurityLevel.ALL, True),
    ],
)
def test_levels_by_the_parameter_i(parameter: int, level: SecurityLevel, offered: bool) -> None:
    counter = "000001" if parameter & scp03.I_PSEUDO_RANDOM else ""
    answer = "00" * 10 + f"0103{parameter:02X}" + "00" * 16 + counter
    with pytest.raises(AuthenticationError if offered else CardError) as refused:
        open_session(_connection({INITIALIZE_UPDATE: answer + "9000"}), KEYS, level)
    if not offered:
        assert "security level" in refused.value.message
