"""Fingers of unknown position from a dossier to the gallery: searched against every finger, enrolled, on no chip."""

from __future__ import annotations

from contextlib import closing
from datetime import UTC, datetime

from cccd_core.dedup import GalleryStore
from cccd_core.issuance.review.settle import Answer, Vote
from cccd_core.issuance.review.store import Cases
from cccd_core.issuance.runs.paths import Paths
from support import dossiers
from support.issuing import Office, fingers_of, lines, outcomes

LATER = "2026-05-05T08:00:00+07:00"


def unplaced(person: int, count: int = 3) -> dict[str, bytes]:
    """Another impression of a person's fingers, nobody knows of which."""
    again = fingers_of(person, again=True)
    return {f"0-{number}.fmr": data for number, data in enumerate(list(again.values())[:count], 1)}


def test_somebody_enrolled_is_found_by_them_and_they_by_others(office: Office) -> None:
    office.put("first", 1)
    dossiers.put(
        office.batch(), "loose", dossiers.document(2), fingers={**fingers_of(2), "0.fmr": unplaced(3)["0-1.fmr"]}
    )
    assert outcomes(office.issue()) == {"first": ("verified", None), "loose": ("verified", None)}
    with closing(GalleryStore(office.gallery / "gallery.sqlite")) as gallery:
        assert sorted((len(one.tenprint), len(one.unplaced)) for one in gallery) == [(3, 0), (3, 1)]
    for name, fingers in (("again", unplaced(1)), ("other", {**fingers_of(4), "0.fmr": fingers_of(1)["2.fmr"]})):
        dossiers.put(office.batch("second"), name, dossiers.document(8 + len(name), captured_at=LATER), fingers=fingers)
    found = office.issue("second", "second-out")
    assert outcomes(found)["again"] == ("duplicate", "duplicate")
    (line,) = [one for one in lines(office.out("second-out")) if one["id"] == "again"]
    assert line["evidence"]["search"]["of"] == "first"
    assert {one["position"] for one in line["evidence"]["search"]["matches"][0]["fingers"]} == {0}


def test_with_them_alone_people_decide_and_no_finger_goes_on_the_chip(office: Office) -> None:
    dossiers.put(office.batch(), "loose", dossiers.document(1), fingers=unplaced(1))
    assert outcomes(office.issue()) == {"loose": ("review", "finger_in_doubt")}
    with closing(Cases(Paths(office.gallery, office.out()).register)) as cases:
        (case,) = cases.all()
        for name in ("an", "binh"):
            vote = Vote(name, False, Answer.ACCEPT, "a burn unit: the hands could not be told apart", datetime.now(UTC))
            cases.vote(case.case_id, vote)
    report = office.issue()
    assert outcomes(report) == {"loose": ("verified", None)}
    (entry,) = report.entries
    number = str(dossiers.document(1)["personal_number"])
    read = office.read_card(str(entry.card_serial), number)
    assert read.verdict == "genuine"
    assert not [name for name in read.fields if name.startswith("DG3")]
    # the record is theirs from now on: a reissue matches it
    lost = dossiers.document(1, kind="reissue", grounds="lost", captured_at=LATER)
    dossiers.put(office.batch("second"), "again", lost, fingers=fingers_of(1))
    assert outcomes(office.issue("second", "second-out")) == {"again": ("verified", None)}
    (line,) = lines(office.out("second-out"))
    assert line["evidence"]["holder"] == "same"
