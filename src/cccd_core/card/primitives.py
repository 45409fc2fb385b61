"""The symmetric building blocks of every channel: AES-CMAC, AES-CBC, 3DES-CBC, retail MAC, padding, key derivation.

Sources: RFC 4493 (CMAC); ISO/IEC 9797-1 MAC algorithm 3 and padding method 2; ICAO Doc 9303-11, 9.7 (key derivation);
NIST SP 800-108r1, 4.1 (KDF in counter mode).
"""

from __future__ import annotations

import hashlib
import hmac

from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.cmac import CMAC

from cccd_core.errors import SecureMessagingError

AES_BLOCK = 16
DES_BLOCK = 8
ZERO_IV = bytes(AES_BLOCK)
_DES_ZERO_IV = bytes(DES_BLOCK)


def same(left: bytes, right: bytes) -> bool:
    """Equality in time that does not depend on where they differ."""
    return hmac.compare_digest(left, right)


def pad(data: bytes, block: int) -> bytes:
    """ISO/IEC 9797-1 padding method 2: 80, then zeros to a whole number of blocks."""
    return data + b"\x80" + bytes(-(len(data) + 1) % block)


def unpad(data: bytes) -> bytes:
    """Takes padding method 2 off. Raises SecureMessagingError where there is none."""
    stripped = data.rstrip(b"\0")
    if not stripped or stripped[-1] != 0x80:
        raise SecureMessagingError("deciphered data has no padding", length=len(data))
    return stripped[:-1]


def aes_cmac(key: bytes, data: bytes) -> bytes:
    """AES-CMAC, 16 bytes (RFC 4493; AES-192 and -256 alike)."""
    mac = CMAC(algorithms.AES(key))
    mac.update(data)
    return mac.finalize()


def aes_cbc_encrypt(key: bytes, iv: bytes, data: bytes) -> bytes:
    """AES-CBC of whole blocks, no padding."""
    cipher = Cipher(algorithms.AES(key), modes.CBC(iv)).encryptor()
    return cipher.update(data) + cipher.finalize()


def aes_cbc_decrypt(key: bytes, iv: bytes, data: bytes) -> bytes:
    """AES-CBC of whole blocks, no padding. Raises SecureMessagingError for a broken block."""
    if len(data) % AES_BLOCK:
        raise SecureMessagingError("enciphered data is not whole blocks", length=len(data))
    cipher = Cipher(algorithms.AES(key), modes.CBC(iv)).decryptor()
    return cipher.update(data) + cipher.finalize()


class AesSession:
    """One AES key of a session, its objects made once: half of the cost of an APDU otherwise."""

    __slots__ = ("_algorithm", "_block", "_mac", "_unblock")

    def __init__(self, key: bytes) -> None:
        self._algorithm = algorithms.AES(key)
        blocks = Cipher(self._algorithm, modes.ECB())  # noqa: S305 - counters to vectors; the chaining stands below
        self._block = blocks.encryptor()
        self._unblock = blocks.decryptor()
        self._mac = CMAC(self._algorithm)

    def block(self, block: bytes) -> bytes:
        """One block enciphered, as counters are turned into initial vectors."""
        return self._block.update(block)

    def mac(self, data: bytes) -> bytes:
        """AES-CMAC, 16 bytes."""
        mac = self._mac.copy()
        mac.update(data)
        return mac.finalize()

    def encrypt(self, iv: bytes, data: bytes) -> bytes:
        """AES-CBC of whole blocks, no padding."""
        cipher = Cipher(self._algorithm, modes.CBC(iv)).encryptor()
        return cipher.update(data) + cipher.finalize()

    def decrypt(self, iv: bytes, data: bytes) -> bytes:
        """AES-CBC of whole blocks, no padding. Raises SecureMessagingError for a broken block."""
        if len(data) % AES_BLOCK:
            raise SecureMessagingError("enciphered data is not whole blocks", length=len(data))
        return _xor(self._unblock.update(data), (iv + data)[: len(data)])


