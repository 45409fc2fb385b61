"""The factory's proof of a finished card: read as any reader would, every check held, every file as it was meant."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from cccd_core.card import Link
from cccd_core.card.connection import Trace
from cccd_core.emrtd import ChipImage, ElementaryFile
from cccd_core.emrtd.dg13 import PLAIN, AuthorityCodec
from cccd_core.errors import UnavailableError
from cccd_core.inspection import Access, Check, CheckName, Inspection, Outcome, Verdict, inspect
from cccd_core.inspection.fields import decode
from cccd_core.inspection.judging import require_com
from cccd_core.inspection.reading import CARD_FAULTS
from cccd_core.personalise.reasons import Reason, Trouble
from cccd_core.pki import TrustStore, passive_authentication


@dataclass(frozen=True, slots=True)
class ProvedCard:
    """What a card that was just written proved. `failed` is the first check that did not hold; None when all did."""

    inspection: Inspection
    checks: tuple[Check, ...]

    @property
    def failed(self) -> CheckName | None:
        """A card of ours must do more than be genuine: it has all that is checked, and every check holds. Its expiry is
        the office's decision, for which no card is spoiled."""
        first = next((c.name for c in self.checks if not c.held and c.name is not CheckName.IN_FORCE), None)
        if first is None and self.inspection.verdict is not Verdict.GENUINE:
            return CheckName.PASSIVE_AUTHENTICATION
        return first

    def outcomes(self) -> dict[CheckName, bool | None]:
        """Check -> whether it held; None where nothing was found out."""
        return {check.name: check.passed for check in self.checks}


def prove_card(
    link: Link,
    trust: TrustStore,
    *,
    access: Access,
    expected: Mapping[str, str],
    at: datetime | None = None,
    codec: AuthorityCodec = PLAIN,
    trace: Trace | None = None,
) -> ProvedCard:
    """`inspect`, and beside it whether the card holds exactly the files of `expected` (SHA-256 in hexadecimal by file
    name). What is no fault of the card comes through, as there."""
    inspection = inspect(link, trust, access=access, at=at, codec=codec, trace=trace)
    return ProvedCard(inspection, (*inspection.checks, _as_meant(inspection, expected)))


def _as_meant(inspection: Inspection, expected: Mapping[str, str]) -> Check:
    found = {file.name: hashlib.sha256(content).hexdigest() for file, content in inspection.files.items()}
    wrong = sorted(name for name in expected.keys() | found.keys() if expected.get(name) != found.get(name))
    if wrong:
        return Check(CheckName.AS_MEANT, Outcome.FAILED, "not as meant: " + " ".join(wrong))
    return Check(CheckName.AS_MEANT, Outcome.HELD)


def image_flaw(
    image: ChipImage, trust: TrustStore, *, at: datetime | None = None, codec: AuthorityCodec = PLAIN
) -> Reason | None:
    """What would make every reader refuse this image; None for a sound one. `codec` is the one that the image was built
    with. Touches no card."""
    try:
        sod_file = image.files.get(ElementaryFile.EF_SOD, b"")
        result = passive_authentication(sod_file, image.data_groups, trust, at or datetime.now(UTC))
        require_com(image.files.get(ElementaryFile.EF_COM, b""), {*result.data_groups, *result.absent})
        for error in decode(image.files, codec).errors.values():
            raise error
    except (UnavailableError, *CARD_FAULTS) as error:
        return Reason(Trouble.IMAGE_UNSOUND, error=error.kind)
    return None
