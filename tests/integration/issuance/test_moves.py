"""What `issue` says in the register of dossiers, on both databases: every step once, whatever is killed between, and
nobody gets a card whose dossier came to an end there."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from cccd_core.cli.common import run
from cccd_core.cli.main import build
from cccd_core.country.clock import VIETNAM
from cccd_core.dedup import open_gallery
from cccd_core.errors import ConflictError, ParameterError
from cccd_core.issuance import Report
from cccd_core.issuance.audit.entry import Actor, Role
from cccd_core.issuance.correction.acts import ActEnd, Ordered
from cccd_core.issuance.correction.doing import Corrections
from cccd_core.issuance.correction.store import Acts
from cccd_core.issuance.dossiers.batch import open_batch
from cccd_core.issuance.register.dossiers import DossierRegister
from cccd_core.issuance.register.life import State
from cccd_core.issuance.register.records import Move
from cccd_core.issuance.register.units import UNKNOWN
from cccd_core.issuance.review.settle import Answer, Vote
from cccd_core.issuance.review.store import Cases
from cccd_core.issuance.review.words import stage
from cccd_core.issuance.runs.moves import DossierMoves, Received
from cccd_core.personalise import Feeder
from cccd_core.templates import write
from support import dossiers
from support.issuing import DAY, EmptyFeeder, Office, files, fingers_of, other_impression, outcomes
from support.register import PLACES, places, receipt, with_units

ACCEPTED = ["received", "checked", "searched", "approved"]
MADE = [*ACCEPTED, "signed", "written", "verified"]

at = pytest.fixture(params=PLACES)(places)


@dataclass
class Counted:
    """An office, and the register that its runs use."""

    office: Office
    at: Path | str
    dossiers: DossierRegister
    more: dict[str, Any] = field(default_factory=dict)

    def issue(self, batch: str = "batch", out: str = "out", **more: Any) -> Report:
        return self.office.issue(batch, out, register=self.at, **{**self.more, **more})

    def way(self, dossier: str) -> list[str]:
        return [str(event.to) for event in self.dossiers.events(dossier)]

    def reasons(self, dossier: str) -> list[str | None]:
        return [event.reason for event in self.dossiers.events(dossier)]

    def move(self, dossier: str, to: State, **more: Any) -> None:
        self.dossiers.move_many([Move(dossier, to, "by hand", **more)])

    def sound(self) -> None:
        assert list(self.dossiers.faults()) == []


@pytest.fixture
def counted(office: Office, at: Path | str) -> Iterator[Counted]:
    with_units(at)
    with closing(DossierRegister(at, due=lambda day: day)) as opened:
        yield Counted(office, at, opened)


def stopped(feeder: Feeder) -> Feeder:
    """Ends a run when it has accepted its dossiers, before anything is signed."""
    feeder.close()
    raise KeyboardInterrupt


def test_every_dossier_goes_its_way_and_a_second_call_says_nothing(counted: Counted) -> None:
    office = counted.office
    office.put("A1", 1, unit="n1", operator="hanh")
    later = dossiers.document(4, captured_at="2026-03-01T08:00:00+07:00")
    dossiers.put(office.batch(), "B1", later, fingers=fingers_of(1, again=True))
    office.put("C1", 5, personal_number="12345", unit="n2")
    (office.batch() / "C2").mkdir()
    office.put("E1", 6, kind="exchange", grounds="holder_request")
    report = counted.issue(order="12/QD")
    assert outcomes(report) == {
        "A1": ("verified", None), "B1": ("duplicate", "duplicate"), "C1": ("rejected", "number_structure"),
        "C2": ("rejected", "dossier_unreadable"), "E1": ("rejected", "number_unknown"),
    }  # fmt: skip
    assert counted.way("A1") == MADE
    assert counted.way("B1") == ["received", "checked", "searched", "rejected"]
    assert counted.way("C1") == ["received", "rejected"]
    assert counted.way("C2") == [], "what does not say what it is cannot be received"
    assert counted.way("E1") == ["received", "checked", "searched", "rejected"]
    assert [counted.reasons(name)[-1] for name in ("A1", "B1", "C1", "E1")] == [
        None, "duplicate", "number_structure", "number_unknown",
    ]  # fmt: skip
    first, *rest = counted.dossiers.events("A1")
    assert first.time == datetime(2026, 2, 27, 2, 0, 1, tzinfo=UTC), "when it was captured"
    actor = office.means().actor.name
    noon = datetime(2026, 11, 1, 5, tzinfo=UTC)
    assert {(event.actor, event.order, event.time) for event in rest} == {(actor, "12/QD", noon)}
    found = {name: counted.dossiers.get(name) for name in ("A1", "C1", "B1")}
    assert {name: (one.unit_id, one.operator) for name, one in found.items() if one is not None} == {
        "A1": ("n1", "hanh"), "C1": ("n2", None), "B1": (UNKNOWN.unit_id, None),
    }  # fmt: skip
    before, shown = files(office.out()), [counted.dossiers.events(name) for name in found]
    assert outcomes(counted.issue(order="13/QD")) == outcomes(report)
    assert (files(office.out()), [counted.dossiers.events(name) for name in found]) == (before, shown)
    counted.sound()


def test_what_a_counter_received_stays_as_it_was_received(counted: Counted) -> None:
    office = counted.office
    office.put("A1", 1, unit="nowhere")
    office.put("A2", 2, unit="s1")
    digest = {raw.dossier_id: raw.digest for raw in open_batch(office.batch()).read()}
    counted.dossiers.receive_many([receipt("A1", unit_id="n2", digest=digest["A1"], station="K7", shift="night")])
    report = counted.issue()
    assert set(outcomes(report).values()) == {("verified", None)}
    one = counted.dossiers.get("A1")
    assert one is not None
    assert (one.unit_id, one.station, one.shift, one.state) == ("n2", "K7", "night", State.VERIFIED)
    assert counted.way("A1") == counted.way("A2") == MADE
    assert report.figures.warnings == {"unit_unknown": 1}, "the register does not have the unit that A1 names"


def test_a_review_and_what_people_settle(counted: Counted) -> None:
    office = counted.office
    office.put("A", 1)
    counted.issue()
    for name, person in (("D1", 2), ("D2", 3)):
        found = {**fingers_of(person), "2.fmr": write(other_impression(dossiers.finger(1002), 27), "iso-2005")}
        dossiers.put(office.batch("second"), name, dossiers.document(person), fingers=found, seed=person)
    assert set(outcomes(counted.issue("second", "two")).values()) == {("review", "possible_duplicate")}
    assert counted.way("D1") == counted.way("D2") == ["received", "checked", "searched", "in_review"]
    with closing(Cases(counted.at)) as cases:
        by_dossier = {case.question.dossier_id: case.case_id for case in cases.all()}
        for name, answer in (("D1", Answer.DIFFERENT_PEOPLE), ("D2", Answer.REFUSE)):
            for who in ("an", "binh"):
                cases.vote(by_dossier[name], Vote(who, False, answer, "looked at both", datetime.now(UTC)))
        assert counted.reasons("D1")[-1] == f"possible_duplicate {by_dossier['D1']}"
        expected = {"D1": ("verified", None), "D2": ("rejected", "settled_refused")}
        assert outcomes(counted.issue("second", "two")) == expected
        assert counted.way("D1")[3:] == ["in_review", "searched", "approved", "signed", "written", "verified"]
        assert counted.way("D2")[3:] == ["in_review", "rejected"]
        # what was settled is opened again by order: the dossier is taken up again, and asked about
        cases.reopen(by_dossier["D2"], by="dung", order="7/QD", reason="twins", at=datetime.now(UTC))
    assert outcomes(counted.issue("second", "two"))["D2"] == ("review", "possible_duplicate")
    assert counted.way("D2")[4:] == ["rejected", "received", "checked", "searched", "in_review"]
    counted.sound()


@pytest.mark.parametrize("when", ["before", "during the search", "before signing"])
def test_who_withdrew_gets_no_card(counted: Counted, when: str) -> None:
    office = counted.office
    for person in (1, 2, 3):
        office.put(f"A{person}", person)
    later = dossiers.document(9, captured_at="2026-03-01T08:00:00+07:00")
    dossiers.put(
        office.batch(), "B1", later, fingers=fingers_of(1, again=True)
    )  # the first one's, under another number
    if when == "before":
        with pytest.raises(KeyboardInterrupt):
            counted.issue(progress=interrupted("check"))
    elif when == "before signing":
        with pytest.raises(KeyboardInterrupt):
            counted.issue(means=office.means(wrap=stopped))
        assert counted.way("A1") == ACCEPTED

    def end() -> None:
        counted.move("A1", State.WITHDRAWN)
        counted.move("A2", State.CANCELLED, order="3/QD")

    def during(done: int, total: int, what: str) -> None:
        if when == "during the search" and what == "search" and counted.way("A1")[-1] != "withdrawn":
            end()

    if when != "during the search":
        end()
    states = outcomes(counted.issue(progress=during))
    assert states["A1"] == ("rejected", "withdrawn")
    assert states["A2"] == ("rejected", "cancelled")
    assert states["A3"] == ("verified", None)
    # whoever has the fingers of somebody who withdrew before being enrolled is nobody's duplicate
    assert states["B1"] == (("duplicate", "duplicate") if when == "before signing" else ("verified", None))
    assert [path.suffix for path in (office.out() / "cards").iterdir()].count(".card") == 1 + (
        states["B1"][0] == "verified"
    )
    assert counted.way("A1")[-1] == "withdrawn"
    assert outcomes(counted.issue()) == states
    counted.sound()
    if when == "before signing":  # accepted and enrolled before that: taken out by order, and may come again
        erased(counted, "A1")
        office.put("C1", 1, batch="later", again=True, captured_at="2026-05-01T08:00:00+07:00")
        assert outcomes(counted.issue("later", "three")) == {"C1": ("verified", None)}


def erased(counted: Counted, dossier_id: str) -> None:
    actor = Actor("dung", Role.ADMINISTRATOR)
    with open_gallery(counted.office.gallery, alone=True) as gallery, Acts.opened(counted.at) as acts:
        doing = Corrections(acts, gallery, lambda: datetime.now(UTC), actor)
        act = doing.remove(acts.by_dossier(dossier_id), Ordered("4/QD", "dung", "withdrawn after it was accepted"))
        assert (act.ended, act.cards) == (ActEnd.DONE, ())


def test_a_proved_card_of_a_cancelled_dossier_is_named(counted: Counted) -> None:
    for person in (1, 2):
        counted.office.put(f"A{person}", person)
    report = counted.issue()
    assert report.figures.revoke == ()
    (serial,) = [entry.card_serial for entry in report.entries if entry.dossier_id == "A2"]
    counted.move("A2", State.CANCELLED, order="3/QD")
    for _ in range(2):
        (named,) = counted.issue().figures.revoke
        assert (named.card_serial, named.dossier, named.reason, str(named.to_do)) == (
            serial, "A2", "cancelled", "destroy_and_revoke",
        )  # fmt: skip


def interrupted(stage: str) -> Any:
    def progress(done: int, total: int, what: str) -> None:
        if what == stage:
            raise KeyboardInterrupt

    return progress


def test_one_in_review_that_is_withdrawn_is_asked_about_no_more(counted: Counted) -> None:
    missing = {str(position): {"missing": "amputated"} for position in range(1, 11)}
    dossiers.put(counted.office.batch(), "N", dossiers.document(2, fingers=missing), fingers={})
    assert outcomes(counted.issue()) == {"N": ("review", "not_searchable")}
    counted.move("N", State.WITHDRAWN)
    with closing(Cases(counted.at)) as cases:
        (case,) = cases.all()
        assert (case.waits, cases.waiting([case.case_id])) == (False, set())
        assert "withdrawn" in stage(case)[1]
        with pytest.raises(ConflictError, match="nothing is to be settled"):
            cases.vote(case.case_id, Vote("an.hk", False, Answer.ACCEPT, "seen", datetime.now(UTC)))
    for _ in range(2):
        assert outcomes(counted.issue()) == {"N": ("rejected", "withdrawn")}


def test_killed_at_every_write_each_step_is_said_once(counted: Counted, monkeypatch: pytest.MonkeyPatch) -> None:
    """The run dies before each write to the register, and when it is called again, behind it."""
    office = counted.office
    office.put("A1", 1)
    later = dossiers.document(4, captured_at="2026-03-01T08:00:00+07:00")
    dossiers.put(office.batch(), "B1", later, fingers=fingers_of(1, again=True))
    deaths: Counter[tuple[str, ...]] = Counter()
    for name in ("move_many", "receive_many"):
        usual = getattr(DossierRegister, name)

        def call(self: DossierRegister, given: Any, usual: Any = usual, name: str = name) -> Any:
            given = list(given)
            if not given:
                return 0
            key = (name, *(f"{one.dossier_id} {getattr(one, 'to', '')}" for one in given))
            deaths[key] += 1
            if deaths[key] == 1:
                raise KeyboardInterrupt
            found = usual(self, given)
            if deaths[key] == 2:
                raise KeyboardInterrupt
            return found

        monkeypatch.setattr(DossierRegister, name, call)
    called = 0
    while True:
        called += 1
        try:
            report = counted.issue()
            break
        except KeyboardInterrupt:
            assert called < 30
    monkeypatch.undo()
    assert len(deaths) >= 5
    assert called > 2 * len(deaths)  # each twice
    assert outcomes(report) == {"A1": ("verified", None), "B1": ("duplicate", "duplicate")}
    again = ["approved", "signed"]  # behind a death that came after it was signed, and one before
    assert counted.way("A1") == [*ACCEPTED, "signed", *again, *again, "written", "verified"]
    assert counted.way("B1") == ["received", "checked", "searched", "rejected"]
    counted.sound()


def test_a_card_that_could_not_be_made_is_built_again(counted: Counted) -> None:
    counted.office.put("A1", 1)
    assert not counted.issue(means=counted.office.means(wrap=EmptyFeeder)).complete
    assert counted.way("A1") == [*ACCEPTED, "signed"]
    assert counted.issue().complete
    assert counted.way("A1") == [*ACCEPTED, "signed", "approved", "signed", "written", "verified"]
    assert counted.reasons("A1")[5] == "built_again"


def test_a_lost_run_is_taken_over(counted: Counted) -> None:
    office = counted.office
    office.put("A1", 1)
    with pytest.raises(KeyboardInterrupt):
        counted.issue(means=office.means(wrap=stopped))
    report = counted.issue(out="other")
    assert outcomes(report) == {"A1": ("failed", "in_other_run")}
    assert counted.way("A1") == ACCEPTED
    lost = report.entries[0].evidence.run
    assert outcomes(counted.issue(out="other", take_over=lost)) == {"A1": ("verified", None)}
    assert outcomes(counted.issue()) == {"A1": ("failed", "in_other_run")}
    assert outcomes(counted.issue(out="third")) == {"A1": ("rejected", "already_issued")}
    assert counted.way("A1") == MADE


def test_what_was_rejected_is_handed_in_again(counted: Counted) -> None:
    office = counted.office
    office.put("A1", 1, personal_number="12345")
    office.put("A2", 2, kind="exchange", grounds="holder_request")
    office.put("A3", 3, personal_number="12345")
    counted.issue()
    counted.move("A3", State.RECEIVED, reason="looked at again")
    counted.move("A3", State.REJECTED, reason="the paper is forged")
    for name, person, more in (("A1", 1, {}), ("A2", 2, {}), ("A3", 3, {})):
        office.put(name, person, batch="second", **more)
    # corrected, handed in as another kind of dossier, and rejected by somebody
    assert outcomes(counted.issue("second", "two")) == {
        "A1": ("verified", None), "A2": ("rejected", "dossier_changed"), "A3": ("rejected", "rejected_by_hand"),
    }  # fmt: skip
    assert counted.way("A1") == ["received", "rejected", *MADE]
    assert counted.reasons("A1")[2].startswith("taken_up_again sha256:")  # type: ignore[union-attr]
    assert counted.way("A2")[-1] == counted.way("A3")[-1] == "rejected"
    assert outcomes(counted.issue("second", "three"))["A1"] == ("rejected", "already_issued")
    assert [one.dossier for one in counted.issue().today.back] == ["A2", "A3"]  # A1 went on in another batch
    assert counted.way("A1") == ["received", "rejected", *MADE]
    counted.sound()


def test_one_that_changes_before_it_is_decided_is_received_anew(counted: Counted) -> None:
    office = counted.office
    office.put("A1", 1)
    with pytest.raises(KeyboardInterrupt):
        counted.issue(progress=interrupted("check"))
    document = office.batch() / "A1" / "dossier.json"
    document.write_text(document.read_text(encoding="utf-8").replace("Hòa", "Bình"), encoding="utf-8")
    assert outcomes(counted.issue()) == {"A1": ("failed", "batch_changed")}
    assert outcomes(counted.issue()) == {"A1": ("verified", None)}
    assert counted.way("A1") == ["received", "checked", "rejected", *MADE]
    assert counted.reasons("A1")[2] == "contents_changed"


def test_a_clock_that_is_set_back_is_said_and_breaks_nothing(counted: Counted) -> None:
    office = counted.office
    for person in (1, 2):
        office.put(f"A{person}", person)
    noon = datetime(DAY.year, DAY.month, DAY.day, 12, tzinfo=VIETNAM)

    @dataclass
    class Clock:
        time: datetime = noon

        def now(self) -> datetime:
            return self.time

    clock = Clock()

    def back(done: int, total: int, what: str) -> None:
        if what == "search":
            clock.time = noon - timedelta(hours=3)

    report = counted.issue(means=replace(office.means(), clock=clock), progress=back)
    assert outcomes(report) == {"A1": ("verified", None), "A2": ("verified", None)}
    behind = {str(event.to): event.behind for event in counted.dossiers.events("A1")}
    assert behind["checked"] == timedelta(0)
    assert behind["approved"] == behind["verified"] == timedelta(hours=3)
    counted.sound()


def test_a_gallery_keeps_to_its_register(counted: Counted, tmp_path: Path) -> None:
    office = counted.office
    office.put("A1", 1)
    counted.issue()
    office.put("A2", 2, batch="second")
    for other in (tmp_path / "another.sqlite", office.gallery / "register.sqlite"):
        with pytest.raises(ConflictError, match="goes with another register"):
            office.issue("second", "two", register=other)
    assert outcomes(office.issue("second", "two")) == {"A2": ("verified", None)}, "it is remembered"
    assert counted.way("A2") == MADE
    assert not (office.gallery / "register.sqlite").exists()


def test_what_no_step_can_say_is_refused_before_the_first(office: Office) -> None:
    office.put("A1", 1)
    with pytest.raises(ParameterError, match="order"):
        office.issue(order="x" * 65)
    assert not office.register().cards()


def test_a_run_that_an_earlier_version_began_is_received_late(
    counted: Counted, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its dossiers were checked, and never received."""
    for person in (1, 2):
        counted.office.put(f"A{person}", person)
    monkeypatch.setattr(DossierMoves, "receive", lambda *_: Received({}, frozenset()))
    monkeypatch.setattr(DossierMoves, "tell", lambda *_: [])
    with pytest.raises(KeyboardInterrupt):
        counted.issue(progress=interrupted("search"))
    monkeypatch.undo()
    assert counted.way("A1") == []
    assert set(outcomes(counted.issue()).values()) == {("verified", None)}
    assert counted.way("A1") == counted.way("A2") == MADE


