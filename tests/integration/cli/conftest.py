"""The command line as it is called, and files for it to work on."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from cccd_core import pki, templates
from cccd_core.cli import common
from cccd_core.cli.main import build
from cccd_core.pki import authority
from support.issuing import Office
from support.matching_pairs import impression
from support.patience import PATIENCE_S
from support.toy_matcher import fingers, write_folder


@pytest.fixture
def stdin(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Puts bytes on the standard input of this process."""

    def put(data: bytes) -> None:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))

    return put


@pytest.fixture
def cccd(capsys: pytest.CaptureFixture[str]) -> Any:
    """Runs a command in this process; returns exit code, standard output and standard error."""

    def run(area: str, *words: str | Path) -> tuple[int, str, str]:
        code = common.run(build(area), [area, *map(str, words)])
        said = capsys.readouterr()
        return code, said.out, said.err

    return run


@pytest.fixture
def process() -> Any:
    """Runs `cccd` in a process of its own; bytes in, bytes out."""

    def run(*arguments: str | bytes | Path, **more: Any) -> subprocess.CompletedProcess[bytes]:
        command = [sys.executable, "-m", "cccd_core.cli.main", *arguments]
        given = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "timeout": PATIENCE_S, **more}
        if "input" not in given:
            given.setdefault("stdin", subprocess.DEVNULL)
        return subprocess.run(command, check=False, **given)

    return run


@pytest.fixture
def work(tmp_path: Path) -> Path:
    """A folder with two impressions of one finger (`1.fmr`, `2.fmr`) and a set of made templates (`set`)."""
    folder = tmp_path / "work"
    folder.mkdir()
    for number in (1, 2):
        (folder / f"{number}.fmr").write_bytes(templates.write(impression(1, number), "iso-2005"))
    write_folder(folder / "set", fingers(7, 3, 2))
    return folder


@pytest.fixture(scope="session")
def country(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A PKI folder."""
    folder = pki.init(tmp_path_factory.mktemp("country") / "pki").path
    for kind in authority.LIST_SIGNERS:
        authority.add_list_signer(folder, kind)
    deviation = {"documents": {"document_type": "ID"}, "descriptions": [{"type": "chip"}]}
    (folder / "known.json").write_text(json.dumps([deviation]))
    return folder


@pytest.fixture
def office(tmp_path: Path, country: Path) -> Office:
    """A batch of one dossier, and where its cards go."""
    made = Office(tmp_path, country)
    made.put("A1", 1)
    return made
