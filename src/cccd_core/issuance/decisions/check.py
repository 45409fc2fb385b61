"""The check of a batch: each dossier read once and looked at alone, and received in the register of dossiers.

What was found is kept until the card is proved, so that what was checked is what is searched, signed and written.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Container, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import date
from functools import partial
from itertools import islice

from cccd_core import runtime
from cccd_core.issuance.dossiers import portrait as portraits
from cccd_core.issuance.dossiers.check import CheckedDossier, SoundDossier, check_dossier
from cccd_core.issuance.dossiers.finger_images import for_chip
from cccd_core.issuance.dossiers.fingers import on_chip
from cccd_core.issuance.dossiers.policy import CheckPolicy
from cccd_core.issuance.dossiers.raw import Batch, RawDossier
from cccd_core.issuance.dossiers.reasons import (
    DossierError,
    Failure,
    Oddity,
    Problem,
    RegisterReason,
    Severity,
    principal,
)
from cccd_core.issuance.runs.content import Content, ContentStore
from cccd_core.issuance.runs.evidence import Evidence, ProblemEvidence, QualityEvidence
from cccd_core.issuance.runs.images import KeptImages
from cccd_core.issuance.runs.moves import DossierMoves, Handed, refused
from cccd_core.issuance.runs.state import DossierState, Entry, RunState
from cccd_core.progress import Progress

_CHECKED_AT_A_TIME = 64
_DG3_IMAGES_BYTES = 55_000  # of a file of 64 KiB, beside the minutiae of the other fingers
logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class CheckStage:
    """The check stage of one run. `kept`: where the images of sound dossiers' fingers are kept, if they are."""

    state: RunState
    content: Callable[[], ContentStore]
    moves: DossierMoves
    policy: CheckPolicy
    kept: KeptImages | None = None

    def execute(self, batch: Batch, day: date, progress: Progress | None = None) -> bool:
        """Reads and checks what is received; whether there was anything. What an earlier run found sound and has not
        made is compared with the batch: a dossier that was changed since is not issued as it was."""
        self._compare(batch)
        waiting = self.state.ids(DossierState.RECEIVED)
        if not waiting:
            return False
        total, done = len(waiting), 0
        check = partial(_check, day=day, policy=self.policy)
        raws = batch.read(waiting)
        with ThreadPoolExecutor(runtime.threads()) as pool:
            start = time.perf_counter()
            while part := list(islice(raws, _CHECKED_AT_A_TIME)):
                found = self._receive(list(pool.map(check, part)))
                for each in found:
                    if self.kept is not None and each.content is not None:
                        self.kept.put(each.entry.dossier_id, each.images)
                self.content().put(each.content for each in found if each.content is not None)
                entries = [each.entry for each in found]
                waiting.difference_update(entry.dossier_id for entry in entries)
                now = time.perf_counter()
                self.state.record(entries, {"check": now - start})
                if ended := self.moves.tell(entries):
                    self.state.record(ended)
                start = now
                done += len(entries)
                if progress is not None:
                    progress(done, total, "check")
        self._gone(Entry(name, DossierState.RECEIVED) for name in sorted(waiting))
        logger.info("checked %d dossiers", done)
        return True

    def _receive(self, found: list[_Checked]) -> list[_Checked]:
        """Takes dossiers into the register; what it says of them comes before what was checked."""
        received = self.moves.receive([one.handed for one in found if one.handed is not None])
        return [one.as_received(received.refused, received.unit_unknown) for one in found]

    def _compare(self, batch: Batch) -> None:
        known = {entry.dossier_id: entry for entry in self.state.entries(DossierState.SOUND, DossierState.UNIQUE)}
        same = {raw.dossier_id for raw in batch.read(known) if raw.digest == known[raw.dossier_id].digest}
        self._gone(entry for name, entry in known.items() if name not in same)

    def _gone(self, entries: Iterable[Entry]) -> None:
        """What was accepted keeps what is known of it: put back as it was, it goes on from its card on."""
        gone = [replace(entry, state=DossierState.FAILED, reason=Failure.BATCH_CHANGED) for entry in entries]
        if gone:
            self.state.record(gone)
            logger.warning("%d dossiers are not in the batch as they were", len(gone))


@dataclass(frozen=True, slots=True)
class _Checked:
    """The row of one dossier; where it is sound, what later stages need of it, and its fingers' images as they came."""

    entry: Entry
    handed: Handed | None
    content: Content | None = None
    images: Mapping[int, bytes] = field(default_factory=dict, repr=False)

    def as_received(self, why: Mapping[str, RegisterReason], unit_unknown: Container[str]) -> _Checked:
        """The same, where the register says that it gets no card, or does not have its unit."""
        name = self.entry.dossier_id
        if name in why:
            return _Checked(refused(self.entry, why[name]), self.handed)
        if name in unit_unknown:
            warnings = tuple(sorted({*self.entry.warnings, Oddity.UNIT_UNKNOWN}))
            return replace(self, entry=replace(self.entry, warnings=warnings))
        return self


def _check(raw: RawDossier, *, day: date, policy: CheckPolicy) -> _Checked:
    checked = check_dossier(raw, day=day, policy=policy)
    odd = {one.reason for one in checked.problems if one.severity is Severity.WARNING}
    warnings = tuple(sorted(word for word in odd if isinstance(word, Oddity)))
    doubts = Evidence(doubts=_evidence(checked.problems, Severity.REVIEW), quality=_quality(checked))
    entry = Entry(checked.dossier_id, DossierState.SOUND, digest=checked.digest, warnings=warnings, evidence=doubts)
    problems, sound = checked.problems, checked.sound
    if sound is not None:
        try:
            portrait = portraits.for_chip(sound.portrait, policy)
            content = Content(sound.dossier, sound.tenprint, portrait, _images(sound, policy), sound.unplaced)
            handed = Handed.of(raw.digest, sound.dossier)
            return _Checked(entry, handed, content, {position: each.data for position, each in sound.images.items()})
        except DossierError as error:
            problems = (*problems, Problem.of(raw.dossier_id, "portrait", error))
    evidence = replace(doubts, problems=_evidence(problems, Severity.ERROR))
    rejected = replace(entry, state=DossierState.REJECTED, reason=principal(problems), evidence=evidence)
    return _Checked(rejected, Handed.read(raw))


def _images(sound: SoundDossier, policy: CheckPolicy) -> dict[int, bytes]:
    """The records of those finger images that go on the chip, by position; of the others, and where DG3 would be too
    large, minutiae do."""
    made: dict[int, bytes] = {}
    left = _DG3_IMAGES_BYTES
    for position in on_chip(sound.tenprint, policy.chip_fingers):
        record = for_chip(sound.images[position], position, policy) if position in sound.images else b""
        if record and len(record) <= left:
            made[position] = record
            left -= len(record)
    return made


def _evidence(problems: Iterable[Problem], severity: Severity) -> tuple[ProblemEvidence, ...]:
    return tuple(
        ProblemEvidence(one.field, one.reason, dict(one.facts)) for one in problems if one.severity is severity
    )


def _quality(checked: CheckedDossier) -> tuple[QualityEvidence, ...]:
    return tuple(
        QualityEvidence(max(place, 0), figure, checked.again.get(place, ()))
        for place, figure in checked.quality.items()
    )