@pytest.mark.postgres
def test_connections_that_are_cut_in_the_middle_lose_and_double_nothing(office: Office, postgres: Any) -> None:
    url = postgres.new_database()
    for person in range(1, 6):
        office.put(f"A{person}", person)
    cuts = 0

    def cut(done: int, total: int, what: str) -> None:
        nonlocal cuts
        cuts += postgres.cut(postgres.name(url))

    assert outcomes(office.issue(register=url, progress=cut)) == {f"A{one}": ("verified", None) for one in range(1, 6)}
    assert cuts > 3
    with closing(DossierRegister(url, due=lambda day: day)) as found:
        assert [[str(event.to) for event in found.events(f"A{one}")] for one in range(1, 6)] == [MADE] * 5
        assert list(found.faults()) == []
    postgres.drop(url)


def test_the_command_records_and_shows_them(office: Office, capsys: pytest.CaptureFixture[str], at: Path | str) -> None:
    office.put("A1", 1)
    for _ in range(2):
        words = ["issue", office.batch(), "--gallery", office.gallery, "--pki", office.pki, "--out", office.out()]
        more = ["--register", at, "--actor", "factory-1", "--order", "1/QD", "--json"]
        assert run(build("issue"), [str(word) for word in (*words, *more)]) == 0
    assert run(build("review"), ["review", "list", "--gallery", str(office.gallery), "--json"]) == 0
    capsys.readouterr()
    assert run(build("register"), ["register", "show", "A1", "--register", str(at), "--json"]) == 0
    events = json.loads(capsys.readouterr().out)["events"]
    assert [(event["to"], event["actor"], event["order"]) for event in events[1:]] == [
        (to, "factory-1", "1/QD") for to in MADE[1:]
    ]
    assert run(build("issue"), [*map(str, words), "--register", "-"]) == 2


def test_a_register_without_units_begins_with_the_country_s(office: Office) -> None:
    for name, person, unit in (("A1", 1, "001"), ("A2", 2, "nowhere")):
        office.put(name, person, unit=unit)
    report = office.issue()
    assert report.figures.warnings == {}
    with closing(DossierRegister(office.gallery / "register.sqlite", due=lambda day: day)) as register:
        assert [register.get(name).unit_id for name in ("A1", "A2")] == ["001", UNKNOWN.unit_id]  # type: ignore[union-attr]
