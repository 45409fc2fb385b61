"""Does a document belong to who holds it: fingers taken now, compared with those on its chip (DG3).

Here, and nowhere below, the two sides meet over one document: the card side read and verified DG3, the biometric side
compares. Whoever asks verifies the document first: fingers on a forged chip prove nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from cccd_core import templates
from cccd_core.dedup.judge.fusion import fuse_any_position, fuse_same_position
from cccd_core.emrtd import dg3
from cccd_core.errors import CccdError, FormatError, ParameterError, UnavailableError
from cccd_core.extraction import ImageReader
from cccd_core.matching import Matcher
from cccd_core.plain import Json, encode_record
from cccd_core.templates import FingerTemplate

DEFAULT_FMR = 1e-4
MAX_FINGERS = 10


@dataclass(frozen=True, slots=True)
class FingerScore:
    """One of the fingers taken (`probe`, counted from 0), the finger of the chip that it fits best, and the calibrated
    score of the two, −10·log10(FMR)."""

    probe: int
    position: int
    score: float


@dataclass(frozen=True, slots=True)
class HolderComparison:
    """Whether the fingers are the document's holder's.

    `score` is the fused one: at most one stranger in 10**(score/10) reaches it, whatever fingers were chosen.
    `matched`: it is at least `threshold`, which stands for `fmr`, the most strangers that may pass. `fingers` are the
    single pairs.
    """

    matched: bool
    score: float
    threshold: float
    fmr: float
    fingers: tuple[FingerScore, ...]

    def as_dict(self) -> dict[str, Json]:
        """JSON-ready."""
        return encode_record(self)


def compare_holder(
    dg3_file: bytes, probes: Sequence[FingerTemplate], *, fmr: float = DEFAULT_FMR, matcher: Matcher | None = None
) -> HolderComparison:
    """Compares fingers taken now with all of those in DG3.

    Where each of them says its position, and the chip has that finger, they are compared position by position; else
    each with every finger of the chip, and the score pays for that choice. Fused as a deduplication is: an exact bound,
    no model of genuine pairs. ParameterError for no finger, more than ten, or an `fmr` that is none; FormatError for a
    DG3 that makes no sense; UnavailableError for one without fingers, and for one of images without the extra that
    brings the extractor. Costs one comparison a pair, and an extraction for each image.
    """
    if not 1 <= len(probes) <= MAX_FINGERS:
        raise ParameterError("one to ten fingers are compared", fingers=len(probes))
    if not 0.0 < fmr < 1.0:
        raise ParameterError("a false match rate lies between 0 and 1", fmr=fmr)
    on_chip = _fingers(dg3_file)
    matcher = matcher or Matcher()
    positions = list(on_chip)
    gallery = matcher.gallery([on_chip[position] for position in positions])
    scores = np.array(
        [matcher.scores(matcher.prepare(probe), gallery, threads=1) for probe in probes], dtype=np.float64
    )
    stated = [probe.position for probe in probes]
    if len(set(stated)) == len(stated) and set(stated) <= on_chip.keys():
        columns = [positions.index(position) for position in stated]
        pairs = list(enumerate(columns))
        fused = float(fuse_same_position(np.array([[scores[row, column] for row, column in pairs]]))[0][0])
    else:
        columns = [int(column) for column in scores.argmax(axis=1)]
        pairs = list(enumerate(columns))
        fused = fuse_any_position(scores)[0]
    fingers = tuple(FingerScore(row, positions[column], float(scores[row, column])) for row, column in pairs)
    threshold = float(-10.0 * np.log10(fmr))
    return HolderComparison(fused >= threshold, fused, threshold, fmr, fingers)


def _fingers(dg3_file: bytes) -> Mapping[int, FingerTemplate]:
    """The fingers on the chip by position: their minutiae, or what is extracted from their images."""
    on_chip = dg3.parse(dg3_file)
    found: dict[int, FingerTemplate] = {}
    unread: CccdError | None = None
    for position, record in dg3.minutiae(on_chip).items():
        try:
            read = templates.read(record, format="iso-2011" if record[4:8] == b"030\0" else "iso-2005")
            found[position] = read.select(position=position)
        except FormatError as error:  # costs this finger
            unread = error
        except ParameterError:  # so does a record of several fingers, none of them this one
            unread = FormatError("a finger record of DG3 has several views, none of its finger", position=position)
    for finger in on_chip:
        if finger.kind != "minutiae" and finger.position is not None and finger.position not in found:
            try:
                found[finger.position] = _extracted(finger, finger.position)
            except (FormatError, UnavailableError) as error:
                unread = error
    if not found:
        if unread is not None:
            raise unread
        raise UnavailableError("DG3 holds no finger", needs="a document with fingers on its chip")
    return found


def _extracted(finger: dg3.Finger, position: int) -> FingerTemplate:
    """From an image in DG3, at the record's resolution or else its own; FormatError where neither states one."""
    size = (finger.width_px or 0, finger.height_px or 0) if finger.kind == "raw" else None
    try:
        return ImageReader.shared().read(finger.data, dpi=finger.dpi, raw_size=size, position=position).template
    except ParameterError as error:
        raise FormatError(f"a finger image of DG3: {error.message}", position=position) from None
