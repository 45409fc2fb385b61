"""The finger files of one person's folder, `<position>.<suffix>`: templates, and images where they are wanted, read
whole; what lies beside them is passed over.

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
from cccd_core.templates.beside import (
    FOLDER,
    LINK,
    PRINTS,
    PRINTS_HEAD_BYTES,
    ending_of,
    instead,
    is_image,
    is_system,
    passed_over_by_name,
    prints_instead,
)
from cccd_core.templates.identify import OTHER_ENDINGS
from cccd_core.templates.nist_file import begins

_POSITION: Final = re.compile(r"0?[1-9]|10")
_UNPLACED: Final = re.compile(r"0(?:-[0-9]{1,3})?")
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
    """What a folder holds: fingers by position and name, images of fingers the same where they were asked for, what is
    wrong with others, and what was passed over: name as it is shown, and what it is."""

    fingers: list[FingerEntry] = field(default_factory=list)
    images: list[FingerEntry] = field(default_factory=list)
    wrong: list[WrongFile] = field(default_factory=list)
    passed_over: list[tuple[str, str]] = field(default_factory=list)

    @property
    def nothing_read(self) -> bool:
        """Whether somebody put something there, and none of it may be a finger."""
        return not (self.fingers or self.images or self.wrong) and any(
            not is_system(what) for _, what in self.passed_over
        )

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


def read_finger_folder(
    folder: int, *, most_files: int, most_bytes: int, unplaced: bool, most_image_bytes: int = 0
) -> FingerFolder:
    """Reads the open folder of one person; `unplaced`: fingers of unknown position (0, 0-1, 0-2, ...) are fingers too.
    Images named after a position are taken where they may have any bytes; else they are passed over. An ANSI/NIST-ITL
    file of prints without minutiae is an image; one with minutiae, too, is a template and may be as large.

    Two files of one position are wrong where both may be templates, and two images where there is no template. Raises
    nothing for what is in the folder.
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
    images: dict[int, list[FingerEntry]] = {}
    unread: list[WrongFile] = []  # images
    for name, is_folder in _by_position(names):
        position = _position_of(name, unplaced)
        what = FOLDER if is_folder else passed_over_by_name(name)
        if what:
            found.passed_over.append((short(name), what))
            continue
        try:
            data = read_bounded(folder, name, most_bytes)
            what = instead(name, data) or (prints_instead(data) if most_image_bytes else "")
            image = is_image(what) and position is not None and 0 < len(data) <= most_image_bytes
        except BoundError as error:
            what = _unread(folder, name, position, error.trouble)
            image = is_image(what) and position is not None and most_image_bytes > 0
            if image:
                try:
                    data = read_bounded(folder, name, most_image_bytes)
                    if what == PRINTS and not prints_instead(data):  # minutiae are in it, too
                        what, image = "", False
                except BoundError as still:
                    unread.append(WrongFile(short(name), position or 0, Wrong.NOT_READ, still))
                    continue
            elif not what:
                wrong = Wrong.NOT_READ if position is not None else Wrong.NO_POSITION
                found.wrong.append(WrongFile(short(name), position or 0, wrong, error))
                continue
        if what and not image:
            found.passed_over.append((short(name), what))
        elif position is None:
            unnamed = FormatError(f"the name says no finger position, {0 if unplaced else 1} to 10")
            found.wrong.append(WrongFile(short(name), 0, Wrong.NO_POSITION, unnamed))
        elif image:
            images.setdefault(position, []).append(FingerEntry(name, position, data))
        elif position in taken:
            found.wrong.append(_repeated(name, position))
        else:
            found.fingers.append(FingerEntry(name, position, data))
            taken |= {position} - {0}
    for position, several in images.items():
        if len(several) == 1 or not position:
            found.images += several
        elif position in taken:  # which one is the finger's nobody can say, and the template does without
            found.passed_over += [(short(each.name), "an image, one of several of its finger") for each in several]
        else:
            found.images += several[:1]
            found.wrong += [_repeated(each.name, position) for each in several[1:]]
    for each in unread:
        if each.position in taken:
            found.passed_over.append((each.name, "an image, too large or not to be read"))
        else:
            found.wrong.append(each)
    return found


def _repeated(name: str, position: int) -> WrongFile:
    return WrongFile(short(name), position, Wrong.REPEATED, FormatError("two files of one finger", position=position))


def unplaced_number(name: str) -> int:
    """Which of the fingers of unknown position a file's name says: 3 of `0-3.fmr`, 0 of `0.fmr`."""
    return int(name.partition(".")[0].partition("-")[2] or 0)


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
        head = read_head(folder, name, PRINTS_HEAD_BYTES)
    except BoundError:
        return ""
    return instead(name, head) or (PRINTS if position is not None and begins(head) else "")


def _position_of(name: str, unplaced: bool) -> int | None:
    """The position that a name says, 0 for one that is not known; None where it says none."""
    stem = name.partition(".")[0]
    if _POSITION.fullmatch(stem):
        return int(stem)
    return 0 if unplaced and _UNPLACED.fullmatch(stem) else None


def _by_position(names: Iterable[tuple[str, bool]]) -> list[tuple[str, bool]]:
    return sorted(names, key=lambda each: (_position_of(each[0], True) or 0, each[0]))
