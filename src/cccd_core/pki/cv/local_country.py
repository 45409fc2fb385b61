"""The CVCA, a document verifier and an inspection system of a test country (part of `cccd pki init`).

The inspection system is the factory's own: with it a finished card's fingerprints are read back and proved.
"""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Final

from cccd_core.emrtd.cv.authorization import Role
from cccd_core.errors import FileError
from cccd_core.pki.cv.authority import DV_DAYS, begin_cvca, begin_request, grant
from cccd_core.pki.cv.folder import ALL_RIGHTS, CvFolder, HolderKind

SYSTEM_DAYS: Final = 90  # longer than the month that is advised: as long as the test country's revocation list

CV: Final = "cv"
"""The folder of the three in a PKI folder."""


def make(folder: Path, country: str, day: dt.date) -> None:
    """Makes `cvca`, `dv` and `is` in `folder`, in effect from `day` on. FileError."""
    cvca = begin_cvca(folder / "cvca", country, "TESTCVCA", start=day, test=True)
    verifier, asked = begin_request(folder / "dv", country, "TESTDV", HolderKind.DV, cvca.certificates, test=True)
    issued = grant(cvca, asked, role=Role.DV_DOMESTIC, rights=ALL_RIGHTS, days=DV_DAYS, start=day)
    verifier = verifier.add([issued.certificate])
    system, asked = begin_request(folder / "is", country, "TESTIS", HolderKind.IS, verifier.certificates, test=True)
    issued = grant(verifier, asked, role=Role.IS, rights=ALL_RIGHTS, days=SYSTEM_DAYS, start=day)
    system.add([issued.certificate])


def inspection_system(pki_folder: Path) -> CvFolder:
    """The factory's inspection system in a PKI folder. FileError where there is none: cards with fingers could then not
    be proved."""
    folder = pki_folder / CV / "is"
    if not folder.is_dir():
        raise FileError(
            "the PKI folder has no inspection system",
            path=str(folder),
            needs="cccd pki cv (see: run a CSCA ceremony), or cccd pki init",
        )
    return CvFolder.load(folder)
