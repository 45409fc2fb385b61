"""From an image of a finger to its template: a network of whole numbers, the same minutiae on every machine."""

from cccd_core.extraction.batch import Outcome, Wanted, extract_all, found
from cccd_core.extraction.extractor import Extraction, ExtractionParameters, Extractor
from cccd_core.extraction.images import Decoders, FingerImage, raw
from cccd_core.extraction.quality import AGAIN_BELOW, Quality, Shortfall
from cccd_core.extraction.reader import ImageReader

__all__ = [
    "AGAIN_BELOW",
    "Decoders",
    "Extraction",
    "ExtractionParameters",
    "Extractor",
    "FingerImage",
    "ImageReader",
    "Outcome",
    "Quality",
    "Shortfall",
    "Wanted",
    "extract_all",
    "found",
    "raw",
]
