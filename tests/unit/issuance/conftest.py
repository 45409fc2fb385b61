"""Where the registers of these tests are."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture(params=["file", pytest.param("server", marks=pytest.mark.postgres)])
def where(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Path | str]:
    """Where a register of the test's own is."""
    if request.param == "file":
        yield tmp_path / "register.sqlite"
    else:
        server = request.getfixturevalue("postgres")
        url = server.new_database()
        yield url
        server.drop(url)


@pytest.fixture
def postgres_url(request: pytest.FixtureRequest) -> Iterator[str]:
    """An empty database of the test's own."""
    server = request.getfixturevalue("postgres")
    url = server.new_database()
    yield url
    server.drop(url)
