"""A CV folder: the keys of one holder (a CVCA, a document verifier, an inspection system) and the certificates that it
works with.

    cv.json            who it is: format, version, holder (country and mnemonic), role, test
    certificates/      every certificate known: its own, those above it, links; files named after the holder
    keys/              private keys, PEM, mode 0600, named as their certificates are or will be; for a key in a token,
                       JSON that says where it is, and its public half

A key without a certificate waits for one (`cccd pki cv request`). Whom the folder trusts are the self-signed
certificates in it.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import re
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from cccd_core import plain
from cccd_core.emrtd.cv.authorization import Right, Role
from cccd_core.emrtd.cv.certificate import MAX_BYTES, CvCertificate, parse_certificate
from cccd_core.emrtd.cv.reference import Reference
from cccd_core.emrtd.public_keys import EcPublicKey, RsaPublicKey, parse_spki
from cccd_core.errors import CccdError, CertificateError, ConflictError, FileError, FormatError, ParameterError
from cccd_core.pki.cv.issue import CvKey
from cccd_core.pki.directory import TokenKey, open_token
from cccd_core.pki.new_key import KEY_CURVES, NewKey, made_in
from cccd_core.plain import Json
from cccd_core.signing.cv import Holder, Terminal, chain
from cccd_core.signing.software import SoftwareSigner, load_private_key
from cccd_core.storage import whole_file
from cccd_core.storage.faults import file_error

FORMAT: Final = "cccd-cv"
FORMAT_VERSION: Final = 1
INDEX: Final = "cv.json"
CERTIFICATES: Final = "certificates"
KEYS: Final = "keys"
CERTIFICATES_MAX: Final = 1024
ALL_RIGHTS: Final = Right.READ_DG3 | Right.READ_DG4
_INDEX_MAX: Final = 1 << 16
_PLAIN_NAME: Final = re.compile(r"[A-Za-z0-9]")


class HolderKind(StrEnum):
    """What a folder's holder is."""

    CVCA = "cvca"
    DV = "dv"
    IS = "is"

    def fits(self, role: Role) -> bool:
        """Whether a certificate of this role can be such a holder's."""
        if self is HolderKind.DV:
            return role.verifies_documents
        return role is (Role.CVCA if self is HolderKind.CVCA else Role.IS)


@dataclass(frozen=True, slots=True)
class _Index:
    format: str
    version: int
    holder: str
    role: HolderKind
    test: bool


@dataclass(frozen=True, slots=True)
class _TokenKey:
    module: str
    token: str
    key: str
    public_key: bytes  # DER SubjectPublicKeyInfo


