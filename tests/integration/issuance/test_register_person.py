"""cccd register person on an office that issued cards: erased, joined, and what the next batch makes of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from cccd_core.cli import common
from cccd_core.cli.common import EXIT_NOT_RUN
from cccd_core.cli.main import build
from support import dossiers
from support.issuing import Office, fingers_of, outcomes

LATER = {"captured_at": "2026-05-05T08:00:00+07:00"}


@pytest.fixture
def issued(office: Office) -> Office:
    for person in (1, 2):
        office.put(f"D{person}", person)
    office.issue()
    return office


def person(office: Office, word: str, *more: str) -> int:
    act = [] if word in ("show", "acts", "resume") else ["--order", "QD 1", "--as", "dung", "--reason", "a court's"]
    words = ["register", "person", word, "--gallery", str(office.gallery), *act, *more]
    return common.run(build("register"), words)


def told(capsys: pytest.CaptureFixture[str]) -> Any:
    return json.loads(capsys.readouterr().out)


def test_who_is_erased_may_come_again(issued: Office, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    number = tmp_path / "number"
    number.write_text(f"{dossiers.document(1)['personal_number']}\n")
    assert person(issued, "show", "--number-file", str(number), "--json") == 0
    before = told(capsys)
    assert (before["fingers"], [card["dossier"] for card in before["cards"]]) == ([1, 2, 7], ["D1"])
    assert person(issued, "remove", "--number-file", str(number), "--json") == 0
    act = told(capsys)
    assert (act["kind"], act["ended"], act["revoke"][0]["to_do"]) == ("remove", "done", "revoke")
    assert act["revoke"][0]["card_serial"] == before["cards"][0]["serial"]
    assert person(issued, "show", "--number-file", str(number)) == EXIT_NOT_RUN
    assert person(issued, "acts", "--order", "QD 1", "--json") == 0
    assert [one["act"] for one in told(capsys)] == [act["act"]]
    dossiers.put(issued.batch("second"), "N1", dossiers.document(1, **LATER), fingers=fingers_of(1, again=True))
    assert outcomes(issued.issue("second", "second-out")) == {"N1": ("verified", None)}


def test_a_number_that_was_given_up_is_refused(issued: Office, capsys: pytest.CaptureFixture[str]) -> None:
    assert person(issued, "merge", "--dossier", "D1", "--other", "D2") == 0
    assert "revoke it" in capsys.readouterr().out
    assert person(issued, "resume") == 0
    assert "no act was interrupted" in capsys.readouterr().out
    lost = dossiers.document(2, kind="reissue", grounds="lost", **LATER)
    dossiers.put(issued.batch("second"), "R2", lost, fingers=fingers_of(9))
    own = dossiers.document(1, kind="reissue", grounds="lost", **LATER)
    dossiers.put(issued.batch("second"), "R1", own, fingers=fingers_of(1, again=True))
    assert outcomes(issued.issue("second", "second-out")) == {
        "R1": ("verified", None), "R2": ("rejected", "number_replaced"),
    }  # fmt: skip


@pytest.mark.parametrize("more", [[], ["--dossier", "D1", "--number-file", "x"], ["--dossier", "nobody"]])
def test_a_person_is_named_in_one_way(issued: Office, more: list[str]) -> None:
    assert person(issued, "remove", *more) != 0
    assert person(issued, "acts") == 0
