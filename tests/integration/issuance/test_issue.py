"""The main job, from folders of dossiers to software cards that were read back."""

from __future__ import annotations

import json
import os
import threading
from collections import Counter
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from cccd_core import pki
from cccd_core.card import MemoryLink
from cccd_core.card.virtual import VirtualCard
from cccd_core.cli.common import run
from cccd_core.cli.main import build
from cccd_core.errors import (
    BusyError,
    ConflictError,
    DamagedError,
    FileError,
    ParameterError,
    SigningError,
    UnavailableError,
)
from cccd_core.inspection import Access, Verdict, inspect
from cccd_core.issuance import Means, issue
from cccd_core.issuance.audit.verify import verify
from cccd_core.issuance.register.numbers import clear_person_id
from cccd_core.issuance.register.store import Acceptance, CardStatus
from cccd_core.issuance.runs.orders import Order, Orders
from cccd_core.issuance.runs.paths import Paths
from cccd_core.issuance.runs.state import DossierState, RunState
from cccd_core.personalise import Feeder
from cccd_core.storage.lock import exclusive
from cccd_core.templates import mirrored, read, write
from support import cards, dossiers
from support.chaos import Puller, TearingFeeder, run_and_kill
from support.issuing import DAY, At, EmptyFeeder, Office, files, fingers_of, lines, outcomes
from support.patience import until


def mixed(office: Office) -> dict[str, tuple[str, str | None]]:
    """A batch with one of each ending, and what should become of it."""
    office.put("A1", 1)
    office.put("A2", 2, religion="Phật giáo", spouse="Lê Thị Hồng", old_number="012345678")
    office.put("A3", 3)
    later = dossiers.document(4, captured_at="2026-03-01T08:00:00+07:00")
    dossiers.put(office.batch(), "B1", later, fingers=fingers_of(1, again=True))
    office.put("C1", 5, personal_number="12345")
    dossiers.put(office.batch(), "C2", dossiers.document(6), fingers=fingers_of(6, positions=(2,)))
    return {
        "A1": ("verified", None),
        "A2": ("verified", None),
        "A3": ("verified", None),
        "B1": ("duplicate", "duplicate"),
        "C1": ("rejected", "number_structure"),
        "C2": ("rejected", "too_few_fingers"),
    }


def test_every_dossier_ends_as_it_should(office: Office) -> None:
    expected = mixed(office)
    seen: list[tuple[int, int, str]] = []
    report = office.issue(progress=lambda *step: seen.append(step))
    assert outcomes(report) == expected
    assert report.complete
    assert {what for _, _, what in seen} == {"check", "search", "cards"}
    assert seen[-1] == (3, 3, "cards")
    assert office.out().stat().st_mode & 0o777 == 0o700, "cards and journal are personal data"
    figures = json.loads((office.out() / "report.json").read_text(encoding="utf-8"))
    assert list(figures)[:9] == [
        "today", "received", "rejected", "unique", "review", "duplicates", "written", "verified", "seconds",
    ]  # fmt: skip
    assert (figures["received"], figures["unique"], figures["review"]) == (6, 3, 0)
    assert figures["rejected"] == {"number_structure": 1, "too_few_fingers": 1}
    assert (figures["written"], figures["verified"]) == (3, 3)
    (duplicate,) = figures["duplicates"]
    assert (duplicate["dossier"], duplicate["of"], sorted(duplicate["fingers"])) == ("B1", "A1", [1, 2, 7])
    assert duplicate["score"] > figures["scores"]["duplicate_threshold"]
    assert list(figures["seconds"]) == ["check", "search", "build", "sign", "write", "verify"]
    assert all(spent > 0 for spent in figures["seconds"].values())
    written = lines(office.out())
    assert [line["id"] for line in written] == sorted(expected)
    assert {line["id"]: (line["state"], line["reason"]) for line in written} == expected
    serials = {line["card_serial"] for line in written if line["state"] == "verified"}
    assert {path.stem for path in (office.out() / "cards").glob("*.card")} == serials
    assert len(serials) == 3
    page = (office.out() / "report.html").read_text(encoding="utf-8")
    assert page.count("data:image/png;base64,") == 1
    assert "http" not in page.replace("http-equiv", "")
    told = verify((office.out() / "audit.jsonl").read_bytes(), about=figures["run"]["id"], keys=office.audit_keys())
    assert (told.findings, told.entries, told.unsigned, told.blocks) == ((), 6, 0, 2)


