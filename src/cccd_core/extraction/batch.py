"""Many images to template files: names kept, threads over images, begun again where it stopped."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from cccd_core.errors import CccdError, DiskFullError, FileError, FormatError, ParameterError
from cccd_core.extraction.extractor import Extraction, Extractor
from cccd_core.extraction.quality import Quality
from cccd_core.extraction.reader import ImageReader
from cccd_core.progress import Progress
from cccd_core.storage import whole_file
from cccd_core.storage.faults import file_error
from cccd_core.templates import FORMATS, write
from cccd_core.templates.beside import MAX_IMAGE_BYTES, PRINTS_HEAD_BYTES, prints_instead
from cccd_core.templates.nist_file import begins
from cccd_core.words import Said, Word

ENDINGS = frozenset({".wsq", ".png", ".tif", ".tiff", ".bmp", ".jp2", ".j2k", ".jpg", ".jpeg"})
RAW_ENDING = ".raw"


@dataclass(frozen=True, slots=True)
class Wanted:
    """How images become files: their format and its ending, what images do not state, and whether all are made anew."""

    format: str = "iso-2005"
    dpi: float | None = None
    raw_size: tuple[int, int] | None = None  # width and height
    again: bool = False
    position: int = 0  # which finger it is; of a file of several prints the one that is meant

    @property
    def ending(self) -> str:
        """Of the files that are written."""
        return {"xyt": ".xyt"}.get(self.format, ".an2" if self.format.startswith("nist") else ".fmr")


Examine: TypeAlias = Callable[[Extraction], Sequence[Said[Word]]]
"""What is doubted of an image and its minutiae, as `intake.examine_extraction` says it."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one image: its file, minutiae, quality, and what is doubted of it where
    that was asked; or why there is none. `kept`: the file was there."""

    source: Path
    target: Path
    minutiae: int = 0
    kept: bool = False
    resampled: bool = False
    inverted: bool = False
    quality: Quality | None = None
    doubts: tuple[Said[Word], ...] = ()
    error: CccdError | None = None


def found(sources: Sequence[Path], raw: bool) -> list[Path]:
    """The files that are named, and the images in the folders that are, by name: ANSI/NIST-ITL files, too, where prints
    are in them and no minutiae. FileError for what is not there and for a folder without images."""
    endings = ENDINGS | {RAW_ENDING} if raw else ENDINGS
    out = []
    for source in sources:
        if source.is_dir():
            files = sorted(path for path in source.iterdir() if path.is_file())
            inside = [path for path in files if path.suffix.lower() in endings or _is_prints(path)]
            if not inside:
                raise FileError("no image is in this folder", path=str(source))
            out += inside
        elif source.exists():
            out.append(source)
        else:
            raise FileError("there is no such file", path=str(source))
    return out


def _is_prints(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            head = file.read(PRINTS_HEAD_BYTES)
            return begins(head) and bool(prints_instead(head + file.read(MAX_IMAGE_BYTES)))
    except OSError:
        return False


def extract_all(
    sources: Sequence[Path],
    folder: Path,
    wanted: Wanted,
    *,
    extractor: Extractor | None = None,
    examine: Examine | None = None,
    threads: int = 1,
    progress: Progress | None = None,
) -> list[Outcome]:
    """The outcomes in the order of the images; `folder` gets `<name>.fmr` for each `<name>.png`.

    What is there already is left, so that a call goes on where one stopped: a file is whole or not there. An image that
    fails takes no other with it. `examine` says what is doubted of each. ParameterError before anything is done where
    two images would get the same file, or the format is unknown; FileError where the folder cannot be made,
    DiskFullError when the disk is full.
    """
    targets = [folder / f"{source.stem}{wanted.ending}" for source in sources]
    first: dict[Path, Path] = {}
    for source, target in zip(sources, targets, strict=True):
        if target in first:
            raise ParameterError(
                "two images would get the same file: extract them into two folders", file=target.name,
                image=str(first[target]), other=str(source),
            )  # fmt: skip
        first[target] = source
    if wanted.format not in FORMATS:
        raise ParameterError("unknown template format", format=wanted.format, known=" ".join(FORMATS))
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise file_error("the folder of templates cannot be made", error, path=str(folder)) from None
    with ImageReader(extractor) as reader:

        def one(pair: tuple[Path, Path]) -> Outcome:
            return _one(*pair, wanted, reader, examine)

        outcomes = []
        for outcome in _in_order(one, zip(sources, targets, strict=True), threads):
            outcomes.append(outcome)
            if progress is not None:
                progress(len(outcomes), len(sources), "images")
    return outcomes


def _in_order(
    one: Callable[[tuple[Path, Path]], Outcome], pairs: Iterable[tuple[Path, Path]], threads: int
) -> Iterator[Outcome]:
    """Results in order, few at a time in flight, so that an interrupt ends soon."""
    left = iter(pairs)
    with ThreadPoolExecutor(threads) as pool:
        running: list[Future[Outcome]] = []
        try:
            while True:
                while len(running) < 2 * threads and (pair := next(left, None)) is not None:
                    running.append(pool.submit(one, pair))
                if not running:
                    return
                wait(running[:1], return_when=FIRST_COMPLETED)
                yield running.pop(0).result()
        finally:
            for future in running:
                future.cancel()


def _one(source: Path, target: Path, wanted: Wanted, reader: ImageReader, examine: Examine | None) -> Outcome:
    if target.exists() and not wanted.again:
        return Outcome(source, target, kept=True)
    try:
        data = whole_file.read(source, "image", most=MAX_IMAGE_BYTES)
        bare = source.suffix.lower() == RAW_ENDING
        if bare and wanted.raw_size is None:
            raise ParameterError("raw pixels do not state their size", needs="raw_size")
        raw_size = wanted.raw_size if bare else None
        made = reader.read(data, dpi=wanted.dpi, raw_size=raw_size, position=wanted.position)
        whole_file.write(target, write(made.template, wanted.format), private=True, folders=True)
    except DiskFullError:
        raise
    except (FormatError, ParameterError, FileError) as error:
        return Outcome(source, target, error=error)
    doubts = tuple(examine(made)) if examine is not None else ()
    return Outcome(source, target, made.template.count, False, made.resampled, made.inverted, made.quality, doubts)
