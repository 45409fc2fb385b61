"""Recording a session and playing it back."""

from __future__ import annotations

import json
import os
import socket
import stat
from pathlib import Path

import pytest

from cccd_core.card import CardConnection, ChipReader, MemoryLink
from cccd_core.card.transport.replay import RecordingLink, ReplayLink
from cccd_core.emrtd.files import ElementaryFile
from cccd_core.errors import CardRemovedError, DiskFullError, FileError, FormatError, TransportError
from support.chip import CAN, ScriptedLink, personalised


def test_a_session_plays_back_byte_for_byte(tmp_path: Path) -> None:
    card, files = personalised(portrait_bytes=300)
    path = tmp_path / "session.jsonl"
    recording = RecordingLink(MemoryLink(card), path, redacted=False)
    reader = ChipReader(CardConnection(recording))
    assert reader.read(ElementaryFile.EF_CARDACCESS) == files[ElementaryFile.EF_CARDACCESS]
    recording.reset()
    recording.close()
    replay = ReplayLink(path)
    assert replay.atr == card.atr
    again = ChipReader(CardConnection(replay))
    assert again.read(ElementaryFile.EF_CARDACCESS) == files[ElementaryFile.EF_CARDACCESS]
    assert not replay.finished
    replay.reset()
    assert replay.finished
    with pytest.raises(TransportError):
        replay.transmit(b"\0\0\0\0")


def test_another_command_than_the_recorded_one(tmp_path: Path) -> None:
    path = tmp_path / "session.jsonl"
    recording = RecordingLink(ScriptedLink(lambda _: b"\x90\x00"), path, redacted=False)
    recording.transmit(b"\0\xa4\x04\x00")
    recording.close()
    with pytest.raises(TransportError) as other:
        ReplayLink(path).transmit(b"\0\xa4\x04\x01")
    assert other.value.facts["line"] == 2


def test_a_redacted_recording_holds_no_data_and_does_not_play(tmp_path: Path) -> None:
    card, files = personalised(portrait_bytes=300)
    path = tmp_path / "session.jsonl"
    with CardConnection(RecordingLink(MemoryLink(card), path)) as connection:
        reader = ChipReader(connection)
        access = reader.read(ElementaryFile.EF_CARDACCESS)
        reader.open_pace(CAN)
        reader.read(ElementaryFile.DG1)
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert access.hex()[:16] not in path.read_text()
    assert len(lines) > 10
    for line in lines[1:]:
        assert set(line) == {"header", "nc", "nr", "sw"}
        assert len(line["header"]) == 8
    with pytest.raises(FormatError):
        ReplayLink(path)
    assert files[ElementaryFile.DG1].hex()[:16] not in path.read_text()


def test_a_card_that_leaves_is_recorded(tmp_path: Path) -> None:
    card, _ = personalised(portrait_bytes=300)
    link = MemoryLink(card)
    recording = RecordingLink(link, tmp_path / "s.jsonl", redacted=False)
    link.pull()
    with pytest.raises(CardRemovedError):
        recording.transmit(b"\0\xa4\x00\x00")
    recording.close()
    with pytest.raises(CardRemovedError):
        ReplayLink(tmp_path / "s.jsonl").transmit(b"\0\xa4\x00\x00")


@pytest.mark.parametrize(
    "text",
    ["", "{}", "[1]", "nonsense", '{"cccd_session": 2, "atr": ""}', '{"cccd_session": 1, "atr": 5}',
     '{"cccd_session": 1, "atr": "3b"}\n{"command": "zz", "response": ""}', "[" * 100_000,
     '{"cccd_session": 1, "atr": "3b"}\n{"event": "explosion"}'],
)  # fmt: skip
def test_what_is_no_recording(tmp_path: Path, text: str) -> None:
    path = tmp_path / "s.jsonl"
    path.write_text(text)
    with pytest.raises(FormatError):
        ReplayLink(path)
    with pytest.raises(FileError):
        ReplayLink(tmp_path / "none.jsonl")


def test_a_recording_takes_the_place_of_nothing_but_files(tmp_path: Path) -> None:
    link = ScriptedLink(lambda _: b"\x90\x00")
    plain = tmp_path / "s.jsonl"
    RecordingLink(link, plain).close()
    assert stat.S_IMODE(plain.stat().st_mode) == 0o600
    (tmp_path / "link").symlink_to(plain)
    RecordingLink(link, tmp_path / "link").close()
    assert (tmp_path / "link").is_symlink()
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    RecordingLink(link, pipe).close()
    assert json.loads(os.read(reader, 1000))["cccd_session"] == 1
    os.close(reader)
    assert stat.S_ISFIFO(pipe.stat().st_mode)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "socket"))
        with pytest.raises(FileError, match="socket"):
            RecordingLink(link, tmp_path / "socket")
    with pytest.raises(FileError, match="folder"):
        RecordingLink(link, tmp_path)


def test_a_full_disk_ends_a_recording_by_its_name() -> None:
    with pytest.raises(DiskFullError):
        RecordingLink(ScriptedLink(lambda _: b"\x90\x00"), Path("/dev/full"))
