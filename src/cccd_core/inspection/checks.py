"""What is checked of a chip: a stable word for each check, a sentence for the eye beside it, and how it came out."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from cccd_core.plain import Json


class CheckName(StrEnum):
    """One check of a chip that was read. The word is stored and reported; the label is shown to people."""

    CARD_ACCESS_READ = "card_access_read"
    PACE = "pace"
    BAC = "bac"
    NO_ACCESS_CONTROL = "no_access_control"
    EF_COM_READ = "ef_com_read"
    EF_SOD_READ = "ef_sod_read"
    CHIP_MAPPING = "chip_mapping"
    CHIP_AUTHENTICATION = "chip_authentication"
    TERMINAL_AUTHENTICATION = "terminal_authentication"
    ACTIVE_AUTHENTICATION = "active_authentication"
    DATA_GROUPS_READ = "data_groups_read"
    PASSIVE_AUTHENTICATION = "passive_authentication"
    MANDATORY_SIGNED = "mandatory_signed"
    COM_AGREES = "com_agrees"
    ACCESS_AGREES = "access_agrees"
    DECODED = "decoded"
    FIELDS_AGREE = "fields_agree"
    IN_FORCE = "in_force"
    AS_MEANT = "as_meant"  # the factory's own: see `personalise.verification`

    @property
    def label(self) -> str:
        """What is checked, in words for people."""
        return _LABELS[self]


_LABELS: Final = {
    CheckName.CARD_ACCESS_READ: "EF.CardAccess is read",
    CheckName.PACE: "PACE",
    CheckName.BAC: "basic access control",
    CheckName.NO_ACCESS_CONTROL: "opened without access control",
    CheckName.EF_COM_READ: "EF.COM is read",
    CheckName.EF_SOD_READ: "EF.SOD is read",
    CheckName.CHIP_MAPPING: "chip authentication mapping (PACE)",
    CheckName.CHIP_AUTHENTICATION: "chip authentication",
    CheckName.TERMINAL_AUTHENTICATION: "terminal authentication",
    CheckName.ACTIVE_AUTHENTICATION: "active authentication",
    CheckName.DATA_GROUPS_READ: "data groups are read",
    CheckName.PASSIVE_AUTHENTICATION: "passive authentication",
    CheckName.MANDATORY_SIGNED: "EF.SOD signs DG1 and DG2",
    CheckName.COM_AGREES: "EF.COM lists what EF.SOD signs",
    CheckName.ACCESS_AGREES: "DG14 confirms EF.CardAccess",
    CheckName.DECODED: "every field is decoded",
    CheckName.FIELDS_AGREE: "DG1 and DG13 agree",
    CheckName.IN_FORCE: "the document has not expired",
    CheckName.AS_MEANT: "every file is as meant",
}


class Outcome(StrEnum):
    """How a check came out."""

    HELD = "held"
    FAILED = "failed"
    UNTOLD = "untold"  # it could not be carried out here, or not be told from what was read
    ABSENT = "absent"  # the chip does not have what is checked


@dataclass(frozen=True, slots=True)
class Check:
    """One named check and how it came out. `detail` is for the eye and holds no personal data; `error` is the kind of
    the error (`CccdError.kind`) that it failed with."""

    name: CheckName
    outcome: Outcome
    detail: str = ""
    error: str | None = None

    @property
    def held(self) -> bool:
        """Whether it held."""
        return self.outcome is Outcome.HELD

    @property
    def passed(self) -> bool | None:
        """True where it held, False where it failed, None where nothing was found out."""
        return {Outcome.HELD: True, Outcome.FAILED: False}.get(self.outcome)

    @property
    def label(self) -> str:
        """What is checked, in words for people."""
        return self.name.label

    def as_dict(self) -> dict[str, Json]:
        """JSON-ready: the stable words, and the label."""
        return {"name": str(self.name), "label": self.label, "outcome": str(self.outcome), "detail": self.detail}
