"""What is on the chip: MRZ, data groups, EF.SOD, security infos. Bytes in, bytes out, no I/O."""

from cccd_core.emrtd.build import build_data_groups
from cccd_core.emrtd.content import CardContent
from cccd_core.emrtd.files import EMRTD_APPLICATION_ID, ChipImage, ElementaryFile
from cccd_core.emrtd.mrz import Mrz, MrzInformation

__all__ = [
    "EMRTD_APPLICATION_ID",
    "CardContent",
    "ChipImage",
    "ElementaryFile",
    "Mrz",
    "MrzInformation",
    "build_data_groups",
]
