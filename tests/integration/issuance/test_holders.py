"""Whose number it is: every kind of dossier against what the register knows of a number and its holder."""

from __future__ import annotations

from contextlib import closing
from datetime import date
from typing import Any

import pytest

from cccd_core.dedup import EnrolledPerson, GalleryStore
from cccd_core.issuance.register.store import CardStatus
from support import dossiers
from support.issuing import DAY, EmptyFeeder, Office, fingers_of, lines, outcomes

LATER = {"captured_at": "2026-05-05T08:00:00+07:00"}
MUCH_LATER = {"captured_at": "2026-06-01T08:00:00+07:00"}
EXCHANGE = {"kind": "exchange", "grounds": "holder_request", **LATER}
LOST = {"kind": "reissue", "grounds": "lost", **LATER}
ANEW = {"kind": "exchange", "grounds": "number_established_anew", **LATER}
CHILD = {"personal_number": "001222000001", "birth_date": "2022-03-03"}


def number(person: int) -> str:
    return str(dossiers.document(person)["personal_number"])


def put(office: Office, name: str, fields: dict[str, Any], person: int | None, batch: str = "second") -> None:
    """A dossier with another impression of a person's fingers, or with none."""
    fingers = {} if person is None else fingers_of(person, again=True)
    dossiers.put(office.batch(batch), name, fields, fingers=fingers)


def told(office: Office, out: str = "second-out") -> dict[str, dict[str, Any]]:
    return {line["id"]: line for line in lines(office.out(out))}


def test_a_number_that_the_register_does_not_know(office: Office) -> None:
    for person in (1, 2, 3):
        office.put(f"N{person}", person)
    office.issue()
    wrong = dossiers.document(71)["personal_number"]  # a slip of the clerk's
    put(office, "E1", dossiers.document(1, **EXCHANGE, personal_number=wrong), 1)
    put(office, "E4", dossiers.document(4, **LOST), 4)  # nobody's
    put(office, "child", dossiers.document(5, **LOST, **CHILD), None)
    put(office, "E6", dossiers.document(6, **EXCHANGE, former_card="cccd"), 6)  # from before the register
    put(office, "E7", dossiers.document(7, **LOST, old_number="012345678"), 7)
    put(office, "E8", dossiers.document(8, **ANEW, old_number=number(80)), 8)
    put(office, "E2", dossiers.document(72, **EXCHANGE, former_card="cccd"), 2)  # says so, and is known
    put(office, "E9", dossiers.document(9, **EXCHANGE, old_number=number(3)), 9)  # the old number is another's
    report = office.issue("second", "second-out")
    assert outcomes(report) == {
        "E1": ("duplicate", "duplicate"),
        "E2": ("duplicate", "duplicate"),
        "E4": ("rejected", "number_unknown"),
        "E6": ("verified", None),
        "E7": ("verified", None),
        "E8": ("verified", None),
        "E9": ("rejected", "old_number_taken"),
        "child": ("rejected", "number_unknown"),
    }
    said = told(office)
    assert said["E1"]["evidence"]["number"] == "number_unknown"
    assert said["E1"]["evidence"]["search"]["of"] == "N1"
    assert report.figures.warnings["card_from_before"] == 3
    # Once it is in the register it is known.
    put(office, "F6", dossiers.document(6, **LOST), 6, batch="third")
    assert outcomes(office.issue("third", "third-out")) == {"F6": ("verified", None)}


def test_a_new_dossier_that_names_a_known_former_number(office: Office) -> None:
    office.put("N1", 1)
    child = dossiers.document(1, **CHILD)
    dossiers.put(office.batch(), "child", child, fingers={})
    office.issue()
    later = {**LATER, "birth_date": CHILD["birth_date"], "personal_number": "001222000002"}
    put(office, "C2", dossiers.document(2, **later, old_number=CHILD["personal_number"]), None)
    put(office, "B2", dossiers.document(2, **LATER, old_number=number(1)), 1)
    assert outcomes(office.issue("second", "second-out")) == {
        "B2": ("duplicate", "duplicate"),
        "C2": ("rejected", "old_number_taken"),
    }
    assert told(office)["B2"]["evidence"]["number"] == "old_number_taken"


