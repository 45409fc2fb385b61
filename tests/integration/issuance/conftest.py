"""The issuing office of these tests, with the toy matcher in place of the real one."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from cccd_core import pki
from support.issuing import Office


@pytest.fixture(scope="session")
def test_pki(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("issuing") / "pki"
    pki.init(folder, now=datetime(2026, 10, 1, tzinfo=UTC))  # valid on the day of these tests and ever after
    return folder


@pytest.fixture
def office(tmp_path: Path, test_pki: Path) -> Office:
    return Office(tmp_path, test_pki)
