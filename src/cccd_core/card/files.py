"""Reading elementary files of chips as they are: what came of each is a value, not an exception.

ISO/IEC 7816-4:2020, 11.2.2 (SELECT), 11.3 (READ BINARY); ICAO Doc 9303-10, 3 (what every chip can do).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from cccd_core.card import status_words
from cccd_core.card.apdu import SHORT_NE_MAX, CommandApdu, ResponseApdu
from cccd_core.card.connection import CardConnection
from cccd_core.card.profile import INS_SELECT, MF_FID, OFFSET_MAX_EVEN_INS, TAG_DISCRETIONARY, TAG_OFFSET
from cccd_core.emrtd.files import EMRTD_APPLICATION_ID, ElementaryFile
from cccd_core.emrtd.tlv import encode, read_one, total_length
from cccd_core.errors import CardError, CccdError, FormatError, ParameterError, UnavailableError

INS_READ_BINARY: Final = 0xB0
INS_READ_BINARY_ODD: Final = 0xB1
HEAD_BYTES: Final = 8  # enough for any tag and length of a file's content
PROTECTED_ANSWER_MAX: Final = 223  # AES secure messaging in a short answer: 256 less MAC, status, padding
SMALLER_STEPS: Final = (192, 160, 128)  # chips with less room for an answer than 256 bytes
SMALLEST_STEP: Final = SMALLER_STEPS[-1]

# SELECT: control information wanted in none of its forms, as file control information, as file control parameters
_ANSWER_FORMS: Final = ((0x0C, None), (0x00, SHORT_NE_MAX), (0x04, SHORT_NE_MAX))
# A chip that does not do this form of the command, whatever it is about
_OTHER_FORM_WANTED: Final = (
    status_words.WRONG_LENGTH,
    status_words.WRONG_DATA,
    status_words.FUNCTION_NOT_SUPPORTED,
    status_words.INCORRECT_P1_P2,
    status_words.LC_INCONSISTENT,
    status_words.OFFSET_OUTSIDE_FILE,
)
_NO_SUCH_COMMAND: Final = (status_words.INS_NOT_SUPPORTED, status_words.CLA_NOT_SUPPORTED)


class ReadOutcome(StrEnum):
    """What came of reading a file, in one stable word."""

    CONTENT = "content"
    NOT_THERE = "not_there"
    NOT_READABLE = "not_readable"  # the card refuses it, or the way to it is gone; `error` says why
    DAMAGED = "damaged"  # what the card gives is no file of this kind


@dataclass(frozen=True, slots=True)
class FileReading:
    """One file that was asked for. `content` is there for `CONTENT` alone. `error` says why it is not there; beside a
    content it is the card's warning about it (6281: part of it may be damaged).

    `rights_missing`: the card has the file and keeps it from this reader, as it does with DG3 and DG4 where terminal
    authentication was not done (Doc 9303-11, 7).
    """

    file: ElementaryFile
    outcome: ReadOutcome
    content: bytes = field(default=b"", repr=False)
    error: CccdError | None = None
    rights_missing: bool = False

    def require(self) -> bytes:
        """The content, if it was given without a warning. Raises `error` otherwise."""
        if self.error is not None:
            raise self.error
        return self.content


def refused(file: ElementaryFile, sw: int) -> FileReading:
    """The reading of a file that the card answered with this status word."""
    words = status_words.meaning(sw)
    if status_words.not_there(sw):
        error = CardError(f"{file.label} is not there: {words}", **status_words.status_facts(sw))
        return FileReading(file, ReadOutcome.NOT_THERE, error=error)
    if status_words.lacks_rights(sw):
        message = f"{file.label} is not readable with these rights, access needed: {words}"
        error = CardError(message, **status_words.status_facts(sw))
        return FileReading(file, ReadOutcome.NOT_READABLE, error=error, rights_missing=True)
    return unreadable(file, status_words.card_error(sw, f"reading {file.label}"))


def unreadable(file: ElementaryFile, error: CccdError) -> FileReading:
    """The reading of a file to which there is no way."""
    return FileReading(file, ReadOutcome.NOT_READABLE, error=error)


@dataclass(frozen=True, slots=True)
class ReaderLimits:
    """What a chip may ask of a reader, checked once.

    `file_bytes`: the longest file believed; `step_bytes`: the most asked for in one READ BINARY. More than 223 needs
    extended length on both sides, and is asked of a chip only that says it takes it.
    """

    file_bytes: int = 1 << 18
    step_bytes: int = PROTECTED_ANSWER_MAX

    def __post_init__(self) -> None:
        if not 16 <= self.file_bytes <= 1 << 24 or not 16 <= self.step_bytes <= 65_000:
            raise ParameterError("reader limits out of range", file_bytes=self.file_bytes, step_bytes=self.step_bytes)


class _RefusalError(Exception):
    """The card answered with this status word. Stays in this file."""

    def __init__(self, sw: int) -> None:
        super().__init__(f"{sw:04X}")
        self.sw = sw


class _DamageError(Exception):
    """What the card gave is no such file. Stays in this file."""

    def __init__(self, error: CardError) -> None:
        super().__init__(error.message)
        self.error = error


class FileReader:
    """The file system of one chip, as far as reading goes: where it stands, and how it wants to be asked."""

    def __init__(self, connection: CardConnection, limits: ReaderLimits) -> None:
        self._connection = connection
        self._limits = limits
        self._in_application: bool | None = None
        self._odd_by_short_identifier = False
        self._all_by_short_identifier = False
        self._selecting = False  # whether SELECT of a file is what was asked last
        self._warning = status_words.SUCCESS
        self.step_bytes = min(limits.step_bytes, PROTECTED_ANSWER_MAX)
        self.in_body = False  # whether the last command was one that a smaller step would make another

    def powered_up(self) -> None:
        """After a reset: the master file is current."""
        self._in_application = None

    def shrink(self) -> None:
        """The smallest step from now on."""
        self.step_bytes = min(self.step_bytes, SMALLEST_STEP)

    def without_select(self, sw: int) -> bool:
        """Whether this answer to SELECT of a file was about the command: no file is selected from then on, each is read
        by its short identifier, which every eMRTD knows (Doc 9303-10, 3)."""
        about_the_command = self._selecting and (sw in _OTHER_FORM_WANTED or sw in _NO_SUCH_COMMAND)
        self._all_by_short_identifier |= about_the_command
        return about_the_command

    # ---- directories

    def select_application(self) -> None:
        """Makes the eMRTD application current. Raises UnavailableError where there is none, CardError."""
        sw = self._select(0x04, EMRTD_APPLICATION_ID)
        if sw != status_words.SUCCESS and not self._selected_already(sw):
            if status_words.not_there(sw):
                raise UnavailableError("no eMRTD application on this card", needs="an electronic identity card")
            raise status_words.card_error(sw, "selecting the eMRTD application")
        self._in_application = True

    def _selected_already(self, sw: int) -> bool:
        """Whether a chip that does not know the name, or the command, has its one application current: DG1, which
        every eMRTD has, is there."""
        if not status_words.not_there(sw) and sw not in _OTHER_FORM_WANTED and sw not in _NO_SUCH_COMMAND:
            return False
        found = self._select(0x02, ElementaryFile.DG1.fid.to_bytes(2, "big"))
        return found == status_words.SUCCESS or status_words.lacks_rights(found)

    def _select(self, p1: int, name: bytes) -> int:
        """SELECT, in the form that the chip takes; its status word."""
        sw = status_words.SUCCESS
        for p2, ne in _ANSWER_FORMS:
            sw = self._connection.send(CommandApdu(0, INS_SELECT, p1, p2, name, ne)).sw
            if sw not in _OTHER_FORM_WANTED:
                break
        return sw

    def _enter(self, file: ElementaryFile) -> None:
        if file.in_application == self._in_application:
            return
        if file.in_application:
            self.select_application()
            return
        # After a reset the master file is selected; some cards (Vietnam's) refuse to select it, and still are in it.
        sw = self._select(0x00, MF_FID.to_bytes(2, "big"))
        if sw != status_words.SUCCESS and self._in_application:
            raise _RefusalError(sw)
        self._in_application = False

    # ---- files

    def read(self, file: ElementaryFile) -> FileReading:
        """One file: its one data object, whole, without whatever fills the file behind it. Whatever the card answers
        is an outcome. Raises SecureMessagingError (the channel is dead) and TransportError."""
        self._warning = status_words.SUCCESS
        self.in_body = self._selecting = False
        try:
            self._enter(file)
            head = self._open(file)
            content = self._rest(file, head)
        except _RefusalError as refusal:
            return refused(file, refusal.sw)
        except _DamageError as damage:
            return FileReading(file, ReadOutcome.DAMAGED, error=damage.error)
        except (CardError, UnavailableError) as error:
            return unreadable(file, error)
        if self._warning == status_words.SUCCESS:
            return FileReading(file, ReadOutcome.CONTENT, content)
        words = status_words.meaning(self._warning)
        warning = CardError(f"the card warns while reading {file.label}: {words}", sw=f"{self._warning:04X}")
        return FileReading(file, ReadOutcome.CONTENT, content, warning)

    def _open(self, file: ElementaryFile) -> bytes:
        """Makes the file current and reads its head; by its short identifier where the chip does not do SELECT."""
        if not self._all_by_short_identifier:
            self._selecting = True
            sw = self._connection.send(CommandApdu(0, INS_SELECT, 0x02, 0x0C, file.fid.to_bytes(2, "big"))).sw
            unknown, self._selecting = self.without_select(sw), False
            if sw == status_words.SUCCESS:
                return self._read_at(file, 0, HEAD_BYTES)
            if not unknown:
                raise _RefusalError(sw)
        command = CommandApdu(0, INS_READ_BINARY, 0x80 | file.sfi, 0, ne=HEAD_BYTES)
        return self._part(file, self._connection.send(command), HEAD_BYTES)

    def _rest(self, file: ElementaryFile, head: bytes) -> bytes:
        try:
            size = total_length(head)
        except FormatError as error:
            raise _damage(f"{file.label} does not begin with a data object", **error.facts) from None
        if head[0] != file.tag:
            raise _damage(f"{file.label} holds another data object", tag=f"{head[0]:X}", expected=f"{file.tag:X}")
        limit = self._limits.file_bytes
        if size > limit:
            raise _damage(f"{file.label} claims to be longer than allowed", length=size, limit=limit)
        parts = [head[:size]]
        have = len(parts[0])
        while have < size:
            try:
                part = self._read_at(file, have, min(self.step_bytes, size - have))[: size - have]
            except _RefusalError as refusal:
                if refusal.sw == status_words.OFFSET_OUTSIDE_FILE:
                    raise _short(file, have, size) from None
                raise
            parts.append(part)
            have += len(part)
        return b"".join(parts)

    def _read_at(self, file: ElementaryFile, offset: int, wanted: int) -> bytes:
        """At least one byte from `offset` on, and at most `wanted` or what the card says that it must give."""
        self.in_body = wanted > SMALLEST_STEP
        response = self._ask(file, offset, wanted)
        if response.sw & 0xFF00 == status_words.WRONG_LE:
            wanted = response.sw & 0xFF or SHORT_NE_MAX
            response = self._ask(file, offset, wanted)
        for step in SMALLER_STEPS:
            if step >= wanted or _gives(response) or not about_length(response.sw):
                continue
            self.step_bytes = wanted = step
            response = self._ask(file, offset, wanted)
        return self._part(file, response, wanted)

    def _ask(self, file: ElementaryFile, offset: int, wanted: int) -> ResponseApdu:
        """READ BINARY of `wanted` bytes; beyond 32,767 with the odd instruction, its data object taken off."""
        if offset <= OFFSET_MAX_EVEN_INS:
            return self._connection.send(CommandApdu(0, INS_READ_BINARY, offset >> 8, offset & 0xFF, ne=wanted))
        head = 2 if wanted < 0x80 else 3 if wanted < 0x100 else 4
        where = encode(TAG_OFFSET, offset.to_bytes((offset.bit_length() + 7) // 8, "big"))
        ne = min(wanted + head, max(wanted, self.step_bytes))
        # P1-P2: 0000 is the current file, and a short identifier names the same one to chips that do not know 0000
        reference = file.sfi if self._odd_by_short_identifier else 0
        response = self._connection.send(CommandApdu(0, INS_READ_BINARY_ODD, 0, reference, where, ne))
        if response.sw in (status_words.NO_CURRENT_EF, status_words.INCORRECT_P1_P2) and not reference:
            self._odd_by_short_identifier = True
            response = self._connection.send(CommandApdu(0, INS_READ_BINARY_ODD, 0, file.sfi, where, ne))
        if not response.data:
            return response
        try:
            value = read_one(response.data, TAG_DISCRETIONARY, what="the answer to READ BINARY").value
        except FormatError as error:
            raise _damage("the card's answer to READ BINARY makes no sense", **error.facts) from None
        return ResponseApdu(value, response.sw)

    def _part(self, file: ElementaryFile, response: ResponseApdu, wanted: int) -> bytes:
        """The bytes of an answer; a warning that came with them is kept."""
        if not _gives(response):
            if response.ok or response.sw == status_words.END_OF_FILE:
                raise _damage(f"{file.label} ends before its own length", **status_words.status_facts(response.sw))
            raise _RefusalError(response.sw)
        if len(response.data) > wanted:
            message = f"the card gives another number of bytes while reading {file.label}"
            raise _damage(message, asked=wanted, got=len(response.data))
        if response.sw not in (status_words.SUCCESS, status_words.END_OF_FILE):
            self._warning = response.sw
        return response.data


def about_length(sw: int) -> bool:
    """Whether a READ BINARY that ended so may do better with a smaller Le."""
    return not (status_words.not_there(sw) or sw >> 8 == 0x69 or sw in _NO_SUCH_COMMAND)


def _gives(response: ResponseApdu) -> bool:
    return bool(response.data) and (response.ok or status_words.is_warning(response.sw))


def _short(file: ElementaryFile, have: int, size: int) -> _DamageError:
    return _damage(f"{file.label} ends before its own length", have=have, length=size)


def _damage(message: str, **facts: str | int | float | bool | None) -> _DamageError:
    return _DamageError(CardError(message, **facts))
