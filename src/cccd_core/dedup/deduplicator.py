"""Deduplicator: a batch of dossiers against a gallery and within itself. Imports dedup, runtime and errors."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from functools import partial
from itertools import islice
from typing import Any

from cccd_core import runtime
from cccd_core.dedup.blocks import BatchMatcher, Block, Candidate, Probe, Rules, any_positions, same_positions
from cccd_core.dedup.decision import Decision
from cccd_core.dedup.executors import local
from cccd_core.dedup.gallery import Gallery
from cccd_core.dedup.parameters import DedupParameters
from cccd_core.dedup.person import EnrolledPerson
from cccd_core.dedup.resolve import Found, Thresholds, decide, keep_best
from cccd_core.errors import ParameterError
from cccd_core.progress import Progress

MOST_MATCHES = 64  # kept for one probe, so that a template that matches everybody fills no memory
OTHERS = 8  # kept beside them: the best of those that the second pass does not turn into a match is the competitor


class Deduplicator:
    """Searches people by their fingers, exhaustively, each person of a batch against everyone who is earlier.

    The first pass compares fingers of the same position. Whoever is not found a duplicate there goes into the second,
    which compares every finger with every finger and finds swapped, mislabelled and unplaced ones. Each pass has its
    share of the allowance for false matches, so that together they keep it.

    Cost: with b people in the batch, g in the gallery and f fingers each, b*g*f + b*(b-1)/2*f finger comparisons in
    the first pass and up to f times as many in the second; memory for one block of each. The result depends neither on
    `threads` nor on the blocks nor on the order of the gallery.
    """

    def __init__(
        self, matcher: BatchMatcher, parameters: DedupParameters | None = None, *, threads: int | None = None
    ) -> None:
        """`threads`: how many may work, `runtime.threads()` by default."""
        self.matcher = matcher
        self.parameters = DedupParameters() if parameters is None else parameters
        self.threads = runtime.threads() if threads is None else threads
        if self.threads < 1:
            raise ParameterError("threads must be at least 1", threads=self.threads)

    def manifest(self) -> dict[str, Any]:
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

        Raises ParameterError when an identifier stands twice in the batch.
        """
        place = {person.person_id: index for index, person in enumerate(batch)}
        if len(place) != len(batch):
            raise ParameterError("an identifier stands twice in the batch", people=len(batch), identifiers=len(place))
        enrolled = sum(person_id in gallery for person_id in place)
        others = len(gallery) - enrolled
        search = _Search(self, batch, gallery, place, _both_ways(exclude or {}), others, progress)
        found: list[Found] = []
        for start in range(0, len(batch), self.parameters.batch_block):
            found += search.run(start, min(start + self.parameters.batch_block, len(batch)))
        return decide(found, search.thresholds, self.manifest(), search.excluded)


