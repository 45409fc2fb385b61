"""From candidates to decisions: who is whose duplicate, and who must be looked at.

People who match form groups. The gallery is earlier than the batch, and the batch is in order; of each group the
earliest is the original and the later ones are its duplicates, also when they match it only by way of another one.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from cccd_core.dedup.decision import Decision, Evidence, Match, Outcome
from cccd_core.dedup.judge.candidate import Candidate, best_of_each
from cccd_core.dedup.judge.thresholds import Thresholds
from cccd_core.plain import JsonObject


@dataclass(frozen=True, slots=True)
class Found:
    """What the search of one probe brought up: candidates in any order, a person twice where both passes found it."""

    person_id: str
    candidates: tuple[Candidate, ...]
    finger_pairs: int
    searchable: bool  # whether any finger has minutiae enough to be found by
    screened: int
    compared: int
    miss_rate: float | None


@dataclass(frozen=True, slots=True)
class SearchedBy:
    """How a search was made: its stages, and the manifest."""

    cascade: str
    manifest: JsonObject


def decide(
    found: Sequence[Found],
    thresholds: Thresholds,
    by: SearchedBy,
    excluded: Mapping[str, frozenset[str]],
) -> list[Decision]:
    """The decisions of a batch; `found[i]` belongs to its i-th person. `excluded`: pairs that are not to be tied."""
    place = {item.person_id: index for index, item in enumerate(found)}
    originals: list[str | None] = []  # of each person so far: whom it duplicates
    drafts: list[_Draft] = []
    linked: dict[int, list[tuple[str, str]]] = {}

    def root(match: Match) -> str:
        if match.source == "gallery":
            return match.person_id
        return originals[place[match.person_id]] or match.person_id

    for item in found:
        every = [thresholds.match(candidate) for candidate in best_of_each(item.candidates)]
        matches = tuple(match for match in every if match.outcome != "unique")
        competitor = next((match for match in every if match.outcome == "unique"), None)
        draft = _Draft(matches, competitor, "unique", None, matches[0] if matches else None, [])
        drafts.append(draft)
        certain = [match for match in matches if match.outcome == "duplicate"]
        if certain:
            # The gallery is earlier than the whole batch; of several roots there, the best match decides.
            chance: dict[str, float] = {}
            for match in certain:
                name = root(match)
                chance[name] = min(match.expected_false_matches, chance.get(name, math.inf))
            roots = sorted(chance, key=lambda name: (place.get(name, -1), chance[name], name))
            draft.outcome, draft.of = "duplicate", roots[0]
            draft.speaking = next(match for match in certain if root(match) == roots[0])
            draft.reasons.append("match")
            for other in roots[1:]:
                if other in place and roots[0] not in excluded.get(other, ()):
                    linked.setdefault(place[other], []).append((item.person_id, roots[0]))
        elif matches:
            draft.outcome, draft.of = "review", root(matches[0])
            strong = matches[0].expected_false_matches <= thresholds.parameters.duplicate_false_matches
            draft.reasons.append("single_finger" if strong else "weak_match")
        if draft.speaking is not None and draft.speaking.mirrored:
            draft.reasons.append("mirrored")
        if _of_several_people(matches, root, thresholds.parameters.agreeing_score):
            draft.reasons.append("several_people")
        originals.append(draft.of if draft.outcome == "duplicate" else None)
        if not item.searchable and draft.outcome == "unique":
            draft.outcome = "review"
            draft.reasons.append("few_minutiae")

    # A later dossier that matches two earlier people says that these two are one, or that it is made of two people's
    # fingers: the earlier ones are not accused on its word, but somebody must look.
    for index, links in linked.items():
        draft = drafts[index]
        draft.reasons.append("linked")
        if draft.outcome == "unique":
            draft.outcome, draft.of = "review", links[0][1]
    return [
        _decision(item, draft, tuple(name for name, _ in linked.get(index, [])), thresholds, by)
        for index, (item, draft) in enumerate(zip(found, drafts, strict=True))
    ]


def _of_several_people(matches: Sequence[Match], root: Callable[[Match], str], agreeing_score: float) -> bool:
    """Whether two different people were found by different fingers: then a dossier holds the fingers of both."""
    agreeing: list[tuple[str, frozenset[int]]] = []
    for match in matches:
        fingers = frozenset(finger.position for finger in match.fingers if finger.score >= agreeing_score)
        name = root(match)
        if fingers and any(name != other and not fingers & theirs for other, theirs in agreeing):
            return True
        agreeing.append((name, fingers))
    return False


@dataclass(slots=True)
class _Draft:
    matches: tuple[Match, ...]
    competitor: Match | None
    outcome: Outcome
    of: str | None
    speaking: Match | None  # the match that the decision rests on
    reasons: list[str]


def _decision(item: Found, draft: _Draft, linked: tuple[str, ...], thresholds: Thresholds, by: SearchedBy) -> Decision:
    best = draft.speaking or draft.competitor
    evidence = Evidence(
        comparisons=thresholds.comparisons,
        cascade=by.cascade,
        screened=item.screened,
        compared=item.compared,
        miss_rate=item.miss_rate,
        duplicate_score=thresholds.duplicate_score,
        review_score=thresholds.review_score,
        reasons=tuple(draft.reasons),
        matches=draft.matches,
        best_competitor=draft.competitor,
        linked=linked,
        finger_pairs=item.finger_pairs,
        manifest=by.manifest,
    )
    fingers = tuple(finger.position for finger in draft.speaking.fingers) if draft.speaking else ()
    return Decision(item.person_id, draft.outcome, draft.of, fingers, best.score if best else 0.0, evidence)
