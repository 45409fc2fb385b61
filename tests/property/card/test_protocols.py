"""PACE, chip and active authentication: reader and software card against each other, in every way there is."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cccd_core.card import CardConnection, ChipReader, MemoryLink, chip_authentication, groups, pace, pace_suites
from cccd_core.card.pace_suites import Mapping, Password
from cccd_core.emrtd import card_security, domain_parameters, tlv
from cccd_core.emrtd.curves import Curve
from cccd_core.emrtd.files import ElementaryFile
from cccd_core.emrtd.security_infos import PaceInfo, SecurityInfos
from cccd_core.errors import AuthenticationError, CardError, CccdError
from cccd_core.pki.messages import verify_signer
from support import countries
from support.chip import CAN, MRZ
from support.protocols import (
    DG1,
    ChangingLink,
    ca_info,
    card,
    pace_info,
    public_info,
    reader,
    signed_card_security,
    stored,
)
from support.signers import find_signer

CURVE_IDS = range(8, 19)
GROUP_IDS = range(3)
_P224 = 10

PACE = [
    (kind, cipher, number)
    for kind, numbers in ((1, GROUP_IDS), (2, CURVE_IDS), (3, GROUP_IDS), (4, CURVE_IDS), (6, CURVE_IDS))
    for cipher in (1, 2, 3, 4)
    for number in numbers
    if not (kind == 6 and cipher == 1) and not (kind == 4 and number == _P224)
]  # fmt: skip
SECRET = 0x1234567890ABCDEF


def _card(info: PaceInfo) -> tuple[SecurityInfos, dict[str, bytes]]:
    """What EF.CardAccess says, and the chip's static key where the mapping needs one."""
    kind = info.protocol.split(".")[-2]
    keys = {"ca_key": stored(info.parameter_id or 0, SECRET)} if kind == "6" else {}
    return SecurityInfos(pace=(info,)), keys


def test_there_is_every_combination() -> None:
    assert len(PACE) == 4 * 3 * 2 + 4 * 11 + 4 * 10 + 3 * 11
    for kind, cipher, number in PACE:
        (suite,) = pace_suites.suites(SecurityInfos(pace=(pace_info(kind, cipher, number),)))
        assert suite.key_bits == (112, 128, 192, 256)[cipher - 1]
        assert suite.group.parameter_id == number


@pytest.mark.parametrize(("kind", "cipher", "number"), PACE)
def test_every_pace(kind: int, cipher: int, number: int) -> None:
    infos, keys = _card(pace_info(kind, cipher, number))
    chip = reader(card(infos, **keys))
    if (kind + cipher + number) % 2:
        chip.open_pace(CAN)
    else:
        chip.open_pace_mrz(MRZ)
    assert chip.read(ElementaryFile.DG1) == DG1
    assert chip.pace is not None
    mapping = chip.pace.chip_mapping
    assert (mapping is not None) is (kind == 6)
    if mapping is not None:
        key = public_info(number, SECRET)
        assert mapping.confirm(SecurityInfos(chip_authentication_public_keys=(key,))) == key
        another = public_info(number, SECRET + 1)
        with pytest.raises(AuthenticationError):
            mapping.confirm(SecurityInfos(chip_authentication_public_keys=(another,)))


@settings(max_examples=25)
@given(st.sampled_from(PACE), st.sampled_from((Password.CAN, Password.MRZ)), st.integers(0, 999_999))
def test_a_wrong_password_never_opens(way: tuple[int, int, int], kind: Password, guess: int) -> None:
    infos, keys = _card(pace_info(*way))
    chip = reader(card(infos, **keys))
    text = f"{guess:06d}" if kind is Password.CAN else MRZ.key_source[:-6] + f"{guess:06d}"
    if text in (CAN, MRZ.key_source):
        return
    with pytest.raises(AuthenticationError) as refused:
        chip.open_pace_password(kind, text)
    assert kind.name in refused.value.message
    assert text not in str(refused.value)
    assert not chip.connection.protected


