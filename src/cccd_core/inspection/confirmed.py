"""What EF.CardAccess offered, held against what a State signed: DG14, and EF.CardSecurity where it is there.

EF.CardAccess is read in the clear and is not signed (Doc 9303-11 clauses 4.4.2, 9.2): who changes it on the way talks a
reader into a weaker protocol, or into none. No I/O.
"""

from __future__ import annotations

from collections.abc import Sequence

from cccd_core.card.pace_suites import suites
from cccd_core.emrtd import domain_parameters, security_infos
from cccd_core.emrtd.security_infos import PaceDomainParameterInfo, SecurityInfos
from cccd_core.errors import FormatError, UnavailableError, VerificationError

_CHIP_AUTHENTICATION_VERSION = 1  # later ones are of other applications, and stand in their files


def require_access(card_access: bytes | None, signed: Sequence[SecurityInfos]) -> str:
    """EF.CardAccess (None: the chip has none) says nothing that the signed files do not confirm, and keeps nothing
    back that they say.

    VerificationError for what only a change explains: a protocol or domain parameters that the signed files do not
    have, PACE that is hidden. FormatError for what a State's own mistake explains as well, and people look at: a
    stronger PACE than is offered, domain parameters or chip authentication that only EF.CardAccess has.
    UnavailableError where the signed files speak of no access protocol."""
    confirmed = {info for each in signed for info in each.pace}
    if not confirmed:
        if card_access is None:
            return "neither speaks of PACE"
        raise UnavailableError("DG14 speaks of no access protocol", needs="PACEInfo in DG14")
    if card_access is None:
        raise VerificationError("DG14 says that the chip does PACE, and EF.CardAccess is not there")
    offered = security_infos.parse(card_access)
    if not offered.pace and offered.odd:
        raise offered.odd[0].error
    if not offered.pace:
        raise VerificationError("DG14 says that the chip does PACE, and EF.CardAccess does not offer it")
    if not set(offered.pace) <= confirmed:
        raise VerificationError("EF.CardAccess offers a protocol that DG14 does not confirm")
    whole = SecurityInfos(
        pace=tuple(sorted(confirmed, key=repr)),
        pace_domain_parameters=tuple(dict.fromkeys(info for each in signed for info in each.pace_domain_parameters)),
    )
    _require_domain_parameters(offered, whole)
    strongest, best = suites(whole)[:1], suites(offered)[:1]
    if strongest and (not best or strongest[0].rank > best[0].rank):
        raise FormatError("DG14 says that the chip does a stronger PACE than EF.CardAccess offers")
    _require_chip_authentication(offered, signed)
    return ""


def _require_domain_parameters(offered: SecurityInfos, signed: SecurityInfos) -> None:
    for info in offered.pace_domain_parameters:
        alike = [
            each.algorithm
            for each in signed.pace_domain_parameters
            if (each.protocol, each.parameter_id) == (info.protocol, info.parameter_id)
        ]
        if not alike:
            raise FormatError("EF.CardAccess has domain parameters of which DG14 says nothing", protocol=info.protocol)
        if not any(_same(info, algorithm) for algorithm in alike):
            raise VerificationError("EF.CardAccess has other domain parameters than DG14", protocol=info.protocol)


def _same(info: PaceDomainParameterInfo, algorithm: bytes) -> bool:
    """Whether two AlgorithmIdentifiers are of one group, which may be named or spelt out."""
    if info.algorithm == algorithm:
        return True
    try:
        return domain_parameters.parse(info.algorithm) == domain_parameters.parse(algorithm)
    except FormatError:
        return False


def _require_chip_authentication(offered: SecurityInfos, signed: Sequence[SecurityInfos]) -> None:
    """The key with which it is done, and how, a reader takes from the signed files alone; a key's number need not stand
    in EF.CardAccess."""
    confirmed = [info for each in signed for info in each.chip_authentication if _first_version(info.version)]
    for info in offered.chip_authentication if confirmed else ():
        if not _first_version(info.version):
            continue
        alike = {each.key_id for each in confirmed if each.protocol == info.protocol}
        if not alike or (info.key_id is not None and info.key_id not in alike):
            raise FormatError("EF.CardAccess speaks of another chip authentication than DG14", protocol=info.protocol)


def _first_version(version: int) -> bool:
    return version == _CHIP_AUTHENTICATION_VERSION
