"""Why a pair of fingers scored what it did, for a person who has to decide."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class MatchExplanation:
    """What the matcher saw in one pair of templates; made by `Matcher.explain`.

    * `probe_indices`, `candidate_indices`: int64[k], the paired minutiae as indices into the templates given.
    * `pair_similarities`: float64[k], 0..1, how alike each pair's surroundings are.
    * `overlap_probe`, `overlap_candidate`: bool[n], whether each minutia of the template lies in the area that both
      prints show; one that does and is unpaired speaks against.
    * `rotation_rad`, `shift_px`: the rigid motion that lays the candidate onto the probe, in pixels at 500 dpi with the
      origin top left and y downwards: turn by `rotation_rad` (counter-clockwise as seen), then add `shift_px` (x, y).
    * `parts`: named parts of the raw score, in the order of their weight; what they add up to is `raw_score`.
    * `score`: the calibrated score, −10·log10(FMR).
    """

    probe_indices: NDArray[np.int64]
    candidate_indices: NDArray[np.int64]
    pair_similarities: NDArray[np.float64]
    overlap_probe: NDArray[np.bool_]
    overlap_candidate: NDArray[np.bool_]
    rotation_rad: float
    shift_px: tuple[float, float]
    parts: Mapping[str, float]
    raw_score: float
    score: float

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready data: counts, motion and parts; no minutia's place."""
        return {
            "score": self.score,
            "raw_score": self.raw_score,
            "paired": len(self.probe_indices),
            "unpaired_in_overlap": {
                "probe": int(self.overlap_probe.sum()) - int(self.overlap_probe[self.probe_indices].sum()),
                "candidate": int(self.overlap_candidate.sum())
                - int(self.overlap_candidate[self.candidate_indices].sum()),
            },
            "rotation_rad": self.rotation_rad,
            "shift_px": list(self.shift_px),
            "parts": dict(self.parts),
        }
