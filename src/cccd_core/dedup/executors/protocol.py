"""What an executor is: it runs tasks of one kind of work and hands back their results, in any order.

A task is plain data. What is the same for all tasks (which gallery, by what parameters) is the work; it goes to each
worker once. A task depends on nothing but its work and itself, so it may run twice: that a worker dies changes nothing
but the time.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Protocol, TypeVar

from cccd_core.errors import ParameterError, UnavailableError

T = TypeVar("T")
R = TypeVar("R")
T_contra = TypeVar("T_contra", contravariant=True)
R_co = TypeVar("R_co", covariant=True)

WAITING_PER_WORKER = 2  # tasks handed out ahead of a worker, so that it never waits for the next one
LOST_MOST = 3  # times in a row that workers may die without one result between


class Work(Protocol[T_contra, R_co]):
    """What is done with each task. It may be called in several threads or, pickled, in several processes at a time."""

    def __call__(self, task: T_contra, /) -> R_co:
        """The result of a task; the same task has the same result wherever it runs."""


class Executor(Protocol):
    """A place for tasks to run in; `workers` of them at a time."""

    @property
    def name(self) -> str:
        """What reports call it."""

    @property
    def workers(self) -> int:
        """How many tasks run at a time."""

    def run(self, work: Work[T, R], tasks: Iterable[T]) -> Iterator[tuple[T, R]]:
        """Each task with its result, in any order.

        Tasks are taken from the iterable as workers come free. An error of a task comes out as it is; it, and leaving
        early, end what has not begun. UnavailableError where workers die again and again.
        """


def demand_workers(workers: int) -> int:
    """The number of workers. ParameterError outside 1 to 1024."""
    if not 1 <= workers <= 1024:
        raise ParameterError("workers must be 1 to 1024", workers=workers)
    return workers


def workers_die() -> UnavailableError:
    """What is raised where no task ends any more."""
    return UnavailableError("workers die before any task ends", needs="memory, or smaller tasks", times=LOST_MOST)
