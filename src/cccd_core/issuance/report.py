"""The report of a run: figures, one line a dossier, the files in OUT. Imports errors and the sibling modules.

Everything in it comes from the run's state, so that writing it again gives the same bytes.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cccd_core.errors import FileError
from cccd_core.issuance import runstate
from cccd_core.issuance.runstate import Entry, RunState

STAGES = ("check", "search", "build", "sign", "write", "verify")

REPORT_JSON = "report.json"
REPORT_HTML = "report.html"
DOSSIERS = "dossiers.jsonl"


@dataclass(frozen=True, slots=True)
class Report:
    """What became of a batch. `figures` is the content of report.json; `entries` has every dossier."""

    figures: dict[str, Any]
    entries: tuple[Entry, ...]
    out: Path

    @property
    def complete(self) -> bool:
        """Whether every dossier has a final state that no later run would change."""
        return all(entry.state in runstate.FINAL and entry.state != runstate.FAILED for entry in self.entries)

    def as_dict(self) -> dict[str, Any]:
        return self.figures


def write(state: RunState, out: Path) -> Report:
    """Writes report.json, report.html and dossiers.jsonl, each whole or not at all, and returns the report."""
    from cccd_core.issuance.report_html import render

    entries = tuple(state.entries())
    report = Report(figures(state, entries), entries, out)
    lines = "".join(json.dumps(line(entry), ensure_ascii=False) + "\n" for entry in entries)
    write_whole(out / DOSSIERS, lines.encode())
    write_whole(out / REPORT_JSON, (json.dumps(report.figures, ensure_ascii=False, indent=2) + "\n").encode())
    write_whole(out / REPORT_HTML, render(report).encode())
    return report


def line(entry: Entry) -> dict[str, Any]:
    """One dossier's line of dossiers.jsonl."""
    return {
        "id": entry.dossier_id,
        "state": entry.state,
        "reason": entry.reason,
        "card_serial": entry.card_serial,
        "warnings": entry.warnings,
        "evidence": entry.evidence,
    }


def figures(state: RunState, entries: tuple[Entry, ...]) -> dict[str, Any]:
    """The content of report.json. `seconds` add up over all runs of the folder; each stage's own time, and `elapsed`,
    the time that went by."""
    seconds = state.seconds()
    states = Counter(entry.state for entry in entries)
    elapsed = seconds.get("elapsed", 0.0)
    return {
        "received": len(entries),
        "rejected": _reasons(entries, runstate.REJECTED),
        "unique": sum(entry.searched for entry in entries),
        "review": states[runstate.REVIEW],
        "duplicates": [
            {
                "dossier": entry.dossier_id,
                "of": entry.evidence["search"]["of"],
                "fingers": entry.evidence["search"]["fingers"],
                "score": entry.evidence["search"]["score"],
            }
            for entry in entries
            if entry.state == runstate.DUPLICATE
        ],
        "written": sum(entry.written for entry in entries),
        "verified": states[runstate.VERIFIED],
        "seconds": {stage: round(seconds.get(stage, 0.0), 6) for stage in STAGES},
        "failed": _reasons(entries, runstate.FAILED),
        "reviews": _reasons(entries, runstate.REVIEW),
        "revoke": state.get_json("revoke") or [],
        "warnings": dict(sorted(Counter(word for entry in entries for word in entry.warnings).items())),
        "scores": _scores(entries),
        "throughput": {
            "elapsed_seconds": round(elapsed, 6),
            "dossiers_per_second": round(len(entries) / elapsed, 3) if elapsed else 0.0,
            "lanes": state.get_json("lanes") or 0,
        },
        "gallery": {"enrolled": state.get_json("enrolled")},
        "run": {"id": state.value("run"), "day": state.value("day"), "reader": state.value("reader")},
        "manifest": state.get_json("manifest"),
    }


def _reasons(entries: tuple[Entry, ...], state: str) -> dict[str, int]:
    return dict(sorted(Counter(entry.reason or "" for entry in entries if entry.state == state).items()))


def _scores(entries: tuple[Entry, ...]) -> dict[str, Any]:
    """How far apart the duplicates and the others lie: the margins on both sides of the threshold."""
    duplicates = sorted(score for entry in entries if (score := score_of(entry, runstate.DUPLICATE)) is not None)
    others = sorted(score for entry in entries if entry.searched and (score := score_of(entry)) is not None)
    thresholds = [entry.evidence["search"]["duplicate_score"] for entry in entries if entry.evidence.get("search")]
    return {
        "duplicate_threshold": max(thresholds, default=None),
        "lowest_duplicate": duplicates[0] if duplicates else None,
        "highest_unique": others[-1] if others else None,
    }


def score_of(entry: Entry, state: str | None = None) -> float | None:
    """The search's score of a dossier, of that state where one is given; None where it was not searched."""
    search = entry.evidence.get("search")
    if not search or (state is not None and entry.state != state):
        return None
    return float(search["score"])


def write_whole(path: Path, data: bytes) -> None:
    """Puts a file in place, whole, on the disk; one that has these bytes already is left alone."""
    part = path.with_name(path.name + ".part")

    def guarded(action: Callable[[], None]) -> None:
        try:
            action()
        except OSError as error:
            raise FileError("the report cannot be written", path=str(path), why=error.strerror or "") from None

    def put() -> None:
        if path.exists() and path.read_bytes() == data:
            return
        with part.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)

    guarded(put)
