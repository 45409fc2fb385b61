"""`--version`, `--log`, `--log-level`."""

from __future__ import annotations

import os
import re
import stat
from pathlib import Path
from typing import Any

import pytest

import cccd_core
from support.issuing import Office

LINE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}[+-]\d\d:\d\d (DEBUG|INFO|WARNING|ERROR) cccd_core\.\S+ \S.*")


def test_version(process: Any) -> None:
    done = process("--version")
    assert (done.returncode, done.stdout.decode()) == (0, f"cccd {cccd_core.__version__}\n")


@pytest.mark.jit
def test_a_log_is_appended_to_and_its_owner_s(office: Office, tmp_path: Path, process: Any) -> None:
    log = tmp_path / "log"
    issue = ["issue", office.batch(), "--gallery", office.gallery, "--pki", office.pki, "--out", office.out(), "--json"]
    assert process("--log", log, *issue).returncode == 0
    assert stat.S_IMODE(log.stat().st_mode) == 0o600
    first = log.read_text(encoding="utf-8")
    assert process("--log", log, "--log-level", "debug", "batch", "check", tmp_path / "none").returncode == 3
    text = log.read_text(encoding="utf-8")
    assert text.startswith(first)
    assert all(LINE.fullmatch(line) for line in text.splitlines())
    for said in ("cccd issue", "cards: 1 of 1", "exit code 0", "neither a folder", "exit code 3"):
        assert said in text
    document = (office.batch() / "A1" / "dossier.json").read_text(encoding="utf-8")
    number = re.search(r'"personal_number": "(\d+)"', document)
    assert number is not None
    assert number[1] not in text


def test_a_log_to_standard_error(work: Path, process: Any) -> None:
    done = process("--log=-", "template", "info", work / "1.fmr")
    assert done.returncode == 0
    assert all(LINE.fullmatch(line) for line in done.stderr.decode().splitlines())
    quiet = process("--log", "-", "--log-level", "warning", "template", "info", work / "1.fmr")
    assert len(quiet.stderr.splitlines()) == 1, "its first line alone"


@pytest.mark.parametrize("target", ["/dev/full", ".", "none/log"])
def test_a_log_that_cannot_be_written_ends_the_command(target: str, work: Path, process: Any) -> None:
    done = process("--log", target, "template", "convert", "1.fmr", "--to", "xyt", "-o", "x", cwd=work)
    assert done.returncode == 3
    assert b"the log cannot be written" in done.stderr
    assert b"Traceback" not in done.stderr
    assert not (work / "x").exists()


def test_a_log_line_stays_a_line(work: Path, process: Any) -> None:
    name = work / "a\nb\x1b[31m"
    process("--log", work / "log", "template", "draw", name, "-o", "-")
    text = (work / "log").read_text(encoding="utf-8")
    assert "\x1b" not in text
    assert all(LINE.fullmatch(line) for line in text.splitlines())


def test_a_pipe_as_a_log(work: Path, process: Any) -> None:
    pipe = work / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    assert process("--log", pipe, "template", "info", work / "1.fmr").returncode == 0
    assert b"exit code 0" in os.read(reader, 65536)
    os.close(reader)
    assert stat.S_ISFIFO(pipe.stat().st_mode)
