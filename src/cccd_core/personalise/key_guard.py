"""Guards the stock against the wrong master key, which would use it up and wear out every card's retry counter."""

from __future__ import annotations

import threading

from cccd_core.errors import AuthenticationError


class KeyGuard:
    """Counts cards in a row that refuse the key, over all lanes of a station."""

    def __init__(self, refusals_before_stop: int) -> None:
        self._most = refusals_before_stop
        self._lock = threading.Lock()
        self._in_a_row = 0

    def refused(self) -> None:
        """A card refused the key."""
        with self._lock:
            self._in_a_row += 1

    def proved(self) -> None:
        """A card and the station proved the same key to each other."""
        with self._lock:
            self._in_a_row = 0

    def demand(self) -> None:
        """AuthenticationError when so many cards in a row refused the key that it must be the key."""
        with self._lock:
            refused = self._in_a_row
        if refused >= self._most:
            raise AuthenticationError("several cards in a row refuse the key: is this their master key?", cards=refused)
