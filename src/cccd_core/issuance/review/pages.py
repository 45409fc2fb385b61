"""The pages of all cases that are to be settled, in a folder."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from cccd_core.issuance.review.cases import Case
from cccd_core.issuance.review.gathered import Places, gather
from cccd_core.issuance.review.page import Asked, render
from cccd_core.storage import whole_file
from cccd_core.storage.faults import file_error


def page_of(case: Case, places: Places, asked: Asked) -> bytes:
    """The page of one case. Errors as `gather`."""
    return render(gather(case, places), asked).encode()


def write_pages(cases: Iterable[Case], places: Places, asked: Asked, folder: Path) -> list[Path]:
    """Writes the page of each case that is to be settled, for its owner alone, and takes away that of each that is
    settled, or whose dossier was withdrawn or cancelled, which nobody needs any more; the paths of those written.
    FileError, and errors as `gather`."""
    written: list[Path] = []
    for case in cases:
        path = folder / f"{case.case_id}.html"
        if not case.waits:
            try:
                path.unlink(missing_ok=True)
            except OSError as error:
                raise file_error("the page of a settled case cannot be taken away", error, path=str(path)) from None
        else:
            whole_file.write(path, page_of(case, places, asked), private=True, folders=True)
            written.append(path)
    return written
