"""Everything that can be tuned in the matcher, in one place. Imports errors and the standard library."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass

from cccd_core.errors import ParameterError

# Raised by one whenever the same parameters would give other scores.
ALGORITHM = 1


@dataclass(frozen=True, slots=True)
class MatcherParameters:
    """The matcher's parameters: one set for every sensor, extractor and finger.

    The descriptor is the minutia cylinder-code of Cappelli, Ferrara, Maltoni (IEEE TPAMI 32(12), 2010) in its binary
    form; the names follow that paper where it has one.
    """

    cylinder_radius_px: int = 70
    spatial_sigma_px: float = 7.0
    angular_sigma_rad: float = 0.4
    bit_threshold: float = 0.02
    hull_margin_px: int = 30
    minutiae_max: int = 64
    cells_min: int = 14
    pairs_max: int = 12
    relaxation_rounds: int = 4

    def __post_init__(self) -> None:
        for name, low, high in (
            ("cylinder_radius_px", 16, 200),
            ("spatial_sigma_px", 1.0, 50.0),
            ("angular_sigma_rad", 0.05, 3.0),
            ("bit_threshold", 0.0, 1.0),
            ("hull_margin_px", 0, 500),
            ("minutiae_max", 1, 64),
            ("cells_min", 1, 64),
            ("pairs_max", 1, 64),
            ("relaxation_rounds", 0, 32),
        ):
            value = getattr(self, name)
            if not low <= value <= high:
                raise ParameterError("a matcher parameter is out of its range", name=name, value=value)

    @property
    def digest(self) -> str:
        """`sha256:` and the digest of algorithm version and parameters; equal digests give equal scores."""
        text = json.dumps({"algorithm": ALGORITHM, **asdict(self)}, sort_keys=True)
        return "sha256:" + hashlib.sha256(text.encode()).hexdigest()
