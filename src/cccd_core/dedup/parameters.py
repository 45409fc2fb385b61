"""What a search decides by, in one place."""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import asdict, dataclass, fields
from functools import lru_cache
from typing import Final

from cccd_core.errors import ParameterError

# Fused scores pay k (k + 1) for speaking by k fingers, whose inverses sum to 10/11 over the ten that there can be, and
# not to 1: a tenth of the whole allowance can be given away once more, and together they still keep it.
MOST_MIRRORED: Final = 0.1
MOST_RATE: Final = 0.1  # of false positives; ten times it is still a probability


@dataclass(frozen=True, slots=True)
class DedupParameters:
    """What a search decides by. Scores are calibrated finger scores, -10 log10(FMR).

    * `duplicate_false_matches`: a dossier is a duplicate when a match at least as good is expected at most so many
      times by chance in its whole search (comparisons x fused FMR).
    * `review_false_matches`: above that and up to this number a person decides.
    * `agreeing_score`: a finger agrees from this score on; a duplicate needs `agreeing_fingers` of them, or
    * `single_finger_false_matches`: one finger alone that is expected by chance at most so many times.
    * `finger_score_limit`: more than this no single finger contributes: calibration samples hold some millions of
      impostor pairs, and what a score claims far beyond them is extrapolation.
    * `cross_position_share`: which share of the allowance for false matches goes to the second pass, which compares
      every finger of a person with every finger of another (swapped, mislabelled or unplaced fingers).
    * `mirrored_share`: which share of the allowance, beside the others, goes to mirror images of the person's fingers,
      compared position by position; 0 leaves them out. At most `MOST_MIRRORED`, which the two passes leave over.
    * `least_minutiae`: a finger with fewer is compared with nothing, since a handful fits anybody; a dossier without
      any finger left cannot be searched by, and is never `unique`.
    * `gallery_block`, `batch_block`: people taken into memory at a time; they change no result.
    """

    duplicate_false_matches: float = 1e-4
    review_false_matches: float = 1e-3
    agreeing_score: float = 20.0
    agreeing_fingers: int = 2
    single_finger_false_matches: float = 1e-5
    finger_score_limit: float = 70.0
    cross_position_share: float = 0.1
    mirrored_share: float = MOST_MIRRORED
    least_minutiae: int = 8
    gallery_block: int = 1024
    batch_block: int = 1024

    def __post_init__(self) -> None:
        for item in fields(self):
            value = getattr(self, item.name)
            if not isinstance(value, (int, float)) or isinstance(value, bool) or not math.isfinite(value):
                raise ParameterError("a deduplication parameter must be a number", name=item.name)
            if value <= 0 and item.name != "mirrored_share":
                raise ParameterError("a deduplication parameter must be a positive number", name=item.name)
        if not self.single_finger_false_matches <= self.duplicate_false_matches <= self.review_false_matches < 1:
            raise ParameterError("allowances must grow from a single finger over duplicate to review, below 1")
        if self.cross_position_share >= 1:
            raise ParameterError("the share of the second pass must lie between 0 and 1")
        if not 0 <= self.mirrored_share <= MOST_MIRRORED:
            raise ParameterError("the share of mirror images must not exceed what the passes leave", most=MOST_MIRRORED)
        for name in ("agreeing_fingers", "least_minutiae", "gallery_block", "batch_block"):
            if not isinstance(getattr(self, name), int):
                raise ParameterError("a deduplication parameter must be a whole number", name=name)

    @classmethod
    def of_rate(cls, rate: float) -> DedupParameters:
        """The usual parameters for another rate of false positives: `rate` of the searches of people who are not
        enrolled may call somebody a duplicate by chance, ten times as many send somebody to be looked at.

        ParameterError outside 0 to 0.1."""
        if not 0.0 < rate < MOST_RATE:
            raise ParameterError("a rate of false positives must lie between 0 and 0.1", fpir=rate)
        return cls(duplicate_false_matches=rate, review_false_matches=10 * rate, single_finger_false_matches=rate / 10)

    @property
    def digest(self) -> str:
        """sha256 of the values, for manifests."""
        return _digest(self)


@lru_cache(maxsize=16)
def _digest(parameters: DedupParameters) -> str:
    text = json.dumps(asdict(parameters), sort_keys=True)
    return "sha256:" + hashlib.sha256(text.encode()).hexdigest()