class _Search:
    """One call of `search`: the blocks, and how far it has come."""

    def __init__(
        self,
        owner: Deduplicator,
        batch: Sequence[EnrolledPerson],
        gallery: Gallery,
        place: Mapping[str, int],
        excluded: Mapping[str, frozenset[str]],
        others: int,
        progress: Progress | None,
    ) -> None:
        self.owner = owner
        self.parameters = owner.parameters
        self.batch = batch
        self.gallery = gallery
        self.place = place
        self.excluded = excluded
        self.thresholds = Thresholds(owner.parameters, max(0, others + len(batch) - 1))
        self.progress = progress
        self.done = 0
        self.total = 2 * (len(batch) * others + len(batch) * (len(batch) - 1) // 2)

    def run(self, start: int, stop: int) -> list[Found]:
        """Both passes for the people `start` to `stop` of the batch."""
        matcher, p = self.owner.matcher, self.parameters
        probes = [
            Probe(
                index,
                self.batch[index].person_id,
                tuple(
                    (position, matcher.prepare(template))
                    for position, template in self.batch[index].fingers(p.least_minutiae)
                ),
            )
            for index in range(start, stop)
        ]
        found: list[list[Candidate]] = [[] for _ in probes]
        pairs = [0] * len(probes)
        self._pass(same_positions, self._rules(1.0 - p.cross_position_share), probes, found, pairs, "by position")
        duplicate = [
            any(self.thresholds.match(candidate).outcome == "duplicate" for candidate in candidates)
            for candidates in found
        ]
        again = [i for i in range(len(probes)) if not duplicate[i]]
        self._pass(
            any_positions, self._rules(p.cross_position_share), probes, found, pairs, "across positions", wanted=again
        )
        self._advance(sum(self._people(probes[i]) for i in range(len(probes)) if duplicate[i]), "across positions")
        wanted_score = self.thresholds.score(p.review_false_matches)
        return [
            Found(
                probe.person_id,
                keep_best(candidates, wanted_score, MOST_MATCHES, 1),
                count,
                bool(probe.fingers),
            )
            for probe, candidates, count in zip(probes, found, pairs, strict=True)
        ]

    def _rules(self, share: float) -> Rules:
        p = self.parameters
        wanted = self.thresholds.score(p.review_false_matches)
        return Rules(-10.0 * math.log10(share), p.finger_score_limit, wanted, MOST_MATCHES, OTHERS)

    def _pass(
        self,
        compare: Callable[..., tuple[list[Candidate], int]],
        rules: Rules,
        probes: Sequence[Probe],
        found: list[list[Candidate]],
        pairs: list[int],
        what: str,
        wanted: Sequence[int] | None = None,
    ) -> None:
        """Compares the wanted probes (all by default) with every block, and adds to `found` and `pairs`."""
        wanted = range(len(probes)) if wanted is None else wanted
        if not wanted:
            return
        nobody: frozenset[str] = frozenset()
        matched = {i: frozenset(c.person_id for c in found[i] if c.score >= rules.wanted_score) for i in wanted}
        for block in self._blocks(probes[wanted[-1]].index):
            meeting = [i for i in wanted if block.people_before(probes[i])]
            tasks = (
                partial(
                    compare,
                    self.owner.matcher,
                    probes[i],
                    block,
                    self.excluded.get(probes[i].person_id, nobody),
                    matched[i],
                    rules,
                )
                for i in meeting
            )
            for i, (candidates, count) in zip(meeting, local.run(tasks, self.owner.threads), strict=True):
                found[i] = list(keep_best([*found[i], *candidates], rules.wanted_score, MOST_MATCHES, OTHERS))
                pairs[i] += count
                self._advance(block.people_before(probes[i]), what)

    def _blocks(self, last: int) -> Iterator[Block]:
        """The gallery without the batch's own people, then the batch up to before person `last`."""
        people = (person for person in self.gallery if person.person_id not in self.place)
        while block := list(islice(people, self.parameters.gallery_block)):
            yield Block.pack(self.owner.matcher, "gallery", block, self.parameters.least_minutiae)
        for start in range(0, last, self.parameters.gallery_block):
            earlier = self.batch[start : min(start + self.parameters.gallery_block, last)]
            yield Block.pack(self.owner.matcher, "batch", earlier, self.parameters.least_minutiae, start)

    def _people(self, probe: Probe) -> int:
        return self.thresholds.comparisons - (len(self.batch) - 1) + probe.index

    def _advance(self, people: int, what: str) -> None:
        self.done += people
        if self.progress is not None and people:
            self.progress(self.done, self.total, what)


def _both_ways(exclude: Mapping[str, Set[str]]) -> dict[str, frozenset[str]]:
    pairs: dict[str, set[str]] = {}
    for one, others in exclude.items():
        for other in others:
            pairs.setdefault(one, set()).add(other)
            pairs.setdefault(other, set()).add(one)
    return {one: frozenset(others) for one, others in pairs.items()}
