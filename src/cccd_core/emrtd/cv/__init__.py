"""Card-verifiable certificates: who may read the protected data groups of a chip, as bytes and as values.

BSI TR-03110-3 v2.21, appendices C (certificates, requests) and D (encoding); Doc 9303-11 clause 7.1. No cryptography
and no I/O here: signatures are `signing.cv`.
"""

from cccd_core.emrtd.cv.algorithms import TerminalAlgorithm
from cccd_core.emrtd.cv.authorization import Authorization, Right, Role
from cccd_core.emrtd.cv.certificate import CvBody, CvCertificate, parse_certificate
from cccd_core.emrtd.cv.keys import CvPublicKey
from cccd_core.emrtd.cv.reference import Reference
from cccd_core.emrtd.cv.request import CvRequest, parse_request

__all__ = [
    "Authorization",
    "CvBody",
    "CvCertificate",
    "CvPublicKey",
    "CvRequest",
    "Reference",
    "Right",
    "Role",
    "TerminalAlgorithm",
    "parse_certificate",
    "parse_request",
]
