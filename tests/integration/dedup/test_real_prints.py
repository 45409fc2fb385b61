"""Deduplication of real people: other impressions of enrolled fingers are found, nobody else is.

fcj2020 is 50 people with four fingers, crossmatch nine with up to six; a person's impression number i is one dossier.
Finger names there are labels, taken here for positions. The shipped matcher and the default parameters.
"""

from __future__ import annotations

from collections import defaultdict
from functools import cache
from pathlib import Path

import pytest

from cccd_core.dedup import Decision, Deduplicator, DedupParameters, EnrolledPerson, GalleryStore, MemoryGallery
from cccd_core.matching import Matcher
from cccd_core.templates import FingerTemplate, Tenprint, load, mirrored

pytestmark = [pytest.mark.data, pytest.mark.jit]

FIRST, SECOND = 3, 4  # impressions
PEOPLE = {"fcj2020": 48, "crossmatch": 8}  # who have four fingers in both
Fingers = dict[int, FingerTemplate]


@cache
def impressions(folder: Path) -> dict[tuple[str, int], Fingers]:
    """(person, impression) -> fingers."""
    found: dict[tuple[str, int], Fingers] = defaultdict(dict)
    for path in sorted(folder.glob("*.fmr")):
        finger, impression = path.stem.split("_")
        name, code = finger.split("-")
        found[name, int(impression)][int(code)] = load(path).view
    return dict(found)


def dossier(folder: Path, name: str, impression: int) -> EnrolledPerson:
    return EnrolledPerson(f"{name}/{impression}", Tenprint(impressions(folder)[name, impression]))


def names(folder: Path, *of: int) -> list[str]:
    """People who have these impressions, of four fingers at least each."""
    people = sorted({name for name, _ in impressions(folder)})
    return [name for name in people if all(len(impressions(folder).get((name, i), {})) >= 4 for i in of)]


def margin(decisions: list[Decision]) -> float:
    """Worst score of a true match less the best of a false one."""
    genuine, impostor = [], [0.0]
    for decision in decisions:
        people = [*decision.evidence.matches, decision.evidence.best_competitor]
        for match in people:
            if match is not None:
                own = match.person_id.split("/")[0] == decision.person_id.split("/")[0]
                (genuine if own else impostor).append(match.score)
    return min(genuine) - max(impostor)


@pytest.mark.parametrize(
    ("dataset", "enrolled_by", "probed_by"),
    [
        ("fcj2020", "fjfx", "fjfx"),
        ("fcj2020", "mindtct", "mindtct"),
        ("fcj2020", "sourceafis", "sourceafis"),
        ("fcj2020", "mindtct", "fjfx"),
        ("crossmatch", "fjfx", "fjfx"),
        ("crossmatch", "sourceafis", "mindtct"),
    ],
)
def test_every_duplicate_is_found_and_nobody_else(fingerprints, tmp_path, dataset, enrolled_by, probed_by):
    first, second = fingerprints / dataset / enrolled_by, fingerprints / dataset / probed_by
    both = [name for name in names(first, FIRST) if name in names(second, FIRST, SECOND)]
    assert len(both) == PEOPLE[dataset]
    half = len(both) // 2
    gallery = GalleryStore(tmp_path / "gallery.sqlite")
    gallery.add_many(dossier(first, name, FIRST) for name in both[:half])
    # the other half is new, and then everybody comes again
    batch = [dossier(second, name, FIRST) for name in both[half:]] + [dossier(second, name, SECOND) for name in both]
    decisions = Deduplicator(Matcher(), threads=2).search(batch, gallery)

    outcomes = {d.person_id: (d.outcome, d.of) for d in decisions}
    assert outcomes == {
        **{f"{name}/{FIRST}": ("unique", None) for name in both[half:]},
        **{f"{name}/{SECOND}": ("duplicate", f"{name}/{FIRST}") for name in both},
    }
    assert all(len(d.fingers) >= 2 for d in decisions if d.outcome == "duplicate")
    assert margin(decisions) > 0


def test_exchanged_and_unplaced_fingers_of_real_people(fingerprints):
    folder = fingerprints / "fcj2020" / "fjfx"
    people = names(folder, FIRST, SECOND)[:8]
    gallery = MemoryGallery(dossier(folder, name, FIRST) for name in people)
    probes = []
    for name in people:
        fingers = impressions(folder)[name, SECOND]
        turned = dict(zip(fingers, [*list(fingers.values())[1:], next(iter(fingers.values()))], strict=True))
        probes.append(EnrolledPerson(f"{name}/turned", Tenprint(turned)))
        probes.append(EnrolledPerson(f"{name}/loose", Tenprint({}), tuple(fingers.values())))
    decisions = Deduplicator(Matcher(), threads=2).search(probes, gallery)
    # each of the two is held against the enrolled record and, where it comes later, against the other one
    assert [(d.outcome, d.of) for d in decisions] == [("duplicate", f"{n}/{FIRST}") for n in people for _ in (0, 1)]


@pytest.mark.parametrize("extractor", ["fjfx", "mindtct", "sourceafis"])
def test_mirrored_prints_of_real_people_are_found_and_sound_ones_judged_as_without(fingerprints, extractor):
    folder = fingerprints / "fcj2020" / extractor
    people = names(folder, FIRST, SECOND)[:12]
    gallery = MemoryGallery(dossier(folder, name, FIRST) for name in people[:8])
    sound = [dossier(folder, name, SECOND) for name in people]
    images = [
        EnrolledPerson(f"{name}/image", Tenprint({p: mirrored(one) for p, one in person.tenprint.items()}))
        for name, person in zip(people, sound, strict=True)
    ]
    matcher = Matcher()
    decisions = Deduplicator(matcher, threads=2).search(images, gallery)
    assert [(d.outcome, d.of) for d in decisions] == [
        *(("duplicate", f"{name}/{FIRST}") for name in people[:8]), *(("unique", None) for _ in people[8:]),
    ]  # fmt: skip
    assert all(d.evidence.reasons == ("match", "mirrored") for d in decisions[:8])

    def judged(share: float) -> list[dict]:
        found = Deduplicator(matcher, DedupParameters(mirrored_share=share), threads=2).search(sound, gallery)
        plain = [d.as_dict() for d in found]
        for one in plain:
            del one["evidence"]["manifest"], one["evidence"]["finger_pairs"]
        return plain

    assert judged(DedupParameters().mirrored_share) == judged(0.0)


def test_threads_blocks_and_order_change_no_bit(fingerprints):
    folder = fingerprints / "fcj2020" / "mindtct"
    people = names(folder, FIRST, SECOND)[:10]
    enrolled = [dossier(folder, name, FIRST) for name in people]
    batch = [dossier(folder, name, SECOND) for name in people[3:]]

    def run(gallery: list[EnrolledPerson], threads: int, parameters: DedupParameters) -> list[dict]:
        found = [d.as_dict() for d in Deduplicator(Matcher(), parameters, threads=threads).search(
            batch, MemoryGallery(gallery))]  # fmt: skip
        for one in found:
            del one["evidence"]["manifest"]
        return found

    expected = run(enrolled, 1, DedupParameters())
    assert run(enrolled[::-1], 2, DedupParameters()) == expected
    assert run(enrolled, 3, DedupParameters(gallery_block=3, batch_block=2)) == expected
