"""The contract against import circles finds them where they hide: inside a package, between packages, in functions."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
NAME = "no import circles, between packages or between the files of one"


def lint(folder: Path, files: dict[str, str]) -> tuple[bool, str]:
    """Whether our contract holds for a package `rooms` of these files, and what the linter says."""
    for name, text in files.items():
        path = folder / "rooms" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        for package in path.parents:
            if package.is_relative_to(folder / "rooms"):
                (package / "__init__.py").touch()
    configured = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]
    (contract,) = (each for each in configured["contracts"] if each["name"] == NAME)
    assert contract["ancestors"] == [configured["root_package"]]
    lines = [f"{key} = {value}" for key, value in contract.items() if key not in ("ancestors", "ignore_imports")]
    config = ["[importlinter]", "root_package = rooms", "[importlinter:contract:1]", *lines, "ancestors = rooms"]
    (folder / "contract.ini").write_text("\n".join(config), encoding="utf-8")
    run = subprocess.run(
        [str(Path(sys.executable).with_name("lint-imports")), "--config", "contract.ini", "--no-cache"],
        cwd=folder, capture_output=True, text=True,
    )  # fmt: skip
    assert "Contracts:" in run.stdout, run.stdout + run.stderr
    return run.returncode == 0, run.stdout


CIRCLES = {
    "two files": {"a.py": "import rooms.b", "b.py": "import rooms.a"},
    "two files far down": {
        "hall/cellar/a.py": "from rooms.hall.cellar.b import x",
        "hall/cellar/b.py": "from rooms.hall.cellar import a\nx = 1",
    },
    "inside a function": {
        "hall/a.py": "from rooms.hall.b import x",
        "hall/b.py": "x = 1\ndef f():\n    from rooms.hall.a import y",
    },
    "of types alone": {
        "hall/a.py": "from rooms.hall.b import x",
        "hall/b.py": "from typing import TYPE_CHECKING\nx = 1\nif TYPE_CHECKING:\n    from rooms.hall import a",
    },
    "three files": {"a.py": "import rooms.b", "b.py": "import rooms.c", "c.py": "import rooms.a"},
    "two packages": {
        "hall/a.py": "import rooms.attic.a",
        "attic/a.py": "",
        "attic/b.py": "import rooms.hall.b",
        "hall/b.py": "",
    },
    "a file and a package": {"hall/a.py": "import rooms.hall.cellar.a", "hall/cellar/a.py": "import rooms.hall.a"},
}


@pytest.mark.parametrize("circle", CIRCLES)
def test_a_circle_breaks_the_contract(circle: str, tmp_path: Path) -> None:
    kept, report = lint(tmp_path, CIRCLES[circle])
    assert not kept
    assert "No cycles are allowed" in report


def test_what_is_no_circle_is_kept(tmp_path: Path) -> None:
    kept, report = lint(
        tmp_path,
        {
            "a.py": "from rooms import hall",
            "hall/__init__.py": "from rooms.hall.a import x",
            "hall/a.py": "from rooms.hall.b import x",
            "hall/b.py": "import rooms.hall\nx = 1",  # the face of its own package hands on; it is no room
        },
    )
    assert kept, report
