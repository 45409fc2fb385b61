"""An audit trail that is altered at random: the first entry that is not as it was written is named, by its number."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cccd_core.issuance.audit import chain
from cccd_core.issuance.audit.findings import Verification, Wrong
from cccd_core.issuance.audit.verify import verify
from support import trails

ABOUT = "run-1"
COUNTS = (4, 1, 6, 3)
SIGNED = sum(COUNTS)
UNSIGNED = 3
LINES = trails.trail(COUNTS, UNSIGNED, about=ABOUT).kept


@dataclass(frozen=True)
class Place:
    """A line: which entry it is, or behind how many entries a block stands."""

    entries: int
    is_block: bool

    @property
    def first(self) -> int:
        """The number that is named where this line is not as it was."""
        return self.entries + 1 if self.is_block else self.entries


def places() -> list[Place]:
    found, entries = [], 0
    for line in LINES:
        is_block = b'"statement"' in line
        entries += not is_block and b'"format"' not in line
        found.append(Place(entries, is_block))
    return found


PLACES = places()
LAST = len(LINES) - 1
rows = st.integers(0, LAST)


def looked_at(lines: list[bytes], end: bytes = b"\n") -> Verification:
    return verify(b"\n".join(lines) + end, about=ABOUT, keys=[trails.key()])


def first(found: Verification) -> int | None:
    return found.findings[0].number if found.findings else None


def test_as_it_was_written() -> None:
    found = looked_at(LINES)
    assert (found.sound, found.entries, found.signed, found.blocks) == (True, SIGNED + UNSIGNED, SIGNED, len(COUNTS))


@settings(max_examples=600)
@given(row=rows, place=st.integers(0, 1 << 20), byte=st.integers(0, 255))
def test_a_byte(row: int, place: int, byte: int) -> None:
    line = bytearray(LINES[row])
    place %= len(line)
    if line[place] == byte:
        return
    line[place] = byte
    found = looked_at([*LINES[:row], bytes(line), *LINES[row + 1 :]])
    assert first(found) == PLACES[row].first, found.findings


@given(row=st.integers(0, LAST - 1), byte=st.integers(0, 255).filter(lambda one: one != 10))
def test_the_end_of_a_line(row: int, byte: int) -> None:
    joined = LINES[row] + bytes((byte,)) + LINES[row + 1]
    assert first(looked_at([*LINES[:row], joined, *LINES[row + 2 :]])) == PLACES[row].first


@pytest.mark.parametrize("row", range(LAST + 1))
def test_a_line_that_is_gone(row: int) -> None:
    found = looked_at([*LINES[:row], *LINES[row + 1 :]])
    if row == LAST:
        assert found.sound
        assert found.unsigned == UNSIGNED - 1
        return
    last_block = max(place for place, one in enumerate(PLACES) if one.is_block)
    if row == last_block:  # no block is left that would say so: the two entries beside it do not follow
        assert first(found) in (PLACES[row].entries, PLACES[row].first)
    else:
        assert first(found) == PLACES[row].first
        if row:
            assert found.findings[0].what is (Wrong.BLOCK_MISSING if PLACES[row].is_block else Wrong.MISSING)


@given(rows=st.lists(rows, min_size=2, max_size=2, unique=True).map(sorted))
def test_two_lines_that_are_swapped(rows: list[int]) -> None:
    one, other = rows
    lines = list(LINES)
    lines[one], lines[other] = lines[other], lines[one]
    found = looked_at(lines)
    assert first(found) == PLACES[one].first, found.findings


@given(row=rows, to=st.integers(1, LAST + 1))
def test_a_line_that_stands_twice(row: int, to: int) -> None:
    found = looked_at([*LINES[:to], LINES[row], *LINES[to:]])
    before = PLACES[to - 1].entries
    itself = to <= row and not PLACES[row].is_block and all(PLACES[one].is_block for one in range(to, row))
    # A copy before itself is the same as one behind itself: that is the one too many.
    assert first(found) == before + (2 if itself else 1), found.findings


@given(cut=st.integers(1, 1 << 20))
def test_an_end_that_is_cut_off_is_known_to_an_anchor(cut: int) -> None:
    whole = b"\n".join(LINES) + b"\n"
    data = whole[: len(whole) - 1 - cut % (len(whole) - len(LINES[0]) - 2)]
    last = chain.parse_statement(chain.decoded(LINES[-1 - UNSIGNED]) or {})
    found = verify(data, about=ABOUT, keys=[trails.key()])
    assert found.sound
    known = verify(data, about=ABOUT, keys=[trails.key()], anchors=[last], codes=[chain.Code.parse(last.code)])
    left = data.count(b"\n")
    entries = PLACES[left - 1].entries
    assert known.entries == entries
    if entries >= SIGNED:
        assert known.sound
        assert known.anchored == SIGNED
    else:
        assert {(one.what, one.number) for one in known.findings} == {(Wrong.CUT_OFF, entries + 1)}


# -- somebody who makes all hashes anew, and has no key


def rebuilt(lines: list[dict[str, object]]) -> list[bytes]:
    """The lines with their numbers and hashes made anew, the blocks as they were signed."""
    out: list[bytes] = []
    number, last = 0, None
    for record in lines:
        told = {name: value for name, value in record.items() if name not in ("hash", "previous", "seq")}
        if "statement" not in told and "format" not in told:
            number += 1
            told["seq"] = number
        line, last = chain.sealed(told, last)  # type: ignore[arg-type]  # JSON
        out.append(line)
    return out


def _altered(records: list[dict[str, object]], row: int, other: int) -> None:
    records[row] = {**records[row], "what": "rejected"}


def _taken_out(records: list[dict[str, object]], row: int, other: int) -> None:
    del records[row]


def _put_in(records: list[dict[str, object]], row: int, other: int) -> None:
    records.insert(row, {**records[row], "dossier": "D99999"})


def _repeated(records: list[dict[str, object]], row: int, other: int) -> None:
    records.insert(row, records[other])


def _swapped(records: list[dict[str, object]], row: int, other: int) -> None:
    records[row], records[other] = records[other], records[row]


FORGERIES = {
    Wrong.ALTERED: _altered, Wrong.MISSING: _taken_out, Wrong.INSERTED: _put_in, Wrong.REPEATED: _repeated,
    Wrong.REORDERED: _swapped,
}  # fmt: skip


@pytest.mark.parametrize(("what", "forge"), FORGERIES.items(), ids=map(str, FORGERIES))
@pytest.mark.parametrize("seed", range(40))
def test_a_chain_that_is_made_anew(
    what: Wrong, forge: Callable[[list[dict[str, object]], int, int], None], seed: int
) -> None:
    entries = [row for row, one in enumerate(PLACES) if row and not one.is_block and one.entries <= SIGNED]
    row, other = sorted(random.Random(seed).sample(entries, 2))
    records = [dict(chain.decoded(line) or {}) for line in LINES]
    forge(records, row, other)
    found = looked_at(rebuilt(records))
    assert (found.findings[0].what, found.findings[0].number) == (what, PLACES[row].entries), found.findings


def test_what_no_block_covers_can_be_made_anew_and_only_anchors_tell() -> None:
    """Stated in docs/explanation/audit.md: what stands behind the last block is held by whoever may write the file."""
    records = [dict(chain.decoded(line) or {}) for line in LINES]
    _altered(records, LAST, LAST)
    lines = rebuilt(records)
    assert looked_at(lines).sound
    assert looked_at(lines).unsigned == UNSIGNED
    code = chain.Code.parse(looked_at(LINES).code or "")
    found = verify(b"\n".join(lines) + b"\n", keys=[trails.key()], codes=[code])
    assert [(one.what, one.number) for one in found.findings] == [(Wrong.REWRITTEN, SIGNED + UNSIGNED)]
