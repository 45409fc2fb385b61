"""A dossier as data: hostile JSON in, a `Dossier` and everything that is wrong with it out.

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
from typing import TypeVar

from cccd_core.country import personal_number
from cccd_core.country.clock import VIETNAM
from cccd_core.country.personal_number import LENGTH as NUMBER_LENGTH
from cccd_core.country.renewal import age_on, expiry_date
from cccd_core.errors import Fact, ParameterError
from cccd_core.issuance.access import accounts
from cccd_core.issuance.dossiers import schema
from cccd_core.issuance.dossiers.letters import odd_sign
from cccd_core.issuance.dossiers.policy import CheckPolicy
from cccd_core.issuance.dossiers.reasons import DossierError, Fault, Oddity, Problem, Severity
from cccd_core.plain import Json, JsonObject
from cccd_core.printable import shown

_CLOCK_SLACK = timedelta(days=1)  # an enrolment station's clock may be ahead

_ID = re.compile(schema.ID_PATTERN)
_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})  # categories of signs that no text has
_MOST_PROBLEMS = 100  # named of one dossier.json, errors and warnings each
_DATE = re.compile("[0-9]{4}-[0-9]{2}-[0-9]{2}")
_T = TypeVar("_T")

OPTIONAL_TEXTS = (
    "ethnicity", "religion", "place_of_origin", "place_of_residence", "marks", "father", "mother", "spouse",
    "old_number", "former_card", "unit", "operator",
)  # fmt: skip
"""The fields of a dossier that are texts and may be absent."""


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


@dataclass(frozen=True, slots=True, repr=False)
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
    former_card: str | None = None
    unit: str | None = None
    operator: str | None = None
    captured_at: datetime | None = None
    missing_fingers: frozenset[int] = frozenset()  # of which the dossier says that they cannot be captured

    @property
    def former_number(self) -> str | None:
        """The former number of 12 digits, which may be a former personal number."""
        return self.old_number if self.old_number is not None and len(self.old_number) == NUMBER_LENGTH else None

    @property
    def entered_by(self) -> str | None:
        """Who entered it, as accounts are compared; None where it names nobody who could be one."""
        return None if self.operator is None else _account(self.operator)

    @property
    def anew(self) -> bool:
        """Whether the personal number was established anew."""
        return self.grounds == schema.ANEW

    @property
    def order_key(self) -> tuple[bool, str, str]:
        """Sorts dossiers into the order of decision: captured first comes first, without a time last, then by id."""
        if self.captured_at is None:
            return (True, "", self.dossier_id)
        return (False, self.captured_at.astimezone(UTC).isoformat(timespec="microseconds"), self.dossier_id)


def _account(operator: str) -> str | None:
    try:
        return accounts.name(operator)
    except ParameterError:
        return None


def valid_id(text: str) -> bool:
    """Whether a text may be a dossier id: 1-64 letters, digits, '.', '_', '-', the first a letter or digit."""
    return _ID.fullmatch(text) is not None


def decode(data: bytes) -> dict[str, Json]:
    """The object in the bytes of a `dossier.json`. DossierError: `dossier_unreadable`, `field_repeated`."""

    def pairs(items: list[tuple[str, Json]]) -> dict[str, Json]:
        found = dict(items)
        if len(found) != len(items):
            raise DossierError("a field stands twice", fault=Fault.FIELD_REPEATED)
        return found

    def constant(_: str) -> Json:
        raise DossierError("not JSON", fault=Fault.DOSSIER_UNREADABLE)

    try:
        document = json.loads(data.decode("utf-8-sig"), object_pairs_hook=pairs, parse_constant=constant)
    except (ValueError, RecursionError) as error:
        raise DossierError(
            "dossier.json is not UTF-8 JSON",
            fault=Fault.DOSSIER_UNREADABLE,
            offset=getattr(error, "pos", getattr(error, "start", None)),
        ) from None
    if not isinstance(document, dict):
        raise DossierError("dossier.json is not an object", fault=Fault.DOSSIER_UNREADABLE)
    return document


class DossierParser:
    """Reads one document; `problems` gathers what is wrong with it, at most a hundred errors and as many warnings."""

    def __init__(self, dossier_id: str, document: JsonObject, *, today: date, policy: CheckPolicy) -> None:
        self.dossier_id = dossier_id
        self.document = document
        self.today = today
        self.policy = policy
        self.problems: list[Problem] = []
        self._counts: Counter[Severity] = Counter()
        self.notes = FingerNotes()
        self.birth_date: date | None = None

    def parse(self) -> Dossier | None:
        """The dossier; None where a problem is an error. `notes` and `birth_date` are then what could be read."""
        unknown = [name for name in self.document if name not in schema.BY_NAME]
        for name in unknown[:_MOST_PROBLEMS]:
            self._warn(_shown(name), Oddity.UNKNOWN_FIELD)
        values = {entry.name: self._read(entry) for entry in schema.FIELDS}

        def text(name: str) -> str | None:
            return _of_type(str, values[name])

        stated = text("dossier_id")
        if stated is not None and stated != self.dossier_id:
            self._error("dossier_id", Fault.DOSSIER_ID)
        born, sex, full_name = _of_type(date, values["birth_date"]), text("sex"), text("full_name")
        number = self._number(text("personal_number"), sex, born)
        kind = text("kind") or "new"
        self._grounds(kind, text("grounds"), text("old_number"))
        self._old_number(text("old_number"), number)
        captured = _of_type(datetime, values["captured_at"])
        issue, expiry = self._dates(
            born, _of_type(date, values["issue_date"]), _of_type(date, values["expiry_date"]), captured
        )
        operator = text("operator")
        if operator is not None and _account(operator) is None:
            self._warn("operator", Oddity.OPERATOR_UNKNOWN)
        self.birth_date = born
        self.notes = FingerNotes(
            self._finger_note("templates", values["templates"]) or FingerNote(), self._fingers(values["fingers"])
        )
        if any(problem.severity is Severity.ERROR for problem in self.problems):
            return None
        if number is None or full_name is None or born is None or sex is None:
            raise RuntimeError("a required field is missing, and no problem says so")
        return Dossier(
            dossier_id=self.dossier_id,
            kind=kind,
            grounds=text("grounds"),
            personal_number=number,
            full_name=full_name,
            birth_date=born,
            sex=sex,
            issue_date=issue,
            expiry_date=expiry,
            nationality=text("nationality") or "VNM",
            captured_at=captured,
            missing_fingers=self.notes.missing(),
            **{name: text(name) for name in OPTIONAL_TEXTS},
        )

    def _error(self, name: str, reason: Fault, **facts: Fact) -> None:
        self._note(Problem(self.dossier_id, name, reason, Severity.ERROR, facts))

    def _warn(self, name: str, reason: Oddity, **facts: Fact) -> None:
        self._note(Problem(self.dossier_id, name, reason, Severity.WARNING, facts))

    def _note(self, problem: Problem) -> None:
        """Keeps a problem, unless a dossier made to have thousands has its share already."""
        self._counts[problem.severity] += 1
        if self._counts[problem.severity] <= _MOST_PROBLEMS:
            self.problems.append(problem)

    def _read(self, entry: schema.Field) -> Json | date:
        """The value of one field in its Python type; None where it is absent or wrong."""
        value = self.document.get(entry.name)
        if value is None or value == "":
            if entry.required:
                self._error(entry.name, Fault.FIELD_MISSING)
            return None
        if entry.type in ("templates", "fingers"):
            if not isinstance(value, Mapping):
                self._error(entry.name, Fault.FIELD_TYPE, wanted="object")
                return None
            return value
        if not isinstance(value, str):
            self._error(entry.name, Fault.FIELD_TYPE, wanted="text")
            return None
        if entry.type in ("date", "date_or_null"):
            return self._date(entry.name, value)
        if entry.type == "time":
            return self._time(entry.name, value)
        if entry.type == "number":
            return value  # its structure is a reason of its own
        if entry.values and value not in entry.values:
            allowed = " ".join(entry.values) if len(entry.values) < 6 else None
            self._error(entry.name, Fault.FIELD_VALUE, allowed=allowed)
            return None
        return self._text(entry, value)

    def _text(self, entry: schema.Field, value: str) -> str | None:
        if entry.max_length and len(value) > entry.max_length:
            self._error(entry.name, Fault.FIELD_LENGTH, length=len(value), most=entry.max_length)
            return None
        unseen = next((at for at, sign in enumerate(value) if unicodedata.category(sign) in _UNSEEN), None)
        if unseen is not None:
            which = f"U+{ord(value[unseen]):04X}"
            why = "a control character, or one that nobody sees"
            self._error(entry.name, Fault.TEXT_CHARACTERS, why=why, position=unseen, character=which)
            return None
        text = unicodedata.normalize("NFC", value)
        if text != value:
            self._warn(entry.name, Oddity.TEXT_NOT_NFC)
        spaced, text = text, " ".join(text.split())
        if not text:
            self._error(entry.name, Fault.FIELD_MISSING if entry.required else Fault.TEXT_CHARACTERS)
            return None
        if text != spaced:
            self._warn(entry.name, Oddity.TEXT_SPACES)
        if entry.type in ("name", "text"):
            odd = odd_sign(text, name=entry.type == "name")
            if odd is not None:
                self._error(entry.name, Fault.NAME_TEXT if entry.type == "name" else Fault.TEXT_CHARACTERS, **odd)
                return None
        if entry.type == "name" and not self._name(entry.name, text):
            return None
        return text

    def _name(self, name: str, text: str) -> bool:
        """Whether the text is a name that can be printed and put into the MRZ."""
        if not any(sign.isalpha() for sign in text):
            self._error(name, Fault.NAME_TEXT, why="no letter")
            return False
        return True

    def _date(self, name: str, value: str) -> date | None:
        try:
            if _DATE.fullmatch(value):
                return date.fromisoformat(value)
        except ValueError:
            pass
        self._error(name, Fault.DATE_VALUE)
        return None

    def _time(self, name: str, value: str) -> datetime | None:
        try:
            moment = datetime.fromisoformat(value) if len(value) <= 40 else None
        except ValueError:
            moment = None
        if moment is None:
            self._error(name, Fault.DATE_VALUE)
            return None
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=VIETNAM)
        try:
            moment.astimezone(UTC)
        except (OverflowError, ValueError):
            self._error(name, Fault.DATE_VALUE)
            return None
        return moment

    def _number(self, number: str | None, sex: str | None, born: date | None) -> str | None:
        if number is None:
            return None
        said = personal_number.parse(number)
        if said is None:
            digits = number.isascii() and number.isdigit()
            why = "not digits alone" if not digits else "another length"
            if digits and len(number) == personal_number.LENGTH:
                why = "its first three digits are no place code"
            self._error(
                "personal_number", Fault.NUMBER_STRUCTURE, why=why, length=len(number), wanted=personal_number.LENGTH
            )
            return None
        if not said.place_known:
            self._warn("personal_number", Oddity.BIRTHPLACE_CODE_UNVERIFIED)
        if sex is not None and said.sex != sex:
            self._error("personal_number", Fault.NUMBER_SEX)
        if born is not None and said.birth_year != born.year:
            self._error("personal_number", Fault.NUMBER_BIRTH_YEAR)
        return number

    def _old_number(self, old: str | None, number: str | None) -> None:
        if old is None:
            return
        if not (old.isascii() and old.isdigit() and len(old) in (9, 12)) or old == number:
            self._error("old_number", Fault.OLD_NUMBER, length=len(old))

    def _grounds(self, kind: str, grounds: str | None, old: str | None) -> None:
        if kind == "new":
            if grounds is not None:
                self._error("grounds", Fault.GROUNDS, kind=kind)
        elif grounds not in schema.GROUNDS[kind]:
            self._error("grounds", Fault.GROUNDS, kind=kind)
        elif grounds == schema.ANEW and not (isinstance(old, str) and len(old) == NUMBER_LENGTH):
            self._error("grounds", Fault.GROUNDS, needs="old_number")

    def _dates(
        self, born: date | None, issued: date | None, expires: date | None, captured: datetime | None
    ) -> tuple[date, date | None]:
        """The day of issue and the last day, by the rule where the dossier gives none."""
        issue = issued or self.today
        if born is None:
            return issue, expires
        if born > self.today:
            self._error("birth_date", Fault.DATE_IN_FUTURE)
        elif age_on(born, self.today) > self.policy.max_age:
            self._error("birth_date", Fault.DATE_ORDER, oldest=self.policy.max_age)
        if issued is not None and issued > self.today:
            self._error("issue_date", Fault.DATE_IN_FUTURE)
        if captured is not None:
            if captured - _CLOCK_SLACK > datetime.combine(self.today, datetime.max.time(), VIETNAM):
                self._error("captured_at", Fault.DATE_IN_FUTURE)
            if captured.astimezone(VIETNAM).date() + _CLOCK_SLACK < born:
                self._error("captured_at", Fault.DATE_ORDER, before="birth_date")
            if issued is not None and captured.astimezone(VIETNAM).date() > issued + _CLOCK_SLACK:
                self._error("issue_date", Fault.DATE_ORDER, before="captured_at")
        if issue < born:
            self._error("issue_date", Fault.DATE_ORDER, before="birth_date")
            return issue, expires
        by_rule = expiry_date(born, issue)
        if expires is None:
            return issue, by_rule
        if expires <= issue:
            self._error("expiry_date", Fault.DATE_ORDER, before="issue_date")
        elif expires != by_rule:
            self._warn("expiry_date", Oddity.EXPIRY_NOT_BY_RULE)
        return issue, expires

    def _fingers(self, value: Json | date) -> dict[int, FingerNote]:
        notes: dict[int, FingerNote] = {}
        for key, entry in value.items() if isinstance(value, Mapping) else ():
            position = int(key) if key in _POSITIONS else None
            if position is None:
                self._error("fingers", Fault.FINGER_POSITION)
                continue
            note = self._finger_note(f"fingers.{position}", entry)
            if note is not None:
                notes[position] = note
        return notes

    def _finger_note(self, name: str, entry: Json | date) -> FingerNote | None:
        if entry is None:
            return None
        if not isinstance(entry, Mapping):
            self._error(name, Fault.FIELD_TYPE, wanted="object")
            return None
        words: dict[str, str] = {}
        sizes: dict[str, int] = {}
        for key, value in entry.items():
            if value is None:
                continue
            where = f"{name}.{_shown(key)}"
            if key in schema.IMAGE_LIMITS:
                least, most = schema.IMAGE_LIMITS[key]
                if not isinstance(value, int) or isinstance(value, bool):
                    self._error(where, Fault.FIELD_TYPE, wanted="integer")
                elif not least <= value <= most:
                    self._error(where, Fault.FIELD_VALUE, least=least, most=most)
                else:
                    sizes[key] = value
            elif key == "format" or (key in ("missing", "note") and name != "templates"):
                if not isinstance(value, str):
                    self._error(where, Fault.FIELD_TYPE, wanted="text")
                elif key == "missing" and value not in schema.MISSING:
                    self._error(where, Fault.FIELD_VALUE, allowed=" ".join(schema.MISSING))
                elif len(value) > schema.NOTE_LENGTH:
                    self._error(where, Fault.FIELD_LENGTH, most=schema.NOTE_LENGTH)
                else:
                    words[key] = value
            else:
                self._warn(where, Oddity.UNKNOWN_FIELD)
        return FingerNote(
            missing=words.get("missing"),
            note=words.get("note"),
            format=words.get("format"),
            dpi=sizes.get("dpi"),
            height_px=sizes.get("height_px"),
            width_px=sizes.get("width_px"),
        )


def _of_type(kind: type[_T], value: object) -> _T | None:
    return value if isinstance(value, kind) else None


_POSITIONS = frozenset(str(position) for position in schema.FINGER_NAMES)


def _shown(name: object) -> str:
    """A field's name from outside, safe to print and short."""
    return shown(str(name)[:40])
