"""From a decision to a proved card: build, sign, write, verify. Imports personalise, signing, emrtd, errors and the
sibling modules.

Images are built lazily, a few ahead of the stations; nothing of a card that an interruption loses is missed, since the
station's journal knows every card that was ever bound and the register every one that is issued.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from cccd_core.emrtd import CardContent, mrz
from cccd_core.emrtd.algorithms import SignatureAlgorithm
from cccd_core.errors import CccdError, SigningError, StateError
from cccd_core.issuance import portrait as portraits
from cccd_core.issuance import runstate
from cccd_core.issuance.batch import Batch, RawDossier
from cccd_core.issuance.check import CheckedDossier, check_dossier
from cccd_core.issuance.fingers import chip_fingers
from cccd_core.issuance.limits import CheckPolicy
from cccd_core.issuance.register import Card, Register
from cccd_core.issuance.runstate import Entry, RunState
from cccd_core.personalise import CardJob, CardResult, ChipSecrets, JobOutcome, Station
from cccd_core.progress import Progress
from cccd_core.signing import ChipKeys, Signer
from cccd_core.signing.image import build_image


class TimedSigner:
    """A signer that adds up the time its signatures take."""

    def __init__(self, signer: Signer) -> None:
        self._signer = signer
        self.seconds = 0.0

    @property
    def certificate_der(self) -> bytes:
        """See `Signer`."""
        return self._signer.certificate_der

    @property
    def algorithm(self) -> SignatureAlgorithm:
        """See `Signer`."""
        return self._signer.algorithm

    def sign(self, data: bytes) -> bytes:
        """See `Signer`."""
        start = time.perf_counter()
        try:
            return self._signer.sign(data)
        finally:
            self.seconds += time.perf_counter() - start


class _OtherRunError(StateError):
    """This run was taken for lost, and another one has its dossier now."""


@dataclass(slots=True)
class ProduceStage:
    """The card stage of one run."""

    batch: Batch
    state: RunState
    register: Register
    station: Station
    signer: TimedSigner
    run: str
    policy: CheckPolicy
    progress: Progress | None = None
    _making: dict[str, tuple[Entry, str]] = field(default_factory=dict)  # job -> its row and number
    _seconds: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    _done: int = 0
    _total: int = 0

    def execute(self) -> None:
        """Makes the card of every unique dossier. Errors of the reader, the journal or the signer end the run; what is
        done stays done."""
        waiting = {entry.dossier_id: entry for entry in self.state.entries(runstate.UNIQUE)}
        self._total = len(waiting)
        for result in self.station.run_all(self._jobs(waiting)):
            self._finish(result)
        for dossier_id in sorted(set(waiting) - self.state.ids(*runstate.FINAL)):
            self._record(replace(waiting[dossier_id], state=runstate.FAILED, reason="batch_changed"))

    def _jobs(self, waiting: dict[str, Entry]) -> Iterator[CardJob]:
        for raw in self.batch.read(waiting):
            entry = waiting[raw.dossier_id]
            if raw.digest != entry.digest:
                self._record(replace(entry, state=runstate.FAILED, reason="batch_changed"))
                continue
            start, signed = time.perf_counter(), self.signer.seconds
            try:
                job = self._job(raw)
            except _OtherRunError as error:
                self._record(replace(entry, state=runstate.FAILED, reason="in_other_run", evidence=dict(error.facts)))
                continue
            except SigningError:
                raise  # it would fail for everybody
            except CccdError as error:
                evidence = {**entry.evidence, "error": error.as_dict()}
                self._record(replace(entry, state=runstate.FAILED, reason="build_failed", evidence=evidence))
                continue
            spent = self.signer.seconds - signed
            self._seconds["sign"] += spent
            self._seconds["build"] += time.perf_counter() - start - spent
            self._making[job.job_id] = (entry, job.personal_number)
            yield job

    def _job(self, raw: RawDossier) -> CardJob:
        checked = check_dossier(raw, day=self.state.day, policy=self.policy)
        card = None
        if checked.dossier is not None:
            card = self.register.card(raw.dossier_id, checked.dossier.personal_number)
        if card is None:
            raise StateError("the dossier was not accepted", dossier=raw.dossier_id)
        if card.run != self.run:
            raise _OtherRunError("another run took the dossier over", run=card.run)
        content = card_content(checked, card, self.policy)
        keys = ChipKeys.generate()
        image = build_image(content, self.signer, ca_public_key=keys.ca_public_key, aa_public_key=keys.aa_public_key)
        secrets = ChipSecrets(
            can=mrz.can(content.personal_number),
            mrz_information=mrz.for_card(content).information,
            ca_private_key=keys.ca_private_key,
            aa_private_key=keys.aa_private_key,
        )
        return CardJob(raw.dossier_id, content.personal_number, image, secrets)

    def _finish(self, result: CardResult) -> None:
        entry, number = self._making.pop(result.job_id)
        self._seconds["write"] += result.write_s
        self._seconds["verify"] += result.verify_s
        evidence = {**entry.evidence, "card": result.evidence.as_dict()}
        if result.outcome is JobOutcome.VERIFIED and result.card_serial is not None:
            self.register.verify(result.job_id, number, result.card_serial, self.run)
            done = replace(
                entry,
                state=runstate.VERIFIED,
                reason=None,
                card_serial=result.card_serial,
                written=True,
                evidence=evidence,
            )
        else:
            evidence["error"] = {"outcome": str(result.outcome), "reason": str(result.reason)}
            reason = "card_waiting" if result.outcome is JobOutcome.WAITING else "card_failed"
            done = replace(entry, state=runstate.FAILED, reason=reason, written=result.written, evidence=evidence)
        self._record(done)

    def _record(self, entry: Entry) -> None:
        self.state.record([entry], dict(self._seconds))
        self._seconds.clear()
        self._done += 1
        if self.progress is not None:
            self.progress(self._done, self._total, "cards")


def card_content(checked: CheckedDossier, card: Card, policy: CheckPolicy) -> CardContent:
    """What the card of a sound dossier says. The dates are the register's, fixed when the dossier was accepted."""
    dossier, portrait, tenprint = checked.dossier, checked.portrait, checked.tenprint
    if dossier is None or portrait is None or tenprint is None:
        raise StateError("only a sound dossier becomes a card", dossier=checked.dossier_id)
    return CardContent(
        personal_number=dossier.personal_number,
        full_name=dossier.full_name,
        birth_date=dossier.birth_date,
        sex=dossier.sex,
        issue_date=card.issue_date,
        expiry_date=card.expiry_date,
        portrait=portraits.for_chip(portrait, policy),
        fingers=chip_fingers(tenprint, policy.chip_fingers),
        nationality=dossier.nationality,
        ethnicity=dossier.ethnicity,
        religion=dossier.religion,
        place_of_origin=dossier.place_of_origin,
        place_of_residence=dossier.place_of_residence,
        marks=dossier.marks,
        father=dossier.father,
        mother=dossier.mother,
        spouse=dossier.spouse,
        old_number=dossier.old_number,
    )
