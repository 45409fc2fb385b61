"""Hamming distances of 512-bit codes: the door that chooses the kernel.

Nothing of the search uses it yet, and nothing here makes such codes: it is for the index of finger codes, which is to
pass over a whole gallery before any score is made.

Codes are uint64[n, 8], C-contiguous; read-only and memory-mapped arrays are taken as they are, without a copy. The
kernels let go of the interpreter. Native code runs where it was built, its Numba twin elsewhere (see `runtime`); the
results are the same bit for bit.
"""

from __future__ import annotations

from importlib import import_module
from types import ModuleType

import numpy as np
from numpy.typing import NDArray

from cccd_core import runtime
from cccd_core.errors import ParameterError

WORDS = 8
BITS = 64 * WORDS
BLOCK_ROWS = 256  # as native/kernels/hamming/hamming.hpp; the order of hits depends on it
MOST_HITS = 1 << 26
_FIRST_CAPACITY = 4096

Codes = NDArray[np.uint64]


def distances(probe: Codes, gallery: Codes) -> NDArray[np.uint16]:
    """The distance of every pair, in bits: uint16[len(probe), len(gallery)].

    Raises ParameterError for arrays that are no codes.
    """
    _check(probe, "probe")
    _check(gallery, "gallery")
    out = np.empty((len(probe), len(gallery)), np.uint16)
    if runtime.use_native():
        runtime.native().hamming_distances(probe, gallery, out, runtime.simd_level())
    else:
        _twin().distances(probe, gallery, BLOCK_ROWS, out)
    return out


def within(probe: Codes, gallery: Codes, limit: int, *, most: int = MOST_HITS) -> NDArray[np.uint32]:
    """Pairs at most `limit` bits apart: uint32[hits, 3] of probe, gallery row and distance.

    Ordered by block of 256 gallery rows, then probe, then row. Twelve bytes a hit. Raises ParameterError for arrays
    that are no codes, for a negative limit, and for more than `most` hits.
    """
    _check(probe, "probe")
    _check(gallery, "gallery")
    if limit < 0:
        raise ParameterError("a limit of distance must not be negative", limit=limit)
    limit = min(limit, BITS)
    capacity = min(_FIRST_CAPACITY, most)
    while True:
        out = np.empty((capacity, 3), np.uint32)
        if runtime.use_native():
            found = int(runtime.native().hamming_within(probe, gallery, limit, out, runtime.simd_level()))
        else:
            found = int(_twin().within(probe, gallery, limit, BLOCK_ROWS, out))
        if found <= capacity:
            return out[:found]
        if found > most:
            raise ParameterError("more pairs are within the limit than were asked for", found=found, most=most)
        capacity = found


def _twin() -> ModuleType:
    return import_module("cccd_core.dedup.kernels.hamming")  # numba is loaded only where it runs


def _check(codes: object, name: str) -> None:
    if not isinstance(codes, np.ndarray) or codes.dtype != np.uint64 or codes.ndim != 2 or codes.shape[1] != WORDS:
        raise ParameterError("codes must be uint64 rows of 8 words", argument=name)
    if not codes.flags.c_contiguous or not codes.flags.aligned or not codes.dtype.isnative:
        raise ParameterError("codes must be contiguous, aligned and of native byte order", argument=name)
    if len(codes) >= 1 << 32:
        raise ParameterError("codes are numbered in 32 bits", argument=name, rows=len(codes))
