"""Runs a matcher, whichever it is, over every pair of a set.

Threads work on blocks of probes; the scores do not depend on how many there are.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

import numpy as np
import numpy.typing as npt

from cccd_core import runtime
from cccd_core.evaluation.samples import SampleSet
from cccd_core.progress import Progress
from cccd_core.templates import FingerTemplate

Probe = TypeVar("Probe")
PackedGallery = TypeVar("PackedGallery", bound="Sliceable")

_PROBES_PER_BLOCK = 8


class Sliceable(Protocol):
    """A gallery of which a part can be taken without copying."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: slice, /) -> Any: ...


class ScoringMatcher(Protocol[Probe, PackedGallery]):
    """What evaluation asks of a matcher; how a score is made is not its business."""

    def prepare(self, template: FingerTemplate, /) -> Probe: ...

    def gallery(self, templates: Sequence[FingerTemplate], /) -> PackedGallery: ...

    def scores(
        self, probe: Probe, gallery: PackedGallery, /, *, threads: int | None = None
    ) -> npt.NDArray[np.float32]: ...

    def manifest(self) -> dict[str, Any]: ...


@dataclass(frozen=True, slots=True)
class Timing:
    """What the matcher did and how long it took, in seconds of the wall clock; preparation stands apart."""

    genuine_pairs: int
    genuine_s: float
    impostor_pairs: int
    impostor_s: float
    templates: int
    prepare_s: float

    def genuine_pairs_per_second(self) -> float:
        """Genuine pairs that the matcher scored, per second; 0 without any."""
        return self.genuine_pairs / self.genuine_s if self.genuine_pairs and self.genuine_s > 0 else 0.0

    def impostor_pairs_per_second(self) -> float:
        """Impostor pairs that the matcher scored, per second; 0 without any."""
        return self.impostor_pairs / self.impostor_s if self.impostor_pairs and self.impostor_s > 0 else 0.0


@dataclass(frozen=True, slots=True, repr=False)
class PairScores:
    """The score of each unordered pair of a set, once.

    `names` and `finger_index` (int32, ascending) describe the n samples; `scores` is float32[n (n - 1) / 2]: sample 0
    against 1, 2, ..., then 1 against 2, 3, ... The first of a pair is the probe.
    """

    names: tuple[str, ...]
    finger_index: npt.NDArray[np.int32]
    scores: npt.NDArray[np.float32]

    def rows(self) -> Iterator[tuple[int, int, npt.NDArray[np.float32]]]:
        """(probe, how many of its scores are genuine, its scores against all samples after it); genuine ones first."""
        count = len(self.names)
        ends = np.searchsorted(self.finger_index, self.finger_index, side="right")
        start = 0
        for probe in range(count):
            yield probe, int(ends[probe]) - probe - 1, self.scores[start : start + count - probe - 1]
            start += count - probe - 1

    def genuine(self) -> npt.NDArray[np.float32]:
        """Scores of the pairs of one finger, float32."""
        return _join([row[:genuine] for _, genuine, row in self.rows()])

    def impostor(self) -> npt.NDArray[np.float32]:
        """Scores of the pairs of different fingers, float32."""
        return _join([row[genuine:] for _, genuine, row in self.rows()])

    def genuine_fingers(self) -> npt.NDArray[np.int32]:
        """The finger of each genuine pair, in the order of `genuine`."""
        return _join([np.repeat(self.finger_index[probe], genuine) for probe, genuine, _ in self.rows()], np.int32)

    def impostor_fingers(self) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32]]:
        """The two fingers of each impostor pair, in the order of `impostor`."""
        first, second = [], []
        for probe, genuine, _ in self.rows():
            others = self.finger_index[probe + 1 + genuine :]
            first.append(np.repeat(self.finger_index[probe], len(others)))
            second.append(others)
        return _join(first, np.int32), _join(second, np.int32)


def _join(parts: list[npt.NDArray[Any]], dtype: Any = np.float32) -> npt.NDArray[Any]:
    return np.concatenate(parts) if parts else np.zeros(0, dtype)


@dataclass(frozen=True, slots=True, repr=False)
class PreparedSet(Generic[Probe, PackedGallery]):
    """A set's templates, prepared once as probes and as one gallery. `present[k]` is the sample that probe k is."""

    present: npt.NDArray[np.int64]
    probes: list[Probe]
    gallery: PackedGallery
    seconds: float


