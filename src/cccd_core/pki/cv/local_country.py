"""The CVCA, a document verifier and an inspection system of a test country (part of `cccd pki init`).

The inspection system is the factory's own: with it a finished card's fingerprints are read back and proved.
"""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Final

from cccd_core.emrtd.cv.authorization import Role
from cccd_core.pki.cv.folder import ALL_RIGHTS, CvFolder, HolderKind, validity
from cccd_core.pki.cv.issue import certify, make_request, self_signed

CVCA_DAYS: Final = 1095  # three years, the most that is advised (BSI TR-03139, validity periods)
DV_DAYS: Final = 90
IS_DAYS: Final = 90  # longer than the month that is advised: as long as the test country's revocation list

CV: Final = "cv"
"""The folder of the three in a PKI folder."""


def make(folder: Path, country: str, day: dt.date) -> None:
    """Makes `cvca`, `dv` and `is` in `folder`, in effect from `day` on. FileError."""
    cvca = CvFolder.create(folder / "cvca", country, "TESTCVCA", HolderKind.CVCA, test=True)
    root = cvca.new_key()
    effective, expiration = validity(day, CVCA_DAYS)
    anchor = self_signed(root, rights=ALL_RIGHTS, effective=effective, expiration=expiration)
    cvca.add([anchor])
    verifier = CvFolder.create(folder / "dv", country, "TESTDV", HolderKind.DV, test=True).add([anchor])
    verifier_key = verifier.new_key()
    effective, expiration = validity(day, DV_DAYS)
    issued = certify(
        root, make_request(verifier_key, authority=root.reference), role=Role.DV_DOMESTIC, rights=ALL_RIGHTS,
        effective=effective, expiration=expiration,
    )  # fmt: skip
    verifier.add([issued])
    system = CvFolder.create(folder / "is", country, "TESTIS", HolderKind.IS, test=True).add([anchor, issued])
    system_key = system.new_key()
    effective, expiration = validity(day, IS_DAYS)
    own = certify(
        verifier_key, make_request(system_key, authority=verifier_key.reference), role=Role.IS, rights=ALL_RIGHTS,
        effective=effective, expiration=expiration,
    )  # fmt: skip
    system.add([own])


def inspection_system(pki_folder: Path) -> CvFolder:
    """The factory's inspection system in a PKI folder. FileError where there is none."""
    return CvFolder.load(pki_folder / CV / "is")
