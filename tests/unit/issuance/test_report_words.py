"""What a report says to people: words for every reason, in both languages, and none of the program's own."""

from __future__ import annotations

import re
from collections.abc import Iterable

import pytest

from cccd_core.country.grounds import GROUNDS
from cccd_core.extraction.quality import Shortfall
from cccd_core.issuance.dossiers.dossier import Dossier
from cccd_core.issuance.dossiers.reasons import (
    DuplicateReason,
    Failure,
    Fault,
    Holder,
    Oddity,
    RegisterReason,
    ReviewReason,
    SettledReason,
    ToDo,
)
from cccd_core.issuance.reports import words
from cccd_core.issuance.reports.figures import STAGES
from cccd_core.issuance.reports.origin import UNKNOWN, HandedIn
from cccd_core.issuance.reports.today import today, unit_words
from cccd_core.issuance.review.page_words import HOLDERS
from cccd_core.issuance.runs.evidence import Evidence, FingerEvidence, MatchEvidence, Revocation, SearchEvidence
from cccd_core.issuance.runs.state import DossierState, Entry

CODE_WORD = re.compile(r"[a-z]+_[a-z]+|\.json|\{|\}")
REASONS = (Fault, RegisterReason, ReviewReason, Failure, DuplicateReason, SettledReason, Oddity)


def plain(lines: Iterable[tuple[str, str]]) -> None:
    for vietnamese, english in lines:
        assert vietnamese.strip()
        assert english.strip()
        assert not CODE_WORD.search(vietnamese + english), (vietnamese, english)


@pytest.mark.parametrize("kind", REASONS)
def test_every_reason_has_words_in_both_languages(kind: type[Fault]) -> None:
    said = [words.reason(word) for word in kind]
    plain(said)
    assert all(vietnamese != english for vietnamese, english in said)
    assert [words.reason(str(word)) for word in kind] == said, "figures count under the bare word"


def test_everything_else_has_words_too() -> None:
    plain(words.STATES[state] for state in DossierState)
    plain(words.STAGES[stage] for stage in STAGES)
    plain(words.SHORTFALLS[one] for one in Shortfall)
    plain((words.TO_DO[one], one.text) for one in ToDo)
    plain((HOLDERS[one], one.text) for one in Holder)
    plain(words.grounds(name) for grounds in GROUNDS.values() for name in grounds)
    plain(words.where(name) for name in Dossier.__dataclass_fields__)
    plain(words.where(name) for name in ("dossier.json", "portrait", "fingers"))


def test_what_an_earlier_version_s_run_says_is_shown_without_underscores() -> None:
    assert words.reason("not_known_here") == ("not known here", "not known here")
    assert words.reason(None) == ("", "")
    assert words.grounds(None) == ("", "")
    assert "spoiled" in words.grounds("card_refused:create_file:6985")[1]


def test_a_finger_s_file_is_called_by_its_finger() -> None:
    assert words.where("fingers/2.fmr") == ("ngón trỏ phải", "the right index finger")
    assert words.where("fingers/10.wsq")[1] == "the left little finger"
    assert words.where("fingers/0-1.fmr")[1] == "a finger of unknown position"
    assert words.where("fingers/11.fmr") == ("11.fmr", "11.fmr")
    assert words.where("fingers/²") == ("²", "²")


def entry(name: str, state: DossierState, **changes: object) -> Entry:
    return Entry(name, state, **changes)  # type: ignore[arg-type]


def like(of: str, arrangement: str | None) -> SearchEvidence:
    fingers = (FingerEvidence(2, 7, 20.0), FingerEvidence(7, 2, 30.0), FingerEvidence(1, 6, 0.0))
    match = MatchEvidence(of, "gallery", "duplicate", 50.0, 1e-9, 2, fingers, arrangement)
    return SearchEvidence("duplicate", of, (2, 7), 50.0, 40.0, 30.0, 10, 30, (), (match,), None, ())


def test_what_is_to_be_done_is_told_by_kind_and_unit() -> None:
    ward, other = HandedIn("001.07", "Phường Cửa Nam, Hà Nội"), HandedIn("777")
    swapped = Evidence(search=like("A", "the hands are exchanged"))
    entries = [
        entry("D1", DossierState.REJECTED, reason=Fault.NAME_TEXT),
        entry("D2", DossierState.REJECTED, reason=RegisterReason.NUMBER_UNKNOWN),
        entry("D3", DossierState.REJECTED, reason=RegisterReason.ALREADY_ISSUED),
        entry("D4", DossierState.REVIEW, reason=ReviewReason.SAME_FINGER, evidence=Evidence(case="C1")),
        entry("D5", DossierState.DUPLICATE, reason=DuplicateReason.DUPLICATE, evidence=swapped),
        entry("D6", DossierState.FAILED, reason=Failure.IN_OTHER_RUN, evidence=Evidence(run="R1")),
        entry("D7", DossierState.VERIFIED),
    ]
    cards = [Revocation("S1", "D0", "lost", "D7", ToDo.REVOKE)]
    found = today(entries, cards, {"D1": other, "D2": ward, "D7": ward})
    assert [one.dossier for one in found.back] == ["D2", "D1"], "by unit; a card that was issued goes back to nobody"
    assert [(unit, [one.dossier for one in told]) for unit, told in found.by_unit()] == [
        (ward, ["D2"]),
        (other, ["D1"]),
    ]
    assert [(one.dossier, one.case) for one in found.cases] == [("D4", "C1")]
    assert [one.unit for one in found.cards] == [ward]
    (duplicate,) = found.duplicates
    assert (duplicate.of, [one.position for one in duplicate.fingers]) == ("A", [7, 2, 1])
    assert ("Hai bàn tay bị đổi cho nhau", "the hands are exchanged") in duplicate.lines
    assert ("Giống hồ sơ A: ngón trỏ trái, ngón trỏ phải", "like dossier A: the left index finger, "
            "the right index finger") in duplicate.lines  # fmt: skip
    assert any("R1" in english for _, english in found.again[0].lines)
    for told in (*found.cases, *found.back, *found.duplicates, *found.again):
        plain(told.lines)
    assert not found.nothing
    assert today([entries[2], entries[6]], [], {}).nothing


def test_mirrored_hands_and_strangers_fingers_are_said_in_words() -> None:
    own = like("A", "the fingers are mirror images")
    evidence = Evidence(own_record=own, holder=Holder.MIRRORED, case="C1")
    found = today([entry("D", DossierState.REVIEW, reason=ReviewReason.OWN_RECORD_MISMATCH, evidence=evidence)], [], {})
    (told,) = found.cases
    assert ("Các vân tay là ảnh phản chiếu (lật gương)", "the fingers are mirror images") in told.lines
    assert any("phản chiếu" in vietnamese for vietnamese, _ in told.lines[-1:])


def test_units_are_called_by_name_and_code() -> None:
    assert unit_words(UNKNOWN)[0] == "Đơn vị không rõ"
    assert "777" in unit_words(HandedIn("777"))[0]
    assert unit_words(HandedIn("001", "Hà Nội")) == ("Hà Nội (001)", "Hà Nội (001)")
