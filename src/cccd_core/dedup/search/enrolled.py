"""Those enrolled as one search meets them, part by part: packed from their templates, or taken from an index."""

from __future__ import annotations

from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass
from itertools import islice
from typing import Final, Generic, Protocol

import numpy as np

from cccd_core.dedup.blocks import Block, Probe, Searchable
from cccd_core.dedup.gallery.protocol import Gallery
from cccd_core.dedup.index import Index
from cccd_core.dedup.judge.thresholds import Thresholds
from cccd_core.dedup.parameters import DedupParameters
from cccd_core.dedup.person import EnrolledPerson
from cccd_core.dedup.scorer import G, P, Scorer
from cccd_core.dedup.search.cascade import Cascade
from cccd_core.dedup.search.glance import Glance
from cccd_core.dedup.search.live import LiveRows, Places
from cccd_core.dedup.search.pairs import PairJudge
from cccd_core.dedup.search.recent import Recent
from cccd_core.dedup.search.screened import Kept, Screened
from cccd_core.dedup.stages import Met, Way
from cccd_core.matching import Matcher, PreparedGallery, PreparedTemplate

KEPT_BLOCKS: Final = 8  # of people whom the index does not have yet, kept packed while a search lasts


@dataclass(frozen=True, slots=True)
class Sought(Generic[P]):
    """Someone to search by: the place in the batch, the person, and the same made ready, as captured or, in the second
    pass, as a mirror image, where that is asked for; None where nobody has made it ready."""

    index: int
    person: Searchable
    probe: Probe[P] | None = None


class Part(Protocol[P, G]):
    """Some of those whom a batch meets. Several threads may ask it at a time."""

    def compare(self, ways: Sequence[Way[P, G]], places: Sequence[int]) -> list[Met]:
        """The probes of these places with those of them whom each is to be compared with, in each of these ways. How
        many people a first stage left is said of the first way."""

    def people(self, index: int) -> int:
        """How many of them there are for that person, compared or not."""


@dataclass(frozen=True, slots=True)
class Packed(Generic[P, G]):
    """Everyone of a block, for everyone of the batch who comes later."""

    packed: Block[G]

    def compare(self, ways: Sequence[Way[P, G]], places: Sequence[int]) -> list[Met]:
        """Each of these with all who are earlier."""
        found = []
        for place in places:
            compared = [stage.compare(probes[place], self.packed) for stage, probes in ways]
            candidates = [candidate for one in compared for candidate in one.candidates]
            pairs = sum(one.finger_pairs for one in compared)
            found.append(Met(candidates, pairs, self.people(ways[0][1][place].index)))
        return found

    def people(self, index: int) -> int:
        """Those who are earlier."""
        return int(np.searchsorted(self.packed.places, index))


class Enrolled(Protocol[P, G]):
    """Those enrolled, but for some."""

    def parts(self, sought: Sequence[Sought[P]], second: bool) -> Iterator[Part[P, G]]:
        """Everyone in parts, for these of the batch in the first pass or the second. Memory: one part at a time."""


class PackedGallery(Generic[P, G]):
    """Everyone of a gallery, prepared and packed from templates, each time that they are asked for."""

    def __init__(self, scorer: Scorer[P, G], gallery: Gallery, parameters: DedupParameters, without: Set[str]) -> None:
        """`without`: identifiers of those who are left out."""
        self._scorer, self._gallery, self._parameters, self._without = scorer, gallery, parameters, without

    def parts(self, sought: Sequence[Sought[P]], second: bool) -> Iterator[Part[P, G]]:
        """Everyone in blocks of `gallery_block` people."""
        del sought, second
        yield from packed_parts(self._scorer, iter(self._gallery), self._parameters, self._without)


class Left(Protocol):
    """Some of the batch, made ready to be screened."""

    def left(self) -> list[dict[bool, Kept]]:
        """For each of these whom the first stage leaves, as captured (False) and, in the second pass, as a mirror image
        (True)."""


class Ready(Left, Protocol):
    """Those of the first pass."""

    def again(self, places: Sequence[int], images: Sequence[Probe[PreparedTemplate] | None]) -> Left:
        """Some of these, by their places, ascending, for the second pass; `images`: their mirror images, made
        ready, where they are."""


class FirstStage(Protocol):
    """What leaves people of an index out before fingers are compared."""

    @property
    def cascade(self) -> Cascade:
        """The cascade that it is the first stage of."""

    def miss_rate(self, fingers: int) -> float | None:
        """Which share of true matches by so many fingers it was measured to lose; None where that was not measured."""

    def ready(self, sought: Sequence[Sought[PreparedTemplate]]) -> Ready:
        """These of the batch, for the first pass."""


