"""Reads files of checked blocks, mapped: see `storage.block_layout`."""

from __future__ import annotations

import hashlib
import hmac
import mmap
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cccd_core.errors import DamagedError, Fact, ParameterError, UnavailableError
from cccd_core.storage.block_layout import (
    CLEAR,
    FACTS_MOST,
    HEAD_MOST,
    HEADER,
    MARK_BYTES,
    SECTION,
    SECTIONS_MOST,
    BlockKind,
    Placed,
    aligned,
    mark_of,
)
from cccd_core.storage.cipher import CHECK_BYTES, Buffer, Cipher, FileCipher
from cccd_core.storage.faults import file_error


@dataclass(frozen=True, slots=True)
class Damage:
    """A place of a file that is not what was written: which block of which section, and where it begins."""

    section: str
    block: int
    offset: int


def _aligned_bytes(count: int) -> NDArray[np.uint8]:
    """Room for so many bytes from an address that 64 divides: a line of the cache."""
    room = np.empty(count + 63, np.uint8)
    start = -room.ctypes.data % 64
    return room[start : start + count]


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
        self.facts: bytes = head[HEADER.size : HEADER.size + self._facts_bytes]
        self.sections: Mapping[str, Placed] = self._table(head)
        self._checks = head[-MARK_BYTES - CHECK_BYTES * self._blocks : -MARK_BYTES]
        self._seen = bytearray(self._blocks)
        self._checked = np.frombuffer(self._seen, np.bool_)  # the same as an array
        self._bounds: dict[str, NDArray[np.int64]] = {}
        self._between()

    @classmethod
    def open(cls, path: Path, kind: BlockKind, cipher: Cipher | None = None) -> BlockFile:
        """Maps a file and checks its header and tables: goes with the number of blocks, not with the data."""
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
            try:
                size = os.fstat(descriptor).st_size
                if size < HEADER.size + MARK_BYTES:
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
        if self._cipher is None:
            new = indices[~self._checked[placed.first_block + indices]]
            self._ask_for(placed, bounds[new], bounds[new + 1])
            for index in new.tolist():
                self.block(name, index)
            data = self._data[placed.offset : placed.offset + placed.size_bytes]
            return data, bounds[indices], bounds[indices + 1]
        self._ask_for(placed, bounds[indices], bounds[indices + 1])
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

    def _ask_for(self, placed: Placed, starts: NDArray[np.int64], stops: NDArray[np.int64]) -> None:
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

    def _span(self, placed: Placed, index: int) -> tuple[int, int]:
        if not 0 <= index < placed.blocks:
            raise ParameterError("a section has no such block", section=placed.name, block=index)
        if placed.bounded_by >= 0:
            bounds = self.bounds(placed.name)
            return int(bounds[index]), int(bounds[index + 1])
        start = index * placed.block_bytes
        return start, min(start + placed.block_bytes, placed.size_bytes)

    def _head(self, cipher: Cipher | None) -> bytes:
        """All before the data, its mark checked."""
        fixed = bytes(self._view[: HEADER.size])
        magic, version, facts, sections, zero, blocks, head, size, key_id, file_id = HEADER.unpack(fixed)
        if magic != self.kind.magic:
            raise self._damaged(f"no {self.kind.what}", "header", 0)
        if version != self.kind.version:
            what = f"a {self.kind.what} of another version, or its header is damaged"
            raise self._damaged(what, "header", 8, found=version, known=self.kind.version)
        told = HEADER.size + facts + SECTION.size * sections + CHECK_BYTES * blocks + MARK_BYTES
        sound = facts <= FACTS_MOST and sections <= SECTIONS_MOST and zero == 0
        if not sound or head != told or head > HEAD_MOST or size != len(self._data) or head > size:
            raise self._damaged("the sizes of the header do not agree with the file", "header", 12, size=size)
        self._cipher = self._file_cipher(cipher, key_id, file_id)
        data = bytes(self._view[:head])
        self._mark = data[-MARK_BYTES:]
        if not hmac.compare_digest(mark_of(self._cipher, data[:-MARK_BYTES]), self._mark):
            raise self._damaged("the header or a table is damaged", "header", 0)
        self._facts_bytes, self._sections, self._blocks = facts, sections, blocks
        self._key_id: bytes = key_id
        return data

    def _file_cipher(self, cipher: Cipher | None, key_id: bytes, file_id: bytes) -> FileCipher | None:
        if key_id == CLEAR:
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

    def _table(self, head: bytes) -> dict[str, Placed]:
        """The sections, which must lie as they were written."""
        start = HEADER.size + self._facts_bytes
        rows = [SECTION.unpack_from(head, start + SECTION.size * i) for i in range(self._sections)]
        ends = [row[3] for row in rows[1:]] + [self._blocks]
        found: dict[str, Placed] = {}
        end, first = len(head), 0
        for i, ((raw, offset, size, block, block_bytes, by), stop) in enumerate(zip(rows, ends, strict=True)):
            name = raw.rstrip(b"\0").decode("latin-1")
            blocks = stop - block
            sound = offset == aligned(end) and block == first and blocks >= 0 and block_bytes > 0 and by <= i
            if by == 0:
                sound = sound and blocks == -(-size // block_bytes)
            if not sound or offset + size > len(self._data) or name in found:
                raise self._damaged("the table of sections is none", "sections", start + SECTION.size * i)
            found[name] = Placed(name, offset, size, block, block_bytes, by - 1, blocks)
            end, first = offset + size, stop
        if end != len(self._data) or first != self._blocks:
            raise self._damaged("the table of sections is none", "sections", start)
        return found

    def _between(self) -> None:
        """What lies between the sections, and before the first of them, are zeros."""
        end = HEADER.size + self._facts_bytes + SECTION.size * self._sections + CHECK_BYTES * self._blocks
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
