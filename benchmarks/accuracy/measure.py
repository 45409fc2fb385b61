"""Everything that the report says, measured: error rates, calibration, fusion, interoperability. Gives JSON-ready data
and draws the pictures."""

from __future__ import annotations

import math
import subprocess
import sys
import tempfile
from collections.abc import Container, Sequence
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
from benchmarks.accuracy import extracted
from benchmarks.accuracy.targets import EXTRACTORS, FVC, HANDED_OUT, LARGE

from cccd_core.evaluation import plots
from cccd_core.evaluation.bootstrap import REPLICATES
from cccd_core.evaluation.calibrating import (
    RawPairs,
    RawSet,
    fit,
    fit_fusion,
    raw_pairs,
)
from cccd_core.evaluation.folder import SetResult, evaluate_folder
from cccd_core.evaluation.left_out import Check, leave_one_set_out
from cccd_core.evaluation.persons import PersonScores, person_scores
from cccd_core.evaluation.rates import error_rates, rates_as_dict
from cccd_core.evaluation.samples import Expectation, Progress, read_folder
from cccd_core.evaluation.scoring import score_cross
from cccd_core.matching import Matcher, MatcherParameters
from cccd_core.matching.calibration import Calibration
from cccd_core.matching.weights import Weights

EXPECTED = Expectation.parse("101-110:1-8")
CHECKED = (20, 30, 40)
ROOT = extracted.ROOT


def folders(roots: Sequence[Path], sets: Sequence[str], extractors: Sequence[str]) -> list[Path]:
    """The folders that are there, sets in their order within each extractor; `roots` as `extracted.prints` gives."""
    found = [root / name / extractor for extractor in extractors for name in sets for root in roots]
    return [folder for folder in found if folder.is_dir()]


def results(
    roots: Sequence[Path], matcher: Matcher, sets: Sequence[str], threads: int, progress: Progress
) -> list[SetResult]:
    """Error rates of every set and extractor."""
    return [
        evaluate_folder(
            folder,
            matcher,
            expect=EXPECTED if folder.parent.name in FVC else None,
            threads=threads,
            replicates=REPLICATES,
            progress=lambda done, total, what, name=f"{folder.parent.name}/{folder.name}": progress(
                done, total, f"{name}: {what}"
            ),
        )
        for folder in folders(roots, sets, EXTRACTORS)
    ]


def entry(result: SetResult) -> dict[str, Any]:
    """A set's figures without its curve and with a path that names set and extractor alone."""
    record = result.as_dict()
    for key in ("det", "failures"):
        record.pop(key, None)
    path = Path(record.pop("path"))
    return {"set": path.parent.name, "extractor": path.name, **record}


def raw(
    roots: Sequence[Path], parameters: MatcherParameters, sets: Sequence[str], threads: int, progress: Progress
) -> dict[tuple[str, str], RawPairs]:
    """Raw scores of every set and extractor."""
    matcher = Matcher(parameters, Calibration.identity())
    return {
        (folder.parent.name, folder.name): raw_pairs(
            read_folder(folder),
            matcher,
            threads=threads,
            progress=lambda done, total, what, name=f"{folder.parent.name}/{folder.name}": progress(
                done, total, f"{name}: raw {what}"
            ),
        )
        for folder in folders(roots, sets, EXTRACTORS)
    }


