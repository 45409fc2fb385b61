"""Picks inputs worth keeping: `python -m fuzz.reach NAME HOME MOST FOLDER`. Not for people.

Smallest first, those that reach a line of the target's packages, or leave one for another, as no seed, no corpus file
and no input before did. Prints the paths as JSON.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from types import FrameType
from typing import Any

from fuzz import limits, registry

MAX_INPUT_BYTES = 2048


class Lines:
    """Follows which lines of some packages follow on which."""

    def __init__(self, packages: tuple[str, ...]) -> None:
        self.steps: set[tuple[str, int, int]] = set()
        self._packages = packages

    def __enter__(self) -> Lines:
        sys.settrace(self._call)
        return self

    def __exit__(self, *_: object) -> None:
        sys.settrace(None)

    def _call(self, frame: FrameType, _event: str, _argument: Any) -> Any:
        name = frame.f_globals.get("__name__", "")
        if not any(name == package or name.startswith(package + ".") for package in self._packages):
            return None
        last = [0]

        def line(frame: FrameType, _event: str, _argument: Any) -> Any:
            self.steps.add((name, last[0], frame.f_lineno))
            last[0] = frame.f_lineno
            return line

        return line


def main(name: str, home: Path, most: int, folder: Path) -> None:
    """Prints at most `most` paths."""
    target = registry.load(name, home)
    packages = registry.modules(name, home)

    def steps(data: bytes) -> set[tuple[str, int, int]]:
        with Lines(packages) as lines:
            limits.once(target.run, data)
        return lines.steps

    known: set[tuple[str, int, int]] = set()
    for data in (*target.seeds, *(path.read_bytes() for path in registry.corpus(name, home))):
        known |= steps(data)
    kept: list[str] = []
    for path in sorted(folder.iterdir(), key=lambda path: (path.stat().st_size, path.name)):
        if len(kept) >= most or path.stat().st_size > MAX_INPUT_BYTES:
            break
        new = steps(path.read_bytes()) - known
        if new:
            known |= new
            kept.append(str(path))
    print(json.dumps(kept))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]), Path(sys.argv[4]))
