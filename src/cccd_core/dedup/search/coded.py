"""People as a first stage sees them: the codes of their fingers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cccd_core.dedup.codes.coder import BITS, COARSE
from cccd_core.dedup.codes.screen import FINGERS, People
from cccd_core.dedup.index import Shard

Places = NDArray[np.int64]
Loose = Mapping[str, NDArray[np.uint8]]  # by column, uint8[fingers, bytes]


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Coded:
    """Codes of the placed fingers of people, and of those of unknown position, with whose they are (places,
    ascending)."""

    people: People
    loose: Loose
    whose: Places

    def take(self, places: Places) -> Coded:
        """These people alone, ascending."""
        kept = np.flatnonzero(np.isin(self.whose, places)) if len(self.whose) else np.zeros(0, np.int64)
        loose = {name: codes[kept] for name, codes in self.loose.items()}
        return Coded(self.people.take(places), loose, np.searchsorted(places, self.whose[kept]))

    def loose_alone(self) -> People:
        """Each finger of unknown position as a person who has no other, at the first position."""
        laid = {}
        for name, codes in self.loose.items():
            laid[name] = np.zeros((len(codes), FINGERS, codes.shape[1]), np.uint8)
            laid[name][:, 0] = codes
        return People(laid, np.ones(len(self.whose), np.uint16))


def coded_rows(shard: Shard, rows: Places) -> Coded:
    """These rows of a shard, ascending; no copy where none between them is left out. ParameterError for a shard without
    codes."""
    if len(rows) and int(rows[-1]) - int(rows[0]) + 1 == len(rows):
        start, stop = int(rows[0]), int(rows[-1]) + 1
        columns = {name: shard.codes(name)[start:stop] for name in (BITS, COARSE)}
    else:
        columns = {name: shard.codes(name)[rows] for name in (BITS, COARSE)}
    owners = shard.unplaced.astype(np.int64)
    at = np.minimum(np.searchsorted(rows, owners), max(0, len(rows) - 1))
    kept = np.flatnonzero(rows[at] == owners) if len(rows) else np.zeros(0, np.int64)
    loose = {name: shard.unplaced_codes(name)[kept] for name in (BITS, COARSE)}
    return Coded(People(columns, shard.present[rows]), loose, np.searchsorted(rows, owners[kept]))
