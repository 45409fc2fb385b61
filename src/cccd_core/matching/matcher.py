"""The matcher: prepares templates and scores them, one against many, by the kernels that `runtime` chooses."""

from __future__ import annotations

import math
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cccd_core import runtime
from cccd_core.arguments import members, require_type
from cccd_core.errors import ParameterError
from cccd_core.matching.calibration import Calibration
from cccd_core.matching.explanation import MatchExplanation
from cccd_core.matching.levelling import Surroundings
from cccd_core.matching.parameters import MatcherParameters
from cccd_core.matching.prepared import CODE_WORDS, PreparedGallery, PreparedTemplate, words_of
from cccd_core.matching.tables import Tables, tables
from cccd_core.matching.weights import FEATURES
from cccd_core.templates import FingerTemplate

_PPCM_500_DPI = 500 / 2.54
_NEIGHBOURS_MAX = 255  # minutiae of a template that are looked at; the most central ones
BLOCK_FINGERS = 256  # fingers a thread takes at a time
_SCALES_MAX = 4  # matchers that one call of the kernels prepares for
_POINTS_MAX = 128  # minutiae that the kernels have room for
_MINUTIAE = {"x_px": np.uint16, "y_px": np.uint16, "angle": np.uint16, "kind": np.uint8, "quality": np.uint8}
Room = tuple[NDArray[np.float32], NDArray[np.int64], NDArray[np.float32], NDArray[np.float32], NDArray[np.uint8]]
_NO_FEATURES = np.zeros((0, len(FEATURES)), np.float32)


