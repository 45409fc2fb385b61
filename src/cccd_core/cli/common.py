"""What every command shares: exit codes, options by one name, files that may be `-`, how a command ends."""

from __future__ import annotations

import errno
import io
import logging
import os
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated, Final, TypeAlias

import typer

from cccd_core.cli import interrupts, log, terminal
from cccd_core.errors import CccdError, FileError, ParameterError, UnavailableError
from cccd_core.storage import whole_file
from cccd_core.storage.faults import file_error

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from cccd_core.intake.people import Described
    from cccd_core.templates import FingerTemplate, TemplateRecord

EXIT_FAULTS = 1  # the command ran, and something in what it looked at is wrong
EXIT_USAGE = 2  # the command line itself is wrong
EXIT_NOT_RUN = 3  # the command could not be carried out
EXIT_UNDECIDED = 4  # the command ran, and could not tell whether a document or a trail is genuine
EXIT_INTERRUPTED = 130  # Ctrl-C

EXIT_CODES = (
    "Exit codes: 0 all is well; 1 the command ran and found faults in what it looked at; 2 the command line is wrong; "
    "3 the command could not be carried out (a file that cannot be read or written, a full disk, a missing reader, "
    "damage); 4 it ran and could not tell whether a document or a trail is genuine; 130 interrupted."
)
STREAM = Path("-")  # standard input where a file is read, standard output where one is written

# What typer raises for a command line that is wrong; it has no public name for it.
_USAGE_ERROR: type[typer.BadParameter] = typer.BadParameter.__bases__[0]

logger = logging.getLogger(__name__)


# -- options and arguments, each by one name


def no_stream(value: Path | list[Path] | None) -> Path | list[Path] | None:
    """The callback of a path that is a folder, a batch or a card's file: `-` cannot stand for it."""
    if STREAM in (value if isinstance(value, list) else [value]):
        raise typer.BadParameter("`-` is standard input or output, which cannot stand for this one; give a path")
    return value


def no_stream_place(value: str | None) -> str | None:
    """The callback of a place, which is a file's path or a `postgresql://` URL: as `no_stream`, not empty, and what
    `storage.postgres.at_server` takes."""
    if value in ("", "-"):
        raise typer.BadParameter("`-` is standard input or output, which cannot stand for this one; give a path or URL")
    if value is not None:
        from cccd_core.storage.postgres import at_server

        at_server(value)  # refused where it is meant to be a URL and is none
    return value


REGISTER_HELP = (
    "The register: a file, or postgresql://USER@HOST/DATABASE without a password, which libpq takes from PGPASSWORD,"
    " PGPASSFILE or ~/.pgpass."
)
WhereOption: TypeAlias = Annotated[
    str, typer.Option("--register", metavar="WHERE", help=REGISTER_HELP, callback=no_stream_place)
]


def one_stream(value: list[Path] | None) -> list[Path] | None:
    """The callback of several files to be read: standard input can be one of them."""
    if value is not None and value.count(STREAM) > 1:
        raise typer.BadParameter("`-` is standard input, which can be read once; it is given more than once")
    return value


def picture_name(value: Path | None) -> Path | None:
    """The callback of a picture to be written: a PNG is no other image, whatever its name says."""
    from cccd_core.templates.identify import IMAGE_ENDINGS

    if value is not None and value.suffix.lower() in (IMAGE_ENDINGS | {".svg", ".pdf"}) - {".png"}:
        raise typer.BadParameter("a PNG is written: let the name end in .png")
    return value


