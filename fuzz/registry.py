"""The targets and their corpus. A target's own imports happen when it is loaded.

A target is a file `targets/<name>.py` with
* `MODULES`: a literal tuple of the packages to instrument, read without importing the file;
* `SEEDS`: a few small inputs, at least one of which the parser takes;
* `large()`, if it likes: inputs of up to 64 KiB that cost the most, to be measured; fuzzing rarely gets so far;
* `target(data)`: hands `data` to the parser. CccdError may come out; any other exception is a finding.
Its corpus is the folder `corpus/<name>`, of small files.
"""

from __future__ import annotations

import ast
import importlib.util
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

HOME = Path(__file__).resolve().parent
MAX_INPUT_BYTES = 64 * 1024


@dataclass(frozen=True)
class Target:
    """A loaded target."""

    name: str
    seeds: tuple[bytes, ...]
    run: Callable[[bytes], None]
    large: Callable[[], Sequence[bytes]]


def names(home: Path = HOME) -> list[str]:
    """The names of all targets, in order."""
    return sorted(path.stem for path in (home / "targets").glob("*.py") if path.stem != "__init__")


def modules(name: str, home: Path = HOME) -> tuple[str, ...]:
    """The packages that the target wants instrumented."""
    tree = ast.parse((home / "targets" / f"{name}.py").read_text(encoding="utf-8"))
    for node in tree.body:
        if isinstance(node, ast.Assign) and any(isinstance(t, ast.Name) and t.id == "MODULES" for t in node.targets):
            return tuple(ast.literal_eval(node.value))
    raise LookupError(f"the fuzz target {name} has no MODULES")


def load(name: str, home: Path = HOME) -> Target:
    """The target, imported."""
    path = home / "targets" / f"{name}.py"
    spec = importlib.util.spec_from_file_location(f"fuzz_target_{name}", path)
    if spec is None or spec.loader is None:
        raise LookupError(f"no fuzz target at {path}")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return Target(name, tuple(module.SEEDS), module.target, getattr(module, "large", tuple))


def corpus(name: str, home: Path = HOME) -> list[Path]:
    """The target's corpus files, in order."""
    return sorted(path for path in (home / "corpus" / name).glob("*") if path.is_file())
