"""How long a test waits for what is to come: as long as a machine may take that is busy, or stands still for a while.

Only a test that would otherwise never end needs it. What a test asks is never how soon something comes.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

PATIENCE_S: Final = 300.0


def until(condition: Callable[[], bool], seconds: float = PATIENCE_S) -> None:
    """Waits for something that will come; an assertion where it does not."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)
