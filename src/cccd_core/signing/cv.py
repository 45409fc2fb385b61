"""Signatures of terminal authentication, and what a certificate is worth under its issuer's (BSI TR-03110-3 2.5, A.6.4;
TR-03111 4.2.1 and 5.2.1).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature

from cccd_core.emrtd.algorithms import SignatureAlgorithm
from cccd_core.emrtd.curves import Curve
from cccd_core.emrtd.cv.algorithms import TerminalAlgorithm
from cccd_core.emrtd.cv.authorization import Authorization, Right, Role
from cccd_core.emrtd.cv.certificate import CvBody, CvCertificate
from cccd_core.emrtd.cv.keys import CvPublicKey
from cccd_core.emrtd.cv.reference import Reference
from cccd_core.emrtd.public_keys import EcPublicKey, RsaPublicKey
from cccd_core.errors import CertificateError, FormatError, UnavailableError, VerificationError
from cccd_core.signing.keys import to_cryptography
from cccd_core.signing.signer import Signer

CHAIN_MAX: Final = 16  # certificates between a trust point and a terminal: links, a document verifier, the terminal
KNOWN_MAX: Final = 4096

_HASHES: Final[dict[str, hashes.HashAlgorithm]] = {
    "sha1": hashes.SHA1(),  # noqa: S303 - a chip checks what its issuer's key says; `pki.cv.check` calls it weak
    "sha224": hashes.SHA224(),
    "sha256": hashes.SHA256(),
    "sha384": hashes.SHA384(),
    "sha512": hashes.SHA512(),
}
_OF_SIGNER: Final = {
    SignatureAlgorithm.ECDSA_SHA256: TerminalAlgorithm.ECDSA_SHA256,
    SignatureAlgorithm.ECDSA_SHA384: TerminalAlgorithm.ECDSA_SHA384,
    SignatureAlgorithm.ECDSA_SHA512: TerminalAlgorithm.ECDSA_SHA512,
    SignatureAlgorithm.RSA_PSS_SHA256: TerminalAlgorithm.RSA_PSS_SHA256,
    SignatureAlgorithm.RSA_PSS_SHA512: TerminalAlgorithm.RSA_PSS_SHA512,
}


def terminal_algorithm(signer: Signer) -> TerminalAlgorithm:
    """How a signer's key is named in a CV certificate. UnavailableError for one that terminal authentication lacks."""
    if signer.algorithm not in _OF_SIGNER:
        raise UnavailableError(
            "terminal authentication has no such algorithm", needs="ECDSA, or RSA-PSS with SHA-256 or SHA-512",
            algorithm=signer.algorithm.name,
        )  # fmt: skip
    return _OF_SIGNER[signer.algorithm]


def sign(signer: Signer, key: EcPublicKey | RsaPublicKey, data: bytes) -> bytes:
    """The signature as CV certificates and chips take it: r and s, each as long as the order, for ECDSA. SigningError
    when the key cannot sign."""
    signature = signer.sign(data)
    if isinstance(key, RsaPublicKey):
        return signature
    r, s = decode_dss_signature(signature)
    size = _order_bytes(key)
    return r.to_bytes(size, "big") + s.to_bytes(size, "big")


def verify(key: EcPublicKey | RsaPublicKey, algorithm: TerminalAlgorithm, signature: bytes, data: bytes) -> None:
    """Raises VerificationError where `signature` over `data` is not this key's by this algorithm, FormatError where
    key and algorithm do not fit, UnavailableError for a curve that is not supported here."""
    public, digest = to_cryptography(key), _HASHES[algorithm.hash_name]
    try:
        if isinstance(key, EcPublicKey) and isinstance(public, ec.EllipticCurvePublicKey):
            if algorithm.family != "ecdsa":
                raise FormatError("a key of another kind than its algorithm", algorithm=algorithm.label)
            size = _order_bytes(key)
            if len(signature) != 2 * size:
                raise VerificationError("a signature has a wrong length", length=len(signature), expected=2 * size)
            r, s = int.from_bytes(signature[:size], "big"), int.from_bytes(signature[size:], "big")
            public.verify(encode_dss_signature(r, s), data, ec.ECDSA(digest))
        elif isinstance(public, rsa.RSAPublicKey) and algorithm.family != "ecdsa":
            pss = padding.PSS(padding.MGF1(digest), digest.digest_size)
            public.verify(signature, data, pss if algorithm.family == "rsa-pss" else padding.PKCS1v15(), digest)
        else:
            raise FormatError("a key of another kind than its algorithm", algorithm=algorithm.label)
    except (InvalidSignature, UnsupportedAlgorithm, ValueError):
        raise VerificationError("a signature is wrong", algorithm=algorithm.label) from None


