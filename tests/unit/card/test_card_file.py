"""The card's file: it survives its process, a torn tail, and refuses what is damaged."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from cccd_core.card import CardConnection, ChipReader, MemoryLink, profile
from cccd_core.card.card_keys import CardMasterKey
from cccd_core.card.profile import LifeCycle
from cccd_core.card.virtual import VirtualCard
from cccd_core.card.virtual.state import CARD_FILE
from cccd_core.emrtd.files import ElementaryFile
from cccd_core.errors import BusyError, CardRemovedError, DamagedError, DiskFullError, FileError
from cccd_core.signing.chip_keys import ChipKeys
from cccd_core.storage.log import Log
from support.chip import CAN, SERIAL, blank, image, open_channel, personalised, write


def _state(card: VirtualCard) -> tuple[object, ...]:
    memory = card.memory
    files = {key: bytes(stored.content) for key, stored in memory.files.items()}
    return memory.life_cycle, files, dict(memory.secrets), memory.sequence_counter, memory.identity


def test_a_card_survives_its_process(tmp_path: Path) -> None:
    path = tmp_path / "a.card"
    card, files = personalised(path)
    before = _state(card)
    card.close()
    with VirtualCard.open(path) as again:
        assert _state(again) == before
        assert again.serial == SERIAL
        reader = ChipReader(CardConnection(MemoryLink(again)))
        reader.open_pace(CAN)
        assert reader.read(ElementaryFile.DG2) == files[ElementaryFile.DG2]
    assert path.stat().st_mode & 0o077 == 0  # it holds keys


def test_a_file_is_never_overwritten_and_never_shared(tmp_path: Path) -> None:
    path = tmp_path / "a.card"
    with blank(path):
        with pytest.raises(FileError):
            blank(path)
        with pytest.raises(BusyError, match="using the card file"):
            VirtualCard.open(path)
    with VirtualCard.open(path):
        pass
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.card"]
    with pytest.raises(FileError):
        VirtualCard.open(tmp_path / "none.card")


def test_every_torn_tail_gives_the_state_after_some_whole_command(tmp_path: Path) -> None:
    path = tmp_path / "a.card"
    card = blank(path)
    states = [_state(card)]
    original = card.process

    def recorded(command: bytes) -> bytes:
        answer = original(command)
        states.append(_state(card))
        return answer

    card.process = recorded  # type: ignore[method-assign]
    keys = ChipKeys.generate()
    connection, session = open_channel(card)
    own = CardMasterKey(bytes(32), version=2).keys_of(SERIAL, session.diversification_data)
    profile.put_keys(connection, session, own)
    write(connection, session, image(keys, portrait_bytes=200), keys)
    profile.finish(connection)
    profile.lock(connection)
    card.close()
    whole = path.read_bytes()
    torn = tmp_path / "torn.card"
    seen = set()
    start = whole.index(SERIAL) + 200  # behind the maker's record
    for length in range(start, len(whole) + 1, 7):
        torn.write_bytes(whole[:length])
        with VirtualCard.open(torn) as found:
            state = _state(found)
        assert state in states
        seen.add(states.index(state))
        assert torn.stat().st_size <= length  # the torn part is gone
    assert len(seen) > 20
    torn.write_bytes(whole + bytes(4096))  # blocks given to the file that nothing was written to
    with VirtualCard.open(torn) as found:
        assert _state(found) == states[-1]


def test_damage_inside_the_file_is_not_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "a.card"
    card, _ = personalised(path)
    card.close()
    whole = path.read_bytes()
    for position in range(0, len(whole) - 2000, len(whole) // 60):
        damaged = bytearray(whole)
        damaged[position] ^= 0x40
        path.write_bytes(damaged)
        with pytest.raises(DamagedError):
            VirtualCard.open(path)
        assert path.read_bytes() == bytes(damaged)


@pytest.mark.parametrize(
    "content",
    [b"", b"CCCD", b"CCCDVC2\n" + bytes(100), CARD_FILE.magic + bytes(500), CARD_FILE.header, os.urandom(3000)],
)
def test_what_is_no_card_file(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.card"
    path.write_bytes(content)
    with pytest.raises(DamagedError):
        VirtualCard.open(path)


def test_a_card_file_of_another_version_is_called_so(tmp_path: Path) -> None:
    path = tmp_path / "a.card"
    blank(path).close()
    newer = bytearray(path.read_bytes())
    newer[11] += 1
    for content in (b"CCCDVC1\n" + bytes(100), bytes(newer)):
        path.write_bytes(content)
        with pytest.raises(DamagedError, match="a card file of another version"):
            VirtualCard.open(path)
        assert path.read_bytes() == content


def test_records_that_contradict_each_other(tmp_path: Path) -> None:
    for kind, body in ((2, b"\0\1\1\1\0\0"), (3, b"\1\1\1\0\0data"), (4, b"\x82\x01\xff\xff"), (5, b"\x33"), (9, b"")):
        path = tmp_path / f"{kind}.card"
        blank(path).close()
        log, records = Log.open(path, CARD_FILE)
        log.append([bytes((kind,)) + body], durable=False)
        log.close()
        with pytest.raises(DamagedError) as caught:
            VirtualCard.open(path)
        assert caught.value.facts["offset"] == records[0].offset + 28 + len(records[0].body)


def test_a_full_disk_is_no_answer_of_the_card(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A status word would be the card's own fault, and somebody would throw it away."""
    path = tmp_path / "a.card"
    card = blank(path)
    connection, _ = open_channel(card)
    profile.create_file(connection, ElementaryFile.DG1, 100)
    before = _state(card)
    real = os.pwrite
    end = path.stat().st_size

    def full(descriptor: int, data: memoryview, position: int) -> int:
        if position == end:
            return real(descriptor, data[:40], position)
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "pwrite", full)
    with pytest.raises(DiskFullError, match="card file"):
        profile.update_current(connection, ElementaryFile.DG1, bytes(90))
    monkeypatch.undo()
    assert _state(card) == before
    with pytest.raises(CardRemovedError):
        card.process(b"\0\x84\0\0\x08")  # without power until it is opened again
    card.close()
    assert path.stat().st_size == end
    with VirtualCard.open(path) as again:
        assert _state(again) == before
        connection, _ = open_channel(again)
        profile.update_binary(connection, ElementaryFile.DG1, bytes(90))


