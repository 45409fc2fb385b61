"""Reads a finished card as any reader would, and says of every check whether it held."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Set
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import MappingProxyType

from cccd_core.card import CardConnection, ChipReader, Link
from cccd_core.card.connection import Trace
from cccd_core.emrtd import ChipImage, ElementaryFile, MrzInformation, com, security_infos, sod
from cccd_core.errors import (
    AuthenticationError,
    CardError,
    CertificateError,
    FormatError,
    ParameterError,
    SecureMessagingError,
    UnavailableError,
    VerificationError,
)
from cccd_core.personalise import fields as card_fields
from cccd_core.personalise.checks import CheckName
from cccd_core.personalise.reasons import Reason, Trouble
from cccd_core.pki import TrustStore, passive_authentication
from cccd_core.plain import Json

# What a card, or the bytes on it, can cause. Everything else (a full disk, a mistake of the program) is no fault of the
# card and comes through.
_CARD_FAULTS = (
    FormatError,
    CardError,
    AuthenticationError,
    SecureMessagingError,
    CertificateError,
    VerificationError,
    UnavailableError,
)


@dataclass(frozen=True, slots=True)
class Check:
    """One named check: `passed` is None where the chip does not offer what is checked. `detail` is for the eye and
    holds no personal data."""

    name: CheckName
    passed: bool | None
    detail: str = ""

    @property
    def label(self) -> str:
        """What is checked, in words for people."""
        return self.name.label

    def as_dict(self) -> dict[str, Json]:
        """JSON-ready: the stable word, and the label."""
        return {"name": str(self.name), "label": self.label, "passed": self.passed, "detail": self.detail}


@dataclass(frozen=True, slots=True)
class VerifiedCard:
    """What a reader found on a card: the checks in the order made, the fields decoded, the files as read."""

    checks: tuple[Check, ...]
    fields: Mapping[str, Json] = field(repr=False)  # `DG13.full_name` -> value for display; personal data
    files: Mapping[ElementaryFile, bytes] = field(repr=False)

    @property
    def passed(self) -> bool:
        """Whether no check failed, and access and passive authentication held."""
        held = {check.name for check in self.checks if check.passed}
        failed = any(check.passed is False for check in self.checks)
        return not failed and CheckName.PASSIVE_AUTHENTICATION in held and bool({CheckName.PACE, CheckName.BAC} & held)

    @property
    def failed(self) -> CheckName | None:
        """The first check that did not hold; None when all did."""
        if self.passed:
            return None
        return next((check.name for check in self.checks if check.passed is False), CheckName.PASSIVE_AUTHENTICATION)

    def require(self) -> VerifiedCard:
        """The card itself when `passed`; otherwise VerificationError that names the first failed check."""
        if self.failed is not None:
            detail = next((check.detail for check in self.checks if check.name == self.failed), "")
            raise VerificationError("the card does not hold what it should", check=str(self.failed), detail=detail)
        return self

    def outcomes(self) -> dict[CheckName, bool | None]:
        """Check -> whether it held."""
        return {check.name: check.passed for check in self.checks}

    def as_dict(self) -> dict[str, Json]:
        """Checks and fields as JSON-ready data, and each file's size."""
        return {
            "passed": self.passed,
            "checks": [check.as_dict() for check in self.checks],
            "fields": dict(self.fields),
            "files": {file.name: len(content) for file, content in self.files.items()},
        }


