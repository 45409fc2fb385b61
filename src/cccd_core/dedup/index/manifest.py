"""Which shards of an index count, and up to where they hold the gallery: one small file, replaced at once.

Whoever holds a manifest holds one version of the index for as long as it has the shards open: none is ever changed, and
one that no longer counts is deleted by its name alone.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from cccd_core.dedup.index.shard import Column
from cccd_core.errors import DamagedError, FileError, UnavailableError
from cccd_core.plain import Json, decode, encode_record
from cccd_core.storage import whole_file
from cccd_core.storage.cipher import FILE_ID_BYTES, Cipher
from cccd_core.storage.faults import file_error

INDEX_FOLDER: Final = "index"
MANIFEST_FILE: Final = "manifest.json"
FORMAT: Final = "cccd-gallery-index"
VERSION: Final = 1
MANIFEST_BYTES_MOST: Final = 1 << 26


@dataclass(frozen=True, slots=True)
class ShardEntry:
    """A shard that counts. `file` is its path within the index's folder, `mark` what its header ends with.

    `first` and `last` are sequences; `dead` are those of its rows that were withdrawn since it was written, ascending.
    """

    file: str
    mark: str
    people: int
    first: int
    last: int
    bytes: int
    dead: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Manifest:
    """The index of one gallery, as of its people up to `sequence` and its withdrawals up to `withdrawal`.

    Every enrolled person up to there has exactly one row that is not dead. `preparation` and `coder`: the digests of
    what made fingers and codes of templates, `columns` the codes; `coder` is empty where there are none.
    """

    gallery: str
    preparation: str
    coder: str
    columns: tuple[Column, ...]
    sequence: int = 0
    withdrawal: int = 0
    shards: tuple[ShardEntry, ...] = ()

    @property
    def folder(self) -> str:
        """Where its shards lie within the index's folder: 12 digits of what made them."""
        return hashlib.sha256(f"{self.preparation} {self.coder}".encode()).hexdigest()[:12]

    @property
    def people(self) -> int:
        """How many rows are not dead."""
        return sum(entry.people - len(entry.dead) for entry in self.shards)

    def made_as(self, other: Manifest) -> bool:
        """Whether the rows of both are made of the same gallery by the same."""
        return replace(self, sequence=0, withdrawal=0, shards=()) == replace(other, sequence=0, withdrawal=0, shards=())


def read_manifest(folder: Path, cipher: Cipher | None) -> Manifest | None:
    """The manifest in an index's folder; None where there is none.

    FileError where it cannot be read, UnavailableError where it was written under a key that is not there,
    DamagedError (`path`, `section`) where it is none, of another version, or altered.
    """
    path = folder / MANIFEST_FILE
    try:
        path.stat()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise file_error("the manifest of the index cannot be read", error, path=str(path)) from None
    data = whole_file.read(path, "manifest of an index", most=MANIFEST_BYTES_MOST)
    try:
        found: object = json.loads(data)
        if not isinstance(found, dict) or found.pop("format", None) != FORMAT:
            raise ValueError
        version, key_id, check = found.pop("version", None), found.pop("key_id", None), found.pop("check", None)
        if type(key_id) is not str or type(check) is not str:
            raise ValueError
        if version != VERSION:
            raise _damaged("a manifest of an index of another version", path)
        sound = hmac.compare_digest(_check(found, cipher, bytes.fromhex(key_id), path), check)
        manifest = decode(Manifest, found)
    except (ValueError, RecursionError):
        raise _damaged("no manifest of an index", path) from None
    if not sound:
        raise _damaged("the manifest of the index is damaged", path)
    return manifest


def write_manifest(folder: Path, manifest: Manifest, cipher: Cipher | None) -> None:
    """Puts a manifest in the place of the one that is there, on the disk at return. FileError."""
    key_id = b"" if cipher is None else cipher.key_id
    content = encode_record(manifest)
    check = _check(content, cipher, key_id, folder / MANIFEST_FILE)
    told = {"format": FORMAT, "version": VERSION, "key_id": key_id.hex(), **content, "check": check}
    data = json.dumps(told, indent=1).encode() + b"\n"
    if len(data) > MANIFEST_BYTES_MOST:
        raise FileError("the manifest of the index would be too large", path=str(folder), needs="cccd gallery compact")
    whole_file.write(folder / MANIFEST_FILE, data, private=True, folders=True)


def _check(content: dict[str, Json], cipher: Cipher | None, key_id: bytes, path: Path) -> str:
    data = json.dumps(content, sort_keys=True, separators=(",", ":")).encode()
    if not key_id:
        if cipher is not None and not cipher.clear_too:
            raise _damaged("the manifest is not of an encrypted index, as the gallery is", path)
        return hashlib.sha256(data).hexdigest()
    file = None if cipher is None else cipher.of_file(key_id, bytes(FILE_ID_BYTES))
    if file is None:
        raise UnavailableError("the index is encrypted", path=str(path), needs="its key", key_id=key_id.hex())
    return file.mark(data).hex()


def _damaged(message: str, path: Path) -> DamagedError:
    return DamagedError(message, path=str(path), section="manifest", offset=0)
