"""Trains a judge of `cccd_core.intake.flow` and writes src/cccd_core/intake/data/flow.npy or overlaid.npy: about ten
minutes.

    python scripts/train_plausibility.py [--judge flow|overlaid] [--steps 6000] [--out FILE]

Trained on the prints of crossmatch and fcj2020 (all three extractors) in ../shared and on the same prints spoilt. For
flow: columns shuffled among the minutiae, places exchanged, places or everything random. For overlaid: two prints over
each other, a coordinate folded or squeezed, another unit, and some of the former. What it learns from is turned,
stretched, cut out, blurred and mixed with wrong minutiae, so that it learns how ridges flow and not these prints.
Reported on the FVC sets: docs/explanation/intake.md, made by benchmarks/accuracy/plausibility.py. Same seed and NumPy,
same weights.
"""

from __future__ import annotations

import argparse
import hashlib
import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from cccd_core import templates
from cccd_core.intake.flow import FEATURES, FEATURES_UPRIGHT, LEAST, MOST, FlowWeights, features, shapes

SETS = ("crossmatch", "fcj2020")
BATCH = 48
Print = NDArray[np.float64]  # [n, 3]: x and y in mm, direction in radians
Spoil: TypeAlias = Callable[[np.random.Generator, Print], tuple[Print, float]]


def load(shared: Path) -> list[Print]:
    prints = []
    for name in SETS:
        for path in sorted((shared / "data" / "fingerprints" / name).rglob("*.fmr")):
            view = templates.load(path).view
            scale = 10 / view.resolution_x_ppcm, 10 / view.resolution_y_ppcm
            prints.append(np.stack([view.x_px * scale[0], view.y_px * scale[1], view.angle_rad], axis=1))
    return [each for each in prints if len(each) >= LEAST]


def varied(rng: np.random.Generator, seen: Print) -> Print:
    """The print as another sensor, finger or extractor might give it."""
    if rng.random() < 0.5 and len(seen) > 12:
        centre = seen[rng.integers(len(seen)), :2]
        kept = rng.integers(8, len(seen))
        seen = seen[np.argsort(((seen[:, :2] - centre) ** 2).sum(1), kind="stable")[:kept]]
    turn = rng.uniform(-0.5, 0.5)
    cosine, sine = np.cos(turn), np.sin(turn)
    made = np.stack(
        [cosine * seen[:, 0] + sine * seen[:, 1], -sine * seen[:, 0] + cosine * seen[:, 1], seen[:, 2] + turn], axis=1
    )
    made[:, :2] *= rng.uniform(0.85, 1.2)
    made[:, :2] += rng.normal(0, 0.05, made[:, :2].shape)
    made[:, 2] += rng.normal(0, rng.uniform(0, 0.15), len(made))
    if rng.random() < 0.3:
        kept_ones = rng.random(len(made)) < rng.uniform(0.6, 1)
        made = made[kept_ones] if kept_ones.sum() >= LEAST else made
    if rng.random() < 0.5:
        wrong = rng.random(len(made)) < rng.uniform(0, 0.25)
        made[wrong, 2] = rng.uniform(0, 2 * np.pi, int(wrong.sum()))
    if rng.random() < 0.2:
        made[:, 2] += np.pi * (rng.random(len(made)) < rng.uniform(0, 0.5))
    return made


def spoilt(rng: np.random.Generator, seen: Print) -> tuple[Print, float]:
    """The print in one of five ways no finger's any more, and how much that one counts."""
    made, count = seen.copy(), len(seen)
    kind = rng.choice(5, p=(0.35, 0.30, 0.15, 0.10, 0.10))
    low, high = seen[:, :2].min(axis=0), seen[:, :2].max(axis=0)
    if kind == 0:
        made[:, 0], made[:, 1] = rng.permutation(seen[:, 0]), rng.permutation(seen[:, 1])
    elif kind == 1:
        made[:, :2] = seen[rng.permutation(count), :2]
    elif kind == 2:
        made[:, 0] = rng.permutation(seen[:, 0])
    else:
        made[:, :2] = rng.uniform(low, high, (count, 2))
        if kind == 3:
            made[:, 2] = rng.uniform(0, 2 * np.pi, count)
    return made, 0.3 if kind == 2 else 1.0


def overlaid(prints: list[Print], rng: np.random.Generator, seen: Print) -> tuple[Print, float]:
    """The print in one of six ways no single finger's any more, mostly with another of `prints` over it."""
    made, count = seen.copy(), len(seen)
    kind = rng.choice(6, p=(0.05, 0.05, 0.3, 0.15, 0.15, 0.3))
    low, high = seen[:, :2].min(axis=0), seen[:, :2].max(axis=0)
    if kind == 0:
        made[:, 0], made[:, 1] = rng.permutation(seen[:, 0]), rng.permutation(seen[:, 1])
    elif kind == 1:
        made[:, :2] = seen[rng.permutation(count), :2]
    elif kind == 2:
        made[:, :2] *= rng.uniform(1.9, 2.7)
    elif kind == 3:
        made[:, rng.integers(2)] *= rng.uniform(0.4, 0.55)
    elif kind == 4:
        axis = rng.integers(2)
        width = high[axis] - low[axis]
        made[:, axis] = (made[:, axis] - low[axis] + rng.uniform(0, width)) % (width * rng.uniform(0.3, 0.6))
    else:
        other = varied(rng, prints[rng.integers(len(prints))]).copy()
        other[:, :2] += seen[:, :2].mean(axis=0) - other[:, :2].mean(axis=0) + rng.normal(0, 1.5, 2)
        made = np.concatenate([seen, other])
    return made, 1.0


