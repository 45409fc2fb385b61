"""The files of an eMRTD chip and the image of a whole chip.

Doc 9303-10 clause 3 (file structure), tables 3 to 6; Doc 9303-11 clause 9.2 (EF.CardAccess, EF.CardSecurity).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType

from cccd_core.errors import ParameterError

EMRTD_APPLICATION_ID = bytes.fromhex("A0000002471001")
MAX_FILE_BYTES = 65_535


class ElementaryFile(Enum):
    """One elementary file: `(file identifier, short file identifier, tag of its content, lies in the application)`."""

    EF_CARDACCESS = (0x011C, 0x1C, 0x31, False)
    EF_CARDSECURITY = (0x011D, 0x1D, 0x30, False)
    EF_COM = (0x011E, 0x1E, 0x60, True)
    EF_SOD = (0x011D, 0x1D, 0x77, True)
    DG1 = (0x0101, 0x01, 0x61, True)
    DG2 = (0x0102, 0x02, 0x75, True)
    DG3 = (0x0103, 0x03, 0x63, True)
    DG4 = (0x0104, 0x04, 0x76, True)
    DG5 = (0x0105, 0x05, 0x65, True)
    DG6 = (0x0106, 0x06, 0x66, True)
    DG7 = (0x0107, 0x07, 0x67, True)
    DG8 = (0x0108, 0x08, 0x68, True)
    DG9 = (0x0109, 0x09, 0x69, True)
    DG10 = (0x010A, 0x0A, 0x6A, True)
    DG11 = (0x010B, 0x0B, 0x6B, True)
    DG12 = (0x010C, 0x0C, 0x6C, True)
    DG13 = (0x010D, 0x0D, 0x6D, True)
    DG14 = (0x010E, 0x0E, 0x6E, True)
    DG15 = (0x010F, 0x0F, 0x6F, True)
    DG16 = (0x0110, 0x10, 0x70, True)

    @property
    def fid(self) -> int:
        """File identifier, two bytes."""
        return self.value[0]

    @property
    def sfi(self) -> int:
        """Short file identifier, five bits."""
        return self.value[1]

    @property
    def tag(self) -> int:
        """Tag of the one data object that the file holds."""
        return self.value[2]

    @property
    def in_application(self) -> bool:
        """Whether the file lies in the eMRTD application; else it lies in the master file."""
        return self.value[3]

    @property
    def data_group(self) -> int | None:
        """1 to 16 for a data group, else None."""
        return int(self.name[2:]) if self.name.startswith("DG") else None

    @property
    def label(self) -> str:
        """The name in Doc 9303's spelling: `EF.COM`, `DG1`."""
        special = {"EF_CARDACCESS": "EF.CardAccess", "EF_CARDSECURITY": "EF.CardSecurity"}
        return special.get(self.name, self.name.replace("_", "."))

    @classmethod
    def for_data_group(cls, number: int) -> ElementaryFile:
        """The file of data group 1 to 16; ParameterError for another number."""
        try:
            return cls[f"DG{number}"]
        except KeyError:
            raise ParameterError("a data group has a number from 1 to 16", number=number) from None

    @classmethod
    def for_tag(cls, tag: int) -> ElementaryFile | None:
        """The application's file whose content has `tag`, None for an unknown one."""
        return _BY_TAG.get(tag)


_BY_TAG = {file.tag: file for file in ElementaryFile if file.in_application}


@dataclass(frozen=True, slots=True, repr=False)
class ChipImage:
    """What a finished chip holds: the content of each file, in the order in which it is written.

    `files` is copied and read-only. ParameterError for a file that is empty or above 65,535 bytes.
    """

    files: Mapping[ElementaryFile, bytes]

    def __post_init__(self) -> None:
        for file, content in self.files.items():
            if not 0 < len(content) <= MAX_FILE_BYTES:
                raise ParameterError("a chip file has an impossible size", file=file.label, length=len(content))
        object.__setattr__(self, "files", MappingProxyType({f: bytes(c) for f, c in self.files.items()}))

    def __getitem__(self, file: ElementaryFile) -> bytes:
        return self.files[file]

    def __iter__(self) -> Iterator[ElementaryFile]:
        return iter(self.files)

    def __len__(self) -> int:
        return len(self.files)

    def __reduce__(self) -> tuple[object, ...]:
        return (ChipImage, (dict(self.files),))

    @property
    def data_groups(self) -> dict[int, bytes]:
        """The data groups by number."""
        return {f.data_group: c for f, c in self.files.items() if f.data_group is not None}

    @property
    def size_bytes(self) -> int:
        """Sum of the sizes of all files."""
        return sum(map(len, self.files.values()))

    @property
    def digest(self) -> str:
        """`sha256:` over identifier, length and content of each file in ascending order of identifiers."""
        total = hashlib.sha256()
        for file in sorted(self.files, key=lambda f: (f.in_application, f.fid)):
            content = self.files[file]
            total.update(bytes((file.in_application,)) + file.fid.to_bytes(2, "big") + len(content).to_bytes(4, "big"))
            total.update(content)
        return f"sha256:{total.hexdigest()}"
