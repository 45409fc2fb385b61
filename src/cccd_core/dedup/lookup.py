"""Somebody looked up in a gallery, outside of any issuance: who it is, if anybody, and how sure that is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, Literal, TypeAlias

from cccd_core.dedup.codes import FingerCoder
from cccd_core.dedup.decision import Decision, Match
from cccd_core.dedup.deduplicator import Deduplicator
from cccd_core.dedup.gallery.memory import MemoryGallery
from cccd_core.dedup.gallery.protocol import Gallery
from cccd_core.dedup.index import Index
from cccd_core.dedup.judge.thresholds import Thresholds
from cccd_core.dedup.parameters import DedupParameters
from cccd_core.dedup.person import EnrolledPerson
from cccd_core.dedup.search.cascade import Cascade
from cccd_core.dedup.search.enrolled import Indexed
from cccd_core.dedup.search.glance import search_levels
from cccd_core.dedup.search.screening import CodesFirst
from cccd_core.errors import ConflictError, FormatError, ParameterError
from cccd_core.matching import Matcher, PreparedGallery, PreparedTemplate
from cccd_core.plain import JsonObject
from cccd_core.progress import Progress
from cccd_core.storage.cipher import Cipher

LookedOutcome: TypeAlias = Literal["unique", "duplicate", "review", "not_searchable"]
_FEW: Final = "few_minutiae"


@dataclass(frozen=True, slots=True)
class Answer:
    """What is said of one person looked up.

    `outcome` as in `Decision`, and `not_searchable` where no finger is good enough to be found by, which says nothing
    of who is enrolled. `of`: who it is, or `of_given`, the place, from 1, of another person looked up. `candidates`,
    best first; one whose `source` is `batch` is another person looked up, and its `person_id` such a place.
    """

    outcome: LookedOutcome
    of: str | None
    of_given: int | None
    score: float
    reasons: tuple[str, ...]
    candidates: tuple[Match, ...]
    best_competitor: Match | None
    screened: int
    compared: int
    miss_rate: float | None
    finger_pairs: int


@dataclass(frozen=True, slots=True)
class Looked:
    """What a look-up says: of everybody, and by what.

    `people` were enrolled where it was looked; `fpir` is the rate of false positives asked for, with the fused scores
    that it takes.
    """

    answers: tuple[Answer, ...]
    people: int
    comparisons: int
    fpir: float
    duplicate_score: float
    review_score: float
    cascade: str
    manifest: JsonObject


class Lookup:
    """Looks people up in an open gallery, over its index. May be used by several threads."""

    def __init__(
        self, gallery: Gallery, deduplicator: Deduplicator[PreparedTemplate, PreparedGallery], indexed: Indexed
    ) -> None:
        """`indexed`: of this gallery, opened now or a while ago."""
        self._gallery, self._deduplicator, self._indexed = gallery, deduplicator, indexed

    @classmethod
    def over(
        cls,
        gallery: Gallery,
        folder: Path,
        matcher: Matcher,
        coder: FingerCoder,
        parameters: DedupParameters,
        cascade: Cascade,
        *,
        cipher: Cipher | None = None,
        threads: int | None = None,
    ) -> Lookup:
        """Over the index in the gallery's folder, as it is: those whom it does not have are prepared.

        ParameterError for a cascade that there is not; ConflictError for an index that others made; errors as
        `Index.open`.
        """
        if not cascade.any_position:
            raise ParameterError("people are looked up across positions too", cascade=str(cascade), needs="…>same>any")
        index = Index.open(folder, gallery, matcher, coder, cipher=cipher)
        first = None if cascade.exhaustive else CodesFirst(coder, index, cascade, threads=threads or 1)
        return cls(gallery, Deduplicator(matcher, parameters, threads=threads), Indexed(matcher, index, first))

    def listed(self, data: bytes) -> MemoryGallery:
        """The people of a list: identifiers in UTF-8, one a line; a line that comes twice counts once.

        FormatError for what is no UTF-8; ConflictError, with the `line`, for somebody who is not enrolled.
        """
        try:
            names = data.decode().splitlines()
        except UnicodeDecodeError as error:
            raise FormatError("a list of identifiers is text in UTF-8", offset=error.start) from None
        lines: dict[str, int] = {}
        for number, name in enumerate(names, start=1):
            if name:
                lines.setdefault(name, number)
        unknown = lines.keys() - self._gallery.known(lines)
        if unknown:
            first = min(lines[name] for name in unknown)
            raise ConflictError("the list names people who are not enrolled", line=first, unknown=len(unknown))
        return MemoryGallery(self._gallery.get(name) for name in lines)

    def search(
        self,
        given: Sequence[EnrolledPerson],
        *,
        against: MemoryGallery | None = None,
        but_themselves: bool = False,
        progress: Progress | None = None,
    ) -> Looked:
        """Looks these up, each against everyone enrolled (or those of `against`) and those before it.

        Their own identifiers do not matter: somebody enrolled under the same one is compared like any other, or, with
        `but_themselves`, left out.
        """
        gallery = self._gallery if against is None else against
        names = [person.person_id for person in given] if but_themselves else _free_names(gallery, len(given))
        batch = [replace(person, person_id=name) for person, name in zip(given, names, strict=True)]
        index = self._indexed if against is None else None
        decisions = self._deduplicator.search(batch, gallery, index=index, progress=progress)
        cascade = Cascade() if index is None else index.cascade
        people = len(gallery) - (len(gallery.known(names)) if but_themselves else 0)
        place = {name: f"{number}" for number, name in enumerate(names, start=1)}
        thresholds = Thresholds(self._deduplicator.parameters, max(0, people + len(batch) - 1))
        return Looked(
            tuple(_answer(decision, place) for decision in decisions),
            people,
            thresholds.comparisons,
            self._deduplicator.parameters.duplicate_false_matches,
            thresholds.duplicate_score,
            thresholds.review_score,
            str(cascade),
            {**self._deduplicator.manifest(), "first_look": None if cascade.exhaustive else search_levels()},
        )


def _free_names(gallery: Gallery, count: int) -> list[str]:
    """Identifiers that nobody of the gallery has, in order."""
    prefix = "given"
    while gallery.known(names := [f"{prefix} {number:09}" for number in range(1, count + 1)]):
        prefix += "'"
    return names


def _answer(decision: Decision, place: dict[str, str]) -> Answer:
    evidence = decision.evidence
    few = _FEW in evidence.reasons
    best = evidence.best_competitor
    return Answer(
        "not_searchable" if few else decision.outcome,
        None if decision.of in place else decision.of,
        int(place[decision.of]) if decision.of in place else None,
        decision.score,
        evidence.reasons,
        tuple(_named(match, place) for match in evidence.matches),
        None if best is None else _named(best, place),
        evidence.screened,
        evidence.compared,
        evidence.miss_rate,
        evidence.finger_pairs,
    )


def _named(match: Match, place: dict[str, str]) -> Match:
    return replace(match, person_id=place[match.person_id]) if match.source == "batch" else match
