"""The station with software cards in memory: what the card holds at the end, what a rerun does, what stops a run."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from cccd_core.card import CardConnection, MemoryLink, profile
from cccd_core.card.card_keys import CardMasterKey, KeyDiversification, diversification_data
from cccd_core.card.scp03 import SecurityLevel, open_session
from cccd_core.card.virtual import VirtualCard
from cccd_core.emrtd import ChipImage, ElementaryFile
from cccd_core.emrtd.cv import Right
from cccd_core.errors import (
    AuthenticationError,
    BusyError,
    CertificateError,
    DiskFullError,
    FileError,
    FormatError,
    ParameterError,
    TransportError,
)
from cccd_core.inspection import Access, Check, CheckName, FileState, Outcome, Protocol, Verdict, inspect
from cccd_core.personalise import (
    FedCard,
    JobOutcome,
    Journal,
    Reason,
    SetAsideCard,
    SpoiledCard,
    Stage,
    Station,
    StationParameters,
    StepName,
    Trouble,
    card_master_key,
    file_digests,
    open_feeder,
    prove_card,
    require_means,
)
from cccd_core.personalise.memory_feeder import MemoryFeeder
from cccd_core.personalise.records import Bind, Spoiled
from cccd_core.personalise.shelf import CardShelf
from cccd_core.signing.cv import Terminal
from support import cards
from support.cards import Country
from support.chaos import audit
from support.chip import ScriptedLink
from support.terminals import Hierarchy, pair


class Works:
    """A station in memory with its journal and folder of cards, opened and closed as a run does."""

    def __init__(self, folder: Path, country: Country, master_key: CardMasterKey | None = None) -> None:
        self.folder = folder
        self.cards = folder / "cards"
        self.country = country
        self.master_key = master_key or country.card_master_key

    def __enter__(self) -> Works:
        self.journal = Journal(self.folder / "journal")
        self.shelf = CardShelf(self.cards, self.country.card_master_key, self.journal)
        self.feeder = MemoryFeeder(self.shelf)
        self.station = Station(self.feeder, self.journal, self.master_key, self.country.trust, self.country.terminal)
        return self

    def __exit__(self, *_: object) -> None:
        self.feeder.close()
        self.journal.close()

    def card(self, serial: str | None) -> VirtualCard:
        assert serial is not None
        return VirtualCard.open(self.cards / f"{serial}.card")


def test_a_card_is_written_locked_and_read_back_as_meant(tmp_path: Path, country: Country) -> None:
    job = country.job(1)
    with Works(tmp_path, country) as works:
        result = works.station.run(job)
        assert (result.outcome, result.reason, result.evidence.resumed) == (JobOutcome.VERIFIED, None, False)
        assert result.written
        assert result.write_s > 0
        assert result.verify_s > 0
        assert set(result.evidence.checks.values()) == {True}
        assert result.evidence.sod_sha256 == hashlib.sha256(job.image[ElementaryFile.EF_SOD]).hexdigest()
        json.dumps(result.as_dict())
        # A terminal of the country that knows the CAN sees the whole image, and the card takes no more writes.
        with works.card(result.card_serial) as card:
            access = Access(can=job.secrets.can, terminal=country.terminal)
            read = inspect(MemoryLink(card), country.trust, access=access)
            assert (read.verdict, read.reasons, read.expired) == (Verdict.GENUINE, (), False)
            assert read.files == job.image.files
            assert read.fields["DG13.full_name"] == cards.content(1).full_name
            assert read.fields["DG13.birth_date"] == cards.content(1).birth_date.isoformat()
            assert read.fields["DG1.personal_number"] == job.personal_number
            assert read.fields["DG3.finger_2"].startswith("ISO/IEC 19794-2:2005")
            connection = CardConnection(MemoryLink(card))
            profile.select_applet(connection)
            assert profile.get_life_cycle(connection) is profile.LifeCycle.LOCKED


def test_an_authority_s_own_coding_of_dg13_is_made_and_proved_with_it(tmp_path: Path, country: Country) -> None:
    codec = cards.Sealed()
    job = cards.job(1, country.signer, country.cvca_certificate, codec=codec)
    with Works(tmp_path / "without", country) as works:
        result = works.station.run(job)
        assert (result.outcome, result.card_serial) == (JobOutcome.GIVEN_UP, None), "no card is touched for it"
    with Works(tmp_path / "with", country) as works:
        station = Station(
            works.feeder, works.journal, works.master_key, country.trust, country.terminal, codec=codec
        )  # fmt: skip
        result = station.run(job)
        assert (result.outcome, set(result.evidence.checks.values())) == (JobOutcome.VERIFIED, {True})


def test_the_machine_readable_zone_opens_the_same_card(tmp_path: Path, country: Country) -> None:
    job = country.job(2)
    with Works(tmp_path, country) as works, works.card(works.station.run(job).card_serial) as card:
        read = inspect(MemoryLink(card), country.trust, access=Access(mrz=job.secrets.mrz_information))
        assert (read.verdict, read.protocol) == (Verdict.GENUINE, Protocol.PACE)
        # Without a terminal's rights the fingers stay shut, and the card is no less genuine for it.
        fingers = ElementaryFile.DG3
        assert read.found[fingers].state is FileState.SHUT
        assert read.files == {file: data for file, data in job.image.files.items() if file is not fingers}
        assert read.check(CheckName.TERMINAL_AUTHENTICATION) is None
        terminal = Access(mrz=job.secrets.mrz_information, terminal=country.terminal)
        read = inspect(MemoryLink(card), country.trust, access=terminal)
        assert read.files == job.image.files
        assert read.check(CheckName.TERMINAL_AUTHENTICATION) == Check(
            CheckName.TERMINAL_AUTHENTICATION, Outcome.HELD, "DG3 DG4"
        )
        # The chip refuses one of the same names with another key; for one of other names there is nothing to show it.
        for other, outcome in (("VNTESTCVCA00001", Outcome.FAILED), ("XXOTHERCVC00001", Outcome.UNTOLD)):
            stranger = Access(mrz=job.secrets.mrz_information, terminal=Hierarchy(pair(other)).terminal())
            read = inspect(MemoryLink(card), country.trust, access=stranger)
            assert read.verdict is Verdict.GENUINE
            check = read.check(CheckName.TERMINAL_AUTHENTICATION)
            assert check is not None
            assert check.outcome is outcome
            assert read.found[fingers].state is FileState.SHUT


def test_a_wrong_can_is_a_failed_check_and_nothing_is_read(tmp_path: Path, country: Country) -> None:
    job = country.job(3)
    with Works(tmp_path, country) as works, works.card(works.station.run(job).card_serial) as card:
        wrong = f"{(int(job.secrets.can) + 1) % 1_000_000:06d}"
        read = inspect(MemoryLink(card), country.trust, access=Access(can=wrong))
        assert (read.verdict, read.protocol) == (Verdict.UNDECIDED, None)
        assert [check.name for check in read.checks if check.outcome is Outcome.FAILED] == [CheckName.PACE]
        assert set(read.files) <= {ElementaryFile.EF_CARDACCESS}
        assert read.fields == {}


def test_another_country_does_not_vouch_for_the_card(tmp_path: Path, country: Country) -> None:
    foreign = Country.make(tmp_path / "foreign")
    job = country.job(4)
    with Works(tmp_path, country) as works:
        with works.card(works.station.run(job).card_serial) as card:
            meant = file_digests(job.image)
            read = prove_card(MemoryLink(card), foreign.trust, access=Access(can=job.secrets.can), expected=meant)
        assert read.failed is CheckName.PASSIVE_AUTHENTICATION
        assert read.inspection.verdict is Verdict.UNDECIDED
        # And no card is spent on an image that no reader would accept.
        before = sorted(works.cards.iterdir())
        flawed = works.station.run(foreign.job(5))
        assert (flawed.outcome, flawed.card_serial) == (JobOutcome.GIVEN_UP, None)
        assert flawed.reason == Reason(Trouble.IMAGE_UNSOUND, error="certificate")
        assert sorted(works.cards.iterdir()) == before


def test_a_changed_data_group_is_found_before_a_card_is_spent(tmp_path: Path, country: Country) -> None:
    job = country.job(6)
    files = dict(job.image.files)
    files[ElementaryFile.DG1] = files[ElementaryFile.DG1][:-1] + b"9"
    with Works(tmp_path, country) as works:
        result = works.station.run(replace(job, image=ChipImage(files)))
        assert (result.outcome, str(result.reason)) == (JobOutcome.GIVEN_UP, "image_unsound:verification")
        assert list(works.cards.iterdir()) == []


def test_an_image_that_lacks_what_a_reader_needs_is_no_job(country: Country) -> None:
    job = country.job(6)
    for file in (ElementaryFile.DG15, ElementaryFile.EF_SOD, ElementaryFile.EF_CARDACCESS):
        rest = {f: content for f, content in job.image.files.items() if f is not file}
        with pytest.raises(ParameterError, match="lacks files"):
            replace(job, image=ChipImage(rest))


def test_a_card_with_other_content_than_meant_is_spoiled(tmp_path: Path, country: Country) -> None:
    """Everything on the card is authentic, yet it is not what this job meant: another signature of the same data."""
    job, other = country.job(7), country.job(7)
    with Works(tmp_path, country) as works:
        result = works.station.run(job)
        with works.card(result.card_serial) as card:
            access = Access(can=job.secrets.can, terminal=country.terminal)
            read = prove_card(MemoryLink(card), country.trust, access=access, expected=file_digests(other.image))
            assert read.failed is CheckName.AS_MEANT
            detail = next(check.detail for check in read.checks if check.passed is False)
            assert "DG14" in detail
            assert "DG15" in detail
            assert "EF_SOD" in detail
            assert "DG1 " not in detail


def test_what_a_chip_does_not_offer_is_neither_held_nor_failed(country: Country) -> None:
    """A chip of another maker: no chip keys, so no chip or active authentication; it may be a copy."""
    from cccd_core.emrtd.mrz import for_card
    from cccd_core.signing import build_image

    person = cards.content(200, fingers=())
    image = build_image(person, country.signer)
    secrets = for_card(person).information
    with VirtualCard.create(None, master_key=country.card_master_key) as card:
        connection = CardConnection(MemoryLink(card))
        profile.select_applet(connection)
        keys = country.card_master_key.chooser(card.serial)
        session = open_session(connection, keys, SecurityLevel.ALL)
        for file, data in image.files.items():
            profile.write_file(connection, file, data)
        profile.put_secrets(connection, session, can="123456", mrz_information=secrets)
        profile.finish(connection)
        read = inspect(MemoryLink(card), country.trust, access=Access(mrz=secrets))
    outcomes = {check.name: check.outcome for check in read.checks}
    assert outcomes[CheckName.CHIP_AUTHENTICATION] is Outcome.ABSENT
    assert outcomes[CheckName.ACTIVE_AUTHENTICATION] is Outcome.ABSENT
    assert outcomes[CheckName.PASSIVE_AUTHENTICATION] is Outcome.HELD
    assert read.verdict is Verdict.UNDECIDED
    assert "no copy" in read.reasons[0]


def test_a_locked_card_is_verified_against_what_was_written_then(tmp_path: Path, country: Country) -> None:
    """The lock's answer and the journal's note of it are lost; the next run brings another image."""
    job = country.job(8)
    with Works(tmp_path, country) as works:
        serial = works.station.run(job).card_serial
    data = (tmp_path / "journal").read_bytes()
    cut = data.rindex(b"REC1", 0, data.rindex(b"REC1"))  # the records `locked` and `verified` go
    (tmp_path / "journal").write_bytes(data[:cut])
    with Works(tmp_path, country) as works:
        known = works.journal.card_of_job(job.job_id)
        assert known is not None
        assert known.stage is Stage.WRITTEN
        again = works.station.run(country.job(8))
        assert (again.outcome, again.card_serial, again.evidence.resumed) == (JobOutcome.VERIFIED, serial, True)
        assert again.evidence.sod_sha256 == hashlib.sha256(job.image[ElementaryFile.EF_SOD]).hexdigest()


def test_a_blank_left_behind_is_used_and_a_strange_card_is_not(tmp_path: Path, country: Country) -> None:
    folder = tmp_path / "cards"
    folder.mkdir()
    key = country.card_master_key
    VirtualCard.create(folder / f"{'0A' * 8}.card", serial=b"\x0a" * 8, master_key=key).close()
    with VirtualCard.create(folder / f"{'09' * 8}.card", serial=b"\x09" * 8, master_key=key) as strange:
        connection = CardConnection(MemoryLink(strange))
        profile.select_applet(connection)
        open_session(connection, key.chooser(b"\x09" * 8), SecurityLevel.ALL)
        profile.create_file(connection, ElementaryFile.DG1, 10)
    with Works(tmp_path, country) as works:
        result = works.station.run(country.job(9))
        assert result.verified
        assert result.card_serial == "0A" * 8
        assert result.evidence.set_aside == (SetAsideCard("09" * 8, Reason(Trouble.NOT_BLANK)),)
        audit_free = works.journal.card("09" * 8)
        assert audit_free is not None
        assert audit_free.stage is Stage.SET_ASIDE


def test_every_card_gets_the_key_that_takes_the_transport_keys_place(tmp_path: Path, country: Country) -> None:
    """Also a card that was torn out behind PUT KEY: by its key version it says which keys it has."""
    transport = country.card_master_key
    own = CardMasterKey(b"K" * 32, KeyDiversification.KDF3, version=2)
    folder = tmp_path / "cards"
    folder.mkdir()
    torn = b"\x0b" * 8
    VirtualCard.create(folder / f"{'0B' * 8}.card", serial=torn, master_key=own).close()
    both = CardMasterKey(transport.key, replacement=own)
    with Works(tmp_path, country, master_key=both) as works:
        results = [works.station.run(country.job(number)) for number in (21, 22)]
        assert [result.outcome for result in results] == [JobOutcome.VERIFIED] * 2
        assert results[0].card_serial == "0B" * 8
        for result in results:
            with works.card(result.card_serial) as card:
                keys = card.memory.identity.keys
                assert keys == own.keys_of(card.serial, diversification_data(card.serial))


def test_a_card_that_refuses_its_new_keys_is_put_aside(tmp_path: Path, country: Country) -> None:
    transport = country.card_master_key
    own = CardMasterKey(bytes(32), version=2)
    with Works(tmp_path, country, master_key=CardMasterKey(transport.key, replacement=own)) as works:
        refusing = _Refusing(works.feeder, 0xD8, 0x6A84)
        station = Station(refusing, works.journal, works.master_key, country.trust, country.terminal)
        result = station.run(country.job(23))
        refused = Reason(Trouble.CARD_REFUSED, step=StepName.PUT_KEYS, sw="6A84")
        assert (result.outcome, result.reason) == (JobOutcome.GIVEN_UP, refused)
        assert {aside.reason for aside in result.evidence.set_aside} == {refused}


class _Refusing:
    """A feeder whose cards answer one instruction with this status word."""

    def __init__(self, feeder: MemoryFeeder, ins: int, sw: int) -> None:
        self.feeder, self.ins, self.sw = feeder, ins, sw
        self.lanes, self.release = feeder.lanes, feeder.release
        self.cancel, self.close = feeder.cancel, feeder.close

    def take(self, lane: int, *, serial: str | None) -> FedCard | None:
        fed = self.feeder.take(lane, serial=serial)
        if fed is None:
            return None
        link = fed.link

        def answer(command: bytes) -> bytes:
            return self.sw.to_bytes(2, "big") if command[1] == self.ins else link.transmit(command)

        scripted = ScriptedLink(answer)
        scripted.close = link.close
        return FedCard(scripted, fed.reader, fed.path)


def test_the_wrong_master_key_stops_the_station_after_three_cards(tmp_path: Path, country: Country) -> None:
    with Works(tmp_path, country, master_key=CardMasterKey(bytes(32))) as works:
        first = works.station.run(country.job(10))
        assert (first.outcome, first.reason) == (JobOutcome.GIVEN_UP, Reason(Trouble.KEY_REFUSED))
        with pytest.raises(AuthenticationError, match="master key"):
            works.station.run(country.job(11))
        assert len(list(works.cards.glob("*.card"))) == 3
        assert [card.stage for card in works.journal.cards()] == [Stage.SET_ASIDE] * 3
        for path in works.cards.glob("*.card"):
            with VirtualCard.open(path) as card:
                # One attempt each, and nothing written.
                assert card.memory.channel_failures <= 1
                assert card.life_cycle is profile.LifeCycle.BLANK
    with Works(tmp_path, country) as works:
        assert works.station.run(country.job(10)).verified


def test_a_damaged_card_file_is_a_spoiled_card(tmp_path: Path, country: Country) -> None:
    job = country.job(12)
    with Works(tmp_path, country) as works:
        blank = works.shelf.blank()
        works.journal.append(Bind(blank, job.job_id, job.personal_number, {}))
        path = works.cards / f"{blank}.card"
        path.write_bytes(b"this is no card")
        result = works.station.run(job)
        assert result.verified
        damaged = Reason(Trouble.CARD_FILE_DAMAGED, step=StepName.TAKE)
        assert result.evidence.spoiled == (SpoiledCard(blank, damaged, False),)
        assert result.card_serial != blank


def test_a_lost_card_waits_and_is_never_replaced_by_itself(tmp_path: Path, country: Country) -> None:
    """A bound card that is not there might be anywhere: only somebody's word (spoil) frees its number."""
    job = country.job(13)
    with Works(tmp_path, country) as works:
        blank = works.shelf.blank()
        works.journal.append(Bind(blank, job.job_id, job.personal_number, {}))
        (works.cards / f"{blank}.card").unlink()
        result = works.station.run(job)
        assert (result.outcome, str(result.reason), result.card_serial) == (
            JobOutcome.WAITING,
            "card_not_presented",
            blank,
        )
        works.journal.append(Spoiled(blank, Reason(Trouble.LOST)))
        assert works.station.run(job).verified


