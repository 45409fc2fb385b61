"""cccd card: reads and verifies any chip, in a reader or in a software card's file. Parses and prints; no logic."""

from __future__ import annotations

import datetime as dt
import logging
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer

from cccd_core.cli import card_keys
from cccd_core.cli.card_link import CardFile, ReaderOption, link_to
from cccd_core.cli.card_shown import closing, show_checks, show_fields, show_files, show_verdict
from cccd_core.cli.common import (
    EXIT_FAULTS,
    EXIT_UNDECIDED,
    STREAM,
    JsonOption,
    PkiOption,
    TemplateOptions,
    exit_with,
    no_stream,
    one_stream,
    reports_beside,
    write_output,
)
from cccd_core.cli.options import NOTHING_SAID, with_template_options
from cccd_core.cli.prints import load_print
from cccd_core.cli.terminal import print_json, tell
from cccd_core.cli.told import ActorOption, OrderOption, TrailOption, recording
from cccd_core.errors import CccdError, ParameterError
from cccd_core.storage import whole_file

if TYPE_CHECKING:
    from cccd_core.inspection import Access, Inspection
    from cccd_core.issuance.holder import HolderComparison
    from cccd_core.pki import Certificate, TrustStore, VerificationPolicy
    from cccd_core.templates import FingerTemplate, TemplateRecord

_ZONE_LENGTHS = (72, 88, 90)
_TOLD = 5  # of what is left out of trust material, each in a line of its own
logger = logging.getLogger(__name__)

CanOption: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--can", metavar="CAN", help="The six digits printed on the card; - asks for them, or reads standard input."
    ),
]
MrzOption: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--mrz",
        metavar="MRZ",
        help="The machine readable zone, its lines joined or one to a line; - asks for it, or reads standard input.",
    ),
]
NoneOption: TypeAlias = Annotated[
    bool, typer.Option("--pin-none", help="The chip has no access control: read it without any secret.")
]
TerminalOption: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        "--terminal",
        metavar="FOLDER",
        help="Whose rights to fingerprints are used: the CV folder of an inspection system (cccd pki cv).",
        callback=no_stream,
    ),
]
TrustOption: TypeAlias = Annotated[
    list[Path] | None,
    typer.Option(
        "--trust",
        metavar="PATH",
        help="Whom to trust: certificates, revocation lists, master lists, as DER, PEM, LDIF, or a folder of these.",
        callback=no_stream,
    ),
]
RootOption: TypeAlias = Annotated[
    list[Path] | None,
    typer.Option(
        "--root",
        metavar="PATH",
        help="Certificates that prove the master lists of --trust, and are not trusted for documents themselves.",
        callback=no_stream,
    ),
]
PolicyOption: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        "--policy",
        metavar="strict|legacy|RULE=ACTION",
        help="What happens where a rule does not hold: strict without it, legacy for old passports, and any rule "
        "=refuse, =flag or =ignore.",
    ),
]
SignerOption: TypeAlias = Annotated[
    list[Path] | None,
    typer.Option(
        "--ds", metavar="PATH", help="A document signer's certificate that the chip lacks.", callback=no_stream
    ),
]
WaitOption: TypeAlias = Annotated[bool, typer.Option("--wait", help="Wait until a card is in the reader.")]
PatienceOption: TypeAlias = Annotated[
    float, typer.Option("--patience", metavar="SECONDS", min=0, help="How long --wait waits.")
]
AtOption: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--at", metavar="TIME", help="Judge as of this day, or time with its zone (ISO 8601); now without it."
    ),
]
FingerOption: TypeAlias = Annotated[
    list[Path] | None,
    typer.Option(
        "--finger",
        metavar="FILE",
        help="A finger of the holder, template or image, to compare with DG3.",
        callback=one_stream,
    ),
]


def _rate(value: float) -> float:
    if not 0.0 < value < 1.0:  # a range of typer's lets through what is no number
        raise typer.BadParameter("a rate lies between 0 and 1, both left out")
    return value


FmrOption: TypeAlias = Annotated[
    float,
    typer.Option("--fmr", help="Of how many strangers at most one may pass for the holder, as a rate.", callback=_rate),
]
PortraitOption: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        "--portrait", metavar="FILE", help="Write the portrait: PNG for a name in .png, else as it is on the chip."
    ),
]
FilesOption: TypeAlias = Annotated[
    Path | None,
    typer.Option("--files", metavar="FOLDER", help="Write every file of the chip as it is.", callback=no_stream),
]


_READ = """Reads a chip and shows what it says, field by field, with the verdict below.

PACE with what is known of the card, or basic access control where the chip has no PACE. Exit code 0 for a genuine
document in force, 1 for one that is not (or not the holder's), 4 where that could not be told: without anybody to
trust it never can.
"""
_VERIFY = """Verifies a chip and shows every check and the verdict, and nothing of what the chip says of a person.

Options and exit codes are those of `cccd card read`.
"""


