"""A PKI directory as `cccd pki init` makes it, read and checked.

`pki.json` says what is there: the CSCA's keys, oldest first, each in a folder of its own (`csca`, `csca-2`, ...:
certificate, revocation list, link certificate), the document signers in the order in which they sign (`ds`, `ds-2`,
...), list signers, what was revoked, and the country's validity policy. `card_master_key.hex` is the transport key of
the blank cards, which `personalise.keys` reads.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import importlib
import json
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cccd_core.emrtd.public_keys import EcPublicKey, parse_spki
from cccd_core.emrtd.x509 import certificate_parts
from cccd_core.errors import CccdError, ConflictError, FormatError, SigningError, UnavailableError
from cccd_core.pki.certificates import Certificate, parse_certificate
from cccd_core.pki.crl import parse_crl
from cccd_core.pki.trust import TrustStore
from cccd_core.pki.turn import first_able
from cccd_core.pki.validity import ValidityPolicy
from cccd_core.plain import Json, decode, encode
from cccd_core.signing import counted as counting
from cccd_core.signing import ledger as ledgers
from cccd_core.signing.counted import CountedSigner, KeyPeriod
from cccd_core.signing.ledger import PROOF, Entry, Ledger, Purpose, Tally, key_digest
from cccd_core.signing.signer import Signer
from cccd_core.signing.software import SoftwareSigner
from cccd_core.storage import whole_file

FORMAT = "cccd-pki"
FORMAT_VERSION = 2
INDEX = "pki.json"
CSCA_FOLDER = "csca"
DS_FOLDER = "ds"
AUDIT_FOLDER = "audit"
CERTIFICATE = "certificate.der"
PRIVATE_KEY = "private_key.pem"
REVOCATION_LIST = "crl.der"
LINK_CERTIFICATE = "link.der"
LEDGER = "ledger"
CARD_MASTER_KEY = "card_master_key.hex"

TEST_CRL_URL = "http://csca.test.invalid/csca.crl"

PIN_VARIABLE = "CCCD_PKCS11_PIN"

_MAX_FILE_BYTES = 8 << 20
_MAX_KEYS = 1000


@dataclass(frozen=True, slots=True)
class TokenKey:
    """A private key in a token: the module's path, the token's label, the key's label."""

    module: str
    token: str
    key: str


@dataclass(frozen=True, slots=True)
class Holder:
    """One key of the country: its folder, its certificate, where its private key is (None: in the folder), how many
    signatures it may make (None: any number), and which lists it signs (`master_list`, `deviation_list`)."""

    folder: str
    certificate: Certificate
    pkcs11: TokenKey | None = None
    limit: int | None = None
    lists: str | None = None

    @property
    def period(self) -> KeyPeriod:
        """When the private key may sign."""
        return key_period(self.certificate)


@dataclass(frozen=True, slots=True)
class Revoked:
    """A certificate that was revoked: RFC 5280's word for why, and since when it may be misused where that is known."""

    serial_number: str
    at: dt.datetime
    reason: str
    invalid_since: dt.datetime | None = None


@dataclass(frozen=True, slots=True)
class _Entry:
    """A key as the index has it."""

    folder: str
    pkcs11: TokenKey | None = None
    limit: int | None = None
    lists: str | None = None


