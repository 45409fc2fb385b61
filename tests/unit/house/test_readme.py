"""The README's library example prints what the README says."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from support.patience import PATIENCE_S

README = Path(__file__).resolve().parents[3] / "README.md"


@pytest.mark.jit
def test_the_example_prints_what_stands_below_it() -> None:
    found = re.search(r"```python\n(.*?)```\n\n```text\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    assert found is not None
    code, output = found.groups()
    assert 10 <= len(code.strip().splitlines()) <= 20
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=PATIENCE_S)
    assert run.stdout == output
