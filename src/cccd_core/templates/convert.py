"""From one format to another: what must change about a record so that a format can hold it, and what is lost.

The losses are stated per format, so that the loss of a pair is that of its target on what its source can say.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from cccd_core.errors import ParameterError
from cccd_core.templates import ansi378_2004, ansi378_2009, iso19794_2_2005, iso19794_2_2011, nist_type9, xyt
from cccd_core.templates.extended import carried
from cccd_core.templates.iso19794_2_card import COMPACT, COMPACT_STEPS, NORMAL, NORMAL_STEPS, RESOLUTION_PPCM
from cccd_core.templates.model import VENDOR_UNKNOWN, FingerTemplate, TemplateRecord
from cccd_core.templates.packed import UNREPORTED_2011
from cccd_core.templates.transform import ppcm as ppcm_of
from cccd_core.templates.transform import rescale


@dataclass(frozen=True, slots=True)
class Capacity:
    """What a format can hold.

    `angle_steps` directions in a turn; `resolution_ppcm` its fixed resolution, None where the file states one, 0 where
    it states none and the caller must; whether it holds kind, quality (in so many `quality_levels`), image `size`,
    finger `position` (and impression type; where it is also `numbered`, view number and capture quality) and `extended`
    data; how many views; the finger positions and impression types that its edition knows (None: no bound of its own);
    the families of its quality codes and of the `coding` of its extended data; and what else it says, in words.
    """

    what: str
    angle_steps: int
    resolution_ppcm: int | None = None
    kind: bool = True
    quality: bool = True
    size: bool = True
    position: bool = True
    numbered: bool = True
    extended: bool = True
    max_views: int = 255
    positions: frozenset[int] | None = None
    impressions: frozenset[int] | None = None
    quality_levels: int = 100
    quality_codes: int = 0
    coding: str = ""
    details: tuple[str, ...] = ()


_FINGERS = frozenset(range(11))
_IMPRESSIONS_2005 = frozenset({*range(4), 8, 9})

CAPACITY = {
    iso19794_2_2005.FORMAT: Capacity(
        "ISO/IEC 19794-2:2005 record",
        iso19794_2_2005.STEPS,
        positions=_FINGERS,
        impressions=_IMPRESSIONS_2005,
        quality_codes=2005,
        coding="ISO",
    ),
    NORMAL: Capacity(
        "ISO/IEC 19794-2:2005 card format, normal size",
        NORMAL_STEPS,
        resolution_ppcm=RESOLUTION_PPCM[NORMAL],
        quality=False,
        size=False,
        position=False,
        extended=False,
        max_views=1,
    ),
    COMPACT: Capacity(
        "ISO/IEC 19794-2:2005 card format, compact size",
        COMPACT_STEPS,
        resolution_ppcm=RESOLUTION_PPCM[COMPACT],
        quality=False,
        size=False,
        position=False,
        extended=False,
        max_views=1,
    ),
    iso19794_2_2011.FORMAT: Capacity(
        "ISO/IEC 19794-2:2011 record",
        iso19794_2_2011.STEPS,
        max_views=iso19794_2_2011.MAX_VIEWS,
        positions=_FINGERS | {13, 14, 15} | set(range(40, 51)),
        impressions=frozenset({*range(10), 24, 28, 29}),
        quality_codes=2011,
        coding="ISO",
        details=("capture details", "quality algorithm"),
    ),
    ansi378_2004.FORMAT: Capacity(
        "ANSI/INCITS 378-2004 record",
        ansi378_2004.STEPS,
        positions=_FINGERS,
        impressions=_IMPRESSIONS_2005,
        quality_codes=2005,
        coding="ANSI",
        details=("product identifier",),
    ),
    ansi378_2009.FORMAT: Capacity(
        "ANSI/INCITS 378-2009 record",
        ansi378_2009.STEPS,
        positions=_FINGERS,
        impressions=frozenset({*range(4), 8, 10, 11, *range(20, 30)}),
        quality_codes=2011,
        coding="ANSI",
        details=("product identifier", "quality algorithm"),
    ),
    xyt.FORMAT: Capacity(
        "NIST .xyt text",
        xyt.STEPS,
        resolution_ppcm=0,
        kind=False,
        size=False,
        position=False,
        extended=False,
        max_views=1,
    ),
    nist_type9.LEGACY: Capacity(
        "ANSI/NIST-ITL file, Type 9, legacy fields",
        nist_type9.STEPS[nist_type9.LEGACY],
        resolution_ppcm=nist_type9.PPCM,
        size=False,
        numbered=False,
        extended=False,
        max_views=nist_type9.MAX_VIEWS,
        quality_levels=nist_type9.QUALITY_LEVELS,
    ),
    nist_type9.INCITS_378: Capacity(
        "ANSI/NIST-ITL file, Type 9, INCITS 378 fields",
        nist_type9.STEPS[nist_type9.INCITS_378],
        extended=False,
        max_views=nist_type9.MAX_VIEWS,
        details=("product identifier", "quality algorithm"),
    ),
    nist_type9.EFS: Capacity(
        "ANSI/NIST-ITL file, Type 9, extended feature set",
        nist_type9.STEPS[nist_type9.EFS],
        resolution_ppcm=nist_type9.PPCM,
        quality=False,
        numbered=False,
        extended=False,
        max_views=nist_type9.MAX_VIEWS,
    ),
}

# Impression types that not every edition knows, and what comes nearest to them, the first that the edition knows:
# contactless, plain or rolled live-scan; a latent is a print not taken live; "other", "unknown" and palms are "other",
# or those editions' default.
_NEAREST_IMPRESSION = {
    **dict.fromkeys((4, 5, 6, 7), (28, 2)),
    9: (1,),
    **dict.fromkeys((10, 11, 12, 13, 14, 15), (28, 0)),
    **dict.fromkeys((20, 22), (0,)),
    **dict.fromkeys((21, 23), (1,)),
    **dict.fromkeys((24, 26), (24, 0)),
    **dict.fromkeys((25, 27), (24, 1)),
    28: (0,),
    29: (0,),
}


def fit(
    record: TemplateRecord,
    format: str,  # noqa: A002 - the door's word
    *,
    dpi: float | None = None,
    height_px: int | None = None,
    width_px: int | None = None,
) -> TemplateRecord:
    """`record` as `format` can hold it: what its codec writes without a further change.

    `dpi` asks for another resolution (else it stays, save for the card formats, which have their own); `height_px` and
    `width_px` state the image's size, at the resolution written, where the source does not. ParameterError where the
    format cannot hold the record.
    """
    capacity = CAPACITY.get(format)
    if capacity is None:
        raise ParameterError("unknown template format", format=format, known=" ".join(CAPACITY))
    if len(record.views) > capacity.max_views:
        raise ParameterError(
            "the format holds fewer finger views", format=format, views=len(record.views), most=capacity.max_views
        )
    target_ppcm = capacity.resolution_ppcm or (None if dpi is None else ppcm_of(dpi))
    if record.format == format and target_ppcm is None and height_px is None and width_px is None:
        return record
    views = tuple(
        _fit_view(view, record.format, format, target_ppcm, height_px, width_px, record.device_id)
        for view in record.views
    )
    if record.format == format:
        return replace(record, format=format, views=views)
    if format in (iso19794_2_2005.FORMAT, ansi378_2004.FORMAT):
        views = _same_size(views)
    compliance = record.compliance
    if record.format == ansi378_2009.FORMAT:
        compliance >>= 4
    if format == ansi378_2009.FORMAT:
        compliance <<= 4
    device_id = record.device_id or record.view.details.device_type
    if format != ansi378_2009.FORMAT and device_id > 0xFFF:
        device_id = 0
    return replace(
        record,
        format=format,
        views=views,
        product_id=record.product_id or VENDOR_UNKNOWN << 16,
        compliance=compliance,
        device_id=device_id,
        reserved=0,
        certified=False,
        amendment=0,
        wide_length=False,
    )


def _fit_view(
    view: FingerTemplate,
    source: str,
    target: str,
    target_ppcm: int | None,
    height_px: int | None,
    width_px: int | None,
    device_id: int,
) -> FingerTemplate:
    fitted = view if target_ppcm is None else rescale(view, target_ppcm)
    rescaled = fitted is not view
    if (width_px and not fitted.width_px) or (height_px and not fitted.height_px):
        fitted = replace(
            fitted, width_px=fitted.width_px or width_px or 0, height_px=fitted.height_px or height_px or 0
        )
    if source == target:
        return fitted
    capacity = CAPACITY[target]
    details = view.details
    same_codes = source in CAPACITY and CAPACITY[source].quality_codes == capacity.quality_codes
    same_coding = source in CAPACITY and CAPACITY[source].coding == capacity.coding
    blocks = details.quality_blocks
    if target == iso19794_2_2011.FORMAT:
        blocks = tuple(block for block in blocks if block.score != UNREPORTED_2011)
    return replace(
        fitted,
        width_px=_size(fitted.width_px, fitted, "x_px", capacity),
        height_px=_size(fitted.height_px, fitted, "y_px", capacity),
        position=view.position if capacity.positions is None or view.position in capacity.positions else 0,
        impression=_impression(view.impression, capacity),
        extended=carried(view.extended, same_coding=same_coding and not rescaled) if capacity.extended else b"",
        details=replace(
            details,
            device_type=details.device_type or device_id,
            quality_blocks=blocks,
            certification_blocks=(),
            with_quality=None,
            raw_quality=details.raw_quality if same_codes else b"",
            quality_code=0,
        ),
    )


def _impression(code: int, capacity: Capacity) -> int:
    """The impression type as an edition knows it; ParameterError for one that no edition knows."""
    known = capacity.impressions
    if known is None or code in known:
        return code
    nearest = next((each for each in _NEAREST_IMPRESSION.get(code, ()) if each in known), None)
    if nearest is None:
        raise ParameterError("the impression type does not fit the format", value=code)
    return nearest


def _size(stated: int, view: FingerTemplate, column: str, capacity: Capacity) -> int:
    """The image size for a format that has one; where none is stated, the smallest that holds the minutiae."""
    if stated or not capacity.size:
        return stated
    values = getattr(view, column)
    return int(values.max()) + 1 if values.size else 1


def _same_size(views: tuple[FingerTemplate, ...]) -> tuple[FingerTemplate, ...]:
    width, height = max(view.width_px for view in views), max(view.height_px for view in views)
    if all((view.width_px, view.height_px) == (width, height) for view in views):
        return views
    return tuple(replace(view, width_px=width, height_px=height) for view in views)
