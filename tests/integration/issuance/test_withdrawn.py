"""Issuing over a gallery from which people were taken out, or in which they were replaced."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import replace

import pytest

from cccd_core.dedup import EnrolledPerson, GalleryStore
from cccd_core.errors import DamagedError
from cccd_core.templates import Tenprint
from support import dossiers
from support.issuing import Office, fingers_of, outcomes


def test_who_was_taken_out_by_an_order_is_not_lost(office: Office) -> None:
    for person in (1, 2, 3):
        office.put(f"N{person}", person)
    assert office.issue().complete
    owner = office.register().person_of(dossiers.document(1)["personal_number"])
    assert owner is not None
    store = office.gallery / "gallery.sqlite"
    with closing(GalleryStore(store)) as gallery:
        gallery.remove(owner, order="order 7")
    # nobody of these fingers is enrolled now: who comes with them under another number is not found
    later = {"captured_at": "2026-05-05T08:00:00+07:00"}
    fields = dossiers.document(9, **later)
    dossiers.put(office.batch("second"), "B9", fields, fingers=fingers_of(1, again=True))
    # but nobody gets a card for the number without a person's eye: no record is left to compare with
    reissue = {"kind": "reissue", "grounds": "lost", **later}
    dossiers.put(office.batch("second"), "E1", dossiers.document(1, **reissue), fingers=fingers_of(77))
    dossiers.put(office.batch("second"), "T1", dossiers.document(1, **later), fingers=fingers_of(78))
    office.put("E2", 2, again=True, batch="second", **reissue)
    assert outcomes(office.issue("second", "second-out")) == {
        "B9": ("verified", None),
        "E1": ("review", "own_record_removed"),
        "E2": ("verified", None),
        "T1": ("rejected", "number_taken"),
    }
    # whoever is missing without an order is missed all the same
    with closing(sqlite3.connect(store)) as connection:
        connection.execute("DELETE FROM finger WHERE sequence = 2")
        connection.execute("DELETE FROM person WHERE sequence = 2")
        connection.commit()
    office.put("N4", 4, batch="third")
    with pytest.raises(DamagedError, match="lost people"):
        office.issue("third", "third-out")


def test_removals_that_do_not_count_hide_no_loss(office: Office) -> None:
    """A removal of somebody whom the register never knew, and one that was undone."""
    for person in (1, 2):
        office.put(f"N{person}", person)
    assert office.issue().complete
    store = office.gallery / "gallery.sqlite"
    with closing(GalleryStore(store)) as gallery:
        first, second = gallery
        gallery.add(replace(first, person_id="guest"))
        gallery.remove("guest", order="order 7")
        gallery.remove(first.person_id, order="order 8")
        gallery.add(first)
        assert gallery.removed() == {"guest"}
    office.put("N3", 3, batch="second")
    assert outcomes(office.issue("second", "second-out")) == {"N3": ("verified", None)}
    with closing(sqlite3.connect(store)) as connection:
        connection.execute("DELETE FROM finger WHERE sequence = (SELECT sequence FROM person WHERE person_id = ?)",
                           (second.person_id,))  # fmt: skip
        connection.execute("DELETE FROM person WHERE person_id = ?", (second.person_id,))
        connection.commit()
    office.put("N4", 4, batch="third")
    with pytest.raises(DamagedError, match="lost people"):
        office.issue("third", "third-out")


def test_who_was_replaced_is_compared_by_the_new_record(office: Office) -> None:
    office.put("N1", 1)
    assert office.issue().complete
    owner = office.register().person_of(dossiers.document(1)["personal_number"])
    with closing(GalleryStore(office.gallery / "gallery.sqlite")) as gallery:
        new = {position: dossiers.finger(1000 * 40 + position) for position in (2, 7, 1)}
        gallery.replace(EnrolledPerson(owner, Tenprint(new)), order="recapture 3")
    later = {"captured_at": "2026-05-05T08:00:00+07:00", "kind": "reissue", "grounds": "lost"}
    dossiers.put(office.batch("second"), "E1", dossiers.document(1, **later), fingers=fingers_of(40, again=True))
    assert outcomes(office.issue("second", "second-out")) == {"E1": ("verified", None)}
