"""One run's own files: how far it is, what the check found."""

from __future__ import annotations

import json
import sqlite3
from datetime import date, datetime, timedelta, timezone
from pathlib import Path

import pytest

from cccd_core.errors import ConflictError, DamagedError
from cccd_core.issuance.dossiers.dossier import Dossier
from cccd_core.issuance.dossiers.reasons import Fault, Oddity, RegisterReason
from cccd_core.issuance.runs.content import Content, ContentStore
from cccd_core.issuance.runs.evidence import (
    ErrorEvidence,
    Evidence,
    FingerEvidence,
    MatchEvidence,
    ProblemEvidence,
    Revocation,
    SearchEvidence,
)
from cccd_core.issuance.runs.state import DossierState, Entry, RunState
from cccd_core.plain import RefusedError, decode, encode_record
from cccd_core.templates import Tenprint
from cccd_core.templates.model import CaptureDetails, CertificationBlock, QualityBlock
from support import dossiers

DAY = date(2026, 11, 1)
MATCH = MatchEvidence("D2", "gallery", "duplicate", 88.125, 1.2e-8, 2, (FingerEvidence(2, 7, 40.5),))
SEARCH = SearchEvidence("duplicate", "D2", (2, 7), 88.125, 40.0, 30.0, 12, 48, ("match",), (MATCH,), None, ("D3",))
FULL = Evidence(
    problems=(ProblemEvidence("sex", Fault.NUMBER_SEX, {"position": 2, "why": "ế", "known": None}),),
    search=SEARCH,
    number=RegisterReason.NUMBER_TAKEN,
    own_record=SEARCH,
    card={"reader": "memory", "checks": {"pace": True}},
    error=ErrorEvidence("card", "refused", {"sw": "6985"}),
    run="r0",
    card_serial="AA",
)


def test_the_run_state_keeps_what_it_is_told(tmp_path: Path) -> None:
    state = RunState(tmp_path / "run.sqlite")
    state.begin(day=DAY, register_id="g", facts={"reader": "memory"})
    state.begin(day=date(2030, 1, 1), register_id="g", facts={})
    assert state.day == DAY
    with pytest.raises(ConflictError, match="another gallery"):
        state.begin(day=DAY, register_id="other", facts={})
    state.add(["b", "a"])
    state.add(["a", "b", "c"])
    assert [entry.dossier_id for entry in state.entries()] == ["b", "a", "c"]
    with pytest.raises(ConflictError, match="another batch"):
        state.add(["x"])
    entry = Entry(
        "a", DossierState.REJECTED, Fault.NUMBER_SEX, "sha256:1", None, False, False, (Oddity.TEXT_SPACES,), FULL
    )
    state.record([entry], {"check": 1.5})
    state.record([], {"check": 0.25, "search": 1.0})
    again = RunState(tmp_path / "run.sqlite")
    assert again.entries(DossierState.REJECTED) == [entry]
    assert again.ids(DossierState.RECEIVED) == {"b", "c"}
    assert again.seconds() == {"check": 1.75, "search": 1.0}
    with pytest.raises(ConflictError, match="never received"):
        state.record([Entry("z", DossierState.FAILED)])
    state.record([Entry("b", DossierState.VERIFIED, card_serial="AA")])
    with pytest.raises(ConflictError, match="rule"):
        state.record([Entry("c", DossierState.VERIFIED, card_serial="AA")])
    assert state.get_json("m") is None
    state.put_json("m", {"a": 1})
    state.put_json("m", {"a": 2})
    assert state.get_json("m") == {"a": 2}
    cards = (Revocation("AA", "a", "card_refused"), Revocation("BB", None, None))
    state.revoke(cards)
    assert again.revocations() == cards


def test_evidence_is_taken_back_as_it_was_given() -> None:
    said = json.loads(json.dumps(FULL.as_dict()))
    assert decode(Evidence, said) == FULL
    assert decode(Evidence, {}) == Evidence()
    assert Evidence().as_dict() == {}


