"""Labels of a set that cannot be right: one finger under two names, an impression under another finger's, a name whose
impressions are of different fingers.

Worked out from calibrated scores (−10·log10(FMR)) and the numbers of pairs alone. Two impressions are *linked* where
chance would bring so high a score among so many pairs once in a hundred times: `limit(pairs)`. Across names a link
needs 60 besides: of 2.4 million pairs of different fingers measured none reaches it. Linked impressions are taken for
one finger, whatever they are called; each finding is a question to who named the files.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cccd_core.evaluation.samples import SampleSet
from cccd_core.evaluation.scoring import PairScores
from cccd_core.plain import Json
from cccd_core.words import Word

LEAST_ACROSS = 60.0
LEAST_IMPRESSIONS = 3  # of a finger, before it is said that none is like another: of two, one may just be bad
_RARE = 20.0  # dB: once in a hundred times

Samples = npt.NDArray[np.int64]  # places in the set


class LabelDoubt(Word):
    """The stable words for labels in doubt."""

    TWO_NAMES = "two_names", "one finger under two names"
    TWO_PERSONS = "two_persons", "one person under two names"
    MISFILED = "misfiled", "impressions under another finger's name"
    EXCHANGED = "exchanged", "fingers of one person exchanged in one impression"
    HANDS_EXCHANGED = "hands_exchanged", "the hands of one person exchanged in one impression"
    IN_PARTS = "in_parts", "two fingers under one name"
    NEVER_ALIKE = "never_alike", "another finger under this name"


@dataclass(frozen=True, slots=True)
class LabelFinding:
    """One question about labels.

    `names` are the names in doubt: two fingers (TWO_NAMES), two persons (TWO_PERSONS), the finger under whose name they
    are and the one whose they seem (MISFILED), the fingers that changed places (EXCHANGED, HANDS_EXCHANGED), one finger
    (IN_PARTS, NEVER_ALIKE). `samples` are the files' stems that it is about, none where it is all of them; of what was
    exchanged two and two. Of `of` pairs `pairs` lie above `limit` (below it, IN_PARTS and
    NEVER_ALIKE); `highest` is the highest score of them.
    """

    doubt: LabelDoubt
    names: tuple[str, ...]
    pairs: int
    of: int
    limit: float
    highest: float
    samples: tuple[str, ...] = ()

    def __str__(self) -> str:
        match self.doubt:
            case LabelDoubt.TWO_NAMES | LabelDoubt.TWO_PERSONS:
                asked = "one person" if self.doubt is LabelDoubt.TWO_PERSONS else "one finger"
                every = "all of" if self.pairs > 1 else "of"
                return (
                    f"{_pairs(self.pairs, 'impostor')} above {self.limit:.0f}, {every} {self.names[0]} with "
                    f"{self.names[1]}: {asked} under two names?"
                )
            case LabelDoubt.MISFILED:
                return (
                    f"{_pairs(self.pairs, 'impostor')} above {self.limit:.0f}, of {_listed(self.samples)} with "
                    f"{self.names[1]}: filed under the wrong finger?"
                )
            case LabelDoubt.EXCHANGED | LabelDoubt.HANDS_EXCHANGED:
                what = "the hands" if self.doubt is LabelDoubt.HANDS_EXCHANGED else "fingers"
                two = [f"{one} with {other}" for one, other in zip(self.samples[::2], self.samples[1::2], strict=True)]
                return (
                    f"{_pairs(self.pairs, 'impostor')} above {self.limit:.0f}, since {_listed(tuple(two))} changed "
                    f"places: {what} exchanged?"
                )
            case LabelDoubt.IN_PARTS:
                return (
                    f"{_listed(self.samples)} match each other, and never the rest of {self.names[0]} "
                    f"({_pairs(self.pairs, 'genuine')} below {self.limit:.0f}): two fingers under one name?"
                )
            case LabelDoubt.NEVER_ALIKE:
                return (
                    f"all {self.pairs:,} genuine pairs of {self.names[0]} score below {self.limit:.0f}: another finger "
                    "under this name?"
                )

    def as_dict(self) -> dict[str, Json]:
        """JSON-ready."""
        return {
            "word": str(self.doubt),
            "text": str(self),
            "names": list(self.names),
            "samples": list(self.samples),
            "pairs": self.pairs,
            "of": self.of,
            "limit": round(self.limit, 1),
            "highest": round(self.highest, 1),
        }


def limit(pairs: int) -> float:
    """The score that one of so many pairs of different fingers reaches by chance once in a hundred times."""
    return 10.0 * math.log10(max(pairs, 1)) + _RARE


def label_findings(samples: SampleSet, scores: PairScores) -> tuple[LabelFinding, ...]:
    """Every question about the labels of a scored set, in the order of `LabelDoubt` and of names.

    Impressions without a template or without minutiae have no say. Cost: one look at each pair.
    """
    seen = _Seen(samples, scores)
    linked = seen.linked()
    across, misfiled = _across(seen, linked)
    within = [
        found
        for finger in range(len(seen.fingers))
        if finger not in misfiled
        for found in _within(seen, linked, finger)
    ]
    order = list(LabelDoubt)
    return tuple(sorted([*_persons(across), *within], key=lambda found: (order.index(found.doubt), found.names)))


class _Seen:
    """A scored set, and which of its samples have a say."""

    def __init__(self, samples: SampleSet, scores: PairScores) -> None:
        self.fingers = samples.fingers
        self.names = scores.names
        self.finger = scores.finger_index
        self.usable = np.array(
            [each.template is not None and each.template.count > 0 for each in samples.samples], dtype=np.bool_
        )
        self.own = np.bincount(self.finger[self.usable], minlength=len(self.fingers))
        total = int(self.own.sum())
        impostor = (total * (total - 1) - int((self.own * (self.own - 1)).sum())) // 2
        self.across = max(LEAST_ACROSS, limit(impostor))
        self._scores = scores

    def of(self, finger: int) -> Samples:
        """The samples of a finger that have a say."""
        low, high = np.searchsorted(self.finger, [finger, finger + 1])
        return np.arange(low, high)[self.usable[low:high]]

    def of_one(self, one: int, others: Samples) -> npt.NDArray[np.float32]:
        """The scores of a sample with each of others."""
        low, high = np.minimum(one, others), np.maximum(one, others)
        count = len(self.usable)
        return np.asarray(self._scores.scores[low * count - low * (low + 1) // 2 + high - low - 1])

    def between(self, some: Samples, others: Samples) -> npt.NDArray[np.float32]:
        """The score of each of `some` with each of `others`, no sample being in both."""
        return np.concatenate([self.of_one(one, others) for one in some.tolist()])

    def among(self, these: Samples) -> npt.NDArray[np.float32]:
        """The score of each pair of two samples or more."""
        return np.concatenate([self.of_one(one, these[place:]) for place, one in enumerate(these[:-1].tolist(), 1)])

    def linked(self) -> Samples:
        """int64[n], the lowest sample that each is linked to, by however many steps."""
        part = np.arange(len(self.usable))
        for probe, genuine, row in self._scores.rows():
            if not self.usable[probe]:
                continue
            count = int(self.own[self.finger[probe]])
            high = row >= self.across
            high[:genuine] = row[:genuine] >= limit(count * (count - 1) // 2)
            found = probe + 1 + np.flatnonzero(high & self.usable[probe + 1 :])
            parts = np.unique(part[np.append(found, probe)])
            if len(parts) > 1:
                part[np.isin(part, parts)] = parts[0]
        return part


def _across(seen: _Seen, linked: Samples) -> tuple[list[LabelFinding], set[int]]:
    """Fingers linked under two names and impressions under another's; and the fingers that hold such impressions."""
    found, misfiled = [], set[int]()
    index = seen.finger
    for part in np.unique(linked[seen.usable]).tolist():
        members = np.flatnonzero((linked == part) & seen.usable)
        counts = Counter(index[members].tolist())
        if len(counts) < 2:
            continue
        here = {finger: 2 * count > int(seen.own[finger]) for finger, count in counts.items()}  # most of it, not a part
        main = max(counts, key=lambda finger: (here[finger], counts[finger], -finger))
        theirs = members[index[members] == main]
        for finger in sorted(counts):
            if finger == main:
                continue
            mine = members[index[members] == finger]
            pairs = seen.between(mine, theirs)
            if pairs.max() < seen.across:  # linked by way of a third finger
                pairs = seen.between(mine, members[index[members] != finger])
            high = int(np.count_nonzero(pairs >= seen.across))
            whole = here[finger]
            names = (seen.fingers[finger], seen.fingers[main])
            stems = () if whole else tuple(seen.names[sample] for sample in mine.tolist())
            doubt = LabelDoubt.TWO_NAMES if whole else LabelDoubt.MISFILED
            if not whole:
                misfiled.add(finger)
            found.append(
                LabelFinding(
                    doubt,
                    tuple(sorted(names)) if whole else names,
                    high,
                    pairs.size,
                    seen.across,
                    float(pairs.max()),
                    stems,
                )
            )
    return found, misfiled


