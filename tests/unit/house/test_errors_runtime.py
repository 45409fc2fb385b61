"""The error root and the runtime door."""

from __future__ import annotations

import json
import pickle
import re
import subprocess
import sys
from pathlib import Path

import pytest

from cccd_core import errors, runtime
from cccd_core.errors import CccdError, FormatError, ParameterError


def test_error_carries_its_facts() -> None:
    error = FormatError("a record that ends early", offset=12, tag="7F61")
    assert str(error) == "a record that ends early (offset=12, tag='7F61')"
    assert error.as_dict() == {
        "kind": "format",
        "message": "a record that ends early",
        "facts": {"offset": 12, "tag": "7F61"},
    }
    assert error.with_facts(path="a.fmr", offset=99).facts == {"offset": 12, "tag": "7F61", "path": "a.fmr"}


def test_errors_survive_pickling_between_processes() -> None:
    error = pickle.loads(pickle.dumps(FormatError("short", offset=3)))
    assert type(error) is FormatError
    assert error.facts == {"offset": 3}


def test_every_error_kind_is_distinct_and_under_one_root() -> None:
    kinds = [c for c in vars(errors).values() if isinstance(c, type) and issubclass(c, Exception)]
    assert all(issubclass(c, CccdError) for c in kinds)
    assert len({c.kind for c in kinds}) == len(kinds) > 10


def test_the_reference_tells_what_to_do_about_each_kind() -> None:
    page = (Path(__file__).resolve().parents[3] / "docs" / "reference" / "errors.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`(\w+)`", page))
    kinds = {c.kind for c in vars(errors).values() if isinstance(c, type) and issubclass(c, CccdError)}
    assert kinds - {"error"} <= named


def test_simd_level_can_be_forced_and_an_impossible_one_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    if not runtime.simd_levels():
        pytest.skip("no native kernels here: " + runtime.native_error())
    for level in runtime.simd_levels():
        monkeypatch.setenv(runtime.SIMD_VARIABLE, level)
        assert runtime.simd_level() == level
        assert runtime.kernels() == f"native-{level}"
    monkeypatch.setenv(runtime.SIMD_VARIABLE, "mmx")
    with pytest.raises(ParameterError) as caught:
        runtime.simd_level()
    assert caught.value.facts["wanted"] == "mmx"


def test_kernels_can_be_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(runtime.KERNELS_VARIABLE, "numba")
    assert runtime.use_native() is False
    assert runtime.kernels() == "numba"
    monkeypatch.setenv(runtime.KERNELS_VARIABLE, "cuda")
    with pytest.raises(ParameterError):
        runtime.use_native()


def test_without_native_kernels_everything_says_so() -> None:
    code = """
import json, os, sys
sys.modules["cccd_core._native"] = None  # importing it fails from here on
from cccd_core import runtime
from cccd_core.errors import UnavailableError
os.environ.pop(runtime.KERNELS_VARIABLE, None)
said = [runtime.kernels(), runtime.describe()["kernels"]["native"], list(runtime.simd_levels())]
os.environ[runtime.KERNELS_VARIABLE] = "native"
try:
    runtime.use_native()
except UnavailableError as error:
    said.append(error.facts["why"])
print(json.dumps(said))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    kernels, native, levels, why = json.loads(done.stdout)
    assert (kernels, levels) == ("numba", [])
    assert native == f"not built: {why}"
    assert "cccd_core._native" in why


@pytest.mark.parametrize("text", ["0", "-1", "two", "100000"])
def test_threads_refuses_nonsense(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv(runtime.THREADS_VARIABLE, text)
    with pytest.raises(ParameterError):
        runtime.threads()


def test_manifest_has_what_every_result_carries() -> None:
    record = json.loads(json.dumps(runtime.manifest("sha256:00", seed=7)))
    assert set(record) == {"version", "parameters", "kernels", "threads", "seed"}
    assert record["parameters"] == "sha256:00"
