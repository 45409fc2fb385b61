"""A matcher so simple that a test can say what its scores are, and synthetic sets to run it on."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from cccd_core import runtime, templates
from cccd_core.templates import FingerTemplate, TemplateRecord

Points = frozenset[tuple[int, int]]


@dataclass(frozen=True)
class ToyGallery:
    """Prepared fingers; a slice is a gallery too."""

    fingers: tuple[Points, ...]

    def __len__(self) -> int:
        return len(self.fingers)

    def __getitem__(self, index: slice) -> ToyGallery:
        return ToyGallery(self.fingers[index])


@dataclass
class ToyMatcher:
    """The score is four times the number of minutiae in the very same place; counts the pairs it scored."""

    pairs: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def prepare(self, template: FingerTemplate) -> Points:
        return frozenset(zip(template.x_px.tolist(), template.y_px.tolist(), strict=True))

    def gallery(self, found: Sequence[FingerTemplate]) -> ToyGallery:
        return self.pack([self.prepare(template) for template in found])

    def pack(self, fingers: Sequence[Points]) -> ToyGallery:
        return ToyGallery(tuple(fingers))

    def scores(self, probe: Points, gallery: ToyGallery, *, threads: int | None = None) -> npt.NDArray[np.float32]:
        with self._lock:
            self.pairs += len(gallery)
        return np.array([4.0 * len(probe & other) for other in gallery.fingers], dtype=np.float32)

    def manifest(self) -> dict[str, Any]:
        return runtime.manifest("sha256:toy")


def template(points: Sequence[tuple[int, int]]) -> FingerTemplate:
    """A template with minutiae at these places, all pointing the same way."""
    count = len(points)
    return FingerTemplate(
        x_px=np.array([x for x, _ in points], dtype=np.uint16),
        y_px=np.array([y for _, y in points], dtype=np.uint16),
        angle=np.zeros(count, dtype=np.uint16),
        kind=np.ones(count, dtype=np.uint8),
        quality=np.zeros(count, dtype=np.uint8),
        width_px=300,
        height_px=400,
    )


def fingers(seed: int, count: int, impressions: int) -> list[tuple[str, str, FingerTemplate]]:
    """(finger, impression, template): each finger 24 random places, each impression about two thirds of them."""
    random = np.random.default_rng(seed)
    made = []
    for finger in range(count):
        # A coarse grid, so that different fingers share places now and then.
        master = np.unique(random.integers(1, 12, (24, 2)) * 20, axis=0)
        for impression in range(impressions):
            kept = master[random.random(len(master)) < 0.67]
            made.append((f"{101 + finger}", f"{1 + impression}", template([(int(x), int(y)) for x, y in kept])))
    return made


def write_folder(folder: Path, named: Sequence[tuple[str, str, FingerTemplate]], ending: str = "fmr") -> Path:
    """Writes templates as `<finger>_<impression>.<ending>` in ISO/IEC 19794-2:2005."""
    folder.mkdir(parents=True, exist_ok=True)
    for finger, impression, made in named:
        data = templates.write(TemplateRecord("iso-2005", (made,)), "iso-2005")
        (folder / f"{finger}_{impression}.{ending}").write_bytes(data)
    return folder
