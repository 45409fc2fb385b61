"""The ledger of a key: counts each signature once, whatever ends the process that signs."""

from __future__ import annotations

import datetime as dt
import hashlib
import os
import threading
from itertools import pairwise
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from cccd_core.errors import BusyError, ConflictError, DamagedError, SigningError
from cccd_core.signing import ledger as ledgers
from cccd_core.signing.counted import CountedSigner, KeyPeriod
from cccd_core.signing.ledger import BLOCK, Ledger, Purpose
from support import countries
from support.chaos import run_and_kill

KEY = hashlib.sha256(b"a key").digest()
NOW = dt.datetime(2026, 11, 27, 5, tzinfo=dt.UTC)
RUN = bytes(range(16))


def digest(number: int) -> bytes:
    return hashlib.sha256(number.to_bytes(4, "big")).digest()


def sign(ledger: Ledger, count: int, first: int = 0) -> None:
    for number in range(first, first + count):
        ledger.record(digest(number), Purpose.SECURITY_OBJECT, run=RUN, at=NOW)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ledger"


def test_it_counts_over_several_openings(path: Path) -> None:
    for first, count in ((0, 3), (3, BLOCK), (3 + BLOCK, 1)):
        ledger = Ledger.open(path, KEY)
        assert ledger.used == first
        sign(ledger, count, first)
        ledger.close()
        ledger.close()
    tally = ledgers.read(path)
    assert (tally.used, tally.signatures, tally.unaccounted) == (BLOCK + 4, BLOCK + 4, 0)
    assert tally.purposes == {Purpose.SECURITY_OBJECT: BLOCK + 4}
    assert (tally.first, tally.last, tally.runs[RUN]) == (NOW, NOW, BLOCK + 4)
    assert [entry.digest for entry in ledgers.entries(path)] == [digest(number) for number in range(BLOCK + 4)]


