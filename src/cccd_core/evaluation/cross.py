"""Interoperability: probes of one extractor against a gallery of another."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cccd_core.errors import ParameterError
from cccd_core.evaluation.folder import SetResult
from cccd_core.evaluation.rates import error_rates, rates_as_dict
from cccd_core.evaluation.scoring import ScoringMatcher, score_cross
from cccd_core.progress import Progress


def cross_tables(
    results: Sequence[SetResult],
    matcher: ScoringMatcher[Any, Any],
    *,
    threads: int | None = None,
    progress: Progress | None = None,
) -> list[dict[str, Any]]:
    """Rates of every folder's probes against every other folder's gallery, in both directions, JSON-ready.

    The folders hold the same images: two samples of one name are one image, and their pair is left out. ParameterError
    where two folders share no finger. A folder without samples has no row.
    """
    rows = []
    for probes in results:
        for gallery in results:
            if probes is gallery or not (probes.samples.samples and gallery.samples.samples):
                continue
            if set(probes.samples.fingers).isdisjoint(gallery.samples.fingers):
                raise ParameterError(
                    "two folders of different fingers", probes=probes.samples.path, gallery=gallery.samples.path
                )
            scores = score_cross(probes.samples, gallery.samples, matcher, threads=threads, progress=progress)
            rates = error_rates(scores.genuine, scores.impostor)
            rows.append(
                {
                    "probes": probes.samples.path,
                    "gallery": gallery.samples.path,
                    "genuine_pairs": rates.genuine_pairs,
                    "impostor_pairs": rates.impostor_pairs,
                    **rates_as_dict(rates),
                }
            )
    return rows
