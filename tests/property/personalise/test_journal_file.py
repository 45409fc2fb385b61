"""The journal's file under every cut and every flipped bit."""

from __future__ import annotations

import contextlib
import random
from pathlib import Path

import pytest

from cccd_core.errors import DamagedError, FileError
from cccd_core.personalise import CardEvidence, CardRecord, Journal, JournalRecord, Stage
from cccd_core.personalise.records import Bind, Locked, Reached, Verified, Written

DIGESTS = {"DG1": "11" * 4, "EF_SOD": "33" * 4}


def records(count: int) -> list[JournalRecord]:
    """The life of `count` cards."""
    life: list[JournalRecord] = []
    for number in range(count):
        serial = f"{number:016X}"
        life += [
            Bind(serial, f"job-{number}", f"number-{number}", DIGESTS),
            Reached(serial, "DG1", 100, False),
            Reached(serial, "DG1", 200, True),
            Written(serial),
            Locked(serial),
            Verified(serial, CardEvidence(reader="r")),
        ]
    return life


def write(path: Path, count: int) -> tuple[list[tuple[int, tuple[CardRecord, ...]]], list[int]]:
    """Runs the steps; returns (end of file, cards) after each, and the ends that were forced to the disk."""
    states: list[tuple[int, tuple[CardRecord, ...]]] = []
    forced: list[int] = []
    with Journal(path) as journal:
        states.append((path.stat().st_size, ()))
        for record in records(count):
            journal.append(record)
            states.append((path.stat().st_size, journal.cards()))
            if record.durable:
                forced.append(path.stat().st_size)
    return states, forced


def test_a_file_cut_anywhere_opens_with_every_whole_record(tmp_path: Path) -> None:
    path = tmp_path / "j"
    states, _ = write(path, 1)
    data = path.read_bytes()
    for cut in range(len(data) + 1):
        path.write_bytes(data[:cut])
        with Journal(path) as journal:
            assert journal.cards() == max((s for s in states if s[0] <= cut), default=(0, ()))[1]
            journal.append(Bind("EE" * 8, "after", "after", DIGESTS))
        with Journal(path) as journal:
            assert journal.card("EE" * 8) is not None


def test_a_flipped_bit_is_damage_where_it_was_vouched_for_and_a_torn_tail_elsewhere(tmp_path: Path) -> None:
    path = tmp_path / "j"
    states, forced = write(path, 3)
    data = path.read_bytes()
    header = states[0][0]
    # A record vouches for what was on the disk when it was written: for all up to the last force before it.
    vouched = max(end for end in forced if end < states[-1][0])
    chooser = random.Random(7)
    for position in range(header, len(data), 3):
        damaged = bytearray(data)
        damaged[position] ^= 1 << chooser.randrange(8)
        path.write_bytes(damaged)
        if position < vouched:
            with pytest.raises(DamagedError, match="damaged"):
                Journal(path)
            assert path.read_bytes() == bytes(damaged)
        else:
            whole = max(s for s in states if s[0] <= position)
            with Journal(path) as journal:
                assert journal.cards() == whole[1]


def test_lost_pages_after_the_last_force_are_cut(tmp_path: Path) -> None:
    """Power fails: of what was not forced, any part may be missing while later parts are there."""
    path = tmp_path / "j"
    states, forced = write(path, 2)
    data = path.read_bytes()
    bound = forced[-3]  # the last card's binding; its two notes of progress were not forced when the power failed
    hole = bytearray(data[: states[-4][0]])
    hole[bound : bound + 40] = bytes(40)
    path.write_bytes(hole)
    with Journal(path) as journal:
        card = journal.cards()[-1]
        assert (card.stage, card.complete) == (Stage.BOUND, frozenset())
    assert path.stat().st_size == bound


def test_garbage_never_raises_anything_else(tmp_path: Path) -> None:
    path = tmp_path / "j"
    states, _ = write(path, 2)
    data = path.read_bytes()
    chooser = random.Random(11)
    for _ in range(300):
        damaged = bytearray(data)
        for _ in range(chooser.randrange(1, 6)):
            start = chooser.randrange(len(damaged))
            damaged[start : start + chooser.randrange(12)] = chooser.randbytes(chooser.randrange(12))
        path.write_bytes(damaged)
        with contextlib.suppress(DamagedError), Journal(path) as journal:
            assert len(journal.cards()) <= len(states[-1][1])


def test_threads_share_forces_and_lose_nothing(tmp_path: Path) -> None:
    from concurrent.futures import ThreadPoolExecutor

    path = tmp_path / "j"
    life = records(60)
    with Journal(path) as journal:

        def live(number: int) -> None:
            for record in life[6 * number : 6 * number + 6]:
                journal.append(record)

        with ThreadPoolExecutor(8) as pool:
            list(pool.map(live, range(60)))
        cards = {card.serial: card for card in journal.cards()}
    assert len(cards) == 60
    with Journal(path) as journal:
        assert {card.serial: card for card in journal.cards()} == cards
        assert all(card.stage is Stage.VERIFIED for card in journal.cards())


def test_an_unreadable_folder_is_a_typed_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(FileError):
        Journal(tmp_path / "file" / "journal")
    (tmp_path / "folder").mkdir()
    with pytest.raises(FileError):
        Journal(tmp_path / "folder")
