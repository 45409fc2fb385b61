"""The templates of a gallery as they lie in its tables: as they are, or encrypted under a key that is not there.

What is encrypted is a finger's record, bound to its gallery, its person's number and its place; and the checksum of a
person, which would tell whoever has a template whether it is enrolled, is made with the key. Identifiers, numbers and
withdrawals are not encrypted.
"""

from __future__ import annotations

import hmac

from cccd_core.dedup.gallery.records import Fingers, checksum
from cccd_core.errors import DamagedError, UnavailableError
from cccd_core.storage.cipher import SEALED_RECORD, Cipher


class Sealing:
    """What stands between a gallery and its tables. `cipher` None: nothing is encrypted."""

    def __init__(self, cipher: Cipher | None, gallery_id: str) -> None:
        self._clear = cipher is None or cipher.clear_too
        self._cipher = None if cipher is None else cipher.of_records(gallery_id.encode())

    def demand(self, stored: bytes | None) -> None:
        """Whether the key goes with a gallery of which this is a stored record; None of an empty one.

        UnavailableError for a key that is missing, another one, or one that the gallery is not encrypted by.
        """
        if stored is None:
            return
        if not stored.startswith(SEALED_RECORD):
            if not self._clear:
                raise UnavailableError("the gallery is not encrypted", needs="cccd gallery rotate, which encrypts it")
        elif self._cipher is None:
            raise UnavailableError("the gallery is encrypted", needs="its key")
        else:
            self._cipher.unseal(b"", stored)  # for its key alone: the place is another

    def put(self, sequence: int, place: int, record: bytes) -> bytes:
        """The record of a finger as it is to be stored."""
        return record if self._cipher is None else self._cipher.seal(_at(sequence, place), record)

    def get(self, sequence: int, place: int, stored: bytes) -> bytes:
        """The record of a finger as it was. DamagedError where it was altered or is another's."""
        if not stored.startswith(SEALED_RECORD) and self._clear:
            return stored  # which the person's checksum speaks of
        if self._cipher is None:
            raise UnavailableError("the gallery is encrypted", needs="its key")
        record = self._cipher.unseal(_at(sequence, place), stored)
        if record is None:
            raise DamagedError("an encrypted record was altered, or is another's", sequence=sequence, place=place)
        return record

    def is_current(self, stored: bytes) -> bool:
        """Whether a stored record is as `put` would store it now."""
        if self._cipher is None:
            return not stored.startswith(SEALED_RECORD)
        return self._cipher.is_current(stored)

    def checksum(self, person_id: str, fingers: Fingers) -> bytes:
        """What is stored beside a person to compare by: 32 bytes."""
        return self._checksums(person_id, fingers)[0]

    def matches(self, person_id: str, fingers: Fingers, stored: bytes) -> bool:
        """Whether the stored checksum is that of this person with these records."""
        return any(hmac.compare_digest(one, stored) for one in self._checksums(person_id, fingers))

    def _checksums(self, person_id: str, fingers: Fingers) -> tuple[bytes, ...]:
        clear = checksum(person_id, fingers)
        if self._cipher is None:
            return (clear,)
        return (*self._cipher.marks(clear), *((clear,) if self._clear else ()))


def _at(sequence: int, place: int) -> bytes:
    return sequence.to_bytes(8, "big") + place.to_bytes(8, "big", signed=True)
