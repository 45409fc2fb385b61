"""The comparison with SourceAFIS: its published figures come out of our definitions; the table says what was run."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from benchmarks.peers import __main__ as peers
from benchmarks.peers import sourceafis

from cccd_core.errors import UnavailableError
from cccd_core.evaluation.rates import error_rates
from cccd_core.evaluation.samples import read_folder


@pytest.mark.data
@pytest.mark.parametrize(
    ("name", "eer", "fnmr"),
    # ../shared/docs/peers.md, SourceAFIS / fjfx, percent; its EER is the mean of FMR and FNMR where they are closest
    [("fvc2000_DB1_B", 13.20, 21.07), ("fvc2002_DB1_B", 2.22, 2.86), ("fvc2004_DB2_B", 15.02, 35.00)],
)
def test_published_figures_come_out(fingerprints: Path, name: str, eer: float, fnmr: float) -> None:
    if shutil.which("java") is None or not (sourceafis.BUILD / "sourceafis-peer.jar").exists():
        pytest.skip("SourceAFIS is not built here: python -m benchmarks.peers builds it (Java, Maven)")
    folder = fingerprints / name / "fjfx"
    samples = read_folder(folder, expect=peers.FVC)
    with sourceafis.SourceAfis() as peer:
        found = [sample for sample in samples.samples if sample.template is not None]
        peer.load([(sample.finger, sample.name, folder / f"{sample.name}.fmr") for sample in found])
        scores, timing = peer.score()
    pairs = peer.pair_scores(scores)
    genuine, impostor = peers.with_failed(samples, pairs.genuine(), pairs.impostor())
    assert (len(genuine), len(impostor)) == (280, 2880)
    assert timing.genuine_pairs + timing.impostor_pairs == len(scores) == len(found) * (len(found) - 1) // 2
    rates = error_rates(genuine, impostor)
    assert rates.eer is not None
    assert rates.fnmr_at_fmr[0.001] is not None
    assert 100 * rates.fnmr_at_fmr[0.001] == pytest.approx(fnmr, abs=0.006)
    assert 100 * rates.eer == pytest.approx(eer, abs=0.08)


def test_a_machine_without_java_is_told_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(os.environ, "PATH", str(tmp_path))
    with pytest.raises(UnavailableError) as caught:
        sourceafis.build()
    assert "Java" in str(caught.value.facts["needs"])


def test_the_table_has_both_sides_and_the_spread() -> None:
    def side(eer: float, speed: list[float]) -> dict[str, object]:
        return {
            "eer": eer,
            "fnmr_at_fmr": {"0.01": 0.1, "0.001": 0.2, "0.0001": 0.3},
            "zero_fmr": 0.3,
            "impostor_pairs_per_second": speed,
            "genuine_pairs_per_second": speed,
            "prepare_us": [1.0] * 3,
        }

    row = {
        "set": "crossmatch", "extractor": "fjfx", "median_minutiae": 54, "genuine_pairs": 1428, "impostor_pairs": 81600,
        "matchers": {
            peers.US: side(0.005, [200e3, 210e3, 220e3]),
            peers.PEER: side(0.0119, [20e3, 20e3, 20e3]),
        },
    }  # fmt: skip
    text = peers.table({"machine": {"cpu": "a CPU"}, "rounds": 3, "sets": [row]})
    assert "0.50 / 1.19" in text
    assert "210,000 / 20,000" in text
    assert "10.5 (10.0-11.0)" in text
    assert "3 interleaved rounds" in text
