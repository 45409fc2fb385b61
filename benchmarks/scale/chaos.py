"""A programme's dossiers on their whole way, while processes and the database server are killed at random.

`python -m benchmarks.scale.chaos --dossiers 20000`. Reception, search, review by two people, signing, writing to
software cards, proof, dispatch and hand-over, on a PostgreSQL server of its own, by six processes at a time: two of
them issue over one gallery, one withdraws dossiers. In the middle the server is gone for a minute. At the end it
demands that every dossier is at exactly one end, that the register's events have no gap, and that nobody has two cards;
exit code 1 otherwise. The seconds are those of this machine with whatever else runs on it.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from contextlib import ExitStack, closing
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tests"))

from cccd_core import pki
from cccd_core.issuance.register.units import national
from support.postgres_server import Server, programs
from support.programme import Programme, demand_whole, put_batches, run


def main() -> int:
    """Runs it and prints what happened; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dossiers", type=int, default=20_000)
    parser.add_argument("--batch", type=int, default=500, help="dossiers of a run; a multiple of 20")
    parser.add_argument(
        "--kills", type=int, default=300, help="processes that are killed; the server is, at each third"
    )
    parser.add_argument("--lifetime", type=float, default=20.0, help="seconds that a process computes before, about")
    parser.add_argument(
        "--gone", type=float, default=65.0, help="seconds for which the server is away once, in the middle"
    )
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    found = programs()
    if found is None:
        print("no PostgreSQL server is installed")
        return 1
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        server = Server(found)
        stack.callback(server.remove)
        server.start()
        pki.init(folder / "pki")
        batches = put_batches(folder / "batches", asked.dossiers, asked.batch)
        programme = Programme(folder, folder / "pki", server.new_database(), asked.dossiers, asked.batch, batches)
        with closing(programme.register()) as register:
            register.put_units(national())
        start = time.monotonic()

        def say(what: str) -> None:
            print(f"{time.monotonic() - start:8,.1f} s  {what}", file=sys.stderr, flush=True)

        told = run(
            programme, server, seed=asked.seed, kills=asked.kills, lifetime_s=asked.lifetime, gone_s=asked.gone, say=say
        )
        seconds = time.monotonic() - start
        ends = demand_whole(programme)
    print(f"{asked.dossiers:,} dossiers in {seconds:,.0f} s, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    print(f"killed: {sum(told.killed.values())} processes ({dict(told.killed)}), the server {told.server} times")
    print(f"ended by a database that was away, and called again: {sum(told.errors.values())}")
    print(f"ends: {', '.join(f'{count:,} {state}' for state, count in sorted(ends.items()))}")
    print("every dossier at one end, no event missing, one valid card a number")
    return 0


if __name__ == "__main__":
    sys.exit(main())
