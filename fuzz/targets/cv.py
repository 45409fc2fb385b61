"""CV certificates and requests, chains of them: the first byte chooses."""

from __future__ import annotations

import datetime as dt

from cryptography.hazmat.primitives.asymmetric import ec

from cccd_core.emrtd.curves import by_name
from cccd_core.emrtd.cv import Reference, Right, Role, parse_certificate, parse_request
from cccd_core.emrtd.cv.certificate import parse_for_verification
from cccd_core.emrtd.cv.trust_points import encode_trust_points, parse_trust_points
from cccd_core.emrtd.public_keys import EcPublicKey
from cccd_core.pki.cv import CvKey, certify, make_request, self_signed
from cccd_core.pki.cv.check import check
from cccd_core.signing import SoftwareSigner
from cccd_core.signing.cv import Holder, Terminal

MODULES = ("cccd_core.emrtd", "cccd_core.signing.cv", "cccd_core.pki.cv")
START, END = dt.date(2026, 1, 1), dt.date(2028, 12, 31)
RIGHTS = Right.READ_DG3 | Right.READ_DG4


def _pair(name: str, scalar: int) -> CvKey:
    """A fixed test key: the seeds are the same in every run but for the signatures' own randomness."""
    private = ec.derive_private_key(scalar, ec.BrainpoolP256R1())
    numbers = private.public_key().public_numbers()
    key = EcPublicKey(by_name("brainpoolP256r1"), numbers.x, numbers.y, explicit=True)
    return CvKey(Reference.of(name), key, SoftwareSigner(private, b""))


CVCA, DV, SYSTEM = _pair("VNFUZZCVCA00001", 0x1234567), _pair("VNFUZZDV00001", 0x7654321), _pair("VNFUZZIS00001", 0x99)
ROOT = self_signed(CVCA, rights=RIGHTS, effective=START, expiration=END)
REQUEST = make_request(DV, authority=CVCA.reference, authenticate=CVCA)
VERIFIER = certify(CVCA, REQUEST, role=Role.DV_DOMESTIC, rights=RIGHTS, effective=START, expiration=END)
OWN = certify(DV, make_request(SYSTEM), role=Role.IS, rights=RIGHTS, effective=START, expiration=END)
TRUSTED = Holder.trust_point(ROOT)

READERS = (
    (parse_certificate, ROOT.encoded),
    (parse_for_verification, VERIFIER.for_verification),
    (parse_request, REQUEST.encoded),
    (lambda data: Holder.trust_point(parse_certificate(data)), ROOT.encoded),
    (lambda data: TRUSTED.certifies(parse_certificate(data)), VERIFIER.encoded),
    (lambda data: Terminal(OWN, (parse_certificate(data),), (ROOT,), SYSTEM.signer), VERIFIER.encoded),
    (Reference.parse, b"VNFUZZCVCA00001"),
    (parse_trust_points, encode_trust_points([CVCA.reference])),
    (lambda data: check(data, [ROOT], START), VERIFIER.encoded),
)

SEEDS = tuple(bytes((number,)) + seed for number, (_, seed) in enumerate(READERS))


def target(data: bytes) -> None:
    """Reads `data[1:]` as what `data[0]` chooses."""
    if data:
        READERS[data[0] % len(READERS)][0](data[1:])
