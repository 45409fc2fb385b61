"""What a conversion loses: the most that can be lost, stated for every ordered pair of formats, and what one file lost.

docs/reference/templates.md shows the former as tables, and property tests hold the conversions to them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cccd_core.errors import ParameterError
from cccd_core.templates.angles import BINARY, to_steps
from cccd_core.templates.convert import CAPACITY
from cccd_core.templates.model import FingerTemplate, TemplateRecord
from cccd_core.templates.transform import ppcm

MM_PER_CM = 10


@dataclass(frozen=True, slots=True)
class Loss:
    """The most that a conversion changes: directions in degrees, coordinates in millimetres; and what it drops.

    `dropped` names what the source can say and the target cannot: "kind", "quality" ("quality levels": it is there, but
    in fewer steps), "size" of the image, "position" (with impression type, view number and capture quality; "view
    number" and "capture quality" where those two alone go), "resolution", "views" beyond the first, "extended" data,
    "core and delta" of the extended data, "capture details" (time, device, certification, ridge ending type),
    "quality algorithm" and "product identifier".

    `kept_ppcm` is no loss but what a reader may not expect: the pixels a centimetre of a source that counts in units
    of length (1000 for 0.01 mm), where the target states a resolution and is given that one. Every edition has two
    bytes for it and no list of what may stand there; few matchers are used to this. 0 where it is an image's.
    """

    angle_deg: float
    coordinate_mm: float
    dropped: tuple[str, ...]
    kept_ppcm: int = 0


def loss(source: str, target: str, *, dpi: float | None = None) -> Loss:
    """The stated loss of converting from format `source` to format `target`, keys of FORMATS; ParameterError else.
    `dpi`: the resolution that was asked for, to whose pixels the places are rounded."""
    for name in (source, target):
        if name not in CAPACITY:
            raise ParameterError("unknown template format", format=name, known=" ".join(CAPACITY))
    of, to = CAPACITY[source], CAPACITY[target]
    dropped = [
        name
        for name in ("kind", "quality", "size", "position", "extended")
        if getattr(of, name) and not getattr(to, name)
    ]
    if of.quality and to.quality and of.quality_levels > to.quality_levels:
        dropped.append("quality levels")
    if of.numbered and of.position and to.position and not to.numbered:
        dropped += ["view number", "capture quality"]
    if to.extended and of.extended and of.coding != to.coding:
        dropped.append("core and delta")
    if of.resolution_ppcm != 0 and to.resolution_ppcm == 0:
        dropped.append("resolution")
    if of.max_views > 1 and to.max_views == 1:
        dropped.append("views")
    dropped += [name for name in of.details if name not in to.details]
    places = _coordinate_mm(source, target)
    if dpi is not None and not to.resolution_ppcm:
        places = max(places, MM_PER_CM / ppcm(dpi) / 2)
    kept = (of.resolution_ppcm or 0) if to.resolution_ppcm is None and dpi is None else 0
    return Loss(_angle_deg(of.angle_steps, to.angle_steps), places, tuple(dropped), kept)


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


def lost(before: TemplateRecord, after: TemplateRecord) -> tuple[str, ...]:
    """What `before` says and `after` does not, whatever step lost it: `after` is what the bytes that were written say.

    Beside the names of `Loss.dropped`: "minutiae" where there are fewer, "impression type", "view number", "capture
    quality", "extended data" (or "part of the extended data"), "device", "compliance", "reserved byte". Directions and
    places within the stated loss are not named.
    """
    found = []
    if len(after.views) < len(before.views):
        found.append("views")
    for mine, theirs in zip(before.views, after.views, strict=False):
        found += _lost_of_view(mine, theirs)
        if not CAPACITY[after.format].size and (mine.width_px or mine.height_px) and before.format != after.format:
            found.append("size")
    if CAPACITY[after.format].resolution_ppcm == 0 and before.format != after.format:
        found.append("resolution")
    for name in ("product_id", "compliance", "device_id", "reserved"):
        # another edition has them in other places, or fills in that nobody is known
        if getattr(before, name) and not getattr(after, name):
            found.append(_HEADER_WORDS[name])
    if before.product_id not in (0, after.product_id):
        found.append(_HEADER_WORDS["product_id"])
    return tuple(dict.fromkeys(found))


_HEADER_WORDS = {
    "product_id": "product identifier",
    "compliance": "compliance",
    "device_id": "device",
    "reserved": "reserved byte",
}


def _lost_of_view(mine: FingerTemplate, theirs: FingerTemplate) -> list[str]:
    found = []
    if theirs.count < mine.count:
        found.append("minutiae")
    for name in ("kind", "quality"):
        said = getattr(mine, name)
        if np.count_nonzero(said) > np.count_nonzero(getattr(theirs, name)) and theirs.count == mine.count:
            found.append(name)
    same = "quality" in found or theirs.count < mine.count or not theirs.quality.any()
    if not same and not np.array_equal(np.sort(mine.quality), np.sort(theirs.quality)):
        found.append("quality levels")
    if mine.details.raw_quality and mine.details.raw_quality != theirs.details.raw_quality:
        found.append("quality codes")
    for name, words in (
        ("position", "position"),
        ("impression", "impression type"),
        ("view", "view number"),
        ("capture_quality", "capture quality"),
    ):
        if getattr(mine, name) and getattr(mine, name) != getattr(theirs, name):
            found.append(words)
    if mine.details.quality_code and not theirs.details.quality_code:
        found.append("the code in place of a capture quality")
    if mine.extended != theirs.extended:
        found.append("part of the extended data" if theirs.extended else "extended data")
    a, b = mine.details, theirs.details
    if a.captured_at.strip(b"\xff") and a.captured_at != b.captured_at:
        found.append("capture time")
    if (a.device_technology, a.device_vendor) != (b.device_technology, b.device_vendor) or (
        a.device_type and not b.device_type
    ):
        found.append("device")
    if a.certification_blocks != b.certification_blocks:
        found.append("certification")
    if a.ending_type != b.ending_type:
        found.append("ridge ending type")
    algorithms = {(block.vendor, block.algorithm) for block in a.quality_blocks if block.algorithm}
    if algorithms - {(block.vendor, block.algorithm) for block in b.quality_blocks}:
        found.append("quality algorithm")
    return found