@dataclass(frozen=True, slots=True)
class CvFolder:
    """A folder as it stood when it was opened."""

    path: Path
    country: str
    mnemonic: str
    kind: HolderKind
    test: bool
    certificates: tuple[CvCertificate, ...]

    # ---- opening

    @classmethod
    def create(cls, path: Path, country: str, mnemonic: str, kind: HolderKind, *, test: bool = False) -> CvFolder:
        """An empty folder. FileError where it holds something, ParameterError for a name of no possible form."""
        Reference(country, mnemonic, "00001")
        if path.exists() and (not path.is_dir() or any(path.iterdir())):
            raise FileError("a CV folder is never overwritten", path=str(path))
        index = _Index(FORMAT, FORMAT_VERSION, country + mnemonic, kind, test)
        data = json.dumps(plain.encode_record(index), indent=2, ensure_ascii=False).encode() + b"\n"
        whole_file.write(path / INDEX, data, folders=True)
        return cls(path, country, mnemonic, kind, test, ())

    @classmethod
    def load(cls, path: Path | str) -> CvFolder:
        """Opens a folder and reads its certificates; keys are read when they are asked for. FileError where it is none,
        FormatError, with the path, where a file in it is not what it should be."""
        folder = Path(path)
        file = folder / INDEX
        try:
            index = plain.decode(_Index, json.loads(whole_file.read(file, "index of a CV folder", most=_INDEX_MAX)))
            if (index.format, index.version) != (FORMAT, FORMAT_VERSION):
                raise ValueError
            name = Reference(index.holder[:2], index.holder[2:], "00001")
        except (ValueError, RecursionError, ParameterError):
            raise FormatError("not the index of a CV folder, or of another version", path=str(file)) from None
        certificates = tuple(read_certificate(one) for one in _files(folder / CERTIFICATES))
        return cls(folder, name.country, name.mnemonic, index.role, index.test, certificates)

    # ---- what is there

    @property
    def holder(self) -> str:
        """Country and mnemonic."""
        return self.country + self.mnemonic

    @property
    def anchors(self) -> tuple[CvCertificate, ...]:
        """The CVCA certificates that this folder trusts, the latest in effect first."""
        found = [one for one in self.certificates if one.body.self_signed]
        return tuple(sorted(found, key=_latest, reverse=True))

    def own(self) -> tuple[CvCertificate, ...]:
        """The holder's own certificates (a CVCA's self-signed ones), the latest in effect first."""
        found = [
            one
            for one in self.certificates
            if one.body.holder.holder == self.holder
            and self.kind.fits(one.body.authorization.role)
            and not one.body.link
        ]
        return tuple(sorted(found, key=_latest, reverse=True))

    def key_names(self) -> tuple[Reference, ...]:
        """The keys in the folder, by name."""
        names = {_unquoted(one.stem) for one in _files(self.path / KEYS)}
        try:
            return tuple(sorted(map(Reference.of, names), key=str))
        except ParameterError as error:
            raise FormatError("a key with no name of a holder", path=str(self.path / KEYS), **error.facts) from None

    def current(self) -> CvCertificate:
        """The latest of its own certificates whose key is here. ConflictError where there is none."""
        keys = set(self.key_names())
        for certificate in self.own():
            if certificate.body.holder in keys:
                return certificate
        raise ConflictError("the folder has no certificate of its own with its key", path=str(self.path))

    def holders(self) -> dict[Reference, Holder]:
        """See `chain_holders`."""
        return chain_holders(self.certificates)

    # ---- keys

    def key(self, reference: Reference) -> CvKey:
        """One of its key pairs. ConflictError where it is not here, SigningError where it cannot be used,
        CertificateError (check `key`) where it is another one than its certificate says."""
        file = self.path / KEYS / f"{_quoted(reference)}.pem"
        where = file.with_suffix(".json")
        if where.exists():
            made = _in_token(reference, where)
        elif file.exists():
            private = load_private_key(whole_file.read(file, "private key", most=1 << 16))
            spki = private.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
            made = CvKey(reference, parse_spki(spki), SoftwareSigner(private, b""))
        else:
            raise ConflictError("the folder does not have this key", key=str(reference), path=str(self.path))
        for certificate in self.own():
            if certificate.body.holder == reference and not _belongs(made, certificate):
                raise CertificateError("the key is not its certificate's", check="key", holder=str(reference))
        return made

    def new_key(self, *, curve: str | None = None, sequence: str | None = None, token: TokenKey | None = None) -> CvKey:
        """Makes the holder's next key pair, in the folder (mode 0600) or in a token, on the curve of whom it trusts
        where none is given. Its name is the next one, or has this sequence number (a verifier certified abroad is
        numbered by who certifies it). ConflictError where the name is taken, ParameterError for a curve that is not one
        of `KEY_CURVES`; errors of `NewKey.in_token`."""
        last = [one for one in self.key_names() if one.holder == self.holder]
        first = Reference(self.country, self.mnemonic, "00001")
        reference = last[-1].following() if last else first
        if sequence is not None:
            reference = Reference(self.country, self.mnemonic, sequence)
        if reference in last:
            raise ConflictError("a key of this name is there already", key=str(reference))
        name = curve or self._curve()
        if name not in KEY_CURVES:
            raise ParameterError("not a curve for CV certificates", curve=name, known=" ".join(KEY_CURVES))
        file = self.path / KEYS / f"{_quoted(reference)}.pem"
        if token is None:
            pem = NewKey.software(KEY_CURVES[name]).private or b""
            whole_file.write(file, pem, private=True, folders=True, replace=False)
            return self.key(reference)
        with made_in(token, name) as made:
            spki = b"" if made is None else made.spki
            said = _TokenKey(token.module, token.token, token.key, spki)
            data = json.dumps(plain.encode_record(said), indent=2).encode() + b"\n"
            whole_file.write(file.with_suffix(".json"), data, private=True, folders=True, replace=False)
        return self.key(reference)

    def _curve(self) -> str:
        for anchor in self.anchors:
            key = anchor.body.public_key.key
            if isinstance(key, EcPublicKey):
                return key.curve.name
        return "brainpoolP256r1"

    # ---- certificates

    def add(self, certificates: Iterable[CvCertificate]) -> CvFolder:
        """The folder with these certificates put into it, whole files; those that are there already stay."""
        for certificate in certificates:
            data = certificate.encoded
            digest = hashlib.sha256(data).hexdigest()[:8]
            kind = "link." if certificate.body.link else ""
            name = f"{_quoted(certificate.body.holder)}.{kind}{digest}.cvcert"
            whole_file.write(self.path / CERTIFICATES / name, data, folders=True)
        return CvFolder.load(self.path)

    def trust_point(self) -> CvCertificate:
        """What chips are given to trust: of a CVCA its latest certificate, of anybody else that of the CVCA above him.
        ConflictError where there is none."""
        own = self.own() if self.kind is HolderKind.CVCA else self.anchors
        if not own:
            raise ConflictError("the folder has no certificate of a CVCA", path=str(self.path))
        return own[0]

    def terminal(self) -> Terminal:
        """The inspection system, its chain proved. ConflictError for a folder of another kind, or without certificate;
        errors of `Terminal`."""
        if self.kind is not HolderKind.IS:
            raise ConflictError("not the folder of an inspection system", path=str(self.path), role=str(self.kind))
        certificate = self.current()
        return Terminal(certificate, self.certificates, self.anchors, self.key(certificate.body.holder).signer)

    def chain(self) -> tuple[CvCertificate, ...]:
        """From a CVCA that the folder trusts, its own certificate included, down to the holder's current one."""
        current = self.current()
        if current.body.self_signed:
            return (current,)
        row = chain(self.certificates, [one.body.holder for one in self.anchors], current)
        return (next(one for one in self.anchors if one.body.holder == row[0].body.authority), *row)

    def waiting(self) -> tuple[Reference, ...]:
        """The keys that have no certificate yet."""
        certified = {own.body.holder for own in self.own()}
        return tuple(name for name in self.key_names() if name not in certified)

    def listed(self) -> list[dict[str, Json]]:
        """Its certificates for people and programs: CVCAs first, then verifiers, then systems, each by date."""
        keys = set(self.key_names())
        order = sorted(self.certificates, key=lambda one: (-one.body.authorization.role, *_latest(one)))
        return [described(one) | {"key_here": one.body.holder in keys and not one.body.link} for one in order]

    def as_dict(self) -> dict[str, Json]:
        """The listing: no key in it."""
        return {
            "path": str(self.path), "holder": self.holder, "role": str(self.kind), "test": self.test,
            "certificates": self.listed(), "keys_without_certificate": [str(one) for one in self.waiting()],
        }  # fmt: skip


