"""The program that decodes images for another: a process of its own, with little memory and nothing to write to.

`python -m cccd_core.extraction.decoding`: reads requests from standard input and answers on standard output, one after
the other, until the input ends. A request is a length (4 bytes, big endian) and the file's bytes; an answer is a status
byte and, for 0, width and height (uint32), resolution in x and y (float64, 0: not stated), then the pixels, row after
row; for 1, a length (uint16) and a few words. An image for which it computes too long ends the process by SIGXCPU: what
counts is the processor's time, so that a machine that is busy refuses no image.
"""

from __future__ import annotations

import io
import math
import resource
import struct
import sys
import warnings
from typing import IO

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from cccd_core.errors import CccdError, FormatError
from cccd_core.extraction import wsq
from cccd_core.templates.beside import MAX_IMAGE_BYTES

AREA_MAX_PX = 20_000_000  # a finger, or a slap, at 1000 dpi and more
MEMORY_BYTES = 1 << 30
COMPUTING_S = 20  # for one image
HEAD = struct.Struct(">IIdd")
DECODED, REFUSED = 0, 1

_FORMATS = ("PNG", "TIFF", "BMP", "DIB", "JPEG2000", "JPEG")
_ORIENTATION = 0x0112
# Encoders that know no resolution write these.
_DPI_LEAST = 100.0


def decode(data: bytes) -> tuple[NDArray[np.uint8], float, float]:
    """Pixels uint8[height, width], and the resolution in x and y as stated, 0 where it is not.

    Colours become gray, more than 8 bits 8, what is transparent white; an image that lies on its side or in the mirror
    by its EXIF is put upright. FormatError; MemoryError for more than there is.
    """
    if data[:2] == wsq.START:
        image = wsq.decode(data, most_px=AREA_MAX_PX)
        return image.pixels, image.dpi, image.dpi
    return _by_pillow(data)


def _by_pillow(data: bytes) -> tuple[NDArray[np.uint8], float, float]:
    Image.MAX_IMAGE_PIXELS = None  # bounded here, more tightly
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            image = Image.open(io.BytesIO(data), formats=_FORMATS)
            width, height = image.size
            if width * height > AREA_MAX_PX:
                raise FormatError("an image has too many pixels", width_px=width, height_px=height, most=AREA_MAX_PX)
            image.load()
            across, down = _stated(image.info.get("dpi"))
            return _upright(_gray(image), image), across, down
        except (CccdError, MemoryError):
            raise
        except UnidentifiedImageError:
            raise FormatError("no image in a format that is read", formats=f"WSQ {' '.join(_FORMATS)}") from None
        except Exception as error:  # Pillow raises whatever its decoders raise
            # what stands in place of a rest that is missing is damage, too: the decoders do not tell them apart
            raise FormatError("an image is damaged or cut short", decoder=type(error).__name__) from None


def _stated(dpi: object) -> tuple[float, float]:
    if not isinstance(dpi, tuple) or len(dpi) != 2:
        return 0.0, 0.0
    across, down = (float(value) for value in dpi)
    stated = all(_DPI_LEAST <= value < 1e5 for value in (across, down))
    return (across, down) if stated else (0.0, 0.0)


def _gray(image: Image.Image) -> NDArray[np.uint8]:
    if image.mode.startswith(("I", "F")):
        levels = np.asarray(image)
        if image.mode == "F" or int(levels.min()) < 0 or int(levels.max()) > 0xFFFF:
            raise FormatError("an image has levels beyond 16 bits", mode=image.mode)
        # scanners put 10 and 12 bits into 16 without saying so
        unused = max(0, int(levels.max()).bit_length() - 8)
        return (levels.astype(np.uint32) >> unused).astype(np.uint8)
    if image.has_transparency_data:
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image.convert("RGBA"))
    return np.asarray(image.convert("L"))


def _upright(pixels: NDArray[np.uint8], image: Image.Image) -> NDArray[np.uint8]:
    """The pixels as the image's EXIF says that they are to be seen; as they are where it says nothing that is known."""
    try:
        orientation = image.getexif().get(_ORIENTATION, 1)
    except Exception:  # what cannot be read in it says nothing
        return pixels
    if orientation in (5, 6, 7, 8):  # of EXIF 2.3, 4.6.4: rows are columns
        pixels = pixels.T
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    return pixels


def answer(data: bytes) -> bytes:
    """What is written for a request."""
    try:
        pixels, across, down = decode(data)
    except MemoryError:
        return _refusal("an image needs more memory than it may have")
    except CccdError as error:
        return _refusal(str(error))
    height, width = pixels.shape
    return bytes([DECODED]) + HEAD.pack(width, height, across, down) + pixels.tobytes()


def _refusal(words: str) -> bytes:
    text = words.encode("utf-8", "replace")[:500]
    return bytes([REFUSED]) + struct.pack(">H", len(text)) + text


def serve(requests: IO[bytes], answers: IO[bytes]) -> None:
    """Until the requests end."""
    while len(head := requests.read(4)) == 4:
        _let_compute()
        length = int.from_bytes(head, "big")
        if length > MAX_IMAGE_BYTES:
            return
        answers.write(answer(requests.read(length)))
        answers.flush()


def _let_compute() -> None:
    """This process may compute for COMPUTING_S seconds more."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    until = math.ceil(used.ru_utime + used.ru_stime) + COMPUTING_S
    _, most = resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(resource.RLIMIT_CPU, (until if most == resource.RLIM_INFINITY else min(until, most), most))


def main() -> None:
    """Takes the limits upon itself, then serves."""
    import signal

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # whoever started it ends it
    Image.init()  # what the decoders load is loaded before the limits hold
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    serve(sys.stdin.buffer, sys.stdout.buffer)


if __name__ == "__main__":
    main()
