"""What goes into a personalisation station and what comes out of it. No I/O."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from enum import StrEnum

from cccd_core.card.profile import TerminalTrust
from cccd_core.emrtd import ChipImage, ElementaryFile, MrzInformation
from cccd_core.errors import ParameterError
from cccd_core.personalise.evidence import CardEvidence
from cccd_core.personalise.reasons import Reason
from cccd_core.plain import Json

# What a reader needs to open the chip and to prove it and its data genuine.
NEEDED_FILES = (
    ElementaryFile.EF_CARDACCESS,
    ElementaryFile.EF_COM,
    ElementaryFile.EF_SOD,
    ElementaryFile.DG1,
    ElementaryFile.DG14,
    ElementaryFile.DG15,
)


class JobOutcome(StrEnum):
    """How a job ended. Only `VERIFIED` counts as a card issued."""

    VERIFIED = "verified"  # written, locked, read back through the front door and found as meant
    WAITING = "waiting"  # nothing lost, nothing wrong: the card or a blank one was not there; run the job again
    GIVEN_UP = "given_up"  # every card allowed for the job was used up, or the image is unsound; see `reason`
    REFUSED = "refused"  # the journal forbids it: the number already has a card under another job


@dataclass(frozen=True, slots=True)
class ChipSecrets:
    """What the chip must know and never gives away. Lives in memory only: never journalled, logged or shown.

    `can` is the six-digit card access number, `mrz_information` the basic access key source (Doc 9303-11 §4.3.2);
    `ca_private_key` answers chip authentication (its public half is in DG14), `aa_private_key` active
    authentication (its public half is in DG15), both unencrypted PKCS #8 DER of an elliptic curve key. `trust`, no
    secret, says whose terminals may read the fingers. ParameterError for a CAN that is not six digits.
    """

    can: str = field(repr=False)
    mrz_information: MrzInformation = field(repr=False)
    ca_private_key: bytes = field(repr=False)
    aa_private_key: bytes = field(repr=False)
    trust: TerminalTrust

    def __post_init__(self) -> None:
        if len(self.can) != 6 or not self.can.isascii() or not self.can.isdigit():
            raise ParameterError("a card access number has six digits", length=len(self.can))


@dataclass(frozen=True, slots=True)
class CardJob:
    """One card to make for one person.

    `job_id` names the order (a dossier's id) and stays the same on a re-run; `personal_number` is the person's, or
    whatever stands for it in the journal. The image and the secrets may differ between runs (fresh signature, fresh
    chip keys): the journal decides which counts.
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
    bound to while `WAITING`; None when there is none. `reason` says why the outcome is not `VERIFIED`. `written`: a
    card was seen written whole and locked for this job in this run, whether or not it then proved itself; true of every
    verified one. `write_s` and `verify_s` are seconds spent in this run; both are 0 when an earlier run had already
    finished.
    """

    job_id: str
    outcome: JobOutcome
    card_serial: str | None
    reason: Reason | None = None
    written: bool = False
    write_s: float = 0.0
    verify_s: float = 0.0
    evidence: CardEvidence = field(default_factory=CardEvidence)

    @property
    def verified(self) -> bool:
        """Whether the card may be handed out."""
        return self.outcome is JobOutcome.VERIFIED

    def as_dict(self) -> dict[str, Json]:
        """The result as JSON-ready data."""
        return {
            "job_id": self.job_id,
            "outcome": str(self.outcome),
            "card_serial": self.card_serial,
            "reason": None if self.reason is None else self.reason.as_dict(),
            "written": self.written,
            "write_s": round(self.write_s, 6),
            "verify_s": round(self.verify_s, 6),
            "evidence": self.evidence.as_dict(),
        }


def file_digests(image: ChipImage) -> dict[str, str]:
    """SHA-256 of every file of the image in hexadecimal, by the file's name (`EF_COM`, `DG1`, ...), names in order."""
    return {
        file.name: hashlib.sha256(content).hexdigest()
        for file, content in sorted(image.files.items(), key=lambda item: item[0].name)
    }
