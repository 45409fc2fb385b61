"""The software card: life cycle, front door, file system, what it refuses."""

from __future__ import annotations

import pytest

from cccd_core.card import CardConnection, ChipReader, CommandApdu, MemoryLink, ReaderLimits, profile
from cccd_core.card.card_keys import CardMasterKey
from cccd_core.card.profile import LifeCycle
from cccd_core.card.scp03 import Scp03Keys, SecurityLevel, open_session
from cccd_core.card.virtual import VirtualCard
from cccd_core.card.virtual.personalisation import CHANNEL_FAILURES_MAX
from cccd_core.emrtd.files import EMRTD_APPLICATION_ID, ElementaryFile
from cccd_core.errors import (
    AuthenticationError,
    CardError,
    CardRemovedError,
    ParameterError,
    SecureMessagingError,
)
from cccd_core.signing.chip_keys import ChipKeys
from support.chip import CAN, MASTER_KEY, MRZ, blank, image, open_channel, personalised, write

SELECT = bytes.fromhex("00A4040C07A0000002471001")


@pytest.fixture(scope="module")
def finished() -> tuple[VirtualCard, dict[ElementaryFile, bytes]]:
    """A locked card; DG2 longer than an offset of fifteen bits reaches."""
    return personalised(portrait_bytes=40_000)


def _reader(card: VirtualCard, **limits: int) -> ChipReader:
    return ChipReader(CardConnection(MemoryLink(card)), ReaderLimits(**limits))


def _sw(card: VirtualCard, command: str) -> str:
    return card.process(bytes.fromhex(command))[-2:].hex().upper()


@pytest.mark.parametrize("step", [100, 223, 1000, 30_000])
@pytest.mark.parametrize("access", ["can", "mrz", "bac"])
def test_everything_comes_back(
    finished: tuple[VirtualCard, dict[ElementaryFile, bytes]], step: int, access: str
) -> None:
    card, files = finished
    reader = _reader(card, step_bytes=step)
    assert reader.read(ElementaryFile.EF_CARDACCESS) == files[ElementaryFile.EF_CARDACCESS]
    if access == "can":
        reader.open_pace(CAN)
    elif access == "mrz":
        reader.open_pace_mrz(MRZ)
    else:
        reader.open_bac(MRZ)
    for file, content in files.items():
        if file.in_application:
            assert reader.read(file) == content
    assert reader.read_optional(ElementaryFile.DG3) is None
    with pytest.raises(CardError) as refused:
        reader.read(ElementaryFile.DG3)
    assert refused.value.facts["sw"] == "6A82"


def test_chip_and_active_authentication(finished: tuple[VirtualCard, dict[ElementaryFile, bytes]]) -> None:
    card, files = finished
    reader = _reader(card)
    reader.open_pace(CAN)
    dg14, dg15 = files[ElementaryFile.DG14], files[ElementaryFile.DG15]
    reader.active_authentication(dg15, dg14)
    reader.chip_authentication(dg14)
    assert reader.read(ElementaryFile.DG1) == files[ElementaryFile.DG1]  # under the new channel
    reader.active_authentication(dg15)
    other = image(ChipKeys.generate())
    with pytest.raises(AuthenticationError):
        reader.active_authentication(other[ElementaryFile.DG15])
    with pytest.raises(AuthenticationError):
        reader.chip_authentication(other[ElementaryFile.DG14])


@pytest.mark.parametrize("level", list(SecurityLevel))
@pytest.mark.parametrize("s16", [False, True])
@pytest.mark.parametrize("size", [16, 24, 32])
def test_every_level_mode_and_key_length_of_scp03(level: SecurityLevel, s16: bool, size: int) -> None:
    master = bytes(range(size))
    card = blank(master_key=CardMasterKey(master))
    connection = CardConnection(MemoryLink(card))
    profile.select_applet(connection)
    keys = CardMasterKey(master).chooser(profile.get_serial(connection))
    session = open_session(connection, keys, level, s16=s16)
    chip_keys = ChipKeys.generate()
    files = image(chip_keys, portrait_bytes=700)
    write(connection, session, files, chip_keys)
    profile.finish(connection)
    assert profile.get_life_cycle(connection) is LifeCycle.PERSONALISED
    reader = _reader(card)
    reader.open_bac(MRZ)
    assert reader.read(ElementaryFile.DG2) == files[ElementaryFile.DG2]


