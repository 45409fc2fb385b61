"""Minutiae templates: the types and the codecs of every format edition. Imports numpy and errors.

`read` and `load` detect the format; `write` makes the bytes of any format; `convert` goes from one to another.
"""

from cccd_core.templates.io import FORMATS, load, read, write
from cccd_core.templates.model import (
    FULL_TURN,
    KIND_BIFURCATION,
    KIND_ENDING,
    KIND_OTHER,
    POSITIONS,
    PPCM_500_DPI,
    CaptureDetails,
    CertificationBlock,
    FingerTemplate,
    QualityBlock,
    TemplateRecord,
    Tenprint,
)

__all__ = [
    "FORMATS",
    "FULL_TURN",
    "KIND_BIFURCATION",
    "KIND_ENDING",
    "KIND_OTHER",
    "POSITIONS",
    "PPCM_500_DPI",
    "CaptureDetails",
    "CertificationBlock",
    "FingerTemplate",
    "QualityBlock",
    "TemplateRecord",
    "Tenprint",
    "load",
    "read",
    "write",
]
