"""What an inspection says, to people and to programs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from cccd_core.emrtd import ElementaryFile
from cccd_core.errors import CccdError
from cccd_core.inspection.access import Protocol
from cccd_core.inspection.checks import Check, CheckName
from cccd_core.inspection.judging import Judgement
from cccd_core.inspection.reading import ChipRead, FileFound
from cccd_core.inspection.verdict import Verdict, decide
from cccd_core.pki import DocumentReport
from cccd_core.plain import Json


@dataclass(frozen=True, slots=True)
class Inspection:
    """What was found of one chip.

    `verdict` and its `reasons`; `expired` (False for a document without an end, None where its end could not be read);
    `protocol`: how it was opened, None where it was not; `checks` in the order made; `passive`: every rule of passive
    authentication with its outcome, None without EF.SOD; `found`: what became of each file; `files`: their content;
    `fields`: what they say, for display, as `DG13.full_name`; `odd`: what of it could not be read as it should be, and
    why; `left_out`: what of the trust material that was given makes nobody trusted, and why. Fields and files are
    personal data.
    """

    verdict: Verdict
    reasons: tuple[str, ...]
    expired: bool | None
    protocol: Protocol | None
    checks: tuple[Check, ...]
    passive: DocumentReport | None = field(repr=False)
    found: Mapping[ElementaryFile, FileFound]
    files: Mapping[ElementaryFile, bytes] = field(repr=False)
    fields: Mapping[str, Json] = field(repr=False)
    odd: Mapping[str, str]
    left_out: tuple[CccdError, ...] = ()

    def check(self, name: CheckName) -> Check | None:
        """The check of that name; None where it was not made."""
        return next((check for check in self.checks if check.name is name), None)

    def as_dict(self, *, personal: bool = True) -> dict[str, Json]:
        """JSON-ready: everything but the files' content; without `personal` nothing of what they say of a person."""
        said: dict[str, Json] = {"fields": dict(self.fields), "odd": dict(self.odd)} if personal else {}
        return {
            "verdict": str(self.verdict),
            "reasons": list(self.reasons),
            "expired": self.expired,
            "access": None if self.protocol is None else str(self.protocol),
            "checks": [check.as_dict() for check in self.checks],
            "passive_authentication": None if self.passive is None else self.passive.as_dict(),
            "left_out": [error.as_dict() for error in self.left_out],
            "files": {found.file.label: found.as_dict() for found in self.found.values()},
            **said,
        }


def report(read: ChipRead, judgement: Judgement, left_out: tuple[CccdError, ...]) -> Inspection:
    """The whole of it; `left_out` is what the trust store refused."""
    checks = (*read.checks, *judgement.checks)
    verdict, reasons = decide(checks)
    return Inspection(
        verdict, reasons, judgement.expired, read.protocol, checks, judgement.passive,
        MappingProxyType(read.found), MappingProxyType(read.files), MappingProxyType(judgement.fields),
        MappingProxyType(judgement.odd), left_out,
    )  # fmt: skip
