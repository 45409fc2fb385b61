"""Cards that were replaced are named, with what to do, in every report of the run that proved the new ones."""

from __future__ import annotations

import json
from contextlib import closing
from dataclasses import replace

import pytest

from cccd_core.cli.issue import _show
from cccd_core.issuance import Report
from cccd_core.issuance.dossiers.reasons import ToDo
from cccd_core.issuance.runs.state import DossierState, RunState
from support import dossiers
from support.issuing import EmptyFeeder, Office, fingers_of, lines, outcomes

LATER = {"captured_at": "2026-05-05T08:00:00+07:00"}
WANTED = {
    "E1": ("N1", "lost", ToDo.REVOKE),
    "E2": ("N2", "damaged", ToDo.TAKE_IN),
    "E3": ("N3", "holder_request", ToDo.TAKE_IN),
    "E4": ("N4", "number_established_anew", ToDo.TAKE_IN),
}


def replace_all(office: Office) -> dict[str, str]:
    """Issues five cards and puts dossiers that replace four of them into the batch `second`; the serials by dossier."""
    for person in range(1, 6):
        office.put(f"N{person}", person)
    serials = {entry.dossier_id: entry.card_serial or "" for entry in office.issue().entries}
    kinds = {"lost": "reissue", "damaged": "reissue"}
    for person, (name, (_, grounds, _)) in enumerate(WANTED.items(), start=1):
        fields = dossiers.document(person, kind=kinds.get(grounds, "exchange"), grounds=grounds, **LATER)
        if grounds == "number_established_anew":
            old = fields["personal_number"]
            fields = {**fields, "old_number": old, "personal_number": f"079088{person:06d}"}
        dossiers.put(office.batch("second"), name, fields, fingers=fingers_of(person, again=True))
    return serials


def named(report: Report) -> set[tuple[str, str | None, str | None, str | None, str]]:
    return {
        (card.card_serial, card.dossier, card.reason, card.replaced_by, card.to_do) for card in report.figures.revoke
    }


def test_every_replaced_card_is_named(office: Office, capsys: pytest.CaptureFixture[str]) -> None:
    serials = replace_all(office)
    wanted = {(serials[old], old, grounds, name, to_do) for name, (old, grounds, to_do) in WANTED.items()}
    nothing_yet = office.issue("second", "second-out", office.means(wrap=EmptyFeeder))
    assert set(outcomes(nothing_yet).values()) == {("failed", "card_waiting")}
    assert named(nothing_yet) == set(), "a card counts until the new one is proved"

    report = office.issue("second", "second-out")
    assert set(outcomes(report).values()) == {("verified", None)}
    assert named(report) == wanted
    out = office.out("second-out")
    said = json.loads((out / "report.json").read_text(encoding="utf-8"))["revoke"]
    assert {
        (one["card_serial"], one["dossier"], one["reason"], one["replaced_by"], one["to_do"]) for one in said
    } == wanted
    page = (out / "report.html").read_text(encoding="utf-8")
    _show(report)
    screen = capsys.readouterr().out
    for serial, old, _, name, to_do in wanted:
        assert serial in page
        assert ToDo(to_do).text in page
        assert f"card {serial}, of {old}, replaced by that of {name} (" in screen
    by_dossier = {line["id"]: line["evidence"]["replaced"] for line in lines(out)}
    assert {one["card_serial"] for each in by_dossier.values() for one in each} == {one[0] for one in wanted}

    assert named(office.issue("second", "second-out")) == wanted, "run again"
    # Where the run was lost with its report, the next one over the same batch says it.
    lost = office.issue("second", "third-out")
    assert set(outcomes(lost).values()) == {("rejected", "already_issued")}
    assert named(lost) == wanted


def test_a_replaced_card_is_named_when_the_run_was_cut_off_before_it_noted_it(office: Office) -> None:
    serials = replace_all(office)

    def cut_off(done: int, total: int, what: str) -> None:
        if what == "cards":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        office.issue("second", "second-out", progress=cut_off)
    with closing(RunState(office.out("second-out") / "run.sqlite")) as state:
        (entry,) = state.entries(DossierState.VERIFIED)
        assert entry.evidence.replaced
        # As it stood between the register's word that the card is valid and the run's own.
        before = replace(entry.evidence, replaced=(), card=None)
        state.record([replace(entry, state=DossierState.UNIQUE, card_serial=None, written=False, evidence=before)])
    report = office.issue("second", "second-out")
    assert set(outcomes(report).values()) == {("verified", None)}
    assert {card[0] for card in named(report)} == {serials[old] for old, _, _ in WANTED.values()}


def test_a_card_replaced_by_another_run_is_not_named_again_by_a_later_replacement(office: Office) -> None:
    serials = replace_all(office)
    first = {entry.dossier_id: entry.card_serial for entry in office.issue("second", "second-out").entries}
    office.put("F1", 1, batch="third", again=True, kind="reissue", grounds="lost", **LATER)
    fields = dossiers.document(4, kind="reissue", grounds="lost", **LATER)
    fields["personal_number"] = "079088000004"
    dossiers.put(office.batch("third"), "F4", fields, fingers=fingers_of(4, again=True))
    report = office.issue("third", "third-out")
    assert set(outcomes(report).values()) == {("verified", None)}
    assert {card[0] for card in named(report)} == {first["E1"], first["E4"]}
    assert not {card[0] for card in named(report)} & set(serials.values())
