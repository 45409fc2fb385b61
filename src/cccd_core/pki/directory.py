"""A PKI directory as `cccd pki init` makes it, read and checked.

`pki.json` says what is there; `csca/` and `ds/` hold certificates, `csca/crl.der` the revocation list,
`card_master_key.hex` the transport key of the blank cards, which `personalise.keys` reads.
"""

from __future__ import annotations

import importlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cccd_core.errors import FormatError, SigningError, UnavailableError
from cccd_core.pki.certificates import Certificate, parse_certificate
from cccd_core.pki.revocation import parse_crl
from cccd_core.pki.trust import TrustStore
from cccd_core.signing.signer import Signer
from cccd_core.signing.software import SoftwareSigner
from cccd_core.storage import whole_file

FORMAT = "cccd-pki"
FORMAT_VERSION = 1
INDEX = "pki.json"
CSCA_CERTIFICATE = "csca/certificate.der"
CSCA_PRIVATE_KEY = "csca/private_key.pem"
CSCA_CRL = "csca/crl.der"
DS_CERTIFICATE = "ds/certificate.der"
DS_PRIVATE_KEY = "ds/private_key.pem"
CARD_MASTER_KEY = "card_master_key.hex"
PRIVATE = frozenset({CSCA_PRIVATE_KEY, DS_PRIVATE_KEY, CARD_MASTER_KEY})
"""The files that are made for their owner alone."""

PIN_VARIABLE = "CCCD_PKCS11_PIN"

_MAX_FILE_BYTES = 8 << 20


@dataclass(frozen=True, slots=True)
class PkiDirectory:
    """A loaded directory; keys are read when they are asked for. FileError and FormatError name the file."""

    path: Path
    country: str
    test: bool
    document_signer_certificate: Certificate
    csca_certificate: Certificate
    pkcs11: Mapping[str, str] | None = None

    def document_signer(self) -> Signer:
        """The key that signs documents, with its certificate: the private key in the folder, or, where the index has
        `"pkcs11": {"module": ..., "token": ..., "key": ...}`, that of a token, whose PIN is in CCCD_PKCS11_PIN.

        SigningError where it cannot be used, UnavailableError where the token or python-pkcs11 is missing.
        """
        if self.pkcs11 is not None:
            return _open_token(self.pkcs11, self.document_signer_certificate.der)
        return SoftwareSigner.load(_read(self.path, DS_PRIVATE_KEY), self.document_signer_certificate.der)

    def trust_store(self) -> TrustStore:
        """The directory's CSCA and its revocation list."""
        try:
            return TrustStore([self.csca_certificate], [parse_crl(_read(self.path, CSCA_CRL))]).require_whole()
        except FormatError as error:
            raise error.with_facts(path=str(self.path / CSCA_CRL)) from None

    def as_dict(self) -> dict[str, Any]:
        """The listing: no key in it."""
        return {
            "path": str(self.path), "country": self.country, "test": self.test,
            "csca": self.csca_certificate.as_dict(), "document_signer": self.document_signer_certificate.as_dict(),
        }  # fmt: skip


def load(path: Path | str) -> PkiDirectory:
    """Opens a PKI directory. FileError where it is none, FormatError where a file in it is not what it should be."""
    folder = Path(path)
    try:
        index = json.loads(_read(folder, INDEX))
    except (ValueError, RecursionError):
        raise FormatError("not the index of a PKI directory", path=str(folder / INDEX)) from None
    if not isinstance(index, dict) or index.get("format") != FORMAT or index.get("version") != FORMAT_VERSION:
        raise FormatError("not the index of a PKI directory, or of another version", path=str(folder / INDEX))
    certificates = []
    for name in (DS_CERTIFICATE, CSCA_CERTIFICATE):
        try:
            certificates.append(parse_certificate(_read(folder, name)))
        except FormatError as error:
            raise error.with_facts(path=str(folder / name)) from None
    pkcs11 = index.get("pkcs11")
    if pkcs11 is not None and not (
        isinstance(pkcs11, dict)
        and set(pkcs11) == {"module", "token", "key"}
        and all(isinstance(value, str) for value in pkcs11.values())
    ):
        raise FormatError("pkcs11 names a module, a token and a key", path=str(folder / INDEX))
    country = index.get("country")
    return PkiDirectory(
        path=folder,
        country=country if isinstance(country, str) else "",
        test=index.get("test") is not False,
        document_signer_certificate=certificates[0],
        csca_certificate=certificates[1],
        pkcs11=pkcs11,
    )


def _open_token(where: Mapping[str, str], certificate_der: bytes) -> Signer:
    try:
        module = importlib.import_module("cccd_core.signing.pkcs11")
    except ImportError as error:
        raise UnavailableError("python-pkcs11 is not here", needs="the extra hsm", why=str(error)) from None
    pin = os.environ.get(PIN_VARIABLE, "")
    if not pin:
        raise SigningError("the token's PIN is not given", needs=PIN_VARIABLE)
    signer: Signer = module.Pkcs11Signer.open(
        where["module"], token=where["token"], key=where["key"], pin=pin, certificate_der=certificate_der
    )
    return signer


def _read(folder: Path, name: str) -> bytes:
    return whole_file.read(folder / name, "file of a PKI directory", most=_MAX_FILE_BYTES)