def trained(
    sets: Sequence[str], extractors: Sequence[str] = HANDED_OUT, kept: Path = extracted.KEPT
) -> MatcherParameters:
    """The shipped parameters with weights trained on these sets and extractors (templates of OURS lie in `kept`), by
    the script that trained the shipped ones."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "weights.json"
        options = {"sets": ",".join(sets), "extractors": ",".join(extractors), "extracted": str(kept), "out": str(out)}
        command = [sys.executable, "-m", "scripts.train_matching", *(f"--{key}={at}" for key, at in options.items())]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd=ROOT)
        return MatcherParameters(weights=Weights.from_file(out))


def fitted_on(pairs: dict[tuple[str, str], RawPairs], sets: Container[str]) -> list[RawSet]:
    """What of these sets the shipped calibration is fitted on."""
    names = Calibration.shipped().sets
    return [found.of_set(*name) for name, found in pairs.items() if name[0] in sets and "/".join(name) in names]


def rotated(pairs: dict[tuple[str, str], RawPairs]) -> list[dict[str, Any]]:
    """Rates of the large sets; `pairs` come from weights, and the calibration from sets, that saw none of them."""
    fitted, _ = fit(fitted_on(pairs, FVC), "")
    return large(pairs, fitted)


def large(pairs: dict[tuple[str, str], RawPairs], fitted: Calibration) -> list[dict[str, Any]]:
    """Rates of the large sets by this calibration."""
    rows = []
    for (set_name, extractor), found in pairs.items():
        if set_name in LARGE:
            scores = found.calibrated(fitted)
            rates = error_rates(scores.genuine(), scores.impostor())
            rows.append({"set": set_name, "extractor": extractor, **rates_as_dict(rates)})
    return rows


def calibration(pairs: dict[tuple[str, str], RawPairs], pictures: Path) -> dict[str, Any]:
    """The fit on what the shipped calibration is of, and the check with each set left out; draws the fit."""
    parts = [found.of_set(*name) for name, found in pairs.items()]
    digest, names = Matcher().parameters.digest, Calibration.shipped().sets
    fitted, tail = fit([part for part in parts if part.name in names], digest)
    draw_fit(fitted, parts, pictures / "calibration.png")
    return {
        "impostor_pairs": fitted.impostor_pairs,
        "sets": list(fitted.sets),
        "extrapolated_from": fitted.extrapolated_from,
        "levelling": None if fitted.levelling is None else list(fitted.levelling.numbers()),
        "tail": {"fraction": tail.fraction, "excesses": tail.excesses, "shape": tail.shape, "scale": tail.scale},
        "left_out": [checked(row) for row in leave_one_set_out(parts, digest, fitted_on=names)],
    }


def checked(row: Check) -> dict[str, Any]:
    """A set left out, JSON-ready."""
    return {
        "set": row.set_name,
        "extractor": row.extractor,
        "pairs": row.pairs,
        "accepted": {str(score): row.accepted[score] for score in CHECKED},
        "ratio": {str(score): row.ratio(score) for score in CHECKED},
        "bounds": {str(score): row.bounds[score] for score in CHECKED},
        "of_alike_fingers": {str(score): row.alike[score][0] for score in CHECKED},
        "ratio_without_alike": {str(score): row.ratio_without_alike(score) for score in CHECKED},
    }


def draw_fit(fitted: Calibration, parts: Sequence[RawSet], path: Path) -> None:
    """Measured FMR of the pooled impostors and of each set over the calibrated score, and what the score says."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 5.5), layout="constrained")
    axes = figure.add_subplot()
    pooled = []
    for part in parts:
        scores = np.sort(fitted.scores(part.impostor.scores, part.impostor.around))
        pooled.append(scores)
        axes.plot(*_survival(scores), linewidth=0.6, alpha=0.55, color="0.55")
    every = np.sort(np.concatenate(pooled))
    axes.plot([], [], linewidth=0.6, color="0.55", label="each set and extractor")
    axes.plot(*_survival(every), linewidth=2.0, color="#1f77b4", label=f"pooled, {len(every):,} impostor pairs")
    highest = float(every[-1]) + 5.0
    axes.plot([0, highest], [1.0, 10 ** (-highest / 10)], color="#d62728", linewidth=1.0, label="what the score says")
    axes.axvline(fitted.extrapolated_from, color="0.3", linestyle="--", linewidth=0.8, label="extrapolation begins")
    axes.axvline(20.0, color="0.3", linestyle=":", linewidth=0.8, label="the fitted tail begins")
    axes.set_yscale("log")
    axes.set_xlim(0, highest)
    axes.set_xlabel("score, −10·log10(FMR)")
    axes.set_ylabel("share of impostor pairs that reach it")
    axes.grid(visible=True, which="both", linewidth=0.3, alpha=0.6)
    axes.legend(fontsize=8)
    plots.save(figure, path)


