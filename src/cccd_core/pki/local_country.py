"""Makes the PKI of a test country (`cccd pki init`): CSCA, document signers, revocation list, card transport key.

Everything in it says TEST, in the names of the certificates and in a file beside them. It is no way to make the keys of
a State: those are made inside a hardware security module, in a ceremony (`pki.ceremony`).
"""

from __future__ import annotations

import datetime as dt
import shutil
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec

from cccd_core.errors import FileError, ParameterError
from cccd_core.pki import authority, issue
from cccd_core.pki import directory as folders
from cccd_core.pki.cv import local_country as cv_country
from cccd_core.pki.new_key import NewKey
from cccd_core.pki.validity import ValidityPolicy
from cccd_core.plain import Json
from cccd_core.signing.counted import KeyPeriod
from cccd_core.storage import whole_file
from cccd_core.storage.faults import file_error

# The well-known transport key of test cards (GlobalPlatform's sample key bytes, twice): `cccd vcard new` makes cards
# that open to keys derived from it. It protects nothing.
TEST_CARD_MASTER_KEY = bytes(range(0x40, 0x50)) * 2

_NOTICE = """TEST COUNTRY. NOT FOR REAL DOCUMENTS.

This folder is the public key infrastructure of a test country, made by `cccd pki init`. Its private keys lie here in
the clear and the transport key of its cards is publicly known: no reader of real documents may trust it.
"""
_DAY = dt.timedelta(days=1)
_MOST_SIGNERS = 16


def init(
    path: Path | str,
    *,
    country: str = "VN",
    country_code: str = "VNM",
    explicit_curves: bool = True,
    signers: int = 1,
    policy: ValidityPolicy | None = None,
    now: dt.datetime | None = None,
) -> folders.PkiDirectory:
    """Makes the PKI of a test country in the folder `path`, which must not exist or be empty; `cv` in it are its CVCA,
    a document verifier and an inspection system.

    CSCA on P-384, document signers on P-256 for the document type `ID`, `signers` of them (1 to 16), each beginning
    where the one before it ends, and a key that signs audit trails. Validities follow from `policy`. Curves are written
    as explicit parameters, as Doc 9303-12 clause 4.1.6 asks and passports have them; without `explicit_curves` by name,
    which more programs read.
    `now` (aware) is when validity starts (less a day, for clocks that differ).

    The folder is written beside its place and renamed into it: it is there whole or not at all. Private keys and the
    card key are readable by their owner alone. FileError where the folder holds something or cannot be written.
    """
    target = Path(path)
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise FileError("a PKI directory is never overwritten", path=str(target))
    if not 1 <= signers <= _MOST_SIGNERS:
        raise ParameterError("a number of signers out of its range", signers=signers, most=_MOST_SIGNERS)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        draft = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
        try:
            rules = policy or ValidityPolicy()
            start = (now or dt.datetime.now(dt.UTC)).replace(microsecond=0) - _DAY
            _make(draft, country, country_code, explicit_curves, signers, rules, start)
            (draft / "lock").unlink()
            cv_country.make(draft / cv_country.CV, country, start.date())
            draft.chmod(0o755)
            draft.rename(target)
            whole_file.sync_folder(target.parent)
        except BaseException:
            shutil.rmtree(draft, ignore_errors=True)
            raise
    except OSError as error:
        raise file_error("a PKI directory cannot be written", error, path=str(target)) from None
    return folders.load(target)


def _make(
    draft: Path, country: str, code: str, explicit: bool, signers: int, policy: ValidityPolicy, start: dt.datetime
) -> None:
    key = NewKey.software(ec.SECP384R1())
    name = issue.name({"C": country, "O": "TEST - not for real documents", "CN": f"TEST CSCA {code}"})
    begin(draft, key, name, country=code, explicit=explicit, policy=policy, test=True, now=start)
    at = start
    for _ in range(signers):
        at = authority.add_signer(draft, starts=at, now=start).holder_key_until
    authority.add_audit_signer(draft, now=start)
    whole_file.write(draft / "TEST-COUNTRY.txt", _NOTICE.encode("utf-8"))
    whole_file.write(draft / folders.CARD_MASTER_KEY, TEST_CARD_MASTER_KEY.hex().encode("ascii") + b"\n", private=True)


def begin(
    folder: Path,
    key: NewKey,
    name: bytes,
    *,
    country: str,
    explicit: bool,
    policy: ValidityPolicy,
    test: bool,
    now: dt.datetime,
    crl_url: str = folders.TEST_CRL_URL,
    witness: Callable[[Path, bytes, KeyPeriod], Mapping[str, bytes]] | None = None,
) -> folders.PkiDirectory:
    """The first files of a PKI directory in an empty folder: the CSCA of this DER name, and its revocation list,
    which certificates say is found at `crl_url`.
    `witness` is shown the folder, the certificate and its key's period, and gives more files for the folder."""
    until = policy.csca_key_until(now)
    validity = issue.Validity(now, policy.csca_until(until), until)
    csca = folder / folders.CSCA_FOLDER
    der = authority.self_signed(
        csca, key, validity, name, country=country, explicit=explicit, name_change=False, now=now, crl_url=crl_url
    )
    if key.private is not None:
        whole_file.write(csca / folders.PRIVATE_KEY, key.private, private=True)
    more = {} if witness is None else witness(csca, der, KeyPeriod(now, until))
    for filename, content in {**more, folders.CERTIFICATE: der}.items():
        whole_file.write(csca / filename, content)
    entry: dict[str, Json] = {"folder": folders.CSCA_FOLDER}
    if key.pkcs11 is not None:
        entry["pkcs11"] = {"module": key.pkcs11.module, "token": key.pkcs11.token, "key": key.pkcs11.key}
    folders.write_index(
        folder,
        {
            "format": folders.FORMAT, "version": folders.FORMAT_VERSION, "test": test, "country": country,
            "made": now.isoformat(), "policy": policy.as_dict(), "crl_url": crl_url,
            "authorities": [entry], "document_signers": [],
        },
    )  # fmt: skip
    return authority.renew_crl(folder, now=now).directory
