"""The PKI directory of a test country, and the commands around it."""

from __future__ import annotations

import datetime as dt
import json
import os
import stat
from pathlib import Path

import pytest

from cccd_core import pki
from cccd_core.cli.common import run
from cccd_core.cli.main import build
from cccd_core.emrtd.public_keys import EcPublicKey
from cccd_core.errors import CccdError, FileError, FormatError, SigningError
from cccd_core.personalise.keys import card_master_key
from cccd_core.pki import authority
from cccd_core.pki import directory as folders
from cccd_core.signing.keys import verifies

NOW = dt.datetime(2026, 11, 22, 3, 4, 5, tzinfo=dt.UTC)


def test_a_new_country(tmp_path: Path) -> None:
    folder = pki.init(tmp_path / "a" / "pki", now=NOW)
    found = [path for path in folder.path.rglob("*") if path.is_file()]
    files = {str(path.relative_to(folder.path)): stat.S_IMODE(path.stat().st_mode) for path in found}
    terminals = {name: files.pop(name) for name in list(files) if name.startswith("cv/")}
    assert {name for name in terminals if name.endswith("/cv.json")} == {
        f"cv/{one}/cv.json" for one in ("cvca", "dv", "is")
    }
    assert [name.endswith(".pem") for name in terminals] == [mode == 0o600 for mode in terminals.values()]
    assert files == {
        "TEST-COUNTRY.txt": 0o644, "pki.json": 0o644, "csca/certificate.der": 0o644, "csca/crl.der": 0o644,
        "csca/private_key.pem": 0o600, "ds/certificate.der": 0o644, "ds/private_key.pem": 0o600,
        "card_master_key.hex": 0o600, "csca/ledger": 0o600,
        "audit/certificate.der": 0o644, "audit/private_key.pem": 0o600, "audit/ledger": 0o600,
    }  # fmt: skip
    assert [p.name for p in folder.path.parent.iterdir()] == ["pki"]
    loaded = pki.load(folder.path)
    assert loaded == folder
    assert loaded.test
    assert "TEST" in loaded.csca_certificate.subject
    assert "TEST" in loaded.document_signer_certificate.subject
    assert card_master_key(loaded.path).key == pki.TEST_CARD_MASTER_KEY
    assert loaded.document_signer_certificate.document_types == {"ID"}
    path = loaded.trust_store().validate(loaded.document_signer_certificate, NOW)
    assert (path.revocation.revoked, path.revocation.fresh) == (False, True)
    signer = loaded.key(loaded.signers[0])
    assert verifies(loaded.document_signer_certificate.public_key, signer.algorithm, signer.sign(b"x"), b"x")
    assert pki.init(tmp_path / "b").csca_certificate != folder.csca_certificate


def test_certificates_have_what_doc_9303_12_asks(tmp_path: Path) -> None:
    folder = pki.init(tmp_path / "pki", now=NOW)
    csca, signer = folder.csca_certificate, folder.document_signer_certificate
    for certificate, curve in ((csca, "secp384r1"), (signer, "secp256r1")):
        assert isinstance(certificate.public_key, EcPublicKey)
        assert (certificate.public_key.curve.name, certificate.public_key.explicit) == (curve, True)
        assert certificate.country == "VN"
        assert certificate.unknown_critical == ()
        assert certificate.authority_key_identifier == csca.subject_key_identifier
        assert 0 < certificate.serial_number < 1 << 159
    assert (csca.is_ca, csca.path_length, csca.key_usage) == (True, 0, {"key_cert_sign", "crl_sign"})
    assert (signer.is_ca, signer.key_usage, signer.extended_key_usage) == (False, {"digital_signature"}, None)


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    folder = pki.init(tmp_path / "pki").path
    before = (folder / "ds/private_key.pem").read_bytes()
    with pytest.raises(FileError, match="never overwritten"):
        pki.init(folder)
    assert (folder / "ds/private_key.pem").read_bytes() == before
    (tmp_path / "file").write_text("x")
    with pytest.raises(FileError):
        pki.init(tmp_path / "file")
    (tmp_path / "empty").mkdir()
    assert pki.init(tmp_path / "empty").test


