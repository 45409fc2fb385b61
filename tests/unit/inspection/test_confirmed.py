"""What EF.CardAccess offers against what a State signed: nothing is added, exchanged or kept back unseen."""

from __future__ import annotations

import pytest

from cccd_core.emrtd import curves, security_infos, tlv
from cccd_core.emrtd.public_keys import EC_PUBLIC_KEY, STANDARDISED_PARAMETERS
from cccd_core.emrtd.security_infos import (
    ID_PACE,
    ChipAuthenticationInfo,
    PaceDomainParameterInfo,
    PaceInfo,
    SecurityInfos,
)
from cccd_core.errors import CccdError, FormatError, UnavailableError, VerificationError
from cccd_core.inspection.confirmed import require_access

STRONG, WEAK = PaceInfo(f"{ID_PACE}.2.4"), PaceInfo(f"{ID_PACE}.2.1")
OWN = PaceInfo(f"{ID_PACE}.2.2", parameter_id=40)  # of domain parameters that are no standardised ones' number
MAPPING = f"{ID_PACE}.2"


def numbered(number: int, kind: str = MAPPING, parameter_id: int | None = 40) -> PaceDomainParameterInfo:
    algorithm = tlv.sequence(tlv.oid(STANDARDISED_PARAMETERS), tlv.integer(number))
    return PaceDomainParameterInfo(kind, algorithm, parameter_id)


def by_name(curve: curves.Curve) -> PaceDomainParameterInfo:
    algorithm = tlv.sequence(tlv.oid(EC_PUBLIC_KEY), tlv.oid(curve.oid))
    return PaceDomainParameterInfo(MAPPING, algorithm, 40)


def infos(*found: PaceInfo | PaceDomainParameterInfo | ChipAuthenticationInfo) -> SecurityInfos:
    return SecurityInfos(
        pace=tuple(each for each in found if isinstance(each, PaceInfo)),
        pace_domain_parameters=tuple(each for each in found if isinstance(each, PaceDomainParameterInfo)),
        chip_authentication=tuple(each for each in found if isinstance(each, ChipAuthenticationInfo)),
    )


CHIP = ChipAuthenticationInfo()
CHIP_256 = ChipAuthenticationInfo(f"{security_infos.ID_CA}.2.4")
BRAINPOOL = curves.by_parameter_id(13)
SAME = [
    ((STRONG,), (STRONG,)),
    ((STRONG, WEAK), (WEAK, STRONG)),
    ((OWN, numbered(13)), (OWN, numbered(13))),
    ((OWN, numbered(13)), (OWN, by_name(BRAINPOOL))),  # one group, written in two ways
    ((STRONG, CHIP), (STRONG, CHIP)),
    ((STRONG, CHIP), (STRONG, ChipAuthenticationInfo(key_id=3))),  # the number of the key stands in DG14
    ((STRONG,), (STRONG, CHIP)),
    ((STRONG, CHIP), (STRONG,)),  # a State that signs nothing of it: DG14 alone is what a reader goes by
    ((STRONG, ChipAuthenticationInfo(version=3)), (STRONG, CHIP)),  # another application's
]


@pytest.mark.parametrize(("offered", "signed"), SAME)
def test_what_is_confirmed(offered: tuple[PaceInfo, ...], signed: tuple[PaceInfo, ...]) -> None:
    assert require_access(infos(*offered).encode(), [infos(*signed)]) == ""


CHANGED = [
    ((STRONG, WEAK), (STRONG,), VerificationError, "does not confirm"),
    ((), (STRONG,), VerificationError, "does not offer it"),
    ((CHIP,), (STRONG, CHIP), VerificationError, "does not offer it"),
    ((OWN, numbered(12)), (OWN, numbered(13)), VerificationError, "other domain parameters"),
    ((OWN, numbered(13), numbered(12)), (OWN, numbered(13)), VerificationError, "other domain parameters"),
    ((OWN, numbered(13)), (OWN,), FormatError, "says nothing"),
    ((STRONG, numbered(13)), (STRONG,), FormatError, "says nothing"),
    ((WEAK,), (STRONG, WEAK), FormatError, "stronger PACE"),
    ((WEAK,), (WEAK, OWN, numbered(13)), FormatError, "stronger PACE"),
    ((STRONG, CHIP), (STRONG, CHIP_256), FormatError, "another chip authentication"),
    ((STRONG, ChipAuthenticationInfo(key_id=1)), (STRONG, ChipAuthenticationInfo(key_id=2)), FormatError, "another"),
    ((STRONG,), (), UnavailableError, "no access protocol"),
]


@pytest.mark.parametrize(("offered", "signed", "error", "words"), CHANGED)
def test_what_is_not(
    offered: tuple[PaceInfo, ...], signed: tuple[PaceInfo, ...], error: type[CccdError], words: str
) -> None:
    with pytest.raises(error, match=words):
        require_access(infos(*offered).encode(), [infos(*signed)])


def test_a_file_that_is_gone_or_makes_no_sense() -> None:
    with pytest.raises(VerificationError, match="not there"):
        require_access(None, [infos(STRONG)])
    assert require_access(None, [infos(CHIP)]) == "neither speaks of PACE"
    odd = tlv.set_of([tlv.sequence(tlv.oid(STRONG.protocol), tlv.octet_string(b"2"))])
    with pytest.raises(FormatError):
        require_access(odd, [infos(STRONG)])


def test_two_signed_files_confirm_together() -> None:
    """DG14 of the application, EF.CardSecurity of chip-authentication mapping."""
    mapped = PaceInfo(f"{ID_PACE}.6.2")
    both = infos(STRONG, mapped).encode()
    assert require_access(both, [infos(STRONG), infos(mapped)]) == ""
    with pytest.raises(VerificationError):
        require_access(both, [infos(STRONG)])
