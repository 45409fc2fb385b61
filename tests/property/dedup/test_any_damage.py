"""Every file of a gallery's folder, damaged at random: `cccd gallery verify` names it, or all that it says is as it
was; and whoever opens and searches is answered rightly or told of one error.

The files are of every kind: the people, the index's manifest and shards, the ledger of a service and the key.
"""

from __future__ import annotations

import random
import shutil
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from cccd_core.cli import common
from cccd_core.cli.gallery_key import read_key
from cccd_core.cli.main import build
from cccd_core.dedup import Cascade, create_gallery, open_gallery
from cccd_core.dedup.codes import FingerCoder
from cccd_core.dedup.index import update
from cccd_core.dedup.lookup import Lookup
from cccd_core.dedup.service.ledger import Ledger
from cccd_core.dedup.service.protocol import Request
from cccd_core.errors import CccdError
from cccd_core.storage.aes_gcm import KeyRing
from support.joining import MATCHER, PARAMETERS, population, someone
from support.served import insert, service
from support.small_index import make_small

pytestmark = pytest.mark.jit
KEY = bytes(range(32))
GIVEN = [someone("x", 1, 7), someone("y", 6, 7), someone("z", 70)]


@dataclass(frozen=True)
class Sound:
    """A gallery's folder and all that can be read from it."""

    folder: Path
    encrypted: bool
    known: list[object]

    @property
    def gallery(self) -> Path:
        return self.folder / "gallery"


def cipher_in(folder: Path, encrypted: bool) -> KeyRing | None:
    if not encrypted:
        return None
    return KeyRing(read_key(folder / "key"))


def read_all(folder: Path, encrypted: bool) -> list[object]:
    """All that anybody asks of a gallery's files, and what searches answer."""
    place, found = folder / "gallery", list[object]()
    with ExitStack() as stack:
        cipher = cipher_in(folder, encrypted)
        gallery = stack.enter_context(open_gallery(place, cipher=cipher))
        people = [(entry.sequence, entry.person) for entry in gallery.entries()]
        names = [one.person_id for _, one in people]
        found += [gallery.gallery_id, len(gallery), gallery.last_sequence(), gallery.last_withdrawal(), people]
        found += [[one.as_dict() for one in gallery.withdrawals()], sorted(gallery.removed())]
        found += [sorted(gallery.known([*names, "p005", "nobody"])), [gallery.get(name) for name in names]]
        found.append(gallery.identifiers(range(1, 40)))
        for cascade in ("same>any", "codes:keep=0.5>same>any"):
            lookup = Lookup.over(
                gallery, place, MATCHER, FingerCoder.shipped(), PARAMETERS, Cascade.parse(cascade), cipher=cipher,
                threads=1,
            )  # fmt: skip
            found.append(lookup.search(GIVEN).answers)
        ledger = stack.enter_context(closing(Ledger.open(place, gallery.gallery_id)))
        found += [None if (entry := ledger.get(name)) is None else entry.reply() for name in ("r1", "r2")]
    return found


def is_right(found: list[object], known: list[object]) -> bool:
    """Whether it is what was known; the end of a ledger may be missing, as after an interruption: what became of those
    requests the gallery says."""
    answers = zip(found[-2:], known[-2:], strict=True)
    torn = all(one in (None, other) or getattr(one, "state", "") == "accepted" for one, other in answers)
    return found[:-2] == known[:-2] and torn


@pytest.fixture(scope="module", params=["plain", "encrypted"])
def sound(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Sound:
    folder, encrypted = tmp_path_factory.mktemp(request.param), request.param == "encrypted"
    place = folder / "gallery"
    (folder / "key").write_text(KEY.hex() + "\n")
    cipher = cipher_in(folder, encrypted)
    with pytest.MonkeyPatch.context() as monkeypatch:
        make_small(monkeypatch)
        with closing(create_gallery(place, cipher=cipher)) as gallery:
            gallery.add_many(population())
            update(gallery, place, MATCHER, FingerCoder.shipped(), cipher=cipher)
            gallery.remove("p004", order="CV 1")
            gallery.rename("p007", "q007", order="CV 2")
            gallery.replace(someone("p010", 40), order="CV 3")
            update(gallery, place, MATCHER, FingerCoder.shipped(), cipher=cipher)
            gallery.remove("p012", order="CV 4")  # whom the index does not know to be gone
        with service(place, cipher=cipher) as one:
            one.ask(insert("r1", someone("A-1", 41)))
            one.ask(Request("delete", "r2", "p013", order="CV 5", wait=30))
    return Sound(folder, encrypted, read_all(folder, encrypted))


def damaged(data: bytes, chance: random.Random) -> bytes:
    """A few bytes altered, an end that is missing or too much, two blocks exchanged, or one of zeros."""
    changed, size = bytearray(data), len(data)
    how = chance.choice(("flip", "flip", "truncate", "extend", "swap", "zero"))
    at = chance.randrange(size)
    block = chance.choice((1, 16, 512, 4096))
    if how == "flip":
        changed[at] ^= chance.choice((1, 0x20, 0x80, 0xFF, chance.randrange(1, 256)))
    elif how == "truncate":
        del changed[at:]
    elif how == "extend":
        changed += chance.choice((bytes(block), chance.randbytes(block), data[:block]))
    else:
        first = at // block * block
        second = chance.randrange(size) // block * block
        if how == "zero":
            changed[first : first + block] = bytes(len(changed[first : first + block]))
        else:
            one, other = data[first : first + block], data[second : second + block]
            if len(one) == len(other):
                changed[first : first + block], changed[second : second + block] = other, one
    return bytes(changed)


def survives(sound: Sound, folder: Path, number: int, capsys: pytest.CaptureFixture[str]) -> bool:
    """Whether damage of that number is named by `verify`, having asserted that else nothing is other than it was."""
    chance = random.Random(number)
    files = sorted(path for path in sound.folder.rglob("*") if path.is_file() and path.stat().st_size)
    file = chance.choice(files).relative_to(sound.folder)
    if folder.exists():
        shutil.rmtree(folder)
    shutil.copytree(sound.folder, folder)
    (folder / file).write_bytes(damaged((sound.folder / file).read_bytes(), chance))
    capsys.readouterr()
    key = ["--key", str(folder / "key")] if sound.encrypted else []
    code = common.run(build("gallery"), ["gallery", "verify", str(folder / "gallery"), "--json", *key])
    said = capsys.readouterr()
    assert "Traceback" not in said.err
    where = f"damage {number} of {file}: {said.out}"
    try:
        assert is_right(read_all(folder, sound.encrypted), sound.known), where
    except CccdError:
        assert code != 0, where
    if code:
        assert code in (1, 2, 3), where
        # A key that is another one is named by the first file that it does not open.
        assert file.name in said.out or file.name == "key", where
    return code != 0


@pytest.mark.parametrize("turn", range(2))
def test_a_few(sound: Sound, tmp_path: Path, turn: int, capsys: pytest.CaptureFixture[str]) -> None:
    assert sum(survives(sound, tmp_path / "copy", 100 * turn + number, capsys) for number in range(12)) > 4


@pytest.mark.scale
def test_a_thousand(sound: Sound, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert sum(survives(sound, tmp_path / "copy", number, capsys) for number in range(1000)) > 400
