"""Reads a finished card as any reader would, and says of every check whether it held. May import card, pki, emrtd."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cccd_core.card import Link
    from cccd_core.emrtd import ChipImage
    from cccd_core.emrtd.mrz import MrzInformation
    from cccd_core.pki import TrustStore


@dataclass(frozen=True, slots=True)
class Check:
    """One named check: `passed` is None where the chip does not offer what is checked. `detail` is for the eye."""

    name: str
    passed: bool | None
    detail: str = ""


@dataclass(frozen=True, slots=True)
class VerifiedCard:
    """What a reader found on a card: the checks in the order made, the fields decoded, the files as read."""

    checks: tuple[Check, ...]
    fields: Mapping[str, Any] = field(repr=False)  # field name -> value for display; personal data
    files: Mapping[str, bytes] = field(repr=False)  # file name (EF_COM, DG1, ...) -> bytes

    @property
    def passed(self) -> bool:
        """Whether every check that could be made held, and passive authentication was among them."""
        raise NotImplementedError

    def require(self) -> VerifiedCard:
        """The card itself when `passed`; otherwise VerificationError with the name of the first failed check."""
        raise NotImplementedError

    def as_dict(self) -> dict[str, Any]:
        """Checks and fields as JSON-ready data; pictures and finger records as their format and size."""
        raise NotImplementedError


def verify_card(
    link: Link,
    trust: TrustStore,
    *,
    can: str | None = None,
    mrz_information: MrzInformation | None = None,
    expected: Mapping[str, str] | None = None,
    at: datetime | None = None,
) -> VerifiedCard:
    """Reads everything back through the front door: PACE with the CAN (else BAC with the MRZ information), EF.COM,
    EF.SOD and every data group under secure messaging, passive authentication up to a trusted CSCA, chip
    authentication, active authentication. With `expected` (SHA-256 in hexadecimal by file name) every file is
    compared with what was meant, and no file may be missing or extra.

    A check that fails is in the result, not an exception; TransportError and CardRemovedError come through, and
    ParameterError when neither access secret is given. `at` is the time of validity, now by default.
    """
    raise NotImplementedError


def image_flaw(image: ChipImage, trust: TrustStore, *, at: datetime | None = None) -> str | None:
    """What would make every reader refuse this image, as a stable word; None for a sound one. Touches no card."""
    raise NotImplementedError
