"""From the image of a chip to the ordered steps that write it. No I/O."""

from __future__ import annotations

from collections.abc import Iterator, Set
from dataclasses import dataclass, field
from typing import ClassVar, TypeAlias

from cccd_core.emrtd import ChipImage
from cccd_core.emrtd.files import ElementaryFile
from cccd_core.personalise.reasons import StepName


@dataclass(frozen=True, slots=True)
class CreateFile:
    """Make a file of this many bytes on the card; one that exists and is not yet locked is replaced."""

    name: ClassVar[StepName] = StepName.CREATE_FILE
    file: ElementaryFile
    length: int


@dataclass(frozen=True, slots=True)
class WriteBinary:
    """Write bytes into a file. `last` marks the last piece of the file."""

    name: ClassVar[StepName] = StepName.WRITE_BINARY
    file: ElementaryFile
    offset: int
    data: bytes = field(repr=False)
    last: bool


@dataclass(frozen=True, slots=True)
class StoreSecrets:
    """Give the card its access keys and private keys (the runner knows them; a plan never holds them)."""

    name: ClassVar[StepName] = StepName.STORE_SECRETS


@dataclass(frozen=True, slots=True)
class OpenDoor:
    """Let readers in; the card can still be written."""

    name: ClassVar[StepName] = StepName.OPEN_DOOR


@dataclass(frozen=True, slots=True)
class Lock:
    """End personalisation for good."""

    name: ClassVar[StepName] = StepName.LOCK


Step: TypeAlias = CreateFile | WriteBinary | StoreSecrets | OpenDoor | Lock


def steps(
    image: ChipImage,
    *,
    piece_bytes: int,
    complete: Set[str] = frozenset(),
    reached: tuple[str, int] | None = None,
) -> Iterator[Step]:
    """The steps still to do, lazily and in order: each file created and written in the image's order, in pieces of at
    most `piece_bytes`, then the secrets, the door opened, the lock.

    `complete` names the files that are on the card as meant, `reached` one that is there up to an offset. The secrets
    are always stored again: no record of them is kept that could say they are the same.
    """
    for file, content in image.files.items():
        if file.name in complete:
            continue
        start = 0
        if reached is not None and reached[0] == file.name and 0 < reached[1] < len(content):
            start = reached[1]
        else:
            yield CreateFile(file, len(content))
        for offset in range(start, len(content), piece_bytes):
            end = min(offset + piece_bytes, len(content))
            yield WriteBinary(file, offset, content[offset:end], last=end == len(content))
    yield StoreSecrets()
    yield OpenDoor()
    yield Lock()