def test_the_card_says_what_the_dossier_said(office: Office) -> None:
    mixed(office)
    report = office.issue()
    (entry,) = [entry for entry in report.entries if entry.dossier_id == "A2"]
    assert entry.card_serial is not None
    fields = dossiers.document(2)
    card = office.read_card(entry.card_serial, fields["personal_number"])
    assert card.verdict is Verdict.GENUINE
    said = json.dumps(card.as_dict()["fields"], ensure_ascii=False, default=str)
    for value in (fields["personal_number"], fields["full_name"], "Phật giáo", "Lê Thị Hồng", "012345678"):
        assert value in said


def test_an_authority_s_own_coding_is_on_its_cards(office: Office) -> None:
    """They are built, proved and read with one coding."""
    office.put("A2", 2, religion="Phật giáo")
    codec, usual = cards.Sealed(), office.means()
    report = office.issue(means=replace(usual, authority=lambda clock: replace(usual.authority(clock), codec=codec)))
    (entry,) = report.entries
    assert (entry.state, entry.card_serial is not None) == ("verified", True)
    fields = dossiers.document(2)
    plain = office.read_card(entry.card_serial or "", fields["personal_number"])
    assert "DG13.religion" in plain.odd
    card = office.read_card(entry.card_serial or "", fields["personal_number"], codec=codec)
    assert card.fields["DG13.religion"] == "Phật giáo"


def test_what_is_reported_holds_no_personal_data(office: Office) -> None:
    mixed(office)
    office.issue()
    for path in office.out().iterdir():
        if path.name in ("cards", "journal"):  # a card is its person's; the journal says whose it is
            continue
        data = path.read_bytes()
        for value in ("Nguyễn", "Hòa", "001088000001", "Phật", "012345678"):
            assert value.encode() not in data, f"{value} in {path.name}"


def test_running_again_changes_nothing(office: Office) -> None:
    mixed(office)
    office.issue()
    before, gallery = files(office.out()), files(office.gallery)
    report = office.issue()
    assert report.complete
    assert files(office.out()) == before
    assert files(office.gallery) == gallery


def test_another_output_folder_issues_nothing_twice(office: Office) -> None:
    mixed(office)
    first = office.issue()
    cards = office.register().cards()
    again = office.issue(out="again")
    states = outcomes(again)
    assert {states[name] for name in ("A1", "A2", "A3")} == {("rejected", "already_issued")}
    assert states["B1"] == ("duplicate", "duplicate")
    assert again.figures.duplicates[0].of == "A1"
    assert office.register().cards() == cards
    assert not (office.out("again") / "cards").exists()
    serial = {entry.dossier_id: entry.card_serial for entry in first.entries}
    told = {line["id"]: line["evidence"] for line in lines(office.out("again"))}
    assert told["A1"] == {"card_serial": serial["A1"]}


def test_dossiers_added_to_the_batch_are_issued_by_the_next_run(office: Office) -> None:
    office.put("A1", 1)
    office.put("A2", 2)
    office.issue()
    office.put("A3", 3)
    dossiers.put(office.batch(), "B2", dossiers.document(9), fingers=fingers_of(2, again=True))
    states = outcomes(office.issue())
    assert states == {
        "A1": ("verified", None),
        "A2": ("verified", None),
        "A3": ("verified", None),
        "B2": ("duplicate", "duplicate"),
    }


