"""How well a search finds: people whose record in the gallery is known are looked up, and what comes out is counted.

A probe whose name is a gallery's identifier has a mate, the others have none. FNIR is the share of mated probes whose
mate stays below a fused score, FPIR that of the others for which somebody reaches it (ISO/IEC 19795-1, open-set
identification). Each cascade is laid beside the exhaustive one, which is the truth.
"""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Final, Literal, TypeAlias

import numpy as np
from matplotlib.figure import Figure

from cccd_core.dedup.blocks import Probe, Searchable
from cccd_core.dedup.codes import FingerCoder
from cccd_core.dedup.deduplicator import Deduplicator
from cccd_core.dedup.gallery.protocol import Gallery
from cccd_core.dedup.index import Index
from cccd_core.dedup.judge.thresholds import Thresholds
from cccd_core.dedup.lookup import Answer, Lookup
from cccd_core.dedup.parameters import DedupParameters
from cccd_core.dedup.person import EnrolledPerson
from cccd_core.dedup.search.cascade import Cascade
from cccd_core.dedup.search.enrolled import Indexed, Left, Ready, Sought
from cccd_core.dedup.search.screened import Kept
from cccd_core.dedup.search.screening import CodesFirst
from cccd_core.errors import ConflictError, ParameterError
from cccd_core.matching import Matcher, PreparedTemplate
from cccd_core.plain import Json, JsonObject
from cccd_core.progress import Progress
from cccd_core.storage.cipher import Cipher

LostAt: TypeAlias = Literal["codes", "comparison", "not_searchable"]
WIDEST: Final = 0.9  # the expected number of false matches that candidates are kept down to
RATES: Final = (1e-5, 1e-4, 1e-3, 1e-2, 1e-1, WIDEST)  # that are asked for
LEVEL: Final = 0.95


@dataclass(frozen=True, slots=True)
class Share:
    """`count` of `of`, and the two-sided 95 % interval of the share (Clopper and Pearson)."""

    count: int
    of: int
    low: float
    high: float

    @classmethod
    def counted(cls, count: int, of: int) -> Share:
        """ParameterError where the count is no part."""
        if not 0 <= count <= of:
            raise ParameterError("a count must lie between 0 and all", count=count, of=of)
        tail = (1 - LEVEL) / 2
        low = 0.0 if not count else _where(lambda p: 1 - _at_most(count - 1, of, p) < tail)
        high = 1.0 if count == of else _where(lambda p: _at_most(count, of, p) > tail)
        return cls(count, of, low, high)

    @property
    def rate(self) -> float | None:
        """The share itself; None of nothing."""
        return self.count / self.of if self.of else None

    def as_dict(self) -> JsonObject:
        """JSON-ready, the share included."""
        return {**asdict(self), "rate": self.rate}


def _at_most(count: int, of: int, p: float) -> float:
    """The chance of at most so many successes in `of` trials of chance `p`."""
    if p <= 0 or p >= 1:
        return 1.0 if p <= 0 or count >= of else 0.0
    logs = [
        math.lgamma(of + 1) - math.lgamma(k + 1) - math.lgamma(of - k + 1) + k * math.log(p) + (of - k) * math.log1p(-p)
        for k in range(count + 1)
    ]
    return min(1.0, math.fsum(math.exp(one) for one in logs))


def _where(below: Callable[[float], bool]) -> float:
    """Up to which chance this holds."""
    low, high = 0.0, 1.0
    for _ in range(50):
        middle = (low + high) / 2
        low, high = (middle, high) if below(middle) else (low, middle)
    return (low + high) / 2


@dataclass(frozen=True, slots=True)
class Point:
    """At one fused score: the rate of false positives that was asked for, and both shares."""

    asked: float
    score: float
    fnir: Share
    fpir: Share


@dataclass(frozen=True, slots=True)
class Missed:
    """A probe whose mate was not called a duplicate by the usual parameters, the score of the mate, and where it was
    lost: by the codes, in the comparison of fingers, or since no finger is good enough to be searched by."""

    probe: str
    score: float
    lost_at: LostAt


