"""The thin runner: takes a session's instructions, does the I/O over a card, gives the events back. May import card,
pki and errors."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cccd_core.personalise.feeders import Feeder
from cccd_core.personalise.jobs import CardJob, CardResult
from cccd_core.personalise.journal import Journal

if TYPE_CHECKING:
    from cccd_core.pki import TrustStore

Progress = Callable[[int, int, str], None]


@dataclass(frozen=True, slots=True)
class StationParameters:
    """`cards_per_job`: spoiled cards before a job is given up. `insertions_per_card`: how often a card that left is
    asked for again in one run. `refusals_before_stop`: cards in a row that refuse the key before the station stops
    (the wrong master key would otherwise use up the stock)."""

    cards_per_job: int = 3
    insertions_per_card: int = 8
    refusals_before_stop: int = 3


class Station:
    """Writes, locks and verifies one card for each job, on every lane of its feeder."""

    def __init__(
        self,
        feeder: Feeder,
        journal: Journal,
        card_master_key: bytes,
        trust: TrustStore,
        *,
        parameters: StationParameters | None = None,
    ) -> None:
        raise NotImplementedError

    def run(self, job: CardJob, *, lane: int = 0) -> CardResult:
        """Makes one card, or goes on with the one the journal names. Trouble with a card is in the result.

        Raises FileError or StateError when the journal fails, TransportError when the reader itself fails,
        AuthenticationError when several cards in a row refuse the key: these end the run, and it can be run again.
        """
        raise NotImplementedError

    def run_all(self, jobs: Iterable[CardJob], *, progress: Progress | None = None) -> Iterator[CardResult]:
        """Makes the cards of all jobs, on all lanes at once; results come in the order of the jobs.

        At most two jobs a lane are taken from `jobs` ahead of their turn.
        """
        raise NotImplementedError
