"""All that there is of the people of a case, from where it is kept, and in a word where it is not.

Text and portrait of a dossier are kept of open cases alone (`review.kept`), or read again from a batch that still has
the dossier as it was; fingers of who is enrolled are the gallery's; cards and steps the register's.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import date
from enum import StrEnum
from pathlib import Path

from cccd_core.errors import ConflictError
from cccd_core.issuance.dossiers.batch import open_batch
from cccd_core.issuance.dossiers.check import check_dossier
from cccd_core.issuance.dossiers.policy import CheckPolicy
from cccd_core.issuance.register.database import open_register
from cccd_core.issuance.register.reading import DossierReader
from cccd_core.issuance.register.records import DossierRecord
from cccd_core.issuance.register.store import Card, Register
from cccd_core.issuance.register.units import Unit, with_those_above
from cccd_core.issuance.review.cases import Case
from cccd_core.issuance.review.enrolled import enrolled
from cccd_core.issuance.review.kept import KeptDossiers
from cccd_core.issuance.runs.content import Content
from cccd_core.issuance.runs.orders import Orders
from cccd_core.issuance.runs.paths import Paths
from cccd_core.issuance.runs.place import register_of
from cccd_core.storage.cipher import Cipher
from cccd_core.templates import FingerTemplate, Tenprint


class Source(StrEnum):
    """Where the text and portrait of somebody are from, or why there are none."""

    KEPT = "kept"  # with the case, encrypted
    BATCH = "batch"  # read again, and as it was handed in
    SEALED = "sealed"  # kept with the case, and no key was given
    NOT_KEPT = "not_kept"
    CHANGED = "changed"  # a batch has the dossier, otherwise than it was
    GONE = "gone"  # of somebody enrolled earlier, of whom no text or portrait is kept
    UNKNOWN = "unknown"  # by no dossier that is known


@dataclass(frozen=True, slots=True)
class Side:
    """One of the people of a case. `place` 0 is whose dossier is in review; the others are as the case has them.

    `content`: text and portrait, by `source`. `fingers`: of the gallery where the person is `enrolled`, or else of the
    dossier, None where there are none; `unplaced`: those of unknown position. `cards`: of the person's numbers.
    `record`, `units`: the dossier in the register of dossiers, and the units from its own up.
    """

    place: int
    person_id: str
    dossier_id: str | None
    source: Source
    content: Content | None = field(default=None, repr=False)
    fingers: Tenprint | None = field(default=None, repr=False)
    unplaced: tuple[FingerTemplate, ...] = field(default=(), repr=False)
    enrolled: bool = False
    cards: tuple[Card, ...] = ()
    record: DossierRecord | None = None
    units: tuple[Unit, ...] = ()

    def finger(self, position: int) -> FingerTemplate | None:
        """The finger of a position; for 0 the one of unknown position, where there is one alone."""
        if position == 0:
            return self.unplaced[0] if len(self.unplaced) == 1 else None
        return None if self.fingers is None else self.fingers.get(position)

    @property
    def number(self) -> str | None:
        """The personal number, where anything says it."""
        if self.content is not None:
            return self.content.dossier.personal_number
        return next((card.number for card in self.cards), None)


@dataclass(frozen=True, slots=True)
class Gathered:
    """A case and its people, the one in review first. `holder`: the dossier by which the holder of the number of the
    dossier in review came in, where somebody has it."""

    case: Case
    sides: tuple[Side, ...]
    holder: str | None = None


@dataclass(frozen=True, slots=True)
class Places:
    """Where to look: the gallery's folder, batches that may have the dossiers still, the key of what is kept with the
    cases and that of an encrypted gallery and its register. `day`: by which a dossier that is read again is judged."""

    gallery: Path
    day: date
    batches: Sequence[Path] = ()
    kept_by: Cipher | None = None
    gallery_by: Cipher | None = None


def gather(case: Case, places: Places) -> Gathered:
    """What there is. Errors of the register and the gallery; DamagedError, UnavailableError of what is kept. Somebody
    taken out of the gallery has no fingers here. Cost: of each batch its list, and a reading of each dossier wanted."""
    asked = case.question
    kept = KeptDossiers(places.gallery, places.kept_by)
    has = kept.has(case.case_id)
    people: list[tuple[str, str | None]] = [(asked.person_id, asked.dossier_id)]
    people += [(other.person_id, other.dossier_id) for other in asked.others]
    contents = {place: found for place in range(len(people)) if (found := kept.get(case.case_id, place)) is not None}
    sources = dict.fromkeys(contents, Source.KEPT)
    paths, where = Paths(places.gallery, places.gallery), register_of(places.gallery)
    with closing(Register(where, make=False, cipher=places.gallery_by, begin=False)) as register:
        cards = {place: _cards(register, person, dossier) for place, (person, dossier) in enumerate(people)}
        wanted = {
            dossier: (place, asked.digest if place == 0 else _digest(register, paths, dossier, cards[place]))
            for place, (_, dossier) in enumerate(people)
            if dossier is not None and place not in contents
        }
        for place, found in _from_batches(places, wanted):
            sources[place] = Source.CHANGED if found is None else Source.BATCH
            if found is not None:
                contents[place] = found
        number = contents[0].dossier.personal_number if 0 in contents else None
        owner = None if number is None else register.person_of(number)
        holder = None if owner is None else register.dossier_of(owner) or owner
        if number is not None:
            cards[0] = tuple(register.cards_of(number))
    sides = []
    for place, (person, dossier) in enumerate(people):
        source = sources.get(place) or _missing(place, dossier, sealed=has and not kept.keeps)
        side = Side(place, person, dossier, source, contents.get(place), cards=cards[place])
        sides.append(side)
    return Gathered(case, tuple(_registered(where, _fingered(places, where, sides))), holder)


def _missing(place: int, dossier: str | None, *, sealed: bool) -> Source:
    if place == 0:
        return Source.SEALED if sealed else Source.NOT_KEPT
    return Source.UNKNOWN if dossier is None else Source.GONE


def _cards(register: Register, person_id: str, dossier_id: str | None) -> tuple[Card, ...]:
    """The cards of the numbers of a person who came in by this dossier."""
    first = register.dossier_of(person_id) or dossier_id
    numbers = [] if first is None else [card.number for card in register.cards_by(first)]
    return tuple(register.cards_of(*numbers)) if numbers else ()


def _digest(register: Register, paths: Paths, dossier_id: str, cards: Sequence[Card]) -> str | None:
    """Of the dossier as it was when it was accepted; None where nobody knows it."""
    number = next((card.number for card in cards if card.dossier_id == dossier_id), None)
    if number is None or not paths.orders.exists():
        return None
    with closing(Orders(paths.orders, register.numbers.stored, replace=False)) as orders:
        order = orders.order(dossier_id, number)
    return None if order is None else order.digest


def _from_batches(places: Places, wanted: Mapping[str, tuple[int, str | None]]) -> Iterator[tuple[int, Content | None]]:
    """Of each place whose dossier a batch has its content; None where none of them is as it was."""
    found: dict[int, Content | None] = {}
    policy = CheckPolicy()
    for path in places.batches:
        left = [dossier for dossier, (place, _) in wanted.items() if found.get(place) is None]
        for raw in open_batch(path, policy).read(left):
            place, digest = wanted[raw.dossier_id]
            checked = check_dossier(raw, day=places.day, policy=policy)
            sound = checked.sound if digest is not None and raw.digest == digest else None
            found[place] = (
                None
                if sound is None
                else Content(sound.dossier, sound.tenprint, sound.portrait.data, unplaced=sound.unplaced)
            )
    yield from found.items()


def _fingered(places: Places, register: Path | str, sides: Sequence[Side]) -> list[Side]:
    """The sides with their fingers: of the gallery, which the search compared, or else those of the dossier itself."""
    made = [
        one if one.content is None else replace(one, fingers=one.content.tenprint, unplaced=one.content.unplaced)
        for one in sides
    ]
    if len(made) == 1:
        return made
    with enrolled(places.gallery, register, places.gallery_by) as fingers_of:
        for place, one in enumerate(made[1:], 1):
            try:
                person = fingers_of(one.person_id)
            except ConflictError:  # refused, withdrawn, or in review as well
                continue
            made[place] = replace(one, fingers=person.tenprint, unplaced=person.unplaced, enrolled=True)
    return made


def _registered(register: Path | str, sides: Sequence[Side]) -> Iterator[Side]:
    """The sides with what the register of dossiers says."""
    with closing(DossierReader(open_register(register, make=False))) as reader:
        units = {unit.unit_id: unit for unit in reader.units()}
        for one in sides:
            record = None if one.dossier_id is None else reader.get(one.dossier_id)
            yield one if record is None else replace(one, record=record, units=with_those_above(units, record.unit_id))
