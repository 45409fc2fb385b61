"""A test country for the tests of personalisation, made once."""

from __future__ import annotations

import pytest

from support.cards import Country


@pytest.fixture(scope="session")
def country(tmp_path_factory: pytest.TempPathFactory) -> Country:
    return Country.make(tmp_path_factory.mktemp("country") / "pki")