JsonOption: TypeAlias = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]
FORMATS_HELP = (
    "iso-2005, iso-2005-card, iso-2005-compact, iso-2011, ansi-2004, ansi-2009, xyt, nist-itl-legacy, nist-itl-378 or "
    "nist-itl-efs"
)
FormatOption: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--format", metavar="FORMAT", help=f"The templates' format, where it cannot be detected: {FORMATS_HELP}."
    ),
]
DpiOption: TypeAlias = Annotated[
    float | None, typer.Option("--dpi", help="Resolution of the image, pixels an inch, in place of any that is stated.")
]
HeightOption: TypeAlias = Annotated[
    int | None, typer.Option("--height", help="Height of the image in pixels, where the template lacks it.")
]
WidthOption: TypeAlias = Annotated[
    int | None, typer.Option("--width", help="Width of the image in pixels, where the template lacks it.")
]
VIEW_HELP = "Which finger view of the file, from 1"
ViewOption: TypeAlias = Annotated[
    int | None,
    typer.Option("--view", min=1, help="Of files with several finger views this one, from 1; the first without it."),
]
PositionOption: TypeAlias = Annotated[
    int | None,
    typer.Option(
        "--position", min=1, max=10, help="Of files with several finger views the one of this finger, 1 to 10."
    ),
]
ThreadsOption: TypeAlias = Annotated[
    int | None, typer.Option("--threads", min=1, max=1024, help="Threads that work; all cores without it.")
]
FpirOption: TypeAlias = Annotated[
    float | None,
    typer.Option(
        help="Rate of false positives: how often a search of somebody who is not enrolled may say `duplicate` by "
        "chance; 0.0001 without it. Ten times as often it may say that somebody must look."
    ),
]
OUT_HELP = "The file to write; - is standard output"
PkiOption: TypeAlias = Annotated[
    Path | None,
    typer.Option("--pki", metavar="FOLDER", help="A PKI folder: see cccd pki init.", callback=no_stream),
]


@dataclass(frozen=True, slots=True)
class TemplateOptions:
    """What template files do not always say themselves."""

    format: str | None
    dpi: float | None
    height: int | None
    width: int | None

    def load(self, path: Path) -> TemplateRecord:
        """The record in a file or on standard input; an error that is to be helped by an option names the option."""
        from cccd_core import templates

        with options_named():
            return self.read(read_input(path, "template", templates.io.MAX_FILE_BYTES), path)

    def read(self, data: bytes, path: Path) -> TemplateRecord:
        """The record in the bytes of a file."""
        from cccd_core import templates
        from cccd_core.templates.nist_file import opened

        with of_file(path):
            data = opened(data)
            return templates.read(data, format=self.format, dpi=self.dpi, height_px=self.height, width_px=self.width)

    def load_filling(self, path: Path, dpi: float | None) -> tuple[TemplateRecord, bool]:
        """`load` by `templates.read_filling`: the record, and whether `dpi` became its resolution."""
        from cccd_core import templates
        from cccd_core.templates.nist_file import opened

        with options_named():
            data = read_input(path, "template", templates.io.MAX_FILE_BYTES)
            with of_file(path):
                return templates.read_filling(
                    opened(data), format=self.format, dpi=dpi, height_px=self.height, width_px=self.width
                )

    @property
    def described(self) -> Described:
        """The same, for the readers of people's folders."""
        from cccd_core.intake.people import Described

        return Described(self.format, self.dpi, self.height, self.width)


@contextmanager
def of_file(path: Path) -> Iterator[None]:
    """Names the file in what is raised."""
    try:
        yield
    except CccdError as error:
        error.with_facts(path=str(path))
        raise


def one_choice(view: int | None, position: int | None) -> None:
    """To be called by a command that has both options."""
    if view is not None and position is not None:
        raise typer.BadParameter("a view is chosen by its number or by its finger: give one", param_hint="--position")