def test_a_block_is_forced_to_the_disk_before_it_is_used(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    forced = []
    real = os.fdatasync
    monkeypatch.setattr(os, "fdatasync", lambda descriptor: (forced.append(descriptor), real(descriptor))[1])
    ledger = Ledger.open(path, KEY)
    forced.clear()
    sign(ledger, 3 * BLOCK)
    assert len(forced) == 3
    ledger.close()


def test_the_limit_is_kept(path: Path) -> None:
    ledger = Ledger.open(path, KEY, limit=5)
    sign(ledger, 4)
    assert ledger.remaining == 1
    ledger.close()
    ledger = Ledger.open(path, KEY, limit=5)
    sign(ledger, 1, 4)
    with pytest.raises(SigningError, match="all the signatures it may"):
        sign(ledger, 1, 5)
    assert (ledger.used, ledger.remaining) == (5, 0)
    ledger.close()
    assert ledgers.read(path).used == 5


def test_the_same_thing_signed_again_is_there_twice(path: Path) -> None:
    for _ in range(2):
        ledger = Ledger.open(path, KEY)
        sign(ledger, 1)
        ledger.close()
    assert [entry.digest for entry in ledgers.entries(path)] == [digest(0)] * 2


def test_another_keys_ledger_and_a_held_one_are_refused(path: Path) -> None:
    ledger = Ledger.open(path, KEY)
    with pytest.raises(BusyError):
        Ledger.open(path, KEY)
    assert ledgers.read(path).used == 0, "whoever holds it, it can be read"
    ledger.close()
    with pytest.raises(ConflictError):
        Ledger.open(path, digest(1))
    Ledger.open(path, KEY).close()


def test_several_threads(path: Path) -> None:
    ledger = Ledger.open(path, KEY)
    threads = [threading.Thread(target=sign, args=(ledger, 300, 300 * one)) for one in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    ledger.close()
    found = list(ledgers.entries(path))
    assert [entry.number for entry in found] == list(range(1200))
    assert {entry.digest for entry in found} == {digest(number) for number in range(1200)}


@pytest.mark.parametrize("delay_ms", range(0, 60, 3))
def test_killed_at_any_moment_no_signature_is_missing(path: Path, delay_ms: int) -> None:
    """Every signature that left the child stands in the ledger, once and in order; at most one more does."""
    made = path.with_name("made")

    def work() -> None:
        ledger = Ledger.open(path, KEY)
        descriptor = os.open(made, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        for number in range(5000):
            ledger.record(digest(number), Purpose.SECURITY_OBJECT, at=NOW)
            os.write(descriptor, digest(number))
        ledger.close()

    run_and_kill(work, delay_ms / 1000)
    left = made.read_bytes() if made.exists() else b""
    signed = [left[at : at + 32] for at in range(0, len(left), 32)]
    before = [entry.digest for entry in ledgers.entries(path)] if path.exists() and path.stat().st_size > 20 else []
    assert len(before) - len(signed) in (0, 1)
    assert before[: len(signed)] == signed
    ledger = Ledger.open(path, KEY)
    assert ledger.used == len(before), "this machine was not started anew: nothing is unaccounted for"
    sign(ledger, 2, 9000)
    ledger.close()
    after = list(ledgers.entries(path))
    assert [entry.digest for entry in after] == [*before, digest(9000), digest(9001)]
    assert all(one.number + 1 == other.number for one, other in pairwise(after))


def test_after_a_power_cut_the_rest_of_the_block_counts(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ledger = Ledger.open(path, KEY, limit=BLOCK + 10)
    sign(ledger, 20)
    data = path.read_bytes()
    ledger.close()
    path.write_bytes(data[: len(data) - 10 * 94 - 7])  # the disk has the reservation and some of the signatures
    monkeypatch.setattr(ledgers, "_boot", lambda: b"another start.." + b"!")
    tally = ledgers.read(path)
    assert (tally.used, tally.signatures, tally.unaccounted) == (BLOCK, 9, BLOCK - 9)
    ledger = Ledger.open(path, KEY, limit=BLOCK + 10)
    assert (ledger.used, ledger.remaining) == (BLOCK, 10)
    sign(ledger, 10, 100)
    with pytest.raises(SigningError):
        sign(ledger, 1)
    ledger.close()
    assert [entry.number for entry in ledgers.entries(path)] == [*range(9), *range(BLOCK, BLOCK + 10)]


def test_a_changed_ledger_is_damaged(path: Path) -> None:
    ledger = Ledger.open(path, KEY)
    sign(ledger, 3)
    ledger.close()
    whole = path.read_bytes()
    for at in (5, 30, 70, 150, len(whole) - 120):
        changed = bytearray(whole)
        changed[at] ^= 1
        path.write_bytes(bytes(changed))
        with pytest.raises(DamagedError):
            Ledger.open(path, KEY)
        with pytest.raises(DamagedError):
            ledgers.read(path)


def test_a_forked_child_does_not_write_its_parents_ledger(path: Path) -> None:
    ledger = Ledger.open(path, KEY)

    def work() -> None:
        with pytest.raises(BusyError):
            sign(ledger, 1)

    assert run_and_kill(work, None)
    ledger.close()
    assert ledgers.read(path).used == 0


def test_a_key_signs_in_its_period_alone(path: Path) -> None:
    inner = countries.software_signer(ec.generate_private_key(ec.SECP256R1()))
    day = dt.timedelta(days=1)
    times = [NOW - day, NOW, NOW + day, NOW + day + dt.timedelta(microseconds=1), NOW + day]
    ledger = Ledger.open(path, KEY)
    signer = CountedSigner(inner, ledger, KeyPeriod(NOW, NOW + day), clock=lambda: times.pop(0))
    with pytest.raises(SigningError, match="has not begun"):
        signer.sign(b"x")
    assert signer.sign(b"x")
    assert signer.sign(b"x")
    with pytest.raises(SigningError, match="is over"):
        signer.sign(b"x")
    assert ledger.used == 2
    signer.close()
    assert [entry.digest for entry in ledgers.entries(path)] == [hashlib.sha256(b"x").digest()] * 2
