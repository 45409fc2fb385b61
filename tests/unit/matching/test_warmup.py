"""cccd warmup, and that nothing of the matcher is compiled anew after it."""

from __future__ import annotations

import json

import pytest

from cccd_core import runtime
from cccd_core.cli.common import run
from cccd_core.cli.main import build
from cccd_core.matching.kernels import prepare, score
from cccd_core.matching.warm import warm
from support.matching_pairs import impression, raw_matcher


@pytest.mark.jit
def test_warmup_says_what_it_ran(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(build(), ["warmup", "--json"]) == 0
    seconds = json.loads(capsys.readouterr().out)["seconds"]
    assert set(seconds) == {"prepare", "score", "explain", "twins"}


@pytest.mark.jit
@pytest.mark.parametrize("kernels", ["", "numba"])
def test_after_warming_nothing_is_compiled_anew(monkeypatch: pytest.MonkeyPatch, kernels: str) -> None:
    steps: list[tuple[int, int, str]] = []
    warm(lambda done, total, what: steps.append((done, total, what)))
    assert steps[-1][0] == steps[-1][1]
    before = [len(kernel.signatures) for kernel in (prepare.finger, score.scores, score.explain)]
    monkeypatch.setenv(runtime.KERNELS_VARIABLE, kernels)
    matcher = raw_matcher()
    first, second = impression(1, 1), impression(1, 2)
    matcher.score(matcher.prepare(first), matcher.prepare(second))
    matcher.explain(first, second)
    assert [len(kernel.signatures) for kernel in (prepare.finger, score.scores, score.explain)] == before
