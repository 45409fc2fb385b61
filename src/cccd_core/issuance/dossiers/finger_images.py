"""The images of a dossier's fingers: minutiae extracted, quality judged, and made small enough for the chip."""

from __future__ import annotations

import io
from dataclasses import dataclass, field

from PIL import Image

from cccd_core.emrtd import finger_image, images
from cccd_core.errors import FormatError, ParameterError
from cccd_core.extraction import Extraction, ImageReader
from cccd_core.intake import Doubt, Finding, Limits, examine_extraction
from cccd_core.issuance.dossiers.dossier import FingerNote
from cccd_core.issuance.dossiers.policy import CheckPolicy
from cccd_core.issuance.dossiers.raw import FingerFile
from cccd_core.issuance.dossiers.reasons import DossierError, Fault
from cccd_core.matching import Matcher
from cccd_core.templates import FingerTemplate, TemplateRecord
from cccd_core.templates.convert import fit

_IMPRESSIONS_OF = "iso-2005"  # the edition of the image's record, too, and its codes
_USUALLY_COMPRESSED = 10.0  # raw to coded
_MOST_COMPRESSED = 20.0  # beyond it ridges suffer: the minutiae go on the chip instead


@dataclass(frozen=True, slots=True)
class ReadImage:
    """An image of a finger that was decoded whole: what was extracted from it, and what is doubted of that."""

    data: bytes = field(repr=False)
    made: Extraction = field(repr=False)
    doubts: tuple[Finding, ...]

    @property
    def template(self) -> FingerTemplate:
        """Its minutiae, at the position of the file's name."""
        return self.made.template


def read_image(file: FingerFile, position: int, note: FingerNote, limits: Limits) -> ReadImage:
    """Decodes an image and finds its minutiae.

    DossierError with the fault `finger_undescribed` (neither image nor dossier says the resolution) or
    `unreadable_finger`; UnavailableError without the extra that brings the extractor: that is no dossier's fault. Cost:
    one extraction.
    """
    try:
        made = ImageReader.shared().read(file.data, dpi=note.dpi, position=position)
    except FormatError as error:
        raise DossierError(
            error.message, fault=Fault.UNREADABLE_FINGER, why=error.message, bytes=len(file.data)
        ) from error
    except ParameterError as error:
        undescribed = error.facts.get("needs") == "dpi"
        fault = Fault.FINGER_UNDESCRIBED if undescribed else Fault.UNREADABLE_FINGER
        raise DossierError(error.message, fault=fault, why=error.message) from error
    return ReadImage(file.data, made, examine_extraction(made, limits))


def differs(template: FingerTemplate, image: ReadImage, limits: Limits) -> tuple[Finding, ...]:
    """A doubt where a template and the image beside it are not of one finger."""
    score = Matcher().score(template, image.template)
    if score >= limits.same_image:
        return ()
    return (Finding(Doubt.IMAGE_DIFFERS, {"score": round(score, 1), "wanted": limits.same_image}),)


def for_chip(image: ReadImage, position: int, policy: CheckPolicy) -> bytes:
    """The record for DG3: the image as it came where it is WSQ or JPEG 2000 of 500 dpi and fits, else JPEG 2000 of the
    image at 500 dpi, dark ridges on light. Empty where that would not fit without harm to the ridges.

    The same bytes in give the same bytes out.
    """
    made = image.made
    coded = image.data
    if made.resampled or made.inverted or len(coded) > policy.chip_finger_bytes or not _is_for_chip(coded):
        coded = _coded(made, policy.chip_finger_bytes)
    impression = fit(TemplateRecord("", (made.template,)), _IMPRESSIONS_OF).view.impression
    return finger_image.build(coded, position, quality=made.quality.figure, impression=impression) if coded else b""


def _is_for_chip(data: bytes) -> bool:
    try:
        info = images.inspect(data)
    except FormatError:
        return False
    return info.kind in finger_image.KINDS and info.components == 1


def _coded(made: Extraction, most: int) -> bytes:
    raw = made.image.size
    for share in (0.95, 0.8, 0.6):  # the coder keeps to a rate closely, not exactly
        rate = max(_USUALLY_COMPRESSED, raw / (most * share)) if most else _MOST_COMPRESSED + 1
        if rate > _MOST_COMPRESSED:
            break
        out = io.BytesIO()
        Image.fromarray(made.image).save(
            out, "JPEG2000", irreversible=True, quality_mode="rates", quality_layers=[rate]
        )
        if out.tell() <= most:
            return out.getvalue()
    return b""
