"""Trains the finger codes of `cccd_core.dedup.codes` and writes src/cccd_core/dedup/codes/data/codes.bin: minutes.

    python scripts/train_codes.py [--leave-out SET,SET] [--out FILE]

Trained on the prints of all sets and extractors under ../shared/data/fingerprints (CCCD_SHARED names another place) and
on synthetic fingers. No labels but whose print it is: what varies between the impressions of a finger, whoever
extracted them, is to weigh little. Reported are models trained without the set reported
(docs/explanation/codes.md, made by `python -m benchmarks.accuracy.codes`), never the one that is shipped. Same seed,
machine and NumPy, same file.
"""

from __future__ import annotations

import argparse
import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cccd_core import templates
from cccd_core.dedup.codes.model import CYLINDER_BITS, CodeModel, Head, Scale
from cccd_core.matching import Matcher, MatcherParameters
from cccd_core.matching.calibration import Calibration
from cccd_core.synthesis import MasterFinger, setting
from cccd_core.templates import FingerTemplate

ROOT = Path(__file__).resolve().parent.parent
FINGERPRINTS = Path(os.environ.get("CCCD_SHARED", ROOT.parent / "shared")) / "data" / "fingerprints"
SHIPPED = ROOT / "src" / "cccd_core" / "dedup" / "codes" / "data" / "codes.bin"

SEED = 20261127
SCALES = (Scale(48.0, 7.0), Scale(64.0, 8.0), Scale(100.0, 12.0))
DEPTH, VOCABULARY, OUTPUTS, COARSE, COARSE_SCALE = 384, 16, 768, 576, 80.0
SYNTHETIC_FINGERS, IMPRESSIONS = 3000, 4
SOFTNESS = 1.0  # of belonging to a word: what the squared distance is multiplied by
KEPT = 1024  # directions that are whitened
RIDGE = 0.5  # added to what varies within fingers, of its mean
CYLINDERS_SAMPLED, MEANS_SAMPLED, ROUNDS = 60_000, 25_000, 12
PRINTS_SAMPLED = 8000

Float32 = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Prints:
    """Prints and whose they are: `bits` uint8[prints, 64, scales, 39] packed, `counts` int64[prints] of cylinders,
    `fingers` int64[prints]."""

    bits: NDArray[np.uint8]
    counts: NDArray[np.int64]
    fingers: NDArray[np.int64]

    def blocks(self, at_once: int = 400) -> Iterator[tuple[Float32, NDArray[np.int64]]]:
        """The cylinders of some prints after others: float32[cylinders, inputs], and where each print's start."""
        for first in range(0, len(self.counts), at_once):
            counts = self.counts[first : first + at_once]
            yield self.cylinders(first, first + at_once), np.concatenate([[0], np.cumsum(counts)])

    def cylinders(self, start: int, stop: int) -> Float32:
        """float32[cylinders, inputs] of these prints, one after the other."""
        there = np.arange(self.bits.shape[1])[None, :] < self.counts[start:stop, None]
        chosen = self.bits[start:stop][there]
        return np.unpackbits(chosen, axis=2)[:, :, :CYLINDER_BITS].reshape(len(chosen), -1).astype(np.float32)


def prints(seen: list[FingerTemplate], fingers: list[int]) -> Prints:
    """The cylinders of templates at all scales."""
    bits = np.zeros((len(seen), 64, len(SCALES), 39), np.uint8)
    counts = np.zeros(len(seen), np.int64)
    for number, scale in enumerate(SCALES):
        parameters = MatcherParameters(cylinder_radius_px=scale.radius_px, spatial_sigma_px=scale.sigma_px)
        matcher = Matcher(parameters, Calibration.identity())
        for index, template in enumerate(seen):
            words = matcher.prepare(template).words
            n, count = int(words[0]) & 0xFF, int(words[0]) >> 8 & 0xFF
            counts[index] = count
            columns = np.ascontiguousarray(words[1 + n :].reshape(5, count).T).view(np.uint8).reshape(count, 40)
            ordered = np.unpackbits(columns, axis=1, bitorder="little")[:, :CYLINDER_BITS]
            bits[index, :count, number] = np.packbits(ordered, axis=1)
    return Prints(bits, counts, np.array(fingers, np.int64))


