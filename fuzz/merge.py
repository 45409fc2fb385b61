"""Picks the inputs that reach the most: `python -m fuzz.merge NAME HOME INTO FOLDER…`. Not for people."""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path

import atheris

from cccd_core.errors import CccdError
from fuzz import registry


def main(name: str, home: Path, into: str, folders: list[str]) -> None:
    """libFuzzer's merge, over the same instrumentation as the run's."""
    with atheris.instrument_imports(include=list(registry.modules(name, home))):
        target = registry.load(name, home)

    def one(data: bytes) -> None:
        with contextlib.suppress(CccdError):
            target.run(data)

    atheris.Setup([f"merge-{name}", "-merge=1", f"-max_len={registry.MAX_INPUT_BYTES}", into, *folders], one)
    atheris.Fuzz()


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), sys.argv[3], sys.argv[4:])
