"""The search itself: a batch of dossiers against a gallery and within itself, in two passes."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence, Set
from functools import partial
from itertools import islice
from typing import Generic

from cccd_core import runtime
from cccd_core.dedup.blocks import Block, Probe, Searchable
from cccd_core.dedup.decision import Decision
from cccd_core.dedup.executors.threads import Threads
from cccd_core.dedup.gallery.protocol import Gallery
from cccd_core.dedup.judge.candidate import Candidate
from cccd_core.dedup.judge.groups import Found, decide
from cccd_core.dedup.judge.thresholds import Thresholds
from cccd_core.dedup.parameters import DedupParameters
from cccd_core.dedup.person import EnrolledPerson
from cccd_core.dedup.scorer import G, P, Scorer
from cccd_core.dedup.stages import AnyPosition, Compared, SamePosition, Stage
from cccd_core.errors import ParameterError
from cccd_core.plain import JsonObject
from cccd_core.progress import Progress

_LOG = logging.getLogger("cccd_core.dedup")


class Deduplicator(Generic[P, G]):
    """Searches people by their fingers, exhaustively, each person of a batch against everyone who is earlier.

    The first pass compares fingers of the same position. Whoever is not found a duplicate there goes into the second,
    which compares every finger with every finger and finds swapped, mislabelled and unplaced ones; in the same breath
    the mirror images of the fingers are compared with those of the same position. Each has its share of the allowance
    for false matches, so that together they keep it.

    Cost: with b people in the batch, g in the gallery and f fingers each, b*g*f + b*(b-1)/2*f finger comparisons in
    the first pass and up to f + 1 times as many in the second (f times without mirror images); memory for the batch's
    templates, one `batch_block` of prepared people and one `gallery_block`. The result depends neither on `threads` nor
    on the blocks nor on the order of the gallery.
    """

    def __init__(
        self, matcher: Scorer[P, G], parameters: DedupParameters | None = None, *, threads: int | None = None
    ) -> None:
        """`matcher`: a `matching.Matcher`, or what else scores fingers; `threads`: how many may work,
        `runtime.threads()` by default."""
        self.matcher = matcher
        self.parameters = DedupParameters() if parameters is None else parameters
        self.threads = runtime.threads() if threads is None else threads
        if self.threads < 1:
            raise ParameterError("threads must be at least 1", threads=self.threads)

    def manifest(self) -> JsonObject:
        """What every decision carries: version, parameters, kernels, threads, and the matcher's own manifest."""
        return {**runtime.manifest(self.parameters.digest), "matcher": self.matcher.manifest()}

    def search(
        self,
        batch: Sequence[EnrolledPerson],
        gallery: Gallery,
        *,
        exclude: Mapping[str, Set[str]] | None = None,
        progress: Progress | None = None,
    ) -> list[Decision]:
        """The decisions of the batch, in its order; the batch's order says who is earlier, and so the original.

        A gallery entry whose identifier is in the batch is that person itself and is left out, so that a batch of which
        a part is already enrolled gets the same decisions again. `exclude[a]` names people whom `a` is not compared
        with, whichever of the two is earlier (a re-issue and the former record of the same person).

        Raises ParameterError when an identifier stands twice in the batch: `person_id`, and the two places as `first`
        and `again`, from 0.
        """
        place = _places(batch)
        enrolled = len(gallery)
        others = enrolled - len(gallery.known(place))
        thresholds = Thresholds(self.parameters, max(0, others + len(batch) - 1))
        excluded = _both_ways(exclude or {})
        _LOG.info("search started: people=%d gallery=%d threads=%d", len(batch), enrolled, self.threads)
        search = _Search(self, batch, gallery, place, excluded, thresholds, others, progress)
        found: list[Found] = []
        for start in range(0, len(batch), self.parameters.batch_block):
            found += search.run(start, min(start + self.parameters.batch_block, len(batch)))
        decisions = decide(found, thresholds, self.manifest(), excluded)
        outcomes = Counter(decision.outcome for decision in decisions)
        _LOG.info(
            "search finished: people=%d gallery=%d finger_pairs=%d unique=%d duplicate=%d review=%d",
            len(batch), enrolled, sum(item.finger_pairs for item in found),
            outcomes["unique"], outcomes["duplicate"], outcomes["review"],
        )  # fmt: skip
        return decisions


