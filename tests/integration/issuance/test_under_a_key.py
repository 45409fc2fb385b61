"""A run whose means have a key: it does what a run does, and leaves nothing personal that is read without the key."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from cccd_core.cli.common import run
from cccd_core.cli.main import build
from cccd_core.errors import CccdError, ConflictError, UnavailableError
from cccd_core.issuance import Register
from cccd_core.issuance.correction.store import Acts
from cccd_core.issuance.register.numbers import rotate
from cccd_core.issuance.register.store import CardStatus
from cccd_core.storage.aes_gcm import KeyRing
from cccd_core.templates import write
from support import dossiers
from support.issuing import Office, files, outcomes

KEY, NEXT = KeyRing(b"k" * 32), KeyRing(b"n" * 32)


def _stop_at(stage: str) -> Any:
    def progress(done: int, total: int, what: str) -> None:
        if what == stage and done >= 1:
            raise KeyboardInterrupt

    return progress


def _demand_nothing_clear(office: Office) -> None:
    """A software card is its person's; everything else is looked at."""
    numbers = [str(dossiers.document(person)["personal_number"]) for person in (1, 2)]
    secrets = [each.encode() for each in (*numbers, "Nguyễn", "Văn Hòa", "Phật", "012345678")]
    finger = dossiers.finger(1002)
    secrets += [write(finger, "iso-2005")[28:200], finger.x_px.astype("<u2").tobytes()[:40]]
    for folder in (office.gallery, office.out()):
        for name, data in files(folder).items():
            if not name.startswith("cards/"):
                assert [each for each in secrets if each in data] == [], name


def test_nothing_personal_lies_there_in_the_clear(office: Office, tmp_path: Path) -> None:
    for person in (1, 2):
        office.put(f"A{person}", person)
    means = replace(office.means(), cipher=KEY)
    for stage in ("check", "search", "cards"):
        with pytest.raises(KeyboardInterrupt):
            office.issue(means=means, progress=_stop_at(stage))
        _demand_nothing_clear(office)
    with pytest.raises(CccdError):
        office.issue()  # without the key
    assert outcomes(office.issue(means=means)) == {"A1": ("verified", None), "A2": ("verified", None)}
    _demand_nothing_clear(office)

    where = office.gallery / "register.sqlite"
    number = str(dossiers.document(1)["personal_number"])
    later = {"captured_at": "2026-05-05T08:00:00+07:00", "batch": "second"}
    office.put("E1", 1, again=True, kind="exchange", grounds="holder_request", **later)
    office.put("T2", 2, **later)
    report = office.issue("second", "second-out", means)
    assert outcomes(report) == {"E1": ("verified", None), "T2": ("duplicate", "duplicate")}
    with closing(Register(where, cipher=KEY)) as register:
        assert [card.status for card in register.cards_of(number)] == [CardStatus.SUPERSEDED, CardStatus.VALID]
    key = tmp_path / "next.hex"
    key.write_text("6e" * 32)
    old = tmp_path / "old.hex"
    old.write_text("6b" * 32)
    words = ["register", "rotate", "--register", str(where), "--to", str(key)]
    assert run(build("register"), words) != 0
    assert run(build("register"), [*words, "--key", str(old)]) == 0
    with closing(Register(where, cipher=NEXT)) as register:
        assert len(register.cards_of(number)) == 2
        with pytest.raises(UnavailableError):
            rotate(where, KEY, KEY)
    with closing(Acts(where, cipher=NEXT)) as acts:  # the mark by which a number is found goes with the new key
        assert [card.dossier_id for card in acts.by_number(number).cards] == ["A1", "E1"]
        assert acts.by_number(number) == acts.by_dossier("E1")
        with pytest.raises(ConflictError, match="nobody"):
            acts.by_number("001203999999")
    for other in (None, KEY):
        with closing(Acts(where, cipher=other)) as acts, pytest.raises(UnavailableError):
            acts.by_number(number)


def test_a_key_that_was_forgotten_or_is_another_is_told_before_anything_is_written(office: Office) -> None:
    office.put("A1", 1)
    office.put("A2", 2, batch="second")
    means, other = replace(office.means(), cipher=KEY), replace(office.means(), cipher=NEXT)
    office.issue(means=means)
    for wrong in (None, other):
        with pytest.raises(UnavailableError):
            office.issue("second", "second-out", wrong)
        assert not (office.out("second-out") / "checked.sqlite").exists()
    assert outcomes(office.issue("second", "second-out", means)) == {"A2": ("verified", None)}
    # a register that is new does not begin with a key that is not the gallery's
    (office.gallery / "register.sqlite").unlink()
    with pytest.raises(UnavailableError):
        office.issue("second", "third-out", other)
    assert not (office.gallery / "register.sqlite").exists()


def test_a_run_that_was_begun_without_a_key_is_ended_without(office: Office) -> None:
    office.put("A1", 1)
    with pytest.raises(KeyboardInterrupt):
        office.issue(progress=_stop_at("check"))
    with pytest.raises(ConflictError, match="without a key"):
        office.issue(means=replace(office.means(), cipher=KEY))
    assert outcomes(office.issue()) == {"A1": ("verified", None)}
