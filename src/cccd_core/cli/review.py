"""cccd review: parses and prints; no logic."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

import typer

from cccd_core.cli.common import JsonOption, no_stream, reports_beside, write_output
from cccd_core.cli.gallery_key import KeyOption
from cccd_core.cli.terminal import cell, counted, print_json, say, show, table, tell
from cccd_core.cli.told import ActorOption, TrailOption, acting, trail_of
from cccd_core.errors import ParameterError
from cccd_core.plain import encode, encode_record

if TYPE_CHECKING:
    from cccd_core.issuance.audit.trail import Trail
    from cccd_core.issuance.review.cases import Case
    from cccd_core.issuance.review.gathered import Places
    from cccd_core.issuance.review.page import Asked
    from cccd_core.issuance.review.store import Cases

GalleryOption: TypeAlias = Annotated[
    Path,
    typer.Option(help="Folder of the gallery and the register.", show_default=False, callback=no_stream),
]
CaseArgument: TypeAlias = Annotated[str, typer.Argument(metavar="CASE", help="A case's id.", show_default=False)]
NameOption: TypeAlias = Annotated[
    str, typer.Option("--as", metavar="NAME", help="Who you are in the system; capitals do not count.")
]
ReviewKeyOption: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        metavar="KEY", help="Key of what `cccd issue --keep-reviews KEY` kept with the cases.", callback=no_stream
    ),
]
BatchOption: TypeAlias = Annotated[
    list[Path] | None,
    typer.Option(
        metavar="BATCH",
        help="A batch that may still have the dossiers, for people of whom no text and portrait is kept; they are "
        "shown where the dossier is as it was. May be given again.",
        callback=no_stream,
    ),
]
OrderOption: TypeAlias = Annotated[str, typer.Option(help="Number of the order.")]
ReasonOption: TypeAlias = Annotated[str, typer.Option(help="Why, in a line: no names, no numbers of people.")]


def register(app: typer.Typer) -> None:
    """Adds the commands of this file."""
    area = typer.Typer(no_args_is_help=True, help="Dossiers in review: the cases that people settle.")
    app.add_typer(area, name="review")
    area.command("list", epilog="Example: cccd review list --gallery ./gallery")(list_)
    area.command("show", epilog="Example: cccd review show C1f… --gallery ./gallery")(show_)
    area.command("page", epilog="Example: cccd review page C1f… --gallery ./gallery --out case.html")(page_)
    area.command("pages", epilog="Example: cccd review pages --gallery ./gallery --out ./pages")(pages)
    area.command(
        epilog="Example: cccd review decide C1f… --gallery ./gallery --as an.hk --answer different_people "
        "--reason 'the scars differ'"
    )(decide)
    area.command(
        "open",
        epilog="Example: cccd review open HS-0002 --batch ./batch --run ./out --gallery ./gallery --as dung.hk "
        "--order 12/QD --reason 'twins'",
    )(open_)
    area.command(
        epilog="Example: cccd review undo C1f… --gallery ./gallery --as dung.hk --order 12/QD --reason 'twins'"
    )(undo)


def list_(
    gallery: GalleryOption,
    every: Annotated[
        bool, typer.Option("--all", help="Settled cases as well, and those of withdrawn dossiers.")
    ] = False,
    trail: TrailOption = None,
    actor: ActorOption = None,
    as_json: JsonOption = False,
) -> None:
    """Lists the cases that are to be settled, oldest first."""
    from cccd_core.issuance.audit import acts
    from cccd_core.issuance.audit.entry import Entry, Kind, Role
    from cccd_core.issuance.review import words

    with _cases(gallery, trail) as (cases, told):
        found = [case for case in cases.all() if every or case.waits]
        who = acting(actor, Role.ADJUDICATOR, folder=gallery)
        acts.tell(told, [Entry(Kind.READING, "listed", who, count=len(found))])
    if as_json:
        print_json([_json(case) for case in found])
        return
    rows = table("case", "dossier", "about", "standing")
    for case in found:
        rows.add_row(
            cell(case.case_id), cell(case.question.dossier_id), cell(words.kind(case)[1]), cell(words.stage(case)[1])
        )
    show(rows)
    say(counted(len(found), "case"))


def show_(
    case_id: CaseArgument,
    gallery: GalleryOption,
    trail: TrailOption = None,
    actor: ActorOption = None,
    as_json: JsonOption = False,
) -> None:
    """Says what a case is about, in Vietnamese and English; answers only once two are in."""
    with _cases(gallery, trail) as (cases, told):
        case = cases.find(case_id)
        _tell_shown(told, [case], actor, gallery)
    _told(case, as_json)


def page_(
    case_id: CaseArgument,
    gallery: GalleryOption,
    out: Annotated[
        Path,
        typer.Option("--out", "-o", metavar="FILE.html", help="The page, for its owner alone; - is standard output."),
    ],
    review_key: ReviewKeyOption = None,
    batch: BatchOption = None,
    key: KeyOption = None,
    trail: TrailOption = None,
    actor: ActorOption = None,
) -> None:
    """Writes the page of a case, for a browser: both people side by side, their fingers drawn, what the register says,
    and the answers there are. It holds personal data: delete it once the case is settled."""
    from cccd_core.issuance.review.pages import page_of

    reports_beside(out)
    with _cases(gallery, trail) as (cases, told):
        case = cases.find(case_id)
        _tell_shown(told, [case], actor, gallery)
    write_output(out, page_of(case, *_shown(gallery, review_key, batch, key)), private=True)


def pages(
    gallery: GalleryOption,
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder of the pages, made if absent.", callback=no_stream)],
    review_key: ReviewKeyOption = None,
    batch: BatchOption = None,
    key: KeyOption = None,
    trail: TrailOption = None,
    actor: ActorOption = None,
) -> None:
    """Writes the page of every case that is to be settled, CASE.html, and takes away the pages of those that are
    settled."""
    from cccd_core.issuance.review.pages import write_pages

    with _cases(gallery, trail) as (cases, told):
        found = cases.all()
        _tell_shown(told, [case for case in found if case.waits], actor, gallery)
    written = write_pages(found, *_shown(gallery, review_key, batch, key), out)
    say(f"{counted(len(written), 'page')} in {out}")


def decide(
    case_id: CaseArgument,
    gallery: GalleryOption,
    name: NameOption,
    answer: Annotated[
        str,
        typer.Option(help="same_person, different_people, accept, capture_again or refuse; see cccd review show CASE."),
    ],
    reason: ReasonOption,
    senior: Annotated[
        bool, typer.Option("--senior", help="In the role of a senior, who decides where two differ.")
    ] = False,
    trail: TrailOption = None,
    as_json: JsonOption = False,
) -> None:
    """Answers a case. Two people who say the same settle it; where they differ a senior does. The next `cccd issue` of
    the dossier's batch does what was settled."""
    from cccd_core.issuance.review.kept import KeptDossiers, forget_settled
    from cccd_core.issuance.review.settle import Answer, Vote
    from cccd_core.plain import decode

    try:
        said = decode(Answer, answer)
    except ValueError:
        raise ParameterError("no such answer", option="--answer", known=" ".join(Answer)) from None
    with _cases(gallery, trail) as (cases, _):
        _say_if_on_trust(cases)
        case = cases.vote(case_id, Vote(name, senior, said, reason, datetime.now(UTC)))
        forget_settled(KeptDossiers(gallery, None), cases)
    _told(case, as_json)