@dataclass(frozen=True, slots=True)
class PkiDirectory:
    """A loaded directory; keys are read when they are asked for. FileError and FormatError name the file.

    `authorities`: the CSCA's keys, oldest first; the last one issues. `signers`: document signers in the order in which
    they sign. `list_signers`: of each kind the last one signs. `audit_signers`: the last one signs audit trails, and
    those before it have. `crl_number`: that of the newest revocation list;
    `crl_url`: where certificates say that it is found.
    """

    path: Path
    country: str
    test: bool
    policy: ValidityPolicy
    authorities: tuple[Holder, ...]
    signers: tuple[Holder, ...]
    list_signers: tuple[Holder, ...] = ()
    audit_signers: tuple[Holder, ...] = ()
    revoked: tuple[Revoked, ...] = ()
    crl_number: int = 0
    crl_url: str = TEST_CRL_URL

    @property
    def csca_certificate(self) -> Certificate:
        """The certificate of the CSCA's newest key."""
        return self.authorities[-1].certificate

    @property
    def document_signer_certificate(self) -> Certificate:
        """The certificate of the document signer in turn now: see `in_turn`."""
        return self.in_turn().certificate

    def in_turn(self, at: dt.datetime | None = None) -> Holder:
        """The document signer that signs the next document at that time (now), by the rule of `pki.turn`. ConflictError
        where there is none yet, SigningError where none may sign, CertificateError where readers would refuse it."""
        when = at or counting.now_utc()
        if not self.signers:
            raise ConflictError("the PKI folder has no document signer yet", path=str(self.path), needs="a signer")
        trust = self.trust_store()
        return first_able(
            self.signers, when, require_trusted=lambda one: trust.validate(one.certificate, when), left=self.left
        )

    def left(self, holder: Holder) -> int | None:
        """How many signatures a holder's key may still make once it is opened, which in a token counts as one
        (`open_key`); None: any number. FileError, DamagedError."""
        if holder.limit is None:
            return None
        return max(0, holder.limit - self.tally(holder).used - (holder.pkcs11 is not None))

    def key(self, holder: Holder) -> Signer:
        """The private key of one holder, with its certificate, neither counted nor bound to its period: for whoever
        counts it. SigningError where it cannot be used, UnavailableError where token or python-pkcs11 is missing."""
        if holder.pkcs11 is not None:
            return open_token(holder.pkcs11, certificate_der=holder.certificate.der)
        return SoftwareSigner.load(_read(self.path, f"{holder.folder}/{PRIVATE_KEY}"), holder.certificate.der)

    def open_key(self, holder: Holder, at: dt.datetime) -> tuple[Ledger, Signer]:
        """The ledger of a holder's key, held by this process, and the key; what a token signs to prove that the key is
        the certificate's is counted. Errors as `key` and `Ledger.open`."""
        key = spki_key(certificate_parts(holder.certificate.der).spki)
        ledger = Ledger.open(self.file(holder, LEDGER), key, limit=holder.limit)
        try:
            if holder.pkcs11 is not None:
                ledger.record(hashlib.sha256(PROOF).digest(), Purpose.PROOF, at=at)
            return ledger, self.key(holder)
        except BaseException:
            ledger.close()
            raise

    def counted(
        self, holder: Holder, purpose: Purpose, clock: Callable[[], dt.datetime] | None = None
    ) -> CountedSigner:
        """A holder's key that keeps its period and counts in its ledger; to be closed. Errors as `open_key`."""
        now = clock or counting.now_utc
        ledger, key = self.open_key(holder, now())
        return CountedSigner(key, ledger, holder.period, purpose=purpose, clock=now)

    def tally(self, holder: Holder) -> Tally:
        """What a holder's ledger adds up to, whoever holds it. FileError, DamagedError."""
        path = self.file(holder, LEDGER)
        return ledgers.read(path) if path.exists() else Tally()

    def entries(self, holder: Holder) -> Iterator[Entry]:
        """Every signature in a holder's ledger, in order. FileError, DamagedError."""
        path = self.file(holder, LEDGER)
        return ledgers.entries(path) if path.exists() else iter(())

    def document_signer(self) -> CountedSigner:
        """The document signer in turn now, for a single document; to be closed. `DirectorySigners` is for many. Errors
        as `in_turn` and `open_key`."""
        return self.counted(self.in_turn(), Purpose.SECURITY_OBJECT)

    def file(self, holder: Holder, name: str) -> Path:
        """Where a file of a holder is."""
        return self.path / holder.folder / name

    def trust_store(self) -> TrustStore:
        """The CSCA's certificates and revocation lists."""
        crls = []
        for holder in self.authorities:
            name = f"{holder.folder}/{REVOCATION_LIST}"
            try:
                crls.append(parse_crl(_read(self.path, name)))
            except FormatError as error:
                raise error.with_facts(path=str(self.path / name)) from None
        return TrustStore([holder.certificate for holder in self.authorities], crls).require_whole()

    def as_dict(self) -> dict[str, Any]:
        """The listing: no key in it."""
        return {
            "path": str(self.path), "country": self.country, "test": self.test,
            "policy": self.policy.as_dict(),
            "csca": self.csca_certificate.as_dict(),
            "authorities": [_listed(one) for one in self.authorities],
            "document_signers": [_listed(one) for one in self.signers],
            "list_signers": [_listed(one) for one in self.list_signers],
            "audit_signers": [_listed(one) for one in self.audit_signers],
            "revoked": encode(self.revoked), "crl_number": self.crl_number, "crl_url": self.crl_url,
        }  # fmt: skip


def load(path: Path | str) -> PkiDirectory:
    """Opens a PKI directory. FileError where it is none, FormatError where a file in it is not what it should be."""
    folder = Path(path)
    index = read_index(folder)
    at = str(folder / INDEX)
    try:
        authorities = _holders(folder, index["authorities"])
        signers = _holders(folder, index["document_signers"])
        list_signers = _holders(folder, index.get("list_signers", []))
        audit_signers = _holders(folder, index.get("audit_signers", []))
        if not authorities:
            raise ValueError
        revoked = decode(tuple[Revoked, ...], index.get("revoked", []))
        number = index.get("crl_number", 0)
        rules = index.get("policy", {})
        policy = ValidityPolicy.read(rules if isinstance(rules, dict) else {"": rules})
        url = index.get("crl_url", TEST_CRL_URL)
        if not isinstance(url, str) or not url.isascii():
            raise ValueError
        if not isinstance(number, int) or isinstance(number, bool) or number < 0:
            raise ValueError
    except (ValueError, KeyError, TypeError):
        raise FormatError("not the index of a PKI directory", path=at) from None
    except CccdError as error:
        raise error.with_facts(path=at) from None
    country = index.get("country")
    return PkiDirectory(
        path=folder,
        country=country if isinstance(country, str) else "",
        test=index.get("test") is not False,
        policy=policy,
        authorities=authorities,
        signers=signers,
        list_signers=list_signers,
        audit_signers=audit_signers,
        revoked=revoked,
        crl_number=number,
        crl_url=url,
    )


