"""Everything that can be tuned in the matcher, in one place."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from functools import lru_cache

from cccd_core.errors import ParameterError
from cccd_core.matching.weights import Weights

# Raised by one whenever the same parameters would give other scores.
ALGORITHM = 4
# Raised by one whenever the same parameters would prepare a finger to other words.
PREPARATION = 1
# All that a prepared finger depends on; `weights` and the rest only say how two of them are compared.
PREPARING = (
    "minutiae_max",
    "cylinders_max",
    "cylinder_radius_px",
    "spatial_sigma_px",
    "angular_sigma_rad",
    "bit_threshold",
    "crowd_reach_px",
)

# Bounds of the kernels' fixed arrays; native/kernels/matching/matching.hpp has the same.
MINUTIAE_MAX = 120
CYLINDERS_MAX = 64
CANDIDATES_MAX = 128
PLACINGS_MAX = 16


@dataclass(frozen=True, slots=True)
class MatcherParameters:
    """The matcher's parameters: one set for every sensor, extractor and finger; ParameterError outside their ranges.

    The descriptor is the minutia cylinder-code of Cappelli, Ferrara, Maltoni (IEEE TPAMI 32(12), 2010) in its binary
    form. `docs/explanation/matching.md` says what each stage does. Lengths are in pixels at 500 dpi; a tolerance of two
    numbers allows `_px` and `_share` of the distance, added in quadrature.
    """

    minutiae_max: int = MINUTIAE_MAX
    cylinders_max: int = CYLINDERS_MAX
    cylinder_radius_px: float = 64.0
    spatial_sigma_px: float = 8.0
    angular_sigma_rad: float = 0.4
    bit_threshold: float = 0.01
    similarity_offset_bits: float = 0.5
    crowd_reach_px: float = 30.0

    candidates: int = 32
    relaxation_rounds: int = 3
    length_tolerance_px: float = 10.0
    length_tolerance_share: float = 0.1
    side_tolerance_px: float = 8.0
    side_tolerance_share: float = 0.316
    rotation_tolerance_rad: float = 0.589

    hypotheses: int = 4
    pairing_tolerance_px: float = 18.0
    pairing_tolerance_rad: float = 0.638
    final_tolerance_px: float = 12.0
    final_tolerance_rad: float = 0.54
    dissimilarity_cost: float = 0.5

    elastic_reach_px: float = 60.0
    elastic_stiffness: float = 0.5
    overlap_margin_px: float = 15.0
    check_length_tolerance_px: float = 6.0
    check_length_tolerance_share: float = 0.08
    check_side_tolerance_px: float = 6.0
    check_side_tolerance_share: float = 0.2236
    check_rotation_tolerance_rad: float = 0.491
    check_reach_px: float = 100.0

    weights: Weights = field(default_factory=Weights.shipped)

    def __post_init__(self) -> None:
        whole = {
            "minutiae_max": MINUTIAE_MAX,
            "cylinders_max": CYLINDERS_MAX,
            "candidates": CANDIDATES_MAX,
            "relaxation_rounds": 16,
            "hypotheses": PLACINGS_MAX,
        }
        for name, most in whole.items():
            value = getattr(self, name)
            if not 1 <= value <= most:
                raise ParameterError("a matcher parameter is out of its range", name=name, value=value, most=most)
        for name in (f.name for f in fields(self)):
            value = getattr(self, name)
            if name in whole or name == "weights":
                continue
            if not (math.isfinite(value) and 0.0 <= value <= 1000.0):
                raise ParameterError("a matcher parameter is out of its range", name=name, value=value)
            # a pair's cost stays above 0 whatever float32 makes of an angle of almost nothing
            if name.endswith("_rad") and value < 0.05:
                raise ParameterError("a matcher parameter is out of its range", name=name, value=value, least=0.05)
            # 312 bits and this many more keep every similarity below 1024 steps, which the kernels' keys have room for
            if name == "similarity_offset_bits" and value < 0.5:
                raise ParameterError("a matcher parameter is out of its range", name=name, value=value, least=0.5)
            if not name.endswith(("_share", "_threshold", "_margin_px", "_cost")) and value <= 0.0:
                raise ParameterError("a matcher parameter must be above 0", name=name, value=value)
        if not 16.0 <= self.cylinder_radius_px <= 200.0 or not 1.0 <= self.spatial_sigma_px <= 50.0:
            raise ParameterError(
                "a cylinder is out of its range", radius_px=self.cylinder_radius_px, sigma_px=self.spatial_sigma_px
            )

    @property
    def digest(self) -> str:
        """`sha256:` and the digest of algorithm, parameters and weights; equal digests give equal raw scores."""
        return _whole_digest(self)

    @property
    def preparation_digest(self) -> str:
        """`sha256:` and the digest of what preparing goes by alone; equal digests give equal prepared fingers.

        Prepared fingers may be kept under it: training anew, or another threshold of scoring, makes none of them old.
        """
        return _digest({"preparation": PREPARATION, **{name: float(getattr(self, name)) for name in PREPARING}})

    def settings(self) -> dict[str, float]:
        """The numbers that the kernels of `score` take, by the names and in the order of `enum Setting` in
        native/kernels/matching/matching.hpp."""
        return {
            "similarity_offset": self.similarity_offset_bits,
            "candidates": float(self.candidates),
            "relaxation_rounds": float(self.relaxation_rounds),
            "length_tolerance2": self.length_tolerance_px**2,
            "length_slope2": self.length_tolerance_share**2,
            "side_tolerance2": self.side_tolerance_px**2,
            "side_slope2": self.side_tolerance_share**2,
            "rotation_gate": _gate(self.rotation_tolerance_rad),
            "hypotheses": float(self.hypotheses),
            "pairing_tolerance_px": self.pairing_tolerance_px,
            "pairing_gate": _gate(self.pairing_tolerance_rad),
            "final_tolerance_px": self.final_tolerance_px,
            "final_gate": _gate(self.final_tolerance_rad),
            "dissimilarity_cost": self.dissimilarity_cost,
            "elastic_reach2": self.elastic_reach_px**2,
            "elastic_stiffness": self.elastic_stiffness,
            "overlap_margin_px": self.overlap_margin_px,
            "check_length_tolerance2": self.check_length_tolerance_px**2,
            "check_length_slope2": self.check_length_tolerance_share**2,
            "check_side_tolerance2": self.check_side_tolerance_px**2,
            "check_side_slope2": self.check_side_tolerance_share**2,
            "check_rotation_gate": _gate(self.check_rotation_tolerance_rad),
            "check_reach2": self.check_reach_px**2,
        }


@lru_cache(maxsize=16)
def _whole_digest(parameters: MatcherParameters) -> str:
    values = {f.name: getattr(parameters, f.name) for f in fields(parameters) if f.name != "weights"}
    return _digest({"algorithm": ALGORITHM, **values, "weights": parameters.weights.digest})


def _digest(values: Mapping[str, object]) -> str:
    return "sha256:" + hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()


def _gate(tolerance_rad: float) -> float:
    """(1 - cos(turn)) times this is 1 where the turn is the tolerance."""
    return 1.0 / (1.0 - math.cos(min(tolerance_rad, math.pi)))
