"""The one kind of error this library raises on purpose.

Every error carries its facts (offset, tag, status word, path, ...) as data, so that a caller, a log line or a report
can show them without parsing a sentence. Facts never hold keys, templates or personal data: put an offset, a length,
a field's name or a file's path there, not the bytes or the value that was wrong.

A mistake of the program itself is none of these: it comes out as Python's own RuntimeError or TypeError, and nobody
catches it, so that no card is spoiled and no dossier refused for it.
"""

from __future__ import annotations

from typing import ClassVar, TypeAlias

from cccd_core.printable import shown

Fact: TypeAlias = str | int | float | bool | None


class CccdError(Exception):
    """Root of every error raised by `cccd_core`.

    `message` is one sentence without personal data; `facts` are the machine-readable circumstances. `kind` is a
    stable, lower-case word for reports and JSON output.
    """

    kind: ClassVar[str] = "error"

    def __init__(self, message: str, /, **facts: Fact) -> None:
        super().__init__(message)
        self.message = message
        self.facts: dict[str, Fact] = dict(facts)

    def __str__(self) -> str:
        if not self.facts:
            return self.message
        return f"{self.message} ({', '.join(f'{name}={_show(value)}' for name, value in self.facts.items())})"

    def __reduce__(self) -> tuple[object, ...]:
        return (_rebuild, (type(self), self.message, self.facts))

    def with_facts(self, **facts: Fact) -> CccdError:
        """Adds circumstances known further up (a path, a dossier id) and returns the same error."""
        for name, value in facts.items():
            self.facts.setdefault(name, value)
        return self

    def as_dict(self) -> dict[str, Fact | dict[str, Fact]]:
        """The error as JSON-ready data."""
        return {"kind": self.kind, "message": self.message, "facts": dict(self.facts)}


def _rebuild(cls: type[CccdError], message: str, facts: dict[str, Fact]) -> CccdError:
    return cls(message, **facts)


def _show(value: Fact) -> str:
    if not isinstance(value, str):
        return str(value)
    mark = '"' if "'" in value and '"' not in value else "'"
    return f"{mark}{shown(value)}{mark}"


class FormatError(CccdError):
    """Bytes from outside that are not what their format says; `offset` and, where there is one, `tag` are facts."""

    kind = "format"


class ParameterError(CccdError):
    """A caller's argument or a configuration value out of its range."""

    kind = "parameter"


class UnavailableError(CccdError):
    """Something this machine lacks: an optional package, a reader, a module, a kernel. `needs` says how to get it."""

    kind = "unavailable"


class FileError(CccdError):
    """A file or folder that cannot be read or written; `path` is a fact."""

    kind = "file"


class DiskFullError(FileError):
    """Nothing more fits on the disk (or in the quota): what was being written is not there, what was there is whole."""

    kind = "disk_full"


class DamagedError(CccdError):
    """Stored state (journal, register, gallery, card file) that is not what its kind says, of a version that this
    program does not know, or contradicts itself. Nothing is guessed: somebody must look."""

    kind = "damaged"


class BusyError(CccdError):
    """Another process or thread holds what is asked for: the same call may succeed later."""

    kind = "busy"


class ConflictError(CccdError):
    """Sound stored state that forbids what was asked: an identifier that is taken or unknown, a step out of order."""

    kind = "conflict"


class TransportError(CccdError):
    """The link to a card failed."""

    kind = "transport"


class CardRemovedError(TransportError):
    """The card left, or lost power, in the middle of the work (a tear)."""

    kind = "card_removed"


class CardError(CccdError):
    """The card answered with a status word that ends the operation; `sw` is a fact, as four hexadecimal digits."""

    kind = "card"


class AuthenticationError(CccdError):
    """One side of a channel did not prove who it is; never retried with the same key. `tries_left` is a fact where the
    card says it."""

    kind = "authentication"


class SecureMessagingError(CccdError):
    """A protected command or response failed its check: the channel is dead."""

    kind = "secure_messaging"


class CertificateError(CccdError):
    """A certificate, list or path that does not validate."""

    kind = "certificate"


class SigningError(CccdError):
    """A key that cannot sign."""

    kind = "signing"


class VerificationError(CccdError):
    """What was read is not what was meant: a hash, a signature, a field."""

    kind = "verification"
