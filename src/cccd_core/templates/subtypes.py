"""Which finger a wrapper says that its record is of: the subtypes of CBEFF, in words and as a byte.

Sources: ISO/IEC 19785-3 (subtypes of the XML patron format), ISO/IEC 7816-11 (tag 82 of a template's header).
"""

from __future__ import annotations

import re

_FINGERS = ({"thumb"}, {"index", "pointer"}, {"middle"}, {"ring"}, {"little"})
_WORDS = re.compile("[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
_KNOWN = "left|right|thumb|index|pointer|middle|ring|little|finger"
_JOINED = re.compile(f"(?:{_KNOWN})+")


def finger_of(subtype: str) -> int:
    """The finger position of a CBEFF subtype ("Left IndexFinger", "RightThumb", "LEFT_INDEX", "left indexfinger"); 0
    for one that names none."""
    words = {part for word in _WORDS.findall(subtype) for part in _parts(word.lower())}
    sides = [offset for side, offset in (("right", 0), ("left", 5)) if side in words]
    fingers = [number for number, names in enumerate(_FINGERS, start=1) if words & names]
    return sides[0] + fingers[0] if len(sides) == len(fingers) == 1 else 0


def _parts(word: str) -> list[str]:
    """The names that are joined to a word; the word itself where it is not made of them alone."""
    return re.findall(_KNOWN, word) if _JOINED.fullmatch(word) else [word]


_TEMPLATE_HEADER = re.compile(rb"\x7f\x60(?:[\x00-\x7f]|\x81.|\x82..)\xa1([\x00-\x7f])", re.DOTALL)
_SUBTYPES = {side + 4 * finger: 5 * (side - 1) + finger for finger in range(1, 6) for side in (1, 2)}


def finger_of_header(header: bytes) -> int:
    """The finger that a template of ISO/IEC 7816-11 names: the subtype, tag 82, of its header A1; 0 for none."""
    return _SUBTYPES.get(_subtype(header), 0)


def names_no_finger(header: bytes) -> bool:
    """Whether such a header has a subtype, other than "no information", that is none of a finger."""
    return _subtype(header) not in (0, *_SUBTYPES)


def _subtype(header: bytes) -> int:
    every = list(_TEMPLATE_HEADER.finditer(header))
    if not every:
        return 0
    found = every[-1]  # that of the record which follows; another may be an image's
    offset, stop = found.end(), found.end() + found[1][0]
    while offset + 2 < min(stop, len(header)):
        tag, length = header[offset : offset + 2]
        if (tag, length) == (0x82, 1):
            return header[offset + 2]
        offset += 2 + length
    return 0
