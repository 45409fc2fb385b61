"""EF.CardSecurity: SecurityInfos that are signed, among them the key that chip-authentication mapping proves.

Doc 9303-11 clause 9.2.11; BSI TR-03110-3 clause A.1.2.2. Verifies nothing: whoever trusts what is in here has first
checked the signature as that of EF.SOD is (`pki`).
"""

from __future__ import annotations

from dataclasses import dataclass, field

from cccd_core.emrtd import cms, security_infos
from cccd_core.emrtd.security_infos import SecurityInfos
from cccd_core.errors import FormatError

ID_SECURITY_OBJECT = "0.4.0.127.0.7.3.2.1"


@dataclass(frozen=True, slots=True)
class CardSecurity:
    """The signed message and the SecurityInfos in it."""

    signed_data: cms.SignedData = field(repr=False)
    security_infos: SecurityInfos


def parse(data: bytes) -> CardSecurity:
    """Reads EF.CardSecurity. FormatError with offset for what is no signed message of SecurityInfos."""
    signed = cms.parse(data)
    if signed.content_type != ID_SECURITY_OBJECT:
        raise FormatError("EF.CardSecurity signs something else", content_type=signed.content_type)
    return CardSecurity(signed, security_infos.parse(signed.content))
