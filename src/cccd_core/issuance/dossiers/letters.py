"""Which signs a name or a text of a dossier is written with: one look, one code point.

A card's texts are Vietnamese: Latin letters with their marks. A letter that is printed like another one and is not it
(Ð, U+00D0, for Đ, U+0110; Cyrillic, Greek and full-width letters for Latin ones; D with a stroke laid over it) would
land on the chip, and nobody who looks for the name would find it. So every letter is one of a closed set, and what is
not is named by its code point.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from typing import Final

from cccd_core.errors import Fact

_SIGNS_OF_NAMES: Final = frozenset(" -'’.")

# What is no basic letter with marks: Đ, and ƀ of the Ê Đê, Gia Rai and M'Nông; the others stand in names of foreign
# parents and are letters of Doc 9303-3 clause 6, table A, that are printed like no other one.
_OTHER_LETTERS: Final = frozenset("ĐđɃƀÆæØøŒœŁłŊŋĦħŦŧÞþẞßƏə")

# Grave, acute, circumflex, tilde, breve, hook above, horn, dot below: some letters of the languages of Vietnam have no
# code point of their own (ê̆).
_MARKS: Final = frozenset("\u0300\u0301\u0302\u0303\u0306\u0309\u031b\u0323")
_MOST_MARKS: Final = 2  # of one letter, beside those that it has itself

_MEANT: Final = {"Ð": "Đ", "ð": "đ", "Ɖ": "Đ", "ɖ": "đ", "ı": "i", "ȷ": "j", "ĸ": "k", "ǀ": "l", "ǃ": "!"}


def odd_sign(text: str, *, name: bool) -> Mapping[str, Fact] | None:
    """The first sign that does not belong in a name, or in any other text: `position`, `character` as U+XXXX, `why`,
    and, where it is known, which one is `meant`. None where there is none. `text` is in normal form C."""
    marks = 0
    for position, sign in enumerate(text):
        why = _why(sign, name)
        if unicodedata.category(sign).startswith("M"):
            marks += 1
            if why is None and (marks > _MOST_MARKS or position < marks or not text[position - marks].isalpha()):
                why = "a mark without a letter, or too many of them"
        else:
            marks = 0
        if why is not None:
            meant = _meant(sign)
            facts: dict[str, Fact] = {"why": why, "position": position, "character": _code(sign)}
            return facts if meant is None else {**facts, "meant": meant}
    return None


def _why(sign: str, name: bool) -> str | None:
    category = unicodedata.category(sign)
    if category.startswith("M"):
        return None if sign in _MARKS else "a mark that no letter here has"
    if category.startswith("L"):
        if _is_letter(sign):
            return None
        return "a letter that is printed like another" if _meant(sign) is not None else "no letter of a name or text"
    if name:
        return None if sign in _SIGNS_OF_NAMES else "a sign that no name has"
    if category == "Nd" and not sign.isascii():
        return "a digit that is printed like another"
    return None


def _is_letter(sign: str) -> bool:
    base = unicodedata.normalize("NFD", sign)[0]
    return sign in _OTHER_LETTERS or (base.isascii() and base.isalpha())


def _meant(sign: str) -> str | None:
    """The code points of what a sign looks like, where that is known."""
    known = _MEANT.get(sign) or unicodedata.normalize("NFKC", sign)
    if known == sign:
        digit = unicodedata.digit(sign, None)
        known = sign if digit is None else f"{digit}"
    return None if known == sign else " ".join(map(_code, known))


def _code(sign: str) -> str:
    return f"U+{ord(sign):04X}"
