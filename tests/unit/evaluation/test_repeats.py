"""Templates that stand in a set under two names."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from cccd_core.evaluation.repeats import Repeat, in_words, repeats
from cccd_core.evaluation.samples import of_templates
from cccd_core.templates import FingerTemplate
from support.known_fingers import finger


def found(**templates: FingerTemplate | None) -> tuple[Repeat, ...]:
    named = [(*name[1:].split("_"), template) for name, template in templates.items()]
    return repeats(of_templates("set", [(one, other, template) for one, other, template in named]))


def test_copies_are_found_whatever_else_their_files_say() -> None:
    one, two = finger(1), finger(2)
    order = np.arange(one.count)[::-1]
    turned = replace(
        one, x_px=one.x_px[order], y_px=one.y_px[order], angle=one.angle[order], kind=one.kind[order],
        quality=one.quality[order], position=7, capture_quality=50,
    )  # fmt: skip
    assert found(f1_1=one, f1_2=turned, f2_1=two) == (Repeat(("1_1", "1_2"), 1, 0),)
    assert found(f1_1=one, f1_2=replace(one, resolution_x_ppcm=300), f2_1=two) == ()
    assert found(f1_1=one, f1_2=replace(one, angle=one.angle + 1), f2_1=two) == ()


def test_pairs_are_counted_within_a_finger_and_across() -> None:
    one = finger(1)
    (each,) = found(f1_1=one, f1_2=one, f2_1=one, f3_1=finger(3))
    assert each == Repeat(("1_1", "1_2", "2_1"), 1, 2)
    assert each.as_dict() == {"samples": ["1_1", "1_2", "2_1"], "genuine_pairs": 1, "impostor_pairs": 2}


def test_nothing_is_no_copy_of_nothing() -> None:
    empty = finger(1, minutiae=0)
    assert found(f1_1=empty, f1_2=empty, f2_1=None, f2_2=None) == ()
    assert found() == ()


def test_in_words() -> None:
    assert in_words(()) == ""
    assert in_words([Repeat(("1_1", "1_2"), 1, 0)]) == (
        "1 impression is a copy of another's template: in 1 genuine pair a template is compared with itself, which "
        "makes the figures too good"
    )
    assert in_words([Repeat(("1_1", "1_2", "2_1"), 1, 2)]) == (
        "2 impressions are copies of another's template: in 1 genuine pair a template is compared with itself, which "
        "makes the figures too good and in 2 impostor pairs a template is compared with itself, which makes them too "
        "bad"
    )
