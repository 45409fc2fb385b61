"""One target under atheris, in a process of its own: `python -m fuzz.child NAME HOME WORK SECONDS`. Not for people.

Coverage comes from the packages that the target names. An input that took long here, instrumented, or that raised the
process's high-water mark of memory, is set aside as a suspect for `fuzz.judge`, which measures it without
instrumentation. A wild allocation fails at once, since the address space is bounded.
"""

from __future__ import annotations

import contextlib
import hashlib
import resource
import sys
import time
from pathlib import Path

import atheris

from fuzz import registry
from fuzz.limits import MAX_SECONDS

MAX_SUSPECTS = 50
SUSPECT_GROWTH_KIB = 16 * 1024
ROOM_BYTES = 512 * 1024 * 1024  # libFuzzer keeps its corpus in here too
HANG_SECONDS = 10


def _address_space_bytes() -> int:
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    return pages * resource.getpagesize()


def _import_from_source() -> None:
    """Imports the package from `src` by Python's own loader: behind the loader of an editable install atheris counts
    nothing, and the fuzzer would run blind."""
    sys.meta_path[:] = [finder for finder in sys.meta_path if not type(finder).__module__.startswith("_editable_")]
    sys.path.insert(0, str(registry.HOME.parent / "src"))


def main(name: str, home: Path, work: Path, seconds: int) -> None:
    """Fuzzes until the time is over or something other than CccdError comes out."""
    _import_from_source()
    with atheris.instrument_imports(include=list(registry.modules(name, home))):
        target = registry.load(name, home)
    from cccd_core.errors import CccdError

    suspects = work / "suspects"
    inputs = work / "inputs"
    for folder in (suspects, inputs):
        folder.mkdir(parents=True, exist_ok=True)
    for seed in target.seeds:
        (inputs / hashlib.sha1(seed).hexdigest()).write_bytes(seed)
    high_water = [resource.getrusage(resource.RUSAGE_SELF).ru_maxrss]
    kept = [0]

    def one(data: bytes) -> None:
        begin = time.thread_time()
        with contextlib.suppress(CccdError):
            target.run(data)
        spent = time.thread_time() - begin
        now = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        if (spent > MAX_SECONDS or now - high_water[0] > SUSPECT_GROWTH_KIB) and kept[0] < MAX_SUSPECTS:
            kept[0] += 1
            (suspects / hashlib.sha1(data).hexdigest()).write_bytes(data)
        high_water[0] = max(high_water[0], now)

    limit = _address_space_bytes() + ROOM_BYTES
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    arguments = [
        f"fuzz-{name}",
        f"-max_total_time={seconds}",
        f"-max_len={registry.MAX_INPUT_BYTES}",
        f"-timeout={HANG_SECONDS}",
        f"-artifact_prefix={work}/finding-",
        "-rss_limit_mb=0",
        "-print_final_stats=1",
        str(inputs),
    ]
    folder = home / "corpus" / name
    if folder.is_dir():
        arguments.append(str(folder))
    atheris.Setup(arguments, one)
    atheris.Fuzz()


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]), int(sys.argv[4]))
