"""Do these minutiae lie as a finger's do: a small learned judge of how neighbours stand to each other.

In a finger the ridges flow: neighbouring minutiae point along nearly the same line, lie so far apart as ridges do, and
turn slowly from place to place. Random bytes, shuffled columns and minutiae of other units lack that. For each minutia
its eight nearest are seen in its own frame (place, distance, difference of direction); two layers and a mean make of
them what one minutia looks like, two more and the mean and mean square over all minutiae what the print does, two more
a number: above 0 rather a finger, below rather not. A second judge of the same build, which also sees where up is,
was taught two prints over each other. Trained by scripts/train_plausibility.py on prints of crossmatch and fcj2020 and
on the same prints spoilt; docs/explanation/intake.md has what they find in others.

Reads its weights from `data/flow.npy` and `data/overlaid.npy`; touches nothing else.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cache
from importlib import resources
from io import BytesIO

import numpy as np
from numpy.typing import NDArray

from cccd_core.errors import DamagedError
from cccd_core.templates import FULL_TURN, FingerTemplate

NEIGHBOURS = 8
MOST = 64  # minutiae looked at: the ones nearest to the middle of all
LEAST = 6  # with fewer there is nothing to see
FEATURES = 9
FEATURES_UPRIGHT = 13
# of the weights that are shipped; another file is refused
DIGEST = "sha256:d7ade914e9f5aa84b35947ff4a7467a4c887021ed6c9d5743c5c6cd37cd426e7"
DIGEST_OVERLAID = "sha256:3af452725f3cba7b546bcbd5a30d75df480ea3e9c75458cd872ea29da7b5b3f9"

FloatArray = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class FlowWeights:
    """The six layers, each (weights, bias), float32. Of which judge, the first layer says."""

    layers: tuple[tuple[FloatArray, FloatArray], ...]

    @classmethod
    def from_bytes(cls, data: bytes, features: int = FEATURES) -> FlowWeights:
        """Out of the bytes of an .npy file: all weights and biases in order, flat, of the judge that sees so many
        features. DamagedError for anything else."""
        try:
            flat = np.load(BytesIO(data), allow_pickle=False)
        except (OSError, ValueError, EOFError) as error:
            why = type(error).__name__
            raise DamagedError("the weights of the plausibility check cannot be read", why=why) from None
        expected = shapes(features)
        if flat.dtype != np.float32 or flat.shape != (sum((rows + 1) * columns for rows, columns in expected),):
            raise DamagedError("the weights of the plausibility check are of another version", shape=str(flat.shape))
        layers, start = [], 0
        for rows, columns in expected:
            middle, end = start + rows * columns, start + (rows + 1) * columns
            layers.append((flat[start:middle].reshape(rows, columns), flat[middle:end]))
            start = end
        return cls(tuple(layers))

    def to_bytes(self) -> bytes:
        """The .npy of these weights."""
        out = BytesIO()
        np.save(out, np.concatenate([each.ravel() for layer in self.layers for each in layer]), allow_pickle=False)
        return out.getvalue()


HIDDEN = 32
POOLED = 16


def shapes(features: int) -> tuple[tuple[int, int], ...]:
    """Rows and columns of the layers of the judge that sees so many features."""
    return (
        (features, HIDDEN),
        (HIDDEN, HIDDEN),
        (HIDDEN, HIDDEN),
        (HIDDEN, POOLED),
        (2 * POOLED + 1, POOLED),
        (POOLED, 1),
    )


@cache
def shipped(features: int = FEATURES) -> FlowWeights:
    """The weights that come with the library, of the judge of flow or of the one of two prints over each other.
    DamagedError where they are not those of the digest above."""
    name, digest = ("flow", DIGEST) if features == FEATURES else ("overlaid", DIGEST_OVERLAID)
    data = resources.files("cccd_core.intake").joinpath(f"data/{name}.npy").read_bytes()
    if f"sha256:{hashlib.sha256(data).hexdigest()}" != digest:
        raise DamagedError("the weights of the plausibility check are not those that were shipped", weights=name)
    return FlowWeights.from_bytes(data, features)


def flow_score(view: FingerTemplate, weights: FlowWeights | None = None) -> float | None:
    """How much the minutiae of `view` lie as a finger's: above 0 rather so. None with fewer than six. About 1 ms.

    The same on every machine to about 1e-4: float32 sums of NumPy.
    """
    seen = _seen(view)
    return None if seen is None else _judged(weights or shipped(), seen[..., :FEATURES], view.count)


def scores(view: FingerTemplate) -> tuple[float, float] | None:
    """What both judges say: how much the minutiae lie as a finger's, and how much as one finger's instead of two over
    each other. None with fewer than six. About 1 ms."""
    seen = _seen(view)
    if seen is None:
        return None
    one = _judged(shipped(), seen[..., :FEATURES], view.count)
    return one, _judged(shipped(FEATURES_UPRIGHT), seen, view.count)


def _seen(view: FingerTemplate) -> FloatArray | None:
    x_mm = view.x_px.astype(np.float64) * (10.0 / view.resolution_x_ppcm)
    y_mm = view.y_px.astype(np.float64) * (10.0 / view.resolution_y_ppcm)
    return features(x_mm, y_mm, view.angle.astype(np.float64) * (2.0 * np.pi / FULL_TURN))


def _judged(weights: FlowWeights, seen: FloatArray, count: int) -> float:
    return float(judge(weights.layers, np.ascontiguousarray(seen)[None], np.array([count]))[0])


def features(x_mm: NDArray[np.float64], y_mm: NDArray[np.float64], angle_rad: NDArray[np.float64]) -> FloatArray | None:
    """float32[n, 8, 13]: the neighbours of each of at most 64 minutiae, in its own frame, and in the last four columns
    in the print's (place, and twice the minutia's own direction); None with fewer than six.

    Where there are fewer than eight others, the nearest stand again.
    """
    if len(x_mm) < LEAST:
        return None
    if len(x_mm) > MOST:
        far = (x_mm - x_mm.mean()) ** 2 + (y_mm - y_mm.mean()) ** 2
        kept = np.argsort(far, kind="stable")[:MOST]
        x_mm, y_mm, angle_rad = x_mm[kept], y_mm[kept], angle_rad[kept]
    count = len(x_mm)
    dx, dy = x_mm[None, :] - x_mm[:, None], y_mm[:, None] - y_mm[None, :]  # y upwards, as the angles turn
    square = dx * dx + dy * dy
    np.fill_diagonal(square, np.inf)
    nearest = np.argsort(square, axis=1, kind="stable")[:, : count - 1]
    nearest = nearest[:, np.arange(NEIGHBOURS) % (count - 1)]
    row = np.arange(count)[:, None]
    dx, dy, distance = dx[row, nearest], dy[row, nearest], np.sqrt(square[row, nearest])
    cosine, sine = np.cos(angle_rad)[:, None], np.sin(angle_rad)[:, None]
    turn = angle_rad[nearest] - angle_rad[:, None]
    along, across = cosine * dx + sine * dy, cosine * dy - sine * dx
    columns = (
        along / 2, across / 2, distance / 2, np.exp(-distance), 0.5 / (0.2 + distance),
        np.cos(turn), np.sin(turn), np.cos(2 * turn), np.sin(2 * turn), dx / 2, dy / 2,
        np.broadcast_to(np.cos(2 * angle_rad)[:, None], dx.shape),
        np.broadcast_to(np.sin(2 * angle_rad)[:, None], dx.shape),
    )  # fmt: skip
    return np.asarray(np.clip(np.stack(columns, axis=2), -20, 20), dtype=np.float32)


def judge(
    layers: tuple[tuple[FloatArray, FloatArray], ...], seen: FloatArray, counts: NDArray[np.int64]
) -> NDArray[np.float32]:
    """float32[b], the judgement of b prints with equally many minutiae: `seen` float32[b, n, 8, features], `counts`
    int[b]."""
    (w0, b0), (w1, b1), (w2, b2), (w3, b3), (w4, b4), (w5, b5) = layers
    pair = np.maximum(np.maximum(seen @ w0 + b0, 0) @ w1 + b1, 0)
    one = np.maximum(np.maximum(pair.mean(axis=2) @ w2 + b2, 0) @ w3 + b3, 0)
    size = np.log(counts).astype(np.float32)[:, None] / np.float32(4)
    whole = np.concatenate([one.mean(axis=1), (one * one).mean(axis=1), size], axis=1)
    return np.asarray((np.maximum(whole @ w4 + b4, 0) @ w5 + b5)[:, 0], dtype=np.float32)
