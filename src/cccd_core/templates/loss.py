"""What a conversion loses, stated for every ordered pair of formats.

docs/reference/templates.md shows these as tables, and property tests hold the conversions to them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cccd_core.errors import ParameterError
from cccd_core.templates.angles import BINARY, to_steps
from cccd_core.templates.convert import CAPACITY

MM_PER_CM = 10


@dataclass(frozen=True, slots=True)
class Loss:
    """The most that a conversion changes: directions in degrees, coordinates in millimetres; and what it drops.

    `dropped` names what the source can say and the target cannot: "kind", "quality", "size" of the image, "position"
    (with impression type, view number and capture quality), "resolution", "views" beyond the first, "extended" data,
    "core and delta" of the extended data, "capture details" (time, device, certification, ridge ending type),
    "quality algorithm" and "product identifier".
    """

    angle_deg: float
    coordinate_mm: float
    dropped: tuple[str, ...]


def loss(source: str, target: str) -> Loss:
    """The stated loss of converting from format `source` to format `target`, keys of FORMATS; ParameterError else."""
    for name in (source, target):
        if name not in CAPACITY:
            raise ParameterError("unknown template format", format=name, known=" ".join(CAPACITY))
    of, to = CAPACITY[source], CAPACITY[target]
    dropped = [
        name
        for name in ("kind", "quality", "size", "position", "extended")
        if getattr(of, name) and not getattr(to, name)
    ]
    if to.extended and of.extended and of.coding != to.coding:
        dropped.append("core and delta")
    if of.resolution_ppcm != 0 and to.resolution_ppcm == 0:
        dropped.append("resolution")
    if of.max_views > 1 and to.max_views == 1:
        dropped.append("views")
    dropped += [name for name in of.details if name not in to.details]
    return Loss(_angle_deg(of.angle_steps, to.angle_steps), _coordinate_mm(source, target), tuple(dropped))


def _angle_deg(source_steps: int, target_steps: int) -> float:
    """The largest change of any direction that the source can say, in degrees of its own steps."""
    steps = BINARY[source_steps]
    turned = to_steps(steps, target_steps).astype(np.int64)
    off = (np.arange(source_steps, dtype=np.int64) * target_steps - turned * source_steps) % (
        source_steps * target_steps
    )
    whole = source_steps * target_steps
    return float(np.minimum(off, whole - off).max()) * 360 / whole


def _coordinate_mm(source: str, target: str) -> float:
    of, to = CAPACITY[source].resolution_ppcm, CAPACITY[target].resolution_ppcm
    if not to or (of and to % of == 0):
        return 0.0
    return MM_PER_CM / to / 2