@dataclass(frozen=True, slots=True)
class Measurement:
    """What one cascade did. `screened`, `compared`: people, over all probes; seconds are of all probes together, and
    all else is the same each time; `outcomes` as the usual parameters decide; `expected_loss` what the first stage was
    measured to lose, of the probe for which that is most."""

    cascade: str
    points: tuple[Point, ...]
    missed: tuple[Missed, ...]
    outcomes: dict[str, int]
    screened: int
    compared: int
    finger_pairs: int
    codes_seconds: float
    seconds: float
    median_seconds: float
    expected_loss: float | None

    @property
    def penetration(self) -> float:
        """The share of people whose fingers were compared."""
        return self.compared / self.screened if self.screened else 0.0

    @property
    def lost_at(self) -> dict[str, int]:
        """How many mates were lost at which stage."""
        return dict(sorted(Counter(one.lost_at for one in self.missed).items()))


@dataclass(frozen=True, slots=True)
class SearchMeasured:
    """What was measured: the exhaustive cascade first, then those asked for."""

    people: int
    mated: int
    others: int
    cascades: tuple[Measurement, ...]
    manifest: JsonObject

    def as_dict(self) -> JsonObject:
        """JSON-ready."""
        cascades: list[Json] = [
            {
                **asdict(one),
                "points": [
                    {"asked": p.asked, "score": p.score, "fnir": p.fnir.as_dict(), "fpir": p.fpir.as_dict()}
                    for p in one.points
                ],
                "penetration": one.penetration,
                "lost_at": {**one.lost_at},
            }
            for one in self.cascades
        ]
        return {**asdict(replace(self, cascades=())), "cascades": cascades}


class _Timed:
    """A first stage whose time is taken."""

    def __init__(self, first: CodesFirst) -> None:
        self.first, self.seconds = first, 0.0
        self.cascade = first.cascade

    def miss_rate(self, fingers: int) -> float | None:
        return self.first.miss_rate(fingers)

    def ready(self, sought: Sequence[Sought[PreparedTemplate]]) -> _TimedReady:
        began = time.perf_counter()
        ready = self.first.ready(sought)
        self.seconds += time.perf_counter() - began
        return _TimedReady(self, ready)


@dataclass(frozen=True, slots=True)
class _TimedLeft:
    owner: _Timed
    ready: Left

    def left(self) -> list[dict[bool, Kept]]:
        began = time.perf_counter()
        found = self.ready.left()
        self.owner.seconds += time.perf_counter() - began
        return found


@dataclass(frozen=True, slots=True)
class _TimedReady(_TimedLeft):
    ready: Ready

    def again(self, places: Sequence[int], images: Sequence[Probe[PreparedTemplate] | None]) -> _TimedLeft:
        began = time.perf_counter()
        again = self.ready.again(places, images)
        self.owner.seconds += time.perf_counter() - began
        return _TimedLeft(self.owner, again)


