"""Those whom an index does not have yet, kept ready from search to search by whoever searches again and again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass, field, replace
from typing import Final, TypeAlias

from cccd_core.dedup.blocks import Block, Searchable
from cccd_core.dedup.gallery.protocol import Gallery
from cccd_core.matching import Matcher, PreparedGallery

_PART_MOST: Final = 64  # people packed together: so many are packed anew where one of them is left out

Ready: TypeAlias = tuple[int, Searchable]  # by number


@dataclass(frozen=True, slots=True)
class _Part:
    people: tuple[Ready, ...]
    block: Block[PreparedGallery]

    @classmethod
    def of(cls, matcher: Matcher, people: Sequence[Ready]) -> _Part:
        return cls(tuple(people), Block.pack(matcher, "gallery", [person for _, person in people]))


@dataclass(frozen=True, slots=True)
class Recent:
    """People of a gallery, packed in parts of one to 64. One of these never changes; `followed` makes the next.

    `seen` are the numbers that were looked at, those of people who are gone included.
    """

    matcher: Matcher
    least_minutiae: int
    seen: frozenset[int] = frozenset()
    parts: tuple[_Part, ...] = field(default=(), repr=False)

    def __len__(self) -> int:
        return sum(len(part.people) for part in self.parts)

    def followed(self, gallery: Gallery, wanted: Set[int], changed: Set[int]) -> Recent:
        """The same of exactly the people of the `wanted` numbers; `changed` are those who were taken out or given other
        templates since. Only who is new is read and prepared; each person is packed some six times."""
        kept: list[_Part] = []
        for part in self.parts:
            left = [one for one in part.people if one[0] in wanted and one[0] not in changed]
            if len(left) == len(part.people):
                kept.append(part)
            elif left:
                kept.append(_Part.of(self.matcher, left))
        new = sorted(wanted - (self.seen - changed))
        for start in range(0, len(new), _PART_MOST):
            entries = gallery.entries_of(new[start : start + _PART_MOST])
            people = [(entry.sequence, Searchable.of(entry.person, self.least_minutiae)) for entry in entries]
            while people and kept and len(kept[-1].people) <= len(people) <= _PART_MOST - len(kept[-1].people):
                people = [*kept.pop().people, *people]
            if people:
                kept.append(_Part.of(self.matcher, people))
        return replace(self, seen=frozenset(wanted), parts=tuple(kept))

    def blocks(self, gallery: Gallery, without: Set[str]) -> Iterator[Block[PreparedGallery]]:
        """Those of them who are enrolled now, under the identifiers that they have now, but for some."""
        for part in self.parts:
            names = gallery.identifiers(sequence for sequence, _ in part.people)
            left = [
                (sequence, replace(person, person_id=names[sequence]))
                for sequence, person in part.people
                if sequence in names and names[sequence] not in without
            ]
            if len(left) == len(part.people):
                yield replace(part.block, person_ids=tuple(person.person_id for _, person in left))
            elif left:
                yield _Part.of(self.matcher, left).block