def register(app: typer.Typer) -> None:
    """Adds the commands of this file."""
    area = typer.Typer(help="Any chip: read, verified, compared with its holder.", no_args_is_help=True)
    app.add_typer(area, name="card")
    read = _command(show_fields, personal=True, words=_READ)
    verify = _command(show_checks, personal=False, words=_VERIFY)
    area.command("read", epilog="Example: cccd card read --can 123456 --pki out/pki --portrait face.png")(read)
    area.command(
        "verify",
        epilog="Example: cccd card verify --can 123456 --pki out/pki --terminal out/pki/cv/is --finger index.fmr",
    )(verify)
    card_keys.register(area)


@dataclass(frozen=True, slots=True, repr=False)
class _Asked:
    """What both commands take."""

    file: Path | None
    reader: str | None
    can: str | None
    mrz: str | None
    open_chip: bool
    pki: Path | None
    trust: list[Path]
    roots: list[Path]
    signers: list[Path]
    policy: list[str]
    terminal: Path | None
    wait_s: float | None
    at: str | None
    fingers: list[Path]
    templates: TemplateOptions
    fmr: float
    portrait: Path | None
    files: Path | None
    trail: str | None
    who: str | None
    order: str | None


def _command(show_it: Callable[[Inspection], None], *, personal: bool, words: str) -> Callable[..., None]:
    """One of the two commands: they do the same, and show different things of it."""

    @with_template_options
    def command(
        file: CardFile = None,
        reader: ReaderOption = None,
        can: CanOption = None,
        mrz: MrzOption = None,
        no_access_control: NoneOption = False,
        pki: PkiOption = None,
        trust: TrustOption = None,
        root: RootOption = None,
        ds: SignerOption = None,
        policy: PolicyOption = None,
        terminal: TerminalOption = None,
        wait: WaitOption = False,
        patience: PatienceOption = 60.0,
        at: AtOption = None,
        finger: FingerOption = None,
        fmr: FmrOption = 1e-4,
        given: TemplateOptions = NOTHING_SAID,
        portrait: PortraitOption = None,
        files: FilesOption = None,
        trail: TrailOption = None,
        actor: ActorOption = None,
        order: OrderOption = None,
        as_json: JsonOption = False,
    ) -> None:
        asked = _Asked(
            file, reader, can, mrz, no_access_control, pki, trust or [], root or [], ds or [], policy or [],
            terminal, patience if wait else None, at, finger or [], given, fmr, portrait, files, trail, actor, order,
        )  # fmt: skip
        reports_beside(portrait)
        inspection, holder = _inspected(asked, "card_read" if personal else "card_verified")
        if as_json:
            told = inspection.as_dict(personal=personal)
            compared = None if holder is None else holder.as_dict()
            print_json({**told, "holder": compared, "closing": closing(inspection, holder, bool(asked.fingers))})
        else:
            show_it(inspection)
            show_files(inspection)
            show_verdict(inspection, holder, bool(asked.fingers))
        _end(inspection, holder, bool(asked.fingers))

    command.__doc__ = words
    return command


# -- what is done


def _inspected(asked: _Asked, what: str) -> tuple[Inspection, HolderComparison | None]:
    """What is wrong with the command line, and with the files on it, is found before a card is touched."""
    import hashlib

    from cccd_core.card.trace import for_debugging
    from cccd_core.emrtd import ElementaryFile
    from cccd_core.inspection import inspect

    access = _access(asked)
    policy = _policy(asked.policy)
    at = None if asked.at is None else _time(asked.at)
    trust, more = _trust(asked, at, policy)
    probes = [finger for path in asked.fingers for finger in _fingers(load_print(asked.templates, path).record)]
    with (
        link_to(asked.file, asked.reader, wait_s=asked.wait_s) as link,
        recording(asked.trail, "reading", what, asked.who, "inspector", order=asked.order) as outcome,
    ):
        inspection = inspect(link, trust, access=access, policy=policy, at=at, more=more, trace=for_debugging())
        outcome.reason = str(inspection.verdict)
        signed = inspection.files.get(ElementaryFile.EF_SOD)  # it names the card's data, and nobody
        outcome.person = None if signed is None else f"sha256:{hashlib.sha256(signed).hexdigest()}"
    logger.info("a chip was inspected: %s", inspection.verdict)
    if asked.files is not None:
        for file, content in inspection.files.items():
            whole_file.write(asked.files / f"{file.label}.bin", content, private=True, folders=True)
    if asked.portrait is not None:
        _write_portrait(asked.portrait, inspection)
    return inspection, _compared(inspection, probes, asked.fmr) if probes else None


