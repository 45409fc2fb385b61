"""Writes CV certificates and requests (BSI TR-03110-3 C.1, C.2). The key that signs may live anywhere."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, field

from cccd_core.emrtd.cv.algorithms import TerminalAlgorithm
from cccd_core.emrtd.cv.authorization import Authorization, Right, Role
from cccd_core.emrtd.cv.certificate import CvBody, CvCertificate, parse_certificate
from cccd_core.emrtd.cv.keys import CvPublicKey
from cccd_core.emrtd.cv.reference import Reference
from cccd_core.emrtd.cv.request import CvRequest, outer_signed, request_body
from cccd_core.emrtd.public_keys import EcPublicKey, RsaPublicKey
from cccd_core.errors import CertificateError, ParameterError
from cccd_core.signing import cv
from cccd_core.signing.signer import Signer


@dataclass(frozen=True, slots=True)
class CvKey:
    """A key pair with its name: the holder reference of the certificate that it has, or will have."""

    reference: Reference
    key: EcPublicKey | RsaPublicKey
    signer: Signer = field(repr=False)

    @property
    def algorithm(self) -> TerminalAlgorithm:
        """How it signs."""
        return cv.terminal_algorithm(self.signer)

    def sign(self, data: bytes) -> bytes:
        """Its signature, as CV certificates hold it."""
        return cv.sign(self.signer, self.key, data)


def self_signed(pair: CvKey, *, rights: Right, effective: dt.date, expiration: dt.date) -> CvCertificate:
    """A CVCA's certificate of its own key, domain parameters spelt out: the trust point of chips."""
    authorization = Authorization(Role.CVCA, rights)
    return _signed(pair, pair.reference, pair.key, pair.algorithm, authorization, effective, expiration)


def link(older: CvKey, newer: CvKey, *, rights: Right, effective: dt.date, expiration: dt.date) -> CvCertificate:
    """What carries chips from a CVCA's key to its next one. ParameterError where the two are not one holder's."""
    if older.reference.holder != newer.reference.holder or older.reference == newer.reference:
        raise ParameterError("a link leads from a key of a CVCA to the next one of the same CVCA")
    authorization = Authorization(Role.CVCA, rights)
    return _signed(older, newer.reference, newer.key, newer.algorithm, authorization, effective, expiration)


def certify(
    authority: CvKey,
    request: CvRequest,
    *,
    role: Role,
    rights: Right,
    effective: dt.date,
    expiration: dt.date,
) -> CvCertificate:
    """The certificate of a document verifier (by a CVCA) or an inspection system (by a document verifier).

    The key inherits the authority's curve. ParameterError for a key on another curve, for the authority's own key, for
    the role of a CVCA (which `self_signed` and `link` make) and for a validity that ends before it begins. Whether the
    request may be granted is
    for the caller to know: `verify_request` first.
    """
    if role is Role.CVCA:
        raise ParameterError("a CVCA is certified by its own key")
    if request.holder == authority.reference:
        raise ParameterError(
            "a request for the authority's own key, which it does not certify", holder=str(request.holder)
        )
    key = request.public_key.resolved(None)
    if _curve(key) != _curve(authority.key):
        raise ParameterError("the key is not on the authority's curve, which it would inherit", curve=_curve(key))
    authorization = Authorization(role, rights)
    algorithm = request.public_key.algorithm
    return _signed(authority, request.holder, key, algorithm, authorization, effective, expiration)


def _curve(key: EcPublicKey | RsaPublicKey) -> str:
    return key.curve.name if isinstance(key, EcPublicKey) else "rsa"


def _signed(
    authority: CvKey,
    holder: Reference,
    key: EcPublicKey | RsaPublicKey,
    algorithm: TerminalAlgorithm,
    authorization: Authorization,
    effective: dt.date,
    expiration: dt.date,
) -> CvCertificate:
    if expiration < effective:
        raise ParameterError("a certificate would expire before it is in effect")
    spelt_out = authorization.role is Role.CVCA
    public = CvPublicKey.of(algorithm, key, domain_parameters=spelt_out)
    body = CvBody(authority.reference, public, holder, authorization, effective, expiration)
    signed = body.encode()
    made = CvCertificate(body, signed, authority.sign(signed))
    return parse_certificate(made.encoded)  # as everybody else will read it


def make_request(pair: CvKey, *, authority: Reference | None = None, authenticate: CvKey | None = None) -> CvRequest:
    """A request to certify `pair`, meant for `authority` where one is named. `authenticate` is a key that has a
    certificate already, the holder's last one, and says by a second signature that the request is genuine."""
    public = CvPublicKey.of(pair.algorithm, pair.key, domain_parameters=True)
    signed = request_body(pair.reference, public, authority)
    inner = CvRequest(pair.reference, public, authority, (), signed, pair.sign(signed))
    if authenticate is None:
        return inner
    outer = authenticate.sign(outer_signed(inner.inner, authenticate.reference))
    return CvRequest(inner.holder, public, authority, (), signed, inner.signature, (authenticate.reference, outer))


def verify_request(request: CvRequest, known: Sequence[cv.Holder] = ()) -> cv.Holder | None:
    """Whose key authenticates a request, None for a first request; `known` are the holders whose word is taken.

    VerificationError where a signature is wrong. CertificateError (check `authentication`) where the authenticating key
    is unknown, or is another holder's than the one who asks and no authority's.
    """
    key = request.public_key
    cv.verify(key.resolved(None), key.algorithm, request.signature, request.signed)
    if request.outer is None:
        return None
    reference, signature = request.outer
    holder = next((one for one in known if one.reference == reference), None)
    if holder is None:
        raise CertificateError(
            "the request is authenticated by a key that is not known", check="authentication", key=str(reference)
        )
    if holder.reference.holder != request.holder.holder and holder.role is not Role.CVCA:
        raise CertificateError(
            "the request is authenticated by another holder", check="authentication", key=str(reference)
        )
    cv.verify(holder.key, holder.algorithm, signature, outer_signed(request.inner, reference))
    return holder
