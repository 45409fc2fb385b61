"""What time it is where the cards are made."""

from __future__ import annotations

from datetime import date, datetime, timedelta, timezone

VIETNAM = timezone(timedelta(hours=7))
"""Vietnam's time, which knows no summer time."""


def today() -> date:
    """The day it is in Vietnam."""
    return datetime.now(VIETNAM).date()
