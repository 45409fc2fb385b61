"""One run's own files: how far it is, what the check found."""

from __future__ import annotations

import json
import sqlite3
from dataclasses import replace
from datetime import date, datetime, timedelta, timezone
from pathlib import Path

import pytest

from cccd_core.errors import ConflictError, DamagedError, UnavailableError
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
from cccd_core.storage.aes_gcm import KeyRing
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


def test_content_under_a_key_comes_back_and_is_read_by_nobody_else(tmp_path: Path) -> None:
    key, path = KeyRing(b"k" * 32), tmp_path / "checked.sqlite"
    store = ContentStore(path, key)
    images = {1: b"the image of a thumb" * 9, 10: b"another"}
    first, second = replace(content(), images=images), content("D2")
    store.put([first, second])
    store.put([first])
    store.close()
    data = b"".join(one.read_bytes() for one in tmp_path.iterdir())
    for secret in ("Nguyễn".encode(), b"001088000001", b"picture", b"image of a thumb"):
        assert secret not in data
    again = ContentStore(path, key)
    assert list(again.read(["D9", "D2", "D1"])) == [second, first]
    again.keep_only({"D1"})
    assert [one.dossier.dossier_id for one in again.read(["D1", "D2"])] == ["D1"]
    again.close()
    with pytest.raises(UnavailableError):
        ContentStore(path)
    with pytest.raises(UnavailableError):
        list(ContentStore(path, KeyRing(b"o" * 32)).read(["D1"]))
    for change in (
        "UPDATE sealed SET part = 2 WHERE part = 1", "DELETE FROM sealed WHERE part = 0",
        "DELETE FROM sealed WHERE part = 10",
        "UPDATE sealed SET record = x'00'",
    ):  # fmt: skip
        with sqlite3.connect(path) as connection:
            connection.execute(change)
        connection.close()
        with pytest.raises(DamagedError):
            list(ContentStore(path, key).read(["D1"]))
        ContentStore(path, key).put([first])


def test_content_that_was_kept_without_a_key_is_not_gone_on_with_one(tmp_path: Path) -> None:
    path = tmp_path / "checked.sqlite"
    store = ContentStore(path)
    store.put([content()])
    with pytest.raises(ConflictError, match="without a key"):
        ContentStore(path, KeyRing(b"k" * 32))
    store.keep_only(())
    ContentStore(path, KeyRing(b"k" * 32)).close()


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
