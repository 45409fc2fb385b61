"""The enrolled fingers of the people of cases: of the gallery, or, for an account of a server that may not read it, as
the register's server hands them out for open cases that the account settles (`fingers_of_my_case`)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final

from sqlalchemy import text

from cccd_core.dedup import EnrolledPerson
from cccd_core.dedup.gallery.folder import gallery_in
from cccd_core.dedup.gallery.protocol import UNKNOWN
from cccd_core.dedup.gallery.reader import person_of
from cccd_core.dedup.gallery.sealing import Sealing
from cccd_core.errors import ConflictError
from cccd_core.issuance.register.database import open_register
from cccd_core.storage.cipher import Cipher
from cccd_core.storage.database import Database

_KEPT_FROM_ME: Final = "SELECT COALESCE(NOT has_schema_privilege(to_regnamespace('cccd_gallery')::oid, 'USAGE'), FALSE)"
_ROWS: Final = text("SELECT * FROM fingers_of_my_case(:person)")


@contextmanager
def enrolled(folder: Path, register: Path | str, cipher: Cipher | None) -> Iterator[Callable[[str], EnrolledPerson]]:
    """What gives the fingers of a person: ConflictError where none are enrolled, or the account may not see them.
    Errors of the gallery in `folder` and of the register besides."""
    with closing(open_register(register, make=False)) as database:
        if _is_kept_from_me(database):
            yield lambda person_id: _handed_out(database, person_id, cipher)
            return
    with closing(gallery_in(folder, cipher=cipher)) as gallery:
        yield gallery.get


def _is_kept_from_me(database: Database) -> bool:
    """Whether there is a gallery beside the register, in a server, that this account may not read."""
    with database.read() as connection:
        if connection.dialect.name != "postgresql":
            return False
        return bool(connection.exec_driver_sql(_KEPT_FROM_ME).scalar())


def _handed_out(database: Database, person_id: str, cipher: Cipher | None) -> EnrolledPerson:
    with database.read() as connection:
        rows = connection.execute(_ROWS, {"person": person_id}).all()
    if not rows:
        raise ConflictError(UNKNOWN)
    sealing, sequence = Sealing(cipher, rows[0].gallery_id), int(rows[0].sequence)
    found = [
        (int(row.place), sealing.get(sequence, row.place, bytes(row.template))) for row in rows if row.place is not None
    ]
    return person_of((sequence, person_id, bytes(rows[0].sha256)), found, sealing, database.where)
