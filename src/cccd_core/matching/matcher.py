"""The matcher: prepares templates and scores them, one against many. Imports templates, runtime, errors and numpy."""

from __future__ import annotations

import math
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cccd_core import runtime
from cccd_core.errors import ParameterError
from cccd_core.matching.calibration import Calibration
from cccd_core.matching.kernels import prepare as prepare_kernel
from cccd_core.matching.kernels import score as score_kernel
from cccd_core.matching.parameters import MatcherParameters
from cccd_core.matching.prepared import WORDS, PreparedGallery, PreparedTemplate
from cccd_core.templates import FingerTemplate

_PPCM_500_DPI = 500 / 2.54
_BLOCK = 256


class Matcher:
    """Scores finger templates against each other. Immutable, safe to share between threads and to pickle."""

    __slots__ = ("calibration", "parameters")

    def __init__(self, parameters: MatcherParameters | None = None, calibration: Calibration | None = None) -> None:
        """Defaults: `MatcherParameters()` and `Calibration.shipped()`, which belong together."""
        self.parameters = MatcherParameters() if parameters is None else parameters
        self.calibration = Calibration.shipped() if calibration is None else calibration

    def manifest(self) -> dict[str, Any]:
        """Version, digest of the parameters, kernels and threads: goes beside every result."""
        return runtime.manifest(self.parameters.digest)

    def prepare(self, template: FingerTemplate) -> PreparedTemplate:
        """Makes a template ready for searching, at most 4 KB. Any resolution is brought to 500 dpi."""
        p = self.parameters
        if template.resolution_x_ppcm <= 0 or template.resolution_y_ppcm <= 0:
            raise ParameterError("a template without a resolution cannot be matched")
        x = template.x_px.astype(np.float64) * (_PPCM_500_DPI / template.resolution_x_ppcm)
        y = template.y_px.astype(np.float64) * (-_PPCM_500_DPI / template.resolution_y_ppcm)
        if template.count:
            x -= np.floor(x.mean())
            y -= np.floor(y.mean())
        angle = template.angle.astype(np.float64) * (2.0 * math.pi / 65536.0)
        central = np.argsort(x * x + y * y, kind="stable")[: p.minutiae_max]
        keep = np.sort(central)
        rows = np.zeros((len(keep), WORDS), np.uint64)
        if len(keep):
            prepare_kernel.prepare(
                x,
                y,
                angle,
                template.kind,
                template.quality,
                keep,
                float(p.cylinder_radius_px),
                p.spatial_sigma_px,
                p.angular_sigma_rad,
                p.bit_threshold,
                float(p.hull_margin_px),
                rows,
            )
        rows.flags.writeable = False
        return PreparedTemplate(rows)

    def gallery(self, templates: Sequence[FingerTemplate]) -> PreparedGallery:
        """Prepares templates and packs them, in order."""
        return PreparedGallery.pack([self.prepare(template) for template in templates])

    def scores(
        self, probe: PreparedTemplate, gallery: PreparedGallery, *, threads: int | None = None
    ) -> NDArray[np.float32]:
        """Calibrated scores of `probe` against every finger of `gallery`: float32[len(gallery)], -10 log10(FMR).

        `threads` is how many threads may work (default: `runtime.threads()`); the scores do not depend on it.
        """
        p = self.parameters
        count = len(gallery)
        raw = np.zeros(count, np.float32)
        workers = runtime.threads() if threads is None else threads
        if workers < 1:
            raise ParameterError("threads must be at least 1", threads=workers)

        def block(start: int) -> None:
            score_kernel.scores(
                probe.rows,
                gallery.rows,
                gallery.offsets,
                start,
                min(start + _BLOCK, count),
                p.cells_min,
                p.pairs_max,
                p.relaxation_rounds,
                raw,
            )

        starts = range(0, count, _BLOCK)
        if workers == 1 or len(starts) < 2:
            for start in starts:
                block(start)
        else:
            with ThreadPoolExecutor(min(workers, len(starts))) as pool:
                list(pool.map(block, starts))
        return self.calibration.scores(raw, np.minimum(probe.count, np.diff(gallery.offsets)))

    def score(self, probe: PreparedTemplate, candidate: PreparedTemplate) -> float:
        """The calibrated score of one pair."""
        return float(self.scores(probe, PreparedGallery.pack([candidate]), threads=1)[0])
