"""What reaches a terminal or a pipe: nothing that would be obeyed, nothing cut, and JSON that any program reads."""

from __future__ import annotations

import io
import json
import os
import pty
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cccd_core import templates
from cccd_core.cli import common, terminal
from cccd_core.cli.common import EXIT_NOT_RUN, EXIT_USAGE
from cccd_core.cli.main import build
from cccd_core.synthesis import MasterFinger
from support import dossiers
from support.patience import PATIENCE_S

HOSTILE = [b"bad\xff\xfe_1.fmr", b"\x1b[31m_1.fmr", b"a\nb_1.fmr", b"[red]x[bold]_1.fmr"]
ALL = b"[red]\xff\xfe\x1b[31ma\nb" + "\x9b31m\u202e_1.fmr".encode()
OBEYED = (b"\x1b", b"\x9b", b"\r", b"\xff", "\u202e".encode(), b"\nb")


def called(name: bytes, work: Path) -> Path:
    """A template in a folder of its own, under this name."""
    path = work / "names" / os.fsdecode(name)
    path.parent.mkdir()
    shutil.copy(work / "1.fmr", path)
    return path


@pytest.mark.parametrize("form", [[], ["--json"]])
@pytest.mark.parametrize("name", HOSTILE, ids=repr)
def test_a_name_that_is_no_word_for_a_terminal(name: bytes, form: list[str], work: Path, process: Any) -> None:
    strict = {**os.environ, "PYTHONIOENCODING": "utf-8:strict"}
    done = process("template", "info", called(name, work), *form, env=strict)
    assert (done.returncode, done.stderr) == (0, b"")
    assert not [sign for sign in OBEYED if sign in done.stdout]
    done.stdout.decode("utf-8")
    if form:
        json.loads(done.stdout)
        assert b"\\ud" not in done.stdout, "an unpaired surrogate is refused by other programs"
    elif b"red" in name:
        assert name in done.stdout


@pytest.mark.jit
@pytest.mark.parametrize("form", [[], ["--json"]])
@pytest.mark.parametrize(
    "words",
    [
        "template info {name}.none",
        "template info {name} {name}.none",
        "template convert {name} --to ansi-2004 -o {name}.ansi",
        "template draw {name} -o {name}.png",
        "match {name} {name} {name}.none",
        "match {name} {name} --explain {name}.png",
        "evaluate {folder} --bootstrap 0 --scores {folder}/scores.csv",
        "evaluate {folder} --bootstrap 0 --out {folder}/result.json --expect x:1",
        "pki show {name}",
        "vcard info {name}",
        "batch check {name}",
        "batch check {folder}",
        "gallery info {name}",
        "gallery remove {name} {name} --order {name}",
        "template info 1.fmr --no-such-{name}",
    ],
)
def test_names_do_no_harm(
    words: str, form: list[str], work: Path, monkeypatch: pytest.MonkeyPatch, recwarn: pytest.WarningsRecorder
) -> None:
    name = called(ALL, work)
    out, errors = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8", errors="strict") for _ in range(2))
    monkeypatch.setattr(sys, "stdout", out)
    monkeypatch.setattr(sys, "stderr", errors)
    area, *rest = [word.format(name=name, folder=name.parent) for word in words.split()]
    assert common.run(build(area), [area, *rest, *form]) in (0, 1, 2, 3)
    for stream in (out, errors):
        stream.flush()
        text = stream.buffer.getvalue()  # type: ignore[attr-defined]
        assert not [sign for sign in OBEYED if sign in text]
        if form and stream is out and text:
            json.loads(text)


def test_names_as_they_are_shown() -> None:
    assert terminal.shown("Nguyễn [2].fmr") == "Nguyễn [2].fmr"
    assert terminal.shown(Path("a\nb\tc")) == r"a\nb\tc"
    assert terminal.shown(os.fsdecode(b"\xff\xfe")) == r"\xff\xfe"
    assert terminal.shown("\x1b[31m\x7f\x9b\u202e\U000e0001") == r"\x1b[31m\x7f\x9b\u202e\U000e0001"
    assert terminal.shown("\ud800") == r"\ud800"


@pytest.mark.parametrize("value", ["\x1b[0m", "a\nb", "\x7f\x9b\u202e", "\U000e0001", "Nguyễn", "\U0001f600"])
def test_json_comes_back_as_it_was(value: str, capsys: pytest.CaptureFixture[str]) -> None:
    terminal.print_json({"name": value})
    out = capsys.readouterr().out
    assert json.loads(out) == {"name": value}
    assert all(sign.isprintable() or sign == "\n" for sign in out)


@pytest.mark.parametrize("items", [[], [{"a": [1, "é"]}], [{"n": number, "in": []} for number in range(5000)]])
def test_an_iterator_is_written_as_its_array_is(items: list[Any], capsys: pytest.CaptureFixture[str]) -> None:
    for made, value in ((iter(items), items), ({"all": iter(items), "b": 1}, {"all": items, "b": 1})):
        terminal.print_json(made)
        streamed = capsys.readouterr().out
        terminal.print_json(value)
        assert streamed == capsys.readouterr().out


def test_what_comes_long_is_written_while_it_comes(capsys: pytest.CaptureFixture[str]) -> None:
    seen = []

    def items() -> Iterator[str]:
        for number in range(40):
            seen.append(len(capsys.readouterr().out))
            yield f"{number}" * 4000

    terminal.print_json(items())
    assert sum(1 for written in seen if written) > 2


