"""Writes docs/accuracy.md from measured figures."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from statistics import mean
from typing import Any

from benchmarks.accuracy.targets import EXTRACTORS, FIGURES, FVC, LARGE, OURS, TARGETS

from cccd_core.evaluation.left_out import TOGETHER

SCORES = ("20", "30", "40")
PAIR = ("eer", "0.001")
UNKNOWN = (
    "`ours` are minutiae of the network LEADER: its training images are not stated, and its laboratory made the FVC "
    "sets, which may flatter the FVC columns of that row; how certain a minutia must be was chosen on crossmatch and "
    "fcj2020 ([more](accuracy-extraction.md))."
)
ENOUGH = 5  # pairs that should reach a score, for its FMR to be judged


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = ["| " + " | ".join(head) + " |", "|---" * len(head) + "|"]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows])


def percent(rate: float | None, digits: int = 2) -> str:
    """A fraction in percent."""
    return "–" if rate is None else f"{100 * rate:.{digits}f}"


def figure(entry: dict[str, Any], name: str) -> float:
    """EER or an FNMR of a set's entry."""
    return float(entry["eer"] if name == "eer" else entry["fnmr_at_fmr"][name])


def write(record: dict[str, Any], pictures: str) -> str:
    """The report, Markdown; `pictures` is where its pictures lie, seen from the page."""
    manifest = record["manifest"]
    parts = [
        "# Accuracy, measured",
        "Made by `python -m benchmarks.accuracy` on real prints: the templates of four independent extractors in "
        "`../shared/data/fingerprints`, and `ours`, extracted from the images of the same prints in "
        "`../shared/data/images`. Genuine pairs are all pairs of impressions of one finger, impostor "
        "pairs all pairs of different fingers; a template that failed to extract scores 0 in all its pairs. One set of "
        "parameters for every extractor and set. FNMR is taken at the lowest threshold whose FMR is at most the one "
        "stated. Bounds are 95 %, from a bootstrap that draws fingers.",
        f"Version {manifest['version']}, parameters `{manifest['parameters']}`, kernels {manifest['kernels']}.",
        "## Against what was asked",
        record["honesty"],
        _targets(record),
        "## Every set",
        *_sets(record["sets"]),
        *_rotated(record),
        f"![DET, fjfx]({pictures}/det_fjfx.png)\n![DET, large sets]({pictures}/det_large.png)\n"
        f"![Scores]({pictures}/scores_fcj2020_fjfx.png)",
        "## A score that means something",
        *_calibration(record["calibration"], pictures),
        "## Our own templates among those learned from",
        *_mixed(record),
        "## Ending early",
        *_exits(record["exits"]),
        "## Several fingers of one person",
        *_fusion(record["fusion"], pictures),
        "## Interoperability",
        "Probes of one extractor against a gallery of another, of the same images; mean over the FVC sets that both "
        "have (an image is not compared with itself). Percent. The secugen records are of images stretched to 300 × "
        "400 pixels, whatever their shape was: its rows measure that distortion too.",
        table(
            ("probes", "gallery", "sets", "EER", "FNMR at FMR 1 %", "FNMR at FMR 0.1 %"),
            (
                (
                    row["probes"],
                    row["gallery"],
                    str(len(row["sets"])),
                    percent(row["eer"]),
                    percent(row["fnmr_at_fmr"]["0.01"]),
                    percent(row["fnmr_at_fmr"]["0.001"]),
                )
                for row in record["interoperability"]
            ),
        ),
    ]
    return "\n\n".join(parts) + "\n"


def _mean(sets: Sequence[dict[str, Any]], extractor: str, name: str) -> float | None:
    found = [figure(entry, name) for entry in sets if entry["extractor"] == extractor and entry["set"] in FVC]
    return mean(found) if found else None


