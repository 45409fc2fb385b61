"""Runs tasks on the threads of this process.

The kernels under a task let go of the interpreter, so threads are enough, and galleries are shared without a copy.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")

WAITING_PER_THREAD = 4  # tasks begun ahead of the one whose result is awaited


def run(tasks: Iterable[Callable[[], T]], threads: int) -> Iterator[T]:
    """The results of the tasks, in their order. An error, or leaving early, ends what has not begun."""
    if threads == 1:
        for task in tasks:
            yield task()
        return
    pool = ThreadPoolExecutor(threads, thread_name_prefix="dedup")
    try:
        waiting: deque[Future[T]] = deque()
        for task in tasks:
            waiting.append(pool.submit(task))
            if len(waiting) >= threads * WAITING_PER_THREAD:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
