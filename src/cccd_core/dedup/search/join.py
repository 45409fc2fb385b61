"""Everyone against everyone: a whole gallery within itself, or against another one, by tiles on an executor.

A join works on a snapshot: links to the shards as they were when it began, beside its ledger, so that enrolment goes on
meanwhile. Killed at any moment, it goes on where it was when it is called again; what comes out depends neither on that
nor on the executor, its workers or the order in which they end.
"""

from __future__ import annotations

import logging
import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np

from cccd_core.dedup.codes.screen import COHORT_MOST, Screen
from cccd_core.dedup.executors.protocol import Executor
from cccd_core.dedup.index import Index
from cccd_core.dedup.index.updating import index_folder
from cccd_core.dedup.judge.thresholds import Thresholds
from cccd_core.dedup.parameters import DedupParameters
from cccd_core.dedup.search.cascade import Cascade
from cccd_core.dedup.search.ledger import Ledger
from cccd_core.dedup.search.plan import Piece, count_of_tiles, tile_people, tiles
from cccd_core.dedup.search.screening import CodeScreen, cohort_of
from cccd_core.dedup.search.sides import ShardOpener, Side
from cccd_core.dedup.search.task import PairFound, Rows, StageWork, TileResult
from cccd_core.dedup.search.worker import Compare
from cccd_core.errors import ConflictError, ParameterError
from cccd_core.matching import Matcher
from cccd_core.progress import Progress
from cccd_core.storage.cipher import Cipher
from cccd_core.storage.faults import file_error
from cccd_core.storage.lock import exclusive

_LOG = logging.getLogger("cccd_core.dedup")
LEDGER_FILE: Final = "join.ledger"
SNAPSHOT_FOLDER: Final = "snapshot"
_LOCK_FILE: Final = "lock"
STAGES: Final = ("codes", "glance", "same", "any", "loading")


@dataclass(frozen=True, slots=True)
class JoinSide:
    """One gallery as a join found it: its id, how many people the index held, up to which number and withdrawal."""

    gallery: str
    people: int
    sequence: int
    withdrawal: int


@dataclass(frozen=True, slots=True)
class JoinPlan:
    """What a join is: all that its result depends on. `matcher`, `coder`, `parameters`: digests."""

    cascade: str
    matcher: str
    calibration: str
    coder: str
    parameters: str
    sides: tuple[JoinSide, ...]
    pieces: tuple[Piece, ...]
    tile_people: int

    @property
    def comparisons(self) -> int:
        """With how many people each is compared at the most, the N of the thresholds."""
        people = [side.people for side in self.sides]
        return max(people) if len(people) == 2 else max(0, people[0] - 1)

    @property
    def pairs(self) -> int:
        """How many pairs of people meet."""
        people = [side.people for side in self.sides]
        return people[0] * people[1] if len(people) == 2 else people[0] * (people[0] - 1) // 2

    @property
    def tiles(self) -> int:
        """How many tasks that makes."""
        return count_of_tiles(self.pieces, self.tile_people)

    def same_question(self, other: JoinPlan) -> bool:
        """Whether both ask the same of the same galleries, at whatever moment."""
        galleries = [[side.gallery for side in plan.sides] for plan in (self, other)]
        blank = [replace(plan, sides=(), pieces=()) for plan in (self, other)]
        return galleries[0] == galleries[1] and blank[0] == blank[1]


@dataclass(frozen=True, slots=True)
class Joined:
    """What a join found: `pairs` in order of numbers, the work of each stage summed over all tiles, how many tasks ran
    now and how many had been done before."""

    plan: JoinPlan
    thresholds: Thresholds
    pairs: tuple[PairFound, ...]
    work: dict[str, StageWork]
    ran: int
    known: int

    @property
    def compared(self) -> int:
        """How many pairs of people had fingers compared."""
        return self.work["same" if Cascade.parse(self.plan.cascade).exhaustive else "glance"].people_pairs

    @property
    def sides(self) -> tuple[int, int]:
        """Whose the numbers `a` and `b` of a pair are."""
        return 0, len(self.plan.sides) - 1


@dataclass(frozen=True, slots=True)
class Joinable:
    """A gallery to be joined: its folder, its index, opened and up to date, and the cipher of its shards."""

    folder: Path
    index: Index
    cipher: Cipher | None = None


