"""A finger as it looks where its image was mirrored: from behind, or by a scanner or a program set wrongly.

A mirrored print has the score of a stranger, whoever's it is; mirrored once more, the score it would have had.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from cccd_core.templates import FULL_TURN, FingerTemplate


def mirrored(template: FingerTemplate) -> FingerTemplate:
    """The mirror image: x becomes width - 1 - x, a direction 180 degrees less itself. Extended data are left out."""
    width = max(template.width_px, int(template.x_px.max(initial=0)) + 1)
    x_px = width - 1 - template.x_px.astype(np.int64)
    angle = (FULL_TURN // 2 - template.angle.astype(np.int64)) % FULL_TURN
    return replace(template, x_px=x_px.astype(np.uint16), angle=angle.astype(np.uint16), extended=b"")
