"""One shard of an index: the codes and prepared fingers of up to 2^17 people, written once, mapped, read-only."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from cccd_core.dedup.blocks import Block
from cccd_core.dedup.index.packing import fingers_of, unpack
from cccd_core.dedup.person import MAX_FINGERS
from cccd_core.errors import DamagedError, Fact, FormatError, ParameterError
from cccd_core.matching.prepared import PreparedGallery
from cccd_core.plain import decode, encode_record
from cccd_core.storage.block_file import BlockFile, Damage
from cccd_core.storage.block_layout import BlockKind, Section
from cccd_core.storage.cipher import Cipher

KIND: Final = BlockKind(b"CCCDSHRD", 1, "shard of an index")
SHARD_PEOPLE: Final = 1 << 17
SEQUENCES, PRESENT, BOUNDS, FINGERS, LOOSE = "sequence", "present", "bounds", "fingers", "loose"


@dataclass(frozen=True, slots=True)
class Column:
    """One kind of code, and how many bytes a finger has."""

    name: str
    bytes_per_finger: int

    @property
    def placed(self) -> str:
        """The section of the fingers of known position."""
        return f"code {self.name}"

    @property
    def unplaced(self) -> str:
        """The section of the others."""
        return f"loose {self.name}"


@dataclass(frozen=True, slots=True)
class ShardFacts:
    """What a shard says of itself.

    `gallery`: whose people they are; `preparation`, `coder`: digests of what made fingers and codes of templates.
    """

    gallery: str
    preparation: str
    coder: str
    columns: tuple[Column, ...]
    people: int
    loose: int


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class ShardBlock:
    """The prepared fingers of some rows of a shard, in the order of `dedup.blocks.Block`: by position, then person.

    `sequences` uint64[people] says who they are; the rest is as in `Block`, which it becomes by `block`.
    """

    sequences: NDArray[np.uint64]
    packed: PreparedGallery = field(repr=False)
    person: NDArray[np.int64]
    slot: NDArray[np.int64]
    labels: tuple[tuple[int, ...], ...]
    bounds: NDArray[np.int64]

    def block(self, person_ids: Sequence[str], *, ordered: bool = False) -> Block[PreparedGallery]:
        """The same for the stages of a search, by the identifiers of these people.

        `ordered`: their places are their sequences, as where a gallery is searched within itself; else they are earlier
        than every probe.
        """
        places = self.sequences.astype(np.int64) if ordered else np.full(len(self.sequences), -1)
        return Block(
            "gallery", tuple(person_ids), places, self.packed, self.person, self.slot, self.labels, self.bounds
        )  # fmt: skip


class Shard:
    """A shard, open. Memory: 10 bytes a person and 24 of tables; the rest is mapped, or decrypted when asked for.

    `sequences` uint64[people], ascending; `present` uint16[people], bit p - 1 for a finger of position p. All arrays
    are read-only. DamagedError (`path`, `section`, `offset`) from every method for what was altered.
    """

    def __init__(self, file: BlockFile) -> None:
        """For `open`, which is the door."""
        self.file = file
        self.facts = _facts(file)
        self.people = self.facts.people
        self.sequences: NDArray[np.uint64] = file.whole(SEQUENCES).view("<u8")
        self.present: NDArray[np.uint16] = file.whole(PRESENT).view("<u2")
        if np.any(self.sequences[1:] <= self.sequences[:-1]) or np.any(self.present >> MAX_FINGERS):
            raise self._damaged("the people of a shard are in no order", SEQUENCES)
        file.bounds(FINGERS)

    @classmethod
    def open(cls, path: Path, cipher: Cipher | None = None) -> Shard:
        """Opens a shard: header, tables and the list of people are checked, the rest when it is asked for.

        FileError where it cannot be read, UnavailableError where it is encrypted by a key that is not there,
        DamagedError where it is none, of another version, or altered.
        """
        return cls(BlockFile.open(path, KIND, cipher))

    def codes(self, column: str) -> NDArray[np.uint8]:
        """The codes of the placed fingers: uint8[people, 10, bytes], row p - 1 of position p, zeros where it is absent.

        C-contiguous from an address that 64 divides. Checked, or decrypted, the first time.
        """
        one = self._named(column)
        return self.file.whole(one.placed).reshape(self.people, MAX_FINGERS, one.bytes_per_finger)

    def codes_of(self, column: str, rows: NDArray[np.int64]) -> NDArray[np.uint8]:
        """The codes of the placed fingers of some rows: uint8[rows, 10, bytes], a copy.

        Costs no more than those rows: where few are looked at, the rest need not be checked or be in memory.
        """
        one = self._named(column)
        found = self.file.rows(one.placed, MAX_FINGERS * one.bytes_per_finger, rows)
        return found.reshape(len(rows), MAX_FINGERS, one.bytes_per_finger)

    def unplaced_codes(self, column: str) -> NDArray[np.uint8]:
        """The codes of the fingers of unknown position: uint8[unplaced, bytes]; `unplaced` says whose they are."""
        one = self._named(column)
        found = self.file.whole(one.unplaced)
        return found.reshape(self.facts.loose, one.bytes_per_finger)

    @property
    def unplaced(self) -> NDArray[np.uint32]:
        """The row of whom each unplaced finger is, ascending: uint32[unplaced]."""
        found: NDArray[np.uint32] = self.file.whole(LOOSE).view("<u4")
        if len(found) and (np.any(found[1:] < found[:-1]) or int(found[-1]) >= self.people):
            raise self._damaged("unplaced fingers belong to nobody", LOOSE)
        return found

    def run(self, row: int) -> bytes:
        """The prepared fingers of one row as `packing.pack` made them."""
        return bytes(self.file.block(FINGERS, row))

    def block(
        self,
        rows: NDArray[np.int64] | slice[int | None, int | None, int | None],
        *,
        least_minutiae: int = 0,
        positions: Sequence[int] | None = None,
    ) -> ShardBlock:
        """The prepared fingers of these rows (numbers or a slice), ready to be scored.

        Fingers of fewer minutiae are left out, and those of other positions where some are asked for. Costs a check of
        each row when it is first touched, or its decryption each time, and its unpacking. ParameterError for a row
        that is not there.
        """
        wanted = np.arange(*rows.indices(self.people)) if isinstance(rows, slice) else np.asarray(rows, np.int64)
        return block_of([(self, wanted)], least_minutiae=least_minutiae, positions=positions)

    def damages(self) -> Iterator[tuple[Damage, int]]:
        """Reads all of the shard again; every damaged block, and how many people's data are in it."""
        for name, placed in self.file.sections.items():
            a_person = placed.size_bytes / self.people if self.people else 0.0
            for one in self.file.damages(name):
                many = 1 if name == FINGERS else math.ceil(placed.block_bytes / a_person) if a_person else 0
                yield one, min(many, self.people)

    def _named(self, column: str) -> Column:
        for one in self.facts.columns:
            if one.name == column:
                return one
        raise ParameterError("the index has no codes of this name", name=column)

    def damaged_fingers(self, row: int) -> DamagedError:
        """What is said of a row whose prepared fingers are none."""
        return self._damaged("prepared fingers are none", FINGERS, row=row)

    def _damaged(self, message: str, section: str, **facts: Fact) -> DamagedError:
        offset = self.file.sections[section].offset
        return DamagedError(message, path=str(self.file.path), section=section, offset=offset, **facts)


