"""How long work tells how far it is: the one type of callback, of every area."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

Progress: TypeAlias = Callable[[int, int, str], None]
"""`progress(done, total, what)`: `done` of `total` pieces of `what` (`check`, `search`, `cards`, ...) are finished.

`total` is 0 where it is not known. Called from the thread that asked for the work, after each piece or some of them; an
exception of the callback ends the work as an interrupt would.
"""


def named(progress: Progress | None, what: str) -> Progress | None:
    """The same callback, whatever the work calls its pieces; None for none."""
    if progress is None:
        return None
    return lambda done, total, _: progress(done, total, what)
