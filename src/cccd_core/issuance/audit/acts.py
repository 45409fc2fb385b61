"""Acts outside of a run: told before they are done, and behind them what came of them.

An act and its entry are seldom in one transaction: the trail is in a file, in a database of its own, or in one that the
act's tables are not in. So the entry goes first, and is on the disk before the act begins: what was begun is told,
whoever is killed. Behind it stands what came of it; where nothing stands, whoever acted was interrupted, and what the
act was to change says whether it was done.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Final

from cccd_core.errors import CccdError
from cccd_core.issuance.audit.entry import Entry
from cccd_core.issuance.audit.trail import Trail

DONE: Final = "done"
FAILED: Final = "failed"


@dataclass(slots=True)
class Outcome:
    """What an act came to, where that is known only when it is done; left as it is, the entry says that it was done."""

    count: int | None = None
    person: str | None = None
    reason: str | None = None


@contextmanager
def recorded(trail: Trail | None, *entries: Entry) -> Iterator[Outcome]:
    """Tells of acts before the block, which does them, and behind it that all were done, or none and of which kind the
    error was. Without a trail nothing is told. Errors as `Trail.append`: before the block, which is then not run."""
    outcome = Outcome(None if len(entries) == 1 else len(entries))
    if trail is None or not entries:
        yield outcome
        return
    numbers = trail.append(entries)
    try:
        yield outcome
    except BaseException as error:
        outcome.reason = error.kind if isinstance(error, CccdError) else type(error).__name__
        with suppress(CccdError):  # what is raised says more, and the entry before stands
            trail.append([_told(entries, numbers.start, FAILED, outcome)])
        raise
    trail.append([_told(entries, numbers.start, DONE, outcome)])


def tell(trail: Trail | None, entries: Iterable[Entry]) -> None:
    """Tells of what is about to be shown, before it is: on the disk when it ends. Without a trail nothing is told."""
    if trail is not None:
        trail.append(entries)


def _told(entries: tuple[Entry, ...], number: int, what: str, outcome: Outcome) -> Entry:
    first, alone = entries[0], len(entries) == 1
    return Entry(
        first.kind, what, first.actor, dossier=first.dossier if alone else None, card=first.card if alone else None,
        reason=outcome.reason, person=outcome.person or (first.person if alone else None), count=outcome.count,
        of=number,
    )  # fmt: skip
