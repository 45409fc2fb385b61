"""EF.CVCA: the names of the keys that a chip trusts (BSI TR-03110-1, appendix A.4)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from cccd_core.emrtd import tlv
from cccd_core.emrtd.cv.reference import Reference
from cccd_core.errors import FormatError

EF_CVCA_FID: Final = 0x011C
EF_CVCA_SFI: Final = 0x1C
EF_CVCA_SIZE: Final = 36
TRUST_POINTS_MAX: Final = 2
_TAG: Final = 0x42


def encode_trust_points(references: Sequence[Reference]) -> bytes:
    """The content of EF.CVCA: the most recent key's name first, the one before it, zeros up to 36 bytes."""
    content = b"".join(tlv.encode(_TAG, one.encoded) for one in references[:TRUST_POINTS_MAX])
    return content.ljust(EF_CVCA_SIZE, b"\0")


def parse_trust_points(data: bytes) -> tuple[Reference, ...]:
    """The names in EF.CVCA, in their order. FormatError for what holds none, more than two, or anything else."""
    reader = tlv.Reader(data)
    found: list[Reference] = []
    while data[reader.offset : reader.offset + 1] == bytes((_TAG,)) and len(found) < TRUST_POINTS_MAX:
        one = reader.next(_TAG)
        found.append(Reference.parse(one.value, offset=one.offset))
    rest = data[reader.offset :]
    if not found or rest.strip(b"\0"):
        raise FormatError("EF.CVCA holds something else than one or two references", offset=reader.offset)
    return tuple(found)
