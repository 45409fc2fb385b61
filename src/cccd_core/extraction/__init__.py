"""From an image of a finger to its template: a network of whole numbers, the same minutiae on every machine."""

from cccd_core.extraction.extractor import Extraction, ExtractionParameters, Extractor

__all__ = ["Extraction", "ExtractionParameters", "Extractor"]
