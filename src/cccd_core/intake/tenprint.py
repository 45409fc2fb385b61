"""A person's fingers together: every finger's doubts, one finger given for two positions as it is or mirrored, fingers
that changed places against an earlier record. Offline, at the station, some 30 ms for ten fingers.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cccd_core.arguments import require_type
from cccd_core.errors import Fact, ParameterError
from cccd_core.intake.findings import DEFAULT_LIMITS, Doubt, Finding, Limits
from cccd_core.intake.plausibility import examine
from cccd_core.templates import POSITIONS, FingerTemplate, TemplateRecord, mirrored

if TYPE_CHECKING:
    from cccd_core.dedup import LaidFinger
    from cccd_core.matching import Matcher

LEFT = 5  # a left finger's position is its right twin's and this


@dataclass(frozen=True, slots=True)
class TenprintCheck:
    """What was found: doubts about each finger by position, and about the fingers together."""

    fingers: Mapping[int, tuple[Finding, ...]]
    together: tuple[Finding, ...]

    @property
    def findings(self) -> tuple[Finding, ...]:
        """All of them, by position, then the ones of two fingers."""
        return (*(finding for found in self.fingers.values() for finding in found), *self.together)

    def as_dict(self) -> dict[str, object]:
        """JSON-ready."""
        return {
            "fingers": {str(position): [each.as_dict() for each in found] for position, found in self.fingers.items()},
            "together": [each.as_dict() for each in self.together],
        }


def check_tenprint(
    fingers: Mapping[int, FingerTemplate | TemplateRecord],
    *,
    limits: Limits = DEFAULT_LIMITS,
    matcher: Matcher | None = None,
) -> TenprintCheck:
    """Every doubt about the fingers of one person, by ISO position 1 to 10.

    A record (as `templates.read` gives it) also tells what its bytes said of themselves; its view is the one of its
    position, or its only one. ParameterError for a position outside 1 to 10 and for a record of several views none of
    which is of its position, and for arguments of other types; never for anything in a template.
    """
    require_type(fingers, Mapping, "fingers")
    for position, each in fingers.items():
        require_type(position, int, "position of a finger")
        require_type(each, (FingerTemplate, TemplateRecord), "finger")
    records = {position: _record(position, each) for position, each in sorted(fingers.items())}
    found = {position: examine(record, view, limits) for position, (record, view) in records.items()}
    views = {position: view for position, (_, view) in records.items()}
    return TenprintCheck(found, (*without_flow(found), *same_fingers(views, limits=limits, matcher=matcher)))


def without_flow(found: Mapping[int, tuple[Finding, ...]]) -> tuple[Finding, ...]:
    """A finding where the minutiae of several fingers hardly follow ridges: of one finger that happens."""
    odd = [
        position
        for position, findings in sorted(found.items())
        if any(finding.word in (Doubt.NO_FLOW, Doubt.SCATTERED) for finding in findings)
    ]
    return (Finding(Doubt.SEVERAL_NO_FLOW, {"positions": " ".join(map(str, odd))}),) if len(odd) > 1 else ()


def same_fingers(
    views: Mapping[int, FingerTemplate], *, limits: Limits = DEFAULT_LIMITS, matcher: Matcher | None = None
) -> tuple[Finding, ...]:
    """A finding for every two positions that hold the same finger, by the same impression or another, as it is or as a
    mirror image.
    """
    positions = sorted(position for position, view in views.items() if view.count)
    if len(positions) < 2:
        return ()
    if matcher is None:
        from cccd_core.matching import Matcher  # who only looks at templates need not load it

        matcher = Matcher()
    gallery = matcher.gallery([views[position] for position in positions])
    found = []
    for first, position in enumerate(positions[:-1]):
        view = views[position]
        ways = (
            (Doubt.SAME_FINGER, limits.same_finger, matcher.scores(matcher.prepare(view), gallery, threads=1)),
            (Doubt.MIRRORED_FINGER, limits.mirrored_finger,
             matcher.scores(matcher.prepare(mirrored(view)), gallery, threads=1)),
        )  # fmt: skip
        for second in range(first + 1, len(positions)):
            for doubt, least, scores in ways:
                if scores[second] >= least:
                    facts: dict[str, Fact] = {
                        "position": position,
                        "other_position": positions[second],
                        "score": round(float(scores[second]), 1),
                    }
                    found.append(Finding(doubt, facts))
                    break
    return tuple(found)


def arrangement(laid: Iterable[LaidFinger]) -> str | None:
    """What happened to the fingers, in words, from which finger of an earlier record each one is, as it is or as its
    mirror image (`dedup.Match.laid`): None where each is its own. Unknown positions (0) say nothing.
    """
    placed = sorted((one for one in laid if one.position and one.candidate_position), key=lambda one: one.position)
    images = [one.position for one in placed if one.mirrored]
    if images and len(images) == len(placed) > 1:
        said = ["the fingers are mirror images"]
    else:
        said = [f"the {POSITIONS[mine]} given is a mirror image" for mine in images]
    moved = {one.position: one.candidate_position for one in placed if one.position != one.candidate_position}
    if moved:
        said.insert(0, _moved(moved))
    return "; ".join(said) or None


def _moved(moved: Mapping[int, int]) -> str:
    if all(abs(mine - theirs) == LEFT for mine, theirs in moved.items()) and len(moved) > 1:
        return "the hands are exchanged"
    exchanged = [
        f"{POSITIONS[mine]} and {POSITIONS[theirs]}"
        for mine, theirs in moved.items()
        if mine < theirs and moved.get(theirs) == mine
    ]
    if exchanged and 2 * len(exchanged) == len(moved):
        return f"exchanged: {', '.join(exchanged)}"
    return ", ".join(
        f"the {POSITIONS[mine]} given is the {POSITIONS[theirs]} on record" for mine, theirs in moved.items()
    )


def _record(position: int, given: FingerTemplate | TemplateRecord) -> tuple[TemplateRecord, FingerTemplate]:
    if not 1 <= position <= 10:
        raise ParameterError("a finger position of a tenprint is 1 to 10", position=position)
    if isinstance(given, FingerTemplate):
        return TemplateRecord("", (given,)), given
    return given, given.select(position=position)
