"""FingerTemplate, TemplateRecord and Tenprint."""

from __future__ import annotations

import copy
import pickle
from dataclasses import replace

import numpy as np
import pytest

from cccd_core.errors import ParameterError
from cccd_core.templates import FingerTemplate, TemplateRecord, Tenprint


def view(count: int = 3, **fields: object) -> FingerTemplate:
    numbers = np.arange(count)
    return FingerTemplate(numbers, numbers * 2, numbers * 16384, numbers % 3, numbers, **fields)  # type: ignore[arg-type]


def test_columns_have_their_types_and_are_read_only() -> None:
    template = view()
    kinds = [
        template.x_px.dtype,
        template.y_px.dtype,
        template.angle.dtype,
        template.kind.dtype,
        template.quality.dtype,
    ]
    assert kinds == [np.uint16, np.uint16, np.uint16, np.uint8, np.uint8]
    for column in (template.x_px, template.y_px, template.angle, template.kind, template.quality):
        with pytest.raises(ValueError, match="read-only"):
            column[0] = 1


def test_the_caller_keeps_no_handle_on_the_columns() -> None:
    numbers = np.arange(3, dtype=np.uint16)
    small = np.zeros(3, dtype=np.uint8)
    template = FingerTemplate(numbers, numbers, numbers, small, small)
    numbers[0] = 99
    assert template.x_px.tolist() == [0, 1, 2]


def test_angle_in_radians() -> None:
    np.testing.assert_allclose(view().angle_rad, [0.0, np.pi / 2, np.pi])


@pytest.mark.parametrize("way", [lambda v: pickle.loads(pickle.dumps(v)), copy.deepcopy, copy.copy])
def test_copies_are_equal_and_read_only(way) -> None:
    template = view(extended=b"\x01", position=3)
    other = way(template)
    assert other == template
    assert hash(other) == hash(template)
    assert not other.x_px.flags.writeable


def test_templates_differ_by_any_field() -> None:
    template = view()
    assert template != view(position=1)
    assert template != view(4)
    assert template != replace(template, x_px=template.x_px + np.uint16(1))
    assert template != "a template"


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"x_px": np.array([1, 2])}, "differ in length"),
        ({"x_px": np.array([-1, 2, 3])}, "out of its range"),
        ({"y_px": np.array([70000, 2, 3])}, "out of its range"),
        ({"x_px": np.array([0.5, 1, 2])}, "out of its range"),
        ({"x_px": np.zeros((3, 1), np.uint16)}, "one dimension"),
        ({"kind": np.array([0, 3, 1])}, "kind"),
        ({"quality": np.array([0, 101, 1])}, "quality"),
        ({"resolution_x_ppcm": 0}, "resolution"),
    ],
)
def test_a_template_that_says_nonsense_is_refused(change: dict[str, object], what: str) -> None:
    with pytest.raises(ParameterError, match=what):
        replace(view(), **change)


def test_a_record_has_a_view() -> None:
    with pytest.raises(ParameterError, match="at least one"):
        TemplateRecord("iso-2005", ())
    assert TemplateRecord("iso-2005", (view(1), view(2))).view.count == 1


def test_a_record_whose_views_differ_in_size_has_no_one_image() -> None:
    with pytest.raises(ParameterError, match="differ"):
        _ = TemplateRecord("iso-2005", (view(width_px=10), view(width_px=11))).image


def test_a_tenprint_is_ordered_and_checked() -> None:
    tenprint = Tenprint({7: view(1), 2: view(2)})
    assert list(tenprint) == [2, 7]
    assert tenprint[7].count == 1
    assert len(tenprint) == 2
    assert tenprint == Tenprint({2: view(2), 7: view(1)})
    assert hash(tenprint) == hash(Tenprint({2: view(2), 7: view(1)}))
    assert repr(tenprint) == "Tenprint(positions=[2, 7])"
    assert pickle.loads(pickle.dumps(tenprint)) == tenprint
    for position in (0, 11, -1):
        with pytest.raises(ParameterError, match="1 to 10"):
            Tenprint({position: view()})
