"""What synthetic fingers and their impressions look like: one object, a value of it for each named setting."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from functools import cache
from importlib.resources import files
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

from cccd_core.errors import ParameterError

SHIPPED: Final = "data/settings.json"
USUAL: Final = "fjfx"
KNOTS: Final = 7


@dataclass(frozen=True, slots=True)
class FingerParameters:
    """Lengths in pixels at 500 dpi, angles in degrees. Quality is a number of variance 1, the more the better.

    The finger: `half_width_px`, `half_height_px` of the elliptic fingertip; `minutiae_per_mm2` and its spread between
    fingers (of the logarithm), of whose variance `density_share` is between people; two minutiae lie `least_px` apart
    at least and seldom nearer than `apart_px`; `core_density` how much denser they lie at the cores; `flow_deg` how far
    directions stray from the ridge flow; `together` and `downward` how strongly neighbours point the same way and
    minutiae point down (logits); `bifurcation_share`; `companions` the share of minutiae with another one within
    `companion_px`.

    An impression: the sensor's `image_width_px` and `image_height_px`; standard deviations of shift, rotation and of
    the contact area's size; `distortion_px` of the skin over `distortion_reach_px`; `jitter_px` and `jitter_deg` of a
    minutia, by a factor e for `jitter_worse` of quality lost. `seen`, `seen_spread`, `seen_worse` make the logit that a
    minutia is shown: of the usual one, its spread between the minutiae of a finger, its change with quality.
    `invented_per_mm2` that are not on the finger, by a factor e more for each `invented_worse` of quality lost, their
    directions `invented_deg` off the flow or, of the share `stray`, any; `broken` of them with another beside them.
    `kind_error` the share whose type is taken for the other, with its spread `kind_spread` between impressions (of the
    logarithm: on a wet one endings become bifurcations, on a dry one the other way); `turned` the share whose direction
    is taken for its opposite.

    Quality: `quality` is the mean of all impressions, 0 where a setting was fitted; `local_spread` within one;
    `person_share` and `finger_share` of the variance between them, which is 1, belong to the person and the finger.
    What is reported: a minutia's quality follows its true one with correlation `quality_seen` and is distributed by
    `quality_knots`, its percentiles 1, 5, 25, 50, 75, 95 and 99; the capture's is `capture_mean` + `capture_spread`
    times the true one, 1 to 100.
    """

    half_width_px: float = 165.0
    half_height_px: float = 225.0
    minutiae_per_mm2: float = 0.28
    density_spread: float = 0.2
    density_share: float = 0.3
    least_px: float = 4.0
    apart_px: float = 12.0
    core_density: float = 1.0
    flow_deg: float = 6.0
    together: float = 0.7
    downward: float = 0.3
    bifurcation_share: float = 0.38
    companions: float = 0.15
    companion_px: float = 8.0
    image_width_px: float = 280.0
    image_height_px: float = 360.0
    shift_px: float = 18.0
    rotation_deg: float = 9.0
    contact_half_width_px: float = 135.0
    contact_half_height_px: float = 180.0
    contact_spread: float = 0.10
    distortion_px: float = 3.0
    distortion_reach_px: float = 100.0
    jitter_px: float = 1.2
    jitter_deg: float = 5.0
    jitter_worse: float = 0.25
    seen: float = 1.8
    seen_spread: float = 1.5
    seen_worse: float = 0.6
    invented_per_mm2: float = 0.04
    invented_worse: float = 0.5
    invented_deg: float = 12.0
    stray: float = 0.1
    broken: float = 0.4
    kind_error: float = 0.15
    kind_spread: float = 0.5
    turned: float = 0.03
    quality: float = 0.0
    local_spread: float = 0.8
    person_share: float = 0.55
    finger_share: float = 0.1
    quality_seen: float = 0.3
    quality_knots: tuple[float, ...] = (41.0, 44.0, 56.0, 72.0, 83.0, 93.0, 99.0)
    capture_mean: float = 72.0
    capture_spread: float = 14.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "quality_knots", tuple(float(knot) for knot in self.quality_knots))
        if len(self.quality_knots) != KNOTS or any(b < a for a, b in pairwise(self.quality_knots)):
            raise ParameterError(
                "a quality is given by seven percentiles, none below the one before", name="quality_knots"
            )
        for item in fields(self):
            value = getattr(self, item.name)
            for number in value if isinstance(value, tuple) else (value,):
                signed = item.name in ("seen", "downward", "quality")
                if not math.isfinite(number) or (number < 0 and not signed) or abs(number) > _MOST.get(item.name, 1000):
                    raise ParameterError("a finger parameter is out of its range", name=item.name)
        if self.image_width_px < _LEAST_IMAGE_PX or self.image_height_px < _LEAST_IMAGE_PX:
            raise ParameterError("the image measures 64 to 2000 pixels each way")
        if min(self.half_width_px, self.half_height_px, self.distortion_reach_px, self.least_px) < 1:
            raise ParameterError("a length of the finger is a pixel at least")
        if self.person_share + self.finger_share > 1:
            raise ParameterError("person and finger share one variance", name="finger_share")

    @property
    def digest(self) -> str:
        """sha256 of the values, for manifests."""
        return "sha256:" + hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()

    def numbers(self) -> NDArray[np.float64]:
        """What the kernel takes: its fields in order up to the knots, float64[49]."""
        values = [getattr(self, item.name) for item in fields(self)]
        return np.array([*values[:-3], *self.quality_knots])


_LEAST_IMAGE_PX = 64
# Shares are 1 at most, and logits and spreads what a finger can bear.
_MOST: Mapping[str, float] = {
    "image_width_px": 2000,
    "image_height_px": 2000,
    "minutiae_per_mm2": 5,
    "quality_knots": 100,
    "capture_mean": 100,
    "capture_spread": 100,
    **dict.fromkeys(
        (
            "bifurcation_share",
            "companions",
            "broken",
            "stray",
            "kind_error",
            "turned",
            "person_share",
            "density_share",
            "finger_share",
            "quality_seen",
            "contact_spread",
        ),
        1.0,
    ),
    **dict.fromkeys(
        (
            "density_spread",
            "core_density",
            "together",
            "downward",
            "jitter_worse",
            "seen",
            "quality",
            "seen_spread",
            "seen_worse",
            "invented_per_mm2",
            "invented_worse",
            "kind_spread",
            "local_spread",
        ),
        20.0,
    ),
}


@cache
def settings() -> Mapping[str, FingerParameters]:
    """The settings that are shipped, by name."""
    found = json.loads(files("cccd_core.synthesis").joinpath(SHIPPED).read_text("utf-8"))
    return {name: FingerParameters(**one["parameters"]) for name, one in found["settings"].items()}


def setting(name: str = USUAL) -> FingerParameters:
    """A setting by its name. ParameterError for one that is not there."""
    try:
        return settings()[name]
    except KeyError:
        raise ParameterError("no such setting of synthesis", given=name, known=" ".join(settings())) from None
