"""An issuing office for tests: a batch, a gallery, a PKI and output folders under one roof.

The search runs with the toy matcher, whose score is four times the number of minutiae in the same place: these tests
are about who gets a card, not about how fingers are compared. tests/integration/issuance/test_real_prints.py runs the
real one.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

from cccd_core import pki
from cccd_core.card import MemoryLink
from cccd_core.card.virtual import VirtualCard
from cccd_core.issuance import Register, Report, issue
from cccd_core.issuance.pipeline import Paths
from cccd_core.personalise import VerifiedCard, verify_card
from cccd_core.templates import FingerTemplate, write
from support import dossiers

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
class Office:
    """Folders of one test."""

    folder: Path
    pki: Path

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

    def issue(self, batch: str | Path = "batch", out: str = "out", reader: str = "memory", **more: Any) -> Report:
        path = self.folder / batch if isinstance(batch, str) else batch
        return issue(path, self.gallery, self.pki, reader, self.out(out), **{"day": DAY, **more})

    def register(self) -> Register:
        return Register(Paths(self.gallery, self.out()).register)

    def read_card(self, serial: str, number: str, out: str = "out") -> VerifiedCard:
        """A card read back as any reader would."""
        with VirtualCard.open(self.out(out) / "cards" / f"{serial}.card") as card:
            return verify_card(MemoryLink(card), pki.load(self.pki).trust_store(), can=number[-6:])


def outcomes(report: Report) -> dict[str, tuple[str, str | None]]:
    """(final state, reason) of each dossier."""
    return {entry.dossier_id: (entry.state, entry.reason) for entry in report.entries}


def files(folder: Path) -> Mapping[str, bytes]:
    """Every file below a folder by its path, to compare before and after."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def lines(out: Path) -> list[dict[str, Any]]:
    """The content of dossiers.jsonl."""
    return [json.loads(line) for line in (out / "dossiers.jsonl").read_text(encoding="utf-8").splitlines()]
