"""DG5 and DG7: the portrait and the signature or mark as they are displayed. Reading only.

Doc 9303-10 clauses 4.7.5 and 4.7.7: a number of instances, then as many images (JPEG; others are met).
"""

from __future__ import annotations

from dataclasses import dataclass, field

from cccd_core.emrtd import images, tlv
from cccd_core.emrtd.files import ElementaryFile
from cccd_core.emrtd.images import StatedImage
from cccd_core.emrtd.odd import Found, OddParts, counted, objects, raw

_TAGS = {ElementaryFile.DG5: 0x5F40, ElementaryFile.DG7: 0x5F43}


@dataclass(frozen=True, slots=True)
class DisplayedImage:
    """One image; `kind` `unknown`, without a size, where its first bytes are no known image's."""

    image: bytes = field(repr=False)
    kind: str
    width_px: int | None
    height_px: int | None


def parse_dg5(data: bytes) -> Found[DisplayedImage]:
    """The displayed portraits. A number that is another, and what is no image, are in `odd`. FormatError where there is
    no DG5."""
    return _parse(data, ElementaryFile.DG5)


def parse_dg7(data: bytes) -> Found[DisplayedImage]:
    """The displayed signatures or marks, as `parse_dg5`."""
    return _parse(data, ElementaryFile.DG7)


def _parse(data: bytes, file: ElementaryFile) -> Found[DisplayedImage]:
    whole = tlv.read_one(data, file.tag, what=file.label)
    odd = OddParts()
    stated: int | None = None
    found: list[DisplayedImage] = []
    for part in objects(whole, odd, what=file.label):
        if part.tag == tlv.INTEGER and stated is None and not found:
            stated = counted(part, odd, what="number of images")
        elif part.tag == _TAGS[file]:
            info = images.compared(StatedImage(part.value), odd, f"image {len(found) + 1}")
            size = (None, None) if info is None else (info.width_px, info.height_px)
            found.append(DisplayedImage(part.value, "unknown" if info is None else info.kind, *size))
        else:
            odd.add(f"tag {part.tag:X}", raw(whole, part), "an unknown data object", offset=part.offset)
    if stated != len(found):
        odd.add("number of images", b"", "the number of images is another", stated=stated, count=len(found))
    return Found(tuple(found), odd.all())
