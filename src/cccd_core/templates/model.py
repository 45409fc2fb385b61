"""FingerTemplate, TemplateRecord, Tenprint: what codecs read into and write from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cccd_core.arguments import require_type
from cccd_core.errors import ParameterError
from cccd_core.templates.notices import Notice

Uint16Array: TypeAlias = NDArray[np.uint16]
Uint8Array: TypeAlias = NDArray[np.uint8]

_UINT16 = np.dtype(np.uint16)
_UINT8 = np.dtype(np.uint8)

KIND_OTHER = 0
KIND_ENDING = 1
KIND_BIFURCATION = 2

VENDOR_UNKNOWN = 0x0103  # the CBEFF organisation "unknown", as IBIA registers it
FULL_TURN = 65536  # binary angle units in a full turn
PPCM_500_DPI = 197  # 500 dpi as record headers give it, in pixels per centimetre

POSITIONS = {
    0: "unknown",
    1: "right thumb",
    2: "right index",
    3: "right middle",
    4: "right ring",
    5: "right little",
    6: "left thumb",
    7: "left index",
    8: "left middle",
    9: "left ring",
    10: "left little",
}


@dataclass(frozen=True, slots=True)
class QualityBlock:
    """One quality score and who computed it (ISO/IEC 19794-1:2011, quality record; ANSI/INCITS 378-2009).

    `score` 0..100, 254 not reported, 255 failed; `vendor` (a CBEFF organisation) and `algorithm` name who computed it.
    """

    score: int
    vendor: int = VENDOR_UNKNOWN
    algorithm: int = 0


@dataclass(frozen=True, slots=True)
class CertificationBlock:
    """A certification of the capture device (ISO/IEC 19794-1:2011): authority (2 bytes) and scheme (1 byte)."""

    authority: int
    scheme: int


@dataclass(frozen=True, slots=True)
class CaptureDetails:
    """What some formats say about a view beyond `FingerTemplate`'s own fields; the defaults mean "not said".

    `captured_at` holds the nine bytes of date and time as they stand in the record (all FF: not known);
    `device_technology`, `device_vendor`, `device_type` the capture device's codes; `ending_type` where a ridge ending
    was placed (0 valley skeleton bifurcation, 1 ridge skeleton end point). `with_quality` says whether each minutia
    carries a quality in the file (ISO/IEC 19794-2:2011: 6 bytes or 5; .xyt: 4 columns or 3), None: as needed.
    `raw_quality` keeps the minutiae's quality bytes where they hold codes that `FingerTemplate.quality` cannot tell
    apart (0, 101..255); it is used again where it still agrees with `quality`. `quality_code` is the capture quality's
    byte of the editions of 2004 and 2005 where it is none of theirs (101..255; 255 is a failed capture elsewhere).
    """

    captured_at: bytes = field(default=b"\xff" * 9, repr=False)
    device_technology: int = 0
    device_vendor: int = 0
    device_type: int = 0
    quality_blocks: tuple[QualityBlock, ...] = ()
    certification_blocks: tuple[CertificationBlock, ...] = ()
    ending_type: int = 0
    with_quality: bool | None = None
    raw_quality: bytes = field(default=b"", repr=False)
    quality_code: int = 0


NO_DETAILS = CaptureDetails()


def _column(name: str, values: ArrayLike, dtype: np.dtype[Any]) -> NDArray[Any]:
    array = values if isinstance(values, np.ndarray) else np.asarray(values)
    if array.dtype != dtype:
        if array.size and (array.dtype.kind not in "iu" or array.min() < 0 or array.max() > np.iinfo(dtype).max):
            raise ParameterError("a template column holds a value out of its range", column=name)
        array = array.astype(dtype)
    if array.ndim != 1:
        raise ParameterError("a template column must have one dimension", column=name, dimensions=array.ndim)
    if array.flags.writeable or not array.flags.c_contiguous:
        array = np.array(array, order="C")
        array.setflags(write=False)
    return array


@dataclass(frozen=True, slots=True, eq=False)
class FingerTemplate:
    """The minutiae of one impression of one finger, as stored and exchanged. Arrays are read-only, one entry a minutia.

    * `x_px`, `y_px`: uint16[n], pixels of the stated resolution, origin top left, y downwards.
    * `angle`: uint16[n], binary angle (65536 = full turn), counter-clockwise from the positive x axis, as seen;
      the direction of ISO/IEC 19794-2 and ANSI/INCITS 378 (.xyt's is the opposite one, turned on reading and writing).
    * `kind`: uint8[n], 0 other or unknown, 1 ridge ending, 2 ridge bifurcation.
    * `quality`: uint8[n], 0 not reported, else 1 (worst) to 100 (best).
    * `width_px`, `height_px`: size of the image, 0 where the format does not say.
    * `resolution_x_ppcm`, `resolution_y_ppcm`: pixels per centimetre (197 = 500 dpi).
    * `position`: ISO/IEC 19794 finger position 1..10, 0 unknown (other codes are kept as they came).
    * `impression`: impression type code; `view`: view number within the record; `capture_quality`: 1..100 or 0,
      not reported.
    * `extended`: the extended data block (ridge counts, core and delta, vendor areas), verbatim, without its length.
    """

    x_px: Uint16Array
    y_px: Uint16Array
    angle: Uint16Array
    kind: Uint8Array
    quality: Uint8Array
    width_px: int = 0
    height_px: int = 0
    resolution_x_ppcm: int = PPCM_500_DPI
    resolution_y_ppcm: int = PPCM_500_DPI
    position: int = 0
    impression: int = 0
    view: int = 0
    capture_quality: int = 0
    extended: bytes = b""
    details: CaptureDetails = NO_DETAILS

    def __post_init__(self) -> None:
        put = object.__setattr__
        put(self, "x_px", _column("x_px", self.x_px, _UINT16))
        put(self, "y_px", _column("y_px", self.y_px, _UINT16))
        put(self, "angle", _column("angle", self.angle, _UINT16))
        put(self, "kind", _column("kind", self.kind, _UINT8))
        put(self, "quality", _column("quality", self.quality, _UINT8))
        count = len(self.x_px)
        if not len(self.y_px) == len(self.angle) == len(self.kind) == len(self.quality) == count:
            raise ParameterError("the columns of a template differ in length")
        if count and (int(self.kind.max()) > KIND_BIFURCATION or int(self.quality.max()) > 100):
            raise ParameterError("a minutia's kind is 0, 1 or 2 and its quality 0 to 100")
        if not self.resolution_x_ppcm or not self.resolution_y_ppcm:
            raise ParameterError("a template's resolution must be known")

    @property
    def count(self) -> int:
        """Number of minutiae."""
        return len(self.x_px)

    @property
    def angle_rad(self) -> NDArray[np.float64]:
        """float64[n], the directions in radians, 0 to below 2 pi, counter-clockwise from the positive x axis."""
        return self.angle.astype(np.float64) * (2.0 * np.pi / FULL_TURN)

    def __repr__(self) -> str:
        # Minutiae are personal data, and a representation ends up in logs and traces.
        size = f"{self.width_px}x{self.height_px} px"
        resolution = f"{self.resolution_x_ppcm}x{self.resolution_y_ppcm} ppcm"
        return f"FingerTemplate(position={self.position}, minutiae={self.count}, size={size}, resolution={resolution})"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, FingerTemplate):
            return NotImplemented
        return all(
            np.array_equal(mine, theirs) if isinstance(mine, np.ndarray) else mine == theirs
            for mine, theirs in zip(self._values(), other._values(), strict=True)
        )

    def __hash__(self) -> int:
        return hash(tuple(v.tobytes() if isinstance(v, np.ndarray) else v for v in self._values()))

    def __reduce__(self) -> tuple[Any, ...]:
        # Through the constructor: arrays that come out of a pickle are writable, and must not stay so.
        return (FingerTemplate, self._values())

    def _values(self) -> tuple[Any, ...]:
        return tuple(getattr(self, item.name) for item in fields(self))


@dataclass(frozen=True, slots=True)
class TemplateRecord:
    """A whole record: its format, the header fields that belong to no single view, and the views in their order.

    Header fields that a format lacks stay at their default. `product_id` is the CBEFF product identifier of
    ANSI/INCITS 378 (owner in the high 16 bits); `compliance` the capture equipment's compliance bits (four in the
    editions of 2004 and 2005, eight in that of 2009) and `device_id` its identifier; `reserved` the header's reserved
    byte as it came; `certified` whether the views of a 2011 record carry certification blocks; `amendment` 1 for
    ANSI/INCITS 378-2009/AM1; `wide_length` whether a 378-2004 record uses the six-byte length though it is short.
    `notices` are what was odd about the bytes that it was read from, which makes no record unequal to another.
    """

    format: str
    views: tuple[FingerTemplate, ...]
    product_id: int = 0
    compliance: int = 0
    device_id: int = 0
    reserved: int = 0
    certified: bool = False
    amendment: int = 0
    wide_length: bool = False
    notices: tuple[Notice, ...] = field(default=(), compare=False)

    def __post_init__(self) -> None:
        if not self.views:
            raise ParameterError("a record has at least one finger view")

    @property
    def view(self) -> FingerTemplate:
        """The first view."""
        return self.views[0]

    def select(self, view: int | None = None, position: int | None = None) -> FingerTemplate:
        """The view that is meant: number `view`, counted from 1, or the one of finger `position`; the first without.

        A record of one view gives that one whatever it is asked for: it has nothing to choose from. ParameterError for
        a record of several that has no such view, and where both are given.
        """
        if view is not None and position is not None:
            raise ParameterError("a view is chosen by its number or by its position", view=view, position=position)
        if len(self.views) == 1 or (view is None and position is None):
            return self.views[0]
        if view is not None:
            if not 1 <= view <= len(self.views):
                raise ParameterError("the file has no such view", view=view, views=len(self.views))
            return self.views[view - 1]
        for each in self.views:
            if each.position == position:
                return each
        raise ParameterError(
            "several views, none of this finger",
            position=position,
            views=len(self.views),
            positions=" ".join(str(each.position) for each in self.views),
        )

    @property
    def image(self) -> tuple[int, int, int, int]:
        """Width, height, resolution in x and in y, which all views share; ParameterError where they differ."""
        images = {(v.width_px, v.height_px, v.resolution_x_ppcm, v.resolution_y_ppcm) for v in self.views}
        if len(images) > 1:
            raise ParameterError("the views differ in image size or resolution, and the format has one for all")
        return images.pop()


class Tenprint(Mapping[int, FingerTemplate]):
    """The templates of one person by finger position, 1 (right thumb) to 10 (left little finger), some missing.

    Iterates in the order of positions, whatever the order given. Raises ParameterError for a position outside 1..10.
    """

    __slots__ = ("_fingers",)

    def __init__(self, fingers: Mapping[int, FingerTemplate]) -> None:
        require_type(fingers, Mapping, "fingers")
        for position, finger in fingers.items():
            require_type(position, int, "position of a finger")
            require_type(finger, FingerTemplate, "finger")
            if not 1 <= position <= 10:
                raise ParameterError("a finger position of a tenprint is 1 to 10", position=position)
        self._fingers = {position: fingers[position] for position in sorted(fingers)}

    def __getitem__(self, position: int) -> FingerTemplate:
        return self._fingers[position]

    def __iter__(self) -> Iterator[int]:
        return iter(self._fingers)

    def __len__(self) -> int:
        return len(self._fingers)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Tenprint) and self._fingers == other._fingers

    def __hash__(self) -> int:
        return hash(tuple(self._fingers.items()))

    def __repr__(self) -> str:
        return f"Tenprint(positions={list(self._fingers)})"