def read_certificate(path: Path) -> CvCertificate:
    """The certificate in a file. FileError; FormatError with the path."""
    try:
        return parse_certificate(whole_file.read(path, "CV certificate", most=MAX_BYTES))
    except FormatError as error:
        raise error.with_facts(path=str(path)) from None


def described(certificate: CvCertificate) -> dict[str, Json]:
    """A certificate for people and programs."""
    body = certificate.body
    key = body.public_key.key
    size = f"RSA-{key.modulus.bit_length()}" if isinstance(key, RsaPublicKey) else None
    return {
        "holder": str(body.holder),
        "authority": str(body.authority),
        "role": body.authorization.role.name.lower(),
        "link": body.link,
        "rights": [f"DG{number}" for number in body.authorization.rights.data_groups],
        "effective": body.effective.isoformat(),
        "expiration": body.expiration.isoformat(),
        "algorithm": body.public_key.algorithm.label,
        "key": size or (key.curve.name if isinstance(key, EcPublicKey) else "the authority's curve"),
        "sha256": hashlib.sha256(certificate.encoded).hexdigest(),
    }


def chain_holders(certificates: Sequence[CvCertificate]) -> dict[Reference, Holder]:
    """Everybody to whom a proved chain leads from the self-signed certificates among these, by name; what proves itself
    from nowhere is left out. Cost: one signature verified for each certificate at most."""
    found: dict[Reference, Holder] = {}
    latest = sorted(certificates, key=_latest, reverse=True)
    for anchor in (one for one in latest if one.body.self_signed):
        with suppress(CccdError):
            found.setdefault(anchor.body.holder, Holder.trust_point(anchor))
    waiting = [one for one in latest if not one.body.self_signed]
    while ready := [one for one in waiting if one.body.authority in found]:
        waiting = [one for one in waiting if one.body.authority not in found]
        for certificate in ready:
            with suppress(CccdError):
                found.setdefault(certificate.body.holder, found[certificate.body.authority].certifies(certificate))
    return found


