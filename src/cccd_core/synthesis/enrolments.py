"""A people to be enrolled: whose fingers stand in which record, who is there twice, and what clerks got wrong.

Record i is a function of the plan's seed, its shares and i alone: not of how many records there are, of what was made
before, or of threads and portions. So a work that was broken off goes on, and a longer people begins with the shorter.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Final

import numpy as np

from cccd_core.errors import ParameterError
from cccd_core.synthesis.fingers import ALL_FINGERS, MasterFinger, tenprints
from cccd_core.synthesis.parameters import FingerParameters, setting
from cccd_core.synthesis.streams import streams
from cccd_core.templates import FingerTemplate, Tenprint, mirrored

MOST_RECORDS: Final = 10**10
MOST_SHARE: Final = 0.5
_RECORD_STREAM: Final = 3
_WHO, _FIRST, _OTHER = range(3)  # what is drawn of a record: its share of luck, whose it is, who else is in it
_AGAIN: Final = 2**40  # impressions of a finger that stands twice in a record are numbered from here
_TRIES: Final = 64
_PORTION: Final = 512  # records whose templates are in memory


class Mistake(StrEnum):
    """What a clerk gets wrong with a record."""

    HANDS_SWAPPED = "hands_swapped"
    """Every finger stands at the same finger's place of the other hand."""
    NEIGHBOURS_SWAPPED = "neighbours_swapped"
    """Two fingers beside each other stand at each other's place."""
    SAME_FINGER_TWICE = "same_finger_twice"
    """A finger stands, as another impression, also in another's place."""
    FINGER_OF_ANOTHER = "finger_of_another"
    """One finger is that of somebody else who is enrolled."""
    UNKNOWN_POSITIONS = "unknown_positions"
    """No finger's position is stated."""
    MIRRORED = "mirrored"
    """A finger's print is mirrored."""
    TWO_PEOPLE = "two_people"
    """Half of the fingers are those of somebody else who is enrolled."""


_WITH_ANOTHER = (Mistake.FINGER_OF_ANOTHER, Mistake.TWO_PEOPLE)


@dataclass(frozen=True, slots=True)
class Truth:
    """What is true of one record. `person` is the number of the record where that person first stands, the record's own
    unless it is a duplicate; `other` that of somebody whose fingers are in it as well; `positions` those concerned."""

    record: int
    person: int
    mistake: Mistake | None = None
    positions: tuple[int, ...] = ()
    other: int | None = None

    @property
    def duplicate(self) -> bool:
        """Whether the person stands in an earlier record."""
        return self.person != self.record


@dataclass(frozen=True, slots=True)
class SyntheticRecord:
    """A record as it is handed in: `placed` the fingers whose position is stated, `unplaced` the others."""

    record_id: str
    placed: Tenprint
    unplaced: tuple[FingerTemplate, ...]
    truth: Truth


