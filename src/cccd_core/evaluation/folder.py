"""The figures of one folder of templates, and the result file that keeps them for comparing."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np

from cccd_core import runtime
from cccd_core.errors import FormatError, ParameterError
from cccd_core.evaluation.bootstrap import DET_GRID, REPLICATES, Bounds, bootstrap
from cccd_core.evaluation.exchanged import with_exchanges
from cccd_core.evaluation.labels import LabelFinding, label_findings
from cccd_core.evaluation.rates import Rates, det, error_rates, rates_as_dict, sorted_scores
from cccd_core.evaluation.repeats import Repeat, repeats
from cccd_core.evaluation.samples import Examine, Expectation, SampleSet, read_folder
from cccd_core.evaluation.scoring import PairScores, ScoringMatcher, Timing, score_pairs
from cccd_core.progress import Progress, named
from cccd_core.storage import whole_file

MAX_RESULT_BYTES = 64 * 1024 * 1024
_NO_UTF8 = re.compile("[\udc80-\udcff]")  # how Python carries such a byte of a name


@dataclass(frozen=True, slots=True)
class SetResult:
    """What was measured on one folder. `labels` are questions about its files' names, `repeats` what stands there
    twice, `scores` keeps every pair; `as_dict` is the set's entry in a result file."""

    samples: SampleSet
    scores: PairScores
    rates: Rates
    timing: Timing
    bounds: Bounds | None
    labels: tuple[LabelFinding, ...]
    repeats: tuple[Repeat, ...]

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready: counts, rates as fractions, pairs per second, and where asked for bounds and the DET curve."""
        timing = self.timing
        record: dict[str, Any] = {
            "path": self.samples.path,
            "fingers": len(self.samples.fingers),
            "templates": timing.templates,
            "failed": self.samples.failed,
            "passed_over": self.samples.passed_over,
            "beside": self.samples.beside,
            "several_views": self.samples.several_views,
            **({"images": self._images()} if self.samples.extraction else {}),
            "genuine_pairs": self.rates.genuine_pairs,
            "impostor_pairs": self.rates.impostor_pairs,
            **rates_as_dict(self.rates),
            "impostor_pairs_per_second": timing.impostor_pairs_per_second(),
            "genuine_pairs_per_second": timing.genuine_pairs_per_second(),
            "prepare_seconds_per_template": timing.prepare_s / timing.templates if timing.templates else 0.0,
            "failures": [
                {"sample": sample.name, "why": sample.failure}
                for sample in self.samples.samples
                if sample.template is None
            ],
            "labels": [finding.as_dict() for finding in self.labels],
            "repeats": [each.as_dict() for each in self.repeats],
            "doubts": self.samples.doubts,
        }
        if self.rates.eer is not None:
            genuine = sorted_scores(self.scores.genuine(), "genuine")
            impostor = sorted_scores(self.scores.impostor(), "impostor")
            grid = np.array([fmr for fmr in DET_GRID if fmr * len(impostor) >= 1.0])
            record["det"] = {"fmr": grid.tolist(), "fnmr": det(genuine, impostor, grid).tolist()}
        if self.bounds is not None and self.bounds.det is not None and self.rates.eer is not None:
            low, high = self.bounds.det[:, len(DET_GRID) - len(grid) :]
            record["det"] |= {"low": low.tolist(), "high": high.tolist()}
            record["bounds"] = {
                "level": self.bounds.level,
                "replicates": self.bounds.replicates,
                "seed": self.bounds.seed,
                "drawn": "fingers",
                "eer": self.bounds.eer,
                "fnmr_at_fmr": {f"{fmr:g}": value for fmr, value in self.bounds.fnmr_at_fmr.items()},
                "zero_fmr": self.bounds.zero_fmr,
            }
        return record

    def _images(self) -> dict[str, Any]:
        """Of samples that are images: by which parameters they became templates, and how well."""
        from cccd_core.extraction import AGAIN_BELOW

        figures = sorted(sample.quality for sample in self.samples.samples if sample.quality is not None)
        missing = sum(sample.failure == "missing" for sample in self.samples.samples)
        return {
            "extraction": self.samples.extraction,
            "extracted": len(figures),
            "failed": self.samples.failed - missing,
            "quality": {"least": figures[0], "median": figures[len(figures) // 2]} if figures else None,
            "capture_again": [
                sample.name
                for sample in self.samples.samples
                if sample.quality is not None and sample.quality < AGAIN_BELOW
            ],
        }


def evaluate_samples(
    samples: SampleSet,
    matcher: ScoringMatcher[Any, Any],
    *,
    threads: int | None = None,
    replicates: int = REPLICATES,
    progress: Progress | None = None,
) -> SetResult:
    """Scores each unordered pair of `samples` once and works out the rates, with bounds unless `replicates` is 0."""
    scores, timing = score_pairs(samples, matcher, threads=threads, progress=progress)
    genuine, impostor = scores.genuine(), scores.impostor()
    bounds = None
    if replicates:
        bounds = bootstrap(
            genuine,
            scores.genuine_fingers(),
            impostor,
            scores.impostor_fingers(),
            replicates=replicates,
            progress=named(progress, "confidence bounds"),
        )
    labels = with_exchanges(label_findings(samples, scores))
    return SetResult(samples, scores, error_rates(genuine, impostor), timing, bounds, labels, repeats(samples))


def evaluate_folder(
    path: str | Path,
    matcher: ScoringMatcher[Any, Any],
    *,
    expect: Expectation | None = None,
    format: str | None = None,  # noqa: A002 - as in templates.load
    dpi: float | None = None,
    height_px: int | None = None,
    width_px: int | None = None,
    view: int | None = None,
    position: int | None = None,
    examine: Examine | None = None,
    threads: int | None = None,
    replicates: int = REPLICATES,
    progress: Progress | None = None,
) -> SetResult:
    """Error rates and speed of `matcher` on a folder of `<finger>_<impression>.<ext>` templates, or of images alone.

    Genuine pairs are all pairs of one finger, impostor pairs all pairs of different fingers, each unordered pair once.
    Errors as `read_folder`; a template that cannot be read is no error but scores 0 in all its pairs.
    """
    samples = read_folder(
        path,
        expect=expect,
        format=format,
        dpi=dpi,
        height_px=height_px,
        width_px=width_px,
        view=view,
        position=position,
        examine=examine,
        threads=threads,
        progress=progress,
    )
    return evaluate_samples(samples, matcher, threads=threads, replicates=replicates, progress=progress)


def result_file(
    matcher: ScoringMatcher[Any, Any], sets: Sequence[SetResult], *, threads: int | None = None
) -> dict[str, Any]:
    """The content of a result file: manifest and one entry for each set."""
    manifest = {**matcher.manifest(), "threads": runtime.threads() if threads is None else threads}
    return {"manifest": manifest, "sets": [result.as_dict() for result in sets]}


def read_result_file(path: Path) -> dict[str, Any]:
    """A result file written before, checked as far as comparing needs. FileError or FormatError, with the path."""
    return parse_result_file(whole_file.read(path, "result file", most=MAX_RESULT_BYTES), path)


def parse_result_file(data: bytes, path: Path) -> dict[str, Any]:
    """As `read_result_file`, of the file's content; `path` is for errors."""
    try:
        record = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise FormatError("the result file is not JSON", path=str(path)) from error
    sets = record.get("sets") if isinstance(record, dict) else None
    if not isinstance(sets, list) or not all(_is_set(entry) for entry in sets):
        raise FormatError("not a result file of cccd evaluate", path=str(path))
    return dict(record)


