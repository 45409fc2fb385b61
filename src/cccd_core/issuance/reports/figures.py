"""The figures of a run, and one line a dossier: what report.json and dossiers.jsonl say.

Everything comes from the run's state, so that writing it again gives the same bytes; the units of `today` come from the
batch and the register.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from cccd_core.issuance.dossiers.reasons import Holder, RegisterReason
from cccd_core.issuance.reports.people import People
from cccd_core.issuance.reports.today import Today
from cccd_core.issuance.runs.evidence import Revocation
from cccd_core.issuance.runs.state import FINAL, DossierState, Entry, RunState
from cccd_core.plain import Json, JsonObject, encode

STAGES = ("check", "search", "build", "sign", "write", "verify")


@dataclass(frozen=True, slots=True)
class Duplicate:
    """A dossier of somebody known: by which dossier and fingers, how sure. `holder`: of an exchange or reissue whether
    they are the fingers of the record of its number; `number`: what else would be wrong with that."""

    dossier: str
    of: str
    fingers: tuple[int, ...]
    score: float
    holder: Holder | None = None
    number: RegisterReason | None = None


@dataclass(frozen=True, slots=True)
class Margins:
    """How far apart the duplicates and the others lie: the margins on both sides of the threshold."""

    duplicate_threshold: float | None
    lowest_duplicate: float | None
    highest_unique: float | None


@dataclass(frozen=True, slots=True)
class PoorImage:
    """The image of a finger that is better captured again: whose, how good it is, and why in words."""

    dossier: str
    position: int
    quality: int
    why: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Qualities:
    """How good the images of fingers are, 0 to 100; no figures where there was no image."""

    images: int
    least: int | None
    median: int | None
    most: int | None
    capture_again: tuple[PoorImage, ...]


@dataclass(frozen=True, slots=True)
class Figures:
    """The content of report.json. `seconds` add up over all runs of the folder, by stage; `elapsed` is the time that
    went by. `revoke`: spoiled cards, those of cancelled dossiers, and those that a proved card replaced. `signers`:
    signatures by the serial number of the document signer's certificate; `notices`: what of the country's keys and
    lists is to be seen to, as it stood when the run was last called."""

    states: Counter[DossierState]
    unique: int
    written: int
    rejected: dict[str, int]
    failed: dict[str, int]
    reviews: dict[str, int]
    warnings: dict[str, int]
    quality: Qualities
    duplicates: tuple[Duplicate, ...]
    revoke: tuple[Revocation, ...]
    scores: Margins
    seconds: dict[str, float]
    elapsed: float
    lanes: int
    enrolled: int | None
    signers: JsonObject
    notices: tuple[str, ...]
    run: dict[str, str]
    manifest: Json
    received: int = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "received", sum(self.states.values()))

    @property
    def verified(self) -> int:
        return self.states[DossierState.VERIFIED]

    def throughput(self) -> dict[str, float]:
        return {
            "elapsed_seconds": round(self.elapsed, 6),
            "dossiers_per_second": round(self.received / self.elapsed, 3) if self.elapsed else 0.0,
            "lanes": self.lanes,
        }

    def as_dict(self) -> JsonObject:
        return {
            "received": self.received,
            "rejected": self.rejected,
            "unique": self.unique,
            "review": self.states[DossierState.REVIEW],
            "duplicates": encode(self.duplicates),
            "written": self.written,
            "verified": self.verified,
            "seconds": self.seconds,
            "failed": self.failed,
            "reviews": self.reviews,
            "revoke": encode(self.revoke),
            "warnings": self.warnings,
            "quality": encode(self.quality),
            "scores": encode(self.scores),
            "throughput": self.throughput(),
            "gallery": {"enrolled": self.enrolled},
            "signers": self.signers,
            "notices": list(self.notices),
            "run": self.run,
            "manifest": self.manifest,
        }


@dataclass(frozen=True, slots=True)
class Report:
    """What became of a batch; `entries` has every dossier, `today` what is to be done. `gallery`: over which the run
    was, for the commands that a report names; `people`: those who may be seen, where that was asked for."""

    figures: Figures
    entries: tuple[Entry, ...]
    out: Path
    today: Today
    gallery: Path
    people: People | None = None

    @property
    def complete(self) -> bool:
        """Whether every dossier has a final state that no later run would change."""
        return all(entry.state in FINAL and entry.state is not DossierState.FAILED for entry in self.entries)

    def as_dict(self) -> JsonObject:
        return {"today": self.today.as_dict(), **self.figures.as_dict()}


def line(entry: Entry) -> JsonObject:
    """One dossier's line of dossiers.jsonl."""
    return {
        "id": entry.dossier_id,
        "state": entry.state,
        "reason": entry.reason,
        "card_serial": entry.card_serial,
        "warnings": list(entry.warnings),
        "evidence": entry.evidence.as_dict(),
    }


