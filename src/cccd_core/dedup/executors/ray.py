"""Runs tasks on a Ray cluster: one machine or many that see the same files.

A worker or a machine that dies in the middle costs the time of what it had: Ray runs its tasks elsewhere.
"""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from types import ModuleType

from cccd_core.dedup.executors.protocol import WAITING_PER_WORKER, R, T, Work, demand_workers
from cccd_core.errors import UnavailableError

_PATIENCE_S = 30.0
_RETRIES = 20  # of one task whose worker or machine died
_works: dict[str, object] = {}  # of a worker: what its tasks are done by, and what that has found out meanwhile


class Ray:
    """A Ray cluster; the package comes with the extra `ray`.

    Tasks are made as the cluster takes them, so a plan of millions fills no memory. Results come back through Ray's
    object store: they are small. Nothing is reported to the makers of Ray.
    """

    name = "ray"

    def __init__(self, workers: int, *, address: str | None = None) -> None:
        """`address` of a cluster that runs (`auto` finds one on this machine); without one, one is begun here, with
        `workers` processors, and ended after each `run`. ParameterError, UnavailableError without the package."""
        self.workers = demand_workers(workers)
        self._address = address
        self._ray = _package()

    def run(self, work: Work[T, R], tasks: Iterable[T]) -> Iterator[tuple[T, R]]:
        """Each task with its result, as they end. UnavailableError where the cluster is not there."""
        with self.connected() as ray:
            shared = [ray.put(work)]  # within a list it comes to a worker as a reference
            remote = ray.remote(num_cpus=1, max_retries=_RETRIES)(_run)
            left = iter(tasks)
            running: dict[object, T] = {}  # by reference
            while True:
                for task in islice(left, self.workers * WAITING_PER_WORKER - len(running)):
                    running[remote.remote(shared, task)] = task
                if not running:
                    return
                done, _ = ray.wait(list(running), num_returns=1)
                for one in done:
                    result: R = self._result(one)
                    yield running.pop(one), result

    def _result(self, reference: object) -> R:  # type: ignore[type-var]
        ray = self._ray
        try:
            result: R = ray.get(reference)
        except ray.exceptions.RayError as error:
            cause = getattr(error, "cause", error)  # what a task raised comes wrapped
            if isinstance(cause, Exception) and not isinstance(cause, ray.exceptions.RayError):
                raise cause from None
            raise UnavailableError(
                "the cluster lost a task for good", needs="machines that stay", error=type(cause).__name__
            ) from None
        return result

    @contextmanager
    def connected(self) -> Iterator[ModuleType]:
        """A cluster for as long as this lasts, for as many `run`s as there are within. UnavailableError where none
        answers."""
        ray = self._ray
        began = not ray.is_initialized()
        if began:
            quiet = {"log_to_driver": False, "logging_level": logging.ERROR, "configure_logging": False}
            try:
                _demand_answer(self._address)
                if self._address is None:
                    ray.init("local", num_cpus=self.workers, include_dashboard=False, **quiet)
                else:
                    ray.init(address=self._address, **quiet)
            except Exception as error:  # a bare one where a node of ours does not start in time
                raise UnavailableError(
                    "no Ray cluster answers", needs="a cluster: ray start --head", error=type(error).__name__
                ) from None
        try:
            yield ray
        finally:
            if began:
                ray.shutdown()


def _demand_answer(address: str | None) -> None:
    """OSError where an address of host and port does not answer: Ray itself would try for minutes."""
    host, colon, port = (address or "").rpartition(":")
    if colon and port.isdigit() and "/" not in host:
        socket.create_connection((host.strip("[]"), int(port)), timeout=_PATIENCE_S).close()


def _package() -> ModuleType:
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    try:
        import ray
    except ImportError:
        raise UnavailableError("the package ray is not installed", needs="pip install 'cccd_core[ray]'") from None
    module: ModuleType = ray
    return module


def _run(shared: Sequence[object], task: T) -> R:  # type: ignore[type-var]  # what the work gives for its tasks
    """In a worker, which keeps the work from task to task, as those of `Processes` do."""
    (reference,) = shared
    key = reference.hex()  # type: ignore[attr-defined]
    if key not in _works:
        _works.clear()
        _works[key] = _package().get(reference)
    result: R = _works[key](task)  # type: ignore[operator]
    return result
