"""Signing with keys in a real PKCS #11 token (SoftHSM2)."""

from __future__ import annotations

import json
import shutil
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding

from cccd_core import pki
from cccd_core.cli.common import EXIT_FAULTS, run
from cccd_core.cli.main import build
from cccd_core.emrtd import ElementaryFile, tlv
from cccd_core.emrtd.public_keys import parse_spki
from cccd_core.errors import SigningError, UnavailableError
from cccd_core.pki import issue
from cccd_core.pki.directory import PIN_VARIABLE
from cccd_core.signing import SoftwareSigner, build_image, counted, pkcs11_modules
from cccd_core.signing.keys import verifies
from support import countries, emrtd_samples, softhsm
from support.patience import PATIENCE_S

pytestmark = [
    pytest.mark.hsm,
    pytest.mark.skipif(
        softhsm.module() is None or shutil.which("softhsm2-util") is None, reason="SoftHSM2 is not installed"
    ),
]

KEYS = {
    "p256": lambda: ec.generate_private_key(ec.SECP256R1()),
    "p384": lambda: ec.generate_private_key(ec.SECP384R1()),
    "bp256": lambda: ec.generate_private_key(ec.BrainpoolP256R1()),
    "rsa": lambda: rsa.generate_private_key(65537, 2048),
}


class Token:
    """The module's path, the country, and the keys that were put into the token."""

    def __init__(self, module: Path, folder: Path) -> None:
        self.module = module
        self.country = countries.country()
        self.keys = {}
        self.certificates = {}
        for number, (label, make) in enumerate(KEYS.items(), start=1):
            self.keys[label] = make()
            self.certificates[label] = self.country.signer(self.keys[label], serial=100 + number)
            softhsm.import_key(folder, countries.pem(self.keys[label]), label, f"{number:02X}")


@pytest.fixture(scope="module")
def token(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Token]:
    folder = tmp_path_factory.mktemp("softhsm")
    with softhsm.token(folder) as module:
        yield Token(module, folder)


def open_signer(store: Token, label: str, **changes: object) -> object:
    from cccd_core.signing.pkcs11 import Pkcs11Signer

    options = {
        "token": softhsm.TOKEN, "key": label, "pin": softhsm.PIN, "certificate_der": store.certificates[label].der,
    }  # fmt: skip
    return Pkcs11Signer.open(store.module, **(options | changes))  # type: ignore[arg-type]


@pytest.mark.parametrize("label", KEYS)
def test_a_sod_signed_in_the_token_passes_here_and_in_openssl(token: Token, label: str, tmp_path: Path) -> None:
    with open_signer(token, label) as signer:  # type: ignore[attr-defined]
        image = build_image(emrtd_samples.content(), signer, signing_time=emrtd_samples.NOW)
    sod = image[ElementaryFile.EF_SOD]
    trust = pki.TrustStore([token.country.certificate])
    result = pki.passive_authentication(sod, image.data_groups, trust, emrtd_samples.NOW)
    assert result.document_signer == token.certificates[label]
    (tmp_path / "sod.der").write_bytes(tlv.read_one(sod, 0x77).value)
    root = x509.load_der_x509_certificate(token.country.certificate.der)
    (tmp_path / "csca.pem").write_bytes(root.public_bytes(Encoding.PEM))
    command = ["openssl", "cms", "-verify", "-inform", "DER", "-in", "sod.der", "-purpose", "any", "-out", "content"]
    command += ["-CAfile", "csca.pem", "-attime", str(int(emrtd_samples.NOW.timestamp()))]
    answer = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
    assert answer.returncode == 0, answer.stderr


def test_several_threads_share_one_signer(token: Token) -> None:
    signer = open_signer(token, "p256")
    public = parse_spki(countries.spki(token.keys["p256"]))
    wrong: list[int] = []

    def work(number: int) -> None:
        for count in range(20):
            data = f"{number} {count}".encode()
            if not verifies(public, signer.algorithm, signer.sign(data), data):  # type: ignore[attr-defined]
                wrong.append(number)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    signer.close()  # type: ignore[attr-defined]
    assert wrong == []