def figures(state: RunState, entries: Sequence[Entry]) -> Figures:
    """The figures of a run whose dossiers are these."""
    seconds = state.seconds()
    lanes, enrolled = state.get_json("lanes"), state.get_json("enrolled")
    signers, notices = state.get_json("signers"), state.get_json("notices")
    return Figures(
        states=Counter(entry.state for entry in entries),
        unique=sum(entry.searched for entry in entries),
        written=sum(entry.written for entry in entries),
        rejected=_reasons(entries, DossierState.REJECTED),
        failed=_reasons(entries, DossierState.FAILED),
        reviews=_reasons(entries, DossierState.REVIEW),
        warnings=_counted([str(word) for entry in entries for word in entry.warnings]),
        quality=_qualities(entries),
        duplicates=tuple(
            Duplicate(
                entry.dossier_id,
                search.of or "",
                search.fingers,
                search.score,
                entry.evidence.holder,
                entry.evidence.number,
            )
            for entry in entries
            if entry.state is DossierState.DUPLICATE and (search := entry.evidence.search) is not None
        ),
        revoke=(
            *state.revocations(),
            *state.cancelled(),
            *(card for entry in entries for card in entry.evidence.replaced),
        ),
        scores=_margins(entries),
        seconds={stage: round(seconds.get(stage, 0.0), 6) for stage in STAGES},
        elapsed=seconds.get("elapsed", 0.0),
        lanes=lanes if isinstance(lanes, int) else 0,
        enrolled=enrolled if isinstance(enrolled, int) else None,
        signers=signers if isinstance(signers, dict) else {},
        notices=tuple(map(str, notices)) if isinstance(notices, list) else (),
        run={"id": state.value("run"), "day": state.value("day"), "reader": state.value("reader")},
        manifest=state.get_json("manifest"),
    )


def score_of(entry: Entry, state: DossierState | None = None) -> float | None:
    """The search's score of a dossier, of that state where one is given; None where it was not searched."""
    search = entry.evidence.search
    if search is None or (state is not None and entry.state is not state):
        return None
    return search.score


def _reasons(entries: Sequence[Entry], state: DossierState) -> dict[str, int]:
    return _counted([str(entry.reason or "") for entry in entries if entry.state is state])


def _counted(words: Sequence[str]) -> dict[str, int]:
    return dict(sorted(Counter(words).items()))


def _qualities(entries: Sequence[Entry]) -> Qualities:
    found = sorted(one.figure for entry in entries for one in entry.evidence.quality)
    poor = tuple(
        PoorImage(entry.dossier_id, one.position, one.figure, one.capture_again)
        for entry in entries
        for one in entry.evidence.quality
        if one.capture_again
    )
    if not found:
        return Qualities(0, None, None, None, poor)
    return Qualities(len(found), found[0], found[len(found) // 2], found[-1], poor)


def _margins(entries: Sequence[Entry]) -> Margins:
    duplicates = [score for entry in entries if (score := score_of(entry, DossierState.DUPLICATE)) is not None]
    others = [score for entry in entries if entry.searched and (score := score_of(entry)) is not None]
    thresholds = [search.duplicate_score for entry in entries if (search := entry.evidence.search) is not None]
    return Margins(max(thresholds, default=None), min(duplicates, default=None), max(others, default=None))
