"""Where virtual readers await their cards: vpcd's own ports, or those that the readers' names tell."""

from __future__ import annotations

from pathlib import Path

import pytest

from cccd_core.card.transport.pcsc import wait_for_card
from cccd_core.card.virtual import VirtualCard
from cccd_core.card.virtual.server import DEFAULT_PORT
from cccd_core.personalise.pcsc_feeder import virtual_port
from support.cards import Country
from support.patience import PATIENCE_S
from support.pcsc import running


@pytest.mark.parametrize(
    ("name", "port"),
    [
        ("Virtual PCD 00 00", DEFAULT_PORT),
        ("Virtual PCD 0 00 01", DEFAULT_PORT + 1),
        ("Virtual PCD 3 00 01", DEFAULT_PORT + 7),
        ("Virtual PCD 1 at 15965 00 01", 15966),
        ("Virtual PCD 1 at 15965 00", None),
        ("Contactless Reader 00 00", None),
    ],
)
def test_the_port_of_a_reader_by_its_name(name: str, port: int | None) -> None:
    assert virtual_port(name) == port


@pytest.mark.pcsc
@pytest.mark.parametrize("taken", [DEFAULT_PORT, DEFAULT_PORT + 2])
def test_readers_move_where_another_program_has_a_port_of_theirs(taken: int, tmp_path: Path, country: Country) -> None:
    with running(4, taken=taken) as readers:
        ports = [readers.port(name) for name in readers.names]
        assert len(set(ports)) == 4
        assert not set(ports) & set(range(DEFAULT_PORT, DEFAULT_PORT + 4))
        with (
            VirtualCard.create(tmp_path / "a.card", master_key=country.card_master_key) as card,
            readers.insert(card, readers.names[-1]),
        ):
            assert wait_for_card(readers.names[-1], True, PATIENCE_S)
