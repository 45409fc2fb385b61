"""What a chip sends to a reader: secure messaging and SCP03 answers, response APDUs, EF.CardAccess, recordings."""

from __future__ import annotations

from cccd_core.card import CardConnection, ChipReader
from cccd_core.card.apdu import CommandApdu, ResponseApdu
from cccd_core.card.secure_messaging import AesCipher, SecureMessaging
from cccd_core.card.virtual.channels import ReaderChannel
from cccd_core.emrtd.files import ElementaryFile

MODULES = ("cccd_core.card", "cccd_core.emrtd.tlv", "cccd_core.emrtd.security_infos")
COMMANDS_MAX = 30
_CIPHER = AesCipher(bytes(16), bytes(16))


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
)


def target(data: bytes) -> None:
    """One way of use, chosen by the first byte, against a chip that answers with the rest."""
    connection = CardConnection(_Script(data[1:]))
    reader = ChipReader(connection)
    way = data[0] % 3 if data else 0
    if way == 0:
        reader.open_pace("123456")
    elif way == 1:
        connection.push(SecureMessaging(_CIPHER))
        reader.read(ElementaryFile.DG1)
    else:
        reader.read(ElementaryFile.DG2)
