"""An index that was altered or torn is never searched unseen: what is wrong is named, and it is made anew."""

from __future__ import annotations

import resource
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cccd_core.dedup import MemoryGallery
from cccd_core.dedup.index import Index, check, compact, update
from cccd_core.dedup.index.manifest import read_manifest, write_manifest
from cccd_core.errors import CccdError, DamagedError, DiskFullError, UnavailableError
from cccd_core.storage.aes_gcm import KeyRing
from support.chaos import run_and_kill
from support.index_world import CODER, MATCHER, assert_equal, person
from support.small_index import make_small, small_shards

pytestmark = pytest.mark.usefixtures("small_shards")
__all__ = ["small_shards"]

KEY = KeyRing(bytes(range(32)))
CIPHERS = {"plain": None, "encrypted": KEY}


@pytest.fixture(scope="module")
def gallery() -> MemoryGallery:
    found = MemoryGallery(person(f"P{n}", n, (2, 7), loose=n % 2) for n in range(21))
    found.remove("P3", order="1")
    return found


@pytest.fixture(scope="module", params=list(CIPHERS))
def sound(
    request: pytest.FixtureRequest, gallery: MemoryGallery, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, KeyRing | None]:
    """The folder of a sound index, and its key."""
    folder = tmp_path_factory.mktemp(request.param)
    with pytest.MonkeyPatch.context() as monkeypatch:
        make_small(monkeypatch)
        update(gallery, folder, MATCHER, CODER, cipher=CIPHERS[request.param])
    return folder, CIPHERS[request.param]


def searched(gallery: MemoryGallery, folder: Path, cipher: KeyRing | None) -> None:
    """All that a search reads; CccdError for what is not as it was."""
    index = Index.open(folder, gallery, MATCHER, CODER, cipher=cipher)
    assert_equal(index, gallery)
    for live in index.shards:
        live.shard.block(live.rows)


def test_a_sound_index_has_no_findings(
    gallery: MemoryGallery, sound: tuple[Path, KeyRing | None], tmp_path: Path
) -> None:
    folder, cipher = sound
    assert not list(check(gallery, folder, cipher=cipher))
    assert not list(check(gallery, tmp_path))
    if cipher is None:
        assert [one.section for one in check(gallery, folder, cipher=KEY)] == ["manifest"]
        return
    for other in (None, KeyRing(bytes(32))):
        with pytest.raises(UnavailableError):
            list(check(gallery, folder, cipher=other))


@settings(max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(data=st.data())
def test_an_index_altered_at_any_byte_is_found_out(
    gallery: MemoryGallery, sound: tuple[Path, KeyRing | None], data: st.DataObject, tmp_path: Path
) -> None:
    folder, cipher = sound
    altered = tmp_path / "altered"
    shutil.rmtree(altered, ignore_errors=True)
    shutil.copytree(folder, altered)
    files = sorted(path for path in (altered / "index").rglob("*") if path.is_file() and path.stat().st_size)
    path = data.draw(st.sampled_from(files))
    content = bytearray(path.read_bytes())
    at = data.draw(st.integers(0, len(content) - 1) | st.integers(0, min(400, len(content) - 1)))
    content[at] ^= data.draw(st.sampled_from([1, 0x20, 0x80, 0xFF]) | st.integers(1, 255))
    path.write_bytes(content)
    try:
        findings = list(check(gallery, altered, cipher=cipher))
    except UnavailableError:  # the name of the key was altered
        return
    if not findings:  # white space between the parts of the manifest
        assert path.name == "manifest.json"
        searched(gallery, altered, cipher)
        return
    assert {one.file for one in findings} <= {str(path), str(altered / "index" / "manifest.json")}
    assert all(0 < one.people <= 21 and one.section and one.offset >= 0 for one in findings)
    with pytest.raises((DamagedError, UnavailableError)):
        searched(gallery, altered, cipher)


def test_a_shard_that_is_cut_gone_or_another_is_found_out(
    gallery: MemoryGallery, sound: tuple[Path, KeyRing | None], tmp_path: Path
) -> None:
    folder, cipher = sound
    first, second = sorted((folder / "index").rglob("*.shard"))[:2]

    def cut(path: Path) -> None:
        path.write_bytes(path.read_bytes()[:5000])

    def other(path: Path) -> None:
        path.write_bytes(second.read_bytes())

    for number, harm in enumerate((cut, other, Path.unlink)):
        altered = tmp_path / str(number)
        shutil.copytree(folder, altered)
        harm(altered / first.relative_to(folder))
        findings = list(check(gallery, altered, cipher=cipher))
        assert [Path(one.file).name for one in findings] == [first.name]
        assert findings[0].people == 11
        with pytest.raises(CccdError):
            Index.open(altered, gallery, MATCHER, CODER, cipher=cipher)
        update(gallery, altered, MATCHER, CODER, cipher=cipher, anew=True)
        searched(gallery, altered, cipher)
        assert not list(check(gallery, altered, cipher=cipher))


def test_people_who_are_missing_unknown_or_there_twice_are_counted(
    gallery: MemoryGallery, sound: tuple[Path, KeyRing | None], tmp_path: Path
) -> None:
    folder, cipher = sound
    manifest = read_manifest(folder / "index", cipher)
    assert manifest is not None
    first, *others = manifest.shards
    cases = [
        (tuple(others), first.people, "not in the index"),
        ((replace(first, dead=(*first.dead, first.first)), *others), 1, "not in the index"),
        ((*manifest.shards, first), first.people, "twice"),
    ]
    for number, (shards, people, what) in enumerate(cases):
        altered = tmp_path / str(number)
        shutil.copytree(folder, altered)
        write_manifest(altered / "index", replace(manifest, shards=shards), cipher)
        assert [(one.people, what in one.what) for one in check(gallery, altered, cipher=cipher)] == [(people, True)]
    less = MemoryGallery(gallery)
    less._id = gallery.gallery_id
    assert sum(one.people for one in check(less, folder, cipher=cipher)) == 2


def test_a_full_disk_leaves_the_index_as_it_was(
    gallery: MemoryGallery, sound: tuple[Path, KeyRing | None], tmp_path: Path
) -> None:
    folder, cipher = sound

    def limited(work: Callable[[], object], size: int) -> Callable[[], None]:
        def run() -> None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))
            with pytest.raises(DiskFullError):
                work()

        return run

    for size in (0, 300, 9000):
        for name in ("update", "compact"):
            copy = tmp_path / f"{name} {size}"
            shutil.copytree(folder, copy)
            work = {
                "update": lambda at=copy: update(gallery, at, MATCHER, CODER, cipher=cipher, anew=True),
                "compact": lambda at=copy: compact(at, cipher=cipher),
            }[name]
            assert run_and_kill(limited(work, size), None)
            assert not list(check(gallery, copy, cipher=cipher))
            searched(gallery, copy, cipher)
            work()
            assert not list(Index.open(copy, gallery, MATCHER, CODER, cipher=cipher).pending())
            searched(gallery, copy, cipher)
            assert not list(copy.rglob(".cccd-*"))
