"""What a search hands to the judge: people who scored, and by which fingers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from cccd_core.dedup.decision import FingerComparison


@dataclass(frozen=True, slots=True)
class Candidate:
    """One person that scored above chance against a probe. `batch_index` is None in the gallery."""

    person_id: str
    batch_index: int | None
    score: float
    across_positions: bool
    fingers: tuple[FingerComparison, ...]
    mirrored: bool = False

    @property
    def order(self) -> tuple[float, str]:
        """Best first; equal scores in the order of identifiers, so that no order of the gallery matters."""
        return (-self.score, self.person_id)


def best_of_each(candidates: Sequence[Candidate]) -> list[Candidate]:
    """One candidate a person, the better of its two, best first."""
    best: dict[str, Candidate] = {}
    for candidate in candidates:
        known = best.get(candidate.person_id)
        if known is None or (-candidate.score, candidate.across_positions) < (-known.score, known.across_positions):
            best[candidate.person_id] = candidate
    return sorted(best.values(), key=lambda candidate: candidate.order)
