"""Errors that are no fault of a card: the run ends with them as they are, no card is blamed, and the next run goes on
with the same card. And what the card itself says, which alone may spoil it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from cccd_core.card import profile
from cccd_core.card.scp03 import Scp03Session
from cccd_core.card.virtual.state import CARD_FILE
from cccd_core.errors import (
    BusyError,
    CardError,
    CccdError,
    ConflictError,
    DamagedError,
    DiskFullError,
    FileError,
    ParameterError,
)
from cccd_core.inspection import CheckName, Outcome, judging
from cccd_core.personalise import (
    CardRecord,
    JobOutcome,
    Journal,
    JournalRecord,
    Reason,
    SpoiledCard,
    Stage,
    Station,
    StepName,
    Trouble,
    runner,
    verification,
)
from cccd_core.personalise.memory_feeder import MemoryFeeder
from cccd_core.personalise.records import RecordKind
from cccd_core.personalise.shelf import CardShelf
from cccd_core.storage.log import OtherVersionError
from support.cards import Country
from support.chaos import audit

MISTAKES = [RuntimeError("a mistake"), KeyError("a mistake"), TypeError("a mistake"), ParameterError("a mistake")]
HOUSE = [
    BusyError("somebody has it"), DiskFullError("the disk is full"), FileError("cannot be written"),
    DamagedError("damaged"), ConflictError("a rule"),
]  # fmt: skip


@contextmanager
def station(folder: Path, country: Country) -> Iterator[tuple[Station, Journal]]:
    """A station over the software cards of a folder."""
    with Journal(folder / "journal") as journal:
        feeder = MemoryFeeder(CardShelf(folder / "cards", country.card_master_key, journal))
        try:
            yield Station(feeder, journal, country.card_master_key, country.trust, country.terminal), journal
        finally:
            feeder.close()


def failing(real: Callable[..., object], error: BaseException, at: int = 0) -> Callable[..., object]:
    """A function that raises at its call number `at`, counted from 0, and else does what it did."""
    count = iter(range(1_000_000))

    def function(*args: object, **more: object) -> object:
        if next(count) == at:
            raise error
        return real(*args, **more)

    return function


def ends_without_blame(folder: Path, country: Country, error: BaseException, number: int) -> None:
    """The run ends with this very error, nothing is said against the card, and the next run finishes it."""
    with station(folder, country) as (one, journal):
        with pytest.raises(type(error)) as caught:
            one.run(country.job(number))
        assert caught.value is error
        assert all(card.live for card in journal.cards())


def goes_on(folder: Path, country: Country, number: int) -> None:
    """The next run makes the card out of the one that was begun."""
    begun = [path.stem for path in (folder / "cards").glob("*.card")]
    with station(folder, country) as (one, _):
        result = one.run(country.job(number))
    assert result.verified
    assert [result.card_serial] == begun
    assert result.evidence.spoiled == result.evidence.set_aside == ()
    audit(folder / "journal", folder / "cards", {f"job-{number:05d}": f"0012{number:08d}"})


PLACES = [
    (profile, "select_applet", 0), (profile, "get_life_cycle", 0), (runner, "open_session", 0),
    (profile, "create_file", 0), (profile, "update_current", 0), (profile, "update_current", 3),
    (Scp03Session, "encrypt_sensitive", 0), (profile, "put_secrets", 0), (profile, "finish", 0), (profile, "lock", 0),
    (runner, "prove_card", 0), (judging, "judge_document", 0), (judging, "require_com", 0),
    (judging.card_fields, "decode", 0),
]  # fmt: skip


@pytest.mark.parametrize("error", [*MISTAKES, *HOUSE], ids=lambda error: type(error).__name__)
@pytest.mark.parametrize(("where", "name", "at"), PLACES, ids=lambda place: str(getattr(place, "__name__", place)))
def test_what_is_no_fault_of_the_card_is_not_blamed_on_it(
    tmp_path: Path,
    country: Country,
    monkeypatch: pytest.MonkeyPatch,
    where: object,
    name: str,
    at: int,
    error: BaseException,
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(where, name, failing(getattr(where, name), error, at))
        ends_without_blame(tmp_path, country, error, 1)
    goes_on(tmp_path, country, 1)


@pytest.mark.parametrize("error", [*MISTAKES[:2], *HOUSE], ids=lambda error: type(error).__name__)
@pytest.mark.parametrize(
    "kind",
    [RecordKind.BIND, RecordKind.REACHED, RecordKind.WRITTEN, RecordKind.LOCKED, RecordKind.VERIFIED],
)
def test_trouble_of_the_journal_ends_the_run_and_blames_no_card(
    tmp_path: Path, country: Country, monkeypatch: pytest.MonkeyPatch, kind: RecordKind, error: BaseException
) -> None:
    real = Journal.append

    def append(journal: Journal, record: JournalRecord) -> CardRecord:
        if record.kind is kind:
            raise error
        return real(journal, record)

    with monkeypatch.context() as patched:
        patched.setattr(Journal, "append", append)
        ends_without_blame(tmp_path, country, error, 2)
    goes_on(tmp_path, country, 2)


@pytest.mark.parametrize("error", [*MISTAKES[:2], *HOUSE], ids=lambda error: type(error).__name__)
def test_trouble_of_the_feeder_that_is_not_its_card_ends_the_run(
    tmp_path: Path, country: Country, monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(Journal, "append", failing(Journal.append, RuntimeError("killed"), at=3))
        with station(tmp_path, country) as (one, _), pytest.raises(RuntimeError):
            one.run(country.job(3))
    with monkeypatch.context() as patched:
        patched.setattr(MemoryFeeder, "take", failing(MemoryFeeder.take, error))
        ends_without_blame(tmp_path, country, error, 3)
    goes_on(tmp_path, country, 3)


@pytest.mark.parametrize("content", [b"CCCDVC1\n" + bytes(100), replace(CARD_FILE, version=9).header])
def test_a_card_file_of_another_version_is_no_fault_of_the_card(
    tmp_path: Path, country: Country, monkeypatch: pytest.MonkeyPatch, content: bytes
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(Journal, "append", failing(Journal.append, RuntimeError("killed"), at=3))
        with station(tmp_path, country) as (one, _), pytest.raises(RuntimeError):
            one.run(country.job(4))
    (path,) = (tmp_path / "cards").glob("*.card")
    whole = path.read_bytes()
    path.write_bytes(content)
    with station(tmp_path, country) as (one, journal):
        with pytest.raises(OtherVersionError):
            one.run(country.job(4))
        assert all(card.live for card in journal.cards())
    path.write_bytes(whole)
    goes_on(tmp_path, country, 4)


def test_trouble_on_one_lane_ends_the_run_for_all(
    tmp_path: Path, country: Country, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(profile, "finish", failing(profile.finish, RuntimeError("a mistake"), at=2))
        with station(tmp_path, country) as (one, journal):
            with pytest.raises(RuntimeError):
                list(one.run_all([country.job(number) for number in range(10, 16)]))
            assert [card.stage for card in journal.cards()] == [Stage.VERIFIED, Stage.VERIFIED, Stage.WRITING]
    with station(tmp_path, country) as (one, _):
        assert all(result.verified for result in one.run_all([country.job(number) for number in range(10, 16)]))
    audit(tmp_path / "journal", tmp_path / "cards", {f"job-{n:05d}": f"0012{n:08d}" for n in range(10, 16)})
    assert len(list((tmp_path / "cards").glob("*.card"))) == 6


@pytest.mark.parametrize(
    ("name", "error", "reason"),
    [
        ("create_file", CardError("no room", sw="6A84"), Reason(Trouble.CARD_REFUSED, StepName.CREATE_FILE, "6A84")),
        ("finish", CardError("not ready", sw="6985"), Reason(Trouble.CARD_REFUSED, StepName.OPEN_DOOR, "6985")),
        ("lock", CardError("no sense"), Reason(Trouble.CARD_REFUSED, StepName.LOCK, error="card")),
    ],
)
def test_what_the_card_itself_answers_spoils_it(
    tmp_path: Path, country: Country, monkeypatch: pytest.MonkeyPatch, name: str, error: CccdError, reason: Reason
) -> None:
    monkeypatch.setattr(profile, name, failing(getattr(profile, name), error))
    with station(tmp_path, country) as (one, journal):
        result = one.run(country.job(20))
        assert result.verified
        (spoiled,) = result.evidence.spoiled
        assert (spoiled.reason, spoiled.locked) == (reason, name == "lock")
        record = journal.card(spoiled.serial)
        assert record is not None
        assert (record.stage, record.reason) == (Stage.SPOILED, reason)
    with Journal(tmp_path / "journal") as journal:
        assert journal.card(spoiled.serial) == record


def test_a_chip_that_proves_less_than_ours_do_is_spoiled_and_counts_as_written(
    tmp_path: Path, country: Country, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = runner.prove_card

    def without_proof(*args: object, **more: object) -> verification.ProvedCard:
        card = real(*args, **more)  # type: ignore[arg-type]
        checks = (
            replace(check, outcome=Outcome.ABSENT) if check.name is CheckName.CHIP_AUTHENTICATION else check
            for check in card.checks
        )
        return replace(card, checks=tuple(checks))

    monkeypatch.setattr(runner, "prove_card", without_proof)
    with station(tmp_path, country) as (one, _):
        result = one.run(country.job(21))
    reason = Reason(Trouble.VERIFICATION_FAILED, check=CheckName.CHIP_AUTHENTICATION)
    assert (result.outcome, result.reason, result.written) == (JobOutcome.GIVEN_UP, reason, True)
    assert result.evidence.spoiled == tuple(SpoiledCard(card.serial, reason, True) for card in result.evidence.spoiled)
    assert len(result.evidence.spoiled) == 3
