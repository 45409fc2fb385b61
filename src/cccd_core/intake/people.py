"""People to be enrolled, as folders or Parquet files: read one by one, nothing believed.

    DIR/PERSON/2.fmr          a finger by its position, 1 to 10, in any template format; several of unknown position
    DIR/PERSON/0-1.xyt        as 0.<suffix>, 0-1.<suffix>, ...
    DIR/PERSON/7.wsq          or the image of a finger, from which minutiae are extracted
    DIR/anything.parquet      or rows: person_id, finger_1 ... finger_10 (bytes), unplaced (a list of bytes)

A person of whom a file cannot be read is named and left out, the others go on. Only plain files of bounded size are
opened, links refused. An image beside a template of the same finger is passed over.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import repeat
from pathlib import Path
from typing import Final, TypeAlias

from cccd_core import runtime
from cccd_core.dedup.person import EnrolledPerson, is_identifier
from cccd_core.errors import CccdError, FileError, FormatError, ParameterError, UnavailableError
from cccd_core.intake import people_rows
from cccd_core.intake.finger_files import read_finger_folder, said, short
from cccd_core.plain import JsonObject
from cccd_core.storage.bounded import LINK_ERRORS
from cccd_core.storage.faults import file_error
from cccd_core.templates import FingerTemplate, TemplateRecord, Tenprint, read, strongest, write
from cccd_core.templates.beside import MAX_IMAGE_BYTES, instead, is_image
from cccd_core.templates.nist_file import begins, opened, prints_alone

FINGER_BYTES_MOST: Final = 64 << 10  # of one finger's template, and of what comes out of its wrappers
_BESIDE: Final = "an image beside a template of its finger"
FILES_MOST: Final = 64  # in one person's folder
MINUTIAE_MOST: Final = 255  # what a gallery's records hold

Finger: TypeAlias = tuple[str, int, bytes]  # file or column, position or 0, bytes


@dataclass(frozen=True, slots=True)
class Described:
    """What template files do not say themselves: see `templates.read`."""

    format: str | None = None
    dpi: float | None = None
    height_px: int | None = None
    width_px: int | None = None


@dataclass(frozen=True, slots=True)
class Unread:
    """A person who is left out: under which name, which file or column of theirs it was ("" for the folder or row
    itself), and why."""

    person_id: str
    file: str
    error: CccdError

    def as_dict(self) -> JsonObject:
        """JSON-ready."""
        return {"person_id": self.person_id, "file": self.file, **self.error.as_dict()}


Read: TypeAlias = EnrolledPerson | Unread


class People:
    """The people of a folder or a Parquet file, in the order of their names (folders) or as they stand there (Parquet).

    `fingerless`: a person without any finger is one, and no mistake. Iterated again it begins anew. FileError where the
    folder or file cannot be read, is neither, or is damaged; UnavailableError for an image without the extra that
    brings the extractor; what else is wrong with one person is an Unread.
    """

    def __init__(self, path: Path, described: Described | None = None, *, fingerless: bool = False) -> None:
        self.path = path
        self._described = Described() if described is None else described
        self._least = 0 if fingerless else 1
        self.passed_over: Counter[str] = Counter()
        """How many files of what lay beside the fingers of those read so far: see `finger_files.said`."""
        self._folders, self._files = _found(path)
        self._count = len(self._folders) + sum(people_rows.count(file) for file in self._files)

    def __len__(self) -> int:
        """How many people there are, the unreadable ones included."""
        return self._count

    def __iter__(self) -> Iterator[Read]:
        self.passed_over.clear()
        for name in self._folders:
            yield self._read(name, short(name), _fingers_in(self.path / name, self.passed_over))
        for file in self._files:
            for number, (stated, fingers) in enumerate(people_rows.rows(file)):
                known = isinstance(stated, str) and is_identifier(stated)
                yield self._read(stated, str(stated) if known else f"{file.name}, row {number}", _cells(fingers))

    def _read(self, name: object, shown: str, fingers: Iterator[Finger]) -> Read:
        try:
            return _person(name, fingers, self._described, self._least)
        except _NamedError as error:
            return Unread(shown, error.file, error.error)


def read_person(
    folder: Path,
    described: Described | None = None,
    *,
    fingerless: bool = False,
    passed_over: Counter[str] | None = None,
) -> EnrolledPerson:
    """The person of one folder `PERSON/<position>.<suffix>`, under the folder's name; `fingerless` as in `People`. What
    lay beside the fingers is counted in `passed_over`.

    The error of the first file that is no finger, with the folder as `path` and the file's name as `file`: FormatError,
    ParameterError, FileError where it cannot be read, or UnavailableError for an image that nothing here extracts from.
    """
    path = folder if folder.name not in ("", "..") else folder.resolve()
    try:
        fingers = _fingers_in(path, Counter() if passed_over is None else passed_over)
        return _person(path.name, fingers, Described() if described is None else described, 0 if fingerless else 1)
    except _NamedError as error:
        raise error.error.with_facts(path=str(folder), file=error.file) from None


def person_of(person_id: str, fingers: Iterable[Finger], described: Described) -> EnrolledPerson:
    """The person of these fingers, of which there is one at least. Errors as `read_person`."""
    try:
        return _person(person_id, iter(fingers), described, 1)
    except _NamedError as error:
        raise error.error.with_facts(file=error.file) from None


def finger_files(folder: Path, described: Described, passed_over: Counter[str] | None = None) -> list[Finger]:
    """The finger files of one person's folder as they are, unread; of an image the record of its minutiae. Errors as
    `read_person`."""
    found: list[Finger] = []
    try:
        for file, position, data in _fingers_in(folder, Counter() if passed_over is None else passed_over):
            if _is_print(data, described):
                view = _read_one((file, position, data), True, described)
                data = write(TemplateRecord("iso-2005", (view,)), "iso-2005")
            found.append((file, position, data))
    except UnavailableError as error:
        raise error.with_facts(path=str(folder)) from None
    except _NamedError as error:
        raise error.error.with_facts(path=str(folder), file=error.file) from None
    return found


class _NamedError(Exception):
    """What is wrong with a person, and which file or column of theirs it is."""

    def __init__(self, file: str, error: CccdError) -> None:
        super().__init__(file)
        self.file = file
        self.error = error


def _person(name: object, fingers: Iterator[Finger], described: Described, least: int) -> EnrolledPerson:
    if not isinstance(name, str) or not is_identifier(name):
        raise _NamedError("", FormatError("a person's name has 1 to 64 characters, none of them a control character"))
    placed: dict[int, FingerTemplate] = {}
    unplaced: list[FingerTemplate] = []
    given = list(fingers)
    prints = [_is_print(data, described) for _, _, data in given]
    with ThreadPoolExecutor(max(1, min(sum(prints), runtime.threads()))) as pool:
        # an image takes a tenth of a second and more, a template nothing to speak of
        read_all = pool.map if sum(prints) > 1 else map
        templates = read_all(_read_one, given, prints, repeat(described))
        for (file, position, _), template in zip(given, templates, strict=True):
            if position and position in placed:
                raise _NamedError(file, FormatError("two files of one finger", position=position))
            if position:
                placed[position] = template
            else:
                unplaced.append(template)
    if len(placed) + len(unplaced) < least:
        raise _NamedError("", FormatError("there is no finger"))
    try:
        return EnrolledPerson(name, Tenprint(placed), tuple(unplaced))
    except ParameterError as error:
        raise _NamedError("", error) from None


def _read_one(finger: Finger, is_print: bool, described: Described) -> FingerTemplate:
    """The template of a finger; of several views the one of its position; of a print what is extracted from it.

    More than 255 minutiae, which no gallery keeps, are brought to the 255 strongest. _NamedError; UnavailableError for
    an image without the extra that brings the extractor. Cost of an image: an extraction.
    """
    file, position, data = finger
    try:
        view = (_extracted if is_print else _view)(data, position, described)
        return replace(strongest(view, MINUTIAE_MOST), position=position, view=0)
    except UnavailableError as error:  # nobody's finger is at fault
        raise error.with_facts(file=file) from None
    except CccdError as error:
        raise _NamedError(file, error) from None


def _extracted(data: bytes, position: int, described: Described) -> FingerTemplate:
    # its models are loaded where there are images alone
    from cccd_core.extraction import ImageReader

    return ImageReader.shared().read(data, dpi=described.dpi, position=position).template


def _view(data: bytes, position: int, described: Described) -> FingerTemplate:
    record = read(
        opened(data), format=described.format, dpi=described.dpi, height_px=described.height_px,
        width_px=described.width_px, most_bytes=FINGER_BYTES_MOST,
    )  # fmt: skip
    return record.view if len(record.views) == 1 else record.select(position=position)


def _is_print(data: bytes, described: Described) -> bool:
    """Whether it is an image, or a file of prints without minutiae, and nobody says otherwise."""
    if described.format is not None:
        return False
    return is_image(instead("", data)) or bool(prints_alone(data))


def _found(path: Path) -> tuple[list[str], list[Path]]:
    """The names of people's folders, and the Parquet files; other files are none of a person."""
    if path.suffix.lower() == people_rows.SUFFIX and path.is_file():
        return [], [path]
    folders: list[str] = []
    files: list[Path] = []
    try:
        with os.scandir(path) as entries:
            for entry in entries:
                if entry.name.startswith("."):
                    continue
                if entry.is_symlink() or entry.is_dir(follow_symlinks=False):
                    folders.append(entry.name)
                elif entry.name.lower().endswith(people_rows.SUFFIX):
                    files.append(path / entry.name)
    except OSError as error:
        raise file_error("the people cannot be read", error, path=str(path)) from None
    return sorted(folders), sorted(files)


