"""cccd synth: parses and prints; no logic."""

from __future__ import annotations

from contextlib import closing
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from cccd_core.cli.common import JsonOption, ThreadsOption, no_stream, when_interrupted
from cccd_core.cli.gallery_key import KeyOption, cipher_of
from cccd_core.cli.progress import progress
from cccd_core.cli.terminal import aligned, cell, print_json, say, show, table

if TYPE_CHECKING:
    from cccd_core.evaluation.likeness import Likeness
    from cccd_core.progress import Progress
    from cccd_core.synthesis import Enrolments

_AT_ONCE = 512  # people put into a gallery in one transaction

SettingOption = Annotated[
    str, typer.Option("--setting", help="Which prints they are like: a name of docs/explanation/synthesis.md.")
]
SeedOption = Annotated[int, typer.Option("--seed", min=0, help="The same seed makes the same people.")]


def register(app: typer.Typer) -> None:
    """Adds the commands of this file."""
    area = typer.Typer(no_args_is_help=True, help="Synthetic people, and how like real ones their prints are.")
    app.add_typer(area, name="synth")
    example = "people 1000 --out ./people --seed 7 --duplicates 0.01 --mistakes 0.01"
    area.command(epilog=f"Example: cccd synth {example}")(people)
    area.command(epilog="Example: cccd synth check ../shared/data/fingerprints/fcj2020/fjfx --out ./likeness")(check)


def people(
    count: Annotated[int, typer.Argument(metavar="N", min=1, help="How many records.", show_default=False)],
    out: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Write them here, with truth.csv and synthesis.json.", callback=no_stream),
    ] = None,
    gallery: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER", help="Enrol them in the gallery of this folder, with truth.csv.", callback=no_stream
        ),
    ] = None,
    form: Annotated[
        Literal["folders", "parquet"],
        typer.Option(help="With --out: a folder each, or ten thousand to a Parquet file."),
    ] = "folders",
    seed: SeedOption = 1,
    duplicates: Annotated[
        float,
        typer.Option(min=0, max=0.5, help="Share of records that are a person enrolled before, as another print."),
    ] = 0.0,
    mistakes: Annotated[
        float, typer.Option(min=0, max=0.5, help="Share of records with a clerk's mistake, all kinds alike.")
    ] = 0.0,
    fingers: Annotated[
        str, typer.Option(metavar="POSITIONS", help="Which fingers a record has, 1 to 10.")
    ] = "1,2,3,4,5,6,7,8,9,10",
    setting: SettingOption = "fjfx",
    key: KeyOption = None,
    threads: ThreadsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Makes people of synthetic fingers: record i depends on the seed, the shares and i alone.

    The same command goes on where it was broken off. truth.csv says whose each record is, which are duplicates, and
    what is wrong with it.
    """
    from cccd_core.synthesis import Enrolments
    from cccd_core.synthesis import setting as by_name
    from cccd_core.synthesis.writing import write_people

    if out is None and gallery is None:
        raise typer.BadParameter("say where to: --out, --gallery or both", param_hint="--out")
    when_interrupted("whole records are kept; the same command goes on")
    plan = Enrolments(seed, duplicates, mistakes, _positions(fingers), by_name(setting))
    made: dict[str, object] = {"records": count, "plan": plan.digest}
    with progress("making people", quiet=as_json) as step:
        if out is not None:
            made["written"] = write_people(out, plan, count, form=form, threads=threads, progress=step)
        if gallery is not None:
            made["enrolled"] = _enrol(gallery, key, plan, count, threads, step)
    if as_json:
        print_json(made)
    else:
        say(*aligned(made))


def check(
    data: Annotated[
        Path,
        typer.Argument(help="Folder of real <finger>_<impression>.<ext>.", show_default=False, callback=no_stream),
    ],
    out: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Draw the histograms here.", callback=no_stream)
    ] = None,
    seed: SeedOption = 1,
    setting: SettingOption = "fjfx",
    times: Annotated[int, typer.Option(min=1, max=100, help="As many synthetic sets are drawn together.")] = 4,
    threads: ThreadsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Lays synthetic prints beside a real set of as many: templates, and the scores of this matcher.

    `gap` is how far the synthetic quantiles lie off, in hundredths of the real range from 1 to 99 %.
    """
    from cccd_core.evaluation import plots, read_folder
    from cccd_core.evaluation.likeness import compare, counterpart, picture
    from cccd_core.evaluation.scoring import score_pairs
    from cccd_core.matching import Matcher
    from cccd_core.synthesis import setting as by_name

    when_interrupted("nothing is kept of the comparison; run the same command again")
    matcher = Matcher()
    parameters = by_name(setting)
    with progress("comparing", quiet=as_json) as step:
        real = read_folder(data, progress=step)
        synthetic = [counterpart(real, parameters, seed + number) for number in range(times)]
        likeness = compare(
            real, synthetic, {"cccd": lambda s: score_pairs(s, matcher, threads=threads)[0]}, progress=step
        )
    if out is not None:
        plots.save(picture(likeness), out / "likeness.png")
    if as_json:
        print_json(
            {
                "data": str(data),
                "setting": setting,
                "parameters": parameters.digest,
                "seed": seed,
                "times": times,
                **likeness.as_dict(),
            }
        )
    else:
        _show(likeness)


def _positions(text: str) -> tuple[int, ...]:
    words = text.split(",")
    if not all(word.isdecimal() and len(word) < 3 for word in words):
        raise typer.BadParameter("positions are numbers divided by commas, as 2,3,7,8", param_hint="--fingers")
    return tuple(int(word) for word in words)


def _enrol(folder: Path, key: Path | None, plan: Enrolments, count: int, threads: int | None, step: Progress) -> int:
    from cccd_core.dedup import EnrolledPerson
    from cccd_core.dedup.gallery.folder import beside_others_in, gallery_in
    from cccd_core.synthesis.writing import TRUTH_FILE, begin, write_truth

    begin(folder, plan, count, "gallery")
    write_truth(folder / TRUTH_FILE, plan, count, step)
    new = 0
    with beside_others_in(folder), closing(gallery_in(folder, make=True, cipher=cipher_of(key))) as gallery:
        records = plan.records(0, count, threads=threads)
        done = 0
        while portion := list(islice(records, _AT_ONCE)):
            people = [EnrolledPerson(record.record_id, record.placed, record.unplaced) for record in portion]
            new += gallery.add_many(people)
            done += len(portion)
            step(done, count, "people")
    return new


def _show(likeness: Likeness) -> None:
    from cccd_core.evaluation.likeness import PERCENTILES

    names = [f"{percentile} %" for percentile in PERCENTILES]
    rows = table("", "side", "n", *names, "gap", right=["n", *names, "gap"])
    for measure in likeness.measures:
        real, synthetic = measure.quantiles()
        gap = f"{100 * abs(measure.gaps()).max():.0f}"
        rows.add_row(cell(measure.name), "real", cell(len(measure.real)), *(cell(f"{v:.4g}") for v in real), "")
        rows.add_row("", "synthetic", cell(len(measure.synthetic)), *(cell(f"{v:.4g}") for v in synthetic), cell(gap))
    show(rows)
    for measure in likeness.measures:
        for share, of_real, of_synthetic in measure.tails():
            say(f"{measure.name}: one in {1 / share:,.0f} reaches {of_real:.1f} real, {of_synthetic:.1f} synthetic")
    for one in likeness.separations:
        say(
            f"d', {one.matcher}, {one.side}: {one.one:.2f} one finger, {one.together:.2f} {one.fingers} together "
            f"({one.together / one.one:.2f} times)"
        )
