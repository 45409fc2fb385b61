"""The stable words for what can be wrong with a dossier.

A word never changes its meaning; new ones may be added. `cccd batch schema` and docs/reference/dossier.md list them. A
name in this file may change, a word may not: words stand in reports, audit trails and run states.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import TypeAlias

from cccd_core.errors import CccdError, Fact
from cccd_core.plain import JsonObject
from cccd_core.words import Word


class Fault(Word):
    """Reasons found by looking at the dossier alone; as errors they reject it. Of several errors the first in this
    order is the one that the report counts."""

    DOSSIER_UNREADABLE = (
        "dossier_unreadable",
        "dossier.json is missing, too large, not UTF-8 JSON, or its top level is not an object",
    )
    UNSAFE_PATH = (
        "unsafe_path",
        "a link, a device or a name that leads out of the batch, where a plain file or folder should be",
    )
    DOSSIER_ID = (
        "dossier_id",
        "the dossier id (the folder's name) is not 1-64 letters, digits, '.', '_' or '-'; or dossier.json names "
        "another one",
    )
    DOSSIER_REPEATED = "dossier_repeated", "another dossier of the same batch has this id"
    FIELD_MISSING = "field_missing", "a required field is absent or empty"
    FIELD_TYPE = "field_type", "a field has another JSON type than the schema says"
    FIELD_VALUE = "field_value", "a field's value is not one of those allowed"
    FIELD_LENGTH = "field_length", "a text is longer than the schema allows"
    FIELD_REPEATED = "field_repeated", "a field stands twice in the same object"
    NUMBER_STRUCTURE = "number_structure", "the personal number is not 12 digits, or its first three are no place code"
    NUMBER_SEX = "number_sex", "the number's century-and-sex digit says another sex"
    NUMBER_BIRTH_YEAR = "number_birth_year", "the number's century or year digits say another birth year"
    NAME_TEXT = (
        "name_text",
        "a name holds something else than Latin letters, spaces, hyphens, apostrophes and full stops, or a letter that "
        "is printed like another (Ð for Đ); the facts say which and where",
    )
    TEXT_CHARACTERS = (
        "text_characters",
        "a text holds control characters, code points that no text has, or letters that are not Latin ones or are "
        "printed like others (Ð for Đ); the facts say which and where",
    )
    DATE_VALUE = "date_value", "a date is not a real one in the form YYYY-MM-DD (or, for captured_at, an RFC 3339 time)"
    DATE_IN_FUTURE = "date_in_future", "a date that must have passed lies in the future"
    DATE_ORDER = "date_order", "two dates stand in an impossible order (born, captured, issued, expires)"
    OLD_NUMBER = "old_number", "the old number has neither 9 nor 12 digits, or is the personal number itself"
    GROUNDS = (
        "grounds",
        "the grounds do not belong to the kind of dossier, an exchange or reissue names none, or a number established "
        "anew comes without the former one of 12 digits",
    )
    PORTRAIT_MISSING = "portrait_missing", "there is no portrait"
    PORTRAIT_REPEATED = "portrait_repeated", "there is more than one portrait"
    PORTRAIT_UNREADABLE = "portrait_unreadable", "the portrait is not a whole JPEG 2000, JPEG or PNG image"
    PORTRAIT_SIZE = "portrait_size", "the portrait has too few or too many pixels, or its file is too large"
    FINGER_POSITION = (
        "finger_position",
        "a finger file is not named after its ISO position, 1 to 10, or 0 (0-1, 0-2, ...) where nobody knows it",
    )
    FINGER_REPEATED = "finger_repeated", "two files for one finger, or the same file for two fingers"
    FINGER_CONFLICT = "finger_conflict", "a finger noted as missing has a template"
    FINGER_UNDESCRIBED = (
        "finger_undescribed",
        "an .xyt template without its resolution and image height, or an image without its resolution",
    )
    FINGER_VIEW = "finger_view", "a finger file of several views, none of which is of the finger of its name"
    UNREADABLE_FINGER = (
        "unreadable_finger",
        "a finger file is too large, not a whole template of a known format, or an image that shows no finger",
    )
    IMPLAUSIBLE_FINGER = "implausible_finger", "a finger file whose minutiae are no finger's; the facts name the doubt"
    POOR_FINGER = "poor_finger", "too few minutiae in a finger, so that too few usable fingers remain"
    TOO_MANY_FINGERS = "too_many_fingers", "more than ten fingers, those noted as missing among them"
    TOO_FEW_FINGERS = "too_few_fingers", "fewer fingers than a search needs"


class Oddity(Word):
    """Named, and nothing more: a dossier with warnings alone is issued."""

    UNKNOWN_FIELD = "unknown_field", "a field that the schema does not know; it is ignored"
    UNKNOWN_FILE = "unknown_file", "a file or folder that the layout does not know; it is ignored"
    TEXT_NOT_NFC = "text_not_nfc", "a text that is not in Unicode normal form C; it is normalised"
    BIRTHPLACE_CODE_UNVERIFIED = (
        "birthplace_code_unverified",
        "the number's place code may be a country's; those codes cannot be verified",
    )
    TEXT_SPACES = "text_spaces", "a text with spaces at an end or doubled; they are taken out"
    EXPIRY_NOT_BY_RULE = (
        "expiry_not_by_rule",
        "the given expiry date is not the one the renewal ages give; the given one is used",
    )
    WEAK_FINGER = "weak_finger", "a finger with too few minutiae to count; the others are enough"
    DOUBTFUL_FINGER = "doubtful_finger", "a finger file of which something is doubted; the facts name the doubt"
    FINGER_FILE_ODD = "finger_file_odd", "a finger file that is wrapped or framed oddly, and read all the same"
    UNPLACED_FINGER = (
        "unplaced_finger",
        "a finger whose position nobody knows; it is searched by and kept, and goes on no chip",
    )
    SEVERAL_VIEWS = "several_views", "a finger file with more than one view of its finger; the first of them is used"
    POSITION_DIFFERS = "position_differs", "a finger file whose own position is not that of its name; the name counts"
    CARD_FROM_BEFORE = (
        "card_from_before",
        "the card that is replaced is from before this register, as the dossier says; nothing here proves it",
    )
    NO_OWN_RECORD = (
        "no_own_record",
        "an exchange or reissue, and no fingers of the number's holder are on record to compare with",
    )
    OPERATOR_UNKNOWN = (
        "operator_unknown",
        "who entered the dossier is no account's name (1 to 64 letters a-z, digits, '.', '_', '@' or '-'), so that "
        "nothing keeps them from settling its case",
    )
    CAPTURE_AGAIN = "capture_again", "the image of a finger is poor: better captured again; the facts say why"
    IMAGE_UNUSED = "image_unused", "the image beside a template cannot be used; the template is"
    UNIT_UNKNOWN = (
        "unit_unknown",
        "the dossier names a unit that the register does not have, which has it under the unit `unknown`",
    )
    PORTRAIT_CONVERTED = "portrait_converted", "the portrait is converted to JPEG 2000 for the chip"


class RegisterReason(Word):
    """Reasons found by looking at the register of issued cards."""

    ALREADY_ISSUED = "already_issued", "this dossier's card was issued by an earlier run over the same gallery"
    DOSSIER_CHANGED = (
        "dossier_changed",
        "a dossier of this id was accepted earlier with other contents, or received as one of another kind",
    )
    WITHDRAWN = "withdrawn", "the person withdrew the dossier, as the register of dossiers says"
    CANCELLED = "cancelled", "the dossier was cancelled by an order, as the register of dossiers says"
    REJECTED_BY_HAND = (
        "rejected_by_hand",
        "somebody, and no run, rejected the dossier in the register of dossiers: another one needs an id of its own",
    )
    NUMBER_REPEATED = (
        "number_repeated",
        "an earlier dossier of the batch has this number, or gives it up: one batch makes one card of it; another one "
        "is another batch's",
    )
    NUMBER_TAKEN = (
        "number_taken",
        "the number belongs to someone already in the register, and the fingers are not the same person's",
    )
    NUMBER_UNKNOWN = (
        "number_unknown",
        "an exchange or reissue of a number that nobody has, and the dossier names no card from before this register",
    )
    NUMBER_REPLACED = (
        "number_replaced",
        "the number was given up for one established anew: the card is that one's, by its number",
    )
    OLD_NUMBER_TAKEN = (
        "old_number_taken",
        "the former number belongs to someone in the register: a new card for them is an exchange with the grounds "
        "number_established_anew, and another's number is on no card",
    )


class ReviewReason(Word):
    """Why a person must look."""

    POSSIBLE_DUPLICATE = (
        "possible_duplicate",
        "the search found someone alike, not surely enough to decide without a person's eye",
    )
    SAME_FINGER = (
        "same_finger",
        "two positions hold the same finger, as it is or mirrored: the person could enrol again with the others",
    )
    FINGER_IN_DOUBT = (
        "finger_in_doubt",
        "fingers whose minutiae are hardly a finger's, or whose positions nobody knows; the facts name the doubt",
    )
    OWN_RECORD_MISMATCH = (
        "own_record_mismatch",
        "an exchange or reissue whose fingers do not match the record of its number, or match it as mirror images or "
        "at other positions",
    )
    TWO_RECORDS = (
        "two_records",
        "the fingers are those of the record of its number, and of another one's: one person under two numbers, or a "
        "record that is made of two people",
    )
    OWN_RECORD_REMOVED = (
        "own_record_removed",
        "its person was taken out of the gallery by an order, so that no record says whose number it is",
    )
    NOT_SEARCHABLE = (
        "not_searchable",
        "no finger could be captured, so nobody can say whether the person is enrolled already",
    )


class Failure(Word):
    """Of the state `failed`, the only final state that the next run tries again."""

    BATCH_CHANGED = "batch_changed", "the dossier is not in the batch any more, or not as it was checked"
    CARD_WAITING = (
        "card_waiting",
        "no card could be had, or it kept leaving the reader; nothing is lost and nothing wrong",
    )
    CARD_FAILED = "card_failed", "the card could not be written or did not prove itself; see the error"
    BUILD_FAILED = "build_failed", "the chip's files could not be made; see the error"
    SIGNER_TOO_SHORT = (
        "signer_too_short",
        "the certificate of no document signer in turn lasts as long as this card: certify one that does",
    )
    IN_OTHER_RUN = (
        "in_other_run",
        "another unfinished run over the same gallery holds this dossier (see evidence): finish that one, or where "
        "its folder is lost take it over",
    )


class Holder(Word):
    """Of an exchange or reissue: whether its fingers are those of the record of its number, a former one included."""

    SAME = "same", "the fingers are those of the record of its number"
    UNSURE = "unsure", "the fingers may be those of the record of its number"
    MIRRORED = "mirrored", "the fingers match the record of its number as mirror images"
    REARRANGED = (
        "rearranged",
        "the fingers match the record of its number at other positions, as where the hands were exchanged",
    )
    OTHER = "other", "the fingers are not those of the record of its number"
    NO_FINGERS = "no_fingers", "there are fingers on record of its number, and none in the dossier"
    NO_RECORD = "no_record", "no fingers are on record of its number"
    REMOVED = "removed", "the record of its number was taken out of the gallery by an order"


class ToDo(Word):
    """What is to be done with a card that is no longer, or never was, its number's."""

    DESTROY = "destroy_and_revoke", "destroy it and revoke it"
    TAKE_IN = "take_in_and_revoke", "revoke it; take it in when the new one is handed over, and destroy it"
    REVOKE = "revoke", "revoke it; destroy it where it is found or handed in"