def _fingers_in(path: Path, passed_over: Counter[str]) -> Iterator[Finger]:
    """(file, position, bytes) of a person's folder, by position; 0 is unknown. What lies beside is counted."""
    try:
        folder = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError as error:
        why = "a link, or no folder" if error.errno in LINK_ERRORS else error.strerror or ""
        raise _NamedError("", FileError("the person's folder cannot be read", why=why)) from None
    try:
        found = read_finger_folder(
            folder,
            most_files=FILES_MOST,
            most_bytes=FINGER_BYTES_MOST,
            unplaced=True,
            most_image_bytes=MAX_IMAGE_BYTES,
        )
    finally:
        os.close(folder)
    passed_over.update(found.counts())
    for wrong in found.wrong:
        raise _NamedError(wrong.name, wrong.error)
    if found.nothing_read:
        raise _NamedError("", FormatError("no file of the folder is a template", files=said(found.counts())))
    taken = {each.position for each in found.fingers} - {0}
    beside = sum(each.position in taken for each in found.images)
    passed_over.update({_BESIDE: beside} if beside else {})
    images = [each for each in found.images if each.position not in taken]
    for each in sorted([*found.fingers, *images], key=lambda one: one.position):
        yield short(each.name), each.position, each.data


def _cells(fingers: Iterable[tuple[str, int, object]]) -> Iterator[Finger]:
    """The fingers of a row, each of the right type and size."""
    for column, position, data in fingers:
        known = isinstance(data, bytes) and (is_image(instead("", data)) or begins(data))
        most = MAX_IMAGE_BYTES if known else FINGER_BYTES_MOST
        if not isinstance(data, bytes) or len(data) > most:
            raise _NamedError(column, FormatError("a finger is bytes, and not too many", most=most))
        yield column, position, data
