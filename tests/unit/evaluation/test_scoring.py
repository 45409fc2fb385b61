"""Every pair once, whatever the number of threads; pairs of failed samples score 0 and are never given to a matcher."""

from __future__ import annotations

import numpy as np
import pytest

from cccd_core.evaluation.samples import SampleSet, of_templates
from cccd_core.evaluation.scoring import score_cross, score_pairs
from reference import evaluation_naive as naive
from support.toy_matcher import ToyMatcher, fingers


def made_set(failed: tuple[int, ...] = (), count: int = 7, impressions: int = 3) -> SampleSet:
    named = [(f, i, None if k in failed else t) for k, (f, i, t) in enumerate(fingers(5, count, impressions))]
    return of_templates("toy", named)


@pytest.mark.parametrize("threads", [1, 2, 5])
@pytest.mark.parametrize("failed", [(), (0,), (1, 2, 20), (3, 4, 5)])
def test_each_pair_once_as_the_reference_says(threads: int, failed: tuple[int, ...]) -> None:
    samples, matcher = made_set(failed), ToyMatcher()
    scores, timing = score_pairs(samples, matcher, threads=threads)
    names = [(sample.finger, sample.impression) for sample in samples.samples]
    genuine, impostor = naive.pairs(names)

    def plain(a: int, b: int) -> float:
        first, second = samples.samples[a].template, samples.samples[b].template
        if first is None or second is None:
            return 0.0
        return 4.0 * len(matcher.prepare(first) & matcher.prepare(second))

    assert scores.genuine().tolist() == [plain(a, b) for a, b in genuine]
    assert scores.impostor().tolist() == [plain(a, b) for a, b in impostor]
    index = samples.finger_index
    assert scores.genuine_fingers().tolist() == [index[a] for a, _ in genuine]
    first, second = scores.impostor_fingers()
    assert first.tolist() == [index[a] for a, _ in impostor]
    assert second.tolist() == [index[b] for _, b in impostor]
    present = [k for k in range(len(names)) if k not in failed]
    assert timing.templates == len(present)
    assert timing.genuine_pairs == sum(1 for a, b in genuine if a in present and b in present)
    assert timing.impostor_pairs == sum(1 for a, b in impostor if a in present and b in present)
    assert matcher.pairs == timing.genuine_pairs + timing.impostor_pairs + 1  # one more, to warm up


@pytest.mark.parametrize(("count", "impressions"), [(1, 1), (1, 4), (4, 1), (1, 0)])
def test_sets_without_pairs_of_a_kind(count: int, impressions: int) -> None:
    samples = made_set(count=count, impressions=impressions)
    scores, timing = score_pairs(samples, ToyMatcher(), threads=2)
    n = count * impressions
    assert len(scores.scores) == n * (n - 1) // 2
    assert len(scores.genuine()) == count * impressions * (impressions - 1) // 2
    assert len(scores.genuine()) + len(scores.impostor()) == len(scores.scores)
    assert timing.templates == n


def test_nothing_could_be_read() -> None:
    samples, matcher = made_set(failed=tuple(range(21))), ToyMatcher()
    scores, timing = score_pairs(samples, matcher, threads=2)
    assert matcher.pairs == 0
    assert not scores.scores.any()
    assert len(scores.scores) == 210
    assert timing.impostor_pairs_per_second() == 0.0


def test_progress_reaches_the_end_of_every_stage() -> None:
    seen: dict[str, tuple[int, int]] = {}
    score_pairs(
        made_set(), ToyMatcher(), threads=3, progress=lambda done, total, what: seen.update({what: (done, total)})
    )
    assert seen["genuine pairs"] == seen["impostor pairs"] == (21, 21)


def test_a_failing_matcher_is_not_hidden() -> None:
    class Broken(ToyMatcher):
        def scores(self, *_: object, **__: object) -> np.ndarray:  # type: ignore[override, type-arg]
            raise RuntimeError("broken")

    with pytest.raises(RuntimeError, match="broken"):
        score_pairs(made_set(), Broken(), threads=2)


def test_cross_leaves_out_the_same_image() -> None:
    probes, gallery = made_set(), made_set(failed=(2,))
    scores = score_cross(probes, gallery, ToyMatcher(), threads=2)
    assert len(scores.genuine) == 7 * 3 * 2
    assert len(scores.impostor) == 7 * 3 * 6 * 3
    # Same templates on both sides: each unordered pair comes twice, those with the failed candidate once as 0.
    own, _ = score_pairs(probes, ToyMatcher(), threads=1)
    failed_pairs = 2
    assert (np.sort(scores.genuine) == 0).sum() >= failed_pairs
    assert scores.genuine.sum() < 2 * own.genuine().sum()
