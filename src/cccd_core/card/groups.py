"""Key agreement without regard to its kind: what PACE and chip authentication need of an elliptic curve or of a
finite-field group, with public keys and mapped generators as the bytes in which they travel (Doc 9303-11, 9.4.4, 9.5).
"""

from __future__ import annotations

import hashlib
from typing import Final, Protocol

from cccd_core.card import dh, ec
from cccd_core.emrtd.curves import STANDARDISED, Curve
from cccd_core.emrtd.dh_groups import DhGroup
from cccd_core.emrtd.domain_parameters import DomainParameters

CURVE_IDS: Final = {name: number for number, name in STANDARDISED.items()}


class Secret(Protocol):
    """A private key. Each method raises FormatError for a public key that is none of the group's."""

    def public(self) -> bytes:
        """The public key over the group's own generator."""

    def times(self, element: bytes) -> bytes:
        """The public key over another generator; or the element that two sides share."""

    def agree(self, public: bytes) -> bytes:
        """The secret that two sides share: x coordinate, or number, as long as the group's prime."""


class Group(Protocol):
    """A group of prime order in which keys are agreed."""

    @property
    def name(self) -> str:
        """As in messages."""

    @property
    def elliptic(self) -> bool:
        """Whether it is a curve."""

    @property
    def strength_bits(self) -> int:
        """Bits of security: NIST SP 800-57 part 1, table 2."""

    @property
    def prime(self) -> int:
        """The prime of its field."""

    @property
    def parameter_id(self) -> int | None:
        """Its number in Doc 9303-11, table 6."""

    @property
    def value_tag(self) -> int:
        """The tag of a public key inside 7F49."""

    def secret(self, number: int | None = None) -> Secret:
        """A fresh private key, or the one of this number (ParameterError outside the order)."""

    def map_generic(self, nonce: int, shared: bytes) -> bytes:
        """The generator of generic mapping. FormatError where there is none."""

    def map_integrated(self, number: int) -> bytes:
        """The generator of integrated mapping. FormatError where there is none."""

    def compress(self, public: bytes) -> bytes:
        """A public key in short: x coordinate, or SHA-1 of the number (BSI TR-03110-3, A.2.2.3)."""


class _EcSecret:
    def __init__(self, secret: ec.Secret) -> None:
        self._secret = secret

    def public(self) -> bytes:
        return self._secret.curve.encode_point(*self._secret.times_generator())

    def times(self, element: bytes) -> bytes:
        curve = self._secret.curve
        return curve.encode_point(*self._secret.times(ec.decode_point(curve, element)))

    def agree(self, public: bytes) -> bytes:
        return self._secret.agree(ec.decode_point(self._secret.curve, public))


class EcGroup:
    """A curve."""

    elliptic = True
    value_tag = 0x86

    def __init__(self, curve: Curve) -> None:
        self.curve = curve
        self.name = curve.name
        self.prime = curve.p
        self.strength_bits = curve.bits // 2
        self.parameter_id = CURVE_IDS.get(curve.name)

    def secret(self, number: int | None = None) -> Secret:
        """A fresh scalar, or this one."""
        return _EcSecret(ec.Secret.random(self.curve) if number is None else ec.Secret(self.curve, number))

    def map_generic(self, nonce: int, shared: bytes) -> bytes:
        """nonce·G + H."""
        curve = self.curve
        return curve.encode_point(*ec.map_generic(curve, nonce, ec.decode_point(curve, shared)))

    def map_integrated(self, number: int) -> bytes:
        """The point that the number encodes."""
        return self.curve.encode_point(*ec.map_integrated(self.curve, number))

    def compress(self, public: bytes) -> bytes:
        """The x coordinate."""
        return public[1 : 1 + self.curve.field_bytes]


class _DhSecret:
    def __init__(self, secret: dh.Secret) -> None:
        self._secret = secret

    def public(self) -> bytes:
        return dh.encode(self._secret.power(self._secret.group.g))

    def times(self, element: bytes) -> bytes:
        return dh.encode(self._secret.power(dh.decode(self._secret.group, element)))

    def agree(self, public: bytes) -> bytes:
        group = self._secret.group
        return self._secret.power(dh.decode(group, public)).to_bytes(group.size_bytes, "big")


class FiniteFieldGroup:
    """A group of numbers below a prime."""

    elliptic = False
    value_tag = 0x84

    def __init__(self, group: DhGroup) -> None:
        self.group = group
        self.name = group.name
        self.prime = group.p
        self.strength_bits = 80 if group.p.bit_length() == 1024 else 112
        self.parameter_id = group.parameter_id

    def secret(self, number: int | None = None) -> Secret:
        """A fresh exponent, or this one."""
        return _DhSecret(dh.Secret.random(self.group) if number is None else dh.Secret(self.group, number))

    def map_generic(self, nonce: int, shared: bytes) -> bytes:
        """g to the nonce, times h."""
        return dh.encode(dh.map_generic(self.group, nonce, dh.decode(self.group, shared)))

    def map_integrated(self, number: int) -> bytes:
        """The number to the cofactor."""
        return dh.encode(dh.map_integrated(self.group, number))

    def compress(self, public: bytes) -> bytes:
        """SHA-1 of the number."""
        return hashlib.sha1(public, usedforsecurity=False).digest()


def of(parameters: DomainParameters) -> Group:
    """The group of domain parameters."""
    return EcGroup(parameters) if isinstance(parameters, Curve) else FiniteFieldGroup(parameters)
