"""An issuing office for tests: a batch, a gallery, a PKI and output folders under one roof.

The search runs with the toy matcher, whose score is four times the number of minutiae in the same place: these tests
are about who gets a card, not about how fingers are compared. tests/integration/issuance/test_real_prints.py runs the
real one.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, time
from pathlib import Path
from typing import Any

from cccd_core import pki
from cccd_core.card import MemoryLink
from cccd_core.card.virtual import VirtualCard
from cccd_core.country.clock import VIETNAM
from cccd_core.dedup import Deduplicator
from cccd_core.emrtd.dg13 import PLAIN, AuthorityCodec
from cccd_core.inspection import Access, Inspection, inspect
from cccd_core.issuance import Means, Register, Report, issue
from cccd_core.issuance.audit.findings import AuditKey
from cccd_core.issuance.means import NamedReaders
from cccd_core.issuance.runs.paths import Paths
from cccd_core.personalise import Feeder
from cccd_core.pki.cv.local_country import inspection_system
from cccd_core.templates import FingerTemplate, write
from support import dossiers
from support.toy_matcher import ToyMatcher

DAY = date(2026, 11, 1)


def other_impression(finger: FingerTemplate, missing: int = 8) -> FingerTemplate:
    """The same finger again, without its first minutiae."""
    columns = {name: getattr(finger, name)[missing:] for name in ("x_px", "y_px", "angle", "kind", "quality")}
    return replace(finger, **columns)


def fingers_of(person: int, *, again: bool = False, positions: tuple[int, ...] = (2, 7, 1)) -> dict[str, bytes]:
    """The finger files of a person; `again` gives another impression of the same fingers."""
    found = {}
    for position in positions:
        finger = dossiers.finger(1000 * person + position)
        found[f"{position}.fmr"] = write(other_impression(finger) if again else finger, "iso-2005")
    return found


@dataclass(frozen=True)
class At:
    """A clock that stands at noon of a day."""

    day: date = DAY

    def now(self) -> datetime:
        return datetime.combine(self.day, time(12), VIETNAM)


@dataclass(frozen=True)
class WrappedReaders:
    """Readers whose feeder goes through `wrap` first."""

    readers: NamedReaders
    wrap: Callable[[Feeder], Feeder]

    @property
    def name(self) -> str:
        return self.readers.name

    def require(self) -> None:
        self.readers.require()

    def open(self, *arguments: Any) -> Feeder:
        return self.wrap(self.readers.open(*arguments))


class EmptyFeeder:
    """A feeder that has no cards."""

    lanes = ("empty",)

    def __init__(self, feeder: Feeder) -> None:
        self._feeder = feeder

    def take(self, lane: int, *, serial: str | None) -> None:
        """See `Feeder`."""

    def release(self, lane: int, card: object) -> None:
        """See `Feeder`."""

    def cancel(self) -> None:
        """See `Feeder`."""

    def close(self) -> None:
        """See `Feeder`."""
        self._feeder.close()


@dataclass(frozen=True)
class Office:
    """Folders of one test."""

    folder: Path
    pki: Path
    toy: bool = True  # the toy matcher in place of the real one

    @property
    def gallery(self) -> Path:
        return self.folder / "gallery"

    def out(self, name: str = "out") -> Path:
        return self.folder / name

    def batch(self, name: str = "batch") -> Path:
        path = self.folder / name
        path.mkdir(exist_ok=True)
        return path

    def put(self, dossier_id: str, person: int, *, batch: str = "batch", again: bool = False, **changes: Any) -> Path:
        """Adds the dossier of a person, whose number follows from `person`."""
        fields = dossiers.document(person, **changes)
        return dossiers.put(self.batch(batch), dossier_id, fields, fingers=fingers_of(person, again=again), seed=person)

    def means(
        self, reader: str = "memory", *, day: date = DAY, wrap: Callable[[Feeder], Feeder] | None = None
    ) -> Means:
        """This office's matcher and PKI, a clock that stands; `wrap` comes between station and cards."""
        usual = Means.usual(self.pki, reader)
        readers = NamedReaders(reader) if wrap is None else WrappedReaders(NamedReaders(reader), wrap)
        means = replace(usual, readers=readers, clock=At(day))
        return replace(means, searcher=lambda folder: Deduplicator(ToyMatcher())) if self.toy else means

    def issue(self, batch: str | Path = "batch", out: str = "out", means: Means | None = None, **more: Any) -> Report:
        path = self.folder / batch if isinstance(batch, str) else batch
        return issue(path, self.gallery, self.out(out), means or self.means(), **more)

    def register(self) -> Register:
        return Register(Paths(self.gallery, self.out()).register)

    def audit_keys(self) -> list[AuditKey]:
        """The keys that sign this office's audit trails."""
        return [AuditKey.of_certificate(one.certificate.der) for one in pki.load(self.pki).audit_signers]

    def read_card(self, serial: str, number: str, out: str = "out", *, codec: AuthorityCodec = PLAIN) -> Inspection:
        """A card read back as the office's own terminal does."""
        with VirtualCard.open(self.out(out) / "cards" / f"{serial}.card") as card:
            access = Access(can=number[-6:], terminal=inspection_system(self.pki).terminal())
            return inspect(MemoryLink(card), pki.load(self.pki).trust_store(), access=access, codec=codec)


def outcomes(report: Report) -> dict[str, tuple[str, str | None]]:
    """(final state, reason) of each dossier."""
    return {entry.dossier_id: (entry.state, entry.reason) for entry in report.entries}


def files(folder: Path) -> Mapping[str, bytes]:
    """Every file below a folder by its path, to compare before and after."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def lines(out: Path) -> list[dict[str, Any]]:
    """The content of dossiers.jsonl."""
    return [json.loads(line) for line in (out / "dossiers.jsonl").read_text(encoding="utf-8").splitlines()]
