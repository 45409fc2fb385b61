"""The portrait: decoded within bounds, and made small enough for the chip.

The header's size is checked before any pixel is decoded, so that no file can take more memory than its limits allow.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Literal

from PIL import Image

from cccd_core.issuance.dossiers.policy import CheckPolicy
from cccd_core.issuance.dossiers.reasons import DossierError, Fault

_FORMATS = ("JPEG", "JPEG2000", "PNG")
_CHIP_SIDE_PX = 640  # the longer side on the chip, at most
_ORIENTATION = 0x0112  # the tag of EXIF 2.32, clause 4.6.5; a reader of the chip does not look at it
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


@dataclass(frozen=True, slots=True)
class Portrait:
    """A portrait that was decoded whole. `for_chip` says that its bytes can go on the chip as they are."""

    data: bytes = field(repr=False)
    format: Literal["JPEG", "JPEG2000", "PNG"]
    width_px: int
    height_px: int
    for_chip: bool


def read(data: bytes, policy: CheckPolicy) -> Portrait:
    """Decodes the whole image. DossierError with the fault `portrait_unreadable` or `portrait_size`.

    Cost: one decoding, at most `max_portrait_area_px` pixels of four bytes.
    """
    image = _open(data, policy)
    width, height = image.size
    _decode(image)
    kind = image.format
    plain = kind in ("JPEG", "JPEG2000") and image.mode in ("RGB", "L") and _turn(image) is None
    return Portrait(data, kind, width, height, plain and len(data) <= policy.chip_portrait_bytes)  # type: ignore[arg-type]


def for_chip(portrait: Portrait, policy: CheckPolicy) -> bytes:
    """The image as it goes into DG2: as it came where it fits, else JPEG 2000 of at most `chip_portrait_bytes`,
    upright, grey or RGB.

    The same bytes in give the same bytes out. DossierError with the fault `portrait_size` where no rate makes it fit.
    """
    if portrait.for_chip:
        return portrait.data
    image: Image.Image = _open(portrait.data, policy)
    _decode(image)
    image = _plain(image)
    channels = len(image.getbands())
    for share in (0.9, 0.7, 0.5, 0.25):
        # OpenJPEG takes the rate as the ratio of raw to coded size
        rate = max(1.0, image.width * image.height * channels / (policy.chip_portrait_bytes * share))
        out = io.BytesIO()
        image.save(out, "JPEG2000", irreversible=True, quality_mode="rates", quality_layers=[rate])
        if out.tell() <= policy.chip_portrait_bytes:
            return out.getvalue()
    raise DossierError("the portrait does not fit on the chip", fault=Fault.PORTRAIT_SIZE)


def for_screen(data: bytes, policy: CheckPolicy) -> bytes:
    """The image as every browser shows it: a JPEG of the pixels alone, upright, at most 640 a side. DossierError as
    `read`. Cost: as `read`, and one coding."""
    image: Image.Image = _open(data, policy)
    _decode(image)
    out = io.BytesIO()
    _plain(image).save(out, "JPEG", quality=88)
    return out.getvalue()


def _decode(image: Image.Image) -> None:
    try:
        with _quiet():
            image.load()
    except Exception as error:
        raise _unreadable(error) from None


@contextmanager
def _quiet() -> Iterator[None]:
    """Without Pillow's warnings: of a size that is checked here more tightly, and of EXIF that nothing depends on."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _turn(image: Image.Image) -> Image.Transpose | None:
    """What makes a picture upright whose EXIF says that the camera lay on its side."""
    try:
        with _quiet():
            return _UPRIGHT.get(image.getexif().get(_ORIENTATION, 1))
    except Exception:  # Pillow's EXIF parser raises whatever broken EXIF makes it raise; such EXIF says nothing
        return None


def _plain(image: Image.Image) -> Image.Image:
    """The picture upright, small enough for the chip, 8-bit grey or RGB, on white where it is transparent."""
    turn = _turn(image)
    if image.mode.startswith("I"):  # 16 bits in 0..65535, which convert("L") would clip to white
        image = image.convert("I").point(lambda level: level / 256).convert("L")
    grey = image.mode in ("L", "1", "LA", "La")
    image = image.convert("RGBA" if image.has_transparency_data else "L" if grey else "RGB")
    longest = max(image.size)
    if longest > _CHIP_SIDE_PX:
        scale = _CHIP_SIDE_PX / longest
        image = image.resize((max(1, round(image.width * scale)), max(1, round(image.height * scale))))
    if image.mode == "RGBA":
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    image = image.convert("L" if grey else "RGB")
    return image if turn is None else image.transpose(turn)


def _open(data: bytes, policy: CheckPolicy) -> Image.Image:
    try:
        with _quiet():
            image = Image.open(io.BytesIO(data), formats=_FORMATS)
    except Image.DecompressionBombError:
        raise DossierError("the portrait has too many pixels", fault=Fault.PORTRAIT_SIZE) from None
    except Exception as error:
        raise _unreadable(error) from None
    least, most = policy.min_portrait_px, policy.max_portrait_px
    too_many = image.width * image.height > policy.max_portrait_area_px
    if too_many or not all(least <= side <= most for side in image.size):
        raise DossierError(
            "the portrait has too few or too many pixels",
            fault=Fault.PORTRAIT_SIZE,
            width_px=image.width,
            height_px=image.height,
            least_px=least,
            most_px=most,
        )
    return image


def _unreadable(error: Exception) -> DossierError:
    # Pillow raises whatever its decoders raise: OSError, SyntaxError, ValueError, struct.error, ...
    return DossierError("the portrait cannot be decoded", fault=Fault.PORTRAIT_UNREADABLE, decoder=type(error).__name__)
