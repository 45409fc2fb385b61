"""What a run works with: the search, the authority, the card readers, the clock. Handed to `issue`, so that each can be
another one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Protocol

from cccd_core import pki
from cccd_core.card.card_keys import CardMasterKey
from cccd_core.country.clock import VIETNAM
from cccd_core.emrtd.dg13 import PLAIN, AuthorityCodec
from cccd_core.issuance.audit.entry import Actor, this_account
from cccd_core.issuance.decisions.decide import Searcher
from cccd_core.personalise import Ask, Feeder, Journal, card_master_key, open_feeder, require_means, require_reader
from cccd_core.pki import DirectorySigners, DocumentSigners, TrustStore, ValidityPolicy
from cccd_core.pki.cv.local_country import inspection_system
from cccd_core.signing.cv import Terminal
from cccd_core.signing.ledger import Purpose
from cccd_core.signing.signer import Signer
from cccd_core.storage.cipher import Cipher


class Clock(Protocol):
    """What time it is."""

    def now(self) -> datetime:
        """The time, aware of its zone."""


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """The time in UTC."""
        return datetime.now(UTC)


def day_of(clock: Clock) -> date:
    """The day it is in Vietnam."""
    return clock.now().astimezone(VIETNAM).date()


@dataclass(frozen=True, slots=True)
class Authority:
    """Who issues: the document signers, whom a reader of their cards trusts, the transport key of blank cards, the
    inspection system that reads fingers back (cards trust the CVCA which that system trusts), how long a signature
    must stand, and how the authority codes its own fields of DG13. `notices` are what of the keys ends soon or is out
    of date, in words."""

    signers: DocumentSigners = field(repr=False)
    trust: TrustStore = field(repr=False)
    card_master_key: CardMasterKey
    terminal: Terminal = field(repr=False)
    validity: ValidityPolicy = field(default_factory=ValidityPolicy)
    notices: tuple[str, ...] = ()
    codec: AuthorityCodec = field(default=PLAIN, repr=False)

    def require_valid(self, at: datetime) -> None:
        """What would be wrong for every card: SigningError where no signer may sign now (usage period, count);
        CertificateError where a reader would refuse at that time what it signs: expired, not yet valid, revoked, of
        another CSCA."""
        signer = pki.parse_certificate(self.signers.for_document().certificate_der)
        require_means(self.trust, signer, self.terminal, at=at)

    def identity(self) -> str:
        """Whose cards these are, whichever key signs them: the digest of the country's first CSCA certificate."""
        return self.signers.identity()


class Readers(Protocol):
    """Where cards come from."""

    @property
    def name(self) -> str:
        """As the report calls it."""

    def require(self) -> None:
        """Raises, before any work is done, what opening would: UnavailableError, ParameterError."""

    def open(self, cards: Path, card_master_key: CardMasterKey, journal: Journal, ask: Ask | None) -> Feeder:
        """The feeder of one run; software cards lie in `cards`."""


@dataclass(frozen=True, slots=True)
class NamedReaders:
    """The readers that `personalise.open_feeder` knows by name: `memory`, `pcsc`, `pcsc:NAME`."""

    name: str

    def require(self) -> None:
        """See `Readers`."""
        require_reader(self.name)

    def open(self, cards: Path, card_master_key: CardMasterKey, journal: Journal, ask: Ask | None) -> Feeder:
        """See `Readers`."""
        return open_feeder(self.name, cards, card_master_key=card_master_key, journal=journal, ask=ask)


def _nobody(clock: Clock) -> AbstractContextManager[None]:
    del clock
    return nullcontext()


@dataclass(frozen=True, slots=True)
class Means:
    """The means of a run. `searcher` and `authority` are made when they are first needed: a finished run needs none.

    `audit_signer(clock)`: holds the key that signs the audit trail for as long as it is used; it gives None where there
    is none, and the trail is then chained alone. `actor` is whom the trail names.

    `cipher`: what all that is personal is encrypted by where a run keeps it: templates in the gallery, numbers in the
    register and the list of orders, dossiers that were checked. None: it lies there as it is.

    `searcher(folder)`: the folder is the gallery's. `authority(clock)`: the clock is that by which signers come into
    turn."""

    searcher: Callable[[Path], Searcher]
    authority: Callable[[Clock], Authority]
    readers: Readers
    clock: Clock = field(default_factory=SystemClock)
    audit_signer: Callable[[Clock], AbstractContextManager[Signer | None]] = _nobody
    actor: Actor = field(default_factory=this_account)
    cipher: Cipher | None = field(default=None, repr=False)

    @classmethod
    def usual(cls, pki_dir: Path, reader: str, *, cipher: Cipher | None = None) -> Means:
        """The library's own matcher, the PKI directory at `pki_dir` and the readers of this name."""
        return cls(
            lambda gallery: _searcher(gallery, cipher),
            lambda clock: _authority(pki_dir, clock),
            NamedReaders(reader),
            audit_signer=lambda clock: audit_signer(pki_dir, clock),
            cipher=cipher,
        )


def _searcher(gallery: Path, cipher: Cipher | None) -> Searcher:
    from cccd_core.dedup.resident import Resident

    return Resident(gallery, cipher=cipher)


@contextmanager
def audit_signer(pki_dir: Path, clock: Clock) -> Iterator[Signer | None]:
    """The key of a PKI folder that signs audit trails, held for as long as it is used; None where it has none."""
    directory = pki.load(pki_dir)
    if not directory.audit_signers:
        yield None
        return
    with closing(directory.counted(directory.audit_signers[-1], Purpose.AUDIT, clock.now)) as signer:
        yield signer


def _authority(pki_dir: Path, clock: Clock) -> Authority:
    directory = pki.load(pki_dir)
    return Authority(
        DirectorySigners(directory, clock=clock.now),
        directory.trust_store(),
        card_master_key(pki_dir),
        inspection_system(pki_dir).terminal(),
        directory.policy,
        tuple(notice.text for notice in pki.outlook(directory, clock.now())),
    )
