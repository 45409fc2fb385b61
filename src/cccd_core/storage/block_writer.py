"""Writes files of checked blocks: see `storage.block_layout`."""

from __future__ import annotations

import hashlib
import os
import secrets
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from cccd_core.errors import ParameterError
from cccd_core.storage import whole_file
from cccd_core.storage.block_layout import (
    CLEAR,
    FACTS_MOST,
    HEADER,
    MARK_BYTES,
    SECTION,
    SECTIONS_MOST,
    BlockKind,
    Placed,
    Section,
    aligned,
    mark_of,
)
from cccd_core.storage.cipher import CHECK_BYTES, FILE_ID_BYTES, Buffer, Cipher
from cccd_core.storage.faults import file_error


class BlockWriter:
    """Writes one file, section by section, in the order of the plan; `finish` puts it under its name.

    What is given to `write` is cut into blocks; a section that another one bounds is given one block a call. A process
    that is killed leaves at most `.cccd-*.part`; so does no error. FileError, DiskFullError.
    """

    def __init__(
        self, folder: Path, kind: BlockKind, facts: bytes, sections: Sequence[Section], cipher: Cipher | None
    ) -> None:
        if len(facts) > FACTS_MOST or len(sections) > SECTIONS_MOST:
            raise ParameterError("too much is said of a file", facts=len(facts), sections=len(sections))
        self._folder, self._kind, self._facts = folder, kind, facts
        names = [section.name for section in sections]
        blocks = sum(section.count for section in sections)
        self._data_at = HEADER.size + len(facts) + SECTION.size * len(sections) + CHECK_BYTES * blocks + MARK_BYTES
        self._placed: list[Placed] = []
        end, first = self._data_at, 0
        for section in sections:
            offset = aligned(end)
            by = -1 if section.bounded_by is None else names.index(section.bounded_by)
            size = section.size_bytes
            self._placed.append(Placed(section.name, offset, size, first, section.block_bytes, by, section.count))
            end, first = offset + size, first + section.count
        self._size = end
        self._checks = bytearray(CHECK_BYTES * blocks)
        self._key_id = CLEAR if cipher is None else cipher.key_id
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
        head = HEADER.pack(
            self._kind.magic, self._kind.version, len(self._facts), len(self._placed), 0,
            len(self._checks) // CHECK_BYTES, self._data_at, self._size, self._key_id, self._file_id,
        ) + self._facts  # fmt: skip
        for one in self._placed:
            place = (one.offset, one.size_bytes, one.first_block, one.block_bytes, one.bounded_by + 1)
            head += SECTION.pack(one.name.encode(), *place)
        head += self._checks
        mark = mark_of(self._cipher, head)
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

    def _put(self, placed: Placed, block: Buffer) -> None:
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
