"""The people of a report, for those who asked to see them: names, and of a duplicate both portraits and the two fingers
that are most alike.

Personal data from the first line to the last: it goes into report.html alone, and only of a call that asks for it. All
of it is read again from the batch, where the dossier is still as it was handed in, and from the gallery; nothing is
kept for it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Final

from cccd_core.dedup.gallery.folder import gallery_in
from cccd_core.errors import CccdError, ConflictError
from cccd_core.issuance.dossiers import portrait
from cccd_core.issuance.dossiers.check import check_dossier
from cccd_core.issuance.dossiers.policy import CheckPolicy
from cccd_core.issuance.dossiers.raw import Batch, RawDossier
from cccd_core.issuance.register.store import Register
from cccd_core.issuance.reports.today import Today, Told
from cccd_core.issuance.reports.words import Two
from cccd_core.issuance.review import words
from cccd_core.issuance.review.drawing import DrawnPair, draw
from cccd_core.issuance.runs.state import Entry
from cccd_core.matching import Matcher
from cccd_core.storage.cipher import Cipher
from cccd_core.templates import FingerTemplate, Tenprint

DRAWN_MOST: Final = 50  # duplicates whose fingers and portraits are drawn
_NAME_MOST: Final = 128


@dataclass(frozen=True, slots=True)
class Pair:
    """A duplicate beside whom it is: JPEG portraits, None where there is none; their fingers drawn, None where one of
    them is not there; what each side is called, and its finger."""

    mine: bytes | None = field(repr=False)
    theirs: bytes | None = field(repr=False)
    fingers: DrawnPair | None = field(repr=False)
    called: tuple[Two, Two]
    labels: tuple[Two, Two]


@dataclass(frozen=True, slots=True)
class People:
    """Names by dossier, and what is drawn of duplicates by dossier."""

    names: Mapping[str, str] = field(repr=False)
    pairs: Mapping[str, Pair] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Shown:
    """Where to look for people, and by which day and rules a dossier is read again."""

    batch: Batch
    register: Path | str
    gallery: Path
    day: date
    policy: CheckPolicy
    cipher: Cipher | None = field(default=None, repr=False)

    def of(self, today: Today, entries: Iterable[Entry]) -> People:
        """The people of what is to be done. Cost: a reading of each dossier, and of DRAWN_MOST duplicates at most a
        check of both dossiers and a comparison."""
        drawn = today.duplicates[:DRAWN_MOST]
        checked = {name for one in drawn for name in (one.dossier, one.of) if name is not None}
        named = {one.dossier for one in (*today.cases, *today.back, *today.duplicates, *today.again)}
        named |= {name for one in today.cards if (name := one.card.replaced_by or one.card.dossier) is not None}
        digests = {entry.dossier_id: entry.digest for entry in entries}
        names: dict[str, str] = {}
        read: dict[str, _Read] = {}
        for raw in self.batch.read(named | checked):
            said = raw.document.get("full_name")
            if isinstance(said, str) and said.isprintable() and len(said) <= _NAME_MOST:
                names[raw.dossier_id] = said
            if raw.dossier_id in checked and raw.digest == digests.get(raw.dossier_id):
                read[raw.dossier_id] = self._read(raw)
        return People(names, dict(self._pairs(drawn, read)))

    def _read(self, raw: RawDossier) -> _Read:
        sound = check_dossier(raw, day=self.day, policy=self.policy).sound
        if sound is None:
            return _NOTHING
        try:
            picture = portrait.for_screen(sound.portrait.data, self.policy)
        except CccdError:
            picture = None
        return _Read(picture, sound.tenprint, sound.unplaced)

    def _pairs(self, drawn: Sequence[Told], read: Mapping[str, _Read]) -> Iterator[tuple[str, Pair]]:
        if not drawn:
            return
        matcher = Matcher()
        with (
            closing(Register(self.register, make=False, cipher=self.cipher, begin=False)) as register,
            closing(gallery_in(self.gallery, cipher=self.cipher)) as gallery,
        ):
            for one in drawn:
                owner = None if one.of is None else _person(register, one.of)
                try:
                    enrolled = None if owner is None else gallery.get(owner)
                except ConflictError:  # taken out since
                    enrolled = None
                mine = read.get(one.dossier, _NOTHING)
                theirs = read.get(one.of or "", _NOTHING)
                called = ((f"Hồ sơ {one.dossier}", f"dossier {one.dossier}"), (f"Hồ sơ {one.of}", f"dossier {one.of}"))
                labels, drawing = called, None
                if enrolled is not None and one.fingers:
                    best = one.fingers[0]
                    first = _finger(mine.tenprint, mine.unplaced, best.position)
                    second = _finger(enrolled.tenprint, enrolled.unplaced, best.other)
                    if first is not None and second is not None:
                        labels = (_label(called[0], best.position), _label(called[1], best.other))
                        drawing = draw(first, second, matcher, (" / ".join(labels[0]), " / ".join(labels[1])))
                yield (
                    one.dossier,
                    Pair(mine.portrait, theirs.portrait, drawing, called, labels),
                )


@dataclass(frozen=True, slots=True)
class _Read:
    portrait: bytes | None = field(repr=False)
    tenprint: Tenprint = field(repr=False)
    unplaced: tuple[FingerTemplate, ...] = field(repr=False)


_NOTHING: Final = _Read(None, Tenprint({}), ())


def _person(register: Register, dossier_id: str) -> str | None:
    """Who came in by a dossier, as the gallery calls them."""
    numbers = [card.number for card in register.cards_by(dossier_id)]
    return register.person_of(numbers[0]) if numbers else None


def _finger(placed: Tenprint, unplaced: Sequence[FingerTemplate], position: int) -> FingerTemplate | None:
    """The finger of a position; of unknown ones the only one, as nothing says which of several was meant."""
    if position:
        return placed.get(position)
    return unplaced[0] if len(unplaced) == 1 else None


def _label(whose: Two, position: int) -> Two:
    finger = words.finger(position)
    return f"{whose[0]}: {finger[0]}", f"{whose[1]}: {finger[1]}"