def _is_set(entry: Any) -> bool:
    if not isinstance(entry, dict) or not isinstance(entry.get("path"), str):
        return False
    curve = entry.get("det")
    if curve is None:
        return True
    if not isinstance(curve, dict) or not {"fmr", "fnmr"} <= set(curve) <= {"fmr", "fnmr", "low", "high"}:
        return False
    columns = list(curve.values())
    return all(
        isinstance(column, list)
        and len(column) == len(columns[0])
        and all(isinstance(value, float | int) and 0 <= value <= 1 for value in column)
        for column in columns
    )


def write_result_file(path: Path, record: Mapping[str, Any]) -> None:
    """Writes a result file, and its folder where it is missing."""
    whole_file.write(path, result_bytes(record), folders=True)


def result_bytes(record: Mapping[str, Any]) -> bytes:
    """The bytes of a result file: JSON in UTF-8. A byte of a file's name that is no UTF-8 stands as \\xff."""
    text = json.dumps(record, ensure_ascii=False, indent=1) + "\n"
    return _NO_UTF8.sub(lambda sign: f"\\\\x{ord(sign[0]) - 0xDC00:02x}", text).encode()


def score_rows(results: Sequence[SetResult]) -> Iterator[bytes]:
    """Every pair as CSV in UTF-8, `probe,candidate,genuine,score`, a probe's lines at a time.

    A sample is named by its file's stem; with several sets the set's path stands before it. `genuine` is 1 or 0. The
    score has the digits that give the same float32 back.
    """
    yield b"probe,candidate,genuine,score\n"
    for result in results:
        prefix = f"{result.samples.path}/" if len(results) > 1 else ""
        names = [prefix + name for name in result.scores.names]
        for probe, genuine, row in result.scores.rows():
            lines = StringIO()
            writer = csv.writer(lines, lineterminator="\n")
            writer.writerows(
                (names[probe], names[probe + 1 + k], int(k < genuine), f"{score:.9g}")
                for k, score in enumerate(row.tolist())
            )
            yield lines.getvalue().encode("utf-8", "surrogateescape")


def check_distinct(paths: Sequence[Path]) -> None:
    """ParameterError where one folder is given twice: its pairs would count twice."""
    seen: set[Path] = set()
    for path in paths:
        where = path.resolve()
        if where in seen:
            raise ParameterError("the same folder twice", path=str(path))
        seen.add(where)