def test_a_changed_message_never_opens() -> None:
    """One bit of one message, in either direction, from the encrypted nonce to the tokens."""
    seen: Counter[str] = Counter()

    @settings(max_examples=60)
    @given(st.sampled_from(PACE), st.booleans(), st.integers(0, 3), st.integers(0, 1 << 16))
    def run(way: tuple[int, int, int], to_card: bool, step: int, place: int) -> None:
        infos, keys = _card(pace_info(*way))
        changed = False

        def change(raw: bytes, start: int, end: int) -> bytes:
            nonlocal changed
            if end <= start:
                return raw
            position = 8 * start + place % (8 * (end - start))
            changed = True
            return raw[: position // 8] + bytes((raw[position // 8] ^ 1 << position % 8,)) + raw[position // 8 + 1 :]

        def command(number: int, raw: bytes) -> bytes:
            if not to_card or number != first + step:
                return raw
            start = 7 if raw[4] == 0 and len(raw) > 7 else 5
            return change(raw, start, len(raw) - (2 if start == 7 else 1))

        def answer(number: int, raw: bytes) -> bytes:
            return raw if to_card or number != first + step else change(raw, 0, len(raw) - 2)

        suite = pace_suites.choose(infos)
        first = 1  # behind MSE:Set AT, whose content the token's own protocol and keys bind
        link = ChangingLink(card(infos, **keys), command, answer)
        connection = CardConnection(link)
        try:
            result = pace.open_channel(connection, suite, Password.CAN, CAN)
        except CccdError as error:
            assert not connection.protected
            seen[error.kind] += 1
            return
        # What opens all the same: nothing was changed, or the chip's own proof, which then proves nothing.
        assert not changed or suite.mapping is Mapping.CHIP_AUTHENTICATION
        if changed and result.chip_mapping is not None:
            key = public_info(way[2], SECRET)
            with pytest.raises(AuthenticationError):
                result.chip_mapping.confirm(SecurityInfos(chip_authentication_public_keys=(key,)))

    run()
    assert seen["card"] + seen["authentication"] > 40


CHIP = [(elliptic, cipher, n) for elliptic in (False, True) for cipher in (1, 2, 3, 4)
        for n in (CURVE_IDS if elliptic else GROUP_IDS)]  # fmt: skip


@pytest.mark.parametrize(("elliptic", "cipher", "number"), CHIP)
def test_every_chip_authentication(elliptic: bool, cipher: int, number: int) -> None:
    access = SecurityInfos(pace=(PaceInfo(),))
    dg14 = SecurityInfos(
        chip_authentication=(ca_info(elliptic, cipher),), chip_authentication_public_keys=(public_info(number, SECRET),)
    )
    chip = reader(card(access, dg14=dg14, ca_key=stored(number, SECRET)))
    chip.open_pace(CAN)
    chip.chip_authentication(chip.read(ElementaryFile.DG14))
    assert chip.read(ElementaryFile.DG1) == DG1
    assert chip.chip is not None
    assert (chip.chip.suite.group.parameter_id, chip.chip.suite.key_bits) == (number, (112, 128, 192, 256)[cipher - 1])
    assert len(chip.chip.reader_key) == (chip.chip.suite.group.prime.bit_length() + 7) // 8 if elliptic else 20
    # a card that has been given a copy of DG14, and not the key
    clone = reader(card(access, dg14=dg14, ca_key=stored(number, SECRET + 2)))
    clone.open_pace(CAN)
    with pytest.raises(AuthenticationError):
        clone.chip_authentication(clone.read(ElementaryFile.DG14))


def test_chip_authentication_mapping_down_to_the_authority() -> None:
    """EF.CardSecurity is read, its signature checked by the document signer's certificate, the key confirmed."""
    signer = countries.software_signer()
    infos = SecurityInfos(pace=(pace_info(6, 2, 13),), chip_authentication_public_keys=(public_info(13, SECRET),))
    security = signed_card_security(infos, signer)
    chip = reader(card(SecurityInfos(pace=(pace_info(6, 2, 13),)), ca_key=stored(13, SECRET), security=security))
    chip.open_pace(CAN)
    content = chip.read(ElementaryFile.EF_CARDSECURITY)
    assert content == security
    found = card_security.parse(content)
    certificate = find_signer(found.signed_data, found.signed_data.signers[0])
    verify_signer(found.signed_data, found.signed_data.signers[0], certificate)
    assert chip.pace is not None
    assert chip.pace.chip_mapping is not None
    chip.pace.chip_mapping.confirm(found.security_infos)
    assert "number" not in repr(chip.pace.chip_mapping)
    assert str(chip.pace.chip_mapping.data) not in repr(chip.pace)
    assert chip.read(ElementaryFile.DG1) == DG1


def test_a_card_without_the_key_does_not_map_by_it() -> None:
    info = SecurityInfos(pace=(pace_info(6, 2, 13),))
    for key in (None, stored(12, SECRET), stored(0, SECRET)):
        with pytest.raises(CardError):
            reader(card(info, ca_key=key)).open_pace(CAN)


@pytest.mark.parametrize("number", [0, 1, 2, 8, 13, 14, 18])
def test_a_chip_that_sends_no_public_key_is_refused(number: int) -> None:
    """Infinity, zero, the prime, a point off the curve, a number outside the subgroup, too much, nothing; at both
    steps."""
    parameters = domain_parameters.standardised(number)
    infos = SecurityInfos(pace=(pace_info(2 if number > 2 else 1, 4, number),))
    suite = pace_suites.choose(infos)
    size = (suite.group.prime.bit_length() + 7) // 8
    prime = suite.group.prime
    if isinstance(parameters, Curve):
        g = parameters.encode_point(parameters.gx, parameters.gy)
        bad = [b"\0", b"\x04" + bytes(2 * size), b"\x04" + prime.to_bytes(size, "big") * 2, g[:-1], g + b"\0",
               g[:-1] + bytes((g[-1] ^ 1,)), b"\x02" + g[1 : 1 + size], b"", g * 20]  # fmt: skip
    else:
        outsider = next(y for y in range(2, 100) if pow(y, parameters.q, parameters.p) != 1)
        numbers = (0, 1, prime - 1, prime, prime + parameters.g, outsider)
        bad = [each.to_bytes(size + 1, "big") for each in numbers] + [b"", bytes(size + 1), b"\xff" * 5000]
    for step in (0x82, 0x84):
        for wrong in bad:

            def answer(_: int, raw: bytes, step: int = step, wrong: bytes = wrong) -> bytes:
                if step not in (raw[2:3] + raw[3:4] + raw[4:5]) or raw[:1] != b"\x7c":
                    return raw
                inner = tlv.encode(step, wrong)
                return tlv.encode(0x7C, inner) + b"\x90\x00"

            connection = CardConnection(ChangingLink(card(infos), answer=answer))
            with pytest.raises(CardError):
                pace.open_channel(connection, suite, Password.CAN, CAN)
            assert not connection.protected


@pytest.mark.parametrize("number", [0, 13, 14])
@pytest.mark.parametrize("step", [1, 2])
def test_a_chip_that_mirrors_our_keys_is_refused(number: int, step: int) -> None:
    infos = SecurityInfos(pace=(pace_info(2 if number > 2 else 1, 2, number),))
    sent: list[bytes] = []

    def command(_: int, raw: bytes) -> bytes:
        sent.append(raw)
        return raw

    def answer(position: int, raw: bytes) -> bytes:
        if position != 1 + step:
            return raw
        (key,) = tlv.read_one(sent[-1][5:-1], 0x7C).reader()
        return tlv.encode(0x7C, tlv.encode(0x80 + 2 * step, key.value)) + b"\x90\x00"

    with pytest.raises(AuthenticationError, match="mirrors"):
        pace.open_channel(
            CardConnection(ChangingLink(card(infos), command, answer)), pace_suites.choose(infos), Password.CAN, CAN
        )


@pytest.mark.parametrize("number", [0, 2, 12, 14])
def test_a_card_believes_no_reader(number: int) -> None:
    """The same bad keys, towards the card: PACE ends, chip authentication too, and both can begin again."""
    parameters = domain_parameters.standardised(number)
    dg14 = SecurityInfos(
        chip_authentication=(ca_info(number > 2, 2),), chip_authentication_public_keys=(public_info(number, SECRET),)
    )
    infos = SecurityInfos(pace=(pace_info(2 if number > 2 else 1, 2, number),))
    made = card(infos, dg14=dg14, ca_key=stored(number, SECRET))
    size = (groups.of(parameters).prime.bit_length() + 7) // 8
    bad = [b"", b"\0", b"\x04" + bytes(2 * size), bytes(size), b"\1", b"\xff" * (2 * size + 1)]
    for wrong in bad:
        for tag in (0x81, 0x83):

            def command(_: int, raw: bytes, tag: int = tag, wrong: bytes = wrong) -> bytes:
                if raw[1] != 0x86 or bytes((tag,)) not in raw[7:12]:
                    return raw
                body = tlv.encode(0x7C, tlv.encode(tag, wrong))
                return raw[:4] + b"\0" + len(body).to_bytes(2, "big") + body + b"\0\0"

            with pytest.raises((CardError, AuthenticationError)):
                pace.open_channel(
                    CardConnection(ChangingLink(made, command)), pace_suites.choose(infos), Password.CAN, CAN
                )
    chip = reader(made)
    chip.open_pace(CAN)
    suite = chip_authentication.choose(dg14)
    for wrong in bad:
        with pytest.raises(CardError):
            chip_authentication._agree(chip.connection, suite, wrong)
    chip.chip_authentication(chip.read(ElementaryFile.DG14))
    assert chip.read(ElementaryFile.DG1) == DG1


def test_a_card_takes_no_step_out_of_order() -> None:
    made = card(SecurityInfos(pace=(pace_info(4, 2, 13),)))
    link = MemoryLink(made)
    choose = bytes.fromhex("0022C1A412800A04007F0007020204040283010284010D")
    nonce = bytes.fromhex("10860000027C0000")
    for second in ("10860000047C02830000", "10860000047C02850000", "10860000047C02810000", "10860000057C0381010000"):
        assert link.transmit(choose) == b"\x90\x00"
        assert link.transmit(nonce)[-2:] == b"\x90\x00"
        assert link.transmit(bytes.fromhex(second))[-2:] in (b"\x69\x85", b"\x6a\x80")
        assert link.transmit(nonce)[-2:] == b"\x69\x85"  # the run is over


def test_readers_without_a_channel_get_no_chip_authentication() -> None:
    dg14 = SecurityInfos(
        chip_authentication=(ca_info(True, 2),), chip_authentication_public_keys=(public_info(13, SECRET),)
    )
    made = card(SecurityInfos(pace=(PaceInfo(),)), dg14=dg14, ca_key=stored(13, SECRET))
    with pytest.raises(CardError, match="6982"):
        chip_authentication.authenticate(CardConnection(MemoryLink(made)), dg14)
    chip = ChipReader(CardConnection(MemoryLink(made)))
    chip.open_pace(CAN)
    chip.chip_authentication(chip.read(ElementaryFile.DG14))
