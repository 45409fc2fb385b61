"""The key of an encrypted gallery, as the commands take it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, TypeAlias

import typer

from cccd_core.cli.common import no_stream
from cccd_core.errors import ParameterError
from cccd_core.storage import whole_file

if TYPE_CHECKING:
    from cccd_core.storage.aes_gcm import KeyRing

KEY_VARIABLE: Final = "CCCD_GALLERY_KEY"
KEY_DIGITS: Final = 64
_FILE_MOST: Final = 4096

KeyOption: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        "--key",
        metavar="FILE",
        help=f"Key of an encrypted gallery: {KEY_DIGITS} hexadecimal digits; {KEY_VARIABLE} has it otherwise.",
        callback=no_stream,
    ),
]


def cipher_of(key: Path | None) -> KeyRing | None:
    """What the gallery is encrypted by; None where no key is given. FileError, ParameterError for what is no key."""
    from cccd_core.storage.aes_gcm import KeyRing

    found = key_of(key)
    return None if found is None else KeyRing(found)


def key_of(key: Path | None) -> bytes | None:
    """The key in a file, or else in the environment."""
    if key is not None:
        return read_key(key)
    text = os.environ.get(KEY_VARIABLE, "")
    return _bytes(text, variable=KEY_VARIABLE) if text else None


def read_key(path: Path) -> bytes:
    """The key in a file."""
    text = whole_file.read(path, "gallery's key", most=_FILE_MOST).decode("ascii", "replace")
    return _bytes(text, path=str(path))


def _bytes(text: str, **where: str) -> bytes:
    digits = text.strip()
    if len(digits) != KEY_DIGITS or not set(digits.lower()) <= set("0123456789abcdef"):
        raise ParameterError(f"a gallery's key is {KEY_DIGITS} hexadecimal digits", **where)
    return bytes.fromhex(digits)
