"""Who may read fingerprints from chips: the country's CVCA, document verifiers, inspection systems.

BSI TR-03110-3 v2.21 (certificates, requests), BSI TR-03139 and Doc 9303-11 clause 7.1 (the hierarchy). What a chip does
with the certificates is `card.virtual.terminal`, what a reader does `card.terminal_authentication`.
"""

from cccd_core.pki.cv.folder import (
    CvFolder,
    HolderKind,
    chain_holders,
    described,
    read_certificate,
    require_known,
    validity,
)
from cccd_core.pki.cv.issue import CvKey, certify, link, make_request, self_signed, verify_request

__all__ = [
    "CvFolder",
    "CvKey",
    "HolderKind",
    "certify",
    "chain_holders",
    "described",
    "link",
    "make_request",
    "read_certificate",
    "require_known",
    "self_signed",
    "validity",
    "verify_request",
]
