"""Certificate requests (BSI TR-03110-3 C.2): a public key asks to be certified.

The inner signature, by the new key itself, proves that its holder has it. A request of a holder who has a certificate
already is authenticated: the outer signature is by that certificate's key.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from cccd_core.emrtd import tlv
from cccd_core.emrtd.cv.certificate import (
    MAX_BYTES,
    PROFILE_1,
    TAG_AUTHORITY,
    TAG_BODY,
    TAG_CERTIFICATE,
    TAG_HOLDER,
    TAG_PROFILE,
    TAG_SIGNATURE,
    encode_extensions,
    parse_extensions,
    parse_profile,
    parse_signature,
)
from cccd_core.emrtd.cv.keys import TAG_PUBLIC_KEY, CvPublicKey, parse_key
from cccd_core.emrtd.cv.reference import Reference
from cccd_core.errors import FormatError

TAG_AUTHENTICATION: Final = 0x67


@dataclass(frozen=True, slots=True)
class CvRequest:
    """A request as read. `authority` is the one it is meant for, where it says so. `outer` is who authenticates it
    with which signature, over `outer_signed`; None for a first request."""

    holder: Reference
    public_key: CvPublicKey
    authority: Reference | None
    extensions: tuple[tuple[str, bytes], ...]
    signed: bytes = field(repr=False)
    signature: bytes = field(repr=False)
    outer: tuple[Reference, bytes] | None = field(default=None, repr=False)

    @property
    def inner(self) -> bytes:
        """The data object 7F21: the request without authentication."""
        return tlv.encode(TAG_CERTIFICATE, self.signed + tlv.encode(TAG_SIGNATURE, self.signature))

    @property
    def encoded(self) -> bytes:
        """The request as it is sent: 67 where it is authenticated, 7F21 where it is not."""
        if self.outer is None:
            return self.inner
        authority, signature = self.outer
        return tlv.encode(
            TAG_AUTHENTICATION, outer_signed(self.inner, authority) + tlv.encode(TAG_SIGNATURE, signature)
        )


def request_body(
    holder: Reference,
    public_key: CvPublicKey,
    authority: Reference | None = None,
    extensions: tuple[tuple[str, bytes], ...] = (),
) -> bytes:
    """The data object 7F4E of a request: what the new key signs."""
    return tlv.encode(
        TAG_BODY,
        tlv.encode(TAG_PROFILE, PROFILE_1)
        + (b"" if authority is None else tlv.encode(TAG_AUTHORITY, authority.encoded))
        + public_key.encode()
        + tlv.encode(TAG_HOLDER, holder.encoded)
        + encode_extensions(extensions),
    )


def outer_signed(inner: bytes, authority: Reference) -> bytes:
    """What the outer signature is over: the inner request, then the reference of the key that signs."""
    return inner + tlv.encode(TAG_AUTHORITY, authority.encoded)


def parse_request(data: bytes) -> CvRequest:
    """Reads a request of at most 8 KiB, with (67) or without (7F21) authentication. FormatError for anything else; a
    key without domain parameters is refused, since a request must have them (C.2). No signature is looked at."""
    if len(data) > MAX_BYTES:
        raise FormatError("a certificate request is too long", length=len(data), limit=MAX_BYTES)
    whole = tlv.read_one(data, TAG_AUTHENTICATION, TAG_CERTIFICATE, what="certificate request", der=True)
    if whole.tag == TAG_CERTIFICATE:
        return _inner(whole, data, None)
    reader = whole.reader(der=True)
    inner = reader.next(TAG_CERTIFICATE, what="request inside the authentication")
    name = reader.next(TAG_AUTHORITY, what="reference of the authenticating key")
    authority = Reference.parse(name.value, offset=name.offset)
    signature = parse_signature(reader)
    reader.finish("certificate request")
    return _inner(inner, data, (authority, signature))


def _inner(whole: tlv.Tlv, data: bytes, outer: tuple[Reference, bytes] | None) -> CvRequest:
    parts = whole.reader(der=True)
    found = parts.next(TAG_BODY, what="body of a request")
    signature = parse_signature(parts)
    parts.finish("certificate request")
    body = found.reader(der=True)
    parse_profile(body)
    name = body.optional(TAG_AUTHORITY, what="certification authority reference")
    authority = None if name is None else Reference.parse(name.value, offset=name.offset)
    key = body.next(TAG_PUBLIC_KEY, what="public key")
    public_key = parse_key(key)
    holder = body.next(TAG_HOLDER, what="certificate holder reference")
    extensions = parse_extensions(body)
    body.finish("body of a request")
    if public_key.key is None:
        raise FormatError("a request without domain parameters", offset=key.offset)
    reference = Reference.parse(holder.value, offset=holder.offset)
    return CvRequest(reference, public_key, authority, extensions, data[found.offset : found.end], signature, outer)
