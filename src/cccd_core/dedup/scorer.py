"""What a search asks of a matcher. `matching.Matcher` is one; how a score is made stays the matcher's business."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, Self, TypeVar

import numpy as np
from numpy.typing import NDArray

from cccd_core.plain import JsonObject
from cccd_core.templates import FingerTemplate


class Packed(Protocol):
    """Many fingers, packed in order; a contiguous slice is packed as well, and scores as those fingers alone."""

    def __len__(self) -> int: ...

    def __getitem__(self, rows: slice[int, int, None], /) -> Self: ...


P = TypeVar("P")  # one finger made ready to be searched by
G = TypeVar("G", bound=Packed)  # many fingers made ready to be searched among


class Scorer(Protocol[P, G]):
    """Makes fingers ready and scores one against many. May be called from several threads.

    A score, −10·log10(FMR), depends on nothing but the two fingers: neither on what else is packed nor on `threads`.
    """

    def prepare(self, template: FingerTemplate) -> P:
        """One finger to search by."""

    def pack(self, fingers: Sequence[P]) -> G:
        """Fingers that were made ready, to search among, in this order."""

    def scores(self, probe: P, gallery: G, *, threads: int | None = None) -> NDArray[np.float32]:
        """Calibrated scores of one finger against every one of the packed: float32[len(gallery)]."""

    def manifest(self) -> JsonObject:
        """What the scores were made by."""