def _within(seen: _Seen, linked: Samples, finger: int) -> Iterator[LabelFinding]:
    """Whether a finger's impressions are never alike, or fall into two parts that are each alike."""
    own = seen.of(finger)
    sizes = Counter(linked[own].tolist())
    name = seen.fingers[finger]
    if len(own) >= LEAST_IMPRESSIONS and max(sizes.values()) == 1:
        pairs = seen.among(own)
        yield LabelFinding(
            LabelDoubt.NEVER_ALIKE, (name,), len(pairs), len(pairs), limit(len(pairs)), float(pairs.max())
        )
        return
    alike = sorted((part for part, size in sizes.items() if size > 1), key=lambda part: (sizes[part], -part))
    for part in alike[:-1]:
        mine, rest = own[linked[own] == part], own[linked[own] != part]
        pairs = seen.between(mine, rest)
        if float(pairs.max()) < limit(pairs.size) - _RARE / 2:  # by chance once in ten times: nothing of one finger
            stems = tuple(seen.names[sample] for sample in mine.tolist())
            yield LabelFinding(
                LabelDoubt.IN_PARTS,
                (name,),
                pairs.size,
                pairs.size,
                limit(pairs.size) - _RARE / 2,
                float(pairs.max()),
                stems,
            )


def _persons(found: list[LabelFinding]) -> list[LabelFinding]:
    """Where two fingers or more, named `<person>-<finger>`, are those of another person: one finding of the two."""
    between: dict[tuple[str, str], list[LabelFinding]] = {}
    rest = []
    for each in found:
        persons = tuple(sorted(name.rpartition("-")[0] for name in each.names))
        if each.doubt is LabelDoubt.TWO_NAMES and persons[0] and persons[0] != persons[1]:
            between.setdefault((persons[0], persons[1]), []).append(each)
        else:
            rest.append(each)
    for (one, other), pairs in between.items():
        if len(pairs) < 2:
            rest += pairs
            continue
        rest.append(
            LabelFinding(
                LabelDoubt.TWO_PERSONS,
                (one, other),
                sum(each.pairs for each in pairs),
                sum(each.of for each in pairs),
                pairs[0].limit,
                max(each.highest for each in pairs),
            )
        )
    return rest


def _pairs(count: int, kind: str) -> str:
    return f"{count:,} {kind} pair{'s score' if count != 1 else ' scores'}"


def _listed(stems: tuple[str, ...]) -> str:
    shown = ", ".join(stems[:8])
    return f"{shown} and {len(stems) - 8} more" if len(stems) > 8 else shown
