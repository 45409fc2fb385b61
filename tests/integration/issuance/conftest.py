"""The issuing office of these tests, with the toy matcher in place of the real one."""

from __future__ import annotations

from pathlib import Path

import pytest

from cccd_core import pki
from cccd_core.issuance import pipeline
from support.issuing import Office
from support.toy_matcher import ToyMatcher


@pytest.fixture(scope="session")
def test_pki(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("issuing") / "pki"
    pki.init(folder)
    return folder


@pytest.fixture
def office(tmp_path: Path, test_pki: Path, monkeypatch: pytest.MonkeyPatch) -> Office:
    monkeypatch.setattr(pipeline, "Matcher", ToyMatcher)
    return Office(tmp_path, test_pki)