def _survival(scores: np.ndarray[Any, Any]) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Points of the survival function, thinned to what a picture shows."""
    count = len(scores)
    ranks = np.unique(np.round(np.logspace(0, math.log10(count), 400)).astype(np.int64))
    return scores[count - ranks], ranks / count


def fusion(pairs: dict[tuple[str, str], RawPairs], pictures: Path) -> list[dict[str, Any]]:
    """fcj2020 with one, two, three and four fingers of each person.

    Calibration and fusion are fitted without fcj2020; `pairs` come from weights trained without it.
    """
    others = fitted_on(pairs, {name for name, _ in pairs} - {"fcj2020"})
    fitted, _ = fit(others, "")
    fuse = fit_fusion(others, fitted).fuse
    rows = []
    for extractor in EXTRACTORS:
        found = pairs.get(("fcj2020", extractor))
        if found is None:
            continue
        scores = found.calibrated(fitted)
        four = person_scores(scores, fuse)
        for count in range(1, len(four.fingers) + 1):
            each = [person_scores(scores, fuse, chosen) for chosen in combinations(four.fingers, count)]
            rows.append({"extractor": extractor, "fingers": count, **_person_rates(each)})
        if extractor == "fjfx":
            _draw_persons(four, pictures / "fusion.png")
    return rows


def _person_rates(each: Sequence[PersonScores]) -> dict[str, Any]:
    rates = [error_rates(found.genuine, found.impostor) for found in each]
    eers = [rate.eer for rate in rates if rate.eer is not None]
    return {
        "choices": len(each),
        "genuine_pairs": len(each[0].genuine),
        "impostor_pairs": len(each[0].impostor),
        "eer_mean": sum(eers) / len(eers),
        "eer_worst": max(eers),
        "zero_fmr_worst": max(rate.zero_fmr for rate in rates if rate.zero_fmr is not None),
        "lowest_genuine": float(min(found.genuine.min() for found in each)),
        "highest_impostor": float(max(found.impostor.max() for found in each)),
    }


def _draw_persons(found: PersonScores, path: Path) -> None:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 4), layout="constrained")
    axes = figure.add_subplot()
    edges = np.linspace(0, float(max(found.genuine.max(), found.impostor.max())), 80)
    for name, scores, colour in (
        ("impostor", found.impostor, plots.IMPOSTOR),
        ("genuine", found.genuine, plots.GENUINE),
    ):
        axes.hist(scores, edges, alpha=0.5, color=colour, label=f"{name}, {len(scores):,} person pairs")
    axes.set_yscale("log")
    axes.set_xlabel("fused score, −10·log10(FMR)")
    axes.set_ylabel("person pairs")
    axes.legend()
    axes.set_title("fcj2020/fjfx, four fingers of a person")
    plots.save(figure, path)


def interoperability(roots: Sequence[Path], matcher: Matcher, threads: int, progress: Progress) -> list[dict[str, Any]]:
    """Probes of each extractor against galleries of each other one, all FVC sets that both have, rates averaged."""
    rows = []
    for probes in EXTRACTORS:
        for gallery in EXTRACTORS:
            sides = [{at.parent.name: at for at in folders(roots, FVC, [each])} for each in (probes, gallery)]
            sets = [name for name in sides[0] if name in sides[1]]
            if probes == gallery or not sets:
                continue
            found = []
            for name in sets:
                progress(len(rows), len(EXTRACTORS) ** 2, f"{probes} against {gallery}: {name}")
                both = [read_folder(side[name], expect=EXPECTED) for side in sides]
                scores = score_cross(*both, matcher, threads=threads)
                found.append(rates_as_dict(error_rates(scores.genuine, scores.impostor)))
            rows.append(
                {
                    "probes": probes,
                    "gallery": gallery,
                    "sets": sets,
                    "eer": sum(rate["eer"] for rate in found) / len(found),
                    "fnmr_at_fmr": {
                        x: sum(rate["fnmr_at_fmr"][x] for rate in found) / len(found) for x in ("0.01", "0.001")
                    },
                }
            )
    return rows


def draw_curves(found: Sequence[SetResult], pictures: Path) -> None:
    """DET curves: every set of each extractor, and the large sets with their bands; the histogram of the largest."""
    by_extractor: dict[str, list[tuple[str, Any]]] = {}
    large = []
    for result in found:
        record, name = result.as_dict(), plots.label(result.samples.path)
        if "det" not in record:
            continue
        set_name, extractor = name.split("/")
        text = f"{set_name}  EER {100 * record['eer']:.2f} %"
        curve = record["det"]
        by_extractor.setdefault(extractor, []).append((text, {"fmr": curve["fmr"], "fnmr": curve["fnmr"]}))
        if set_name in LARGE:
            large.append((f"{name}  EER {100 * record['eer']:.2f} %", curve))
        if name == "fcj2020/fjfx":
            plots.plot_scores(result, pictures / "scores_fcj2020_fjfx.png")
    for extractor, curves in by_extractor.items():
        plots.plot_det(curves, f"DET, {extractor} templates", pictures / f"det_{extractor}.png")
    if large:
        plots.plot_det(large, "DET, large sets, 95 % bands drawn over fingers", pictures / "det_large.png")
