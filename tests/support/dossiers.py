"""Small batches for the tests of issuance: sound dossiers, and the means to spoil one."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from cccd_core.intake import examine
from cccd_core.synthesis import MasterFinger
from cccd_core.templates import FingerTemplate, TemplateRecord, strongest, write


def finger(seed: int, count: int = 40, **changes: Any) -> FingerTemplate:
    """A template of `count` minutiae: of a synthetic finger that nothing is doubted of, or of scattered ones where it
    has not so many."""
    for number in range(6 if count <= 60 else 0):
        made = MasterFinger.make(7 + number, seed, 2).impression(0)
        if made.count >= count:
            found = replace(strongest(made, count), position=0)
            if not examine(TemplateRecord("iso-2005", (found,))):
                return replace(found, **changes)
    random = np.random.default_rng(seed)
    columns: dict[str, Any] = {
        "x_px": random.integers(20, 380, count).astype(np.uint16),
        "y_px": random.integers(20, 480, count).astype(np.uint16),
        "angle": (random.integers(0, 256, count) * 256).astype(np.uint16),
        "kind": random.integers(1, 3, count).astype(np.uint8),
        "quality": random.integers(20, 100, count).astype(np.uint8),
        "width_px": 400,
        "height_px": 500,
    }
    return FingerTemplate(**{**columns, **changes})


def portrait(seed: int = 1, size: tuple[int, int] = (120, 160), form: str = "JPEG") -> bytes:
    """A small picture of smooth colours."""
    random = np.random.default_rng(seed)
    coarse = Image.fromarray(random.integers(0, 255, (6, 5, 3)).astype(np.uint8))
    out = io.BytesIO()
    coarse.resize(size, Image.Resampling.BICUBIC).save(out, form)
    return out.getvalue()


def document(index: int = 1, **changes: Any) -> dict[str, Any]:
    """A sound dossier.json; `changes` replace fields, None takes one away."""
    fields: dict[str, Any] = {
        "personal_number": f"001088{index:06d}",
        "full_name": "Nguyễn Văn Hòa",
        "birth_date": "1988-05-17",
        "sex": "M",
        "captured_at": f"2026-02-27T09:{index // 60 % 60:02d}:{index % 60:02d}+07:00",
    }
    fields.update(changes)
    return {name: value for name, value in fields.items() if value is not None}


def put(
    batch: Path,
    dossier_id: str,
    fields: dict[str, Any] | bytes | None = None,
    *,
    fingers: dict[str, bytes] | None = None,
    seed: int = 0,
    picture: bytes | None = b"",
    picture_name: str = "portrait.jpg",
) -> Path:
    """Writes one dossier's folder; by default a sound one whose fingers come from `seed`."""
    folder = batch / dossier_id
    (folder / "fingers").mkdir(parents=True)
    data = (
        fields
        if isinstance(fields, bytes)
        else json.dumps(fields or document(seed + 1), ensure_ascii=False).encode("utf-8", "surrogatepass")
    )
    (folder / "dossier.json").write_bytes(data)
    if fingers is None:
        fingers = {f"{position}.fmr": write(finger(100 * seed + position), "iso-2005") for position in (2, 7, 1)}
    for name, template in fingers.items():
        (folder / "fingers" / name).write_bytes(template)
    if picture is not None:
        (folder / picture_name).write_bytes(picture or portrait(seed))
    return folder