def _targets(record: dict[str, Any]) -> str:
    rows = []
    for (extractor, where, name), (peer, who, must, aim) in TARGETS.items():
        sets = record["sets"]
        if where == "mean":
            value = _mean(sets, extractor, name)
            count = sum(entry["extractor"] == extractor and entry["set"] in FVC for entry in sets)
            label = f"mean of {count} FVC sets"
        else:
            sets = record["rotated"]["sets"] if record.get("rotated") else sets
            found = [figure(entry, name) for entry in sets if (entry["set"], entry["extractor"]) == (where, extractor)]
            value, label = (found[0] if found else None), where
        verdict = "–" if value is None else "reached" if 100 * value <= must else "**not reached**"
        if value is not None and 100 * value <= aim < must:
            verdict = "reached, and the aim"
        rows.append(
            (
                extractor,
                label,
                FIGURES[name],
                f"{peer:g} ({who})",
                f"{must:g}",
                f"{aim:g}" if aim < must else "–",
                percent(value),
                verdict,
            )
        )
    return table(("templates", "sets", "measure", "best peer", "must reach", "aim", "measured", ""), rows)


def _sets(sets: Sequence[dict[str, Any]]) -> list[str]:
    rows = []
    for extractor in EXTRACTORS:
        by_set = {entry["set"]: entry for entry in sets if entry["extractor"] == extractor}
        cells = [_pair(figure(by_set[s], n) for n in PAIR) if s in by_set else "–" for s in (*FVC, *LARGE)]
        cells.insert(len(FVC), f"**{_pair(_mean(sets, extractor, n) for n in PAIR)}**")
        rows.append((extractor, *cells))
    every = table(("templates", *FVC, "mean of FVC", *LARGE), rows)
    rows = []
    for entry in sets:
        bounds = entry["bounds"]

        def within(value: float, low_high: Sequence[float]) -> str:
            return f"{percent(value)} [{percent(low_high[0])}, {percent(low_high[1])}]"

        rows.append(
            (
                f"{entry['set']}/{entry['extractor']}",
                f"{entry['templates']}" + (f" (+{entry['failed']} failed)" if entry["failed"] else ""),
                f"{entry['genuine_pairs']:,} / {entry['impostor_pairs']:,}",
                within(entry["eer"], bounds["eer"]),
                within(entry["fnmr_at_fmr"]["0.001"], bounds["fnmr_at_fmr"]["0.001"]),
                within(entry["fnmr_at_fmr"]["0.0001"], bounds["fnmr_at_fmr"]["0.0001"])
                if entry["set"] in LARGE
                else "–",
                percent(entry["zero_fmr"]),
            )
        )
    head = ("set", "templates", "genuine / impostor pairs", "EER", "FNMR at 0.1 %", "FNMR at 0.01 %", "ZeroFMR")
    return [
        f"{' / '.join(FIGURES[name] for name in PAIR)}, percent; what failed to extract counts as missed. {UNKNOWN}",
        every,
        "With their bounds:",
        table(head, rows),
    ]


def _pair(values: Iterable[float | None]) -> str:
    return " / ".join(map(percent, values))


def _rotated(record: dict[str, Any]) -> list[str]:
    if not record.get("rotated"):
        return []
    rows = [
        (
            f"{entry['set']}/{entry['extractor']}",
            percent(entry["eer"]),
            percent(entry["fnmr_at_fmr"]["0.001"]),
            percent(entry["fnmr_at_fmr"]["0.0001"]),
        )
        for entry in record["rotated"]["sets"]
    ]
    head = ("set", "EER", "FNMR at 0.1 %", "FNMR at 0.01 %")
    return [record["rotated"]["what"], table(head, rows)]


def fmr(score: str) -> float:
    """The FMR that a score states."""
    return float(10.0 ** (-int(score) / 10.0))


