"""Slow truth of the search: every pair of people, every choice and every pairing of fingers, by plain loops."""

from __future__ import annotations

import itertools
import math

DB = 10 / math.log(10)


def tail(count: int, total: float) -> float:
    """-10 log10 of the chance that `count` impostor scores sum to `total`."""
    x = total / DB
    return total - DB * math.log(sum(x**j / math.factorial(j) for j in range(count)))


def fused_same(mine: dict[int, int], theirs: dict[int, int], score) -> float:
    """Best choice among the positions that both have."""
    common = sorted(set(mine) & set(theirs))
    best = 0.0
    for k in range(1, len(common) + 1):
        for chosen in itertools.combinations(common, k):
            total = sum(score(mine[p], theirs[p]) for p in chosen)
            ways = k * (k + 1) * math.comb(len(common), k)
            best = max(best, tail(k, total) - 10 * math.log10(ways))
    return best


def fused_any(mine: list[int], theirs: list[int], score) -> float:
    """Best one-to-one pairing of any fingers."""
    best = 0.0
    for k in range(1, min(len(mine), len(theirs)) + 1):
        ways = k * (k + 1) * math.comb(len(mine), k) * math.comb(len(theirs), k) * math.factorial(k)
        for chosen in itertools.combinations(mine, k):
            for partners in itertools.permutations(theirs, k):
                total = sum(score(a, b) for a, b in zip(chosen, partners, strict=True))
                best = max(best, tail(k, total) - 10 * math.log10(ways))
    return best


def search(batch, gallery, score, *, share: float, review: float) -> list[tuple[str, float]]:
    """For each person of the batch: the best candidate's name and score over both passes; `("", 0)` for none.

    People are (name, {position: finger}, [unplaced fingers]). The second pass is left out for nobody here; it can only
    raise the score of somebody the first has already found.
    """
    found = []
    comparisons = max(1, len(gallery) + len(batch) - 1)
    for index, (_, placed, loose) in enumerate(batch):
        best = ("", 0.0)
        for name, other_placed, other_loose in [*gallery, *batch[:index]]:
            first = fused_same(placed, other_placed, score) + 10 * math.log10(1 - share)
            every, others = [*placed.values(), *loose], [*other_placed.values(), *other_loose]
            second = fused_any(every, others, score) + 10 * math.log10(share)
            value = max(first, second, 0.0)
            if (-value, name) < (-best[1], best[0]):
                best = (name, value)
        found.append(best if best[1] >= 10 * math.log10(comparisons / review) else ("", 0.0))
    return found
