"""A person as a database keeps them: one ISO/IEC 19794-2:2005 record for each finger, and a checksum over all."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from typing import Final, TypeAlias

from cccd_core.dedup.gallery.withdrawal import Withdrawal
from cccd_core.dedup.person import EnrolledPerson
from cccd_core.errors import DamagedError, FormatError, ParameterError
from cccd_core.templates import FingerTemplate, Tenprint, read, write

TEMPLATE_FORMAT: Final = "iso-2005"
TEMPLATE_BYTES_MOST: Final = 128 * 1024  # a record with the largest extended data block has 67 KB
UNPLACED_FROM: Final = 100  # place of the first finger of unknown position; 1..10 are the others

Fingers: TypeAlias = Sequence[tuple[int, bytes]]  # (place, record), in order of place


def encode(person: EnrolledPerson) -> Fingers:
    """The records of a person. ParameterError for a template that the format cannot hold."""
    placed = [(position, write(template, TEMPLATE_FORMAT)) for position, template in person.tenprint.items()]
    return placed + [(UNPLACED_FROM + i, write(t, TEMPLATE_FORMAT)) for i, t in enumerate(person.unplaced)]


def checksum(person_id: str, fingers: Iterable[tuple[int, bytes]]) -> bytes:
    """sha256 over identifier, places and records, each with its length before it."""
    digest = hashlib.sha256()
    name = person_id.encode("utf-8", "surrogatepass")
    digest.update(len(name).to_bytes(4, "big") + name)
    for place, data in fingers:
        digest.update(place.to_bytes(8, "big", signed=True) + len(data).to_bytes(4, "big") + data)
    return digest.digest()


def checksum_of(one: Withdrawal) -> bytes:
    """sha256 over what the trace says of a withdrawal, each part with its length before it."""
    parts = (one.sequence, str(one.kind), one.person_id, one.order, one.time.isoformat(), one.fingers, one.place)
    digest = hashlib.sha256()
    for part in (*parts, "" if one.new_id is None else one.new_id):
        data = str(part).encode()
        digest.update(len(data).to_bytes(4, "big") + data)
    return digest.digest()


def decode(person_id: str, fingers: Fingers) -> EnrolledPerson:
    """The person of these records. DamagedError where they are none that were ever written."""
    placed: dict[int, FingerTemplate] = {}
    unplaced: list[FingerTemplate] = []
    try:
        for place, data in fingers:
            views = read(data, format=TEMPLATE_FORMAT).views
            if len(views) != 1:
                raise FormatError("a record of one finger has one view", views=len(views))
            if place == UNPLACED_FROM + len(unplaced):
                unplaced.append(views[0])
            else:
                placed[place] = views[0]
        return EnrolledPerson(person_id, Tenprint(placed), tuple(unplaced))
    except (FormatError, ParameterError):  # a right checksum over what was never written here
        raise DamagedError("a person's identifier, finger's place or record is wrong") from None
