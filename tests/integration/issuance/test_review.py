"""Dossiers in review: people settle their cases, and the next run does what they settled."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from cccd_core.cli.common import run
from cccd_core.cli.main import build
from cccd_core.errors import ConflictError, FileError
from cccd_core.issuance.review.cases import Case
from cccd_core.issuance.review.kept import KeptDossiers
from cccd_core.issuance.review.ordered import open_by_order
from cccd_core.issuance.review.settle import Answer, CaseKind, Vote
from cccd_core.issuance.review.store import Cases
from cccd_core.issuance.runs.evidence import OrderEvidence
from cccd_core.issuance.runs.state import DossierState, RunState
from cccd_core.storage.aes_gcm import KeyRing
from cccd_core.templates import write
from support import dossiers
from support.chaos import computing_s, run_and_kill
from support.issuing import Office, fingers_of, other_impression, outcomes

NOW = datetime(2026, 11, 2, tzinfo=UTC)
KEY = KeyRing(bytes(range(32)))


def alike(office: Office, dossier_id: str, person: int, to: int, *, batch: str = "second", **changes: Any) -> None:
    """Adds the dossier of a person one of whose fingers is another's: for a single finger the search asks people."""
    found = {**fingers_of(person), "2.fmr": write(other_impression(dossiers.finger(1000 * to + 2), 27), "iso-2005")}
    fields = dossiers.document(person, **changes)
    dossiers.put(office.batch(batch), dossier_id, fields, fingers=found, seed=person)


@pytest.fixture
def cases(office: Office) -> Iterator[Cases]:
    office.gallery.mkdir(exist_ok=True)
    with closing(Cases(office.gallery / "register.sqlite")) as made:
        yield made


@pytest.fixture
def waiting(office: Office) -> Office:
    """An office that issued A's card, and has D, who has a finger of A's, in review."""
    office.put("A", 1)
    office.issue()
    alike(office, "D", 2, 1, operator="Hanh")
    report = office.issue("second", "two")
    assert outcomes(report) == {"D": ("review", "possible_duplicate")}
    return office


def settle(cases: Cases, answer: Answer, case_id: str | None = None) -> Case:
    """Two people say the same of the one case that is open."""
    (case,) = [one for one in cases.all() if not one.settled] if case_id is None else [cases.find(case_id)]
    for who in ("an", "binh"):
        case = cases.vote(case.case_id, Vote(who, False, answer, "looked at both", NOW))
    return case


def second(office: Office, out: str = "two", batch: str = "second", **more: Any) -> dict[str, tuple[str, str | None]]:
    return outcomes(office.issue(batch, out, **more))


def test_a_case_is_open_until_people_settle_it(waiting: Office, cases: Cases) -> None:
    (case,) = cases.all()
    asked = case.question
    assert (asked.kind, asked.dossier_id, asked.operator) == (CaseKind.POSSIBLE_DUPLICATE, "D", "hanh")
    assert [other.dossier_id for other in asked.others] == ["A"]
    assert asked.evidence.search is not None
    assert second(waiting) == {"D": ("review", "possible_duplicate")}
    cases.vote(case.case_id, Vote("an", False, Answer.DIFFERENT_PEOPLE, "other scars", NOW))
    assert second(waiting) == {"D": ("review", "possible_duplicate")}
    assert len(cases.all()) == 1


def test_who_entered_the_dossier_does_not_settle_its_case(waiting: Office, cases: Cases) -> None:
    (case,) = cases.all()
    with pytest.raises(ConflictError, match="entered the dossier"):
        cases.vote(case.case_id, Vote("hanh", True, Answer.DIFFERENT_PEOPLE, "mine", NOW))


def test_different_people_get_their_cards_and_are_never_asked_about_again(waiting: Office, cases: Cases) -> None:
    case = settle(cases, Answer.DIFFERENT_PEOPLE)
    assert second(waiting) == {"D": ("verified", None)}
    assert second(waiting) == {"D": ("verified", None)}
    assert [card.dossier_id for card in waiting.register().cards()] == ["A", "D"]
    pair = (case.question.person_id, case.question.others[0].person_id)
    assert cases.set_apart_by(case.case_id) == [pair]
    # Each of them again, in later batches: the pair is apart either way.
    alike(waiting, "D2", 2, 1, batch="third", kind="reissue", grounds="lost")
    waiting.put("A2", 1, batch="fourth", kind="reissue", grounds="lost")
    assert second(waiting, "three", "third") == {"D2": ("verified", None)}
    assert second(waiting, "four", "fourth") == {"A2": ("verified", None)}
    assert len(cases.all()) == 1


