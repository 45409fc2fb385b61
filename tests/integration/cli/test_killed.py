"""Commands of a gallery, killed and interrupted at random moments: nothing kept is lost, nothing half is kept, and the
same command again comes to what it would have come to undisturbed.

A command runs in a fork of this process, which has loaded and compiled everything, so that the moments lie in its work
and not in its start.
"""

from __future__ import annotations

import json
import os
import random
import resource
import shutil
import signal
import sys
import traceback
import warnings
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from cccd_core.cli import common, interrupts
from cccd_core.cli.common import EXIT_INTERRUPTED
from cccd_core.cli.main import build
from cccd_core.dedup import EnrolledPerson, create_gallery, open_gallery
from cccd_core.dedup.executors import processes, threads
from cccd_core.dedup.index import check
from cccd_core.dedup.search import plan
from cccd_core.dedup.search.join import LEDGER_FILE
from cccd_core.dedup.search.ledger import KIND
from cccd_core.intake import enrolling
from cccd_core.storage.log import Log
from support.chaos import struck_after
from support.joining import population, someone
from support.small_index import make_small

pytestmark = pytest.mark.jit
GALLERY, PEOPLE, TABLE, OUT, SAID = "gallery", "people", "people.parquet", "out", "said"


@dataclass(frozen=True)
class Command:
    """A command as its words, in which names of files of its folder stand; `begin` makes what is there before, `sound`
    asserts what holds whenever it was interrupted, beside what was before and what it comes to, which is `result`."""

    words: tuple[str, ...]
    begin: Callable[[Path], None]
    sound: Callable[[Path, Path, Path], None]
    result: Callable[[Path], object]


def run(command: Command, folder: Path, number: signal.Signals | None = None, after_s: float = 0) -> int:
    """Runs it, and sends it that signal once it computed for so long; its exit code, -SIGKILL where it was killed."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # Python 3.12: threads at a fork; the child has its own
        child = os.fork()
    if not child:
        _as_a_program(command.words, folder, number, after_s)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    return -signal.SIGKILL if code == -signal.SIGPROF else code


def children_s() -> float:
    """What the children of this process that have ended computed, in seconds."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _as_a_program(words: tuple[str, ...], folder: Path, number: signal.Signals | None, after_s: float) -> None:
    """As `cccd_core.cli.main.main`, and ends this process."""
    code = 99
    try:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        if number is not None:
            struck_after(after_s, number)
        with interrupts.watched(for_good=True):
            try:
                os.chdir(folder)
                sys.stdout = Path(SAID).open("w")  # noqa: SIM115
                sys.stderr = Path("told").open("w")  # noqa: SIM115
                code = common.run(build(words[0]), list(words))
                interrupts.settle()
            except KeyboardInterrupt:
                interrupts.settle()
                code = EXIT_INTERRUPTED
            sys.stdout.flush()
            sys.stderr.flush()
    except KeyboardInterrupt:  # before it was watched for
        code = EXIT_INTERRUPTED
    except BaseException:
        traceback.print_exc(file=sys.__stderr__)
    finally:
        os._exit(code)


def everyone() -> list[EnrolledPerson]:
    return sorted(population()[:15], key=lambda one: one.person_id)


def people_in(folder: Path) -> list[tuple[int, EnrolledPerson]]:
    with open_gallery(folder / GALLERY) as gallery:
        return [(entry.sequence, entry.person) for entry in gallery.entries()]


def index_of(folder: Path) -> dict[str, bytes]:
    home = folder / GALLERY / "index"
    return {str(path.relative_to(home)): path.read_bytes() for path in home.rglob("*") if path.is_file()}