def open_(
    dossier_id: Annotated[str, typer.Argument(metavar="DOSSIER", help="A dossier's id.", show_default=False)],
    batch: Annotated[
        Path, typer.Option(help="The batch that has the dossier, as it was.", show_default=False, callback=no_stream)
    ],
    run: Annotated[
        Path, typer.Option("--run", help="The folder of the run, its OUT.", show_default=False, callback=no_stream)
    ],
    gallery: GalleryOption,
    name: NameOption,
    order: OrderOption,
    reason: ReasonOption,
    review_key: ReviewKeyOption = None,
    key: KeyOption = None,
    trail: TrailOption = None,
    as_json: JsonOption = False,
) -> None:
    """Hands a dossier that the search called a duplicate to two people, by order, and names what hangs on it. The next
    `cccd issue` of its batch does what they settle: it may get its card yet."""
    from cccd_core.cli.gallery_key import cipher_of
    from cccd_core.issuance import Register
    from cccd_core.issuance.review.kept import KeptDossiers
    from cccd_core.issuance.review.ordered import open_by_order
    from cccd_core.issuance.runs.evidence import OrderEvidence

    kept = KeptDossiers(gallery, None if review_key is None else cipher_of(review_key))
    with (
        _cases(gallery, trail) as (cases, _),
        closing(Register(_register(gallery), make=False, cipher=cipher_of(key), begin=False)) as known,
    ):
        _say_if_on_trust(cases)
        opened = open_by_order(
            dossier_id, batch=batch, out=run, order=OrderEvidence(order, name, reason),
            cases=cases, register=known, kept=kept, at=datetime.now(UTC),
        )  # fmt: skip
    if as_json:
        print_json({**_json(opened.case), "hung_on_it": {"of": opened.of, "duplicates": list(opened.called_its)}})
        return
    say(f"the search called it the duplicate of dossier {opened.of}, score {opened.score:.1f}: it has no card")
    for one in opened.called_its:
        say(f"dossier {one} was called a duplicate of it: see cccd review open {one}")
    _told(opened.case, as_json=False)


