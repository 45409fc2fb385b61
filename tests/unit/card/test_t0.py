"""Commands in the form in which T=0 carries them, and a whole card read through it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cccd_core.card import CardConnection, ChipReader, CommandApdu, MemoryLink, ReaderLimits
from cccd_core.card.transport.tpdu import for_t0
from cccd_core.errors import FormatError
from support.chip import CAN, MRZ, ScriptedLink, personalised
from support.t0 import T0Card


@pytest.mark.parametrize(
    ("command", "tpdu"),
    [
        ("00A40000", "00A4000000"),  # case 1
        ("00B0000010", "00B0000010"),  # case 2
        ("00A4000C023F00", "00A4000C023F00"),  # case 3
        ("00A40000023F0000", "00A40000023F00"),  # case 4
        ("00B00000000100", None),
        ("00A4000C0000023F00", None),
    ],
)
def test_command_forms(command: str, tpdu: str | None) -> None:
    made = for_t0(bytes.fromhex(command))
    assert (None if made is None else made.hex().upper()) == tpdu


@given(st.binary(max_size=300))
def test_any_bytes_are_a_command_or_refused(raw: bytes) -> None:
    try:
        made = for_t0(raw)
    except FormatError:
        return
    assert made is None or made[:4] == raw[:4]
    assert made is None or len(made) in (5, 5 + len(CommandApdu.from_bytes(raw).data))


@pytest.mark.parametrize("step", [223, 4000])
@pytest.mark.parametrize("access", ["pace", "bac"])
def test_a_card_is_read_through_t0(access: str, step: int) -> None:
    card, files = personalised(portrait_bytes=36_000)
    behind = T0Card(card)
    link = MemoryLink(behind)

    def carried(command: bytes) -> bytes:
        tpdu = for_t0(command)
        return b"\x67\x00" if tpdu is None else link.transmit(tpdu)

    reader = ChipReader(CardConnection(ScriptedLink(carried)), ReaderLimits(step_bytes=step))
    if access == "pace":
        reader.open_pace(CAN)
    else:
        reader.open_bac(MRZ)
    for file, content in files.items():
        if file.in_application:
            assert reader.read(file) == content
    assert not reader.connection.extended_length
    assert any(tpdu[1] == 0xC0 for tpdu in behind.commands)
