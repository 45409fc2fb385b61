"""What an index is made by, besides a gallery: what prepares fingers, and what codes them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from cccd_core.matching.parameters import MatcherParameters
from cccd_core.matching.prepared import PreparedGallery
from cccd_core.templates import FingerTemplate


class Preparer(Protocol):
    """What makes prepared fingers of templates: `matching.Matcher`."""

    @property
    def parameters(self) -> MatcherParameters: ...

    def gallery(self, templates: Sequence[FingerTemplate]) -> PreparedGallery: ...


class CodeColumn(Protocol):
    """One kind of code, and how many bytes a finger has."""

    @property
    def name(self) -> str: ...

    @property
    def bytes_per_finger(self) -> int: ...


class Coder(Protocol):
    """What makes codes of templates: `dedup.codes.FingerCoder`. Deterministic bit for bit.

    `prepared`: the same fingers as they were prepared already, by the digest of that preparation; it changes no code.
    """

    @property
    def digest(self) -> str: ...

    @property
    def columns(self) -> Sequence[CodeColumn]: ...

    def encode(
        self, templates: Sequence[FingerTemplate], *, prepared: Mapping[str, PreparedGallery] = ..., threads: int = 1
    ) -> Mapping[str, NDArray[np.uint8]]: ...
