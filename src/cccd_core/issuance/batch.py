"""A batch as the enrolment system handed it over: a folder of dossiers or one Parquet file. Imports pyarrow (inside the
Parquet reader), errors and the sibling modules of plain data.

A batch is hostile. Nothing outside its folder is ever opened: every file is opened relative to its dossier's open
folder, links refused, and only plain files of bounded size are read.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import stat
from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from cccd_core.errors import DossierError, Fact, FileError
from cccd_core.issuance import schema
from cccd_core.issuance.dossier import decode, valid_id
from cccd_core.issuance.limits import CheckPolicy
from cccd_core.issuance.reasons import Problem

FINGERS_FOLDER = "fingers"
DOSSIER_FILE = "dossier.json"


@dataclass(frozen=True, slots=True)
class FingerFile:
    """The bytes of one finger's template, with the suffix of its file (lower case, without the dot)."""

    name: str
    suffix: str
    data: bytes


@dataclass(frozen=True, slots=True)
class RawDossier:
    """One dossier as it came, nothing believed yet. `problems` are those of its files; `document` may be empty."""

    dossier_id: str
    document: Mapping[str, Any]
    fingers: Mapping[int, FingerFile]
    portrait: bytes | None
    problems: tuple[Problem, ...] = ()
    source: bytes = b""  # the bytes that `document` came from

    @property
    def digest(self) -> str:
        """sha256 over everything that issuing uses: the document, the fingers by position, the portrait."""
        total = hashlib.sha256()
        for part in (self.source, self.portrait or b""):
            total.update(hashlib.sha256(part).digest())
        for position in sorted(self.fingers):
            finger = self.fingers[position]
            total.update(f"{position}.{finger.suffix}".encode())
            total.update(hashlib.sha256(finger.data).digest())
        return "sha256:" + total.hexdigest()


class Batch(Protocol):
    """A batch of dossiers, each under an id that no other one of the batch has."""

    def ids(self) -> list[str]:
        """Every dossier's id, ill-formed ones included, in a stable order that is not the order of decision."""

    def read(self, wanted: Container[str] | None = None) -> Iterator[RawDossier]:
        """The wanted dossiers (all by default), in the order of `ids`. Streams: one dossier is in memory at a time, or
        a row group of a Parquet file."""


def open_batch(path: Path, policy: CheckPolicy | None = None) -> Batch:
    """The batch at `path`: a folder, or a Parquet file. FileError where it is neither."""
    policy = policy or CheckPolicy()
    if path.is_dir():
        return FolderBatch(path, policy)
    if path.is_file():
        from cccd_core.issuance.parquet import ParquetBatch

        return ParquetBatch(path, policy)
    raise FileError("the batch is neither a folder nor a Parquet file", path=str(path))


