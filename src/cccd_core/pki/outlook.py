"""What of a country's PKI ends soon, is used up soon, or is out of date: said before it stops anybody."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection
from dataclasses import dataclass, field
from enum import StrEnum

from cccd_core.errors import CertificateError, Fact, SigningError
from cccd_core.pki.crl import parse_crl
from cccd_core.pki.directory import REVOCATION_LIST, Holder, PkiDirectory
from cccd_core.pki.validity import (
    COUNT_NOTICE_PERCENT,
    CRL_NOTICE_DAYS,
    ROLL_OVER_NOTICE_DAYS,
    SIGNER_NOTICE_DAYS,
)
from cccd_core.plain import JsonObject
from cccd_core.storage import whole_file

_CRL_BYTES_MAX = 8 << 20
_DAY = dt.timedelta(days=1)


class Matter(StrEnum):
    """What is warned of. Words are stable."""

    NO_SIGNER = "no_signer"
    SIGNER_ENDS = "signer_ends"
    SIGNER_COUNT = "signer_count"
    SIGNER_SHORT = "signer_short"
    CSCA_ENDS = "csca_ends"
    CRL_STALE = "crl_stale"
    CRL_ENDS = "crl_ends"
    CRL_LACKS = "crl_lacks"
    NO_AUDIT = "no_audit"
    AUDIT_ENDS = "audit_ends"


@dataclass(frozen=True, slots=True)
class Notice:
    """One thing to be seen to: what, in words, and the circumstances."""

    matter: Matter
    text: str
    facts: dict[str, Fact] = field(default_factory=dict)

    def as_dict(self) -> JsonObject:
        """JSON-ready."""
        return {"matter": self.matter, "text": self.text, "facts": self.facts}


def outlook(directory: PkiDirectory, at: dt.datetime | None = None) -> tuple[Notice, ...]:
    """What is to be seen to at that time (aware; now). FileError, FormatError, DamagedError."""
    when = at or dt.datetime.now(dt.UTC)
    return (
        *_signers(directory, when),
        *_authority(directory, when),
        *_lists(directory, when),
        *_audit(directory, when),
    )


def _signers(directory: PkiDirectory, now: dt.datetime) -> list[Notice]:
    revoked = {int(one.serial_number, 16) for one in directory.revoked}
    able = [
        (one, left)
        for one in directory.signers
        if _may_follow(one, now, revoked) and (left := directory.left(one)) != 0
    ]
    if not able:
        text = "no document signer may sign now, nor will: certify one (cccd pki signer)"
        return [Notice(Matter.NO_SIGNER, text)]
    found = []
    try:
        directory.in_turn(now)
    except (SigningError, CertificateError) as error:
        text = f"no document signer may sign now, and one will or could: {error.message}"
        found.append(Notice(Matter.NO_SIGNER, text, dict(error.facts)))
    for holder, _ in able:
        start = holder.period.not_before or now
        longest = directory.policy.signer_until(start) - dt.timedelta(days=directory.policy.margin_days)
        if holder.certificate.not_after < longest:
            text = "a document signer ends before the longest card that it may sign: such cards are held"
            found.append(Notice(Matter.SIGNER_SHORT, text, _facts(holder, until=holder.certificate.not_after)))
    last, left = able[-1]
    end = last.period.not_after or last.certificate.not_after
    days = (end - now) // _DAY
    if days < SIGNER_NOTICE_DAYS:
        text = f"the last document signer's key signs for {days} more days: certify the next one (cccd pki signer)"
        found.append(Notice(Matter.SIGNER_ENDS, text, _facts(last, until=end)))
    if left is not None and last.limit is not None and 100 * left <= COUNT_NOTICE_PERCENT * last.limit:
        text = f"the last document signer's key has {left} signatures left: certify the next one (cccd pki signer)"
        found.append(Notice(Matter.SIGNER_COUNT, text, {**_facts(last), "left": left}))
    return found


def _may_follow(holder: Holder, now: dt.datetime, revoked: Collection[int]) -> bool:
    """Whether the holder's key may sign now or later."""
    end = holder.period.not_after
    in_time = (end is None or now <= end) and now <= holder.certificate.not_after
    return in_time and holder.certificate.serial_number not in revoked


def _authority(directory: PkiDirectory, now: dt.datetime) -> list[Notice]:
    newest = directory.authorities[-1]
    end = newest.period.not_after
    if end is None or (days := (end - now) // _DAY) >= ROLL_OVER_NOTICE_DAYS:
        return []
    text = (
        f"the CSCA's key signs for {days} more days: announce the next one, and roll over (cccd pki roll-over)"
        if days >= 0
        else "the CSCA's key may not sign any more: no signer, list or link can be made with it"
    )
    return [Notice(Matter.CSCA_ENDS, text, _facts(newest, until=end))]


def _lists(directory: PkiDirectory, now: dt.datetime) -> list[Notice]:
    found = []
    for holder in directory.authorities:
        if holder is not directory.authorities[-1] and holder.period.problem(now) is not None:
            continue  # its key signs no more lists: the newest key's list speaks for it
        path = directory.file(holder, REVOCATION_LIST)
        crl = parse_crl(whole_file.read(path, "revocation list", most=_CRL_BYTES_MAX))
        facts: dict[str, Fact] = {"list": f"{holder.folder}/{REVOCATION_LIST}"}
        if crl.next_update is None or crl.next_update < now:
            text = "the revocation list is out of date: write it anew (cccd pki crl)"
            found.append(Notice(Matter.CRL_STALE, text, facts))
        elif (days := (crl.next_update - now) // _DAY) < CRL_NOTICE_DAYS:
            text = f"the revocation list is out of date in {days} days: write it anew (cccd pki crl)"
            found.append(Notice(Matter.CRL_ENDS, text, facts))
        if not {int(one.serial_number, 16) for one in directory.revoked} <= set(crl.revoked):
            text = "the revocation list lacks a certificate that was revoked: write it anew (cccd pki crl)"
            found.append(Notice(Matter.CRL_LACKS, text, facts))
    return found


def _audit(directory: PkiDirectory, now: dt.datetime) -> list[Notice]:
    if not directory.audit_signers:
        text = "no key signs audit trails: they are only chained (cccd pki audit-signer)"
        return [Notice(Matter.NO_AUDIT, text)]
    newest = directory.audit_signers[-1]
    end = newest.period.not_after or newest.certificate.not_after
    if (days := (end - now) // _DAY) >= SIGNER_NOTICE_DAYS:
        return []
    text = f"the key that signs audit trails signs for {days} more days: make the next one (cccd pki audit-signer)"
    return [Notice(Matter.AUDIT_ENDS, text, _facts(newest, until=end))]


def _facts(holder: Holder, *, until: dt.datetime | None = None) -> dict[str, Fact]:
    facts: dict[str, Fact] = {"folder": holder.folder, "serial_number": f"{holder.certificate.serial_number:X}"}
    if until is not None:
        facts["until"] = until.isoformat()
    return facts
