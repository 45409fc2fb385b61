"""Runs tasks in processes of this machine; what a task maps from files is in memory once for all of them."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from itertools import islice
from multiprocessing.connection import wait as wait_for

from cccd_core.dedup.executors.protocol import LOST_MOST, WAITING_PER_WORKER, R, T, Work, demand_workers, workers_die

_works: list[object] = []  # of a worker: what its tasks are done by


class Processes:
    """Processes of this machine, begun for one `run` and gone after it, whatever ends it.

    Work, tasks and results are pickled. A worker that is killed is replaced, and what it had runs again.
    """

    name = "local"

    def __init__(self, workers: int) -> None:
        """ParameterError outside 1 to 1024 workers."""
        self.workers = demand_workers(workers)

    def run(self, work: Work[T, R], tasks: Iterable[T]) -> Iterator[tuple[T, R]]:
        """Each task with its result, as they end."""
        left = iter(tasks)
        again: deque[T] = deque()  # taken, and in no pool
        lost = 0
        pool = self._pool(work)
        running: dict[Future[R], T] = {}
        try:
            while True:
                try:
                    while len(running) < self.workers * WAITING_PER_WORKER:
                        if not again:
                            again.extend(islice(left, 1))
                        if not again:
                            break
                        running[pool.submit(_run, again[0])] = again[0]
                        again.popleft()
                    if not running:
                        return
                    for one in wait(running, return_when=FIRST_COMPLETED).done:
                        result = one.result()
                        lost = 0
                        yield running.pop(one), result
                except BrokenProcessPool:
                    lost += 1
                    if lost == LOST_MOST:
                        raise workers_die() from None
                    _end(pool)
                    again.extendleft(reversed(running.values()))
                    running = {}
                    pool = self._pool(work)
        finally:
            _end(pool)

    def _pool(self, work: Work[T, R]) -> ProcessPoolExecutor:
        # Spawned, not forked: a fork copies locks that threads of this process may hold, and everything it has open.
        context = multiprocessing.get_context("spawn")
        return ProcessPoolExecutor(self.workers, mp_context=context, initializer=_begin, initargs=(work,))


def _end(pool: ProcessPoolExecutor) -> None:
    """Ends the workers at once: what they still do, nobody asks for."""
    processes = list((pool._processes or {}).values())
    pool.shutdown(wait=False, cancel_futures=True)
    for process in processes:
        process.kill()
    for process in processes:
        process.join()


def _begin(work: object) -> None:
    """In a worker: keeps the work, leaves Ctrl-C to the parent, and goes when the parent is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _works[:] = [work]
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_follow, args=(parent.sentinel,), daemon=True).start()


def _follow(sentinel: int) -> None:
    wait_for([sentinel])
    os._exit(1)


def _run(task: T) -> R:  # type: ignore[type-var]  # what the parent's work gives for its tasks
    (work,) = _works
    return work(task)  # type: ignore[operator, no-any-return]
