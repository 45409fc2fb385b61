"""A programme's whole way on a real PostgreSQL, its processes and its server killed at random: every dossier ends once,
nobody gets two cards. `python -m benchmarks.scale.chaos` is the same with more dossiers."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from cccd_core.issuance.register.life import State
from cccd_core.issuance.register.units import national
from support.postgres_server import Server, programs
from support.programme import Programme, demand_whole, put_batches, run

DOSSIERS = 40
KILLS = 6


@pytest.mark.scale
@pytest.mark.postgres
def test_killed_at_random_every_dossier_ends_once(tmp_path: Path, test_pki: Path, postgres: Server) -> None:
    del postgres  # says where there is none; this test kills one of its own
    found = programs()
    assert found is not None
    server = Server(found)
    server.start()
    try:
        batches = put_batches(tmp_path / "batches", DOSSIERS, 20)
        programme = Programme(tmp_path, test_pki, server.new_database(), DOSSIERS, 20, batches)
        with closing(programme.register()) as register:
            register.put_units(national())
        told = run(programme, server, seed=20261128, kills=KILLS, lifetime_s=1.0)
        ends = demand_whole(programme)
    finally:
        server.remove()
    assert sum(told.killed.values()) == KILLS
    assert told.server == KILLS // 3
    assert ends[State.HANDED_OVER] > DOSSIERS // 2
    assert ends[State.REJECTED] >= 3