def verify_card(
    link: Link,
    trust: TrustStore,
    *,
    can: str | None = None,
    mrz_information: MrzInformation | None = None,
    expected: Mapping[str, str] | None = None,
    at: datetime | None = None,
    trace: Trace | None = None,
) -> VerifiedCard:
    """Reads everything back through the front door: PACE with the CAN (BAC with the MRZ information where no CAN is
    given), EF.COM, EF.SOD and every data group under secure messaging, passive authentication up to a trusted CSCA,
    chip authentication, active authentication. With `expected` (SHA-256 in hexadecimal by file name) every file is
    compared with what was meant, and none may be missing or extra.

    A check that fails is in the result, not an exception. What is no fault of the card comes through: TransportError
    and CardRemovedError, FileError of a software card's file, ParameterError when neither access secret is given or one
    is of no possible form. `at` is the time of validity, now by default; `trace` is told of every command.
    """
    if can is None and mrz_information is None:
        raise ParameterError("a card is opened with its CAN or its MRZ information; neither is given")
    reading = _Reading(ChipReader(CardConnection(link, trace=trace)))
    if reading.open(can, mrz_information):
        reading.read_all()
    if ElementaryFile.EF_SOD in reading.files:
        reading.judge(trust, at or datetime.now(UTC))
    if expected is not None:
        reading.compare(expected)
    return VerifiedCard(tuple(reading.checks), MappingProxyType(reading.fields), MappingProxyType(reading.files))


class _NotOffered(Exception):  # noqa: N818 - no error: the chip does not offer what a check is about
    pass


@contextmanager
def _offered() -> Iterator[None]:
    try:
        yield
    except UnavailableError as error:
        raise _NotOffered(str(error)) from None


class _Reading:
    """One card being read: what was found so far, and the checks made."""

    def __init__(self, reader: ChipReader) -> None:
        self.reader = reader
        self.checks: list[Check] = []
        self.files: dict[ElementaryFile, bytes] = {}
        self.fields: dict[str, Json] = {}
        self.signed: frozenset[int] = frozenset()  # the data groups that EF.SOD lists

    @contextmanager
    def check(self, name: CheckName) -> Iterator[None]:
        """Passed when the body ends, failed when it raises what a card or its bytes can cause, None when the chip does
        not offer it."""
        try:
            yield
        except _NotOffered as missing:
            self.checks.append(Check(name, None, str(missing)))
        except _CARD_FAULTS as error:
            self.checks.append(Check(name, False, str(error)))
        else:
            self.checks.append(Check(name, True))

    def held(self, name: CheckName) -> bool:
        return any(check.name == name and check.passed for check in self.checks)

    def open(self, can: str | None, mrz_information: MrzInformation | None) -> bool:
        if can is not None:
            with self.check(CheckName.CARD_ACCESS_READ):
                self.files[ElementaryFile.EF_CARDACCESS] = self.reader.read(ElementaryFile.EF_CARDACCESS)
            with self.check(CheckName.PACE):
                self.reader.open_pace(can)
            return self.held(CheckName.PACE)
        if mrz_information is not None:
            with self.check(CheckName.BAC):
                self.reader.open_bac(mrz_information)
        return self.held(CheckName.BAC)

    def read_all(self) -> None:
        """EF.COM and EF.SOD, then the chip proves itself, then all the data groups that EF.SOD signs."""
        with self.check(CheckName.EF_COM_READ):
            self._read(ElementaryFile.EF_COM)
        with self.check(CheckName.EF_SOD_READ):
            self._read(ElementaryFile.EF_SOD)
            self.signed = frozenset(sod.parse(self.files[ElementaryFile.EF_SOD]).security_object.digests)
        if not self.held(CheckName.EF_SOD_READ):
            return
        groups = [ElementaryFile.for_data_group(number) for number in sorted(self.signed)]
        self._prove_chip(groups)
        with self.check(CheckName.DATA_GROUPS_READ):
            for file in groups:
                self._read(file)

    def _prove_chip(self, groups: list[ElementaryFile]) -> None:
        """Chip authentication first: what is read after it is known to come from the chip that holds the key."""
        with self.check(CheckName.CHIP_AUTHENTICATION):
            if ElementaryFile.DG14 not in groups:
                raise _NotOffered("there is no DG14")
            dg14 = self._read(ElementaryFile.DG14)
            with _offered():
                self.reader.chip_authentication(dg14)
        with self.check(CheckName.ACTIVE_AUTHENTICATION):
            if ElementaryFile.DG15 not in groups:
                raise _NotOffered("there is no DG15")
            dg15 = self._read(ElementaryFile.DG15)
            with _offered():
                self.reader.active_authentication(dg15, self.files.get(ElementaryFile.DG14))

    def _read(self, file: ElementaryFile) -> bytes:
        if file not in self.files:
            try:
                self.files[file] = self.reader.read(file)
            except _CARD_FAULTS as error:
                raise error.with_facts(file=file.label) from None
        return self.files[file]

    def judge(self, trust: TrustStore, at: datetime) -> None:
        """What the bytes say, without the card."""
        files = self.files
        groups = {f.data_group: content for f, content in files.items() if f.data_group is not None}
        with self.check(CheckName.PASSIVE_AUTHENTICATION):
            passive_authentication(files[ElementaryFile.EF_SOD], groups, trust, at)
        if ElementaryFile.EF_COM in files:
            with self.check(CheckName.COM_AGREES):
                _demand_com(files[ElementaryFile.EF_COM], self.signed)
        if ElementaryFile.EF_CARDACCESS in files and ElementaryFile.DG14 in files:
            with self.check(CheckName.ACCESS_AGREES):
                _demand_access(files[ElementaryFile.EF_CARDACCESS], files[ElementaryFile.DG14])
        self.fields, errors = card_fields.decode(files)
        with self.check(CheckName.DECODED):
            for name, error in errors.items():
                raise error.with_facts(file=name)
        if ElementaryFile.DG1 in files and ElementaryFile.DG13 in files and not errors:
            with self.check(CheckName.FIELDS_AGREE):
                differing = card_fields.disagreements(files)
                if differing:
                    raise VerificationError("two files tell different things", fields=" ".join(differing))

    def compare(self, expected: Mapping[str, str]) -> None:
        """Every file that was meant is there, byte for byte, and EF.SOD lists no other."""
        with self.check(CheckName.AS_MEANT):
            found = {file.name: hashlib.sha256(content).hexdigest() for file, content in self.files.items()}
            wrong = sorted(name for name in expected.keys() | found.keys() if expected.get(name) != found.get(name))
            if ElementaryFile.EF_CARDACCESS not in self.files and not self.held(CheckName.PACE):
                wrong = [name for name in wrong if name != ElementaryFile.EF_CARDACCESS.name]
            if wrong:
                raise VerificationError("files are not as meant", files=" ".join(wrong))


