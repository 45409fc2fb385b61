"""The checks of a batch: every problem of every dossier, named.

`check_dossier` looks at one dossier alone and at nothing but its bytes; `check_batch` runs it over a batch and adds
what only the batch can show (ids and numbers that stand twice).
"""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Final

from cccd_core.country.clock import today
from cccd_core.country.renewal import age_on
from cccd_core.errors import Fact, FileError, UnavailableError
from cccd_core.intake import Doubt, Finding, same_fingers, without_flow
from cccd_core.issuance.dossiers import portrait as portraits
from cccd_core.issuance.dossiers.dossier import Dossier, DossierParser, FingerNote, FingerNotes
from cccd_core.issuance.dossiers.finger_images import ReadImage, differs, read_image
from cccd_core.issuance.dossiers.fingers import read_finger
from cccd_core.issuance.dossiers.policy import CheckPolicy
from cccd_core.issuance.dossiers.portrait import Portrait
from cccd_core.issuance.dossiers.raw import Batch, RawDossier, place_name
from cccd_core.issuance.dossiers.reasons import (
    DossierError,
    Fault,
    Oddity,
    Problem,
    ProblemReason,
    RegisterReason,
    ReviewReason,
    Severity,
    principal,
)
from cccd_core.plain import JsonObject
from cccd_core.progress import Progress
from cccd_core.templates import FingerTemplate, Tenprint
from cccd_core.templates.nist_file import prints_alone

FINGERS_MOST: Final = 10  # of a person


@dataclass(frozen=True, slots=True)
class SoundDossier:
    """What a dossier with nothing wrong says. `tenprint` has the usable fingers of known position, `unplaced` the
    others, `images` those of them of which there is an image, by place (`RawDossier`)."""

    dossier: Dossier = field(repr=False)
    tenprint: Tenprint = field(repr=False)
    portrait: Portrait = field(repr=False)
    images: Mapping[int, ReadImage] = field(default_factory=dict, repr=False)
    unplaced: tuple[FingerTemplate, ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True)
class CheckedDossier:
    """What came of one dossier: `sound` where nothing is wrong with it. `digest` is that of the raw dossier. `quality`:
    by place the figure of each image that minutiae were found in, 0 to 100; `again`: why it is better captured anew."""

    dossier_id: str
    digest: str
    problems: tuple[Problem, ...]
    sound: SoundDossier | None = None
    quality: Mapping[int, int] = field(default_factory=dict)
    again: Mapping[int, tuple[str, ...]] = field(default_factory=dict)

    @property
    def reason(self) -> ProblemReason | None:
        """Why it is rejected; None where it is sound."""
        return principal(self.problems)


def check_dossier(raw: RawDossier, *, day: date, policy: CheckPolicy) -> CheckedDossier:
    """Checks one dossier. Never raises for anything in it; UnavailableError where a finger is an image alone and the
    extra that brings the extractor is not installed. Cost: a few ms, most of it the decoding of its portrait, and an
    extraction for each image.
    """
    problems = list(raw.problems)
    parser = DossierParser(raw.dossier_id, raw.document, today=day, policy=policy)
    dossier = None
    readable = bool(raw.document) or not any(problem.reason in _NO_DOCUMENT for problem in problems)
    if readable:  # else its fields would all be called missing
        dossier = parser.parse()
        problems += parser.problems
    portrait = _check_portrait(raw, policy, problems)
    wanted = _wanted_fingers(parser, day, policy) if readable else 0
    usable, images = _check_fingers(raw, parser.notes, wanted, policy, problems)
    quality = {place: image.made.quality.figure for place, image in sorted(images.items())}
    sound = None
    if dossier is not None and portrait is not None and principal(problems) is None:
        used = {place: image for place, image in images.items() if place in usable}
        placed = {position: finger for position, finger in usable.items() if position > 0}
        unplaced = tuple(usable[place] for place in sorted(usable, reverse=True) if place <= 0)
        sound = SoundDossier(dossier, Tenprint(placed), portrait, used, unplaced)
    judged = {place: image.made.quality for place, image in images.items()}
    again = {place: tuple(map(str, one.shortfalls)) for place, one in judged.items() if one.again}
    return CheckedDossier(raw.dossier_id, raw.digest, tuple(problems), sound, quality, again)


