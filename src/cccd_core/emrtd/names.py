"""Names in the machine readable zone: transliteration and truncation.

Doc 9303-3 clause 4.6 (convention for writing the name) and clause 6 (transliterations); Doc 9303-5 clause 4.2.3
(truncation in TD1).
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

from cccd_core.errors import ParameterError

MAX_CHARACTERS = 1000

# Doc 9303-3 clause 6, table A: the letters that are not a basic letter with marks, and those whose marks the table
# turns into a second letter; every other letter of the table is its basic letter. Vietnamese letters need only Đ. Ƀ,
# which the table lacks, is a letter of the Ê Đê, Gia Rai and M'Nông; Ǆ, Ǉ and Ǌ are two of its letters in one sign.
_LATIN = {
    "Đ": "D", "Ð": "D", "Ä": "AE", "Å": "AA", "Æ": "AE", "Ö": "OE", "Ø": "OE", "Ü": "UE", "ẞ": "SS", "Þ": "TH",
    "Ĳ": "IJ", "Œ": "OE", "Ł": "L", "Ŋ": "N", "ĸ": "Q", "Ħ": "H", "Ŧ": "T", "ı": "I", "Ŀ": "L", "ŉ": "N", "Ə": "E",
    "Ƀ": "B", "Ǆ": "DZ", "Ǉ": "LJ", "Ǌ": "NJ",
}  # fmt: skip

# Table B. What a language has otherwise stands below; the soft sign and the apostrophe of Ukrainian have no letter.
_CYRILLIC = {
    "А": "A", "Б": "B", "В": "V", "Г": "G", "Д": "D", "Е": "E", "Ж": "ZH", "З": "Z", "И": "I", "Й": "I", "К": "K",
    "Л": "L", "М": "M", "Н": "N", "О": "O", "П": "P", "Р": "R", "С": "S", "Т": "T", "У": "U", "Ф": "F", "Х": "KH",
    "Ц": "TS", "Ч": "CH", "Ш": "SH", "Щ": "SHCH", "Ъ": "IE", "Ы": "Y", "Ь": "", "Э": "E", "Ю": "IU", "Я": "IA",
    "Ё": "E", "Ђ": "D", "Є": "IE", "Ѕ": "DZ", "І": "I", "Ї": "I", "Ј": "J", "Љ": "LJ", "Њ": "NJ", "Ќ": "K", "Ў": "U",
    "Џ": "DZ", "Ѓ": "G", "Ћ": "C", "Ѫ": "U", "Ѵ": "Y", "Ґ": "G", "Ғ": "G", "Һ": "C",
}  # fmt: skip
_BY_LANGUAGE: dict[str, dict[str, str]] = {
    "be": {"Г": "H", "Ё": "IO"},
    "bg": {"Щ": "SHT"},
    "mk": {"Ќ": "KJ", "Џ": "DJ", "Х": "H", "Ц": "C", "Ѓ": "GJ"},
    "ru": {},
    "sr": {"Г": "H", "Ж": "Z", "Х": "H", "Ц": "C", "Ч": "C", "Ш": "S"},
    "uk": {"Г": "H", "И": "Y"},
}
_UKRAINIAN_FIRST = {"Є": "YE", "Ї": "YI", "Й": "Y", "Ю": "YU", "Я": "YA"}  # at the beginning of a word
LANGUAGES = frozenset(_BY_LANGUAGE)

_DROPPED = "'\u2018\u2019\u02bb\u02bc\u02be\u02bf\u2032\u00b4`.,·"


def transliterate(text: str, *, language: str | None = None) -> str:
    """`text` in the letters A to Z, with one `<` between its components.

    Diacritics are dropped, Đ becomes D; apostrophes, commas and dots vanish, and so does what is not seen (zero-width
    spaces, direction marks); spaces and hyphens become `<`. Latin letters are table A's. With `language` (ISO 639-1 be,
    bg, mk, ru, sr or uk) Cyrillic ones are table B's with that language's exceptions, and Latin ones are refused: a
    name is in one script, and letters of two look alike. ParameterError with the position of a character that has no
    transliteration here, never the character; and above 1000 characters.
    """
    if language is not None and language not in _BY_LANGUAGE:
        raise ParameterError("no transliteration for this language", language=language)
    table = _LATIN if language is None else _CYRILLIC | _BY_LANGUAGE[language]
    if len(text) > MAX_CHARACTERS:
        raise ParameterError("a name is too long", length=len(text), limit=MAX_CHARACTERS)
    letters: list[str] = []
    for position, character in enumerate(unicodedata.normalize("NFC", text).strip()):
        upper = "ẞ" if character == "ß" else character if character in table else character.upper()
        category = unicodedata.category(character)
        if category in ("Zs", "Pd"):
            letters.append("<")
        elif upper in _DROPPED or category in ("Mn", "Me", "Cf"):
            continue
        elif language == "uk" and upper in _UKRAINIAN_FIRST and (not letters or letters[-1] == "<"):
            letters.append(_UKRAINIAN_FIRST[upper])
        elif upper in table:
            letters.append(table[upper])
        else:
            base = "".join(c for c in unicodedata.normalize("NFD", upper) if not unicodedata.combining(c))
            if language is not None or not base.isascii() or not base.isalpha():
                raise ParameterError("a name holds a character without transliteration", position=position)
            letters.append(base)
    return "<".join(part for part in "".join(letters).split("<") if part)


def split_vietnamese(full_name: str) -> tuple[str, str]:
    """(primary, secondary) identifier of a Vietnamese name, transliterated: the family name stands first, all else is
    the secondary identifier. A name of one word has an empty secondary identifier.
    """
    primary, _, secondary = transliterate(full_name).partition("<")
    if not primary:
        raise ParameterError("a name without letters", field="full_name")
    return primary, secondary


def name_field(primary: str, secondary: str, width: int) -> str:
    """The name field of `width` characters: `primary<<secondary`, filled with `<`.

    A name that does not fit is truncated so that every component keeps its beginning (the longest components, those
    of the secondary identifier first, lose letters from their ends, down to initials) and the last position is a
    letter, which says that the name may be truncated (Doc 9303-5 clause 4.2.3). Components beyond what even initials
    leave room for are dropped from the end.
    """
    first, second = _components(primary), _components(secondary)
    if not first:
        raise ParameterError("a name without primary identifier", field="primary_identifier")
    whole = _join(first, second)
    if len(whole) <= width:
        return whole.ljust(width, "<")
    while len(second) > 1 and _shortest(first, second) > width:
        second.pop()
    while len(first) > 1 and _shortest(first, second) > width:
        first.pop()
    for group in (second, first):
        while (excess := len(_join(first, second)) - width) > 0:
            longest = max(range(len(group)), key=lambda i: (len(group[i]), i), default=0)
            if not group or len(group[longest]) == 1:
                break
            # Down to the next shorter one at most, so that equal lengths shrink in turn.
            others = max((len(part) for i, part in enumerate(group) if i != longest), default=1)
            cut = max(1, min(excess, len(group[longest]) - others))
            group[longest] = group[longest][:-cut]
    return _join(first, second)


def _components(identifier: str) -> list[str]:
    parts = [part for part in identifier.split("<") if part]
    for part in parts:
        if not part.isascii() or not part.isalpha() or not part.isupper():
            raise ParameterError("a name field holds the letters A to Z alone", field="name")
    return parts


def _join(first: Sequence[str], second: Sequence[str]) -> str:
    return "<".join(first) + ("<<" + "<".join(second) if second else "")


def _shortest(first: Sequence[str], second: Sequence[str]) -> int:
    return 2 * len(first) - 1 + (2 * len(second) + 1 if second else 0)
