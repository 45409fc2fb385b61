"""What is to be done after a run, first of all that its report says: cases to settle, cards to revoke or destroy,
dossiers that go back to their units, duplicates to tell of, and what is to be run again.

It holds ids, words, serials, and the codes and names of units, and nothing of a person.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from cccd_core.issuance.dossiers.reasons import Holder, RegisterReason
from cccd_core.issuance.reports import words as said
from cccd_core.issuance.reports.origin import UNKNOWN, HandedIn
from cccd_core.issuance.reports.words import Two
from cccd_core.issuance.review import words
from cccd_core.issuance.review.laid_words import vietnamese
from cccd_core.issuance.review.page_words import HOLDERS
from cccd_core.issuance.runs.evidence import Evidence, FingerEvidence, Revocation, SearchEvidence
from cccd_core.issuance.runs.state import DossierState, Entry
from cccd_core.plain import JsonObject

_NOTHING_TO_DO = frozenset({RegisterReason.ALREADY_ISSUED, RegisterReason.WITHDRAWN, RegisterReason.CANCELLED})


@dataclass(frozen=True, slots=True)
class Told:
    """One dossier, its unit, and what is said of it, line by line (Vietnamese, English). `case`: that is to be settled.
    `of`: the dossier of the person that it is a duplicate of; `fingers`: the pairs found alike, best first."""

    dossier: str
    unit: HandedIn
    lines: tuple[Two, ...]
    case: str | None = None
    of: str | None = None
    fingers: tuple[FingerEvidence, ...] = ()


@dataclass(frozen=True, slots=True)
class CardToEnd:
    """A card to revoke or destroy, and the unit that handed in the dossier that replaced it, or that it was made of."""

    card: Revocation
    unit: HandedIn

    @property
    def why(self) -> Two:
        return said.grounds(self.card.reason)

    @property
    def to_do(self) -> Two:
        return said.TO_DO[self.card.to_do], self.card.to_do.text


@dataclass(frozen=True, slots=True)
class Today:
    """What is to be done. `back` is sorted by unit; `again` are those that the next run of the same command tries."""

    cases: tuple[Told, ...] = ()
    cards: tuple[CardToEnd, ...] = ()
    back: tuple[Told, ...] = ()
    duplicates: tuple[Told, ...] = ()
    again: tuple[Told, ...] = ()

    @property
    def nothing(self) -> bool:
        return not (self.cases or self.cards or self.back or self.duplicates or self.again)

    def by_unit(self) -> list[tuple[HandedIn, list[Told]]]:
        """The dossiers that go back, by unit; those whose unit nobody knows last."""
        found: dict[HandedIn, list[Told]] = {}
        for one in self.back:
            found.setdefault(one.unit, []).append(one)
        return list(found.items())

    def as_dict(self) -> JsonObject:
        return {
            "cases": [{**_told(one), "case": one.case} for one in self.cases],
            "cards": [
                {
                    "card_serial": one.card.card_serial,
                    "dossier": one.card.dossier,
                    "replaced_by": one.card.replaced_by,
                    "unit": _unit(one.unit),
                    "why": _both(one.why),
                    "to_do": _both(one.to_do),
                }
                for one in self.cards
            ],
            "back": [
                {"unit": _unit(unit), "dossiers": [_told(one, unit=False) for one in found]}
                for unit, found in self.by_unit()
            ],
            "duplicates": [{**_told(one), "of": one.of} for one in self.duplicates],
            "again": [_told(one) for one in self.again],
        }


def ended(entries: Iterable[Entry]) -> list[str]:
    """The dossiers that this run ended and that may have gone on since, in another batch: all but those that another
    run had accepted as something else."""
    over = (DossierState.REJECTED, DossierState.DUPLICATE)
    mine = (one for one in entries if one.state in over and one.reason is not RegisterReason.DOSSIER_CHANGED)
    return [one.dossier_id for one in mine]


def concerned(entries: Iterable[Entry], cards: Iterable[Revocation]) -> set[str]:
    """The dossiers whose units a report names."""
    found = {name for card in cards if (name := card.replaced_by or card.dossier) is not None}
    return found | {entry.dossier_id for entry in entries if _is_to_do(entry)}


def today(entries: Sequence[Entry], cards: Iterable[Revocation], units: Mapping[str, HandedIn]) -> Today:
    """What these dossiers and cards leave to be done."""
    groups: dict[DossierState, list[Told]] = {}
    for entry in filter(_is_to_do, entries):
        groups.setdefault(entry.state, []).append(_of(entry, units.get(entry.dossier_id, UNKNOWN)))
    back = sorted(groups.get(DossierState.REJECTED, ()), key=lambda one: _order(one.unit))
    ends = (CardToEnd(card, units.get(card.replaced_by or card.dossier or "", UNKNOWN)) for card in cards)
    return Today(
        tuple(groups.get(DossierState.REVIEW, ())),
        tuple(sorted(ends, key=lambda one: _order(one.unit))),
        tuple(back),
        tuple(groups.get(DossierState.DUPLICATE, ())),
        tuple(groups.get(DossierState.FAILED, ())),
    )


def unit_words(unit: HandedIn) -> Two:
    """A unit as it is called."""
    if unit.code is None:
        return "Đơn vị không rõ", "unit not known"
    if unit.name is None:
        return f"Đơn vị {unit.code} (chưa có tên trong sổ)", f"unit {unit.code} (the register has no name of it)"
    return f"{unit.name} ({unit.code})", f"{unit.name} ({unit.code})"


def _is_to_do(entry: Entry) -> bool:
    if entry.state is DossierState.REJECTED:
        return entry.reason not in _NOTHING_TO_DO
    return entry.state in (DossierState.REVIEW, DossierState.DUPLICATE, DossierState.FAILED)


def _of(entry: Entry, unit: HandedIn) -> Told:
    evidence, state = entry.evidence, entry.state
    if state is DossierState.DUPLICATE:
        match = None if evidence.search is None else _best(evidence.search)
        of = None if evidence.search is None else evidence.search.of
        return Told(entry.dossier_id, unit, tuple(_likeness(entry)), of=of, fingers=() if match is None else match)
    if state is DossierState.REVIEW:
        return Told(entry.dossier_id, unit, tuple(_likeness(entry)), evidence.case)
    lines = list(_places(evidence)) or [said.reason(entry.reason)]
    if evidence.holder not in (None, Holder.SAME):
        lines.append(_holder(evidence.holder))
    if state is DossierState.FAILED and evidence.run is not None:
        lines.append((f"Lần chạy đang giữ: {evidence.run}", f"the run that holds it: {evidence.run}"))
    return Told(entry.dossier_id, unit, tuple(lines))


def _likeness(entry: Entry) -> Iterable[Two]:
    """Why, who it is like, and how the fingers lie, in words."""
    evidence = entry.evidence
    yield said.reason(entry.reason)
    seen: set[str] = set()
    for search in (evidence.search, evidence.own_record):
        for match in () if search is None else search.matches:
            if match.dossier in seen:
                continue
            seen.add(match.dossier)
            pairs = [f for f in match.fingers if f.score > 0]
            fingers = [words.finger(one.position) for one in _ranked(pairs)]
            vi, en = ", ".join(one[0] for one in fingers), ", ".join(one[1] for one in fingers)
            yield f"Giống hồ sơ {match.dossier}: {vi}", f"like dossier {match.dossier}: {en}"
            if match.arrangement is not None:
                yield _sentence(vietnamese(match.arrangement)), match.arrangement
    if evidence.holder not in (None, Holder.SAME):
        yield _holder(evidence.holder)
    if evidence.number is not None:
        yield said.reason(evidence.number)
    for doubt in evidence.doubts:
        known = [value for name in ("position", "other_position") if isinstance(value := doubt.facts.get(name), int)]
        fingers = [words.finger(position) for position in known]
        if fingers:
            yield (
                "Ngón đáng ngờ: " + ", ".join(one[0] for one in fingers),
                "fingers in doubt: " + ", ".join(one[1] for one in fingers),
            )


def _holder(holder: Holder | None) -> Two:
    return ("", "") if holder is None else (_sentence(HOLDERS[holder]), holder.text)


def _places(evidence: Evidence) -> Iterable[Two]:
    """What of the dossier is wrong, each with the reason of its own."""
    for place, why in dict.fromkeys((one.field, one.reason) for one in evidence.problems):
        where, what = said.where(place), said.reason(why)
        yield f"{where[0]}: {what[0]}", f"{where[1]}: {what[1]}"


def _best(search: SearchEvidence) -> tuple[FingerEvidence, ...]:
    found = next((match for match in search.matches if match.dossier == search.of), None)
    return () if found is None else _ranked(found.fingers)


def _ranked(fingers: Iterable[FingerEvidence]) -> tuple[FingerEvidence, ...]:
    return tuple(sorted(fingers, key=lambda one: (-one.score, one.position)))


def _order(unit: HandedIn) -> tuple[bool, str, str]:
    return unit.code is None, unit.name or "\uffff", unit.code or ""


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]


def _told(one: Told, *, unit: bool = True) -> JsonObject:
    whose: JsonObject = {"unit": _unit(one.unit)} if unit else {}
    return {"dossier": one.dossier, **whose, "said": [_both(line) for line in one.lines]}


def _unit(unit: HandedIn) -> JsonObject:
    return {"code": unit.code, "name": unit.name}


def _both(line: Two) -> JsonObject:
    return {"vi": line[0], "en": line[1]}