def read_index(folder: Path) -> dict[str, Json]:
    """The index, as this version has it; what it does not know stays in it. FileError, FormatError."""
    try:
        index = json.loads(_read(folder, INDEX))
    except (ValueError, RecursionError):
        raise FormatError("not the index of a PKI directory", path=str(folder / INDEX)) from None
    if not isinstance(index, dict) or index.get("format") != FORMAT or index.get("version") not in (1, FORMAT_VERSION):
        raise FormatError("not the index of a PKI directory, or of another version", path=str(folder / INDEX))
    if index["version"] == 1:  # one CSCA key and one document signer, by fixed names
        signer = {"folder": DS_FOLDER}
        if index.get("pkcs11") is not None:
            signer["pkcs11"] = index.pop("pkcs11")
        for name in ("csca", "document_signer", "revocation_list", "card_master_key"):
            index.pop(name, None)
        index |= {"version": FORMAT_VERSION, "authorities": [{"folder": CSCA_FOLDER}], "document_signers": [signer]}
        index["crl_number"] = 1
    return index


def write_index(folder: Path, index: Mapping[str, Json]) -> None:
    """Puts the index in its place, whole and on the disk. FileError."""
    whole_file.write(folder / INDEX, json.dumps(index, indent=2, ensure_ascii=False).encode("utf-8") + b"\n")


def save(directory: PkiDirectory) -> None:
    """Writes the directory's index anew; what this version does not know stays in it. FileError."""
    index = read_index(directory.path)
    write_index(
        directory.path,
        index
        | {
            "policy": directory.policy.as_dict(),
            "authorities": [_entry(one) for one in directory.authorities],
            "document_signers": [_entry(one) for one in directory.signers],
            "list_signers": [_entry(one) for one in directory.list_signers],
            "audit_signers": [_entry(one) for one in directory.audit_signers],
            "revoked": encode(directory.revoked),
            "crl_number": directory.crl_number,
        },
    )


def key_period(certificate: Certificate) -> KeyPeriod:
    """When the private key of this certificate may sign: what it says itself, else no bound."""
    return KeyPeriod(*(certificate.private_key_usage_period or (None, None)))


def spki_key(spki: bytes) -> bytes:
    """The name of a public key in its ledger, however its curve is written."""
    key = parse_spki(spki)
    return key_digest(key.spki() if isinstance(key, EcPublicKey) else spki)


def _entry(holder: Holder) -> Json:
    return encode(_Entry(holder.folder, holder.pkcs11, holder.limit, holder.lists))


def _holders(folder: Path, listed: Json) -> tuple[Holder, ...]:
    entries = decode(tuple[_Entry, ...], listed)
    if len(entries) > _MAX_KEYS or len({entry.folder for entry in entries}) != len(entries):
        raise ValueError("too many keys, or a folder twice")
    found = []
    for entry in entries:
        if not entry.folder or not set(entry.folder) <= set("abcdefghijklmnopqrstuvwxyz0123456789-_"):
            raise ValueError("a folder's name")
        name = f"{entry.folder}/{CERTIFICATE}"
        try:
            certificate = parse_certificate(_read(folder, name))
        except FormatError as error:
            raise error.with_facts(path=str(folder / name)) from None
        found.append(Holder(entry.folder, certificate, entry.pkcs11, entry.limit, entry.lists))
    return tuple(found)


def _listed(holder: Holder) -> dict[str, Any]:
    period, key = holder.period, holder.certificate.public_key
    return holder.certificate.as_dict() | {
        "folder": holder.folder,
        "key_not_before": period.not_before.isoformat() if period.not_before else None,
        "key_not_after": period.not_after.isoformat() if period.not_after else None,
        "limit": holder.limit,
        "lists": holder.lists,
        "in_token": holder.pkcs11 is not None,
        "explicit_parameters": isinstance(key, EcPublicKey) and key.explicit,
    }


def open_token(where: TokenKey, *, certificate_der: bytes | None = None, public_key: bytes | None = None) -> Signer:
    """A key in a token whose PIN is in CCCD_PKCS11_PIN, with its certificate or its DER SubjectPublicKeyInfo.
    SigningError where it cannot be used, UnavailableError where the token or python-pkcs11 is missing."""
    try:
        module = importlib.import_module("cccd_core.signing.pkcs11")
    except ImportError as error:
        raise UnavailableError("python-pkcs11 is not here", needs="the extra hsm", why=str(error)) from None
    pin = os.environ.get(PIN_VARIABLE, "")
    if not pin:
        raise SigningError("the token's PIN is not given", needs=PIN_VARIABLE)
    signer: Signer = module.Pkcs11Signer.open(
        where.module, token=where.token, key=where.key, pin=pin, certificate_der=certificate_der, public_key=public_key
    )
    return signer


def _read(folder: Path, name: str) -> bytes:
    return whole_file.read(folder / name, "file of a PKI directory", most=_MAX_FILE_BYTES)
