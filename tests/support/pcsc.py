"""A private pcscd with virtual readers, for tests: started by scripts/virtual_readers.sh, one at a time on a machine.

Use it as a fixture: `from support.pcsc import virtual_readers` in the test's file.
"""

from __future__ import annotations

import fcntl
import shutil
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from cccd_core.card.transport import pcsc
from cccd_core.card.transport.memory import Card
from cccd_core.card.virtual import server
from cccd_core.personalise.pcsc_feeder import POLL_S, virtual_port
from support.patience import PATIENCE_S

SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "virtual_readers.sh"
LOCK = Path(tempfile.gettempdir()) / "pcsc.lock"
ATTEMPT_S = 5.0  # how long the first insertion may take to show before the card is taken out and put in again


@dataclass(frozen=True)
class VirtualReaders:
    """Running readers: their names, each with its port."""

    names: tuple[str, ...]

    def port(self, name: str) -> int:
        """The TCP port where the reader waits for its card."""
        port = virtual_port(name)
        assert port is not None, "not a virtual reader"
        return port

    @contextmanager
    def insert(self, card: Card, name: str | None = None) -> Iterator[threading.Event]:
        """Puts a card into a reader until the end of the block; setting the event pulls it out before."""
        name = name or self.names[0]
        deadline, attempt_s = time.monotonic() + PATIENCE_S, ATTEMPT_S
        while True:
            stop = threading.Event()
            more = {"stop": stop}
            thread = threading.Thread(target=server.serve, args=(card, self.port(name)), kwargs=more, daemon=True)
            thread.start()
            try:
                if pcsc.wait_for_card(name, True, attempt_s):
                    yield stop
                    return
            finally:
                stop.set()
                thread.join(PATIENCE_S)
                assert pcsc.wait_for_card(name, False, PATIENCE_S), "the card never left the reader"
            assert time.monotonic() < deadline, "the card never arrived in the reader"
            time.sleep(POLL_S)  # the feeder says why: a card that came back too soon after a tear is never seen
            attempt_s *= 2


@contextmanager
def running(readers: int, *, taken: int | None = None) -> Iterator[VirtualReaders]:
    """Starts a private pcscd with so many virtual readers, holding the machine's lock, and stops it at the end.

    `taken`: a port that another program (this one) listens on meanwhile.
    """
    if not shutil.which("pcscd") or not Path("/usr/lib/pcsc/drivers/serial/libifdvpcd.so").exists():
        pytest.skip("no pcscd or no vpcd on this machine")
    pytest.importorskip("smartcard", reason="no pyscard on this machine")
    with LOCK.open("w") as lock, ExitStack() as held:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if taken is not None:
            with suppress(OSError):  # who has it already does as well
                held.enter_context(socket.create_server(("127.0.0.1", taken)))
        started = subprocess.run(
            ["bash", SCRIPT, "start", str(readers)], capture_output=True, text=True, timeout=PATIENCE_S, check=False
        )
        try:
            if started.returncode == 4:
                pytest.skip(f"cannot start virtual readers here: {started.stderr.strip()}")
            assert started.returncode == 0, started.stderr
            names = tuple(sorted(pcsc.readers()))
            assert len(names) >= readers, started.stderr
            yield VirtualReaders(names[:readers])
        finally:
            subprocess.run(["bash", SCRIPT, "stop"], capture_output=True, timeout=PATIENCE_S, check=True)


@pytest.fixture(scope="module")
def virtual_readers() -> Iterator[VirtualReaders]:
    """Two virtual readers for the tests of one file."""
    with running(2) as readers:
        yield readers
