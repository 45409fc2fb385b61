"""Measures inputs without instrumentation: `python -m fuzz.judge NAME HOME FOLDER…`. Not for people.

Prints one JSON object: how many inputs were measured, the slowest and the most memory, and the complaints.
"""

from __future__ import annotations

import json
import sys
import time
from itertools import chain
from pathlib import Path

from fuzz import limits, registry

MAX_TOTAL_SECONDS = 120
MAX_COMPLAINTS = 3  # enough to mend; the rest is likely the same


def main(name: str, home: Path, folders: list[Path]) -> None:
    """Judges the target's large inputs and every file in `folders`, in the order given, as far as the time goes."""
    target = registry.load(name, home)
    files = [path for folder in folders if folder.is_dir() for path in sorted(folder.iterdir()) if path.is_file()]
    large = [(f"large input {number}", data) for number, data in enumerate(target.large())]
    begin = time.monotonic()
    report: dict[str, object] = {"inputs": len(files) + len(large)}
    complaints: list[dict[str, str]] = []
    measured, slowest, most, accepted = 0, 0.0, 0, 0
    limits.once(target.run, target.seeds[0] if target.seeds else b"")  # first-call costs are not an input's
    for path, data in chain(large, ((str(path), path.read_bytes()) for path in files)):
        if time.monotonic() - begin > MAX_TOTAL_SECONDS or len(complaints) >= MAX_COMPLAINTS:
            break
        if len(data) > registry.MAX_INPUT_BYTES:
            raise ValueError(f"{path} is larger than the limits are stated for")
        cost = limits.measure(target.run, data)
        measured += 1
        accepted += cost.outcome == ""
        slowest, most = max(slowest, cost.seconds), max(most, cost.peak_bytes)
        if complaint := cost.complaint():
            complaints.append({"path": path, "complaint": complaint})
    report.update(measured=measured, accepted=accepted, slowest_ms=slowest * 1000, peak_mib=most / 2**20)
    report["complaints"] = complaints
    print(json.dumps(report))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), [Path(folder) for folder in sys.argv[3:]])
