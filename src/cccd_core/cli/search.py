"""cccd search: parses and prints; no logic."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cccd_core.cli.common import (
    FpirOption,
    JsonOption,
    TemplateOptions,
    ThreadsOption,
    no_stream,
    options_named,
    read_input,
    tell_passed_over,
)
from cccd_core.cli.gallery_key import KeyOption, cipher_of
from cccd_core.cli.options import NOTHING_SAID, with_template_options
from cccd_core.cli.progress import progress
from cccd_core.cli.terminal import aligned, cell, print_json, say, show, table, tell
from cccd_core.cli.told import ActorOption, OrderOption, TrailOption, acting, trail_of
from cccd_core.printable import shown

if TYPE_CHECKING:
    from cccd_core.dedup import Cascade, DedupParameters, Match
    from cccd_core.dedup.lookup import Answer, Looked
    from cccd_core.issuance.audit.trail import Trail

_LIST_BYTES_MOST = 1 << 28


def register(app: typer.Typer) -> None:
    """Adds the commands of this file."""
    app.command(epilog="Examples: cccd search ./gallery ./person --json; cccd search ./gallery --serve ./search.sock")(
        search
    )


@with_template_options
def search(
    gallery: Annotated[Path, typer.Argument(help="Folder of the gallery.", show_default=False, callback=no_stream)],
    people: Annotated[
        list[Path] | None,
        typer.Argument(
            help="Folders of one person each, templates named by position: 2.iso, 7.iso; 0.iso for an unknown one.",
            show_default=False,
            callback=no_stream,
        ),
    ] = None,
    serve: Annotated[
        Path | None,
        typer.Option(
            metavar="SOCKET",
            help="Look up whom others ask for at this local socket, until Ctrl-C: see cccd ask.",
            callback=no_stream,
        ),
    ] = None,
    against: Annotated[
        Path | None,
        typer.Option(metavar="LIST", help="Compare with these people alone: a file of identifiers, one a line; or -."),
    ] = None,
    fpir: FpirOption = None,
    cascade: Annotated[
        str | None,
        typer.Option(
            help="The stages: see cccd dedup. Without it --serve compares everyone, and so does a search of at most "
            "1,000.",
            show_default=False,
        ),
    ] = None,
    threads: ThreadsOption = None,
    given: TemplateOptions = NOTHING_SAID,
    key: KeyOption = None,
    trail: TrailOption = None,
    actor: ActorOption = None,
    order: OrderOption = None,
    as_json: JsonOption = False,
) -> None:
    """Says of each person whether somebody enrolled is the same: outcome, candidates, fingers.

    People given together are compared with each other as well. A person of the same name in the gallery is compared
    like any other. With --serve the gallery stays open, and people are inserted, identified and deleted by cccd ask.
    """
    from cccd_core import runtime
    from cccd_core.dedup import Cascade, DedupParameters, open_gallery
    from cccd_core.dedup.codes import FingerCoder
    from cccd_core.dedup.lookup import Lookup
    from cccd_core.dedup.search.usual import usual_cascade
    from cccd_core.intake.people import read_person
    from cccd_core.issuance.audit.entry import Role
    from cccd_core.issuance.audit.lookups import answers, searched
    from cccd_core.matching import Matcher

    passed_over: Counter[str] = Counter()
    with options_named(fpir="--fpir", cascade="--cascade"):
        parameters = DedupParameters() if fpir is None else DedupParameters.of_rate(fpir)
        stages = None if cascade is None else Cascade.parse(cascade)
    if serve is not None:
        if people or against is not None or given != NOTHING_SAID:
            raise typer.BadParameter("whom to look up comes over the socket", param_hint="--serve")
        if order is not None:
            raise typer.BadParameter("an order is of a search: see cccd ask identify", param_hint="--order")
        with trail_of(trail, folder=gallery) as told:
            _serve(gallery, serve, parameters, stages or Cascade(), threads, key, told, actor, as_json)
        return
    if not people:
        raise typer.BadParameter("a folder of a person is needed, or --serve", param_hint="PEOPLE")
    with options_named():
        asked = [read_person(folder, given.described, fingerless=True, passed_over=passed_over) for folder in people]
    listed = None if against is None else read_input(against, "list of identifiers", _LIST_BYTES_MOST)
    cipher, count = cipher_of(key), runtime.threads() if threads is None else threads
    counts = [sum(1 for _ in person.fingers(parameters.least_minutiae)) for person in asked]
    who = acting(actor, Role.OPERATOR, folder=gallery)
    with (
        trail_of(trail, folder=gallery) as told,
        open_gallery(gallery, cipher=cipher) as opened,
        progress("search", quiet=as_json) as step,
    ):
        if stages is None:
            stages = usual_cascade(len(opened), min(filter(None, counts), default=1))
        with options_named(cascade="--cascade"):
            lookup = Lookup.over(
                opened, gallery, Matcher(), FingerCoder.shipped(), parameters, stages, cipher=cipher, threads=count
            )
        among = None if listed is None else lookup.listed(listed)
        people_there = len(opened) if among is None else len(among)
        numbers = () if told is None else told.append(searched(one, who, order, people_there) for one in asked)
        looked = lookup.search(asked, against=among, progress=step)
        if told is not None:
            told.append(answers(looked.answers, numbers, who))
    if as_json:
        print_json({**_told(looked, people), "passed_over": dict(passed_over)})
    else:
        tell_passed_over(passed_over)
        show_looked(looked, people)


def _serve(
    gallery: Path,
    place: Path,
    parameters: DedupParameters,
    stages: Cascade,
    threads: int | None,
    key: Path | None,
    trail: Trail | None,
    actor: str | None,
    as_json: bool,
) -> None:
    import signal
    import threading
    from contextlib import closing

    from cccd_core import runtime
    from cccd_core.dedup import open_gallery
    from cccd_core.dedup.codes import FingerCoder
    from cccd_core.dedup.service import server
    from cccd_core.dedup.service.ledger import Ledger
    from cccd_core.dedup.service.service import Service
    from cccd_core.dedup.service.standing import Standing
    from cccd_core.intake.sent import sent_person
    from cccd_core.issuance.audit.entry import Role
    from cccd_core.issuance.audit.lookups import ToldService
    from cccd_core.matching import Matcher

    cipher, workers, stop = cipher_of(key), runtime.threads() if threads is None else threads, threading.Event()
    with (
        server.listening(place) as listener,
        open_gallery(gallery, cipher=cipher) as opened,
        closing(Ledger.open(gallery, opened.gallery_id)) as ledger,
    ):
        with progress("index", quiet=as_json) as step, options_named(cascade="--cascade"):
            standing = Standing(
                opened, gallery, Matcher(), FingerCoder.shipped(), parameters, stages,
                cipher=cipher, threads=workers, progress=step,
            )  # fmt: skip
        with closing(standing):
            for number in (signal.SIGINT, signal.SIGTERM):
                signal.signal(number, lambda *_: stop.set())
            witness = None if trail is None else ToldService(trail, acting(actor, Role.OPERATOR, folder=gallery))
            service = Service(
                opened, gallery, standing, ledger, sent_person, cipher=cipher, workers=workers, witness=witness
            )
            if as_json:
                print_json({"socket": str(place), "people": len(opened), "cascade": str(stages)})
            else:
                say(f"{len(opened)} people are searched at {place}; Ctrl-C ends it")
            server.serve(service, listener, stop)
    tell("what was under way is finished, and the socket is gone")


def _told(looked: Looked, people: list[Path]) -> dict[str, Any]:
    """All of it, the people given by their folders."""
    answers = [
        {"person": str(folder), **_answer(one, people)} for folder, one in zip(people, looked.answers, strict=True)
    ]
    return {**_figures(looked), "manifest": looked.manifest, "answers": answers}


def _figures(looked: Looked) -> dict[str, Any]:
    names = ("people", "comparisons", "fpir", "duplicate_score", "review_score", "cascade")
    return {name: getattr(looked, name) for name in names}


def _answer(one: Answer, people: list[Path]) -> dict[str, Any]:
    candidates = [_candidate(match, people) for match in one.candidates]
    best = None if one.best_competitor is None else _candidate(one.best_competitor, people)
    apart = ("candidates", "best_competitor", "of_given")
    told = {name: value for name, value in asdict(one).items() if name not in apart}
    if one.of_given is not None:
        told["of"] = str(people[one.of_given - 1])
    return {**told, "candidates": candidates, "best_competitor": best}


def _candidate(match: Match, people: list[Path]) -> dict[str, Any]:
    return {**asdict(match), "person_id": _name(match, people), "arrangement": _arrangement(match)}


def _arrangement(match: Match) -> str | None:
    from cccd_core.intake import arrangement

    return arrangement(match.laid)


def _name(match: Match, people: list[Path]) -> str:
    """As the gallery calls the candidate, or the folder of somebody given as well."""
    return str(people[int(match.person_id) - 1]) if match.source == "batch" else match.person_id


def show_looked(looked: Looked, people: list[Path]) -> None:
    """The answers, those looked up given by these names, and what they were found by."""
    rows = table("person", "outcome", "candidate", "score", "fingers", right=["score"])
    said = []
    for folder, one in zip(people, looked.answers, strict=True):
        if not one.candidates:
            rows.add_row(cell(folder), cell(one.outcome), cell(""), cell(""), cell(" ".join(one.reasons)))
        for place, match in enumerate(one.candidates):
            name, words = _name(match, people), _arrangement(match)
            first = (cell(folder), cell(one.outcome)) if not place else (cell(""), cell(match.outcome))
            rows.add_row(*first, cell(name), cell(f"{match.score:.1f}"), cell(_fingers(match)))
            if words is not None:
                said.append(f"{folder}: {words} ({name})")
    show(rows)
    say(*(shown(line) for line in said))
    say(*aligned({name.replace("_", " "): value for name, value in _figures(looked).items()}))


def _fingers(match: Match) -> str:
    """The person's fingers: `2`, or `2=7` where it is the candidate's finger 7."""
    return " ".join(
        f"{one.position}" if one.position == one.candidate_position else f"{one.position}={one.candidate_position}"
        for one in match.fingers
    )