def real_prints(left_out: tuple[str, ...]) -> tuple[Prints, tuple[str, ...]]:
    """All prints but those of some sets, and the sets that they are of."""
    seen, owners, sets = [], [], []
    numbers: dict[tuple[str, str], int] = {}
    for folder in sorted(path for path in FINGERPRINTS.iterdir() if path.is_dir() and path.name not in left_out):
        sets.append(folder.name)
        for path in sorted(folder.rglob("*.fmr")):
            template = templates.load(path).view
            if template.count:
                seen.append(template)
                owners.append(numbers.setdefault((folder.name, path.stem.rsplit("_", 1)[0]), len(numbers)))
    return prints(seen, owners), tuple(sets)


def synthetic_prints() -> Prints:
    """Impressions of synthetic fingers of three densities."""
    seen, owners = [], []
    for person in range(SYNTHETIC_FINGERS):
        parameters = replace(setting(), minutiae_per_mm2=(0.30, 0.40, 0.53)[person % 3])
        finger = MasterFinger.make(SEED, person, 1 + person % 10, parameters)
        for number in range(IMPRESSIONS):
            seen.append(finger.impression(number))
            owners.append(person)
    return prints(seen, owners)


def principal(data: Float32, count: int, seed: int) -> Float32:
    """The first principal directions of centred rows, by a random projection: float32[columns, count]."""
    random = np.random.default_rng(seed)
    sketch = data @ random.normal(size=(data.shape[1], count + 60)).astype(np.float32)
    sketch = data @ (data.T @ np.linalg.qr(sketch)[0])
    basis = np.linalg.qr(sketch)[0]
    return np.ascontiguousarray(np.linalg.svd(basis.T @ data, full_matrices=False)[2][:count].T)


def vocabulary(random: np.random.Generator, data: Float32) -> Float32:
    """Means of clusters: float32[VOCABULARY, columns]."""
    means = data[random.choice(len(data), VOCABULARY, replace=False)].copy()
    for _ in range(ROUNDS):
        nearest = np.argmax(data @ means.T - 0.5 * (means**2).sum(1), axis=1)
        for word in range(VOCABULARY):
            if (nearest == word).any():
                means[word] = data[nearest == word].mean(axis=0)
    return means


def signed_root(data: Float32) -> Float32:
    return np.sign(data) * np.sqrt(np.abs(data))


def pooled(of: Prints, embedding: Float32, bias: Float32, centres: Float32) -> Float32:
    """Step 4 of a code, as the kernels do it but not to the last bit: float32[prints, VOCABULARY * DEPTH]."""
    out = []
    for cylinders, starts in of.blocks():
        seen = cylinders @ embedding + bias
        share = SOFTNESS * (seen @ centres.T - 0.5 * (centres**2).sum(1))
        share = np.exp(share - share.max(axis=1, keepdims=True))
        share /= share.sum(axis=1, keepdims=True)
        for start, stop in pairwise(starts):
            part = share[start:stop]
            out.append((part.T @ seen[start:stop] - part.sum(0)[:, None] * centres).ravel())
    roots = signed_root(np.array(out, np.float32))
    return roots / np.maximum(np.linalg.norm(roots, axis=1, keepdims=True), 1e-9)


