"""Each doubt about a finger is found by its word, and a sound finger raises none."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from cccd_core import templates
from cccd_core.errors import DamagedError, ParameterError
from cccd_core.intake import Doubt, Limits, examine
from cccd_core.intake.flow import FEATURES_UPRIGHT, FlowWeights, flow_score, scores, shipped
from cccd_core.synthesis import MasterFinger
from cccd_core.templates import CaptureDetails, FingerTemplate, QualityBlock, TemplateRecord

SOUND = MasterFinger.make(3, 1, 2).impression(0)
G = bytes.fromhex("464d520020323000000000240000012c019000c500c50100020050014064003220500000")


def words(view: FingerTemplate | TemplateRecord, limits: Limits | None = None) -> set[str]:
    record = view if isinstance(view, TemplateRecord) else TemplateRecord("iso-2005", (view,))
    return {str(finding.word) for finding in examine(record, limits=limits or Limits())}


def test_sound_fingers_raise_no_doubt() -> None:
    sound = 0
    for person in range(40):
        for position in (1, 2, 5, 7, 10):
            sound += words(MasterFinger.make(11, person, position).impression(person % 3)) == set()
    assert sound >= 197  # of 200: few of the poorest synthetic prints flow less than real ones


def test_an_empty_template() -> None:
    record = templates.read(bytes.fromhex("464d5200203230000000001e0000012c019000c500c50100020050000000"))
    assert words(record) == {"empty"}


@pytest.mark.parametrize("form", ["iso-2005", "ansi-2004"])
@pytest.mark.parametrize(
    ("code", "word"), [(255, "capture_failed"), (1, "low_quality"), (2, None), (0, None), (101, None)]
)
def test_what_a_record_says_of_its_capture(form: str, code: int, word: str | None) -> None:
    data = bytearray(templates.write(SOUND, form))
    place = 26 if form == "iso-2005" else 28
    data[place] = code
    assert words(templates.read(bytes(data))) == ({word} if word else set())


def test_a_failed_capture_of_the_newer_editions() -> None:
    for form in ("iso-2011", "ansi-2009"):
        failed = replace(SOUND, capture_quality=0, details=CaptureDetails(quality_blocks=(QualityBlock(255),)))
        record = templates.read(templates.write(failed, form))
        assert words(record) == {"capture_failed"}


@pytest.mark.parametrize("ppcm", [500, 1000, 19685, 39370])
def test_a_resolution_in_another_unit(ppcm: int) -> None:
    found = words(replace(SOUND, resolution_x_ppcm=ppcm, resolution_y_ppcm=ppcm))
    assert "resolution_unit" in found
    assert "resolution_unit" in words(templates.read(G[:18] + ppcm.to_bytes(2, "big") * 2 + G[22:]))


def test_a_record_made_from_a_card_is_believed() -> None:
    for person in range(20):
        view = MasterFinger.make(13, person, 2).impression(0)
        card = templates.read(templates.write(view, "iso-2005-card"), format="iso-2005-card")
        record = templates.read(templates.write(card, "iso-2005"))
        assert record.view.resolution_x_ppcm == 1000
        assert words(record) == set()


def test_scanners_of_other_resolutions_are_believed() -> None:
    for dpi in (250, 300, 500, 508, 569, 700, 1000):
        ppcm = templates.ppcm(dpi)
        assert words(templates.rescale(SOUND, ppcm)) == set(), dpi


def test_sizes_of_no_finger() -> None:
    assert "image_size" in words(replace(SOUND, width_px=20, height_px=20))
    assert "image_size" in words(replace(SOUND, width_px=1600, height_px=1600))
    spread = replace(SOUND, x_px=SOUND.x_px * 4, y_px=SOUND.y_px * 4, width_px=0, height_px=0)
    assert "print_size" in words(spread)
    assert "print_size" in words(replace(SOUND, resolution_x_ppcm=5000, resolution_y_ppcm=5000))
    assert "outside_image" in words(replace(SOUND, width_px=100, height_px=150))


def test_minutiae_that_are_no_finger() -> None:
    n = SOUND.count
    one_place = replace(SOUND, x_px=np.full(n, 100), y_px=np.full(n, 100))
    assert {"repeated_minutiae", "density", "in_line"} <= words(one_place)
    assert "repeated_minutiae" in words(replace(SOUND, x_px=SOUND.x_px // 150 * 150, y_px=SOUND.y_px // 150 * 150))
    assert "in_line" in words(replace(SOUND, y_px=SOUND.x_px))
    assert "one_direction" in words(replace(SOUND, angle=np.full(n, 9000)))
    assert "one_direction" in words(replace(SOUND, angle=np.where(np.arange(n) % 2, 8192, 40960).astype(np.uint16)))
    assert "one_direction" in words(replace(SOUND, angle=np.where(np.arange(n) % 3, 0, SOUND.angle).astype(np.uint16)))
    assert "sparse" in words(replace(SOUND, resolution_x_ppcm=78, resolution_y_ppcm=78))
    assert "half_circle" in words(replace(SOUND, angle=SOUND.angle // 2))
    crowded = replace(SOUND, x_px=SOUND.x_px // 12, y_px=SOUND.y_px // 12)
    assert {"density", "print_size"} <= words(crowded)


def test_few_directions() -> None:
    rng = np.random.default_rng(4)
    for some in ((3000, 40000), (0, 16384, 32768, 49152), (1000, 9000, 17000, 26000), (0, 0, 12000, 60000)):
        angle = rng.choice(np.array(some, np.uint16), SOUND.count)
        assert {"few_directions", "one_direction"} & words(replace(SOUND, angle=angle)), some
    nearest = ((SOUND.angle.astype(np.int64) + 4096) // 8192 * 8192 % 65536).astype(np.uint16)
    assert {"few_directions", "one_direction"} & words(replace(SOUND, angle=nearest))
    coarse = (SOUND.angle // 2048 * 2048).astype(np.uint16)  # 11.25 degrees, as mindtct has them
    assert words(replace(SOUND, angle=coarse)) == set()


def test_few_directions_close_together_are_a_flat_arch() -> None:
    angle = np.array([0, 2048, 4096, 6144], np.uint16)[np.arange(SOUND.count) % 4]
    assert "few_directions" not in words(replace(SOUND, angle=angle))
    assert "few_directions" in words(replace(SOUND, angle=angle * 3))


def test_few_minutiae_of_one_direction() -> None:
    """Of a dozen a share says something; of nine all but one."""
    few = replace(SOUND, x_px=SOUND.x_px[:9], y_px=SOUND.y_px[:9], angle=np.arange(9) * 5000, kind=SOUND.kind[:9],
                  quality=SOUND.quality[:9])  # fmt: skip
    for same, doubted in ((7, False), (8, True), (9, True)):
        angle = np.where(np.arange(9) < same, 100, few.angle).astype(np.uint16)
        assert ("one_direction" in words(replace(few, angle=angle))) is doubted, same


@pytest.mark.parametrize("turned", [0.0, 0.4])
def test_minutiae_on_lines_or_a_circle(turned: float) -> None:
    rng = np.random.default_rng(5)
    n, side = SOUND.count, 300
    around, along = rng.uniform(0, 2 * np.pi, n), rng.uniform(0, side, n)
    for x, y in (
        (rng.choice([80.0, 200.0], n), along),
        (rng.choice([60.0, 140.0, 250.0], n), along),
        (150 + 120 * np.cos(around), 150 + 120 * np.sin(around)),
        (150 + 140 * np.cos(around), 150 + 70 * np.sin(around)),
    ):
        places = np.stack([np.cos(turned) * x - np.sin(turned) * y + 150, np.sin(turned) * x + np.cos(turned) * y])
        placed = replace(SOUND, x_px=np.rint(places[0]).astype(np.uint16), y_px=np.rint(places[1]).astype(np.uint16))
        assert "on_curve" in words(placed)
        blurred = np.rint(places + rng.normal(0, 30, places.shape)).clip(0).astype(np.uint16)
        assert "on_curve" not in words(replace(SOUND, x_px=blurred[0], y_px=blurred[1]))


def test_two_fingers_beside_each_other() -> None:
    """Most of them: one finger's ridges turn one way from left to right, those of two begin again."""
    found = 0
    for person in range(10):
        one, other = (MasterFinger.make(17, person, place).impression(0) for place in (2, 3))
        two = beside_each_other(one, other, 20)
        found += "two_fingers" in words(two)
        assert "two_fingers" not in words(replace(two, resolution_x_ppcm=400, resolution_y_ppcm=400))  # too narrow
    assert found >= 7


