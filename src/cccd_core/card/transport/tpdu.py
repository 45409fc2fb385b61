"""Command APDUs as the protocol T=0 carries them (ISO/IEC 7816-3:2006, 12.1.2 and 12.2; ISO/IEC 7816-4:2020, B.2).

T=0 sends data one way in a command. What a card has to say to data it announces by 61xx, and GET RESPONSE fetches it; a
wrong length it names by 6Cxx. Both are `CardConnection`'s, here is only the form of the command.
"""

from __future__ import annotations

from cccd_core.card.apdu import CommandApdu

SHORT_HEADER_BYTES = 5  # CLA INS P1 P2 P3


def for_t0(command: bytes) -> bytes | None:
    """The command TPDU of a short command APDU: no Le behind data, P3 00 where there is neither. None for an extended
    one, which T=0 does not carry. Raises FormatError for what is no command."""
    if len(command) == SHORT_HEADER_BYTES - 1:
        return command + b"\0"
    parsed = CommandApdu.from_bytes(command)
    if parsed.is_extended:
        return None
    return command[: SHORT_HEADER_BYTES + len(parsed.data)] if parsed.data else command