def say_doubts(
    record: TemplateRecord,
    of: str = "",
    *,
    used: FingerTemplate | None = None,
    image: NDArray[np.uint8] | None = None,
) -> None:
    """What was odd about the file that a record was read from, and what is doubted of its views (or of the one that
    alone is `used`) and of the image that it is of, a line each; `of` names the file where there are several."""
    from cccd_core.intake import examine
    from cccd_core.templates import POSITIONS

    head = f"  {f'{of}: ' if of else ''}"
    for notice in record.notices:
        terminal.say(f"{head}note: {notice}")
    for number, view in enumerate(record.views, start=1):
        if used is not None and view is not used:
            continue
        if used is not None and len(record.views) > 1:
            finger = f"finger {view.position}, {POSITIONS.get(view.position, 'not a finger')}"
            terminal.say(
                f"{head}note: of {len(record.views)} finger views the one numbered {number} is used ({finger})"
            )
        for finding in examine(record, view, image=image):
            where = f"view {number}: " if len(record.views) > 1 else ""
            terminal.say(f"{head}{where}doubtful: {finding}")


def tell_passed_over(counts: Mapping[str, int]) -> None:
    """A line beside the result on what lay beside fingers and is none; nothing where nothing did."""
    from cccd_core.intake.finger_files import said

    if counts:
        terminal.tell(f"passed over beside the fingers: {said(counts)}")


_OPTION_OF = {
    "format": "--format",
    "dpi": "--dpi",
    "height_px": "--height",
    "width_px": "--width",
    "views": "--view",
    "position": "--position",
}


@contextmanager
def options_named(**other: str) -> Iterator[None]:
    """The library speaks of its arguments; whoever reads an error of the command line knows them as options. `other`
    are arguments that this command's options call otherwise."""
    option_of = {**_OPTION_OF, **other}
    try:
        yield
    except CccdError as error:
        needs = error.facts.get("needs")
        if isinstance(needs, str):
            error.facts["needs"] = _as_options(needs, option_of)
        elif error.kind == "parameter":
            options = [option for fact, option in option_of.items() if fact in error.facts]
            if options:
                error.with_facts(option=options[-1])
        raise


def needs_as_options(text: str) -> str:
    """An error that is kept as text, what it needs named as `options_named` does."""
    return re.sub(r"(?<=needs=')[^']*(?=')", lambda found: _as_options(found[0], _OPTION_OF), text)


def _as_options(needs: str, option_of: Mapping[str, str]) -> str:
    words = "|".join(option_of)
    return re.sub(rf"(?<![\w-])({words})(?!\w)", lambda found: option_of[found[1]], needs)


# -- files that may be `-`


def read_input(path: Path, what: str, most: int) -> bytes:
    """The content of a file, or of standard input for `-`, at most `most` bytes. FileError, in which `what` is the
    file's kind ("template")."""
    if path != STREAM:
        return whole_file.read(path, what, most=most)
    if sys.stdin is None:
        raise FileError(f"the {what} cannot be read: standard input is closed", path="-")
    try:
        data = sys.stdin.buffer.read(most + 1)
    except OSError as error:
        raise file_error(f"the {what} cannot be read", error, path="-") from None
    if len(data) > most:
        raise FileError(f"the input is too large for a {what}", path="-", most=most)
    return data


@contextmanager
def opened_input(path: Path, what: str) -> Iterator[IO[bytes]]:
    """A file, or standard input for `-`, to be read piece by piece however large it is. FileError, also for what goes
    wrong while it is read; `what` as in `read_input`."""
    if path == STREAM and sys.stdin is None:
        raise FileError(f"the {what} cannot be read: standard input is closed", path="-")
    try:
        with nullcontext(sys.stdin.buffer) if path == STREAM else path.open("rb") as file:
            yield file
    except OSError as error:
        raise file_error(f"the {what} cannot be read", error, path=str(path)) from None


def write_output(path: Path, data: bytes | Iterable[bytes], private: bool) -> None:
    """Writes a file whole, or to standard output for `-`; folders on the way are made. `private` for what holds
    fingers, numbers or keys."""
    if path == STREAM:
        terminal.write_stdout(data)
    else:
        whole_file.write(path, data, private=private, folders=True)


def reports_beside(*outputs: Path | None) -> None:
    """To be called first by a command that writes files: where one of them goes to standard output, what the command
    reports goes to standard error."""
    terminal.keep_stdout_for_data(STREAM in outputs)


