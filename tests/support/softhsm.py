"""A SoftHSM2 token in a folder of its own, for tests."""

from __future__ import annotations

import importlib.util
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from support.patience import PATIENCE_S

PIN = "648219"
TOKEN = "cccd-test"


def module() -> Path | None:
    """The SoftHSM2 library, None where it is not installed."""
    places = ("/usr/lib/softhsm", "/usr/lib/x86_64-linux-gnu/softhsm", "/usr/lib/aarch64-linux-gnu/softhsm")
    return next((Path(p, "libsofthsm2.so") for p in places if Path(p, "libsofthsm2.so").is_file()), None)


@contextmanager
def token(folder: Path) -> Iterator[Path]:
    """Makes a token in `folder`, with SOFTHSM2_CONF set while it is in use; gives the library's path."""
    library = module()
    if library is None:
        raise FileNotFoundError("libsofthsm2.so")
    (folder / "tokens").mkdir(parents=True)
    configuration = folder / "softhsm2.conf"
    configuration.write_text(
        f"directories.tokendir = {folder / 'tokens'}\nobjectstore.backend = file\nlog.level = ERROR\n"
    )
    before = os.environ.get("SOFTHSM2_CONF")
    os.environ["SOFTHSM2_CONF"] = str(configuration)
    try:
        subprocess.run(
            ["softhsm2-util", "--init-token", "--free", "--label", TOKEN, "--pin", PIN, "--so-pin", "12345678"],
            check=True, capture_output=True, timeout=PATIENCE_S,
        )  # fmt: skip
        if importlib.util.find_spec("pkcs11") is not None:  # a library that is loaded already knows an earlier folder
            importlib.import_module("pkcs11").lib(str(library)).reinitialize()
        yield library
    finally:
        if before is None:
            del os.environ["SOFTHSM2_CONF"]
        else:
            os.environ["SOFTHSM2_CONF"] = before


def import_key(folder: Path, private_key_pem: bytes, label: str, identifier: str) -> None:
    """Puts a private key (PKCS #8, PEM) into the token."""
    path = folder / f"{label}.pem"
    path.write_bytes(private_key_pem)
    subprocess.run(
        ["softhsm2-util", "--import", str(path), "--token", TOKEN, "--label", label, "--id", identifier, "--pin", PIN],
        check=True, capture_output=True, timeout=PATIENCE_S,
    )  # fmt: skip
