"""Parts of galleries as a join meets them: people in order of their numbers, whose fingers are ready to be compared."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from cccd_core.dedup.index import Shard, ShardBlock
from cccd_core.dedup.search.coded import Coded, coded_rows
from cccd_core.dedup.search.task import Rows
from cccd_core.errors import DamagedError
from cccd_core.storage.cipher import Cipher

Places = NDArray[np.int64]

_OPEN_MOST: Final = 256  # shards that a process keeps open


class Part(Protocol):
    """Some people of a gallery, opened."""

    @property
    def key(self) -> str:
        """What says who they are, among all parts of a join."""

    @property
    def sequences(self) -> NDArray[np.int64]:
        """Their numbers, ascending; withdrawn people are not among them."""

    def block(self, people: Places, least_minutiae: int, positions: Sequence[int] | None = None) -> ShardBlock:
        """Of these (places in `sequences`, ascending) the fingers that have so many minutiae, at these positions if
        they are told."""

    def coded(self) -> Coded:
        """The codes of their fingers."""


class Opener(Protocol):
    """What opens parts; it can be pickled, and so sent to other processes."""

    def open(self, rows: Rows) -> Part:
        """The people of these rows. DamagedError where the file is not the one that they are rows of."""


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class ShardPart:
    """Rows of a shard: `rows` int64, ascending."""

    shard: Shard
    rows: Places

    @property
    def key(self) -> str:
        """What says who they are: the shard's mark, and which rows."""
        ends = (int(self.rows[0]), int(self.rows[-1])) if len(self.rows) else ()
        return f"{self.shard.file.mark} {ends}"

    @property
    def sequences(self) -> NDArray[np.int64]:
        """Their numbers, ascending."""
        return self.shard.sequences[self.rows].astype(np.int64)

    def first(self, people: int) -> ShardPart:
        """The first so many of them."""
        return ShardPart(self.shard, self.rows[:people])

    def block(self, people: Places, least_minutiae: int, positions: Sequence[int] | None = None) -> ShardBlock:
        """Of these (places in `sequences`, ascending) the fingers that have so many minutiae, at these positions if
        they are told."""
        return self.shard.block(self.rows[people], least_minutiae=least_minutiae, positions=positions)

    def coded(self) -> Coded:
        """The codes of their fingers."""
        return coded_rows(self.shard, self.rows)


@dataclass(frozen=True, slots=True)
class Side:
    """One gallery of a join: the folder of its shards, by their marks the rows that no longer count, and the cipher
    where it is encrypted."""

    folder: str
    gone: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    cipher: Cipher | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class ShardOpener:
    """Opens rows of the shards of one gallery, or of two."""

    sides: tuple[Side, ...]

    def open(self, rows: Rows) -> ShardPart:
        """The people of these rows who are still enrolled."""
        side = self.sides[rows.side]
        shard = _shard(side, rows)
        gone = np.array(side.gone.get(rows.mark, ()), np.int64)
        return ShardPart(shard, np.setdiff1d(np.arange(rows.start, rows.stop), gone, assume_unique=True))


_opened: OrderedDict[tuple[str, str], Shard] = OrderedDict()  # of this process, the one used last at the end


def _shard(side: Side, rows: Rows) -> Shard:
    """A shard, opened once in each process."""
    path = Path(side.folder) / rows.file
    key = (str(path), rows.mark)
    shard = _opened.pop(key, None)
    if shard is None:
        shard = Shard.open(path, side.cipher)
        if shard.file.mark != rows.mark or shard.people < rows.stop:
            raise DamagedError("not the shard that the join was planned for", path=str(path), section="header")
    _opened[key] = shard
    while len(_opened) > _OPEN_MOST:
        _opened.pop(next(iter(_opened)), None)
    return shard