_NO_DOCUMENT = frozenset({Fault.DOSSIER_UNREADABLE, Fault.FIELD_REPEATED, Fault.UNSAFE_PATH, Fault.DOSSIER_ID})


def _check_portrait(raw: RawDossier, policy: CheckPolicy, problems: list[Problem]) -> Portrait | None:
    if raw.portrait is None:
        nothing_read = not raw.source and not raw.fingers  # the folder itself is what is wrong
        if not nothing_read and not any(problem.field == "portrait" for problem in problems):  # none known to be wrong
            problems.append(Problem(raw.dossier_id, "portrait", Fault.PORTRAIT_MISSING))
        return None
    try:
        portrait = portraits.read(raw.portrait, policy)
    except DossierError as error:
        problems.append(Problem.of(raw.dossier_id, "portrait", error))
        return None
    if not portrait.for_chip:
        facts: dict[str, Fact] = {"format": portrait.format, "bytes": len(portrait.data)}
        problems.append(Problem(raw.dossier_id, "portrait", Oddity.PORTRAIT_CONVERTED, Severity.WARNING, facts))
    return portrait


def _check_fingers(
    raw: RawDossier, notes: FingerNotes, wanted: int, policy: CheckPolicy, problems: list[Problem]
) -> tuple[dict[int, FingerTemplate], dict[int, ReadImage]]:
    """The usable fingers, and the images that minutiae were found in, by place; what is wrong goes to `problems`."""
    usable: dict[int, FingerTemplate] = {}
    images: dict[int, ReadImage] = {}
    weak: list[tuple[str, dict[str, Fact]]] = []
    unreadable = any(problem.reason is Fault.UNREADABLE_FINGER for problem in problems)
    seen: dict[tuple[bytes, int], int] = {}
    doubts: dict[int, tuple[Finding, ...]] = {}
    places = sorted(raw.fingers.keys() | raw.images.keys(), key=_in_order)
    named, unplaced = notes.missing().union(place for place in places if place > 0), sum(p <= 0 for p in places)
    if len(named) + unplaced > FINGERS_MOST:
        counts: dict[str, Fact] = {"named": len(named), "unplaced": unplaced, "most": FINGERS_MOST}
        problems.append(Problem(raw.dossier_id, "fingers", Fault.TOO_MANY_FINGERS, facts=counts))
        return {}, {}
    for place in places:
        position = max(place, 0)
        file = raw.fingers.get(place) or raw.images[place]
        where = f"fingers/{file.name}"
        if position in notes.missing():
            problems.append(Problem(raw.dossier_id, where, Fault.FINGER_CONFLICT, facts={"position": position}))
        try:
            read = _read(raw, place, notes.of(position), policy, problems)
        except DossierError as error:
            problems.append(Problem.of(raw.dossier_id, where, error, position=position))
            unreadable = True
            continue
        if read.image is not None:
            images[place] = read.image
        for fingerprint in read.fingerprints:
            if fingerprint in seen:
                same: dict[str, Fact] = {"position": position, "same_as": max(seen[fingerprint], 0)}
                problems.append(Problem(raw.dossier_id, where, Fault.FINGER_REPEATED, facts=same))
            seen.setdefault(fingerprint, place)
        template, least = read.template, policy.min_minutiae
        doubts[place] = read.doubts
        for finding in read.doubts:
            problems += _doubted(raw.dossier_id, where, finding, policy, position=position)
        if template.count < least:
            facts: dict[str, Fact] = {"position": position, "minutiae": template.count, "wanted": least}
            weak.append((where, facts))
        else:
            usable[place] = template
        if not position:
            problems.append(Problem(raw.dossier_id, where, Oddity.UNPLACED_FINGER, Severity.WARNING))
    readable = len(usable) + len(weak)
    short = len(usable) < wanted and not unreadable  # with an unreadable one, that is what is wrong
    poor = short and readable >= wanted
    for where, facts in weak:
        if poor:
            problems.append(Problem(raw.dossier_id, where, Fault.POOR_FINGER, facts=facts))
        else:
            problems.append(Problem(raw.dossier_id, where, Oddity.WEAK_FINGER, Severity.WARNING, facts))
    if short and not poor:
        counts = {"found": readable, "wanted": wanted}
        problems.append(Problem(raw.dossier_id, "fingers", Fault.TOO_FEW_FINGERS, facts=counts))
    placed = sum(place > 0 for place in usable)
    if placed < wanted <= len(usable):
        unknown = Finding(Doubt.POSITION_UNKNOWN, {"fingers": len(usable) - placed, "wanted": wanted, "placed": placed})
        problems += _doubted(raw.dossier_id, "fingers", unknown, policy)
    for finding in without_flow(doubts):
        problems += _doubted(raw.dossier_id, "fingers", _by_position(finding), policy)
    for finding in same_fingers(usable, limits=policy.limits):
        if not any(problem.reason is Fault.FINGER_REPEATED for problem in problems):  # the very same file is that
            problems += _doubted(raw.dossier_id, "fingers", _by_position(finding), policy)
    return usable, images


