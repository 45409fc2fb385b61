"""An encrypted gallery gives the same people, and its file nothing of them; what is altered in it is damage."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import create_engine

from cccd_core.dedup import GalleryStore
from cccd_core.dedup.gallery.records import encode
from cccd_core.errors import ConflictError, DamagedError, UnavailableError
from cccd_core.storage.aes_gcm import KeyRing
from support.index_world import person

FIRST, SECOND = bytes(range(32)), bytes(range(32, 64))
PEOPLE = [person("P0", 1, (2, 7), 1), person("P1", 5, (1,)), person("P2", 9, ())]


def traces(folder: Path) -> int:
    """How many of the people's records lie in the files as they are."""
    data = b"".join(path.read_bytes() for path in folder.iterdir())
    return sum(record[30:] in data for one in PEOPLE for _, record in encode(one))


def made(path: Path, cipher: KeyRing | None) -> GalleryStore:
    gallery = GalleryStore(path, cipher=cipher)
    gallery.add_many(PEOPLE)
    return gallery


def test_an_encrypted_gallery_is_as_any_other(tmp_path: Path) -> None:
    gallery = made(tmp_path / "g", KeyRing(FIRST))
    assert list(gallery) == list(made(tmp_path / "clear", None))
    assert not gallery.add(PEOPLE[0])
    with pytest.raises(ConflictError):
        gallery.add(person("P0", 3))
    gallery.replace(person("P1", 12), order="1")
    gallery.rename("P0", "Q0", order="2")
    gallery.remove("P2", order="3")
    assert gallery.get("Q0").tenprint == GalleryStore(tmp_path / "clear").get("P0").tenprint
    assert [one.person_id for one in GalleryStore(tmp_path / "g", cipher=KeyRing(FIRST))] == ["Q0", "P1"]


def test_nothing_of_templates_is_in_the_file(tmp_path: Path) -> None:
    for name, cipher in (("clear", None), ("sealed", KeyRing(FIRST))):
        (tmp_path / name).mkdir()
        made(tmp_path / name / "g", cipher).close()
    assert traces(tmp_path / "clear") == 4
    assert traces(tmp_path / "sealed") == 0


def test_a_gallery_opens_with_its_key_alone(tmp_path: Path) -> None:
    made(tmp_path / "sealed", KeyRing(FIRST)).close()
    made(tmp_path / "clear", None).close()
    for name, cipher in (("sealed", None), ("sealed", KeyRing(SECOND)), ("clear", KeyRing(FIRST))):
        with pytest.raises(UnavailableError) as caught:
            GalleryStore(tmp_path / name, cipher=cipher)
        assert caught.value.facts["needs"]
    assert len(GalleryStore(tmp_path / "sealed", cipher=KeyRing(SECOND, [FIRST]))) == 3


def test_keys_change(tmp_path: Path) -> None:
    steps = [KeyRing(FIRST, clear_too=True), KeyRing(SECOND, [FIRST])]
    gallery = made(tmp_path / "g", None)
    before = list(gallery)
    gallery.close()
    assert traces(tmp_path) == 4
    for cipher in steps:
        opened = GalleryStore(tmp_path / "g", cipher=cipher)
        told: list[int] = []
        assert opened.reseal(lambda done, total, what, told=told: told.append(done)) == 3
        assert told == [3]
        assert opened.reseal() == 0
        assert list(opened) == before
        assert traces(tmp_path) == 0  # while it is open, too
        assert not opened.add(PEOPLE[0])
        opened.close()
    assert list(GalleryStore(tmp_path / "g", cipher=KeyRing(SECOND))) == before
    with pytest.raises(UnavailableError):
        GalleryStore(tmp_path / "g", cipher=KeyRing(FIRST))


def test_a_rotation_that_ended_early_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cccd_core.dedup.gallery.sql.ASKED_BLOCK", 1)
    made(tmp_path / "g", KeyRing(FIRST)).close()
    ring = KeyRing(SECOND, [FIRST])

    def ends(done: int, total: int, what: str) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        GalleryStore(tmp_path / "g", cipher=ring).reseal(ends)
    assert GalleryStore(tmp_path / "g", cipher=ring).reseal() == 2
    assert len(list(GalleryStore(tmp_path / "g", cipher=KeyRing(SECOND)))) == 3


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE finger SET template = substr(template, 1, 40) || x'00' || substr(template, 42) WHERE sequence = 1",
        "UPDATE finger SET template = (SELECT template FROM finger WHERE sequence = 2) WHERE place = 2",
        "UPDATE finger SET place = 3 WHERE sequence = 1 AND place = 2",
        "UPDATE person SET person_id = 'P9' WHERE sequence = 1",
        "UPDATE finger SET template = x'464d5200' WHERE sequence = 1 AND place = 2",
        "DELETE FROM finger WHERE sequence = 1 AND place = 2",
    ],
)
def test_what_is_altered_or_moved_is_damage(tmp_path: Path, statement: str) -> None:
    made(tmp_path / "g", KeyRing(FIRST)).close()
    engine = create_engine(f"sqlite:///{tmp_path / 'g'}")
    with engine.begin() as connection:
        assert connection.exec_driver_sql(statement).rowcount
    engine.dispose()
    with pytest.raises((DamagedError, UnavailableError)):
        list(GalleryStore(tmp_path / "g", cipher=KeyRing(FIRST)))
