"""Nothing from outside crashes, hangs or fools a card, a reader or a parser."""

from __future__ import annotations

from collections import Counter
from contextlib import suppress
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cccd_core.card import (
    CardConnection,
    ChipReader,
    CommandApdu,
    MemoryLink,
    ReaderLimits,
    ResponseApdu,
    capabilities,
    pace,
    pace_suites,
)
from cccd_core.card.card_keys import CardMasterKey
from cccd_core.card.secure_messaging import AesCipher, SecureMessaging, TdesCipher
from cccd_core.card.virtual import VirtualCard
from cccd_core.card.virtual.channels import ReaderChannel
from cccd_core.emrtd.files import ElementaryFile
from cccd_core.emrtd.security_infos import SecurityInfos
from cccd_core.emrtd.tlv import encode
from cccd_core.errors import CardError, CccdError, FormatError, SecureMessagingError
from support.chip import CAN, MRZ, ScriptedLink, open_channel, personalised
from support.protocols import pace_info

SELECT = bytes.fromhex("00A4040C07A0000002471001")


@cache
def _finished() -> VirtualCard:
    return personalised(portrait_bytes=500)[0]


@cache
def _open() -> VirtualCard:
    return personalised(portrait_bytes=500, lock=False)[0]


commands = st.builds(
    CommandApdu,
    cla=st.sampled_from((0x00, 0x0C, 0x10, 0x80, 0x84, 0x04)),
    ins=st.sampled_from((0x22, 0x50, 0x82, 0x84, 0x86, 0x88, 0xA4, 0xB0, 0xB1, 0xCA, 0xD6, 0xD7, 0xE0, 0xE2, 0xF0)),
    p1=st.integers(0, 255),
    p2=st.integers(0, 255),
    data=st.one_of(
        st.binary(max_size=300),
        st.sampled_from(
            (b"\x7c\x00", b"\x01\x1e", b"\x3f\x00", b"\x54\x01\x00", SELECT[5:], b"\x62\x04\x80\x02\x00\x10")
        ),
    ),
    ne=st.one_of(st.none(), st.integers(1, 65_536)),
)


@given(commands)
def test_commands_go_round(command: CommandApdu) -> None:
    again = CommandApdu.from_bytes(command.to_bytes())
    assert (again.header, again.data, again.ne) == (command.header, command.data, command.ne)
    assert again.to_bytes() == command.to_bytes()


@given(st.binary(max_size=600))
def test_command_bytes_are_read_or_refused(raw: bytes) -> None:
    try:
        command = CommandApdu.from_bytes(raw)
    except FormatError:
        return
    assert command.to_bytes() == raw


@given(st.lists(st.one_of(st.binary(max_size=40), commands.map(CommandApdu.to_bytes)), max_size=12))
def test_a_card_answers_anything(raw: list[bytes]) -> None:
    card = _finished()
    card.power_on()
    for command in (SELECT, *raw):
        answer = card.process(command)
        assert 2 <= len(answer) <= 65_538
    assert card.life_cycle.name == "LOCKED"


@pytest.mark.parametrize("personaliser", [False, True])
def test_a_card_answers_anything_inside_a_channel(personaliser: bool) -> None:
    """Every protected command gets a status word under protection, or ends the channel and gets one in the clear."""
    card = _open()
    counts: Counter[str] = Counter()

    @settings(max_examples=60)
    @given(st.lists(commands, max_size=8))
    def talk(plain: list[CommandApdu]) -> None:
        if personaliser:
            connection, _ = open_channel(card)
        else:
            connection = CardConnection(MemoryLink(card))
            ChipReader(connection).open_bac(MRZ)
        for command in plain:
            sent = CommandApdu(0x80 & command.cla, *command.header[1:], command.data[:200], command.ne)
            try:
                response = connection.send(sent)
            except SecureMessagingError:
                counts["ended"] += 1
                connection.drop_processors()
                continue
            counts["protected" if connection.protected else "in the clear"] += 1
            counts[response.sw_hex] += 1
            assert response.sw == 0x9000 or 0x62 <= response.sw >> 8 <= 0x6F
        if connection.protected:  # both ends still count alike: a proper command is understood
            assert connection.send(CommandApdu(0x00, 0xB0, 0x9F, 0x00, ne=1)).sw_hex == "6A82"
            counts["in step at the end"] += 1

    talk()
    assert card.life_cycle.name == "PERSONALISED"
    assert counts["protected"] > 60
    assert counts["in step at the end"] > 30
    assert len([name for name in counts if len(name) == 4 and name.startswith("6")]) >= 6


_DYNAMIC = st.builds(
    lambda tag, value: encode(0x7C, encode(tag, value)) + b"\x90\x00",
    st.sampled_from((0x80, 0x82, 0x84, 0x86, 0x8A)),
    st.one_of(st.binary(max_size=300), st.sampled_from((bytes(16), bytes(32), b"\x04" * 65, b"\xff" * 9000))),
)


