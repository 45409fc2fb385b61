"""Terminal Authentication version 1, the reader's side (Doc 9303-11, 7.1; BSI TR-03110-3, 3.3 and B.3).

The reader proves by a chain of certificates, from a key that the chip trusts down to its own, that it may read
fingerprints and irises. It follows chip authentication, whose channel it is bound to.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from cccd_core.card import status_words
from cccd_core.card.apdu import CommandApdu
from cccd_core.card.bac import INS_EXTERNAL_AUTHENTICATE, INS_GET_CHALLENGE
from cccd_core.card.connection import CardConnection
from cccd_core.card.pace import INS_MANAGE_SECURITY_ENVIRONMENT
from cccd_core.emrtd.cv.reference import Reference
from cccd_core.emrtd.cv.trust_points import EF_CVCA_FID, EF_CVCA_SIZE, parse_trust_points
from cccd_core.emrtd.security_infos import SecurityInfos
from cccd_core.emrtd.tlv import encode
from cccd_core.errors import CardError, FormatError, UnavailableError
from cccd_core.signing.cv import Terminal

INS_PERFORM_SECURITY_OPERATION: Final = 0x2A
VERIFY_CERTIFICATE: Final = (0x00, 0xBE)
SET_DST: Final = (0x81, 0xB6)
SET_AT: Final = (0x81, 0xA4)
TAG_REFERENCE: Final = 0x83
CHALLENGE_SIZE: Final = 8


def trust_points(connection: CardConnection, infos: SecurityInfos) -> tuple[Reference, ...]:
    """The keys that the chip trusts, the most recent first, out of EF.CVCA, where DG14's `infos` say that it lies.

    UnavailableError where the chip does no terminal authentication of version 1 or has no EF.CVCA; CardError where the
    file makes no sense.
    """
    offered = [info for info in infos.terminal_authentication if info.version == 1]
    if not offered:
        raise UnavailableError("the chip does no terminal authentication of version 1", needs="a chip that does it")
    fid = next((info.ef_cvca for info in offered if info.ef_cvca is not None), EF_CVCA_FID)
    found = connection.send(CommandApdu(0, 0xA4, 0x02, 0x0C, fid.to_bytes(2, "big")))
    if found.sw == status_words.FILE_NOT_FOUND:
        raise UnavailableError("the chip names no trust points", needs="EF.CVCA")
    if not found.ok:
        raise status_words.card_error(found.sw, "selecting EF.CVCA")
    content = connection.send(CommandApdu(0, 0xB0, 0, 0, ne=EF_CVCA_SIZE))
    if not content.ok and content.sw != status_words.END_OF_FILE:
        raise status_words.card_error(content.sw, "reading EF.CVCA")
    try:
        return parse_trust_points(content.data)
    except FormatError as error:
        raise CardError("EF.CVCA makes no sense", **error.facts) from None


def authenticate(
    connection: CardConnection, terminal: Terminal, points: Sequence[Reference], *, chip_id: bytes, reader_key: bytes
) -> None:
    """Proves `terminal` to the chip over the channel of chip authentication: what it may read is its `rights`.

    `points` are the chip's trust points. `chip_id` is the document number with its check digit after BAC, the chip's
    compressed ephemeral key after PACE; `reader_key` the reader's compressed ephemeral key of chip authentication.
    CertificateError (check `chain`) where no chain leads from the trust points to the terminal: nothing is then sent.
    AuthenticationError where the chip refuses a certificate (fact `holder`) or the signature; SigningError; CardError.
    """
    for certificate in terminal.chain(points):
        body = certificate.body
        refused = "the chip refuses a certificate of the terminal"
        _send(connection, INS_MANAGE_SECURITY_ENVIRONMENT, SET_DST, _named(body.authority), refused, body.holder)
        data = certificate.for_verification
        _send(connection, INS_PERFORM_SECURITY_OPERATION, VERIFY_CERTIFICATE, data, refused, body.holder)
    own = terminal.certificate.body.holder
    refused = "the chip does not accept the terminal"
    _send(connection, INS_MANAGE_SECURITY_ENVIRONMENT, SET_AT, _named(own), refused, own)
    challenge = connection.require(CommandApdu(0, INS_GET_CHALLENGE, 0, 0, ne=CHALLENGE_SIZE), "asking for a challenge")
    if len(challenge) != CHALLENGE_SIZE:
        raise CardError("the card's challenge has a wrong length", length=len(challenge))
    signature = terminal.sign(chip_id + challenge + reader_key)
    _send(connection, INS_EXTERNAL_AUTHENTICATE, (0, 0), signature, refused, own)


def _named(reference: Reference) -> bytes:
    return encode(TAG_REFERENCE, reference.encoded)


def _send(
    connection: CardConnection, ins: int, p1_p2: tuple[int, int], data: bytes, refused: str, holder: Reference
) -> None:
    response = connection.send(CommandApdu(0, ins, *p1_p2, data))
    if not response.ok:
        raise status_words.authentication_error(response.sw, refused).with_facts(holder=str(holder))
