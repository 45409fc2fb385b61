"""The audit trail: every change is noticed, a torn line is written again."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cccd_core.errors import DamagedError
from cccd_core.issuance.audit.trail import Audit, Event, verify_audit


def test_the_audit_trail_notices_every_change(tmp_path: Path) -> None:
    path = tmp_path / "audit.jsonl"
    entries = [Event("a", "verified", None, "AA"), Event("b", "rejected", "number_sex", None)]
    Audit(path, "r1").append(entries[:1])
    trail = Audit(path, "r1")
    trail.append(entries)
    trail.append(entries)
    assert verify_audit(path, "r1") == 2
    lines = path.read_bytes().splitlines(keepends=True)
    assert [json.loads(line)["dossier"] for line in lines] == ["a", "b"]
    spoiled = [
        [lines[1]],
        [lines[1], lines[0]],
        [lines[0], lines[0]],
        [lines[0].replace(b'"AA"', b'"AB"'), lines[1]],
        [lines[0], b"{}\n"],
        [b"[]\n", lines[1]],
        [b"\xff\n", lines[1]],
    ]
    for change in spoiled:
        path.write_bytes(b"".join(change))
        with pytest.raises(DamagedError, match="was changed"):
            verify_audit(path, "r1")
    path.write_bytes(b"".join(lines))
    with pytest.raises(DamagedError):
        verify_audit(path, "r2")


def test_a_torn_last_line_of_the_audit_is_written_again(tmp_path: Path) -> None:
    path = tmp_path / "audit.jsonl"
    entries = [Event(name, "verified", None, name) for name in "abc"]
    Audit(path, "r1").append(entries)
    whole = path.read_bytes()
    start = whole[: whole.rstrip().rfind(b"\n") + 1]
    for cut in range(len(start) + 1, len(whole), 37):
        path.write_bytes(whole[:cut])
        Audit(path, "r1").append(entries)
        assert verify_audit(path, "r1") == 3