def prepare(
    samples: SampleSet, matcher: ScoringMatcher[Probe, PackedGallery], progress: Progress | None = None
) -> PreparedSet[Probe, PackedGallery]:
    """Prepares every template that is there. `seconds` is the time to prepare them one by one as probes."""
    present = [index for index, sample in enumerate(samples.samples) if sample.template is not None]
    found = [sample.template for sample in samples.samples if sample.template is not None]
    gallery = matcher.gallery(found)  # first, so that kernels are compiled before the clock runs
    probes = []
    start = time.perf_counter()
    for done, template in enumerate(found):
        if progress and done % 64 == 0:
            progress(done, len(found), "preparing")
        probes.append(matcher.prepare(template))
    seconds = time.perf_counter() - start
    if progress and found:
        progress(len(found), len(found), "preparing")
    return PreparedSet(np.array(present, dtype=np.int64), probes, gallery, seconds)


def score_pairs(
    samples: SampleSet,
    matcher: ScoringMatcher[Probe, PackedGallery],
    *,
    threads: int | None = None,
    progress: Progress | None = None,
) -> tuple[PairScores, Timing]:
    """Scores each unordered pair of the set once; pairs of a sample without a template score 0.

    Genuine and impostor pairs run one after the other, so that each kind's rate is the matcher's own. Memory: the
    prepared templates, twice, and four bytes a pair.
    """
    prepared = prepare(samples, matcher, progress)
    finger_index = samples.finger_index
    count = len(samples.samples)
    scores = np.zeros(count * (count - 1) // 2, dtype=np.float32)
    own = finger_index[prepared.present]
    ends = np.searchsorted(own, own, side="right")
    pairs = len(prepared.probes)
    if pairs > 1:  # compiles, before the clock runs
        matcher.scores(prepared.probes[0], prepared.gallery[1:2], threads=1)

    def one(probe: int, first: int, last: int) -> None:
        if first >= last:
            return
        sample = int(prepared.present[probe])
        row = sample * count - sample * (sample + 1) // 2 - sample - 1  # + candidate's sample
        others = prepared.present[first:last]
        scores[row + others] = matcher.scores(prepared.probes[probe], prepared.gallery[first:last], threads=1)

    def genuine(probe: int) -> None:
        one(probe, probe + 1, int(ends[probe]))

    def impostor(probe: int) -> None:
        one(probe, int(ends[probe]), pairs)

    positions = np.arange(pairs)
    genuine_s = _run(genuine, pairs, threads, progress, "genuine pairs")
    impostor_s = _run(impostor, pairs, threads, progress, "impostor pairs")
    scores.flags.writeable = False
    timing = Timing(
        int((ends - positions - 1).sum()), genuine_s, int((pairs - ends).sum()), impostor_s, pairs, prepared.seconds
    )
    return PairScores(tuple(sample.name for sample in samples.samples), finger_index, scores), timing


def _run(work: Callable[[int], None], probes: int, threads: int | None, progress: Progress | None, what: str) -> float:
    """Does `work` for every probe, in blocks over threads; the seconds it took."""

    def block(start: int) -> int:
        stop = min(start + _PROBES_PER_BLOCK, probes)
        for probe in range(start, stop):
            work(probe)
        return stop - start

    starts = range(0, probes, _PROBES_PER_BLOCK)
    done = 0
    began = time.perf_counter()
    pool = ThreadPoolExecutor(runtime.threads() if threads is None else threads)
    try:
        for finished in pool.map(block, starts):
            done += finished
            if progress:
                progress(done, probes, what)
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
    return time.perf_counter() - began


@dataclass(frozen=True, slots=True, repr=False)
class CrossScores:
    """Scores of every probe of one extractor against every candidate of another, of the same images.

    `genuine`: same finger, another impression (the same impression is the same image and is left out); `impostor`:
    different fingers. float32 each.
    """

    genuine: npt.NDArray[np.float32]
    impostor: npt.NDArray[np.float32]


def score_cross(
    probes: SampleSet,
    candidates: SampleSet,
    matcher: ScoringMatcher[Probe, PackedGallery],
    *,
    threads: int | None = None,
    progress: Progress | None = None,
) -> CrossScores:
    """Scores every sample of `probes` against every sample of `candidates`; 0 where either has no template."""
    gallery = prepare(candidates, matcher, progress)
    prepared = prepare(probes, matcher, progress)
    scores = np.zeros((len(probes.samples), len(candidates.samples)), dtype=np.float32)

    def row(probe: int) -> None:
        sample = prepared.present[probe]
        scores[sample, gallery.present] = matcher.scores(prepared.probes[probe], gallery.gallery, threads=1)

    _run(row, len(prepared.probes), threads, progress, "pairs")
    same_finger = np.array([[a.finger == b.finger for b in candidates.samples] for a in probes.samples])
    same_image = np.array([[a.name == b.name for b in candidates.samples] for a in probes.samples])
    return CrossScores(scores[same_finger & ~same_image], scores[~same_finger])
