"""cccd template: parses and prints; no logic."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cccd_core.cli.common import (
    EXIT_FAULTS,
    EXIT_NOT_RUN,
    FORMATS_HELP,
    OUT_HELP,
    VIEW_HELP,
    FormatOption,
    HeightOption,
    JsonOption,
    PositionOption,
    TemplateOptions,
    ViewOption,
    WidthOption,
    exit_with,
    one_choice,
    one_stream,
    options_named,
    picture_name,
    reports_beside,
    say_doubts,
    write_output,
)
from cccd_core.cli.options import NOTHING_SAID, with_template_options
from cccd_core.cli.terminal import print_json, say, show_error
from cccd_core.errors import CccdError, ParameterError
from cccd_core.printable import shown

if TYPE_CHECKING:
    from cccd_core.templates import FingerTemplate, TemplateRecord


def register(app: typer.Typer) -> None:
    """Adds the commands of this file."""
    area = typer.Typer(help="Look into, convert and draw minutiae templates.", no_args_is_help=True)
    app.add_typer(area, name="template")
    area.command(epilog="Example: cccd template info 101_1.fmr probe.xyt --dpi 500 --height 480")(info)
    area.command(epilog="Example: cccd template convert probe.xyt --dpi 500 --height 480 --to iso-2005 -o probe.fmr")(
        convert
    )
    area.command(epilog="Example: cccd template draw 101_1.fmr -o 101_1.png")(draw)


@with_template_options
def info(
    files: Annotated[list[Path], typer.Argument(help="Template files; - is standard input.", callback=one_stream)],
    given: TemplateOptions = NOTHING_SAID,
    view: ViewOption = None,
    position: PositionOption = None,
    as_json: JsonOption = False,
) -> None:
    """Says what is in template files: format, views, fingers, minutiae, resolution.

    All views, unless --view or --position says which; a file of one view has no other.
    Exit code 1 when one of several cannot be read, 3 when the only one cannot.
    """
    one_choice(view, position)
    rows: list[dict[str, Any]] = []
    failed = 0
    for path in files:
        try:
            record = given.load(path)
            with options_named():
                used = None if view is None and position is None else record.select(view, position)
        except CccdError as error:
            failed += 1
            if as_json:
                rows.append({"path": str(path), "error": error.as_dict()})
            else:
                show_error(error.with_facts(path=str(path)), as_json=False)
        else:
            if as_json:
                rows.append({"path": str(path), **_description(record, used), **_doubts(record, used)})
            else:
                _print_record(path, record, used)
    if as_json:
        print_json(rows)
    if failed:
        exit_with(EXIT_FAULTS if len(files) > 1 else EXIT_NOT_RUN)


def convert(
    source: Annotated[Path, typer.Argument(metavar="IN", help="The template file to convert; - is standard input.")],
    to: Annotated[str, typer.Option("--to", metavar="FORMAT", help=f"The format to write: {FORMATS_HELP}.")],
    out: Annotated[Path, typer.Option("--out", "-o", metavar="FILE", help=f"{OUT_HELP}.")],
    format_: FormatOption = None,
    dpi: Annotated[
        float | None,
        typer.Option("--dpi", help="Resolution of the image where the template lacks it; else the one to convert to."),
    ] = None,
    from_dpi: Annotated[
        float | None, typer.Option("--from-dpi", help="Resolution of the image, in place of the one that is stated.")
    ] = None,
    height: HeightOption = None,
    width: WidthOption = None,
    view: Annotated[int | None, typer.Option("--view", min=1, help=f"{VIEW_HELP}; all without it.")] = None,
    position: PositionOption = None,
    most: Annotated[int | None, typer.Option("--most", min=1, help="Keep only so many minutiae, the best.")] = None,
    order: Annotated[str | None, typer.Option("--order", help="Order the minutiae: xy, yx, angle or polar.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Writes a template in another format, and says what that format could not hold."""
    from dataclasses import replace

    from cccd_core import templates

    one_choice(view, position)
    reports_beside(out)
    given, wanted_dpi = _to_convert(source, TemplateOptions(format_, from_dpi, height, width), dpi)
    chosen = given
    if view is not None or position is not None:
        chosen = replace(given, views=(_chosen(given, view, position, source),))
    record = chosen
    if most is not None:
        record = replace(record, views=tuple(templates.strongest(one, most) for one in record.views))
    if order is not None:
        record = replace(record, views=tuple(templates.order(one, order) for one in record.views))
    with options_named(format="--to"):
        data = templates.write(record, to, dpi=wanted_dpi, height_px=height, width_px=width)
    write_output(out, data, True)
    stated = templates.loss(record.format, to, dpi=wanted_dpi)
    written = templates.convert(record, to, dpi=wanted_dpi, height_px=height, width_px=width)
    gone = templates.lost(chosen, written)
    if len(chosen.views) < len(given.views):
        gone = ("views", *gone)
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
            "kept_ppcm": stated.kept_ppcm,
        },
        "lost": list(gone),
    }
    if as_json:
        print_json(result)
        return
    counts = ", ".join(str(one.count) for one in record.views)
    say(f"{out}: {templates.FORMATS[to]}, {len(data)} bytes, minutiae: {counts}")
    losses = [f"directions within {stated.angle_deg:.2f} degrees"] if stated.angle_deg else []
    losses += [f"places within {stated.coordinate_mm:g} mm"] if stated.coordinate_mm else []
    losses += [f"not kept: {', '.join(gone)}"] if gone else []
    say(f"against {record.format}: {'; '.join(losses) or 'nothing lost'}")
    if stated.kept_ppcm:
        say(
            f"the resolution stays {stated.kept_ppcm} pixels/cm, the unit of {record.format}: "
            "--dpi 500 writes the usual"
        )


