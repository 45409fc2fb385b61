"""Fixtures that every area uses: where the real fingerprints and the published vectors lie."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from support.postgres_server import Server, programs

ROOT = Path(__file__).resolve().parent.parent
SHARED = Path(os.environ.get("CCCD_SHARED", ROOT.parent / "shared"))

# Who starts the tests in the background may have had SIGINT ignored (`nohup`, a shell without job control), and every
# process that a test starts and interrupts would inherit that: the interrupt would be "swallowed" by nobody's fault.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# The machines are small and shared: a deadline in seconds would fail tests for no fault of the code.
settings.register_profile("house", deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True)
settings.load_profile("house")


@pytest.fixture(scope="session")
def fingerprints() -> Path:
    """The folder of real fingerprint templates, `<set>/<extractor>/<finger>_<impression>.fmr`."""
    folder = SHARED / "data" / "fingerprints"
    if not folder.is_dir():
        pytest.skip(f"no real fingerprints at {folder}")
    return folder


@pytest.fixture(scope="session")
def images() -> Path:
    """The folder of real fingerprint images, `<set>/<finger>_<impression>.png`."""
    folder = SHARED / "data" / "images"
    if not folder.is_dir():
        pytest.skip(f"no real images at {folder}")
    return folder


@pytest.fixture(scope="session")
def vectors() -> Path:
    """The folder of published vectors."""
    folder = SHARED / "vectors"
    if not folder.is_dir():
        pytest.skip(f"no published vectors at {folder}")
    return folder


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    """A PostgreSQL server for the tests of one process."""
    found = programs()
    if found is None:
        pytest.skip("no PostgreSQL server is installed (Debian: apt-get install postgresql)")
    server = Server(found)
    try:
        server.start()
        yield server
    finally:
        server.remove()