def test_a_card_is_forced_to_the_disk_when_made_and_when_locked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    forced: list[str] = []
    for name in ("fsync", "fdatasync"):
        real = getattr(os, name)
        monkeypatch.setattr(os, name, lambda file, name=name, real=real: forced.append(name) or real(file))
    card, _ = personalised(tmp_path / "a.card", portrait_bytes=300)
    card.process(bytes.fromhex("00A4040C07A0000002471001"))
    card.close()
    assert forced == ["fsync", "fsync", "fdatasync"]  # the file, its name, the lock


def test_rewriting_keeps_the_state(tmp_path: Path) -> None:
    path = tmp_path / "a.card"
    card = blank(path)
    connection, _ = open_channel(card)
    profile.create_file(connection, ElementaryFile.DG2, 30_000)
    data = os.urandom(30_000)
    for _ in range(15):
        profile.update_binary(connection, ElementaryFile.DG2, data)
    profile.update_binary(connection, ElementaryFile.DG2, b"last")
    before = _state(card)
    card.close()
    size = path.stat().st_size
    with VirtualCard.open(path) as again:
        assert _state(again) == before
        assert path.stat().st_size < size / 5
        connection, _ = open_channel(again)
        profile.update_binary(connection, ElementaryFile.DG2, b"more")
    with VirtualCard.open(path) as again:
        (stored,) = again.memory.files.values()
        assert bytes(stored.content) == b"more" + data[4:]


_CHILD = """
import sys
sys.path.insert(0, {tests!r})
from pathlib import Path
from support.chip import blank, open_channel
from cccd_core.card import profile
from cccd_core.emrtd.files import ElementaryFile
connection, _ = open_channel(blank(Path(sys.argv[1])))
profile.create_file(connection, ElementaryFile.DG2, 60000)
for number in range(10**9):
    profile.update_binary(connection, ElementaryFile.DG2, number.to_bytes(4, "big") * 50, offset=number % 300 * 200)
    print(number, flush=True)
"""


def test_what_was_answered_outlives_a_kill(tmp_path: Path) -> None:
    path = tmp_path / "a.card"
    code = _CHILD.format(tests=str(Path(__file__).resolve().parents[2]))
    with subprocess.Popen([sys.executable, "-c", code, path], stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        for _ in range(57):
            last = int(child.stdout.readline())
        child.send_signal(signal.SIGKILL)
        last = max([last, *map(int, child.stdout.read().split())])
    with VirtualCard.open(path) as card:
        assert card.life_cycle is LifeCycle.PERSONALISING
        content = bytes(next(iter(card.memory.files.values())).content)
    for number in range(last + 1):
        assert content[number * 200 : number * 200 + 200] == number.to_bytes(4, "big") * 50
