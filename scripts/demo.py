"""The demonstration: makes a batch, issues it with the real `cccd issue`, compares with what was planted, and goes on
as an office does: a case is settled by two people, a lost card replaced, a person erased, the audit trail verified.

`make demo [READER=pcsc] [FINGERPRINTS=DIR]`. Everything lies in out/demo and is made anew by each run. Exit code 0
when every planted duplicate and fault was found, nobody else was accused, and every card was verified.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import demo_batch
import demo_office
from demo_office import Office, WrongError

from cccd_core.country.clock import today
from cccd_core.errors import CccdError
from cccd_core.storage.lock import exclusive

ROOT = Path(__file__).resolve().parent.parent
PEOPLE = 200
VIRTUAL_READERS = 4


def main() -> int:
    """Runs it all; returns the exit code."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--reader", default="memory", help="memory, pcsc, or pcsc:NAME")
    options.add_argument("--fingerprints", type=Path, help="folder of real prints, with fcj2020 in it")
    options.add_argument("--people", type=int, default=PEOPLE, help="how many synthetic people")
    options.add_argument("--out", type=Path, default=ROOT / "out" / "demo", help="folder of the demonstration")
    given = options.parse_args()
    try:
        with exclusive(given.out.with_name(given.out.name + ".lock"), "demonstration's folder"):
            return demonstrate(given.out, given.reader, given.people, given.fingerprints)
    except CccdError as error:
        print(f"{error.kind}: {error}", file=sys.stderr)
        return 1
    except WrongError as error:
        print(f"DIFFERENT: {error}", file=sys.stderr)
        return 1


def demonstrate(out: Path, reader: str, people: int, fingerprints: Path | None) -> int:
    """The demonstration in the folder `out`; returns the exit code."""
    sys.stdout.reconfigure(line_buffering=True)  # what the commands print in between comes in its place
    for path in out.glob("anchors*.jsonl"):
        path.unlink()
    for name in ("batch", "gallery", "pki", "run", "pair", "reissue", "run-reissue", "looked-for"):
        shutil.rmtree(out / name, ignore_errors=True)
    (out / "batch").mkdir(parents=True)
    prints = demo_batch.synthetic_prints(people) if fingerprints is None else demo_batch.real_prints(fingerprints)
    start = time.perf_counter()
    planted = demo_batch.make(out / "batch", out / "planted.json", prints)
    total = planted["people"] + len(planted["duplicates"]) + len(planted["rejected"])
    print(
        f"made {total} dossiers in {time.perf_counter() - start:.1f} s: {planted['people']} people, "
        f"{len(planted['duplicates'])} planted duplicates, {len(planted['rejected'])} planted faults"
    )
    office = Office(out, reader)
    office.run("pki", "init", str(out / "pki"))
    with readers(reader):
        office.issue("batch", "run")
        report = office.report("run")
        lines = office.lines("run")
        differences = compare(planted, report, lines)
        for difference in differences:
            print(f"DIFFERENT: {difference}", file=sys.stderr)
        if differences:
            return 1
        print(
            f"as planted: {len(planted['duplicates'])} of {len(planted['duplicates'])} duplicates found, nobody else "
            f"accused, {len(planted['rejected'])} of {len(planted['rejected'])} faults named, "
            f"{len(planted['review'])} left to people, {report['verified']} of {planted['people'] - 1} cards verified"
        )
        show(office, report, lines)
        demo_office.settle(office, planted)
        demo_office.replace_lost(office, planted, prints)
    demo_office.erase(office, planted, prints)
    demo_office.verify_audit(office)
    return 0


@contextmanager
def readers(reader: str) -> Iterator[None]:
    """Virtual readers for the time of the run, where PC/SC is asked for; any other reader needs nothing."""
    if not reader.startswith("pcsc"):
        yield
        return
    script = str(ROOT / "scripts" / "virtual_readers.sh")
    subprocess.run([script, "start", str(VIRTUAL_READERS)], check=True)
    try:
        yield
    finally:
        subprocess.run([script, "stop"], check=True)


