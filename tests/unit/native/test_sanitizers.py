"""The native kernels under the address and undefined-behaviour sanitizers, over inputs that no caller should send.

Each kernel is compiled anew, with a driver of native/tests, as a program for each SIMD level. The driver puts its
seeded inputs and outputs into arrays of their exact size, and stops where a score is no number or below zero.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from cccd_core import runtime
from cccd_core.matching.parameters import MatcherParameters
from cccd_core.matching.tables import tables
from support.patience import PATIENCE_S

NATIVE = Path(__file__).parents[3] / "native"
LEVELS = ("serial", "avx2", "avx512")
# what a family's kernel is called where it has one level alone
SOURCES = {
    "matching": None,
    "preparing": None,
    "scanning": None,
    "coding": None,
    "extraction": None,
    "calibrating": "calibrate.cpp",
    "unpacking": "unpack.cpp",
}
SANITIZERS = ["-fsanitize=address,undefined,float-cast-overflow", "-fno-sanitize-recover=all", "-O1", "-w"]
# family, table, rounds: what a round is, the drivers say
RUNS = [
    ("scanning", "", 250),
    ("coding", "", 120),
    ("extraction", "", 60),
    ("matching", "real", 3000),
    ("matching", "no exits", 2500),
    ("preparing", "turns", 1200),
    ("calibrating", "", 1000),
    ("unpacking", "", 2000),
]


def kernel_flags(level: str) -> list[str]:
    """The flags that native/CMakeLists.txt gives the kernels of a level, less the optimisation."""
    lines = dict(re.findall(r"^set\((CCCD_FLAGS\w*) (.*)\)$", (NATIVE / "CMakeLists.txt").read_text(), re.MULTILINE))
    flags = f"{lines['CCCD_FLAGS']} {lines[f'CCCD_FLAGS_{level}']}".replace('"', "").split()
    assert "-ffp-contract=off" in flags
    return [flag for flag in flags if not flag.startswith("-O")]


def run(*command: str | Path) -> subprocess.CompletedProcess[bytes]:
    # nothing is freed late or by another; and leaks cannot be looked for where a debugger is not let in
    environment = {**os.environ, "ASAN_OPTIONS": "detect_leaks=0:detect_stack_use_after_return=1"}
    return subprocess.run(command, capture_output=True, env=environment, timeout=PATIENCE_S, check=False)


@pytest.fixture(scope="module")
def runner(tmp_path_factory):
    """The compiler, and what a program with sanitizers is started by; skips where there are none."""
    named = os.environ.get("CXX", "").split()[:1]
    compiler = next(filter(None, map(shutil.which, [*named, "g++", "c++", "clang++"])), None)
    if compiler is None:
        pytest.skip("no C++ compiler")
    folder = tmp_path_factory.mktemp("probe")
    (folder / "probe.cpp").write_text("int main() {}\n")
    built = run(compiler, *SANITIZERS, folder / "probe.cpp", "-o", folder / "probe")
    if built.returncode:
        pytest.skip(f"{compiler} has no sanitizers: {built.stderr.decode()[-200:]}")
    # older sanitizers stop now and then at addresses that newer kernels hand out at random
    fixed = [] if run("setarch", "-R", "true").returncode else ["setarch", "-R"]
    started = run(*fixed, folder / "probe")
    if started.returncode:
        pytest.skip(f"programs with sanitizers do not run here: {started.stderr.decode()[-200:]}")
    return compiler, fixed


@pytest.fixture(scope="module")
def programs(runner, tmp_path_factory):
    """The program of each family and level that this CPU runs, compiled two at a time."""
    folder = tmp_path_factory.mktemp("programs")
    levels = [level for level in LEVELS if level in runtime.simd_levels()]
    built = [(family, level) for family, alone in SOURCES.items() for level in (levels[:1] if alone else levels)]

    def build(one: tuple[str, str]) -> subprocess.CompletedProcess[bytes]:
        family, level = one
        sources = [
            NATIVE / "tests" / f"{family}.cpp",
            NATIVE / "kernels" / family / (SOURCES[family] or f"{level}.cpp"),
        ]
        place = [f"-DCCCD_TESTED={level}", "-I", NATIVE / "kernels", "-o", folder / f"{family}-{level}"]
        return run(runner[0], "-std=c++20", *kernel_flags(level), *SANITIZERS, *place, *sources)

    with ThreadPoolExecutor(2) as pool:
        for result in pool.map(build, built):
            assert result.returncode == 0, result.stderr.decode()[-3000:]
    return {one: [*runner[1], str(folder / "-".join(one))] for one in built}


@pytest.fixture(scope="module")
def table_files(tmp_path_factory):
    """The shipped tables as the drivers read them; once more with exits that nothing falls short of."""
    folder = tmp_path_factory.mktemp("tables")
    parameters = MatcherParameters()
    shipped = tables(parameters)
    open_weights = shipped.weights.copy()
    open_weights[-2:] = -1e5
    for name, weights in (("real", shipped.weights), ("no exits", open_weights)):
        columns = [shipped.settings, weights, shipped.cosines, shipped.sines, shipped.logarithms]
        np.concatenate(columns).astype(np.float32).tofile(folder / name)
    lengths = [parameters.cylinder_radius_px, parameters.bit_threshold, parameters.crowd_reach_px]
    columns = [lengths, shipped.angular.ravel(), shipped.exact_cosines, shipped.exact_sines, shipped.spatial]
    np.concatenate(columns).astype(np.float64).tofile(folder / "turns")
    return folder


@pytest.fixture(scope="module")
def results(programs, table_files):
    """What a family's driver writes at a level, run once."""
    known: dict[tuple[str, str, str], bytes] = {}

    def result(family: str, level: str, table: str, rounds: int) -> bytes:
        if (family, level, table) not in known:
            seed = len(family) + len(table)
            arguments = [str(table_files / table)] if table else []
            done = run(*programs[family, level], *arguments, str(seed), str(rounds))
            assert done.returncode == 0, done.stderr.decode()[-3000:]
            known[family, level, table] = done.stdout
        return known[family, level, table]

    return result


@pytest.mark.parametrize(
    ("family", "table", "rounds", "level"),
    [(*run, level) for run in RUNS for level in (LEVELS[:1] if SOURCES[run[0]] else LEVELS)],
)
def test_hostile_inputs_do_no_harm_and_every_level_agrees(request, family, table, rounds, level):
    if level not in runtime.simd_levels():
        pytest.skip(f"{level}: not built, or this CPU lacks it")
    results = request.getfixturevalue("results")
    found = results(family, level, table, rounds)
    assert len(found) > 8 * rounds
    assert found == results(family, "serial", table, rounds)