class Matcher:
    """Scores finger templates against each other. Immutable, safe to share between threads and to pickle."""

    __slots__ = ("calibration", "parameters")

    def __init__(self, parameters: MatcherParameters | None = None, calibration: Calibration | None = None) -> None:
        """Defaults: `MatcherParameters()` and `Calibration.shipped()`, which belong together.

        ParameterError for a calibration of other parameters; `Calibration.identity()` gives raw scores of any.
        """
        self.parameters = MatcherParameters() if parameters is None else parameters
        self.calibration = Calibration.shipped() if calibration is None else calibration
        if self.calibration.parameters_digest not in ("", self.parameters.digest):
            raise ParameterError(
                "the calibration belongs to other matcher parameters",
                calibration=self.calibration.parameters_digest,
                parameters=self.parameters.digest,
            )

    def manifest(self) -> dict[str, Any]:
        """Version, digest of the parameters, kernels and threads: goes beside every result."""
        return runtime.manifest(self.parameters.digest)

    @property
    def _tables(self) -> Tables:
        return tables(self.parameters)

    def prepare(self, template: FingerTemplate) -> PreparedTemplate:
        """Makes a template ready for searching: at most 3,528 bytes, about 0.1 ms.

        Any resolution is brought to 500 dpi. Of more than 120 minutiae the 120 nearest to their centre are kept, the 64
        nearest get a descriptor. ParameterError for a template without a resolution.
        """
        return self.prepare_with_order(template)[0]

    def prepare_with_order(self, template: FingerTemplate) -> tuple[PreparedTemplate, NDArray[np.int64]]:
        """A template made ready, and the order of its minutiae: int64[n], at most 255.

        The nearest to the centre come first. Those that get a descriptor are sorted by y among themselves, and so are
        the others that are kept, so that a kernel finds the neighbours of a place without looking at all.
        """
        arguments, order, words = self.preparation(template)
        if runtime.use_native():
            runtime.native().preparing_finger(*arguments, order, words, runtime.simd_level())
        else:
            _twin("prepare").finger(*arguments, order, words)
        words.flags.writeable = False
        return PreparedTemplate(words), order

    def preparation(self, template: FingerTemplate) -> tuple[tuple[Any, ...], NDArray[np.int64], NDArray[np.uint64]]:
        """What the kernels of `prepare` take, and where they put the order and the words: to run one of them alone."""
        require_type(template, FingerTemplate, "template")
        p, t = self.parameters, self._tables
        n = template.count
        kept = min(n, p.minutiae_max)
        cylinders = min(kept, p.cylinders_max)
        minutiae = (*(getattr(template, name) for name in _MINUTIAE), *_scales(template))
        settings = (kept, cylinders, p.cylinder_radius_px, p.bit_threshold, p.crowd_reach_px)
        looked_up = (t.spatial, t.angular, t.exact_cosines, t.exact_sines)
        order = np.zeros(min(n, _NEIGHBOURS_MAX), np.int64)
        words = np.zeros(words_of(kept, cylinders), np.uint64)
        return (*minutiae, *settings, *looked_up), order, words

    def gallery(self, templates: Sequence[FingerTemplate]) -> PreparedGallery:
        """Prepares templates and packs them, in order; as `prepare`, in one call of the kernels for all."""
        return gallery_at_scales((self,), templates)

    def pack(self, fingers: Sequence[PreparedTemplate]) -> PreparedGallery:
        """Packs prepared fingers, in order."""
        return PreparedGallery.pack(members(fingers, PreparedTemplate, "fingers"))

    def scores(
        self, probe: PreparedTemplate, gallery: PreparedGallery, *, threads: int | None = None
    ) -> NDArray[np.float32]:
        """Calibrated scores of `probe` against every finger of `gallery`: float32[len(gallery)], -10 log10(FMR).

        `threads` is how many threads may work (default: `runtime.threads()`); the scores do not depend on it, nor on
        the kernels that run. A finger without minutiae scores 0.
        """
        require_type(probe, PreparedTemplate, "probe")
        require_type(gallery, PreparedGallery, "gallery")
        raw = np.zeros(len(gallery), np.float32)
        workers = runtime.threads() if threads is None else threads
        if workers < 1:
            raise ParameterError("threads must be at least 1", threads=workers)

        def block(start: int) -> None:
            stop = min(start + BLOCK_FINGERS, len(gallery))
            self._run(probe, gallery, start, stop, raw[start:stop], _NO_FEATURES)

        starts = range(0, len(gallery), BLOCK_FINGERS)
        if workers == 1 or len(starts) < 2:
            for start in starts:
                block(start)
        else:
            with ThreadPoolExecutor(min(workers, len(starts))) as pool:
                list(pool.map(block, starts))
        if not runtime.use_native():
            return self.calibration.scores(raw, Surroundings.of(probe.head, gallery.heads))
        runtime.native().calibrating_scores(
            *self.calibration.arrays(), probe.words, gallery.words, gallery.offsets, raw
        )
        return raw

    def pair_scores(
        self, probes: PreparedGallery, candidates: PreparedGallery, pairs: NDArray[np.int64]
    ) -> NDArray[np.float32]:
        """Calibrated scores of pairs of fingers: float32[n]; `pairs` int64[n, 2] are places in the two galleries.

        The very scores that `scores` gives. Pairs of one probe should follow each other: it is loaded once for them.
        ParameterError for a finger that is not there.
        """
        wanted = np.ascontiguousarray(pairs, np.int64).reshape(-1, 2)
        for side, gallery in ((0, probes), (1, candidates)):
            column = wanted[:, side]
            if len(column) and not (int(column.min()) >= 0 and int(column.max()) < len(gallery)):
                raise ParameterError("no such finger in the gallery", count=len(gallery))
        t = self._tables
        raw = np.zeros(len(wanted), np.float32)
        fingers = (probes.words, probes.offsets, candidates.words, candidates.offsets, wanted)
        looked_up = (t.settings, t.weights, t.cosines, t.sines, t.logarithms)
        if runtime.use_native():
            runtime.native().matching_pair_scores(*fingers, *looked_up, raw, runtime.simd_level())
        else:
            _twin("score").pair_scores(*fingers, *looked_up, raw)
        heads = Surroundings.of(probes.heads[wanted[:, 0]], candidates.heads[wanted[:, 1]])
        return self.calibration.scores(raw, heads)

    def score(self, probe: FingerTemplate | PreparedTemplate, candidate: FingerTemplate | PreparedTemplate) -> float:
        """The calibrated score of one pair, -10 log10(FMR). Who compares a template with many prepares it once. Of a
        record as `templates.read` gives it, a view (`record.view`) is compared: ParameterError for the record itself.
        """
        for field, each in (("probe", probe), ("candidate", candidate)):
            require_type(each, (FingerTemplate, PreparedTemplate), field)
        first, second = (
            self.prepare(each) if isinstance(each, FingerTemplate) else each for each in (probe, candidate)
        )
        return float(self.scores(first, PreparedGallery.pack([second]), threads=1)[0])

    def features(self, probe: PreparedTemplate, gallery: PreparedGallery) -> NDArray[np.float32]:
        """What the score is made of, for training: float32[len(gallery), 31], named in `weights.FEATURES`.

        No pair ends early.
        """
        measured = np.zeros((len(gallery), len(FEATURES)), np.float32)
        if len(gallery):
            self._run(probe, gallery, 0, len(gallery), np.zeros(len(gallery), np.float32), measured)
        return measured

    def _run(
        self,
        probe: PreparedTemplate,
        gallery: PreparedGallery,
        start: int,
        stop: int,
        out: NDArray[np.float32],
        features: NDArray[np.float32],
    ) -> None:
        t = self._tables
        arguments = (t.settings, t.weights, t.cosines, t.sines, t.logarithms, out, features)
        if runtime.use_native():
            level = runtime.simd_level()
            runtime.native().matching_scores(
                probe.words, gallery.words, gallery.offsets, start, stop, *arguments, level
            )
        else:
            _twin("score").scores(probe.words, gallery.words, gallery.offsets, start, stop, *arguments)

    def explain(self, probe: FingerTemplate, candidate: FingerTemplate) -> MatchExplanation:
        """Why two templates score what they do. A pair that ends early is followed to the end all the same."""
        for field, each in (("probe", probe), ("candidate", candidate)):
            require_type(each, FingerTemplate, field)
        (a, order_a), (b, order_b) = self.prepare_with_order(probe), self.prepare_with_order(candidate)
        t = self._tables
        room = empty_explanation()
        f, ends, similarities, placing, inside = room
        looked_up = (t.settings, t.weights, t.cosines, t.sines, t.logarithms)
        if runtime.use_native():
            n = runtime.native().matching_explain(a.words, b.words, *looked_up, *room, runtime.simd_level())
        else:
            n = _twin("score").explain(a.words, b.words, *looked_up, *room)
        raw = np.zeros(1, np.float32)
        self._run(a, PreparedGallery.pack([b]), 0, 1, raw, _NO_FEATURES)
        overlaps = []
        for order, template, flags in ((order_a, probe, inside[0]), (order_b, candidate, inside[1])):
            kept = min(len(order), self.parameters.minutiae_max)
            overlap = np.zeros(template.count, np.bool_)
            overlap[order[:kept]] = flags[:kept] if n else False
            overlaps.append(overlap)
        rotation, shift = self._motion(probe, candidate, placing)
        weights = self.parameters.weights.final
        parts = {"start": weights[0]}
        for name, weight, value in zip(FEATURES, weights[1:], f.tolist(), strict=True):
            if weight:
                parts[name] = weight * value
        return MatchExplanation(
            probe_indices=order_a[ends[0, :n]],
            candidate_indices=order_b[ends[1, :n]],
            pair_similarities=similarities[:n].astype(np.float64),
            overlap_probe=overlaps[0],
            overlap_candidate=overlaps[1],
            rotation_rad=rotation,
            shift_px=shift,
            parts=dict(sorted(parts.items(), key=lambda part: -abs(part[1]))),
            raw_score=float(raw[0]),
            score=float(self.calibration.scores(raw, Surroundings.of(a.head, b.head))[0]),
        )

    def _motion(
        self, probe: FingerTemplate, candidate: FingerTemplate, placing: NDArray[np.float32]
    ) -> tuple[float, tuple[float, float]]:
        """The rigid motion that lays the candidate onto the probe, origin top left and y downwards.

        The kernel's takes the probe's minutiae, centred and y up, onto the candidate's.
        """
        c, s, tx, ty = (float(value) for value in placing)
        if c == 0.0 and s == 0.0:
            c = 1.0
        centre = []
        for template in (probe, candidate):
            x = template.x_px * (_PPCM_500_DPI / template.resolution_x_ppcm)
            y = template.y_px * (_PPCM_500_DPI / template.resolution_y_ppcm)
            centre.append((float(x.mean()), float(y.mean())) if template.count else (0.0, 0.0))
        (px, py), (qx, qy) = centre
        # up: candidate q = R p + t, so p = R' (q - t); down: y changes sign, and the places are from the top left
        shift_x = px + c * (-qx - tx) + s * (qy - ty)
        shift_y = py - (-s * (-qx - tx) + c * (qy - ty))
        return math.atan2(-s, c), (shift_x, shift_y)