def _access(asked: _Asked) -> Access:
    from cccd_core.inspection import Access

    if asked.open_chip == (asked.can is not None or asked.mrz is not None):
        raise typer.BadParameter("give --can, --mrz or both; or --pin-none for a chip without access control")
    if [asked.can, asked.mrz, *map(str, asked.fingers)].count("-") > 1:
        raise typer.BadParameter("`-` is standard input, which can be read once; it is given more than once")
    terminal = None
    if asked.terminal is not None:
        from cccd_core.pki.cv import CvFolder

        terminal = CvFolder.load(asked.terminal).terminal()
    return Access.typed(can=_secret(asked.can, "CAN", 1), mrz=_secret(asked.mrz, "MRZ", 3), terminal=terminal)


def _secret(given: str | None, name: str, lines: int) -> str | None:
    if given != "-":
        return given
    if sys.stdin is not None and sys.stdin.isatty():
        return str(typer.prompt(f"{name} of the card (not shown)", hide_input=True, err=True))
    text = ""
    for _ in range(0 if sys.stdin is None else lines):
        text += sys.stdin.readline(200).strip()
        if len(text) in _ZONE_LENGTHS:
            break  # whole: a scanner that keeps the line open is not waited for
    return text


def _trust(
    asked: _Asked, at: dt.datetime | None, policy: VerificationPolicy
) -> tuple[TrustStore, tuple[Certificate, ...]]:
    """Whom to trust, and the certificates that help a document along; what is left out is told."""
    from cccd_core.pki import load, material

    signers, roots = material.load(*asked.signers), material.load(*asked.roots)
    if asked.signers and not signers.certificates:
        raise signers.refused[0] if signers.refused else ParameterError("no certificate in it", option="--ds")
    left_out = [*signers.refused, *roots.trust_store(at, policy=policy).refused]
    if not asked.trust and asked.pki is not None:
        store, more = load(asked.pki).trust_store(), signers.certificates
    else:
        given = material.load(*asked.trust, *([] if asked.pki is None else [asked.pki]))
        store = given.trust_store(at, policy=policy, roots=roots)
        more = (*signers.certificates, *given.signers)
    left_out += store.refused
    for error in left_out[:_TOLD]:
        tell(f"left out: {error}")
    if len(left_out) > _TOLD:
        tell(f"left out: {len(left_out) - _TOLD} more")
    if not len(store):
        given_any = asked.trust or asked.pki is not None
        why = "nothing that was given is the certificate of an authority" if given_any else "no --trust was given"
        tell(f"nobody is trusted: {why}")
    return store, more


def _fingers(record: TemplateRecord) -> list[FingerTemplate]:
    """One view of each finger of a record."""
    return list({view.position: view for view in reversed(record.views)}.values())[::-1]


def _policy(words: list[str]) -> VerificationPolicy:
    """The last of `strict` and `legacy`, with every change of a rule."""
    from cccd_core.pki import VerificationPolicy

    parts = [part.strip() for word in words for part in word.split(",")]
    base = [part for part in parts if "=" not in part]
    return VerificationPolicy.parse(",".join([*(base or ["strict"])[-1:], *(part for part in parts if "=" in part)]))


def _time(text: str) -> dt.datetime:
    try:
        found = dt.datetime.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter("a time is like 2026-11-01 or 2026-11-01T08:00:00+07:00", param_hint="--at") from None
    if found.tzinfo is None and len(text.strip()) > len("2026-11-01"):
        raise typer.BadParameter("a time of day needs its zone, as in 2026-11-01T08:00:00+07:00", param_hint="--at")
    return found if found.tzinfo else found.replace(tzinfo=dt.UTC)


def _write_portrait(path: Path, inspection: Inspection) -> None:
    from cccd_core.inspection.portrait import as_png, portrait

    try:
        image = portrait(inspection.files)
        if path != STREAM and path.suffix.lower() == ".png":
            image = as_png(image)
    except CccdError as error:
        tell(f"no portrait is written: {error}")
        return
    write_output(path, image, True)


def _compared(inspection: Inspection, probes: list[FingerTemplate], fmr: float) -> HolderComparison | None:
    from cccd_core.emrtd import ElementaryFile
    from cccd_core.errors import FormatError, UnavailableError
    from cccd_core.issuance.holder import compare_holder

    content = inspection.files.get(ElementaryFile.DG3)
    if content is None:
        return None
    try:
        return compare_holder(content, probes, fmr=fmr)
    except (FormatError, UnavailableError) as error:
        tell(f"the fingers cannot be compared: {error}")
        return None


def _end(inspection: Inspection, holder: HolderComparison | None, fingers: bool) -> None:
    from cccd_core.inspection import Verdict

    if inspection.verdict is Verdict.NOT_GENUINE or inspection.expired or (holder is not None and not holder.matched):
        exit_with(EXIT_FAULTS)
    untold = inspection.expired is None or (fingers and holder is None)
    if inspection.verdict is Verdict.UNDECIDED or untold:
        exit_with(EXIT_UNDECIDED)
