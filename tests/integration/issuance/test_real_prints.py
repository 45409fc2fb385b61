"""The main job with the real matcher on real prints: all planted duplicates found, nobody else accused."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

import pytest

from cccd_core.templates import load, write
from support import dossiers
from support.issuing import Office, outcomes

pytestmark = [pytest.mark.data, pytest.mark.jit]

# person label -> finger label -> impressions
Prints = dict[str, dict[str, list[Path]]]


def people_of(folder: Path) -> Prints:
    found: Prints = defaultdict(lambda: defaultdict(list))
    for path in sorted(folder.glob("*.fmr")):
        person, _, label = path.stem.partition("_")[0].rpartition("-")
        found[person][label].append(path)
    return {person: dict(fingers) for person, fingers in found.items()}


def files_of(fingers: dict[str, list[Path]], impression: int, form: str) -> dict[str, bytes]:
    positions = (2, 7, 1, 6, 3, 8, 4, 9, 5, 10)
    suffix = "xyt" if form == "xyt" else "fmr"
    return {
        f"{position}.{suffix}": write(load(paths[impression % len(paths)]).view, form)
        for position, (_, paths) in zip(positions, sorted(fingers.items()), strict=False)
    }


@pytest.fixture
def real_office(tmp_path: Path, test_pki: Path) -> Office:
    return Office(tmp_path, test_pki, toy=False)


@pytest.mark.parametrize(
    ("data_set", "extractor", "form"),
    [
        ("fcj2020", "fjfx", "iso-2005"),
        ("fcj2020", "mindtct", "xyt"),
        ("crossmatch", "sourceafis", "ansi-2004"),
    ],
)
def test_planted_duplicates_among_real_prints(
    real_office: Office, fingerprints: Path, data_set: str, extractor: str, form: str
) -> None:
    people = people_of(fingerprints / data_set / extractor)
    originals = sorted(people)[:9]
    some = load(next(iter(people[originals[0]].values()))[0]).view
    says = {"templates": {"dpi": 500, "height_px": some.height_px}} if form == "xyt" else {}
    for index, name in enumerate(originals, 1):
        files = files_of(people[name], 0, form)
        dossiers.put(real_office.batch(), f"P{index}", dossiers.document(index, **says), fingers=files, seed=index)
    planted = {"Q1": 2, "Q2": 5, "Q3": 8}
    for index, (name, original) in enumerate(planted.items(), 1):
        later = dossiers.document(500 + index, captured_at="2026-08-01T08:00:00+07:00", **says)
        files = files_of(people[originals[original - 1]], 3, form)
        dossiers.put(real_office.batch(), name, later, fingers=files, seed=500 + index)
    report = real_office.issue()
    assert {one.dossier: one.of for one in report.figures.duplicates} == {
        name: f"P{original}" for name, original in planted.items()
    }
    assert {name for name, (state, _) in outcomes(report).items() if state == "verified"} == {
        f"P{index}" for index in range(1, len(originals) + 1)
    }
