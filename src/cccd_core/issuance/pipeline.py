"""The main job: a batch of dossiers in, proved cards and a report out. Imports the biometric and the card side, errors
and the sibling modules.

Stages: check, search, then build, sign, write and verify card by card. Each is idempotent and recorded, so the same
call after any interruption goes on where it was, and after the end changes nothing.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import date
from functools import partial
from itertools import islice
from pathlib import Path

from cccd_core import pki, runtime
from cccd_core.country.clock import today
from cccd_core.dedup import Deduplicator, GalleryStore
from cccd_core.errors import FileError, ParameterError
from cccd_core.issuance import report, runstate
from cccd_core.issuance.audit import Audit
from cccd_core.issuance.batch import Batch, open_batch
from cccd_core.issuance.check import CheckedDossier, check_dossier
from cccd_core.issuance.decide import DecideStage
from cccd_core.issuance.limits import CheckPolicy
from cccd_core.issuance.produce import ProduceStage, TimedSigner
from cccd_core.issuance.register import Register
from cccd_core.issuance.report import Report
from cccd_core.issuance.runstate import Entry, RunState
from cccd_core.matching import Matcher
from cccd_core.personalise import Journal, Stage, Station, card_master_key, open_feeder, require_reader
from cccd_core.progress import Progress, named
from cccd_core.storage.lock import exclusive

_CHECKED_AT_A_TIME = 64
Ask = Callable[[str, str], None]


@dataclass(frozen=True, slots=True)
class Paths:
    """Where a run keeps its things. The gallery's folder holds who is enrolled and who has a card; OUT the run."""

    gallery: Path
    out: Path

    @property
    def gallery_store(self) -> Path:
        return self.gallery / "gallery.sqlite"

    @property
    def register(self) -> Path:
        return self.gallery / "register.sqlite"

    @property
    def state(self) -> Path:
        return self.out / "run.sqlite"

    @property
    def journal(self) -> Path:
        return self.out / "journal"

    @property
    def cards(self) -> Path:
        return self.out / "cards"

    @property
    def audit(self) -> Path:
        return self.out / "audit.jsonl"


def issue(
    batch_path: Path,
    gallery_path: Path,
    pki_dir: Path,
    reader: str,
    out_dir: Path,
    *,
    policy: CheckPolicy | None = None,
    day: date | None = None,
    take_over: str | None = None,
    progress: Progress | None = None,
    ask: Ask | None = None,
) -> Report:
    """Issues the cards of a batch; call it again with the same arguments to go on after an interruption.

    * `gallery_path`: a folder, made where it is not there; one run at a time may use it.
    * `reader`: `memory`, `pcsc` or `pcsc:NAME`, as `personalise.open_feeder` has it; `ask(reader, text)` reaches the
      operator of a real reader.
    * `day`: the day on which dates are judged and cards issued, today by default; fixed by the first run of `out_dir`.
    * `take_over`: the id of a run over the same gallery whose output folder is lost. Its unfinished dossiers, as far as
      this batch has them, are issued by this run. Whoever says so destroys the cards that the lost run left unfinished:
      the register never knew them, and should the folder turn up again, it makes no more of them.
    * `progress(done, total, what)`, `what` being check, search or cards.

    A dossier that is rejected, a duplicate, in review or failed holds up no other. Raises what ends the run for all:
    FileError and StateError (batch, gallery, output folder, disk), TransportError (reader), CertificateError and
    SigningError (PKI), UnavailableError. What was done until then is kept.
    """
    policy = policy or CheckPolicy()
    paths = Paths(gallery_path, out_dir)
    batch = open_batch(batch_path, policy)
    ids = batch.ids()
    if not ids:
        raise FileError("the batch has no dossier", path=str(batch_path))
    _require_apart(batch_path, paths)
    with ExitStack() as stack:
        stack.enter_context(exclusive(paths.out / "lock", "output folder"))
        stack.enter_context(exclusive(paths.gallery / "lock", "gallery"))
        register = Register(paths.register)
        state = RunState(paths.state)
        state.begin(day=day or today(), register_id=register.register_id, facts={"reader": reader})
        state.add(ids)
        _retry_failed(state)
        if state.ids(runstate.RECEIVED, runstate.ACCEPTED, runstate.UNIQUE):
            # what the last stage needs is asked for before the first, which may take hours
            authority = pki.load(pki_dir)
            require_reader(reader)
        run = state.value("run")
        audit = Audit(paths.audit, run)
        start = time.perf_counter()
        worked = check_stage(batch, state, policy, progress)
        if state.ids(runstate.ACCEPTED):
            worked = True
            deduplicator = Deduplicator(Matcher())
            gallery = GalleryStore(paths.gallery_store)
            DecideStage(
                batch, state, register, gallery, deduplicator, run, policy, named(progress, "search"), take_over
            ).execute()
            state.put_json("manifest", _manifest(deduplicator, policy))
            state.put_json("enrolled", len(gallery))
        audit.append(state.entries(*runstate.FINAL))
        if state.ids(runstate.UNIQUE):
            worked = True
            journal = stack.enter_context(Journal(paths.journal))
            master_key = card_master_key(pki_dir)
            feeder = open_feeder(reader, paths.cards, card_master_key=master_key, journal=journal, ask=ask)
            stack.callback(feeder.close)
            station = Station(feeder, journal, master_key, authority.trust_store())
            state.put_json("lanes", len(feeder.lanes))
            signer = TimedSigner(authority.document_signer())
            stage = ProduceStage(batch, state, register, station, signer, run, policy, progress)
            try:
                stage.execute()
            except BaseException:
                station.stop()
                raise
            finally:
                state.put_json("revoke", _to_revoke(journal))
            audit.append(state.entries(*runstate.FINAL))
        if worked:
            state.record([], {"elapsed": time.perf_counter() - start})
        return report.write(state, paths.out)


