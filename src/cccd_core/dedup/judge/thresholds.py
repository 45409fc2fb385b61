"""What a search goes by: the parameters, once it is known among how many people it runs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from cccd_core.dedup.decision import LaidFinger, Match, Outcome
from cccd_core.dedup.judge.candidate import Candidate, best_of_each
from cccd_core.dedup.parameters import DedupParameters

MOST_MATCHES = 64  # kept for one probe, so that a template that matches everybody fills no memory
OTHERS = 8  # kept beside them: the best of those that the second pass does not turn into a match is the competitor


@dataclass(frozen=True, slots=True)
class Thresholds:
    """What `parameters` mean for a search among `comparisons` people."""

    parameters: DedupParameters
    comparisons: int

    def expected(self, score: float) -> float:
        """Expected number of impostors who reach this fused score in one search."""
        return max(1, self.comparisons) * math.pow(10.0, -score / 10.0)

    def score(self, allowance: float) -> float:
        """The fused score from which on the expected number is within the allowance."""
        return 10.0 * math.log10(max(1, self.comparisons) / allowance)

    @property
    def duplicate_score(self) -> float:
        """From here on somebody may be a duplicate."""
        return self.score(self.parameters.duplicate_false_matches)

    @property
    def review_score(self) -> float:
        """From here on a candidate matters for the decision."""
        return self.score(self.parameters.review_false_matches)

    @property
    def by_position_cost(self) -> float:
        """Score that the first pass pays for having its share of the allowance and not the whole."""
        return -10.0 * math.log10(1.0 - self.parameters.cross_position_share)

    @property
    def across_positions_cost(self) -> float:
        """The same of the second pass."""
        return -10.0 * math.log10(self.parameters.cross_position_share)

    @property
    def mirrored_cost(self) -> float:
        """The same of mirror images."""
        return -10.0 * math.log10(self.parameters.mirrored_share)

    def keep(self, candidates: Sequence[Candidate], others: int = OTHERS) -> tuple[Candidate, ...]:
        """Those who matter for the decision, `MOST_MATCHES` at most, and `others` of the others, best first."""
        ordered = best_of_each(candidates)
        wanted = self.review_score
        matching = [candidate for candidate in ordered if candidate.score >= wanted]
        return tuple(matching[:MOST_MATCHES] + ordered[len(matching) : len(matching) + others])

    def match(self, candidate: Candidate) -> Match:
        """The candidate with its own outcome."""
        p = self.parameters
        expected = self.expected(candidate.score)
        agreeing = sum(finger.score >= p.agreeing_score for finger in candidate.fingers)
        outcome: Outcome = "unique"
        if expected <= p.review_false_matches:
            outcome = "review"
        if expected <= p.duplicate_false_matches and (
            agreeing >= p.agreeing_fingers or expected <= p.single_finger_false_matches
        ):
            outcome = "duplicate"
        return Match(
            candidate.person_id,
            "gallery" if candidate.batch_index is None else "batch",
            outcome,
            candidate.score,
            expected,
            candidate.across_positions,
            candidate.mirrored,
            candidate.fingers,
            agreeing,
            tuple(
                LaidFinger(one.position, one.candidate_position, one.score, candidate.mirrored)
                for one in candidate.fingers
            ),
        )