class SearchMeasure:
    """Measures cascades over one gallery and its index, which is up to date."""

    def __init__(
        self, gallery: Gallery, folder: Path, matcher: Matcher, coder: FingerCoder, *,
        cipher: Cipher | None = None, threads: int = 1,
    ) -> None:  # fmt: skip
        """ConflictError where the index lacks somebody, or there is none."""
        self._gallery, self._matcher, self._coder, self._threads = gallery, matcher, coder, threads
        self._index = Index.open(folder, gallery, matcher, coder, cipher=cipher)
        if not self._index.shards or next(iter(self._index.pending()), None) is not None:
            raise ConflictError("the gallery's index lacks people", path=str(folder), needs="cccd gallery index")

    def measure(
        self, probes: Sequence[EnrolledPerson], cascades: Sequence[Cascade], *, progress: Progress | None = None
    ) -> SearchMeasured:
        """Each probe by itself, as a search of one; ParameterError for no probes."""
        if not probes:
            raise ParameterError("nobody is given to be looked up")
        mates = self._gallery.known([one.person_id for one in probes])
        wanted = [Cascade(), *(one for one in dict.fromkeys(cascades) if one != Cascade())]
        results = []
        for place, cascade in enumerate(wanted):
            done = place * len(probes)
            results.append(self._one(probes, mates, cascade, done, len(wanted) * len(probes), progress))
        with_mate = sum(one.person_id in mates for one in probes)
        manifest = Deduplicator(self._matcher, DedupParameters()).manifest()
        return SearchMeasured(len(self._gallery), with_mate, len(probes) - with_mate, tuple(results), manifest)

    def _one(
        self, probes: Sequence[EnrolledPerson], mates: set[str], cascade: Cascade,
        done: int, total: int, progress: Progress | None,
    ) -> Measurement:  # fmt: skip
        first = None
        if not cascade.exhaustive:
            first = _Timed(CodesFirst(self._coder, self._index, cascade, threads=self._threads))
        wide = Deduplicator(self._matcher, DedupParameters(review_false_matches=WIDEST), threads=self._threads)
        lookup = Lookup(self._gallery, wide, Indexed(self._matcher, self._index, first))
        spent: list[float] = []
        answers: list[Answer] = []
        mated: list[float] = []
        strangers: list[float] = []
        missed: list[Missed] = []
        outcomes: Counter[str] = Counter()
        for number, probe in enumerate(probes, start=1):
            began = time.perf_counter()
            (answer,) = lookup.search([probe]).answers
            spent.append(time.perf_counter() - began)
            answers.append(answer)
            scores = _scores(answer)
            best = max(scores.values(), default=0.0)
            if probe.person_id in mates:
                score = scores.get(probe.person_id, 0.0)
                mated.append(score)
                found = any(m.outcome == "duplicate" for m in answer.candidates if m.person_id == probe.person_id)
                outcomes["mate_found" if found else "mate_missed"] += 1
                if not found:
                    missed.append(Missed(probe.person_id, score, self._lost_at(probe, answer, first)))
            else:
                strangers.append(best)
                called = any(match.outcome == "duplicate" for match in answer.candidates)
                outcomes["other_called" if called else "other_left"] += 1
            if progress is not None:
                progress(done + number, total, str(cascade))
        losses = [one.miss_rate for one in answers if one.miss_rate is not None]
        return Measurement(
            str(cascade),
            tuple(_point(rate, len(self._gallery), mated, strangers) for rate in RATES),
            tuple(missed),
            dict(sorted(outcomes.items())),
            sum(one.screened for one in answers),
            sum(one.compared for one in answers),
            sum(one.finger_pairs for one in answers),
            0.0 if first is None else first.seconds,
            math.fsum(spent),
            float(np.median(spent)),
            max(losses, default=None),
        )

    def _lost_at(self, probe: EnrolledPerson, answer: Answer, first: _Timed | None) -> LostAt:
        """Where the mate was lost."""
        if answer.outcome == "not_searchable":
            return "not_searchable"
        if first is None:
            return "comparison"
        sought: Sought[PreparedTemplate] = Sought(0, Searchable.of(probe, DedupParameters().least_minutiae))
        left = first.first.ready([sought]).again([0]).left()[0].values()
        numbers = np.concatenate([live.shard.sequences[live.rows] for live in self._index.shards])
        known = self._gallery.identifiers(numbers[np.concatenate([kept.places for kept in left])].tolist())
        return "comparison" if probe.person_id in known.values() else "codes"


def _scores(answer: Answer) -> dict[str, float]:
    """The score of everybody of the gallery who is told of."""
    told = [*answer.candidates, *([] if answer.best_competitor is None else [answer.best_competitor])]
    return {match.person_id: match.score for match in told if match.source == "gallery"}


def _point(asked: float, people: int, mated: Sequence[float], others: Sequence[float]) -> Point:
    score = Thresholds(DedupParameters(), people).score(asked)
    return Point(
        asked,
        score,
        Share.counted(sum(one < score for one in mated), len(mated)),
        Share.counted(sum(one >= score for one in others), len(others)),
    )


def picture(measured: SearchMeasured) -> Figure:
    """FNIR over the rate of false positives that was asked for, of each cascade, with the intervals; and beside it the
    FPIR that came."""
    figure = Figure(figsize=(9, 4.5), layout="constrained")
    for place, (name, mark) in enumerate((("FNIR", "o"), ("FPIR", "s")), start=1):
        axes = figure.add_subplot(1, 2, place)
        for number, one in enumerate(measured.cascades):
            shares = [point.fnir if name == "FNIR" else point.fpir for point in one.points]
            if not shares[0].of:
                continue
            values = np.array([share.count / share.of for share in shares])
            reach = np.abs(np.array([[share.low for share in shares], [share.high for share in shares]]) - values)
            asked = np.array([point.asked for point in one.points]) * (1 + 0.08 * number)  # not one above another
            axes.errorbar(asked, values, reach, marker=mark, markersize=4, linewidth=1, capsize=2, label=one.cascade)
        axes.set_xscale("log")
        axes.set_yscale("symlog", linthresh=1e-3)
        axes.set_ylim(bottom=0)
        axes.set_xlabel("rate of false positives asked for")
        axes.set_ylabel(f"{name}, with 95 % intervals")
        axes.grid(visible=True, which="both", linewidth=0.3, alpha=0.6)
        axes.legend(fontsize=8)
    return figure