@pytest.mark.parametrize(("what", "room"), [("journal", 12_000), ("card file", 40_000)])
def test_a_full_disk_stops_the_run_spoils_no_card_and_the_next_run_finishes(
    tmp_path: Path, country: Country, monkeypatch: pytest.MonkeyPatch, what: str, room: int
) -> None:
    real = os.pwrite
    left = room

    def limited(file: int, data: memoryview, position: int) -> int:
        nonlocal left
        if Path(f"/proc/self/fd/{file}").samefile(tmp_path / "journal") != (what == "journal"):
            return real(file, data, position)
        if len(data) > left:
            raise OSError(errno.ENOSPC, "No space left on device")
        left -= len(data)
        return real(file, data, position)

    people = range(20, 28)
    with Works(tmp_path, country) as works:
        monkeypatch.setattr(os, "pwrite", limited)
        with pytest.raises(DiskFullError, match=f"{what} cannot be written"):
            list(works.station.run_all([country.job(number) for number in people]))
        monkeypatch.undo()
        assert not [card for card in works.journal.cards() if not card.live]
        begun = [card.serial for card in works.journal.cards()]
        assert begun
        if what == "journal":
            with pytest.raises(FileError, match="no more records"):
                works.station.run(country.job(20 + len(people)))
    with Works(tmp_path, country) as works:
        results = list(works.station.run_all(country.job(number) for number in people))
        assert all(result.verified for result in results)
        assert [result.card_serial for result in results][: len(begun)] == begun
    audit(tmp_path / "journal", tmp_path / "cards", {f"job-{n:05d}": f"0012{n:08d}" for n in people})


