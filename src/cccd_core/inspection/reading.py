"""Everything that a chip gives, taken once: access, files, and the proofs that the chip is no copy. Nothing is judged.

Doc 9303-11 clause 4.2 (inspection procedure). What a card, or the bytes on it, can cause ends in a check or in the
state of a file; everything else (a link that fails, a mistake of the program) is no fault of the card and goes through.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from cccd_core.card import CardConnection, ChipReader, Link, ReadOutcome
from cccd_core.card.connection import Trace
from cccd_core.card.pace import ChipMapping
from cccd_core.emrtd import ElementaryFile, com, security_infos, sod
from cccd_core.errors import (
    AuthenticationError,
    CardError,
    CertificateError,
    FormatError,
    SecureMessagingError,
    UnavailableError,
    VerificationError,
)
from cccd_core.inspection.access import NO_CARD_ACCESS, Access, Protocol, open_chip
from cccd_core.inspection.checks import Check, CheckName, Outcome
from cccd_core.plain import Json
from cccd_core.signing.cv import Terminal

CARD_FAULTS: Final = (
    FormatError,
    CardError,
    AuthenticationError,
    SecureMessagingError,
    CertificateError,
    VerificationError,
)
SENSITIVE: Final = frozenset((3, 4))
"""Data groups that a chip gives to extended inspection systems alone (Doc 9303-11 clause 7)."""


class FileState(StrEnum):
    """What became of a file."""

    READ = "read"
    ABSENT = "absent"
    SHUT = "shut"  # there, and not readable with these rights
    DAMAGED = "damaged"  # the card, or what it gave, made no sense


@dataclass(frozen=True, slots=True)
class FileFound:
    """One file that was asked for. `detail` says why it was not read; no personal data."""

    file: ElementaryFile
    state: FileState
    length: int = 0
    detail: str = ""

    def as_dict(self) -> dict[str, Json]:
        """JSON-ready."""
        return {"state": str(self.state), "bytes": self.length, "detail": self.detail}


@dataclass(slots=True)
class ChipRead:
    """What one chip gave. `signed` are the data groups that EF.SOD lists, None where it could not be read;
    `mappings` is what PACE has shown of the chip on each channel (None: nothing); EF.CardSecurity must confirm it."""

    protocol: Protocol | None = None
    checks: list[Check] = field(default_factory=list)
    files: dict[ElementaryFile, bytes] = field(default_factory=dict, repr=False)
    found: dict[ElementaryFile, FileFound] = field(default_factory=dict)
    signed: frozenset[int] | None = None
    mappings: tuple[ChipMapping | None, ...] = ()

    def state(self, file: ElementaryFile) -> FileState | None:
        """What became of a file; None where it was not asked for."""
        known = self.found.get(file)
        return None if known is None else known.state


def read_chip(link: Link, access: Access, *, trace: Trace | None = None) -> ChipRead:
    """Opens a chip and reads all of it. TransportError and CardRemovedError come through, and ParameterError."""
    reading = _Reading(ChipReader(CardConnection(link, trace=trace)), access)
    if reading.open():
        reading.read_all()
    reading.result.mappings = tuple(reading.reader.mappings)
    return reading.result


class _AbsentError(Exception):
    """The chip does not have what a check is about."""


class _Reading:
    """One chip being read."""

    def __init__(self, reader: ChipReader, access: Access) -> None:
        self.reader = reader
        self.access = access
        self.result = ChipRead()

    # ---- access

    def open(self) -> bool:
        result = self.result
        file = ElementaryFile.EF_CARDACCESS
        with self.check(CheckName.CARD_ACCESS_READ):
            self.read(file)
        protocol: Protocol | None = None
        name = CheckName.PACE
        if not self.access.controlled:
            name = CheckName.NO_ACCESS_CONTROL
        elif self.access.mrz is not None and file not in result.files:
            name = CheckName.BAC
        with self.check(name) as said:
            protocol = result.protocol = self._open()
            if protocol is Protocol.BAC:
                said.name = CheckName.BAC
        if self.reader.pace is not None and self.reader.pace.chip_mapping is not None:
            self.look(ElementaryFile.EF_CARDSECURITY)
        return protocol is not None

    def _open(self) -> Protocol:
        file = ElementaryFile.EF_CARDACCESS
        found = self.result.found.get(file)
        without = NO_CARD_ACCESS
        if found is not None and found.state is not FileState.ABSENT:
            without = f"EF.CardAccess cannot be read ({found.detail}), so no PACE"
            if found.state is FileState.SHUT:  # every reader may have it (Doc 9303-11 clause 9.2)
                without += ": the card is blank, or has basic access control alone"
        return open_chip(self.reader, self.access, self.result.files.get(file), without=without)

    # ---- files

    def read_all(self) -> None:
        """EF.COM and EF.SOD, then the chip proves itself, then all data groups."""
        result = self.result
        with self.check(CheckName.EF_COM_READ):
            self.read(ElementaryFile.EF_COM)
        with self.check(CheckName.EF_SOD_READ):
            result.signed = frozenset(sod.parse(self.read(ElementaryFile.EF_SOD)).security_object.digests)
        groups = [ElementaryFile.for_data_group(number) for number in sorted(self.groups())]
        self.prove_chip(groups)
        for file in groups:
            self.look(file)
        if result.signed is not None:
            self.tell_groups(groups)

    def groups(self) -> Iterable[int]:
        """What EF.SOD signs; without it what EF.COM lists; without both, whatever there may be."""
        if self.result.signed is not None:
            return self.result.signed
        try:
            return com.parse(self.result.files.get(ElementaryFile.EF_COM, b"")).data_groups
        except FormatError:
            return range(1, 17)

    def tell_groups(self, groups: list[ElementaryFile]) -> None:
        missing = [self.result.found[file] for file in groups if file not in self.result.files]
        detail = "; ".join(f"{each.file.label}: {each.detail or each.state}" for each in missing)
        outcome = Outcome.HELD
        if any(each.state is not FileState.SHUT for each in missing):
            outcome = Outcome.FAILED
        elif any(each.file.data_group not in SENSITIVE for each in missing):
            outcome = Outcome.UNTOLD
        self.result.checks.append(Check(CheckName.DATA_GROUPS_READ, outcome, detail))

    def look(self, file: ElementaryFile) -> None:
        """Reads a file if it can be read; its state says what became of it."""
        try:
            self.read(file)
        except (_AbsentError, UnavailableError, *CARD_FAULTS):
            return  # the file's state says it

    def read(self, file: ElementaryFile) -> bytes:
        """The content of a file, read once. Raises _AbsentError, or what the card caused."""
        result = self.result
        if file in result.files:
            return result.files[file]
        reading = self.reader.try_read(file)
        error = reading.error
        if reading.outcome is ReadOutcome.CONTENT:
            result.files[file] = reading.content
            warning = "" if error is None else str(error)
            result.found[file] = FileFound(file, FileState.READ, len(reading.content), warning)
            return reading.content
        if error is None or reading.outcome is ReadOutcome.NOT_THERE:
            result.found[file] = FileFound(file, FileState.ABSENT)
            raise _AbsentError(f"there is no {file.label}")
        if reading.rights_missing:
            result.found[file] = FileFound(file, FileState.SHUT, detail="not readable with these rights")
        else:
            result.found[file] = FileFound(file, FileState.DAMAGED, detail=str(error))
        raise error.with_facts(file=file.label)

    # ---- is the chip genuine

    def prove_chip(self, groups: list[ElementaryFile]) -> None:
        """Chip authentication first: what is read after it is known to come from the chip that holds the key."""
        with self.check(CheckName.CHIP_AUTHENTICATION):
            if ElementaryFile.DG14 not in groups:
                raise _AbsentError("there is no DG14")
            dg14 = self.read(ElementaryFile.DG14)
            infos = security_infos.parse(dg14)
            if not (infos.chip_authentication or infos.chip_authentication_public_keys):
                raise _AbsentError("DG14 speaks of no chip authentication")
            self.reader.chip_authentication(dg14)
        if self.access.terminal is not None:
            self.prove_terminal(self.access.terminal)
        with self.check(CheckName.ACTIVE_AUTHENTICATION):
            if ElementaryFile.DG15 not in groups:
                raise _AbsentError("there is no DG15")
            dg15 = self.read(ElementaryFile.DG15)
            self.reader.active_authentication(dg15, self.result.files.get(ElementaryFile.DG14))

    def prove_terminal(self, terminal: Terminal) -> None:
        """That the terminal is refused, or has no certificates for this chip, says nothing about the chip."""
        with self.check(CheckName.TERMINAL_AUTHENTICATION) as said:
            dg14 = self.result.files.get(ElementaryFile.DG14)
            if dg14 is None or not security_infos.parse(dg14).terminal_authentication:
                raise _AbsentError("DG14 speaks of no terminal authentication")
            try:
                rights = self.reader.terminal_authentication(dg14, terminal)
            except CertificateError as error:
                raise UnavailableError(error.message, needs="certificates of the chip's CVCA", **error.facts) from None
            said.detail = " ".join(f"DG{number}" for number in rights.data_groups) or "no right to any data group"

    @contextmanager
    def check(self, name: CheckName) -> Iterator[_Said]:
        """Held when the body ends, failed when it raises what a card or its bytes can cause, untold where this library
        cannot do what the chip wants, absent where the chip does not have it."""
        said = _Said(name)
        try:
            yield said
        except _AbsentError as missing:
            self.result.checks.append(Check(said.name, Outcome.ABSENT, str(missing)))
        except UnavailableError as error:
            self.result.checks.append(Check(said.name, Outcome.UNTOLD, str(error), error.kind))
        except CARD_FAULTS as error:
            self.result.checks.append(Check(said.name, Outcome.FAILED, str(error), error.kind))
        else:
            self.result.checks.append(Check(said.name, Outcome.HELD, said.detail))


@dataclass(slots=True)
class _Said:
    """What the body of a check may add to it."""

    name: CheckName
    detail: str = ""