def test_a_number_is_replaced_once(office: Office) -> None:
    office.put("N1", 1)
    office.issue()
    put(office, "E1", dossiers.document(11, **ANEW, old_number=number(1)), 1)
    put(office, "E2", dossiers.document(12, **ANEW, old_number=number(1)), 1)  # in the same batch
    assert outcomes(office.issue("second", "second-out")) == {
        "E1": ("verified", None),
        "E2": ("duplicate", "duplicate"),
    }
    put(office, "E3", dossiers.document(13, **ANEW, old_number=number(1)), 1, batch="third")
    put(office, "E4", dossiers.document(1, **LOST), 1, batch="given up")
    put(office, "E5", dossiers.document(11, **LOST), 1, batch="fourth")
    assert outcomes(office.issue("third", "third-out")) == {"E3": ("rejected", "number_replaced")}
    assert outcomes(office.issue("given up", "given-up-out")) == {"E4": ("rejected", "number_replaced")}
    assert outcomes(office.issue("fourth", "fourth-out")) == {"E5": ("verified", None)}
    valid = [card.dossier_id for card in office.register().cards() if card.status is CardStatus.VALID]
    assert valid == ["E5"]


def test_a_number_established_anew_that_is_another_person_s(office: Office) -> None:
    for person in (1, 2):
        office.put(f"N{person}", person)
    office.issue()
    put(office, "E1", dossiers.document(2, **ANEW, old_number=number(1)), 1)
    put(office, "E9", dossiers.document(2, **{**ANEW, "captured_at": None}, old_number=number(1)), 9)
    assert outcomes(office.issue("second", "second-out")) == {
        "E1": ("rejected", "number_taken"),
        "E9": ("rejected", "number_taken"),
    }
    said = told(office)
    assert said["E1"]["evidence"]["holder"] == "same"  # of the former number
    assert said["E9"]["evidence"]["holder"] == "other"


@pytest.mark.parametrize("grounds", ["lost", "number_established_anew"])
def test_one_batch_makes_one_card_of_a_number(office: Office, grounds: str) -> None:
    office.put("N1", 1)
    empty = office.means(wrap=EmptyFeeder)
    assert outcomes(office.issue(means=empty)) == {"N1": ("failed", "card_waiting")}
    fields = dossiers.document(1, **LOST)
    if grounds != "lost":
        fields = dossiers.document(11, **ANEW, old_number=number(1))
    put(office, "E1", fields, 1, batch="batch")  # while the other card is under way
    repeated = ("rejected", "number_repeated")
    assert outcomes(office.issue(means=empty)) == {"E1": repeated, "N1": ("failed", "card_waiting")}
    put(office, "F1", fields, 1, batch="other")
    assert outcomes(office.issue("other", "other-out")) == {"F1": ("failed", "in_other_run")}
    assert outcomes(office.issue()) == {"E1": repeated, "N1": ("verified", None)}
    put(office, "G1", fields, 1, batch="batch")  # when it is made
    assert outcomes(office.issue()) == {"E1": repeated, "G1": repeated, "N1": ("verified", None)}
    assert outcomes(office.issue("other", "other-out")) == {"F1": ("verified", None)}
    statuses = {card.dossier_id: card.status for card in office.register().cards()}
    assert statuses == {"N1": CardStatus.SUPERSEDED, "F1": CardStatus.VALID}