def test_a_station_stops_between_two_instructions_and_goes_on_later(tmp_path: Path, country: Country) -> None:
    job = country.job(30)
    with Works(tmp_path, country) as works:
        take = works.feeder.take

        def take_and_stop(lane: int, *, serial: str | None) -> FedCard | None:
            card = take(lane, serial=serial)
            works.station.stop()
            return card

        works.feeder.take = take_and_stop  # type: ignore[method-assign]
        result = works.station.run(job)
        assert (result.outcome, result.reason) == (JobOutcome.WAITING, Reason(Trouble.STOPPED))
    with Works(tmp_path, country) as works:
        assert works.station.run(country.job(30)).verified
        assert len(list(works.cards.glob("*.card"))) == 1


def test_results_are_lazy_and_progress_is_told(tmp_path: Path, country: Country) -> None:
    taken: list[int] = []
    told: list[tuple[int, int, str]] = []

    def jobs() -> object:
        for number in range(40, 44):
            taken.append(number)
            yield country.job(number)

    with Works(tmp_path, country) as works:
        results = works.station.run_all(jobs(), progress=lambda *step: told.append(step))  # type: ignore[arg-type]
        next(results)
        assert taken == [40]
        assert [result.job_id for result in results] == ["job-00041", "job-00042", "job-00043"]
    assert told == [(1, 0, "cards"), (2, 0, "cards"), (3, 0, "cards"), (4, 0, "cards")]


