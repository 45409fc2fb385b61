"""The pages of cases, from what runs, register and gallery keep."""

from __future__ import annotations

import shutil
import stat
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from cccd_core.cli.common import run
from cccd_core.cli.main import build
from cccd_core.dedup.gallery.folder import gallery_in
from cccd_core.errors import DamagedError
from cccd_core.issuance.review.cases import Case
from cccd_core.issuance.review.gathered import Gathered, Places, Source, gather
from cccd_core.issuance.review.kept import FOLDER
from cccd_core.issuance.review.settle import Answer, Vote
from cccd_core.issuance.review.store import Cases
from cccd_core.storage.aes_gcm import KeyRing
from cccd_core.templates import write
from support import dossiers
from support.issuing import Office, fingers_of, other_impression, outcomes

NOW = datetime(2026, 11, 2, tzinfo=UTC)
DAY = date(2026, 11, 2)
KEY = KeyRing(bytes(range(32)))


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, test_pki: Path) -> Office:
    """An office that issued A's card, and has D, who has a finger of A's, in review, kept under a key."""
    office = Office(tmp_path_factory.mktemp("made"), test_pki)
    office.put("A", 1)
    office.issue()
    found = {**fingers_of(2), "2.fmr": write(other_impression(dossiers.finger(1002), 27), "iso-2005")}
    dossiers.put(office.batch("second"), "D", dossiers.document(2), fingers=found, seed=2)
    assert outcomes(office.issue("second", "two", keep_reviews=KEY)) == {"D": ("review", "possible_duplicate")}
    return office


@pytest.fixture
def waiting(made: Office, tmp_path: Path) -> Office:
    """The office as it was made, for one test."""
    shutil.copytree(made.folder, tmp_path / "office")
    return replace(made, folder=tmp_path / "office")


@pytest.fixture
def cases(waiting: Office) -> Iterator[Cases]:
    with closing(Cases(waiting.gallery / "register.sqlite")) as found:
        yield found


@pytest.fixture
def case(cases: Cases) -> Case:
    (found,) = cases.all()
    return found


def sources(found: Gathered) -> list[Source]:
    return [side.source for side in found.sides]


def test_what_each_place_gives(waiting: Office, case: Case) -> None:
    found = gather(case, Places(waiting.gallery, DAY, kept_by=KEY))
    mine, other = found.sides
    assert sources(found) == [Source.KEPT, Source.GONE]
    assert mine.content is not None
    assert mine.content.dossier.full_name == "Nguyễn Văn Hòa"
    assert (mine.number, other.number) == ("001088000002", "001088000001")
    assert other.enrolled
    assert other.fingers is not None
    assert [(card.dossier_id, card.status) for card in other.cards] == [("A", "valid")]
    assert found.holder is None


@pytest.mark.parametrize("key", [None, KEY])
def test_without_a_key_or_without_anything_kept(waiting: Office, case: Case, key: KeyRing | None) -> None:
    if key is not None:
        for path in (waiting.gallery / FOLDER / case.case_id).iterdir():
            path.unlink()
    found = gather(case, Places(waiting.gallery, DAY, kept_by=key))
    assert sources(found) == [Source.SEALED if key is None else Source.NOT_KEPT, Source.GONE]


def test_a_batch_tells_of_those_of_whom_nothing_is_kept(waiting: Office, case: Case) -> None:
    batches = (waiting.batch(), waiting.batch("second"))
    found = gather(case, Places(waiting.gallery, DAY, batches))
    assert sources(found) == [Source.BATCH, Source.BATCH]
    assert [side.content.dossier.dossier_id for side in found.sides if side.content] == ["D", "A"]


def test_a_dossier_that_was_changed_since_is_not_shown(waiting: Office, case: Case) -> None:
    for batch, name in (("batch", "A"), ("second", "D")):
        path = waiting.batch(batch) / name / "dossier.json"
        path.write_text(path.read_text().replace("Hòa", "Hoà"))
    found = gather(case, Places(waiting.gallery, DAY, (waiting.batch(), waiting.batch("second"))))
    assert sources(found) == [Source.CHANGED, Source.CHANGED]
    assert [side.content for side in found.sides] == [None, None]


def test_who_was_taken_out_of_the_gallery_has_no_fingers(waiting: Office, case: Case) -> None:
    with closing(gallery_in(waiting.gallery)) as gallery:
        gallery.remove(case.question.others[0].person_id, order="9/QD")
    other = gather(case, Places(waiting.gallery, DAY, kept_by=KEY)).sides[1]
    assert (other.enrolled, other.fingers) == (False, None)


def test_what_is_kept_and_was_altered_is_damaged(waiting: Office, case: Case) -> None:
    (path,) = (waiting.gallery / FOLDER / case.case_id).iterdir()
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    with pytest.raises(DamagedError):
        gather(case, Places(waiting.gallery, DAY, kept_by=KEY))


def test_the_holder_of_the_number_is_named(office: Office) -> None:
    office.put("A", 1)
    office.issue()
    fields = dossiers.document(1, kind="reissue", grounds="lost")
    dossiers.put(office.batch("second"), "R", fields, fingers=fingers_of(9), seed=1)
    office.issue("second", "two", keep_reviews=KEY)
    with closing(Cases(office.gallery / "register.sqlite")) as cases:
        (case,) = cases.all()
    found = gather(case, Places(office.gallery, DAY, kept_by=KEY))
    assert found.holder == "A"
    assert [[card.dossier_id for card in side.cards] for side in found.sides] == [["A"], ["A"]]


@pytest.mark.jit
def test_the_commands_write_pages_for_their_owner(
    waiting: Office, cases: Cases, case: Case, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    key = tmp_path / "key"
    key.write_text(bytes(range(32)).hex())
    where = ["--gallery", str(waiting.gallery), "--review-key", str(key)]
    one, folder = tmp_path / "one.html", tmp_path / "pages"
    assert run(build("review"), ["review", "page", case.case_id, *where, "--out", str(one)]) == 0
    assert run(build("review"), ["review", "pages", *where, "--out", str(folder)]) == 0
    assert "1 page" in capsys.readouterr().out
    (page,) = folder.iterdir()
    assert page.read_bytes() == one.read_bytes()
    assert stat.S_IMODE(one.stat().st_mode) == stat.S_IMODE(page.stat().st_mode) == 0o600
    text = one.read_text()
    assert "Nguyễn Văn Hòa" in text
    assert "<svg" in text
    assert f"cccd review decide {case.case_id}" in text
    for who in ("an", "binh"):
        cases.vote(case.case_id, Vote(who, False, Answer.REFUSE, "no", NOW))
    assert run(build("review"), ["review", "pages", *where, "--out", str(folder)]) == 0
    assert list(folder.iterdir()) == [], "of a settled case there is no page"
