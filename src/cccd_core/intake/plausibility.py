"""Is this template a finger: every doubt about one view, named. The one place between reading and using a template."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from cccd_core.arguments import require_type
from cccd_core.errors import Fact
from cccd_core.intake.findings import DEFAULT_LIMITS, Doubt, Finding, Limits
from cccd_core.intake.flow import scores
from cccd_core.intake.layout import HALF_TURN, beside, directions, off_curve_mm
from cccd_core.intake.ridges import ridge_distance_px
from cccd_core.templates import FingerTemplate, TemplateRecord
from cccd_core.templates.convert import CAPACITY
from cccd_core.templates.notices import Remark

if TYPE_CHECKING:
    from cccd_core.extraction import Extraction

_OTHER_UNITS = {500: "dots an inch", 1000: "dots an inch", 19685: "pixels a metre", 39370: "pixels a metre"}
# 1000 pixels a centimetre are also what a record made from a card format states. They are doubted where the print would
# be small and its minutiae dense: so are 0.4 % of the real prints at their own resolution, and 99 to 100 % at a false
# one.
_ALSO_TRUE = 1000
_SMALL_MM = 9.0
_DENSE_MM = 0.7
_SMALL_IMAGE_MM = 11.0
_FIXED_RESOLUTION = frozenset(name for name, capacity in CAPACITY.items() if capacity.resolution_ppcm)
_FAILED = 255
_LEAST_SPREAD = 8  # minutiae from which on a line or one direction is no chance
_LEAST_SPARSE = 6
_LEAST_DIRECTIONS = 12  # from which on a share of them says something


def examine(
    record: TemplateRecord,
    view: FingerTemplate | None = None,
    limits: Limits = DEFAULT_LIMITS,
    *,
    image: NDArray[np.uint8] | None = None,
) -> tuple[Finding, ...]:
    """Every doubt about a view of `record` (the first without `view`), in the order of `Doubt`; empty for a sound one.
    `image`: where there is one, that on whose pixels the minutiae lie, uint8[height, width], of the view's resolution.

    Never raises for anything in the view; ParameterError for arguments of other types. About 1 ms, and 10 ms for an
    image.
    """
    require_type(record, TemplateRecord, "record")
    require_type(view, (FingerTemplate, type(None)), "view")
    require_type(limits, Limits, "limits")
    view = record.view if view is None else view
    number = next((number for number, each in enumerate(record.views, start=1) if each is view), 0)
    found = [*_capture(view, limits)]
    if record.format not in _FIXED_RESOLUTION:
        found += _resolution(view)
    found += _image(view, limits)
    reserved = sum(
        int(notice.facts.get("minutiae") or 0)
        for notice in record.notices
        if notice.word is Remark.RESERVED_TYPE and notice.facts.get("view") == number
    )
    if reserved:
        found.append(Finding(Doubt.RESERVED_TYPES, {"minutiae": reserved, "of": view.count}))
    found += _minutiae(view, limits)
    if image is not None:
        found += _ridges(image, view, limits)
    order = list(Doubt)
    return tuple(sorted(found, key=lambda finding: order.index(finding.word)))


def examine_extraction(made: Extraction, limits: Limits = DEFAULT_LIMITS) -> tuple[Finding, ...]:
    """Every doubt about an image of a finger: about the minutiae that were found in it, and about its ridges."""
    return examine(TemplateRecord("iso-2005", (made.template,)), made.template, limits, image=made.image)


def _capture(view: FingerTemplate, limits: Limits) -> list[Finding]:
    if not view.count:
        return [Finding(Doubt.EMPTY)]
    found = []
    scores = [block.score for block in view.details.quality_blocks]
    if view.details.quality_code == _FAILED or (scores and scores[0] == _FAILED):
        found.append(Finding(Doubt.CAPTURE_FAILED))
    elif 0 < view.capture_quality < limits.min_quality:
        found.append(Finding(Doubt.LOW_QUALITY, {"quality": view.capture_quality, "wanted": limits.min_quality}))
    return found


def _resolution(view: FingerTemplate) -> list[Finding]:
    for ppcm in (view.resolution_x_ppcm, view.resolution_y_ppcm):
        if ppcm in _OTHER_UNITS and (ppcm != _ALSO_TRUE or _small_and_dense(view)):
            return [Finding(Doubt.RESOLUTION_UNIT, {"pixels_per_cm": ppcm, "like": _OTHER_UNITS[ppcm]})]
    return []


def _small_and_dense(view: FingerTemplate) -> bool:
    if view.count < _LEAST_SPREAD:
        widest = max(view.width_px * 10.0 / view.resolution_x_ppcm, view.height_px * 10.0 / view.resolution_y_ppcm)
        return 0 < widest < _SMALL_IMAGE_MM
    places = _places(view)
    spread = (places.max(axis=0) - places.min(axis=0)).max()
    return bool(spread < _SMALL_MM and np.median(_nearest(places)) < _DENSE_MM)


def _image(view: FingerTemplate, limits: Limits) -> list[Finding]:
    found = []
    sizes = [
        round(10.0 * pixels / ppcm, 1)
        for pixels, ppcm in ((view.width_px, view.resolution_x_ppcm), (view.height_px, view.resolution_y_ppcm))
    ]
    if any(size and not limits.min_image_mm <= size <= limits.max_image_mm for size in sizes):
        found.append(Finding(Doubt.IMAGE_SIZE, {"width_mm": sizes[0], "height_mm": sizes[1]}))
    outside = 0
    for column, size in ((view.x_px, view.width_px), (view.y_px, view.height_px)):
        outside += int(np.count_nonzero(column > size)) if size else 0  # some extractors count from 1
    if outside:
        found.append(Finding(Doubt.OUTSIDE_IMAGE, {"minutiae": outside}))
    return found


def _minutiae(view: FingerTemplate, limits: Limits) -> list[Finding]:
    found: list[Finding] = []
    if view.count < 2:
        return found
    places = _places(view)
    spread = places.max(axis=0) - places.min(axis=0)
    size: dict[str, Fact] = {"width_mm": round(float(spread[0]), 2), "height_mm": round(float(spread[1]), 2)}
    too_small = view.count >= _LEAST_SPREAD and spread.max() < limits.min_print_mm
    if too_small or spread.max() > limits.max_print_mm:
        found.append(Finding(Doubt.PRINT_SIZE, size))
    repeated = view.count - len(np.unique(np.stack([view.x_px, view.y_px], axis=1), axis=0))
    if repeated > limits.repeated:
        found.append(Finding(Doubt.REPEATED_MINUTIAE, {"minutiae": repeated, "of": view.count}))
    if view.count >= _LEAST_SPARSE:
        reach = min(float(spread.max()) / limits.whole_mm, 1.0)
        if view.count < limits.least_per_mm2 * reach * float(spread.prod()):
            found.append(Finding(Doubt.SPARSE, size | {"minutiae": view.count}))
    if view.count < _LEAST_SPREAD:
        return found
    apart = _nearest(places)
    close = int(np.count_nonzero(apart < limits.least_apart_mm))
    if close > limits.share_apart * view.count:
        found.append(Finding(Doubt.DENSITY, {"minutiae": close, "of": view.count}))
    centred = places - places.mean(axis=0)
    away = off_curve_mm(places)
    if np.linalg.svd(centred, compute_uv=False)[1] / np.sqrt(view.count) < limits.least_apart_mm:
        found.append(Finding(Doubt.IN_LINE))
    elif away is not None and away < limits.off_curve_mm:
        found.append(Finding(Doubt.ON_CURVE, {"median_mm": round(away, 3)}))
    found += _directions(view, limits)
    if spread[0] >= limits.beside_mm:
        two = beside(places, view)
        if two is not None and two > limits.beside:
            found.append(Finding(Doubt.TWO_FINGERS, {"width_mm": size["width_mm"], "judgement": round(two, 2)}))
    judged = scores(view)
    if judged is not None:
        flow, one_finger = judged
        if flow < limits.flow:
            doubt = Doubt.SCATTERED if flow < limits.scattered else Doubt.NO_FLOW
            found.append(Finding(doubt, {"judgement": round(flow, 2)}))
        elif view.count >= limits.overlaid_from and one_finger < limits.overlaid:
            found.append(Finding(Doubt.OVERLAID, {"minutiae": view.count, "judgement": round(one_finger, 2)}))
    return found


def _ridges(image: NDArray[np.uint8], view: FingerTemplate, limits: Limits) -> list[Finding]:
    apart_mm = ridge_distance_px(image) * 10.0 / view.resolution_x_ppcm
    if not apart_mm or limits.least_ridge_mm <= apart_mm <= limits.most_ridge_mm:
        return []
    stated_dpi = round(view.resolution_x_ppcm * 2.54)
    return [Finding(Doubt.RIDGE_DISTANCE, {"mm": round(apart_mm, 2), "at_dpi": stated_dpi})]


def _directions(view: FingerTemplate, limits: Limits) -> list[Finding]:
    """What is doubted of the directions alone, one thing at the most."""
    count = view.count
    one, two, four = directions(view)
    if one > (limits.one_direction * count if count >= _LEAST_DIRECTIONS else count - 2):
        return [Finding(Doubt.ONE_DIRECTION, {"minutiae": one, "of": count})]
    if two > (limits.few_directions * count if count >= _LEAST_DIRECTIONS else count - 1):
        return [Finding(Doubt.FEW_DIRECTIONS, {"directions": 2, "minutiae": two, "of": count})]
    if count >= _LEAST_DIRECTIONS and four > limits.few_directions * count:
        return [Finding(Doubt.FEW_DIRECTIONS, {"directions": 4, "minutiae": four, "of": count})]
    turns = view.angle
    if count >= limits.half_circle and int(turns.max()) - int(turns.min()) < HALF_TURN and _in_one_half(view):
        return [Finding(Doubt.HALF_CIRCLE)]
    return []


def _in_one_half(view: FingerTemplate) -> bool:
    """Whether all directions lie in the upper or the lower half turn, where angles from 0 to 179 come to lie."""
    upper = int(np.count_nonzero(view.angle < HALF_TURN))
    return upper in (0, view.count)


def _places(view: FingerTemplate) -> NDArray[np.float64]:
    """float64[n, 2], in millimetres."""
    scales = (10.0 / view.resolution_x_ppcm, 10.0 / view.resolution_y_ppcm)
    return np.stack([view.x_px * scales[0], view.y_px * scales[1]], axis=1)


def _nearest(places: NDArray[np.float64]) -> NDArray[np.float64]:
    square = ((places[:, None] - places[None]) ** 2).sum(axis=2)
    np.fill_diagonal(square, np.inf)
    return np.asarray(np.sqrt(square.min(axis=1)))