def verdict(left_out: Sequence[dict[str, Any]], extractor: str) -> str:
    """Which sets lie within a factor of two by the rows of `extractor`, which do not, and of which that cannot be
    told: outside, with bounds that reach inside."""
    sentences = []
    for score in SCORES:
        inside, unsure, outside = [], [], []
        for row in left_out:
            if row["extractor"] == extractor and row["pairs"] * fmr(score) >= ENOUGH:
                ratio, (low, high) = row["ratio"][score], row["bounds"][score]
                where = inside if 0.5 <= ratio <= 2.0 else unsure if high >= 0.5 and low <= 2.0 else outside
                where.append(f"{row['set']} ({ratio:.2f})")
        listed = [
            f"{what}: {', '.join(names)}"
            for what, names in (
                ("within a factor of two", inside),
                ("outside by chance or not, for bounds reach inside", unsure),
                ("outside", outside),
            )
            if names
        ]
        sentences.append(f"At score {score} {'; '.join(listed) or 'no set has enough pairs'}.")
    return " ".join(sentences)


def alike(left_out: Sequence[dict[str, Any]], score: str) -> str:
    """How much of a small set's FMR two pairs of fingers make, where it is outside a factor of two."""
    told = []
    for row in left_out:
        if row["extractor"] == TOGETHER and row["set"] in FVC and not 0.5 <= row["ratio"][score] <= 2.0:
            told.append(
                f"{row['set']} {row['of_alike_fingers'][score]} of {row['accepted'][score]} (without these fingers' "
                f"pairs {row['ratio_without_alike'][score]:.2f})"
            )
    what = f"Of the pairs that reach score {score} in a small set outside, so many are of the two pairs of fingers, of "
    return what + f"45, that have the most: {', '.join(told)}." if told else ""


def _calibration(found: dict[str, Any], pictures: str) -> list[str]:
    tail = found["tail"]
    rows = []
    for row in found["left_out"]:
        cells = []
        for score in SCORES:
            low, high = row["bounds"][score]
            enough = row["pairs"] * fmr(score) >= ENOUGH
            cells.append(f"{row['ratio'][score]:.2f} [{low:.2f}, {high:.2f}]" if enough else "too few pairs")
        together = row["extractor"] == TOGETHER
        name = f"**{row['set']}, {TOGETHER}**" if together else f"{row['set']}/{row['extractor']}"
        rows.append((name, f"{row['pairs']:,}", *cells))
    fitted_on = sorted({name.partition("/")[2] for name in found["sets"]})
    return [
        f"The shipped calibration is fitted on {found['impostor_pairs']:,} impostor pairs of all sets, templates of "
        f"{', '.join(fitted_on)}. "
        f"Up to score 20 it follows their distribution, above it a generalised Pareto tail fitted to the highest "
        f"{100 * tail['fraction']:.0f} % ({tail['excesses']:,} pairs; shape {tail['shape']:.3f}). From "
        f"{found['extrapolated_from']:.1f} on fewer than ten measured pairs are left: there it is extrapolation. "
        "The raw score is first levelled by what is known of the two fingers: their effective minutia counts, how "
        "crowded their minutiae are, and how alike the directions of neighbours.",
        f"![Calibration]({pictures}/calibration.png)",
        "Each set left out in turn (with all its extractors), calibrated on the others: measured FMR over the FMR that "
        "the score states; 1 is exact. A set of ten fingers has 45 pairs of different fingers, and one pair that looks "
        "alike moves its FMR: see the bounds, 95 % by draws of fingers. A score that fewer than "
        f"{ENOUGH} pairs should reach is not judged.",
        f"All extractors of a set together. {verdict(found['left_out'], TOGETHER)}",
        f"`{OURS}` alone. {verdict(found['left_out'], OURS)}",
        *filter(None, [alike(found["left_out"], "30")]),
        table(("left out", "impostor pairs", "at score 20", "at score 30", "at score 40"), rows),
    ]


