"""Numbers of people as a register keeps them: as they are, or under a key.

Under a key the place of a number has its mark, HMAC-SHA256 with a secret of the register's own, in hexadecimal: who
has the number finds its row, every rule on it holds, and who has the rows alone learns nothing. The number itself
stands beside it, encrypted, and so does the secret. Identifiers of people are made with the secret too: a plain digest
of dossier and number would tell the number to whoever tries all there are.

Another key (`rotate`) encrypts numbers and secret anew. Marks stay: who had the earlier key and a copy of the register
of its time can tell by trying whose number a later mark is.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from sqlalchemy import Connection, RowMapping, delete, insert, select, update

from cccd_core.errors import ConflictError, DamagedError, UnavailableError
from cccd_core.issuance.register.database import open_register
from cccd_core.issuance.register.tables import CARDS, GIVEN_UP, IDENTITY, NUMBERS, SEALING
from cccd_core.storage.cipher import Cipher, RecordCipher
from cccd_core.storage.database import Database, repeated

_SECRET_BYTES: Final = 32
_SECRET_PLACE: Final = b"secret"
_BLOCK: Final = 500


class Numbers:
    """How numbers stand in one register, and what is made of them. `cipher` None: as they are. Without `begin` they
    stay so where no key was given before."""

    def __init__(self, database: Database, register_id: str, cipher: Cipher | None, *, begin: bool = True) -> None:
        self._where = database.where
        if not begin:
            with database.read() as connection:
                if connection.execute(select(SEALING.c.key_id)).first() is None:
                    cipher = None
        self._key_id = None if cipher is None else cipher.key_id
        self._keys = None if cipher is None else cipher.of_records(register_id.encode())
        self._secret: bytes | None = None
        if self._keys is not None:
            self._secret = self._begin(database, self._keys)

    def demand(self, connection: Connection) -> None:
        """UnavailableError where numbers stand there under another key than this, or under one where this has none."""
        found = connection.execute(select(SEALING.c.key_id)).scalar()
        if (None if found is None else bytes(found)) != self._key_id:
            raise UnavailableError(
                "the register's numbers are encrypted" if self._key_id is None else
                "the register's numbers are encrypted by another key",
                needs="their key", path=self._where,
            )  # fmt: skip

    def stored(self, number: str) -> str:
        """What stands in the place of a number."""
        return number if self._secret is None else _mark(self._secret, "number", number)

    def sealed(self, number: str) -> bytes | None:
        """What stands beside it."""
        return None if self._keys is None else self._keys.seal(self.stored(number).encode(), number.encode())

    def number(self, stored: str, sealed: bytes | None) -> str:
        """The number of a row. DamagedError where it was altered."""
        return stored if self._keys is None else _opened(self._keys, stored, sealed, self._where)

    def person_id(self, dossier_id: str, number: str) -> str:
        """What the gallery calls the person that a dossier enrols: the same for the same dossier."""
        if self._secret is None:
            return clear_person_id(dossier_id, number)
        return "P" + _mark(self._secret, "person", dossier_id, number)[:24]

    def _begin(self, database: Database, keys: RecordCipher) -> bytes:
        """The register's secret, drawn by the first who opens it with a key."""
        with database.read() as connection:
            row = connection.execute(select(SEALING)).mappings().first()
        if row is None:
            with database.write() as connection:
                row = connection.execute(select(SEALING)).mappings().first()
                if row is None:
                    if connection.execute(select(NUMBERS.c.person_id).limit(1)).first() is not None:
                        raise ConflictError(
                            "the register's numbers are not encrypted", path=self._where,
                            needs="cccd register rotate --to KEY",
                        )  # fmt: skip
                    return _begun(connection, keys, self._key_id)
        self._demand_key(row)
        return _secret(keys, row, self._where)

    def _demand_key(self, row: RowMapping) -> None:
        if bytes(row["key_id"]) != self._key_id:
            raise UnavailableError(
                "the register's numbers are encrypted by another key", needs="their key", path=self._where
            )


def numbers_of(database: Database, cipher: Cipher | None) -> Numbers:
    """How numbers stand in a register that is there: as they are where no key was given before, whatever `cipher` is.
    UnavailableError where they are encrypted by another key."""
    with database.read() as connection:
        register_id = connection.execute(select(IDENTITY.c.register_id)).scalar()
    return Numbers(database, str(register_id), None if register_id is None else cipher, begin=False)


def clear_person_id(dossier_id: str, number: str) -> str:
    """`Numbers.person_id` where numbers stand there as they are."""
    return "P" + hashlib.sha256(f"{dossier_id}\0{number}".encode()).hexdigest()[:24]


