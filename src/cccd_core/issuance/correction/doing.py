"""Acts on people, each over two stores: the register and the gallery.

The act is written into the register first, then done in the gallery, then in the register together with its end. Each
step can be done twice. Whatever interrupts it, `resume` finishes it, and nothing else is issued or ordered before.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Protocol

from cccd_core.dedup import Decision, EnrolledPerson, Gallery
from cccd_core.errors import ConflictError, ParameterError
from cccd_core.issuance.audit.acts import recorded
from cccd_core.issuance.audit.entry import Actor, Entry, Kind, named
from cccd_core.issuance.audit.trail import Trail
from cccd_core.issuance.correction.acts import Act, ActEnd, ActKind, Known, Ordered, act_id
from cccd_core.issuance.correction.store import Acts
from cccd_core.templates import FingerTemplate, Tenprint

logger = logging.getLogger(__name__)


class Searcher(Protocol):
    """What looks new fingers up: `dedup.resident.Resident`."""

    def search(
        self, batch: Sequence[EnrolledPerson], gallery: Gallery, *, exclude: Mapping[str, Set[str]] | None = None
    ) -> list[Decision]: ...


@dataclass(frozen=True, slots=True)
class Corrections:
    """Acts on one register and the gallery of it, of which whoever acts is alone with. `trail`: where they are told,
    before they are done."""

    acts: Acts
    gallery: Gallery
    now: Callable[[], datetime]
    actor: Actor
    trail: Trail | None = field(default=None, repr=False)

    def resume(self) -> Act | None:
        """Finishes the act that was interrupted; None where there is none. Other fingers that were to take the place of
        those enrolled are not at hand any more: such an act is done where the gallery has it done, else abandoned."""
        act = self.acts.under_way()
        if act is None:
            return None
        told = self._entry(act.kind, act.person_id, act.other, act.ordered.order)
        with recorded(self.trail, told):
            return self._finish(act)

    def remove(self, known: Known, ordered: Ordered) -> Act:
        """Takes a person out of gallery and register: fingers, numbers and cards. Their valid cards are named in the
        result, to be revoked. ConflictError while a card of theirs is being made."""
        return self._do(ActKind.REMOVE, known, ordered)

    def replace(
        self,
        known: Known,
        person: EnrolledPerson,
        ordered: Ordered,
        searcher: Searcher,
        *,
        although: Sequence[Known] = (),
    ) -> Act:
        """Puts these fingers in the place of those enrolled of the person; ConflictError where none are.

        They are looked up first: ConflictError, which names the person, where they are those of somebody else, may be,
        or are too poor to be looked up. `although`: people whom the order says that they are not compared with.
        """
        if known.person_id not in self.gallery:
            raise ConflictError("no fingers of this person are enrolled: nothing to replace")
        fingers = EnrolledPerson(known.person_id, person.tenprint, person.unplaced)
        if not fingers.count:
            raise ParameterError("there are no fingers to put in the place of the others")
        apart = {known.person_id, *(one.person_id for one in although)}

        def demand() -> None:
            (found,) = searcher.search([fingers], self.gallery, exclude={known.person_id: apart})
            if found.outcome != "unique":
                raise ConflictError(
                    "the fingers are too poor to be looked up" if found.of is None
                    else "the fingers are those of somebody else, or may be: see what the order says of that person",
                    of=found.of, dossier=self._came_in_by(found.of), outcome=found.outcome, score=round(found.score, 1),
                )  # fmt: skip

        return self._do(ActKind.REPLACE, known, ordered, _digest(fingers), fingers=fingers, demand=demand)

    def merge(self, known: Known, other: Known, ordered: Ordered) -> Act:
        """Two people are one: `known` keeps number and record, which gets the other's fingers where it has none of that
        position; the other's numbers are given up for the one that is kept, and their valid cards named, to be revoked.
        """
        if known.person_id == other.person_id:
            raise ParameterError("they are one person in the register already")
        if not known.numbers:
            raise ConflictError("the person who stays has no number")
        return self._do(ActKind.MERGE, known, ordered, other=other)

    def split(self, known: Known, positions: Sequence[int], ordered: Ordered, *, to: Known | None = None) -> Act:
        """Takes fingers of somebody else out of a record. `to`: whose they are; their record gets those of positions
        that it has none of. Without it they are in nobody's, so that their owner can enrol."""
        taken = tuple(sorted(set(positions)))
        if not taken or not all(1 <= position <= 10 for position in taken):
            raise ParameterError("positions of fingers are 1 to 10")
        if to is not None and to.person_id == known.person_id:
            raise ParameterError("the fingers would go back to the same record")
        if self.acts.find(self._id(ActKind.SPLIT, known, ordered, to, taken)) is None:
            mine = self.gallery.get(known.person_id).tenprint
            if missing := [position for position in taken if position not in mine]:
                raise ConflictError("the record has no such finger", positions=" ".join(map(str, missing)))
            if len(taken) == len(mine):
                raise ParameterError("all fingers would go: remove the person, or replace the fingers")
        return self._do(ActKind.SPLIT, known, ordered, other=to, positions=taken)

    def _id(
        self, kind: ActKind, known: Known, ordered: Ordered, other: Known | None, positions: tuple[int, ...], *more: str
    ) -> str:
        parts = ("" if other is None else other.person_id, " ".join(map(str, positions)), *more)
        return act_id(kind, known.person_id, ordered.order, *parts)

    def _do(
        self,
        kind: ActKind,
        known: Known,
        ordered: Ordered,
        *more: str,
        other: Known | None = None,
        positions: tuple[int, ...] = (),
        fingers: EnrolledPerson | None = None,
        demand: Callable[[], None] | None = None,
    ) -> Act:
        begun = self.acts.under_way()
        name = self._id(kind, known, ordered, other, positions, *more)
        if begun is not None and begun.act_id != name:
            raise ConflictError("another act was interrupted: finish it first", act=begun.act_id)
        act = Act(
            name, kind, known.person_id, ordered, self.now(),
            None if other is None else other.person_id, positions,
        )  # fmt: skip
        with recorded(self.trail, self._entry(kind, act.person_id, act.other, ordered.order)):
            if demand is not None and self.acts.find(name) is None:
                demand()
            act = self.acts.begin(act)
            return act if act.ended is not None else self._finish(act, fingers)

    def _came_in_by(self, person_id: str | None) -> str | None:
        """A dossier by which somebody in the gallery can be named; None where the register knows none."""
        cards = () if person_id is None else self.acts.person(person_id).cards
        return next((card.dossier_id for card in cards), None)

    def _entry(self, kind: ActKind, person: str, other: str | None, order: str) -> Entry:
        """What is told of an act; the other person is named by the reason."""
        why = None if other is None else named(other)
        return Entry(Kind.CORRECTION, kind, self.actor, order=order, reason=why, person=named(person))

    def _finish(self, act: Act, fingers: EnrolledPerson | None = None) -> Act:
        end = ActEnd.DONE
        if act.kind is ActKind.REMOVE:
            self._gone(act.person_id, act.ordered.order)
        elif act.kind is ActKind.REPLACE:
            end = self._replaced(act, fingers)
        elif act.kind is ActKind.MERGE:
            self._joined(act)
        else:
            self._parted(act)
        ended = self.acts.end(act, end, self.now())
        logger.info("act %s: %s, %s", act.act_id, act.kind, end)
        return ended

    def _gone(self, person_id: str, order: str) -> None:
        if person_id in self.gallery:
            self.gallery.remove(person_id, order=order)

    def _replaced(self, act: Act, fingers: EnrolledPerson | None) -> ActEnd:
        if fingers is not None:
            self.gallery.replace(fingers, order=act.ordered.order)
            return ActEnd.DONE
        mine = (one for one in self.gallery.withdrawals() if one.person_id == act.person_id)
        done = any(one.order == act.ordered.order and one.time >= act.begun for one in mine)
        return ActEnd.DONE if done else ActEnd.ABANDONED

    def _joined(self, act: Act) -> None:
        if act.other is None or act.other not in self.gallery:
            return
        theirs = self.gallery.get(act.other)
        if act.person_id in self.gallery:
            self._give(act.person_id, theirs.tenprint, act.ordered.order)
        else:
            self.gallery.add(EnrolledPerson(act.person_id, theirs.tenprint, theirs.unplaced))
        self._gone(act.other, act.ordered.order)

    def _parted(self, act: Act) -> None:
        record = self.gallery.get(act.person_id)
        taken = {position: record.tenprint[position] for position in act.positions if position in record.tenprint}
        if not taken:
            return  # done before it was interrupted
        if act.other is not None:
            if act.other in self.gallery:
                self._give(act.other, taken, act.ordered.order)
            else:
                self.gallery.add(EnrolledPerson(act.other, Tenprint(taken)))
        left = {position: finger for position, finger in record.tenprint.items() if position not in taken}
        self.gallery.replace(replace(record, tenprint=Tenprint(left)), order=act.ordered.order)

    def _give(self, person_id: str, more: Tenprint | dict[int, FingerTemplate], order: str) -> None:
        """Gives a record these fingers, where it has none of the position."""
        record = self.gallery.get(person_id)
        new = {position: finger for position, finger in more.items() if position not in record.tenprint}
        room = 10 - record.count
        if new := dict(list(new.items())[:room]):
            joined = Tenprint({**record.tenprint, **new})
            self.gallery.replace(replace(record, tenprint=joined), order=order)


def _digest(person: EnrolledPerson) -> str:
    """Which fingers these are, of which nothing can be told from it."""
    total = hashlib.sha256()
    for position, finger in person.fingers():
        total.update(f"{position}:{finger.count}:".encode())
        for column in (finger.x_px, finger.y_px, finger.angle, finger.kind, finger.quality):
            total.update(column.tobytes())
    return total.hexdigest()