def block_of(
    chosen: Sequence[tuple[Shard, NDArray[np.int64]]],
    *,
    least_minutiae: int = 0,
    positions: Sequence[int] | None = None,
) -> ShardBlock:
    """The prepared fingers of rows of one shard, or of several one after the other, as `Shard.block`.

    Of several the packed fingers are copied first, 16 kB a person.
    """
    found = [shard.file.blocks(FINGERS, rows) for shard, rows in chosen]
    data, starts, stops = found[0] if len(found) == 1 else _beside(found)
    numbers = np.cumsum([0, *(len(rows) for _, rows in chosen)])
    try:
        fingers = fingers_of(data, starts, stops, least_minutiae=least_minutiae, positions=positions)
    except FormatError as error:
        bad = int(error.facts.get("run") or 0)
        number = int(np.searchsorted(numbers, bad, side="right")) - 1
        shard, rows = chosen[number]
        raise shard.damaged_fingers(int(rows[bad - numbers[number]])) from None
    run, position, people = fingers.run, fingers.position, int(numbers[-1])
    first = np.searchsorted(run, np.arange(people + 1))
    slot = np.arange(len(run)) - first[run]
    ends, every = first.tolist(), position.tolist()
    labels = tuple(tuple(every[ends[i] : ends[i + 1]]) for i in range(people))
    order = np.argsort(position, kind="stable")
    bounds = np.searchsorted(position[order], np.arange(MAX_FINGERS + 2))
    sequences = np.concatenate([np.zeros(0, np.uint64), *(shard.sequences[rows] for shard, rows in chosen)])
    return ShardBlock(sequences, unpack(fingers, order), run[order], slot[order], labels, bounds)


