"""Work for executors that a test can look into: what ran, how often, and workers that die in the middle."""

from __future__ import annotations

import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path

from cccd_core.errors import ConflictError
from support.patience import until


@dataclass(frozen=True)
class Squares:
    """Squares numbers. Each run leaves a line in `log`. Where a file named after the number is in `deaths`, the worker
    takes it away and dies; at the number `fatal` it always does; `refused` is the number that ends in an error. Where
    there is a `gate`, a file, nothing ends before it is there."""

    log: Path
    deaths: Path | None = None
    fatal: int | None = None
    refused: int | None = None
    seconds: float = 0.0
    gate: Path | None = None

    def __call__(self, number: int) -> int:
        with self.log.open("a") as lines:
            lines.write(f"{number} {os.getpid()}\n")
        if self.deaths is not None:
            try:
                (self.deaths / str(number)).unlink()
            except FileNotFoundError:
                pass
            else:
                os.kill(os.getpid(), signal.SIGKILL)
        if number == self.fatal:
            os.kill(os.getpid(), signal.SIGKILL)
        if number == self.refused:
            raise ConflictError("this number is refused", number=number)
        time.sleep(self.seconds)
        if self.gate is not None:
            until(self.gate.exists)
        return number * number

    def runs(self) -> list[int]:
        return [int(line.split()[0]) for line in self.log.read_text().splitlines()]

    def pids(self) -> list[int]:
        return [int(line.split()[1]) for line in self.log.read_text().splitlines()]


@dataclass(frozen=True)
class Counting:
    """Work that remembers: a task's result is which process ran it, and how many it had run by then for this work."""

    ran: list[int]

    def __call__(self, number: int) -> tuple[int, int]:
        self.ran.append(number)
        return os.getpid(), len(self.ran)
