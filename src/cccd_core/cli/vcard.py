"""cccd vcard: makes, serves, describes and reads software cards. Parses and prints; no logic."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from cccd_core.cli.common import JsonOption, PkiOption, fail_unless, no_stream
from cccd_core.cli.terminal import aligned, cell, print_json, say, show, table, tell

CardFile = Annotated[Path, typer.Argument(help="The file of a software card.", callback=no_stream)]


def register(app: typer.Typer) -> None:
    """Adds the commands of this file."""
    area = typer.Typer(help="Software cards: blank, served to any reader program, read back.", no_args_is_help=True)
    app.add_typer(area, name="vcard")
    area.command(epilog="Example: cccd vcard new out/blank.card")(new)
    area.command(epilog="Example: cccd vcard serve out/blank.card --port 35963")(serve)
    area.command(epilog="Example: cccd vcard info out/blank.card --json")(info)
    area.command(epilog="Example: cccd vcard read out/cards/0123456789ABCDEF.card --can 123456 --pki out/pki")(read)


def new(
    file: Annotated[
        Path, typer.Argument(help="Where the card's file goes; nothing may be there yet.", callback=no_stream)
    ],
    serial: Annotated[
        str | None, typer.Option("--serial", help="Eight bytes in hexadecimal; random if left out.")
    ] = None,
    pki: PkiOption = None,
    vietnamese: Annotated[
        bool, typer.Option("--no-select-mf", help="Refuse SELECT MF with 6D00, as cards in the field in Vietnam do.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Makes a blank card. Its transport keys come from the PKI's card master key, or from the public TEST one."""
    from cccd_core.card.virtual import VirtualCard
    from cccd_core.pki import TEST_CARD_MASTER_KEY

    master_key = TEST_CARD_MASTER_KEY
    if pki is not None:
        from cccd_core.personalise import card_master_key

        master_key = card_master_key(pki)
    with VirtualCard.create(file, serial=_serial(serial), master_key=master_key, select_mf=not vietnamese) as card:
        _show(_facts(card, file), as_json)


def serve(
    file: CardFile,
    port: Annotated[int, typer.Option("--port", min=1, max=65535, help="Where the virtual reader waits.")] = 35963,
    host: Annotated[str, typer.Option("--host", help="The machine of the virtual reader.")] = "127.0.0.1",
) -> None:
    """Keeps a card in a virtual reader (pcscd with vpcd) until Ctrl-C; what it stores is in its file first."""
    import signal
    import threading

    from cccd_core.card.virtual import VirtualCard, server

    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())

    def told(connected: bool) -> None:
        tell("the card is in the reader" if connected else "the reader let go of the card")

    with VirtualCard.open(file) as card:
        tell(f"card {card.serial.hex().upper()} looks for a virtual reader at {host}:{port}; Ctrl-C takes it out")
        server.serve(card, port, host=host, stop=stop, on_connect=told)


def info(file: CardFile, as_json: JsonOption = False) -> None:
    """Says what the holder of a card's file can see: serial, life cycle, files and sizes, no contents, no secrets."""
    from cccd_core.card.virtual import VirtualCard

    with VirtualCard.open(file) as card:
        _show(_facts(card, file), as_json)


def read(
    file: Annotated[
        Path | None, typer.Argument(help="The file of a software card; or use --reader.", callback=no_stream)
    ] = None,
    reader: Annotated[str | None, typer.Option("--reader", help="The name of a PC/SC reader, or a part of it.")] = None,
    can: Annotated[str | None, typer.Option("--can", help="The card access number, six digits: PACE.")] = None,
    mrz: Annotated[
        str | None, typer.Option("--mrz", help="The machine readable zone, lines joined or one to a line: BAC.")
    ] = None,
    pki: PkiOption = None,
    as_json: JsonOption = False,
) -> None:
    """Reads a card through its front door, checks it down to the CSCA, and shows it field by field.

    Without --pki no authority is trusted, and the card cannot pass. Exit code 0 only for a card that passes all checks.
    """
    from cccd_core.card.transport.memory import MemoryLink
    from cccd_core.card.virtual import VirtualCard
    from cccd_core.emrtd import mrz as mrz_format
    from cccd_core.inspection import Access, Verdict, inspect
    from cccd_core.pki import TrustStore, load

    if (file is None) == (reader is None):
        raise typer.BadParameter("name either the file of a software card or a reader with --reader")
    if (can is None) == (mrz is None):
        raise typer.BadParameter("give either --can or --mrz")
    trust = TrustStore(()) if pki is None else load(pki).trust_store()
    access = Access(can, None if mrz is None else mrz_format.parse(mrz).information)
    if file is not None:
        with VirtualCard.open(file) as card:
            result = inspect(MemoryLink(card), trust, access=access)
    else:
        link = _pcsc(reader or "")
        try:
            result = inspect(link, trust, access=access)
        finally:
            link.close()
    if as_json:
        print_json(result.as_dict())
    else:
        _print_card(result)
    fail_unless(result.verdict is Verdict.GENUINE)


def _pcsc(part: str) -> Any:
    from cccd_core.card.transport.pcsc import PcscLink, readers
    from cccd_core.errors import UnavailableError

    names = readers()
    found = [name for name in names if name == part] or [name for name in names if part in name]
    if len(found) != 1:
        raise UnavailableError(
            "not exactly one reader has this name", needs="one of: " + (", ".join(names) or "(no reader)"), name=part
        )
    return PcscLink(found[0])


def _print_card(result: Any) -> None:
    fields = table("field", "on the card", title="The card, field by field")
    for name, value in result.fields.items():
        fields.add_row(cell(name), cell(value))
    show(fields)
    checks = table("check", "outcome", "detail")
    for check in result.checks:
        said = {None: (str(check.outcome), ""), True: ("holds", "green"), False: ("FAILS", "bold red")}[check.passed]
        checks.add_row(cell(check.label), cell(*said), cell(check.detail))
    show(checks)


def _serial(text: str | None) -> bytes | None:
    if text is None:
        return None
    try:
        serial = bytes.fromhex(text)
    except ValueError:
        serial = b""
    if len(serial) != 8:
        raise typer.BadParameter("a serial is eight bytes in hexadecimal", param_hint="--serial")
    return serial


def _facts(card: Any, file: Path) -> dict[str, Any]:
    from cccd_core.emrtd.files import ElementaryFile

    names = {(known.in_application, known.fid): known.label for known in ElementaryFile}
    memory = card.memory
    return {
        "path": str(file),
        "serial": card.serial.hex().upper(),
        "life_cycle": card.life_cycle.name.lower(),
        "files": {
            names.get((bool(place), fid), f"{fid:04X}"): len(stored.content)
            for (place, fid), stored in sorted(memory.files.items())
        },
        "bytes_used": memory.bytes_used,
        "memory_bytes": memory.identity.memory_bytes,
        "secrets": len(memory.secrets),
        "scp03_sessions": memory.sequence_counter,
        "scp03_failures": memory.channel_failures,
        "access_failures": memory.access_failures,
    }


def _show(facts: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print_json(facts)
        return
    files = ", ".join(f"{name} {size}" for name, size in facts["files"].items()) or "none"
    say(*aligned(facts | {"files": files}))
