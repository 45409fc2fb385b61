"""Rules of the house that no tool checks by itself."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
SOURCES = sorted((ROOT / "src" / "cccd_core").rglob("*.py"))
TRACKED = [
    ROOT / name
    for name in subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split(
        "\n"
    )
    if name and (ROOT / name).is_file()
]


def modules_after_import(module: str) -> set[str]:
    """Top-level modules that are loaded once `module` was imported in a fresh interpreter."""
    code = f"import {module}, sys; print(' '.join(sorted({{n.split('.')[0] for n in sys.modules}})))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(run.stdout.split())


@pytest.mark.parametrize("package", ["emrtd", "pki", "signing", "card", "inspection", "personalise"])
def test_card_side_imports_without_numba(package: str) -> None:
    loaded = set().union(*(modules_after_import(m) for m in modules_of(package)))
    assert "cccd_core" in loaded
    assert not loaded & {"numba", "llvmlite"}


@pytest.mark.parametrize("package", ["templates", "extraction", "matching", "dedup", "synthesis", "evaluation"])
def test_biometric_side_imports_without_card_libraries(package: str) -> None:
    loaded = set().union(*(modules_after_import(m) for m in modules_of(package)))
    assert "cccd_core" in loaded
    assert not loaded & {"smartcard", "asn1crypto", "cryptography", "pkcs11"}


def modules_of(package: str) -> list[str]:
    """All modules of the package in one import statement, less those that need an extra."""
    folder = ROOT / "src" / "cccd_core" / package
    names = []
    for path in sorted(folder.rglob("*.py")):
        parts = path.relative_to(ROOT / "src").with_suffix("").parts
        names.append(".".join(parts[:-1] if parts[-1] == "__init__" else parts))
    return [", ".join(names)]


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: str(p.relative_to(ROOT)))
def test_source_has_a_docstring_and_no_assert(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    assert ast.get_docstring(tree), "the first lines say what the file is for and what its reader must know"
    asserts = [node.lineno for node in ast.walk(tree) if isinstance(node, ast.Assert)]
    assert not asserts, f"python -O drops assert: raise a CccdError instead, lines {asserts}"


@pytest.mark.parametrize(
    "path", [p for p in SOURCES if p.parent.name == "kernels" and p.name != "__init__.py"], ids=lambda p: p.name
)
def test_kernel_files_import_numba_numpy_math_alone(path: Path) -> None:
    imported = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            imported |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            imported.add((node.module or ".").split(".")[0])
    assert imported <= {"__future__", "numba", "numpy", "math"}


def test_native_is_imported_in_runtime_alone() -> None:
    users = [p for p in SOURCES if re.search(r"cccd_core\._native|import _native", p.read_text(encoding="utf-8"))]
    assert [p.name for p in users] == ["runtime.py"]


def test_no_file_names_a_registry_or_a_path_of_a_machine() -> None:
    forbidden = re.compile(r"https?://[^ \"']*(?:/simple|/packages/|/maven2)|(?<![\w.])/(?:work|root|home)/\w")
    found = []
    for path in TRACKED:
        if path.suffix in {".png", ".fmr", ".bin"} or "corpus" in path.parts or path == Path(__file__):
            continue
        text = path.read_text(encoding="utf-8", errors="replace")
        found += [f"{path.relative_to(ROOT)}: {match.group()}" for match in forbidden.finditer(text)]
    assert not found


def test_every_requirement_is_pinned_with_a_hash() -> None:
    for name in ("use", "dev"):
        text = (ROOT / "requirements" / f"{name}.txt").read_text(encoding="utf-8")
        blocks = re.split(r"\n(?=[A-Za-z0-9])", text)
        assert len(blocks) > 20
        for block in blocks:
            assert "==" in block, block[:60]
            assert "--hash=sha256:" in block, block[:60]


def test_every_dependency_has_its_reason_in_docs_adr() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = project["dependencies"] + [d for extra in project["optional-dependencies"].values() for d in extra]
    names = {re.split(r"[<>=\[]", d)[0] for d in wanted}
    reasons = "\n".join(p.read_text(encoding="utf-8") for p in (ROOT / "docs" / "adr").glob("*.md")).lower()
    assert {n for n in names if n.lower() not in reasons} == set()
