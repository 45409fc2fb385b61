"""Whether a share is another than that of the others: exact, and with a bound on how often chance is accused.

Of a unit's N dossiers R were rejected; one operator took n of them, r of which were. Were operators all alike, r would
be hypergeometric: P(X = x) = C(R, x) C(N - R, n - x) / C(N, n) (Fisher 1935). Each operator is asked twice, for too
many and for too few. All m of these questions of one inspection are one family: an operator is named where the
probability is at most the rate divided by m (Bonferroni), so the chance that anybody at all is named, where all are
alike, is at most the rate, however many are asked and whatever hangs together. Who is named is taken out of the unit
before the others are asked again: one who rejects much does not make the others look as if they rejected too little.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from cccd_core.errors import ParameterError

_SMALL = 1e-18  # of the sum: terms below are left out


def hypergeometric_tails(found: int, taken: int, marked: int, everyone: int) -> tuple[float, float]:
    """P(X >= found) and P(X <= found) for the marked among `taken` of `everyone`, of whom `marked` are."""
    least, most = max(0, taken + marked - everyone), min(taken, marked)
    if not 0 <= least <= found <= most:
        raise ParameterError("a count lies outside of what there is", found=found, least=least, most=most)
    at = math.exp(_log_share(found, taken, marked, everyone))
    if at == 0.0:  # so far out that the tail beyond is nothing, and the one across is everything
        above = found * everyone > taken * marked
        return (0.0, 1.0) if above else (1.0, 0.0)
    up = down = term = at
    for x in range(found, most):
        term *= (marked - x) * (taken - x) / ((x + 1) * (everyone - marked - taken + x + 1))
        up += term
        if term < up * _SMALL:
            break
    term = at
    for x in range(found, least, -1):
        term *= x * (everyone - marked - taken + x) / ((marked - x + 1) * (taken - x + 1))
        down += term
        if term < down * _SMALL:
            break
    return min(1.0, up), min(1.0, down)


def _log_share(found: int, taken: int, marked: int, everyone: int) -> float:
    return _log_choose(marked, found) + _log_choose(everyone - marked, taken - found) - _log_choose(everyone, taken)


def _log_choose(n: int, k: int) -> float:
    return math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)


@dataclass(frozen=True, slots=True)
class Share:
    """Of what somebody took, how much was found."""

    who: str
    found: int
    taken: int


@dataclass(frozen=True, slots=True)
class Outlier:
    """Somebody whose share is another than that of the others: theirs beside it, whether it is more, how likely that is
    by chance, and the same times the number of all questions."""

    unit: str
    share: Share
    others_found: int
    others_taken: int
    more: bool
    chance: float
    adjusted: float


def outliers(units: Iterable[tuple[str, Sequence[Share]]], rate: float) -> list[Outlier]:
    """Those of the units' people who are named at this rate, least likely first. Units are held only where somebody
    could be."""
    if not 0.0 < rate < 1.0:
        raise ParameterError("a rate lies between 0 and 1, both left out")
    held: list[tuple[str, list[Share]]] = []
    asked = 0
    for unit, shares in units:
        if len(shares) < 2:
            continue
        asked += 2 * len(shares)
        if _least_likely(unit, shares, 1).chance <= rate:
            held.append((unit, list(shares)))
    named = []
    for unit, left in held:
        while len(left) > 1:
            one = _least_likely(unit, left, asked)
            if one.adjusted > rate:
                break
            named.append(one)
            left.remove(one.share)
    return sorted(named, key=lambda one: one.chance)


def _least_likely(unit: str, shares: Sequence[Share], asked: int) -> Outlier:
    found, taken = sum(one.found for one in shares), sum(one.taken for one in shares)
    every = []
    for one in shares:
        tails = hypergeometric_tails(one.found, one.taken, found, taken)
        every += [
            Outlier(unit, one, found - one.found, taken - one.taken, more, tail, min(1.0, tail * asked))
            for more, tail in zip((True, False), tails, strict=True)
        ]
    return min(every, key=lambda outlier: outlier.chance)
