"""Which tiles a join is made of: pure, so that the same shards always give the same tasks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from cccd_core.dedup.search.task import Rows, Tile

COMPARED_TILE_PEOPLE: Final = 256  # of each side where everyone is compared: some seconds of work
SCREENED_TILE_PEOPLE: Final = 1 << 16  # where codes come first


@dataclass(frozen=True, slots=True)
class Piece:
    """A shard of one side of a join: its file, what says that it is that one, how many rows it has, and which of them
    no longer count."""

    side: int
    file: str
    mark: str
    people: int
    gone: tuple[int, ...] = ()


def tile_people(screened: bool) -> int:
    """How many rows of each side a tile has at most."""
    return SCREENED_TILE_PEOPLE if screened else COMPARED_TILE_PEOPLE


def tiles(pieces: Sequence[Piece], people: int) -> Iterator[Tile]:
    """The tiles of a join, of at most so many rows each way.

    Of one gallery (side 0 alone) every part with itself and with those before it; of two every part of the first with
    every part of the second. Tiles of one part follow each other, so that what is open stays of use.
    """
    first = [rows for piece in pieces if piece.side == 0 for rows in _parts(piece, people)]
    second = [rows for piece in pieces if piece.side == 1 for rows in _parts(piece, people)]
    for place, rows in enumerate(second or first):
        for other in first if second else first[: place + 1]:
            yield Tile(other, rows)


def count_of_tiles(pieces: Sequence[Piece], people: int) -> int:
    """How many they are."""
    counts = [sum(-(-piece.people // people) for piece in pieces if piece.side == side) for side in (0, 1)]
    return counts[0] * counts[1] if any(piece.side == 1 for piece in pieces) else counts[0] * (counts[0] + 1) // 2


def _parts(piece: Piece, people: int) -> Iterator[Rows]:
    for start in range(0, piece.people, people):
        yield Rows(piece.side, piece.file, piece.mark, start, min(start + people, piece.people))
