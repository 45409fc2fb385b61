"""Files of sections that are written once, mapped, and checked block by block when they are read.

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
import hmac
import mmap
import os
import secrets
import struct
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray

from cccd_core.errors import DamagedError, Fact, ParameterError, UnavailableError
from cccd_core.storage import whole_file
from cccd_core.storage.cipher import CHECK_BYTES, FILE_ID_BYTES, KEY_ID_BYTES, Buffer, Cipher, FileCipher
from cccd_core.storage.faults import file_error

MARK_BYTES: Final = 32
ALIGNMENT: Final = 4096
BLOCK_BYTES: Final = 1 << 16
_HEADER: Final = struct.Struct("<8sIIIIQQQ8s16s")
_SECTION: Final = struct.Struct("<16sQQQII")
_FACTS_MOST: Final = 1 << 16
_SECTIONS_MOST: Final = 64
_HEAD_MOST: Final = 1 << 28  # checks of 16 million blocks
_CLEAR: Final = bytes(KEY_ID_BYTES)


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
class _Placed:
    name: str
    offset: int
    size_bytes: int
    first_block: int
    block_bytes: int
    bounded_by: int  # -1: by their size
    blocks: int


@dataclass(frozen=True, slots=True)
class Damage:
    """A place of a file that is not what was written: which block of which section, and where it begins."""

    section: str
    block: int
    offset: int


def _aligned(offset: int) -> int:
    return -(-offset // ALIGNMENT) * ALIGNMENT


def _aligned_bytes(count: int) -> NDArray[np.uint8]:
    """Room for so many bytes from an address that 64 divides: a line of the cache."""
    room = np.empty(count + 63, np.uint8)
    start = -room.ctypes.data % 64
    return room[start : start + count]


class BlockWriter:
    """Writes one file, section by section, in the order of the plan; `finish` puts it under its name.

    What is given to `write` is cut into blocks; a section that another one bounds is given one block a call. A process
    that is killed leaves at most `.cccd-*.part`; so does no error. FileError, DiskFullError.
    """

    def __init__(
        self, folder: Path, kind: BlockKind, facts: bytes, sections: Sequence[Section], cipher: Cipher | None
    ) -> None:
        if len(facts) > _FACTS_MOST or len(sections) > _SECTIONS_MOST:
            raise ParameterError("too much is said of a file", facts=len(facts), sections=len(sections))
        self._folder, self._kind, self._facts = folder, kind, facts
        names = [section.name for section in sections]
        blocks = sum(section.count for section in sections)
        self._data_at = _HEADER.size + len(facts) + _SECTION.size * len(sections) + CHECK_BYTES * blocks + MARK_BYTES
        self._placed: list[_Placed] = []
        end, first = self._data_at, 0
        for section in sections:
            offset = _aligned(end)
            by = -1 if section.bounded_by is None else names.index(section.bounded_by)
            size = section.size_bytes
            self._placed.append(_Placed(section.name, offset, size, first, section.block_bytes, by, section.count))
            end, first = offset + size, first + section.count
        self._size = end
        self._checks = bytearray(CHECK_BYTES * blocks)
        self._key_id = _CLEAR if cipher is None else cipher.key_id
        self._file_id = bytes(FILE_ID_BYTES) if cipher is None else secrets.token_bytes(FILE_ID_BYTES)
        self._cipher = None if cipher is None else cipher.of_file(self._key_id, self._file_id)
        self._at = 0  # the section that is being written
        self._block = 0  # its next block
        self._done = 0  # bytes of it that are written
        self._held = bytearray()
        self.mark = ""
        self._part = folder / f".cccd-{secrets.token_hex(8)}.part"
        try:
            flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW
            self._descriptor = os.open(self._part, flags, 0o600)
        except OSError as error:
            raise file_error(f"the {kind.what} cannot be made", error, path=str(folder)) from None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1
        with suppress(OSError):
            self._part.unlink(missing_ok=True)

    def write(self, data: Buffer) -> None:
        """The next bytes of the section that is being written; of one that another bounds, its next block."""
        placed = self._placed[self._at]
        if placed.bounded_by >= 0:
            self._put(placed, data)
            return
        self._held += data
        whole = len(self._held) - len(self._held) % placed.block_bytes
        view = memoryview(bytes(self._held[:whole]))
        del self._held[:whole]
        for start in range(0, whole, placed.block_bytes):
            self._put(placed, view[start : start + placed.block_bytes])

    def end_section(self) -> None:
        """The section is whole; the next one begins."""
        placed = self._placed[self._at]
        if self._held:
            self._put(placed, bytes(self._held))
            self._held.clear()
        if self._done != placed.size_bytes or self._block != placed.blocks:
            raise ParameterError("a section is not of the size that was planned", section=placed.name)
        self._at, self._block, self._done = self._at + 1, 0, 0

    @property
    def size_bytes(self) -> int:
        """How large the file is, or will be."""
        return self._size

    def finish(self, name: str) -> str:
        """Puts the file under this name, where `{mark}` stands for the first 12 digits of its mark; returns the name.

        The file is whole and on the disk then, and `mark` says its mark; one of that name is replaced.
        """
        head = _HEADER.pack(
            self._kind.magic, self._kind.version, len(self._facts), len(self._placed), 0,
            len(self._checks) // CHECK_BYTES, self._data_at, self._size, self._key_id, self._file_id,
        ) + self._facts  # fmt: skip
        for one in self._placed:
            place = (one.offset, one.size_bytes, one.first_block, one.block_bytes, one.bounded_by + 1)
            head += _SECTION.pack(one.name.encode(), *place)
        head += self._checks
        mark = _mark(self._cipher, head)
        self.mark = mark.hex()
        target = self._folder / name.format(mark=mark.hex()[:12])
        try:
            os.ftruncate(self._descriptor, self._size)
            self._pwrite(head + mark, 0)
            os.fsync(self._descriptor)
            self._part.replace(target)
            whole_file.sync_folder(self._folder)
        except OSError as error:
            raise file_error(f"the {self._kind.what} cannot be written", error, path=str(target)) from None
        return target.name

    def _put(self, placed: _Placed, block: Buffer) -> None:
        number = placed.first_block + self._block
        if self._block >= placed.blocks or self._done + len(block) > placed.size_bytes:
            raise ParameterError("a section is not of the size that was planned", section=placed.name)
        if self._cipher is None:
            data, check = block, hashlib.sha256(block).digest()[:CHECK_BYTES]
        else:
            sealed = self._cipher.seal(number, block)
            data, check = memoryview(sealed)[:-CHECK_BYTES], sealed[-CHECK_BYTES:]
        self._checks[CHECK_BYTES * number : CHECK_BYTES * (number + 1)] = check
        try:
            self._pwrite(data, placed.offset + self._done)
        except OSError as error:
            raise file_error(f"the {self._kind.what} cannot be written", error, path=str(self._folder)) from None
        self._block, self._done = self._block + 1, self._done + len(block)

    def _pwrite(self, data: Buffer, offset: int) -> None:
        view = memoryview(data)
        while view:
            count = os.pwrite(self._descriptor, view, offset)
            view, offset = view[count:], offset + count


class BlockFile:
    """One file, open and mapped; safe to be read by several threads, and after a fork.

    `open` raises FileError where it cannot be opened, UnavailableError where the key that it was encrypted by is not
    there, DamagedError (`path`, `section`, `offset`) where it is none of its kind, of another version, or altered. The
    other methods raise DamagedError for a block that was altered.
    """

    def __init__(self, path: Path, kind: BlockKind, data: mmap.mmap, cipher: Cipher | None) -> None:
        """For `open`, which is the door."""
        self.path, self.kind = path, kind
        self._map = data
        self._view = memoryview(data)
        self._data: NDArray[np.uint8] = np.frombuffer(data, np.uint8)
        self._whole: dict[str, NDArray[np.uint8]] = {}
        head = self._head(cipher)
        self.facts: bytes = head[_HEADER.size : _HEADER.size + self._facts_bytes]
        self.sections: Mapping[str, _Placed] = self._table(head)
        self._checks = head[-MARK_BYTES - CHECK_BYTES * self._blocks : -MARK_BYTES]
        self._seen = bytearray(self._blocks)
        self._bounds: dict[str, NDArray[np.int64]] = {}
        self._between()

    @classmethod
    def open(cls, path: Path, kind: BlockKind, cipher: Cipher | None = None) -> BlockFile:
        """Maps a file and checks its header and tables: goes with the number of blocks, not with the data."""
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
            try:
                size = os.fstat(descriptor).st_size
                if size < _HEADER.size + MARK_BYTES:
                    raise DamagedError(f"no {kind.what}", path=str(path), section="header", offset=0)
                data = mmap.mmap(descriptor, size, access=mmap.ACCESS_READ)
            finally:
                os.close(descriptor)
        except (OSError, ValueError) as error:
            fault = error if isinstance(error, OSError) else OSError(0, "no file that can be mapped")
            raise file_error(f"the {kind.what} cannot be opened", fault, path=str(path)) from None
        return cls(path, kind, data, cipher)

    @property
    def mark(self) -> str:
        """What all of the file hangs on: 64 hexadecimal digits."""
        return self._mark.hex()

    @property
    def size_bytes(self) -> int:
        """Size on the disk."""
        return len(self._data)

    @property
    def key_id(self) -> bytes:
        """The key that it was encrypted by; zeros for none."""
        return self._key_id

    def whole(self, name: str) -> NDArray[np.uint8]:
        """A section, every block of it checked: uint8[bytes], read-only, from an address that 64 divides.

        Mapped, or in memory where it is encrypted. Made once; costs a digest of the section, or its decryption.
        """
        found = self._whole.get(name)
        if found is None:
            placed = self.sections[name]
            self._ask_for(placed, np.zeros(1, np.int64), np.full(1, placed.size_bytes))
            if self._cipher is None:
                for index in range(placed.blocks):
                    self.block(name, index)
                found = self._data[placed.offset : placed.offset + placed.size_bytes]
            else:
                found = _aligned_bytes(placed.size_bytes)
                for index in range(placed.blocks):
                    start, stop = self._span(placed, index)
                    found[start:stop] = np.frombuffer(self.block(name, index), np.uint8)
            found.flags.writeable = False
            self._whole[name] = found
        return found

    def block(self, name: str, index: int) -> Buffer:
        """One block, checked; a second time that costs nothing where the file is not encrypted."""
        placed = self.sections[name]
        start, stop = self._span(placed, index)
        number = placed.first_block + index
        stored = self._view[placed.offset + start : placed.offset + stop]
        check = self._checks[CHECK_BYTES * number : CHECK_BYTES * (number + 1)]
        if self._cipher is not None:
            plain = self._cipher.unseal(number, stored, check)
            if plain is None:
                raise self._damaged("a block is damaged", name, placed.offset + start, block=index)
            return plain
        if not self._seen[number]:
            if hashlib.sha256(stored).digest()[:CHECK_BYTES] != check:
                raise self._damaged("a block is damaged", name, placed.offset + start, block=index)
            self._seen[number] = 1
        return stored

    def blocks(
        self, name: str, indices: NDArray[np.int64]
    ) -> tuple[NDArray[np.uint8], NDArray[np.int64], NDArray[np.int64]]:
        """Some blocks of a section that another one bounds, checked: the bytes in which they lie, uint8, and where each
        begins and ends there, int64[indices]. The mapped section, or one array of them where it is encrypted."""
        bounds, placed = self.bounds(name), self.sections[name]
        if len(indices) and not 0 <= int(indices.min()) <= int(indices.max()) < placed.blocks:
            raise ParameterError("a section has no such block", section=name)
        self._ask_for(placed, bounds[indices], bounds[indices + 1])
        if self._cipher is None:
            for index in indices.tolist():
                self.block(name, index)
            data = self._data[placed.offset : placed.offset + placed.size_bytes]
            return data, bounds[indices], bounds[indices + 1]
        ends = np.zeros(len(indices) + 1, np.int64)
        np.cumsum(bounds[indices + 1] - bounds[indices], out=ends[1:])
        data = np.frombuffer(b"".join(self.block(name, index) for index in indices.tolist()), np.uint8)
        return data, ends[:-1], ends[1:]

    def rows(self, name: str, row_bytes: int, rows: NDArray[np.int64]) -> NDArray[np.uint8]:
        """Some rows of a section whose rows are of one size and whose blocks are too: uint8[rows, row_bytes], a copy.
        Only the blocks in which they lie are checked, or decrypted."""
        placed = self.sections[name]
        whole = self._whole.get(name)
        if whole is not None:
            return whole.reshape(-1, row_bytes)[rows]
        first, last = rows * row_bytes // placed.block_bytes, ((rows + 1) * row_bytes - 1) // placed.block_bytes
        needed = np.unique(np.concatenate([first, last, *(np.arange(a + 1, b) for a, b in _wide(first, last))]))
        blocks = {index: self.block(name, index) for index in needed.tolist()}
        if self._cipher is None:
            data = self._data[placed.offset : placed.offset + placed.size_bytes]
            return data.reshape(-1, row_bytes)[rows]
        out = np.empty((len(rows), row_bytes), np.uint8)
        for i, (row, start, stop) in enumerate(zip(rows.tolist(), first.tolist(), last.tolist(), strict=True)):
            found = b"".join(blocks[index] for index in range(start, stop + 1)) if start < stop else blocks[start]
            begin = row * row_bytes - start * placed.block_bytes
            out[i] = np.frombuffer(found, np.uint8, row_bytes, begin)
        return out

    def _ask_for(self, placed: _Placed, starts: NDArray[np.int64], stops: NDArray[np.int64]) -> None:
        """Tells the system which parts will be read, so that a disk brings them at once and not one after another."""
        if not len(starts) or not placed.size_bytes:
            return
        begin, end = int(starts.min()), int(stops.max())
        if end - begin <= 2 * int((stops - starts).sum()):
            starts, stops = np.array([begin]), np.array([end])
        first = (placed.offset + starts) // mmap.PAGESIZE * mmap.PAGESIZE
        for start, stop in zip(first.tolist(), (placed.offset + stops).tolist(), strict=True):
            self._map.madvise(mmap.MADV_WILLNEED, start, stop - start)

    def bounds(self, name: str) -> NDArray[np.int64]:
        """Where each block of a section begins and the last one ends, from its start: int64[blocks + 1]."""
        found = self._bounds.get(name)
        if found is None:
            placed = self.sections[name]
            by = list(self.sections)[placed.bounded_by]
            found = self.whole(by).view("<i8")
            if len(found) != placed.blocks + 1 or found[0] != 0 or found[-1] != placed.size_bytes:
                raise self._damaged("blocks do not fill their section", by, self.sections[by].offset)
            if np.any(found[1:] < found[:-1]):
                raise self._damaged("blocks run backwards", by, self.sections[by].offset)
            self._bounds[name] = found
        return found

    def damages(self, name: str) -> Iterator[Damage]:
        """Reads a whole section again and says which blocks are damaged."""
        placed = self.sections[name]
        for index in range(placed.blocks):
            self._seen[placed.first_block + index] = 0
            try:
                self.block(name, index)
            except DamagedError as error:
                yield Damage(name, index, int(error.facts.get("offset") or 0))

    def _span(self, placed: _Placed, index: int) -> tuple[int, int]:
        if not 0 <= index < placed.blocks:
            raise ParameterError("a section has no such block", section=placed.name, block=index)
        if placed.bounded_by >= 0:
            bounds = self.bounds(placed.name)
            return int(bounds[index]), int(bounds[index + 1])
        start = index * placed.block_bytes
        return start, min(start + placed.block_bytes, placed.size_bytes)

    def _head(self, cipher: Cipher | None) -> bytes:
        """All before the data, its mark checked."""
        fixed = bytes(self._view[: _HEADER.size])
        magic, version, facts, sections, zero, blocks, head, size, key_id, file_id = _HEADER.unpack(fixed)
        if magic != self.kind.magic:
            raise self._damaged(f"no {self.kind.what}", "header", 0)
        if version != self.kind.version:
            what = f"a {self.kind.what} of another version, or its header is damaged"
            raise self._damaged(what, "header", 8, found=version, known=self.kind.version)
        told = _HEADER.size + facts + _SECTION.size * sections + CHECK_BYTES * blocks + MARK_BYTES
        sound = facts <= _FACTS_MOST and sections <= _SECTIONS_MOST and zero == 0
        if not sound or head != told or head > _HEAD_MOST or size != len(self._data) or head > size:
            raise self._damaged("the sizes of the header do not agree with the file", "header", 12, size=size)
        self._cipher = self._file_cipher(cipher, key_id, file_id)
        data = bytes(self._view[:head])
        self._mark = data[-MARK_BYTES:]
        if not hmac.compare_digest(_mark(self._cipher, data[:-MARK_BYTES]), self._mark):
            raise self._damaged("the header or a table is damaged", "header", 0)
        self._facts_bytes, self._sections, self._blocks = facts, sections, blocks
        self._key_id: bytes = key_id
        return data

    def _file_cipher(self, cipher: Cipher | None, key_id: bytes, file_id: bytes) -> FileCipher | None:
        if key_id == _CLEAR:
            if cipher is not None and not cipher.clear_too:
                raise self._damaged("the file is not encrypted, as all are that belong to it", "header", 48)
            return None
        if cipher is None:
            raise UnavailableError(f"the {self.kind.what} is encrypted", path=str(self.path), needs="its key")
        found = cipher.of_file(key_id, file_id)
        if found is None:
            what = f"the {self.kind.what} is encrypted by another key, or its header is damaged"
            raise UnavailableError(what, path=str(self.path), needs="the key", key_id=key_id.hex())
        return found

    def _table(self, head: bytes) -> dict[str, _Placed]:
        """The sections, which must lie as they were written."""
        start = _HEADER.size + self._facts_bytes
        rows = [_SECTION.unpack_from(head, start + _SECTION.size * i) for i in range(self._sections)]
        ends = [row[3] for row in rows[1:]] + [self._blocks]
        found: dict[str, _Placed] = {}
        end, first = len(head), 0
        for i, ((raw, offset, size, block, block_bytes, by), stop) in enumerate(zip(rows, ends, strict=True)):
            name = raw.rstrip(b"\0").decode("latin-1")
            blocks = stop - block
            sound = offset == _aligned(end) and block == first and blocks >= 0 and block_bytes > 0 and by <= i
            if by == 0:
                sound = sound and blocks == -(-size // block_bytes)
            if not sound or offset + size > len(self._data) or name in found:
                raise self._damaged("the table of sections is none", "sections", start + _SECTION.size * i)
            found[name] = _Placed(name, offset, size, block, block_bytes, by - 1, blocks)
            end, first = offset + size, stop
        if end != len(self._data) or first != self._blocks:
            raise self._damaged("the table of sections is none", "sections", start)
        return found

    def _between(self) -> None:
        """What lies between the sections, and before the first of them, are zeros."""
        end = _HEADER.size + self._facts_bytes + _SECTION.size * self._sections + CHECK_BYTES * self._blocks
        end += MARK_BYTES
        for placed in self.sections.values():
            odd = np.flatnonzero(self._data[end : placed.offset])
            if len(odd):
                raise self._damaged("something stands between the sections", placed.name, end + int(odd[0]))
            end = placed.offset + placed.size_bytes

    def _damaged(self, message: str, section: str, offset: int, **facts: Fact) -> DamagedError:
        return DamagedError(message, path=str(self.path), section=section, offset=offset, **facts)


def _wide(first: NDArray[np.int64], last: NDArray[np.int64]) -> list[tuple[int, int]]:
    """Of rows that reach over more than two blocks the first and last of these."""
    wide = np.flatnonzero(last - first > 1)
    return list(zip(first[wide].tolist(), last[wide].tolist(), strict=True))


def _mark(cipher: FileCipher | None, data: Buffer) -> bytes:
    return hashlib.sha256(data).digest() if cipher is None else cipher.mark(data)
