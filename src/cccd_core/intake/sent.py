"""People whose fingers came over a socket: nothing believed, as of folders and files."""

from __future__ import annotations

from cccd_core.dedup.person import EnrolledPerson
from cccd_core.dedup.service.protocol import Request
from cccd_core.intake.people import Described, person_of


def sent_person(person_id: str, request: Request) -> EnrolledPerson:
    """The person of a request's fingers, under this identifier. FormatError, ParameterError of the first finger that is
    none; `file` says which of those sent, from 1."""
    described = Described(request.format, request.dpi, request.height_px, request.width_px)
    fingers = ((f"finger {n}", one.position, one.bytes_of()) for n, one in enumerate(request.fingers, start=1))
    return person_of(person_id, fingers, described)