def image_flaw(image: ChipImage, trust: TrustStore, *, at: datetime | None = None) -> Reason | None:
    """What would make every reader refuse this image; None for a sound one. Touches no card."""
    try:
        sod_file = image.files.get(ElementaryFile.EF_SOD, b"")
        result = passive_authentication(sod_file, image.data_groups, trust, at or datetime.now(UTC))
        _demand_com(image.files.get(ElementaryFile.EF_COM, b""), {*result.data_groups, *result.absent})
    except _CARD_FAULTS as error:
        return Reason(Trouble.IMAGE_UNSOUND, error=error.kind)
    return None


def _demand_com(ef_com: bytes, signed: Set[int]) -> None:
    differing = signed ^ set(com.parse(ef_com).data_groups)
    if differing:
        raise VerificationError(
            "EF.COM and EF.SOD name different data groups",
            differing=" ".join(str(number) for number in sorted(differing)),
        )


def _demand_access(card_access: bytes, dg14: bytes) -> None:
    """EF.CardAccess is not signed, DG14 is: the access protocols of the one must stand in the other (Doc 9303-11
    clause 9.2), or somebody could talk a reader into a weaker one."""
    offered, confirmed = security_infos.parse(card_access).pace, security_infos.parse(dg14).pace
    if not confirmed:
        raise _NotOffered("DG14 speaks of no access protocol")
    if not set(offered) <= set(confirmed):
        raise VerificationError("EF.CardAccess offers a protocol that DG14 does not confirm")
