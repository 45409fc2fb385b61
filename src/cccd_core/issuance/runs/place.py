"""Where the register of a gallery is: `register.sqlite` in its folder, or what `register.json` there names.

A gallery has one register for good: who is enrolled in the one stands in the other, and a run that asked another one
whose a number is would issue every card a second time.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

from cccd_core.errors import ConflictError
from cccd_core.storage import pointer, whole_file
from cccd_core.storage.postgres import at_server, demand_url

NAMING_FILE: Final = "register.json"
_OWN_FILE: Final = "register.sqlite"
_FORMAT: Final = "cccd-register"
_BYTES_MOST: Final = 8192


def register_of(gallery: Path, given: Path | str | None = None) -> Path | str:
    """The register of a gallery's folder: a file's path, or a `postgresql://` URL. ConflictError where `given` is
    another one; DamagedError for a file that names none, FileError."""
    own, named = gallery / _OWN_FILE, _named(gallery / NAMING_FILE)
    there = named if named is not None else own if given is None or own.exists() else None
    if given is None:
        return own if there is None else there
    wanted = _absolute(given)
    if there is not None and _absolute(there) != wanted:
        raise ConflictError(
            "the gallery goes with another register", path=str(gallery), register=str(there), given=str(wanted)
        )
    return own if _absolute(own) == wanted else wanted


def keep_register(gallery: Path, register: Path | str) -> None:
    """Names the register of a gallery in its folder, where it does not lie there itself. FileError."""
    path = gallery / NAMING_FILE
    if register != gallery / _OWN_FILE and not path.exists():
        said = {"format": _FORMAT, "version": pointer.VERSION, "register": str(register)}
        whole_file.write(path, f"{json.dumps(said, indent=1)}\n".encode(), private=True)


def place(text: str) -> Path | str:
    """A register as a command line names it: a `postgresql://` URL as it is, anything else a path. ParameterError for a
    URL that is none, UnavailableError without the driver."""
    return demand_url(text) if at_server(text) else Path(text)


def _named(path: Path) -> Path | str | None:
    if not path.exists():
        return None
    return place(pointer.named(path, "a register", kind=_FORMAT, key="register", most=_BYTES_MOST))


def _absolute(where: Path | str) -> Path | str:
    return where if at_server(where) else Path(where).resolve()
