"""The fuzzer finds what it is there to find: a wild exception, slowness, greed; and says so by its exit code."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from fuzz import limits, registry

from support.patience import PATIENCE_S

pytest.importorskip("atheris", reason="atheris is in requirements/dev.txt")

TARGET = """
import time
from cccd_core.errors import FormatError
from cccd_core.templates.extended import areas

MODULES = ("cccd_core.templates.extended",)
SEEDS = (b"",)


def target(data):
    BODY
    list(areas(data))
"""
SOUND = "if data[:2] == b'AB':\n        raise FormatError('no', offset=2)"
WILD = "if data[:1] == b'A':\n        raise KeyError('planted')"
SLOW = """if data[:1] == b'A':
        end = time.thread_time() + 0.08
        while time.thread_time() < end:
            pass"""
GREEDY = "if data[:1] == b'A':\n        bytearray(100 << 20)"


def plant(home: Path, body: str) -> None:
    (home / "targets").mkdir()
    (home / "targets" / "planted.py").write_text(TARGET.replace("BODY", body), encoding="utf-8")


def fuzz(home: Path, *options: str, seconds: int = 4) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "fuzz", "--home", str(home), "--seconds", str(seconds), *options],
        cwd=registry.HOME.parent,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )


def test_nothing_is_found_where_nothing_is(tmp_path: Path) -> None:
    plant(tmp_path, SOUND)
    done = fuzz(tmp_path, "--keep", "3")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "ok    planted" in done.stdout
    assert ", 0 findings" in done.stdout
    kept = registry.corpus("planted", tmp_path)
    assert 1 <= len(kept) <= 3


@pytest.mark.parametrize(
    ("body", "said"), [(WILD, "KeyError"), (SLOW, "ms, more than 50"), (GREEDY, "MiB, more than 64")]
)
def test_what_was_planted_is_found_and_kept(tmp_path: Path, body: str, said: str) -> None:
    plant(tmp_path, body)
    for seconds in (4, 16, 64):  # of a machine that is busy a few seconds may be too few to come upon it
        done = fuzz(tmp_path, seconds=seconds)
        if done.returncode:
            break
    assert done.returncode == 1, done.stdout + done.stderr
    assert said in done.stdout
    kept = registry.corpus("planted", tmp_path)
    assert kept
    assert any(path.read_bytes()[:1] == b"A" for path in kept)


def test_an_unknown_target_is_refused(tmp_path: Path) -> None:
    plant(tmp_path, SOUND)
    done = fuzz(tmp_path, "--target", "other")
    assert done.returncode == 2
    assert "there are: planted" in done.stderr


def test_a_target_says_what_to_instrument(tmp_path: Path) -> None:
    plant(tmp_path, SOUND)
    assert registry.modules("planted", tmp_path) == ("cccd_core.templates.extended",)
    (tmp_path / "targets" / "bare.py").write_text("SEEDS = ()\n", encoding="utf-8")
    with pytest.raises(LookupError, match="bare"):
        registry.modules("bare", tmp_path)


def test_costs_are_measured() -> None:
    def greedy(data: bytes) -> None:
        bytearray(len(data) << 20)

    assert limits.measure(greedy, bytes(70)).complaint().endswith("MiB, more than 64")
    assert limits.measure(greedy, bytes(1)).complaint() == ""
    assert 1 << 20 <= limits.peak(greedy, bytes(1)) < 2 << 20
