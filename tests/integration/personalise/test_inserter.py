"""The process that puts software cards into a virtual reader, before a reader that is played by the test."""

from __future__ import annotations

import resource
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from cccd_core.card import CardConnection, profile
from cccd_core.card.card_keys import CardMasterKey
from cccd_core.card.scp03 import open_session
from cccd_core.card.virtual import VirtualCard
from cccd_core.card.virtual.state import CARD_FILE
from cccd_core.emrtd import ElementaryFile
from cccd_core.errors import BusyError, CardRemovedError, CccdError, DiskFullError, FileError, TransportError
from cccd_core.personalise import CardDamagedError, shelf
from cccd_core.personalise.inserter import Inserter
from cccd_core.storage.log import OtherVersionError
from support.chip import SERIAL, blank
from support.patience import PATIENCE_S

KEY = CardMasterKey(bytes(16))


class Reader:
    """A virtual reader: the card connects to it. A link to the card that is in."""

    atr = b""

    def __init__(self) -> None:
        self.server = socket.create_server(("127.0.0.1", 0))
        self.server.settimeout(PATIENCE_S)
        self.port: int = self.server.getsockname()[1]
        self.card: socket.socket | None = None

    def power_on(self) -> None:
        self.card, _ = self.server.accept()
        self.card.sendall(b"\0\1\1")

    def transmit(self, command: bytes) -> bytes:
        assert self.card is not None
        self.card.sendall(len(command).to_bytes(2, "big") + command)
        head = self.card.recv(2, socket.MSG_WAITALL)
        if len(head) < 2:
            raise CardRemovedError("no card in the reader")
        return self.card.recv(int.from_bytes(head, "big"), socket.MSG_WAITALL)

    def reset(self) -> None:
        """Not asked for here."""

    def close(self) -> None:
        if self.card is not None:
            self.card.close()
        self.server.close()


@contextmanager
def file_size_limit(size: int) -> Iterator[None]:
    """For processes started inside the block: no file grows beyond this."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.fixture
def reader() -> Iterator[Reader]:
    found = Reader()
    yield found
    found.close()


@pytest.fixture
def card(tmp_path: Path) -> Path:
    path = tmp_path / "a.card"
    blank(path, master_key=KEY).close()
    return path


def test_a_disk_that_is_full_is_told_and_is_no_answer_of_the_card(reader: Reader, card: Path) -> None:
    with file_size_limit(4096):
        inserter = Inserter(reader.port)
    with inserter:
        inserter.insert(card)
        reader.power_on()
        connection = CardConnection(reader)
        profile.select_applet(connection)
        open_session(connection, KEY.chooser(SERIAL))
        profile.create_file(connection, ElementaryFile.DG2, 20_000)
        with pytest.raises(CardRemovedError):  # the reader sees a card that left, not one that failed
            profile.update_current(connection, ElementaryFile.DG2, bytes(20_000))
        with pytest.raises(DiskFullError, match="the card's file cannot be used"):
            inserter.remove()
        inserter.remove()  # told once
    with VirtualCard.open(card) as again:
        assert again.life_cycle is profile.LifeCycle.PERSONALISING


def test_what_is_wrong_with_the_file_is_told_by_its_kind(reader: Reader, card: Path) -> None:
    def said(path: Path) -> type[CccdError]:
        with pytest.raises(CccdError) as caught:
            inserter.insert(path)
        return type(caught.value)

    with Inserter(reader.port, patience_s=0.0) as inserter:
        assert said(card.with_name("none.card")) is FileError
        with VirtualCard.open(card):
            assert said(card) is BusyError
            with pytest.raises(BusyError):
                shelf.open_card(card, 0.0)
        whole = card.read_bytes()
        card.write_bytes(replace(CARD_FILE, version=CARD_FILE.version + 1).header + whole[16:])
        assert said(card) is OtherVersionError
        card.write_bytes(b"this is no card")
        assert said(card) is CardDamagedError
        with pytest.raises(CardDamagedError):
            shelf.open_card(card)
        inserter.kill()
        with pytest.raises(TransportError, match="virtual reader"):
            inserter.remove()
