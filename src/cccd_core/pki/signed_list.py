"""Writes signed lists: master lists and deviation lists.

Doc 9303-12 clauses 9 and 10, tables of the SignedData: version 3, one signer named by its key identifier, its
certificate and its CSCA's inside, no revocation lists, signed attributes with the signing time.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Iterable

from cccd_core.emrtd import cms, times, tlv
from cccd_core.emrtd.hashes import hash_identifier
from cccd_core.errors import CertificateError, ParameterError
from cccd_core.pki.certificates import Certificate, parse_certificate
from cccd_core.pki.master_list import CSCA_MASTER_LIST
from cccd_core.pki.path import no_authority
from cccd_core.signing.signer import Signer

_VERSION_3 = tlv.integer(3)


def write_signed_list(
    content_type: str, content: bytes, signer: Signer, authority: Certificate, signing_time: dt.datetime
) -> bytes:
    """A signed message of this content by a list signer whom `authority` certified. `signing_time` is aware.
    SigningError where the signer cannot sign, ParameterError where its certificate has no subject key identifier."""
    certificate = parse_certificate(signer.certificate_der)
    if certificate.subject_key_identifier is None:
        raise ParameterError("a list signer's certificate has a subject key identifier")
    algorithm = signer.algorithm
    hashed = hash_identifier(algorithm.hash_name)
    digest = hashlib.new(algorithm.hash_name, content).digest()
    attributes = tlv.set_of(
        tlv.sequence(tlv.oid(kind), tlv.encode(tlv.SET, value))
        for kind, value in (
            (cms.CONTENT_TYPE, tlv.oid(content_type)),
            (cms.MESSAGE_DIGEST, tlv.octet_string(digest)),
            (cms.SIGNING_TIME, times.encode(signing_time)),
        )
    )
    info = tlv.sequence(
        _VERSION_3,
        tlv.encode(0x80, certificate.subject_key_identifier),
        hashed,
        b"\xa0" + attributes[1:],  # [0] IMPLICIT SET OF, RFC 5652 clause 5.4
        algorithm.identifier,
        tlv.octet_string(signer.sign(attributes)),
    )
    inside = sorted({certificate.der, authority.der})
    signed = tlv.sequence(
        _VERSION_3,
        tlv.encode(tlv.SET, hashed),
        tlv.sequence(tlv.oid(content_type), tlv.encode(0xA0, tlv.octet_string(content))),
        tlv.encode(0xA0, b"".join(inside)),
        tlv.encode(tlv.SET, info),
    )
    return tlv.sequence(tlv.oid(cms.SIGNED_DATA), tlv.encode(0xA0, signed))


def write_master_list(
    certificates: Iterable[Certificate], signer: Signer, authority: Certificate, signing_time: dt.datetime
) -> bytes:
    """A CSCA master list of these certificates, each once: SEQUENCE { version 0, SET OF Certificate }. ParameterError
    where none is given, CertificateError naming the first that is no CSCA's. Errors as `write_signed_list`."""
    listed = set()
    for certificate in certificates:
        why = no_authority(certificate)
        if why is not None:
            raise CertificateError(
                why, check="usage", subject=certificate.subject, sha256=certificate.fingerprint, needs="a CSCA's"
            )
        listed.add(certificate.der)
    if not listed:
        raise ParameterError("a master list of no certificate")
    return write_signed_list(
        CSCA_MASTER_LIST, tlv.sequence(tlv.integer(0), tlv.set_of(listed)), signer, authority, signing_time
    )