class Join:
    """A join of one gallery within itself, or of a second one's people against the first one's, in a folder of its own.

    Cost: as the cascade says of each pair; memory by the tile (see `worker.Compare`); on the disk, the ledger, and the
    shards of the snapshot for as long as the gallery has replaced them and the join is not done.
    """

    def __init__(
        self,
        out: Path,
        galleries: Sequence[Joinable],
        matcher: Matcher,
        parameters: DedupParameters,
        cascade: Cascade,
    ) -> None:
        """ParameterError for more galleries than two, and for codes where an index has none; ConflictError where an
        index lacks people of its gallery: it is to be updated first."""
        if not 1 <= len(galleries) <= 2:
            raise ParameterError("a join is of one gallery or two", galleries=len(galleries))
        if not cascade.exhaustive and not all(one.index.manifest.coder for one in galleries):
            raise ParameterError("an index without codes cannot be screened", cascade=str(cascade))
        self.out = out
        self.galleries = tuple(galleries)
        self.matcher, self.parameters, self.cascade = matcher, parameters, cascade
        self.wanted = self._plan()

    def run(self, executor: Executor, *, progress: Progress | None = None) -> Joined:
        """Does what is left of the join, and returns all of it; `finish` is to be called when that is kept elsewhere.

        BusyError where another process has the folder, ConflictError where another join lies in it, DamagedError and
        FileError of shards and ledger, and what the executor raises.
        """
        with exclusive(self.out / _LOCK_FILE, "join"):
            ledger = self._ledger()
            try:
                return self._run(ledger, executor, progress)
            finally:
                ledger.close()

    def finish(self) -> None:
        """Deletes ledger and snapshot: the join is over. FileError."""
        with exclusive(self.out / _LOCK_FILE, "join"):
            try:
                # The ledger first: without it nobody asks for the snapshot, and a new join makes its own.
                (self.out / LEDGER_FILE).unlink(missing_ok=True)
                shutil.rmtree(self.out / SNAPSHOT_FOLDER, ignore_errors=True)
            except OSError as error:
                raise file_error("the join's ledger cannot be deleted", error, path=str(self.out)) from None

    def _run(self, ledger: Ledger[JoinPlan, TileResult], executor: Executor, progress: Progress | None) -> Joined:
        plan = ledger.plan
        thresholds = Thresholds(self.parameters, plan.comparisons)
        home = self.out / SNAPSHOT_FOLDER
        gone = {piece.mark: piece.gone for piece in plan.pieces if piece.gone}
        sides = tuple(
            Side(str((home / str(number)).resolve()), gone, joinable.cipher)
            for number, joinable in enumerate(self.galleries)
        )
        opener = ShardOpener(sides)
        screen = self._screen(plan, opener)
        work = Compare(self.matcher, thresholds, opener, screen, self.cascade.any_position)
        total, known = plan.tiles, len(ledger.done)
        _LOG.info("join started: people=%s tiles=%d done=%d", [s.people for s in plan.sides], total, known)
        if progress is not None:
            progress(known, total, "join")
        every = tiles(plan.pieces, plan.tile_people)
        for tile, result in executor.run(work, (tile for tile in every if tile.id not in ledger.done)):
            ledger.add(tile.id, result)
            if progress is not None:
                progress(len(ledger.done), total, "join")
        results = [ledger.done[tile.id] for tile in tiles(plan.pieces, plan.tile_people)]
        pairs = sorted((pair for result in results for pair in result.pairs), key=lambda pair: (pair.a, pair.b))
        stages = {name: sum((getattr(one, name) for one in results), StageWork()) for name in STAGES}
        _LOG.info("join finished: tiles=%d ran=%d pairs=%d", total, total - known, len(pairs))
        return Joined(plan, thresholds, tuple(pairs), stages, total - known, known)

    def _screen(self, plan: JoinPlan, opener: ShardOpener) -> CodeScreen | None:
        """The first stage, if there is one; its cohort are the first people of the plan."""
        if self.cascade.keep is None:
            return None
        for piece in plan.pieces:
            part = opener.open(Rows(piece.side, piece.file, piece.mark, 0, piece.people))
            cohort = cohort_of([part.first(COHORT_MOST).coded().people])
            if cohort is not None:
                return CodeScreen(Screen(cohort), self.cascade.keep, self.cascade.any_position)
        return None

    def _ledger(self) -> Ledger[JoinPlan, TileResult]:
        path = self.out / LEDGER_FILE
        if path.exists():
            ledger: Ledger[JoinPlan, TileResult] = Ledger.open(path, JoinPlan, TileResult)
            if ledger.plan.same_question(self.wanted):
                return ledger
            ledger.close()
            raise ConflictError("another join lies in this folder", path=str(self.out), needs="another folder")
        self._link()
        return Ledger.create(path, self.wanted)

    def _link(self) -> None:
        """Links the shards into the snapshot: they stay there when the gallery's index replaces them."""
        home = self.out / SNAPSHOT_FOLDER
        shutil.rmtree(home, ignore_errors=True)  # of a join that was interrupted before its ledger was there
        for number, joinable in enumerate(self.galleries):
            source = index_folder(joinable.folder)
            for piece in self.wanted.pieces:
                if piece.side == number:
                    _link(source / piece.file, home / str(number) / piece.file)

    def _plan(self) -> JoinPlan:
        sides, pieces = [], []
        for number, joinable in enumerate(self.galleries):
            index = joinable.index
            if next(iter(index.pending()), None) is not None:
                raise ConflictError(
                    "the index lacks people of its gallery", path=str(joinable.folder), needs="an update of the index"
                )
            manifest = index.manifest
            home = index_folder(joinable.folder)
            live = {one.shard.file.path: one for one in index.shards}
            for entry in manifest.shards:
                if (found := live.get(home / entry.file)) is not None:
                    gone = np.setdiff1d(np.arange(entry.people), found.rows, assume_unique=True)
                    pieces.append(Piece(number, entry.file, entry.mark, entry.people, tuple(gone.tolist())))
            sides.append(JoinSide(manifest.gallery, index.people, manifest.sequence, manifest.withdrawal))
        return JoinPlan(
            str(self.cascade),
            self.matcher.parameters.digest,
            self.matcher.calibration.digest,
            "" if self.cascade.exhaustive else self.galleries[0].index.manifest.coder,
            self.parameters.digest,
            tuple(sides),
            tuple(pieces),
            tile_people(not self.cascade.exhaustive),
        )


def _link(source: Path, target: Path) -> None:
    try:
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            os.link(source, target)
        except OSError:  # another file system: then the shard is copied
            shutil.copyfile(source, target)
    except OSError as error:
        raise file_error("a shard cannot be linked to", error, path=str(source)) from None
