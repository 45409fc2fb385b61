"""A folder of templates or images `<finger>_<impression>.<ext>` as an ordered set of samples.

The finger is everything before the last `_` of the stem (`012-3_4.fmr`: finger `012-3`, impression `4`). What should be
there and is not, or cannot be read, stays in the set without a template: it scores 0 in all its pairs. Images are the
samples of a folder in which there is no template; beside templates they are what these were made from.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeVar

import numpy as np
import numpy.typing as npt

from cccd_core import runtime, templates
from cccd_core.errors import CccdError, FileError, ParameterError
from cccd_core.progress import Progress
from cccd_core.storage import whole_file
from cccd_core.templates import FingerTemplate, TemplateRecord
from cccd_core.templates.beside import (
    MAX_IMAGE_BYTES,
    PRINTS_HEAD_BYTES,
    instead,
    is_image,
    passed_over_by_name,
    prints_instead,
)
from cccd_core.templates.io import MAX_FILE_BYTES
from cccd_core.templates.nist_file import begins
from cccd_core.templates.xyt import FORMAT as FORMAT_XYT
from cccd_core.words import Word

if TYPE_CHECKING:
    from cccd_core.extraction import ImageReader

_T = TypeVar("_T")
MAX_SAMPLES = 20_000  # 200 million pairs, 0.8 GB of scores

_SPAN = re.compile(r"(\d+)-(\d+)")


class Doubtful(Protocol):
    """Something doubted of a template, by its stable word."""

    @property
    def word(self) -> Word: ...


class Examine(Protocol):
    """What is doubted of a view of a record, and of the image that it was extracted from, as `intake.examine` says."""

    def __call__(
        self, record: TemplateRecord, view: FingerTemplate, /, *, image: npt.NDArray[np.uint8] | None = None
    ) -> Iterable[Doubtful]: ...


@dataclass(frozen=True, slots=True)
class Sample:
    """One impression of one finger; `template` is None where it is missing or unreadable, `failure` then says why.
    `doubts` are the words for what is doubted of it, where that was asked; `quality` is that of an image, 1 to 100."""

    finger: str
    impression: str
    template: FingerTemplate | None
    failure: str = ""
    doubts: tuple[str, ...] = ()
    quality: int | None = None

    @property
    def name(self) -> str:
        """The file's stem."""
        return f"{self.finger}_{self.impression}"


@dataclass(frozen=True, slots=True)
class SampleSet:
    """The samples of a folder, the impressions of a finger beside each other, in a fixed order."""

    path: str
    samples: tuple[Sample, ...]
    passed_over: int = 0  # files that are no samples: by their name, or no templates by their ending or first bytes
    images: int = 0  # so many of these are images
    folders: int = 0  # folders in this one, whose files are not looked at
    several_views: int = 0  # samples whose files hold more finger views than the one taken
    extraction: str = ""  # where the samples are images, the digest of the extraction's parameters

    @property
    def beside(self) -> str:
        """What is in the folder besides samples, in words: "6 images, 1 other file"; "nothing else"."""
        counts = (
            (self.images, "image"),
            (self.passed_over - self.images, "other file"),
            (self.folders, "folder"),
        )
        return ", ".join(f"{n:,} {what}{'s' if n > 1 else ''}" for n, what in counts if n) or "nothing else"

    @property
    def fingers(self) -> tuple[str, ...]:
        """The names of the fingers, in order."""
        return tuple(dict.fromkeys(sample.finger for sample in self.samples))

    @property
    def finger_index(self) -> npt.NDArray[np.int32]:
        """int32[samples]: which finger each sample is of, ascending."""
        number = {finger: index for index, finger in enumerate(self.fingers)}
        return np.array([number[sample.finger] for sample in self.samples], dtype=np.int32)

    @property
    def doubts(self) -> dict[str, list[str]]:
        """The names of the samples of which something is doubted, by the doubt's word."""
        found: dict[str, list[str]] = {}
        for sample in self.samples:
            for word in sample.doubts:
                found.setdefault(word, []).append(sample.name)
        return dict(sorted(found.items()))

    @property
    def failed(self) -> int:
        """How many samples have no template."""
        return sum(sample.template is None for sample in self.samples)


