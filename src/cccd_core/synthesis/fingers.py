"""Synthetic fingers. Imports templates, numpy and errors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from cccd_core.templates import FingerTemplate, Tenprint


@dataclass(frozen=True, slots=True)
class FingerParameters:
    """What synthetic fingers and their impressions look like."""


@dataclass(frozen=True, slots=True, eq=False)
class MasterFinger:
    """A finger as it is on the hand: everything an impression can show."""

    seed: int
    person: int
    position: int

    @classmethod
    def make(cls, seed: int, person: int, position: int, parameters: FingerParameters | None = None) -> MasterFinger:
        """The finger of that seed, person and position; always the same, whatever was made before."""
        raise NotImplementedError

    def impression(self, number: int, *, quality: float | None = None) -> FingerTemplate:
        """Impression `number` of the finger at 500 dpi."""
        raise NotImplementedError


def tenprint(
    seed: int,
    person: int,
    *,
    impression: int = 0,
    positions: Sequence[int] = tuple(range(1, 11)),
    parameters: FingerParameters | None = None,
) -> Tenprint:
    """One impression of each of these fingers of a person."""
    return Tenprint(
        {place: MasterFinger.make(seed, person, place, parameters).impression(impression) for place in positions}
    )
