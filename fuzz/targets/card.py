"""A locked software card that gets any sequence of APDUs: each input is a row of (length in one byte, command)."""

from __future__ import annotations

from cccd_core.card.card_keys import CardMasterKey
from cccd_core.card.profile import LifeCycle
from cccd_core.card.virtual import VirtualCard
from cccd_core.card.virtual.state import Directory
from cccd_core.emrtd.files import ElementaryFile
from cccd_core.emrtd.security_infos import ID_PACE, PaceInfo, SecurityInfos

MODULES = ("cccd_core.card", "cccd_core.emrtd.tlv")
COMMANDS_MAX = 40
_KEY = b"\x0c" + bytes(31) + b"\x05"  # chip authentication, on secp256r1


def _card() -> VirtualCard:
    card = VirtualCard.create(None, master_key=CardMasterKey(bytes(16)), serial=bytes(8), wait=lambda _: None)
    kinds = (("2.2", 13), ("4.4", 12), ("6.2", 12))  # quick ones: an input may begin PACE many times
    content = SecurityInfos(pace=tuple(PaceInfo(f"{ID_PACE}.{kind}", 2, number) for kind, number in kinds)).encode()
    file = ElementaryFile.EF_CARDACCESS
    card.memory.create_file(Directory.MASTER_FILE, file.fid, file.sfi, len(content))
    card.memory.write(Directory.MASTER_FILE, file.fid, 0, content)
    card.memory.create_file(Directory.APPLICATION, 0x0101, 1, 8)
    card.memory.store_secrets({0x8201: b"123456", 0x8202: b"1234567890900101440010112", 0x8203: _KEY})
    card.memory.set_life_cycle(LifeCycle.PERSONALISED)
    return card


_CARD = _card()


def _row(*commands: str) -> bytes:
    return b"".join(bytes((len(raw),)) + raw for raw in map(bytes.fromhex, commands))


SEEDS: tuple[bytes, ...] = (
    _row("00A4040C07A0000002471001", "0084000008", "0082000028" + "00" * 40 + "28"),
    _row("0022C1A412800A04007F0007020204020283010284010D", "10860000027C0000", "00860000047C02850000"),
    _row("0022C1A412800A04007F0007020204040483010284010C", "10860000027C0000", "10860000247C228120" + "11" * 32 + "00"),
    _row("0022C1A412800A04007F0007020204060283010284010C", "10860000027C0000", "10860000057C0381010200"),
    _row("00A4020C02011C", "00B0000000", "00B100000354010000", "00B09C0000", "0CB0000000"),
    _row("00A4040C07A0000002471001", "8050000008" + "00" * 8 + "00", "8482330010" + "00" * 16, "80CA9F7F00"),
)


def target(data: bytes) -> None:
    """Power on, then every command; the card answers each with a status word."""
    _CARD.power_on()
    position = 0
    for _ in range(COMMANDS_MAX):
        if position >= len(data):
            return
        size = data[position] or 256 * 3
        answer = _CARD.process(data[position + 1 : position + 1 + size])
        if len(answer) < 2:
            raise AssertionError("no status word")
        position += 1 + size