def test_exchange_and_reissue_against_the_register(office: Office) -> None:
    for person in range(1, 6):
        office.put(f"N{person}", person)
    office.issue()
    numbers = {person: dossiers.document(person)["personal_number"] for person in range(1, 8)}
    later = {"captured_at": "2026-05-05T08:00:00+07:00", "batch": "second"}
    exchange = {"kind": "exchange", "grounds": "holder_request", **later}
    office.put("E1", 1, again=True, **exchange)  # the holder
    office.put("E2", 2, again=True, **{**exchange, "kind": "reissue", "grounds": "lost"})
    dossiers.put(  # somebody else's fingers
        office.batch("second"), "E3", dossiers.document(3, kind="reissue", grounds="damaged"), fingers=fingers_of(33)
    )
    dossiers.put(  # another enrolled person's fingers
        office.batch("second"), "E4", dossiers.document(4, kind="reissue", grounds="damaged"),
        fingers=fingers_of(5, again=True),
    )  # fmt: skip
    office.put("E6", 6, **exchange, former_card="cccd")  # a card from before this register
    dossiers.put(office.batch("second"), "T5", dossiers.document(5), fingers=fingers_of(55))  # the number is taken
    dossiers.put(office.batch("second"), "S5", dossiers.document(5), fingers=fingers_of(5, again=True))  # and by itself
    report = office.issue("second", "second-out")
    assert outcomes(report) == {
        "E1": ("verified", None),
        "E2": ("verified", None),
        "E3": ("review", "own_record_mismatch"),
        "E4": ("duplicate", "duplicate"),
        "E6": ("verified", None),
        "S5": ("duplicate", "duplicate"),
        "T5": ("rejected", "number_taken"),
    }
    assert {one.dossier: one.of for one in report.figures.duplicates} == {"E4": "N5", "S5": "N5"}
    state = {card.dossier_id: card.status for card in office.register().cards()}
    assert state["N1"] == state["N2"] == CardStatus.SUPERSEDED
    assert state["N3"] == state["N4"] == state["N5"] == state["E1"] == state["E2"] == state["E6"] == CardStatus.VALID
    valid = Counter(card.number for card in office.register().cards() if card.status == CardStatus.VALID)
    assert set(valid.values()) == {1}
    assert numbers[6] in valid


def test_mirrored_prints_are_found_and_never_put_on_a_card(office: Office) -> None:
    for person in (1, 2):
        office.put(f"N{person}", person)
    office.issue()

    def images(person: int) -> dict[str, bytes]:
        fingers = fingers_of(person, again=True)
        return {name: write(mirrored(read(data).view), "iso-2005") for name, data in fingers.items()}

    later = {"captured_at": "2026-05-05T08:00:00+07:00"}
    dossiers.put(office.batch("second"), "B1", dossiers.document(9, **later), fingers=images(1))
    reissue = dossiers.document(2, kind="reissue", grounds="lost", **later)
    dossiers.put(office.batch("second"), "E2", reissue, fingers=images(2))
    report = office.issue("second", "second-out")
    assert outcomes(report) == {"B1": ("duplicate", "duplicate"), "E2": ("review", "own_record_mismatch")}
    told = {line["id"]: line["evidence"] for line in lines(office.out("second-out"))}
    assert (told["B1"]["search"]["of"], told["B1"]["search"]["reasons"]) == ("N1", ["match", "mirrored"])
    assert told["E2"]["own_record"]["reasons"] == ["match", "mirrored"]
    # hands that were exchanged, in an exchange of the holder's own card, are for people to look at, too
    taken = fingers_of(1, again=True)
    swapped = {f"{(int(name.partition('.')[0]) + 4) % 10 + 1}.fmr": data for name, data in taken.items()}
    exchange = dossiers.document(1, kind="exchange", grounds="holder_request", **later)
    dossiers.put(office.batch("third"), "E1", exchange, fingers=swapped)
    assert outcomes(office.issue("third", "third-out")) == {"E1": ("review", "own_record_mismatch")}
    (line,) = lines(office.out("third-out"))
    assert line["evidence"]["holder"] == "rearranged"


def test_a_number_established_anew_replaces_the_former_one(office: Office) -> None:
    office.put("N1", 1)
    office.issue()
    former = dossiers.document(1)["personal_number"]
    changed = {"kind": "exchange", "grounds": "number_established_anew", "old_number": former}
    number = "079088000777"
    office.put("E1", 1, again=True, batch="second", personal_number=number, **changed)
    assert outcomes(office.issue("second", "second-out")) == {"E1": ("verified", None)}
    cards = {card.dossier_id: card for card in office.register().cards()}
    assert (cards["N1"].status, cards["E1"].status) == (CardStatus.SUPERSEDED, CardStatus.VALID)
    assert cards["E1"].number == number
    # The person is one in the gallery: a third dossier under the new number is measured against the first fingers.
    third = {"kind": "reissue", "grounds": "lost", "batch": "third", "personal_number": number}
    office.put("E2", 1, again=True, **third)
    assert outcomes(office.issue("third", "third-out")) == {"E2": ("verified", None)}


