"""The matcher on real prints of crossmatch/fjfx, one thread: preparing, impostor pairs, genuine pairs.

`pytest benchmarks/micro/test_matcher.py`; needs ../shared/data/fingerprints (CCCD_SHARED names another place). The
probe is prepared once and the gallery is packed once; both stand outside the clock.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from cccd_core import templates
from cccd_core.evaluation import read_folder
from cccd_core.matching import Matcher

ROOT = Path(__file__).resolve().parent.parent.parent
FOLDER = Path(os.environ.get("CCCD_SHARED", ROOT.parent / "shared")) / "data" / "fingerprints" / "crossmatch" / "fjfx"
PROBES = 12


@pytest.fixture(scope="module")
def prints():
    if not FOLDER.is_dir():
        pytest.skip(f"no real fingerprints at {FOLDER}")
    samples = [sample for sample in read_folder(FOLDER).samples if sample.template is not None]
    # Around fifty minutiae, the size that the figures are stated for.
    samples = [sample for sample in samples if 40 <= sample.template.count <= 60]
    assert len(samples) > 2 * PROBES
    return samples


@pytest.fixture(scope="module")
def matcher():
    return Matcher()


def test_prepare_from_bytes(benchmark, prints, matcher):
    data = (FOLDER / f"{prints[0].name}.fmr").read_bytes()
    prepared = benchmark(lambda: matcher.prepare(templates.read(data).views[0]))
    benchmark.extra_info["bytes_in_memory"] = prepared.nbytes
    assert prepared.nbytes <= 4096


def pairs(benchmark, matcher, jobs):
    """Scores each (probe, gallery) and notes the pairs per second."""
    count = sum(len(gallery) for _, gallery in jobs)

    def run():
        return [matcher.scores(probe, gallery, threads=1) for probe, gallery in jobs]

    scores = np.concatenate(benchmark(run))
    assert len(scores) == count
    benchmark.extra_info["pairs"] = count
    benchmark.extra_info["pairs_per_second"] = round(count / benchmark.stats.stats.median)
    return scores


def test_impostor_pairs(benchmark, prints, matcher):
    jobs = []
    for probe in prints[:: len(prints) // PROBES][:PROBES]:
        others = [sample.template for sample in prints if sample.finger != probe.finger]
        jobs.append((matcher.prepare(probe.template), matcher.gallery(others)))
    scores = pairs(benchmark, matcher, jobs)
    assert np.median(scores) < 10


def test_genuine_pairs(benchmark, prints, matcher):
    jobs = []
    for probe in prints:
        mates = [s.template for s in prints if s.finger == probe.finger and s.impression != probe.impression]
        if mates:
            jobs.append((matcher.prepare(probe.template), matcher.gallery(mates)))
    scores = pairs(benchmark, matcher, jobs)
    assert np.median(scores) > 30
