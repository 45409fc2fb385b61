"""Ctrl-C: exit code 130 and a word how to go on, wherever the program stands.

What was found: of 120 runs of `cccd issue`, interrupted at random moments, two did not end with 130. One was killed by
the signal while Python took itself down, after its report was printed. In the other an error took the interrupt's
place: it fell between a transaction's begin and the block that undoes it, and a minute later the same process found the
run's state locked by itself. Beyond that, an interrupt that falls into a callback whose exceptions Python drops is
lost, and the run goes on to its end and exit code 0: each import runs one such callback, a run nearly a thousand.
So the command line remembers that the signal came (`cli.interrupts`). Here it comes at moments that the tests choose,
on any machine.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
import typer

from cccd_core.cli import common, interrupts
from cccd_core.cli.common import EXIT_INTERRUPTED
from cccd_core.cli.progress import progress
from cccd_core.errors import FileError
from support.issuing import Office
from support.patience import PATIENCE_S

PEOPLE = 6
# The run stands still after a step of its work, says so, and goes on when it is told to.
GATED = """
import sys
import cccd_core.issuance as issuance
stage, place = sys.argv.pop(1), int(sys.argv.pop(1))
real = issuance.issue
def gated(*given, progress, **more):
    def step(done, total, what):
        progress(done, total, what)
        if (what, done) == (stage, place):
            sys.stderr.write("gate\\n")
            sys.stderr.flush()
            sys.stdin.readline()
    return real(*given, progress=step, **more)
issuance.issue = gated
from cccd_core.cli.main import main
main()
"""
# Ctrl-C at the moment when a module is looked for.
AT_IMPORT = """
import os, signal, sys
module = sys.argv.pop(1)
class Finder:
    def find_spec(self, name, path=None, target=None):
        if name == module:
            sys.meta_path.remove(self)
            os.kill(os.getpid(), signal.SIGINT)
sys.meta_path.insert(0, Finder())
from cccd_core.cli.main import main
main()
"""
# Ctrl-C after everything is done and said.
AT_EXIT = """
import atexit, os, signal
atexit.register(lambda: (os.kill(os.getpid(), signal.SIGINT), sum(range(10))))
from cccd_core.cli.main import main
main()
"""


def start(code: str, *arguments: str | Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", code, *map(str, arguments)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen(command, text=True, **pipes)  # type: ignore[call-overload,no-any-return]


def issuing(office: Office, out: str = "out") -> list[str | Path]:
    return ["issue", office.batch(), "--gallery", office.gallery, "--pki", office.pki, "--out", office.out(out)]


@pytest.mark.jit
@pytest.mark.parametrize(("stage", "place"), [("check", PEOPLE), ("cards", 1), ("cards", PEOPLE)])
def test_ctrl_c_ends_with_its_own_code_and_the_next_run_goes_on(stage: str, place: int, office: Office) -> None:
    for person in range(2, PEOPLE + 1):
        office.put(f"A{person}", person)
    with start(GATED, stage, str(place), *issuing(office)) as run:
        assert run.stderr is not None
        for line in run.stderr:
            if line == "gate\n":
                break
        run.send_signal(signal.SIGINT)
        _, errors = run.communicate(timeout=PATIENCE_S)
    assert run.returncode == EXIT_INTERRUPTED, errors
    said = errors.splitlines()
    assert said[-1] == "interrupted: what was finished is kept; run the same command again to go on"
    assert said[-2].startswith(f"{stage}: {place} of {PEOPLE} in ")
    assert "Traceback" not in errors
    assert common.run(_app("issue"), [str(word) for word in issuing(office)]) == 0
    report = json.loads((office.out() / "report.json").read_text(encoding="utf-8"))
    assert report["verified"] == PEOPLE


def _app(area: str) -> typer.Typer:
    from cccd_core.cli.main import build

    return build(area)


@pytest.mark.jit
def test_issue_waits_for_a_key_and_is_interrupted(office: Office, tmp_path: Path) -> None:
    """Between search and cards: the key that signs comes through a pipe that nobody writes."""
    pki = tmp_path / "pki"
    for path in office.pki.rglob("*"):
        if path.is_file():
            (pki / path.relative_to(office.pki)).parent.mkdir(parents=True, exist_ok=True)
            (pki / path.relative_to(office.pki)).write_bytes(path.read_bytes())
    key = pki / "ds" / "private_key.pem"
    content = key.read_bytes()
    key.unlink()
    os.mkfifo(key)
    office = Office(office.folder, pki)
    with start("from cccd_core.cli.main import main; main()", *issuing(office)) as run:
        with key.open("wb"):  # opens when the run does
            run.send_signal(signal.SIGINT)
        # Closed before it is waited for: a signal that comes just before the run begins to read does not wake it.
        _, errors = run.communicate(timeout=PATIENCE_S)
    assert run.returncode == EXIT_INTERRUPTED, errors
    assert "Traceback" not in errors
    key.unlink()
    key.write_bytes(content)
    assert common.run(_app("issue"), [str(word) for word in issuing(office)]) == 0


@pytest.mark.parametrize(
    "module",
    ["cccd_core.cli.common", "typer", "rich.console", "cccd_core.cli.template", "numpy", "cccd_core.templates"],
)
def test_while_it_loads(module: str, work: Path) -> None:
    with start(AT_IMPORT, module, "template", "info", work / "1.fmr") as run:
        _, errors = run.communicate(timeout=PATIENCE_S)
    assert run.returncode == EXIT_INTERRUPTED, errors
    assert "Traceback" not in errors
    assert errors.startswith("interrupted: ")


def test_a_library_s_own_account_of_an_interrupt_is_not_shown(work: Path) -> None:
    """SQLAlchemy logs with a traceback what interrupts the closing of a connection."""
    code = """
