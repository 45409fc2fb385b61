"""Which stream of random numbers is whose: a word of 64 bits for a seed and the numbers of what is drawn."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cccd_core.errors import ParameterError

MOST = 2**63 - 1

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_FIRST, _SECOND = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)


def streams(seed: int, *numbers: ArrayLike) -> NDArray[np.uint64]:
    """One odd word for the seed and each row of these numbers, which are broadcast: uint64, of one dimension.

    SplitMix64 (G. L. Steele et al., Fast splittable pseudorandom number generators, 2014) of one number after the
    other. ParameterError for what is not 0 to 2**63 - 1.
    """
    if not 0 <= seed <= MOST:
        raise ParameterError("a seed is 0 to 2**63 - 1")
    columns = np.broadcast_arrays(*(np.atleast_1d(np.asarray(number, np.int64)) for number in numbers))
    if any((column < 0).any() for column in columns):
        raise ParameterError("what is drawn is numbered from 0")
    word = _mixed(np.full(columns[0].shape, seed, np.uint64))
    for column in columns:
        word = _mixed(word ^ column.astype(np.uint64))
    return word | np.uint64(1)  # a generator's state must not be 0


def _mixed(words: NDArray[np.uint64]) -> NDArray[np.uint64]:
    words = words + _GOLDEN
    words = (words ^ (words >> np.uint64(30))) * _FIRST
    words = (words ^ (words >> np.uint64(27))) * _SECOND
    return words ^ (words >> np.uint64(31))
