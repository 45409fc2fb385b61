"""How often real prints are suspected, and how often spoilt ones are not: the tables of docs/explanation/intake.md.

    python -m benchmarks.accuracy.plausibility [--every 1]

Every print of ../shared/data/fingerprints is examined as it is and spoilt in each of the ways below, seeded. The judge
of how minutiae flow was trained, and every limit chosen, on crossmatch and fcj2020; the FVC sets are new to all of
them, and are counted apart.
"""

from __future__ import annotations

import argparse
import os
from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from cccd_core import templates
from cccd_core.intake import Doubt, examine
from cccd_core.templates import FingerTemplate, TemplateRecord

TRAINED_ON = ("crossmatch", "fcj2020")
SEED = 20261127
_FURTHER = 100  # so many files further on is the print of another finger


@dataclass(slots=True)
class Count:
    """What was counted: real prints, those suspected of anything, and of each way to spoil one how many were found."""

    prints: int = 0
    suspected: int = 0
    doubts: Counter[Doubt] = field(default_factory=Counter)
    tried: Counter[str] = field(default_factory=Counter)
    found: Counter[str] = field(default_factory=Counter)

    def share(self, way: str) -> float:
        """The share of the prints spoilt in this way that were suspected."""
        return self.found[way] / self.tried[way]


def spoilt(
    view: FingerTemplate, other: FingerTemplate, rng: np.random.Generator
) -> Iterator[tuple[str, TemplateRecord]]:
    """The print spoilt in each way, with the way's name; `other` is a print of another finger."""
    count = view.count

    def record(**changes: object) -> TemplateRecord:
        return TemplateRecord("iso-2005", (replace(view, **changes),))  # type: ignore[arg-type]

    exchanged = rng.permutation(count)
    yield "x and y shuffled", record(x_px=rng.permutation(view.x_px), y_px=rng.permutation(view.y_px))
    yield "places exchanged", record(x_px=view.x_px[exchanged], y_px=view.y_px[exchanged])
    yield "x alone shuffled", record(x_px=rng.permutation(view.x_px))
    for ppcm in (500, 1000, 19685):
        yield "wrong unit", record(resolution_x_ppcm=ppcm, resolution_y_ppcm=ppcm)
    for ppcm in (78, 118):
        yield f"{ppcm} pixels/cm for 197", record(resolution_x_ppcm=ppcm, resolution_y_ppcm=ppcm)
    for way, changes in (*few_directions(view, rng), *few_places(view, rng)):
        yield way, record(**changes)
    for way, gap_mm in (("two fingers over each other", None), ("two fingers beside each other", rng.uniform(0.5, 3))):
        yield way, TemplateRecord("iso-2005", (together(view, other, gap_mm),))
    first = np.zeros(count, np.int64)
    yield "one minutia repeated", record(x_px=view.x_px[first], y_px=view.y_px[first])
    half = np.arange(count) // 2
    yield "minutiae repeated", record(x_px=view.x_px[half], y_px=view.y_px[half], angle=view.angle[half])
    for way, changes in other_conventions(view):
        yield way, record(**changes)
    for form, size in (("iso-2005-card", 5), ("iso-2005-compact", 3)):
        bare = rng.bytes(size * max(count, 20))
        yield "random bytes", templates.read(bare, format=form)


