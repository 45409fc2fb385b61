"""The example of the how-to on issuing runs as it stands."""

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

PAGE = Path(__file__).resolve().parents[3] / "docs" / "how-to" / "issue-from-a-program.md"


@pytest.mark.jit
def test_the_example_issues_a_card(tmp_path: Path) -> None:
    found = re.search(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert found is not None
    pki.init(tmp_path / "pki")
    (tmp_path / "batch").mkdir()
    captured = f"{today() - timedelta(days=2)}T09:00:00+07:00"
    dossiers.put(tmp_path / "batch", "A1", dossiers.document(1, captured_at=captured), fingers=fingers_of(1))
    run = subprocess.run(
        [sys.executable, "-c", found[1]], cwd=tmp_path, capture_output=True, text=True, check=True, timeout=PATIENCE_S
    )
    first, second = run.stdout.splitlines()
    assert first == "1 cards; {} rejected"
    assert second.startswith("A1 verified None ")
