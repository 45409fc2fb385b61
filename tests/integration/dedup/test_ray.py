"""A real Ray cluster of several nodes: results, errors, workers and a node killed in the middle."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import time
from pathlib import Path

import pytest

from cccd_core.dedup import MemoryGallery
from cccd_core.dedup.executors.ray import Ray
from cccd_core.dedup.executors.threads import Threads
from cccd_core.dedup.search import plan
from cccd_core.errors import ConflictError, UnavailableError
from support.joining import join, joinable, population, truth
from support.patience import PATIENCE_S, until
from support.tasks import Counting, Squares

pytest.importorskip("ray", reason="the package ray is not installed here")
pytestmark = pytest.mark.filterwarnings(
    "ignore::ResourceWarning", "ignore::DeprecationWarning", "ignore::FutureWarning"
)


class SlowClock:
    """The module `time`, by which time passes ten times slower."""

    def __getattr__(self, name):
        return getattr(time, name)

    def monotonic(self):
        return time.monotonic() / 10


@pytest.fixture(scope="module", autouse=True)
def patient():
    """Ray gives a node half a minute to start, by the clock, whatever else the machine is at."""
    from ray._private import node

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(node, "time", SlowClock())
        yield


def added(cluster):
    """One node more, of one processor."""
    node = cluster.add_node(num_cpus=1, object_store_memory=80 << 20)
    cluster.wait_for_nodes(PATIENCE_S)
    return node


@contextlib.contextmanager
def nodes():
    """A head that computes nothing and two nodes of one processor each."""
    from ray.cluster_utils import Cluster

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        small = {"object_store_memory": 80 << 20, "include_dashboard": False}
        patch.setattr(Cluster._wait_for_node, "__defaults__", (PATIENCE_S,))
        cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, **small})
        try:
            for _ in range(2):
                added(cluster)
            yield cluster
        finally:
            cluster.shutdown()


@pytest.fixture(scope="module")
def cluster():
    """Nodes that stay."""
    with nodes() as found:
        yield found


@pytest.fixture
def mortal():
    """Nodes, and this process connected to one that stays: one that is added later may be killed. All nodes have one
    address here, and Ray takes a dead one's for a live one's when somebody connects: so these serve one test."""
    import ray

    with nodes() as found:
        ray.init(address=found.address, log_to_driver=False, logging_level="ERROR")
        yield found
        ray.shutdown()


def test_every_task_has_its_result(cluster, tmp_path):
    work = Squares(tmp_path / "log")
    assert sorted(Ray(2, address=cluster.address).run(work, range(30))) == [(n, n * n) for n in range(30)]
    assert sorted(work.runs()) == list(range(30))


def test_a_worker_keeps_the_work_from_task_to_task_and_no_longer(cluster):
    with Ray(2, address=cluster.address).connected():
        for _ in range(2):
            found = [result for _, result in Ray(2, address=cluster.address).run(Counting([]), range(12))]
            for pid in {pid for pid, _ in found}:
                counts = [count for other, count in found if other == pid]
                assert counts == list(range(1, len(counts) + 1))


def test_an_error_of_a_task_comes_out_with_its_facts(cluster, tmp_path):
    with pytest.raises(ConflictError) as caught:
        list(Ray(2, address=cluster.address).run(Squares(tmp_path / "log", refused=7), range(20)))
    assert caught.value.facts == {"number": 7}


def test_workers_that_are_killed_cost_nothing_but_time(cluster, tmp_path):
    for number in (3, 11):
        (tmp_path / str(number)).touch()
    work = Squares(tmp_path / "log", deaths=tmp_path)
    assert sorted(Ray(2, address=cluster.address).run(work, range(20))) == [(n, n * n) for n in range(20)]
    assert work.runs().count(3) == 2
    assert work.runs().count(11) == 2


def test_a_node_that_is_killed_costs_nothing_but_time(mortal, tmp_path):
    log = tmp_path / "log"
    log.touch()
    work = Squares(log, gate=tmp_path / "gate")  # until the node is gone, what it has cannot have ended
    third = added(mortal)
    gone = threading.Event()

    def kill() -> None:
        until(lambda: len(set(work.pids())) == 3)
        mortal.remove_node(third, allow_graceful=False)
        gone.set()
        (tmp_path / "gate").touch()

    killer = threading.Thread(target=kill)
    killer.start()
    found = sorted(Ray(3, address=mortal.address).run(work, range(60)))
    killer.join()
    assert gone.is_set()
    assert found == [(n, n * n) for n in range(60)]


def test_no_cluster_there():
    with pytest.raises(UnavailableError, match="no Ray cluster"):
        list(Ray(1, address="127.0.0.1:1").run(len, ["a"]))


def test_a_node_that_does_not_start_is_told(monkeypatch):
    """Ray says so by a bare exception."""
    import ray

    def init(*_, **__):
        raise Exception("The current node timed out during startup.")

    monkeypatch.setattr(ray, "init", init)
    with pytest.raises(UnavailableError, match="no Ray cluster"):
        list(Ray(1).run(len, ["a"]))


def test_one_is_begun_here_and_ended(tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))
    work = Squares(tmp_path / "log")
    assert sorted(Ray(1).run(work, range(5))) == [(n, n * n) for n in range(5)]
    for pid in set(work.pids()):
        until(lambda pid=pid: not _runs(pid))


def _working() -> list[int]:
    """The workers of this process's cluster that have a task at hand."""
    parents, names = {}, {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            with contextlib.suppress(OSError):
                parents[int(folder.name)] = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
                names[int(folder.name)] = (folder / "cmdline").read_text()
    nodes = {pid for pid, parent in parents.items() if parent == os.getpid()}
    return [pid for pid, name in names.items() if name.startswith("ray::_run") and parents[pid] in nodes]


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, signal.SIG_DFL)
    except ProcessLookupError:
        return False
    return True


def test_a_join_comes_to_the_same_while_a_worker_and_a_node_die(mortal, tmp_path, monkeypatch):
    """Some hundred tiles on two nodes and a third one; a worker is killed first, then the third node."""
    monkeypatch.setattr(plan, "COMPARED_TILE_PEOPLE", 2)
    people = population()
    gallery = joinable(tmp_path / "gallery", MemoryGallery(people))
    expected = join(tmp_path / "alone", gallery).run(Threads(1))
    assert expected.pairs == tuple(truth(enumerate(people, start=1)))
    third = added(mortal)
    died = []

    def step(done: int, total: int, what: str) -> None:
        if done >= total // 4 and not died:
            for worker in _working()[:1]:  # between two tiles there may be none
                os.kill(worker, signal.SIGKILL)
                died.append("worker")
        elif done >= total // 2 and len(died) == 1:
            mortal.remove_node(third, allow_graceful=False)
            died.append("node")

    found = join(tmp_path / "out", gallery).run(Ray(3, address=mortal.address), progress=step)
    assert died == ["worker", "node"]
    assert found.pairs == expected.pairs
    counted = ("codes", "glance", "same", "any")
    assert [(found.work[name].people_pairs, found.work[name].finger_pairs) for name in counted] == [
        (expected.work[name].people_pairs, expected.work[name].finger_pairs) for name in counted
    ]
