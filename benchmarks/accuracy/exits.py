"""What ending a pair early changes: decisions with the exits against those without, pair by pair."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from cccd_core.evaluation.calibrating import RawPairs
from cccd_core.matching import MatcherParameters
from cccd_core.matching.calibration import Calibration

THRESHOLDS = (10, 20, 30, 40, 50, 60)
NEVER = -1.0e5  # a raw score that no pair falls below


def without_exits(parameters: MatcherParameters) -> MatcherParameters:
    """The same parameters, following every pair to its end."""
    return replace(parameters, weights=replace(parameters.weights, first_exit=NEVER, second_exit=NEVER))


def changed(
    hurried: Mapping[tuple[str, str], RawPairs],
    thorough: Mapping[tuple[str, str], RawPairs],
    calibration: Calibration,
) -> dict[str, Any]:
    """How many pairs are accepted at a threshold by one and not by the other; both by the same calibration."""
    counts = {kind: {str(score): {"lost": 0, "gained": 0} for score in THRESHOLDS} for kind in ("genuine", "impostor")}
    pairs = {"genuine": 0, "impostor": 0}
    for name, found in hurried.items():
        with_exits, without = found.calibrated(calibration), thorough[name].calibrated(calibration)
        for kind, one, other in (
            ("genuine", with_exits.genuine(), without.genuine()),
            ("impostor", with_exits.impostor(), without.impostor()),
        ):
            pairs[kind] += len(one)
            for score in THRESHOLDS:
                counts[kind][str(score)]["lost"] += int(np.sum((one < score) & (other >= score)))
                counts[kind][str(score)]["gained"] += int(np.sum((one >= score) & (other < score)))
    return {"pairs": pairs, **counts}
