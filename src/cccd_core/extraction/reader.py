"""The bytes of an image file to a template: decoder, resolution and extractor in one call."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from types import TracebackType
from typing import Final, Self

from cccd_core.errors import FormatError, ParameterError
from cccd_core.extraction import images
from cccd_core.extraction.extractor import Extraction, Extractor
from cccd_core.extraction.images import Decoders
from cccd_core.templates.nist_file import prints_alone
from cccd_core.templates.nist_itl import Image

_PLAIN_THUMBS: Final = {11: 1, 12: 6}  # ANSI/NIST-ITL's codes for them on a card of ten rolled fingers
_FINGERS: Final = 10
_IMPRESSIONS: Final = frozenset({*range(16), *range(20, 30)})
_UNKNOWN_IMPRESSION: Final = 29


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
        """The template of a WSQ, PNG, TIFF, BMP, JPEG 2000 or JPEG file, of bare pixels of this width and height, or of
        the print in an ANSI/NIST-ITL file without minutiae: of several the one of `position`. Its impression type goes
        into the template, and its own position into `stated_position`.

        `dpi` overrides what the file states. FormatError for what cannot be decoded or shows no finger (`reason`:
        `empty`), and for several prints none of which is of the position; ParameterError where no resolution is stated
        or given (`needs`: `dpi`) or a size is out of bounds.
        """
        stated, own, impression = 0.0, 0, 0
        if raw_size is None and (prints := prints_alone(data)):
            held = chosen(prints, position)
            data, raw_size = held.data, size_of(held)
            stated = 25.4 * held.per_mm[0] if held.per_mm[0] == held.per_mm[1] else 0.0
            fingers = _fingers(held)
            own = position if position in fingers else next(iter(fingers), 0)
            impression = held.impression if held.impression in _IMPRESSIONS else _UNKNOWN_IMPRESSION
        image = images.raw(data, *raw_size) if raw_size is not None else self._decoders.read(data)
        found = dpi or stated or image.dpi
        if not found:
            raise ParameterError("the image does not state its resolution", needs="dpi")
        made = self.extractor.extract(image.pixels, found, position=position or own, impression=impression)
        return replace(made, stated_position=own)


def chosen(prints: tuple[Image, ...], position: int) -> Image:
    """The print of a position, or the only one."""
    found = [each for each in prints if position in _fingers(each)] if position else list(prints)
    if len(found) != 1 and len(prints) != 1:
        held = " ".join(str(position) for each in prints for position in each.positions)
        raise FormatError("a file of several prints, of which one must be told by its position", positions=held)
    held_one = found[0] if len(found) == 1 else prints[0]
    if held_one.positions and not _fingers(held_one):
        raise FormatError("a print of several fingers or of a palm", positions=" ".join(map(str, held_one.positions)))
    return held_one


def _fingers(held: Image) -> list[int]:
    """The single fingers that a print says it may be of; 0 for one that is not known."""
    of = [_PLAIN_THUMBS.get(position, position) for position in held.positions]
    return [position for position in of if position <= _FINGERS]


def size_of(held: Image) -> tuple[int, int] | None:
    """The size of pixels without any file around them."""
    return (held.width_px, held.height_px) if held.compression == "uncompressed" else None


@cache
def _shared() -> ImageReader:
    return ImageReader()
