"""The ways in which people derive a card's keys, each against published values, and what a wrong one costs: nothing."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.ciphers import algorithms
from cryptography.hazmat.primitives.kdf.kbkdf import KBKDFCMAC, CounterLocation, Mode
from hypothesis import given, settings
from hypothesis import strategies as st

from cccd_core.card import CardConnection, CommandApdu, MemoryLink, ResponseApdu, profile
from cccd_core.card.card_keys import CardMasterKey, KeyDiversification, check_value
from cccd_core.card.primitives import tdes_ecb_encrypt
from cccd_core.card.scp03 import open_session
from cccd_core.card.virtual import VirtualCard
from cccd_core.errors import AuthenticationError, CardError, FormatError, ParameterError
from support.chip import MASTER_KEY, blank, open_channel
from support.quirky import QuirkyCard

KDF3, EMV, VISA2 = KeyDiversification.KDF3, KeyDiversification.EMV, KeyDiversification.VISA2
KEY = bytes(range(0x40, 0x60))
DATA = bytes(range(10))
SERIAL = bytes(8)


def _three(master: CardMasterKey) -> tuple[bytes, bytes, bytes]:
    keys = master.keys_of(SERIAL, DATA)
    return keys.enc, keys.mac, keys.dek


# Check values of martinpaljak/GlobalPlatformPro, library/…/TestPlaintextKeys.java: keys 40 41 42 …, data 00 01 02 …
@pytest.mark.parametrize(
    ("size", "expected"),
    [(16, "E79C05 D1BD77 3FDE8C"), (24, "1DE8EA 47C00C C04D76"), (32, "2972D2 036F94 5D57B8")],
)
def test_kdf3(size: int, expected: str) -> None:
    derived = _three(CardMasterKey(KEY[:size], KDF3))
    assert [check_value(key).hex().upper() for key in derived] == expected.split()


def test_kdf3_of_a_card_of_another_maker() -> None:
    master = CardMasterKey(
        bytes.fromhex("8C72C72CF908411653018807950D82FBAD947562F0828A0B10B8B9606ABF3BCD"), KDF3, version=48
    )
    keys = master.keys_of(SERIAL, bytes.fromhex("D9B1DE5D0362DEDCE4FB"))
    assert keys.enc.hex().upper() == "9AAC5D0B3601F89438A0D9D0B6B256CFB47E6462DFA5228D3420C4AC7C224781"
    assert keys.version == 48


@pytest.mark.parametrize(("method", "expected"), [(EMV, "C33013 6F4CA6 BB8179"), (VISA2, "2BE598 58DA38 3C328E")])
def test_emv_and_visa2(method: KeyDiversification, expected: str) -> None:
    derived = _three(CardMasterKey(KEY[:16], method))
    assert [tdes_ecb_encrypt(key, bytes(8))[:3].hex().upper() for key in derived] == expected.split()


@settings(max_examples=8)
@given(st.binary(min_size=16, max_size=16), st.binary(min_size=10, max_size=10))
def test_emv_and_visa2_are_what_openssl_makes_of_them(key: bytes, data: bytes) -> None:
    """Against the definition, by another implementation of 3DES."""
    for method, part in ((EMV, data[4:]), (VISA2, data[:2] + data[4:8])):
        keys = CardMasterKey(key, method).keys_of(SERIAL, data)
        for use, found in enumerate((keys.enc, keys.mac, keys.dek), 1):
            assert _openssl(key, part + bytes((0xF0, use)) + part + bytes((0x0F, use))) == found


def _openssl(key: bytes, data: bytes) -> bytes:
    command = ["openssl", "enc", "-des-ede", "-nopad", "-K", key.hex()]
    return subprocess.run(command, input=data, capture_output=True, check=True).stdout


@given(st.sampled_from((16, 24, 32)), st.binary(min_size=10, max_size=10))
def test_kdf3_and_our_own_by_another_key_derivation(size: int, data: bytes) -> None:
    key = KEY[:size]
    ours, kdf3 = _three_of(CardMasterKey(key), data), _three_of(CardMasterKey(key, KDF3), data)
    for use, name in enumerate((b"ENC", b"MAC", b"DEK")):
        assert ours[use] == _kbkdf(size, label=b"CCCD-SCP03-" + name, context=SERIAL).derive(key)
        fixed = (use + 1).to_bytes(4, "big") + b"\0" + data
        assert kdf3[use] == _kbkdf(size, fixed=fixed).derive(key)


def _three_of(master: CardMasterKey, data: bytes) -> tuple[bytes, bytes, bytes]:
    keys = master.keys_of(SERIAL, data)
    return keys.enc, keys.mac, keys.dek


def _kbkdf(
    size: int, *, label: bytes | None = None, context: bytes | None = None, fixed: bytes | None = None
) -> KBKDFCMAC:
    llen = None if fixed is not None else 2
    return KBKDFCMAC(
        algorithms.AES, Mode.CounterMode, size, 1, llen, CounterLocation.BeforeFixed, label, context, fixed
    )


def test_check_value() -> None:
    assert check_value(KEY[:16]).hex().upper() == "504A77"  # GlobalPlatform's test key as AES
    assert CardMasterKey(KEY[:16], EMV).check_value == "8BAF47"  # and as 3DES
    assert CardMasterKey(KEY[:16]).check_value == "504A77"


# ---- as they stand in a file


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("40" * 32, CardMasterKey(b"@" * 32)),
        ("40" * 16 + "\n", CardMasterKey(b"@" * 16)),
        ("kdf3 " + "40" * 24, CardMasterKey(b"@" * 24, KDF3)),
        ("visa2  48\t" + "40" * 16, CardMasterKey(b"@" * 16, VISA2, 48)),
        ("48 " + "40" * 16, CardMasterKey(b"@" * 16, version=48)),
        (
            "emv " + "40" * 16 + "\ncccd 2 " + "41" * 32 + "\n\n",
            CardMasterKey(b"@" * 16, EMV, replacement=CardMasterKey(b"A" * 32, version=2)),
        ),
    ],
)
def test_a_key_in_a_file(text: str, expected: CardMasterKey) -> None:
    assert CardMasterKey.parse(text) == expected
    assert "40" * 16 not in repr(expected)


@pytest.mark.parametrize(
    "text",
    ["", "\n", "4041",
     "40" * 20, "kdf4 " + "40" * 16, "emv " + "40" * 32, "kdf3 0 " + "40" * 16, "kdf3 128 " + "40" * 16,
     "kdf3", "zz" * 16, "40" * 16 + "\n" + "41" * 16, "40" * 16 + "\n2 " + "41" * 16 + "\n3 " + "42" * 16,
     "kdf3 1 2 " + "40" * 16],
)  # fmt: skip
def test_what_is_no_key(text: str) -> None:
    with pytest.raises(FormatError) as refused:
        CardMasterKey.parse(text)
    assert "40" * 8 not in str(refused.value)


def test_impossible_keys() -> None:
    for size, method in ((8, KDF3), (24, EMV), (32, VISA2), (0, KDF3)):
        with pytest.raises(ParameterError):
            CardMasterKey(bytes(size), method)
    with pytest.raises(ParameterError):
        CardMasterKey(bytes(16), replacement=CardMasterKey(b"@" * 16))
    for serial, data in ((b"", DATA), (bytes(33), DATA), (SERIAL, bytes(9))):
        with pytest.raises(ParameterError):
            CardMasterKey(bytes(16)).keys_of(serial, data)


# ---- against a card


@pytest.mark.parametrize("method", KeyDiversification)
def test_cards_of_every_method_open(method: KeyDiversification) -> None:
    master = CardMasterKey(KEY[:16], method, version=48)
    connection, session = open_channel(blank(master_key=master), master_key=master)
    assert connection.protected
    assert session.key_version == 48


@pytest.mark.parametrize("method", KeyDiversification)
@pytest.mark.parametrize("wrong", KeyDiversification)
def test_a_wrong_method_costs_the_card_no_try(method: KeyDiversification, wrong: KeyDiversification) -> None:
    card = blank(master_key=CardMasterKey(KEY[:16], method))
    if method is wrong:
        open_channel(card, master_key=CardMasterKey(KEY[:16], wrong))
        return
    with pytest.raises(AuthenticationError, match="another way of deriving"):
        open_channel(card, master_key=CardMasterKey(KEY[:16], wrong))
    assert card.memory.channel_failures == 0


def test_keys_of_another_version_are_not_tried() -> None:
    card = blank()
    with pytest.raises(AuthenticationError, match="none was tried") as refused:
        open_channel(card, master_key=CardMasterKey(MASTER_KEY.key, version=7))
    assert refused.value.facts == {"version": 1, "has": "7"}
    assert card.memory.channel_failures == 0


# ---- PUT KEY

NEW = CardMasterKey(b"N" * 32, version=2)


@pytest.mark.parametrize("size", [16, 24, 32])
def test_keys_are_changed(size: int) -> None:
    card = blank()
    new = CardMasterKey(b"N" * size, KDF3, version=9)
    connection, session = open_channel(card)
    profile.put_keys(connection, session, new.keys_of(card.serial, session.diversification_data))
    profile.create_file(connection, profile.ElementaryFile.DG1, 10)  # the channel goes on
    with pytest.raises(AuthenticationError, match="another version"):
        open_channel(card)
    _, again = open_channel(card, master_key=new)
    assert again.key_version == 9
    _, either = open_channel(card, master_key=CardMasterKey(MASTER_KEY.key, replacement=new))
    assert either.key_version == 9


@pytest.mark.parametrize(
    ("kept", "changed", "taken"), [(1, 0, True), (0, 0, True), (10, 0, True), (10, 9, False), (4, 0, False)]
)
def test_what_the_card_says_of_its_new_keys(kept: int, changed: int, taken: bool) -> None:
    def quirk(command: CommandApdu, usual: Callable[[], ResponseApdu]) -> ResponseApdu:
        answer = usual()
        if command.ins != 0xD8:
            return answer
        told = bytearray(answer.data)
        told[changed] ^= bool(changed)
        return ResponseApdu(bytes(told[:kept]), answer.sw)

    card = QuirkyCard(blank(), quirk)
    connection, session = open_channel(card)
    new = NEW.keys_of(card.serial, session.diversification_data)
    if taken:
        profile.put_keys(connection, session, new)
        return
    with pytest.raises(CardError, match="does not confirm"):
        profile.put_keys(connection, session, new)


def test_changed_keys_are_in_the_cards_file(tmp_path: Path) -> None:
    path = tmp_path / "a.card"
    with blank(path) as card:
        connection, session = open_channel(card)
        profile.put_keys(connection, session, NEW.keys_of(card.serial, session.diversification_data))
        serial = card.serial
    with VirtualCard.open(path) as again:
        assert again.serial == serial
        open_channel(again, master_key=NEW)


def _put(connection: CardConnection, p1: int, p2: int, data: bytes) -> str:
    return connection.send(CommandApdu(0x80, 0xD8, p1, p2, data, 256)).sw_hex


def test_what_put_key_refuses() -> None:
    card = blank()
    connection, session = open_channel(card)
    before = card.memory.identity
    keys = NEW.keys_of(card.serial, session.diversification_data)
    block = profile._key_block
    good = b"\x02" + b"".join(block(session, key) for key in (keys.enc, keys.mac, keys.dek))
    wrong_check = bytearray(good)
    wrong_check[-1] ^= 1
    other_type = bytearray(good)
    other_type[1] = 0x82
    for p1, p2, data, sw in (
        (2, 0x81, good, "6A88"),
        (1, 0x01, good, "6A86"),
        (1, 0x81, good[:-1], "6A80"),
        (1, 0x81, good + b"\0", "6A80"),
        (1, 0x81, b"\0" + good[1:], "6A80"),
        (1, 0x81, b"\x80" + good[1:], "6A80"),
        (1, 0x81, good[: 1 + (len(good) - 1) // 3 * 2], "6A80"),
        (1, 0x81, bytes(wrong_check), "9485"),
        (1, 0x81, bytes(other_type), "9484"),
        (1, 0x81, b"\x02" + 2 * block(session, keys.enc) + block(session, keys.dek[:16]), "6A80"),
        (1, 0x81, b"", "6A80"),
    ):
        assert _put(connection, p1, p2, data) == sw, (p1, p2, len(data))
    assert card.memory.identity == before
    assert _put(connection, 1, 0x81, good) == "9000"
    plain = CardConnection(MemoryLink(card))
    profile.select_applet(plain)
    assert _put(plain, 2, 0x81, good) == "6982"


def test_no_channel_with_the_old_keys_after_the_change() -> None:
    card = blank()
    connection, session = open_channel(card)
    profile.put_keys(connection, session, NEW.keys_of(card.serial, session.diversification_data))
    old = MASTER_KEY.keys_of(card.serial, session.diversification_data)
    fresh = CardConnection(MemoryLink(card))
    profile.select_applet(fresh)
    with pytest.raises(CardError, match="6A88"):
        open_session(fresh, old)
