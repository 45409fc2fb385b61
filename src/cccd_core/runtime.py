"""Which kernels, SIMD level and threads are active; the only door to the native kernels.

There is no silent fallback: what runs is what `describe()` says, and every result's manifest records `kernels()`.
"""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
from functools import cache
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import cccd_core
from cccd_core.errors import ParameterError, UnavailableError

SIMD_VARIABLE = "CCCD_SIMD"
THREADS_VARIABLE = "CCCD_THREADS"
KERNELS_VARIABLE = "CCCD_KERNELS"


@cache
def _load() -> tuple[ModuleType | None, str]:
    try:
        _native = import_module("cccd_core._native")
    except ImportError as error:
        return None, str(error)
    return _native, ""


def native_error() -> str:
    """Why the native kernels are not there; empty when they are."""
    return _load()[1]


def native() -> ModuleType:
    """The compiled kernels. Raises UnavailableError where they were not built."""
    module, reason = _load()
    if module is None:
        raise UnavailableError(
            "the native kernels are not built here", needs="a C++20 compiler, then make build", why=reason
        )
    return module


def simd_levels() -> tuple[str, ...]:
    """The SIMD levels that are compiled in and that this CPU runs, lowest first; empty without native kernels."""
    module, _ = _load()
    return () if module is None else tuple(module.levels())


def simd_level() -> str:
    """The active level: CCCD_SIMD where it is set, else the highest. ParameterError for a level not to be had."""
    levels = simd_levels()
    wanted = os.environ.get(SIMD_VARIABLE, "")
    if not wanted:
        return levels[-1] if levels else "none"
    if wanted not in levels:
        raise ParameterError("CCCD_SIMD names a level that cannot run here", wanted=wanted, available=" ".join(levels))
    return wanted


def use_native() -> bool:
    """Whether the native kernels run: they do where they are built, unless CCCD_KERNELS=numba asks for their twins.

    Both give the same results bit for bit; CCCD_KERNELS=native demands them, and fails where they are missing.
    """
    wanted = os.environ.get(KERNELS_VARIABLE, "")
    if wanted not in ("", "native", "numba"):
        raise ParameterError("CCCD_KERNELS must be native or numba", wanted=wanted)
    if wanted == "native":
        native()
    return wanted != "numba" and _load()[0] is not None


def threads() -> int:
    """How many threads a batch call may use: CCCD_THREADS, else the cores this process may run on."""
    wanted = os.environ.get(THREADS_VARIABLE, "")
    if not wanted:
        return len(os.sched_getaffinity(0))
    if not wanted.isdigit() or not 1 <= int(wanted) <= 1024:
        raise ParameterError("CCCD_THREADS must be a number from 1 to 1024", wanted=wanted)
    return int(wanted)


def kernels() -> str:
    """One word for manifests: `native-avx512`, `numba`, ..."""
    return f"native-{simd_level()}" if use_native() else "numba"


def manifest(parameters_digest: str, *, seed: int | None = None) -> dict[str, Any]:
    """What every result carries: version, digest of the parameters, kernels, threads and seed."""
    record: dict[str, Any] = {
        "version": cccd_core.__version__,
        "parameters": parameters_digest,
        "kernels": kernels(),
        "threads": threads(),
    }
    if seed is not None:
        record["seed"] = seed
    return record


def describe() -> dict[str, Any]:
    """What runs on this machine, for `cccd doctor`: versions, kernels, SIMD, threads, GPU. Loads nothing heavy."""
    return {
        "version": cccd_core.__version__,
        "python": platform.python_version(),
        "machine": f"{platform.system()} {platform.machine()}, {_cpu_model()}",
        "kernels": {
            "active": kernels(),
            "native": "built" if not native_error() else f"not built: {native_error()}",
            "simd_available": list(simd_levels()),
            "simd_active": simd_level(),
            "numba": _installed("numba"),
            "jit": "off (NUMBA_DISABLE_JIT)" if os.environ.get("NUMBA_DISABLE_JIT", "0") not in ("", "0") else "on",
        },
        "threads": {"active": threads(), "cores": os.cpu_count() or 1},
        "extraction": {"pyfing": _installed("pyfing"), "h5py": _installed("h5py")},
        "gpu": _gpu(),
    }


def _installed(package: str) -> str:
    from importlib import metadata

    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "not installed"


def _cpu_model() -> str:
    try:
        with Path("/proc/cpuinfo").open(encoding="utf-8", errors="replace") as lines:
            for line in lines:
                if line.startswith("model name"):
                    return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.processor() or "unknown processor"


def _gpu() -> dict[str, Any]:
    """GPUs as the driver's own tool names them; whether a package that could use them is installed."""
    facts: dict[str, Any] = {"devices": [], "numba-cuda": _installed("numba-cuda")}
    tool = shutil.which("nvidia-smi")
    if tool:
        try:
            answer = subprocess.run(
                [tool, "--query-gpu=name,memory.total", "--format=csv,noheader"],
                capture_output=True, text=True, timeout=10, check=True,
            )  # fmt: skip
            facts["devices"] = [line.strip() for line in answer.stdout.splitlines() if line.strip()]
        except (OSError, subprocess.SubprocessError) as error:
            facts["problem"] = type(error).__name__
    return facts
