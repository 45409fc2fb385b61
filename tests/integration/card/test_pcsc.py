"""Through a real pcscd and its virtual readers: personalise, read back, pull the card."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path

import pytest

from cccd_core.card import CardConnection, ChipReader, CommandApdu, MemoryLink, ReaderLimits, profile
from cccd_core.card.profile import LifeCycle
from cccd_core.card.scp03 import open_session
from cccd_core.card.transport import pcsc
from cccd_core.card.transport.pcsc import PcscLink
from cccd_core.card.virtual import VirtualCard
from cccd_core.emrtd.files import ElementaryFile
from cccd_core.errors import CardRemovedError, TransportError, UnavailableError
from cccd_core.signing.chip_keys import ChipKeys
from support.cards import Country
from support.cards import content as content_of
from support.chip import CAN, MASTER_KEY, MRZ, blank, finish_job, image, personalised, write
from support.patience import PATIENCE_S
from support.pcsc import VirtualReaders, virtual_readers
from support.t0 import ATR_T1, T0Card

__all__ = ["virtual_readers"]

pytestmark = pytest.mark.pcsc


class Torn:
    """A card that is pulled in the middle of the command of a number, before or after it took effect."""

    def __init__(self, card: VirtualCard, at: int, *, takes_effect: bool) -> None:
        self.card, self.left, self.takes_effect = card, at, takes_effect
        self.atr = card.atr
        self.power_on: Callable[[], None] = card.power_on
        self.power_off: Callable[[], None] = card.power_off

    def process(self, command: bytes) -> bytes:
        self.left -= 1
        if self.left == 0:
            if self.takes_effect:
                self.card.process(command)
            raise OSError("pulled")
        return self.card.process(command)


def _write(link: PcscLink, files: dict[ElementaryFile, bytes], keys: ChipKeys) -> None:
    connection = CardConnection(link)
    profile.select_applet(connection)
    session = open_session(connection, MASTER_KEY.chooser(profile.get_serial(connection)))
    write(connection, session, files, keys)
    profile.finish(connection)
    profile.lock(connection)


def test_a_card_is_written_and_read_back(virtual_readers: VirtualReaders, tmp_path: Path) -> None:
    keys = ChipKeys.generate()
    files = image(keys, portrait_bytes=40_000)
    name = virtual_readers.names[1]
    card = blank(tmp_path / "a.card")
    with virtual_readers.insert(card, name):
        assert pcsc.card_present(name)
        link = PcscLink(name)
        assert link.atr == card.atr
        _write(link, files, keys)
        link.reset()
        for step in (223, 4000):
            reader = ChipReader(CardConnection(link), ReaderLimits(step_bytes=step))
            reader.open_pace(CAN)
            for file, content in files.items():
                if file.in_application:
                    assert reader.read(file) == content
            link.reset()
        link.close()
        with CardConnection(PcscLink(name)) as connection:
            reader = ChipReader(connection)
            reader.open_bac(MRZ)
            reader.active_authentication(files[ElementaryFile.DG15], files[ElementaryFile.DG14])
            reader.chip_authentication(files[ElementaryFile.DG14])
            assert reader.read(ElementaryFile.DG1) == files[ElementaryFile.DG1]
    card.close()
    assert not pcsc.card_present(name)


@pytest.mark.parametrize("takes_effect", [False, True])
@pytest.mark.parametrize("at", [2, 5, 9, 40])
def test_a_card_pulled_in_the_middle_of_a_command(
    virtual_readers: VirtualReaders, tmp_path: Path, at: int, takes_effect: bool
) -> None:
    keys = ChipKeys.generate()
    files = image(keys, portrait_bytes=8_000)
    card = blank(tmp_path / "a.card")
    name = virtual_readers.names[0]
    with virtual_readers.insert(Torn(card, at, takes_effect=takes_effect), name):
        link = PcscLink(name)
        with pytest.raises(CardRemovedError):
            _write(link, files, keys)
        link.close()
    card.close()
    with VirtualCard.open(tmp_path / "a.card") as again, virtual_readers.insert(again, name):
        link = PcscLink(name)
        _write(link, files, keys)  # begun again on the same card
        assert again.life_cycle is LifeCycle.LOCKED
        link.reset()
        reader = ChipReader(CardConnection(link))
        reader.open_pace(CAN)
        assert reader.read(ElementaryFile.DG2) == files[ElementaryFile.DG2]
        link.close()


def test_no_card_no_reader(virtual_readers: VirtualReaders) -> None:
    name = virtual_readers.names[0]
    assert pcsc.wait_for_card(name, False, PATIENCE_S)
    assert not pcsc.wait_for_card(name, True, 0.1)
    with pytest.raises(CardRemovedError):
        PcscLink(name)
    with pytest.raises(UnavailableError):
        PcscLink("no such reader")


def test_a_reader_that_is_none_lists_those_there_are(virtual_readers: VirtualReaders) -> None:
    with pytest.raises(UnavailableError) as none:
        PcscLink("no such reader")
    assert all(name in str(none.value.facts["needs"]) for name in virtual_readers.names)
    with pytest.raises(UnavailableError, match="no such reader"):
        pcsc.wait_for_card("no such reader", True, 1)


def test_a_wait_for_a_card_ends_by_card_by_time_or_by_being_cancelled(virtual_readers: VirtualReaders) -> None:
    name = virtual_readers.names[0]
    cancelled = threading.Event()
    answers: list[bool] = []

    def wait() -> None:
        answers.append(pcsc.wait_for_card(name, True, 600, cancelled=cancelled))

    waiting = threading.Thread(target=wait)
    waiting.start()
    cancelled.set()
    waiting.join(PATIENCE_S)
    assert answers == [False]
    card, _ = personalised(portrait_bytes=100)
    with virtual_readers.insert(card, name):
        assert pcsc.wait_for_card(name, True, 600, cancelled=threading.Event())


@pytest.mark.parametrize("protocol", ["T=0", "T=1"])
def test_the_protocol_is_the_cards(virtual_readers: VirtualReaders, protocol: str) -> None:
    card, files = personalised(portrait_bytes=36_000)
    inside: T0Card | Torn = T0Card(card) if protocol == "T=0" else Torn(card, 0, takes_effect=True)
    if protocol == "T=1":
        inside.atr = ATR_T1
    with virtual_readers.insert(inside):
        link = PcscLink(virtual_readers.names[0])
        assert (link.protocol, link.atr) == (protocol, inside.atr)
        reader = ChipReader(CardConnection(link), ReaderLimits(step_bytes=4000))
        reader.open_pace(CAN)
        for file, content in files.items():
            if file.in_application:
                assert reader.read(file) == content
        link.close()


class Swapped:
    """One card, and from a command of a number on another one, as quick hands would have it."""

    def __init__(self, first: VirtualCard, second: VirtualCard, at: int) -> None:
        self.cards, self.left = [first, second], at
        self.atr = first.atr

    def power_on(self) -> None:
        self.cards[0].power_on()

    def power_off(self) -> None:
        self.cards[0].power_off()

    def process(self, command: bytes) -> bytes:
        self.left -= 1
        if self.left == 0:
            self.cards[0].power_off()
            self.cards.pop(0)
        return self.cards[0].process(command)


def test_a_card_that_is_swapped_between_two_commands_is_not_gone_on_with(virtual_readers: VirtualReaders) -> None:
    """Another card has no power, so it answers nothing; and this link never again has a card."""
    first, files = personalised(portrait_bytes=2000)
    second, _ = personalised(portrait_bytes=2000)
    second.power_off()
    with virtual_readers.insert(Swapped(first, second, 14)):
        link = PcscLink(virtual_readers.names[0])
        reader = ChipReader(CardConnection(link))
        reader.open_pace(CAN)
        with pytest.raises(CardRemovedError):
            deque(map(reader.read, files), maxlen=0)
        for again in (link.reset, lambda: link.transmit(bytes.fromhex("00A4000C023F00"))):
            with pytest.raises(CardRemovedError):
                again()
        link.close()


def test_a_card_taken_out_and_put_in_again_is_another_one_to_the_link(virtual_readers: VirtualReaders) -> None:
    name = virtual_readers.names[0]
    card, _ = personalised(portrait_bytes=100)
    with virtual_readers.insert(card, name):
        link = PcscLink(name)
        link.reset()  # the card itself, reset, is the same one
        link.transmit(bytes.fromhex("00A4000C023F00"))
    with virtual_readers.insert(card, name):
        for _ in range(2):
            with pytest.raises(CardRemovedError):
                link.reset()
        with pytest.raises(CardRemovedError):
            link.transmit(bytes.fromhex("00A4000C023F00"))
        link.close()
        with CardConnection(PcscLink(name)) as fresh:
            assert fresh.send(CommandApdu(0, 0xA4, 0, 0x0C, b"\x3f\x00")).ok


def test_a_card_that_never_answers_is_given_up(virtual_readers: VirtualReaders) -> None:
    card, _ = personalised(portrait_bytes=100)
    released = False

    class Stuck(Torn):
        def process(self, command: bytes) -> bytes:
            while command[1] == 0xB0 and not released:
                time.sleep(0.01)
            return self.card.process(command)

    with virtual_readers.insert(Stuck(card, 0, takes_effect=False)):
        link = PcscLink(virtual_readers.names[0], transmit_timeout_s=0.5)
        reader = ChipReader(CardConnection(link))
        with pytest.raises(TransportError) as given_up:
            reader.read(ElementaryFile.EF_CARDACCESS)
        assert not isinstance(given_up.value, CardRemovedError)
        with pytest.raises(TransportError):
            link.reset()
        link.close()
        released = True


def test_the_command_line_makes_serves_and_reads_a_card(virtual_readers: VirtualReaders, tmp_path: Path) -> None:
    """`cccd vcard` and `card`, each in a process of its own; the server ended by an interrupt, its card still there."""
    country = Country.make(tmp_path / "pki")
    job = country.job(7)
    path = tmp_path / "a.card"
    cccd = [sys.executable, "-m", "cccd_core.cli.main"]
    subprocess.run(
        [*cccd, "vcard", "new", path, "--pki", tmp_path / "pki"],
        check=True,
        timeout=PATIENCE_S,
        stdout=subprocess.DEVNULL,
    )
    with VirtualCard.open(path) as card:
        connection = CardConnection(MemoryLink(card))
        profile.select_applet(connection)
        keys = country.card_master_key.chooser(card.serial)
        session = open_session(connection, keys)
        finish_job(connection, session, job)
    name = virtual_readers.names[0]
    port = str(virtual_readers.port(name))

    def read(*where: str, trusted: bool = True) -> subprocess.CompletedProcess[str]:
        trust = ["--pki", str(tmp_path / "pki")] if trusted else []
        command = [*cccd, "card", "read", *where, "--can", job.secrets.can, *trust, "--json"]
        return subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S, check=False)

    with subprocess.Popen([*cccd, "vcard", "serve", path, "--port", port], stderr=subprocess.DEVNULL) as server:
        assert pcsc.wait_for_card(name, True, PATIENCE_S)
        through_reader = read("--reader", name)
        server.send_signal(signal.SIGINT)
        assert server.wait(PATIENCE_S) == 0
    from_file = read(str(path))
    assert (through_reader.returncode, from_file.returncode) == (0, 0), through_reader.stdout + from_file.stdout
    found = json.loads(through_reader.stdout)
    assert found == json.loads(from_file.stdout)
    assert found["verdict"] == "genuine"
    assert content_of(7).full_name in found["fields"].values()
    assert len(found["files"]) == len(job.image)
    assert read(str(path), trusted=False).returncode == 4  # whose signature nobody vouches for