def _to_convert(source: Path, options: TemplateOptions, dpi: float | None) -> tuple[TemplateRecord, float | None]:
    """The record to convert, and the resolution to convert it to: `dpi` is that of a source that states none."""
    if options.dpi is not None:
        return options.load(source), dpi
    record, taken = options.load_filling(source, dpi)
    return record, None if taken else dpi


@with_template_options
def draw(
    source: Annotated[Path, typer.Argument(metavar="FILE", help="The template file to draw; - is standard input.")],
    out: Annotated[Path, typer.Option("--out", "-o", metavar="FILE.png", help=f"{OUT_HELP}.", callback=picture_name)],
    given: TemplateOptions = NOTHING_SAID,
    view: ViewOption = None,
    position: PositionOption = None,
    zoom: Annotated[int, typer.Option("--zoom", min=1, max=8, help="Pixels of the picture a pixel of 500 dpi.")] = 2,
    as_json: JsonOption = False,
) -> None:
    """Draws a template: every minutia with its direction and type.

    Of a file with several finger views the first is drawn, unless --view or --position says which.
    """
    from cccd_core import templates
    from cccd_core.templates.draw import draw as picture_of

    one_choice(view, position)
    reports_beside(out)
    record = given.load(source)
    chosen = _chosen(record, view, position, source)
    number = next(number for number, each in enumerate(record.views, start=1) if each is chosen)
    finger = templates.POSITIONS.get(chosen.position, "not a finger")
    title = f"{shown(source.name)}, {record.format}, finger {chosen.position} ({finger})"
    write_output(out, picture_of(chosen, zoom=zoom, title=title), True)
    if as_json:
        print_json({"path": str(out), "minutiae": chosen.count, "views": len(record.views), "view": number})
    else:
        say(f"{out}: {chosen.count} minutiae")
        say_doubts(record, used=chosen)


def _chosen(record: TemplateRecord, view: int | None, position: int | None, source: Path) -> FingerTemplate:
    """The view that is asked for, the first where none is; here a file of one view has no second one either."""
    if view is not None and not 1 <= view <= len(record.views):
        raise ParameterError(
            "the file has no such view", view=view, views=len(record.views), option="--view", path=str(source)
        )
    with options_named():
        try:
            return record.select(view, position)
        except ParameterError as error:
            raise error.with_facts(path=str(source)) from None


def _description(record: TemplateRecord, used: FingerTemplate | None) -> dict[str, Any]:
    from cccd_core.templates import FORMATS, POSITIONS

    return {
        "format": record.format,
        "standard": FORMATS[record.format],
        "product_id": record.product_id,
        "compliance": record.compliance,
        "device_id": record.device_id,
        "views": [
            {
                "number": number,
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
            for number, view in enumerate(record.views, start=1)
            if used is None or view is used
        ],
    }


def _doubts(record: TemplateRecord, used: FingerTemplate | None) -> dict[str, Any]:
    from cccd_core.intake import examine

    return {
        "notices": [notice.as_dict() for notice in record.notices],
        "findings": [
            finding.as_dict()
            for view in record.views
            if used is None or view is used
            for finding in examine(record, view)
        ],
    }


def _print_record(path: Path, record: TemplateRecord, used: FingerTemplate | None) -> None:
    described = _description(record, used)
    plural = "s" if len(record.views) > 1 else ""
    say(f"{path}: {described['standard']}, {len(record.views)} view{plural}")
    for view in described["views"]:
        size = f"{view['width_px']} x {view['height_px']} px" if view["width_px"] else "size not stated"
        extended = f", {view['extended_bytes']} bytes of extended data" if view["extended_bytes"] else ""
        say(
            f"  view {view['number']}: finger {view['position']} ({view['finger']}), {view['minutiae']} minutiae "
            f"({view['endings']} endings, {view['bifurcations']} bifurcations), {size}, "
            f"{view['resolution_x_ppcm']} x {view['resolution_y_ppcm']} pixels/cm, "
            f"capture quality {view['capture_quality'] or 'not reported'}{extended}"
        )
    say_doubts(record, used=used)