def test_neither_journal_nor_results_hold_a_secret(tmp_path: Path, country: Country) -> None:
    job = country.job(50)
    with Works(tmp_path, country) as works:
        result = works.station.run(job)
        shown = repr(job) + repr(result) + json.dumps(result.as_dict())
    kept = (tmp_path / "journal").read_bytes()
    assert job.personal_number not in shown
    assert not re.search(rf"\D{job.secrets.can}\D", shown)
    for secret in (job.secrets.ca_private_key, job.secrets.aa_private_key):
        scalar = secret[-32:]
        assert secret not in kept
        assert scalar not in kept
        assert secret.hex() not in shown
        assert scalar.hex() not in kept.decode("latin-1").lower()
    assert job.secrets.mrz_information.key_source.encode() not in kept
    assert cards.content(50).full_name not in kept.decode("utf-8", "replace")


def test_names_of_readers_and_lanes_are_checked(tmp_path: Path, country: Country) -> None:
    with Works(tmp_path, country) as works:
        for spec in ("", "memory:", "memory:x", "pcsc:", "usb"):
            with pytest.raises(ParameterError):
                open_feeder(spec, tmp_path, card_master_key=CardMasterKey(bytes(32)), journal=works.journal)
        with pytest.raises(ParameterError, match="lane"):
            works.station.run(country.job(60), lane=1)
        with pytest.raises(ParameterError):
            StationParameters(refusals_before_stop=0)
        with pytest.raises(BusyError, match="another process"):
            Journal(tmp_path / "journal")


