"""A finger for a command that takes templates and images alike."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cccd_core.cli import terminal
from cccd_core.cli.common import TemplateOptions, of_file, options_named, read_input

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from cccd_core.extraction import Extraction
    from cccd_core.templates import TemplateRecord


@dataclass(frozen=True, slots=True)
class Print:
    """The record of a template file, or the one that was extracted from an image, and then what was `made` of that."""

    record: TemplateRecord
    made: Extraction | None = None

    @property
    def image(self) -> NDArray[np.uint8] | None:
        """The image on whose pixels the minutiae lie, at 500 dpi; None of a template."""
        return None if self.made is None else self.made.image

    def as_dict(self) -> dict[str, Any]:
        """What is to be said of an image; nothing of a template."""
        if self.made is None:
            return {}
        quality = self.made.quality
        return {
            "image": {
                "minutiae": self.made.template.count, "quality": quality.figure,
                "capture_again": list(quality.shortfalls), "resampled": self.made.resampled,
                "inverted": self.made.inverted,
            }
        }  # fmt: skip


def load_print(given: TemplateOptions, path: Path, position: int | None = None) -> Print:
    """The print in a file or on standard input. Errors as `TemplateOptions.load`, and of an image those of
    `ImageReader.read`; an image is what its bytes or its name say is one, where no format was given. Of a file of
    several prints it is the one of `position`."""
    from cccd_core import templates
    from cccd_core.templates.beside import MAX_IMAGE_BYTES, instead, is_image
    from cccd_core.templates.nist_file import prints_alone

    if given.format is not None:
        return Print(given.load(path))
    with options_named():
        data = read_input(path, "print", MAX_IMAGE_BYTES)
        small = len(data) <= templates.io.MAX_FILE_BYTES
        if small and not is_image(instead(path.name, data)) and not prints_alone(data):
            return Print(given.read(data, path))
        from cccd_core.extraction import ImageReader

        with of_file(path):
            made = ImageReader.shared().read(data, dpi=given.dpi, position=position or 0)
    return Print(templates.TemplateRecord("iso-2005", (made.template,)), made)


def extraction(*prints: Print) -> dict[str, Any]:
    """What a manifest has to say where one of these was an image: by which parameters minutiae were extracted."""
    if all(each.made is None for each in prints):
        return {}
    from cccd_core.extraction import ImageReader

    return {"extraction": ImageReader.shared().extractor.parameters.digest}


def say_quality(found: Print, of: str) -> None:
    """That a finger is better captured again, and why."""
    if found.made is not None and found.made.quality.again:
        quality = found.made.quality
        terminal.say(f"  {of}: quality {quality.figure}; {'; '.join(each.advice for each in quality.shortfalls)}")
