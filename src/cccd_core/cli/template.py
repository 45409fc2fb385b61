"""cccd template: parses and prints; no logic."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cccd_core.cli.common import JsonOption, console, fail_unless, print_json, show_error
from cccd_core.errors import CccdError, ParameterError

if TYPE_CHECKING:
    from cccd_core.templates import TemplateRecord

FORMAT_HELP = "iso-2005, iso-2005-card, iso-2005-compact, iso-2011, ansi-2004, ansi-2009 or xyt"

FromOption = Annotated[
    str | None, typer.Option("--from", metavar="FORMAT", help="The file's format, where it is not to be detected.")
]
DpiOption = Annotated[float | None, typer.Option("--dpi", help="Resolution of an .xyt file's image, pixels an inch.")]
HeightOption = Annotated[int | None, typer.Option("--height", help="Height of an .xyt file's image, in pixels.")]
WidthOption = Annotated[int | None, typer.Option("--width", help="Width of an .xyt file's image, in pixels.")]


def register(app: typer.Typer) -> None:
    """Adds the commands of this file."""
    template = typer.Typer(help="Look into, convert and draw minutiae templates.", no_args_is_help=True)
    template.command()(info)
    template.command()(convert)
    template.command()(draw)
    app.add_typer(template, name="template")


def info(
    files: Annotated[list[Path], typer.Argument(help="Template files.")],
    from_format: FromOption = None,
    dpi: DpiOption = None,
    height: HeightOption = None,
    width: WidthOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say what is in template files: format, views, fingers, minutiae, resolution.

    Example: cccd template info 101_1.fmr probe.xyt --dpi 500 --height 480
    """
    from cccd_core import templates

    rows: list[dict[str, Any]] = []
    went_well = True
    for path in files:
        try:
            record = templates.load(path, format=from_format, dpi=dpi, height_px=height, width_px=width)
        except CccdError as error:
            went_well = False
            if as_json:
                rows.append({"path": str(path), "error": error.as_dict()})
            else:
                show_error(error.with_facts(path=str(path)), as_json=False)
        else:
            rows.append({"path": str(path), **_description(record)})
            if not as_json:
                _print_record(path, record)
    if as_json:
        print_json(rows)
    fail_unless(went_well)


