"""Trails of version 1 (`audit.jsonl` of runs before there were blocks): no first line, entries from 0, no signatures.

A line has `seq`, `at`, `dossier`, `state`, `reason`, `card_serial`, `previous` (for the first the SHA-256 of the run's
name) and `hash`. They are read and verified, and never added to: a run that goes on begins a trail of today's version
that names their number and last hash.
"""

from __future__ import annotations

from cccd_core.issuance.audit.chain import Recorded, decoded, time_of
from cccd_core.issuance.audit.entry import Entry, Kind
from cccd_core.plain import JsonObject


def is_line(line: bytes) -> bool:
    """Whether a line is one of version 1."""
    record = decoded(line)
    return record is not None and "format" not in record and "state" in record


def parse(record: JsonObject, number: int) -> Recorded:
    """The entry of a line. ValueError, KeyError, TypeError for what is none."""
    state, texts = record["state"], [record[name] for name in ("dossier", "card_serial", "reason")]
    if not isinstance(state, str) or any(one is not None and not isinstance(one, str) for one in texts):
        raise TypeError("no text")
    dossier, card, reason = (None if one is None else str(one) for one in texts)
    return Recorded(number, time_of(record["at"]), Entry(Kind.DOSSIER, state, None, dossier, card, None, reason))