import logging, sys
from cccd_core.cli import common
real = common.run
def run(app):
    try:
        raise KeyboardInterrupt
    except KeyboardInterrupt:
        logging.getLogger("sqlalchemy.pool").error("Exception closing connection", exc_info=True)
    return real(app)
common.run = run
from cccd_core.cli.main import main
main()
"""
    with start(code, "template", "info", work / "1.fmr") as run:
        _, errors = run.communicate(timeout=PATIENCE_S)
    assert (run.returncode, errors) == (0, "")


def test_after_all_is_said_the_exit_code_stands(work: Path) -> None:
    with start(AT_EXIT, "template", "info", work / "1.fmr") as run:
        out, errors = run.communicate(timeout=PATIENCE_S)
    assert (run.returncode, errors) == (0, "")
    assert "1.fmr" in out


def test_an_ignored_signal_stays_ignored(work: Path) -> None:
    code = "import signal; signal.signal(signal.SIGINT, signal.SIG_IGN)\n" + AT_IMPORT
    with start(code, "cccd_core.templates", "template", "info", work / "1.fmr") as run:
        _, errors = run.communicate(timeout=PATIENCE_S)
    assert (run.returncode, errors) == (0, "")


class Dropped:
    """An object during whose end Ctrl-C comes: Python drops what is raised there."""

    def __del__(self) -> None:
        os.kill(os.getpid(), signal.SIGINT)
        sum(range(3))


def of_one_command(command: Any) -> typer.Typer:
    app = typer.Typer()
    app.command("only")(command)
    app.callback()(lambda: None)
    return app


def test_an_interrupt_that_python_drops_comes_back(capsys: pytest.CaptureFixture[str]) -> None:
    steps = []

    def command() -> None:
        Dropped()
        for step in range(5):
            steps.append(str(step))
            int(steps[-1])
            shout()
        steps.append("end")

    def shout() -> None:
        return

    assert common.run(of_one_command(command), ["only"]) == EXIT_INTERRUPTED
    assert "end" not in steps
    assert "ignored" not in capsys.readouterr().err


def test_an_interrupt_that_somebody_swallows_is_met_at_the_next_step(capsys: pytest.CaptureFixture[str]) -> None:
    done = []

    def command() -> None:
        common.when_interrupted("half is done")
        with progress("work") as step:
            step(0, 3, "pieces")
            try:
                os.kill(os.getpid(), signal.SIGINT)
                threading.Event().wait(5)
            except KeyboardInterrupt:
                done.append("swallowed")
            step(1, 3, "pieces")
            done.append("on")

    assert common.run(of_one_command(command), ["only"]) == EXIT_INTERRUPTED
    assert done == ["swallowed"]
    captured = capsys.readouterr()
    assert captured.err.splitlines()[-1] == "interrupted: half is done"
    assert "pieces: 0 of 3" in captured.err


def test_an_error_while_it_unwinds_takes_no_interrupt_s_place(capsys: pytest.CaptureFixture[str]) -> None:
    def command() -> None:
        try:
            os.kill(os.getpid(), signal.SIGINT)
            threading.Event().wait(5)
        finally:
            raise FileError("the state cannot be written", path="x")

    assert common.run(of_one_command(command), ["only"]) == EXIT_INTERRUPTED
    captured = capsys.readouterr()
    assert "the state cannot be written" in captured.err
    assert captured.err.splitlines()[-1].startswith("interrupted: ")


def test_nothing_of_one_command_is_left_for_the_next(capsys: pytest.CaptureFixture[str]) -> None:
    def command() -> None:
        common.when_interrupted("x")
        raise KeyboardInterrupt

    before = signal.getsignal(signal.SIGINT), sys.unraisablehook
    assert common.run(of_one_command(command), ["only"]) == EXIT_INTERRUPTED
    assert (signal.getsignal(signal.SIGINT), sys.unraisablehook) == before
    assert not interrupts.received()
    assert common.run(of_one_command(lambda: None), ["only"]) == 0
    assert capsys.readouterr().err == "interrupted: x\n"


@pytest.mark.jit
def test_threads_that_work_are_waited_for(work: Path) -> None:
    """Ctrl-C in the middle of an evaluation's pool of threads."""
    code = """
import os, signal, sys, threading
from cccd_core.evaluation import scoring
from cccd_core.matching import Matcher
real = Matcher.scores
def scores(self, *given, **more):
    if threading.current_thread() is not threading.main_thread():
        os.kill(os.getpid(), signal.SIGINT)
    return real(self, *given, **more)
Matcher.scores = scores
from cccd_core.cli.main import main
main()
"""
    with start(code, "evaluate", work / "set", "--out", work / "r.json") as run:
        _, errors = run.communicate(timeout=PATIENCE_S)
    assert run.returncode == EXIT_INTERRUPTED, errors
    assert "Traceback" not in errors
    assert not (work / "r.json").exists()


def test_a_thread_that_nobody_waits_for_any_more_does_not_outlast_the_command() -> None:
    """A second Ctrl-C while threads are waited for breaks that off: Python is not taken down under one that computes in
    native code, which would abort the process."""
    code = """
import sys, threading
from cccd_core.cli import doctor as area
def doctor() -> None:
    threading.Thread(target=threading.Event().wait, args=(600,)).start()
    raise KeyboardInterrupt
area.doctor = doctor
from cccd_core.cli.main import main
main()
"""
    with start(code, "doctor") as run:
        try:
            _, errors = run.communicate(timeout=120)
        finally:
            run.kill()
    assert run.returncode == EXIT_INTERRUPTED, errors
    assert errors.splitlines()[-1].startswith("interrupted: ")