_Runs = tuple[NDArray[np.uint8], NDArray[np.int64], NDArray[np.int64]]


def _beside(found: Sequence[_Runs]) -> _Runs:
    """Runs that lie in several arrays copied into one."""
    runs = [
        data[start:stop]
        for data, starts, stops in found
        for start, stop in zip(starts.tolist(), stops.tolist(), strict=True)
    ]
    ends = np.zeros(len(runs) + 1, np.int64)
    np.cumsum([len(run) for run in runs], out=ends[1:])
    return np.concatenate([np.zeros(0, np.uint8), *runs]), ends[:-1], ends[1:]


def _facts(file: BlockFile) -> ShardFacts:
    """What a shard says of itself, and that its sections are of the sizes that follow. DamagedError."""
    try:
        facts = decode(ShardFacts, json.loads(file.facts))
    except (ValueError, RecursionError):
        raise DamagedError("a shard says nothing of itself", path=str(file.path), section="facts", offset=72) from None
    sizes = {name: placed.size_bytes for name, placed in file.sections.items()}
    fingers = sizes.get(FINGERS, 0)
    counted = 0 <= facts.people <= SHARD_PEOPLE and 0 <= facts.loose <= MAX_FINGERS * SHARD_PEOPLE
    if not counted or sizes != _sizes(facts, fingers) or file.sections[FINGERS].blocks != facts.people:
        raise DamagedError(
            "the sections of a shard do not fit its people", path=str(file.path), section="sections", offset=72
        )
    return facts


def _sizes(facts: ShardFacts, fingers: int) -> dict[str, int]:
    """How large each section is, where the prepared fingers are of this size."""
    sizes = {SEQUENCES: 8 * facts.people, PRESENT: 2 * facts.people, LOOSE: 4 * facts.loose}
    for column in facts.columns:
        sizes[column.placed] = MAX_FINGERS * facts.people * column.bytes_per_finger
        sizes[column.unplaced] = facts.loose * column.bytes_per_finger
    return sizes | {BOUNDS: 8 * (facts.people + 1), FINGERS: fingers}


def sections_of(facts: ShardFacts, fingers: int) -> list[Section]:
    """The sections of a shard in the order in which they are written."""
    sizes = _sizes(facts, fingers)
    found = [Section(name, sizes[name]) for name in sizes if name != FINGERS]
    return [*found, Section(FINGERS, fingers, bounded_by=BOUNDS, blocks=facts.people)]


def facts_bytes(facts: ShardFacts) -> bytes:
    """How the facts stand in the file."""
    return json.dumps(encode_record(facts), sort_keys=True, separators=(",", ":")).encode()
