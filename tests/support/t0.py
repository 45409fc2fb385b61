"""A card that speaks T=0 as ISO/IEC 7816-3, 12.2 has it: data go one way in a command, 61xx and 6Cxx say the rest."""

from __future__ import annotations

from cccd_core.card import CommandApdu, ResponseApdu
from cccd_core.card.virtual import VirtualCard

ATR_T0 = bytes.fromhex("3B8000")  # T=0 alone, no historical bytes
ATR_T1 = bytes.fromhex("3B800181")  # T=1 alone
_INS_GET_RESPONSE = 0xC0


class T0Card:
    """`card` behind T=0. `commands` are the TPDUs as they came."""

    def __init__(self, card: VirtualCard) -> None:
        self.card = card
        self.atr = ATR_T0
        self.commands: list[bytes] = []
        self._waiting = ResponseApdu(b"", 0x9000)

    def power_on(self) -> None:
        self._waiting = ResponseApdu(b"", 0x9000)
        self.card.power_on()

    def power_off(self) -> None:
        self.card.power_off()

    def process(self, tpdu: bytes) -> bytes:
        self.commands.append(tpdu)
        if len(tpdu) < 5 or len(tpdu) not in (5, 5 + tpdu[4]):
            return b"\x67\x00"
        if tpdu[1] == _INS_GET_RESPONSE:
            return self._get_response(tpdu[4] or 256)
        outgoing = len(tpdu) == 5
        command = tpdu if outgoing else tpdu + b"\0"  # what it may answer is told by 61xx
        parsed = CommandApdu.from_bytes(command)
        answer = ResponseApdu.from_bytes(self.card.process(parsed.to_bytes()))
        if outgoing or not answer.data:
            return answer.to_bytes()
        self._waiting = answer
        return bytes((0x61, min(len(answer.data), 256) & 0xFF))

    def _get_response(self, wanted: int) -> bytes:
        data, sw = self._waiting.data, self._waiting.sw
        if wanted > len(data):
            return bytes((0x6C, len(data) & 0xFF))
        rest = data[wanted:]
        self._waiting = ResponseApdu(rest, sw)
        end = bytes((0x61, min(len(rest), 256) & 0xFF)) if rest else sw.to_bytes(2, "big")
        return data[:wanted] + end
