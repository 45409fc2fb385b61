"""Command and response APDUs (ISO/IEC 7816-4:2020, 5.2 and 5.3), as values and as bytes."""

from __future__ import annotations

from dataclasses import dataclass, field

from cccd_core.card import status_words
from cccd_core.errors import FormatError, ParameterError

SHORT_NC_MAX = 255
SHORT_NE_MAX = 256
EXTENDED_NC_MAX = 65_535
EXTENDED_NE_MAX = 65_536
COMMAND_BYTES_MAX = 4 + 3 + EXTENDED_NC_MAX + 2
RESPONSE_BYTES_MAX = EXTENDED_NE_MAX + 2

CLA_CHAINING = 0x10  # ISO/IEC 7816-4, 5.4.1: more commands of this chain follow


@dataclass(frozen=True, slots=True)
class CommandApdu:
    """One command: header, data (Nc bytes), `ne` (most bytes wanted back; None for no Le field, else 1 to 65,536).

    `extended` asks for the three-byte length fields even where short ones would do; longer data or a larger `ne` use
    them by themselves. The data never shows in `repr`, so that no trace or traceback holds it.
    """

    cla: int
    ins: int
    p1: int
    p2: int
    data: bytes = field(default=b"", repr=False)
    ne: int | None = None
    extended: bool = False

    def __post_init__(self) -> None:
        if not (0 <= self.cla <= 0xFF and 0 <= self.ins <= 0xFF and 0 <= self.p1 <= 0xFF and 0 <= self.p2 <= 0xFF):
            raise ParameterError("a header byte of a command APDU is outside 0 to 255")
        if len(self.data) > EXTENDED_NC_MAX:
            raise ParameterError("command data longer than an APDU can carry", length=len(self.data))
        if self.ne is not None and not 1 <= self.ne <= EXTENDED_NE_MAX:
            raise ParameterError("Ne must be 1 to 65536, or None", ne=self.ne)

    @property
    def is_extended(self) -> bool:
        """Whether the encoding has extended length fields."""
        return self.extended or len(self.data) > SHORT_NC_MAX or (self.ne or 0) > SHORT_NE_MAX

    @property
    def header(self) -> bytes:
        """CLA INS P1 P2."""
        return bytes((self.cla, self.ins, self.p1, self.p2))

    def to_bytes(self) -> bytes:
        """The command as sent: case 1, 2, 3 or 4, short or extended."""
        data, ne = self.data, self.ne
        head = bytes((self.cla, self.ins, self.p1, self.p2))
        if not self.is_extended:
            body = bytes((len(data),)) + data if data else b""
            return head + body + (b"" if ne is None else bytes((ne & 0xFF,)))
        if not data:
            return head if ne is None else head + b"\0" + (ne & 0xFFFF).to_bytes(2, "big")
        tail = b"" if ne is None else (ne & 0xFFFF).to_bytes(2, "big")
        return head + b"\0" + len(data).to_bytes(2, "big") + data + tail

    @classmethod
    def from_bytes(cls, raw: bytes) -> CommandApdu:
        """Reads one command. Raises FormatError where lengths do not add up; takes no memory on a length's word."""
        size = len(raw)
        if size < 4:
            raise FormatError("a command APDU has four header bytes", length=size)
        if size > COMMAND_BYTES_MAX:
            raise FormatError("a command APDU longer than any can be", length=size)
        cla, ins, p1, p2 = raw[:4]
        if size == 4:
            return cls(cla, ins, p1, p2)
        first = raw[4]
        if size == 5:
            return cls(cla, ins, p1, p2, ne=first or SHORT_NE_MAX)
        if first:
            if size == 5 + first:
                return cls(cla, ins, p1, p2, bytes(raw[5:]))
            if size == 6 + first:
                return cls(cla, ins, p1, p2, bytes(raw[5:-1]), raw[-1] or SHORT_NE_MAX)
            raise FormatError("Lc does not fit the length of the command", offset=4, length=size)
        if size < 7:
            raise FormatError("an extended length field is cut short", offset=4, length=size)
        second = int.from_bytes(raw[5:7], "big")
        if size == 7:
            return cls(cla, ins, p1, p2, ne=second or EXTENDED_NE_MAX, extended=True)
        if second and size == 7 + second:
            return cls(cla, ins, p1, p2, bytes(raw[7:]), extended=True)
        if second and size == 9 + second:
            ne = int.from_bytes(raw[-2:], "big") or EXTENDED_NE_MAX
            return cls(cla, ins, p1, p2, bytes(raw[7:-2]), ne, extended=True)
        raise FormatError("an extended Lc does not fit the length of the command", offset=5, length=size)


@dataclass(frozen=True, slots=True)
class ResponseApdu:
    """One response: data and status word. The data never shows in `repr`."""

    data: bytes = field(repr=False)
    sw: int

    @property
    def ok(self) -> bool:
        """Whether the status word is 9000."""
        return self.sw == status_words.SUCCESS

    @property
    def sw_hex(self) -> str:
        """The status word as four hexadecimal digits."""
        return f"{self.sw:04X}"

    def to_bytes(self) -> bytes:
        """Data, then SW1 SW2."""
        return self.data + self.sw.to_bytes(2, "big")

    @classmethod
    def from_bytes(cls, raw: bytes) -> ResponseApdu:
        """Reads one response. Raises FormatError for fewer than two bytes or more than any response has."""
        size = len(raw)
        if not 2 <= size <= RESPONSE_BYTES_MAX:
            raise FormatError("a response APDU has 2 to 65538 bytes", length=size)
        return cls(bytes(raw[:-2]), raw[-2] << 8 | raw[-1])
