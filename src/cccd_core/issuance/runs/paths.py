"""Where a run keeps its things."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from cccd_core.errors import ParameterError


@dataclass(frozen=True, slots=True)
class Paths:
    """The gallery's folder holds who is enrolled, who has a card and which run makes it; OUT holds the run."""

    gallery: Path
    out: Path

    @property
    def register(self) -> Path:
        """Where the register lies unless another one was named: see `runs.place`."""
        return self.gallery / "register.sqlite"

    @property
    def orders(self) -> Path:
        return self.gallery / "orders.sqlite"

    @property
    def state(self) -> Path:
        return self.out / "run.sqlite"

    @property
    def content(self) -> Path:
        return self.out / "checked.sqlite"

    @property
    def journal(self) -> Path:
        return self.out / "journal"

    @property
    def cards(self) -> Path:
        return self.out / "cards"

    @property
    def audit(self) -> Path:
        return self.out / "audit.jsonl"

    def require_apart(self, batch: Path) -> None:
        """ParameterError where the folders of a run would mix: what it writes is no dossier of the next one."""
        handed_in, gallery, out = (path.resolve() for path in (batch, self.gallery, self.out))
        if gallery == out:
            raise ParameterError("the gallery and the output folder are the same", path=str(self.out))
        for name, folder in (("gallery", gallery), ("output folder", out)):
            if folder.is_relative_to(handed_in):
                raise ParameterError(f"the {name} lies inside the batch", path=str(folder), batch=str(handed_in))
