"""The demonstration: runs whole, and fails when what was found is not what was planted."""

from __future__ import annotations

import copy
import importlib.util
import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from support.patience import PATIENCE_S

SCRIPTS = Path(__file__).resolve().parents[3] / "scripts"


@pytest.fixture(scope="module")
def demo() -> ModuleType:
    sys.path.insert(0, str(SCRIPTS))
    try:
        spec = importlib.util.spec_from_file_location("demo", SCRIPTS / "demo.py")
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
    finally:
        sys.path.remove(str(SCRIPTS))
    return module


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    out = tmp_path_factory.mktemp("demo")
    command = [sys.executable, str(SCRIPTS / "demo.py"), "--people", "13", "--out", str(out)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return out, done.stdout


@pytest.mark.jit
def test_the_demonstration_ends_well_and_says_where_to_look(made: tuple[Path, str]) -> None:
    out, said = made
    planted = "as planted: 10 of 10 duplicates found, nobody else accused, 10 of 10 faults named, "
    assert f"{planted}1 left to people, 12 of 12 cards verified" in said
    assert str(out / "run" / "report.html") in said
    assert "DG13.full_name" in said
    assert (out / "pair" / "matched.png").read_bytes().startswith(b"\x89PNG")
    assert "two people settle the case that is left" in said
    assert "a person is erased by order" in said
    assert "replaced by that of R0001 (" in said
    assert not any("planted" in path.name for path in (out / "batch").rglob("*"))


@pytest.mark.jit
def test_every_difference_from_the_plan_is_found(demo: ModuleType, made: tuple[Path, str]) -> None:
    out, _ = made
    planted = json.loads((out / "planted.json").read_text(encoding="utf-8"))
    report = json.loads((out / "run" / "report.json").read_text(encoding="utf-8"))
    entries = [json.loads(line) for line in (out / "run" / "dossiers.jsonl").read_text(encoding="utf-8").splitlines()]
    lines = {entry["id"]: entry for entry in entries}
    (settled,) = planted["review"]
    assert lines[settled]["state"] == "verified"
    lines[settled] |= {"state": "review", "reason": "same_finger", "card_serial": None}  # as it was before
    report["verified"] -= 1
    assert demo.compare(planted, report, lines) == []
    missed = {**report, "duplicates": report["duplicates"][1:]}
    assert len(demo.compare(planted, missed, lines)) == 1
    innocent = next(name for name, line in lines.items() if line["state"] == "verified")
    accused = {**report, "duplicates": [*report["duplicates"], {"dossier": innocent, "of": "x"}]}
    assert len(demo.compare(planted, accused, lines)) == 1
    wrong_original = copy.deepcopy(report)
    wrong_original["duplicates"][0]["of"] = innocent
    assert len(demo.compare(planted, wrong_original, lines)) == 1
    let_pass = copy.deepcopy(lines)
    let_pass[next(iter(planted["rejected"]))]["reason"] = "other"
    assert len(demo.compare(planted, report, let_pass)) == 1
    lost = copy.deepcopy(lines)
    lost[innocent]["state"] = "failed"
    assert len(demo.compare(planted, report, lost)) == 1
    assert len(demo.compare(planted, {**report, "verified": 11}, lines)) == 1
    decided_alone = copy.deepcopy(lines)
    decided_alone[settled]["state"] = "verified"
    assert len(demo.compare(planted, report, decided_alone)) == 1
    twice = copy.deepcopy(lines)
    twice[innocent]["card_serial"] = next(
        line["card_serial"] for name, line in lines.items() if line["card_serial"] and name != innocent
    )
    assert len(demo.compare(planted, report, twice)) == 1
