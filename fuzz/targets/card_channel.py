"""What a chip sends to a reader: secure messaging, response APDUs, EF.CardAccess, the steps of PACE, chip and active
authentication."""

from __future__ import annotations

from cccd_core.card import CardConnection, ChipReader, active_authentication, chip_authentication, pace, pace_suites
from cccd_core.card.apdu import CommandApdu, ResponseApdu
from cccd_core.card.secure_messaging import AesCipher, SecureMessaging
from cccd_core.card.virtual.channels import ReaderChannel
from cccd_core.emrtd.curves import by_name
from cccd_core.emrtd.files import ElementaryFile
from cccd_core.emrtd.public_keys import EcPublicKey
from cccd_core.emrtd.security_infos import ChipAuthenticationPublicKeyInfo, PaceInfo, SecurityInfos

MODULES = ("cccd_core.card", "cccd_core.emrtd.tlv", "cccd_core.emrtd.security_infos")
COMMANDS_MAX = 30
_CIPHER = AesCipher(bytes(16), bytes(16))
_CURVE = by_name("secp256r1")
_KEY = EcPublicKey(_CURVE, _CURVE.gx, _CURVE.gy, False).spki()
_DG14 = SecurityInfos(chip_authentication_public_keys=(ChipAuthenticationPublicKeyInfo(_KEY),))
_PACE = "0.4.0.127.0.7.2.2.4"
_SUITES = tuple(
    pace_suites.choose(SecurityInfos(pace=(PaceInfo(f"{_PACE}.{kind}", 2, number),)))
    for kind, number in (("2.2", 12), ("4.4", 12), ("6.2", 12), ("1.1", 0), ("3.2", 0))
)


class _Script:
    """A link whose answers are the input's rows (length in one byte, answer)."""

    atr = b"\x3b\x00"

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._position = 0
        self._left = COMMANDS_MAX

    def transmit(self, command: bytes) -> bytes:
        """The next answer; then 6F00 for ever."""
        del command
        self._left -= 1
        if self._position >= len(self._data) or self._left < 0:
            return b"\x6f\x00"
        size = self._data[self._position]
        self._position += 1 + size
        return self._data[self._position - size : self._position]

    def reset(self) -> None:
        """Nothing to do."""

    def close(self) -> None:
        """Nothing to do."""


def _sealed(answer: bytes) -> bytes:
    reader, chip = SecureMessaging(_CIPHER), ReaderChannel(_CIPHER)
    chip.open_command(reader.wrap(CommandApdu(0, 0xA4, 2, 0x0C, b"\x01\x01")))
    return chip.seal_response(ResponseApdu(answer, 0x9000)).to_bytes()


def _row(*answers: bytes) -> bytes:
    return b"".join(bytes((len(answer),)) + answer for answer in answers)


SEEDS: tuple[bytes, ...] = (
    b"\x02" + _row(b"\x90\x00", b"\x90\x00", b"\x75\x06portra\x90\x00"),
    b"\x02" + _row(b"\x90\x00", b"\x61\x02", b"\x90\x00", b"\x75\x10portra\x61\x0a", b"it\x6a\x82"),
    b"\x01" + _row(_sealed(b""), _sealed(b"\x61\x02\x01\x02")),
    b"\x00"
    + _row(
        b"\x90\x00",
        b"\x90\x00",
        bytes.fromhex("31143012060A04009000"),
        bytes.fromhex("7F0007020204020202010202010D9000"),
        b"\x90\x00",
        bytes.fromhex("7C128010") + bytes(16) + b"\x90\x00",
    ),
    b"\x03" + _row(b"\x90\x00", b"\x90\x00"),
    b"\x04" + _row(bytes(63) + b"\x01\x90\x00"),
    *(
        bytes((5 + number,))
        + _row(
            b"\x90\x00",
            bytes.fromhex("7C228020") + bytes(32) + b"\x90\x00",
            bytes.fromhex("7C028200") + b"\x90\x00",
        )
        for number in range(len(_SUITES))
    ),
)


def target(data: bytes) -> None:
    """One way of use, chosen by the first byte, against a chip that answers with the rest."""
    connection = CardConnection(_Script(data[1:]))
    reader = ChipReader(connection)
    way = data[0] % (5 + len(_SUITES)) if data else 0
    if way == 0:
        reader.open_pace("123456")
    elif way == 1:
        connection.push(SecureMessaging(_CIPHER))
        reader.read(ElementaryFile.DG1)
    elif way == 2:
        reader.read(ElementaryFile.DG2)
    elif way == 3:
        chip_authentication.authenticate(connection, _DG14)
    elif way == 4:
        active_authentication.authenticate(connection, _KEY)
    else:
        pace.open_channel(connection, _SUITES[way - 5], pace_suites.Password.CAN, "123456")
