"""A run's document signers: the next one takes over in the middle of a batch, no card outlives its signer."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from cccd_core import pki
from cccd_core.card import MemoryLink
from cccd_core.card.virtual import VirtualCard
from cccd_core.emrtd import ElementaryFile, cms, sod, times
from cccd_core.errors import SigningError
from cccd_core.pki import ValidityPolicy, authority
from cccd_core.signing import ledger as ledgers
from support.chaos import run_and_kill
from support.issuing import Office, outcomes

NOW = datetime(2026, 10, 1, tzinfo=UTC)


def an_office(folder: Path, **policy: int | bool) -> Office:
    pki.init(folder / "pki", policy=ValidityPolicy(**policy), now=NOW)  # type: ignore[arg-type]
    return Office(folder, folder / "pki")


def signers_of(office: Office) -> list[str]:
    return [f"{one.certificate.serial_number:X}" for one in pki.load(office.pki).signers]


def sods(office: Office) -> list[sod.Sod]:
    found = []
    for path in sorted((office.out() / "cards").glob("*.card")):
        with VirtualCard.open(path) as card:
            stored = next(one for (_, fid), one in card.memory.files.items() if fid == ElementaryFile.EF_SOD.fid)
            found.append(sod.parse(bytes(stored.content)))
        MemoryLink(card).close()
    return found


def test_the_next_signer_takes_over_in_the_middle_of_a_batch(tmp_path: Path) -> None:
    office = an_office(tmp_path, signature_limit=3)
    authority.add_signer(office.pki, limit=3, now=NOW)
    for person in range(1, 6):
        office.put(f"A{person}", person)
    stop = [0]

    def interrupt(done: int, total: int, what: str) -> None:
        if what == "cards":
            stop[0] += 1
            if stop[0] == 2:
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        office.issue(progress=interrupt)
    report = office.issue()
    assert set(outcomes(report).values()) == {("verified", None)}
    # Counted by the ledgers: images that were signed ahead and lost to the interruption are there as well.
    counts = [ledgers.read(office.pki / name / "ledger").signatures for name in ("ds", "ds-2")]
    assert counts[0] == 3
    assert sum(counts) >= 5
    assert report.figures.signers == dict(zip(signers_of(office), counts, strict=True))
    on_cards = {one.signed_data.signers[0].serial_number for one in sods(office)}
    assert on_cards == {int(serial, 16) for serial in signers_of(office)}
    written = json.loads((office.out() / "report.json").read_text())
    assert written["signers"] == report.figures.signers


def test_a_batch_whose_signers_are_used_up_goes_on_with_the_next_one(tmp_path: Path) -> None:
    office = an_office(tmp_path, signature_limit=2)
    for person in range(1, 4):
        office.put(f"A{person}", person)
    with pytest.raises(SigningError, match="no document signer may sign now"):
        office.issue()
    authority.add_signer(office.pki, limit=50, now=NOW)
    report = office.issue()
    assert set(outcomes(report).values()) == {("verified", None)}


def test_a_card_that_would_outlive_its_signer_is_held_alone(tmp_path: Path) -> None:
    office = an_office(tmp_path, document_years=10, no_expiry_years=10)
    office.put("short", 1, expiry_date="2030-01-01")
    office.put("long", 2, expiry_date="2040-01-01")
    report = office.issue()
    assert outcomes(report) == {"short": ("verified", None), "long": ("failed", "signer_too_short")}
    assert report.figures.failed == {"signer_too_short": 1}
    assert not report.complete
    authority.add_signer(office.pki, key_days=30, now=NOW)
    assert outcomes(office.issue())["long"] == ("failed", "signer_too_short")
    index = json.loads((office.pki / "pki.json").read_text())
    index["policy"]["document_years"] = 14
    (office.pki / "pki.json").write_text(json.dumps(index))
    with pytest.raises(Exception, match="roll the CSCA over first"):
        authority.add_signer(office.pki, key_days=92, starts=NOW.replace(year=2031, month=9), now=NOW)
    authority.add_signer(office.pki, now=NOW)
    assert outcomes(office.issue())["long"] == ("verified", None)


def test_a_card_without_an_end_counts_for_its_technical_lifetime(tmp_path: Path) -> None:
    office = an_office(tmp_path, document_years=10, no_expiry_years=1)
    office.put("old", 1, birth_date="1950-05-17", personal_number="001050000001", issue_date="2026-10-20")
    assert outcomes(office.issue()) == {"old": ("verified", None)}
    (card,) = office.register().cards()
    assert card.expiry_date is None


@pytest.mark.parametrize("wanted", [False, True])
def test_the_signing_time_is_stated_where_the_country_wants_it(tmp_path: Path, wanted: bool) -> None:
    office = an_office(tmp_path, signing_time=wanted)
    office.put("A1", 1)
    office.issue()
    (found,) = sods(office)
    stated = found.signed_data.signers[0].attribute(cms.SIGNING_TIME)
    assert (stated is None) is not wanted
    if stated is not None:
        assert times.decode(stated).date() == date(2026, 11, 1)


def test_a_csca_that_was_followed_by_a_new_key_keeps_a_run_that_was_begun(tmp_path: Path) -> None:
    office = an_office(tmp_path)
    office.put("A1", 1)
    with pytest.raises(KeyboardInterrupt):
        office.issue(progress=_interrupt)
    authority.roll_over(office.pki, new_name="TEST CSCA VNM 2", now=NOW)
    authority.add_signer(office.pki, now=NOW)
    first = pki.load(office.pki).signers[0].certificate.serial_number
    authority.revoke(office.pki, first, "superseded", now=NOW)
    assert outcomes(office.issue()) == {"A1": ("verified", None)}


def _interrupt(done: int, total: int, what: str) -> None:
    if what == "check":
        raise KeyboardInterrupt


def test_killed_runs_leave_every_signature_in_the_ledger(tmp_path: Path) -> None:
    office = an_office(tmp_path)
    for person in range(1, 7):
        office.put(f"A{person}", person)
    for kill in range(6):
        run_and_kill(lambda: office.issue() and None, 0.25 + 0.15 * kill)
    report = office.issue()
    assert set(outcomes(report).values()) == {("verified", None)}
    tally = ledgers.read(office.pki / "ds" / "ledger")
    assert (tally.unaccounted, tally.signatures >= 6) == (0, True)
    run = bytes.fromhex(report.figures.run["id"])
    assert report.figures.signers == {signers_of(office)[0]: tally.runs[run]}
    made = {one.signed_data.signers[0].signature for one in sods(office)}
    assert len(made) == 6
    signed = {entry.digest for entry in ledgers.entries(office.pki / "ds" / "ledger")}
    assert len(signed) == tally.signatures, "nothing was signed twice: each image has keys of its own"


def test_what_ends_soon_stands_in_the_report(tmp_path: Path) -> None:
    office = an_office(tmp_path)
    office.put("A1", 1)
    report = office.issue(means=office.means(day=date(2026, 12, 20)))
    assert len(report.figures.notices) == 2
    assert "document signer's key signs for 8 more days" in report.figures.notices[0]
    assert "revocation list is out of date in 8 days" in report.figures.notices[1]
    assert replace(report.figures, notices=()).as_dict()["notices"] == []
