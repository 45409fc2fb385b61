"""What lies beside templates in a folder and is none: the one rule by which every reader of a folder passes it over.

A file is passed over by its name (hidden, a backup), by an ending that no template has, or by what its bytes say that
it is; but, other than a backup, never where a template stands in it. What may be a template is none of these: whoever
reads it says what is wrong with it.
"""

from __future__ import annotations

import re
from pathlib import PurePath

from cccd_core.errors import FormatError
from cccd_core.templates.detect import is_xyt
from cccd_core.templates.identify import IMAGE_ENDINGS, OTHER_ENDINGS, UNREAD_39794_2, identify, signature_of, surely
from cccd_core.templates.nist_file import prints_alone
from cccd_core.templates.unwrap import unwrap
from cccd_core.templates.unwrap_binary import RECORD, cbeff

MAX_IMAGE_BYTES = 64 << 20  # of a file that may be one
FOLDER = "a folder"
LINK = "a link or a device"
HIDDEN = "a hidden file"
BACKUP = "a backup"
IMAGE = "an image"
PRINTS = "a fingerprint image, ANSI/NIST-ITL"  # or several of them, and no minutiae
PRINTS_HEAD_BYTES = 8192  # enough to tell whether a file may be one
SYSTEM_FILE = "a system file"

TEMPLATE_ENDINGS = frozenset(
    {".fmr", ".fmd", ".xyt", ".ist", ".iso", ".ansi", ".bin", ".dat", ".an2", ".nist", ".eft", ".itl", ".min", ".tpl"}
)  # fmt: skip
_BACKUP_ENDINGS = frozenset({".bak", ".old", ".orig", ".save", ".tmp", ".temp", ".swp", ".part", ".crdownload"})
_SYSTEM_ENDINGS = frozenset({".db", ".ini", ".lnk"})
_TRACE = re.compile(rb"FMR\x00|Rk1S|464d5200", re.IGNORECASE)  # of a record that is broken


def passed_over_by_name(name: str) -> str:
    """What a file is that is passed over unopened, whatever is in it; "" for any other."""
    if name.startswith("."):
        return HIDDEN
    is_backup = name.endswith("~") or name.startswith(("~", "#")) or ending_of(name) in _BACKUP_ENDINGS
    return BACKUP if is_backup else ""


def instead(name: str, data: bytes, *, numbers: bool = True) -> str:
    """What a file of this name and content is where it is no template; "" where it is one or may be one, broken ones
    included. `numbers`: lines of numbers are a template (.xyt) under the ending of a note, too. Linear in its length;
    the first bytes alone are enough for a file that is too large to be a template."""
    if data.startswith(RECORD):
        return ""
    ending = ending_of(name)
    is_other = ending in OTHER_ENDINGS
    signature = signature_of(data)
    if is_other or signature is not None or (ending not in TEMPLATE_ENDINGS and surely(data) == "text"):
        if (numbers or not is_other) and is_xyt(data):
            return ""
        what = _what(ending, signature, data)
        return "" if _holds_record(data) or what in UNREAD_39794_2 else what
    return "an empty file" if not data and ending not in TEMPLATE_ENDINGS else ""


def prints_instead(data: bytes) -> str:
    """`PRINTS` for an ANSI/NIST-ITL file of prints without minutiae, which `instead` takes for a template's file; ""
    for any other. Linear in its length where it is an ANSI/NIST-ITL file."""
    return PRINTS if prints_alone(data) else ""


def is_image(what: str) -> bool:
    """Whether what `instead` says is an image."""
    return what.startswith((IMAGE, "a fingerprint image"))


def is_system(what: str) -> bool:
    """Whether nobody put it there: a hidden file, or what a file manager leaves."""
    return what in (HIDDEN, SYSTEM_FILE)


def ending_of(name: str) -> str:
    """The ending of a name in lower case, with its dot."""
    return PurePath(name).suffix.lower()


def _what(ending: str, signature: str | None, data: bytes) -> str:
    if ending in _SYSTEM_ENDINGS:
        return SYSTEM_FILE
    if signature is not None:
        return signature
    return IMAGE if ending in IMAGE_ENDINGS else identify(data)


def _holds_record(data: bytes) -> bool:
    """Whether a record comes out of its wrappers, or would, were it not broken."""
    try:
        return any(each.is_record for each in unwrap(data)) or cbeff(data) is not None
    except FormatError:
        return _TRACE.search(data) is not None
