"""The bytes of an image file to a template: decoder, resolution and extractor in one call."""

from __future__ import annotations

from functools import cache
from types import TracebackType
from typing import Self

from cccd_core.errors import ParameterError
from cccd_core.extraction import images
from cccd_core.extraction.extractor import Extraction, Extractor
from cccd_core.extraction.images import Decoders


class ImageReader:
    """Reads image files. Safe to share between threads; a context manager that ends its decoders.

    UnavailableError without the extra that brings the weights.
    """

    def __init__(self, extractor: Extractor | None = None) -> None:
        self.extractor = extractor or Extractor()
        self._decoders = Decoders()

    @staticmethod
    def shared() -> ImageReader:
        """The one of this process, for whoever reads an image now and then; its decoders end with the process."""
        return _shared()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._decoders.close()

    def read(
        self, data: bytes, *, dpi: float | None = None, raw_size: tuple[int, int] | None = None, position: int = 0
    ) -> Extraction:
        """The template of a WSQ, PNG, TIFF, BMP, JPEG 2000 or JPEG file, or of bare pixels of this width and height.

        `dpi` overrides what the file states. FormatError for what cannot be decoded or shows no finger (`reason`:
        `empty`); ParameterError where no resolution is stated or given (`needs`: `dpi`) or a size is out of bounds.
        """
        image = images.raw(data, *raw_size) if raw_size is not None else self._decoders.read(data)
        found = dpi or image.dpi
        if not found:
            raise ParameterError("the image does not state its resolution", needs="dpi")
        return self.extractor.extract(image.pixels, found, position=position)


@cache
def _shared() -> ImageReader:
    return ImageReader()