def compare(planted: Mapping[str, Any], report: Mapping[str, Any], lines: Mapping[str, Any]) -> list[str]:
    """Every way in which the result is not what was planted."""
    wrong = []
    found = {one["dossier"]: one["of"] for one in report["duplicates"]}
    for dossier, original in planted["duplicates"].items():
        if found.get(dossier) != original:
            wrong.append(f"{dossier} is a duplicate of {original}, and was found to be {lines[dossier]['state']}")
    wrong += [f"{dossier} was called a duplicate" for dossier in found if dossier not in planted["duplicates"]]
    for dossier, reason in planted["rejected"].items():
        if (lines[dossier]["state"], lines[dossier]["reason"]) != ("rejected", reason):
            wrong.append(f"{dossier} should be rejected: {reason}; it is {lines[dossier]['state']}")
    for dossier, reason in planted["review"].items():
        if (lines[dossier]["state"], lines[dossier]["reason"]) != ("review", reason):
            wrong.append(f"{dossier} should be left to people: {reason}; it is {lines[dossier]['state']}")
    for dossier, line in lines.items():
        if any(dossier in planted[kind] for kind in ("duplicates", "rejected", "review")):
            continue
        if line["state"] != "verified":
            wrong.append(f"{dossier} should have a card; it is {line['state']}, {line['reason']}")
    expected = planted["people"] - len(planted["review"])
    if report["verified"] != expected:
        wrong.append(f"{report['verified']} cards verified of {expected}")
    serials = [line["card_serial"] for line in lines.values() if line["card_serial"] is not None]
    if len(set(serials)) != len(serials):
        wrong.append("a card serial stands twice")
    return wrong


def show(office: Office, report: Mapping[str, Any], lines: Mapping[str, Any]) -> None:
    """Where to look: the report, one card read back, one matched pair drawn."""
    out = office.out
    print(f"\nthe report:        {out / 'run' / 'report.html'}")
    print(f"every dossier:     {out / 'run' / 'dossiers.jsonl'}")
    print(f"what was planted:  {out / 'planted.json'}")
    line = next(line for line in lines.values() if line["state"] == "verified")
    read_back(out, out / "run" / "cards" / f"{line['card_serial']}.card", line["id"])
    pair = report["duplicates"][0]
    picture = draw_pair(office, pair["dossier"], pair["of"], pair["fingers"][0])
    print(f"\na matched pair of fingers, {pair['dossier']} and {pair['of']}: {picture}")


def read_back(out: Path, path: Path, dossier_id: str) -> None:
    """Reads one card as a terminal of its country does, and prints what it says."""
    from cccd_core import pki
    from cccd_core.card import MemoryLink
    from cccd_core.card.virtual import VirtualCard
    from cccd_core.inspection import Access, inspect
    from cccd_core.pki.cv.local_country import inspection_system

    number = json.loads((out / "batch" / dossier_id / "dossier.json").read_text(encoding="utf-8"))["personal_number"]
    card = VirtualCard.open(path)
    try:
        access = Access(can=number[-6:], terminal=inspection_system(out / "pki").terminal())
        found = inspect(MemoryLink(card), pki.load(out / "pki").trust_store(), access=access)
    finally:
        card.close()
    print(f"\na card read back:  {path}")
    for name, value in found.fields.items():
        print(f"    {name:<20} {value}")
    held = [check.label for check in found.checks if check.held]
    print(f"    {found.verdict.label}; {len(held)} of {len(found.checks)} checks held: {', '.join(held)}")
    print(f"    again: cccd vcard serve {path}")


def draw_pair(office: Office, one: str, other: str, position: int) -> Path:
    """Draws one finger of two dossiers, with the minutiae that the matcher pairs."""
    from cccd_core.issuance import check_dossier, open_batch
    from cccd_core.issuance.dossiers.policy import CheckPolicy
    from cccd_core.templates import write

    out = office.out
    folder = out / "pair"
    folder.mkdir()
    policy = CheckPolicy()
    files = {}
    for raw in open_batch(out / "batch", policy).read({one, other}):
        sound = check_dossier(raw, day=today(), policy=policy).sound
        image = raw.images.get(position)
        suffix = "fmr" if image is None else image.suffix
        files[raw.dossier_id] = folder / f"{raw.dossier_id}_{position}.{suffix}"
        fingers = {} if sound is None else sound.tenprint
        data = write(fingers[position], "iso-2005") if image is None else image.data
        files[raw.dossier_id].write_bytes(data)
    picture = folder / "matched.png"
    office.run("match", str(files[one]), str(files[other]), "--explain", str(picture))
    return picture


if __name__ == "__main__":
    sys.exit(main())