@pytest.mark.parametrize(
    ("answer", "end"),
    [
        (Answer.SAME_PERSON, ("duplicate", "settled_same_person")),
        (Answer.CAPTURE_AGAIN, ("rejected", "settled_capture_again")),
        (Answer.REFUSE, ("rejected", "settled_refused")),
    ],
)
def test_a_dossier_that_people_end_ends(waiting: Office, cases: Cases, answer: Answer, end: tuple[str, str]) -> None:
    case = settle(cases, answer)
    report = waiting.issue("second", "two")
    assert outcomes(report) == {"D": end}
    assert report.entries[0].evidence.case == case.case_id
    assert [one.of for one in report.figures.duplicates] == (["A"] if end[0] == "duplicate" else [])
    assert second(waiting) == {"D": end}
    assert second(waiting, "elsewhere") == {"D": end}, "handed in again, the same dossier is not asked about again"
    assert [card.dossier_id for card in waiting.register().cards()] == ["A"]


def test_a_corrected_dossier_is_asked_about_anew(waiting: Office, cases: Cases) -> None:
    settle(cases, Answer.DIFFERENT_PEOPLE)
    alike(waiting, "D", 2, 1, batch="third", full_name="Nguyễn Văn Hoà")
    assert second(waiting, "three", "third") == {"D": ("review", "possible_duplicate")}
    assert len(cases.all()) == 2


def test_what_was_settled_wrong_is_opened_again(waiting: Office, cases: Cases) -> None:
    case = settle(cases, Answer.SAME_PERSON)
    assert second(waiting) == {"D": ("duplicate", "settled_same_person")}
    cases.reopen(case.case_id, by="dung", order="7/QD", reason="twins", at=NOW)
    assert second(waiting) == {"D": ("review", "possible_duplicate")}
    settle(cases, Answer.DIFFERENT_PEOPLE)
    assert second(waiting) == {"D": ("verified", None)}


def test_a_pair_is_apart_no_more_when_its_case_is_opened_again(waiting: Office, cases: Cases) -> None:
    case = settle(cases, Answer.DIFFERENT_PEOPLE)
    assert second(waiting) == {"D": ("verified", None)}
    cases.reopen(case.case_id, by="dung", order="7/QD", reason="one and the same", at=NOW)
    alike(waiting, "D2", 2, 1, batch="third", kind="reissue", grounds="lost")
    assert second(waiting, "three", "third") == {"D2": ("review", "possible_duplicate")}


def test_doubts_that_people_accept_one_after_the_other(office: Office, cases: Cases) -> None:
    """No finger to search by, then the card."""
    missing = {str(position): {"missing": "amputated"} for position in range(1, 11)}
    dossiers.put(office.batch(), "N", dossiers.document(1, fingers=missing), fingers={}, seed=1)
    assert second(office, batch="batch") == {"N": ("review", "not_searchable")}
    (case,) = cases.all()
    assert (case.question.kind, case.question.others) == (CaseKind.NOT_SEARCHABLE, ())
    settle(cases, Answer.ACCEPT)
    assert second(office, batch="batch") == {"N": ("verified", None)}


def test_the_own_record_does_not_match_and_people_accept(office: Office, cases: Cases) -> None:
    office.put("A", 1)
    office.issue()
    fields = dossiers.document(1, kind="reissue", grounds="lost")
    dossiers.put(office.batch("second"), "R", fields, fingers=fingers_of(9), seed=1)
    assert second(office) == {"R": ("review", "own_record_mismatch")}
    (case,) = cases.all()
    assert [other.dossier_id for other in case.question.others] == ["A"]
    settle(cases, Answer.ACCEPT)
    assert second(office) == {"R": ("verified", None)}


def test_a_dossier_in_review_by_an_earlier_version_is_asked_about(waiting: Office, cases: Cases) -> None:
    with closing(RunState(waiting.out("two") / "run.sqlite")) as state:
        (entry,) = state.entries(DossierState.REVIEW)
        state.record([replace(entry, evidence=replace(entry.evidence, case=None))])
    report = waiting.issue("second", "two")
    assert report.entries[0].evidence.case == cases.all()[0].case_id


