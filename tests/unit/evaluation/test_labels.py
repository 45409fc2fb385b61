"""Labels in doubt: by a matcher that knows whose finger a template is, and on real prints that were renamed."""

from __future__ import annotations

import json
import random
from pathlib import Path

import numpy as np
import pytest

from cccd_core.evaluation import SampleSet, evaluate_samples, read_folder
from cccd_core.evaluation.exchanged import with_exchanges
from cccd_core.evaluation.labels import LabelFinding, label_findings, limit
from cccd_core.evaluation.samples import of_templates
from cccd_core.evaluation.scoring import PairScores, score_pairs
from cccd_core.matching import Matcher
from cccd_core.templates import FingerTemplate
from support.known_fingers import KnowingMatcher, finger


def found(*named: tuple[str, int], genuine: float = 120.0) -> tuple[LabelFinding, ...]:
    """What is found in a set of (`finger_impression`, which finger it really is); -1 has no template, -2 no minutia."""
    given: list[tuple[str, str, FingerTemplate | None]] = []
    for name, identity in named:
        of, _, impression = name.rpartition("_")
        template = None if identity == -1 else finger(max(identity, 0), minutiae=0 if identity == -2 else 12)
        given.append((of, impression, template))
    samples = of_templates("set", given)
    scores, _ = score_pairs(samples, KnowingMatcher(genuine), threads=1)
    return label_findings(samples, scores)


def right(fingers: int, impressions: int = 4, first: int = 1) -> list[tuple[str, int]]:
    """So many fingers, each under its own name."""
    return [(f"{first + f}_{i + 1}", first + f) for f in range(fingers) for i in range(impressions)]


def test_right_labels_raise_no_question() -> None:
    assert found(*right(6)) == ()
    assert found() == ()
    assert found(("1_1", 1)) == ()


def test_one_finger_under_two_names() -> None:
    (one,) = found(*right(6), *((f"again_{i}", 3) for i in range(3)))
    assert (str(one.doubt), one.names, one.pairs, one.of) == ("two_names", ("3", "again"), 12, 12)
    assert str(one) == "12 impostor pairs score above 60, all of 3 with again: one finger under two names?"
    (one,) = found(*right(6), ("again_1", 3))
    assert (one.names, one.pairs) == (("3", "again"), 4)


def test_one_person_under_two_names() -> None:
    fingers = [(f"{person}-{code}_{i}", 10 * person + code) for person in (11, 12) for code in (3, 4) for i in (1, 2)]
    again = [(f"13-{code}_{i}", 110 + code) for code in (3, 4) for i in (1, 2)]
    (one,) = found(*fingers, *again)
    assert (str(one.doubt), one.names, one.pairs, one.of) == ("two_persons", ("11", "13"), 8, 8)
    assert str(one) == "8 impostor pairs score above 60, all of 11 with 13: one person under two names?"


def test_fingers_that_changed_places_are_one_question() -> None:
    def hands(*moved: tuple[int, int]) -> list[tuple[str, int]]:
        """Eight fingers of person 11 and 12; in impression 2 of person 11 these are exchanged."""
        other = {**dict(moved), **{b: a for a, b in moved}}
        return [
            (f"{person}-{code}_{i}", 10 * person + (other.get(code, code) if (person, i) == (11, 2) else code))
            for person in (11, 12)
            for code in (2, 3, 7, 8)
            for i in range(1, 6)
        ]

    def asked(*moved: tuple[int, int]) -> list[tuple[str, tuple[str, ...]]]:
        every = with_exchanges(found(*hands(*moved)))
        return [(str(each.doubt), each.samples) for each in every]

    assert asked() == []
    assert asked((2, 3)) == [("exchanged", ("11-2_2", "11-3_2"))]
    assert asked((2, 7)) == [("exchanged", ("11-2_2", "11-7_2"))]
    assert asked((2, 7), (3, 8)) == [("hands_exchanged", ("11-2_2", "11-7_2", "11-3_2", "11-8_2"))]
    (one,) = with_exchanges(found(*hands((2, 7), (3, 8))))
    assert str(one) == (
        "16 impostor pairs score above 60, since 11-2_2 with 11-7_2, 11-3_2 with 11-8_2 changed places: "
        "the hands exchanged?"
    )
    alone = [(name, 113 if name == "11-2_2" else identity) for name, identity in hands()]
    (one,) = with_exchanges(found(*alone))
    assert (str(one.doubt), one.samples) == ("misfiled", ("11-2_2",))


def test_one_finger_of_a_person_for_two() -> None:
    (one,) = found(("11-3_1", 1), ("11-3_2", 1), ("11-4_1", 1), ("11-4_2", 1), ("12-3_1", 2), ("12-3_2", 2))
    assert (str(one.doubt), one.names) == ("two_names", ("11-3", "11-4"))


def test_an_impression_under_another_name() -> None:
    (one,) = found(*right(6), ("5_9", 2))
    assert (str(one.doubt), one.names, one.samples, one.pairs) == ("misfiled", ("5", "2"), ("5_9",), 4)
    assert str(one) == "4 impostor pairs score above 60, of 5_9 with 2: filed under the wrong finger?"