def beside_each_other(one: FingerTemplate, other: FingerTemplate, gap_px: int) -> FingerTemplate:
    right = other.x_px + (int(one.x_px.max()) + gap_px - int(other.x_px.min()))
    columns = {
        name: np.concatenate([getattr(one, name), getattr(other, name)])
        for name in ("y_px", "angle", "kind", "quality")
    }
    return replace(one, x_px=np.concatenate([one.x_px, right]), width_px=0, height_px=0, **columns)


def test_two_fingers_over_each_other() -> None:
    """Some of them: a print with many false minutiae flows both ways, too."""
    found = 0
    for person in range(10):
        one, other = (MasterFinger.make(17, person, place).impression(0) for place in (2, 3))
        columns = {
            name: np.concatenate([getattr(one, name), getattr(other, name)])
            for name in ("x_px", "y_px", "angle", "kind", "quality")
        }
        both = replace(one, **columns)
        found += "overlaid" in words(both)
        assert "overlaid" not in words(both, Limits(overlaid_from=255))
    assert found >= 3


def test_what_is_sparse_depends_on_how_far_the_print_reaches() -> None:
    def spread(count: int, width_px: int, height_px: int) -> bool:
        rng = np.random.default_rng(6)
        x, y = rng.uniform(0, width_px, count), rng.uniform(0, height_px, count)
        x[:2], y[:2] = (0, width_px), (0, height_px)
        zeros = np.zeros(count, np.uint8)
        angle = rng.integers(0, 65536, count)
        return "sparse" in words(FingerTemplate(x.astype(int), y.astype(int), angle, zeros, zeros))

    assert spread(40, 440, 500)  # 22 x 25 mm
    assert not spread(80, 440, 500)
    assert not spread(9, 150, 200)  # little of a finger, and few minutiae
    assert spread(9, 380, 500)


