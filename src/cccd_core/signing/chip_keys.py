"""Key pairs of one chip: chip authentication and active authentication.

The private halves go into the chip's secrets and nowhere else; the public halves into DG14 and DG15.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat


@dataclass(frozen=True, slots=True)
class ChipKeys:
    """The two key pairs of one chip: private keys as unencrypted PKCS #8 DER, public keys as SubjectPublicKeyInfo DER.

    Chip authentication is ECDH on brainpoolP256r1, active authentication ECDSA on brainpoolP256r1 with SHA-256.
    """

    ca_private_key: bytes = field(repr=False)
    ca_public_key: bytes
    aa_private_key: bytes = field(repr=False)
    aa_public_key: bytes

    @classmethod
    def generate(cls) -> ChipKeys:
        """Fresh keys from the system's random source. Cost: two scalar multiplications, about 1 ms."""
        return cls(*_pair(), *_pair())


def _pair() -> tuple[bytes, bytes]:
    key = ec.generate_private_key(ec.BrainpoolP256R1())
    private = key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    return private, key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
