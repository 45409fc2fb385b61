"""Certificate holder authorization templates of inspection systems (BSI TR-03110-3 C.1.5; TR-03110-4 2.2.3.1)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum, IntFlag
from typing import Final

from cccd_core.emrtd import tlv
from cccd_core.errors import FormatError

ID_IS: Final = "0.4.0.127.0.7.3.1.2.1"
TAG_TEMPLATE: Final = 0x7F4C
TAG_BITS: Final = 0x53
_RIGHTS_MASK: Final = 0x3F


class Role(IntEnum):
    """Who the holder is: the two highest bits."""

    IS = 0
    DV_FOREIGN = 1
    DV_DOMESTIC = 2
    CVCA = 3

    @property
    def verifies_documents(self) -> bool:
        """Whether it is a document verifier's, of whichever State."""
        return self in (Role.DV_DOMESTIC, Role.DV_FOREIGN)


class Right(IntFlag):
    """What may be read: the six bits below the role. Those without a name here are reserved and grant nothing."""

    READ_DG3 = 0x01
    READ_DG4 = 0x02

    @classmethod
    def for_data_group(cls, number: int) -> Right | None:
        """The right that a data group asks for; None for one that asks for none."""
        return {3: cls.READ_DG3, 4: cls.READ_DG4}.get(number)

    @property
    def data_groups(self) -> tuple[int, ...]:
        """The protected data groups that may be read."""
        return tuple(number for number in (3, 4) if self & (self.for_data_group(number) or 0))


NO_RIGHT: Final = Right(0)


@dataclass(frozen=True, slots=True)
class Authorization:
    """One certificate's own word on its holder; what it is worth is the AND along the chain."""

    role: Role
    rights: Right

    def encode(self) -> bytes:
        """The data object 7F4C."""
        bits = bytes((self.role << 6 | self.rights & _RIGHTS_MASK,))
        return tlv.encode(TAG_TEMPLATE, tlv.oid(ID_IS) + tlv.encode(TAG_BITS, bits))

    @classmethod
    def parse(cls, found: tlv.Tlv) -> Authorization:
        """FormatError for another type of terminal (authentication, signature), or another size."""
        reader = found.reader(der=True)
        kind = tlv.to_oid(reader.next(tlv.OID, what="terminal type"))
        bits = reader.next(TAG_BITS, what="authorization")
        reader.finish("authorization template")
        if kind != ID_IS:
            raise FormatError("an authorization of no inspection system", offset=found.offset, type=kind)
        if len(bits.value) != 1:
            raise FormatError("an inspection system's authorization is one byte", offset=bits.offset)
        return cls(Role(bits.value[0] >> 6), Right(bits.value[0] & _RIGHTS_MASK))
