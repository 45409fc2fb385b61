"""The face on a chip as a picture that any program shows."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Final

from cccd_core.emrtd import ElementaryFile, dg2, images
from cccd_core.errors import FormatError, UnavailableError

_PIXELS_MAX: Final = 1 << 26  # 64 million; decoded they are 192 MB


def portrait(files: Mapping[ElementaryFile, bytes]) -> bytes:
    """The first face image of DG2 as it stands there, of a kind that is known where there is one: mostly a JPEG or JPEG
    2000 file. UnavailableError where DG2 was not read, FormatError where it holds no image."""
    content = files.get(ElementaryFile.DG2)
    if content is None:
        raise UnavailableError("there is no portrait: DG2 was not read", needs="a chip that gives DG2")
    faces = sorted(dg2.parse(content), key=lambda face: face.kind == "unknown")
    if not faces:
        raise FormatError("DG2 holds no face")
    return faces[0].image


def as_png(image: bytes) -> bytes:
    """A JPEG, JPEG 2000, PNG, PGM or PPM file as PNG, of at most 64 million pixels.
    FormatError for what cannot be decoded."""
    from PIL import Image

    info = images.inspect(image)
    if info.width_px * info.height_px > _PIXELS_MAX:
        raise FormatError("a portrait is too large", width=info.width_px, height=info.height_px)
    out = io.BytesIO()
    try:
        with Image.open(io.BytesIO(image), formats=("JPEG", "JPEG2000", "PNG", "PPM")) as picture:
            picture.convert("RGB").save(out, "PNG")
    except Exception as error:  # a decoder's errors are of many types, and all of them say the same
        raise FormatError("a portrait cannot be decoded", problem=type(error).__name__) from None
    return out.getvalue()
