"""DG15: the active authentication public key. Doc 9303-10 clause 4.7.15."""

from __future__ import annotations

from cccd_core.emrtd import tlv
from cccd_core.emrtd.files import ElementaryFile
from cccd_core.emrtd.public_keys import parse_spki


def build(public_key: bytes) -> bytes:
    """DG15 of a DER SubjectPublicKeyInfo."""
    parse_spki(public_key)
    return tlv.encode(ElementaryFile.DG15.tag, public_key)


def parse(data: bytes) -> bytes:
    """The DER SubjectPublicKeyInfo in DG15, a key that `public_keys.parse_spki` reads. FormatError otherwise."""
    key = tlv.read_one(data, ElementaryFile.DG15.tag, what="DG15").value
    parse_spki(key)
    return key