def test_json_is_utf_8_in_any_locale(work: Path, process: Any) -> None:
    shutil.copy(work / "1.fmr", work / "Nguyễn.fmr")
    latin = {**os.environ, "PYTHONIOENCODING": "latin-1:strict"}
    done = process("template", "info", "Nguyễn.fmr", "--json", cwd=work, env=latin)
    assert json.loads(done.stdout.decode("utf-8"))[0]["path"] == "Nguyễn.fmr"
    assert process("template", "info", "Nguyễn.fmr", cwd=work, env=latin).returncode == 0


LONG = "D" + "0123456789" * 5


@pytest.mark.parametrize("columns", [{}, {"COLUMNS": "40"}])
def test_nothing_is_cut_in_a_pipe(columns: dict[str, str], tmp_path: Path, process: Any) -> None:
    folder = dossiers.put(tmp_path / "batch", LONG, seed=1)
    finger = next(folder.glob("fingers/*"))
    finger.write_bytes(finger.read_bytes()[:-3])
    done = process("batch", "check", tmp_path / "batch", env={**os.environ, **columns})
    assert done.returncode == 1
    (row,) = [line for line in done.stdout.decode().splitlines() if "unreadable_finger" in line]
    assert LONG in row
    assert "…" not in done.stdout.decode()


def test_a_narrow_terminal_folds_and_cuts_nothing(tmp_path: Path) -> None:
    folder = dossiers.put(tmp_path / "batch", LONG, seed=1)
    finger = next(folder.glob("fingers/*"))
    finger.write_bytes(finger.read_bytes()[:-3])
    seen = on_a_terminal("batch", "check", str(tmp_path / "batch"), columns=50)
    assert "…" not in seen
    cells = [line.split("│")[1].strip() for line in seen.splitlines() if line.count("│") > 3]
    assert LONG in "".join(cells)


def on_a_terminal(*arguments: str, columns: int = 80) -> str:
    """What a terminal of this width gets to see of a command."""
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "cccd_core.cli.main", *arguments]
    environment = {**os.environ, "COLUMNS": str(columns), "TERM": "xterm"}
    with subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, env=environment) as run:
        os.close(theirs)
        seen = b""
        while True:
            try:
                part = os.read(ours, 65536)
            except OSError:  # the other end is closed
                break
            if not part:
                break
            seen += part
        run.wait(PATIENCE_S)
    os.close(ours)
    return seen.decode()


@pytest.mark.jit
def test_a_bar_that_was_done_leaves_what_was_done(work: Path) -> None:
    seen = on_a_terminal("evaluate", str(work / "set"), "--bootstrap", "20", columns=200)
    for stage, count in (("reading", 6), ("preparing", 6), ("genuine pairs", 6), ("confidence bounds", 20)):
        assert f"work/set: {stage}: {count} of {count} in " in seen
    assert ": 0 of " not in seen


@pytest.mark.jit
def test_stages_where_there_is_no_terminal(work: Path, process: Any) -> None:
    done = process("evaluate", work / "set", "--bootstrap", "20")
    lines = done.stderr.decode().splitlines()
    assert [line.rpartition(" in ")[0] for line in lines] == [
        "work/set: reading: 6 of 6",
        "work/set: preparing: 6 of 6",
        "work/set: genuine pairs: 6 of 6",
        "work/set: impostor pairs: 6 of 6",
        "work/set: confidence bounds: 20 of 20",
    ]
    assert process("evaluate", work / "set", "--bootstrap", "20", "--json").stderr == b""


@pytest.mark.jit
def test_evaluate_of_nothing_readable_says_why(tmp_path: Path, process: Any) -> None:
    (tmp_path / "set").mkdir()
    for number in range(1, 8):
        (tmp_path / "set" / f"1_{number}.fmr").write_bytes(b"junk" * number)
    for form in ([], ["--json"]):
        done = process("evaluate", tmp_path / "set", "--out", tmp_path / "r.json", *form)
        assert done.returncode == 1
        assert b"no template could be read" in done.stderr
        assert b"1_1: no template: text that is no template" in done.stderr
        assert b"... and 2 more" in done.stderr
    assert json.loads((tmp_path / "r.json").read_bytes())["sets"][0]["failed"] == 7


@pytest.mark.parametrize(
    ("words", "option"),
    [
        (["template", "info", "p.xyt"], "--dpi and --height"),
        (["template", "info", "p.xyt", "--height", "500", "--dpi", "1"], "--dpi"),
        (["template", "info", "card"], "--format"),
        (["template", "convert", "1.fmr", "--view", "7", "--to", "xyt", "-o", "x"], "--view"),
        (["template", "convert", "1.fmr", "--to", "none", "-o", "x"], "--to"),
        (["match", "1.fmr", "p.xyt"], "--dpi and --height"),
        (["evaluate", "xyt"], "--dpi and --height"),
    ],
    ids=lambda words: " ".join(words) if isinstance(words, list) else words,
)
def test_errors_name_options_as_they_are_called(words: list[str], option: str, work: Path, process: Any) -> None:
    (work / "p.xyt").write_text("10 470 90 55\n200 100 359 100\n")
    minutiae = MasterFinger.make(1, 1, 2).impression(0)
    (work / "card").write_bytes(templates.write(minutiae, "iso-2005-card"))
    (work / "xyt").mkdir()
    shutil.copy(work / "p.xyt", work / "xyt" / "1_1.xyt")
    for form in ([], ["--json"]):
        done = process(*words, *form, cwd=work)
        # `info` looks at each file by itself, and this one could not be looked at
        assert done.returncode == (EXIT_NOT_RUN if "info" in words else EXIT_USAGE)
        assert option in (done.stdout + done.stderr).decode()
        assert "_px" not in (done.stdout + done.stderr).decode()