class _Search(Generic[P, G]):
    """One call of `search`: the people, what they are compared by, and how far it has come."""

    def __init__(
        self,
        owner: Deduplicator[P, G],
        batch: Sequence[EnrolledPerson],
        gallery: Gallery,
        place: Mapping[str, int],
        excluded: Mapping[str, frozenset[str]],
        thresholds: Thresholds,
        others: int,
        progress: Progress | None,
    ) -> None:
        self.scorer = owner.matcher
        self.executor = Threads(owner.threads)
        self.parameters = owner.parameters
        self.batch = [Searchable.of(person, owner.parameters.least_minutiae) for person in batch]
        self.gallery = gallery
        self.place = place
        self.excluded = excluded
        self.thresholds = thresholds
        self.progress = progress
        self.done = 0
        self.total = 2 * (len(batch) * others + len(batch) * (len(batch) - 1) // 2)

    def run(self, start: int, stop: int) -> list[Found]:
        """Both passes for the people `start` to `stop` of the batch."""
        thresholds = self.thresholds
        probes = [Probe.prepare(self.scorer, index, self.batch[index]) for index in range(start, stop)]
        found: list[Sequence[Candidate]] = [()] * len(probes)
        pairs = [0] * len(probes)
        same: SamePosition[P, G] = SamePosition(self.scorer, thresholds, self.excluded, thresholds.by_position_cost)
        self._pass([(same, probes)], range(len(probes)), found, pairs)
        duplicate = [
            any(thresholds.match(candidate).outcome == "duplicate" for candidate in candidates) for candidates in found
        ]
        again = [i for i in range(len(probes)) if not duplicate[i]]
        wanted = thresholds.review_score
        matched = {probes[i].person_id: frozenset(c.person_id for c in found[i] if c.score >= wanted) for i in again}
        across: AnyPosition[P, G] = AnyPosition(self.scorer, thresholds, self.excluded, matched)
        second: list[tuple[Stage[P, G], Sequence[Probe[P]]]] = [(across, probes)]
        if self.parameters.mirrored_share:
            images = list(probes)
            for i in again:
                images[i] = Probe.prepare(self.scorer, start + i, self.batch[start + i].mirrored())
            cost = thresholds.mirrored_cost
            second.append((SamePosition(self.scorer, thresholds, self.excluded, cost, mirrored=True), images))
        self._pass(second, again, found, pairs)
        self._advance(sum(self._people(probes[i]) for i in range(len(probes)) if duplicate[i]), across.name)
        return [
            Found(probe.person_id, thresholds.keep(candidates, others=1), count, bool(probe.fingers))
            for probe, candidates, count in zip(probes, found, pairs, strict=True)
        ]

    def _pass(
        self,
        stages: Sequence[tuple[Stage[P, G], Sequence[Probe[P]]]],
        wanted: Sequence[int],
        found: list[Sequence[Candidate]],
        pairs: list[int],
    ) -> None:
        """Compares the wanted probes with every block in each of these ways, and adds to `found` and `pairs`."""
        if not wanted:
            return
        stage, probes = stages[0]
        _LOG.info("pass %s: people=%d of %d", stage.name, len(wanted), len(self.batch))
        for block in self._blocks(probes[wanted[-1]].index):
            meeting = [i for i in wanted if block.people_before(probes[i])]
            for i, compared in self.executor.run(partial(_compared, stages, block), meeting):
                found[i] = self.thresholds.keep([*found[i], *compared.candidates])
                pairs[i] += compared.finger_pairs
                self._advance(block.people_before(probes[i]), stage.name)
            del block  # before the next one is packed

    def _blocks(self, last: int) -> Iterator[Block[G]]:
        """The gallery without the batch's own people, then the batch up to before person `last`."""
        size, least = self.parameters.gallery_block, self.parameters.least_minutiae
        people = (Searchable.of(person, least) for person in self.gallery if person.person_id not in self.place)
        while block := list(islice(people, size)):
            yield Block.pack(self.scorer, "gallery", block)
        for start in range(0, last, size):
            yield Block.pack(self.scorer, "batch", self.batch[start : min(start + size, last)], start)

    def _people(self, probe: Probe[P]) -> int:
        return self.thresholds.comparisons - (len(self.batch) - 1) + probe.index

    def _advance(self, people: int, what: str) -> None:
        self.done += people
        if self.progress is not None and people:
            self.progress(self.done, self.total, what)


def _compared(stages: Sequence[tuple[Stage[P, G], Sequence[Probe[P]]]], block: Block[G], index: int) -> Compared:
    """The probe of this place in each of these ways against the block."""
    every = [stage.compare(probes[index], block) for stage, probes in stages]
    return Compared([one for each in every for one in each.candidates], sum(each.finger_pairs for each in every))


def _places(batch: Sequence[EnrolledPerson]) -> dict[str, int]:
    """Where in the batch each identifier stands."""
    place: dict[str, int] = {}
    for index, person in enumerate(batch):
        first = place.setdefault(person.person_id, index)
        if first != index:
            raise ParameterError(
                "an identifier stands twice in the batch", person_id=person.person_id, first=first, again=index
            )
    return place


def _both_ways(exclude: Mapping[str, Set[str]]) -> dict[str, frozenset[str]]:
    pairs: dict[str, set[str]] = {}
    for one, others in exclude.items():
        for other in others:
            pairs.setdefault(one, set()).add(other)
            pairs.setdefault(other, set()).add(one)
    return {one: frozenset(others) for one, others in pairs.items()}