def batch(rng: np.random.Generator, prints: list[Print], spoil: Spoil, width: int) -> tuple[NDArray[np.float32], ...]:
    """features [b, 64, 8, width], share of each minutia [b, 64], log of the counts [b], labels [b], weights [b]."""
    seen = np.zeros((2 * BATCH, MOST, 8, width), np.float32)
    share = np.zeros((2 * BATCH, MOST), np.float32)
    size, label, weight = (np.zeros(2 * BATCH, np.float32) for _ in range(3))
    for number, chosen in enumerate(rng.integers(len(prints), size=BATCH)):
        good = varied(rng, prints[chosen])
        bad, counts = spoil(rng, good)
        for place, made, right, much in ((2 * number, good, 1, 1.0), (2 * number + 1, bad, 0, counts)):
            found = features(made[:, 0], made[:, 1], made[:, 2])
            if found is None:
                continue
            seen[place, : len(found)] = found[..., :width]
            share[place, : len(found)] = 1 / len(found)
            size[place], label[place], weight[place] = np.log(len(made)) / 4, right, much
    return seen, share, size, label, weight


def step(
    layers: list[NDArray[np.float32]], data: tuple[NDArray[np.float32], ...]
) -> tuple[float, list[NDArray[np.float32]]]:
    """The loss of a batch and its slope in every weight: w0, b0, w1, ..."""
    seen, share, size, label, weight = data
    w0, b0, w1, b1, w2, b2, w3, b3, w4, b4, w5, b5 = layers
    here = share > 0
    flat = seen[here]  # [m, 8, 9]
    h0 = np.maximum(flat @ w0 + b0, 0)
    h1 = np.maximum(h0 @ w1 + b1, 0)
    pooled = h1.mean(axis=1)
    h2 = np.maximum(pooled @ w2 + b2, 0)
    one = np.maximum(h2 @ w3 + b3, 0)  # [m, 16]
    of = np.nonzero(here)[0]
    part = share[here][:, None]
    mean, square = (np.zeros((len(size), one.shape[1]), np.float32) for _ in range(2))
    np.add.at(mean, of, one * part)
    np.add.at(square, of, one * one * part)
    whole = np.concatenate([mean, square, size[:, None]], axis=1)
    h4 = np.maximum(whole @ w4 + b4, 0)
    score = (h4 @ w5 + b5)[:, 0]
    total = weight.sum()
    loss = float((weight * (np.maximum(score, 0) - score * label + np.log1p(np.exp(-np.abs(score))))).sum() / total)
    d = ((1 / (1 + np.exp(-score)) - label) * weight / total)[:, None].astype(np.float32)
    slopes: list[NDArray[np.float32]] = [h4.T @ d, d.sum(axis=0)]
    d = (d @ w5.T) * (h4 > 0)
    slopes = [whole.T @ d, d.sum(axis=0), *slopes]
    d = d @ w4.T
    width = one.shape[1]
    back = (d[of, :width] + 2 * one * d[of, width : 2 * width]) * part * (one > 0)
    slopes = [h2.T @ back, back.sum(axis=0), *slopes]
    back = (back @ w3.T) * (h2 > 0)
    slopes = [pooled.T @ back, back.sum(axis=0), *slopes]
    deep = (back @ w2.T)[:, None, :] / np.float32(8) * (h1 > 0)
    slopes = [np.tensordot(h0, deep, ([0, 1], [0, 1])), deep.sum(axis=(0, 1)), *slopes]
    deep = (deep @ w1.T) * (h0 > 0)
    return loss, [np.tensordot(flat, deep, ([0, 1], [0, 1])), deep.sum(axis=(0, 1)), *slopes]


def train(prints: list[Print], steps: int, spoil: Spoil, width: int, seed: int = 20261127) -> FlowWeights:
    rng = np.random.default_rng(seed)
    layers: list[NDArray[np.float32]] = []
    for rows, columns in shapes(width):
        layers += [rng.normal(0, np.sqrt(2 / rows), (rows, columns)).astype(np.float32), np.zeros(columns, np.float32)]
    first, second = [np.zeros_like(each) for each in layers], [np.zeros_like(each) for each in layers]
    for number in range(1, steps + 1):
        loss, slopes = step(layers, batch(rng, prints, spoil, width))
        rate = 1e-3 * (1 + np.cos(np.pi * number / steps)) + 1e-5
        for each, slope, m, v in zip(layers, slopes, first, second, strict=True):
            m += 0.1 * (slope - m)
            v += 0.001 * (slope * slope - v)
            move = m / (1 - 0.9**number) / (np.sqrt(v / (1 - 0.999**number)) + 1e-8)
            each -= (rate * (move + 1e-4 * each)).astype(np.float32)
        if number % 250 == 0:
            print(f"step {number} of {steps}: loss {loss:.4f}", flush=True)
    return FlowWeights(tuple((layers[2 * i], layers[2 * i + 1]) for i in range(len(layers) // 2)))


def main() -> None:
    root = Path(__file__).resolve().parents[1]
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=6000)
    parser.add_argument("--judge", choices=("flow", "overlaid"), default="flow")
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    out = given.out or root / f"src/cccd_core/intake/data/{given.judge}.npy"
    prints = load(Path(os.environ.get("CCCD_SHARED", root.parent / "shared")))
    print(f"{len(prints)} prints of {', '.join(SETS)}")
    spoil, width = (spoilt, FEATURES) if given.judge == "flow" else (partial(overlaid, prints), FEATURES_UPRIGHT)
    data = train(prints, given.steps, spoil, width).to_bytes()
    out.parent.mkdir(exist_ok=True)
    out.write_bytes(data)
    print(f"{out}: {len(data)} bytes; DIGEST = sha256:{hashlib.sha256(data).hexdigest()}")


if __name__ == "__main__":
    main()
