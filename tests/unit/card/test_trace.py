"""A connection's trace in the log: what happened, and nothing of what was said."""

from __future__ import annotations

import logging

import pytest

from cccd_core.card import CardConnection, MemoryLink, profile
from cccd_core.card.trace import to_log
from support.chip import SERIAL, blank


def test_the_log_has_headers_and_status_words_but_no_data(caplog: pytest.LogCaptureFixture) -> None:
    connection = CardConnection(MemoryLink(blank()), trace=to_log())
    with caplog.at_level(logging.DEBUG, logger="cccd_core.card.trace"):
        profile.select_applet(connection)
        assert profile.get_serial(connection) == SERIAL
    lines = [record.getMessage() for record in caplog.records]
    assert len(lines) >= 2
    assert all("9000" in line for line in lines)
    assert SERIAL.hex().upper() not in "".join(lines)


def test_nothing_is_logged_above_its_level(caplog: pytest.LogCaptureFixture) -> None:
    connection = CardConnection(MemoryLink(blank()), trace=to_log())
    with caplog.at_level(logging.INFO, logger="cccd_core.card.trace"):
        profile.select_applet(connection)
    assert not caplog.records