def undo(
    case_id: CaseArgument,
    gallery: GalleryOption,
    name: NameOption,
    order: OrderOption,
    reason: ReasonOption,
    trail: TrailOption = None,
    as_json: JsonOption = False,
) -> None:
    """Opens a settled case again, by order, and names what hung on it. Its answers stay on record; two people answer
    anew. A card that was made stays valid until it is revoked."""
    from cccd_core.issuance import Register

    with _cases(gallery, trail) as (cases, _):
        _say_if_on_trust(cases)
        case = cases.reopen(case_id, by=name, order=order, reason=reason, at=datetime.now(UTC))
        pairs = cases.set_apart_by(case_id)
    with closing(Register(_register(gallery), make=False)) as known:
        cards = known.made_by(case.question.dossier_id)
        people = {one: known.dossier_of(one) or one for pair in pairs for one in pair}
    if as_json:
        hung = {
            "dossier": case.question.dossier_id,
            "answer": case.reopenings[-1].answer,
            "cards": [{"serial": serial, "status": status} for serial, status in cards],
            "apart": [[people[one], people[other]] for one, other in pairs],
        }
        print_json({**_json(case), "hung_on_it": hung})
        return
    say(f"opened again: {case.case_id}", f"dossier {case.question.dossier_id} was: {case.reopenings[-1].answer.text}")
    for serial, status in cards:
        say(f"a card was made by it: {serial or 'not proved yet'} ({status.replace('_', ' ')})")
    for one, other in pairs:
        say(f"no longer kept apart in searches: dossiers {people[one]} and {people[other]}")


@contextmanager
def _cases(gallery: Path, where: str | None) -> Iterator[tuple[Cases, Trail | None]]:
    from cccd_core.issuance.review.store import Cases

    with trail_of(where, folder=gallery) as trail, closing(Cases(_register(gallery), make=False, trail=trail)) as cases:
        yield cases, trail


def _tell_shown(trail: Trail | None, cases: Iterable[Case], actor: str | None, gallery: Path) -> None:
    """Tells the trail who sees these cases."""
    from cccd_core.issuance.audit import acts
    from cccd_core.issuance.audit.entry import Entry, Kind, Role

    who = acting(actor, Role.ADJUDICATOR, folder=gallery)
    acts.tell(
        trail,
        [
            Entry(
                Kind.READING,
                "shown",
                who,
                case.question.dossier_id,
                person=case.question.person_id,
                reason=case.case_id,
            )
            for case in cases
        ],
    )


def _say_if_on_trust(cases: Cases) -> None:
    if cases.on_trust():
        tell("nobody has a role in this register: your name is taken on trust (see cccd access)")


def _register(gallery: Path) -> Path | str:
    from cccd_core.issuance.runs.place import register_of

    return register_of(gallery)


def _shown(
    gallery: Path, review_key: Path | None, batches: list[Path] | None, key: Path | None
) -> tuple[Places, Asked]:
    """Where a page looks for people, and what it says of the commands."""
    from cccd_core.cli.gallery_key import cipher_of
    from cccd_core.country.clock import today
    from cccd_core.issuance.review.gathered import Places
    from cccd_core.issuance.review.page import Asked
    from cccd_core.matching import Matcher

    kept_by = None if review_key is None else cipher_of(review_key)
    places = Places(gallery, today(), tuple(batches or ()), kept_by, cipher_of(key))
    return places, Asked(Matcher(), ("--gallery", str(gallery)))


def _told(case: Case, as_json: bool) -> None:
    from cccd_core.issuance.review import words

    if as_json:
        print_json(_json(case))
        return
    say(f"case {case.case_id}")
    for vietnamese, english in words.lines(case):
        say(f"{vietnamese} / {english.strip()}")


def _json(case: Case) -> dict[str, Any]:
    asked = case.question
    return {
        "case": case.case_id,
        "kind": asked.kind,
        "dossier": asked.dossier_id,
        "others": [other.dossier_id for other in asked.others],
        "opened": encode(case.opened),
        "stage": case.standing.stage,
        "dossier_ended": case.dossier_ended,
        "answer": case.standing.answer,
        "votes_in": case.votes_in,
        "votes": [encode_record(vote) for vote in case.votes],
        "reopenings": [encode_record(one) for one in case.reopenings],
        "evidence": asked.evidence.as_dict(),
    }