class SeveralLanes:
    """Real software cards in several lanes, each lane with its own troubles: `stock` blank cards, or a reader that
    fails after so many."""

    def __init__(self, works: Works, stock: list[int], *, fails: bool = False) -> None:
        self.feeders = [MemoryFeeder(works.shelf) for _ in stock]
        self.stock = stock
        self.fails = fails
        self.busy = [False] * len(stock)

    @property
    def lanes(self) -> tuple[str, ...]:
        return tuple(f"lane {number}" for number in range(len(self.stock)))

    def take(self, lane: int, *, serial: str | None) -> FedCard | None:
        assert not self.busy[lane], "two threads in one lane"
        if serial is None and self.stock[lane] == 0:
            if self.fails:
                raise TransportError("the reader failed", reader=lane)
            return None
        self.stock[lane] -= serial is None
        card = self.feeders[lane].take(0, serial=serial)
        self.busy[lane] = card is not None
        return card

    def release(self, lane: int, card: FedCard) -> None:
        self.busy[lane] = False
        self.feeders[lane].release(0, card)

    def cancel(self) -> None:
        for feeder in self.feeders:
            feeder.cancel()

    def close(self) -> None:
        for feeder in self.feeders:
            feeder.close()


def lanes_station(works: Works, stock: list[int], *, fails: bool = False) -> Station:
    feeder = SeveralLanes(works, stock, fails=fails)
    return Station(
        feeder,
        works.journal,
        works.master_key,
        works.country.trust,
        works.country.terminal,
        parameters=StationParameters(jobs_ahead=2),
    )


