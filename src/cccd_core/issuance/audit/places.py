"""Which trail an act is told to, and a trail by the name of its place.

A place is a file of lines, a file of SQLite, or a `postgresql://` URL. A folder (of a gallery, or in which a register
lies) that has the file `trail.json` demands that whatever is done with it is told to the place that the file names:

    {"format": "cccd-trail-place", "version": 1, "where": "postgresql://audit@db.example/cccd"}

A register in a server whose database has a trail demands that one.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final

from cccd_core.errors import ConflictError, DamagedError, FileError, ParameterError
from cccd_core.issuance.audit.sql import SqlStore, has_trail
from cccd_core.issuance.audit.stores import FILE_BYTES_MAX, WHAT, BytesReader, FileStore, TrailReader, TrailStore
from cccd_core.issuance.audit.trail import Trail
from cccd_core.storage import pointer, whole_file
from cccd_core.storage.postgres import SCHEME, URL_CHARACTERS_MOST, at_server, demand_url

PLACE_FILE: Final = "trail.json"
VARIABLE: Final = "CCCD_TRAIL"
_FORMAT: Final = "cccd-trail-place"
_PLACE_BYTES_MOST: Final = 8192
_SQLITE: Final = b"SQLite format 3\0"
_TABLES: Final = frozenset({".sqlite", ".sqlite3", ".db"})


@contextmanager
def opened(where: str, *, make: bool = True) -> Iterator[TrailStore]:
    """The trail at a place, to be added to; begun where there is none and `make` lets it. Errors as `SqlStore`;
    FileError where there is none."""
    path, served = Path(where), at_server(where)
    if served or _is_tables(path):
        with closing(SqlStore(where if served else path, make=make)) as store:
            yield store
        return
    if not make and not path.exists():
        raise FileError("there is no audit trail", path=where)
    yield FileStore(path)


@contextmanager
def looked_at(where: str) -> Iterator[TrailReader]:
    """The trail at a place as it is, whatever was done to it. FileError where there is none; errors as `at_server`."""
    path, served = Path(where), at_server(where)
    if served or (_is_tables(path) and path.exists()):
        with closing(SqlStore(where if served else path, make=False, as_it_is=True)) as store:
            yield store
        return
    if not path.is_file():  # a pipe, which gives its bytes once; or what cannot be read, as the error says
        yield BytesReader(whole_file.read(path, WHAT, most=FILE_BYTES_MAX))
    else:
        yield FileStore(path)


@contextmanager
def trail_for(given: str | None, *, folder: Path | None = None, register: str | None = None) -> Iterator[Trail | None]:
    """The trail for acts on what is in a folder, or on a register (a file, or a URL), at the place that `place_for`
    finds; None where there is none. Errors as `place_for`, and as `opened`."""
    with trail_at(place_for(given, folder=folder, register=register)) as trail:
        yield trail


@contextmanager
def trail_at(where: str | None) -> Iterator[Trail | None]:
    """The trail at a place that was found (`place_for`), begun there where there is none; None for no place."""
    if where is None:
        yield None
        return
    with opened(where) as store:
        yield Trail(store)


def place_for(given: str | None, *, folder: Path | None = None, register: str | None = None) -> str | None:
    """The place to which acts are told: the one that register or folder demand, else `given`, else the one in the
    environment (`CCCD_TRAIL`); None where there is none of these.

    ConflictError where another one is given than is demanded; DamagedError for a `trail.json` that is none.
    """
    where = demanded(folder=folder, register=register)
    if where is not None and given is not None and not _same(where, given):
        raise ConflictError("what is done here is told to another audit trail", demanded=where, given=given)
    return where or given or os.environ.get(VARIABLE) or None


def demanded(*, folder: Path | None = None, register: str | None = None) -> str | None:
    """The place to which whatever is done with a register and a folder is told: the one that the register demands, else
    the folder's; None where neither says so."""
    folders = [folder]
    if register is not None and register.startswith(SCHEME):
        if has_trail(register):
            return register
    elif register is not None:
        folders.insert(0, Path(register).parent)
    for one in filter(None, folders):
        if (one / PLACE_FILE).exists():
            return _named(one / PLACE_FILE)
    return None


def demand(folder: Path, where: str) -> None:
    """Lets a folder demand that what is done with it is told to this place, whose trail is begun there. A place that is
    demanded already stays: ConflictError where it is another one."""
    absolute = where if where.startswith(SCHEME) else str(Path(where).resolve())
    path = folder / PLACE_FILE
    if path.exists():
        known = _named(path)
        if not _same(known, absolute):
            raise ConflictError("what is done here is told to another audit trail", demanded=known, given=where)
        return
    with opened(absolute):
        pass
    data = json.dumps({"format": _FORMAT, "version": pointer.VERSION, "where": absolute}, indent=1, ensure_ascii=False)
    whole_file.write(path, f"{data}\n".encode(), private=True)


def _named(path: Path) -> str:
    where = pointer.named(path, "the place of an audit trail", kind=_FORMAT, key="where", most=_PLACE_BYTES_MOST)
    if not 0 < len(where) <= URL_CHARACTERS_MOST:
        raise DamagedError("the file does not name the place of an audit trail", path=str(path))
    if where.startswith(SCHEME):
        try:
            return demand_url(where)
        except ParameterError as error:
            raise DamagedError(error.message, **{**error.facts, "path": str(path)}) from None
    return where


def _same(one: str, other: str) -> bool:
    return one == other or (
        not one.startswith(SCHEME) and not other.startswith(SCHEME) and Path(one).resolve() == Path(other).resolve()
    )


def _is_tables(path: Path) -> bool:
    if not path.exists():
        return path.suffix in _TABLES
    try:
        start = b""
        if path.is_file():
            with path.open("rb") as file:
                start = file.read(len(_SQLITE))
    except OSError:
        return False  # whoever opens it says why
    return start == _SQLITE