def content(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def is_sound(folder: Path) -> None:
    with open_gallery(folder / GALLERY) as gallery:
        assert not list(check(gallery, folder / GALLERY))


def fresh(folder: Path) -> None:
    """People who are to be enrolled, in folders and in a table, and a gallery of nobody."""
    create_gallery(folder / GALLERY).close()
    source = folder / "source"
    with closing(create_gallery(source)) as gallery:
        gallery.add_many(everyone())
        enrolling.write_out(gallery, folder / PEOPLE)
        enrolling.write_out(gallery, folder / TABLE)
    shutil.rmtree(source)


def enrolled(folder: Path) -> None:
    """A gallery of these people, with its index."""
    fresh(folder)
    assert run(Command(("gallery", "import", GALLERY, TABLE), fresh, nothing, index_of), folder) == 0


def withdrawn(folder: Path) -> None:
    """The same, of whom some were taken out since or have other fingers."""
    enrolled(folder)
    with open_gallery(folder / GALLERY) as gallery:
        for name in ("p002", "p004", "p010"):
            gallery.remove(name, order="1")
        gallery.replace(someone("p006", 40), order="2")


def nothing(folder: Path, before: Path, whole: Path) -> None:
    del folder, before, whole


def enrols_in_order(folder: Path, before: Path, whole: Path) -> None:
    expected, found = people_in(whole), people_in(folder)
    assert [one.person_id for _, one in expected] == [one.person_id for one in everyone()]
    assert found == expected[: len(found)]
    is_sound(folder)


def same_people(folder: Path, before: Path, whole: Path) -> None:
    assert people_in(folder) == people_in(before)
    is_sound(folder)


def same_bytes(folder: Path, before: Path, whole: Path) -> None:
    apart = (SAID, "told")
    now, then = content(folder), content(before)
    assert {k: v for k, v in now.items() if k not in apart and not k.endswith(("-shm", "-wal"))} == {
        k: v for k, v in then.items() if k not in apart and not k.endswith(("-shm", "-wal"))
    }


def joined(folder: Path, before: Path, whole: Path) -> None:
    same_people(folder, before, whole)
    if (folder / OUT / LEDGER_FILE).exists():
        Log.read(folder / OUT / LEDGER_FILE, KIND)


def said(folder: Path) -> object:
    return json.loads((folder / SAID).read_text())


def enrolled_now(folder: Path) -> object:
    return people_in(folder), index_of(folder)


def pairs_now(folder: Path) -> object:
    report = json.loads((folder / OUT / "report.json").read_text())
    apart = ("seconds", "elapsed_s")
    tables = {name: (folder / OUT / name).read_bytes() for name in ("pairs.csv", "persons.csv")}
    return tables, {name: value for name, value in report.items() if name not in apart}


CODES = ("--cascade", "codes:keep=0.5>same>any")
COMMANDS = {
    "add": Command(("gallery", "add", GALLERY, PEOPLE), fresh, enrols_in_order, enrolled_now),
    "import": Command(("gallery", "import", GALLERY, TABLE), fresh, enrols_in_order, enrolled_now),
    "export": Command(
        ("gallery", "export", GALLERY, "--out", OUT), enrolled, same_people, lambda folder: content(folder / OUT)
    ),
    "compact": Command(("gallery", "compact", GALLERY), withdrawn, same_people, enrolled_now),
    "search": Command(
        ("search", GALLERY, f"{PEOPLE}/p003", f"{PEOPLE}/swapped 2", "--threads", "1", "--json", *CODES),
        enrolled, same_bytes, said,
    ),
    "dedup": Command(("dedup", GALLERY, "--out", OUT, "--workers", "1"), enrolled, joined, pairs_now),
}  # fmt: skip


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """So little is done at a time that few people are many steps."""
    make_small(monkeypatch)
    monkeypatch.setattr(enrolling, "AT_A_TIME", 2)
    monkeypatch.setattr(enrolling, "_PORTION", 2)
    monkeypatch.setattr(plan, "COMPARED_TILE_PEOPLE", 2)
    monkeypatch.setattr(processes, "Processes", threads.Threads)


def killed(command: Command, folder: Path, kills: int) -> None:
    """So often by each of two signals: a round is interrupted up to eight times and then ends."""
    before, whole = folder / "before", folder / "whole"
    before.mkdir()
    command.begin(before)
    seconds = 0.0
    for _ in range(2):  # the first one warms up
        shutil.rmtree(whole, ignore_errors=True)
        shutil.copytree(before, whole)
        start = children_s()
        assert run(command, whole) == 0
        seconds = children_s() - start
    expected = command.result(whole)
    chance = random.Random(kills)
    done = dict.fromkeys((signal.SIGKILL, signal.SIGINT), 0)
    for number in range(40 * kills):
        if min(done.values()) >= kills:
            return
        now = folder / f"round {number}"
        shutil.copytree(before, now)
        for _ in range(8):
            by = min(done, key=lambda one: done[one])
            code = run(command, now, by, chance.uniform(0, seconds))
            assert code in (0, -by, EXIT_INTERRUPTED), (now / "told").read_text()
            if by == signal.SIGINT and code:
                assert code == EXIT_INTERRUPTED
                assert "Traceback" not in (now / "told").read_text()
            done[by] += code != 0
            command.sound(now, before, whole)
            if code == 0 or min(done.values()) >= kills:
                break
        assert run(command, now) == 0, (now / "told").read_text()
        assert command.result(now) == expected
        is_sound(now)
        shutil.rmtree(now)
    raise AssertionError(f"it was always done before the signal: {done}")


@pytest.mark.parametrize("name", COMMANDS)
def test_at_a_few_moments(name: str, tmp_path: Path) -> None:
    killed(COMMANDS[name], tmp_path, 3)


@pytest.mark.scale
@pytest.mark.parametrize("name", COMMANDS)
def test_at_a_hundred_moments(name: str, tmp_path: Path) -> None:
    killed(COMMANDS[name], tmp_path, 100)
