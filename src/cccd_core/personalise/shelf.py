"""The folder in which software cards lie, each a file `<serial>.card`."""

from __future__ import annotations

import re
import secrets
import threading
import time
from collections import deque
from pathlib import Path

from cccd_core.card.card_keys import CardMasterKey
from cccd_core.card.virtual import VirtualCard
from cccd_core.errors import BusyError, DamagedError
from cccd_core.personalise.feeder import CardDamagedError
from cccd_core.personalise.journal import Journal
from cccd_core.storage.faults import file_error
from cccd_core.storage.log import OtherVersionError

_SERIAL_BYTES = 8
OPEN_PATIENCE_S = 20.0  # a process that was killed may hold its card a moment longer
_NAME = re.compile(r"([0-9A-F]{2,64})\.card")


class CardShelf:
    """Finds software cards and makes blank ones; safe to use from several threads.

    A card that was made and never bound (the process died in between) is handed out first.
    """

    def __init__(self, folder: Path, card_master_key: CardMasterKey, journal: Journal) -> None:
        self.folder = folder
        self._card_master_key = card_master_key
        self._journal = journal
        self._lock = threading.Lock()
        try:
            folder.mkdir(parents=True, exist_ok=True)
            names = sorted(path.name for path in folder.iterdir())
        except OSError as error:
            raise file_error("the folder of cards cannot be used", error, path=str(folder)) from None
        serials = [match[1] for match in map(_NAME.fullmatch, names) if match]
        self._blanks = deque(serial for serial in serials if journal.card(serial) is None)

    def path(self, serial: str) -> Path:
        """The file of the card with this serial, which may not exist."""
        return self.folder / f"{serial}.card"

    def blank(self) -> str:
        """The serial of a card not yet bound to anyone; made, if none lies about. Raises FileError."""
        with self._lock:
            while self._blanks:
                serial = self._blanks.popleft()
                if self.is_free(serial) and self.path(serial).exists():
                    return serial
        number = secrets.token_bytes(_SERIAL_BYTES)
        name = number.hex().upper()
        VirtualCard.create(self.path(name), serial=number, master_key=self._card_master_key).close()
        return name

    def is_free(self, serial: str) -> bool:
        """Whether the journal has never seen this card."""
        return self._journal.card(serial) is None

    def put_back(self, serial: str) -> None:
        """A card that was taken and not bound may be handed out again."""
        if self.is_free(serial):
            with self._lock:
                self._blanks.append(serial)

    def open(self, serial: str) -> VirtualCard | None:
        """The card of this serial; None where its file is not here.

        Raises BusyError when it stays in other hands, CardDamagedError when its file is damaged,
        OtherVersionError, FileError.
        """
        path = self.path(serial)
        return open_card(path) if path.exists() else None


def open_card(path: Path, patience_s: float = OPEN_PATIENCE_S) -> VirtualCard:
    """The software card of a file; a process that is just ending may hold it a moment longer, so this waits for it.

    Raises BusyError when it stays in other hands, CardDamagedError when its file is damaged,
    OtherVersionError, FileError.
    """
    deadline = time.monotonic() + patience_s
    while True:
        try:
            return VirtualCard.open(path)
        except OtherVersionError:
            raise  # the program is the wrong one, not the card
        except DamagedError as error:
            raise CardDamagedError(error.message, **error.facts) from None
        except BusyError:
            if time.monotonic() > deadline or not path.exists():
                raise
            time.sleep(0.02)
