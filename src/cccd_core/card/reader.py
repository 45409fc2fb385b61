"""An eMRTD reader: access, files, chip and active authentication, against any chip, also a hostile one (Doc 9303-10,
3; Doc 9303-11, 4).

A channel that the card gives up is opened anew, by what opened it, while that can help: docs/adr/0064.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from cccd_core.card import (
    active_authentication,
    bac,
    capabilities,
    chip_authentication,
    pace,
    pace_suites,
    status_words,
    terminal_authentication,
)
from cccd_core.card.apdu import SHORT_NE_MAX, CommandApdu
from cccd_core.card.connection import CardConnection
from cccd_core.card.files import (
    INS_READ_BINARY,
    PROTECTED_ANSWER_MAX,
    FileReader,
    FileReading,
    ReaderLimits,
    ReadOutcome,
    about_length,
    refused,
    unreadable,
)
from cccd_core.card.pace_suites import Password, check_password
from cccd_core.card.primitives import AES_BLOCK, same
from cccd_core.card.secure_messaging import BareStatusError, response_data_max
from cccd_core.emrtd import dg15 as dg15_file
from cccd_core.emrtd import security_infos
from cccd_core.emrtd.cv.authorization import Right
from cccd_core.emrtd.files import ElementaryFile
from cccd_core.emrtd.mrz import MrzInformation
from cccd_core.errors import (
    AuthenticationError,
    CardError,
    CardRemovedError,
    CccdError,
    FormatError,
    SecureMessagingError,
    UnavailableError,
)
from cccd_core.signing.cv import Terminal

NEW_CHANNELS_MAX: Final = 4  # of one reader: a card that breaks its channel again and again is left alone
_TELLS_CHIPS_APART: Final = (ElementaryFile.EF_SOD, ElementaryFile.DG1)
_ANOTHER_CARD: Final = "another card answers than the one that was opened: was it changed in the reader?"


class ChipReader:
    """Reads one chip over one connection. Access is opened once; a failed password is never tried again by itself."""

    def __init__(self, connection: CardConnection, limits: ReaderLimits | None = None) -> None:
        self.connection = connection
        self.limits = limits or ReaderLimits()
        self._files = FileReader(connection, self.limits)
        self._openings: list[Callable[[], None]] = []  # what made the present channel, in order; all of it succeeded
        self._broke: dict[ElementaryFile, FileReading] = {}  # files over which a channel broke: not asked for again
        self._known: tuple[ElementaryFile, bytes] | None = None  # what tells this chip from another one
        self._card_access = b""  # by which PACE was chosen
        self._new_channels = 0
        self.pace: pace.PaceResult | None = None  # how PACE opened the first channel
        self.chip: chip_authentication.ChipAuthenticated | None = None  # what chip authentication has shown
        # what each channel that PACE opened has shown of the chip: one without it may be another chip's
        self.mappings: list[pace.ChipMapping | None] = []
        self._card_security: FileReading | None = None  # as read on the way into the application
        self._gone: CccdError | None = None  # why no channel can be opened any more
        self._number = b""  # what a chip opened by basic access control goes by in terminal authentication

    # ---- access

    def open_pace(self, can: str) -> None:
        """PACE with the card access number, then the eMRTD application under secure messaging.

        Raises ParameterError (a CAN has six digits; nothing was sent), AuthenticationError (wrong CAN),
        UnavailableError (no PACE that is supported), CardError.
        """
        self.open_pace_password(Password.CAN, can)

    def open_pace_mrz(self, mrz_information: MrzInformation) -> None:
        """PACE with the machine readable zone as the password."""
        self.open_pace_password(Password.MRZ, mrz_information.key_source)

    def open_pace_password(self, kind: Password, text: str) -> None:
        """PACE with a password of any kind; a PIN or PUK is one that its holder has, never printed on the card."""
        check_password(kind, text)
        self._open(lambda: self._run_pace(kind, text))

    def open_bac(self, mrz_information: MrzInformation) -> None:
        """Basic access control with the machine readable zone. Raises AuthenticationError, CardError."""
        self._open(lambda: self._run_bac(mrz_information))

    def open_plain(self) -> None:
        """The eMRTD application of a chip without access control. Raises UnavailableError, CardError."""
        if self.connection.protected:
            raise RuntimeError("the connection has a channel already; reset it first")
        self._files.powered_up()
        self._files.select_application()

    def _open(self, opening: Callable[[], None]) -> None:
        if self.connection.protected:
            raise RuntimeError("the connection has a channel already; reset it first")
        self._openings, self._gone, self._known, self._card_access = [], None, None, b""
        self.pace, self.chip, self._card_security = None, None, None
        self.mappings.clear()
        self._broke.clear()
        opening()
        self._openings = [opening]

    def _run_pace(self, kind: Password, text: str) -> None:
        self._files.powered_up()
        self._learn_lengths()
        access = self._files.read(ElementaryFile.EF_CARDACCESS)
        if access.outcome is ReadOutcome.NOT_THERE:
            raise UnavailableError("the card offers no PACE: it has no EF.CardAccess", needs="its MRZ, for BAC")
        content = access.require()
        if self._card_access and not same(content, self._card_access):
            raise CardRemovedError(_ANOTHER_CARD)  # or somebody who wants a weaker PACE than the first
        self._card_access = content
        try:
            infos = security_infos.parse(content)
        except FormatError as error:
            raise CardError("EF.CardAccess makes no sense", **error.facts) from None
        self.pace = pace.open_channel(self.connection, pace_suites.choose(infos), kind, text)
        self.mappings.append(self.pace.chip_mapping)
        if self.pace.chip_mapping is not None:
            # Now, while the master file is current: some cards refuse to go back to it (Doc 9303-11, 4.4.3.5.2).
            self._card_security = self._files.read(ElementaryFile.EF_CARDSECURITY)
        self._files.select_application()

    def _run_bac(self, mrz_information: MrzInformation) -> None:
        self._files.powered_up()
        self._learn_lengths()
        self._files.select_application()
        bac.open_channel(self.connection, mrz_information.key_source)
        self._number = mrz_information.number_and_check_digit.encode("ascii")

    def _learn_lengths(self) -> None:
        """Where larger steps are wanted: whether the chip takes them, by its answer to reset and EF.ATR/INFO, which is
        readable in the master file before anything was selected."""
        if self.limits.step_bytes <= PROTECTED_ANSWER_MAX or self._new_channels:
            return
        answer_max = capabilities.answer_max_of_atr(self.connection.atr)
        told = self.connection.send(
            CommandApdu(0, INS_READ_BINARY, 0x80 | capabilities.EF_ATR_INFO_SFI, 0, ne=SHORT_NE_MAX)
        )
        if told.data and (told.ok or status_words.is_warning(told.sw)):
            answer_max = capabilities.answer_max_of_file(told.data) or answer_max
        if answer_max is not None and answer_max > SHORT_NE_MAX:
            self.connection.extended_length = True
            self._files.step_bytes = min(self.limits.step_bytes, response_data_max(AES_BLOCK, answer_max))

    # ---- a channel that broke

    def _with_channel(self) -> None:
        """Sees to it that there is a channel where there was one: opens it anew, by what opened it, if it is dead.

        Raises what the opening raised, then and ever after: a password that failed is not given again. CardRemovedError
        where it is another card that answers.
        """
        if self._gone is not None:
            raise self._gone
        if not self.connection.dead or not self._openings:
            return
        if self._new_channels == NEW_CHANNELS_MAX:
            raise SecureMessagingError("the card gives up its channel again and again", channels=self._new_channels)
        self._new_channels += 1
        try:
            self._reopen()
        except CccdError as error:
            self._gone = error
            raise

    def _reopen(self) -> None:
        atr = self.connection.atr
        self.connection.reset()
        if self.connection.atr != atr:
            raise CardRemovedError(_ANOTHER_CARD)
        first, *others = self._openings
        try:
            first()
        except AuthenticationError:
            raise CardRemovedError(_ANOTHER_CARD) from None  # the password was the first card's
        for opening in others:
            opening()
        if self._known is not None:
            file, content = self._known
            if not same(self._files.read(file).content, content):
                raise CardRemovedError(_ANOTHER_CARD)

    # ---- files

    def try_read(self, file: ElementaryFile) -> FileReading:
        """One file: its content, or why there is none. Whatever the card answers is an outcome, and costs this file
        alone: a channel that it broke is opened anew for the next one.

        Raises TransportError and CardRemovedError (the card left, or is another one).
        """
        known = self._card_security if file is ElementaryFile.EF_CARDSECURITY else self._broke.get(file)
        if known is not None:
            return known
        reading = self._read_once(file)
        if reading is None:
            reading = self._read_once(file, last=True) or self._broke[file]
        if file in _TELLS_CHIPS_APART and reading.content:
            self._known = file, reading.content
        return reading

    def _read_once(self, file: ElementaryFile, *, last: bool = False) -> FileReading | None:
        """The file's reading; None where a new channel may give another one, and this is not the last try."""
        try:
            self._with_channel()
        except (AuthenticationError, CardError, SecureMessagingError, UnavailableError) as error:
            return unreadable(file, error)
        try:
            return self._files.read(file)
        except BareStatusError as bare:
            if not last and self._another_try_helps(bare.sw):
                return None
            self._broke[file] = refused(file, bare.sw)
        except SecureMessagingError as error:
            self._broke[file] = unreadable(file, error)
        return self._broke[file]

    def _another_try_helps(self, sw: int) -> bool:
        if self._files.in_body:  # the file could be selected and its head read: what else than the length was too much
            self.connection.extended_length = False
            self._files.shrink()
            return True
        return status_words.refuses_protection(sw) or self._files.without_select(sw)

    def read(self, file: ElementaryFile) -> bytes:
        """The content of one file: its one data object, whole, without whatever fills the file behind it.

        Raises CardError (sw 6A82: not there; 6982: access needed; 6281: given, and may be damaged; or content that is
        no data object of the file's tag or longer than the limit), SecureMessagingError (no channel any more).
        """
        return self.try_read(file).require()

    def read_optional(self, file: ElementaryFile) -> bytes | None:
        """`read`, or None where the card has no such file."""
        reading = self.try_read(file)
        return None if reading.outcome is ReadOutcome.NOT_THERE else reading.require()

    # ---- is the chip genuine

    def chip_authentication(self, dg14: bytes) -> None:
        """Chip authentication with the key of DG14, which passive authentication must have checked; a fresh channel
        afterwards. Raises AuthenticationError, UnavailableError, CardError, FormatError (DG14 malformed).
        """
        infos = security_infos.parse(dg14)
        self._with_channel()
        self._prove(lambda: self._authenticate_chip(infos))

    def _authenticate_chip(self, infos: security_infos.SecurityInfos) -> None:
        self.chip = None
        self.chip = chip_authentication.authenticate(self.connection, infos)

    def terminal_authentication(self, dg14: bytes, terminal: Terminal) -> Right:
        """Proves to the chip that this reader may read DG3, DG4: after `chip_authentication`, in its channel; what it
        may read is the answer. Raises AuthenticationError (the chip refuses the terminal), CertificateError (its
        certificates do not lead there from the chip's trust points), UnavailableError (the chip does none, or chip
        authentication was not done), CardError, FormatError (DG14 malformed).
        """
        infos = security_infos.parse(dg14)
        self._with_channel()
        self._prove(lambda: self._authenticate_terminal(infos, terminal))
        return terminal.rights

    def _authenticate_terminal(self, infos: security_infos.SecurityInfos, terminal: Terminal) -> None:
        if self.chip is None:
            raise UnavailableError("terminal authentication follows chip authentication", needs="chip authentication")
        points = terminal_authentication.trust_points(self.connection, infos)
        chip_id = self._number if self.pace is None else self.pace.chip_key
        terminal_authentication.authenticate(
            self.connection, terminal, points, chip_id=chip_id, reader_key=self.chip.reader_key
        )

    def _prove(self, opening: Callable[[], None]) -> None:
        """What makes a new channel out of the present one, or gives it more rights; done again where it breaks."""
        opening()
        if self._openings:
            self._openings.append(opening)

    def active_authentication(self, dg15: bytes, dg14: bytes | None = None) -> None:
        """Active authentication with the key of DG15, which passive authentication must have checked; DG14 names the
        hash where there is one. Raises AuthenticationError, UnavailableError, CardError, FormatError.
        """
        infos = None if dg14 is None else security_infos.parse(dg14)
        key = dg15_file.parse(dg15)
        self._with_channel()
        try:
            active_authentication.authenticate(self.connection, key, infos)
        except BareStatusError as bare:
            if not self.connection.extended_length or not about_length(bare.sw):
                raise
            # The chip does not take the extended length that it speaks of: in short commands, on a new channel.
            self.connection.extended_length = False
            self._files.step_bytes = min(self._files.step_bytes, PROTECTED_ANSWER_MAX)
            self._with_channel()
            active_authentication.authenticate(self.connection, key, infos)
