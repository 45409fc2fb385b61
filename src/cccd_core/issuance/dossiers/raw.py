"""A dossier as it came, nothing believed yet, and what every form of batch offers."""

from __future__ import annotations

import hashlib
from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from cccd_core.issuance.dossiers.dossier import valid_id
from cccd_core.issuance.dossiers.reasons import Problem
from cccd_core.plain import JsonObject
from cccd_core.printable import shown

_ID_SHOWN = 55  # with the digest 64 characters, as an id may have


@dataclass(frozen=True, slots=True)
class FingerFile:
    """The bytes of one finger's template or image, with the suffix of its file (lower case, without the dot)."""

    name: str
    suffix: str
    data: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class RawDossier:
    """One dossier's bytes. `problems` are those of its files; `document` may be empty.

    `fingers` and `images` are by place: the position, 1 to 10; of unknown position 0, -1, -2, ... for the files `0`,
    `0-1`, `0-2`. Of one place they are of one finger.

    `digest` is a sha256 over everything that issuing uses: the document, the fingers and images by place, the
    portrait.
    """

    dossier_id: str
    document: JsonObject = field(repr=False)
    fingers: Mapping[int, FingerFile]
    portrait: bytes | None = field(repr=False)
    problems: tuple[Problem, ...] = ()
    source: bytes = field(default=b"", repr=False)  # the bytes that `document` came from
    images: Mapping[int, FingerFile] = field(default_factory=dict)
    digest: str = field(init=False)

    def __post_init__(self) -> None:
        total = hashlib.sha256()
        for part in (self.source, self.portrait or b""):
            total.update(hashlib.sha256(part).digest())
        for what, files in (("", self.fingers), ("image ", self.images)):
            for position in sorted(files):
                total.update(f"{what}{position}.{files[position].suffix}".encode())
                total.update(hashlib.sha256(files[position].data).digest())
        object.__setattr__(self, "digest", "sha256:" + total.hexdigest())


class Batch(Protocol):
    """A batch of dossiers, each under an id that no other one of the batch has."""

    def ids(self) -> list[str]:
        """Every dossier's id, ill-formed ones included, in a stable order that is not the order of decision."""

    def read(self, wanted: Container[str] | None = None) -> Iterator[RawDossier]:
        """The wanted dossiers (all by default), in the order of `ids`. Streams: one dossier is in memory at a time, or
        a row group of a Parquet file."""


def place_name(place: int) -> str:
    """A place of `RawDossier` as files are named after it: `2`, `0`, `0-1`."""
    return str(place) if place >= 0 else f"0-{-place}"


def shown_id(name: str) -> str:
    """The id under which a dossier of this name is reported: the name itself where it may be an id, else what can be
    printed of it and a digest that keeps it apart from others."""
    if valid_id(name):
        return name
    printable = shown(name[:40]).replace("/", "?")[:_ID_SHOWN]
    return f"{printable}#{hashlib.sha256(name.encode('utf-8', 'surrogatepass')).hexdigest()[:8]}"
