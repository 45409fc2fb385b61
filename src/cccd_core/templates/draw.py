"""A picture of a template: every minutia with its direction and type."""

from __future__ import annotations

import io
import math

from PIL import Image, ImageDraw, ImageFont

from cccd_core.templates.model import KIND_BIFURCATION, KIND_ENDING, FingerTemplate

DRAWN_PPCM = 197  # every template is drawn at 500 dpi
MAX_SIDE_PX = 2000
FINE = 2  # drawn so many times larger and then reduced, for smooth lines
MARGIN_PX = 24 * FINE
LEGEND_PX = 44 * FINE
MIN_WIDTH_PX = 380 * FINE

_PAPER = "#ffffff"
_FRAME = "#b8b8b8"
_INK = "#222222"
_COLOURS = {KIND_ENDING: "#0b5fa5", KIND_BIFURCATION: "#c4420d"}
_OTHER = "#6b6b6b"
_RADIUS = 4 * FINE
_TAIL = 18 * FINE
_LINE = 3
_FONT_PX = 13 * FINE


def draw(view: FingerTemplate, *, zoom: int = 2, title: str = "") -> bytes:
    """A PNG of the view, `zoom` pixels a pixel of 500 dpi (less where it would pass 2000 pixels a side).

    A ridge ending is a blue ring, a bifurcation an orange square, any other a grey cross; the line leaves in the
    minutia's direction, the darker the better its quality where one is reported.
    """
    across, down = DRAWN_PPCM / view.resolution_x_ppcm, DRAWN_PPCM / view.resolution_y_ppcm
    width = max(view.width_px, int(view.x_px.max(initial=0)) + 1) * across
    height = max(view.height_px, int(view.y_px.max(initial=0)) + 1) * down
    scale = min(float(zoom), MAX_SIDE_PX / max(width, height)) * FINE
    size = (round(width * scale), round(height * scale))
    picture = Image.new(
        "RGB", (max(size[0] + 2 * MARGIN_PX, MIN_WIDTH_PX), size[1] + 2 * MARGIN_PX + LEGEND_PX), _PAPER
    )
    pen = ImageDraw.Draw(picture)
    pen.rectangle((MARGIN_PX, MARGIN_PX, MARGIN_PX + size[0], MARGIN_PX + size[1]), outline=_FRAME, width=FINE)
    reported = bool(view.quality.any())
    columns = (
        view.x_px.tolist(),
        view.y_px.tolist(),
        view.angle_rad.tolist(),
        view.kind.tolist(),
        view.quality.tolist(),
    )
    for x, y, angle, kind, quality in zip(*columns, strict=True):
        place = (MARGIN_PX + x * across * scale, MARGIN_PX + y * down * scale)
        colour = _shade(_COLOURS.get(kind, _OTHER), 0.35 + 0.65 * quality / 100 if reported else 1.0)
        _minutia(pen, place, angle, kind, colour)
    _legend(pen, view, MARGIN_PX + size[1] + 10 * FINE, title)
    buffer = io.BytesIO()
    picture.reduce(FINE).save(buffer, "PNG")
    return buffer.getvalue()


def _minutia(pen: ImageDraw.ImageDraw, place: tuple[float, float], angle: float | None, kind: int, colour: str) -> None:
    x, y = place
    if angle is not None:  # y grows downwards, angles counter-clockwise
        start = (x + _RADIUS * math.cos(angle), y - _RADIUS * math.sin(angle))
        pen.line((start, (x + _TAIL * math.cos(angle), y - _TAIL * math.sin(angle))), fill=colour, width=_LINE)
    box = (x - _RADIUS, y - _RADIUS, x + _RADIUS, y + _RADIUS)
    if kind == KIND_ENDING:
        pen.ellipse(box, outline=colour, width=_LINE)
    elif kind == KIND_BIFURCATION:
        pen.rectangle(box, outline=colour, width=_LINE)
    else:
        pen.line((box[:2], box[2:]), fill=colour, width=_LINE)
        pen.line((box[0], box[3], box[2], box[1]), fill=colour, width=_LINE)


def _legend(pen: ImageDraw.ImageDraw, view: FingerTemplate, top: float, title: str) -> None:
    font = ImageFont.load_default(size=_FONT_PX)
    left = float(MARGIN_PX)
    for kind, name in ((KIND_ENDING, "ending"), (KIND_BIFURCATION, "bifurcation"), (0, "other")):
        text = f"{name} {int((view.kind == kind).sum())}"
        _minutia(pen, (left + _RADIUS, top + 9 * FINE), None, kind, _COLOURS.get(kind, _OTHER))
        pen.text((left + 16 * FINE, top), text, fill=_INK, font=font)
        left += 16 * FINE + pen.textlength(text, font=font) + 18 * FINE
    if title:
        pen.text((MARGIN_PX, top + 20 * FINE), title, fill=_INK, font=font)


def _shade(colour: str, strength: float) -> str:
    channels = (int(colour[place : place + 2], 16) for place in (1, 3, 5))
    return "#" + "".join(f"{round(255 - (255 - channel) * strength):02x}" for channel in channels)
