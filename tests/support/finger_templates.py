"""Templates made for tests: strategies of what each format can say, and the real files, sampled."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from hypothesis import strategies as st

from cccd_core.templates import FingerTemplate, TemplateRecord
from cccd_core.templates.angles import BINARY
from cccd_core.templates.convert import CAPACITY

MAX_COORDINATE = {"iso-2005-card": 2540, "iso-2005-compact": 250, "nist-itl-legacy": 2540}
HEIGHT_PX = 500
WIDTH_PX = 480
# What the 62 steps of the legacy form, and "not known", are read as.
LEGACY_QUALITIES = np.array([0, *(100 - round(step * 99 / 61) for step in range(62))])


@st.composite
def views(draw: st.DrawFn, name: str, *, max_count: int = 12) -> FingerTemplate:
    """A view as a file of format `name` can hold it, in its own angle steps and resolution."""
    capacity = CAPACITY[name]
    count = draw(st.integers(0, max_count))

    def column(least: int, most: int) -> np.ndarray:
        return np.array(draw(st.lists(st.integers(least, most), min_size=count, max_size=count)), dtype=np.int64)

    most = MAX_COORDINATE.get(name)
    y = column(0, most or HEIGHT_PX - 1)
    height = HEIGHT_PX if capacity.size or name == "xyt" else 0
    if name == "nist-itl-legacy":  # rows are counted from the highest minutia, and the lowest image is the image
        y -= y.min(initial=most)
        height = int(y.max(initial=-1)) + 1 + (draw(st.integers(0, 100)) if count else 0)
    ppcm = capacity.resolution_ppcm or draw(st.sampled_from([197, 394, 100]))
    extended = b""
    if capacity.extended:
        extended = draw(
            st.sampled_from([b"", bytes.fromhex("0001000801000102"), bytes.fromhex("010100061234"), b"\x01"])
        )
    return FingerTemplate(
        column(0, most or WIDTH_PX - 1),
        y,
        BINARY[capacity.angle_steps][column(0, capacity.angle_steps - 1)],
        column(0, 2 if capacity.kind else 0),
        LEGACY_QUALITIES[column(0, 62)] if name == "nist-itl-legacy" else column(0, 100 if capacity.quality else 0),
        width_px=WIDTH_PX if capacity.size else 0,
        height_px=height,
        resolution_x_ppcm=ppcm,
        resolution_y_ppcm=ppcm,
        position=draw(st.integers(0, 10)) if capacity.position else 0,
        impression=draw(st.sampled_from([0, 1, 8])) if capacity.position else 0,
        capture_quality=draw(st.integers(0, 100)) if capacity.position and capacity.numbered else 0,
        extended=extended,
    )


@st.composite
def records(draw: st.DrawFn, name: str) -> TemplateRecord:
    """A record of one view, or of several where the format takes them."""
    view = draw(views(name))
    if CAPACITY[name].max_views == 1 or draw(st.booleans()):
        return TemplateRecord(name, (view,))
    return TemplateRecord(name, (view, view))


def sample(fingerprints: Path, each: int) -> list[Path]:
    """Real files, evenly taken: `each` of every set and extractor."""
    chosen: list[Path] = []
    for folder in sorted(path for path in fingerprints.glob("*/*") if path.is_dir()):
        files = sorted(folder.glob("*.fmr"))
        chosen += files[:: max(1, len(files) // each)][:each]
    return chosen
