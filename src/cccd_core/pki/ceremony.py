"""The ceremony in which a CSCA's key is made: a written protocol, two people, nothing half done.

Each step is written down with what it showed and who confirmed it; each entry holds the digest of the one before, and
the new key signs the last one. The protocol lies beside the certificate, as JSON for programs and as text for people.
A ceremony that is refused, interrupted or fails leaves no folder, and destroys the key that it made in the token;
killed, it leaves at most that key, which nothing was ever certified for, under a label that the next one refuses.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import re
import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import cccd_core
from cccd_core.emrtd import tlv
from cccd_core.errors import ConflictError, FileError, FormatError, ParameterError, VerificationError
from cccd_core.pki import authority, issue
from cccd_core.pki import directory as folders
from cccd_core.pki.certificates import Certificate, parse_certificate
from cccd_core.pki.check import check
from cccd_core.pki.local_country import begin
from cccd_core.pki.new_key import KEY_CURVES, NewKey, made_in
from cccd_core.pki.signatures import parse_scheme, verify
from cccd_core.pki.states import issued_by
from cccd_core.pki.validity import ValidityPolicy
from cccd_core.plain import Json, JsonObject, decode, encode_record
from cccd_core.signing.counted import KeyPeriod, now_utc
from cccd_core.signing.ledger import Purpose
from cccd_core.storage import whole_file
from cccd_core.storage.faults import file_error

PROTOCOL = "protocol.json"
PROTOCOL_TEXT = "protocol.md"
FORMAT = "cccd-csca-ceremony"
FORMAT_VERSION = 1
MAX_BYTES = 1 << 20
CURVE = "secp384r1"

_FIRST = "0" * 64


@dataclass(frozen=True, slots=True)
class Entry:
    """One step as it is written down: number from 1, time, what was done, what it showed, who confirmed it, the digest
    of the entry before, and its own."""

    number: int
    time: str
    step: str
    facts: Mapping[str, Json]
    confirmed_by: tuple[str, ...]
    before: str
    digest: str = ""


@dataclass(frozen=True, slots=True)
class Protocol:
    """A whole protocol; `signature` is the new key's over the last digest (hexadecimal)."""

    format: str
    version: int
    dry_run: bool
    operators: tuple[str, ...]
    entries: tuple[Entry, ...]
    algorithm: str = ""
    signature: str = ""

    def verify(self, certificate: Certificate) -> None:
        """VerificationError where an entry was changed, added or taken out, or where the key of this certificate did
        not sign it."""
        before = _FIRST
        for number, entry in enumerate(self.entries, start=1):
            if entry.number != number or entry.before != before or entry.digest != _digest(entry):
                raise VerificationError("an entry of the protocol is not as it was written", number=number)
            before = entry.digest
        try:
            scheme = parse_scheme(bytes.fromhex(self.algorithm))
            verify(scheme, certificate.public_key, bytes.fromhex(self.signature), _signed(self))
        except (ValueError, FormatError):
            raise VerificationError("the signature of the protocol cannot be read") from None

    def as_json(self) -> bytes:
        """As it is stored."""
        return json.dumps(encode_record(self), indent=2, ensure_ascii=False).encode("utf-8") + b"\n"

    def as_text(self) -> str:
        """For people: one section a step."""
        title = "DRY RUN: protocol of a CSCA ceremony" if self.dry_run else "Protocol of a CSCA ceremony"
        lines = [f"# {title}", "", f"Operators: {', '.join(self.operators)}", ""]
        for entry in self.entries:
            lines += [f"## {entry.number}. {entry.step}", "", f"{entry.time}", ""]
            lines += [f"* {name}: {value}" for name, value in entry.facts.items()]
            if entry.confirmed_by:
                lines.append(f"* confirmed by: {', '.join(entry.confirmed_by)}")
            lines += [f"* digest: {entry.digest}", ""]
        lines += [f"Signed by the new key over the last digest: {self.signature}", ""]
        return "\n".join(lines)


def parse_protocol(data: bytes) -> Protocol:
    """Reads a stored protocol of at most 1 MiB; nothing is verified. FormatError."""
    if len(data) > MAX_BYTES:
        raise FormatError("a protocol is too long", length=len(data), limit=MAX_BYTES)
    try:
        found = decode(Protocol, json.loads(data))
    except (ValueError, RecursionError):
        raise FormatError("a protocol that cannot be read") from None
    if (found.format, found.version) != (FORMAT, FORMAT_VERSION):
        raise FormatError("not a protocol of a ceremony, or of another version")
    return found


Confirm = Callable[[str, Entry], bool]
"""Shows an operator an entry and says whether they confirm it."""