def test_one_number_twice_in_a_batch(office: Office) -> None:
    office.put("A1", 1)
    dossiers.put(  # another person under the same number, captured later
        office.batch(), "A0", dossiers.document(1, captured_at="2026-06-01T08:00:00+07:00"), fingers=fingers_of(11)
    )
    dossiers.put(  # the same person again
        office.batch(), "A2", dossiers.document(1, captured_at="2026-06-02T08:00:00+07:00"),
        fingers=fingers_of(1, again=True),
    )  # fmt: skip
    assert outcomes(office.issue()) == {
        "A0": ("rejected", "number_repeated"),
        "A1": ("verified", None),
        "A2": ("duplicate", "duplicate"),
    }


def test_who_was_captured_first_is_the_original(office: Office) -> None:
    dossiers.put(
        office.batch(), "A", dossiers.document(1, captured_at="2026-06-02T08:00:00+07:00"), fingers=fingers_of(1)
    )
    dossiers.put(
        office.batch(), "B", dossiers.document(2, captured_at="2026-06-02T00:30:00+00:00"),
        fingers=fingers_of(1, again=True),
    )  # fmt: skip
    report = office.issue()
    assert report.figures.duplicates[0].dossier == "A"
    assert report.figures.duplicates[0].of == "B"


def test_those_without_fingers(office: Office) -> None:
    child = dossiers.document(1, personal_number="001222000001", birth_date="2022-03-03")
    dossiers.put(office.batch(), "child", child, fingers={})
    missing = {str(position): {"missing": "amputated"} for position in range(1, 11)}
    dossiers.put(office.batch(), "none", dossiers.document(2, fingers=missing), fingers={})
    one_left = {name: note for name, note in missing.items() if name != "7"}
    dossiers.put(office.batch(), "one", dossiers.document(3, fingers=one_left), fingers=fingers_of(3, positions=(7,)))
    assert outcomes(office.issue()) == {
        "child": ("verified", None),
        "none": ("review", "not_searchable"),
        "one": ("verified", None),
    }


def change(office: Office, old: str, new: str) -> None:
    dossier = office.batch() / "A1" / "dossier.json"
    dossier.write_text(dossier.read_text(encoding="utf-8").replace(old, new), encoding="utf-8")


def test_files_that_change_under_the_run_change_nothing(office: Office) -> None:
    """A dossier is read and checked once: what was checked is what is searched and what the card says."""
    office.put("A1", 1)
    office.put("A2", 2)

    def meddle(done: int, total: int, what: str) -> None:
        if what == "check" and done == total:
            change(office, "Hòa", "Bình")

    report = office.issue(progress=meddle)
    assert outcomes(report) == {"A1": ("verified", None), "A2": ("verified", None)}
    serial = report.entries[0].card_serial
    assert serial is not None
    fields = office.read_card(serial, dossiers.document(1)["personal_number"]).fields
    assert fields["DG13.full_name"] == "Nguyễn Văn Hòa"


@pytest.mark.parametrize("stage", ["check", "search"])
def test_files_that_change_between_two_runs_are_noticed(office: Office, stage: str) -> None:
    office.put("A1", 1)
    office.put("A2", 2)
    with pytest.raises(KeyboardInterrupt):
        office.issue(progress=_interrupt_at(stage))
    change(office, "Hòa", "Bình")
    report = office.issue()
    assert outcomes(report) == {"A1": ("failed", "batch_changed"), "A2": ("verified", None)}
    assert not report.complete
    # Put back as it was, it is issued by the next run.
    change(office, "Bình", "Hòa")
    assert outcomes(office.issue()) == {"A1": ("verified", None), "A2": ("verified", None)}


def test_an_accepted_dossier_that_changes_waits_until_it_is_put_back(office: Office) -> None:
    office.put("A1", 1, religion="Phật giáo")
    with pytest.raises(KeyboardInterrupt):
        office.issue(means=office.means(wrap=_Interrupted))
    change(office, "Hòa", "Bình")
    for _ in range(2):
        report = office.issue()
        assert outcomes(report) == {"A1": ("failed", "batch_changed")}
        assert report.figures.unique == 1, "it was searched, and is held"
        assert [card.serial for card in office.register().cards()] == [None]
    change(office, "Bình", "Hòa")
    assert outcomes(office.issue()) == {"A1": ("verified", None)}