def test_what_people_need_to_see_is_kept_until_they_settled_it(office: Office, cases: Cases) -> None:
    office.put("A", 1)
    office.issue()
    alike(office, "D", 2, 1)
    office.put("B", 3, batch="second")
    alike(office, "E", 4, 3, captured_at="2026-09-01T08:00:00+07:00")
    assert second(office, keep_reviews=KEY) == {
        "D": ("review", "possible_duplicate"), "B": ("verified", None), "E": ("review", "possible_duplicate"),
    }  # fmt: skip
    kept = KeptDossiers(office.gallery, KEY)
    of = {case.question.dossier_id: case.case_id for case in cases.all()}
    mine, other = kept.get(of["E"]), kept.get(of["E"], 1)
    assert mine is not None
    assert other is not None
    assert (mine.dossier.dossier_id, other.dossier.dossier_id) == ("E", "B")
    assert mine.portrait.startswith(b"\xff\xd8")
    assert kept.get(of["D"], 1) is None, "of A the register and the gallery tell"
    settle(cases, Answer.DIFFERENT_PEOPLE, of["E"])
    second(office, keep_reviews=KEY)
    assert kept.cases() == [of["D"]]


def test_killed_at_any_moment_after_the_votes_there_is_one_card(waiting: Office, cases: Cases) -> None:
    for person in (3, 4):  # each like somebody who comes in the batch before it
        waiting.put(f"B{person}", person + 10, batch="second", captured_at="2026-01-01T08:00:00+07:00")
        alike(waiting, f"D{person}", person, person + 10)

    def work() -> None:
        second(waiting, keep_reviews=KEY)

    work()
    for case in cases.all():
        settle(cases, Answer.DIFFERENT_PEOPLE, case.case_id)
    cases.close()
    whole = computing_s(lambda: waiting.issue("batch", "another"))
    for moment in range(5):
        run_and_kill(work, whole * (moment + 1) / 2)
    work()
    assert set(second(waiting, keep_reviews=KEY).values()) == {("verified", None)}
    issued = [card.dossier_id for card in waiting.register().cards()]
    assert sorted(issued) == ["A", "B3", "B4", "D", "D3", "D4"]
    assert len(cases.all()) == 3
    assert KeptDossiers(waiting.gallery, KEY).cases() == []


def test_the_commands_settle_and_undo_a_case(waiting: Office, cases: Cases, capsys: pytest.CaptureFixture[str]) -> None:
    (case,) = cases.all()
    where = ["--gallery", str(waiting.gallery)]

    def called(*arguments: str) -> str:
        assert run(build("review"), ["review", *arguments, *where]) == 0
        return capsys.readouterr().out

    assert case.case_id in called("list")
    said = ["decide", case.case_id, "--answer", "different_people", "--reason", "other scars", "--as"]
    assert "1 of 2 answers" in called(*said, "an")
    shown = called("show", case.case_id)
    assert "other scars" not in shown
    assert "the right index finger" in shown
    assert "ngón trỏ phải" in shown
    assert run(build("review"), ["review", *said, "an", *where, "--senior", "--reason", "again"]) == 3
    capsys.readouterr()
    assert "other scars" in called(*said, "binh")
    assert case.case_id not in called("list")
    assert second(waiting) == {"D": ("verified", None)}
    undone = called("undo", case.case_id, "--as", "dung", "--order", "7/QD", "--reason", "one and the same")
    serial = waiting.register().cards()[-1].serial
    assert f"a card was made by it: {serial} (valid)" in undone
    assert "no longer kept apart in searches: dossiers D and A" in undone
    told = json.loads(called("show", case.case_id, "--json"))
    assert (told["stage"], told["votes_in"], told["reopenings"][0]["order"]) == ("open", 0, "7/QD")


@pytest.fixture
def duplicate(office: Office) -> Office:
    """An office that issued A's card, and whose search called B a duplicate of A."""
    office.put("A", 1)
    office.issue()
    office.put("B", 2, batch="second", operator="Hanh")
    for position, data in fingers_of(1, again=True).items():
        (office.batch("second") / "B" / "fingers" / position).write_bytes(data)
    assert second(office) == {"B": ("duplicate", "duplicate")}
    return office


