"""The stable words for what can be wrong with a dossier, in the order in which one of several becomes the reason that
the report counts. Imports the standard library alone.

A word never changes its meaning; new ones may be added. `cccd batch schema` and docs/reference/dossier.md list them.
"""

from __future__ import annotations

import dataclasses
from typing import Literal, TypeAlias

from cccd_core.errors import Fact

Severity: TypeAlias = Literal["error", "warning"]

CHECK_REASONS = {
    "dossier_unreadable": "dossier.json is missing, too large, not UTF-8 JSON, or its top level is not an object",
    "unsafe_path": "a link, a device or a name that leads out of the batch, where a plain file or folder should be",
    "dossier_id": "the dossier id (the folder's name) is not 1-64 letters, digits, '.', '_' or '-'; or dossier.json "
    "names another one",
    "dossier_repeated": "another dossier of the same batch has this id",
    "field_missing": "a required field is absent or empty",
    "field_type": "a field has another JSON type than the schema says",
    "field_value": "a field's value is not one of those allowed",
    "field_length": "a text is longer than the schema allows",
    "field_repeated": "a field stands twice in the same object",
    "number_structure": "the personal number is not 12 digits, or its first three are no place code",
    "number_sex": "the number's century-and-sex digit says another sex",
    "number_birth_year": "the number's century or year digits say another birth year",
    "name_text": "a name holds something else than Latin letters, spaces, hyphens, apostrophes and full stops, or a "
    "letter without a transliteration for the MRZ; the facts say where",
    "text_characters": "a text holds control characters or code points that no text has",
    "date_value": "a date is not a real one in the form YYYY-MM-DD (or, for captured_at, an RFC 3339 time)",
    "date_in_future": "a date that must have passed lies in the future",
    "date_order": "two dates stand in an impossible order (born, captured, issued, expires)",
    "old_number": "the old number has neither 9 nor 12 digits, or is the personal number itself",
    "grounds": "the grounds do not belong to the kind of dossier, or an exchange or reissue names none",
    "portrait_missing": "there is no portrait",
    "portrait_repeated": "there is more than one portrait",
    "portrait_unreadable": "the portrait is not a whole JPEG 2000, JPEG or PNG image",
    "portrait_size": "the portrait has too few or too many pixels, or its file is too large",
    "finger_position": "a finger file is not named after its ISO position, 1 to 10",
    "finger_repeated": "two files for one finger, or the same template for two fingers",
    "finger_conflict": "a finger noted as missing has a template",
    "finger_undescribed": "an .xyt template without its resolution and image height",
    "unreadable_finger": "a finger file is too large or not a whole template of a known format",
    "poor_finger": "too few minutiae in a finger, so that too few usable fingers remain",
    "too_few_fingers": "fewer fingers than a search needs",
}
"""Reasons found by looking at the dossier alone; as errors they reject it."""

WARNINGS = {
    "unknown_field": "a field that the schema does not know; it is ignored",
    "unknown_file": "a file or folder that the layout does not know; it is ignored",
    "text_not_nfc": "a text that is not in Unicode normal form C; it is normalised",
    "birthplace_code_unverified": "the number's place code may be a country's; those codes cannot be verified",
    "text_spaces": "a text with spaces at an end or doubled; they are taken out",
    "expiry_not_by_rule": "the given expiry date is not the one the renewal ages give; the given one is used",
    "weak_finger": "a finger with too few minutiae to count; the others are enough",
    "several_views": "a finger file with more than one view; the first is used",
    "position_differs": "a finger file whose own position is not that of its name; the name counts",
    "portrait_converted": "the portrait is converted to JPEG 2000 for the chip",
}
"""Named, and nothing more: a dossier with warnings alone is issued."""

REGISTER_REASONS = {
    "already_issued": "this dossier's card was issued by an earlier run over the same gallery",
    "dossier_changed": "a dossier of this id was accepted earlier with other contents",
    "number_repeated": "an earlier dossier of the batch has this number, and the fingers are not the same person's",
    "number_taken": "the number belongs to someone already in the register, and the fingers are not the same person's",
}
"""Reasons found by looking at the register of issued cards."""

REVIEW_REASONS = {
    "possible_duplicate": "the search found someone alike, not surely enough to decide without a person's eye",
    "own_record_mismatch": "an exchange or reissue whose fingers do not match the record of its number",
    "not_searchable": "no finger could be captured, so nobody can say whether the person is enrolled already",
}

FAILURES = {
    "batch_changed": "the dossier's files are not those that were checked",
    "card_waiting": "no card could be had, or it kept leaving the reader; nothing is lost and nothing wrong",
    "card_failed": "the card could not be written or did not prove itself; see the error",
    "build_failed": "the chip's files could not be made; see the error",
    "in_other_run": "another unfinished run over the same gallery holds this dossier (see evidence): finish that one, "
    "or where its folder is lost take it over",
}
"""Of the state `failed`, the only final state that the next run tries again."""


def order(reason: str) -> int:
    """The place of a check reason in the order of precedence."""
    return _ORDER.get(reason, len(_ORDER))


_ORDER = {reason: place for place, reason in enumerate(CHECK_REASONS)}


@dataclasses.dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong (or odd) with one dossier. `facts` hold no personal data."""

    dossier_id: str
    field: str
    reason: str
    severity: Severity = "error"
    facts: dict[str, Fact] = dataclasses.field(default_factory=dict)

    def as_dict(self) -> dict[str, object]:
        return {
            "dossier": self.dossier_id,
            "field": self.field,
            "reason": self.reason,
            "severity": self.severity,
            "facts": self.facts,
        }


def principal(problems: list[Problem]) -> str | None:
    """The reason under which the report counts a dossier: the first error by precedence; None where it has no error."""
    reasons = [problem.reason for problem in problems if problem.severity == "error"]
    return min(reasons, key=order) if reasons else None