def projection(groups: list[tuple[Float32, NDArray[np.int64]]]) -> tuple[Float32, Float32]:
    """What tells fingers apart and not impressions, for groups of prints that weigh the same.

    float32[columns, OUTPUTS], and the mean that is to be taken off first. Within-class whitening, then the
    directions in which most varies.
    """
    mean = groups[0][0].mean(axis=0)
    everything = np.concatenate([data for data, _ in groups])
    chosen = np.random.default_rng(SEED).choice(len(everything), min(PRINTS_SAMPLED, len(everything)), replace=False)
    basis = principal(everything[chosen] - mean, KEPT, SEED)
    within = total = np.zeros((KEPT, KEPT))
    for data, fingers in groups:
        seen = (data - mean) @ basis
        owners, of = np.unique(fingers, return_inverse=True)
        means = np.zeros((len(owners), KEPT), np.float32)
        np.add.at(means, of, seen)
        means /= np.bincount(of)[:, None]
        rest = seen - means[of]
        within = within + rest.T @ rest / (len(seen) - len(owners))
        total = total + np.cov(seen.T)
    values, vectors = np.linalg.eigh(within / len(groups))
    values = np.maximum(values, 0) + RIDGE * values.mean()
    white = (vectors / np.sqrt(values)) @ vectors.T
    directions = np.linalg.eigh(white @ (total / len(groups)) @ white)[1][:, ::-1][:, :OUTPUTS]
    return (basis @ (white @ directions)).astype(np.float32), mean


def train(left_out: tuple[str, ...]) -> CodeModel:
    """The model of all data but these sets."""
    random = np.random.default_rng(SEED)
    real, sets = real_prints(left_out)
    synthetic = synthetic_prints()
    print(f"{len(real.counts)} prints of {', '.join(sets)}; {len(synthetic.counts)} synthetic", flush=True)
    sample = []
    for of, share in ((real, 2 / 3), (synthetic, 1 / 3)):
        every = max(1, int(of.counts.sum() / (share * CYLINDERS_SAMPLED)))
        sample.append(np.concatenate([cylinders[::every] for cylinders, _ in of.blocks()]))
    cylinders = np.concatenate(sample)
    mean = cylinders.mean(axis=0)
    _, vectors = np.linalg.eigh(np.cov((cylinders - mean).T))
    embedding = np.ascontiguousarray(vectors[:, ::-1][:, :DEPTH]).astype(np.float32)
    # whole numbers of 127ths of each column's largest
    step = np.abs(embedding).max(axis=0) / 127
    whole = np.rint(embedding / step).astype(np.int8)
    embedding = whole * step
    bias = -mean @ embedding
    seen = cylinders @ embedding + bias
    centres = vocabulary(random, seen[random.permutation(len(seen))[:MEANS_SAMPLED]])
    groups = [(pooled(of, embedding, bias, centres), of.fingers) for of in (real, synthetic)]
    matrix, taken_off = projection(groups)
    # whole numbers of 2047ths of the pooled finger, times whole numbers of 127ths of each output's largest weight
    largest = np.abs(matrix).max(axis=0) / 127
    head = Head(SCALES, DEPTH, VOCABULARY, OUTPUTS, COARSE, COARSE_SCALE, (*sets, "synthesis"))
    return CodeModel(
        head,
        whole,
        step,
        bias.astype(np.float32),
        SOFTNESS * embedding @ np.ascontiguousarray(centres.T),
        (SOFTNESS * (bias @ centres.T - 0.5 * (centres**2).sum(1))).astype(np.float32),
        centres,
        np.ascontiguousarray(np.rint(matrix / largest).astype(np.int8).T),
        (largest / 2047).astype(np.float32),
        (-taken_off @ matrix).astype(np.float32),
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--leave-out", default="", help="sets that are not trained on")
    parser.add_argument("--out", type=Path, default=SHIPPED)
    given = parser.parse_args()
    data = train(tuple(filter(None, given.leave_out.split(",")))).to_bytes()
    given.out.parent.mkdir(exist_ok=True)
    given.out.write_bytes(data)
    print(f"{given.out}: {len(data)} bytes; DIGEST = sha256:{hashlib.sha256(data).hexdigest()}")


if __name__ == "__main__":
    main()
