"""Every fuzz target takes a seed of its own, and its seeds and corpus give nothing but CccdError, in bounded memory."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest
from fuzz import limits, registry

NAMES = registry.names()
MAX_CORPUS_BYTES = 256 * 1024  # of one target, in all


@pytest.fixture
def little_to_collect() -> Iterator[None]:
    """What other tests left in memory is not gone through again for each of a hundred inputs."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


def test_the_parsers_have_targets() -> None:
    assert {"templates", "templates_convert"} <= set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_the_target_is_not_vacuous(name: str) -> None:
    target = registry.load(name)
    outcomes = [limits.once(target.run, seed) for seed in target.seeds]
    assert "" in outcomes, "no seed is taken: the target looks at nothing"
    assert registry.modules(name)


@pytest.mark.usefixtures("little_to_collect")
@pytest.mark.parametrize("name", NAMES)
def test_seeds_and_corpus(name: str) -> None:
    target = registry.load(name)
    files = registry.corpus(name)
    inputs = [*target.seeds, *(path.read_bytes() for path in files), b""]
    assert sum(map(len, inputs)) <= MAX_CORPUS_BYTES, "the corpus is to stay small"
    for data in inputs:
        limits.once(target.run, data)
    for data in (*inputs, *target.large()):
        assert limits.peak(target.run, data) <= limits.MAX_BYTES
