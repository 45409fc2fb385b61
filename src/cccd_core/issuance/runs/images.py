"""The finger images of a run that are kept by policy: OUT/images, each encrypted, for whoever has the key.

A file is `images/<dossier>/<position>.sealed`: AES-256-GCM of the image as it came, bound to its dossier and position.
Written before the dossier counts as checked, whole or not at all; a check that is done again writes them again.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from cccd_core.errors import DamagedError, FileError, ParameterError
from cccd_core.issuance.dossiers.dossier import valid_id
from cccd_core.issuance.dossiers.raw import place_name
from cccd_core.storage import whole_file
from cccd_core.storage.cipher import SEALED_RECORD, Cipher
from cccd_core.storage.faults import file_error
from cccd_core.templates.identify import signature_of

IMAGES_FOLDER: Final = "images"
_ENDINGS: Final = {
    "WSQ": "wsq", "PNG": "png", "JPEG": "jpg", "JPEG 2000": "jp2", "JPEG 2000 codestream": "j2k", "TIFF": "tif",
}  # fmt: skip
_TABLE: Final = b"finger images of a run"
_ENDING: Final = ".sealed"
_MOST_BYTES: Final = 64 << 20
_NAME: Final = re.compile(r"([0-9]{1,2})(?:-([0-9]{1,3}))?")


@dataclass(frozen=True, slots=True)
class KeptImage:
    """One image as it came. `place`: as in `RawDossier`."""

    dossier_id: str
    place: int
    data: bytes = field(repr=False)

    @property
    def ending(self) -> str:
        """The ending of a file of its kind, without the dot."""
        kind = (signature_of(self.data[:16]) or "").rpartition(", ")[2]
        return _ENDINGS.get(kind, "bmp" if self.data.startswith(b"BM") else "img")


class KeptImages:
    """The images of one OUT folder, under the key of `cipher`. Errors as `whole_file`."""

    def __init__(self, out: Path, cipher: Cipher) -> None:
        self._folder = out / IMAGES_FOLDER
        self._cipher = cipher.of_records(_TABLE)

    def put(self, dossier_id: str, images: Mapping[int, bytes]) -> None:
        """Keeps these images of a dossier, in place of what was there of the same fingers."""
        for place, data in sorted(images.items()):
            sealed = self._cipher.seal(_sealed_for(dossier_id, place), data)
            path = self._folder / dossier_id / f"{place_name(place)}{_ENDING}"
            whole_file.write(path, sealed, private=True, folders=True)

    def read(self, dossier_id: str | None = None) -> Iterator[KeptImage]:
        """The images of a dossier, or of all, in order. FileError for a dossier of which there is none, DamagedError
        for what was altered or is another's, UnavailableError where the key is not the one."""
        if dossier_id is not None and not valid_id(dossier_id):
            raise ParameterError("no dossier has such an id")
        try:
            names = [dossier_id] if dossier_id is not None else sorted(path.name for path in self._folder.iterdir())
            found = [(name, sorted((self._folder / name).glob(f"*{_ENDING}"), key=_place)) for name in names]
        except OSError as error:
            raise file_error("the kept images cannot be listed", error, path=str(self._folder)) from None
        for name, paths in found:
            if dossier_id is not None and not paths:
                raise FileError("no image of this dossier is kept", path=str(self._folder / name))
            for path in paths:
                yield KeptImage(name, _place(path), self._open(name, path))

    def _open(self, dossier_id: str, path: Path) -> bytes:
        sealed = whole_file.read(path, "kept image", most=_MOST_BYTES)
        data = None
        if sealed.startswith(SEALED_RECORD):
            data = self._cipher.unseal(_sealed_for(dossier_id, _place(path)), sealed)
        if data is None:
            raise DamagedError("a kept image was altered, or is another finger's", path=str(path))
        return data


def _sealed_for(dossier_id: str, place: int) -> bytes:
    return f"{dossier_id}/{place}".encode()


def _place(path: Path) -> int:
    found = _NAME.fullmatch(path.name.removesuffix(_ENDING))
    return 0 if found is None else int(found[1]) or -int(found[2] or 0)
