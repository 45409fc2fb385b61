"""An eMRTD reader: access, files, chip and active authentication, against any chip, also a hostile one (Doc 9303-10,
3; Doc 9303-11, 4).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from cccd_core.card import active_authentication, bac, chip_authentication, pace, status_words
from cccd_core.card.apdu import SHORT_NE_MAX, CommandApdu, ResponseApdu
from cccd_core.card.connection import CardConnection
from cccd_core.card.pace import Password
from cccd_core.card.profile import INS_SELECT, MF_FID, OFFSET_MAX_EVEN_INS, TAG_DISCRETIONARY, TAG_OFFSET
from cccd_core.emrtd import dg15 as dg15_file
from cccd_core.emrtd import security_infos
from cccd_core.emrtd.files import EMRTD_APPLICATION_ID, ElementaryFile
from cccd_core.emrtd.mrz import MrzInformation
from cccd_core.emrtd.tlv import encode, read_one, total_length
from cccd_core.errors import CardError, FormatError, ParameterError, UnavailableError

INS_READ_BINARY: Final = 0xB0
INS_READ_BINARY_ODD: Final = 0xB1
HEAD_BYTES: Final = 8  # enough for any tag and length of a file's content
PROTECTED_ANSWER_MAX: Final = 223  # AES secure messaging in a short answer: 256 less MAC, status, padding

NOT_THERE: Final = (status_words.FILE_NOT_FOUND, status_words.FUNCTION_NOT_SUPPORTED)


@dataclass(frozen=True, slots=True)
class ReaderLimits:
    """What a chip may ask of a reader, checked once.

    `file_bytes`: the longest file believed; `step_bytes`: the most asked for in one READ BINARY (more than 223 needs
    extended length on both sides).
    """

    file_bytes: int = 1 << 18
    step_bytes: int = PROTECTED_ANSWER_MAX

    def __post_init__(self) -> None:
        if not 16 <= self.file_bytes <= 1 << 24 or not 16 <= self.step_bytes <= 65_000:
            raise ParameterError("reader limits out of range", file_bytes=self.file_bytes, step_bytes=self.step_bytes)


class ChipReader:
    """Reads one chip over one connection. Access is opened once; a failed password is never tried again by itself."""

    def __init__(self, connection: CardConnection, limits: ReaderLimits | None = None) -> None:
        self.connection = connection
        self.limits = limits or ReaderLimits()
        self._in_application: bool | None = None

    # ---- access

    def open_pace(self, can: str) -> None:
        """PACE with the card access number, then the eMRTD application under secure messaging.

        Raises AuthenticationError (wrong CAN), UnavailableError (no PACE that is supported), CardError.
        """
        if not (can.isascii() and can.isdigit() and 1 <= len(can) <= 12):
            raise ParameterError("a card access number is digits", length=len(can))
        self._open_pace(Password.CAN, can)

    def open_pace_mrz(self, mrz_information: MrzInformation) -> None:
        """PACE with the machine readable zone as the password."""
        self._open_pace(Password.MRZ, mrz_information.key_source)

    def _open_pace(self, kind: Password, text: str) -> None:
        self._fresh()
        access = self.read(ElementaryFile.EF_CARDACCESS)
        try:
            infos = security_infos.parse(access)
        except FormatError as error:
            raise CardError("EF.CardAccess makes no sense", **error.facts) from None
        suite, info = pace.choose(infos.pace)
        pace.open_channel(self.connection, suite, info.parameter_id, kind, text)
        self._select_application()

    def open_bac(self, mrz_information: MrzInformation) -> None:
        """Basic access control with the machine readable zone. Raises AuthenticationError, CardError."""
        self._fresh()
        self._select_application()
        bac.open_channel(self.connection, mrz_information.key_source)

    def open_plain(self) -> None:
        """The eMRTD application of a chip without access control. Raises UnavailableError, CardError."""
        self._fresh()
        self._select_application()

    def _fresh(self) -> None:
        if self.connection.protected:
            raise RuntimeError("the connection has a channel already; reset it first")
        self._in_application = None

    def _select_application(self) -> None:
        response = self.connection.send(CommandApdu(0, INS_SELECT, 0x04, 0x0C, EMRTD_APPLICATION_ID))
        if response.sw == status_words.FILE_NOT_FOUND:
            raise UnavailableError("no eMRTD application on this card", needs="an electronic identity card")
        if not response.ok:
            raise status_words.card_error(response.sw, "selecting the eMRTD application")
        self._in_application = True

    # ---- files

    def read(self, file: ElementaryFile) -> bytes:
        """The content of one file: its one data object, whole, without whatever fills the file behind it.

        Raises CardError (sw 6A82: not there; 6982: access needed; or content that is no data object of the file's tag
        or longer than the limit).
        """
        content = self.read_optional(file)
        if content is None:
            raise status_words.card_error(status_words.FILE_NOT_FOUND, f"reading {file.label}")
        return content

    def read_optional(self, file: ElementaryFile) -> bytes | None:
        """`read`, or None where the card has no such file."""
        self._enter(file)
        doing = f"reading {file.label}"
        response = self.connection.send(CommandApdu(0, INS_SELECT, 0x02, 0x0C, file.fid.to_bytes(2, "big")))
        if response.sw in NOT_THERE:
            return None
        if not response.ok:
            raise status_words.card_error(response.sw, doing)
        head = self._read_at(0, HEAD_BYTES, doing)
        try:
            size = total_length(head)
            tag = head[0]
        except FormatError as error:
            raise CardError(f"{file.label} does not begin with a data object", **error.facts) from None
        if tag != file.tag:
            raise CardError(f"{file.label} holds another data object", tag=f"{tag:X}", expected=f"{file.tag:X}")
        if size > self.limits.file_bytes:
            raise CardError(f"{file.label} claims to be longer than allowed", length=size, limit=self.limits.file_bytes)
        parts = [head[:size]]
        have = len(parts[0])
        while have < size:
            part = self._read_at(have, min(self.limits.step_bytes, size - have), doing)
            parts.append(part)
            have += len(part)
        return b"".join(parts)

    def _enter(self, file: ElementaryFile) -> None:
        if file.in_application == self._in_application:
            return
        if file.in_application:
            self._select_application()
            return
        # After a reset the master file is selected; some cards (Vietnam's) refuse to select it, and still are in it.
        response = self.connection.send(CommandApdu(0, INS_SELECT, 0x00, 0x0C, MF_FID.to_bytes(2, "big")))
        if not response.ok and self._in_application:
            raise status_words.card_error(response.sw, "entering the master file")
        self._in_application = False

    def _read_at(self, offset: int, wanted: int, doing: str) -> bytes:
        """Between 1 and `wanted` bytes from `offset` on."""
        if offset <= OFFSET_MAX_EVEN_INS:
            command = CommandApdu(0, INS_READ_BINARY, offset >> 8, offset & 0xFF, ne=wanted)
            data = self._data(self.connection.send(command), doing)
        else:
            head = 2 if wanted < 0x80 else 3 if wanted < 0x100 else 4
            ne = min(wanted + head, max(SHORT_NE_MAX, self.limits.step_bytes))
            where = encode(TAG_OFFSET, offset.to_bytes((offset.bit_length() + 7) // 8, "big"))
            command = CommandApdu(0, INS_READ_BINARY_ODD, 0, 0, where, ne)
            try:
                answer = self._data(self.connection.send(command), doing)
                data = read_one(answer, TAG_DISCRETIONARY, what="the answer to READ BINARY").value
            except FormatError as error:
                raise CardError(f"the card's answer makes no sense while {doing}", **error.facts) from None
        if not 1 <= len(data) <= wanted:
            raise CardError(f"the card gives another number of bytes while {doing}", asked=wanted, got=len(data))
        return data

    @staticmethod
    def _data(response: ResponseApdu, doing: str) -> bytes:
        if response.ok or (response.sw == status_words.END_OF_FILE and response.data):
            return response.data
        raise status_words.card_error(response.sw, doing)

    # ---- is the chip genuine

    def chip_authentication(self, dg14: bytes) -> None:
        """Chip authentication with the key of DG14, which passive authentication must have checked; a fresh channel
        afterwards. Raises AuthenticationError, UnavailableError, CardError, FormatError (DG14 malformed).
        """
        chip_authentication.authenticate(self.connection, security_infos.parse(dg14))

    def active_authentication(self, dg15: bytes, dg14: bytes | None = None) -> None:
        """Active authentication with the key of DG15, which passive authentication must have checked; DG14 names the
        hash where there is one. Raises AuthenticationError, UnavailableError, CardError, FormatError.
        """
        infos = None if dg14 is None else security_infos.parse(dg14)
        active_authentication.authenticate(self.connection, dg15_file.parse(dg15), infos)
