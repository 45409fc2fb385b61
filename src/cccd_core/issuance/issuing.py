"""The main job: a batch of dossiers in, proved cards and a report out.

Stages: check, search, then build, sign, write and verify card by card. Each is idempotent and recorded, so the same
call after any interruption goes on where it was, and after the end changes nothing.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable
from contextlib import ExitStack, closing
from dataclasses import dataclass, field, replace
from datetime import date
from functools import partial
from pathlib import Path

from cccd_core.country.holidays import KNOWN
from cccd_core.dedup.gallery.folder import alone_with, gallery_in
from cccd_core.dedup.gallery.sql import SqlGallery
from cccd_core.errors import ConflictError, FileError
from cccd_core.issuance.audit import anchors
from cccd_core.issuance.audit import entry as told
from cccd_core.issuance.audit.stores import FileStore
from cccd_core.issuance.audit.trail import RunTrail
from cccd_core.issuance.correction.store import demand_none_under_way
from cccd_core.issuance.decisions.check import CheckStage
from cccd_core.issuance.decisions.decide import DecideStage
from cccd_core.issuance.decisions.reviews import Reviews
from cccd_core.issuance.dossiers.batch import open_batch
from cccd_core.issuance.dossiers.policy import CheckPolicy
from cccd_core.issuance.dossiers.raw import Batch
from cccd_core.issuance.means import Authority, Means, day_of
from cccd_core.issuance.production.make import ProduceStage
from cccd_core.issuance.register.dossiers import DossierRegister
from cccd_core.issuance.register.store import Register
from cccd_core.issuance.reports import write as reports
from cccd_core.issuance.reports.figures import Report
from cccd_core.issuance.reports.origin import Origin
from cccd_core.issuance.reports.people import Shown
from cccd_core.issuance.review.kept import KeptDossiers, forget_settled
from cccd_core.issuance.review.store import Cases
from cccd_core.issuance.runs.content import ContentStore
from cccd_core.issuance.runs.evidence import Revocation
from cccd_core.issuance.runs.images import KeptImages
from cccd_core.issuance.runs.moves import DossierMoves
from cccd_core.issuance.runs.orders import Orders
from cccd_core.issuance.runs.paths import Paths
from cccd_core.issuance.runs.place import keep_register, register_of
from cccd_core.issuance.runs.state import FINAL, DossierState, Entry, RunState
from cccd_core.issuance.runs.waiting import take
from cccd_core.personalise import Ask, Journal, Stage, Station
from cccd_core.progress import Progress, named
from cccd_core.signing.signer import Signer
from cccd_core.storage.cipher import Cipher
from cccd_core.storage.lock import exclusive

_CHECKED_AT_A_TIME = 64
_DG3_IMAGES_BYTES = 55_000  # of a file of 64 KiB, beside the minutiae of the other fingers
logger = logging.getLogger(__name__)


def issue(
    batch_path: Path | str,
    gallery_path: Path | str,
    out_dir: Path | str,
    means: Means,
    *,
    policy: CheckPolicy | None = None,
    register: Path | str | None = None,
    take_over: str | None = None,
    keep_images: Cipher | None = None,
    order: str | None = None,
    anchor: Path | None = None,
    keep_reviews: Cipher | None = None,
    show_people: bool = False,
    wait: bool = False,
    progress: Progress | None = None,
    ask: Ask | None = None,
) -> Report:
    """Issues the cards of a batch; call it again with the same arguments to go on after an interruption.

    * `gallery_path`: a folder, made where it is not there; one run at a time may use it.
    * `means`: what the run works with (`Means.usual` for the library's own). Its clock gives the day on which dates are
      judged and cards issued; the first run of `out_dir` fixes it.
    * `register`: where people, cards, cases and dossiers are: a file's path or a `postgresql://` URL, which the first
      run over a gallery fixes; without it a file in the gallery's folder.
    * `take_over`: the id of a run over the same gallery whose output folder is lost. Its unfinished dossiers, as far as
      this batch has them, are issued by this run. Whoever says so destroys the cards that the lost run left unfinished:
      the register never knew them, and should the folder turn up again, it makes no more of them.
    * `keep_images`: the images of the sound dossiers' fingers are kept in `out_dir`, encrypted by this
      (`runs.images.KeptImages` reads them); without it they are dropped once the card is proved.
    * `order`: on whose order, as the audit trail and the register of dossiers say it; who acts is `means.actor`.
    * `anchor`: a file, kept where whoever can write `out_dir` cannot, to which the trail's last signed statement is
      added. ConflictError where no key signs the trail.
    * `keep_reviews`: what people need to see of dossiers in review is kept in the gallery's folder, encrypted by this,
      until their cases are settled (`review.kept.KeptDossiers`); without it they have scores and words alone.
    * `show_people`: report.html names people and shows portraits and fingers of duplicates; a later call without it
      writes it without them.
    * `wait`: while another run uses the gallery or `out_dir`, it is waited for, in place of a BusyError; `progress` is
      told the seconds, and ends it by an exception.
    * `progress(done, total, what)`, `what` being check, search or cards; `ask` reaches the operator of a real reader.

    A dossier that is rejected, a duplicate, in review or failed holds up no other. What is wrong for all is raised
    before the first of them: FileError, DamagedError and BusyError (batch, gallery, output folder), ConflictError
    (folders of another run, another authority than the run began with, a clock before its day), CertificateError and
    SigningError (a signer that readers would refuse, or that cannot sign), UnavailableError and TransportError
    (reader; a gallery or register under another key). What was done until then is kept.
    """
    policy = policy or CheckPolicy()
    paths = Paths(Path(gallery_path), Path(out_dir))
    batch_path = Path(batch_path)
    batch = open_batch(batch_path, policy)
    ids = batch.ids()
    if not ids:
        raise FileError("the batch has no dossier", path=str(batch_path))
    paths.require_apart(batch_path)
    with ExitStack() as stack:
        take(stack, lambda: exclusive(paths.out / "lock", "output folder"), wait=wait, progress=progress)
        take(stack, lambda: alone_with(paths.gallery), wait=wait, progress=progress)
        where = register_of(paths.gallery, register)
        if paths.content.exists():  # who goes on without its key is told before the register begins with another
            ContentStore(paths.content, means.cipher).close()
        if means.cipher is not None:  # one that is not the gallery's is refused before the register begins with it
            gallery_in(paths.gallery, make=True, cipher=means.cipher).close()
        cards = stack.enter_context(closing(Register(where, cipher=means.cipher)))
        keep_register(paths.gallery, where)
        demand_none_under_way(where)
        state = stack.enter_context(closing(RunState(paths.state)))
        kept = None if keep_images is None else KeptImages(paths.out, keep_images)
        cases = stack.enter_context(closing(Cases(where)))
        reviews = Reviews(cases, KeptDossiers(paths.gallery, keep_reviews), means.clock.now)
        dossiers = stack.enter_context(closing(DossierRegister(where, due=KNOWN.deadline_if_known)))
        run = _Run(paths, means, policy, cards, dossiers, order, state, stack, reviews, kept)
        authority = run.require_means(ids)  # before the day is fixed: the clock may be what is wrong
        facts = {"reader": means.readers.name}
        day = state.begin(day=day_of(means.clock), register_id=cards.register_id, facts=facts)
        if authority is not None:
            state.fix("authority", authority.identity())
            state.put_json("notices", list(authority.notices))
        state.add(ids)
        run.retry_failed()
        obeyed = run.obey()
        name = state.value("run")
        audit = RunTrail(FileStore(paths.audit), name, clock=means.clock.now, signer=run.audit_signer)
        if authority is not None:
            run.audit_signer()  # before the first card: what cannot sign would leave the last of them unsigned
        tell = partial(_told, actor=means.actor, order=order)
        logger.info("run %s: %d dossiers, day %s, readers %s", name, len(ids), day, means.readers.name)
        start = time.perf_counter()
        worked = [
            run.tell(),
            run.check(batch, day, progress),
            run.decide(take_over, named(progress, "search")),
        ]
        worked.append(obeyed)
        audit.tell(map(tell, state.entries(*FINAL)))
        audit.seal()
        worked += [run.produce(authority, progress, ask), run.tell()]
        audit.tell(map(tell, state.entries(*FINAL)))
        statement = audit.seal()
        if any(worked) or paths.content.exists():
            run.forget()
        forget_settled(reviews.kept, cases)
        if any(worked):
            state.record([], {"elapsed": time.perf_counter() - start})
        people = Shown(batch, where, paths.gallery, day, policy, means.cipher) if show_people else None
        report = reports.write(state, paths.out, paths.gallery, Origin(batch, where), people)
        states = report.figures.states
        if anchor is not None:
            if statement is None:
                raise ConflictError("no key signs the audit trail: there is nothing to anchor", needs="an audit signer")
            anchors.add(anchor, statement)
        logger.info("run %s ends: %s", name, ", ".join(f"{count} {one}" for one, count in sorted(states.items())))
        return report


@dataclass(slots=True)
class _Run:
    """One call of `issue`; what it opens is closed by `stack`."""

    paths: Paths
    means: Means
    policy: CheckPolicy
    register: Register
    dossiers: DossierRegister
    order: str | None
    state: RunState
    stack: ExitStack
    reviews: Reviews
    kept: KeptImages | None = None
    _moves: DossierMoves | None = None
    _content: ContentStore | None = None
    _gallery: SqlGallery | None = None
    _orders: Orders | None = None
    _audit_signer: list[Signer | None] = field(default_factory=list)

    def audit_signer(self) -> Signer | None:
        """The key that signs the audit trail, opened once; None where the authority has none."""
        if not self._audit_signer:
            self._audit_signer.append(self.stack.enter_context(self.means.audit_signer(self.means.clock)))
        return self._audit_signer[0]

    @property
    def moves(self) -> DossierMoves:
        if self._moves is None:
            actor, now, run = self.means.actor.name, self.means.clock.now, self.state.value("run")
            self._moves = DossierMoves(self.dossiers, run, actor, self.order, now, lambda: self.content)
        return self._moves

    def tell(self) -> bool:
        """Says in the register of dossiers how far each is, also what an earlier call was killed before it said;
        whether somebody ended one there meanwhile."""
        ended = self.moves.tell(self.state.entries())
        if ended:
            self.state.record(ended)
        cancelled = self.moves.cancelled(self.state.entries(DossierState.VERIFIED))
        if cancelled or self.state.cancelled():
            self.state.cancel(cancelled)
        return bool(ended)

    @property
    def content(self) -> ContentStore:
        if self._content is None:
            self._content = self.stack.enter_context(closing(ContentStore(self.paths.content, self.means.cipher)))
        return self._content

    @property
    def gallery(self) -> SqlGallery:
        if self._gallery is None:
            opened = gallery_in(self.paths.gallery, make=True, cipher=self.means.cipher)
            self._gallery = self.stack.enter_context(closing(opened))
        return self._gallery

    @property
    def orders(self) -> Orders:
        if self._orders is None:
            self._orders = self.stack.enter_context(closing(Orders(self.paths.orders, self.register.numbers.stored)))
        return self._orders

    def retry_failed(self) -> None:
        """What failed is tried again: a dossier that the search accepted from its card on, any other from the start."""
        again = []
        for entry in self.state.entries(DossierState.FAILED):
            if entry.searched:
                evidence = replace(entry.evidence, card=None, error=None, run=None)
                again.append(replace(entry, state=DossierState.UNIQUE, reason=None, written=False, evidence=evidence))
            else:
                again.append(Entry(entry.dossier_id, DossierState.RECEIVED))
        if again:
            self.state.record(again)
            logger.info("%d failed dossiers are tried again", len(again))

    def obey(self) -> bool:
        """What people settled since is done: a dossier that they ended ends, one that stands goes on from the start,
        and so does one whose case was opened again. Whether there was anything."""
        changed = self.reviews.changed(self.state)
        if changed:
            self.state.record(changed)
            logger.info("%d dossiers go on as people settled", len(changed))
        return bool(changed)

    def require_means(self, ids: Iterable[str]) -> Authority | None:
        """What the last stage needs is asked for before the first, which may take hours; None where nothing is left to
        be done of these dossiers. Raises what would be wrong for every card."""
        if self.state.finished(ids) and not self.reviews.changed(self.state):
            return None
        now = self.means.clock.now()
        began = self.state.day
        if began is not None and day_of(self.means.clock) < began:
            raise ConflictError(
                "the clock stands before the day on which this run began",
                clock=now.isoformat(timespec="seconds"), began=began.isoformat(),
            )  # fmt: skip
        authority = self.means.authority(self.means.clock)
        self.stack.callback(authority.signers.close)
        for notice in authority.notices:
            logger.warning("%s", notice)
        authority.require_valid(now)
        self.means.readers.require()
        self.register.demand_key()
        _ = self.gallery  # under another key it is refused here, before anything of a person is written down
        return authority

    def check(self, batch: Batch, day: date, progress: Progress | None) -> bool:
        """Reads and checks what is received; whether there was anything."""
        stage = CheckStage(self.state, lambda: self.content, self.moves, self.policy, self.kept)
        return stage.execute(batch, day, progress)

    def decide(self, take_over: str | None, progress: Progress | None) -> bool:
        """Searches what is sound and decides; whether there was anything."""
        if not self.state.ids(DossierState.SOUND):
            return False
        searcher, gallery = self.means.searcher(self.paths.gallery), self.gallery
        stage = DecideStage(
            self.state, self.content, self.register, self.orders, gallery, searcher, self.reviews, self.moves, take_over
        )
        stage.execute(progress)
        self.state.put_json("manifest", {**searcher.manifest(), "checks": self.policy.digest})
        self.state.put_json("enrolled", len(gallery))
        return True

    def produce(self, authority: Authority | None, progress: Progress | None, ask: Ask | None) -> bool:
        """Makes the cards of what is unique; whether there was anything."""
        if authority is None or not self.state.ids(DossierState.UNIQUE):
            return False
        journal = self.stack.enter_context(Journal(self.paths.journal))
        key = authority.card_master_key
        feeder = self.means.readers.open(self.paths.cards, key, journal, ask)
        self.stack.callback(feeder.close)
        logger.info("cards are made in %d lanes", len(feeder.lanes))
        station = Station(feeder, journal, key, authority.trust, authority.terminal, codec=authority.codec)
        self.state.put_json("lanes", len(feeder.lanes))
        signers, cvca = authority.signers, authority.terminal.anchors[0].encoded
        stage = ProduceStage(
            self.state, self.content, self.register, self.orders, self.moves, station, signers, cvca,
            authority.validity, self.policy, self.means.clock.now, authority.codec,
        )  # fmt: skip
        try:
            stage.execute(progress)
        except BaseException:
            station.stop()
            raise
        finally:
            self.state.revoke(_to_revoke(journal))
            stage.count_signatures()
        return True

    def forget(self) -> None:
        """Deletes what is kept of dossiers that no later run could need."""
        self.content.keep_only(self.state.ids(DossierState.SOUND, DossierState.UNIQUE, DossierState.FAILED))


def _told(entry: Entry, *, actor: told.Actor, order: str | None) -> told.Entry:
    reason = None if entry.reason is None else str(entry.reason)
    return told.Entry(
        told.Kind.DOSSIER, entry.state, actor, entry.dossier_id, entry.card_serial, order=order, reason=reason
    )


def _to_revoke(journal: Journal) -> list[Revocation]:
    return [
        Revocation(card.serial, card.job_id, None if card.reason is None else str(card.reason))
        for card in journal.cards()
        if card.stage is Stage.SPOILED and card.was_locked
    ]
