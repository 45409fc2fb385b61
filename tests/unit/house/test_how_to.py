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


def _run(page: str, folder: Path) -> list[str]:
    """The lines that the examples of a page print, run one after the other in one process."""
    code = "\n".join(re.findall(r"```python\n(.*?)```", (DOCS / page).read_text(encoding="utf-8"), re.DOTALL))
    run = subprocess.run(
        [sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, check=False, timeout=PATIENCE_S
    )
    assert run.returncode == 0, run.stderr
    return run.stdout.splitlines()