class DuplicateReason(Word):
    """Of the state `duplicate`."""

    DUPLICATE = "duplicate", "the search found the same person, enrolled earlier or earlier in the batch"


class SettledReason(Word):
    """Of a dossier that people ended: the case in the evidence says who, when and why."""

    SETTLED_SAME_PERSON = "settled_same_person", "people settled that it is somebody who is enrolled, or was to be"
    SETTLED_CAPTURE_AGAIN = (
        "settled_capture_again",
        "people settled that the person is to come again: a new dossier is needed",
    )
    SETTLED_REFUSED = "settled_refused", "people settled that there is no card for this dossier"


Reason: TypeAlias = Fault | Oddity | RegisterReason | ReviewReason | Failure | DuplicateReason | SettledReason
"""Why a dossier is in its final state."""


ProblemReason: TypeAlias = Fault | Oddity | RegisterReason | ReviewReason
"""What a check of a batch finds."""


class Severity(StrEnum):
    """What a problem does to its dossier."""

    ERROR = "error"  # it is rejected
    REVIEW = "review"  # a person must look, unless it is a duplicate anyway
    WARNING = "warning"  # it is issued


class DossierError(CccdError):
    """Something of a dossier that cannot be used; `fault` is the word for it."""

    kind = "dossier"

    def __init__(self, message: str, /, *, fault: Fault, **facts: Fact) -> None:
        super().__init__(message, **facts)
        self.fault = fault

    def __reduce__(self) -> tuple[object, ...]:
        return (_rebuild, (self.message, self.fault, self.facts))


def _rebuild(message: str, fault: Fault, facts: dict[str, Fact]) -> DossierError:
    return DossierError(message, fault=fault, **facts)


@dataclasses.dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong (or odd) with one dossier. `facts` hold no personal data."""

    dossier_id: str
    field: str
    reason: ProblemReason
    severity: Severity = Severity.ERROR
    facts: Mapping[str, Fact] = dataclasses.field(default_factory=dict)

    @classmethod
    def of(cls, dossier_id: str, field: str, error: DossierError, **more: Fact) -> Problem:
        """The problem that an error is."""
        facts = {name: fact for name, fact in error.facts.items() if fact is not None}
        return cls(dossier_id, field, error.fault, facts={**more, **facts})

    def as_dict(self) -> JsonObject:
        return {
            "dossier": self.dossier_id,
            "field": self.field,
            "reason": self.reason,
            "severity": self.severity,
            "facts": self.facts,
        }


def principal(problems: Iterable[Problem]) -> ProblemReason | None:
    """The reason under which the report counts a dossier: the first error by precedence; None where it has no error."""
    found = {problem.reason: None for problem in problems if problem.severity is Severity.ERROR}
    return next((fault for fault in Fault if fault in found), next(iter(found), None))
