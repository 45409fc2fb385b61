"""The search itself: a batch of dossiers against a gallery and within itself, in two passes."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from functools import partial
from typing import Final, Generic

from cccd_core import runtime
from cccd_core.dedup.blocks import Block, Probe, Searchable
from cccd_core.dedup.decision import Decision
from cccd_core.dedup.executors.threads import Threads
from cccd_core.dedup.gallery.protocol import Gallery
from cccd_core.dedup.judge.candidate import Candidate
from cccd_core.dedup.judge.groups import Found, SearchedBy, decide
from cccd_core.dedup.judge.thresholds import Thresholds
from cccd_core.dedup.laid import told
from cccd_core.dedup.parameters import DedupParameters
from cccd_core.dedup.person import EnrolledPerson
from cccd_core.dedup.scorer import G, P, Scorer
from cccd_core.dedup.search.cascade import Cascade
from cccd_core.dedup.search.enrolled import Enrolled, Packed, PackedGallery, Part, Sought, Source
from cccd_core.dedup.stages import AnyPosition, SamePosition, Way
from cccd_core.errors import ParameterError
from cccd_core.plain import JsonObject
from cccd_core.progress import Progress

_LOG = logging.getLogger("cccd_core.dedup")
PROBES_AT_A_TIME: Final = 8


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
        index: Source[P, G] | None = None,
        exclude: Mapping[str, Set[str]] | None = None,
        progress: Progress | None = None,
    ) -> list[Decision]:
        """The decisions of the batch, in its order; the batch's order says who is earlier, and so the original.

        A gallery entry whose identifier is in the batch is that person itself and is left out, so that a batch of which
        a part is already enrolled gets the same decisions again. `exclude[a]` names people whom `a` is not compared
        with, whichever of the two is earlier (a re-issue and the former record of the same person). `index`: the
        gallery's index, opened (`Indexed`): then nobody enrolled is prepared anew but those whom it does not have yet.

        Raises ParameterError when an identifier stands twice in the batch: `person_id`, and the two places as `first`
        and `again`, from 0.
        """
        place = _places(batch)
        enrolled = len(gallery)
        others = enrolled - len(gallery.known(place))
        thresholds = Thresholds(self.parameters, max(0, others + len(batch) - 1))
        excluded = _both_ways(exclude or {})
        _LOG.info("search started: people=%d gallery=%d threads=%d", len(batch), enrolled, self.threads)
        source: Enrolled[P, G]
        cascade = Cascade() if index is None else index.cascade
        if index is None:
            source = PackedGallery(self.matcher, gallery, self.parameters, place.keys())
        else:
            source = index.enrolled(gallery, self.parameters, place.keys())
        lost = _nothing if index is None else index.miss_rate
        search = _Search(self, batch, source, cascade, lost, excluded, thresholds, others, progress)
        found: list[Found] = []
        for start in range(0, len(batch), self.parameters.batch_block):
            found += search.run(start, min(start + self.parameters.batch_block, len(batch)))
        decisions = decide(found, thresholds, SearchedBy(str(cascade), self.manifest()), excluded)
        decisions = told(decisions, batch, gallery, self.matcher, self.parameters, Threads(self.threads))
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
        enrolled: Enrolled[P, G],
        cascade: Cascade,
        miss_rate: Callable[[int], float | None],
        excluded: Mapping[str, frozenset[str]],
        thresholds: Thresholds,
        others: int,
        progress: Progress | None,
    ) -> None:
        self.scorer = owner.matcher
        self.executor = Threads(owner.threads)
        self.parameters = owner.parameters
        self.batch = [Searchable.of(person, owner.parameters.least_minutiae) for person in batch]
        self.enrolled = enrolled
        self.cascade = cascade
        self.miss_rate = miss_rate
        self.excluded = excluded
        self.thresholds = thresholds
        self.progress = progress
        self.probes: dict[int, Probe[P]] = {}  # those of the batch who are searched by now
        self.done = 0
        self.total = 2 * (len(batch) * others + len(batch) * (len(batch) - 1) // 2)

    def run(self, start: int, stop: int) -> list[Found]:
        """Both passes for the people `start` to `stop` of the batch."""
        thresholds = self.thresholds
        probes = self._prepared([(index, self.batch[index]) for index in range(start, stop)])
        self.probes = {probe.index: probe for probe in probes}
        progress = [_Progress() for _ in probes]
        sought = [Sought(probe.index, self.batch[probe.index], probe) for probe in probes]
        same: SamePosition[P, G] = SamePosition(self.scorer, thresholds, self.excluded, thresholds.by_position_cost)
        self._pass([(same, probes)], range(len(probes)), sought, progress, second=False)
        duplicate = [
            any(thresholds.match(candidate).outcome == "duplicate" for candidate in one.found) for one in progress
        ]
        again = [i for i in range(len(probes)) if not duplicate[i]] if self.cascade.any_position else []
        wanted = thresholds.review_score
        matched = {
            probes[i].person_id: frozenset(c.person_id for c in progress[i].found if c.score >= wanted) for i in again
        }
        across: AnyPosition[P, G] = AnyPosition(self.scorer, thresholds, self.excluded, matched)
        ways: list[Way[P, G]] = [(across, probes)]
        sought = [Sought(one.index, one.person) for one in sought]
        if self.parameters.mirrored_share:
            images = list(probes)
            for image in self._prepared([(start + i, self.batch[start + i].mirrored()) for i in again]):
                images[image.index - start] = image
                sought[image.index - start] = Sought(image.index, self.batch[image.index], image)
            cost = thresholds.mirrored_cost
            ways.append((SamePosition(self.scorer, thresholds, self.excluded, cost, mirrored=True), images))
        self._pass(ways, again, sought, progress, second=True)
        left = set(range(len(probes))).difference(again)
        self._advance(sum(self._people(probes[i]) for i in left), across.name)
        return [
            Found(
                probe.person_id,
                thresholds.keep(one.found, others=1),
                one.finger_pairs,
                bool(probe.fingers),
                one.screened,
                one.compared,
                self.miss_rate(len(probe.fingers)),
            )
            for probe, one in zip(probes, progress, strict=True)
        ]

    def _prepared(self, people: Sequence[tuple[int, Searchable]]) -> list[Probe[P]]:
        """People at these places of the batch, ascending, made ready to search by; the threads share them."""
        done = self.executor.run(lambda one: Probe.prepare(self.scorer, *one), people)
        return sorted((probe for _, probe in done), key=lambda probe: probe.index)

    def _pass(
        self,
        ways: Sequence[Way[P, G]],
        wanted: Sequence[int],
        sought: Sequence[Sought[P]],
        progress: Sequence[_Progress],
        *,
        second: bool,
    ) -> None:
        """Compares the wanted probes with every part in each of these ways."""
        if not wanted:
            return
        stage, probes = ways[0]
        _LOG.info("pass %s: people=%d of %d", stage.name, len(wanted), len(self.batch))
        for part in self._parts([sought[i] for i in wanted], second, probes[wanted[-1]].index):
            meeting = [i for i in wanted if part.people(probes[i].index)]
            groups = _groups(meeting, self.executor.workers)
            for group, found in self.executor.run(partial(part.compare, ways), groups):
                for i, met in zip(group, found, strict=True):
                    one, people = progress[i], part.people(probes[i].index)
                    one.found = self.thresholds.keep([*one.found, *met.candidates])
                    one.finger_pairs += met.finger_pairs
                    if not second:
                        one.screened += people
                        one.compared += met.people
                    self._advance(people, stage.name)
            del part  # before the next one is packed

    def _parts(self, sought: Sequence[Sought[P]], second: bool, last: int) -> Iterator[Part[P, G]]:
        """Those enrolled without the batch's own people, then the batch up to before person `last`."""
        yield from self.enrolled.parts(sought, second)
        size = self.parameters.gallery_block
        for start in range(0, last, size):
            some = self.batch[start : min(start + size, last)]
            yield Packed(Block.pack(self.scorer, "batch", some, start, self.probes))

    def _people(self, probe: Probe[P]) -> int:
        return self.thresholds.comparisons - (len(self.batch) - 1) + probe.index

    def _advance(self, people: int, what: str) -> None:
        self.done += people
        if self.progress is not None and people:
            self.progress(self.done, self.total, what)


@dataclass(slots=True)
class _Progress:
    """How far the search of one person has come."""

    found: Sequence[Candidate] = ()
    finger_pairs: int = 0
    screened: int = 0
    compared: int = 0


def _groups(places: Sequence[int], threads: int) -> list[Sequence[int]]:
    """Probes that a thread takes at a time: several, so that what is done for each is done for all of them at once, and
    not so many that a thread waits for another."""
    size = max(1, min(PROBES_AT_A_TIME, len(places) // (2 * threads)))
    return [places[start : start + size] for start in range(0, len(places), size)]


def _nothing(fingers: int) -> float:
    """What is lost where everyone is compared."""
    del fingers
    return 0.0


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
