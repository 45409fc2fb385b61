"""What the country's CSCA does in its PKI directory: certifies signers, revokes, writes lists, gets a new key.

Each act takes the folder for itself, writes new files beside the old and the index last: interrupted, it has happened
or it has not, and at most a folder is left that the index does not name. Every signature is counted in its ledger.
"""

from __future__ import annotations

import datetime as dt
import secrets
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeAlias

from cryptography.hazmat.primitives.asymmetric import ec

from cccd_core.emrtd.public_keys import EcPublicKey
from cccd_core.emrtd.x509 import certificate_parts
from cccd_core.errors import ConflictError, ParameterError
from cccd_core.pki import directory as folders
from cccd_core.pki import issue
from cccd_core.pki.certificates import DEVIATION_LIST_SIGNER, MASTER_LIST_SIGNER, parse_certificate
from cccd_core.pki.directory import Holder, PkiDirectory, Revoked, spki_key
from cccd_core.pki.new_key import NewKey
from cccd_core.pki.validity import add_years
from cccd_core.signing.counted import CountedSigner, KeyPeriod, now_utc
from cccd_core.signing.ledger import Ledger, Purpose
from cccd_core.signing.signer import Signer
from cccd_core.storage import whole_file
from cccd_core.storage.faults import file_error
from cccd_core.storage.lock import exclusive

DOCUMENT_TYPES = ("ID",)
REASONS = {
    "unspecified": None, "key_compromise": 1, "ca_compromise": 2, "affiliation_changed": 3, "superseded": 4,
    "cessation_of_operation": 5, "privilege_withdrawn": 9,
}  # fmt: skip
"""RFC 5280 clause 5.3.1. `unspecified` is said by leaving the code out; a hold is no revocation and is not offered."""
LIST_SIGNERS = {"master_list": MASTER_LIST_SIGNER, "deviation_list": DEVIATION_LIST_SIGNER}

_LIST_FOLDERS = {"master_list": "mls", "deviation_list": "dls"}
_LIST_NAMES = {"master_list": "Master List Signer", "deviation_list": "Deviation List Signer"}


Witness: TypeAlias = Callable[[Path, bytes, bytes, KeyPeriod], Mapping[str, bytes]]


@dataclass(frozen=True, slots=True)
class Act:
    """What an act of the CSCA made: the folder as it is now, and the certificate's holder where there is one."""

    directory: PkiDirectory
    holder: Holder | None = None

    @property
    def holder_key_until(self) -> dt.datetime:
        """Until when the key that was certified signs."""
        until = None if self.holder is None else self.holder.period.not_after
        if until is None:
            raise ConflictError("nothing was certified for a time")
        return until


@contextmanager
def acting(path: Path | str) -> Iterator[PkiDirectory]:
    """The directory, held for one act. BusyError where another process acts on it; FileError, FormatError."""
    folder = Path(path)
    folders.read_index(folder)  # before a lock is left in what is no PKI folder
    with exclusive(folder / "lock", "PKI folder"):
        yield folders.load(folder)


def sign_with_new(
    folder: Path, key: NewKey, period: KeyPeriod, purpose: Purpose, data: bytes, now: dt.datetime
) -> bytes:
    """One signature by a key that is being certified, counted in the ledger in its `folder`."""
    ledger = Ledger.open(folder / folders.LEDGER, spki_key(key.spki))
    with closing(ledger):
        return CountedSigner(key.signer, ledger, period, purpose=purpose, clock=lambda: now).sign(data)


def add_signer(
    path: Path | str,
    *,
    starts: dt.datetime | None = None,
    key_days: int | None = None,
    limit: int | None = None,
    key: NewKey | None = None,
    now: dt.datetime | None = None,
) -> Act:
    """Certifies one more document signer, which signs when those before it may not any more, by date or by count.

    `starts` (aware; now): when its key's usage begins; `key_days` for how long and `limit` for how many signatures,
    both by the policy where not given; `key`: a fresh P-256 key in the folder where not given. Its certificate is valid
    as long as the longest document that it may sign. ParameterError where the CSCA's own certificate ends before that,
    SigningError where the CSCA's key may not sign now.
    """
    with acting(path) as directory:
        when = now or now_utc()
        policy = directory.policy
        if key_days is not None:
            policy = replace(policy, signer_key_days=key_days)
        if limit is not None:
            policy = replace(policy, signature_limit=limit)
        pair = key or NewKey.software(ec.SECP256R1())
        _require_token(directory, pair)
        start = (starts or when).replace(microsecond=0)
        until = policy.signer_key_until(start)
        validity = issue.Validity(start, policy.signer_until(until), until)
        folder = free_folder(directory.path, folders.DS_FOLDER)
        number = len(directory.signers) + 1
        der = certify(directory, pair, validity, f"Document Signer {directory.country} {number}", when)
        holder = Holder(folder, parse_certificate(der), pair.pkcs11, policy.signature_limit)
        _write_holder(directory.path, holder, pair)
        return _saved(replace(directory, signers=(*directory.signers, holder)), holder)