def rotate(where: Path | str, new: Cipher, old: Cipher | None = None) -> int:
    """Encrypts the numbers of the register at `where` by another key, or by the first, in one transaction; how many.
    They are out of the tables as they stood when this returns (`Database.purge`).

    ConflictError where there is nobody's register yet; UnavailableError where the key that they are under is not
    `old`. Errors as `open_register`.
    """
    database = open_register(where, make=False)
    try:
        done = _rotate(database, new, old)
        database.purge()
    finally:
        database.close()
    return done


@repeated
def _rotate(database: Database, new: Cipher, old: Cipher | None) -> int:
    with database.write() as connection:
        register_id = connection.execute(select(IDENTITY.c.register_id)).scalar()
        if register_id is None:
            raise ConflictError("the register was never used: give the key when it is", path=database.where)
        table, row = str(register_id).encode(), connection.execute(select(SEALING)).mappings().first()
        keys = new.of_records(table)
        if row is None:
            secret = _begun(connection, keys, new.key_id)
            return _seal_all(connection, keys, secret)
        if bytes(row["key_id"]) == new.key_id:
            return 0
        if old is None or bytes(row["key_id"]) != old.key_id:
            raise UnavailableError(
                "the register's numbers are encrypted by another key", needs="their key", path=database.where
            )
        before = old.of_records(table)
        secret = keys.seal(_SECRET_PLACE, _secret(before, row, database.where))
        connection.execute(update(SEALING).values(key_id=new.key_id, secret=secret))
        done = 0
        for each in _rows(connection):
            number = _opened(before, each["number"], each["sealed"], database.where)
            sealed = keys.seal(each["number"].encode(), number.encode())
            connection.execute(update(NUMBERS).where(NUMBERS.c.number == each["number"]).values(sealed=sealed))
            done += 1
        return done


def _seal_all(connection: Connection, keys: RecordCipher, secret: bytes) -> int:
    """Puts marks in the place of numbers; what refers to a number goes with it."""
    for row in connection.execute(select(CARDS.c.card_id, CARDS.c.replaces).where(CARDS.c.replaces.is_not(None))).all():
        mark = _mark(secret, "number", row.replaces)
        connection.execute(update(CARDS).where(CARDS.c.card_id == row.card_id).values(replaces=mark))
    for row in connection.execute(select(GIVEN_UP.c.number, GIVEN_UP.c.successor)).all():
        marks = {"number": _mark(secret, "number", row.number), "successor": _mark(secret, "number", row.successor)}
        connection.execute(update(GIVEN_UP).where(GIVEN_UP.c.number == row.number).values(marks))
    done = 0
    for row in connection.execute(select(NUMBERS.c.number, NUMBERS.c.person_id)).all():
        mark = _mark(secret, "number", row.number)
        sealed = keys.seal(mark.encode(), row.number.encode())
        connection.execute(insert(NUMBERS).values(number=mark, person_id=row.person_id, sealed=sealed))
        connection.execute(update(CARDS).where(CARDS.c.number == row.number).values(number=mark))
        connection.execute(delete(NUMBERS).where(NUMBERS.c.number == row.number))
        done += 1
    return done


def _rows(connection: Connection) -> Iterator[RowMapping]:
    after = ""
    while found := (
        connection.execute(select(NUMBERS).where(NUMBERS.c.number > after).order_by(NUMBERS.c.number).limit(_BLOCK))
        .mappings()
        .all()
    ):
        yield from found
        after = found[-1]["number"]


def _begun(connection: Connection, keys: RecordCipher, key_id: bytes | None) -> bytes:
    secret = secrets.token_bytes(_SECRET_BYTES)
    connection.execute(insert(SEALING).values(one=1, key_id=key_id, secret=keys.seal(_SECRET_PLACE, secret)))
    return secret


def _secret(keys: RecordCipher, row: RowMapping, where: str) -> bytes:
    found = keys.unseal(_SECRET_PLACE, bytes(row["secret"]))
    if found is None or len(found) != _SECRET_BYTES:
        raise DamagedError("the register's secret was altered", path=where)
    return found


def _opened(keys: RecordCipher, stored: str, sealed: bytes | None, where: str) -> str:
    found = None if sealed is None else keys.unseal(stored.encode(), bytes(sealed))
    if found is None:
        raise DamagedError("a number in the register was altered", path=where)
    return found.decode()


def _mark(secret: bytes, *parts: str) -> str:
    return hmac.digest(secret, "\0".join(parts).encode(), "sha256").hex()
