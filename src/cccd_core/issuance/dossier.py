"""A dossier as data: hostile JSON in, a `Dossier` and everything that is wrong with it out. Imports the
transliteration of `emrtd`, errors and the sibling modules of plain data.

Nothing here opens a file. Texts come out in Unicode normal form C, dates as dates; problems name the field and the
reason, never the value.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

from cccd_core.country import personal_number
from cccd_core.country.clock import VIETNAM
from cccd_core.country.renewal import age_on, expiry_date
from cccd_core.emrtd.names import transliterate
from cccd_core.errors import DossierError, Fact, ParameterError
from cccd_core.issuance import schema
from cccd_core.issuance.limits import CheckPolicy
from cccd_core.issuance.reasons import Problem

_CLOCK_SLACK = timedelta(days=1)  # an enrolment station's clock may be ahead

_ID = re.compile(schema.ID_PATTERN)
_MOST_PROBLEMS = 100  # named of one dossier.json, errors and warnings each
_DATE = re.compile("[0-9]{4}-[0-9]{2}-[0-9]{2}")
_NAME_SIGNS = frozenset(" -'’.")


@dataclass(frozen=True, slots=True)
class FingerNote:
    """What a dossier says about one finger, or about all its template files."""

    missing: str | None = None
    note: str | None = None
    format: str | None = None
    dpi: int | None = None
    height_px: int | None = None
    width_px: int | None = None

    def over(self, base: FingerNote) -> FingerNote:
        """This note with what it leaves open taken from `base`."""
        return FingerNote(
            self.missing,
            self.note,
            self.format or base.format,
            self.dpi or base.dpi,
            self.height_px or base.height_px,
            self.width_px or base.width_px,
        )


@dataclass(frozen=True, slots=True)
class FingerNotes:
    """What a dossier says about its fingers: about all template files, and about single ones."""

    templates: FingerNote = field(default_factory=FingerNote)
    fingers: Mapping[int, FingerNote] = field(default_factory=dict)

    def missing(self) -> frozenset[int]:
        """The positions of which the dossier says that they cannot have a template."""
        return frozenset(position for position, note in self.fingers.items() if note.missing)

    def of(self, position: int) -> FingerNote:
        """What is said about the template file of one finger."""
        return self.fingers.get(position, FingerNote()).over(self.templates)


@dataclass(frozen=True, slots=True)
class Dossier:
    """The checked text of one dossier. `issue_date` and `expiry_date` are filled in by the rule where it gives none."""

    dossier_id: str
    kind: str
    grounds: str | None
    personal_number: str
    full_name: str
    birth_date: date
    sex: str
    issue_date: date
    expiry_date: date | None
    nationality: str = "VNM"
    ethnicity: str | None = None
    religion: str | None = None
    place_of_origin: str | None = None
    place_of_residence: str | None = None
    marks: str | None = None
    father: str | None = None
    mother: str | None = None
    spouse: str | None = None
    old_number: str | None = None
    unit: str | None = None
    captured_at: datetime | None = None
    notes: FingerNotes = field(default_factory=FingerNotes)

    @property
    def order_key(self) -> tuple[bool, str, str]:
        """Sorts dossiers into the order of decision: captured first comes first, without a time last, then by id."""
        if self.captured_at is None:
            return (True, "", self.dossier_id)
        return (False, self.captured_at.astimezone(UTC).isoformat(timespec="microseconds"), self.dossier_id)


def valid_id(text: str) -> bool:
    """Whether a text may be a dossier id: 1-64 letters, digits, '.', '_', '-', the first a letter or digit."""
    return _ID.fullmatch(text) is not None


def decode(data: bytes) -> dict[str, Any]:
    """The object in the bytes of a `dossier.json`. DossierError: `dossier_unreadable`, `field_repeated`."""

    def pairs(items: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(items)
        if len(found) != len(items):
            raise DossierError("a field stands twice", reason="field_repeated")
        return found

    def constant(_: str) -> Any:
        raise DossierError("not JSON", reason="dossier_unreadable")

    try:
        document = json.loads(data.decode("utf-8-sig"), object_pairs_hook=pairs, parse_constant=constant)
    except (ValueError, RecursionError) as error:
        raise DossierError(
            "dossier.json is not UTF-8 JSON",
            reason="dossier_unreadable",
            offset=getattr(error, "pos", getattr(error, "start", None)),
        ) from None
    if not isinstance(document, dict):
        raise DossierError("dossier.json is not an object", reason="dossier_unreadable")
    return document


class DossierParser:
    """Reads one document; `problems` gathers what is wrong with it, at most a hundred errors and as many warnings."""

    def __init__(self, dossier_id: str, document: Mapping[str, Any], *, today: date, policy: CheckPolicy) -> None:
        self.dossier_id = dossier_id
        self.document = document
        self.today = today
        self.policy = policy
        self.problems: list[Problem] = []
        self._counts: Counter[str] = Counter()
        self.notes = FingerNotes()
        self.birth_date: date | None = None

    def parse(self) -> Dossier | None:
        """The dossier; None where a problem is an error. `notes` and `birth_date` are then what could be read."""
        unknown = [name for name in self.document if name not in schema.BY_NAME]
        for name in unknown[:_MOST_PROBLEMS]:
            self._warn(_shown(name), "unknown_field")
        values = {entry.name: self._read(entry) for entry in schema.FIELDS}
        stated = values["dossier_id"]
        if stated is not None and stated != self.dossier_id:
            self._error("dossier_id", "dossier_id")
        number = self._number(values["personal_number"], values["sex"], values["birth_date"])
        self._grounds(values["kind"] or "new", values["grounds"])
        self._old_number(values["old_number"], number)
        issue, expiry = self._dates(values)
        self.birth_date = values["birth_date"]
        self.notes = FingerNotes(
            self._finger_note("templates", values["templates"]) or FingerNote(), self._fingers(values["fingers"])
        )
        if any(problem.severity == "error" for problem in self.problems):
            return None
        optional = {
            name: values[name]
            for name in (
                "ethnicity", "religion", "place_of_origin", "place_of_residence", "marks", "father", "mother",
                "spouse", "old_number", "unit", "captured_at",
            )
        }  # fmt: skip
        return Dossier(
            dossier_id=self.dossier_id,
            kind=values["kind"] or "new",
            grounds=values["grounds"],
            personal_number=values["personal_number"],
            full_name=values["full_name"],
            birth_date=values["birth_date"],
            sex=values["sex"],
            issue_date=issue,
            expiry_date=expiry,
            nationality=values["nationality"] or "VNM",
            notes=self.notes,
            **optional,
        )

    def _error(self, name: str, reason: str, **facts: Fact) -> None:
        self._note(Problem(self.dossier_id, name, reason, "error", facts))

    def _warn(self, name: str, reason: str, **facts: Fact) -> None:
        self._note(Problem(self.dossier_id, name, reason, "warning", facts))

    def _note(self, problem: Problem) -> None:
        """Keeps a problem, unless a dossier made to have thousands has its share already."""
        self._counts[problem.severity] += 1
        if self._counts[problem.severity] <= _MOST_PROBLEMS:
            self.problems.append(problem)

    def _read(self, entry: schema.Field) -> Any:
        """The value of one field in its Python type; None where it is absent or wrong."""
        value = self.document.get(entry.name)
        if value is None or value == "":
            if entry.required:
                self._error(entry.name, "field_missing")
            return None
        if entry.type in ("templates", "fingers"):
            if not isinstance(value, Mapping):
                self._error(entry.name, "field_type", wanted="object")
                return None
            return value
        if not isinstance(value, str):
            self._error(entry.name, "field_type", wanted="text")
            return None
        if entry.type in ("date", "date_or_null"):
            return self._date(entry.name, value)
        if entry.type == "time":
            return self._time(entry.name, value)
        if entry.type == "number":
            return value  # its structure is a reason of its own
        if entry.values and value not in entry.values:
            self._error(entry.name, "field_value", allowed=" ".join(entry.values) if len(entry.values) < 6 else None)
            return None
        return self._text(entry, value)

    def _text(self, entry: schema.Field, value: str) -> str | None:
        if entry.max_length and len(value) > entry.max_length:
            self._error(entry.name, "field_length", length=len(value), most=entry.max_length)
            return None
        if any(unicodedata.category(sign) in ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp") for sign in value):
            self._error(entry.name, "text_characters")
            return None
        text = unicodedata.normalize("NFC", value)
        if text != value:
            self._warn(entry.name, "text_not_nfc")
        spaced, text = text, " ".join(text.split())
        if not text:
            self._error(entry.name, "field_missing" if entry.required else "text_characters")
            return None
        if text != spaced:
            self._warn(entry.name, "text_spaces")
        if entry.type == "name" and not self._name(entry.name, text):
            return None
        return text

    def _name(self, name: str, text: str) -> bool:
        """Whether the text is a name that can be printed, and, of the holder's own, put into the MRZ."""
        wrong = next((place for place, sign in enumerate(text) if not _in_a_name(sign)), None)
        if wrong is not None:
            self._error(name, "name_text", why="a sign that no name has", position=wrong)
            return False
        if not any(sign.isalpha() for sign in text):
            self._error(name, "name_text", why="no letter")
            return False
        if name == "full_name":
            try:
                transliterate(text)
            except ParameterError as error:
                self._error(name, "name_text", why="no transliteration for the MRZ", **error.facts)
                return False
        return True

    def _date(self, name: str, value: str) -> date | None:
        try:
            if _DATE.fullmatch(value):
                return date.fromisoformat(value)
        except ValueError:
            pass
        self._error(name, "date_value")
        return None

    def _time(self, name: str, value: str) -> datetime | None:
        try:
            moment = datetime.fromisoformat(value) if len(value) <= 40 else None
        except ValueError:
            moment = None
        if moment is None:
            self._error(name, "date_value")
            return None
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=VIETNAM)
        try:
            moment.astimezone(UTC)
        except (OverflowError, ValueError):
            self._error(name, "date_value")
            return None
        return moment

    def _number(self, number: Any, sex: Any, born: Any) -> str | None:
        if number is None:
            return None
        said = personal_number.parse(number)
        if said is None:
            self._error("personal_number", "number_structure", length=len(number), wanted=personal_number.LENGTH)
            return None
        if not said.place_known:
            self._warn("personal_number", "birthplace_code_unverified")
        if sex is not None and said.sex != sex:
            self._error("personal_number", "number_sex")
        if born is not None and said.birth_year != born.year:
            self._error("personal_number", "number_birth_year")
        return str(number)

    def _old_number(self, old: Any, number: str | None) -> None:
        if old is None:
            return
        if not (old.isascii() and old.isdigit() and len(old) in (9, 12)) or old == number:
            self._error("old_number", "old_number", length=len(old))

    def _grounds(self, kind: str, grounds: Any) -> None:
        if kind == "new":
            if grounds is not None:
                self._error("grounds", "grounds", kind=kind)
        elif grounds not in schema.GROUNDS[kind]:
            self._error("grounds", "grounds", kind=kind)

    def _dates(self, values: Mapping[str, Any]) -> tuple[date, date | None]:
        born, issued, expires = values["birth_date"], values["issue_date"], values["expiry_date"]
        captured = values["captured_at"]
        issue = issued or self.today
        if born is None:
            return issue, expires
        if born > self.today:
            self._error("birth_date", "date_in_future")
        elif age_on(born, self.today) > self.policy.max_age:
            self._error("birth_date", "date_order", oldest=self.policy.max_age)
        if issued is not None and issued > self.today:
            self._error("issue_date", "date_in_future")
        if captured is not None:
            if captured - _CLOCK_SLACK > datetime.combine(self.today, datetime.max.time(), VIETNAM):
                self._error("captured_at", "date_in_future")
            if captured.astimezone(VIETNAM).date() + _CLOCK_SLACK < born:
                self._error("captured_at", "date_order", before="birth_date")
            if issued is not None and captured.astimezone(VIETNAM).date() > issued + _CLOCK_SLACK:
                self._error("issue_date", "date_order", before="captured_at")
        if issue < born:
            self._error("issue_date", "date_order", before="birth_date")
            return issue, expires
        by_rule = expiry_date(born, issue)
        if expires is None:
            return issue, by_rule
        if expires <= issue:
            self._error("expiry_date", "date_order", before="issue_date")
        elif expires != by_rule:
            self._warn("expiry_date", "expiry_not_by_rule")
        return issue, expires

    def _fingers(self, value: Any) -> dict[int, FingerNote]:
        notes: dict[int, FingerNote] = {}
        for key, entry in (value or {}).items():
            position = int(key) if key in _POSITIONS else None
            if position is None:
                self._error("fingers", "finger_position")
                continue
            note = self._finger_note(f"fingers.{position}", entry)
            if note is not None:
                notes[position] = note
        return notes

    def _finger_note(self, name: str, entry: Any) -> FingerNote | None:
        if entry is None:
            return None
        if not isinstance(entry, Mapping):
            self._error(name, "field_type", wanted="object")
            return None
        found: dict[str, Any] = {}
        for key, value in entry.items():
            if value is None:
                continue
            where = f"{name}.{_shown(key)}"
            if key in schema.IMAGE_LIMITS:
                least, most = schema.IMAGE_LIMITS[key]
                if not isinstance(value, int) or isinstance(value, bool):
                    self._error(where, "field_type", wanted="integer")
                elif not least <= value <= most:
                    self._error(where, "field_value", least=least, most=most)
                else:
                    found[key] = value
            elif key == "format" or (key in ("missing", "note") and name != "templates"):
                if not isinstance(value, str):
                    self._error(where, "field_type", wanted="text")
                elif key == "missing" and value not in schema.MISSING:
                    self._error(where, "field_value", allowed=" ".join(schema.MISSING))
                elif len(value) > schema.NOTE_LENGTH:
                    self._error(where, "field_length", most=schema.NOTE_LENGTH)
                else:
                    found[key] = value
            else:
                self._warn(where, "unknown_field")
        return FingerNote(**found)


_POSITIONS = frozenset(str(position) for position in schema.FINGER_NAMES)


def _in_a_name(sign: str) -> bool:
    if sign in _NAME_SIGNS or unicodedata.category(sign) == "Mn":
        return True
    return sign.isalpha() and unicodedata.name(sign, "").startswith("LATIN ")


def _shown(name: object) -> str:
    """A field's name from outside, safe to print and short."""
    text = str(name)[:40]
    return "".join(sign if sign.isprintable() else "?" for sign in text)