class TdesSession:
    """Two-key 3DES-CBC with the zero vector (Doc 9303-11, 9.8.6.1), one key of a session."""

    __slots__ = ("_cipher",)

    def __init__(self, key: bytes) -> None:
        self._cipher = Cipher(TripleDES(key + key[:8]), modes.CBC(_DES_ZERO_IV))

    def encrypt(self, data: bytes) -> bytes:
        """Whole blocks, no padding."""
        cipher = self._cipher.encryptor()
        return cipher.update(data) + cipher.finalize()

    def decrypt(self, data: bytes) -> bytes:
        """Whole blocks, no padding. Raises SecureMessagingError for a broken block."""
        if len(data) % DES_BLOCK:
            raise SecureMessagingError("enciphered data is not whole blocks", length=len(data))
        cipher = self._cipher.decryptor()
        return cipher.update(data) + cipher.finalize()


class RetailMac:
    """ISO/IEC 9797-1 MAC algorithm 3 with DES (Doc 9303-11, 9.8.6.2), one key of a session."""

    __slots__ = ("_chain", "_middle", "_outer")

    def __init__(self, key: bytes) -> None:
        first, second = TripleDES(key[:8] * 3), TripleDES(key[8:16] * 3)
        self._chain = Cipher(first, modes.CBC(_DES_ZERO_IV))
        self._middle = Cipher(second, modes.ECB()).decryptor()  # noqa: S305 - one block
        self._outer = Cipher(first, modes.ECB()).encryptor()  # noqa: S305 - one block

    def mac(self, data: bytes) -> bytes:
        """Eight bytes over data that is padded already."""
        last = self._chain.encryptor().update(data)[-DES_BLOCK:]
        return self._outer.update(self._middle.update(last))


def _xor(left: bytes, right: bytes) -> bytes:
    return (int.from_bytes(left, "little") ^ int.from_bytes(right, "little")).to_bytes(len(left), "little")


def tdes_ecb_encrypt(key: bytes, data: bytes) -> bytes:
    """Two-key 3DES block by block, as old key derivations have it."""
    cipher = Cipher(TripleDES(key + key[:8]), modes.ECB()).encryptor()  # noqa: S305 - the methods are defined so
    return cipher.update(data) + cipher.finalize()


def tdes_cbc_encrypt(key: bytes, data: bytes) -> bytes:
    """Two-key 3DES-CBC, zero vector, whole blocks."""
    return TdesSession(key).encrypt(data)


def tdes_cbc_decrypt(key: bytes, data: bytes) -> bytes:
    """Two-key 3DES-CBC, zero vector, whole blocks. Raises SecureMessagingError for a broken block."""
    return TdesSession(key).decrypt(data)


def retail_mac(key: bytes, data: bytes) -> bytes:
    """Retail MAC over data that is padded already: 8 bytes."""
    return RetailMac(key).mac(data)


KDF_ENC = 1
KDF_MAC = 2
KDF_PASSWORD = 3


def kdf(secret: bytes, counter: int, key_bits: int) -> bytes:
    """Doc 9303-11, 9.7.1: the key for a counter (1 encryption, 2 authentication, 3 password) out of a shared secret.

    `key_bits` 112 gives a two-key 3DES key with parity bits set; 128, 192 and 256 give AES keys.
    """
    data = secret + counter.to_bytes(4, "big")
    if key_bits == 112:
        return _with_parity(hashlib.sha1(data, usedforsecurity=False).digest()[:16])
    if key_bits == 128:
        return hashlib.sha1(data, usedforsecurity=False).digest()[:16]
    return hashlib.sha256(data).digest()[: key_bits // 8]


def _with_parity(key: bytes) -> bytes:
    return bytes(byte & 0xFE | (1 - (byte >> 1).bit_count() % 2) for byte in key)


def counter_kdf(key: bytes, label: bytes, context: bytes, bits: int) -> bytes:
    """NIST SP 800-108r1, 4.1, with AES-CMAC: counter (1 byte) | label | 00 | context | length in bits (2 bytes)."""
    blocks = -(-bits // 128)
    tail = label + b"\0" + context + bits.to_bytes(2, "big")
    stream = b"".join(aes_cmac(key, bytes((number,)) + tail) for number in range(1, blocks + 1))
    return stream[: bits // 8]
