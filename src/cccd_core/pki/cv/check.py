"""Says clause by clause how a CV certificate or request is not as BSI TR-03110-3 has it (`cccd pki cv check`).

Reads leniently what a chip reads strictly, so that one fault hides no other.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from cccd_core.emrtd import tlv
from cccd_core.emrtd.cv import certificate as layout
from cccd_core.emrtd.cv.authorization import TAG_TEMPLATE, Authorization, Right, Role
from cccd_core.emrtd.cv.certificate import MAX_BYTES, CvCertificate, parse_certificate
from cccd_core.emrtd.cv.keys import TAG_PUBLIC_KEY, CvPublicKey, parse_key
from cccd_core.emrtd.cv.reference import Reference, parse_date
from cccd_core.emrtd.cv.request import TAG_AUTHENTICATION, CvRequest, parse_request
from cccd_core.emrtd.public_keys import EcPublicKey, RsaPublicKey
from cccd_core.errors import CccdError, FormatError
from cccd_core.pki.cv.folder import chain_holders
from cccd_core.pki.cv.issue import verify_request
from cccd_core.plain import Json
from cccd_core.signing.cv import Holder


class CvRule(StrEnum):
    """What is looked at; the table below has clause and words."""

    FORM = "form"
    ORDER = "order"
    PROFILE = "profile"
    AUTHORITY = "authority"
    PUBLIC_KEY = "public_key"
    DOMAIN_PARAMETERS = "domain_parameters"
    SHORTEST_NUMBERS = "shortest_numbers"
    HOLDER = "holder"
    AUTHORIZATION = "authorization"
    RESERVED_RIGHTS = "reserved_rights"
    EFFECTIVE = "effective"
    EXPIRATION = "expiration"
    DATES_IN_ORDER = "dates_in_order"
    EXTENSIONS = "extensions"
    WHOLE = "whole"
    STRENGTH = "strength"
    LIFETIME = "lifetime"
    SIGNATURE = "signature"
    OUTER_SIGNATURE = "outer_signature"
    IN_FORCE = "in_force"


CLAUSES: Final[dict[CvRule, tuple[str, str]]] = {
    CvRule.FORM: ("TR-03110-3 C.1, D.2", "a data object 7F21 of body and signature (67 for an authenticated request)"),
    CvRule.ORDER: ("TR-03110-3 C.1, C.2", "the parts of the body, each once and in their order"),
    CvRule.PROFILE: ("TR-03110-3 C.1.1", "profile identifier 0"),
    CvRule.AUTHORITY: ("TR-03110-3 A.6.1, C.1.2", "authority reference: country, mnemonic, sequence number"),
    CvRule.PUBLIC_KEY: ("TR-03110-3 D.3", "a public key of terminal authentication on a known curve, or RSA"),
    CvRule.DOMAIN_PARAMETERS: ("TR-03110-3 D.3.3", "domain parameters for a CVCA and in requests, for nobody else"),
    CvRule.SHORTEST_NUMBERS: ("TR-03110-3 D.2.1.1", "unsigned integers without leading zero bytes"),
    CvRule.HOLDER: ("TR-03110-3 A.6.1, C.1.4", "holder reference: country, mnemonic, sequence number"),
    CvRule.AUTHORIZATION: ("TR-03110-3 C.1.5; TR-03110-4 2.2.3", "authorization of an inspection system, one byte"),
    CvRule.RESERVED_RIGHTS: ("TR-03110-4 2.2.3", "reserved bits of the authorization are 0"),
    CvRule.EFFECTIVE: ("TR-03110-3 C.1.6, D.2.1.3", "effective date: six digits of a day"),
    CvRule.EXPIRATION: ("TR-03110-3 C.1.7, D.2.1.3", "expiration date: six digits of a day"),
    CvRule.DATES_IN_ORDER: ("TR-03110-3 C.1.7", "the certificate is in effect before it expires"),
    CvRule.EXTENSIONS: ("TR-03110-3 C.3", "extensions: identifiers with context-specific data"),
    CvRule.WHOLE: ("TR-03110-3 C.1, C.2", "read as a chip reads it"),
    CvRule.STRENGTH: ("BSI TR-03116-2, 3", "no SHA-1; a curve of 224 bits, or RSA of 2048, at least"),
    CvRule.LIFETIME: ("BSI TR-03139", "at most 3 years for a CVCA, 3 months for a verifier, 1 month for a terminal"),
    CvRule.SIGNATURE: ("TR-03110-3 2.5", "signed by the authority that it names, which may certify such a holder"),
    CvRule.OUTER_SIGNATURE: ("TR-03110-3 C.2", "authenticated by the holder's present key, or by a CVCA"),
    CvRule.IN_FORCE: ("TR-03110-3 2.5", "in effect and not expired"),
}
_ADVICE: Final = frozenset((CvRule.STRENGTH, CvRule.LIFETIME))
_ORDER: Final = (
    layout.TAG_PROFILE, layout.TAG_AUTHORITY, TAG_PUBLIC_KEY, layout.TAG_HOLDER, TAG_TEMPLATE, layout.TAG_EFFECTIVE,
    layout.TAG_EXPIRATION, layout.TAG_EXTENSIONS,
)  # fmt: skip
_ONLY_IN_CERTIFICATES: Final = frozenset((TAG_TEMPLATE, layout.TAG_EFFECTIVE, layout.TAG_EXPIRATION))
_LIFETIME_DAYS: Final = {Role.CVCA: 1096, Role.DV_DOMESTIC: 92, Role.DV_FOREIGN: 92, Role.IS: 31}


class CvOutcome(StrEnum):
    """How a rule came out."""

    HELD = "held"
    BROKEN = "broken"
    ADVISED_AGAINST = "advised_against"
    UNTOLD = "untold"  # not to be told without the issuer's certificate


@dataclass(frozen=True, slots=True)
class CvFinding:
    """One rule and how it came out."""

    rule: CvRule
    outcome: CvOutcome
    detail: str = ""

    def as_dict(self) -> dict[str, Json]:
        """JSON-ready, with clause and words."""
        clause, text = CLAUSES[self.rule]
        return {
            "rule": str(self.rule), "clause": clause, "text": text, "outcome": str(self.outcome), "detail": self.detail,
        }  # fmt: skip


def check(data: bytes, above: Sequence[CvCertificate] = (), at: dt.date | None = None) -> tuple[CvFinding, ...]:
    """Every rule that applies to a certificate or request, in the table's order. `above` are certificates that lead to
    the issuer's, from a CVCA's on; where they do not the signature is untold, and which one is missing is said. `at` is
    the day, of which nothing is said without it."""
    return _Check(data, above, at).run()


class _Check:
    def __init__(self, data: bytes, above: Sequence[CvCertificate], at: dt.date | None) -> None:
        self.data = data
        self.above = above
        self.issuers = chain_holders(above)
        self.at = at
        self.found: dict[CvRule, CvFinding] = {}
        self.parts: dict[int, tlv.Tlv] = {}
        self.request = False
        self.key: CvPublicKey | None = None
        self.authorization: Authorization | None = None
        self.dates: dict[int, dt.date] = {}

    def run(self) -> tuple[CvFinding, ...]:
        """All rules."""
        body: list[tlv.Tlv] = []
        self.rule(CvRule.FORM, lambda: body.extend(self.body()))
        if body:
            self.fields(body[0])
            self.meaning()
            self.whole()
        return tuple(self.found[rule] for rule in CvRule if rule in self.found)

    def rule(self, rule: CvRule, what: Callable[[], object]) -> None:
        """Held unless it raises."""
        try:
            what()
        except CccdError as error:
            bad = CvOutcome.ADVISED_AGAINST if rule in _ADVICE else CvOutcome.BROKEN
            self.found[rule] = CvFinding(rule, bad, str(error))
        else:
            self.found[rule] = CvFinding(rule, CvOutcome.HELD)

    def body(self) -> list[tlv.Tlv]:
        """The body of whatever it is. FormatError."""
        if len(self.data) > MAX_BYTES:
            raise FormatError("too long", length=len(self.data), limit=MAX_BYTES)
        whole = tlv.read_one(self.data, layout.TAG_CERTIFICATE, TAG_AUTHENTICATION, what="certificate or request")
        reader = whole.reader()
        if whole.tag == TAG_AUTHENTICATION:
            self.request = True
            reader = reader.next(layout.TAG_CERTIFICATE, what="request").reader()
        body = reader.next(layout.TAG_BODY, what="body")
        tags = {one.tag for one in body.reader()}
        self.request = self.request or not tags & _ONLY_IN_CERTIFICATES
        return [body]

    def fields(self, body: tlv.Tlv) -> None:
        """Each part by itself."""
        rows = list(body.reader())
        self.parts = {one.tag: one for one in reversed(rows)}
        expected = [tag for tag in _ORDER if not (self.request and tag in _ONLY_IN_CERTIFICATES)]
        optional = {layout.TAG_EXTENSIONS} | ({layout.TAG_AUTHORITY} if self.request else set())
        wanted = [tag for tag in expected if tag in self.parts or tag not in optional]
        self.rule(CvRule.ORDER, lambda: _same(wanted, [one.tag for one in rows]))
        self.part(CvRule.PROFILE, layout.TAG_PROFILE, _profile)
        self.part(CvRule.AUTHORITY, layout.TAG_AUTHORITY, _reference)
        self.part(CvRule.PUBLIC_KEY, TAG_PUBLIC_KEY, self.read_key)
        self.part(CvRule.SHORTEST_NUMBERS, TAG_PUBLIC_KEY, _shortest)
        self.part(CvRule.HOLDER, layout.TAG_HOLDER, _reference)
        self.part(CvRule.AUTHORIZATION, TAG_TEMPLATE, self.read_authorization)
        self.part(CvRule.EFFECTIVE, layout.TAG_EFFECTIVE, self.read_date)
        self.part(CvRule.EXPIRATION, layout.TAG_EXPIRATION, self.read_date)
        self.part(CvRule.EXTENSIONS, layout.TAG_EXTENSIONS, _extensions)

    def part(self, rule: CvRule, tag: int, read: Callable[[tlv.Tlv], None]) -> None:
        """A rule about a part that is there; one that is missing is a matter of order."""
        part = self.parts.get(tag)
        if part is not None:
            self.rule(rule, lambda: read(part))

    def read_key(self, part: tlv.Tlv) -> None:
        self.key = parse_key(part)

    def read_authorization(self, part: tlv.Tlv) -> None:
        self.authorization = Authorization.parse(part)

    def read_date(self, part: tlv.Tlv) -> None:
        self.dates[part.tag] = parse_date(part.value, offset=part.offset)

    def meaning(self) -> None:
        """What the parts say together."""
        if self.authorization is not None:
            rest = int(self.authorization.rights) & ~int(Right.READ_DG3 | Right.READ_DG4)
            self.rule(CvRule.RESERVED_RIGHTS, lambda: _demand(not rest, "reserved bits are set"))
        key = self.key
        if key is not None and not isinstance(key.key, RsaPublicKey) and (self.request or self.authorization):
            spelt = self.request or (self.authorization is not None and self.authorization.role is Role.CVCA)
            words = "the domain parameters are missing" if spelt else "the domain parameters are the authority's"
            self.rule(CvRule.DOMAIN_PARAMETERS, lambda: _demand((key.key is not None) == spelt, words))
        if key is not None:
            self.rule(CvRule.STRENGTH, lambda: _strong(key))
        effective, expiration = (self.dates.get(tag) for tag in (layout.TAG_EFFECTIVE, layout.TAG_EXPIRATION))
        if effective is None or expiration is None:
            return
        self.rule(CvRule.DATES_IN_ORDER, lambda: _demand(effective <= expiration, "it expires before it is in effect"))
        if self.authorization is not None:
            most = _LIFETIME_DAYS[self.authorization.role]
            days = (expiration - effective).days + 1
            self.rule(CvRule.LIFETIME, lambda: _demand(days <= most, f"{days} days, at most {most} are advised"))
        at = self.at
        if at is not None:
            self.rule(CvRule.IN_FORCE, lambda: _demand(effective <= at <= expiration, "not on that day"))

    def whole(self) -> None:
        """As a chip reads it, then the signatures."""
        read: list[CvCertificate | CvRequest] = []
        parse = parse_request if self.request else parse_certificate
        self.rule(CvRule.WHOLE, lambda: read.append(parse(self.data)))
        if not read:
            return
        known = self.issuers
        one = read[0]
        if isinstance(one, CvRequest):
            self.rule(CvRule.SIGNATURE, lambda: verify_request(_inner(one)))
            if one.outer is not None and one.outer[0] in known:
                self.rule(CvRule.OUTER_SIGNATURE, lambda: verify_request(one, tuple(known.values())))
            elif one.outer is not None:
                self.untold(CvRule.OUTER_SIGNATURE, one.outer[0])
        elif one.body.self_signed:
            self.rule(CvRule.SIGNATURE, lambda: Holder.trust_point(one))
        elif one.body.authority in known:
            self.rule(CvRule.SIGNATURE, lambda: known[one.body.authority].certifies(one))
        else:
            self.untold(CvRule.SIGNATURE, one.body.authority)

    def untold(self, rule: CvRule, authority: Reference) -> None:
        """Somebody's certificate is missing: the authority's own, or one above it."""
        given: dict[Reference, list[CvCertificate]] = {}
        for one in self.above:
            given.setdefault(one.body.holder, []).append(one)
        missing, seen = authority, set[Reference]()
        while missing in given and missing not in seen:
            seen.add(missing)
            missing = given[missing][0].body.authority
        if missing in seen:  # up to a CVCA's own certificate, or in a circle
            words = f"the certificate of {authority} is given, and nothing proves it"
        elif missing == authority:
            words = f"the certificate of {authority} is needed"
        else:
            words = f"the certificate of {missing} is needed, above that of {authority}"
        self.found[rule] = CvFinding(rule, CvOutcome.UNTOLD, words)


def _inner(request: CvRequest) -> CvRequest:
    return CvRequest(
        request.holder, request.public_key, request.authority, request.extensions, request.signed, request.signature
    )


def _demand(holds: bool, message: str) -> None:
    if not holds:
        raise FormatError(message)


def _same(wanted: Sequence[int], tags: Sequence[int]) -> None:
    if list(wanted) != list(tags):
        names = [" ".join(f"{tag:X}" for tag in one) for one in (wanted, tags)]
        raise FormatError("other parts, or another order", expected=names[0], found=names[1])


def _profile(part: tlv.Tlv) -> None:
    _demand(part.value == layout.PROFILE_1, "another profile")


def _reference(part: tlv.Tlv) -> None:
    Reference.parse(part.value, offset=part.offset)


def _extensions(part: tlv.Tlv) -> None:
    layout.parse_extensions(tlv.Reader(tlv.encode(part.tag, part.value), base=part.offset, der=True))


def _shortest(part: tlv.Tlv) -> None:
    rows = list(part.reader())
    numbers = [one for one in rows if one.tag in (0x81, 0x82, 0x83, 0x85, 0x87)]
    for one in numbers:
        if len(one.value) > 1 and one.value[0] == 0:
            raise FormatError("a number with leading zero bytes", offset=one.offset, tag=f"{one.tag:X}")


def _strong(key: CvPublicKey) -> None:
    _demand(key.algorithm.hash_name != "sha1", "SHA-1")
    if isinstance(key.key, EcPublicKey):
        _demand(key.key.curve.bits >= 224, "a curve below 224 bits")
    elif isinstance(key.key, RsaPublicKey):
        _demand(key.key.modulus.bit_length() >= 2048, "RSA below 2048 bits")
