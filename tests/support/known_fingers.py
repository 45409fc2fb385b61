"""A matcher that knows the truth, for tests of what is built on scores: templates carry the identity of their finger.

Used beside tests of the real matcher, where a test must know every score beforehand. Impostor scores follow the law of
calibrated scores: -10 log10 of a uniform number, drawn from a digest of the two fingers.
"""

from __future__ import annotations

import hashlib
import math
import threading
import weakref
from collections.abc import Mapping, Sequence

import numpy as np

from cccd_core.dedup import EnrolledPerson
from cccd_core.templates import FingerTemplate, Tenprint

WHOLE_IMPOSTOR_LIMIT = 45.0


def finger(identity: int, *, minutiae: int = 12, position: int = 0) -> FingerTemplate:
    """A template of the finger of that identity (below 2**32)."""
    x = np.zeros(minutiae, np.uint16)
    if minutiae:
        x[0] = identity & 0x3FFF
    y = np.zeros(minutiae, np.uint16)
    if minutiae:
        y[0] = identity >> 14
    zeros = np.zeros(minutiae, np.uint8)
    return FingerTemplate(x, y, np.zeros(minutiae, np.uint16), zeros, zeros, 400, 400, position=position)


def person(name: str, identity: int = 1, positions: Sequence[int] = (2, 7), loose: int = 0) -> EnrolledPerson:
    """A person with fingers identity * 16 + position, and so many of unknown position."""
    placed = {p: finger(identity * 16 + p, position=p) for p in positions}
    return EnrolledPerson(name, Tenprint(placed), tuple(finger(identity * 16 + 11 + i) for i in range(loose)))


def identity(template: FingerTemplate) -> int:
    """The other way round; -1 where there is no minutia."""
    return -1 if template.count == 0 else int(template.x_px[0]) | int(template.y_px[0]) << 14


class Pack:
    """Packed fingers; a slice holds on to the whole."""

    def __init__(self, identities: Sequence[int], whole: Pack | None = None) -> None:
        self.identities = identities
        self.whole = whole

    def __len__(self) -> int:
        return len(self.identities)

    def __getitem__(self, rows: slice) -> Pack:
        return Pack(self.identities[rows], self.whole or self)


class KnowingMatcher:
    """Scores by identity: `genuine` (or what `scores` says of a finger) for the same one, by digest for two others.

    It counts its work: `prepared` fingers, `packs` and the fingers in them, `pairs` of fingers scored; and
    how many packs were `alive` at the most.
    """

    def __init__(self, genuine: float = 60.0, scores: Mapping[int, float] | None = None, impostor: bool = True) -> None:
        self.genuine = genuine
        self.by_finger = dict(scores or {})
        self.impostor = impostor
        self.pairs = self.prepared = self.packs = self.packed = self.alive = 0
        self._living: weakref.WeakSet[Pack] = weakref.WeakSet()
        self._lock = threading.Lock()

    def prepare(self, template: FingerTemplate) -> int:
        self.prepared += 1
        return identity(template)

    def gallery(self, found: Sequence[FingerTemplate]) -> Pack:
        return self.pack([self.prepare(template) for template in found])

    def pack(self, fingers: Sequence[int]) -> Pack:
        self.packs += 1
        self.packed += len(fingers)
        pack = Pack(list(fingers))
        self._living.add(pack)
        self.alive = max(self.alive, len(self._living))
        return pack

    def scores(self, probe: int, gallery: Pack, *, threads: int | None = None) -> np.ndarray:
        with self._lock:
            self.pairs += len(gallery)
        return np.array([self._score(probe, other) for other in gallery.identities], dtype=np.float32)

    def _score(self, one: int, other: int) -> float:
        if -1 in (one, other):
            return 0.0
        if one == other:
            return self.by_finger.get(one, self.genuine)
        if not self.impostor:
            return 0.0
        digest = hashlib.sha256(f"{min(one, other)} {max(one, other)}".encode()).digest()
        uniform = (int.from_bytes(digest[:7], "big") + 0.5) / 2**56
        return min(-10 * math.log10(uniform), WHOLE_IMPOSTOR_LIMIT)

    def manifest(self) -> dict[str, object]:
        return {"parameters": "known"}
