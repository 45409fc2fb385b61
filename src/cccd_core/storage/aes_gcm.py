"""AES-256-GCM for what lies on a disk: a key, those before it, and what encrypts the blocks of one file or the rows of
one table.

No key encrypts two things: of each key of 32 bytes, HKDF-SHA256 makes one for every file, by the file's random
identity, and one for every table. A block's nonce is its number, which stands in the associated data with that
identity, so that no block can be moved, within a file or to another one. A record is `SLD1`, the key's name (8 bytes),
a random nonce (12), the encrypted record and its tag (16); table and place are its associated data. This is the one
file of the ground that knows `cryptography`.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Mapping, Sequence
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from cccd_core.errors import ParameterError, UnavailableError
from cccd_core.storage.cipher import CHECK_BYTES, KEY_ID_BYTES, SEALED_RECORD, Buffer

KEY_BYTES: Final = 32
NONCE_BYTES: Final = 12
_FILES: Final = b"cccd_core blocks of one file"
_RECORDS: Final = b"cccd_core records of one table"
_HEAD_BYTES: Final = len(SEALED_RECORD) + KEY_ID_BYTES + NONCE_BYTES


class KeyRing:
    """The key that new files are encrypted by, and earlier ones that are still read."""

    __slots__ = ("_by_id", "clear_too", "key_id")

    def __init__(self, key: bytes, earlier: Sequence[bytes] = (), *, clear_too: bool = False) -> None:
        """Keys of 32 bytes. `clear_too`: whether files that are not encrypted are read as well. ParameterError."""
        if any(len(one) != KEY_BYTES for one in (key, *earlier)):
            raise ParameterError("a key of AES-256 has 32 bytes")
        self._by_id = {_key_id(one): bytes(one) for one in (*earlier, key)}
        self.key_id = _key_id(key)
        self.clear_too = clear_too

    def __repr__(self) -> str:
        return f"KeyRing({self.key_id.hex()}, keys={len(self._by_id)})"

    def of_file(self, key_id: bytes, file_id: bytes) -> FileKey | None:
        """What encrypts the file of this identity; None where the key of that name is not there."""
        key = self._by_id.get(key_id)
        return None if key is None else FileKey(key, file_id)

    def of_records(self, table_id: bytes) -> RecordKeys:
        """What encrypts the records of the table of this identity."""
        return RecordKeys(self.key_id, self._by_id, table_id)


class FileKey:
    """What encrypts the blocks of one file."""

    __slots__ = ("_aead", "_file_id", "_marking")

    def __init__(self, key: bytes, file_id: bytes) -> None:
        self._aead, self._marking = _made(key, file_id, _FILES)
        self._file_id = file_id

    def seal(self, number: int, block: Buffer) -> bytes:
        """The encrypted block, of the same size, and its tag of 16 bytes after it."""
        nonce = number.to_bytes(12, "big")
        return self._aead.encrypt(nonce, bytes(block), self._file_id + nonce)

    def unseal(self, number: int, block: Buffer, tag: bytes) -> bytes | None:
        """The block as it was; None where it or its tag was altered or is of another place."""
        nonce = number.to_bytes(12, "big")
        if len(tag) != CHECK_BYTES:
            return None
        try:
            return self._aead.decrypt(nonce, b"".join((block, tag)), self._file_id + nonce)
        except InvalidTag:
            return None

    def mark(self, data: Buffer) -> bytes:
        """32 bytes that nobody without the key can make for other data."""
        return hmac.digest(self._marking, data, "sha256")


class RecordKeys:
    """What encrypts the records of one table."""

    __slots__ = ("_by_id", "_key_id", "_table_id")

    def __init__(self, key_id: bytes, keys: Mapping[bytes, bytes], table_id: bytes) -> None:
        others = [one for one in keys if one != key_id]
        self._key_id, self._table_id = key_id, table_id
        self._by_id = {one: _made(keys[one], table_id, _RECORDS) for one in (key_id, *others)}

    def seal(self, place: bytes, record: bytes) -> bytes:
        """The record as it is to be stored at this place."""
        nonce = secrets.token_bytes(NONCE_BYTES)
        head = SEALED_RECORD + self._key_id + nonce
        return head + self._by_id[self._key_id][0].encrypt(nonce, record, self._table_id + place)

    def unseal(self, place: bytes, stored: bytes) -> bytes | None:
        """The record as it was; None where it was altered or is of another place. UnavailableError where its key is
        not there."""
        if not stored.startswith(SEALED_RECORD) or len(stored) < _HEAD_BYTES + CHECK_BYTES:
            return None
        key_id = stored[len(SEALED_RECORD) : len(SEALED_RECORD) + KEY_ID_BYTES]
        if key_id not in self._by_id:
            raise UnavailableError(
                "a record is encrypted by another key, or was altered", needs="the key", key_id=key_id.hex()
            )
        nonce = stored[_HEAD_BYTES - NONCE_BYTES : _HEAD_BYTES]
        try:
            return self._by_id[key_id][0].decrypt(nonce, stored[_HEAD_BYTES:], self._table_id + place)
        except InvalidTag:
            return None

    def is_current(self, stored: bytes) -> bool:
        """Whether it is encrypted by the key for new records."""
        return stored.startswith(SEALED_RECORD + self._key_id)

    def marks(self, data: bytes) -> tuple[bytes, ...]:
        """32 bytes that nobody without the key can make for other data, by each key that is there; the first is the one
        for new records."""
        return tuple(hmac.digest(marking, data, "sha256") for _, marking in self._by_id.values())


def _made(key: bytes, identity: bytes, purpose: bytes) -> tuple[AESGCM, bytes]:
    """What encrypts, and the key of marks."""
    made = HKDF(hashes.SHA256(), 2 * KEY_BYTES, salt=identity, info=purpose).derive(key)
    return AESGCM(made[:KEY_BYTES]), made[KEY_BYTES:]


def _key_id(key: bytes) -> bytes:
    """A name of the key that says nothing of it, and is not zeros."""
    return hashlib.sha256(b"cccd_core key id" + key).digest()[:KEY_ID_BYTES]
