"""The key of an encrypted gallery, as the commands take it."""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, TypeAlias

import typer

from cccd_core.cli.common import no_stream
from cccd_core.errors import ParameterError, UnavailableError
from cccd_core.plain import decode
from cccd_core.storage import whole_file

if TYPE_CHECKING:
    from cccd_core.storage.aes_gcm import KeyRing

KEY_VARIABLE: Final = "CCCD_GALLERY_KEY"
KEY_DIGITS: Final = 64
_FILE_MOST: Final = 4096
_DIGITS: Final = re.compile(r"[0-9A-Fa-f]{32,}")  # a key, or most of one


@dataclass(frozen=True, slots=True)
class WrappedKey:
    """A key encrypted for an RSA key of a PKCS #11 token, as it stands in a file: JSON, `wrapped` in hexadecimal."""

    module: str
    token: str
    key: str
    wrapped: bytes = field(repr=False)


KeyOption: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        "--key",
        metavar="FILE",
        help=f"Key of an encrypted gallery: {KEY_DIGITS} hexadecimal digits, or what a token decrypts to it; "
        f"{KEY_VARIABLE} has it otherwise.",
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
    """The key in a file, or the one that a token makes of what is in the file. Errors as `cipher_of`, among them that
    the key itself was given, which no error shows; UnavailableError, SigningError of the token."""
    if _DIGITS.fullmatch(str(path)) is not None and not path.exists():
        raise ParameterError(
            "a key stands in no command line, where others see it: take this one for known, and another",
            needs=f"a file, or {KEY_VARIABLE}",
        )
    text = whole_file.read(path, "gallery's key", most=_FILE_MOST).decode("utf-8", "replace")
    if text.lstrip().startswith("{"):
        return _unwrapped(text, path)
    return _bytes(text, path=str(path))


def _unwrapped(text: str, path: Path) -> bytes:
    """The key that a token decrypts."""
    from cccd_core.pki.directory import PIN_VARIABLE

    try:
        wrapped = decode(WrappedKey, json.loads(text))
    except (ValueError, RecursionError):
        raise ParameterError(
            "no gallery's key: neither digits nor a key that a token decrypts", path=str(path)
        ) from None
    pin = os.environ.get(PIN_VARIABLE, "")
    if not pin:
        raise UnavailableError("the gallery's key is decrypted by a token", needs=f"its PIN in {PIN_VARIABLE}")
    try:
        from cccd_core.signing.pkcs11 import unwrap
    except ImportError:
        raise UnavailableError("python-pkcs11 is not installed", needs="the extra hsm") from None
    where = {"token": wrapped.token, "key": wrapped.key}
    found = unwrap(wrapped.module, **where, pin=pin, wrapped=wrapped.wrapped)
    if len(found) != KEY_DIGITS // 2:
        raise ParameterError("what the token decrypted is no gallery's key", path=str(path))
    return found


def _bytes(text: str, **where: str) -> bytes:
    digits = text.strip()
    if len(digits) != KEY_DIGITS or not set(digits.lower()) <= set("0123456789abcdef"):
        raise ParameterError(f"a gallery's key is {KEY_DIGITS} hexadecimal digits", **where)
    return bytes.fromhex(digits)
