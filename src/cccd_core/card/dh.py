"""Diffie-Hellman in the finite-field groups of PACE and chip authentication (Doc 9303-11, table 6; RFC 5114).

`cryptography` gives these up, so the powers are Python's. Their time depends on the numbers: the exponent, which lives
for one session at a reader, is blinded by a random multiple of the order (docs/adr/0067). No input or output.
"""

from __future__ import annotations

import secrets

from cccd_core.emrtd.dh_groups import DhGroup
from cccd_core.errors import FormatError, ParameterError

_BLINDING_BITS = 64


class Secret:
    """A private exponent."""

    __slots__ = ("exponent", "group")

    def __init__(self, group: DhGroup, exponent: int) -> None:
        if not 0 < exponent < group.q:
            raise ParameterError("a private exponent is outside its group's order", group=group.name)
        self.group = group
        self.exponent = exponent

    @classmethod
    def random(cls, group: DhGroup) -> Secret:
        """A fresh one: uniform in 1 to q-1."""
        return cls(group, 1 + secrets.randbelow(group.q - 1))

    def power(self, base: int) -> int:
        """base to this exponent, for a base of the group. Costs 1 to 4 ms."""
        blinded = self.exponent + (secrets.randbits(_BLINDING_BITS) | 1 << _BLINDING_BITS - 1) * self.group.q
        return pow(base, blinded, self.group.p)


def decode(group: DhGroup, raw: bytes) -> int:
    """Reads a public number, leading zeros allowed, and checks that it is of the group. FormatError otherwise."""
    number = int.from_bytes(raw, "big")
    if len(raw) > group.size_bytes or not group.contains(number):
        raise FormatError("not a public number of the group", length=len(raw), group=group.name)
    return number


def encode(number: int) -> bytes:
    """A public number as an unsigned integer, no leading zeros (BSI TR-03110-3, D.2.1.2)."""
    return number.to_bytes((number.bit_length() + 7) // 8, "big")


def map_generic(group: DhGroup, nonce: int, shared: int) -> int:
    """The generator of generic mapping, g to the nonce times h (Doc 9303-11, 4.4.3.3.1). FormatError for 1."""
    return _generator(group, pow(group.g, nonce % group.q, group.p) * shared % group.p)


def map_integrated(group: DhGroup, number: int) -> int:
    """The generator of integrated mapping: the number to the cofactor (Doc 9303-11, 4.4.3.3.2). FormatError for 1."""
    return _generator(group, pow(number, (group.p - 1) // group.q, group.p))


def _generator(group: DhGroup, number: int) -> int:
    if number <= 1:
        raise FormatError("a mapping that gives no generator", group=group.name)
    return number