def _order_bytes(key: EcPublicKey) -> int:
    return (key.curve.n.bit_length() + 7) // 8


@dataclass(frozen=True, slots=True)
class Holder:
    """The holder of a certified key as whoever verified the chain knows him. `rights`: the AND along the chain from the
    trust point on."""

    reference: Reference
    role: Role
    rights: Right
    algorithm: TerminalAlgorithm
    key: EcPublicKey | RsaPublicKey
    effective: dt.date
    expiration: dt.date

    @classmethod
    def trust_point(cls, certificate: CvCertificate) -> Holder:
        """A CVCA by its own certificate: the signature by its own key proves that it was made by whoever has the key,
        and nothing more; trust comes from elsewhere. CertificateError with `check`, VerificationError, FormatError."""
        body = certificate.body
        _demand(body.authorization.role is Role.CVCA, "role", "a trust point is a CVCA", body.holder)
        _demand(body.self_signed, "reference", "a trust point is certified by its own key", body.holder)
        holder = cls.named(body)
        verify(holder.key, holder.algorithm, certificate.signature, certificate.signed)
        return holder

    def certifies(self, certificate: CvCertificate) -> Holder:
        """The holder of a certificate that this one has issued: by reference, role and signature. Times are for the
        caller to judge, who knows which day it is.

        A CVCA certifies its own next key (a link) and document verifiers, a document verifier terminals. A link's
        rights are its own: chains that begin at it know nothing of the key before. CertificateError with `check`,
        VerificationError (signature), FormatError (a key that fits no curve).
        """
        body = certificate.body
        _demand(body.authority == self.reference, "reference", "the certificate names another authority", body.holder)
        role = body.authorization.role
        allowed = self.role is Role.CVCA and (role is Role.CVCA or role.verifies_documents)
        allowed = allowed or (self.role.verifies_documents and role is Role.IS)
        _demand(allowed and not body.self_signed, "role", "the authority may not certify such a holder", body.holder)
        verify(self.key, self.algorithm, certificate.signature, certificate.signed)
        rights = body.authorization.rights
        curve = self.key.curve if isinstance(self.key, EcPublicKey) else None
        return self.named(body, curve, rights if role is Role.CVCA else self.rights & rights)

    @classmethod
    def named(cls, body: CvBody, curve: Curve | None = None, rights: Right | None = None) -> Holder:
        """The holder whom a body names, on whoever's word that is: with its own rights, and its own curve, where no
        others are given. FormatError for a key that fits no curve."""
        authorization, key = body.authorization, body.public_key
        return cls(
            body.holder, authorization.role, authorization.rights if rights is None else rights, key.algorithm,
            key.resolved(curve), body.effective, body.expiration,
        )  # fmt: skip

    def as_trust_point(self) -> CvBody:
        """What a chip keeps of a CVCA's key: its own word on itself, whole, whether it came by a link or not."""
        key = CvPublicKey.of(self.algorithm, self.key, domain_parameters=True)
        authorization = Authorization(self.role, self.rights)
        return CvBody(self.reference, key, self.reference, authorization, self.effective, self.expiration)


def _demand(holds: bool, check: str, message: str, holder: Reference) -> None:
    if not holds:
        raise CertificateError(message, check=check, holder=str(holder))


