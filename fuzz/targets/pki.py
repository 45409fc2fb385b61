"""Reading certificates, revocation lists, master lists, deviation lists, protocols, and EF.SOD down to its path; checks
clause by clause: the first byte chooses."""

from __future__ import annotations

import datetime as dt
import hashlib

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from cccd_core import pki
from cccd_core.emrtd import tlv
from cccd_core.pki import issue
from cccd_core.pki.ceremony import FORMAT, FORMAT_VERSION, Entry, Protocol, parse_protocol
from cccd_core.pki.check import check_file
from cccd_core.pki.deviation_list import parse_content, read_deviations
from cccd_core.signing import SoftwareSigner, sign_data_groups

MODULES = ("cccd_core.emrtd", "cccd_core.pki")

START = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
NOW = START + dt.timedelta(days=30)
VALIDITY = issue.Validity(START, START + dt.timedelta(days=3000), START + dt.timedelta(days=300))
# Fixed test scalars, so that the seeds are the same in every run but for the signatures' own randomness.
ROOT_KEY = ec.derive_private_key(0x1234567, ec.SECP256R1())
SIGNER_KEY = ec.derive_private_key(0x7654321, ec.SECP256R1())
ROOT = SoftwareSigner(ROOT_KEY, b"")


def spki(key: ec.EllipticCurvePrivateKey) -> bytes:
    """DER SubjectPublicKeyInfo."""
    return key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


AUTHORITY = issue.Authority(
    issue.name({"C": "VN", "CN": "TEST CSCA"}), issue.key_identifier(spki(ROOT_KEY)), ROOT.algorithm, ROOT.sign
)
URL = "http://csca.test.invalid/crl"
CSCA = issue.csca_certificate(AUTHORITY, spki(ROOT_KEY), 1, VALIDITY, country="VNM", crl_url=URL)
SIGNER = issue.document_signer_certificate(
    AUTHORITY, issue.name({"C": "VN", "CN": "TEST DS"}), spki(SIGNER_KEY), 2, VALIDITY,
    country="VNM", crl_url=URL, document_types=["ID"],
)  # fmt: skip
CRL = issue.revocation_list(AUTHORITY, 1, START, NOW, {9: START})
DEVIATIONS = tlv.sequence(
    tlv.integer(0),
    tlv.set_of([
        tlv.sequence(
            tlv.sequence(tlv.encode(0x80, b"ID"), tlv.encode(0x82, b"12345678")),
            tlv.set_of([tlv.sequence(tlv.oid("2.23.136.1.1.7.2.2"), tlv.encode(0xA0, tlv.integer(13)))]),
        )
    ]),
)  # fmt: skip
PROTOCOL = Protocol(
    FORMAT, FORMAT_VERSION, True, ("A", "B"), (Entry(1, START.isoformat(), "opening", {}, ("A", "B"), "0" * 64),)
).as_json()
ZONE = b"IDVNM0990000017001099000001<<89905016M3905014VNM<<<<<<<<<<<2NGUYEN<<VAN<A<<<<<<<<<<<<<<<<<"
GROUPS = {1: tlv.encode(0x61, tlv.encode(0x5F1F, ZONE)), 2: b"\x75\x00"}
SOD = sign_data_groups(GROUPS, SoftwareSigner(SIGNER_KEY, SIGNER), signing_time=NOW)
ROOT_CERTIFICATE = pki.parse_certificate(CSCA)
TRUST = pki.TrustStore([ROOT_CERTIFICATE], [pki.parse_crl(CRL)])


# the list below is signed by the root itself, which no master list may be
SIGNED_BY_ITS_ROOT = pki.VerificationPolicy.STRICT.with_(
    signer_no_authority="ignore", signer_key_usage="ignore", list_signer_purpose="ignore"
)


def master_list() -> bytes:
    """A list of one certificate."""
    content = tlv.sequence(tlv.integer(0), tlv.set_of([CSCA]))
    kind = tlv.oid("2.23.136.1.1.2")
    attributes = b"".join(
        sorted(
            tlv.sequence(tlv.oid(oid), tlv.encode(tlv.SET, value))
            for oid, value in (
                ("1.2.840.113549.1.9.3", kind),
                ("1.2.840.113549.1.9.4", tlv.octet_string(hashlib.sha256(content).digest())),
            )
        )
    )
    digest = tlv.sequence(tlv.oid("2.16.840.1.101.3.4.2.1"))
    signer = tlv.sequence(
        tlv.integer(1), tlv.sequence(AUTHORITY.name, tlv.integer(1)), digest, tlv.encode(0xA0, attributes),
        ROOT.algorithm.identifier, tlv.octet_string(ROOT.sign(tlv.encode(tlv.SET, attributes))),
    )  # fmt: skip
    signed = tlv.sequence(
        tlv.integer(3), tlv.encode(tlv.SET, digest), tlv.sequence(kind, tlv.encode(0xA0, tlv.octet_string(content))),
        tlv.encode(0xA0, CSCA), tlv.encode(tlv.SET, signer),
    )  # fmt: skip
    return tlv.sequence(tlv.oid("1.2.840.113549.1.7.2"), tlv.encode(0xA0, signed))


READERS = (
    (pki.parse_certificate, SIGNER),
    (pki.parse_crl, CRL),
    (lambda data: pki.parse_master_list(data, ROOT_CERTIFICATE, NOW, policy=SIGNED_BY_ITS_ROOT), master_list()),
    (lambda data: pki.passive_authentication(data, GROUPS, TRUST, NOW), SOD),
    (lambda data: TRUST.validate(pki.parse_certificate(data), NOW), SIGNER),
    (lambda data: pki.judge_document(data, GROUPS, TRUST, NOW, policy=pki.VerificationPolicy.LEGACY), SOD),
    (check_file, SIGNER),
    (check_file, CRL),
    (lambda data: check_file(data, inside=True), master_list()),
    (parse_content, DEVIATIONS),
    (read_deviations, b'[{"documents": {"document_type": "ID"}, "descriptions": [{"type": "chip"}]}]'),
    (parse_protocol, PROTOCOL),
)

SEEDS = tuple(bytes((number,)) + seed for number, (_, seed) in enumerate(READERS))


def target(data: bytes) -> None:
    """Reads `data[1:]` as what `data[0]` chooses."""
    if data:
        READERS[data[0] % len(READERS)][0](data[1:])