def test_an_accepted_dossier_that_comes_back_changed_is_refused(office: Office) -> None:
    """Killed between the register's acceptance and the run's own note of it."""
    office.put("A1", 1)
    office.put("A2", 2)
    with pytest.raises(KeyboardInterrupt):
        office.issue(progress=_interrupt_at("search"))
    state, paths = RunState(office.out() / "run.sqlite"), Paths(office.gallery, office.out())
    number = dossiers.document(1)["personal_number"]
    (entry,) = [entry for entry in state.entries(DossierState.SOUND) if entry.dossier_id == "A1"]
    Orders(paths.orders).place([Order("A1", number, state.value("run"), entry.digest or "")])
    office.register().accept([Acceptance("A1", number, clear_person_id("A1", number), False, DAY, None)])
    change(office, "Hòa", "Bình")
    assert outcomes(office.issue()) == {"A1": ("failed", "batch_changed"), "A2": ("verified", None)}
    assert outcomes(office.issue()) == {"A1": ("rejected", "dossier_changed"), "A2": ("verified", None)}
    assert {card.dossier_id: card.serial is None for card in office.register().cards()} == {"A1": True, "A2": False}


class _Interrupted:
    """A feeder that is interrupted before it gives its first card."""

    def __init__(self, feeder: Feeder) -> None:
        self.feeder = feeder

    lanes = ("memory",)

    def take(self, lane: int, *, serial: str | None) -> None:
        raise KeyboardInterrupt

    def release(self, lane: int, card: object) -> None:
        pass

    def cancel(self) -> None:
        pass

    def close(self) -> None:
        self.feeder.close()


def _interrupt_at(stage: str, count: int = 1) -> Any:
    def progress(done: int, total: int, what: str) -> None:
        if what == stage and done >= count:
            raise KeyboardInterrupt

    return progress


@pytest.mark.parametrize("stage", ["check", "search", "cards"])
def test_interrupted_at_any_stage_the_next_run_goes_on(office: Office, stage: str) -> None:
    expected = mixed(office)
    with pytest.raises(KeyboardInterrupt):
        office.issue(progress=_interrupt_at(stage))
    assert outcomes(office.issue()) == expected
    assert len(office.register().cards()) == 3


def test_a_run_begun_elsewhere_is_not_taken_over(office: Office) -> None:
    office.put("A1", 1)
    office.put("A2", 2)
    with pytest.raises(KeyboardInterrupt):
        office.issue(progress=_interrupt_at("cards"))
    # A1 is issued; A2 was accepted by the first run and may lie half written in its reader.
    states = outcomes(office.issue(out="other"))
    assert sorted(states.values()) == [("failed", "in_other_run"), ("rejected", "already_issued")]
    assert set(outcomes(office.issue()).values()) == {("verified", None)}
    assert set(outcomes(office.issue(out="other")).values()) == {("rejected", "already_issued")}


def test_a_lost_run_is_taken_over_when_somebody_says_so(office: Office) -> None:
    office.put("A1", 1)
    office.put("A2", 2)
    with pytest.raises(KeyboardInterrupt):
        office.issue(progress=_interrupt_at("cards"))
    states = outcomes(office.issue(out="other"))
    (waiting,) = [name for name, (state, _) in states.items() if state == "failed"]
    lost = next(line["evidence"]["run"] for line in lines(office.out("other")) if line["id"] == waiting)
    assert outcomes(office.issue(out="other", take_over="not-that-run"))[waiting] == ("failed", "in_other_run")
    assert outcomes(office.issue(out="other", take_over=lost))[waiting] == ("verified", None)
    # Should the lost folder turn up again, it makes no second card.
    assert outcomes(office.issue())[waiting] == ("failed", "in_other_run")
    valid = [card for card in office.register().cards() if card.status == CardStatus.VALID]
    assert sorted(card.dossier_id for card in valid) == ["A1", "A2"]
    assert len({card.serial for card in valid}) == 2


def test_a_card_that_fails_is_tried_again(office: Office) -> None:
    expected = mixed(office)
    report = office.issue(means=office.means(wrap=EmptyFeeder))
    assert report.figures.failed == {"card_waiting": 3}
    assert report.figures.unique == 3
    assert not report.complete
    report = office.issue()
    assert outcomes(report) == expected
    assert report.figures.scores.highest_unique is not None


def test_one_run_at_a_time(office: Office) -> None:
    office.put("A1", 1)

    def again(*_: object) -> None:
        with pytest.raises(BusyError, match="using the output folder"):
            office.issue()
        with pytest.raises(BusyError, match="using the gallery"):
            office.issue(out="other")

    assert office.issue(progress=again).complete


