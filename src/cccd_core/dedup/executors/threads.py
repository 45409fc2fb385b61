"""Runs tasks on the threads of this process.

The kernels under a task let go of the interpreter, and what is mapped or packed is shared without a copy.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from itertools import islice

from cccd_core.dedup.executors.protocol import WAITING_PER_WORKER, R, T, Work, demand_workers


class Threads:
    """Threads of this process; the work is not pickled."""

    name = "threads"

    def __init__(self, workers: int) -> None:
        """ParameterError outside 1 to 1024 workers."""
        self.workers = demand_workers(workers)

    def run(self, work: Work[T, R], tasks: Iterable[T]) -> Iterator[tuple[T, R]]:
        """Each task with its result, as they end; one worker runs them in order, in the thread that asks."""
        if self.workers == 1:
            for task in tasks:
                yield task, work(task)
            return
        left = iter(tasks)
        pool = ThreadPoolExecutor(self.workers, thread_name_prefix="dedup")
        try:
            running: dict[Future[R], T] = {}
            while True:
                for task in islice(left, self.workers * WAITING_PER_WORKER - len(running)):
                    running[pool.submit(work, task)] = task
                if not running:
                    return
                for one in wait(running, return_when=FIRST_COMPLETED).done:
                    yield running.pop(one), one.result()
        finally:
            pool.shutdown(wait=True, cancel_futures=True)