def test_the_other_form_of_xyt_is_noticed() -> None:
    """`mindtct -m1`: y from the top, directions in units of two degrees, 0 to 179."""
    rows = zip(SOUND.x_px.tolist(), SOUND.y_px.tolist(), (SOUND.angle // 364 // 2 * 1).tolist(), strict=True)
    text = "".join(f"{x} {y} {t} 50\n" for x, y, t in rows).encode()
    read = templates.read(text, dpi=500, height_px=SOUND.height_px + 10)
    assert "half_circle" in words(read)
    default = templates.write(SOUND, "xyt", height_px=SOUND.height_px)
    assert words(templates.read(default, dpi=500, height_px=SOUND.height_px)) == set()


def test_random_bytes_as_a_card_are_no_finger() -> None:
    rng = np.random.default_rng(1)
    for form, size in (("iso-2005-card", 5), ("iso-2005-compact", 3)):
        for count in (20, 76, 128):
            found = words(templates.read(rng.bytes(size * count), format=form))
            assert "reserved_types" in found, (form, count)
    assert words(templates.read(templates.write(SOUND, "iso-2005-card"), format="iso-2005-card")) == set()


def test_a_reserved_type_is_that_of_its_view() -> None:
    data = bytearray(templates.write([SOUND, replace(SOUND, view=1)], "iso-2005"))
    data[28] |= 0xC0
    record = templates.read(bytes(data))
    assert {str(f.word) for f in examine(record, record.views[0])} == {"reserved_types"}
    assert examine(record, record.views[1]) == ()


def test_columns_that_were_shuffled_do_not_flow() -> None:
    rng = np.random.default_rng(2)
    missed = 0
    for person in range(40):
        view = MasterFinger.make(5, person, 2).impression(0)
        shuffled = replace(view, x_px=rng.permutation(view.x_px), y_px=rng.permutation(view.y_px))
        missed += not {"no_flow", "scattered"} & words(shuffled)
    assert missed <= 2


def test_findings_come_in_order_and_as_data() -> None:
    broken = replace(SOUND, x_px=np.full(SOUND.count, 9), resolution_x_ppcm=500, resolution_y_ppcm=500)
    found = examine(TemplateRecord("iso-2005", (broken,)))
    order = [list(Doubt).index(finding.word) for finding in found]
    assert order == sorted(order)
    assert found[0].as_dict()["word"] == "resolution_unit"
    assert "dots an inch" in str(found[0])


def test_limits_are_the_callers() -> None:
    assert words(SOUND, Limits(flow=1e9)) == {"no_flow"}
    assert words(SOUND, Limits(flow=1e9, scattered=1e9)) == {"scattered"}
    assert words(replace(SOUND, capture_quality=30), Limits(min_quality=40)) == {"low_quality"}
    with pytest.raises(ParameterError):
        Limits(min_print_mm=9, max_print_mm=8)
    with pytest.raises(ParameterError):
        Limits(repeated=0)


def test_weights_of_another_make_are_refused() -> None:
    weights = shipped()
    again = FlowWeights.from_bytes(weights.to_bytes())
    judged = scores(SOUND)
    assert judged is not None
    assert flow_score(SOUND, again) == flow_score(SOUND) == judged[0]
    upright = shipped(FEATURES_UPRIGHT).to_bytes()
    assert FlowWeights.from_bytes(upright, FEATURES_UPRIGHT).to_bytes() == upright
    for data in (b"", b"x" * 100, weights.to_bytes()[:-4], weights.to_bytes()[:200], upright):
        with pytest.raises(DamagedError):
            FlowWeights.from_bytes(data)


def test_any_columns_are_judged() -> None:
    rng = np.random.default_rng(3)
    for count in (0, 1, 2, 3, 5, 6, 7, 9, 64, 65, 255):
        for most in (0, 1, 3, 400, 16383):
            view = FingerTemplate(
                rng.integers(0, most + 1, count), rng.integers(0, most + 1, count), rng.integers(0, 65536, count),
                np.zeros(count, np.uint8), np.zeros(count, np.uint8),
            )  # fmt: skip
            for ppcm in (1, 197, 65535):
                examine(TemplateRecord("", (replace(view, resolution_x_ppcm=ppcm),)))
