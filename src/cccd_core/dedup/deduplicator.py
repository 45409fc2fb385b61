"""Deduplicator: a batch of dossiers against a gallery and within itself. Imports dedup and matching."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence, Set
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from cccd_core.dedup.decision import Decision
from cccd_core.dedup.gallery import Gallery
from cccd_core.dedup.parameters import DedupParameters
from cccd_core.dedup.person import EnrolledPerson
from cccd_core.templates import FingerTemplate

Progress = Callable[[int, int, str], None]


class BatchMatcher(Protocol):
    """What the search asks of `matching.Matcher`: never how a score is made."""

    def prepare(self, template: FingerTemplate) -> Any: ...

    def gallery(self, templates: Sequence[FingerTemplate]) -> Any: ...

    def scores(self, probe: Any, gallery: Any, *, threads: int | None = None) -> NDArray[np.float32]: ...

    def manifest(self) -> dict[str, Any]: ...


class Deduplicator:
    """Searches people by their fingers, exhaustively."""

    def __init__(
        self, matcher: BatchMatcher, parameters: DedupParameters | None = None, *, threads: int | None = None
    ) -> None:
        self.matcher = matcher
        self.parameters = DedupParameters() if parameters is None else parameters
        self._threads = threads

    def search(
        self,
        batch: Sequence[EnrolledPerson],
        gallery: Gallery,
        *,
        exclude: Mapping[str, Set[str]] | None = None,
        progress: Progress | None = None,
    ) -> list[Decision]:
        """Decides each person of the batch, in its order."""
        raise NotImplementedError
