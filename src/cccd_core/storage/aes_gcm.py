"""AES-256-GCM for what lies on a disk: a key, those before it, and what encrypts the blocks of one file or the rows of
one table.

No key encrypts two things: of each key of 32 bytes, HKDF-SHA256 makes one for every file, by the file's random
identity. A block's nonce is its number, which stands in the associated data with that identity, so that no block can
be moved, within a file or to another one. This is the one file of the ground that knows `cryptography`.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from cccd_core.errors import ParameterError
from cccd_core.storage.block_file import CHECK_BYTES, KEY_ID_BYTES, Buffer

KEY_BYTES: Final = 32
_PURPOSE: Final = b"cccd_core blocks of one file"


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


class FileKey:
    """What encrypts the blocks of one file."""

    __slots__ = ("_aead", "_file_id", "_marking")

    def __init__(self, key: bytes, file_id: bytes) -> None:
        made = HKDF(hashes.SHA256(), 2 * KEY_BYTES, salt=file_id, info=_PURPOSE).derive(key)
        self._aead = AESGCM(made[:KEY_BYTES])
        self._marking = made[KEY_BYTES:]
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


def _key_id(key: bytes) -> bytes:
    """A name of the key that says nothing of it, and is not zeros."""
    return hashlib.sha256(b"cccd_core key id" + key).digest()[:KEY_ID_BYTES]
