"""Other forms of one view: another resolution, another order, its best minutiae."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from cccd_core.errors import ParameterError
from cccd_core.templates.model import FULL_TURN, FingerTemplate, Uint16Array

CM_PER_INCH = 2.54
MIN_DPI = 50
MAX_DPI = 5000

ORDERS = ("xy", "yx", "angle", "polar")


def ppcm(dpi: float) -> int:
    """Pixels per centimetre, as headers give it, for `dpi`: 500 gives 197. ParameterError outside 50..5000."""
    if not MIN_DPI <= dpi <= MAX_DPI:
        raise ParameterError("the resolution in dpi is out of its range", dpi=dpi, least=MIN_DPI, most=MAX_DPI)
    return round(dpi / CM_PER_INCH)


def rescale(view: FingerTemplate, x_ppcm: int, y_ppcm: int | None = None) -> FingerTemplate:
    """The view in pixels of another resolution, coordinates rounded to the nearest, the image size up.

    The extended data goes, since it holds coordinates that this cannot see. ParameterError where a coordinate would not
    fit 16 bits.
    """
    y_ppcm = x_ppcm if y_ppcm is None else y_ppcm
    if (x_ppcm, y_ppcm) == (view.resolution_x_ppcm, view.resolution_y_ppcm):
        return view
    if x_ppcm < 1 or y_ppcm < 1:
        raise ParameterError("a resolution is at least one pixel per centimetre", x_ppcm=x_ppcm, y_ppcm=y_ppcm)
    x = _scaled(view.x_px, x_ppcm, view.resolution_x_ppcm)
    y = _scaled(view.y_px, y_ppcm, view.resolution_y_ppcm)
    return replace(
        view,
        x_px=x,
        y_px=y,
        width_px=_scaled_size(view.width_px, x, x_ppcm, view.resolution_x_ppcm),
        height_px=_scaled_size(view.height_px, y, y_ppcm, view.resolution_y_ppcm),
        resolution_x_ppcm=x_ppcm,
        resolution_y_ppcm=y_ppcm,
        extended=b"",
    )


def _scaled(values: Uint16Array, to: int, of: int) -> Uint16Array:
    scaled = (2 * to * values.astype(np.int64) + of) // (2 * of)
    if scaled.size and int(scaled.max()) > 0xFFFF:
        raise ParameterError("a coordinate does not fit at this resolution", value=int(scaled.max()), most=0xFFFF)
    return scaled.astype(np.uint16)


def _scaled_size(size: int, coordinates: Uint16Array, to: int, of: int) -> int:
    if not size:
        return 0
    return max(-(-size * to // of), int(coordinates.max()) + 1 if coordinates.size else 0)


def order(view: FingerTemplate, by: str, *, descending: bool = False) -> FingerTemplate:
    """The view with its minutiae ordered, as a card may ask for (ISO/IEC 19794-2:2005, 8.3): by "xy" (x, then y), "yx",
    "angle", or "polar" (distance from the centre of mass, then angle). Equal ones keep their order. The extended data,
    which counts minutiae by their place, goes.
    """
    if by not in ORDERS:
        raise ParameterError("unknown order of minutiae", order=by, known=" ".join(ORDERS))
    x, y, angle = (column.astype(np.int64) for column in (view.x_px, view.y_px, view.angle))
    keys = {"xy": (y, x), "yx": (x, y), "angle": (angle,), "polar": (angle, _distance(view))}[by]
    return _picked(view, np.lexsort(tuple(-key if descending else key for key in keys)))


def strongest(view: FingerTemplate, most: int) -> FingerTemplate:
    """The view with at most `most` minutiae, in their order: those of lowest quality go first, and among equals those
    farthest from the centre of mass, as ISO/IEC 19794-2:2011, 9.3.2 removes them. The extended data goes if any does.
    """
    if most < 0:
        raise ParameterError("the number of minutiae to keep is negative", most=most)
    if view.count <= most:
        return view
    ranking = np.lexsort((_distance(view), -view.quality.astype(np.int64)))
    return _picked(view, np.sort(ranking[:most]))


def _distance(view: FingerTemplate) -> NDArray[np.int64]:
    """Squared distances from the centre of mass, times the square of the count: whole numbers, the same everywhere."""
    x, y = view.x_px.astype(np.int64), view.y_px.astype(np.int64)
    squared: NDArray[np.int64] = (view.count * x - x.sum()) ** 2 + (view.count * y - y.sum()) ** 2
    return squared


def _picked(view: FingerTemplate, rows: NDArray[np.intp]) -> FingerTemplate:
    raw = view.details.raw_quality
    if len(raw) == view.count:
        raw = np.frombuffer(raw, np.uint8)[rows].tobytes()
    return replace(
        view,
        x_px=view.x_px[rows],
        y_px=view.y_px[rows],
        angle=view.angle[rows],
        kind=view.kind[rows],
        quality=view.quality[rows],
        extended=b"",
        details=replace(view.details, raw_quality=raw),
    )


def mirrored(view: FingerTemplate) -> FingerTemplate:
    """The mirror image, as of a finger seen from behind, or by a scanner or a program set wrongly: x becomes
    width - 1 - x, a direction 180 degrees less itself. Extended data are left out.

    A mirrored print has the score of a stranger, whoever's it is; mirrored once more, the score it would have had.
    """
    width = max(view.width_px, int(view.x_px.max(initial=0)) + 1)
    x_px = width - 1 - view.x_px.astype(np.int64)
    angle = (FULL_TURN // 2 - view.angle.astype(np.int64)) % FULL_TURN
    return replace(view, x_px=x_px.astype(np.uint16), angle=angle.astype(np.uint16), extended=b"")
