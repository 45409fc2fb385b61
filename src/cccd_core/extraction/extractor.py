"""Extractor: gray images to templates, the same on every machine."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field
from functools import cache

import numpy as np
from numpy.typing import NDArray

from cccd_core.errors import FormatError, ParameterError
from cccd_core.extraction import weights
from cccd_core.extraction.looks import looks, resampled
from cccd_core.extraction.minutiae import Heads, Minutiae
from cccd_core.extraction.network import SIDE_MULTIPLE, Network
from cccd_core.extraction.quality import Quality, figure, quality
from cccd_core.templates import FingerTemplate

# Raised by one whenever the same parameters would give other minutiae.
ALGORITHM = 1
SIDE_MIN_PX, SIDE_MAX_PX = 32, 4096
AREA_MAX_PX = 4_000_000  # at 500 dpi; four fingers of a slap, 80 mm x 75 mm, are 2.3 million
DPI_MIN, DPI_MAX = 100.0, 4000.0
MINUTIAE_MAX = 255  # what a view of the common formats holds


@dataclass(frozen=True, slots=True)
class ExtractionParameters:
    """What can be tuned: how certain the network must be of a minutia, 0 to 1. ParameterError outside.

    0.30 was chosen on crossmatch and fcj2020 (docs/accuracy-extraction.md).
    """

    certain: float = 0.30

    def __post_init__(self) -> None:
        if not 0.05 <= self.certain <= 0.95:
            raise ParameterError("the certainty asked of a minutia is 0.05 to 0.95", certain=self.certain)

    @property
    def digest(self) -> str:
        """For manifests: of everything that the minutiae depend on."""
        record = {"algorithm": ALGORITHM, "weights": weights.SHA256, **asdict(self)}
        return hashlib.sha256(json.dumps(record, sort_keys=True).encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class Extraction:
    """A template, what was done to the image before (resampled to 500 dpi, turned from light ridges on dark), its
    quality, whose figure stands in the template as well, the image on whose pixels the minutiae lie: uint8[height,
    width], 500 dpi, dark ridges on light, and the position that the file states itself (0: none)."""

    template: FingerTemplate
    resampled: bool
    inverted: bool
    quality: Quality
    image: NDArray[np.uint8] = field(repr=False, compare=False)
    stated_position: int = 0


class Extractor:
    """Finds minutiae by the network LEADER (arXiv 2602.15493). Immutable, safe to share between threads.

    UnavailableError without the extra that brings the weights.
    """

    __slots__ = ("_heads", "_network", "parameters")

    def __init__(self, parameters: ExtractionParameters | None = None) -> None:
        self.parameters = parameters or ExtractionParameters()
        self._network, self._heads = _shipped()

    def extract(
        self, image: NDArray[np.uint8], dpi: float, *, position: int = 0, impression: int = 0
    ) -> Extraction:  # fmt: skip
        """The template of a gray image, uint8[height, width], of one finger, plain or rolled: the template says which,
        by `impression`, and nothing else depends on it.

        Dark ridges on light; light ridges on a dark ground are noticed and turned. An image of another resolution is
        resampled to 500 dpi, which the template states with the resampled size; of more than 255 minutiae the most
        certain stay. ParameterError for another array, a resolution outside 100 to 4000 dpi, or a size outside 32 to
        4096 pixels a side; FormatError for an image without a finger (`reason`: `empty`). About 0.8 us a pixel on one
        core with AVX-512 (docs/accuracy-extraction.md).
        """
        if image.dtype != np.uint8 or image.ndim != 2:
            raise ParameterError("an image is gray, of 8 bits", dimensions=image.ndim, dtype=str(image.dtype))
        if not DPI_MIN <= dpi <= DPI_MAX:
            raise ParameterError("a resolution is 100 to 4000 dpi", dpi=dpi)
        _demand_size(*image.shape)
        at_500 = resampled(image, dpi)
        _demand_size(*at_500.shape)
        seen = looks(at_500)
        if seen.empty:
            raise FormatError("the image shows no finger", reason="empty")
        upright = 255 - at_500 if seen.inverted else at_500
        found = self._minutiae(upright)
        if not len(found.x_px):
            raise FormatError("no minutiae were found in the image", reason="empty")
        template = _template(found, at_500.shape, position, impression)
        return Extraction(template, at_500 is not image, seen.inverted, quality(template, upright), upright)

    def _minutiae(self, image: NDArray[np.uint8]) -> Minutiae:
        height, width = image.shape
        whole_height, whole_width = (-(-side // SIDE_MULTIPLE) * SIDE_MULTIPLE for side in image.shape)
        top, left = (whole_height - height) // 2, (whole_width - width) // 2
        whole = np.full((whole_height, whole_width), image[0, 0], np.uint8)
        whole[top : top + height, left : left + width] = image
        found = self._heads.minutiae(self._network.maps(whole), self.parameters.certain)
        x, y = found.x_px - left, found.y_px - top
        inside = np.flatnonzero((x >= 0) & (x < width) & (y >= 0) & (y < height))
        if len(inside) > MINUTIAE_MAX:
            likeliest = np.argsort(-found.certainty[inside], kind="stable")[:MINUTIAE_MAX]
            inside = inside[np.sort(likeliest)]
        return Minutiae(x[inside], y[inside], found.angle[inside], found.ending[inside], found.certainty[inside])


def _demand_size(height: int, width: int) -> None:
    if not (min(height, width) >= SIDE_MIN_PX and max(height, width) <= SIDE_MAX_PX and height * width <= AREA_MAX_PX):
        raise ParameterError(
            "an image's size is out of bounds", width_px=width, height_px=height, least_px=SIDE_MIN_PX,
            most_px=SIDE_MAX_PX, most_area_px=AREA_MAX_PX,
        )  # fmt: skip


def _template(found: Minutiae, shape: tuple[int, ...], position: int, impression: int) -> FingerTemplate:
    certainty = np.clip(np.rint(found.certainty * np.float32(100)).astype(np.int64), 1, 100).astype(np.uint8)
    return FingerTemplate(
        x_px=found.x_px.astype(np.uint16),
        y_px=found.y_px.astype(np.uint16),
        angle=found.angle,
        kind=np.where(found.ending, 1, 2).astype(np.uint8),
        quality=certainty,
        capture_quality=figure(certainty),
        width_px=shape[1],
        height_px=shape[0],
        position=position,
        impression=impression,
    )


@cache
def _shipped() -> tuple[Network, Heads]:
    layers = weights.layers()
    return Network.of(layers), Heads.of(layers)