@pytest.mark.parametrize("held", ["gallery", "output folder"])
def test_a_run_waits_for_another_where_it_is_to(office: Office, held: str) -> None:
    office.put("A1", 1)
    folder = office.gallery if held == "gallery" else office.out()
    said: list[str] = []
    with ExitStack() as other:
        other.enter_context(exclusive(folder / "lock", held))

        def waited(done: int, total: int, what: str) -> None:
            if what.startswith("wait") and len(said) < 3:
                said.append(what)
                if len(said) == 3:
                    other.close()

        assert office.issue(wait=True, progress=waited).complete
    assert said == [f"wait: another process is using the {held}"] * 3


def test_a_wait_is_given_up_and_nothing_was_begun(office: Office) -> None:
    office.put("A1", 1)

    def enough(done: int, total: int, what: str) -> None:
        raise KeyboardInterrupt

    with exclusive(office.gallery / "lock", "gallery"), pytest.raises(KeyboardInterrupt):
        office.issue(wait=True, progress=enough)
    assert not (office.out() / "run.sqlite").exists()


def test_the_command_says_that_it_waits(office: Office, capsys: pytest.CaptureFixture[str]) -> None:
    """As it is typed: a word at once, and the seconds when the wait is over."""
    office.put("A1", 1)
    words = ["issue", office.batch(), "--gallery", office.gallery, "--pki", office.pki, "--out", office.out(), "--wait"]
    with ExitStack() as other:
        other.enter_context(exclusive(office.gallery / "lock", "gallery"))
        until_said = threading.Thread(target=lambda: (until(lambda: bool(told)), other.close()))
        told: list[str] = []
        until_said.start()
        try:
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr("cccd_core.cli.issue.tell", told.append)
                assert run(build("issue"), [str(word) for word in words]) == 0
        finally:
            told.append("")
            until_said.join()
    assert told[0] == "another process is using the gallery: waiting for it to end; Ctrl-C gives up"
    assert "wait: another process is using the gallery: " in capsys.readouterr().err


def test_folders_that_do_not_belong_together(office: Office) -> None:
    office.put("A1", 1)
    office.issue()
    office.put("B1", 2, batch="second")
    with pytest.raises(ConflictError, match="another batch"):
        office.issue("second")
    with pytest.raises(FileError, match="no dossier"):
        office.issue(office.batch("empty"))
    with pytest.raises(FileError, match="neither"):
        office.issue(office.folder / "nowhere")


def test_folders_that_would_mix_are_refused(office: Office) -> None:
    office.put("A1", 1)
    batch = office.batch()
    for gallery, out in ((batch / "g", "out"), (batch, "out"), (office.gallery, "batch/out"), (office.out(), "out")):
        with pytest.raises(ParameterError, match=r"inside the batch|are the same"):
            issue(batch, gallery, office.out(out), office.means())
    assert [path.name for path in batch.iterdir()] == ["A1"]


def test_what_the_cards_need_is_asked_for_first(office: Office) -> None:
    office.put("A1", 1)
    began: list[object] = []
    for pki_dir, reader, error in (
        (office.folder / "no pki", "memory", FileError),
        (office.pki, "usb", ParameterError),
        (office.pki, "pcsc:a reader of this name there is not", UnavailableError),
    ):
        means = replace(Means.usual(pki_dir, reader), clock=At())
        with pytest.raises(error):
            issue(office.batch(), office.gallery, office.out(), means, progress=lambda *step: began.append(step))
    assert not began
    assert not office.register().cards()
    assert set(outcomes(office.issue()).values()) == {("verified", None)}
    # A finished run needs neither: it only says what was done.
    nothing = Means.usual(office.folder / "no pki", "usb")
    assert issue(office.batch(), office.gallery, office.out(), nothing).complete


def test_the_day_is_that_of_the_first_run(office: Office) -> None:
    office.put("A1", 1)
    with pytest.raises(KeyboardInterrupt):
        office.issue(progress=_interrupt_at("check"))
    office.issue(means=office.means(day=date(2026, 12, 24)))
    (card,) = office.register().cards()
    assert card.issue_date == date(2026, 11, 1)
    assert RunState(office.out() / "run.sqlite").day == date(2026, 11, 1)


