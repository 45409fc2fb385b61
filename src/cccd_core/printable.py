"""Text from outside (a path, a field's name) made harmless: the one way in which it stands in facts and on screens."""

from __future__ import annotations

import os
import re

_UNPRINTABLE = re.compile(r"[^ -~]")


def shown(text: str | os.PathLike[str]) -> str:
    r"""Text so that it does no harm where it is printed.

    What is not printable, line ends and the signs that turn the direction of writing included, stands as `\n`, `\x1b`
    or `\u202e`; a byte of a file name that is no UTF-8 as `\xff`. What is shown already stays as it is.
    """
    return _UNPRINTABLE.sub(lambda found: escaped(found[0]), os.fspath(text))


def escaped(sign: str) -> str:
    """One character as `shown` writes it."""
    if sign.isprintable():
        return sign
    if "\udc80" <= sign <= "\udcff":  # how Python carries a byte that is no UTF-8
        return f"\\x{ord(sign) - 0xDC00:02x}"
    return sign.encode("unicode_escape").decode("ascii")
