"""Waiting for another process to let go of a folder, told all the while."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from typing import Final

from cccd_core.errors import BusyError
from cccd_core.progress import Progress

_PAUSE_S: Final = 0.2


def take(
    stack: ExitStack, lock: Callable[[], AbstractContextManager[None]], *, wait: bool, progress: Progress | None
) -> None:
    """Holds a lock until the stack ends. Where somebody else has it: BusyError, or with `wait` it is waited for,
    however long it takes; `progress(seconds, 0, "wait: ...")` meanwhile, whose exception ends the waiting."""
    since = time.monotonic()
    while True:
        try:
            stack.enter_context(lock())
            return
        except BusyError as error:
            if not wait:
                raise
            waited = int(time.monotonic() - since)
            if progress is not None:
                progress(waited, 0, f"wait: {error.message}")
            time.sleep(_PAUSE_S)