@dataclass(frozen=True, slots=True)
class _Read:
    """A finger: its template, what is doubted of it, its image where there is one, and what its files are known by."""

    template: FingerTemplate
    doubts: tuple[Finding, ...]
    image: ReadImage | None
    fingerprints: tuple[tuple[bytes, int], ...] = field(repr=False)


def _read(raw: RawDossier, place: int, note: FingerNote, policy: CheckPolicy, problems: list[Problem]) -> _Read:
    """Template and image of one place: of both the template counts, and an image that cannot be used is named.
    DossierError where neither can be read."""
    file, picture, position = raw.fingers.get(place), raw.images.get(place), max(place, 0)
    if file is not None and picture is None and note.format is None and prints_alone(file.data):
        file, picture = None, file  # an ANSI/NIST-ITL file of images

    def warn(name: str, word: Oddity, facts: Mapping[str, Fact]) -> None:
        more = {"position": position, **facts}
        problems.append(Problem(raw.dossier_id, f"fingers/{name}", word, Severity.WARNING, more))

    image = None
    if picture is not None:
        try:
            image = read_image(picture, position, note, policy.limits)
        except (DossierError, UnavailableError) as error:
            if file is None:
                raise
            warn(picture.name, Oddity.IMAGE_UNUSED, {"why": error.message, **error.facts})
        if image is not None and image.made.stated_position not in (0, position):
            warn(picture.name, Oddity.POSITION_DIFFERS, {"stated": image.made.stated_position})
        if image is not None and image.made.quality.again:
            quality = image.made.quality
            warn(picture.name, Oddity.CAPTURE_AGAIN, {"quality": quality.figure, "why": " ".join(quality.shortfalls)})
    known = () if image is None else ((hashlib.sha256(image.data).digest(), 0),)
    if file is None and image is not None:
        return _Read(image.template, image.doubts, image, known)
    read = read_finger(raw.fingers[place], position, note, policy.limits)
    for word, facts in read.warnings:
        warn(raw.fingers[place].name, word, facts)
    doubts = read.doubts
    if image is not None and min(read.template.count, image.template.count) >= policy.min_minutiae:
        doubts = (*doubts, *differs(read.template, image, policy.limits))
    digest = hashlib.sha256(raw.fingers[place].data).digest()
    return _Read(read.template, doubts, image, ((digest, read.view), *known))


def _by_position(finding: Finding) -> Finding:
    """The same of positions, 0 for the unknown ones, in place of places."""
    facts = {name: max(fact, 0) if isinstance(fact, int) else fact for name, fact in finding.facts.items()}
    if isinstance(several := facts.get("positions"), str):
        facts["positions"] = " ".join(str(max(int(place), 0)) for place in several.split())
    return Finding(finding.word, facts)