def chain(
    known: Sequence[CvCertificate], trust_points: Sequence[Reference], terminal: CvCertificate
) -> tuple[CvCertificate, ...]:
    """The shortest row of certificates from one of the trust points (the first that leads there) down to `terminal`,
    links included, in the order in which a chip takes them. By references alone: signatures are the chip's to verify.

    CertificateError (check `chain`) where none leads there. Cost: one look at each known certificate, at most 4096.
    """
    if len(known) > KNOWN_MAX:
        raise CertificateError("too many certificates to choose from", check="chain", count=len(known), limit=KNOWN_MAX)
    by_holder: dict[Reference, list[CvCertificate]] = {}
    for certificate in sorted(known, key=lambda one: one.body.expiration, reverse=True):
        if not certificate.body.self_signed:
            by_holder.setdefault(certificate.body.holder, []).append(certificate)
    wanted = set(trust_points)
    seen = {terminal.body.holder}
    rows: list[tuple[CvCertificate, ...]] = [(terminal,)]
    for _ in range(CHAIN_MAX):
        following: list[tuple[CvCertificate, ...]] = []
        ends = [row for row in rows if row[0].body.authority in wanted]
        if ends:
            order = {reference: number for number, reference in reversed(list(enumerate(trust_points)))}
            return min(ends, key=lambda row: order[row[0].body.authority])
        for row in rows:
            authority = row[0].body.authority
            if authority not in seen:
                seen.add(authority)
                following += [(upper, *row) for upper in by_holder.get(authority, ())]
        rows = following
    raise CertificateError(
        "no chain of certificates leads from the chip's trust points to the terminal", check="chain",
        trust_points=" ".join(map(str, trust_points)), terminal=str(terminal.body.holder),
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Terminal:
    """An inspection system: its certificate, the certificates that lead to it, its key.

    `anchors` are the CVCA certificates that it trusts, the latest in effect first: with them the chain is proved when
    the terminal is made, so that a wrong certificate is told before any chip refuses it. CertificateError,
    VerificationError, FormatError; CertificateError (check `key`) where the signer's key is not the certificate's.
    """

    certificate: CvCertificate
    known: tuple[CvCertificate, ...] = field(repr=False)
    anchors: tuple[CvCertificate, ...] = field(repr=False)
    signer: Signer = field(repr=False)
    holders: tuple[Holder, ...] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        points = {one.body.holder: Holder.trust_point(one) for one in self.anchors}
        row = self.chain(sorted(points, key=lambda one: points[one].effective, reverse=True))
        holders = [points[row[0].body.authority]]
        for certificate in row:
            holders.append(holders[-1].certifies(certificate))
        object.__setattr__(self, "holders", tuple(holders))
        probe = b"does this key belong to its certificate"
        try:
            verify(holders[-1].key, holders[-1].algorithm, self.sign(probe), probe)
        except VerificationError:
            raise CertificateError(
                "the terminal's key is not its certificate's", check="key", holder=str(self.certificate.body.holder)
            ) from None

    @property
    def rights(self) -> Right:
        """What its chain allows."""
        return self.holders[-1].rights

    def chain(self, trust_points: Sequence[Reference]) -> tuple[CvCertificate, ...]:
        """See `chain`: from a chip's trust points down to this terminal."""
        return chain(self.known, trust_points, self.certificate)

    def sign(self, data: bytes) -> bytes:
        """Its signature over `data`, as a chip takes it."""
        return sign(self.signer, self.holders[-1].key, data)

    def require_valid(self, day: dt.date) -> None:
        """CertificateError (check `validity`) where one of its chain has expired on that day, or is not yet in effect:
        a chip that knows the day would refuse it. Links may be expired."""
        for holder in self.holders[-3:]:  # the CVCA that certified the document verifier, the latter, the terminal
            if not holder.effective <= day <= holder.expiration:
                raise CertificateError(
                    "a certificate of the terminal's chain is not valid on that day", check="validity",
                    holder=str(holder.reference), expiration=holder.expiration.isoformat(), day=day.isoformat(),
                )  # fmt: skip