def test_results_keep_the_order_of_the_jobs_over_several_lanes(tmp_path: Path, country: Country) -> None:
    people = range(70, 82)
    with Works(tmp_path, country) as works:
        results = list(lanes_station(works, [99, 99, 99]).run_all(country.job(number) for number in people))
        assert [result.job_id for result in results] == [f"job-{number:05d}" for number in people]
        assert all(result.verified for result in results)
    audit(tmp_path / "journal", tmp_path / "cards", {f"job-{n:05d}": f"0012{n:08d}" for n in people})


@pytest.mark.parametrize("fails", [False, True])
def test_a_lane_without_cards_or_reader_leaves_its_jobs_to_the_others(
    tmp_path: Path, country: Country, fails: bool
) -> None:
    people = range(82, 90)
    with Works(tmp_path, country) as works:
        station = lanes_station(works, [1, 99, 0], fails=fails)
        results = list(station.run_all(country.job(number) for number in people))
        assert [result.reason for result in results] == [None] * len(people)


def test_when_no_lane_has_cards_the_rest_waits(tmp_path: Path, country: Country) -> None:
    people = range(90, 98)
    with Works(tmp_path, country) as works:
        done = works.station.run(country.job(97))
        results = list(lanes_station(works, [2, 1]).run_all(country.job(number) for number in people))
        assert sorted(result.outcome for result in results[:-1]) == ["verified"] * 3 + ["waiting"] * 4
        assert {str(result.reason) for result in results if not result.verified} == {"no_card"}
        # A job that an earlier run finished needs no card.
        assert results[-1].card_serial == done.card_serial
        assert all(result.verified for result in works.station.run_all(country.job(number) for number in people))