@dataclass(frozen=True, slots=True)
class Expectation:
    """Which fingers and impressions should be there: every impression of every finger."""

    fingers: tuple[str, ...]
    impressions: tuple[str, ...]

    @staticmethod
    def parse(text: str) -> Expectation:
        """Reads `101-110:1-8`: fingers, a colon, impressions, each a list of names and ranges divided by commas.

        `a-b` is a range where both are numbers and a <= b (`001-010` keeps its zeros); anything else is a name, so
        `012-3` is the finger `012-3`. ParameterError for anything else.
        """
        fingers, colon, impressions = text.partition(":")
        if not colon or ":" in impressions:
            raise ParameterError("expected samples are written FINGERS:IMPRESSIONS, as 101-110:1-8", given=text)
        return Expectation(_names(fingers), _names(impressions))

    def names(self) -> list[tuple[str, str]]:
        """Every (finger, impression)."""
        return [(finger, impression) for finger in self.fingers for impression in self.impressions]


def _names(text: str) -> tuple[str, ...]:
    names: list[str] = []
    for part in text.split(","):
        span = _SPAN.fullmatch(part)
        if not part or "/" in part or "\0" in part:
            raise ParameterError("an expected finger or impression has no usable name", given=text)
        if span and _is_range(span[1], span[2]):
            low, high = int(span[1]), int(span[2])
            if high - low >= MAX_SAMPLES:
                raise ParameterError("too many samples expected", given=part, most=MAX_SAMPLES)
            names.extend(str(number).zfill(len(span[1])) for number in range(low, high + 1))
        else:
            names.append(part)
    return tuple(dict.fromkeys(names))


def _is_range(low: str, high: str) -> bool:
    if len(low) > 9 or len(high) > 9:
        return False
    same_width = len(low) == len(high) or not low.startswith("0")
    return same_width and int(low) <= int(high)


def read_folder(
    path: str | Path,
    *,
    expect: Expectation | None = None,
    format: str | None = None,  # noqa: A002 - as in templates.load
    dpi: float | None = None,
    height_px: int | None = None,
    width_px: int | None = None,
    view: int | None = None,
    position: int | None = None,
    examine: Examine | None = None,
    threads: int | None = None,
    progress: Progress | None = None,
) -> SampleSet:
    """Reads every template of a folder; of a record with several finger views one is taken, by `TemplateRecord.select`.
    A file that lacks the one asked for is a sample without a template. Where there are images and no templates, and no
    `format` is given, minutiae are extracted from them, by so many `threads`.

    `format`, `dpi`, `height_px` and `width_px` go to `templates.load` (.xyt demands dpi and height). Files whose name
    has no `_`, and what `templates.beside` says is no template, are no samples; they are counted. A folder
    of these alone is a set without samples. `examine` says what is doubted of each template. Raises FileError for a
    folder that cannot be listed, holds two files of one sample or more than 20,000 samples, ParameterError where
    `expect` names as many, UnavailableError for images without the extra that brings the extractor.
    """
    if view is not None and position is not None:
        raise ParameterError("a view is chosen by its number or by its position", view=view, position=position)
    listed = _listed(Path(path), numbers=format == FORMAT_XYT, images=format is None)
    names = sorted({*listed.found, *(expect.names() if expect else ())}, key=_order)
    if len(names) > MAX_SAMPLES:
        kind = FileError if len(listed.found) > MAX_SAMPLES else ParameterError
        raise kind("too many samples in one set", path=str(path), samples=len(names), most=MAX_SAMPLES)
    beside = (listed.passed_over, listed.images, listed.folders)
    if listed.from_images:
        from cccd_core.extraction import ImageReader

        reader = ImageReader.shared()

        def extracted(name: tuple[str, str]) -> Sample:
            return _extracted(name, listed.found.get(name), reader, dpi, position or 0, examine)

        with ThreadPoolExecutor(threads or runtime.threads()) as pool:
            samples = list(_counted(pool.map(extracted, names), len(names), progress, "extracting"))
        return SampleSet(str(path), tuple(samples), *beside, 0, reader.extractor.parameters.digest)
    samples = []
    several_views = 0
    for finger, impression in _counted(names, len(names), progress, "reading"):
        file = listed.found.get((finger, impression))
        if file is None:
            samples.append(Sample(finger, impression, None, "missing"))
            continue
        try:
            record = templates.load(file, format=format, dpi=dpi, height_px=height_px, width_px=width_px)
        except ParameterError:
            raise  # the caller left out what the format needs: that is no failed sample
        except CccdError as error:
            samples.append(Sample(finger, impression, None, str(error)))
            continue
        several_views += len(record.views) > 1
        try:
            chosen = record.select(view, position)
        except ParameterError as error:
            samples.append(Sample(finger, impression, None, str(error)))
            continue
        samples.append(Sample(finger, impression, chosen, doubts=_doubts(examine, record, chosen)))
    return SampleSet(str(path), tuple(samples), *beside, several_views)


