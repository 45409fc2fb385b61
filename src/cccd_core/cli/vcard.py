"""cccd vcard: makes, serves and describes software cards; `cccd card` reads them. Parses and prints; no logic."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from cccd_core.cli.common import JsonOption, PkiOption, no_stream
from cccd_core.cli.terminal import aligned, print_json, say, tell

CardFile = Annotated[Path, typer.Argument(help="The file of a software card.", callback=no_stream)]


def register(app: typer.Typer) -> None:
    """Adds the commands of this file."""
    area = typer.Typer(help="Software cards: blank, served to any reader program.", no_args_is_help=True)
    app.add_typer(area, name="vcard")
    area.command(epilog="Example: cccd vcard new out/blank.card")(new)
    area.command(epilog="Example: cccd vcard serve out/blank.card --port 35963")(serve)
    area.command(epilog="Example: cccd vcard info out/blank.card --json")(info)


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
    from cccd_core.card.card_keys import CardMasterKey
    from cccd_core.card.virtual import VirtualCard
    from cccd_core.pki import TEST_CARD_MASTER_KEY

    master_key = CardMasterKey(TEST_CARD_MASTER_KEY)
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
        "key_version": memory.identity.keys.version,
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
