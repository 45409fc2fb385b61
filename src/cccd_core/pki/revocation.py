"""What revocation lists say of a certificate: kept apart by the key that signed them and what they speak of, and asked.

RFC 5280 clause 6.3.3; Doc 9303-12 clause 7.2. A State may issue one list for each key or one, signed by its
newest key, for all (Doc 9303-12 clause 4.2): what any of them says against a certificate counts, and no list hides
another of another key or scope. How a list is read is told in `crl`."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Final

from cccd_core.emrtd.public_keys import EcPublicKey, RsaPublicKey
from cccd_core.errors import CertificateError, FormatError, VerificationError
from cccd_core.pki.certificates import Certificate
from cccd_core.pki.crl import Revocation, RevocationList
from cccd_core.pki.path import Times
from cccd_core.pki.report import Judgement
from cccd_core.pki.rules import RULES, Action, Rule
from cccd_core.pki.signatures import PublicKey, SignatureScheme, parse_scheme, verify
from cccd_core.pki.strength import judge_scheme, permits
from cccd_core.plain import Json

ABOUT: Final = "revocation list"


@dataclass(frozen=True, slots=True)
class RevocationStatus:
    """What the lists say of a certificate: `revoked` True or False, or None where no list speaks of it wholly.

    The times are those of the list that the answer rests on; `fresh` is whether it is in force, None where it does not
    say until when. `text` is the same in words.
    """

    revoked: bool | None
    text: str
    this_update: dt.datetime | None = None
    next_update: dt.datetime | None = None
    fresh: bool | None = None
    revoked_at: dt.datetime | None = None
    reason: str | None = None
    invalidity_date: dt.datetime | None = None

    def as_dict(self) -> dict[str, Json]:
        """JSON-ready."""
        times = {
            "this_update": self.this_update, "next_update": self.next_update, "revoked_at": self.revoked_at,
            "invalidity_date": self.invalidity_date,
        }  # fmt: skip
        return {
            "revoked": self.revoked, "fresh": self.fresh, "reason": self.reason, "text": self.text,
            **{name: None if time is None else time.isoformat() for name, time in times.items()},
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Kept:
    crl: RevocationList
    key: object  # what the key is, however it was written
    since: dt.datetime  # when the key's certificate began
    scheme: SignatureScheme


class RevocationLists:
    """The lists that count: each signed by a trusted CSCA whose key may sign lists. `unusable`: the names of issuers
    of whom a list was left out; None among them where one was left out whose issuer is not known, and which may be
    anybody's."""

    __slots__ = ("_kept", "unusable")

    def __init__(self) -> None:
        self._kept: list[_Kept] = []
        self.unusable: set[str | None] = set()

    def __len__(self) -> int:
        return len(self._kept)

    def add(self, crl: RevocationList, anchors: list[Certificate]) -> None:
        """Keeps a list that one of `anchors`, which bear its issuer's name or key identifier, signed and may sign.
        CertificateError otherwise."""
        rule = Rule.LIST_SIGNATURE
        for anchor in anchors:
            try:
                scheme = parse_scheme(crl.signature_algorithm)
                verify(scheme, anchor.public_key, crl.signature, crl.signed_part)
            except (VerificationError, FormatError):
                continue
            if anchor.key_usage is not None and "crl_sign" not in anchor.key_usage:
                rule = Rule.LIST_KEY_USAGE
                continue
            if isinstance(anchor.public_key, RsaPublicKey) and not permits(anchor.public_key, scheme):
                rule = Rule.KEY_RESTRICTION
                continue
            self._kept.append(_Kept(crl, _identity(anchor.public_key), anchor.not_before, scheme))
            return
        why = (
            "no trusted CSCA signed a revocation list" if rule is Rule.LIST_SIGNATURE else "the CSCA may not sign lists"
        )
        raise CertificateError(why, check=RULES[rule].check, rule=rule.value, issuer=crl.issuer)

    def judge(
        self, judgement: Judgement, certificate: Certificate, issuer: Certificate, times: Times, *, authority: bool
    ) -> RevocationStatus:
        """What the lists say of a certificate that `issuer` signed, at `times.now`; with `authority` it is a CSCA's
        own."""
        key = _identity(issuer.public_key)
        found = [
            kept
            for kept in self._kept
            if (kept.key == key or (kept.crl.issuer_key == issuer.subject_key and kept.since >= issuer.not_before))
            and kept.crl.scope.speaks_of(authority=authority)
            and times.reached(kept.crl.this_update)
        ]
        newest: dict[tuple[object, ...], _Kept] = {}
        for kept in sorted(found, key=lambda each: (each.crl.this_update, each.crl.number or 0)):
            newest[kept.key, kept.crl.scope, kept.crl.base_number is not None] = kept
        rule = Rule.AUTHORITY_REVOCATION if authority else Rule.REVOCATION
        serial = certificate.serial_number
        for kept in newest.values():
            row = _row(kept, newest.get((kept.key, kept.crl.scope, True)), serial)
            if row is not None and times.reached(row.time):
                judgement.failed(
                    rule, ABOUT, "the certificate was revoked", subject=certificate.subject,
                    revoked_at=row.time.isoformat(),
                    **({"reason": row.reason} if row.reason else {}),
                )  # fmt: skip
                return RevocationStatus(
                    True, "revoked", kept.crl.this_update, kept.crl.next_update, None, row.time, row.reason,
                    row.invalidity_date,
                )  # fmt: skip
        # Every row counts that may be about it; that there is none says something in a list of the own key, or of one
        # that follows it and speaks for it too.
        speaking = [kept for kept in newest.values() if kept.key == key or kept.since > issuer.not_before]
        whole = [
            kept for kept in speaking if kept.crl.base_number is None and kept.crl.scope.speaks_wholly_of(certificate)
        ]
        if not whole:
            return self._nothing_said(judgement, rule, bool(speaking), self._left_out(issuer))
        # the own key's list before another's, then the newest
        kept = max(whole, key=lambda each: (each.key == key, each.crl.this_update))
        return self._not_named(judgement, rule, kept, times)

    def _left_out(self, issuer: Certificate) -> str | None:
        """What is said where a list that was given, and left out, may have spoken of what `issuer` signed."""
        if issuer.subject_key in self.unusable:
            return "the revocation list of the issuer's name that was given cannot be used"
        if None in self.unusable:
            return "a revocation list that was given cannot be read, and may be the issuer's"
        return None

    def _nothing_said(self, judgement: Judgement, rule: Rule, partly: bool, left_out: str | None) -> RevocationStatus:
        text = left_out or ("the lists speak of a part only" if partly else "no revocation list")
        judgement.unknown(rule, ABOUT, text)
        if rule is Rule.REVOCATION:
            if left_out or judgement.policy[Rule.FRESH_LIST] is Action.REFUSE:
                judgement.failed(Rule.FRESH_LIST, ABOUT, left_out or "no revocation list speaks of the signer")
            else:
                judgement.unknown(Rule.FRESH_LIST, ABOUT, text)
        return RevocationStatus(None, text)

    def _not_named(self, judgement: Judgement, rule: Rule, kept: _Kept, times: Times) -> RevocationStatus:
        crl = kept.crl
        fresh = None if crl.next_update is None else not times.reached(crl.next_update) or crl.next_update == times.now
        words = {True: "", False: ", which is out of date", None: ", which does not say until when"}[fresh]
        text = f"not revoked by the list of {crl.this_update.isoformat()}{words}"
        judge_scheme(judgement, kept.scheme, ABOUT)
        judgement.held(rule, ABOUT, text)
        if rule is Rule.REVOCATION:
            judgement.held(Rule.LIST_SIGNATURE, ABOUT, kept.scheme.name)
            judgement.held(Rule.LIST_KEY_USAGE, ABOUT)
            judgement.require(
                Rule.FRESH_LIST, fresh is True, ABOUT,
                f"the revocation list is of {crl.this_update.isoformat()}{words}",
                this_update=crl.this_update.isoformat(),
                next_update=None if crl.next_update is None else crl.next_update.isoformat(),
            )  # fmt: skip
        return RevocationStatus(False, text, crl.this_update, crl.next_update, fresh)


def _identity(key: PublicKey) -> object:
    return (key.curve.name, key.x, key.y) if isinstance(key, EcPublicKey) else key


def _row(kept: _Kept, delta: _Kept | None, serial: int) -> Revocation | None:
    """The row of a serial number in a list, with what the newer delta on it changed."""
    row = kept.crl.revoked.get(serial)
    base = kept.crl.number
    if (
        row is not None
        and delta is not None
        and serial in delta.crl.removed
        and delta.crl.base_number is not None
        and (base is not None and delta.crl.base_number <= base)
        and kept.crl.this_update <= delta.crl.this_update
    ):
        return None
    return row