@dataclass(slots=True)
class _Listed:
    """The samples' files of a folder, whether they are images, and how many others lie beside them."""

    found: dict[tuple[str, str], Path] = field(default_factory=dict)
    from_images: bool = False
    passed_over: int = 0
    images: int = 0
    folders: int = 0


def _listed(folder: Path, *, numbers: bool, images: bool) -> _Listed:
    listed = _Listed()
    pictures: dict[tuple[str, str], Path] = {}
    second: tuple[Path, Path] | None = None
    try:
        inside = sorted(folder.iterdir())
        files = [entry for entry in inside if entry.is_file()]
        listed.folders = sum(entry.is_dir() for entry in inside)
    except OSError as error:
        raise FileError("the folder cannot be read", path=str(folder), why=error.strerror or "") from error
    for entry in files:
        finger, separator, impression = entry.stem.rpartition("_")
        named = bool(separator and finger and impression)
        other = _other(entry, numbers=numbers)
        if not named or other:
            listed.passed_over += 1
            listed.images += is_image(other)
            if named and is_image(other):
                second = second or ((pictures[finger, impression], entry) if (finger, impression) in pictures else None)
                pictures.setdefault((finger, impression), entry)
        elif (finger, impression) in listed.found:
            raise _twice(listed.found[finger, impression], entry)
        else:
            listed.found[finger, impression] = entry
    if images and pictures and not listed.found:
        if second is not None:
            raise _twice(*second)
        listed.found, listed.from_images = pictures, True
        listed.passed_over -= len(pictures)
        listed.images -= len(pictures)
    return listed


def _twice(first: Path, other: Path) -> FileError:
    return FileError("two files of one impression of one finger", path=str(first), other=str(other))


def _extracted(
    name: tuple[str, str],
    file: Path | None,
    reader: ImageReader,
    dpi: float | None,
    position: int,
    examine: Examine | None,
) -> Sample:
    """The sample of an image, of several prints that of a position. ParameterError where neither the image nor the
    caller says its resolution."""
    if file is None:
        return Sample(*name, None, "missing")
    try:
        made = reader.read(whole_file.read(file, "image", most=MAX_IMAGE_BYTES), dpi=dpi, position=position)
    except CccdError as error:
        if error.facts.get("needs") == "dpi":
            raise error.with_facts(path=str(file)) from None
        return Sample(*name, None, f"extraction: {error}")
    record = TemplateRecord("iso-2005", (made.template,))
    doubts = _doubts(examine, record, made.template, made.image)
    return Sample(*name, made.template, doubts=doubts, quality=made.quality.figure)


def _doubts(
    examine: Examine | None,
    record: TemplateRecord,
    chosen: FingerTemplate,
    image: npt.NDArray[np.uint8] | None = None,
) -> tuple[str, ...]:
    return tuple(str(each.word) for each in examine(record, chosen, image=image)) if examine else ()


def _counted(items: Iterable[_T], total: int, progress: Progress | None, what: str) -> Iterator[_T]:
    for done, item in enumerate(items):
        if progress:
            progress(done, total, what)
        yield item
    if progress and total:
        progress(total, total, what)


def _other(path: Path, numbers: bool) -> str:
    """What a file is that is no template; "" where it may be one, or cannot be read."""
    named = passed_over_by_name(path.name)
    if named:
        return named
    try:
        with path.open("rb") as file:
            head = file.read(PRINTS_HEAD_BYTES)
            if begins(head):
                return prints_instead(head + file.read(MAX_IMAGE_BYTES))
            return instead(path.name, head, numbers=numbers) and instead(
                path.name, head + file.read(MAX_FILE_BYTES), numbers=numbers
            )
    except OSError:
        return ""


def _order(name: tuple[str, str]) -> tuple[str, int, str]:
    finger, impression = name
    return finger, int(impression) if impression.isdigit() and len(impression) < 10 else 0, impression


def of_templates(path: str, named: Sequence[tuple[str, str, FingerTemplate | None]]) -> SampleSet:
    """A set from templates in memory: (finger, impression, template), in any order."""
    ordered = sorted(named, key=lambda item: _order(item[:2]))
    return SampleSet(path, tuple(Sample(*item, "" if item[2] is not None else "missing") for item in ordered))
