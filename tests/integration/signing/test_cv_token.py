"""CV keys in a real PKCS #11 token (SoftHSM2): a CVCA and an inspection system whose keys never leave it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from cccd_core.card import CardConnection, ChipReader, MemoryLink
from cccd_core.card.profile import TerminalTrust
from cccd_core.cli import common
from cccd_core.cli.main import build
from cccd_core.emrtd.files import ElementaryFile
from cccd_core.errors import FormatError, SigningError
from cccd_core.pki.cv import CvFolder
from cccd_core.pki.directory import PIN_VARIABLE
from support import softhsm
from support.chip import CAN, personalised
from support.terminals import TODAY

pytestmark = [
    pytest.mark.hsm,
    pytest.mark.skipif(
        softhsm.module() is None or shutil.which("softhsm2-util") is None, reason="SoftHSM2 is not installed"
    ),
]


def run(*words: str | Path) -> int:
    return common.run(build("pki"), ["pki", "cv", *(str(word) for word in words)])


def test_a_terminal_whose_key_is_in_a_token(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(PIN_VARIABLE, softhsm.PIN)
    begin = ("--from", TODAY.isoformat())
    with softhsm.token(tmp_path / "softhsm") as module:
        token = ("--module", module, "--token", softhsm.TOKEN)
        cvca, dv, system = (tmp_path / name for name in ("cvca", "dv", "is"))
        assert run("init", cvca, "--holder", "VNTOKEN", *token, "--key", "cvca-1", *begin) == 0
        words = ("--role", "dv", "--holder", "VNDV", "--trust", cvca)
        assert run("request", dv, tmp_path / "dv.cvreq", *words) == 0
        assert run("dv", cvca, tmp_path / "dv.cvreq", tmp_path / "dv.cvcert", "--rights", "dg3,dg4", *begin) == 0
        assert run("add", dv, tmp_path / "dv.cvcert") == 0
        words = ("--role", "is", "--holder", "VNIS", "--trust", dv)
        assert run("request", system, tmp_path / "is.cvreq", *words, *token, "--key", "is-1") == 0
        assert run("is", dv, tmp_path / "is.cvreq", tmp_path / "is.cvcert", "--rights", "dg3", *begin) == 0
        assert run("add", system, tmp_path / "is.cvcert") == 0
        assert run("link", cvca, tmp_path / "link.cvcert", *token, "--key", "cvca-2", *begin) == 0
        assert run("renew", system, tmp_path / "no.cvreq", "--module", module) != 0  # the three go together
        (key,) = (system / "keys").iterdir()
        assert b"PRIVATE" not in key.read_bytes()

        root = next(one for one in CvFolder.load(system).anchors if one.body.holder.sequence == "00001")
        card, files = personalised(portrait_bytes=300, trust=TerminalTrust(root.encoded, TODAY))
        reader = ChipReader(CardConnection(MemoryLink(card)))
        reader.connection.reset()
        reader.open_pace(CAN)
        reader.chip_authentication(files[ElementaryFile.DG14])
        reader.terminal_authentication(files[ElementaryFile.DG14], CvFolder.load(system).terminal())
        assert reader.read(ElementaryFile.DG3) == files[ElementaryFile.DG3]

        said = json.loads(key.read_bytes())
        for wrong in (b"{}", b"[" * 60_000, json.dumps(said | {"public_key": "zz"}).encode()):
            key.write_bytes(wrong)
            with pytest.raises(FormatError):
                CvFolder.load(system).terminal()
        key.write_bytes(json.dumps(said | {"key": "cvca-1"}).encode())
        with pytest.raises(SigningError, match="not the certificate's"):
            CvFolder.load(system).terminal()
