"""What the ground asks of whoever encrypts what lies on a disk; `storage.aes_gcm` is one."""

from __future__ import annotations

from typing import Final, Protocol, TypeAlias

CHECK_BYTES: Final = 16  # of a tag, or of the digest that stands in its place where nothing is encrypted
KEY_ID_BYTES: Final = 8
FILE_ID_BYTES: Final = 16
SEALED_RECORD: Final = b"SLD1"  # what an encrypted record begins with

Buffer: TypeAlias = bytes | bytearray | memoryview


class FileCipher(Protocol):
    """What encrypts the blocks of one file."""

    def seal(self, number: int, block: Buffer) -> bytes:
        """The encrypted block, of the same size, and its tag of 16 bytes after it."""

    def unseal(self, number: int, block: Buffer, tag: bytes) -> bytes | None:
        """The block as it was; None where it or its tag was altered or is of another place."""

    def mark(self, data: Buffer) -> bytes:
        """32 bytes that nobody without the key can make for other data."""


class RecordCipher(Protocol):
    """What encrypts the records of one table, each by itself; a record says under which key it is."""

    def seal(self, place: bytes, record: bytes) -> bytes:
        """The record as it is to be stored at this place."""

    def unseal(self, place: bytes, stored: bytes) -> bytes | None:
        """The record as it was; None where it was altered or is of another place. UnavailableError where its key is
        not there."""

    def is_current(self, stored: bytes) -> bool:
        """Whether it is encrypted by the key for new records."""

    def marks(self, data: bytes) -> tuple[bytes, ...]:
        """32 bytes that nobody without the key can make for other data, by each key that is there; the first is the one
        for new records."""


class Cipher(Protocol):
    """The keys under which files and records lie on a disk."""

    @property
    def key_id(self) -> bytes:
        """Eight bytes that name the key for what is new and say nothing of it."""

    @property
    def clear_too(self) -> bool:
        """Whether what is not encrypted is read as well: for the change from one to the other alone."""

    def of_file(self, key_id: bytes, file_id: bytes) -> FileCipher | None:
        """What encrypts the file of this identity; None where the key of that name is not there."""

    def of_records(self, table_id: bytes) -> RecordCipher:
        """What encrypts the records of the table of this identity."""
