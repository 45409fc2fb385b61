"""Cards written, locked and verified in memory by one thread, and the host's share of it.

Prints cards a second, APDUs and bytes a card, and the seconds of a card by where they go: inside the software card,
forcing files to the disk, and the host's own work, which beside a real card is all that remains but the link.
Seed: the test people are numbered. Correctness beside the speed: every card is verified, or the benchmark fails.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cccd_core.card import MemoryLink
from cccd_core.personalise import Journal, Station, open_feeder
from support.cards import Country

CARDS = 60


class Clock:
    """Seconds and calls of a function put in place of another."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function = function
        self.calls = 0
        self.seconds = 0.0

    def wrap(self) -> Callable[..., Any]:
        def timed(*args: Any, **kwargs: Any) -> Any:
            start = time.perf_counter()
            try:
                return self.function(*args, **kwargs)
            finally:
                self.seconds += time.perf_counter() - start
                self.calls += 1

        return timed


@pytest.mark.parametrize(("side_px", "fingers"), [(96, (2, 7)), (240, (1, 2, 6, 7)), (360, tuple(range(1, 11)))])
def test_cards_in_memory(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    side_px: int,
    fingers: tuple[int, ...],
) -> None:
    country = Country.make(tmp_path / "pki")
    jobs = [country.job(number, side_px=side_px, fingers=fingers) for number in range(CARDS)]
    card, disk, forced = Clock(MemoryLink.transmit), Clock(os.fdatasync), Clock(os.fsync)
    monkeypatch.setattr(MemoryLink, "transmit", card.wrap())
    monkeypatch.setattr(os, "fdatasync", disk.wrap())
    monkeypatch.setattr(os, "fsync", forced.wrap())
    with Journal(tmp_path / "journal") as journal:
        feeder = open_feeder("memory", tmp_path / "cards", card_master_key=country.card_master_key, journal=journal)
        station = Station(feeder, journal, country.card_master_key, country.trust, country.terminal)
        start, cpu = time.perf_counter(), time.process_time()
        results = list(station.run_all(jobs))
        spent, spent_cpu = time.perf_counter() - start, time.process_time() - cpu
        feeder.close()
    assert all(result.verified for result in results)
    disk_s = disk.seconds + forced.seconds
    size = sum(job.image.size_bytes for job in jobs) / CARDS

    def ms(seconds: float) -> str:
        return f"{1000 * seconds / CARDS:.1f}"

    with capsys.disabled():
        sys.stdout.write(
            f"\n{size / 1000:.1f} kB a card: {CARDS / spent:.1f} cards/s ({CARDS / spent_cpu:.1f} by CPU time), "
            f"{card.calls / CARDS:.0f} APDUs; ms a card: {ms(spent)} = card {ms(card.seconds)} + disk {ms(disk_s)}"
            f" ({(disk.calls + forced.calls) / CARDS:.1f} times) + host {ms(spent - card.seconds - disk_s)}"
            f" (write {ms(sum(r.write_s for r in results))}, verify {ms(sum(r.verify_s for r in results))})\n"
        )
