"""What an office does after a batch: two people settle the case that it left, a lost card is replaced, a person erased,
the audit trail verified. Each step is the real command line, and each is compared with what must come of it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import demo_batch

ROOT = Path(__file__).resolve().parent.parent


class WrongError(Exception):
    """Something did not come out as it must."""


@dataclass(frozen=True)
class Office:
    """A gallery, keys and readers, all in the folder `out`."""

    out: Path
    reader: str

    def run(self, *arguments: str) -> None:
        """Runs the real command line in a process of its own, seen by whoever watches."""
        self._demand(subprocess.run(self._command(*arguments), check=False, cwd=ROOT).returncode, arguments)

    def ask(self, *arguments: str) -> Any:
        """Runs a command for its JSON."""
        done = subprocess.run(
            self._command(*arguments, "--json"), check=False, cwd=ROOT, stdout=subprocess.PIPE, text=True
        )
        self._demand(done.returncode, arguments)
        return json.loads(done.stdout)

    def issue(self, batch: str, run: str) -> None:
        """Issues the cards of the batch `out/batch` by the run in `out/run`."""
        self.run(
            "issue", str(self.out / batch), "--gallery", self.gallery, "--pki", str(self.out / "pki"),
            "--reader", self.reader, "--out", str(self.out / run), "--anchor", str(self.anchor(run)),
        )  # fmt: skip

    @property
    def gallery(self) -> str:
        """The gallery's folder."""
        return str(self.out / "gallery")

    def anchor(self, run: str) -> Path:
        """Where a run's statements are kept, outside of its folder."""
        return self.out / f"anchors-{run}.jsonl"

    def report(self, run: str) -> dict[str, Any]:
        """The report of a run."""
        found: dict[str, Any] = json.loads((self.out / run / "report.json").read_text(encoding="utf-8"))
        return found

    def lines(self, run: str) -> dict[str, dict[str, Any]]:
        """What became of each dossier of a run, by its id."""
        text = (self.out / run / "dossiers.jsonl").read_text(encoding="utf-8")
        return {line["id"]: line for line in map(json.loads, text.splitlines())}

    def _command(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "cccd_core.cli.main", *arguments]

    def _demand(self, code: int, arguments: tuple[str, ...]) -> None:
        if code != 0:
            raise WrongError(f"cccd {' '.join(arguments[:2])} ended with {code}")


def settle(office: Office, planted: Mapping[str, Any]) -> None:
    """Two people settle the one case apart from each other, and its dossier gets the card."""
    print("\ntwo people settle the case that is left:")
    (dossier_id,) = planted["review"]
    (case,) = office.ask("review", "list", "--gallery", office.gallery)
    office.run("review", "show", case["case"], "--gallery", office.gallery)
    for name, reason in (("an.hk", "one file was handed in twice"), ("binh.hk", "the other fingers are sound")):
        office.ask(
            "review", "decide", case["case"], "--gallery", office.gallery, "--as", name, "--answer", "accept",
            "--reason", reason,
        )  # fmt: skip
    office.issue("batch", "run")
    line = office.lines("run")[dossier_id]
    _demand(line["state"] == "verified", f"{dossier_id} was settled and should have a card; it is {line['state']}")
    verified = office.report("run")["verified"]
    _demand(verified == planted["people"], f"{verified} cards verified of {planted['people']}")


def replace_lost(office: Office, planted: Mapping[str, Any], prints: demo_batch.Prints) -> None:
    """Somebody lost their card: the new one is proved, and the lost one named to be revoked."""
    print("\na lost card is replaced:")
    former = office.lines("run")[planted["loses_the_card"]]["card_serial"]
    (office.out / "reissue").mkdir()
    dossier_id = demo_batch.make_reissue(office.out / "reissue", prints)
    office.issue("reissue", "run-reissue")
    line = office.lines("run-reissue")[dossier_id]
    _demand(line["state"] == "verified", f"{dossier_id} should have a card; it is {line['state']}")
    named = [one["card_serial"] for one in office.report("run-reissue")["revoke"]]
    _demand(named == [former], f"the lost card {former} should be named to be revoked; named are {named}")


def erase(office: Office, planted: Mapping[str, Any], prints: demo_batch.Prints) -> None:
    """A person is erased by order: whoever looks for their fingers finds nobody, and their card is named."""
    print("\na person is erased by order:")
    dossier_id = planted["erased"]
    fingers = office.out / "looked-for"
    demo_batch.make_fingers(fingers, prints, 1)
    asked = ("search", office.gallery, str(fingers))
    (before,) = office.ask(*asked)["answers"]
    _demand(
        before["outcome"] == "duplicate", f"{dossier_id} should be found before; the outcome is {before['outcome']}"
    )
    act = office.ask(
        "register", "person", "remove", "--dossier", dossier_id, "--gallery", office.gallery, "--order", "QD 1/2026",
        "--as", "dung.hn", "--reason", "a demonstration",
    )  # fmt: skip
    serial = office.lines("run")[dossier_id]["card_serial"]
    _demand([one["card_serial"] for one in act["revoke"]] == [serial], f"the card {serial} should be named")
    (after,) = office.ask(*asked)["answers"]
    _demand(after["outcome"] == "unique", f"nobody should be found after; the outcome is {after['outcome']}")
    office.run("register", "person", "acts", "--gallery", office.gallery)
    office.run("register", "verify", "--register", str(Path(office.gallery) / "register.sqlite"))


def verify_audit(office: Office) -> None:
    """The trail of each run holds, and is the one that was anchored."""
    for run in ("run", "run-reissue"):
        print(f"\nthe audit trail of {run}, with its anchor:")
        office.run(
            "audit", "verify", str(office.out / run / "audit.jsonl"), "--pki", str(office.out / "pki"),
            "--anchor", str(office.anchor(run)), "--of", office.report(run)["run"]["id"],
        )  # fmt: skip


def _demand(held: bool, otherwise: str) -> None:
    if not held:
        raise WrongError(otherwise)