def test_several_impressions_under_another_name_than_the_few_of_their_finger() -> None:
    (one,) = found(*right(6), ("5_8", 9), ("5_9", 9), ("x_1", 9))
    assert (str(one.doubt), one.names, one.samples) == ("misfiled", ("5", "x"), ("5_8", "5_9"))


def test_impressions_that_changed_places() -> None:
    changed = dict(right(6)) | {"5_1": 2, "2_1": 5}
    first, second = found(*changed.items())
    assert [(str(each.doubt), each.names, each.samples) for each in (first, second)] == [
        ("misfiled", ("2", "5"), ("2_1",)),
        ("misfiled", ("5", "2"), ("5_1",)),
    ]


def test_two_fingers_under_one_name() -> None:
    named = [*right(6), *((f"7_{i}", 7 if i < 4 else 8) for i in range(6))]
    (one,) = found(*named)
    assert (str(one.doubt), one.names, one.pairs) == ("in_parts", ("7",), 8)
    assert set(one.samples) == {"7_4", "7_5"}
    assert str(one).endswith("two fingers under one name?")


def test_impressions_that_are_never_alike() -> None:
    (one,) = found(*right(6), ("x_1", 31), ("x_2", 32), ("x_3", 33))
    assert (str(one.doubt), one.names, one.pairs) == ("never_alike", ("x",), 3)
    assert str(one) == "all 3 genuine pairs of x score below 25: another finger under this name?"
    assert one.highest < one.limit == limit(3)


@pytest.mark.parametrize(
    "extra",
    [
        [("x_1", 31), ("x_2", 32)],  # of two, one may be bad
        [("x_1", 31), ("x_2", 31), ("x_3", 32)],  # one bad impression
        [("x_1", -2), ("x_2", -2), ("x_3", -2)],  # empty
        [("x_1", -1), ("x_2", -1), ("x_3", -1)],  # missing
        [("x_1", 31), ("x_2", -1), ("x_3", -2)],
    ],
)
def test_what_is_bad_is_not_mislabelled(extra: list[tuple[str, int]]) -> None:
    assert found(*right(6), *extra) == ()


def test_a_score_that_chance_may_bring_is_no_link_between_names() -> None:
    named = [*right(6), ("again_1", 3)]
    assert found(*named, genuine=59.0) == ()
    assert len(found(*named, genuine=61.0)) == 1
    # The more pairs, the higher the score that one of them may reach by chance.
    assert limit(1_000_000) == pytest.approx(80.0)


def test_the_result_file_has_the_questions() -> None:
    given = [(name[0], name[2:], finger(identity)) for name, identity in [*right(5), ("9_1", 2)]]
    entry = evaluate_samples(of_templates("set", given), KnowingMatcher(120.0), replicates=0).as_dict()
    (label,) = json.loads(json.dumps(entry["labels"]))
    assert label["word"] == "two_names"
    assert label["names"] == ["2", "9"]
    assert (label["pairs"], label["of"], label["limit"], label["highest"]) == (4, 4, 60.0, 120.0)


def test_many_alike_cost_one_look_at_each_pair() -> None:
    """Every template the same: one question for each name, each pair of samples looked at."""
    given = [(f"{f:03}", "1", finger(7)) for f in range(300)]
    samples = of_templates("set", given)
    scores, _ = score_pairs(samples, KnowingMatcher(120.0), threads=1)
    assert len(label_findings(samples, scores)) == 299


def renamed(samples: SampleSet, scores: PairScores, names: list[tuple[str, str]]) -> tuple[LabelFinding, ...]:
    """What is found when the samples of a scored set are called otherwise: (finger, impression) of each."""
    count = len(names)
    square = np.zeros((count, count), np.float32)
    square[np.triu_indices(count, 1)] = scores.scores
    square += square.T
    given = of_templates("set", [(*name, each.template) for name, each in zip(names, samples.samples, strict=True)])
    at = {f"{finger}_{impression}": place for place, (finger, impression) in enumerate(names)}
    order = [at[each.name] for each in given.samples]
    moved = square[np.ix_(order, order)][np.triu_indices(count, 1)]
    return label_findings(given, PairScores(tuple(s.name for s in given.samples), given.finger_index, moved))


@pytest.mark.data
@pytest.mark.jit
@pytest.mark.parametrize("folder", ["crossmatch/mindtct", "fvc2002_DB1_B/fjfx", "fvc2004_DB4_B/sourceafis"])
def test_real_prints(fingerprints: Path, folder: str) -> None:
    """No question as the files are called; the right one when some are called otherwise."""
    samples = read_folder(fingerprints / folder)
    scores, _ = score_pairs(samples, Matcher(), threads=2)
    assert label_findings(samples, scores) == ()
    names = [(each.finger, each.impression) for each in samples.samples]
    chosen = random.Random(5)
    one, other = chosen.sample(samples.fingers, 2)
    split = [(f"{f}x", i) if f == one and int(i) > 4 else (f, i) for f, i in names]
    (found,) = renamed(samples, scores, split)
    assert (str(found.doubt), found.names) == ("two_names", (one, f"{one}x"))
    moved = [(other, "99") if (f, i) == (one, "2") else (f, i) for f, i in names]
    (found,) = renamed(samples, scores, moved)
    assert (str(found.doubt), found.names, found.samples) == ("misfiled", (other, one), (f"{other}_99",))
