"""Fingers of one person that changed places in one impression, out of the questions about labels.

Where 012-2_3 is filed under the wrong finger and seems 012-7, and 012-7_3 seems 012-2, the two were exchanged when they
were taken or named: one question instead of two, and of a whole hand one instead of eight.
"""

from __future__ import annotations

from collections.abc import Sequence

from cccd_core.evaluation.labels import LabelDoubt, LabelFinding

_HAND = 5  # a left finger's ISO position is its right twin's and this


def with_exchanges(found: Sequence[LabelFinding]) -> tuple[LabelFinding, ...]:
    """The findings, those of fingers that changed places as one for each person and impression."""
    moves: dict[tuple[str, str, str], LabelFinding] = {}
    for finding in found:
        if finding.doubt is not LabelDoubt.MISFILED or len(finding.samples) != 1:
            continue
        mine, theirs = finding.names
        person, _, finger = mine.rpartition("-")
        other_person, _, _ = theirs.rpartition("-")
        if person and finger and person == other_person:
            moves[mine, theirs, finding.samples[0].rpartition("_")[2]] = finding
    exchanged: dict[tuple[str, str], list[tuple[LabelFinding, LabelFinding]]] = {}
    for (mine, theirs, impression), finding in moves.items():
        back = moves.get((theirs, mine, impression))
        if back is not None and mine < theirs:
            exchanged.setdefault((mine.rpartition("-")[0], impression), []).append((finding, back))
    gone = {id(finding) for pairs in exchanged.values() for pair in pairs for finding in pair}
    made = [_as_one(pairs) for pairs in exchanged.values()]
    order = list(LabelDoubt)
    rest = [finding for finding in found if id(finding) not in gone]
    return tuple(sorted([*rest, *made], key=lambda each: (order.index(each.doubt), each.names, each.samples)))


def _as_one(pairs: Sequence[tuple[LabelFinding, LabelFinding]]) -> LabelFinding:
    every = [finding for pair in pairs for finding in pair]
    fingers = [tuple(name.rpartition("-")[2] for name in finding.names) for finding, _ in pairs]
    hands = len(pairs) > 1 and all(
        one.isdigit() and other.isdigit() and 1 <= int(one) <= 10 and abs(int(one) - int(other)) == _HAND
        for one, other in fingers
    )
    return LabelFinding(
        LabelDoubt.HANDS_EXCHANGED if hands else LabelDoubt.EXCHANGED,
        tuple(sorted({name for finding in every for name in finding.names})),
        sum(finding.pairs for finding in every),
        sum(finding.of for finding in every),
        every[0].limit,
        max(finding.highest for finding in every),
        tuple(finding.samples[0] for pair in pairs for finding in pair),
    )