@settings(max_examples=60)
@given(st.sampled_from(((2, 2, 13), (4, 4, 14), (6, 2, 8), (1, 1, 0), (3, 2, 0))), st.lists(_DYNAMIC, min_size=4))
def test_a_reader_believes_no_chip_that_speaks_pace(way: tuple[int, int, int], answers: list[bytes]) -> None:
    """Well-formed steps with any content: an error of ours, no channel, no more than six commands."""
    steps = iter([b"\x90\x00", *answers])
    link = ScriptedLink(lambda _: next(steps, b"\x6f\x00"))
    connection = CardConnection(link)
    suite = pace_suites.choose(SecurityInfos(pace=(pace_info(*way),)))
    with pytest.raises(CccdError):
        pace.open_channel(connection, suite, pace_suites.Password.CAN, CAN)
    assert not connection.protected
    assert len(link.commands) <= 6


@settings(max_examples=60)
@given(st.lists(st.binary(max_size=60), min_size=1, max_size=20))
def test_a_reader_believes_no_chip(answers: list[bytes]) -> None:
    steps = iter(answers)
    link = ScriptedLink(lambda _: next(steps, b"\x6f\x00"))
    for use in (
        lambda reader: reader.open_pace(CAN),
        lambda reader: reader.open_bac(MRZ),
        lambda reader: reader.read(ElementaryFile.DG2),
        lambda reader: reader.chip_authentication(answers[0]),
        lambda reader: reader.active_authentication(answers[0]),
    ):
        with pytest.raises(CccdError):
            use(ChipReader(CardConnection(link)))
    assert len(link.commands) < 100


@pytest.mark.parametrize(
    ("head", "file_bytes"), [("7584FFFFFFFF0000", 1 << 18), ("7583FFFFFF000000", 1 << 18), ("7582FFFF00000000", 60_000)]
)
def test_a_file_that_claims_too_much_is_not_read(head: str, file_bytes: int) -> None:
    link = ScriptedLink(lambda command: (b"" if command[1] == 0xA4 else bytes.fromhex(head)) + b"\x90\x00")
    with pytest.raises(CardError):
        ChipReader(CardConnection(link), ReaderLimits(file_bytes=file_bytes)).read(ElementaryFile.DG2)
    assert len(link.commands) == 3


def test_a_chip_that_gives_one_byte_at_a_time_ends() -> None:
    def drip(command: bytes) -> bytes:
        if command[1] == 0xA4:
            return b"\x90\x00"
        return (b"\x75\x82\x10\x00" + bytes(4) if command[2:5] == b"\0\0\x08" else b"\0") + b"\x90\x00"

    link = ScriptedLink(drip)
    assert len(ChipReader(CardConnection(link)).read(ElementaryFile.DG2)) == 0x1004
    assert len(link.commands) == 2 + 1 + 0x1004 - 8


@given(st.binary(max_size=80))
def test_what_a_chip_says_of_its_lengths_is_read_or_ignored(raw: bytes) -> None:
    for found in (capabilities.answer_max_of_atr(raw), capabilities.answer_max_of_file(raw)):
        assert found is None or 0 <= found <= 65_536


@given(st.text(max_size=120))
def test_a_card_master_key_is_read_or_refused(text: str) -> None:
    with suppress(FormatError):
        assert len(CardMasterKey.parse(text).key) in (16, 24, 32)


ciphers = st.sampled_from(
    (AesCipher(bytes(16), bytes(16)), AesCipher(bytes(32), bytes(32)), TdesCipher(bytes(16), bytes(16)))
)


@given(
    ciphers,
    st.integers(0, (1 << 64) - 300),
    commands.filter(lambda c: len(c.data) <= 200),
    st.binary(max_size=300),
    st.sampled_from((0x9000, 0x6282, 0x6A82)),
)
def test_both_ends_of_secure_messaging_agree(
    cipher: AesCipher | TdesCipher, counter: int, command: CommandApdu, answer: bytes, status: int
) -> None:
    reader, chip = SecureMessaging(cipher, counter), ReaderChannel(cipher, counter)
    plain = CommandApdu(command.cla & 0x80, command.ins, command.p1, command.p2, command.data, command.ne)
    wrapped = CommandApdu.from_bytes(reader.wrap(plain).to_bytes())
    opened = chip.open_command(wrapped)
    assert (opened.header, opened.data, opened.ne) == (plain.header, plain.data, plain.ne)
    sealed = chip.seal_response(ResponseApdu(answer, status))
    assert reader.unwrap(sealed) == ResponseApdu(answer, status)


@given(ciphers, st.binary(max_size=100), st.data())
def test_one_changed_bit_is_seen(cipher: AesCipher | TdesCipher, answer: bytes, data: st.DataObject) -> None:
    reader, chip = SecureMessaging(cipher), ReaderChannel(cipher)
    chip.open_command(reader.wrap(CommandApdu(0, 0xB0, 0, 0, ne=256)))
    sealed = bytearray(chip.seal_response(ResponseApdu(answer, 0x9000)).to_bytes())
    position = data.draw(st.integers(0, 8 * len(sealed) - 1))
    sealed[position // 8] ^= 1 << position % 8
    with pytest.raises(SecureMessagingError):
        reader.unwrap(ResponseApdu.from_bytes(bytes(sealed)))