def test_life_cycle() -> None:
    card = blank()
    assert card.life_cycle is LifeCycle.BLANK
    connection, session = open_channel(card)
    assert profile.get_life_cycle(connection) is LifeCycle.BLANK  # SCP03 alone writes nothing
    with pytest.raises(CardError, match="6985"):
        profile.finish(connection)
    with pytest.raises(CardError, match="6985"):
        profile.lock(connection)
    keys = ChipKeys.generate()
    files = image(keys, portrait_bytes=300)
    write(connection, session, files, keys)
    assert card.life_cycle is LifeCycle.PERSONALISING
    with pytest.raises(CardError, match="6985"):
        profile.lock(connection)
    assert _sw(card, SELECT.hex()) == "9000"  # in the clear: the channel is over
    assert _sw(card, "0084000008") == "6985"  # the front door is shut
    connection, session = open_channel(card)
    profile.finish(connection)
    profile.finish(connection)
    profile.write_file(connection, ElementaryFile.DG1, files[ElementaryFile.DG1][:2] + bytes(93))  # still writable
    profile.lock(connection)
    assert card.life_cycle is LifeCycle.LOCKED
    for change in (
        lambda: profile.write_file(connection, ElementaryFile.DG1, b"\x61\x00"),
        lambda: profile.update_binary(connection, ElementaryFile.DG1, b"\x61"),
        lambda: profile.put_secrets(connection, session, can="000000", mrz_information=MRZ),
    ):
        with pytest.raises(CardError) as refused:
            change()
        assert refused.value.facts["sw"] == "6985"
    with pytest.raises(CardError) as closed:
        open_channel(card)
    assert closed.value.facts["sw"] == "6985"
    profile.select_applet(connection)
    assert profile.get_life_cycle(connection) is LifeCycle.LOCKED
    assert profile.get_serial(connection) == card.serial


def test_a_file_made_again_replaces_the_old() -> None:
    card = blank()
    connection, _ = open_channel(card)
    profile.write_file(connection, ElementaryFile.DG1, bytes(5000))
    used = card.memory.bytes_used
    profile.write_file(connection, ElementaryFile.DG1, b"\x61\x03abc")
    assert card.memory.bytes_used == used - 4995
    profile.update_binary(connection, ElementaryFile.DG1, b"x", offset=4)
    with pytest.raises(CardError) as outside:
        profile.update_binary(connection, ElementaryFile.DG1, b"x", offset=5)
    assert outside.value.facts["sw"] == "6B00"


def test_memory_is_bounded() -> None:
    card = blank(memory_bytes=1000)
    connection, _ = open_channel(card)
    profile.create_file(connection, ElementaryFile.DG1, 900)
    with pytest.raises(CardError) as full:
        profile.create_file(connection, ElementaryFile.DG2, 200)
    assert full.value.facts["sw"] == "6A84"
    profile.create_file(connection, ElementaryFile.DG1, 1000)


def test_wrong_transport_keys_close_the_channel_for_good() -> None:
    card = blank()
    wrong = Scp03Keys(bytes(32), bytes(32), bytes(32), 1)
    connection = CardConnection(MemoryLink(card))
    profile.select_applet(connection)
    with pytest.raises(AuthenticationError):
        open_session(connection, wrong)
    assert card.memory.channel_failures == 0  # the host saw through the card's cryptogram and sent no proof
    for count in range(1, CHANNEL_FAILURES_MAX + 1):
        assert card.process(bytes.fromhex("8050000008") + bytes(8) + b"\0")[-2:] == b"\x90\x00"
        assert _sw(card, "8482330010" + "00" * 16) == "6982"
        assert card.memory.channel_failures == count
    with pytest.raises(CardError) as blocked:
        open_channel(card)
    assert blocked.value.facts["sw"] == "6983"


def test_success_forgives_earlier_failures() -> None:
    card = blank()
    card.power_on()
    card.process(SELECT)
    card.process(bytes.fromhex("8050000008") + bytes(8) + b"\0")
    assert _sw(card, "8482330010" + "00" * 16) == "6982"
    open_channel(card)
    assert card.memory.channel_failures == 0


def test_wrong_passwords_slow_the_card_and_never_block_it() -> None:
    waits: list[float] = []
    card, _ = personalised()
    card = VirtualCard(card.memory, wait=waits.append)
    for _ in range(12):
        with pytest.raises(AuthenticationError):
            _reader(card).open_pace("000000")
    assert card.memory.access_failures == 12
    assert waits == sorted(waits)
    assert len(waits) == 9
    assert max(waits) <= 1.0
    _reader(card).open_pace(CAN)
    assert card.memory.access_failures == 0
    with pytest.raises(AuthenticationError):
        _reader(card).open_bac(type(MRZ)("000000000", "900101", "400101"))


def test_without_access_nothing_is_said(finished: tuple[VirtualCard, dict[ElementaryFile, bytes]]) -> None:
    card, _ = finished
    card.power_on()
    assert _sw(card, "00B09C0000") == "9000"  # EF.CardAccess by its short identifier
    assert _sw(card, "00A4020C022F00") == "9000"  # EF.DIR
    assert _sw(card, "00B0000000") == "9000"
    assert _sw(card, SELECT.hex()) == "9000"
    for command in ("00A4020C020101", "00A4020C020103", "00B0810000", "00B0830000", "0088000008" + "00" * 8):
        assert _sw(card, command) == "6982"
    assert _sw(card, "00B0000000") == "6986"
    assert _sw(card, "00D600000100") == "6982"
    assert _sw(card, "00E0000000") == "6982"


