"""A batch as a folder of dossiers.

A batch is hostile. Nothing outside its folder is ever opened: every file is opened relative to its dossier's open
folder, links refused, and only plain files of bounded size are read.
"""

from __future__ import annotations

import os
from collections.abc import Container, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from cccd_core.errors import Fact
from cccd_core.intake.finger_files import Wrong, WrongFile, read_finger_folder, said, short, unplaced_number
from cccd_core.issuance.dossiers import schema
from cccd_core.issuance.dossiers.dossier import decode, valid_id
from cccd_core.issuance.dossiers.policy import CheckPolicy
from cccd_core.issuance.dossiers.raw import FingerFile, RawDossier, shown_id
from cccd_core.issuance.dossiers.reasons import DossierError, Fault, Oddity, Problem, Severity
from cccd_core.plain import Json
from cccd_core.printable import shown
from cccd_core.storage.bounded import LINK_ERRORS, BoundError, Trouble, read_bounded
from cccd_core.storage.faults import file_error

FINGERS_FOLDER = "fingers"
DOSSIER_FILE = "dossier.json"


@dataclass(slots=True)
class FolderBatch:
    """`BATCH/<dossier id>/dossier.json`, `.../fingers/<position>.<suffix>`, `.../portrait.<suffix>`; fingers of unknown
    position are `0.<suffix>`, `0-1.<suffix>`, ..."""

    path: Path
    policy: CheckPolicy
    _names: dict[str, str] = field(init=False)  # id -> folder

    def __post_init__(self) -> None:
        try:
            with os.scandir(self.path) as entries:
                # Loose files of an operator are no dossiers; folders and links are.
                names = sorted(
                    entry.name
                    for entry in entries
                    if (entry.is_symlink() or entry.is_dir(follow_symlinks=False)) and not entry.name.startswith(".")
                )
        except OSError as error:
            raise file_error("the batch cannot be read", error, path=str(self.path)) from None
        self._names = {shown_id(name): name for name in names}

    def ids(self) -> list[str]:
        return list(self._names)

    def read(self, wanted: Container[str] | None = None) -> Iterator[RawDossier]:
        for dossier_id, name in self._names.items():
            if wanted is None or dossier_id in wanted:
                yield self._read(dossier_id, name)

    def _read(self, dossier_id: str, name: str) -> RawDossier:
        reader = _FolderReader(dossier_id, self.policy)
        if not valid_id(name):
            reader.error("dossier_id", Fault.DOSSIER_ID)
            return reader.result()
        try:
            folder = os.open(self.path / name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        except OSError as error:
            reader.error("", Fault.UNSAFE_PATH if error.errno in LINK_ERRORS else Fault.DOSSIER_UNREADABLE)
            return reader.result()
        try:
            reader.read(folder)
        finally:
            os.close(folder)
        return reader.result()


class _FolderReader:
    """Reads one dossier's folder through its open descriptor."""

    def __init__(self, dossier_id: str, policy: CheckPolicy) -> None:
        self.dossier_id = dossier_id
        self.policy = policy
        self.problems: list[Problem] = []
        self.document: dict[str, Json] = {}
        self.source = b""
        self.fingers: dict[int, FingerFile] = {}
        self.images: dict[int, FingerFile] = {}
        self.portrait: bytes | None = None

    def error(self, where: str, reason: Fault | Oddity, **facts: Fact) -> None:
        self.problems.append(Problem(self.dossier_id, where, reason, Severity.ERROR, facts))

    def warn(self, where: str, reason: Oddity, **facts: Fact) -> None:
        self.problems.append(Problem(self.dossier_id, where, reason, Severity.WARNING, facts))

    def result(self) -> RawDossier:
        return RawDossier(
            self.dossier_id, self.document, self.fingers, self.portrait, tuple(self.problems), self.source, self.images
        )

    def read(self, folder: int) -> None:
        names = self._list(folder, "")
        portraits = []
        for name in names:
            stem, _, suffix = name.rpartition(".")
            if name == DOSSIER_FILE:
                self._document(folder)
            elif name == FINGERS_FOLDER:
                self._finger_folder(folder)
            elif stem == "portrait" and suffix.lower() in schema.PORTRAIT_SUFFIXES:
                portraits.append(name)
            elif not name.startswith("."):
                self.warn(short(name), Oddity.UNKNOWN_FILE)
        if DOSSIER_FILE not in names:
            self.error(DOSSIER_FILE, Fault.DOSSIER_UNREADABLE, why="missing")
        if len(portraits) > 1:
            self.error("portrait", Fault.PORTRAIT_REPEATED, count=len(portraits))
        elif portraits:
            most = self.policy.max_portrait_bytes
            self.portrait = self._file(
                folder, portraits[0], "portrait", most, Fault.PORTRAIT_SIZE, Fault.PORTRAIT_UNREADABLE
            )

    def _list(self, folder: int, where: str) -> list[str]:
        names: list[str] = []
        with os.scandir(folder) as entries:
            for entry in entries:
                names.append(entry.name)
                if len(names) > self.policy.max_files:
                    self.error(where, Oddity.UNKNOWN_FILE, most=self.policy.max_files)
                    break
        return sorted(names)

    def _document(self, folder: int) -> None:
        data = self._file(
            folder,
            DOSSIER_FILE,
            DOSSIER_FILE,
            self.policy.max_dossier_bytes,
            Fault.DOSSIER_UNREADABLE,
            Fault.DOSSIER_UNREADABLE,
        )
        if data is None:
            return
        self.source = data
        try:
            self.document = decode(data)
        except DossierError as error:
            self.error(DOSSIER_FILE, error.fault, **error.facts)

    def _finger_folder(self, parent: int) -> None:
        try:
            folder = os.open(FINGERS_FOLDER, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=parent)
        except OSError as error:
            self.error(FINGERS_FOLDER, Fault.UNSAFE_PATH if error.errno in LINK_ERRORS else Fault.UNREADABLE_FINGER)
            return
        try:
            found = read_finger_folder(
                folder,
                most_files=self.policy.max_files,
                most_bytes=self.policy.max_finger_bytes,
                unplaced=True,
                most_image_bytes=self.policy.max_image_bytes,
            )
        finally:
            os.close(folder)
        for files, entries in ((self.fingers, found.fingers), (self.images, found.images)):
            for each in entries:
                suffix = each.name.partition(".")[2]
                place = each.position or -unplaced_number(each.name)
                if place in files:  # of unknown position: the others were told apart where they were read
                    self.error(f"{FINGERS_FOLDER}/{short(each.name)}", Fault.FINGER_REPEATED, position=0)
                else:
                    files[place] = FingerFile(shown(each.name), suffix.lower(), each.data)
        for name, what in found.passed_over:
            self.warn(f"{FINGERS_FOLDER}/{name}", Oddity.UNKNOWN_FILE, what=what)
        for wrong in found.wrong:
            self._wrong_finger(wrong)
        if found.nothing_read:
            self.error(
                FINGERS_FOLDER,
                Fault.UNREADABLE_FINGER,
                why="no file is a template or an image",
                files=said(found.counts()),
            )

    def _wrong_finger(self, wrong: WrongFile) -> None:
        where = f"{FINGERS_FOLDER}/{wrong.name}" if wrong.name else FINGERS_FOLDER
        if wrong.what is Wrong.TOO_MANY:
            self.error(where, Oddity.UNKNOWN_FILE, most=self.policy.max_files)
        elif wrong.what is Wrong.NO_POSITION:
            self.error(where, Fault.FINGER_POSITION)
        elif wrong.what is Wrong.REPEATED:
            self.error(where, Fault.FINGER_REPEATED, position=wrong.position)
        else:
            unsafe = isinstance(wrong.error, BoundError) and wrong.error.trouble is Trouble.UNSAFE_PATH
            fault = Fault.UNSAFE_PATH if unsafe else Fault.UNREADABLE_FINGER
            self.error(where, fault, position=wrong.position, **wrong.error.facts)

    def _file(
        self, folder: int, name: str, where: str, most: int, too_large: Fault, unreadable: Fault, **facts: Fact
    ) -> bytes | None:
        try:
            return read_bounded(folder, name, most)
        except BoundError as error:
            fault = {Trouble.TOO_LARGE: too_large, Trouble.UNREADABLE: unreadable}.get(error.trouble, Fault.UNSAFE_PATH)
            self.error(where, fault, **facts, **error.facts)
            return None