@dataclass(frozen=True, slots=True)
class Ceremony:
    """What is to be made, by whom.

    `operators`: at least two different people. `key`: where the key is made; None makes it in memory, for a dry run.
    `name`: the CSCA's common name; a roll-over keeps the old one where None. `country`, `country_code`: for a new CSCA,
    as `crl_url`: where its revocation list is to be found (the ICAO directory's place for the country, where None).
    """

    operators: Sequence[str]
    key: folders.TokenKey | None
    name: str | None = None
    organization: str | None = None
    country: str = "VN"
    country_code: str = "VNM"
    policy: ValidityPolicy = field(default_factory=ValidityPolicy)
    curve: str = CURVE
    crl_url: str | None = None
    dry_run: bool = False

    def __post_init__(self) -> None:
        people = {" ".join(one.split()).casefold() for one in self.operators} - {""}
        if len(people) < 2 or len(people) != len(self.operators):
            raise ParameterError("a ceremony has at least two operators, each another person", operators=len(people))
        if not self.list_place.isascii() or not self.list_place.startswith(("http://", "https://", "ldap://")):
            raise ParameterError("a revocation list is found by ldap, http or https", crl_url=self.list_place)
        if self.curve not in KEY_CURVES:
            raise ParameterError("no curve for a CSCA's key", curve=self.curve, curves=", ".join(KEY_CURVES))
        if not re.fullmatch("[A-Z]{2}", self.country) or not issued_by(self.country_code, self.country):
            raise ParameterError(
                "a country has two capital letters, and its code of the MRZ beside it (Doc 9303-12 clause 7.1)",
                field="country, country_code",
            )
        if self.key is None and not self.dry_run:
            raise ParameterError("the key of a CSCA is made in a token", needs="module, token, key")

    @property
    def list_place(self) -> str:
        """Where the revocation list is to be found (Doc 9303-12 clause 7.1.1.4)."""
        return self.crl_url or f"https://pkddownload1.icao.int/CRLs/{self.country_code}.crl"


def hold(path: Path | str, ceremony: Ceremony, confirm: Confirm, *, now: dt.datetime | None = None) -> Protocol:
    """Makes a new country's PKI directory at `path`, or gives the CSCA of the one that is there its next key; with
    `dry_run` does the same in a folder that is thrown away.

    ConflictError where an operator does not confirm a step, and nothing is made; FileError where `path` holds something
    else; errors as `NewKey.in_token` and `authority.roll_over`.
    """
    target = Path(path)
    when = (now or now_utc()).replace(microsecond=0)
    rolling = (target / folders.INDEX).exists()
    if not rolling and target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise FileError("a PKI directory is never overwritten", path=str(target))
    writer = _Writer(ceremony, confirm, when)
    old = folders.load(target) if rolling else None
    writer.step("opening", _opening(ceremony, old), confirmed=True)
    with made_in(None if ceremony.dry_run else ceremony.key, ceremony.curve) as key:
        pair = key or NewKey.software(KEY_CURVES[ceremony.curve])
        writer.step("key", _key_facts(pair), confirmed=True)
        writer.step("intention", _intention(ceremony, old, when), confirmed=True)
        if ceremony.dry_run or old is None:
            _in_draft(target, ceremony, pair, old, writer, when)
        else:
            _roll_over(target, ceremony, pair, writer, when)
    return writer.protocol


class _Writer:
    """Writes the protocol as the ceremony goes on."""

    def __init__(self, ceremony: Ceremony, confirm: Confirm, now: dt.datetime) -> None:
        self._ceremony = ceremony
        self._confirm = confirm
        self._now = now
        self._entries: list[Entry] = []
        self.protocol = Protocol(FORMAT, FORMAT_VERSION, ceremony.dry_run, tuple(ceremony.operators), ())

    def step(self, step: str, facts: JsonObject, *, confirmed: bool = False) -> None:
        before = self._entries[-1].digest if self._entries else _FIRST
        time = self._now.isoformat()
        people = tuple(self._ceremony.operators) if confirmed else ()
        draft = Entry(len(self._entries) + 1, time, step, facts, people, before)
        entry = Entry(draft.number, time, step, facts, people, before, _digest(draft))
        for person in people:
            if not self._confirm(person, entry):
                raise ConflictError("a step of the ceremony was not confirmed: nothing was made", step=step)
        self._entries.append(entry)

    def close(self, folder: Path, key: NewKey, period: KeyPeriod) -> Mapping[str, bytes]:
        """The signed protocol, as files."""
        draft = Protocol(
            FORMAT, FORMAT_VERSION, self._ceremony.dry_run, tuple(self._ceremony.operators), tuple(self._entries)
        )
        signature = authority.sign_with_new(folder, key, period, Purpose.PROTOCOL, _signed(draft), self._now)
        self.protocol = Protocol(
            FORMAT, FORMAT_VERSION, draft.dry_run, draft.operators, draft.entries,
            key.signer.algorithm.identifier.hex(), signature.hex(),
        )  # fmt: skip
        return {PROTOCOL: self.protocol.as_json(), PROTOCOL_TEXT: self.protocol.as_text().encode("utf-8")}


