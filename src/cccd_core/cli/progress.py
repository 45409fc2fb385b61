"""How far long work is, on standard error.

On a terminal a bar with count, rate, passing and remaining time. Each stage leaves a line with what was done of it
(`check: 220 of 220 in 3.1 s`), also where there is no terminal; the same goes to the log. Nothing with --json.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from cccd_core.cli import interrupts
from cccd_core.cli.terminal import errors, tell
from cccd_core.printable import shown
from cccd_core.progress import Progress

if TYPE_CHECKING:
    from rich.progress import Progress as Bar

logger = logging.getLogger(__name__)

_RATE_AFTER_S = 0.2


@contextmanager
def progress(title: str, *, quiet: bool = False) -> Iterator[Progress]:
    """A callback for work that may take long; `quiet` where results are for a program."""
    bar = _bar() if not quiet and errors.is_terminal else None
    stages = _Stages(title, bar, quiet)
    if bar is not None:
        bar.start()
    try:
        yield stages
    except BaseException:
        stages.end(" when it ended")
        raise
    else:
        stages.end()
    finally:
        if bar is not None:
            with suppress(OSError):
                bar.stop()


class _Stages:
    """Tells the stages of one piece of work apart by what they call their pieces, and keeps each one's true count."""

    def __init__(self, title: str, bar: Bar | None, quiet: bool) -> None:
        self._title = title
        self._bar = bar
        self._quiet = quiet
        self._task = bar.add_task(title, total=None, rate="") if bar is not None else None
        self._what: str | None = None
        self._done = self._first = self._total = 0
        self._since = 0.0

    def __call__(self, done: int, total: int, what: str) -> None:
        interrupts.check()
        if what != self._what or done < self._done:
            self.end()
            self._what, self._first, self._since = what, done, time.monotonic()
            logger.debug("%s: begins", self._name())
        self._done, self._total = done, total
        if self._bar is not None and self._task is not None:
            spent, counted = time.monotonic() - self._since, done - self._first
            rate = f"{counted / spent:,.1f}/s" if counted and spent > _RATE_AFTER_S else ""
            with suppress(OSError):
                self._bar.update(
                    self._task, completed=done, total=total or None, description=shown(self._name()), rate=rate
                )

    def end(self, how: str = "") -> None:
        """The stage at hand, if there is one, is over: says how far it came."""
        if self._what is None:
            return
        of = f" of {self._total}" if self._total else ""
        line = f"{self._name()}: {self._done}{of} in {time.monotonic() - self._since:.1f} s{how}"
        self._what, self._done = None, 0
        logger.info("%s", line)
        if self._bar is not None:
            with suppress(OSError):
                self._bar.console.print(shown(line), markup=False, soft_wrap=True)
        elif not self._quiet:
            tell(line)

    def _name(self) -> str:
        return self._what or self._title


def _bar() -> Bar:
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        SpinnerColumn,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )
    from rich.progress import Progress as Bar

    return Bar(
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}", markup=False),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=errors,
        transient=True,
    )
