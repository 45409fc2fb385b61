"""The accuracy report: which sets bear out what a score states, and where our own templates come from."""

from __future__ import annotations

import importlib
from pathlib import Path

import numpy as np
import pytest
from benchmarks.accuracy import extracted, measure, report
from PIL import Image

from cccd_core import templates
from cccd_core.errors import CccdError
from cccd_core.extraction import ExtractionParameters, weights


@pytest.mark.parametrize("module", ["__main__", "extraction", "quality", "thresholds"])
def test_what_makes_the_reports_finds_all_that_it_names(module: str) -> None:
    importlib.import_module(f"benchmarks.accuracy.{module}")


def test_a_set_is_outside_only_where_its_bounds_are() -> None:
    def row(name: str, ratio: float, low: float, high: float, pairs: int = 10_000, extractor: str = "ours") -> dict:  # type: ignore[type-arg]
        return {
            "set": name, "extractor": extractor, "pairs": pairs, "ratio": dict.fromkeys(report.SCORES, ratio),
            "bounds": dict.fromkeys(report.SCORES, (low, high)),
        }  # fmt: skip

    rows = [
        row("a", 1.9, 0.1, 9.0), row("b", 2.1, 1.9, 9.0), row("c", 2.2, 2.1, 2.3), row("d", 0.4, 0.3, 0.45),
        row("e", 1.0, 0.9, 1.1, pairs=499), row("a", 9.0, 8.0, 9.9, extractor="fjfx"),
    ]  # fmt: skip
    said = report.verdict(rows, "ours").split(" At score ")
    assert said[0] == (
        "At score 20 within a factor of two: a (1.90); outside by chance or not, for bounds reach inside: b (2.10); "
        "outside: c (2.20), d (0.40)."
    )
    assert said[1].startswith("30 within")  # 10 pairs should reach 30, of set e none
    assert said[2] == "40 no set has enough pairs."


def test_what_alike_fingers_make_is_told_of_small_sets_outside() -> None:
    def row(name: str, ratio: float) -> dict:  # type: ignore[type-arg]
        return {
            "set": name, "extractor": "all extractors", "ratio": {"30": ratio}, "accepted": {"30": 58},
            "of_alike_fingers": {"30": 44}, "ratio_without_alike": {"30": 1.25},
        }  # fmt: skip

    assert report.alike([row("fvc2002_DB1_B", 2.0), row("crossmatch", 3.0)], "30") == ""
    told = report.alike([row("fvc2002_DB1_B", 2.0), row("fvc2000_DB1_B", 5.3)], "30")
    assert told.endswith("the most: fvc2000_DB1_B 44 of 58 (without these fingers' pairs 1.25).")


@pytest.mark.jit
@pytest.mark.skipif(not weights.found(), reason="the extra cccd_core[extract] is not installed")
def test_our_templates_are_made_once_and_lie_as_others_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(extracted, "IMAGES", tmp_path / "images")
    monkeypatch.setattr(extracted, "FINGERPRINTS", tmp_path / "handed out")
    (tmp_path / "handed out" / "a" / "fjfx").mkdir(parents=True)
    (tmp_path / "images" / "a").mkdir(parents=True)
    y, x = np.mgrid[:160, :160]
    whorl = 128 + 100 * np.sin(0.7 * np.hypot(x - 80, y - 80) + np.arctan2(y - 80, x - 80))
    Image.fromarray(whorl.astype(np.uint8)).save(tmp_path / "images" / "a" / "1_1.png")
    Image.new("L", (160, 160), 255).save(tmp_path / "images" / "a" / "1_2.png")
    roots = extracted.prints(["a"], tmp_path / "kept")
    assert [str(at.relative_to(tmp_path)) for at in measure.folders(roots, ["a", "b"], ["fjfx", "ours"])] == [
        "handed out/a/fjfx", f"kept/{ExtractionParameters().digest}/a/ours"
    ]  # fmt: skip
    print_, blank = (roots[1] / "a" / "ours" / f"1_{n}.fmr" for n in (1, 2))
    assert templates.load(print_).view.count
    with pytest.raises(CccdError):
        templates.load(blank)
    print_.write_bytes(b"kept")
    extracted.prints(["a"], tmp_path / "kept")
    assert print_.read_bytes() == b"kept"
