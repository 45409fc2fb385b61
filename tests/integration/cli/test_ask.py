"""`cccd search --serve` and `cccd ask`: a gallery that stays open, and those who ask it."""

from __future__ import annotations

import json
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cccd_core import templates
from cccd_core.dedup import EnrolledPerson
from cccd_core.templates import TemplateRecord
from support.joining import someone
from support.patience import PATIENCE_S
from support.served import at_socket, made

pytestmark = pytest.mark.jit


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return made(tmp_path / "gallery", [someone(f"p{n}", n) for n in range(4)])


@pytest.fixture
def path(folder: Path, tmp_path: Path) -> Iterator[Path]:
    with at_socket(folder, tmp_path / "s"):
        yield tmp_path / "s"


def laid(folder: Path, person: EnrolledPerson) -> Path:
    folder.mkdir()
    for position, finger in person.tenprint.items():
        record = templates.write(TemplateRecord("iso-2005", (finger,)), "iso-2005")
        templates.save(record, folder / f"{position}.iso")
    return folder


def test_somebody_comes_is_found_and_goes(cccd: Any, path: Path, tmp_path: Path) -> None:
    person, again = laid(tmp_path / "Anna", someone("x", 9)), laid(tmp_path / "B", someone("x", 9, impression=1))
    code, out, _ = cccd("ask", "insert", path, "A-9", person, "--id", "r1")
    assert (code, out.splitlines()[0]) == (0, "request r1: insert, done")
    assert cccd("ask", "insert", path, "A-9", person, "--id", "r1")[0] == 0
    code, out, err = cccd("ask", "insert", path, "A-9", laid(tmp_path / "C", someone("x", 8)), "--id", "r2")
    assert code == 3
    assert "conflict" in err
    code, out, _ = cccd("ask", "identify", path, again, "--json")
    assert code == 0
    told = json.loads(out)
    assert (told["outcome"]["answer"]["of"], told["outcome"]["people"]) == ("A-9", 5)
    code, out, _ = cccd("ask", "identify", path, again)
    assert "duplicate" in out
    assert "A-9" in out
    code, out, _ = cccd("ask", "identify", path, "--reference", "A-9")
    assert "unique" in out
    assert cccd("ask", "delete", path, "A-9", "--order", "CV 1")[0] == 0
    code, out, _ = cccd("ask", "identify", path, again)
    assert "unique" in out
    code, out, _ = cccd("ask", "status", path)
    assert "people                4" in out
    assert "Anna" not in out


def test_it_is_not_waited_for(cccd: Any, path: Path, tmp_path: Path) -> None:
    person = laid(tmp_path / "x", someone("x", 1, impression=1))
    code, out, _ = cccd("ask", "identify", path, person, "--id", "q", "--wait", "0")
    assert code == 0
    code, out, _ = cccd("ask", "status", path, "q", "--wait", "60", "--json")
    assert json.loads(out)["outcome"]["answer"]["of"] == "p1"
    code, _, err = cccd("ask", "status", path, "nobody")
    assert (code, "conflict" in err) == (3, True)


@pytest.mark.parametrize(
    ("words", "option"),
    [(["--wait", "61"], "--wait"), (["--id", "Nguyen Van A"], "--id"), (["--order", ""], "--order")],
)
def test_an_option_that_cannot_be_is_named(cccd: Any, path: Path, words: list[str], option: str) -> None:
    code, _, err = cccd("ask", "delete", path, "p1", *([] if option == "--order" else ["--order", "7"]), *words)
    assert code == 2
    assert option in err
    assert "Nguyen" not in err


def test_what_does_not_go_with_serving_is_refused(cccd: Any, folder: Path, tmp_path: Path) -> None:
    for more in (["somebody"], ["--against", "list"], ["--format", "xyt"]):
        assert cccd("search", folder, "--serve", tmp_path / "t", *more)[0] == 2
    assert cccd("search", folder)[0] == 2
    code, _, err = cccd("ask", "status", tmp_path / "t")
    assert (code, "cccd search GALLERY --serve SOCKET" in err) == (3, True)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_process_that_serves_until_it_is_told_to_end(
    cccd: Any, folder: Path, tmp_path: Path, number: signal.Signals
) -> None:
    path = tmp_path / "s"
    command = [
        sys.executable,
        "-m",
        "cccd_core.cli.main",
        "search",
        str(folder),
        "--serve",
        str(path),
        "--threads",
        "1",
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as served:
        assert served.stdout is not None
        assert served.stdout.readline() == f"4 people are searched at {path}; Ctrl-C ends it\n"
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert cccd("ask", "status", path)[0] == 0
        code, _, err = cccd("search", folder, "--serve", tmp_path / "another")
        assert (code, "busy" in err) == (3, True)
        served.send_signal(number)
        _, errors = served.communicate(timeout=PATIENCE_S)
    assert served.returncode == 0, errors
    assert errors.splitlines()[-1] == "what was under way is finished, and the socket is gone"
    assert not path.exists()