def _mixed(record: dict[str, Any]) -> list[str]:
    found, rates, by_fvc = record["mixed"], [], {}
    for row in (*record["sets"], *record["rotated"]["sets"]):  # of large sets the rotated row, which comes last
        by_fvc[row["set"], row["extractor"]] = row
    by_both = {(row["set"], row["extractor"]): row for row in found["sets"]}
    for extractor in EXTRACTORS:
        cells = []
        for sets, names in ((FVC, PAIR), *(((name,), (*PAIR, "0.0001")) for name in LARGE)):
            there = [(name, extractor) for name in sets if (name, extractor) in by_both]
            both = [
                " / ".join(percent(mean(figure(rows[at], name) for at in there)) for name in names)
                for rows in (by_fvc, by_both)
                if there
            ]
            cells.append(" → ".join(both) or "–")
        rates.append((extractor, *cells))
    before, after = (
        {(row["set"], row["extractor"]): row for row in part["left_out"]} for part in (record["calibration"], found)
    )
    stated = [
        (
            name,
            *(
                " → ".join(f"{part[name, extractor]['ratio'][score]:.2f}" for part in (before, after))
                if before[name, extractor]["pairs"] * fmr(score) >= ENOUGH
                else "too few pairs"
                for extractor in (TOGETHER, OURS)
                for score in ("20", "30")
            ),
        )
        for name in (*FVC, *LARGE)
    ]
    return [
        f"Neither the shipped weights nor the shipped calibration are learned from `{OURS}` "
        f"([why](adr/0033-our-templates-are-not-learned-from.md)). What changes with them among the others, shipped → "
        f"with `{OURS}`; first the weights with their calibration, EER / FNMR at FMR 0.1 % (/ 0.01 %), percent, as "
        "above: the FVC sets by weights from the large sets, the large sets by weights and calibration from the FVC "
        "sets.",
        table(("templates", "mean of FVC", *LARGE), rates),
        "Then the calibration alone, of the shipped weights, each set left out, measured FMR over the FMR stated:",
        table(("left out", "all, at 20", "all, at 30", f"{OURS}, at 20", f"{OURS}, at 30"), stated),
    ]


def _exits(found: dict[str, Any]) -> list[str]:
    changes = {score: (found["genuine"][score], found["impostor"][score]) for score in found["genuine"]}
    rows = [
        (score, *(f"{change['lost']:,} no longer accepted, {change['gained']:,} newly" for change in both))
        for score, both in changes.items()
    ]
    unchanged = (score for score, both in changes.items() if not any(any(change.values()) for change in both))
    safe = next(unchanged, "none of these")
    return [
        f"The same {found['pairs']['genuine']:,} genuine and {found['pairs']['impostor']:,} impostor pairs of all sets "
        "and extractors without the exits, by the same calibration: pairs whose decision the exits change. The lowest "
        f"threshold at which none changed: {safe}.",
        table(("threshold", "genuine pairs", "impostor pairs"), rows),
    ]


def _fusion(found: Sequence[dict[str, Any]], pictures: str) -> list[str]:
    rows = [
        (
            row["extractor"],
            str(row["fingers"]),
            str(row["choices"]),
            f"{row['genuine_pairs']:,} / {row['impostor_pairs']:,}",
            f"{percent(row['eer_mean'])} / {percent(row['eer_worst'])}",
            percent(row["zero_fmr_worst"]),
            f"{row['lowest_genuine']:.1f} / {row['highest_impostor']:.1f}",
        )
        for row in found
    ]
    head = (
        *("templates", "fingers", "choices of fingers", "genuine / impostor person pairs"),
        *("EER mean / worst choice", "ZeroFMR, worst choice", "lowest genuine / highest impostor score"),
    )
    return [
        "fcj2020, 50 people with four fingers; weights, calibration and fusion fitted without fcj2020. A person "
        "sample is one impression of the fingers chosen, missing files and all (18 were taken out of the set: a sample "
        "that has none of the fingers chosen scores 0); percent.",
        table(head, rows),
        f"![Fused scores]({pictures}/fusion.png)",
    ]