def require_known(folder: CvFolder, certificates: Sequence[CvCertificate]) -> None:
    """CertificateError where one of these is neither self-signed nor proved by whom the folder trusts, those that come
    with it included: what does not prove itself is not put into a folder."""
    holders = chain_holders([*folder.certificates, *certificates])
    for certificate in certificates:
        body = certificate.body
        if body.self_signed:
            Holder.trust_point(certificate)
        elif body.authority not in holders:
            raise CertificateError(
                "nothing in the folder leads to this certificate's authority", check="chain",
                holder=str(body.holder), authority=str(body.authority),
            )  # fmt: skip
        else:
            holders[body.authority].certifies(certificate)


def validity(start: dt.date, days: int) -> tuple[dt.date, dt.date]:
    """Effective and expiration date of a certificate that holds for so many days. ParameterError below 1 or beyond
    2099."""
    if not 1 <= days <= 36_500:
        raise ParameterError("a certificate holds for 1 to 36500 days", days=days)
    end = start + dt.timedelta(days=days - 1)
    if end.year > 2099:
        raise ParameterError("a CV certificate ends in 2099 at the latest", days=days)
    return start, end


def _latest(certificate: CvCertificate) -> tuple[dt.date, dt.date, str]:
    body = certificate.body
    return body.effective, body.expiration, str(body.holder)


def _in_token(reference: Reference, file: Path) -> CvKey:
    try:
        said = plain.decode(_TokenKey, json.loads(whole_file.read(file, "key in a token", most=_INDEX_MAX)))
    except (ValueError, RecursionError):
        raise FormatError("not where a token's key is", path=str(file)) from None
    public = parse_spki(said.public_key)
    signer = open_token(TokenKey(said.module, said.token, said.key), public_key=said.public_key)
    return CvKey(reference, public, signer)


def _belongs(pair: CvKey, certificate: CvCertificate) -> bool:
    public, key = certificate.body.public_key, pair.key
    if isinstance(key, EcPublicKey):
        return public.point == key.curve.encode_point(key.x, key.y)
    return isinstance(public.key, RsaPublicKey) and (public.key.modulus, public.key.exponent) == (
        key.modulus,
        key.exponent,
    )


def _files(folder: Path) -> list[Path]:
    try:
        found = sorted(one for one in folder.iterdir() if one.is_file() and not one.name.startswith("."))
    except FileNotFoundError:
        return []
    except OSError as error:
        raise file_error("the CV folder cannot be read", error, path=str(folder)) from None
    if len(found) > CERTIFICATES_MAX:
        raise FileError("too many files in a CV folder", path=str(folder), limit=CERTIFICATES_MAX)
    return found


def _quoted(reference: Reference) -> str:
    """A file name of letters and digits alone, whatever a mnemonic holds."""
    return "".join(one if _PLAIN_NAME.fullmatch(one) else f"_{ord(one):02x}" for one in str(reference))


def _unquoted(name: str) -> str:
    return re.sub(r"_([0-9a-f]{2})", lambda found: chr(int(found[1], 16)), name)
