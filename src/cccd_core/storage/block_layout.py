"""How files of checked blocks lie on the disk: `storage.block_writer` writes them, `storage.block_file` reads them.

Integers little-endian:

    header   8 bytes magic, u32 version, u32 bytes of facts, u32 sections, u32 zero, u64 blocks, u64 bytes before the
             data, u64 bytes of the file, 8 bytes key id, 16 bytes file id (both zero where nothing is encrypted)
    facts    what the kind says of the file
    sections 48 bytes each: name (16, zero-padded), u64 offset, u64 bytes, u64 first block, u32 bytes of a block,
             u32 one more than the place of the section that bounds the blocks, or 0
    checks   16 bytes a block: the first half of its SHA-256, or its tag of AES-256-GCM where the file is encrypted
    mark     32 bytes over all that stands before: SHA-256, or HMAC-SHA256 where the file is encrypted
    data     the sections, each from a multiple of 4,096 bytes on, zeros between them

A section's blocks are of one size, the last of them shorter, or lie between the numbers u64[blocks + 1] of another
section. Header, tables and mark are checked when a file is opened, before memory is taken for anything that they speak
of; a block when it is first asked for. An encrypted block has the size of the plain one: both go through one path.
"""

from __future__ import annotations

import hashlib
import struct
from dataclasses import dataclass
from typing import Final

from cccd_core.storage.cipher import KEY_ID_BYTES, Buffer, FileCipher

MARK_BYTES: Final = 32
ALIGNMENT: Final = 4096
BLOCK_BYTES: Final = 1 << 16
HEADER: Final = struct.Struct("<8sIIIIQQQ8s16s")
SECTION: Final = struct.Struct("<16sQQQII")
FACTS_MOST: Final = 1 << 16
SECTIONS_MOST: Final = 64
HEAD_MOST: Final = 1 << 28  # checks of 16 million blocks
CLEAR: Final = bytes(KEY_ID_BYTES)


@dataclass(frozen=True, slots=True)
class BlockKind:
    """What one kind of file is. `what` is its name in errors."""

    magic: bytes
    version: int
    what: str


@dataclass(frozen=True, slots=True)
class Section:
    """A section to be written: its size, and the size of its blocks, or the section that bounds them."""

    name: str
    size_bytes: int
    block_bytes: int = BLOCK_BYTES
    bounded_by: str | None = None
    blocks: int | None = None  # how many, where another section bounds them

    @property
    def count(self) -> int:
        """How many blocks it has."""
        return -(-self.size_bytes // self.block_bytes) if self.blocks is None else self.blocks


@dataclass(frozen=True, slots=True)
class Placed:
    """Where a section lies. `bounded_by`: the number of the section that bounds its blocks, -1 for their size."""

    name: str
    offset: int
    size_bytes: int
    first_block: int
    block_bytes: int
    bounded_by: int
    blocks: int


def aligned(offset: int) -> int:
    """The next place where a section may begin."""
    return -(-offset // ALIGNMENT) * ALIGNMENT


def mark_of(cipher: FileCipher | None, data: Buffer) -> bytes:
    """What stands at the end of the tables."""
    return hashlib.sha256(data).digest() if cipher is None else cipher.mark(data)
