"""What is checked of a finished card: a stable word for each check, and a sentence for the eye beside it."""

from __future__ import annotations

from enum import StrEnum
from typing import Final


class CheckName(StrEnum):
    """One check of a card that was read back. The word is stored and reported; the label is shown to people."""

    CARD_ACCESS_READ = "card_access_read"
    PACE = "pace"
    BAC = "bac"
    EF_COM_READ = "ef_com_read"
    EF_SOD_READ = "ef_sod_read"
    CHIP_AUTHENTICATION = "chip_authentication"
    ACTIVE_AUTHENTICATION = "active_authentication"
    DATA_GROUPS_READ = "data_groups_read"
    PASSIVE_AUTHENTICATION = "passive_authentication"
    COM_AGREES = "com_agrees"
    ACCESS_AGREES = "access_agrees"
    DECODED = "decoded"
    FIELDS_AGREE = "fields_agree"
    AS_MEANT = "as_meant"

    @property
    def label(self) -> str:
        """What is checked, in words for people."""
        return _LABELS[self]


_LABELS: Final = {
    CheckName.CARD_ACCESS_READ: "EF.CardAccess is read",
    CheckName.PACE: "PACE with the CAN",
    CheckName.BAC: "basic access control",
    CheckName.EF_COM_READ: "EF.COM is read",
    CheckName.EF_SOD_READ: "EF.SOD is read",
    CheckName.CHIP_AUTHENTICATION: "chip authentication",
    CheckName.ACTIVE_AUTHENTICATION: "active authentication",
    CheckName.DATA_GROUPS_READ: "data groups are read",
    CheckName.PASSIVE_AUTHENTICATION: "passive authentication",
    CheckName.COM_AGREES: "EF.COM lists what EF.SOD signs",
    CheckName.ACCESS_AGREES: "DG14 confirms EF.CardAccess",
    CheckName.DECODED: "every field is decoded",
    CheckName.FIELDS_AGREE: "DG1 and DG13 agree",
    CheckName.AS_MEANT: "every file is as meant",
}
