"""Puts a run's report into OUT: report.json, report.html, dossiers.jsonl, each whole or not at all."""

from __future__ import annotations

import json
from pathlib import Path

from cccd_core.issuance.reports.figures import Report, figures, line
from cccd_core.issuance.reports.html import render
from cccd_core.issuance.reports.origin import Origin
from cccd_core.issuance.reports.people import Shown
from cccd_core.issuance.reports.today import concerned, ended, today
from cccd_core.issuance.runs.state import RunState
from cccd_core.storage import whole_file

REPORT_JSON = "report.json"
REPORT_HTML = "report.html"
DOSSIERS = "dossiers.jsonl"


def write(state: RunState, out: Path, gallery: Path, origin: Origin, people: Shown | None = None) -> Report:
    """Writes the report of a run and returns it; report.html shows `people` where they are given, and no other file
    does. FileError where it cannot be written; errors as `Origin.of` and `Shown.of`."""
    entries = tuple(state.entries())
    found = figures(state, entries)
    gone = origin.gone_on(ended(entries))
    at_hand = [entry for entry in entries if entry.dossier_id not in gone]
    units = origin.of(concerned(at_hand, found.revoke))
    left = today(at_hand, found.revoke, units)
    report = Report(found, entries, out, left, gallery, None if people is None else people.of(left, entries))
    lines = "".join(json.dumps(line(entry), ensure_ascii=False) + "\n" for entry in entries)
    whole_file.write(out / DOSSIERS, lines.encode(), private=True)
    whole_file.write(
        out / REPORT_JSON, (json.dumps(report.as_dict(), ensure_ascii=False, indent=2) + "\n").encode(), private=True
    )
    whole_file.write(out / REPORT_HTML, render(report).encode(), private=True)
    return report