def test_read_binary_at_the_end_of_a_file(finished: tuple[VirtualCard, dict[ElementaryFile, bytes]]) -> None:
    card, files = finished
    reader = _reader(card)
    reader.open_bac(MRZ)
    content = files[ElementaryFile.DG1]
    size = len(content)
    connection = reader.connection
    assert connection.send(CommandApdu(0, 0xB0, 0x81, 0, ne=256)).data == content  # Le 00: as much as there is
    beyond = connection.send(CommandApdu(0, 0xB0, 0, size - 3, ne=10))
    assert (beyond.data, beyond.sw_hex) == (content[-3:], "6282")
    assert connection.send(CommandApdu(0, 0xB0, 0, size, ne=1)).sw_hex == "6B00"
    assert connection.send(CommandApdu(0, 0xB0, 0, 0, ne=None)).sw_hex == "6700"
    assert connection.send(CommandApdu(0, 0xB0, 0x9F, 0, ne=1)).sw_hex == "6A82"
    odd = connection.send(CommandApdu(0, 0xB1, 0, 0x02, bytes.fromhex("5402 9000"), 40))
    assert odd.data[:2] == bytes.fromhex("5326")
    assert odd.data[2:] == files[ElementaryFile.DG2][0x9000 : 0x9000 + 38]
    assert connection.send(CommandApdu(0, 0xB0, 0x82, 0, ne=256)).data == files[ElementaryFile.DG2][:231]


def test_a_plain_command_ends_the_channel(finished: tuple[VirtualCard, dict[ElementaryFile, bytes]]) -> None:
    card, _ = finished
    reader = _reader(card)
    reader.open_pace(CAN)
    assert _sw(card, "00B0810000") == "6982"
    read = CommandApdu(0, 0xB0, 0x81, 0, ne=1)
    with pytest.raises(SecureMessagingError):
        reader.connection.send(read)
    with pytest.raises(SecureMessagingError):
        reader.connection.send(read)  # the host's end stays dead as well


def test_a_forged_command_ends_the_channel(finished: tuple[VirtualCard, dict[ElementaryFile, bytes]]) -> None:
    card, _ = finished
    reader = _reader(card)
    reader.open_pace(CAN)
    assert _sw(card, "0CB081000D970104" + "8E08" + "00" * 8 + "00") == "6988"
    assert _sw(card, "0CB081000D970104" + "8E08" + "00" * 8 + "00") == "6882"


def test_select_mf_as_in_the_field() -> None:
    card, files = personalised(select_mf=False)
    assert _sw(card, "00A4000C023F00") == "6D00"
    reader = _reader(card)
    reader.open_pace(CAN)
    assert reader.read(ElementaryFile.DG1) == files[ElementaryFile.DG1]


def test_what_a_card_does_not_know(finished: tuple[VirtualCard, dict[ElementaryFile, bytes]]) -> None:
    card, _ = finished
    card.power_on()
    for command, sw in {
        "00": "6700",
        "00A4040C08A000000247100100": "6A82",
        "01B0000000": "6881",
        "00FE0000": "6D00",
        "80FE0000": "6D00",
        "0CB0000000": "6882",
        "80CA123400": "6A88",
        "8082330000": "6985",
        "0022C1A400": "6A80",
        "1086000002 7C00".replace(" ", ""): "6985",
        "80E2E80000": "6982",
        "80F0401F00": "6982",
        "00A4100000": "6A86",
    }.items():
        assert _sw(card, command) == sw, command


def test_command_chaining_into_the_card() -> None:
    card = blank()
    connection, _ = open_channel(card)
    profile.create_file(connection, ElementaryFile.DG1, 600)
    data = bytes(range(250)) * 2
    assert connection.send(CommandApdu(0, 0xD6, 0, 0, data)).ok
    (stored,) = card.memory.files.values()
    assert bytes(stored.content[:500]) == data
    assert connection.send(CommandApdu(0x10, 0xD6, 0, 0, b"a")).ok
    assert connection.send(CommandApdu(0x00, 0xD6, 0, 1, b"b")).sw_hex == "6883"


def test_power() -> None:
    card, _ = personalised()
    reader = _reader(card)
    reader.open_pace(CAN)
    link = reader.connection.link
    link.reset()
    assert card.process(bytes.fromhex("00B0820000"))[-2:] == b"\x6a\x82"  # the master file is current, access is gone
    assert isinstance(link, MemoryLink)
    link.pull()
    with pytest.raises(CardRemovedError):
        link.transmit(SELECT)
    with pytest.raises(CardRemovedError):
        card.process(SELECT)


def test_impossible_parameters() -> None:
    with pytest.raises(ParameterError):
        CardMasterKey(b"short")
    with pytest.raises(ParameterError):
        VirtualCard.create(None, master_key=MASTER_KEY, serial=b"")
    connection, session = open_channel(blank())
    with pytest.raises(ParameterError):
        profile.put_secrets(connection, session, can="12345", mrz_information=MRZ)
    with pytest.raises(ParameterError):
        profile.put_secrets(connection, session, can=CAN, mrz_information=MRZ, ca_private_key=b"no key")
    with pytest.raises(ParameterError):
        profile.create_file(connection, ElementaryFile.DG1, 70_000)
    assert EMRTD_APPLICATION_ID.hex().upper() == "A0000002471001"