def add_list_signer(path: Path | str, kind: str, *, key: NewKey | None = None, now: dt.datetime | None = None) -> Act:
    """Certifies the signer of master lists or deviation lists (`kind`: `master_list`, `deviation_list`); it takes the
    place of an earlier one. Errors as `add_signer`."""
    with acting(path) as directory:
        when = (now or now_utc()).replace(microsecond=0)
        pair = key or NewKey.software(ec.SECP256R1())
        _require_token(directory, pair)
        until = add_years(when, directory.policy.list_signer_years)
        validity = issue.Validity(when, until + dt.timedelta(days=directory.policy.margin_days), until)
        folder = free_folder(directory.path, _LIST_FOLDERS[kind])
        name = f"{_LIST_NAMES[kind]} {directory.country}"
        der = certify(directory, pair, validity, name, when, lists=kind)
        holder = Holder(folder, parse_certificate(der), pair.pkcs11, lists=kind)
        _write_holder(directory.path, holder, pair)
        return _saved(replace(directory, list_signers=(*directory.list_signers, holder)), holder)


def add_audit_signer(path: Path | str, *, key: NewKey | None = None, now: dt.datetime | None = None) -> Act:
    """Makes a key that signs audit trails, with a certificate by itself; it takes the place of an earlier one, whose
    certificate stays to verify what it signed. The CSCA signs nothing of it. Errors as `add_signer`."""
    with acting(path) as directory:
        when = (now or now_utc()).replace(microsecond=0)
        pair = key or NewKey.software(ec.SECP256R1())
        _require_token(directory, pair)
        until = add_years(when, directory.policy.list_signer_years)
        validity = issue.Validity(when, until + dt.timedelta(days=directory.policy.margin_days), until)
        folder = free_folder(directory.path, folders.AUDIT_FOLDER)
        subject = issue.renamed(subject_name(directory.authorities[-1]), _said(directory, "Audit Signer"))
        spki = pair.written(explicit=False)
        with _new_authority(directory.path / folder, pair, spki, validity, subject, when) as authority:
            der = issue.audit_certificate(authority, spki, new_serial(), validity)
        holder = Holder(folder, parse_certificate(der), pair.pkcs11)
        _write_holder(directory.path, holder, pair)
        return _saved(replace(directory, audit_signers=(*directory.audit_signers, holder)), holder)


def revoke(
    path: Path | str,
    serial_number: int,
    reason: str,
    *,
    invalid_since: dt.datetime | None = None,
    bare: bool = False,
    now: dt.datetime | None = None,
) -> Act:
    """Revokes a certificate that this CSCA issued, and writes the revocation list anew.

    `reason` is one of `REASONS`; `invalid_since` (aware) is when the key may have been stolen. ParameterError for
    another word or a time to come; ConflictError where no such certificate was issued here, or it is revoked already.
    """
    if reason not in REASONS:
        raise ParameterError("a reason that RFC 5280 does not have", reason=reason, known=", ".join(REASONS))
    with acting(path) as directory:
        when = (now or now_utc()).replace(microsecond=0)
        if invalid_since is not None and invalid_since > when:
            raise ParameterError("an invalidity date in the future", invalid_since=invalid_since.isoformat())
        serial = f"{serial_number:X}"
        known = [*directory.signers, *directory.list_signers]
        if serial not in {f"{holder.certificate.serial_number:X}" for holder in known}:
            raise ConflictError("no certificate of this serial number was issued here", serial_number=serial)
        if serial in {one.serial_number for one in directory.revoked}:
            raise ConflictError("the certificate is revoked already", serial_number=serial)
        entry = Revoked(serial, when, reason, invalid_since)
        revoked = replace(directory, revoked=(*directory.revoked, entry))
        return Act(_write_lists(directory, revoked, when, bare=bare))


def renew_crl(path: Path | str, *, bare: bool = False, now: dt.datetime | None = None) -> Act:
    """Writes the revocation list anew, of the next number and valid from now on. SigningError where no key of the CSCA
    may sign now."""
    with acting(path) as directory:
        return Act(_write_lists(directory, directory, (now or now_utc()).replace(microsecond=0), bare=bare))


