"""Which PKCS #11 modules lie on this machine, without loading any: a module's code runs in whoever loads it."""

from __future__ import annotations

import os
from pathlib import Path

_FOLDERS = ("/usr/lib", "/usr/lib64", "/usr/local/lib", "/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu")
_NAMES = (
    "softhsm/libsofthsm2.so", "libsofthsm2.so", "opensc-pkcs11.so", "libykcs11.so", "libCryptoki2_64.so",
    "libcs_pkcs11_R3.so", "libcknfast.so", "libeTPkcs11.so", "pkcs11/yubihsm_pkcs11.so", "yubihsm_pkcs11.so",
)  # fmt: skip
MODULE_VARIABLE = "CCCD_PKCS11_MODULE"


def pkcs11_modules() -> list[Path]:
    """The PKCS #11 modules found: the one that CCCD_PKCS11_MODULE names, then those in their usual places."""
    found: dict[Path, Path] = {}
    named = os.environ.get(MODULE_VARIABLE, "")
    for path in ([Path(named)] if named else []) + [Path(f, n) for f in _FOLDERS for n in _NAMES]:
        if path.is_file():
            found.setdefault(path.resolve(), path)
    return list(found.values())
