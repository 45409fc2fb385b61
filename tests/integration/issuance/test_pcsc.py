"""The main job through pcscd and virtual readers."""

from __future__ import annotations

from pathlib import Path

import pytest

from cccd_core.inspection import Verdict
from support import dossiers
from support.issuing import Office, fingers_of, outcomes
from support.pcsc import VirtualReaders, virtual_readers

__all__ = ["virtual_readers"]

pytestmark = pytest.mark.pcsc


def test_a_batch_through_two_virtual_readers(office: Office, virtual_readers: VirtualReaders) -> None:
    for person in range(1, 9):
        office.put(f"A{person}", person)
    later = dossiers.document(99, captured_at="2026-08-01T08:00:00+07:00")
    dossiers.put(office.batch(), "B3", later, fingers=fingers_of(3, again=True))
    report = office.issue(means=office.means("pcsc:Virtual PCD"))
    assert outcomes(report) == {
        **{f"A{person}": ("verified", None) for person in range(1, 9)},
        "B3": ("duplicate", "duplicate"),
    }
    assert report.figures.lanes == len(virtual_readers.names)
    readers = {(entry.evidence.card or {})["reader"] for entry in report.entries if entry.card_serial}
    assert readers == set(virtual_readers.names)
    serials = {entry.card_serial for entry in report.entries if entry.card_serial}
    assert {path.stem for path in Path(office.out() / "cards").glob("*.card")} >= serials
    assert len(serials) == 8
    number = dossiers.document(5)["personal_number"]
    (serial,) = [entry.card_serial for entry in report.entries if entry.dossier_id == "A5"]
    assert serial is not None
    assert office.read_card(serial, number).verdict is Verdict.GENUINE
