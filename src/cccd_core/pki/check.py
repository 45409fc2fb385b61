"""Says clause by clause how a certificate or list is not as Doc 9303-12 has it (`cccd pki check`).

Looks at the bytes themselves, so that what a lenient reader passes over is seen. The rules are `profile`'s.
"""

from __future__ import annotations

import base64

from cccd_core.emrtd import tlv
from cccd_core.errors import FormatError
from cccd_core.pki.check_certificate import check_certificate
from cccd_core.pki.check_lists import check_revocation_list, check_signed_list
from cccd_core.pki.check_parts import Checked

MAX_BYTES = 32 << 20


def check(data: bytes, *, inside: bool = False) -> Checked:
    """Checks a DER certificate, revocation list, master list or deviation list. With `inside` every certificate that a
    master list lists is checked too. FormatError for what is none of them, or more than 32 MiB."""
    if len(data) > MAX_BYTES:
        raise FormatError("too long for a certificate or list", length=len(data), limit=MAX_BYTES)
    outer = tlv.read_one(data, tlv.SEQUENCE, what="certificate or list").reader()
    first = outer.next(tlv.SEQUENCE, tlv.OID, what="certificate or list")
    if first.tag == tlv.OID:
        return check_signed_list(data, inside)
    head = first.reader()
    if head.peek() == 0xA0:
        return check_certificate(data)
    if head.next(tlv.INTEGER, tlv.SEQUENCE, what="version or algorithm").tag == tlv.INTEGER:
        head.next(tlv.SEQUENCE, what="signature algorithm")
    head.next(tlv.SEQUENCE, what="issuer")
    is_list = head.peek() in (tlv.UTC_TIME, tlv.GENERALIZED_TIME)
    return check_revocation_list(data) if is_list else check_certificate(data)


def check_file(data: bytes, *, inside: bool = False) -> Checked:
    """`check` of a file's content, which may be PEM (RFC 7468), of whatever label. FormatError."""
    if data.lstrip()[:5] != b"-----":
        return check(data, inside=inside)
    lines = [line.strip() for line in data.strip().splitlines()]
    if len(lines) < 3 or not lines[0].startswith(b"-----BEGIN ") or not lines[-1].startswith(b"-----END "):
        raise FormatError("not one PEM text", lines=len(lines))
    try:
        return check(base64.b64decode(b"".join(lines[1:-1]), validate=True), inside=inside)
    except ValueError:
        raise FormatError("a PEM text that is no base64") from None
