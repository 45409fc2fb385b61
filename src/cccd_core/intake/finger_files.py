"""The finger files of one person's folder, `<position>.<suffix>`: read whole, and what lies beside them passed over.

Nothing is believed: the folder is open already, links are refused, and only plain files of bounded size are read.
"""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Final

from cccd_core.errors import CccdError, FormatError
from cccd_core.printable import shown
from cccd_core.storage.bounded import BoundError, Trouble, read_bounded, read_head
from cccd_core.templates.beside import FOLDER, LINK, ending_of, instead, is_image, is_system, passed_over_by_name
from cccd_core.templates.identify import OTHER_ENDINGS

_POSITION: Final = re.compile(r"0?[1-9]|10")
_UNPLACED: Final = re.compile(r"0(?:-[0-9]{1,3})?")
_HEAD_BYTES: Final = 4096
_SHOWN: Final = 64  # characters of a name


class Wrong(Enum):
    """What is wrong with a file that may be a finger."""

    TOO_MANY = 1  # files in the folder
    NO_POSITION = 2
    REPEATED = 3  # position
    NOT_READ = 4  # a BoundError


@dataclass(frozen=True, slots=True)
class FingerEntry:
    """A file that may be a template: its name as it is on the disk, its position (0: unknown), its bytes."""

    name: str
    position: int
    data: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class WrongFile:
    """A file that may be a finger and cannot be taken; `name` as it is shown, "" for the folder itself."""

    name: str
    position: int
    what: Wrong
    error: CccdError


@dataclass(slots=True)
class FingerFolder:
    """What a folder holds: fingers by position and name, what is wrong with others, and what was passed over: name as
    it is shown, and what it is."""

    fingers: list[FingerEntry] = field(default_factory=list)
    wrong: list[WrongFile] = field(default_factory=list)
    passed_over: list[tuple[str, str]] = field(default_factory=list)

    @property
    def nothing_read(self) -> bool:
        """Whether somebody put something there, and none of it may be a finger."""
        return not self.fingers and not self.wrong and any(not is_system(what) for _, what in self.passed_over)

    def counts(self) -> Counter[str]:
        """How many files of what were passed over."""
        return Counter(what for _, what in self.passed_over)


def said(counts: Mapping[str, int]) -> str:
    """What was passed over, in words: "2 images, 1 folder, 3 other files"."""
    images = sum(count for what, count in counts.items() if is_image(what))
    folders = counts.get(FOLDER, 0)
    others = sum(counts.values()) - images - folders
    named = ((images, "image"), (folders, "folder"), (others, "other file"))
    return ", ".join(f"{count:,} {what}{'s' if count > 1 else ''}" for count, what in named if count)


def read_finger_folder(folder: int, *, most_files: int, most_bytes: int, unplaced: bool) -> FingerFolder:
    """Reads the open folder of one person; `unplaced`: fingers of unknown position (0, 0-1, 0-2, ...) are fingers too.

    Two files of one position are wrong where both may be templates. Raises nothing for what is in the folder.
    """
    found = FingerFolder()
    names: list[tuple[str, bool]] = []
    with os.scandir(folder) as entries:
        for entry in entries:
            if len(names) >= most_files:
                too_many = FormatError("too many files", most=most_files)
                found.wrong.append(WrongFile("", 0, Wrong.TOO_MANY, too_many))
                break
            names.append((entry.name, entry.is_dir(follow_symlinks=False)))
    taken: set[int] = set()
    for name, is_folder in _by_position(names):
        position = _position_of(name, unplaced)
        what = FOLDER if is_folder else passed_over_by_name(name)
        if what:
            found.passed_over.append((short(name), what))
            continue
        try:
            data = read_bounded(folder, name, most_bytes)
        except BoundError as error:
            what = _unread(folder, name, position, error.trouble)
            if what:
                found.passed_over.append((short(name), what))
            else:
                wrong = Wrong.NOT_READ if position is not None else Wrong.NO_POSITION
                found.wrong.append(WrongFile(short(name), position or 0, wrong, error))
            continue
        what = instead(name, data)
        if what:
            found.passed_over.append((short(name), what))
        elif position is None:
            unnamed = FormatError(f"the name says no finger position, {0 if unplaced else 1} to 10")
            found.wrong.append(WrongFile(short(name), 0, Wrong.NO_POSITION, unnamed))
        elif position in taken:
            second = FormatError("two files of one finger", position=position)
            found.wrong.append(WrongFile(short(name), position, Wrong.REPEATED, second))
        else:
            found.fingers.append(FingerEntry(name, position, data))
            taken |= {position} - {0}
    return found


def short(name: str) -> str:
    """A file's name as it is shown, and not too long."""
    return shown(name[:_SHOWN])


def _unread(folder: int, name: str, position: int | None, trouble: Trouble) -> str:
    """What a file is, of which no template can be read; "" where it ought to be a finger."""
    if trouble is Trouble.UNSAFE_PATH and position is None and ending_of(name) in OTHER_ENDINGS:
        return LINK
    if trouble is not Trouble.TOO_LARGE:
        return ""
    try:
        return instead(name, read_head(folder, name, _HEAD_BYTES))
    except BoundError:
        return ""


def _position_of(name: str, unplaced: bool) -> int | None:
    """The position that a name says, 0 for one that is not known; None where it says none."""
    stem = name.partition(".")[0]
    if _POSITION.fullmatch(stem):
        return int(stem)
    return 0 if unplaced and _UNPLACED.fullmatch(stem) else None


def _by_position(names: Iterable[tuple[str, bool]]) -> list[tuple[str, bool]]:
    return sorted(names, key=lambda each: (_position_of(each[0], True) or 0, each[0]))