def _require_apart(batch: Path, paths: Paths) -> None:
    """ParameterError where the folders of a run would mix: what it writes is no dossier of the next one."""
    handed_in, gallery, out = (path.resolve() for path in (batch, paths.gallery, paths.out))
    if gallery == out:
        raise ParameterError("the gallery and the output folder are the same", path=str(paths.out))
    for name, folder in (("gallery", gallery), ("output folder", out)):
        if folder.is_relative_to(handed_in):
            raise ParameterError(f"the {name} lies inside the batch", path=str(folder), batch=str(handed_in))


def _to_revoke(journal: Journal) -> list[dict[str, str | None]]:
    """Cards that were locked for somebody and then proved no good: to be destroyed and revoked."""
    return [
        {"card_serial": card.serial, "dossier": card.job_id, "reason": str(card.reason)}
        for card in journal.cards()
        if card.stage is Stage.SPOILED and card.was_locked
    ]


def _retry_failed(state: RunState) -> None:
    """What failed is tried again: a dossier that the search accepted from its card on, any other from the start."""
    again = []
    for entry in state.entries(runstate.FAILED):
        if entry.searched:
            evidence = {name: value for name, value in entry.evidence.items() if name not in ("card", "error")}
            again.append(replace(entry, state=runstate.UNIQUE, reason=None, written=False, evidence=evidence))
        else:
            again.append(Entry(entry.dossier_id, runstate.RECEIVED))
    if again:
        state.record(again)


def check_stage(batch: Batch, state: RunState, policy: CheckPolicy, progress: Progress | None) -> bool:
    """Checks what is received and not yet checked; whether there was anything."""
    waiting = state.ids(runstate.RECEIVED)
    if not waiting:
        return False
    total, done = len(waiting), 0
    check = partial(check_dossier, day=state.day, policy=policy)
    raws = batch.read(waiting)
    with ThreadPoolExecutor(runtime.threads()) as pool:
        start = time.perf_counter()
        while part := list(islice(raws, _CHECKED_AT_A_TIME)):
            entries = [_checked_entry(checked) for checked in pool.map(check, part)]
            waiting.difference_update(entry.dossier_id for entry in entries)
            now = time.perf_counter()
            state.record(entries, {"check": now - start})
            start = now
            done += len(entries)
            if progress is not None:
                progress(done, total, "check")
    gone = [Entry(dossier_id, runstate.FAILED, "batch_changed") for dossier_id in sorted(waiting)]
    if gone:
        state.record(gone)
    return True


def _checked_entry(checked: CheckedDossier) -> Entry:
    warnings = sorted({problem.reason for problem in checked.problems if problem.severity == "warning"})
    entry = Entry(checked.dossier_id, runstate.ACCEPTED, digest=checked.digest, warnings=warnings)
    if checked.reason is None:
        return entry
    problems = [
        {"field": problem.field, "reason": problem.reason, "facts": problem.facts}
        for problem in checked.problems
        if problem.severity == "error"
    ]
    return replace(entry, state=runstate.REJECTED, reason=checked.reason, evidence={"problems": problems})


def _manifest(deduplicator: Deduplicator, policy: CheckPolicy) -> Mapping[str, object]:
    return {**deduplicator.manifest(), "checks": policy.digest}
