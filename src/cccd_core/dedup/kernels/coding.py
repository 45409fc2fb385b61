"""Prepared fingers to fixed-length codes: the Numba twin of native/kernels/coding, bit for bit.

float32 with +, -, *, / and square root, each rounded on its own; vectors run over outputs, never over the terms of a
sum. What is computed is told in `dedup.codes.model`.
"""

# numba's types are not those of the annotations, which are for the reader
# mypy: disable-error-code="no-any-return"

import numba
import numpy as np
from numpy.typing import NDArray

# --- coding.hpp

BITS = 312
BIT_WORDS = 5
LEVEL = np.float32(2047)
INT4_MOST = 7
PARTS = 16

Float32 = NDArray[np.float32]

# --- code.ipp


@numba.njit(nogil=True, cache=True)
def cylinders_of(head: np.uint64) -> np.int64:
    """How many cylinders a prepared finger has."""
    return np.int64((head >> np.uint64(8)) & np.uint64(0xFF))


@numba.njit(nogil=True, cache=True)
def minutiae_of(head: np.uint64) -> np.int64:
    """How many minutiae a prepared finger has."""
    return np.int64(head & np.uint64(0xFF))


@numba.njit(nogil=True, cache=True)
def magnitudes(values: Float32) -> np.float32:
    """The sum of the magnitudes of a multiple of 16 numbers: every sixteenth first."""
    each = np.zeros(PARTS, np.float32)
    for start in range(0, values.shape[0], PARTS):
        each += np.abs(values[start : start + PARTS])
    total = np.float32(0)
    for part in range(PARTS):
        total += each[part]
    return total


@numba.njit(nogil=True, cache=True)
def inputs_of(words: NDArray[np.uint64], offsets: NDArray[np.int64], cylinder: int) -> NDArray[np.int64]:
    """The inputs that are 1 for a minutia: where its cylinders have a bit."""
    inputs = np.empty(offsets.shape[0] * BITS, np.int64)
    count = 0
    for scale in range(offsets.shape[0]):
        start = offsets[scale]
        cylinders = cylinders_of(words[start])
        first = start + 1 + minutiae_of(words[start]) + cylinder
        for bit in range(BITS):
            if (words[first + (bit // 64) * cylinders] >> np.uint64(bit % 64)) & np.uint64(1):
                inputs[count] = scale * BITS + bit
                count += 1
    return inputs[:count]


@numba.njit(nogil=True, cache=True)
def embed(embedding: NDArray[np.int8], scale: Float32, bias: Float32, inputs: NDArray[np.int64]) -> Float32:
    """What a minutia looks like: the rows of the embedding added up, modulo 2^16."""
    total = np.zeros(bias.shape[0], np.int16)
    for i in inputs:
        total += embedding[i]
    return total.astype(np.float32) * scale + bias


@numba.njit(nogil=True, cache=True)
def assign(assignment: Float32, bias: Float32, inputs: NDArray[np.int64]) -> Float32:
    """How much a minutia belongs to each word of the vocabulary; together 1."""
    share = bias.copy()
    for i in inputs:
        share += assignment[i]
    # (1 + x / 1024) to the 1024th for the exponential, which every library rounds differently
    power = np.float32(1) + np.maximum((share - share.max()) * np.float32(1.0 / 1024.0), np.float32(-0.02))
    for _ in range(10):
        power = power * power
    return power / magnitudes(power)


@numba.njit(nogil=True, cache=True)
def pool(
    embedding: NDArray[np.int8], embedding_scale: Float32, embedding_bias: Float32, assignment: Float32,
    assignment_bias: Float32, centres: Float32, words: NDArray[np.uint64], offsets: NDArray[np.int64],
) -> NDArray[np.int32]:  # fmt: skip
    """The finger as whole numbers: what its minutiae add to each word beyond its centre, roots, to one length."""
    count, depth = centres.shape
    weight = np.zeros(count, np.float32)
    sums = np.zeros((count, depth), np.float32)
    for cylinder in range(cylinders_of(words[offsets[0]])):
        inputs = inputs_of(words, offsets, cylinder)
        seen = embed(embedding, embedding_scale, embedding_bias, inputs)
        share = assign(assignment, assignment_bias, inputs)
        for k in range(count):
            weight[k] += share[k]
            sums[k] += share[k] * seen
    for k in range(count):
        sums[k] -= weight[k] * centres[k]
    total = magnitudes(sums.ravel())
    scale = LEVEL / np.sqrt(total) if total > 0 else np.float32(0)
    out = np.empty(count * depth, np.int32)
    for k in range(count):
        root = np.sqrt(np.abs(sums[k])) * scale
        out[k * depth : (k + 1) * depth] = np.floor(np.where(sums[k] < 0, -root, root) + np.float32(0.5)).astype(
            np.int32
        )
    return out


@numba.njit(nogil=True, cache=True)
def write(value: Float32, coarse_scale: np.float32, signs: NDArray[np.uint8], coarse: NDArray[np.uint8]) -> None:
    """The codes out of a finger's projections: their signs, and their signed roots in four bits."""
    total = magnitudes(value)
    scale = coarse_scale / np.sqrt(total) if total > 0 else np.float32(0)
    for byte in range(signs.shape[0]):
        eight = 0
        for bit in range(8):
            if value[8 * byte + bit] > 0:
                eight |= 1 << bit
        signs[byte] = eight
    root = np.sqrt(np.abs(value)) * scale
    steps = np.floor(np.where(value < 0, -root, root) + np.float32(0.5))
    for byte in range(coarse.shape[0]):
        pair = 0
        for half in range(2):
            step = max(-INT4_MOST, min(INT4_MOST, int(steps[2 * byte + half])))
            pair |= (step & 15) << (4 * half)
        coarse[byte] = pair


@numba.njit(nogil=True, cache=True)
def codes(
    embedding: NDArray[np.int8], embedding_scale: Float32, embedding_bias: Float32,
    assignment: Float32, assignment_bias: Float32, centres: Float32, projection: NDArray[np.int8],
    projection_scale: Float32, projection_bias: Float32,
    coarse_scale: float, words: NDArray[np.uint64], starts: NDArray[np.int64],
    signs: NDArray[np.uint8], coarse: NDArray[np.uint8],
) -> None:  # fmt: skip
    """The codes of all fingers; scale s of finger f begins at words[starts[f, s]]. Without cylinders: zeros."""
    for finger in range(signs.shape[0]):
        of = starts[finger]
        if cylinders_of(words[of[0]]) == 0:
            signs[finger] = 0
            coarse[finger] = 0
            continue
        pooled = pool(embedding, embedding_scale, embedding_bias, assignment, assignment_bias, centres, words, of)
        value = np.empty(projection.shape[0], np.float32)
        for o in range(projection.shape[0]):
            value[o] = np.float32((pooled * projection[o]).sum()) * projection_scale[o] + projection_bias[o]
        write(value, np.float32(coarse_scale), signs[finger], coarse[finger])
