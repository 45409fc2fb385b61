"""People made ready for a search: those who are searched for, and blocks of those among whom."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Generic, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from cccd_core.dedup.person import MAX_FINGERS, EnrolledPerson
from cccd_core.dedup.scorer import G, P, Scorer
from cccd_core.templates import FingerTemplate, mirrored

Source: TypeAlias = Literal["gallery", "batch"]


@dataclass(frozen=True, slots=True)
class Searchable:
    """A person with those fingers, (position, template), that have minutiae enough; 0 is an unknown position."""

    person_id: str
    fingers: tuple[tuple[int, FingerTemplate], ...] = field(repr=False)

    @classmethod
    def of(cls, person: EnrolledPerson, least_minutiae: int) -> Searchable:
        """The person without the fingers of fewer minutiae."""
        return cls(person.person_id, tuple(person.fingers(least_minutiae)))

    def mirrored(self) -> Searchable:
        """The same person where every image was mirrored."""
        return Searchable(self.person_id, tuple((position, mirrored(one)) for position, one in self.fingers))


@dataclass(frozen=True, slots=True)
class Probe(Generic[P]):
    """A person to search by, prepared: `fingers` are (position, prepared finger), 0 an unknown position.

    `index` is the person's place in the order of who is earlier: in a batch, or in a whole gallery.
    """

    index: int
    person_id: str
    fingers: tuple[tuple[int, P], ...] = field(repr=False)

    @classmethod
    def prepare(cls, scorer: Scorer[P, G], index: int, person: Searchable) -> Probe[P]:
        """Prepares the fingers of the person at this place of the batch."""
        fingers = tuple((position, scorer.prepare(template)) for position, template in person.fingers)
        return cls(index, person.person_id, fingers)


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Block(Generic[G]):
    """Candidates packed: fingers lie in order of position, within a position in order of person.

    `packed` is what the scorer made of them; `person` int64[fingers] and `slot` int64[fingers] say whose finger and
    which of the person's fingers each is; `labels[person][slot]` is its position; `bounds[position]` is where a
    position begins. `places` int64[people], ascending, is each person's place in the order of who is earlier; -1 where
    they are earlier than every probe.
    """

    source: Source
    person_ids: tuple[str, ...]
    places: NDArray[np.int64]
    packed: G = field(repr=False)
    person: NDArray[np.int64]
    slot: NDArray[np.int64]
    labels: tuple[tuple[int, ...], ...]
    bounds: NDArray[np.int64]

    @classmethod
    def pack(
        cls,
        scorer: Scorer[P, G],
        source: Source,
        people: Sequence[Searchable],
        first_index: int | None = None,
        probes: Mapping[int, Probe[P]] | None = None,
    ) -> Block[G]:
        """Packs the fingers of these people; `first_index` is the place of the first of them in the batch, None where
        they are earlier than all of it. `probes`: those of the batch who are prepared already, by their places."""
        entries: list[tuple[int, int, int, P]] = []
        for row, person in enumerate(people):
            ready = None if probes is None or first_index is None else probes.get(first_index + row)
            for slot, (position, template) in enumerate(person.fingers):
                finger = scorer.prepare(template) if ready is None else ready.fingers[slot][1]
                entries.append((position, row, slot, finger))
        entries.sort(key=lambda entry: entry[:3])
        positions = np.array([entry[0] for entry in entries], dtype=np.int64)
        return cls(
            source,
            tuple(person.person_id for person in people),
            np.full(len(people), -1) if first_index is None else first_index + np.arange(len(people)),
            scorer.pack([entry[3] for entry in entries]),
            np.array([entry[1] for entry in entries], dtype=np.int64),
            np.array([entry[2] for entry in entries], dtype=np.int64),
            tuple(tuple(position for position, _ in person.fingers) for person in people),
            np.searchsorted(positions, np.arange(MAX_FINGERS + 2)),
        )

    def people_before(self, probe: Probe[P]) -> int:
        """How many people of the block the probe meets: those earlier than itself."""
        return int(np.searchsorted(self.places, probe.index))

    def rows(self, position: int, people: int) -> tuple[int, int]:
        """First and past-the-last finger of that position that belongs to the first `people` people."""
        start, stop = int(self.bounds[position]), int(self.bounds[position + 1])
        return start, start + int(np.searchsorted(self.person[start:stop], people))