def test_evidence_says_whose_fingers_they_are_and_that_they_are_not_the_holder_s(office: Office) -> None:
    for person in range(1, 7):
        office.put(f"N{person}", person)
    office.issue()
    put(office, "E1", dossiers.document(1, **LOST), 2)  # another enrolled person's
    put(office, "E3", dossiers.document(3, **LOST), 33)  # nobody's who is known
    put(office, "E4", dossiers.document(4, **EXCHANGE), 4)
    put(office, "F4", dossiers.document(4, **{**LOST, **MUCH_LATER}), 4)  # twice in the batch
    put(office, "G5", dossiers.document(5, **LOST), 55)
    put(office, "N55", dossiers.document(55, **MUCH_LATER), 55)  # not to be blamed for G5
    put(office, "N66", dossiers.document(66, captured_at="2026-04-01T08:00:00+07:00"), 6)  # a second identity of E6's
    put(office, "E6", dossiers.document(6, **LOST), 6)
    report = office.issue("second", "second-out")
    assert outcomes(report) == {
        "E1": ("duplicate", "duplicate"),
        "E3": ("review", "own_record_mismatch"),
        "E4": ("verified", None),
        "E6": ("verified", None),
        "F4": ("duplicate", "duplicate"),
        "G5": ("duplicate", "duplicate"),
        "N55": ("verified", None),
        "N66": ("duplicate", "duplicate"),
    }
    said = {name: line["evidence"] for name, line in told(office).items()}
    assert said["E1"]["search"]["of"] == "N2"
    assert said["E1"]["holder"] == "other"
    assert said["E1"]["own_record"]["outcome"] == "unique"
    assert (said["E3"]["holder"], said["E4"]["holder"], said["E6"]["holder"]) == ("other", "same", "same")
    assert (said["F4"]["search"]["of"], said["F4"]["number"], said["F4"]["holder"]) == ("E4", "number_repeated", "same")
    assert (said["G5"]["search"]["of"], said["G5"]["holder"]) == ("N55", "other")
    assert said["N66"]["search"]["of"] == "N6"
    assert "holder" not in said["N55"]
    (listed,) = [one for one in report.figures.duplicates if one.dossier == "E1"]
    assert (listed.of, listed.holder) == ("N2", "other")
    page = (office.out("second-out") / "report.html").read_text(encoding="utf-8")
    assert "not those of the record of its number" in page


def test_a_holder_whose_fingers_are_also_another_record_s_goes_to_review(office: Office) -> None:
    for person in (1, 2):
        office.put(f"N{person}", person)
    office.issue()
    owner = office.register().person_of(number(2))
    assert owner is not None
    with closing(GalleryStore(office.gallery / "gallery.sqlite")) as gallery:
        (first,) = [person for person in gallery if person.person_id != owner]
        gallery.replace(EnrolledPerson(owner, first.tenprint), order="made of the other's")
    put(office, "E1", dossiers.document(1, **LOST), 1)
    assert outcomes(office.issue("second", "second-out")) == {"E1": ("review", "two_records")}
    evidence = told(office)["E1"]["evidence"]
    assert (evidence["holder"], evidence["search"]["of"]) == ("same", "N2")


def test_holders_of_whom_there_is_nothing_to_compare(office: Office) -> None:
    dossiers.put(office.batch(), "child", dossiers.document(1, **CHILD), fingers={})
    for person in (2, 3):
        office.put(f"N{person}", person)
    office.issue()
    owner = office.register().person_of(number(2))
    assert owner is not None
    with closing(GalleryStore(office.gallery / "gallery.sqlite")) as gallery:
        gallery.remove(owner, order="order 7")
    grown = {**EXCHANGE, **CHILD}
    put(office, "E1", dossiers.document(1, **grown), 1)  # its first fingers
    put(office, "E2", dossiers.document(2, **LOST), 3)  # the record is gone, and the fingers are another's
    missing = {str(position): {"missing": "amputated"} for position in range(1, 11)}
    put(office, "E3", dossiers.document(3, **LOST, fingers=missing), None)
    report = office.issue("second", "second-out")
    assert outcomes(report) == {
        "E1": ("verified", None),
        "E2": ("duplicate", "duplicate"),
        "E3": ("review", "not_searchable"),
    }
    said = {name: line["evidence"] for name, line in told(office).items()}
    assert (said["E1"]["holder"], said["E2"]["holder"], said["E3"]["holder"]) == ("no_record", "removed", "no_fingers")
    assert report.figures.warnings["no_own_record"] == 1
    # The child's fingers are on record now, and are missed where they are lost.
    put(office, "E4", dossiers.document(1, **LOST, **CHILD), 44, batch="third")
    assert outcomes(office.issue("third", "third-out")) == {"E4": ("review", "own_record_mismatch")}
    assert office.register().enrolled() == 3


def test_a_child_s_card_is_not_replaced_without_the_fingers_that_are_on_record(office: Office) -> None:
    dossiers.put(office.batch(), "child", dossiers.document(1, **CHILD), fingers=fingers_of(1))
    office.issue()
    put(office, "E1", dossiers.document(1, **LOST, **CHILD), None)
    assert outcomes(office.issue("second", "second-out")) == {"E1": ("review", "not_searchable")}
    assert date(2022, 3, 3).year + 6 > DAY.year, "under six: no fingers are asked for"
