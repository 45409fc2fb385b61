"""Makes the PKI of a test country (`cccd pki init`): CSCA, document signer, revocation list, card transport key.

Everything in it says TEST, in the names of the certificates and in a file beside them. It is no way to make the keys of
a State: those are made inside a hardware security module, in a ceremony.
"""

from __future__ import annotations

import datetime as dt
import json
import secrets
import shutil
import tempfile
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from cccd_core.emrtd.public_keys import EcPublicKey, parse_spki
from cccd_core.errors import FileError
from cccd_core.pki import directory as names
from cccd_core.pki import issue
from cccd_core.signing.software import SoftwareSigner
from cccd_core.storage import whole_file
from cccd_core.storage.faults import file_error

# The well-known transport key of test cards (GlobalPlatform's sample key bytes, twice): `cccd vcard new` makes cards
# that open to keys derived from it. It protects nothing.
TEST_CARD_MASTER_KEY = bytes(range(0x40, 0x50)) * 2

_CRL_URL = "http://csca.test.invalid/csca.crl"
_NOTICE = """TEST COUNTRY. NOT FOR REAL DOCUMENTS.

This folder is the public key infrastructure of a test country, made by `cccd pki init`. Its private keys lie here in
the clear and the transport key of its cards is publicly known: no reader of real documents may trust it.
"""
_DAY = dt.timedelta(days=1)
_YEAR = dt.timedelta(days=365)


def init(
    path: Path | str,
    *,
    country: str = "VN",
    country_code: str = "VNM",
    explicit_curves: bool = False,
    now: dt.datetime | None = None,
) -> names.PkiDirectory:
    """Makes the PKI of a test country in the folder `path`, which must not exist or be empty.

    CSCA on P-384 for 26 years, its key signing for 5; document signer on P-256 for 16 years, its key signing for 1;
    document type `ID`. `explicit_curves` writes the curves of the certificates as explicit parameters, as Doc 9303-12
    clause 4.4.3 asks and passports do; by name, the default, more programs read them. `now` is when validity starts
    (less a day, for clocks that differ).

    The folder is written beside its place and renamed into it: it is there whole or not at all. Private keys and the
    card key are readable by their owner alone. FileError where the folder holds something or cannot be written.
    """
    target = Path(path)
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise FileError("a PKI directory is never overwritten", path=str(target))
    start = (now or dt.datetime.now(dt.UTC)).replace(microsecond=0) - _DAY
    files = _make(country, country_code, explicit_curves, start)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        draft = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
        try:
            for name, content in files.items():
                (draft / name).parent.mkdir(exist_ok=True)
                whole_file.write(draft / name, content, private=name in names.PRIVATE)
            draft.chmod(0o755)
            draft.rename(target)
            whole_file.sync_folder(target.parent)
        except BaseException:
            shutil.rmtree(draft, ignore_errors=True)
            raise
    except OSError as error:
        raise file_error("a PKI directory cannot be written", error, path=str(target)) from None
    return names.load(target)


def _make(country: str, country_code: str, explicit: bool, start: dt.datetime) -> dict[str, bytes]:
    root, signer = ec.generate_private_key(ec.SECP384R1()), ec.generate_private_key(ec.SECP256R1())
    root_spki, signer_spki = (_spki(key, explicit) for key in (root, signer))
    place = {"C": country, "O": "TEST - not for real documents"}
    root_signer = SoftwareSigner(root, b"")
    authority = issue.Authority(
        issue.name({**place, "CN": f"TEST CSCA {country_code}"}),
        issue.key_identifier(root_spki),
        root_signer.algorithm,
        root_signer.sign,
    )
    csca = issue.csca_certificate(
        authority, root_spki, _serial(), issue.Validity(start, start + 26 * _YEAR, start + 5 * _YEAR),
        country=country_code, crl_url=_CRL_URL,
    )  # fmt: skip
    ds_serial = _serial()
    ds = issue.document_signer_certificate(
        authority, issue.name({**place, "CN": f"TEST Document Signer {country_code} 1"}), signer_spki, ds_serial,
        issue.Validity(start, start + 16 * _YEAR, start + _YEAR),
        country=country_code, crl_url=_CRL_URL, document_types=["ID"],
    )  # fmt: skip
    crl = issue.revocation_list(authority, 1, start, start + 90 * _DAY, {})
    index = {
        "format": names.FORMAT, "version": names.FORMAT_VERSION, "test": True, "country": country_code,
        "made": start.isoformat(), "csca": names.CSCA_CERTIFICATE, "document_signer": names.DS_CERTIFICATE,
        "revocation_list": names.CSCA_CRL, "card_master_key": names.CARD_MASTER_KEY,
    }  # fmt: skip
    return {
        "TEST-COUNTRY.txt": _NOTICE.encode("utf-8"),
        names.CSCA_CERTIFICATE: csca,
        names.CSCA_PRIVATE_KEY: _pem(root),
        names.CSCA_CRL: crl,
        names.DS_CERTIFICATE: ds,
        names.DS_PRIVATE_KEY: _pem(signer),
        names.CARD_MASTER_KEY: TEST_CARD_MASTER_KEY.hex().encode("ascii") + b"\n",
        names.INDEX: json.dumps(index, indent=2).encode("utf-8") + b"\n",
    }


def _spki(key: ec.EllipticCurvePrivateKey, explicit: bool) -> bytes:
    der = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    parsed = parse_spki(der)
    return parsed.spki(explicit=True) if explicit and isinstance(parsed, EcPublicKey) else der


def _pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _serial() -> int:
    return secrets.randbits(126) | 1 << 126