def by_order(office: Office, cases: Cases, dossier_id: str = "B", batch: str = "second", out: str = "two") -> Case:
    opened = open_by_order(
        dossier_id, batch=office.batch(batch), out=office.out(out), order=OrderEvidence("7/QD", "Dung", "twins"),
        cases=cases, register=office.register(), kept=KeptDossiers(office.gallery, KEY), at=NOW,
    )  # fmt: skip
    assert opened.of == "A"
    return opened.case


def test_a_duplicate_that_people_undo_gets_its_card(duplicate: Office, cases: Cases) -> None:
    case = by_order(duplicate, cases)
    asked = case.question
    assert (asked.kind, asked.operator, [one.dossier_id for one in asked.others]) == (
        CaseKind.POSSIBLE_DUPLICATE, "hanh", ["A"],
    )  # fmt: skip
    assert asked.evidence.ordered == OrderEvidence("7/QD", "dung", "twins")
    assert by_order(duplicate, cases) == case, "an order that was given is given"
    kept = KeptDossiers(duplicate.gallery, KEY).get(case.case_id)
    assert kept is not None
    assert second(duplicate, keep_reviews=KEY) == {"B": ("review", "possible_duplicate")}
    assert cases.all() == [case], "the run asks no second time"
    with pytest.raises(ConflictError, match="entered the dossier"):
        cases.vote(case.case_id, Vote("HANH", True, Answer.DIFFERENT_PEOPLE, "mine", NOW))
    settle(cases, Answer.DIFFERENT_PEOPLE)
    assert second(duplicate) == {"B": ("verified", None)}
    assert [card.dossier_id for card in duplicate.register().cards()] == ["A", "B"]
    assert cases.set_apart_by(case.case_id) == [(asked.person_id, asked.others[0].person_id)]
    with pytest.raises(ConflictError, match="called the dossier a duplicate"):
        by_order(duplicate, cases)


def test_a_duplicate_that_people_confirm_stays_one(duplicate: Office, cases: Cases) -> None:
    case = by_order(duplicate, cases)
    settle(cases, Answer.SAME_PERSON)
    assert second(duplicate) == {"B": ("duplicate", "settled_same_person")}
    assert second(duplicate, "elsewhere") == {"B": ("duplicate", "settled_same_person")}
    cases.reopen(case.case_id, by="dung", order="8/QD", reason="again", at=NOW)
    assert second(duplicate) == {"B": ("review", "possible_duplicate")}


def test_what_no_search_called_a_duplicate_is_not_opened_by_order(duplicate: Office, cases: Cases) -> None:
    for dossier_id, batch, out, error in (
        ("A", "batch", "out", ConflictError),
        ("nobody", "batch", "out", ConflictError),
        ("B", "second", "nowhere", FileError),
        ("B", "batch", "two", ConflictError),
    ):
        with pytest.raises(error):
            by_order(duplicate, cases, dossier_id, batch, out)
    path = duplicate.batch("second") / "B" / "dossier.json"
    path.write_text(path.read_text().replace("Hanh", "Hạnh"))
    with pytest.raises(ConflictError, match="as it was"):
        by_order(duplicate, cases)
    assert cases.all() == []


def test_the_command_names_what_hangs_on_a_duplicate(
    duplicate: Office, cases: Cases, capsys: pytest.CaptureFixture[str]
) -> None:
    duplicate.put("C", 3, batch="second", captured_at="2026-09-01T08:00:00+07:00")
    for position, data in fingers_of(1, again=True).items():
        (duplicate.batch("second") / "C" / "fingers" / position).write_bytes(data)
    assert second(duplicate)["C"] == ("duplicate", "duplicate")
    words = [
        "open", "B", "--batch", str(duplicate.batch("second")), "--run", str(duplicate.out("two")),
        "--gallery", str(duplicate.gallery), "--as", "dung", "--order", "7/QD", "--reason", "twins",
    ]  # fmt: skip
    assert run(build("review"), ["review", *words]) == 0
    said = capsys.readouterr().out
    assert "the duplicate of dossier A" in said
    assert "by order 7/QD (twins)" in said
    assert "theo lệnh 7/QD" in said
    assert run(build("review"), ["review", *words, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["hung_on_it"]["of"] == "A"
    assert (told["stage"], len(cases.all())) == ("open", 1)
