"""What the bytes of a chip say, without the chip: passive authentication, and whether its files agree. No I/O."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from typing import Final

from cccd_core.card.pace import ChipMapping
from cccd_core.emrtd import ElementaryFile, card_security, com, security_infos
from cccd_core.emrtd.dg13 import AuthorityCodec, CitizenFields
from cccd_core.emrtd.mrz import NO_EXPIRY, Mrz
from cccd_core.emrtd.security_infos import SecurityInfos
from cccd_core.errors import FormatError, UnavailableError, VerificationError
from cccd_core.inspection import fields as card_fields
from cccd_core.inspection.checks import Check, CheckName, Outcome
from cccd_core.inspection.confirmed import require_access
from cccd_core.inspection.fields import Decoded
from cccd_core.inspection.reading import CARD_FAULTS, ChipRead, FileState
from cccd_core.pki import (
    RULES,
    Action,
    Certificate,
    DocumentReport,
    Finding,
    Report,
    Rule,
    TrustStore,
    VerificationPolicy,
    judge_document,
)
from cccd_core.pki.card_security import judge_card_security
from cccd_core.plain import Json

_OPEN_RULES: Final = frozenset(
    (
        Rule.SECURITY_OBJECT,
        Rule.ISSUER,
        Rule.DOCUMENT_SIGNER,
        Rule.ALGORITHM,
        Rule.SIGNER_VALIDITY,
        Rule.AUTHORITY_VALIDITY,
        Rule.SIGNING_TIME,
    )
)
MANDATORY_GROUPS: Final = frozenset((1, 2))
_CENTURY: Final = 2000  # no chip of this kind was issued before 2004, so none expires in another century


@dataclass(frozen=True, slots=True)
class Judgement:
    """What the bytes of one chip say. `passive` is the report of every rule, None without EF.SOD; `fields` are for
    display, `odd` names what of them could not be read as it should be; `expired` is None where that could not be told,
    and False for a document without an end."""

    checks: tuple[Check, ...]
    passive: DocumentReport | None
    fields: dict[str, Json] = field(repr=False)
    odd: dict[str, str]
    expired: bool | None


def judge(
    read: ChipRead,
    trust: TrustStore,
    at: dt.datetime,
    policy: VerificationPolicy,
    more: tuple[Certificate, ...],
    codec: AuthorityCodec,
) -> Judgement:
    """Judges what was read against whom one trusts, at a time (aware); `policy` and `more` as in `judge_document`,
    `codec` as in `fields.decode`."""
    checks: list[Check] = []
    files = read.files
    passive: DocumentReport | None = None

    def run(name: CheckName, what: Callable[[], str]) -> None:
        checks.append(_carried_out(name, what))

    if ElementaryFile.EF_SOD in files:
        groups = {f.data_group: content for f, content in files.items() if f.data_group is not None}
        passive = judge_document(files[ElementaryFile.EF_SOD], groups, trust, at, policy=policy, more=more)
        checks.append(_passive_check(passive))
    if any(read.mappings):
        checks.append(_mapping_check(read.mappings, files, trust, at, policy, more))
    signed = read.signed
    if signed is not None:
        run(CheckName.MANDATORY_SIGNED, lambda: _require_mandatory(signed))
    if ElementaryFile.EF_COM in files and signed is not None:
        run(CheckName.COM_AGREES, lambda: require_com(files[ElementaryFile.EF_COM], signed))
    card_access = files.get(ElementaryFile.EF_CARDACCESS)
    if card_access is not None or read.state(ElementaryFile.EF_CARDACCESS) is FileState.ABSENT:
        security = _signed_infos(files, trust, at, policy, more)
        if ElementaryFile.DG14 in files or security:
            run(CheckName.ACCESS_AGREES, lambda: require_access(card_access, [*_dg14_infos(files), *security]))
    decoded = card_fields.decode(files, codec)
    errors, zone, citizen = decoded.errors, decoded.zone, decoded.citizen
    if files.keys() & card_fields.DECODED_FILES:
        run(CheckName.DECODED, lambda: _require_no_errors(errors))
    if zone is not None and citizen is not None:
        run(CheckName.FIELDS_AGREE, lambda: _require_agreement(zone, citizen))
    expired = has_expired(decoded, at.date())
    if files.keys() & {ElementaryFile.EF_SOD, ElementaryFile.DG1, ElementaryFile.DG13}:
        checks.append(_in_force(expired))
    return Judgement(
        tuple(checks), passive, decoded.fields, {name: str(error) for name, error in errors.items()}, expired
    )


def _carried_out(name: CheckName, what: Callable[[], str]) -> Check:
    try:
        detail = what()
    except UnavailableError as error:
        return Check(name, Outcome.UNTOLD, str(error), error.kind)
    except CARD_FAULTS as error:
        return Check(name, Outcome.FAILED, str(error), error.kind)
    return Check(name, Outcome.HELD, detail)


def _passive_check(report: DocumentReport) -> Check:
    """Held where the report accepts; failed where a rule shows that what was read is not what a State signed."""
    name = CheckName.PASSIVE_AUTHENTICATION
    if report.accepted:
        return Check(name, Outcome.HELD, "; ".join(f"flagged: {_said(flag)}" for flag in report.flags))
    nothing_read = frozenset() if report.data_groups else frozenset((Rule.DATA_GROUPS,))
    return _refused(name, report, but=nothing_read)


def _mapping_check(
    mappings: Sequence[ChipMapping | None],
    files: Mapping[ElementaryFile, bytes],
    trust: TrustStore,
    at: dt.datetime,
    policy: VerificationPolicy,
    more: tuple[Certificate, ...],
) -> Check:
    """The key that the chip has shown in PACE must be one of EF.CardSecurity, and that a State's word; on every channel
    the same one, since nothing else ties what was read on a later one to it."""
    name = CheckName.CHIP_MAPPING
    content = files.get(ElementaryFile.EF_CARDSECURITY)
    if content is None:
        return Check(name, Outcome.UNTOLD, "EF.CardSecurity was not read")
    try:
        parsed = card_security.parse(content)
        report = judge_card_security(parsed, trust, at, policy=policy, more=more)
        if not report.accepted:
            return _refused(name, report)
        keys = {mapping and mapping.confirm(parsed.security_infos).public_key for mapping in mappings}
        if len(keys) > 1:
            return Check(name, Outcome.UNTOLD, "a channel was opened anew, and the chip did not show its key on it")
    except CARD_FAULTS as error:
        return Check(name, Outcome.FAILED, str(error), error.kind)
    return Check(name, Outcome.HELD)


def _signed_infos(
    files: Mapping[ElementaryFile, bytes],
    trust: TrustStore,
    at: dt.datetime,
    policy: VerificationPolicy,
    more: tuple[Certificate, ...],
) -> list[SecurityInfos]:
    """What EF.CardSecurity says, where it was read and a State that is trusted signed it."""
    content = files.get(ElementaryFile.EF_CARDSECURITY)
    if content is None:
        return []
    try:
        parsed = card_security.parse(content)
    except FormatError:
        return []
    accepted = judge_card_security(parsed, trust, at, policy=policy, more=more).accepted
    return [parsed.security_infos] if accepted else []


def _dg14_infos(files: Mapping[ElementaryFile, bytes]) -> list[SecurityInfos]:
    content = files.get(ElementaryFile.DG14)
    return [] if content is None else [security_infos.parse(content)]


def _refused(name: CheckName, report: Report, *, but: frozenset[Rule] = frozenset()) -> Check:
    against = [refusal for refusal in report.refusals if shows_forgery(refusal.rule) and refusal.rule not in but]
    decisive = (against or list(report.refusals))[:1]
    if not decisive:
        return Check(name, Outcome.UNTOLD, "what it rests on could not be checked")
    outcome = Outcome.FAILED if against else Outcome.UNTOLD
    return Check(name, outcome, _said(decisive[0]), decisive[0].error().kind)


def shows_forgery(rule: Rule) -> bool:
    """Whether a rule that refuses shows something against the document: what genuine ones do too (the legacy policy
    accepts it), and what hangs on certificates that one has not got, on a clock, or on a form or algorithm that is
    unknown here, proves nothing in either direction."""
    return RULES[rule].legacy is Action.REFUSE and rule not in _OPEN_RULES


def _said(finding: Finding) -> str:
    about = f" ({finding.about})" if finding.about else ""
    facts = dict(finding.facts)
    name = facts.get("name") or facts.get("curve") or facts.get("algorithm") if finding.rule is Rule.ALGORITHM else None
    return f"{finding.why or finding.rule}{f': {name}' if name else ''}{about} [{finding.rule}]"


def require_com(ef_com: bytes, signed: Set[int]) -> str:
    """EF.COM must list the data groups that EF.SOD signs. VerificationError, FormatError."""
    listed = com.parse(ef_com)
    for part in listed.odd:
        if part.name == com.LIST_NAME:
            raise part.error
    differing = signed ^ set(listed.data_groups)
    if differing:
        raise VerificationError(
            "EF.COM and EF.SOD name different data groups",
            differing=" ".join(str(number) for number in sorted(differing)),
        )
    return ""


def _require_no_errors(errors: dict[str, FormatError]) -> str:
    for name, error in errors.items():
        raise error.with_facts(file=name)
    return ""


def _require_agreement(zone: Mrz, citizen: CitizenFields) -> str:
    differing = card_fields.disagreements(zone, citizen)
    if differing:
        raise VerificationError("two files tell different things", fields=" ".join(differing))
    return ""


def _require_mandatory(signed: Set[int]) -> str:
    """Doc 9303-10 clause 4.6: every document has DG1 and DG2. Without DG1 nothing signed says whose, of which State and
    until when it is."""
    missing = MANDATORY_GROUPS - signed
    if missing:
        raise VerificationError(
            "EF.SOD does not sign what every document has",
            missing=" ".join(f"DG{number}" for number in sorted(missing)),
        )
    return ""


def _in_force(expired: bool | None) -> Check:
    name = CheckName.IN_FORCE
    if expired is None:
        return Check(name, Outcome.UNTOLD, "until when the document is valid cannot be read")
    return Check(name, Outcome.FAILED if expired else Outcome.HELD, "the document has expired" if expired else "")


def has_expired(decoded: Decoded, day: dt.date) -> bool | None:
    """Whether a document's last day is over; False for one without an end, None where its end cannot be read."""
    last = expiry_date(decoded)
    if last is not None:
        return last < day
    return False if _has_no_end(decoded) else None


def _has_no_end(decoded: Decoded) -> bool:
    """Whether DG13 says so or, where it does not speak of it, the machine readable zone, as Vietnam writes it."""
    if decoded.citizen is not None and decoded.citizen.permanent:
        return True
    zone = decoded.zone
    if zone is None or "DG13" in decoded.errors or _odd_expiry(zone):
        return False
    return zone.expiry_date == NO_EXPIRY


def expiry_date(decoded: Decoded) -> dt.date | None:
    """The last day of a document: as DG13 writes it in full, else as the machine readable zone has it; None where
    neither can be read, or the document does not expire."""
    if decoded.citizen is not None and decoded.citizen.expiry_date is not None:
        return decoded.citizen.expiry_date
    zone = decoded.zone
    if zone is None or zone.expiry_date == NO_EXPIRY or _odd_expiry(zone):
        return None
    text = zone.expiry_date
    try:
        return dt.date(_CENTURY + int(text[:2]), int(text[2:4]), int(text[4:6]))
    except ValueError:
        return None


def _odd_expiry(zone: Mrz) -> bool:
    return any(part.name == "expiry_date" for part in zone.odd)
