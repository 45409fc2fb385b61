"""People into a gallery, and out of it again: many at a time, what is wrong with one told of that one alone."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import IO, Final, Protocol

import pyarrow.parquet as pq

from cccd_core.dedup.gallery.protocol import Gallery
from cccd_core.dedup.gallery.tables import ASKED_BLOCK
from cccd_core.dedup.person import EnrolledPerson
from cccd_core.errors import ConflictError, ParameterError
from cccd_core.intake import people_rows
from cccd_core.intake.people import Read, Unread
from cccd_core.plain import JsonObject
from cccd_core.progress import Progress
from cccd_core.storage.faults import file_error
from cccd_core.templates import write

AT_A_TIME: Final = ASKED_BLOCK  # people in one transaction: all coded before the gallery is held
FORMAT: Final = "iso-2005"  # what galleries keep
_UNFINISHED: Final = ".cccd-unfinished"
_PORTION: Final = 256


class _Digest(Protocol):
    """What `hashlib` makes, whose class has no name while a program runs."""

    def update(self, data: bytes, /) -> None: ...

    def hexdigest(self) -> str: ...


@dataclass(slots=True)
class Enrolled:
    """What became of people who were to be enrolled: how many were new, how many stood there with the same templates,
    and who was left out: `unread` could not be read or kept, under the names in `refused` stand other templates."""

    added: int = 0
    known: int = 0
    unread: list[Unread] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    _standing: _Digest = field(default_factory=hashlib.sha256, repr=False)

    @property
    def well(self) -> bool:
        """Whether nobody was left out."""
        return not self.unread and not self.refused

    @property
    def digest(self) -> str:
        """SHA-256 of the identifiers of all who are enrolled now, new or not, a line each, in the order given: the same
        after any interruptions."""
        return f"sha256:{self._standing.hexdigest()}"

    def stand(self, people: Sequence[EnrolledPerson], new: int) -> None:
        """These people are enrolled, so many of them new."""
        self.added += new
        self.known += len(people) - new
        self._standing.update("".join(f"{one.person_id}\n" for one in people).encode())

    def as_dict(self) -> JsonObject:
        """JSON-ready."""
        return {
            "added": self.added,
            "known": self.known,
            "refused": list(self.refused),
            "unread": [one.as_dict() for one in self.unread],
        }


def enrol(gallery: Gallery, people: Iterable[Read], total: int = 0, progress: Progress | None = None) -> Enrolled:
    """Enrols everyone who can be read, some hundred in a transaction; what an interruption left out comes with the next
    call, since who is there already is no mistake. Errors of the gallery as a whole end it."""
    found = Enrolled()
    rest = iter(people)
    done = 0
    while part := list(islice(rest, AT_A_TIME)):
        found.unread += [one for one in part if isinstance(one, Unread)]
        _add(gallery, [one for one in part if isinstance(one, EnrolledPerson)], found)
        done += len(part)
        if progress is not None:
            progress(done, total, "enrol")
    return found


def _add(gallery: Gallery, people: Sequence[EnrolledPerson], found: Enrolled) -> None:
    """All of them at once; where that is refused each half by itself, down to the one for whom it is."""
    if not people:
        return
    try:
        new = gallery.add_many(people)
    except (ConflictError, ParameterError) as error:
        if len(people) == 1:
            if isinstance(error, ConflictError):
                found.refused.append(people[0].person_id)
            else:
                found.unread.append(Unread(people[0].person_id, "", error))
            return
        _add(gallery, people[: len(people) // 2], found)
        _add(gallery, people[len(people) // 2 :], found)
    else:
        found.stand(people, new)


@dataclass(slots=True)
class Written:
    """What became of people who were to be written: how many were, how many stood there already, and who cannot be the
    name of a folder."""

    written: int = 0
    known: int = 0
    refused: list[str] = field(default_factory=list)

    @property
    def well(self) -> bool:
        """Whether nobody was left out."""
        return not self.refused

    def as_dict(self) -> JsonObject:
        """JSON-ready."""
        return {"written": self.written, "known": self.known, "refused": list(self.refused)}


def write_out(gallery: Gallery, target: Path, progress: Progress | None = None) -> Written:
    """Writes everyone, as ISO/IEC 19794-2:2005 records: into one Parquet file where the name ends so, else into a
    folder that `People` reads. A person's folder and a Parquet file appear whole, for their owner alone; folders that
    are there already are left, so that a work that was broken off goes on. FileError, DiskFullError."""
    try:
        if target.suffix.lower() == people_rows.SUFFIX:
            return _write_rows(gallery, target, progress)
        return _write_folders(gallery, target, progress)
    except OSError as error:
        raise file_error("the people cannot be written", error, path=str(target)) from None


def _write_folders(gallery: Gallery, target: Path, progress: Progress | None) -> Written:
    target.mkdir(mode=0o700, parents=True, exist_ok=True)
    total, found = len(gallery), Written()
    unfinished = target / _UNFINISHED
    for done, person in enumerate(gallery, start=1):
        name = person.person_id
        if name.startswith(".") or "/" in name or len(os.fsencode(name)) > os.pathconf(target, "PC_NAME_MAX"):
            found.refused.append(name)
        elif (target / name).is_dir():
            found.known += 1
        else:
            shutil.rmtree(unfinished, ignore_errors=True)
            unfinished.mkdir(mode=0o700)
            for file, data in _files(person):
                with _private(unfinished / file) as out:
                    out.write(data)
            unfinished.rename(target / name)
            found.written += 1
        if progress is not None:
            progress(done, total, "export")
    return found


def _write_rows(gallery: Gallery, target: Path, progress: Progress | None) -> Written:
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    total, found = len(gallery), Written()
    unfinished = target.with_name(f"{_UNFINISHED}-{target.name}")
    everyone = iter(gallery)
    try:
        with _private(unfinished) as out, pq.ParquetWriter(out, people_rows.SCHEMA) as file:
            while part := list(islice(everyone, _PORTION)):
                file.write_table(people_rows.table(_row(person) for person in part))
                found.written += len(part)
                if progress is not None:
                    progress(found.written, total, "export")
            file.close()
            out.flush()
            os.fsync(out.fileno())
        unfinished.rename(target)
    except BaseException:
        unfinished.unlink(missing_ok=True)
        raise
    return found


def _files(person: EnrolledPerson) -> Iterator[tuple[str, bytes]]:
    for position, finger in person.tenprint.items():
        yield f"{position}.fmr", write(finger, FORMAT)
    for number, finger in enumerate(person.unplaced, start=1):
        yield f"0-{number}.fmr", write(finger, FORMAT)


def _row(person: EnrolledPerson) -> dict[str, object]:
    placed = {f"finger_{position}": write(finger, FORMAT) for position, finger in person.tenprint.items()}
    return {
        people_rows.NAME: person.person_id,
        **placed,
        people_rows.UNPLACED: [write(finger, FORMAT) for finger in person.unplaced],
    }


def _private(path: Path) -> IO[bytes]:
    """A file to be written, for its owner alone."""
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600), "wb")