def few_directions(view: FingerTemplate, rng: np.random.Generator) -> Iterator[tuple[str, dict[str, object]]]:
    """The print with one, two or four directions instead of its own."""
    count, angle = view.count, view.angle.astype(np.int64)
    yield "one direction and its opposite", {"angle": (rng.integers(0, 2, count) * 32768 + 8192).astype(np.uint16)}
    yield "two thirds of the angles 0", {"angle": np.where(np.arange(count) % 3, 0, angle).astype(np.uint16)}
    for directions in (2, 4):
        some = rng.integers(0, 65536, directions)
        yield f"{directions} directions at random", {"angle": rng.choice(some, count).astype(np.uint16)}
    for directions in (4, 8):
        step = 65536 // directions
        nearest = (angle + step // 2) // step * step % 65536
        yield f"the nearest of {directions} directions", {"angle": nearest.astype(np.uint16)}


def few_places(view: FingerTemplate, rng: np.random.Generator) -> Iterator[tuple[str, dict[str, object]]]:
    """The print with its minutiae on lines or a circle, or with a coordinate squeezed or folded."""
    count, x, y = view.count, view.x_px.astype(np.int64), view.y_px.astype(np.int64)
    for lines in (2, 3):
        at = np.linspace(x.min(), x.max(), lines + 2).astype(np.int64)[1:-1]
        yield f"on {lines} lines", {"x_px": rng.choice(at, count).astype(np.uint16)}
    turn = rng.uniform(0, 2 * np.pi, count)
    middle = max(int(np.ptp(x)), int(np.ptp(y)), 2) // 2
    circle = {"x_px": middle * (1 + np.cos(turn)), "y_px": middle * (1 + np.sin(turn))}
    yield "on a circle", {name: np.rint(column).astype(np.uint16) for name, column in circle.items()}
    yield "x modulo 128", {"x_px": (x % 128).astype(np.uint16)}
    yield "x modulo 256", {"x_px": (x % 256).astype(np.uint16)}
    yield "x halved", {"x_px": (x // 2).astype(np.uint16)}
    yield "y halved", {"y_px": (y // 2).astype(np.uint16)}


def together(view: FingerTemplate, other: FingerTemplate, gap_mm: float | None) -> FingerTemplate:
    """Both prints in one template: the other one to the right, or (None) over the first."""
    x, y = view.x_px.astype(np.int64), view.y_px.astype(np.int64)
    theirs_x, theirs_y = other.x_px.astype(np.int64), other.y_px.astype(np.int64)
    if gap_mm is None:
        theirs_x = theirs_x + int(x.mean() - theirs_x.mean())
    else:
        theirs_x = theirs_x + int(x.max() - theirs_x.min() + gap_mm * view.resolution_x_ppcm / 10)
    theirs_y = theirs_y + int(y.mean() - theirs_y.mean())
    every = {"x_px": np.concatenate([x, theirs_x]), "y_px": np.concatenate([y, theirs_y])}
    columns = {name: (column - column.min()).astype(np.uint16) for name, column in every.items()}
    for name in ("angle", "kind", "quality"):
        columns[name] = np.concatenate([getattr(view, name), getattr(other, name)])
    return replace(view, width_px=0, height_px=0, **columns)


def other_conventions(view: FingerTemplate) -> Iterator[tuple[str, dict[str, object]]]:
    """What a print becomes whose angles or axes were written by another convention and read by ours."""
    angle, turn = view.angle.astype(np.int64), 65536
    ways = {
        "angles turned by 180": angle + turn // 2,
        "angles turned by 90": angle + turn // 4,
        "angles clockwise": -angle,
        "angles from the y axis, clockwise": turn // 4 - angle,
        "angles halved": angle // 2,
        "angles doubled": angle * 2,
    }
    for way, turned in ways.items():
        yield way, {"angle": (turned % turn).astype(np.uint16)}
    width, height = max(view.width_px, int(view.x_px.max()) + 1), max(view.height_px, int(view.y_px.max()) + 1)
    flipped = (height - 1 - view.y_px.astype(np.int64)).astype(np.uint16)
    yield "rows from the bottom", {"y_px": flipped}
    size = {"width_px": view.height_px, "height_px": view.width_px}
    yield "x and y exchanged", {"x_px": view.y_px, "y_px": view.x_px, **size}
    mirrored = (width - 1 - view.x_px.astype(np.int64)).astype(np.uint16)
    yield "mirrored whole", {"x_px": mirrored, "angle": ((turn // 2 - angle) % turn).astype(np.uint16)}


def count(root: Path, *, every: int = 1, sets: tuple[str, ...] = (), ways: Collection[str] = ()) -> Count:
    """Counts over the prints below `root`, or below these sets of it; every `every`-th of them is spoilt, in these ways
    or in all."""
    rng = np.random.default_rng(SEED)
    result = Count()
    paths = [path for path in sorted(root.rglob("*.fmr")) if not sets or path.relative_to(root).parts[0] in sets]
    for number, path in enumerate(paths):
        record = templates.load(path)
        result.prints += 1
        doubts = {finding.word for finding in examine(record)}
        result.suspected += bool(doubts)
        result.doubts.update(doubts)
        if number % every:
            continue
        other = templates.load(paths[(number + _FURTHER) % len(paths)]).view
        for way, bad in spoilt(record.view, other, rng):
            if ways and way not in ways:
                continue
            result.tried[way] += 1
            result.found[way] += bool(examine(bad))
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--every", type=int, default=1)
    given = parser.parse_args()
    shared = Path(os.environ.get("CCCD_SHARED", Path(__file__).resolve().parents[2].parent / "shared"))
    root = shared / "data" / "fingerprints"
    fresh = tuple(sorted(each.name for each in root.iterdir() if each.is_dir() and each.name not in TRAINED_ON))
    for title, sets in (("all sets", ()), (f"new to it: {', '.join(fresh)}", fresh)):
        counted = count(root, every=given.every, sets=sets)
        print(
            f"{title}: {counted.prints} real prints, {counted.suspected} suspected {dict(counted.doubts)}; seed {SEED}"
        )
        for way in counted.tried:
            print(f"  {way:34} {counted.found[way]:6} of {counted.tried[way]:6} suspected: {counted.share(way):.2%}")


if __name__ == "__main__":
    main()
