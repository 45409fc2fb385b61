"""`cccd card verify` at real readers: which reader, which card, and what is said when something is not there."""

from __future__ import annotations

import threading
from functools import partial
from pathlib import Path

import pytest

from cccd_core.card.transport import pcsc
from cccd_core.card.virtual import VirtualCard
from cccd_core.cli import common
from cccd_core.cli.common import EXIT_NOT_RUN
from cccd_core.cli.main import build
from support.cards import Country
from support.chip import MASTER_KEY
from support.documents import Document, document
from support.patience import PATIENCE_S
from support.pcsc import VirtualReaders, virtual_readers

__all__ = ["virtual_readers"]

pytestmark = pytest.mark.pcsc


@pytest.fixture(scope="module")
def country(tmp_path_factory: pytest.TempPathFactory) -> Country:
    return Country.make(tmp_path_factory.mktemp("country") / "pki")


@pytest.fixture
def one(country: Country) -> Document:
    return document(country)


class AfterSome:
    """A card that does something else from its command of a number on."""

    def __init__(self, card: VirtualCard, at: int, then: str) -> None:
        self.card, self.left, self.then = card, at, then
        self.atr, self.power_on, self.power_off = card.atr, card.power_on, card.power_off
        self.released = threading.Event()

    def process(self, command: bytes) -> bytes:
        self.left -= 1
        if self.left <= 0:
            if self.then == "leaves":
                raise OSError("pulled")
            self.released.wait(PATIENCE_S)
        return self.card.process(command)


def verify(country: Country, one: Document, *words: str) -> int:
    given = ["card", "verify", "--can", one.can, "--pki", str(country.directory.path), *words]
    return common.run(build("card"), given)


def test_the_card_in_the_reader_that_is_named(
    virtual_readers: VirtualReaders, country: Country, one: Document, capsys: pytest.CaptureFixture[str]
) -> None:
    name = virtual_readers.names[1]
    with virtual_readers.insert(one.card, name):
        assert verify(country, one, "--reader", name) == 0
    assert capsys.readouterr().out.rstrip().endswith("verdict: genuine")


def test_several_readers_none_of_that_name_and_no_card(
    virtual_readers: VirtualReaders, country: Country, one: Document, capsys: pytest.CaptureFixture[str]
) -> None:
    assert verify(country, one) == EXIT_NOT_RUN
    said = capsys.readouterr().err
    assert "several readers" in said
    assert all(name in said for name in virtual_readers.names)
    assert verify(country, one, "--reader", "Nobody's") == EXIT_NOT_RUN
    said = capsys.readouterr().err
    assert "no reader has this name" in said
    assert virtual_readers.names[0] in said
    assert verify(country, one, "--reader", virtual_readers.names[0]) == EXIT_NOT_RUN
    assert "there is no card in the reader" in capsys.readouterr().err
    assert verify(country, one, "--reader", virtual_readers.names[0], "--wait", "--patience", "0.2") == EXIT_NOT_RUN
    said = capsys.readouterr().err
    assert "waiting for a card" in said
    assert "there is no card in the reader" in said


def test_a_card_that_is_waited_for(
    virtual_readers: VirtualReaders, country: Country, one: Document, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = virtual_readers.names[0]
    begun, done = threading.Event(), threading.Event()
    real = pcsc.wait_for_card

    def waited(reader: str, present: bool, timeout_s: float) -> bool:
        begun.set()
        return real(reader, present, timeout_s)

    def put_in() -> None:
        begun.wait(PATIENCE_S)
        with virtual_readers.insert(one.card, name):
            done.wait(PATIENCE_S)

    thread = threading.Thread(target=put_in, daemon=True)
    thread.start()
    monkeypatch.setattr(pcsc, "wait_for_card", waited)
    try:
        assert verify(country, one, "--reader", name, "--wait", "--patience", str(PATIENCE_S)) == 0
    finally:
        done.set()
        thread.join(PATIENCE_S)


@pytest.mark.parametrize(
    ("then", "said"), [("leaves", "card_removed: the card left"), ("stalls", "the reader does not answer")]
)
def test_a_card_that_leaves_and_a_reader_that_stalls_say_so(
    then: str,
    said: str,
    virtual_readers: VirtualReaders,
    country: Country,
    one: Document,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    name = virtual_readers.names[0]
    if then == "stalls":
        monkeypatch.setattr(pcsc, "PcscLink", partial(pcsc.PcscLink, transmit_timeout_s=1.0))
    odd = AfterSome(one.card, 25, then)
    with virtual_readers.insert(odd, name):
        try:
            assert verify(country, one, "--reader", name) == EXIT_NOT_RUN
        finally:
            odd.released.set()
    told = capsys.readouterr()
    assert said in told.err
    assert one.can not in told.err
    assert "verdict" not in told.out


def test_a_card_of_another_kind(
    virtual_readers: VirtualReaders, country: Country, one: Document, tmp_path: Path
) -> None:
    """A blank card opens to nobody: nothing is known of it, and nothing is said against it."""
    with VirtualCard.create(None, master_key=MASTER_KEY) as blank, virtual_readers.insert(blank):
        assert verify(country, one, "--reader", virtual_readers.names[0]) == common.EXIT_UNDECIDED
