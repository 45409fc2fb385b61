"""Minutiae templates: the types and the codecs of every format edition.

`read` and `load` detect the format; `write` makes the bytes of any format; `convert` goes from one to another.
"""

from cccd_core.templates.detect import detect
from cccd_core.templates.filling import read_filling
from cccd_core.templates.io import FORMATS, convert, load, read, save, write
from cccd_core.templates.loss import Loss, loss, lost
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
from cccd_core.templates.transform import mirrored, order, ppcm, rescale, strongest

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
    "Loss",
    "QualityBlock",
    "TemplateRecord",
    "Tenprint",
    "convert",
    "detect",
    "load",
    "loss",
    "lost",
    "mirrored",
    "order",
    "ppcm",
    "read",
    "read_filling",
    "rescale",
    "save",
    "strongest",
    "write",
]
