"""Every executor through one harness: results, errors, leaving early, workers that die."""

from __future__ import annotations

import itertools
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from cccd_core.dedup.executors.processes import Processes
from cccd_core.dedup.executors.protocol import WAITING_PER_WORKER
from cccd_core.dedup.executors.threads import Threads
from cccd_core.errors import ConflictError, ParameterError, UnavailableError
from support.patience import until
from support.tasks import Squares

EXECUTORS = (lambda: Threads(1), lambda: Threads(3), lambda: Processes(1), lambda: Processes(2))
NAMES = ("one thread", "threads", "one process", "processes")


@pytest.fixture(params=EXECUTORS, ids=NAMES)
def executor(request):
    return request.param()


def test_every_task_has_its_result_once(executor, tmp_path):
    work = Squares(tmp_path / "log")
    assert sorted(executor.run(work, iter(range(40)))) == [(n, n * n) for n in range(40)]
    assert sorted(work.runs()) == list(range(40))


def test_nothing_to_do(executor, tmp_path):
    assert list(executor.run(Squares(tmp_path / "log"), [])) == []


def test_tasks_are_taken_as_workers_come_free(executor, tmp_path):
    """A plan without an end is run as far as anybody asks."""
    numbers = itertools.count()
    results = executor.run(Squares(tmp_path / "log"), numbers)
    first = [next(results)[0] for _ in range(20)]
    results.close()
    assert next(numbers) <= 20 + 2 * WAITING_PER_WORKER * executor.workers
    assert len(set(first)) == 20


def test_an_error_of_a_task_comes_out_with_its_facts(executor, tmp_path):
    with pytest.raises(ConflictError) as caught:
        list(executor.run(Squares(tmp_path / "log", refused=7), range(20)))
    assert caught.value.facts == {"number": 7}


def test_a_worker_that_is_killed_costs_nothing_but_time(tmp_path):
    for number in (3, 11):
        (tmp_path / str(number)).touch()
    work = Squares(tmp_path / "log", deaths=tmp_path)
    assert sorted(Processes(2).run(work, range(20))) == [(n, n * n) for n in range(20)]
    assert work.runs().count(3) >= 2
    assert work.runs().count(11) >= 2


def test_workers_that_die_again_and_again_are_told(tmp_path):
    work = Squares(tmp_path / "log", fatal=5)
    with pytest.raises(UnavailableError, match="workers die"):
        list(Processes(2).run(work, range(20)))


@pytest.mark.parametrize("workers", [0, 1025])
@pytest.mark.parametrize("kind", [Threads, Processes])
def test_a_number_of_workers_that_is_none(kind, workers):
    with pytest.raises(ParameterError):
        kind(workers)


def test_processes_are_gone_when_their_run_ends_early(tmp_path):
    work = Squares(tmp_path / "log", seconds=0.05)
    results = Processes(2).run(work, itertools.count())
    next(results)
    results.close()
    for pid in set(work.pids()):
        until(lambda pid=pid: not alive(pid))


def test_processes_follow_a_parent_that_is_killed(tmp_path):
    script = (
        "import itertools, sys\nfrom pathlib import Path\nsys.path.insert(0, sys.argv[1])\n"
        "from cccd_core.dedup.executors.processes import Processes\nfrom support.tasks import Squares\n"
        "if __name__ == '__main__':\n"
        "    for one in Processes(2).run(Squares(Path(sys.argv[2]), seconds=0.05), itertools.count()): pass\n"
    )
    (tmp_path / "parent.py").write_text(script)
    tests = str(Path(__file__).parents[2])
    log = tmp_path / "log"
    parent = subprocess.Popen([sys.executable, str(tmp_path / "parent.py"), tests, str(log)])
    work = Squares(log)
    until(lambda: log.exists() and len(set(work.pids())) == 2)
    os.kill(parent.pid, signal.SIGKILL)
    parent.wait()
    for pid in set(work.pids()):
        until(lambda pid=pid: not alive(pid))


def alive(pid: int) -> bool:
    """Whether a process runs, and is not merely waited for."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False