def roll_over(
    path: Path | str,
    *,
    new_name: str | None = None,
    key: NewKey | None = None,
    now: dt.datetime | None = None,
    witness: Witness | None = None,
) -> Act:
    """The CSCA goes on with a new key: self-signed, certified by the old one (link certificate), named anew where
    `new_name` (a common name) is given. The next signers are certified by it; those there are stay as they are.

    `witness` is shown the folder, the two certificates and the usage period before the index names them, and gives more
    files for the folder. Both keys' revocation lists are written anew. SigningError where the old key may not sign any
    more: the link would be worth nothing. Doc 9303-12 clauses 4.1.4 and 7.1.1.5.
    """
    with acting(path) as directory:
        when = (now or now_utc()).replace(microsecond=0)
        old = directory.authorities[-1]
        old.period.require(when)
        pair = key or NewKey.software(ec.SECP384R1())
        _require_token(directory, pair)
        until = directory.policy.csca_key_until(when)
        validity = issue.Validity(when, directory.policy.csca_until(until), until)
        named = subject_name(old)
        subject = named if new_name is None else issue.renamed(named, new_name)
        explicit = _explicit(directory)
        folder = free_folder(directory.path, folders.CSCA_FOLDER)
        der = self_signed(
            directory.path / folder, pair, validity, subject, country=directory.country,
            crl_url=directory.crl_url, explicit=explicit, name_change=subject != named, now=when,
        )  # fmt: skip
        holder = Holder(folder, parse_certificate(der), pair.pkcs11)
        spki = pair.written(explicit=explicit)
        with closing(directory.counted(old, Purpose.CERTIFICATE, lambda: when)) as signer:
            link_validity = replace(validity, not_after=min(validity.not_after, old.certificate.not_after))
            link = issue.link_certificate(
                _authority(old, signer), subject, spki, new_serial(), link_validity,
                country=directory.country, crl_url=directory.crl_url,
            )  # fmt: skip
        more = {} if witness is None else witness(directory.path / folder, der, link, holder.period)
        _write_holder(directory.path, holder, pair, {folders.LINK_CERTIFICATE: link, **more})
        rolled = replace(directory, authorities=(*directory.authorities, holder))
        return Act(_write_lists(directory, rolled, when), holder)


# -- the parts of acts


def certify(
    directory: PkiDirectory,
    key: NewKey,
    validity: issue.Validity,
    common_name: str,
    now: dt.datetime,
    *,
    lists: str | None = None,
) -> bytes:
    """The certificate of a document signer, or of a signer of lists, by the CSCA's newest key. ParameterError where the
    CSCA's certificate ends first, SigningError where its key may not sign now."""
    holder = directory.authorities[-1]
    if validity.not_after > holder.certificate.not_after:
        raise ParameterError(
            "the CSCA's certificate ends before the signer's would: roll the CSCA over first",
            signer_until=validity.not_after.isoformat(), csca_until=holder.certificate.not_after.isoformat(),
        )  # fmt: skip
    name = issue.renamed(subject_name(holder), _said(directory, common_name))
    spki = key.written(explicit=_explicit(directory))
    with closing(directory.counted(holder, Purpose.CERTIFICATE, lambda: now)) as signer:
        authority = _authority(holder, signer)
        if lists is not None:
            return issue.list_signer_certificate(
                authority, name, spki, new_serial(), validity, country=directory.country, crl_url=directory.crl_url,
                usage=LIST_SIGNERS[lists],
            )  # fmt: skip
        return issue.document_signer_certificate(
            authority, name, spki, new_serial(), validity, country=directory.country, crl_url=directory.crl_url,
            document_types=DOCUMENT_TYPES,
        )  # fmt: skip


def self_signed(
    folder: Path,
    key: NewKey,
    validity: issue.Validity,
    subject: bytes,
    *,
    country: str,
    crl_url: str,
    explicit: bool,
    name_change: bool,
    now: dt.datetime,
) -> bytes:
    """A CSCA certificate by its own key, counted in the ledger that is begun in its `folder`."""
    spki = key.written(explicit=explicit)
    with _new_authority(folder, key, spki, validity, subject, now) as authority:
        return issue.csca_certificate(
            authority, spki, new_serial(), validity, country=country, crl_url=crl_url, name_change=name_change
        )


