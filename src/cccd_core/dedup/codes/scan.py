"""The scan over codes: the door that chooses the kernel.

A row is the codes of a person's fingers end to end, or of one finger, zeros where one is missing; beside it stands a
word that says which are there, bit i for the row's finger i. Probes are laid out by `sign_probes` and `step_probes`.
What is found are the rows worth at least what `floors` has for their word: int32[probes, 1024].

Rows may be read-only and memory-mapped; nothing is copied. The kernels let go of the interpreter, and `threads` of them
share the rows; what is found does not depend on it.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib import import_module
from types import ModuleType
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from cccd_core import runtime
from cccd_core.errors import ParameterError

PRESENCES = 1024
MOST_HITS = 1 << 26
NOTHING = np.iinfo(np.int32).max  # a floor that no row reaches
ROWS_A_THREAD = 1 << 15
_FIRST_CAPACITY = 4096
_SIFTED_CAPACITY = 1 << 18  # where more are found, all is done again

Bytes = NDArray[np.uint8]
Hits = NDArray[np.uint32]
Kernel = Callable[[Bytes, NDArray[np.int32], Bytes, NDArray[np.uint16], Hits], int]


def sign_probes(codes: Bytes, present: NDArray[np.uint16], fingers: int) -> Bytes:
    """Probes for `signs`: uint8[probes, 2 width], the codes and a mask of the fingers that are there."""
    there = _there(present, fingers)
    mask = np.repeat(np.where(there, 255, 0).astype(np.uint8), codes.shape[1] // fingers, axis=1)
    return np.concatenate([codes & mask, mask], axis=1)


def step_probes(codes: Bytes, present: NDArray[np.uint16], fingers: int) -> Bytes:
    """Probes for `steps`: uint8[probes, 2 width], the lower and then the upper numbers of each byte, signed."""
    there = np.repeat(_there(present, fingers), codes.shape[1] // fingers, axis=1)
    halves = [((half ^ 8).astype(np.int8) - np.int8(8)) * there for half in (codes & 15, codes >> 4)]
    return np.ascontiguousarray(np.concatenate(halves, axis=1).astype(np.int8)).view(np.uint8)


def signs(
    probes: Bytes, floors: NDArray[np.int32], codes: Bytes, present: NDArray[np.uint16], *, threads: int = 1
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Rows of bits that reach their floor: probe, row and value of each, ordered by probe, then row.

    The value is less the number of bits that differ where the probe has a finger. ParameterError for arrays of other
    types or shapes and for more than 2^26 hits.
    """
    return _scan("signs", probes, floors, codes, present, threads)


