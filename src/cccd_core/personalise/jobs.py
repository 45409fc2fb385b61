"""What goes into a personalisation station and what comes out of it. Imports emrtd and errors; no I/O."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Any

from cccd_core.emrtd import ChipImage, ElementaryFile, MrzInformation
from cccd_core.errors import ParameterError

# What a reader needs to open the chip and to prove it and its data genuine.
NEEDED_FILES = (
    ElementaryFile.EF_CARDACCESS,
    ElementaryFile.EF_COM,
    ElementaryFile.EF_SOD,
    ElementaryFile.DG1,
    ElementaryFile.DG14,
    ElementaryFile.DG15,
)


class CardState(StrEnum):
    """How a job ended. Only `VERIFIED` counts as a card issued."""

    VERIFIED = "verified"  # written, locked, read back through the front door and found as meant
    WAITING = "waiting"  # nothing lost, nothing wrong: the card or a blank one was not there; run the job again
    FAILED = "failed"  # every card allowed for the job was spoiled; `reason` names the last trouble
    REFUSED = "refused"  # the journal forbids it: the number already has a card under another job


@dataclass(frozen=True, slots=True)
class ChipSecrets:
    """What the chip must know and never gives away. Lives in memory only: never journalled, logged or shown.

    `can` is the six-digit card access number, `mrz_information` the basic access key source (Doc 9303-11 §4.3.2);
    `ca_private_key` answers chip authentication (its public half is in DG14), `aa_private_key` active
    authentication (its public half is in DG15), both unencrypted PKCS #8 DER of an elliptic curve key. ParameterError
    for a CAN that is not six digits.
    """

    can: str = field(repr=False)
    mrz_information: MrzInformation = field(repr=False)
    ca_private_key: bytes = field(repr=False)
    aa_private_key: bytes = field(repr=False)

    def __post_init__(self) -> None:
        if len(self.can) != 6 or not self.can.isascii() or not self.can.isdigit():
            raise ParameterError("a card access number has six digits", length=len(self.can))


@dataclass(frozen=True, slots=True)
class CardJob:
    """One card to make for one person.

    `job_id` names the order (a dossier's id) and stays the same on a re-run; `personal_number` is the person's. The
    image and the secrets may differ between runs (fresh signature, fresh chip keys): the journal decides which counts.
    The CAN and the MRZ information must be the same in every run: a card that is already locked is read with them.
    ParameterError for an image without a file that every chip of ours has (`NEEDED_FILES`).
    """

    job_id: str
    personal_number: str = field(repr=False)
    image: ChipImage = field(repr=False)
    secrets: ChipSecrets = field(repr=False)

    def __post_init__(self) -> None:
        missing = [file.label for file in NEEDED_FILES if file not in self.image.files]
        if missing:
            raise ParameterError("a chip's image lacks files", job=self.job_id, files=" ".join(missing))


@dataclass(frozen=True, slots=True)
class CardResult:
    """How one job ended.

    `card_serial` is the serial (upper-case hexadecimal) of the card the person gets, or of the card that the job is
    bound to while `WAITING`; None when there is none. `reason` is a stable word when `state` is not `VERIFIED`.
    `write_s` and `verify_s` are seconds spent in this run; both are 0 when an earlier run had already finished.
    `evidence` is JSON-ready: the checks of the verification, the digests, cards spoiled on the way with their reasons.
    """

    job_id: str
    state: CardState
    card_serial: str | None
    reason: str | None = None
    write_s: float = 0.0
    verify_s: float = 0.0
    evidence: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def verified(self) -> bool:
        """Whether the card may be handed out."""
        return self.state is CardState.VERIFIED

    def as_dict(self) -> dict[str, Any]:
        """The result as JSON-ready data."""
        return {
            "job_id": self.job_id,
            "state": str(self.state),
            "card_serial": self.card_serial,
            "reason": self.reason,
            "write_s": round(self.write_s, 6),
            "verify_s": round(self.verify_s, 6),
            "evidence": dict(self.evidence),
        }


def file_digests(image: ChipImage) -> dict[str, str]:
    """SHA-256 of every file of the image in hexadecimal, by the file's name (`EF_COM`, `DG1`, ...), names in order."""
    return {
        file.name: hashlib.sha256(content).hexdigest()
        for file, content in sorted(image.files.items(), key=lambda item: item[0].name)
    }
