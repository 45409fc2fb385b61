"""Traces of a connection, redacted by default: what passed may be logged, what it said may not."""

from __future__ import annotations

import logging

from cccd_core.card.apdu import CommandApdu, ResponseApdu
from cccd_core.card.connection import Trace

logger = logging.getLogger(__name__)


def redacted(command: CommandApdu, response: ResponseApdu | None) -> str:
    """One exchange without any of its data: header, lengths, status word."""
    asked = "" if command.ne is None else f" ne={command.ne}"
    answer = "no answer" if response is None else f"{response.sw_hex} nr={len(response.data)}"
    return f"{command.header.hex().upper()} nc={len(command.data)}{asked} -> {answer}"


def for_debugging() -> Trace | None:
    """`to_log` where somebody listens to this module's log at DEBUG; None, which costs nothing, where nobody does."""
    return to_log() if logger.isEnabledFor(logging.DEBUG) else None


def to_log(level: int = logging.DEBUG) -> Trace:
    """A trace for `CardConnection(trace=...)`: one redacted line of the log for each exchange."""

    def trace(command: CommandApdu, response: ResponseApdu | None) -> None:
        if logger.isEnabledFor(level):
            logger.log(level, "%s", redacted(command, response))

    return trace