def gallery_at_scales(matchers: Sequence[Matcher], templates: Sequence[FingerTemplate]) -> PreparedGallery:
    """The fingers as each of some matchers prepares them: the first by each, then the second by each, and so on.

    One call of the kernels for all, and what does not depend on the matcher is made once. ParameterError, besides that
    of `Matcher.prepare`, for more than four matchers, for none, and where they keep other numbers of minutiae.
    """
    given = members(templates, FingerTemplate, "templates")
    limits = {(each.parameters.minutiae_max, each.parameters.cylinders_max) for each in matchers}
    if not 1 <= len(matchers) <= _SCALES_MAX or len(limits) != 1:
        raise ParameterError("the scales of a gallery must be one to four, which keep as much", scales=len(matchers))
    if not runtime.use_native():
        return PreparedGallery.side_by_side([each.pack([each.prepare(one) for one in given]) for each in matchers])
    ((minutiae_max, cylinders_max),) = limits
    resolutions = np.array([_scales(each) for each in given], np.float64).reshape(-1, 2)
    starts, offsets = np.zeros(len(given) + 1, np.int64), np.zeros(len(matchers) * len(given) + 1, np.int64)
    np.cumsum([each.count for each in given], out=starts[1:])
    kept = np.minimum(np.diff(starts), minutiae_max)
    sizes = np.stack([kept, np.minimum(kept, cylinders_max)], axis=1)
    np.cumsum(np.repeat(1 + sizes[:, 0] + CODE_WORDS * sizes[:, 1], len(matchers)), out=offsets[1:])
    words = np.empty(int(offsets[-1]), np.uint64)
    minutiae = [
        np.concatenate([np.zeros(0, kind), *(getattr(each, name) for each in given)])
        for name, kind in _MINUTIAE.items()
    ]
    each_table = [tables(each.parameters) for each in matchers]
    settings = [(p.cylinder_radius_px, p.bit_threshold, p.crowd_reach_px) for p in (m.parameters for m in matchers)]
    spatial_starts = np.concatenate([[0], np.cumsum([len(t.spatial) for t in each_table])])
    runtime.native().preparing_gallery(
        *minutiae, starts, resolutions, sizes, np.array(settings, np.float64),
        np.concatenate([t.spatial for t in each_table]), spatial_starts, np.stack([t.angular for t in each_table]),
        each_table[0].exact_cosines, each_table[0].exact_sines, offsets, words, runtime.simd_level(),
    )  # fmt: skip
    counts = np.repeat(kept.astype(np.uint8), len(matchers))
    for array in (words, offsets, counts):
        array.flags.writeable = False
    return PreparedGallery(words, offsets, counts)


def empty_explanation() -> Room:
    """What the kernels' `explain` fills: features, ends, similarities, placing and which minutiae are in the common
    area, as `kernels.score.explain` says."""
    return (
        np.zeros(len(FEATURES), np.float32), np.zeros((2, _POINTS_MAX), np.int64), np.zeros(_POINTS_MAX, np.float32),
        np.zeros(4, np.float32), np.zeros((2, _POINTS_MAX), np.uint8),
    )  # fmt: skip


def _scales(template: FingerTemplate) -> tuple[float, float]:
    """What brings the places of its minutiae to 500 dpi, y up. ParameterError for one without a resolution."""
    if template.resolution_x_ppcm <= 0 or template.resolution_y_ppcm <= 0:
        raise ParameterError("a template without a resolution cannot be matched")
    return _PPCM_500_DPI / template.resolution_x_ppcm, -_PPCM_500_DPI / template.resolution_y_ppcm


def _twin(name: str) -> Any:
    return import_module(f"cccd_core.matching.kernels.{name}")  # numba is loaded only where it runs
