"""Compiles every matching kernel once, so that no first comparison waits for it."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np

from cccd_core.matching.matcher import Matcher, empty_explanation
from cccd_core.matching.tables import tables
from cccd_core.matching.weights import FEATURES
from cccd_core.templates import FingerTemplate


def warm(step: Callable[[int, int, str], None] | None = None) -> dict[str, float]:
    """Runs each kernel on a small finger, which compiles it into Numba's cache, or loads it from there.

    Returns the seconds each took: `prepare`, `score` and `explain` (as this process does them: native or Numba), and
    `twins` (all in Numba, which runs where native kernels are missing or not wanted).
    """
    places = np.arange(12, dtype=np.uint16) * 20 + 20
    template = FingerTemplate(
        x_px=places,
        y_px=places[::-1].copy(),
        angle=places * 150,
        kind=np.ones(12, np.uint8),
        quality=np.full(12, 50, np.uint8),
        width_px=300,
        height_px=300,
        resolution_x_ppcm=197,
        resolution_y_ppcm=197,
    )
    matcher = Matcher()
    start = time.perf_counter()
    gallery = matcher.gallery([template])
    probe = gallery[0]

    def twins() -> None:
        from cccd_core.matching.kernels import prepare, score

        arguments, order, words = matcher.preparation(template)
        prepare.finger(*arguments, order, words)  # type: ignore[call-arg]
        t = tables(matcher.parameters)
        settings = (t.settings, t.weights, t.cosines, t.sines, t.logarithms)
        out, features = np.zeros(1, np.float32), np.zeros((0, len(FEATURES)), np.float32)
        score.scores(probe.words, gallery.words, gallery.offsets, 0, 1, *settings, out, features)
        score.explain(probe.words, probe.words, *settings, *empty_explanation())

    work: dict[str, Callable[[], object]] = {
        "score": lambda: matcher.scores(probe, gallery, threads=1),
        "explain": lambda: matcher.explain(template, template),
        "twins": twins,
    }
    seconds = {"prepare": time.perf_counter() - start}
    for done, (name, run) in enumerate(work.items()):
        if step is not None:
            step(done, len(work), name)
        start = time.perf_counter()
        run()
        seconds[name] = time.perf_counter() - start
    if step is not None:
        step(len(work), len(work), "")
    return seconds