def test_what_is_wrong_for_all_is_found_before_the_first_dossier(office: Office, tmp_path: Path) -> None:
    office.put("A1", 1)
    began: list[object] = []
    fresh = tmp_path / "late-pki"
    pki.init(fresh, now=datetime(2027, 1, 1, tzinfo=UTC))  # its signer is not valid yet
    for means, words in (
        (replace(office.means(), clock=At(date(2050, 1, 1))), "usage period is over"),
        (replace(office.means(), clock=At(date(2027, 1, 15))), "usage period is over"),  # its certificate is valid
        (replace(Means.usual(fresh, "memory"), clock=At(DAY)), "usage period has not begun"),
    ):
        with pytest.raises(SigningError, match=words):
            office.issue(means=means, progress=lambda *step: began.append(step))
    assert not began
    with pytest.raises(KeyboardInterrupt):
        office.issue(progress=_interrupt_at("check"))
    with pytest.raises(ConflictError, match="clock stands before"):
        office.issue(means=office.means(day=date(2026, 10, 31)))
    assert not office.register().cards()
    assert outcomes(office.issue()) == {"A1": ("verified", None)}


def test_a_gallery_that_lost_people_finds_nobody_unique(office: Office) -> None:
    office.put("A1", 1)
    child = dossiers.document(2, personal_number="001222000001", birth_date="2022-03-03")
    dossiers.put(office.batch(), "child", child, fingers={})  # known to the register, not to the gallery
    assert set(outcomes(office.issue()).values()) == {("verified", None)}
    later = dossiers.document(9, captured_at="2026-08-01T08:00:00+07:00")
    dossiers.put(office.batch("second"), "B1", later, fingers=fingers_of(1, again=True))
    (office.gallery / "gallery.sqlite").rename(office.gallery / "kept")
    with pytest.raises(DamagedError, match="lost people"):
        office.issue("second", "second-out")
    (office.gallery / "gallery.sqlite").unlink()
    (office.gallery / "kept").rename(office.gallery / "gallery.sqlite")
    assert outcomes(office.issue("second", "second-out")) == {"B1": ("duplicate", "duplicate")}


def test_a_run_goes_on_under_the_authority_that_began_it(office: Office, tmp_path: Path) -> None:
    office.put("A1", 1)
    with pytest.raises(KeyboardInterrupt):
        office.issue(progress=_interrupt_at("check"))
    other = tmp_path / "other-pki"
    pki.init(other, now=datetime(2026, 10, 1, tzinfo=UTC))
    with pytest.raises(ConflictError, match="another authority"):
        office.issue(means=replace(office.means(), authority=Means.usual(other, "memory").authority))
    assert outcomes(office.issue()) == {"A1": ("verified", None)}


def test_what_was_checked_is_gone_when_a_killed_run_is_finished(office: Office) -> None:
    office.put("A1", 1)
    assert run_and_kill(lambda: _issue_and_leave(office), None)
    left = [path for path in office.out().iterdir() if path.name.startswith("checked.sqlite")]
    assert any(b"Nguy" in path.read_bytes() for path in left)
    assert office.issue().complete
    for path in office.out().iterdir():
        if path.name.startswith("checked.sqlite"):
            assert b"001088000001" not in path.read_bytes()


def _issue_and_leave(office: Office) -> None:
    """Ends without a word once the last card is noted, as a kill would."""

    def leave(done: int, total: int, what: str) -> None:
        if what == "cards" and done == total:
            os._exit(0)

    office.issue(progress=leave)


def test_cards_of_one_run_are_refused_by_a_reader_without_their_trust(office: Office, tmp_path: Path) -> None:
    office.put("A1", 1)
    report = office.issue()
    (entry,) = report.entries
    other = tmp_path / "other-pki"
    pki.init(other)
    with VirtualCard.open(office.out() / "cards" / f"{entry.card_serial}.card") as card:
        number = dossiers.document(1)["personal_number"]
        found = inspect(MemoryLink(card), pki.load(other).trust_store(), access=Access(can=number[-6:]))
    assert found.verdict is Verdict.UNDECIDED


def test_a_pulled_card_is_finished_in_the_same_run(office: Office) -> None:
    mixed(office)
    puller = Puller(at={20, 75, 131})
    report = office.issue(means=office.means(wrap=lambda feeder: TearingFeeder(feeder, puller)))
    assert report.figures.verified == 3
    assert puller.pulled == [20, 75, 131]
