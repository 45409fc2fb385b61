"""The tables that the kernels look things up in, made once for each set of parameters."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from cccd_core.matching.parameters import MatcherParameters

TURN = 256  # angle steps in a full turn
SECTIONS = 6


@dataclass(frozen=True, slots=True, eq=False)
class Tables:
    """All read-only; `settings`, `weights`, `cosines`, `sines`, `logarithms` (of max(1, i)) are for scoring.

    `spatial[k]`: what a minutia gives to a cell at the squared distance k px^2 (Gaussian, cut off at three sigma); the
    last is 0, for all that is further.
    `angular[d, s]`: what a difference of direction of d 256ths of a turn gives to section s (Gaussian over it); two
    columns of 0 make eight of the six.
    """

    settings: NDArray[np.float32]
    weights: NDArray[np.float32]
    cosines: NDArray[np.float32]
    sines: NDArray[np.float32]
    logarithms: NDArray[np.float32]
    spatial: NDArray[np.float64]
    angular: NDArray[np.float64]
    exact_cosines: NDArray[np.float64]
    exact_sines: NDArray[np.float64]


@lru_cache(maxsize=16)
def tables(parameters: MatcherParameters) -> Tables:
    """The tables of a set of parameters."""
    turn = [2.0 * math.pi * step / TURN for step in range(TURN)]
    cosines = np.array([math.cos(angle) for angle in turn])
    sines = np.array([math.sin(angle) for angle in turn])
    sigma, sigma_rad = parameters.spatial_sigma_px, parameters.angular_sigma_rad
    squared = range(int((3.0 * sigma) ** 2) + 1)
    height = 1.0 / (sigma * math.sqrt(2.0 * math.pi))
    built = Tables(
        settings=np.array(list(parameters.settings().values()), np.float32),
        weights=np.array(parameters.weights.numbers(), np.float32),
        cosines=cosines.astype(np.float32),
        sines=sines.astype(np.float32),
        logarithms=np.array([math.log(max(1, count)) for count in range(TURN)], np.float32),
        spatial=np.array([height * math.exp(-value / (2.0 * sigma * sigma)) for value in squared] + [0.0]),
        angular=np.array([[_share(angle, s, sigma_rad) for s in range(SECTIONS)] + [0.0, 0.0] for angle in turn]),
        exact_cosines=cosines,
        exact_sines=sines,
    )
    for name in Tables.__slots__:
        getattr(built, name).flags.writeable = False
    return built


def _share(turn: float, section: int, sigma: float) -> float:
    """The part of a Gaussian around a direction difference that falls into a section, a sixth of a turn."""
    half = math.pi / SECTIONS
    off = turn - ((section + 0.5) * 2.0 * half - math.pi)
    off -= 2.0 * math.pi * math.floor(off / (2.0 * math.pi) + 0.5)
    norm = sigma * math.sqrt(2.0)
    return 0.5 * (math.erf((off + half) / norm) - math.erf((off - half) / norm))
