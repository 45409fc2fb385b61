"""The tutorial from an image to a card runs as it stands."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from cccd_core.extraction import weights
from support.patience import PATIENCE_S

PAGE = Path(__file__).resolve().parents[3] / "docs" / "tutorial" / "from-an-image-to-a-card.md"
CCCD = Path(sys.executable).parent / "cccd"


@pytest.mark.data
@pytest.mark.jit
@pytest.mark.skipif(not weights.found(), reason="the extra cccd_core[extract] is not installed")
def test_from_an_image_to_a_card(tmp_path: Path, images: Path) -> None:
    (tmp_path / "shared").symlink_to(images.parents[1])
    home = tmp_path / "project"
    home.mkdir()

    def do(words: list[str]) -> str:
        run = subprocess.run(words, cwd=home, capture_output=True, text=True, check=True, timeout=PATIENCE_S)
        return " ".join(run.stdout.split())

    blocks = re.findall(r"```(sh|python)\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert [kind for kind, _ in blocks] == ["sh", "python", "sh", "sh", "sh"]
    said = []
    for kind, text in blocks[:-1]:
        if kind == "python":
            do([sys.executable, "-c", text])
        else:
            for line in text.replace("\\\n", " ").strip().splitlines():
                said.append(do(line.replace(".venv/bin/cccd", str(CCCD)).split()))
    assert "capture again 142-5_4.png" in said[0]
    assert "2 dossiers, 2 sound" in said[1]
    entries = [json.loads(line) for line in (home / "out/scanned/run/dossiers.jsonl").read_text().splitlines()]
    serial = next(entry["card_serial"] for entry in entries if entry["id"] == "A-1")
    number = json.loads((home / "out/scanned/batch/A-1/dossier.json").read_text())["personal_number"]
    last = blocks[-1][1].replace("\\\n", " ").replace("SERIAL", serial).replace("LAST_SIX_DIGITS", number[-6:])
    assert "finger: the holder's" in do(last.replace(".venv/bin/cccd", str(CCCD)).split())
