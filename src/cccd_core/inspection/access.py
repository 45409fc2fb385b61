"""With what a chip is opened, and the opening: PACE first, basic access control where the chip has no PACE.

Doc 9303-11 clause 4.2: PACE where chip and reader both do it. A password is given to a chip once and never tried again
by itself.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from cccd_core.card import ChipReader
from cccd_core.emrtd import MrzInformation
from cccd_core.emrtd import mrz as mrz_format
from cccd_core.errors import FormatError, ParameterError, UnavailableError
from cccd_core.signing.cv import Terminal

CAN_DIGITS = 6
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

    ParameterError for a CAN of another form: it is never sent, since a chip counts every wrong one.
    """

    can: str | None = field(default=None, repr=False)
    mrz: MrzInformation | None = None
    terminal: Terminal | None = None

    def __post_init__(self) -> None:
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


def open_chip(reader: ChipReader, access: Access, card_access: bytes | None) -> Protocol:
    """Opens the eMRTD application; `card_access` is EF.CardAccess as it was read, None for a chip without one.

    With the CAN where there is one, else with the MRZ, by PACE; by basic access control where the chip does no PACE
    that is supported here and the MRZ is known. Raises AuthenticationError (the password is not the card's),
    UnavailableError (nothing that both sides do with what is known), CardError.
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
    if access.mrz is None:
        raise unavailable or UnavailableError("the card has no EF.CardAccess, so no PACE", needs="its MRZ, for BAC")
    reader.connection.reset()
    reader.open_bac(access.mrz)
    return Protocol.BAC