def _in_order(place: int) -> tuple[bool, int]:
    """Those of known position by it, then the others by their number."""
    return place <= 0, abs(place)


_DOUBTED: dict[Severity, ProblemReason] = {
    Severity.ERROR: Fault.IMPLAUSIBLE_FINGER,
    Severity.REVIEW: ReviewReason.FINGER_IN_DOUBT,
    Severity.WARNING: Oddity.DOUBTFUL_FINGER,
}


def _doubted(dossier_id: str, where: str, finding: Finding, policy: CheckPolicy, **more: Fact) -> list[Problem]:
    """The problem that a doubt is under the policy; none where it ignores it."""
    severity = policy.severities[finding.word]
    if severity is None:
        return []
    reason = _DOUBTED[severity]
    if finding.word in (Doubt.SAME_FINGER, Doubt.MIRRORED_FINGER) and severity is Severity.REVIEW:
        reason = ReviewReason.SAME_FINGER
    facts: dict[str, Fact] = {"doubt": str(finding.word), **more, **finding.facts}
    return [Problem(dossier_id, where, reason, severity, facts)]


def _wanted_fingers(parser: DossierParser, day: date, policy: CheckPolicy) -> int:
    if parser.birth_date is not None and age_on(parser.birth_date, day) < policy.fingers_from_age:
        return 0
    return min(policy.min_fingers, 10 - len(parser.notes.missing()))


@dataclass(slots=True)
class BatchCheck:
    """What `cccd batch check` says."""

    received: int = 0
    sound: int = 0
    review: int = 0  # of the sound ones, which a person must look at
    rejected: Counter[ProblemReason] = field(default_factory=Counter)
    problems: list[Problem] = field(default_factory=list)
    quality: dict[str, Mapping[int, int]] = field(default_factory=dict)  # of dossiers with images, by place

    @property
    def errors(self) -> list[Problem]:
        return [problem for problem in self.problems if problem.severity is Severity.ERROR]

    @property
    def well(self) -> bool:
        """Whether every dossier can go on without a person's look."""
        return not self.errors and not self.review

    def as_dict(self) -> JsonObject:
        return {
            "received": self.received,
            "sound": self.sound,
            "review": self.review,
            "rejected": dict(sorted(self.rejected.items())),
            "problems": [problem.as_dict() for problem in self.problems],
            "quality": {
                name: {place_name(place): figure for place, figure in of.items()} for name, of in self.quality.items()
            },
        }


def check_batch(
    batch: Batch, *, day: date | None = None, policy: CheckPolicy | None = None, progress: Progress | None = None
) -> BatchCheck:
    """Checks a whole batch. FileError for a batch without a dossier.

    Of several new dossiers with one number all but the first in the order of decision are named `number_repeated`:
    the fingers decide later whether they are the same person's.
    """
    policy = policy or CheckPolicy()
    result = BatchCheck()
    numbers: dict[str, list[tuple[tuple[bool, str, str], str]]] = defaultdict(list)
    total = len(batch.ids())
    if total == 0:
        raise FileError("the batch has no dossier")
    day = day or today()
    for raw in batch.read():
        item = check_dossier(raw, day=day, policy=policy)
        result.received += 1
        result.problems += item.problems
        if item.quality:
            result.quality[item.dossier_id] = item.quality
        reason = item.reason
        if reason is None:
            result.sound += 1
            result.review += any(problem.severity is Severity.REVIEW for problem in item.problems)
            if item.sound is not None and item.sound.dossier.kind == "new":
                dossier = item.sound.dossier
                numbers[dossier.personal_number].append((dossier.order_key, item.dossier_id))
        else:
            result.rejected[reason] += 1
        if progress is not None:
            progress(result.received, total, "checked")
    for claims in numbers.values():
        first, *others = sorted(claims)
        for _, dossier_id in others:
            facts: dict[str, Fact] = {"first": first[1]}
            result.problems.append(Problem(dossier_id, "personal_number", RegisterReason.NUMBER_REPEATED, facts=facts))
            result.sound -= 1
            result.rejected[RegisterReason.NUMBER_REPEATED] += 1
    return result