def test_what_is_wrong_is_said(token: Token) -> None:
    with pytest.raises(SigningError) as caught:
        open_signer(token, "p256", certificate_der=token.certificates["p384"].der)
    assert "certificate" in caught.value.message or "sign" in caught.value.message
    another = token.country.signer(ec.generate_private_key(ec.SECP256R1()), serial=55)
    with pytest.raises(SigningError, match="not the certificate's"):
        open_signer(token, "p256", certificate_der=another.der)
    with pytest.raises(SigningError, match="cannot be found"):
        open_signer(token, "p256", key="nobody")
    with pytest.raises(UnavailableError):
        open_signer(token, "p256", token="nowhere")
    with pytest.raises(SigningError, match="one certificate"):
        open_signer(token, "p256", certificate_der=None)


def test_a_wrong_pin_is_tried_once_and_not_shown(token: Token) -> None:
    with pytest.raises(SigningError) as caught:
        open_signer(token, "p256", pin="000000")
    assert "000000" not in str(caught.value)
    assert (caught.value.facts["why"], caught.value.facts["check"]) == ("PinIncorrect", "pin")
    assert caught.value.message == "the PIN is not the token's; it was tried once"
    with pytest.raises(SigningError) as short:
        open_signer(token, "p256", pin="1")
    assert (short.value.facts["check"], "PIN" in short.value.message) == ("pin", True)
    open_signer(token, "p256").close()  # type: ignore[attr-defined]


def test_a_missing_module_is_unavailable(token: Token, tmp_path: Path) -> None:
    from cccd_core.signing.pkcs11 import Pkcs11Signer

    with pytest.raises(UnavailableError):
        Pkcs11Signer.open(tmp_path / "no.so", token="t", key="k", pin="1", certificate_der=b"")


def test_a_pki_directory_may_keep_its_key_in_a_token(
    token: Token, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = pki.init(tmp_path / "pki").path
    (folder / "ds/certificate.der").write_bytes(token.certificates["p256"].der)
    (folder / "csca/certificate.der").write_bytes(token.country.certificate.der)
    crl = issue.revocation_list(token.country.authority, 1, emrtd_samples.NOW, emrtd_samples.NOW.replace(month=12), {})
    (folder / "csca/crl.der").write_bytes(crl)
    (folder / "ds/private_key.pem").unlink()
    index = json.loads((folder / "pki.json").read_text())
    index["document_signers"][0]["pkcs11"] = {"module": str(token.module), "token": softhsm.TOKEN, "key": "p256"}
    (folder / "pki.json").write_text(json.dumps(index))
    monkeypatch.setattr(counted, "now_utc", lambda: emrtd_samples.NOW)
    monkeypatch.delenv(PIN_VARIABLE, raising=False)
    with pytest.raises(SigningError, match="PIN"):
        pki.load(folder).document_signer()
    monkeypatch.setenv(PIN_VARIABLE, "000000")
    assert run(build("pki"), ["pki", "show", str(folder)]) == EXIT_FAULTS
    assert "signer: not ready: the PIN is not the token's; it was tried once" in " ".join(
        capsys.readouterr().out.split()
    )
    monkeypatch.setenv(PIN_VARIABLE, softhsm.PIN)
    signer = pki.load(folder).document_signer()
    assert not isinstance(signer, SoftwareSigner)
    assert signer.certificate_der == token.certificates["p256"].der
    assert verifies(token.certificates["p256"].public_key, signer.algorithm, signer.sign(b"x"), b"x")


def test_modules_are_listed_without_being_loaded(token: Token, monkeypatch: pytest.MonkeyPatch) -> None:
    assert any(path.resolve() == token.module.resolve() for path in pkcs11_modules())
    monkeypatch.setenv("CCCD_PKCS11_MODULE", str(token.module))
    assert pkcs11_modules()[0] == token.module