def test_when_every_reader_fails_the_run_ends_with_that_error(tmp_path: Path, country: Country) -> None:
    with Works(tmp_path, country) as works:
        results = lanes_station(works, [1, 1], fails=True).run_all(country.job(number) for number in range(100, 110))
        with pytest.raises(TransportError, match="the reader failed"):
            list(results)


def test_two_jobs_of_one_person_at_once_make_one_card(tmp_path: Path, country: Country) -> None:
    job = country.job(120)
    twin = replace(country.job(120), job_id="another dossier")
    with Works(tmp_path, country) as works:
        results = list(lanes_station(works, [99, 99]).run_all([job, twin]))
        assert sorted(result.outcome for result in results) == ["refused", "verified"]
        assert len([card for card in works.journal.cards() if card.live]) == 1


def test_leaving_early_stops_every_lane(tmp_path: Path, country: Country) -> None:
    people = range(130, 150)
    with Works(tmp_path, country) as works:
        results = lanes_station(works, [99, 99]).run_all(country.job(number) for number in people)
        next(results)
        results.close()  # type: ignore[attr-defined]
        assert len(works.journal.cards()) < len(people)


def test_what_is_wrong_for_all_is_found_before_the_first_job(tmp_path: Path, country: Country) -> None:
    foreign = Country.make(tmp_path / "foreign").directory.document_signer_certificate
    signer, trust = country.directory.document_signer_certificate, country.directory.trust_store()
    terminal = country.terminal
    require_means(trust, signer, terminal)
    with pytest.raises(CertificateError):
        require_means(trust, foreign, terminal)
    with pytest.raises(CertificateError, match="not valid then"):
        require_means(trust, signer, terminal, at=datetime(1970, 1, 2, tzinfo=UTC))
    later = datetime.now(UTC) + timedelta(days=120)
    with pytest.raises(CertificateError, match="terminal's chain"):
        require_means(trust, signer, terminal, at=later)
    made = Hierarchy()
    ages = 20_000
    chain = (made.verifier(expiration=ages), made.inspector(Right.READ_DG4, expiration=ages))
    blind = Terminal(chain[1], chain[:1], (made.root(expiration=ages),), made.system.signer)
    with pytest.raises(CertificateError, match="may not read fingers"):
        require_means(trust, signer, blind)
    (tmp_path / "card_master_key.hex").write_text("4041\n")
    with pytest.raises(FormatError):
        card_master_key(tmp_path)
    with pytest.raises(FileError):
        card_master_key(tmp_path / "none")


def test_the_log_tells_of_cards_and_never_of_people(
    tmp_path: Path, country: Country, caplog: pytest.LogCaptureFixture
) -> None:
    job = country.job(160)
    with Works(tmp_path, country) as works, caplog.at_level("DEBUG", logger="cccd_core"):
        serial = works.station.run(job).card_serial
        works.station.stop()
    told = [record.getMessage() for record in caplog.records if record.levelname != "DEBUG"]
    words = ("bind", "written", "locked", "verified")
    assert told == [f"card {serial}, job {job.job_id}: {word}" for word in words] + ["the station stops"]
    traced = [record.getMessage() for record in caplog.records if record.name == "cccd_core.card.trace"]
    assert len(traced) > 100
    assert all(line.endswith("-> no answer") or " nr=" in line for line in traced)
    everything = "\n".join(record.getMessage() for record in caplog.records)
    assert job.personal_number not in everything
    assert job.secrets.can not in everything
    assert country.card_master_key.key.hex() not in everything.lower()


def test_nothing_is_traced_when_nobody_listens(
    tmp_path: Path, country: Country, caplog: pytest.LogCaptureFixture
) -> None:
    with Works(tmp_path, country) as works, caplog.at_level("INFO", logger="cccd_core"):
        assert works.station.run(country.job(161)).verified
    assert not [record for record in caplog.records if record.name == "cccd_core.card.trace"]