@contextmanager
def _new_authority(
    folder: Path, key: NewKey, spki: bytes, validity: issue.Validity, subject: bytes, now: dt.datetime
) -> Iterator[issue.Authority]:
    """Whoever signs a certificate for itself, its key counted in the ledger that is begun in its `folder`."""
    try:
        folder.mkdir(mode=0o755)
    except OSError as error:
        raise file_error("a folder of the PKI cannot be made", error, path=str(folder)) from None
    ledger = Ledger.open(folder / folders.LEDGER, spki_key(spki))
    period = KeyPeriod(validity.not_before, validity.key_until)
    with closing(ledger):
        signer = CountedSigner(key.signer, ledger, period, purpose=Purpose.CERTIFICATE, clock=lambda: now)
        yield issue.Authority(subject, issue.key_identifier(spki), signer.algorithm, signer.sign)


def free_folder(path: Path, stem: str) -> str:
    """The first of `stem`, `stem-2`, ... that is not there."""
    number = 1
    while (path / (name := stem if number == 1 else f"{stem}-{number}")).exists():
        number += 1
    return name


def subject_name(holder: Holder) -> bytes:
    """The DER Name of a holder."""
    return certificate_parts(holder.certificate.der).subject


def new_serial() -> int:
    """A serial number of 16 bytes, unlike any other."""
    return secrets.randbits(126) | 1 << 126


def _said(directory: PkiDirectory, common_name: str) -> str:
    return f"TEST {common_name}" if directory.test else common_name


def _explicit(directory: PkiDirectory) -> bool:
    """Curves are written as the CSCA's first certificate has its own."""
    key = directory.authorities[0].certificate.public_key
    return not isinstance(key, EcPublicKey) or key.explicit


def _authority(holder: Holder, signer: Signer) -> issue.Authority:
    spki = certificate_parts(holder.certificate.der).spki
    return issue.Authority(subject_name(holder), issue.key_identifier(spki), signer.algorithm, signer.sign)


def _require_token(directory: PkiDirectory, key: NewKey) -> None:
    """A State's keys are made where nobody can copy them."""
    if not directory.test and key.pkcs11 is None:
        raise ParameterError("the keys of a country that is no test are made in a token", needs="module, token, key")


def _write_holder(path: Path, holder: Holder, key: NewKey, more: Mapping[str, bytes] | None = None) -> None:
    try:
        (path / holder.folder).mkdir(mode=0o755, exist_ok=True)
    except OSError as error:
        raise file_error("a folder of the PKI cannot be made", error, path=str(path / holder.folder)) from None
    if key.private is not None:
        whole_file.write(path / holder.folder / folders.PRIVATE_KEY, key.private, private=True, replace=False)
    for name, content in {**(more or {}), folders.CERTIFICATE: holder.certificate.der}.items():
        whole_file.write(path / holder.folder / name, content)


def _saved(directory: PkiDirectory, holder: Holder) -> Act:
    folders.save(directory)
    return Act(folders.load(directory.path), holder)


def _write_lists(before: PkiDirectory, after: PkiDirectory, now: dt.datetime, *, bare: bool = False) -> PkiDirectory:
    """Writes the list of each key of the CSCA that may sign now, and the index. What is revoked stands in the index
    before a list names it: a list that is written again never forgets any."""
    number = before.crl_number + 1
    newest = after.authorities[-1]
    newest.period.require(now)
    lists = {
        holder.folder: _revocation_list(after, holder, number, now, bare=bare)
        for holder in after.authorities
        if holder is newest or holder.period.problem(now) is None
    }
    known = {holder.folder for holder in before.authorities}
    for folder in lists.keys() - known:
        whole_file.write(after.path / folder / folders.REVOCATION_LIST, lists[folder])
    folders.save(replace(after, crl_number=number))
    for folder in sorted(lists.keys() & known):
        whole_file.write(after.path / folder / folders.REVOCATION_LIST, lists[folder])
    return folders.load(after.path)


def _revocation_list(directory: PkiDirectory, holder: Holder, number: int, now: dt.datetime, *, bare: bool) -> bytes:
    revoked = {int(one.serial_number, 16): one for one in directory.revoked}
    details = {
        serial: issue.EntryDetails(REASONS.get(one.reason), one.invalid_since) for serial, one in revoked.items()
    }
    former = next((name for name in map(subject_name, directory.authorities) if name != subject_name(holder)), None)
    place = directory.authorities.index(holder)
    with closing(directory.counted(holder, Purpose.REVOCATION_LIST, lambda: now)) as signer:
        return issue.revocation_list(
            _authority(holder, signer),
            number,
            now,
            now + dt.timedelta(days=directory.policy.crl_days),
            {serial: one.at for serial, one in revoked.items()},
            details={} if bare else details,
            former_name=former if place else None,
        )
