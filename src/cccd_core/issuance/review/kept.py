"""What shows people to those who decide: the dossiers of an open case, encrypted, and forgotten once it is settled.

A file is `review/<case>/<place>.sealed` in the gallery's folder, for its owner alone: AES-256-GCM of the dossier's
text, templates and portrait, bound to its case and place; place 0 is the dossier in review, the others are those of its
batch whom it may be, as the case has them.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final

from cccd_core.errors import DamagedError
from cccd_core.issuance.review.store import Cases
from cccd_core.issuance.runs.content import Content, pack, unpack
from cccd_core.storage import whole_file
from cccd_core.storage.cipher import SEALED_RECORD, Cipher
from cccd_core.storage.faults import file_error

FOLDER: Final = "review"
_TABLE: Final = b"dossiers of cases in review"
_ENDING: Final = ".sealed"
_MOST_BYTES: Final = 64 << 20


class KeptDossiers:
    """The kept dossiers beside one gallery, under the key of `cipher`; without a key they can be forgotten, and no
    more. Errors as `whole_file`."""

    def __init__(self, gallery: Path, cipher: Cipher | None) -> None:
        self._folder = gallery / FOLDER
        self._cipher = None if cipher is None else cipher.of_records(_TABLE)

    @property
    def keeps(self) -> bool:
        """Whether there is a key to keep anything by."""
        return self._cipher is not None

    def put(self, case_id: str, dossiers: Mapping[int, Content]) -> None:
        """Keeps these dossiers of a case, by place, in place of what was there; nothing where there is no key."""
        if self._cipher is None:
            return
        for place, content in sorted(dossiers.items()):
            sealed = self._cipher.seal(_place(case_id, place), pack(content))
            whole_file.write(self._path(case_id, place), sealed, private=True, folders=True)

    def get(self, case_id: str, place: int = 0) -> Content | None:
        """A dossier of a case; None where none is kept, or there is no key. DamagedError for what was altered or is
        another's, UnavailableError where the key is not the one."""
        path = self._path(case_id, place)
        if self._cipher is None or not path.exists():
            return None
        sealed = whole_file.read(path, "kept dossier", most=_MOST_BYTES)
        data = self._cipher.unseal(_place(case_id, place), sealed) if sealed.startswith(SEALED_RECORD) else None
        if data is None:
            raise DamagedError("a kept dossier was altered, or is another's", path=str(path))
        return unpack(data, path)

    def has(self, case_id: str) -> bool:
        """Whether anything is kept of a case."""
        return self._path(case_id, 0).exists()

    def forget(self, case_id: str) -> None:
        """Takes away what is kept of a case."""
        folder = self._folder / case_id
        try:
            for path in folder.iterdir() if folder.exists() else ():
                path.unlink(missing_ok=True)
            with suppress(FileNotFoundError):
                folder.rmdir()
        except OSError as error:
            raise file_error("a kept dossier cannot be taken away", error, path=str(folder)) from None

    def cases(self) -> list[str]:
        """The cases of which anything is kept."""
        try:
            return sorted(path.name for path in self._folder.iterdir()) if self._folder.exists() else []
        except OSError as error:
            raise file_error("the kept dossiers cannot be listed", error, path=str(self._folder)) from None

    def _path(self, case_id: str, place: int) -> Path:
        return self._folder / case_id / f"{place}{_ENDING}"


def forget_settled(kept: KeptDossiers, cases: Cases) -> None:
    """Takes away what is kept of cases that nobody is to settle any more, or that were never opened by a run that was
    killed before."""
    found = kept.cases()
    waiting = cases.waiting(found) if found else set()
    for case_id in found:
        if case_id not in waiting:
            kept.forget(case_id)


def _place(case_id: str, place: int) -> bytes:
    return f"{case_id}/{place}".encode()
