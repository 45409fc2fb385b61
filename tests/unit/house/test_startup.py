"""What a new process loads: each command its own area, and numba only where its kernels run."""

from __future__ import annotations

import importlib
import subprocess
import sys
from pathlib import Path

import pytest
import typer

from cccd_core import cli, runtime, templates
from cccd_core.cli import main
from support.matching_pairs import impression

NUMBA = {"numba", "llvmlite"}
CARD = {"cryptography", "asn1crypto", "smartcard", "pkcs11"}
FILES = {area.replace("-", "_") for area in main.AREAS}
HEAVY = NUMBA | CARD | {"matplotlib", "pyarrow", "sqlalchemy", "PIL"}

SHARED = ("common", "interrupts", "log", "main", "options", "terminal")  # what every command loads of the command line

COMPARISON = """
import sys
from cccd_core import templates
from cccd_core.matching import Matcher
first, second = (templates.load(path).view for path in sys.argv[1:])
matcher = Matcher()
assert matcher.scores(matcher.prepare(first), matcher.gallery([second]), threads=1)[0] > 40
"""

COMMAND = """
import sys
from cccd_core.cli.main import main
try:
    main()
except SystemExit as stop:
    assert not stop.code, stop.code
"""


def loaded(code: str, *arguments: str) -> set[str]:
    """The modules that a new process has loaded after `code`; their packages' names too."""
    code += "\nsys.stderr.write('loaded ' + ' '.join(sys.modules))"
    run = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=True)
    names = run.stderr.rpartition("loaded ")[2].split()
    return {*names, *(name.split(".")[0] for name in names)}


@pytest.fixture
def pair(tmp_path: Path) -> list[str]:
    """Two template files of one finger."""
    paths = [tmp_path / f"101_{number}.fmr" for number in (1, 2)]
    for number, path in enumerate(paths):
        templates.save(templates.write(impression(1, number), "iso-2005"), path)
    return [str(path) for path in paths]


@pytest.fixture
def native() -> None:
    if not runtime.simd_levels():
        pytest.skip("no native kernels are built here")


@pytest.mark.usefixtures("native")
def test_the_first_comparison_loads_no_numba_where_native_kernels_run(pair: list[str]) -> None:
    modules = loaded(COMPARISON, *pair)
    assert "cccd_core.matching.matcher" in modules
    assert not modules & HEAVY


@pytest.mark.usefixtures("native")
def test_match_loads_matching_alone(pair: list[str]) -> None:
    modules = loaded(COMMAND, "match", *pair, "--json")
    assert not modules & HEAVY
    assert {"cccd_core.evaluation", "cccd_core.dedup", "cccd_core.cli.evaluate"}.isdisjoint(modules)


@pytest.mark.usefixtures("native")
def test_evaluate_loads_no_numba_where_native_kernels_run(pair: list[str]) -> None:
    modules = loaded(COMMAND, "evaluate", str(Path(pair[0]).parent), "--json", "--bootstrap", "0")
    assert "cccd_core.evaluation" in modules
    assert not modules & HEAVY


def test_help_loads_no_library_of_any_area() -> None:
    modules = loaded(COMMAND, "--help")
    assert {f"cccd_core.cli.{area}" for area in FILES} <= modules
    assert not modules & (HEAVY | {"numpy"})


def test_template_loads_templates_alone(pair: list[str]) -> None:
    modules = loaded(COMMAND, "template", "info", pair[0])
    assert "cccd_core.templates" in modules
    assert not modules & HEAVY
    assert {"cccd_core.matching", "cccd_core.card"}.isdisjoint(modules)


def test_doctor_loads_no_biometrics() -> None:
    assert not loaded(COMMAND, "doctor", "--json") & (NUMBA | {"numpy", "matplotlib", "cccd_core.matching"})


@pytest.mark.parametrize("area", main.AREAS)
def test_a_command_loads_its_own_command_file(area: str) -> None:
    files = {name for name in loaded(COMMAND, area, "--help") if name.startswith("cccd_core.cli.")}
    files.discard("cccd_core.cli.progress")  # where there is something to wait for
    files.discard("cccd_core.cli.gallery_key")  # where a gallery is opened
    files.discard("cccd_core.cli.prints")  # where templates and images are taken alike
    files.discard("cccd_core.cli.told")  # where an audit trail is told
    own = f"cccd_core.cli.{area.replace('-', '_')}"  # and what it is made of: `card_keys`, `pki.issue`
    assert {name for name in files if not name.startswith(own)} == {f"cccd_core.cli.{name}" for name in SHARED}
    assert own in files


@pytest.mark.parametrize("before", [["--log", "{log}"], ["--log={log}", "--log-level", "debug"], ["--log-level=info"]])
def test_options_before_the_area_load_no_other(before: list[str], tmp_path: Path) -> None:
    before = [option.format(log=tmp_path / "pki") for option in before]
    files = {name for name in loaded(COMMAND, *before, "doctor", "--json") if name.startswith("cccd_core.cli.")}
    assert files == {*(f"cccd_core.cli.{name}" for name in SHARED), "cccd_core.cli.doctor"}


def test_each_area_has_the_command_of_its_name() -> None:
    command = typer.main.get_command(main.build())
    assert set(command.commands) == set(main.AREAS)


def test_every_file_of_commands_is_an_area() -> None:
    here = Path(cli.__file__).parent
    files = {path.stem if path.suffix else path.name for path in here.iterdir() if path.name != "__pycache__"}
    with_commands = {
        name
        for name in files - {"__init__", "main"}
        if hasattr(importlib.import_module(f"cccd_core.cli.{name}"), "register")
    }
    parts = {name for name in with_commands - FILES if name.partition("_")[0] in FILES}  # `card_keys`
    assert with_commands - parts == FILES
