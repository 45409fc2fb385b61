"""Examples of the documentation run as they stand."""

from __future__ import annotations

import re
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from cccd_core import pki
from cccd_core.country.clock import today
from cccd_core.issuance.audit.trail import read
from support import dossiers
from support.issuing import fingers_of
from support.patience import PATIENCE_S

DOCS = Path(__file__).resolve().parents[3] / "docs"


@pytest.mark.jit
def test_the_reference_of_matching_says_what_comes_out(tmp_path: Path) -> None:
    winner, pairs, other = _run("reference/matching.md", tmp_path)
    assert winner == "0 True True"
    assert re.fullmatch(r"[1-9]\d pairs of minutiae; \['start', .*\]", pairs)
    assert other == "True"


@pytest.mark.jit
def test_the_example_issues_a_card(tmp_path: Path) -> None:
    pki.init(tmp_path / "pki")
    (tmp_path / "batch").mkdir()
    captured = f"{today() - timedelta(days=2)}T09:00:00+07:00"
    dossiers.put(tmp_path / "batch", "A1", dossiers.document(1, captured_at=captured), fingers=fingers_of(1))
    first, second = _run("how-to/issue-from-a-program.md", tmp_path)
    assert first == "1 cards; {} rejected"
    assert second.startswith("A1 verified None ")


@pytest.mark.jit
@pytest.mark.parametrize("where", ["file", pytest.param("server", marks=pytest.mark.postgres)])
def test_the_production_system_runs(where: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    pki.init(tmp_path / "pki")
    (tmp_path / "batch").mkdir()
    captured = f"{today() - timedelta(days=2)}T09:00:00+07:00"
    for index, name in enumerate(("A1", "A2", "A3"), 1):
        fingers = fingers_of(index)
        if name == "A3":  # one finger, given for its neighbour as another print
            fingers["3.fmr"] = fingers_of(index, again=True)["2.fmr"]
        dossiers.put(tmp_path / "batch", name, dossiers.document(index, captured_at=captured), fingers=fingers)
    register = "register.sqlite" if where == "file" else request.getfixturevalue("postgres").new_database()
    assert _run("how-to/run-a-production-system.md", tmp_path, register) == [
        "3 taken in, 0 refused",
        "A1 verified None",
        "A2 verified None",
        "A3 in_review same_finger",
        "A3 same_finger",
        "3 cards proved",
        "{'handed_over'} overdue: 0",
        "done ['revoke'] 2",
        "trail sound: True register sound: True",
        "acts sound: True",
    ]
    acts = [one.entry.what for one in read((tmp_path / "acts.jsonl").read_bytes())]
    assert acts[:4] == ["batch_received", "done", "issue", "done"]
    assert {"vote", "settled", "listed", "move_to_handed_over", "remove"} <= set(acts)


def _run(page: str, folder: Path, *arguments: str) -> list[str]:
    """The lines that the examples of a page print, run one after the other in one process."""
    code = "\n".join(re.findall(r"```python\n(.*?)```", (DOCS / page).read_text(encoding="utf-8"), re.DOTALL))
    run = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE_S,
    )
    assert run.returncode == 0, run.stderr
    return run.stdout.splitlines()
