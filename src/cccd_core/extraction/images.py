"""Image files to gray pixels with a resolution. Decoders run in processes of their own, with limits on memory and time.

A hostile file can end its decoder, and nothing else: the next file gets a new one.
"""

from __future__ import annotations

import os
import select
import signal
import struct
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from types import TracebackType
from typing import Self

import numpy as np
from numpy.typing import NDArray

from cccd_core.errors import FormatError, ParameterError, UnavailableError
from cccd_core.extraction import decoding
from cccd_core.templates.beside import MAX_IMAGE_BYTES

PATIENCE_S = 300.0  # for one image, by the clock: a decoder that computes too long ends far sooner by itself
_SQUARE = 0.01  # how much the resolutions in x and y may differ
_CHUNK = 1 << 20
_TOO_LONG = "an image took its decoder too long"


@dataclass(frozen=True, slots=True)
class FingerImage:
    """Pixels uint8[height, width], and pixels an inch as the file states them, 0 where it does not."""

    pixels: NDArray[np.uint8] = field(repr=False)
    dpi: float = 0.0


def raw(data: bytes, width_px: int, height_px: int) -> FingerImage:
    """Bare gray pixels of 8 bits, row after row. FormatError where the size is another."""
    if width_px < 1 or height_px < 1 or width_px * height_px > decoding.AREA_MAX_PX:
        raise ParameterError("raw pixels have an impossible size", width_px=width_px, height_px=height_px)
    if len(data) != width_px * height_px:
        raise FormatError("raw pixels are of another size", bytes=len(data), width_px=width_px, height_px=height_px)
    return FingerImage(np.frombuffer(data, np.uint8).reshape(height_px, width_px))


class Decoders:
    """As many decoders as are asked at a time; a context manager that ends them. Safe to share between threads."""

    def __init__(self, *, patience_s: float = PATIENCE_S) -> None:
        self._patience_s = patience_s
        self._idle: SimpleQueue[_Decoder] = SimpleQueue()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Ends the decoders that wait."""
        with suppress(Empty):
            while True:
                self._idle.get_nowait().end()

    def read(self, data: bytes) -> FingerImage:
        """The image of a WSQ, PNG, TIFF (its first page), BMP, JPEG 2000 or JPEG file.

        FormatError for what cannot be decoded, has pixels that are not square, needs more memory than a decoder may
        have, computes for longer than `decoding.COMPUTING_S`, or is not answered for `patience_s`. UnavailableError
        where no process can be started.
        """
        if not data:
            raise FormatError("the file is empty")
        if len(data) > MAX_IMAGE_BYTES:
            raise FormatError("the file is too large for an image", bytes=len(data), most=MAX_IMAGE_BYTES)
        try:
            decoder = self._idle.get_nowait()
        except Empty:
            decoder = _Decoder()
        try:
            pixels, across, down = decoder.ask(data, time.monotonic() + self._patience_s)
        except BaseException as error:
            if isinstance(error, _RefusedError):
                self._idle.put(decoder)
                raise FormatError(error.message) from None
            decoder.end()
            raise
        self._idle.put(decoder)
        if across and abs(across / down - 1) > _SQUARE:
            raise FormatError("an image has pixels that are not square", dpi_x=across, dpi_y=down)
        return FingerImage(pixels, across)


class _RefusedError(FormatError):
    """The decoder said no, and lives."""


class _Decoder:
    def __init__(self) -> None:
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "cccd_core.extraction.decoding"],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, bufsize=0,
                env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},
            )  # fmt: skip
        except OSError as error:
            raise UnavailableError("no process can be started to decode images", why=type(error).__name__) from None
        if self._process.stdin is None or self._process.stdout is None:
            raise UnavailableError("a process to decode images has no pipes")
        self._to, self._from = self._process.stdin.fileno(), self._process.stdout.fileno()
        os.set_blocking(self._to, False)

    def ask(self, data: bytes, until: float) -> tuple[NDArray[np.uint8], float, float]:
        try:
            self._write(len(data).to_bytes(4, "big") + data, until)
            if self._read(1, until)[0] == decoding.REFUSED:
                (length,) = struct.unpack(">H", self._read(2, until))
                raise _RefusedError(self._read(length, until).decode("utf-8", "replace"))
            width, height, across, down = decoding.HEAD.unpack(self._read(decoding.HEAD.size, until))
            if width * height > decoding.AREA_MAX_PX:
                raise FormatError("a decoder answered with an impossible size")
            pixels = np.frombuffer(self._read(width * height, until), np.uint8)
        except OSError:
            raise FormatError(self._how_it_ended()) from None
        return pixels.reshape(height, width), float(across), float(down)

    def end(self) -> None:
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with suppress(OSError):
                    pipe.close()

    def _write(self, data: bytes, until: float) -> None:
        left = memoryview(data)
        while left:
            self._wait([], [self._to], until)
            left = left[os.write(self._to, left[:_CHUNK]) :]

    def _read(self, count: int, until: float) -> bytes:
        parts, left = [], count
        while left:
            self._wait([self._from], [], until)
            part = os.read(self._from, min(left, _CHUNK))
            if not part:
                raise FormatError(self._how_it_ended())
            parts.append(part)
            left -= len(part)
        return b"".join(parts)

    def _how_it_ended(self) -> str:
        with suppress(subprocess.TimeoutExpired):  # its pipe is shut: it is about to end
            if self._process.wait(1) == -signal.SIGXCPU:
                return _TOO_LONG
        return "an image ended its decoder"

    def _wait(self, readable: list[int], writable: list[int], until: float) -> None:
        if not any(select.select(readable, writable, [], max(0.0, until - time.monotonic()))[:2]):
            raise FormatError(_TOO_LONG)
