"""Ctrl-C that is not lost.

Python raises KeyboardInterrupt wherever the program stands. Two places swallow it: a callback whose exceptions Python
drops (of a weak reference or a finaliser; each import has one, and `cccd issue` runs nearly a thousand of them), and an
error that is raised while the program unwinds and takes the interrupt's place. So it is remembered that it came: a
dropped one is raised again, work that still goes on meets it at its next step, and the exit code is that of an
interrupt whatever else the command ended with.
"""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any


class _Watch:
    def __init__(self) -> None:
        self.received = False
        self.settled = False

    def __call__(self, number: int, frame: FrameType | None) -> None:
        del number, frame
        self.received = True
        if not self.settled:
            raise KeyboardInterrupt


_watches: list[_Watch] = []


def check() -> None:
    """KeyboardInterrupt where one came and was lost on its way."""
    if received():
        raise KeyboardInterrupt


def received() -> bool:
    """Whether Ctrl-C came since `watched` began."""
    return bool(_watches) and _watches[-1].received


@contextmanager
def watched(*, for_good: bool = False) -> Iterator[None]:
    """Watches over Ctrl-C for as long as it lasts. Where somebody watches already, or SIGINT is ignored (`nohup`) or
    handled by others, it changes nothing. `for_good`: the process ends with it, and its exit code stands: a Ctrl-C
    while Python takes itself down would kill it by the signal, after all is done and said."""
    theirs = signal.getsignal(signal.SIGINT)
    if theirs is not signal.default_int_handler or threading.current_thread() is not threading.main_thread():
        yield
        return
    watch = _Watch()
    _watches.append(watch)
    dropped = sys.unraisablehook
    sys.unraisablehook = _again(dropped)
    signal.signal(signal.SIGINT, watch)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN if for_good else theirs)
        sys.unraisablehook = dropped
        _watches.remove(watch)


def settle() -> None:
    """The outcome is known: a Ctrl-C that comes now is remembered, and raises nothing any more."""
    for watch in _watches:
        watch.settled = True


def _again(otherwise: Any) -> Any:
    def hook(dropped: Any) -> None:
        if not issubclass(dropped.exc_type, KeyboardInterrupt):
            otherwise(dropped)
        elif received() and not _watches[-1].settled:
            # To send the signal again would raise in here, where it is dropped again: at the next call of a function.
            sys.setprofile(_raise)

    return hook


def _raise(frame: FrameType, event: str, argument: Any) -> None:
    del frame, argument
    if event == "call":
        sys.setprofile(None)
        raise KeyboardInterrupt