@dataclass(frozen=True, slots=True)
class Enrolments:
    """The plan of a people: `duplicates` of its records are a person enrolled again, as another impression under
    another identifier; `mistakes` of them have a mistake, each kind as often as the others.

    ParameterError for shares outside 0 to a half, and for positions that are none, none at all, or named twice.
    """

    seed: int
    duplicates: float = 0.0
    mistakes: float = 0.0
    positions: tuple[int, ...] = ALL_FINGERS
    parameters: FingerParameters = field(default_factory=setting)

    def __post_init__(self) -> None:
        streams(self.seed, 0)
        for name in ("duplicates", "mistakes"):
            if not 0 <= getattr(self, name) <= MOST_SHARE:
                raise ParameterError("a share of the records is 0 to 0.5", name=name)
        object.__setattr__(self, "positions", tuple(sorted(self.positions)))
        places = set(self.positions)
        if not places or len(places) < len(self.positions) or not places <= set(ALL_FINGERS):
            raise ParameterError("fingers are given by different positions from 1 to 10")

    @property
    def digest(self) -> str:
        """sha256 of everything that the records depend on."""
        said = [self.seed, self.duplicates, self.mistakes, self.positions, self.parameters.digest]
        return "sha256:" + hashlib.sha256(json.dumps(said).encode()).hexdigest()

    def truth(self, record: int) -> Truth:
        """What is true of that record. About 0.1 ms."""
        _demand_record(record)
        draws = self._draws(record, _WHO)
        person = self._somebody(record, _FIRST) if self._doubled(record, draws[0]) else None
        first = record if person is None else person
        if draws[1] >= self.mistakes:
            return Truth(record, first)
        mistake, other = self._mistake(record, first, draws[2:])
        return Truth(record, first, mistake, self._concerned(mistake, draws[3:]), other)

    def records(self, start: int, stop: int, *, threads: int | None = None) -> Iterator[SyntheticRecord]:
        """The records from `start` to before `stop`. ParameterError for more than ten thousand million."""
        _demand_record(start)
        _demand_record(max(start, stop - 1))
        for first in range(start, stop, _PORTION):
            truths = [self.truth(number) for number in range(first, min(stop, first + _PORTION))]
            made = tenprints(
                self.seed,
                np.array([truth.person for truth in truths]),
                impressions=np.array([_impression(truth) for truth in truths]),
                positions=self.positions,
                parameters=self.parameters,
                threads=threads,
            )
            for truth, fingers in zip(truths, made, strict=True):
                yield self._as_handed_in(truth, fingers)

    def _draws(self, record: int, purpose: int, count: int = 8) -> list[float]:
        """Numbers from 0 to 1 for a record."""
        words = streams(self.seed, record, purpose, np.arange(count), _RECORD_STREAM)
        return [int(word >> 11) * 2.0**-53 for word in words.tolist()]

    def _doubled(self, record: int, draw: float) -> bool:
        return record > 0 and draw < self.duplicates

    def _somebody(self, record: int, purpose: int, but: int | None = None) -> int | None:
        """The number of an earlier record that is no duplicate, and not that of `but`."""
        for draw in self._draws(record, purpose, _TRIES):
            number = int(draw * record)
            if number not in (but, record) and not self._doubled(number, self._draws(number, _WHO, 1)[0]):
                return number
        return None if but == 0 or record == 0 else 0

    def _mistake(self, record: int, person: int, draws: Sequence[float]) -> tuple[Mistake, int | None]:
        possible = [kind for kind in Mistake if self._possible(kind)]
        mistake = possible[int(draws[0] * len(possible))]
        if mistake not in _WITH_ANOTHER:
            return mistake, None
        other = self._somebody(record, _OTHER, person)
        return (Mistake.UNKNOWN_POSITIONS, None) if other is None else (mistake, other)

    def _possible(self, mistake: Mistake) -> bool:
        if mistake is Mistake.NEIGHBOURS_SWAPPED:
            return bool(_neighbours(self.positions))
        return len(self.positions) > 1 or mistake not in (Mistake.SAME_FINGER_TWICE, Mistake.TWO_PEOPLE)

    def _concerned(self, mistake: Mistake, draws: Sequence[float]) -> tuple[int, ...]:
        """The positions that a mistake concerns; of one twice its own, then where it stands as well."""
        places = self.positions
        if mistake is Mistake.NEIGHBOURS_SWAPPED:
            pairs = _neighbours(places)
            return pairs[int(draws[0] * len(pairs))]
        if mistake in (Mistake.FINGER_OF_ANOTHER, Mistake.MIRRORED):
            return (places[int(draws[0] * len(places))],)
        if mistake is Mistake.SAME_FINGER_TWICE:
            first = int(draws[0] * len(places))
            second = (first + 1 + int(draws[1] * (len(places) - 1))) % len(places)
            return places[first], places[second]
        return places[(len(places) + 1) // 2 :] if mistake is Mistake.TWO_PEOPLE else places

    def _as_handed_in(self, truth: Truth, fingers: Tenprint) -> SyntheticRecord:
        placed = dict(fingers)
        unplaced: tuple[FingerTemplate, ...] = ()
        at = truth.positions
        match truth.mistake:
            case Mistake.HANDS_SWAPPED:
                placed = {_other_hand(position): finger for position, finger in placed.items()}
            case Mistake.NEIGHBOURS_SWAPPED:
                placed[at[0]], placed[at[1]] = placed[at[1]], placed[at[0]]
            case Mistake.SAME_FINGER_TWICE:
                placed[at[1]] = self._finger(truth.person, at[0], _impression(truth) + _AGAIN)
            case Mistake.MIRRORED:
                placed[at[0]] = mirrored(placed[at[0]])
            case Mistake.UNKNOWN_POSITIONS:
                unplaced = tuple(replace(finger, position=0) for finger in placed.values())
                placed = {}
            case Mistake.FINGER_OF_ANOTHER | Mistake.TWO_PEOPLE if truth.other is not None:
                for position in at:
                    placed[position] = self._finger(truth.other, position, truth.record)
        stated = {place: replace(it, position=place) if it.position != place else it for place, it in placed.items()}
        return SyntheticRecord(record_id(truth.record), Tenprint(stated), unplaced, truth)

    def _finger(self, person: int, position: int, impression: int) -> FingerTemplate:
        return MasterFinger.make(self.seed, person, position, self.parameters).impression(impression)


def record_id(record: int) -> str:
    """The identifier under which a record is enrolled: S and ten digits."""
    return f"S{record:010}"


def _demand_record(record: int) -> None:
    if not 0 <= record < MOST_RECORDS:
        raise ParameterError("a record has a number from 0 to 9,999,999,999", record=record)


def _impression(truth: Truth) -> int:
    """A duplicate is another impression than all others of the person, who is shown as impression 0 at first."""
    return truth.record if truth.duplicate else 0


def _other_hand(position: int) -> int:
    return position + 5 if position <= 5 else position - 5


def _neighbours(positions: Sequence[int]) -> list[tuple[int, int]]:
    """Pairs of fingers beside each other on one hand."""
    return [(place, place + 1) for place in positions if place % 5 and place + 1 in positions]
