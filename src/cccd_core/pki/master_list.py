"""CSCA master lists: the roots of many countries, in one signed list.

Doc 9303-12 clause 9 (master list), its signer's certificate in clause 7.1.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from cccd_core.arguments import BUFFERS, require_type
from cccd_core.emrtd import ber, tlv
from cccd_core.emrtd.public_keys import UnknownKey
from cccd_core.errors import CccdError, FormatError
from cccd_core.pki.certificates import Certificate, parse_certificate
from cccd_core.pki.messages import SignatureReport, read_signed_list
from cccd_core.pki.path import Role
from cccd_core.pki.policy import VerificationPolicy
from cccd_core.pki.trust import TrustStore
from cccd_core.plain import Json
from cccd_core.storage import whole_file

CSCA_MASTER_LIST = "2.23.136.1.1.2"
MAX_BYTES = 32 << 20
MAX_CERTIFICATES = 10_000


@dataclass(frozen=True, slots=True)
class MasterList:
    """A master list whose signature leads to a root that was given. `refused` are the certificates that were left out,
    each with the reason, its SHA-256, where it stands in the list (`at`) and its subject where that can be read;
    `report` has every rule, what is accepted by exception with it."""

    certificates: tuple[Certificate, ...]
    refused: tuple[CccdError, ...]
    signer: Certificate
    algorithm: str
    signing_time: dt.datetime | None
    report: SignatureReport

    def as_dict(self) -> dict[str, Json]:
        """JSON-ready: who signed, and how many certificates of which countries and keys there are."""
        countries = Counter(each.country or "?" for each in self.certificates)
        keys = Counter(each.public_key.name for each in self.certificates)
        return {
            "signer": self.signer.subject, "signed": self.algorithm,
            "signing_time": None if self.signing_time is None else self.signing_time.isoformat(),
            "certificates": len(self.certificates), "refused": [error.as_dict() for error in self.refused],
            "countries": len(countries), "keys": dict(sorted(keys.items())),
            "by_country": dict(sorted(countries.items())),
        }  # fmt: skip


def parse_master_list(
    data: bytes,
    root: Certificate,
    at: dt.datetime | None = None,
    *,
    policy: VerificationPolicy = VerificationPolicy.STRICT,
) -> MasterList:
    """`verify_master_list` against the one CSCA certificate `root`, which must be trusted already."""
    return verify_master_list(data, TrustStore([root]).require_whole(), at, policy=policy)


def verify_master_list(
    data: bytes,
    roots: TrustStore,
    at: dt.datetime | None = None,
    *,
    policy: VerificationPolicy = VerificationPolicy.STRICT,
) -> MasterList:
    """Reads a CSCA master list and verifies it against the CSCA certificates in `roots`.

    Checked: the list's signature, and by the rules of a path that a master list signer made it whom one of the roots
    issued, valid at the signing time, or at `at` (now by default) where the list states none, and not revoked by a
    list in the store; certificates of the message may link a newer key to a root. A CSCA signs no list itself (Doc
    9303-12 clause 9). Certificates are read one by one: one that cannot be read, or whose key is not known here, does
    not hide the others. FormatError, VerificationError, CertificateError; ParameterError for an argument of another
    type."""
    require_type(data, BUFFERS, "data")
    if len(data) > MAX_BYTES:
        raise FormatError("a master list is too long", length=len(data), limit=MAX_BYTES)
    found = read_signed_list(
        data, CSCA_MASTER_LIST, Role.MASTER_LIST_SIGNER, roots, at, about="CSCA master list", policy=policy
    )
    certificates, refused = ber.read(_read, found.content)
    return MasterList(certificates, refused, found.signer, found.algorithm, found.signing_time, found.report)


def load_master_list(path: Path | str, root_path: Path | str) -> MasterList:
    """`parse_master_list` of files. FileError where one cannot be read."""
    data = whole_file.read(path, "master list", most=MAX_BYTES)
    return parse_master_list(data, parse_certificate(whole_file.read(root_path, "certificate", most=MAX_BYTES)))


def _read(content: bytes) -> tuple[tuple[Certificate, ...], tuple[CccdError, ...]]:
    parts = tlv.read_one(content, tlv.SEQUENCE, what="master list").reader()
    version = tlv.to_integer(parts.next(tlv.INTEGER, what="version of the master list"))
    if version != 0:
        raise FormatError("a master list of an unknown version", version=version)
    certificates: dict[Certificate, None] = {}
    refused: list[CccdError] = []
    listed = parts.next(tlv.SET, what="certificates of the master list")
    parts.finish("master list")
    for count, each in enumerate(listed.reader()):
        if count >= MAX_CERTIFICATES:
            raise FormatError("a master list of too many certificates", limit=MAX_CERTIFICATES)
        der = tlv.encode(each.tag, each.value)
        try:
            certificate = parse_certificate(der)
        except FormatError as error:
            refused.append(error.with_facts(at=each.offset, sha256=hashlib.sha256(der).hexdigest()))
            continue
        key = certificate.public_key
        if isinstance(key, UnknownKey):
            why = FormatError(key.why.message, **key.why.facts)
            refused.append(why.with_facts(at=each.offset, sha256=certificate.fingerprint, subject=certificate.subject))
            continue
        certificates[certificate] = None
    return tuple(certificates), tuple(refused)