def test_an_interrupted_init_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written = []
    real = os.fsync

    def stop(descriptor: int) -> None:
        written.append(descriptor)
        if len(written) == 4:
            raise KeyboardInterrupt
        real(descriptor)

    monkeypatch.setattr(os, "fsync", stop)
    with pytest.raises(KeyboardInterrupt):
        pki.init(tmp_path / "pki")
    assert len(written) == 4
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "content", "kind"),
    [
        ("pki.json", b"[]", FormatError),
        ("pki.json", b"{", FormatError),
        ("pki.json", b"[" * 100_000, FormatError),
        ("pki.json", b'{"format": "cccd-pki", "version": 2}', FormatError),
        ("pki.json", b'{"format": "cccd-pki", "version": 3}', FormatError),
        ("pki.json", b'{"format": "cccd-pki", "version": 1, "pkcs11": {"module": 1}}', FormatError),
        ("pki.json", b'{"format": "cccd-pki", "version": 2, "authorities": [{"folder": "../a"}]}', FormatError),
        ("csca/certificate.der", b"", FormatError),
        ("ds/certificate.der", b"\x30\x03\x02\x01\x01", FormatError),
        ("csca/crl.der", b"\x30\x00", FormatError),
        ("ds/private_key.pem", b"no key", SigningError),
        ("card_master_key.hex", b"4041", FormatError),
        ("ds/certificate.der", None, FileError),
    ],
)
def test_a_broken_directory_says_which_file(
    name: str, content: bytes | None, kind: type[CccdError], tmp_path: Path
) -> None:
    folder = pki.init(tmp_path / "pki").path
    if content is None:
        (folder / name).unlink()
    else:
        (folder / name).write_bytes(content)

    def use() -> None:
        loaded = pki.load(folder)
        loaded.trust_store()
        card_master_key(folder)
        loaded.document_signer()

    with pytest.raises(kind) as caught:
        use()
    assert kind is SigningError or name in str(caught.value.facts["path"])


def test_a_folder_that_is_none(tmp_path: Path) -> None:
    with pytest.raises(FileError):
        pki.load(tmp_path / "nowhere")


def test_the_commands(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    app = build()
    folder = str(tmp_path / "pki")
    assert run(app, ["pki", "init", folder, "--json"]) == 0
    made = json.loads(capsys.readouterr().out)
    assert (made["test"], made["country"], made["csca"]["key"]) == (True, "VNM", "secp384r1")
    assert run(app, ["pki", "init", folder, "--json"]) == 3
    assert json.loads(capsys.readouterr().out)["error"]["kind"] == "file"
    assert run(app, ["pki", "show", folder, "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown["chain"]["valid"] is True
    assert shown["signer"] == {"ready": True, "algorithm": "ECDSA_SHA256"}
    assert shown["document_signer"]["serial_number"] == made["document_signers"][0]["serial_number"]
    assert run(app, ["pki", "show", folder]) == 0
    assert "TEST" in capsys.readouterr().out
    other = pki.init(tmp_path / "other").path
    (tmp_path / "pki/csca/certificate.der").write_bytes((other / "csca/certificate.der").read_bytes())
    (tmp_path / "pki/csca/crl.der").write_bytes((other / "csca/crl.der").read_bytes())
    assert run(app, ["pki", "show", folder, "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["chain"]["valid"] is False
    assert run(app, ["pki", "show", str(other), "--json"]) == 0
    capsys.readouterr()
    (other / "ds/private_key.pem").write_bytes((tmp_path / "pki/ds/private_key.pem").read_bytes())
    assert run(app, ["pki", "show", str(other), "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["signer"]["error"]["kind"] == "signing"


def test_show_judges_the_signer_that_signs_next(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    app = build()
    folder = pki.init(tmp_path / "pki", signers=1).path
    made = authority.add_signer(folder).directory
    first, second = (f"{one.certificate.serial_number:X}" for one in made.signers)
    authority.revoke(folder, int(first, 16), "key_compromise")
    assert run(app, ["pki", "show", str(folder), "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert (shown["document_signer"]["serial_number"], shown["notices"]) == (second, [])
    authority.revoke(folder, int(second, 16), "superseded")
    assert run(app, ["pki", "show", str(folder), "--json"]) == 1
    shown = json.loads(capsys.readouterr().out)
    assert (shown["document_signer"], shown["chain"]["valid"], shown["signer"]["ready"]) == (None, False, False)
    assert [one["matter"] for one in shown["notices"]] == ["no_signer"]
    assert run(app, ["pki", "show", str(folder)]) == 1
    said = capsys.readouterr()
    assert "signer: not ready" in said.out + said.err


def test_show_of_a_country_that_has_no_signer_yet(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = pki.init(tmp_path / "pki").path
    index = folders.read_index(folder)
    folders.write_index(folder, index | {"document_signers": []})
    assert run(build(), ["pki", "show", str(folder), "--json"]) == 1
    shown = json.loads(capsys.readouterr().out)
    assert shown["signer"]["error"]["kind"] == "conflict"
    assert [one["matter"] for one in shown["notices"]] == ["no_signer"]


@pytest.mark.vectors
def test_the_master_list_command(vectors: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = vectors / "master_lists"
    arguments = ["pki", "master-list", str(folder / "NL_ML_2026-07-22.ml"), "--root", str(folder / "NL_ROOT_CA.cer")]
    assert run(build(), [*arguments, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["certificates"], found["refused"], found["by_country"]["VN"]) == (411, [], 1)
    arguments[-1] = str(folder / "DE_ROOT_CA_CSCA07.cer")
    assert run(build(), [*arguments, "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["error"]["kind"] == "certificate"