@pytest.mark.parametrize(
    "said",
    [
        [],
        {"search": {}},
        {"search": "x"},
        {"number": "no such word"},
        {"problems": "abc"},
        {"problems": [1]},
        {"error": {"kind": 1}},
        {"search": {**encode_record(SEARCH), "score": "88"}},
        {"search": {**encode_record(SEARCH), "fingers": [2, True]}},
        {"search": {**encode_record(SEARCH), "matches": [{}]}},
        {"card": 7},
        {"unknown": 1},
    ],
)
def test_what_is_no_evidence_is_damage(said: object) -> None:
    with pytest.raises(RefusedError):
        decode(Evidence, said)


@pytest.mark.parametrize(
    "change",
    [
        "state = 'finished'",
        "reason = 'because'",
        "warnings = '{}'",
        "warnings = '[\"x\"]'",
        "evidence = 'x'",
        "evidence = '{\"error\": 1}'",
    ],
)
def test_a_row_that_no_run_wrote_is_damage(tmp_path: Path, change: str) -> None:
    state = RunState(tmp_path / "run.sqlite")
    state.begin(day=DAY, register_id="g", facts={})
    state.add(["a"])
    state.close()
    with sqlite3.connect(tmp_path / "run.sqlite") as connection:
        connection.execute(f"UPDATE dossiers SET {change}")
    connection.close()
    with pytest.raises(DamagedError):
        state.entries()


def content(name: str = "D1") -> Content:
    dossier = Dossier(
        dossier_id=name, kind="exchange", grounds="lost", personal_number="001088000001", full_name="Nguyễn Văn Hòa",
        birth_date=date(1988, 5, 17), sex="M", issue_date=DAY, expiry_date=None, marks="ế",
        captured_at=datetime(2026, 2, 27, 9, tzinfo=timezone(timedelta(hours=7))), missing_fingers=frozenset({3, 9}),
    )  # fmt: skip
    details = CaptureDetails(
        captured_at=bytes(range(9)), device_vendor=7, quality_blocks=(QualityBlock(80, 5, 6),),
        certification_blocks=(CertificationBlock(1, 2),), with_quality=True, raw_quality=bytes(40),
    )  # fmt: skip
    odd = dossiers.finger(5, extended=b"\x01\x02\xff", details=details, position=2, impression=1, capture_quality=77)
    return Content(dossier, Tenprint({2: odd, 7: dossiers.finger(6, count=0)}), b"picture")


def test_what_was_checked_comes_back_bit_for_bit(tmp_path: Path) -> None:
    store = ContentStore(tmp_path / "checked.sqlite")
    first = content()
    store.put([first, content("D2")])
    store.put([first])
    store.close()
    (found,) = ContentStore(tmp_path / "checked.sqlite").read(["D9", "D1"])
    assert found == first
    for position, finger in first.tenprint.items():
        again = found.tenprint[position]
        assert again == finger
        assert again.details == finger.details
        for name in ("x_px", "y_px", "angle", "kind", "quality"):
            assert getattr(again, name).dtype == getattr(finger, name).dtype
    assert "Nguyễn" not in repr(found)


def test_content_that_is_not_needed_any_more_is_gone_from_the_disk(tmp_path: Path) -> None:
    store = ContentStore(tmp_path / "checked.sqlite")
    store.put([content(), content("D2")])
    store.keep_only({"D2"})
    assert [one.dossier.dossier_id for one in store.read(["D1", "D2"])] == ["D2"]
    store.keep_only(())
    store.close()
    data = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert "Nguyễn".encode() not in data
    assert b"001088000001" not in data


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE dossiers SET text = '{}'",
        "UPDATE dossiers SET text = 'x'",
        "UPDATE fingers SET facts = '{}'",
        "UPDATE fingers SET facts = replace(facts, '40', '41')",
        "UPDATE fingers SET columns = x'00'",
    ],
)
def test_content_that_no_check_wrote_is_damage(tmp_path: Path, change: str) -> None:
    store = ContentStore(tmp_path / "checked.sqlite")
    store.put([content()])
    store.close()
    with sqlite3.connect(tmp_path / "checked.sqlite") as connection:
        connection.execute(change)
    connection.close()
    with pytest.raises(DamagedError):
        list(store.read(["D1"]))
