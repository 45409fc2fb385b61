"""The portrait: decoded within bounds, and made small enough for the chip. Imports Pillow, errors and the limits.

The header's size is checked before any pixel is decoded, so that no file can take more memory than its limits allow.
"""

from __future__ import annotations

import io
import warnings
from dataclasses import dataclass
from typing import Literal

from PIL import Image

from cccd_core.errors import DossierError
from cccd_core.issuance.limits import CheckPolicy

_FORMATS = ("JPEG", "JPEG2000", "PNG")
_CHIP_SIDE_PX = 640  # the longer side on the chip, at most


@dataclass(frozen=True, slots=True)
class Portrait:
    """A portrait that was decoded whole. `for_chip` says that its bytes can go on the chip as they are."""

    data: bytes
    format: Literal["JPEG", "JPEG2000", "PNG"]
    width_px: int
    height_px: int
    for_chip: bool


def read(data: bytes, policy: CheckPolicy) -> Portrait:
    """Decodes the whole image. DossierError with reason `portrait_unreadable` or `portrait_size`.

    Cost: one decoding, at most `max_portrait_area_px` pixels of four bytes.
    """
    image = _open(data, policy)
    width, height = image.size
    try:
        image.load()
    except Exception as error:
        raise _unreadable(error) from None
    kind = image.format
    plain = kind in ("JPEG", "JPEG2000") and image.mode in ("RGB", "L")
    return Portrait(data, kind, width, height, plain and len(data) <= policy.chip_portrait_bytes)  # type: ignore[arg-type]


def for_chip(portrait: Portrait, policy: CheckPolicy) -> bytes:
    """The image as it goes into DG2: as it came where it fits, else JPEG 2000 of at most `chip_portrait_bytes`.

    The same bytes in give the same bytes out. DossierError with reason `portrait_size` where no rate makes it fit.
    """
    if portrait.for_chip:
        return portrait.data
    image: Image.Image = _open(portrait.data, policy)
    try:
        image.load()
    except Exception as error:
        raise _unreadable(error) from None
    image = image.convert("L" if image.mode in ("L", "1", "I;16", "LA") else "RGB")
    longest = max(image.size)
    if longest > _CHIP_SIDE_PX:
        scale = _CHIP_SIDE_PX / longest
        image = image.resize((max(1, round(image.width * scale)), max(1, round(image.height * scale))))
    channels = len(image.getbands())
    for share in (0.9, 0.7, 0.5, 0.25):
        # OpenJPEG takes the rate as the ratio of raw to coded size
        rate = max(1.0, image.width * image.height * channels / (policy.chip_portrait_bytes * share))
        out = io.BytesIO()
        image.save(out, "JPEG2000", irreversible=True, quality_mode="rates", quality_layers=[rate])
        if out.tell() <= policy.chip_portrait_bytes:
            return out.getvalue()
    raise DossierError("the portrait does not fit on the chip", reason="portrait_size")


def _open(data: bytes, policy: CheckPolicy) -> Image.Image:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # the size is checked below, more tightly
            image = Image.open(io.BytesIO(data), formats=_FORMATS)
    except Image.DecompressionBombError:
        raise DossierError("the portrait has too many pixels", reason="portrait_size") from None
    except Exception as error:
        raise _unreadable(error) from None
    least, most = policy.min_portrait_px, policy.max_portrait_px
    too_many = image.width * image.height > policy.max_portrait_area_px
    if too_many or not all(least <= side <= most for side in image.size):
        raise DossierError(
            "the portrait has too few or too many pixels",
            reason="portrait_size",
            width_px=image.width,
            height_px=image.height,
            least_px=least,
            most_px=most,
        )
    return image


def _unreadable(error: Exception) -> DossierError:
    # Pillow raises whatever its decoders raise: OSError, SyntaxError, ValueError, struct.error, ...
    return DossierError("the portrait cannot be decoded", reason="portrait_unreadable", decoder=type(error).__name__)