def steps(
    probes: Bytes, floors: NDArray[np.int32], codes: Bytes, present: NDArray[np.uint16], *, threads: int = 1
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Rows of four-bit numbers that reach their floor, as `signs`; the value is the sum of products."""
    return _scan("steps", probes, floors, codes, present, threads)


def moments(name: Literal["signs", "steps"], probes: Bytes, codes: Bytes) -> NDArray[np.int64]:
    """Sum, and sum of squares, of what all rows are worth to each probe, by `signs` or by `steps`: int64[probes, 2].

    ParameterError for arrays that do not belong together."""
    _demand_rows(codes)
    if probes.dtype != np.uint8 or probes.shape != (len(probes), 2 * codes.shape[1]) or not probes.flags.c_contiguous:
        raise ParameterError("codes and probes do not belong together", wanted=str(codes.shape))
    out = np.zeros((len(probes), 2), np.int64)
    if runtime.use_native():
        runtime.native().scanning_moments(name, probes, codes, out, runtime.simd_level())
    elif name == "signs":
        _twin().sign_moments(probes.view(np.uint64), codes.view(np.uint64), out)
    else:
        _twin().step_moments(probes.view(np.int8), codes, out)
    return out


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Groups:
    """People to be sifted, by sixteen of one class: `sketches` uint8[groups, 10 fingers x 6 x 16 people x 4], the first
    24 bytes of each finger's numbers, plus 8; `slots` int32[groups, 16], which row of the codes each is, below 0 for
    nobody; `classes` uint16[groups]."""

    sketches: Bytes
    slots: NDArray[np.int32]
    classes: NDArray[np.uint16]


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Sieves:
    """What they are sifted by. `sketches` int8[probes, 10 fingers x 6 x 2 halves x 4], as stated. Of each laying (as
    stated, or so, with the hands exchanged and with all but the thumbs exchanged) the numbers and floors: `steps`
    uint8[layings, probes, 2 width] as for the scans, int32[layings, probes, classes]."""

    sketches: NDArray[np.int8]
    steps: Bytes
    sketch_floors: NDArray[np.int32]
    step_floors: NDArray[np.int32]


def sift(by: Sieves, groups: Groups, steps: Bytes) -> NDArray[np.int64]:
    """Who reaches both floors: (probe, row, laying, value of the numbers) of each, int64[n, 4] in that order.

    `steps`: all rows, which may be read-only and memory-mapped. ParameterError for more than 2^26.
    """
    capacity = _SIFTED_CAPACITY
    while True:
        out = np.empty((capacity, 4), np.uint32)
        people = (groups.sketches, groups.slots, groups.classes, steps)
        floors = (by.sketch_floors, by.step_floors)
        if runtime.use_native():
            asked = (by.sketches, by.steps)
            found = runtime.native().scanning_sift(*people, *asked, *floors, out, runtime.simd_level())
        else:
            found = _twin().sift(*people, by.sketches, by.steps.view(np.int8), *floors, out)
        if found <= capacity:
            hits = out[:found].view(np.int32).astype(np.int64)
            return hits[np.lexsort((hits[:, 2], hits[:, 1], hits[:, 0]))]
        if found > MOST_HITS:
            raise ParameterError("more rows are near than can be kept", found=found, most=MOST_HITS)
        capacity = found


def _there(present: NDArray[np.uint16], fingers: int) -> NDArray[np.bool_]:
    """bool[rows, fingers]"""
    return (present[:, None] >> np.arange(fingers, dtype=np.uint16) & 1).astype(np.bool_)


def _scan(
    name: str, probes: Bytes, floors: NDArray[np.int32], codes: Bytes, present: NDArray[np.uint16], threads: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    for array, kind, shape in (
        (codes, np.uint8, (len(codes), codes.shape[-1])),
        (present, np.uint16, (len(codes),)),
        (probes, np.uint8, (len(probes), 2 * codes.shape[-1])),
        (floors, np.int32, (len(probes), PRESENCES)),
    ):
        if array.dtype != kind or array.shape != shape or not array.flags.c_contiguous:
            raise ParameterError("codes, presences, probes and floors do not belong together", wanted=str(shape))
    _demand_rows(codes)
    if threads < 1:
        raise ParameterError("threads must be at least 1", threads=threads)
    kernel = _kernel(name, codes)

    def part(start: int) -> Hits:
        rows = slice(start, start + ROWS_A_THREAD)
        capacity = _FIRST_CAPACITY
        while True:
            out = np.empty((capacity, 3), np.uint32)
            found = kernel(probes, floors, codes[rows], present[rows], out)
            if found <= capacity:
                out[:found, 1] += np.uint32(start)
                return out[:found]
            if found > MOST_HITS:
                raise ParameterError("more rows are near than can be kept", found=found, most=MOST_HITS)
            capacity = found

    starts = range(0, len(codes), ROWS_A_THREAD)
    if threads == 1 or len(starts) < 2:
        parts = [part(start) for start in starts]
    else:
        with ThreadPoolExecutor(min(threads, len(starts))) as pool:
            parts = list(pool.map(part, starts))
    hits = np.concatenate(parts) if parts else np.empty((0, 3), np.uint32)
    order = np.lexsort((hits[:, 1], hits[:, 0]))
    probe, row, value = (hits[order, column] for column in range(3))
    return probe.astype(np.int64), row.astype(np.int64), value.view(np.int32).astype(np.int64)


def _demand_rows(codes: Bytes) -> None:
    if codes.dtype != np.uint8 or codes.ndim != 2 or not codes.flags.c_contiguous:
        raise ParameterError("codes must be rows of bytes", wanted="rows x bytes")
    if not 8 <= codes.shape[1] <= 8192 or codes.shape[1] % 8:
        raise ParameterError("a row of codes must be whole words of 8 bytes", bytes=codes.shape[1])


def _kernel(name: str, codes: Bytes) -> Kernel:
    if runtime.use_native():
        native = getattr(runtime.native(), f"scanning_{name}")
        level = runtime.simd_level()
        return lambda probes, floors, codes, present, out: int(native(probes, floors, codes, present, out, level))
    twin = getattr(_twin(), name)
    word, number = (np.uint64, np.uint64) if name == "signs" else (np.uint8, np.int8)
    if name == "signs" and codes.ctypes.data % 8:
        raise ParameterError("codes of bits must lie on whole words in memory")
    return lambda probes, floors, codes, present, out: int(
        twin(probes.view(number), floors, codes.view(word), present, out)
    )


def _twin() -> ModuleType:
    return import_module("cccd_core.dedup.kernels.scanning")  # numba is loaded only where it runs
