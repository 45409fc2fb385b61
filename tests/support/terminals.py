"""CVCA, document verifiers and inspection systems for tests: made in a row of arguments, keys in memory."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, field

from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from cccd_core.emrtd.algorithms import SignatureAlgorithm
from cccd_core.emrtd.cv import CvCertificate, Reference, Right, Role
from cccd_core.emrtd.public_keys import parse_spki
from cccd_core.pki.cv import CvKey, certify, link, make_request, self_signed
from cccd_core.signing.cv import Terminal
from cccd_core.signing.software import SoftwareSigner

ALL = Right.READ_DG3 | Right.READ_DG4
TODAY = dt.date(2026, 11, 1)


def days(count: int) -> dt.date:
    """That many days after TODAY."""
    return TODAY + dt.timedelta(days=count)


def pair(name: str, key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | None = None,
         algorithm: SignatureAlgorithm | None = None) -> CvKey:  # fmt: skip
    """A fresh key (on brainpoolP256r1 where none is given) of this holder."""
    private = key or ec.generate_private_key(ec.BrainpoolP256R1())
    spki = private.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return CvKey(Reference.of(name), parse_spki(spki), SoftwareSigner(private, b"", algorithm))


@dataclass
class Hierarchy:
    """A CVCA with one document verifier and one inspection system, valid around TODAY."""

    cvca: CvKey = field(default_factory=lambda: pair("VNTESTCVCA00001"))
    dv: CvKey = field(default_factory=lambda: pair("VNTESTDV00001"))
    system: CvKey = field(default_factory=lambda: pair("VNTESTIS00001"))

    def root(self, rights: Right = ALL, effective: int = -100, expiration: int = 900) -> CvCertificate:
        """The trust point."""
        return self_signed(self.cvca, rights=rights, effective=days(effective), expiration=days(expiration))

    def linked(self, newer: CvKey, effective: int = 0, expiration: int = 900, rights: Right = ALL) -> CvCertificate:
        """The CVCA hands on to another key; `self.cvca` stays what it is."""
        return link(self.cvca, newer, rights=rights, effective=days(effective), expiration=days(expiration))

    def verifier(self, rights: Right = ALL, effective: int = -10, expiration: int = 80,
                 role: Role = Role.DV_DOMESTIC, by: CvKey | None = None) -> CvCertificate:  # fmt: skip
        """The document verifier's certificate."""
        return certify(by or self.cvca, make_request(self.dv), role=role, rights=rights,
                       effective=days(effective), expiration=days(expiration))  # fmt: skip

    def inspector(self, rights: Right = ALL, effective: int = -5, expiration: int = 20,
                  role: Role = Role.IS, by: CvKey | None = None) -> CvCertificate:  # fmt: skip
        """The inspection system's certificate."""
        return certify(by or self.dv, make_request(self.system), role=role, rights=rights,
                       effective=days(effective), expiration=days(expiration))  # fmt: skip

    def terminal(self, certificates: Sequence[CvCertificate] = ()) -> Terminal:
        """The inspection system; `certificates` (verifier, then its own) in place of the usual ones."""
        verifier, own = certificates or (self.verifier(), self.inspector())
        return Terminal(own, (verifier,), (self.root(),), self.system.signer)
