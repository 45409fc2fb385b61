"""With what a chip is opened, and the opening: PACE first, basic access control where the chip has no PACE.

Doc 9303-11 clause 4.2: PACE where chip and reader both do it. A password is given to a chip once and never tried again
by itself.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from types import NoneType

from cccd_core.arguments import require_type
from cccd_core.card import ChipReader
from cccd_core.emrtd import MrzInformation
from cccd_core.emrtd import mrz as mrz_format
from cccd_core.errors import AuthenticationError, CardError, FormatError, ParameterError, UnavailableError
from cccd_core.signing.cv import Terminal

CAN_DIGITS = 6
NO_CARD_ACCESS = "the card has no EF.CardAccess, so no PACE"
_TRIED = "EF.CardAccess, selecting the eMRTD application"
_KEY_FIELDS = frozenset(("document_number", "birth_date", "expiry_date"))


class Protocol(StrEnum):
    """How access to a chip is had."""

    PACE = "pace"
    BAC = "bac"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Access:
    """What is known of a document that opens its chip: `can`, the six digits printed on it, or `mrz`, the number and
    dates of its machine readable zone, or both; neither for a chip without access control. `terminal` is the inspection
    system as which fingerprints and irises are asked for; without one they stay shut.

    Where both are given the CAN is what PACE is done with, and a wrong one ends the opening: the MRZ is not tried then.
    It would cost the chip nothing (neither is a password that blocks, Doc 9303-11 clause 4.4.2), but a document whose
    chip does not know the CAN that is printed on it would be called genuine by the other half of what was said of it.

    ParameterError for a CAN of another form: it is never sent, since a chip counts every wrong one; and, with the
    `field`, for what is no text, MrzInformation or Terminal.
    """

    can: str | None = field(default=None, repr=False)
    mrz: MrzInformation | None = None
    terminal: Terminal | None = None

    def __post_init__(self) -> None:
        require_type(self.can, (str, NoneType), "can")
        require_type(self.mrz, (MrzInformation, NoneType), "mrz")
        require_type(self.terminal, (Terminal, NoneType), "terminal")
        if self.can is not None and not (self.can.isascii() and self.can.isdigit() and len(self.can) == CAN_DIGITS):
            raise ParameterError(
                "a card access number has six digits; what was given was not sent to the card",
                field="can", length=len(self.can),
            )  # fmt: skip

    @classmethod
    def typed(cls, *, can: str | None = None, mrz: str | None = None, terminal: Terminal | None = None) -> Access:
        """What somebody typed or scanned: spaces and line ends do not count, nor do small letters of the MRZ.

        ParameterError, with the `field`, where a check digit says that the number or a date of the MRZ was typed
        wrongly; a chip never sees it. What else is odd in the zone is no part of the key and is no matter here. A
        document that was printed with a wrong check digit is opened by `MrzInformation(number, birth, expiry)`.
        """
        require_type(can, (str, NoneType), "can")
        require_type(mrz, (str, NoneType), "mrz")
        digits = None if can is None else "".join(can.split())
        return cls(digits, None if mrz is None else _typed_mrz(mrz), terminal)

    @property
    def controlled(self) -> bool:
        """Whether there is anything to open a chip with."""
        return self.can is not None or self.mrz is not None


def _typed_mrz(text: str) -> MrzInformation:
    try:
        zone = mrz_format.parse_typed(text)
        for part in zone.odd:
            if part.name in _KEY_FIELDS:
                raise part.error
    except FormatError as error:
        raise ParameterError(
            f"the machine readable zone was typed wrongly, and was not sent to the card: {error.message}", **error.facts
        ) from None
    return zone.information


def open_chip(
    reader: ChipReader, access: Access, card_access: bytes | None, *, without: str = NO_CARD_ACCESS
) -> Protocol:
    """Opens the eMRTD application; `card_access` is EF.CardAccess as it was read, None for a chip `without` one, which
    says how that came.

    With the CAN where there is one, else with the MRZ, by PACE; by basic access control where the chip does no PACE
    that is supported here and the MRZ is known. Raises AuthenticationError (the password is not the card's; where an
    MRZ was given beside it, that it was not tried), UnavailableError (nothing that both sides do with what is known, or
    no eMRTD application), CardError.
    """
    if not access.controlled:
        reader.open_plain()
        return Protocol.NONE
    unavailable: UnavailableError | None = None
    if card_access is not None:
        try:
            if access.can is not None:
                reader.open_pace(access.can)
            elif access.mrz is not None:
                reader.open_pace_mrz(access.mrz)
            return Protocol.PACE
        except UnavailableError as error:
            unavailable = error
        except AuthenticationError as error:
            if access.can is None or access.mrz is None:
                raise
            raise AuthenticationError(f"{error.message}; the MRZ was not tried", **error.facts) from None
    if unavailable is None:
        _require_application(reader, without)
    if access.mrz is None:
        raise unavailable or UnavailableError(without, needs="its MRZ, for BAC", tried=_TRIED)
    reader.connection.reset()
    try:
        reader.open_bac(access.mrz)
    except CardError as error:
        if unavailable is None:
            raise CardError(f"{without}, and {error.message}", **error.facts, tried=f"{_TRIED}, BAC") from None
        raise
    return Protocol.BAC


def _require_application(reader: ChipReader, without: str) -> None:
    """That a chip to which PACE leads no way has an eMRTD application at all: selecting it costs nothing and tells
    nothing. UnavailableError, CardError."""
    try:
        reader.open_plain()
    except UnavailableError as error:
        raise UnavailableError(
            f"{without}, and {error.message}: it is blank or another kind of card",
            needs="a card that was personalised", tried=_TRIED,
        ) from None  # fmt: skip
    except CardError as error:
        raise CardError(f"{without}, and {error.message}", **error.facts, tried=_TRIED) from None