@dataclass(slots=True)
class FolderBatch:
    """`BATCH/<dossier id>/dossier.json`, `.../fingers/<position>.<suffix>`, `.../portrait.<suffix>`."""

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
            raise FileError("the batch cannot be read", path=str(self.path), why=error.strerror or "") from None
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
            reader.error("dossier_id", "dossier_id")
            return reader.result()
        try:
            folder = os.open(self.path / name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        except OSError as error:
            reader.error("", "unsafe_path" if error.errno in _LINK_ERRORS else "dossier_unreadable")
            return reader.result()
        try:
            reader.read(folder)
        finally:
            os.close(folder)
        return reader.result()


_LINK_ERRORS = (errno.ELOOP, errno.ENOTDIR)


def shown_id(name: str) -> str:
    """The id under which a dossier of this name is reported: the name itself where it may be an id, else what can be
    printed of it and a digest that keeps it apart from others."""
    if valid_id(name):
        return name
    printable = "".join(sign if sign.isprintable() and sign not in "/\\" else "?" for sign in name[:40])
    return f"{printable}#{hashlib.sha256(name.encode('utf-8', 'surrogatepass')).hexdigest()[:8]}"


class _FolderReader:
    """Reads one dossier's folder through its open descriptor."""

    def __init__(self, dossier_id: str, policy: CheckPolicy) -> None:
        self.dossier_id = dossier_id
        self.policy = policy
        self.problems: list[Problem] = []
        self.document: dict[str, Any] = {}
        self.source = b""
        self.fingers: dict[int, FingerFile] = {}
        self.portrait: bytes | None = None

    def error(self, where: str, reason: str, **facts: Fact) -> None:
        self.problems.append(Problem(self.dossier_id, where, reason, "error", facts))

    def warn(self, where: str, reason: str, **facts: Fact) -> None:
        self.problems.append(Problem(self.dossier_id, where, reason, "warning", facts))

    def result(self) -> RawDossier:
        return RawDossier(
            self.dossier_id, self.document, self.fingers, self.portrait, tuple(self.problems), self.source
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
                self.warn(_shown_name(name), "unknown_file")
        if DOSSIER_FILE not in names:
            self.error(DOSSIER_FILE, "dossier_unreadable", why="missing")
        if len(portraits) > 1:
            self.error("portrait", "portrait_repeated", count=len(portraits))
        elif portraits:
            self.portrait = self._file(
                folder, portraits[0], "portrait", self.policy.max_portrait_bytes, "portrait_size", "portrait_unreadable"
            )

    def _list(self, folder: int, where: str) -> list[str]:
        names: list[str] = []
        with os.scandir(folder) as entries:
            for entry in entries:
                names.append(entry.name)
                if len(names) > self.policy.max_files:
                    self.error(where, "unknown_file", most=self.policy.max_files)
                    break
        return sorted(names)

    def _document(self, folder: int) -> None:
        data = self._file(
            folder,
            DOSSIER_FILE,
            DOSSIER_FILE,
            self.policy.max_dossier_bytes,
            "dossier_unreadable",
            "dossier_unreadable",
        )
        if data is None:
            return
        self.source = data
        try:
            self.document = decode(data)
        except DossierError as error:
            facts = dict(error.facts)
            self.error(DOSSIER_FILE, str(facts.pop("reason")), **facts)

    def _finger_folder(self, parent: int) -> None:
        try:
            folder = os.open(FINGERS_FOLDER, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=parent)
        except OSError as error:
            self.error(FINGERS_FOLDER, "unsafe_path" if error.errno in _LINK_ERRORS else "unreadable_finger")
            return
        try:
            for name in self._list(folder, FINGERS_FOLDER):
                if not name.startswith("."):
                    self._finger(folder, name)
        finally:
            os.close(folder)

    def _finger(self, folder: int, name: str) -> None:
        stem, _, suffix = name.partition(".")
        where = f"{FINGERS_FOLDER}/{_shown_name(name)}"
        position = int(stem) if stem.isascii() and stem.isdigit() and len(stem) <= 2 else 0
        if str(position) != stem.lstrip("0") or position not in schema.FINGER_NAMES:
            self.error(where, "finger_position")
            return
        if position in self.fingers:
            self.error(where, "finger_repeated", position=position)
            return
        data = self._file(
            folder,
            name,
            where,
            self.policy.max_finger_bytes,
            "unreadable_finger",
            "unreadable_finger",
            position=position,
        )
        if data is not None:
            self.fingers[position] = FingerFile(name, suffix.lower(), data)

    def _file(
        self, folder: int, name: str, where: str, most: int, too_large: str, unreadable: str, **facts: Fact
    ) -> bytes | None:
        try:
            return read_bounded(folder, name, most)
        except DossierError as error:
            reason = {"too_large": too_large, "unreadable": unreadable}.get(str(error.facts["reason"]), "unsafe_path")
            self.error(where, reason, **facts, **{key: fact for key, fact in error.facts.items() if key != "reason"})
            return None


def read_bounded(folder: int, name: str, most: int) -> bytes:
    """The whole of a plain file in the open folder, links refused. DossierError with reason `unsafe_path`,
    `too_large` or `unreadable`."""
    try:
        # O_NONBLOCK: a pipe that nobody writes must not hold the batch.
        handle = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=folder)
    except OSError as error:
        reason = "unsafe_path" if error.errno in (*_LINK_ERRORS, errno.ENXIO) else "unreadable"
        raise DossierError("the file cannot be opened", reason=reason, why=error.strerror or "") from None
    try:
        status = os.fstat(handle)
        if not stat.S_ISREG(status.st_mode):
            raise DossierError("not a plain file", reason="unsafe_path")
        if status.st_size > most:
            raise DossierError("the file is too large", reason="too_large", bytes=status.st_size, most=most)
        with os.fdopen(handle, "rb", closefd=False) as file:
            data = file.read(most + 1)
    except OSError as error:
        raise DossierError("the file cannot be read", reason="unreadable", why=error.strerror or "") from None
    finally:
        with contextlib.suppress(OSError):
            os.close(handle)
    if len(data) > most:
        raise DossierError("the file is too large", reason="too_large", bytes=len(data), most=most)
    return data


def _shown_name(name: str) -> str:
    return "".join(sign if sign.isprintable() else "?" for sign in name[:40])
