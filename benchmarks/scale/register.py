"""What a register of dossiers takes in and records, in a file and in a PostgreSQL server beside.

`python -m benchmarks.scale.register --dossiers 20000`. Both databases take the same rounds in turn, in one process:
reception, then three steps of every dossier. Prints dossiers and events a second, the share of the processor that the
client and the server had of it, and which of them is the bound. A machine that others use shows the load beside: the
seconds of processor time an event says what the rate would be alone.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack, closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tests"))

from cccd_core.country.holidays import KNOWN
from cccd_core.issuance.register.dossiers import DossierRegister
from cccd_core.issuance.register.life import State
from cccd_core.issuance.register.records import Move, Receipt
from cccd_core.issuance.register.units import national
from support.postgres_server import Server, programs

STEPS = (State.CHECKED, State.SEARCHED, State.APPROVED)
MORNING = datetime(2026, 11, 2, 1, tzinfo=UTC)
ROUNDS = 4


@dataclass(frozen=True, slots=True)
class Figure:
    """One round: how many rows, and the seconds it took by the clock, of this process and of the server's."""

    rows: int
    seconds: float
    client: float
    server: float


def measured(work: Callable[[], int], server: Callable[[], float]) -> Figure:
    """Does the work, and says what it cost."""
    clock, mine, theirs = time.perf_counter(), time.process_time(), server()
    rows = work()
    return Figure(rows, time.perf_counter() - clock, time.process_time() - mine, server() - theirs)


def processor_of(postmaster: int | None) -> float:
    """Seconds of processor time of a PostgreSQL server and of its processes, those that have ended included."""
    total = 0
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if path.parent.name == str(postmaster):
            total += sum(map(int, fields[11:15]))
        elif fields[1] == str(postmaster):
            total += sum(map(int, fields[11:13]))
    return total / os.sysconf("SC_CLK_TCK")


def rounds(register: DossierRegister, name: str, dossiers: int) -> list[tuple[str, Callable[[], int]]]:
    """A round's work: reception, then each step of everybody."""
    ids = [f"{name}-{number}" for number in range(dossiers)]

    def reception() -> int:
        digest = "sha256:" + "0" * 64
        return register.receive_many(Receipt(one, "001", digest, MORNING, "desk 1") for one in ids)

    def steps() -> int:
        return sum(register.move_many(Move(one, to, "centre") for one in ids) for to in STEPS)

    return [("dossiers", reception), ("events", steps)]


def main() -> int:
    """Measures and prints; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dossiers", type=int, default=20_000)
    asked = parser.parse_args()
    found = programs()
    with ExitStack() as stack:
        postmaster = None
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        places: dict[str, Path | str] = {"SQLite": folder / "register.sqlite"}
        if found is not None:
            server = Server(found)
            stack.callback(server.remove)
            server.start()
            assert server._process is not None
            postmaster = server._process.pid
            places["PostgreSQL"] = server.new_database()
        registers = {
            name: stack.enter_context(closing(DossierRegister(where, due=KNOWN.deadline_if_known)))
            for name, where in places.items()
        }
        figures: dict[tuple[str, str], list[Figure]] = {}
        for register in registers.values():
            register.put_units(national())
        for number in range(ROUNDS):
            for name, register in registers.items():
                for what, work in rounds(register, f"R{number}", asked.dossiers // ROUNDS):
                    figures.setdefault((name, what), []).append(measured(work, lambda: processor_of(postmaster)))
        for register in registers.values():
            if faults := list(register.faults()):
                print(*faults[:10], sep="\n")
                return 1
    print(
        f"{asked.dossiers:,} dossiers, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, {ROUNDS} rounds in turn"
    )
    print(f"{'':24}{'rows/s':>10}{'client us':>12}{'server us':>12}{'alone/s':>10}  bound by")
    for (name, what), rows in figures.items():
        count = sum(one.rows for one in rows)
        client, theirs = (1e6 * sum(getattr(one, part) for one in rows) / count for part in ("client", "server"))
        rate = count / sum(one.seconds for one in rows)
        bound = "waiting for the disk or the processor" if rate * (client + theirs) < 5e5 else (
            "the client's processor" if client > theirs else "the server's processor")  # fmt: skip
        print(f"{name:12}{what:12}{rate:10,.0f}{client:12.0f}{theirs:12.0f}{1e6 / (client + theirs):10,.0f}  {bound}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
