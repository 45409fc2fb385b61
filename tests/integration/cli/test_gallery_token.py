"""The key of a gallery out of a real PKCS #11 token."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from cccd_core.cli.gallery_key import cipher_of, read_key
from cccd_core.errors import ParameterError, SigningError, UnavailableError
from cccd_core.pki.directory import PIN_VARIABLE
from support import softhsm

pytestmark = [
    pytest.mark.hsm,
    pytest.mark.skipif(
        softhsm.module() is None or shutil.which("softhsm2-util") is None, reason="SoftHSM2 is not installed"
    ),
]


def test_a_token_gives_the_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("pkcs11", reason="the extra hsm is not installed")
    private = rsa.generate_private_key(65537, 2048)
    pem = private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    oaep = padding.OAEP(padding.MGF1(hashes.SHA1()), hashes.SHA1(), None)
    key = bytes(range(32))
    path = tmp_path / "key.json"

    def told(wrapped: bytes, label: str = "gallery") -> Path:
        known = {"module": str(module), "token": softhsm.TOKEN, "key": label, "wrapped": wrapped.hex()}
        path.write_text(json.dumps(known))
        return path

    with softhsm.token(tmp_path / "softhsm") as module:
        softhsm.import_key(tmp_path, pem, "gallery", "01")
        good = private.public_key().encrypt(key, oaep)
        monkeypatch.delenv(PIN_VARIABLE, raising=False)
        with pytest.raises(UnavailableError, match="token"):
            read_key(told(good))
        monkeypatch.setenv(PIN_VARIABLE, softhsm.PIN)
        assert read_key(told(good)) == key
        ring = cipher_of(path)
        assert ring is not None
        assert key.hex() not in repr(ring)
        cases = (
            (good[:-1] + bytes([good[-1] ^ 1]), "gallery", SigningError),
            (good, "another", SigningError),
            (private.public_key().encrypt(key[:16], oaep), "gallery", ParameterError),
        )
        for wrapped, label, kind in cases:
            with pytest.raises(kind) as caught:
                read_key(told(wrapped, label))
            assert key[:8].hex() not in str(caught.value)
    path.write_text('{"token": "t"}')
    with pytest.raises(ParameterError):
        read_key(path)
