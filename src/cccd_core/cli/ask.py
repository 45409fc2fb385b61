"""cccd ask: asks a gallery that is served (cccd search --serve). Parses and prints; no logic."""

from __future__ import annotations

import secrets
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

import typer

from cccd_core.cli.common import (
    JsonOption,
    TemplateOptions,
    no_stream,
    options_named,
    tell_passed_over,
    when_interrupted,
)
from cccd_core.cli.options import NOTHING_SAID, with_template_options
from cccd_core.cli.terminal import aligned, print_json, say
from cccd_core.errors import ParameterError

if TYPE_CHECKING:
    from cccd_core.dedup.service.protocol import Reply, Request

Socket: TypeAlias = Annotated[
    Path,
    typer.Argument(metavar="SOCKET", help="Where it is served.", show_default=False, callback=no_stream),
]
PersonDir: TypeAlias = Annotated[
    Path,
    typer.Argument(
        metavar="PERSON_DIR",
        help="A folder with the person's fingers, <position>.<suffix>; its name is sent nowhere.",
        show_default=False,
        callback=no_stream,
    ),
]
IdOption: TypeAlias = Annotated[
    str | None,
    typer.Option("--id", help="The request's own id, to be given again where it is sent again; drawn without it."),
]
WaitOption: TypeAlias = Annotated[
    float,
    typer.Option("--wait", min=0, max=60, help="Seconds to wait for the outcome; then ask cccd ask status."),
]
_ASKED = "what was accepted is carried out: cccd ask status says what came of it"


def register(app: typer.Typer) -> None:
    """Adds the commands of this file."""
    area = typer.Typer(help="Asks a gallery that is served by cccd search --serve.", no_args_is_help=True)
    app.add_typer(area, name="ask")
    area.command(epilog="Example: cccd ask insert ./search.sock A-17 ./person")(insert)
    area.command(epilog="Example: cccd ask identify ./search.sock ./person --json")(identify)
    area.command(epilog="Example: cccd ask delete ./search.sock A-17 --order 'CV 12/2026'")(delete)
    area.command(epilog="Example: cccd ask status ./search.sock 0f31c2d47a90b6e85d1c")(status)


@with_template_options
def insert(
    socket: Socket,
    reference: Annotated[
        str, typer.Argument(help="What the person is to be called by: no name, no personal number.", show_default=False)
    ],
    person_dir: PersonDir,
    id_: IdOption = None,
    wait: WaitOption = 60,
    given: TemplateOptions = NOTHING_SAID,
    as_json: JsonOption = False,
) -> None:
    """Enrols a person under a reference. Nobody is looked for: identify does that.

    Sent again with the same id it is the same request, and nothing is done twice. Other fingers under a reference that
    is taken are refused.
    """
    from cccd_core.dedup.service.protocol import Request

    request = Request("insert", _id(id_), reference, wait=wait)
    _ask(socket, _with_fingers(request, person_dir, given), as_json)


@with_template_options
def identify(
    socket: Socket,
    person_dir: Annotated[
        Path | None,
        typer.Argument(
            metavar="PERSON_DIR",
            help="A folder with the person's fingers, <position>.<suffix>; its name is sent nowhere.",
            show_default=False,
            callback=no_stream,
        ),
    ] = None,
    reference: Annotated[
        str | None,
        typer.Option(help="Somebody who is left out; without PERSON_DIR the one who is compared with all others."),
    ] = None,
    order: Annotated[
        str | None, typer.Option("--order", help="By which order, or on which legal ground; an audit trail has it.")
    ] = None,
    id_: IdOption = None,
    wait: WaitOption = 60,
    given: TemplateOptions = NOTHING_SAID,
    as_json: JsonOption = False,
) -> None:
    """Says whether somebody enrolled is the same, as cccd search does."""
    from cccd_core.dedup.service.protocol import Request

    request = Request("identify", _id(id_), reference, order=order, wait=wait)
    if person_dir is not None:
        request = _with_fingers(request, person_dir, given)
    _ask(socket, request, as_json)


def delete(
    socket: Socket,
    reference: Annotated[str, typer.Argument(help="Whom to take out.", show_default=False)],
    order: Annotated[
        str, typer.Option("--order", help="The number of the order or the legal ground that asks for it.")
    ],
    id_: IdOption = None,
    wait: WaitOption = 60,
    as_json: JsonOption = False,
) -> None:
    """Takes a person out of the gallery, and keeps the order: nobody finds them from now on."""
    from cccd_core.dedup.service.protocol import Request

    _ask(socket, Request("delete", _id(id_), reference, order=order, wait=wait), as_json)


def status(
    socket: Socket,
    request_id: Annotated[
        str | None, typer.Argument(metavar="ID", help="Of a request; of the service without.")
    ] = None,
    wait: WaitOption = 0,
    as_json: JsonOption = False,
) -> None:
    """Tells what came of a request, or how the service stands: people, requests that wait, answers that are kept."""
    from cccd_core.dedup.service.protocol import Request

    _ask(socket, Request("status", request_id, wait=wait), as_json)


def _id(given: str | None) -> str:
    return secrets.token_hex(16) if given is None else given


def _with_fingers(request: Request, folder: Path, options: TemplateOptions) -> Request:
    from cccd_core.dedup.service.protocol import sent
    from cccd_core.intake.people import finger_files

    passed_over: Counter[str] = Counter()
    fingers = sent([(position, data) for _, position, data in finger_files(folder, options.described, passed_over)])
    tell_passed_over(passed_over)
    return replace(
        request, fingers=fingers, format=options.format, dpi=options.dpi, height_px=options.height,
        width_px=options.width,
    )  # fmt: skip


def _ask(socket: Path, request: Request, as_json: bool) -> None:
    from cccd_core.dedup.service.client import Client, outcome_of

    when_interrupted(_ASKED)
    try:
        with options_named(), Client(socket) as client:
            reply = outcome_of(client.ask(request))
    except ParameterError as error:
        if error.facts.get("field") in ("id", "wait", "order"):
            error.with_facts(option=f"--{error.facts['field']}")
        raise
    if as_json:
        from cccd_core.plain import encode_record

        print_json(encode_record(reply))
    else:
        _show(reply)


def _show(reply: Reply) -> None:
    from cccd_core.cli.search import show_looked
    from cccd_core.dedup.service.protocol import identified_in

    found = identified_in(reply)
    if found is not None:
        show_looked(found, [Path(reply.id or "")])
        return
    if reply.id is not None:
        say(f"request {reply.id}: {reply.operation}, {reply.state}")
    told: Any = reply.outcome
    if told:
        say(*aligned({name.replace("_", " "): value for name, value in told.items()}))