# -- how a command ends


_PASSWORD: Final = re.compile(r"postgres(ql)?://([^/@\s]*:[^/@\s]*@|\S*[?&]password=)", re.IGNORECASE)


class _Words:
    interrupted = "no file is left in part"


_words = _Words()


def when_interrupted(words: str) -> None:
    """What is said when Ctrl-C ends the command at hand: what became of the work, and how to go on."""
    _words.interrupted = words


def exit_with(code: int) -> None:
    """Ends the command with this exit code, unless it is 0."""
    if code:
        raise typer.Exit(code)


def fail_unless(went_well: bool) -> None:
    """Ends the command with exit code 1 when something in what it looked at is wrong (and was already reported)."""
    exit_with(0 if went_well else EXIT_FAULTS)


def run(app: typer.Typer, arguments: list[str] | None = None) -> int:
    """Runs the command line and turns every ending into an exit code: see EXIT_CODES."""
    argv = [_whole(argument) for argument in (sys.argv[1:] if arguments is None else arguments)]
    terminal.keep_stdout_for_data(False)
    when_interrupted(_Words.interrupted)
    with interrupts.watched():
        try:
            code = _ended(app, argv)
            interrupts.settle()
        except KeyboardInterrupt:
            interrupts.settle()
            code = EXIT_INTERRUPTED
        if code == EXIT_INTERRUPTED or interrupts.received():
            code = EXIT_INTERRUPTED
            terminal.tell(f"interrupted: {_words.interrupted}")
    logger.info("ends with exit code %d", code)
    log.stop()
    return code


def _ended(app: typer.Typer, argv: list[str]) -> int:
    try:
        _demand_no_password(argv)
        code = typer.main.get_command(app).main(args=argv, prog_name="cccd", standalone_mode=False)
        terminal.flush()
    except CccdError as error:
        logger.error("%s: %s", error.kind, error)
        shown = _shown_error(error, as_json="--json" in argv)
        return EXIT_USAGE if isinstance(error, ParameterError) else shown
    except _USAGE_ERROR as error:
        text = io.StringIO()
        error.show(text)
        for line in text.getvalue().splitlines():
            terminal.tell(line)
        return EXIT_USAGE
    except terminal.ReaderLeftError:
        return EXIT_NOT_RUN
    except OSError as error:  # of what was printed by typer itself: its help
        reader_left = error.errno == errno.EPIPE
        return EXIT_NOT_RUN if reader_left else _shown_error(file_error("cannot go on", error), as_json=False)
    except typer.Abort:
        if interrupts.received():
            return EXIT_INTERRUPTED
        terminal.tell("")  # the question's line has no end
        ended = UnavailableError("the input ended before a question was answered", needs="an answer")
        return _shown_error(ended, as_json="--json" in argv)
    return code if isinstance(code, int) else 0


def _demand_no_password(argv: list[str]) -> None:
    """ParameterError, without it, for a password on the command line, which others on the machine see."""
    if any(_PASSWORD.search(argument) for argument in argv):
        raise ParameterError(
            "a password does not stand in the URL of a database", needs="PGPASSWORD, PGPASSFILE or ~/.pgpass"
        )


def _shown_error(error: CccdError, *, as_json: bool) -> int:
    try:
        terminal.show_error(error, as_json=as_json)
        terminal.flush()
    except CccdError as again:  # standard output is what failed
        terminal.show_error(again, as_json=False)
    except terminal.ReaderLeftError:
        return EXIT_NOT_RUN
    return EXIT_NOT_RUN


def _whole(argument: str) -> str:
    """`./-` is a file of that name, and must stay one."""
    found = re.fullmatch(r"(--[a-z-]+=|-[a-z])?(?:\./+)+-", argument)
    return argument if found is None else f"{found[1] or ''}{os.path.abspath('-')}"  # noqa: PTH100
