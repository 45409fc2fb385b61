"""What reading a card back costs the host itself: a card of 44 kB is read once, then its answers are played back.

The access protocol and the software card are outside the clock: the channel begins where it stood when the answers were
recorded. Prints the fastest and the middle of all runs, and the cost of one READ BINARY. Correctness beside the speed:
every file is compared.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable, Iterator

import pytest

from cccd_core.card import CardConnection, ChipReader, MemoryLink
from cccd_core.card.secure_messaging import SecureMessaging
from support.chip import CAN, MRZ, ScriptedLink, personalised

PORTRAIT_BYTES = 41_900
RUNS = 40


@pytest.mark.parametrize(
    ("name", "opening"),
    [
        ("AES (PACE)", lambda reader: reader.open_pace(CAN)),
        ("3DES (BAC)", lambda reader: reader.open_bac(MRZ)),
    ],
)
def test_a_card_read_back(capsys: pytest.CaptureFixture[str], name: str, opening: Callable[[ChipReader], None]) -> None:
    card, files = personalised(portrait_bytes=PORTRAIT_BYTES)
    content = {file: data for file, data in files.items() if file.in_application}
    link, answers = MemoryLink(card), []

    def recorded(command: bytes) -> bytes:
        answers.append(link.transmit(command))
        return answers[-1]

    reader = ChipReader(CardConnection(ScriptedLink(recorded)))
    opening(reader)
    (channel,) = reader.connection.processors
    assert isinstance(channel, SecureMessaging)
    cipher, counter = channel._cipher, channel._counter
    answers.clear()
    reader = ChipReader(reader.connection)  # which does not know what is selected, as the ones below
    for file in content:
        reader.read(file)

    def once() -> float:
        steps: Iterator[bytes] = iter(answers)
        played = CardConnection(ScriptedLink(lambda _: next(steps)))
        played.push(SecureMessaging(cipher, counter))
        again = ChipReader(played)
        start = time.process_time()
        found = {file: again.read(file) for file in content}
        spent = time.process_time() - start
        assert found == content
        return 1000 * spent

    once()
    runs = sorted(once() for _ in range(RUNS))
    size = sum(map(len, content.values()))
    with capsys.disabled():
        sys.stdout.write(
            f"\n{name}: {size / 1000:.1f} kB in {len(answers)} APDUs: host {runs[0]:.1f} ms a card at best, "
            f"{statistics.median(runs):.1f} in the middle of {RUNS}; {1000 * runs[0] / len(answers):.1f} µs an APDU\n"
        )
