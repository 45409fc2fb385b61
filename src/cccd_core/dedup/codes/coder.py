"""FingerCoder: templates to codes of a fixed length, the same bytes on every machine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from types import MappingProxyType, ModuleType
from typing import Final

import numpy as np
from numpy.typing import NDArray

from cccd_core import runtime
from cccd_core.dedup.codes import model as learned
from cccd_core.dedup.codes.model import CodeModel
from cccd_core.errors import ParameterError
from cccd_core.matching import Matcher, MatcherParameters
from cccd_core.matching.calibration import Calibration
from cccd_core.matching.matcher import gallery_at_scales
from cccd_core.matching.prepared import PreparedGallery
from cccd_core.templates import FingerTemplate

BLOCK_FINGERS = 192  # fingers that a thread takes at a time, at most: whole passes over the projection, of 24 each
BITS, COARSE = "bits", "int4"
_NONE_PREPARED: Final[Mapping[str, PreparedGallery]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class CodeColumn:
    """A code of a finger as it is kept: its name and how many bytes it takes."""

    name: str
    bytes_per_finger: int


class FingerCoder:
    """Makes codes. Immutable, safe to share between threads.

    Columns: `bits`, a sign a bit (the lowest bit of a byte is the first); `int4`, two numbers of -7 to 7 a byte (the
    lower half is the first). A finger without minutiae has zeros.
    """

    __slots__ = ("_matchers", "_model", "digest")

    def __init__(self, model: CodeModel) -> None:
        """Of these numbers; `shipped()` has those of the library."""
        self._model = model
        self._matchers = tuple(
            Matcher(
                MatcherParameters(cylinder_radius_px=scale.radius_px, spatial_sigma_px=scale.sigma_px),
                Calibration.identity(),
            )
            for scale in model.head.scales
        )
        self.digest = model.digest

    @staticmethod
    def shipped() -> FingerCoder:
        """The coder of the library; made once. DamagedError where its numbers are not those that were shipped."""
        return _shipped()

    @property
    def columns(self) -> tuple[CodeColumn, ...]:
        """What `encode` gives, and how many bytes each takes a finger."""
        head = self._model.head
        return (CodeColumn(BITS, head.outputs // 8), CodeColumn(COARSE, head.coarse // 2))

    def encode(
        self,
        templates: Sequence[FingerTemplate],
        *,
        prepared: Mapping[str, PreparedGallery] = _NONE_PREPARED,
        threads: int = 1,
    ) -> dict[str, NDArray[np.uint8]]:
        """The codes of these fingers by column: uint8[len(templates), bytes_per_finger].

        `prepared`: the same fingers, in this order, as others prepared them, by `preparation_digest`; what a scale of
        the coder would make just so is taken from there. Bit for bit the same on every machine, kernel and number of
        threads. ParameterError for a template without a resolution, for no threads and for other numbers of prepared
        fingers.
        """
        if threads < 1:
            raise ParameterError("threads must be at least 1", threads=threads)
        for gallery in prepared.values():
            if len(gallery) != len(templates):
                raise ParameterError(
                    "the prepared fingers are not those of the templates",
                    templates=len(templates),
                    prepared=len(gallery),
                )
        out = {column.name: np.zeros((len(templates), column.bytes_per_finger), np.uint8) for column in self.columns}

        size = max(1, min(BLOCK_FINGERS, -(-len(templates) // threads)))  # a single person's fingers are shared, too

        def block(start: int) -> None:
            part = slice(start, start + size)
            done = {digest: gallery[part] for digest, gallery in prepared.items()}
            self._encode(templates[part], done, out[BITS][part], out[COARSE][part])

        starts = range(0, len(templates), size)
        if threads == 1 or len(starts) < 2:
            for start in starts:
                block(start)
        else:
            with ThreadPoolExecutor(min(threads, len(starts))) as pool:
                list(pool.map(block, starts))
        return out

    def _encode(
        self,
        templates: Sequence[FingerTemplate],
        prepared: Mapping[str, PreparedGallery],
        signs: NDArray[np.uint8],
        coarse: NDArray[np.uint8],
    ) -> None:
        head = self._model.head
        words, starts, stops = self._prepared(templates, prepared)
        arguments = (*self._model.arrays(), head.coarse_scale, words, starts)
        if runtime.use_native():
            level = runtime.simd_level()
            runtime.native().coding_codes(len(head.scales), *arguments, stops, signs, coarse, level)
        else:
            _twin().codes(*arguments, signs, coarse)

    def _prepared(
        self, templates: Sequence[FingerTemplate], prepared: Mapping[str, PreparedGallery]
    ) -> tuple[NDArray[np.uint64], NDArray[np.int64], NDArray[np.int64]]:
        """The words of the fingers at all scales, and where each begins and ends, int64[fingers, scales]."""
        found = [prepared.get(matcher.parameters.preparation_digest) for matcher in self._matchers]
        missing = [scale for scale, gallery in enumerate(found) if gallery is None]
        ends = np.zeros((2, len(templates), len(found)), np.int64)
        words: list[NDArray[np.uint64]] = []
        before = 0
        if missing:
            made = gallery_at_scales([self._matchers[scale] for scale in missing], templates)
            words.append(made.words)
            before = len(made.words)
            for side, offsets in enumerate((made.offsets[:-1], made.offsets[1:])):
                ends[side][:, missing] = offsets.reshape(len(templates), len(missing))
        for scale, gallery in enumerate(found):
            if gallery is not None:
                first, last = int(gallery.offsets[0]), int(gallery.offsets[-1])
                words.append(gallery.words[first:last])
                for side, offsets in enumerate((gallery.offsets[:-1], gallery.offsets[1:])):
                    ends[side][:, scale] = offsets + (before - first)
                before += last - first
        return np.concatenate(words), ends[0], ends[1]


@cache
def _shipped() -> FingerCoder:
    return FingerCoder(learned.shipped())


def _twin() -> ModuleType:
    return import_module("cccd_core.dedup.kernels.coding")  # numba is loaded only where it runs
