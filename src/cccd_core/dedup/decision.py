"""What deduplication answers: a decision for each dossier, and its evidence, as plain data."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Literal, TypeAlias

from cccd_core.plain import Json, JsonObject

Outcome: TypeAlias = Literal["unique", "duplicate", "review"]


@dataclass(frozen=True, slots=True)
class FingerComparison:
    """Two fingers laid side by side: their positions as labelled (0 unknown) and their calibrated score."""

    position: int
    candidate_position: int
    score: float


@dataclass(frozen=True, slots=True)
class LaidFinger:
    """A finger of a record that was found to be a finger of another: positions as labelled, calibrated score, and
    whether one of the two images was mirrored."""

    position: int
    candidate_position: int
    score: float
    mirrored: bool


@dataclass(frozen=True, slots=True)
class Match:
    """One person found for a probe.

    * `source`: where the person stands, the `gallery` or earlier in the `batch`.
    * `outcome`: what this match alone would make of the probe.
    * `score`: fused score, -10 log10 of the chance that one impostor reaches it, all corrections for choosing fingers
      included; `expected_false_matches`: that chance times the number of comparisons.
    * `across_positions`: whether the second pass found it, which compares every finger with every finger.
    * `mirrored`: whether the probe's fingers match as mirror images: one of the two records is mirrored.
    * `fingers`: the comparisons that make the score; `agreeing`: how many of them agree.
    * `laid`: what is known of every finger once the person is found: those that made the score, and the others that lie
      at their own position, at another one, or mirrored; of the first five who match (`dedup.laid`).
    """

    person_id: str
    source: Literal["gallery", "batch"]
    outcome: Outcome
    score: float
    expected_false_matches: float
    across_positions: bool
    mirrored: bool
    fingers: tuple[FingerComparison, ...]
    agreeing: int
    laid: tuple[LaidFinger, ...]


@dataclass(frozen=True, slots=True)
class Evidence:
    """Why a decision came out as it did.

    * `comparisons`: people the probe was searched against, the N of the thresholds.
    * `cascade`: the stages it was searched by (`docs/reference/dedup.md`); `screened`: earlier people whom the first of
      them looked at; `compared`: those whose fingers were compared by position; `miss_rate`: which share of true
      matches the stage before that was measured to lose: 0 where everyone is compared, None where it was not
      measured; of more than four fingers it was measured of synthetic people.
    * `duplicate_score`, `review_score`: the fused scores at which the allowances are met with that N.
    * `reasons`: why not unique: `match`; `weak_match` (between the two allowances), `single_finger` (only one agrees),
      `mirrored` (the fingers match as mirror images), `linked` (see below), `several_people` (different fingers are
      different people's), `few_minutiae` (no finger could be searched by); empty for `unique`.
    * `matches`: everyone found, best first (64 at most); `best_competitor`: the best of those not
      matched, if any scored at all.
    * `linked`: people whom this one was tied to by a later dossier that matches both.
    * `finger_pairs`: single finger comparisons made to find them; those that only say how fingers lie are not counted.
    * `manifest`: version, parameters, kernels and the matcher's own manifest.
    """

    comparisons: int
    cascade: str
    screened: int
    compared: int
    miss_rate: float | None
    duplicate_score: float
    review_score: float
    reasons: tuple[str, ...]
    matches: tuple[Match, ...]
    best_competitor: Match | None
    linked: tuple[str, ...]
    finger_pairs: int
    manifest: JsonObject


@dataclass(frozen=True, slots=True)
class Decision:
    """What deduplication says of one dossier.

    `unique`: nobody found. `duplicate`: the same person as `of`, by the probe's `fingers` (ISO positions, 0 unknown).
    `review`: a person must look; `of` is the likeliest candidate. `score` is the fused score against that
    person, or of the best competitor where nobody was found, 0 when nobody scored.
    """

    person_id: str
    outcome: Outcome
    of: str | None
    fingers: tuple[int, ...]
    score: float
    evidence: Evidence

    def as_dict(self) -> dict[str, Json]:
        """JSON-ready."""
        return asdict(self)
