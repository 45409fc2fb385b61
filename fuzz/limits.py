"""What one input costs a parser, measured honestly: without instrumentation, the processor's time of the fastest of
several runs, and the peak of memory.
"""

from __future__ import annotations

import gc
import resource
import time
import tracemalloc
from collections.abc import Callable
from dataclasses import dataclass

from cccd_core.errors import CccdError

MAX_SECONDS = 0.050
MAX_BYTES = 64 * 1024 * 1024
RUNS = 5


@dataclass(frozen=True)
class Cost:
    """Outcome of one input: what came out of the parser ("" or the error's kind), time and peak memory."""

    outcome: str
    seconds: float
    peak_bytes: int

    def complaint(self) -> str:
        """What is wrong with it; empty when nothing is."""
        complaints = []
        if self.seconds > MAX_SECONDS:
            complaints.append(f"{self.seconds * 1000:.1f} ms, more than {MAX_SECONDS * 1000:.0f}")
        if self.peak_bytes > MAX_BYTES:
            complaints.append(f"{self.peak_bytes / 2**20:.1f} MiB, more than {MAX_BYTES / 2**20:.0f}")
        return "; ".join(complaints)


def once(run: Callable[[bytes], None], data: bytes) -> str:
    """Runs the target; the kind of the CccdError that came out, or nothing. Any other exception goes on."""
    try:
        run(data)
    except CccdError as error:
        return error.kind
    return ""


def peak(run: Callable[[bytes], None], data: bytes) -> int:
    """Most bytes that Python and NumPy held at once for this input."""
    gc.collect()
    tracemalloc.start()
    try:
        once(run, data)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def _high_water_bytes() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def measure(run: Callable[[bytes], None], data: bytes) -> Cost:
    """The cost of `data`. What counts is what the run computed, not how long the machine let it wait; a run over the
    limit is repeated, and the fastest counts.

    Memory that C libraries take is not traced; it counts where it raises the process's high-water mark.
    """
    before = _high_water_bytes()
    outcome, best = "", float("inf")
    for _ in range(RUNS):
        begin = time.thread_time()
        outcome = once(run, data)
        best = min(best, time.thread_time() - begin)
        if best <= MAX_SECONDS:
            break
    raised = _high_water_bytes() - before
    return Cost(outcome, best, max(peak(run, data), raised))
