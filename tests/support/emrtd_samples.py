"""Card content, portraits, finger records, data groups and chip images made in code, for tests of the card side. No
personal data.
"""

from __future__ import annotations

import datetime as dt
import io
from typing import Any

from PIL import Image

from cccd_core.emrtd import CardContent, ChipImage, build_data_groups
from cccd_core.signing import ChipKeys, Signer, build_image

NOW = dt.datetime(2026, 11, 22, 3, 4, 5, tzinfo=dt.UTC)


def portrait(kind: str = "jpeg", size: tuple[int, int] = (48, 64), mode: str = "RGB") -> bytes:
    """A plain image file of that kind: `jpeg` or `jpeg2000`."""
    out = io.BytesIO()
    colour = (90, 120, 140) if mode == "RGB" else 120
    Image.new(mode, size, colour).save(out, {"jpeg": "JPEG", "jpeg2000": "JPEG2000"}[kind])
    return out.getvalue()


def finger_record(position: int, minutiae: int = 3, extended: bytes = b"") -> bytes:
    """An ISO/IEC 19794-2:2005 record of one view (clauses 7.3 to 7.5)."""
    body = b"".join(
        (0x4000 | 20 + 7 * i).to_bytes(2, "big") + (30 + 5 * i).to_bytes(2, "big") + bytes((i % 256, 60))
        for i in range(minutiae)
    )
    view = bytes((position, 0, 80, minutiae)) + body + len(extended).to_bytes(2, "big") + extended
    sizes = (300).to_bytes(2, "big") + (400).to_bytes(2, "big") + (197).to_bytes(2, "big") * 2
    return b"FMR\0 20\0" + (24 + len(view)).to_bytes(4, "big") + bytes(2) + sizes + bytes((1, 0)) + view


def content(**changes: Any) -> CardContent:
    """The content of one card of an invented person."""
    values: dict[str, Any] = {
        "personal_number": "079303012345",
        "full_name": "Nguyễn Thị Minh Khai",
        "birth_date": dt.date(2003, 5, 1),
        "sex": "F",
        "issue_date": dt.date(2026, 11, 20),
        "expiry_date": dt.date(2028, 5, 1),
        "portrait": portrait(),
        "fingers": {2: finger_record(2), 7: finger_record(7, 5)},
        "ethnicity": "Kinh",
        "religion": "Không",
        "place_of_origin": "Quận 1, Thành phố Hồ Chí Minh",
        "place_of_residence": "12 Đường Lê Lợi, Bến Nghé, Quận 1, Thành phố Hồ Chí Minh",
        "marks": "Nốt ruồi cách 1 cm dưới mắt trái",
        "father": "Nguyễn Văn An",
        "mother": "Trần Thị Bình",
        "spouse": None,
        "old_number": "024123456",
    }
    return CardContent(**(values | changes))


def data_groups(keys: ChipKeys, **options: Any) -> dict[int, bytes]:
    """The data groups of `content()` with the public halves of `keys`; options of `build_data_groups`."""
    return build_data_groups(content(), ca_public_key=keys.ca_public_key, aa_public_key=keys.aa_public_key, **options)


def chip_image(signer: Signer, **options: Any) -> ChipImage:
    """The signed image of `content()` with fresh chip keys; options of `build_image`."""
    keys = ChipKeys.generate()
    return build_image(content(), signer, ca_public_key=keys.ca_public_key, aa_public_key=keys.aa_public_key, **options)
