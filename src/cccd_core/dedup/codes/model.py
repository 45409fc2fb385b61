"""The learned numbers that make a finger's code, and the file that they are kept in.

How a code is made of a finger's minutiae, for each finger alone:

1. Each minutia's cylinder (`matching.prepared`) is made at several radii; all their bits together are `inputs`.
2. z = the rows of `embedding` where a bit is set, added up, times `embedding_scale`, + `embedding_bias`: `depth`
   numbers, what a minutia looks like.
3. How much it belongs to each word of a vocabulary: softmax of `assignment_bias` + the rows of `assignment`.
4. For each word, by those shares, the sum of z less the word's `centres`: vocabulary x depth numbers, of which the
   signed roots are brought to one length and rounded to whole numbers.
5. `outputs` projections of them, that tell fingers apart and not impressions; of these again the signed roots.
6. The code: the signs of all, a bit each; and the first `coarse` in four bits each.

The file: a line `cccd finger codes 1`, the length of the head (4 bytes, little-endian), the head as JSON, and the
arrays in the order of `Head.shapes`, little-endian. Every size is checked before memory is taken.
"""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import numpy as np
from numpy.typing import NDArray

from cccd_core import plain
from cccd_core.errors import DamagedError

MAGIC = b"cccd finger codes 1\n"
SHIPPED = "data/codes.bin"
# of the numbers that are shipped; another file is refused
DIGEST = "sha256:b366403e55b85d5b759a33e917784919f2a627b22b84a539eefd107d0b73b6dd"

CYLINDER_BITS = 312
SCALES_MOST, DEPTH_MOST, VOCABULARY_MOST, OUTPUTS_MOST = 4, 512, 256, 2048  # as native/kernels/coding/coding.hpp
NUMBER_MOST = 1e4  # no weight is larger, so that no sum of them overflows
HEAD_MOST = 1 << 20
BYTES_MOST = 1 << 25

Float32 = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Scale:
    """One size of cylinder; lengths in pixels at 500 dpi."""

    radius_px: float
    sigma_px: float


@dataclass(frozen=True, slots=True)
class Head:
    """Sizes and origin. `coarse_scale` times a unit code is what is rounded to four bits; `trained_on` names the data.

    DamagedError for sizes that the kernels have no room for.
    """

    scales: tuple[Scale, ...]
    depth: int
    vocabulary: int
    outputs: int
    coarse: int
    coarse_scale: float
    trained_on: tuple[str, ...]

    def __post_init__(self) -> None:
        if not 1 <= len(self.scales) <= SCALES_MOST or not all(
            16.0 <= scale.radius_px <= 200.0 and 1.0 <= scale.sigma_px <= 50.0 for scale in self.scales
        ):
            raise DamagedError("finger codes of scales that cannot be", scales=len(self.scales))
        for name, value, step, most in (
            ("depth", self.depth, 128, DEPTH_MOST),
            ("vocabulary", self.vocabulary, 16, VOCABULARY_MOST),
            ("outputs", self.outputs, 64, OUTPUTS_MOST),
            ("coarse", self.coarse, 64, self.outputs),
        ):
            if not step <= value <= most or value % step:
                raise DamagedError("finger codes of a size that cannot be", name=name, value=value, most=most)
        if not 1.0 <= self.coarse_scale <= NUMBER_MOST:
            raise DamagedError("finger codes of a scale that cannot be", coarse_scale=self.coarse_scale)

    @property
    def shapes(self) -> dict[str, tuple[tuple[int, ...], str]]:
        """Shape and type of each array in the file, in order."""
        inputs, pooled = len(self.scales) * CYLINDER_BITS, self.vocabulary * self.depth
        return {
            "embedding": ((inputs, self.depth), "|i1"),
            "embedding_scale": ((self.depth,), "<f4"),
            "embedding_bias": ((self.depth,), "<f4"),
            "assignment": ((inputs, self.vocabulary), "<f4"),
            "assignment_bias": ((self.vocabulary,), "<f4"),
            "centres": ((self.vocabulary, self.depth), "<f4"),
            "projection": ((self.outputs, pooled), "|i1"),
            "projection_scale": ((self.outputs,), "<f4"),
            "projection_bias": ((self.outputs,), "<f4"),
        }