def _in_draft(
    target: Path, ceremony: Ceremony, key: NewKey, old: folders.PkiDirectory | None, writer: _Writer, now: dt.datetime
) -> None:
    """A new directory beside its place, renamed into it; of a dry run only the protocol stays."""
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        draft = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
        try:
            name = issue.name(_name(ceremony)) if old is None else authority.subject_name(old.authorities[-1])

            def witness(folder: Path, der: bytes, period: KeyPeriod) -> Mapping[str, bytes]:
                writer.step("certificate", _certificate_facts(der))
                return writer.close(folder, key, period)

            begin(
                draft, key, name, country=ceremony.country_code, explicit=True, policy=ceremony.policy,
                test=ceremony.dry_run, now=now, crl_url=ceremony.list_place, witness=witness,
            )  # fmt: skip
            if ceremony.dry_run:
                return
            (draft / "lock").unlink()
            draft.chmod(0o755)
            draft.rename(target)
            whole_file.sync_folder(target.parent)
        finally:
            shutil.rmtree(draft, ignore_errors=True)
    except OSError as error:
        raise file_error("a PKI directory cannot be written", error, path=str(target)) from None


def _roll_over(target: Path, ceremony: Ceremony, key: NewKey, writer: _Writer, now: dt.datetime) -> None:
    def witness(folder: Path, der: bytes, link: bytes, period: KeyPeriod) -> Mapping[str, bytes]:
        writer.step("certificate", _certificate_facts(der))
        writer.step("link certificate", _certificate_facts(link))
        return writer.close(folder, key, period)

    authority.roll_over(target, new_name=ceremony.name, key=key, now=now, witness=witness)


# -- what steps show


def _opening(ceremony: Ceremony, old: folders.PkiDirectory | None) -> JsonObject:
    where = ceremony.key
    return {
        "purpose": "the first key of a CSCA" if old is None else "the next key of a CSCA",
        "dry_run": ceremony.dry_run,
        "software": f"cccd_core {cccd_core.__version__}",
        "module": None if where is None else where.module,
        "token": None if where is None else where.token,
        "key_label": None if where is None else where.key,
        "curve": ceremony.curve,
    }


def _key_facts(key: NewKey) -> JsonObject:
    return {"public_key_sha256": hashlib.sha256(key.spki).hexdigest(), "made_in_token": key.pkcs11 is not None}


def _intention(ceremony: Ceremony, old: folders.PkiDirectory | None, now: dt.datetime) -> JsonObject:
    policy = ceremony.policy if old is None else old.policy
    until = policy.csca_key_until(now)
    named = _name(ceremony) if old is None else {"CN": ceremony.name or old.csca_certificate.subject}
    return {
        "subject": ", ".join(f"{part}={text}" for part, text in named.items()),
        "certificate_until": policy.csca_until(until).isoformat(),
        "key_until": until.isoformat(),
        "crl_url": ceremony.list_place if old is None else old.crl_url,
        "certified_by": None if old is None else old.csca_certificate.fingerprint,
        "policy": policy.as_dict(),
    }


def _certificate_facts(der: bytes) -> JsonObject:
    certificate = parse_certificate(der)
    found = check(der)
    if not found.sound:
        raise VerificationError("the certificate breaks its profile", rules=", ".join(b.rule for b in found.breaches))
    return {
        "subject": certificate.subject, "issuer": certificate.issuer,
        "serial_number": f"{certificate.serial_number:X}", "sha256": certificate.fingerprint,
        "profile": "nothing is broken",
    }  # fmt: skip


def _name(ceremony: Ceremony) -> dict[str, str]:
    name = ceremony.name or f"CSCA {ceremony.country_code}"
    parts = {
        "C": ceremony.country,
        "O": ceremony.organization or "",
        "CN": f"TEST {name}" if ceremony.dry_run else name,
    }
    return {part: text for part, text in parts.items() if text}


def _digest(entry: Entry) -> str:
    text = {name: value for name, value in encode_record(entry).items() if name != "digest"}
    return hashlib.sha256(json.dumps(text, sort_keys=True, ensure_ascii=False).encode("utf-8")).hexdigest()


def _signed(protocol: Protocol) -> bytes:
    """What the new key signs: operators and last digest, as DER, unlike anything else that it signs."""
    last = protocol.entries[-1].digest if protocol.entries else _FIRST
    people = [tlv.utf8_string(one) for one in protocol.operators]
    return tlv.sequence(tlv.utf8_string(FORMAT), tlv.sequence(*people), tlv.octet_string(bytes.fromhex(last)))
