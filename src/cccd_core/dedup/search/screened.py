"""People whom a first stage has left for each of a batch: several of the batch are compared with theirs at a time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from cccd_core.dedup.blocks import Probe
from cccd_core.dedup.judge.candidate import Candidate
from cccd_core.dedup.judge.fusion import fuse_same_position
from cccd_core.dedup.person import MAX_FINGERS
from cccd_core.dedup.search.glance import LEAST_SHARED, SPEAKING, Glance, Ways, together
from cccd_core.dedup.search.live import LiveRows, Places
from cccd_core.dedup.stages import AnyPosition, Met, SamePosition, Way
from cccd_core.matching import PreparedGallery, PreparedTemplate

PEOPLE_MOST: Final = 256  # whose fingers are made ready at a time, 6 MB, so that they stay in the cache

_Probe: TypeAlias = Probe[PreparedTemplate]
_Pairs: TypeAlias = tuple[Places, Places, Ways]  # which of the probes, whom they meet, and by what they were left
_STATED: Final = np.uint8(1)  # the bit of `LAYINGS[0]`
_POSITIONS: Final = tuple(range(1, MAX_FINGERS + 1))


class Kept(NamedTuple):
    """Whom a first stage leaves for somebody: `places` int64[n] among the live rows of all shards, one shard after the
    other, ascending; and by what, `ways` uint8[n], as `CodeScreen.survivors` says."""

    places: NDArray[np.int64]
    ways: Ways

    def __repr__(self) -> str:
        return f"Kept(people={len(self.places)})"


_NOBODY: Final = Kept(np.zeros(0, np.int64), np.zeros(0, np.uint8))


class Screened:
    """The shards, of which a first stage has left some people for each of the batch."""

    def __init__(
        self,
        rows: LiveRows,
        glance: Glance,
        left: Mapping[int, Mapping[bool, Kept]],
        speaking: dict[int, Places],
    ) -> None:
        """`left`: by the place in the batch, and whether as a mirror image. `speaking`: filled by the first pass, for
        the second: of whom each is left, the places of those whose fingers as stated say something."""
        self._rows, self._glance, self._left, self._speaking = rows, glance, left, speaking

    def people(self, index: int) -> int:
        """Everyone."""
        del index
        return len(self._rows)

    def compare(self, ways: Sequence[Way[PreparedTemplate, PreparedGallery]], places: Sequence[int]) -> list[Met]:
        """Each of these with those who are left; across positions, with those whose fingers in the laying that left
        them say something."""
        candidates: list[list[Candidate]] = [[] for _ in places]
        pairs, people = np.zeros(len(places), np.int64), np.zeros(len(places), np.int64)
        for number, (stage, probes) in enumerate(ways):
            some = [probes[place] for place in places]
            kept = [self._left[one.index].get(stage.mirrored, _NOBODY) for one in some]
            if not number:
                people += [len(one.places) for one in kept]
            if isinstance(stage, SamePosition):
                pairs += self._by_position(stage, some, kept, candidates)
            else:
                pairs += self._across(stage, some, kept, candidates)
        return [Met(*one) for one in zip(candidates, pairs.tolist(), people.tolist(), strict=True)]

    def _by_position(
        self,
        stage: SamePosition[PreparedTemplate, PreparedGallery],
        probes: Sequence[_Probe],
        kept: Sequence[Kept],
        candidates: list[list[Candidate]],
    ) -> Places:
        """Adds to the candidates of each; how many fingers of each were compared."""
        searching, compared = together(probes), np.zeros(len(probes), np.int64)
        rows, places, _ = _pairs_of(kept)
        speaking = [np.zeros((0, 2), np.int64)]
        for some in self._windows(len(rows)):
            people, column = np.unique(places[some], return_inverse=True)
            there, names = self._rows.named(people)
            if not names:
                continue
            left = there[column]
            row, column = rows[some][left], (np.cumsum(there) - 1)[column[left]]
            scores, both = self._glance.judge.by_position(searching, self._rows.fingers(people[there]), row, column)
            shared = np.count_nonzero(both, axis=1)
            np.add.at(compared, row, shared)
            fused, chosen = fuse_same_position(scores)
            says = (fused >= SPEAKING) | (shared < LEAST_SHARED)
            speaking.append(np.stack([row[says], people[there][column[says]]], axis=1))
            ends = np.searchsorted(row, np.arange(len(probes) + 1)).tolist()
            for place, probe in enumerate(probes):
                start, stop = ends[place], ends[place + 1]
                if start < stop:
                    mine = slice(start, stop)
                    who = [names[number] for number in column[mine].tolist()]
                    candidates[place] += stage.candidates(
                        probe.person_id, who, None, _POSITIONS, scores[mine], fused[mine], chosen[mine]
                    )
        if not stage.mirrored:
            pairs = np.concatenate(speaking)
            for place, probe in enumerate(probes):
                self._speaking[probe.index] = pairs[pairs[:, 0] == place, 1]
        return compared

    def _across(
        self,
        stage: AnyPosition[PreparedTemplate, PreparedGallery],
        probes: Sequence[_Probe],
        kept: Sequence[Kept],
        candidates: list[list[Candidate]],
    ) -> Places:
        """The same, of those whose fingers in the laying that left them say something. As they are stated, the first
        pass has compared them."""
        searching, compared = together(probes), np.zeros(len(probes), np.int64)
        rows, places, ways = _pairs_of(kept)
        known = np.concatenate(
            [np.isin(one.places, self._speaking[p.index]) for p, one in zip(probes, kept, strict=True)]
        )
        asked = ~known & (ways & ~_STATED > 0)
        later, whom, by = rows[asked], places[asked], ways[asked] & ~_STATED
        going_on = [np.stack([rows[known], places[known]], axis=1)]
        for some in self._windows(len(later)):
            people, column = np.unique(whom[some], return_inverse=True)
            on, fingers = self._glance.laid(searching, self._rows.fingers(people), later[some], column, by[some])
            np.add.at(compared, later[some], fingers)
            going_on.append(np.stack([later[some][on], whom[some][on]], axis=1))
        pairs = np.concatenate(going_on)
        pairs = pairs[np.lexsort((pairs[:, 1], pairs[:, 0]))]
        for number in np.unique(pairs[:, 0]).tolist():
            for block in self._rows.blocks(pairs[pairs[:, 0] == number, 1]):
                found = stage.compare(probes[number], block)
                candidates[number] += found.candidates
                compared[number] += found.finger_pairs
        return compared

    def _windows(self, pairs: int) -> Iterator[slice[int, int, None]]:
        """So many pairs, some at a time."""
        size = min(PEOPLE_MOST, self._rows.parameters.gallery_block)
        return (slice(start, start + size) for start in range(0, pairs, size))


def _pairs_of(kept: Sequence[Kept]) -> _Pairs:
    """All of these one after the other."""
    rows = np.repeat(np.arange(len(kept)), [len(one.places) for one in kept])
    places = np.concatenate([np.zeros(0, np.int64), *(one.places for one in kept)])
    return rows, places, np.concatenate([np.zeros(0, np.uint8), *(one.ways for one in kept)])