@dataclass(frozen=True, slots=True, eq=False)
class CodeModel:
    """All numbers of a coder, read-only; shapes are those of `Head.shapes`. DamagedError for others."""

    head: Head
    embedding: NDArray[np.int8]
    embedding_scale: Float32
    embedding_bias: Float32
    assignment: Float32
    assignment_bias: Float32
    centres: Float32
    projection: NDArray[np.int8]
    projection_scale: Float32
    projection_bias: Float32

    def __post_init__(self) -> None:
        for (name, (shape, kind)), array in zip(self.head.shapes.items(), self.arrays(), strict=True):
            if array.shape != shape or array.dtype != np.dtype(kind):
                raise DamagedError("finger codes with an array of another shape", name=name, shape=str(array.shape))
            # a comparison with what is no number is false
            if array.dtype.kind == "f" and not bool((np.abs(array) <= NUMBER_MOST).all()):
                raise DamagedError("finger codes with a number that cannot be", name=name)
            array.flags.writeable = False

    @classmethod
    def from_bytes(cls, data: bytes) -> CodeModel:
        """Reads a file. DamagedError for anything that is none."""
        start = len(MAGIC) + 4
        if len(data) > BYTES_MOST or len(data) < start or not data.startswith(MAGIC):
            raise DamagedError("this is no file of finger codes", bytes=len(data))
        length = int.from_bytes(data[len(MAGIC) : start], "little")
        if length > HEAD_MOST or start + length > len(data):
            raise DamagedError("the head of the finger codes is cut short", bytes=length)
        try:
            head = plain.decode(Head, json.loads(data[start : start + length]))
        except (ValueError, RecursionError) as error:
            raise DamagedError("the head of the finger codes cannot be read", why=type(error).__name__) from None
        at = start + length
        wanted = sum(math.prod(shape) * np.dtype(kind).itemsize for shape, kind in head.shapes.values())
        if len(data) - at != wanted:
            raise DamagedError("finger codes of another length", bytes=len(data) - at, wanted=wanted)
        arrays = []
        for shape, kind in head.shapes.values():
            count = math.prod(shape)
            # copied, so that every array lies where its numbers may
            arrays.append(np.frombuffer(data, kind, count, at).reshape(shape).astype(np.dtype(kind).newbyteorder("=")))
            at += arrays[-1].nbytes
        return cls(head, *arrays)

    def to_bytes(self) -> bytes:
        """The file, which `from_bytes` reads back; equal numbers give equal bytes."""
        head = json.dumps(plain.encode_record(self.head), sort_keys=True).encode()
        kinds = (kind for _, kind in self.head.shapes.values())
        arrays = b"".join(array.astype(kind).tobytes() for kind, array in zip(kinds, self.arrays(), strict=True))
        return MAGIC + len(head).to_bytes(4, "little") + head + arrays

    @property
    def digest(self) -> str:
        """`sha256:` and the digest of the file; equal digests give equal codes."""
        return "sha256:" + hashlib.sha256(self.to_bytes()).hexdigest()

    def arrays(self) -> tuple[NDArray[np.float32] | NDArray[np.int8], ...]:
        """In the order of the file and of the kernels."""
        return (
            self.embedding,
            self.embedding_scale,
            self.embedding_bias,
            self.assignment,
            self.assignment_bias,
            self.centres,
            self.projection,
            self.projection_scale,
            self.projection_bias,
        )


@cache
def shipped() -> CodeModel:
    """The numbers that come with the library, read once. DamagedError where they are not those of `DIGEST`."""
    data = files("cccd_core.dedup.codes").joinpath(SHIPPED).read_bytes()
    if f"sha256:{hashlib.sha256(data).hexdigest()}" != DIGEST:
        raise DamagedError("the finger codes are not those that were shipped")
    return CodeModel.from_bytes(data)