def convert(
    source: Annotated[Path, typer.Argument(metavar="IN", help="The template file to convert.")],
    to: Annotated[str, typer.Option("--to", metavar="FORMAT", help=f"The format to write: {FORMAT_HELP}.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="The file to write.")],
    from_format: FromOption = None,
    dpi: Annotated[
        float | None,
        typer.Option("--dpi", help="Resolution: that of an .xyt file's image; else the one to convert to."),
    ] = None,
    height: Annotated[int | None, typer.Option("--height", help="The image's height, where the file lacks it.")] = None,
    width: Annotated[int | None, typer.Option("--width", help="The image's width, where the file lacks it.")] = None,
    view: Annotated[int | None, typer.Option("--view", help="Only this view of the file, from 1.")] = None,
    most: Annotated[int | None, typer.Option("--most", help="Keep only so many minutiae, the best.")] = None,
    order: Annotated[str | None, typer.Option("--order", help="Order the minutiae: xy, yx, angle or polar.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Write a template in another format, and say what that format could not hold.

    Example: cccd template convert probe.xyt --dpi 500 --height 480 --to iso-2005 -o probe.fmr
    """
    from dataclasses import replace

    from cccd_core import templates

    record = templates.load(source, format=from_format, dpi=dpi, height_px=height, width_px=width)
    if view is not None:
        if not 1 <= view <= len(record.views):
            raise ParameterError("the file has no such view", view=view, views=len(record.views), path=str(source))
        record = replace(record, views=record.views[view - 1 : view])
    if most is not None:
        record = replace(record, views=tuple(templates.strongest(one, most) for one in record.views))
    if order is not None:
        record = replace(record, views=tuple(templates.order(one, order) for one in record.views))
    wanted_dpi = None if record.format == "xyt" else dpi
    data = templates.write(record, to, dpi=wanted_dpi, height_px=height, width_px=width)
    templates.save(data, out)
    stated = templates.loss(record.format, to)
    result = {
        "path": str(out),
        "format": to,
        "bytes": len(data),
        "views": len(record.views),
        "minutiae": [one.count for one in record.views],
        "loss": {
            "angle_deg": stated.angle_deg,
            "coordinate_mm": stated.coordinate_mm,
            "dropped": list(stated.dropped),
        },
    }
    if as_json:
        print_json(result)
        return
    counts = ", ".join(str(one.count) for one in record.views)
    _say(f"{out}: {templates.FORMATS[to]}, {len(data)} bytes, minutiae: {counts}")
    losses = [f"directions within {stated.angle_deg:.2f} degrees"] if stated.angle_deg else []
    losses += [f"places within {stated.coordinate_mm:g} mm"] if stated.coordinate_mm else []
    losses += [f"not kept: {', '.join(stated.dropped)}"] if stated.dropped else []
    _say(f"against {record.format}: {'; '.join(losses) or 'nothing lost'}")


def draw(
    source: Annotated[Path, typer.Argument(metavar="FILE", help="The template file to draw.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="The PNG file to write.")],
    from_format: FromOption = None,
    dpi: DpiOption = None,
    height: HeightOption = None,
    width: WidthOption = None,
    view: Annotated[int, typer.Option("--view", help="Which view of the file, from 1.")] = 1,
    zoom: Annotated[int, typer.Option("--zoom", min=1, max=8, help="Pixels of the picture a pixel of 500 dpi.")] = 2,
    as_json: JsonOption = False,
) -> None:
    """Draw a template: every minutia with its direction and type.

    Example: cccd template draw 101_1.fmr -o 101_1.png
    """
    from cccd_core import templates
    from cccd_core.templates.draw import draw as picture_of

    record = templates.load(source, format=from_format, dpi=dpi, height_px=height, width_px=width)
    if not 1 <= view <= len(record.views):
        raise ParameterError("the file has no such view", view=view, views=len(record.views), path=str(source))
    chosen = record.views[view - 1]
    finger = templates.POSITIONS.get(chosen.position, "not a finger")
    title = f"{source.name}, {record.format}, finger {chosen.position} ({finger})"
    templates.save(picture_of(chosen, zoom=zoom, title=title), out)
    if as_json:
        print_json({"path": str(out), "minutiae": chosen.count})
    else:
        _say(f"{out}: {chosen.count} minutiae")


def _description(record: TemplateRecord) -> dict[str, Any]:
    from cccd_core.templates import FORMATS, POSITIONS

    return {
        "format": record.format,
        "standard": FORMATS[record.format],
        "product_id": record.product_id,
        "compliance": record.compliance,
        "device_id": record.device_id,
        "views": [
            {
                "position": view.position,
                "finger": POSITIONS.get(view.position, "not a finger"),
                "view": view.view,
                "impression": view.impression,
                "capture_quality": view.capture_quality,
                "minutiae": view.count,
                "endings": int((view.kind == 1).sum()),
                "bifurcations": int((view.kind == 2).sum()),
                "with_quality": int((view.quality > 0).sum()),
                "width_px": view.width_px,
                "height_px": view.height_px,
                "resolution_x_ppcm": view.resolution_x_ppcm,
                "resolution_y_ppcm": view.resolution_y_ppcm,
                "extended_bytes": len(view.extended),
            }
            for view in record.views
        ],
    }


def _print_record(path: Path, record: TemplateRecord) -> None:
    described = _description(record)
    plural = "s" if len(record.views) > 1 else ""
    _say(f"{path}: {described['standard']}, {len(record.views)} view{plural}")
    for number, view in enumerate(described["views"], start=1):
        size = f"{view['width_px']} x {view['height_px']} px" if view["width_px"] else "size not stated"
        extended = f", {view['extended_bytes']} bytes of extended data" if view["extended_bytes"] else ""
        _say(
            f"  view {number}: finger {view['position']} ({view['finger']}), {view['minutiae']} minutiae "
            f"({view['endings']} endings, {view['bifurcations']} bifurcations), {size}, "
            f"{view['resolution_x_ppcm']} x {view['resolution_y_ppcm']} pixels/cm, "
            f"capture quality {view['capture_quality'] or 'not reported'}{extended}"
        )


def _say(text: str) -> None:
    """One line, as it is: a file's name may look like markup."""
    console.print(text, markup=False, highlight=False, soft_wrap=True)