class Source(Protocol[P, G]):
    """Where a search finds those enrolled ready to be compared, so that it need not prepare them: see `Indexed`."""

    @property
    def cascade(self) -> Cascade:
        """By which stages."""

    def miss_rate(self, fingers: int) -> float | None:
        """See `FirstStage`; 0 where everyone is compared."""

    def enrolled(self, gallery: Gallery, parameters: DedupParameters, without: Set[str]) -> Enrolled[P, G]:
        """Everyone of the gallery but those."""


@dataclass(frozen=True, slots=True)
class Indexed:
    """The index of the gallery that is searched, opened, and the first stage, if there is to be one.

    Without a first stage a search decides as without an index, bit for bit. `recent`: those enrolled whom the shards do
    not have, where they are kept ready from search to search; else each search prepares those of `Index.pending`.
    """

    matcher: Matcher
    index: Index
    first: FirstStage | None = None
    recent: Recent | None = None

    @property
    def cascade(self) -> Cascade:
        """By which stages."""
        return Cascade() if self.first is None else self.first.cascade

    def miss_rate(self, fingers: int) -> float | None:
        """Which share of true matches by so many fingers the first stage was measured to lose."""
        return 0.0 if self.first is None else self.first.miss_rate(fingers)

    def enrolled(self, gallery: Gallery, parameters: DedupParameters, without: Set[str]) -> IndexedGallery:
        """Everyone of the gallery but those."""
        return IndexedGallery(self.matcher, gallery, self.index, parameters, without, self.first, self.recent)


class IndexedGallery:
    """Everyone of an index, and those whom it does not have yet packed from their templates."""

    def __init__(
        self,
        matcher: Matcher,
        gallery: Gallery,
        index: Index,
        parameters: DedupParameters,
        without: Set[str],
        first: FirstStage | None,
        recent: Recent | None = None,
    ) -> None:
        """`without`: identifiers of those who are left out."""
        self._matcher, self._gallery, self._index = matcher, gallery, index
        self._parameters, self._without, self._first = parameters, without, first
        self._recent = recent
        self._rows = LiveRows(gallery, index, parameters, without)
        self._glance = Glance(PairJudge(matcher, Thresholds(parameters, 0)))
        self._speaking: dict[int, Places] = {}
        self._pending: list[Packed[PreparedTemplate, PreparedGallery]] | None = None
        self._ready: tuple[Ready, Sequence[Sought[PreparedTemplate]]] | None = None  # for the first pass

    def parts(
        self, sought: Sequence[Sought[PreparedTemplate]], second: bool
    ) -> Iterator[Part[PreparedTemplate, PreparedGallery]]:
        """The shards, in blocks where everyone is compared and as one where a first stage leaves people out; then those
        enrolled since. The second pass asks for some of those of the first before it."""
        if self._first is not None and self._index.shards:
            left = self._screened(self._first, sought, second).left()
            by_index = {one.index: found for one, found in zip(sought, left, strict=True)}
            yield Screened(self._rows, self._glance, by_index, self._speaking)
        else:
            yield from map(Packed, self._rows.blocks(np.arange(len(self._rows))))
        yield from self._since()

    def _screened(self, first: FirstStage, sought: Sequence[Sought[PreparedTemplate]], second: bool) -> Left:
        if not second or self._ready is None:
            self._ready = (first.ready(sought), sought)
        ready, everyone = self._ready
        if not second:
            return ready
        place = {one.index: number for number, one in enumerate(everyone)}
        return ready.again([place[one.index] for one in sought], [one.probe for one in sought])

    def _since(self) -> Iterator[Packed[PreparedTemplate, PreparedGallery]]:
        """Those whom the shards do not have; kept packed where they are not many."""
        if self._recent is not None:
            yield from map(Packed, self._recent.blocks(self._gallery, self._without))
            return
        if self._pending is not None:
            yield from self._pending
            return
        kept: list[Packed[PreparedTemplate, PreparedGallery]] = []
        people = (entry.person for entry in self._index.pending())
        for part in packed_parts(self._matcher, people, self._parameters, self._without):
            if len(kept) <= KEPT_BLOCKS:
                kept.append(part)
            yield part
        if len(kept) <= KEPT_BLOCKS:
            self._pending = kept


def packed_parts(
    scorer: Scorer[P, G], people: Iterator[EnrolledPerson], parameters: DedupParameters, without: Set[str]
) -> Iterator[Packed[P, G]]:
    """People prepared and packed, `gallery_block` at a time."""
    found = (Searchable.of(one, parameters.least_minutiae) for one in people if one.person_id not in without)
    while some := list(islice(found, parameters.gallery_block)):
        yield Packed(Block.pack(scorer, "gallery", some))
