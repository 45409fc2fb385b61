"""The picture of pairs and its evidence: agreement where there is agreement, none where chance would do as well."""

from __future__ import annotations

import io
import json
import math

import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

from cccd_core.errors import ParameterError
from cccd_core.evaluation import explain
from cccd_core.evaluation.evidence import PX_PER_MM, Weight, evidence, in_words, laid_over, places
from cccd_core.evaluation.explain import MOST_CANDIDATES, Candidate, _numbers, _short, picture
from cccd_core.evaluation.plots import png
from cccd_core.matching.explanation import MatchExplanation
from cccd_core.templates import FingerTemplate
from support.toy_matcher import template

PROBE = template([(50, 60), (120, 90), (200, 150), (80, 220), (150, 260)])


def explanation(
    pairs: int, probe: FingerTemplate, candidate: FingerTemplate, turn: float = 0.0, score: float = 81.0
) -> MatchExplanation:
    """The first minutiae paired in their order; all but the last in the common area."""
    return MatchExplanation(
        np.arange(pairs),
        np.arange(pairs),
        np.linspace(0.2, 1.0, pairs),
        np.arange(probe.count) < probe.count - 1,
        np.arange(candidate.count) < candidate.count - 1,
        turn,
        (0.0, 0.0),
        {"paired": 3.0, "missing": -1.0},
        2.0,
        score,
    )


def drawn(pairs: int, score: float = 81.0, candidates: int = 1) -> np.ndarray:
    why = explanation(pairs, PROBE, PROBE, score=score)
    data = picture("a", PROBE, [Candidate(f"b{k}", PROBE, why) for k in range(candidates)])
    with Image.open(io.BytesIO(data)) as image:
        return np.asarray(image.convert("RGB")).astype(int)


def like(pixels: np.ndarray, colour: tuple[int, int, int]) -> int:
    """How many pixels are nearly of that colour."""
    return int((np.abs(pixels - np.array(colour)).max(axis=2) < 12).sum())


GREEN, BROWN, RED = (26, 122, 55), (176, 108, 0), (214, 39, 40)


def as_figure(monkeypatch: pytest.MonkeyPatch, probe: FingerTemplate, candidates: list[Candidate]) -> Figure:
    """The figure of a picture, laid out."""
    figures: list[Figure] = []

    def kept(figure: Figure) -> bytes:
        figures.append(figure)
        return png(figure)

    monkeypatch.setattr(explain, "png", kept)
    picture("W" * 60, probe, candidates)
    figures[0].draw_without_rendering()
    return figures[0]


HALF = FingerTemplate(
    PROBE.x_px // 2, PROBE.y_px // 2, PROBE.angle, PROBE.kind, PROBE.quality, resolution_x_ppcm=98, resolution_y_ppcm=98
)
OTHERS = {"same": PROBE, "empty": template([]), "one": template([(10, 10)]), "250 dpi": HALF}


@pytest.mark.parametrize("count", [1, 2])
@pytest.mark.parametrize("score", [1.6, 35.0, 81.0])
@pytest.mark.parametrize("other", OTHERS)
def test_no_word_stands_on_another(monkeypatch: pytest.MonkeyPatch, other: str, score: float, count: int) -> None:
    template_ = OTHERS[other]
    why = explanation(min(4, template_.count), PROBE, template_, math.radians(134), score)
    figure = as_figure(monkeypatch, PROBE, [Candidate("W" * 60, template_, why)] * count)
    headings = [text for part in (figure, *figure.subfigs) for text in part.texts]
    titles = [axes.title for axes in figure.axes if axes.get_title()]
    words = [text for axes in figure.axes for text in axes.texts if "Score" in text.get_text()]
    legends = [axes.get_legend() for axes in figure.axes if axes.get_legend()]
    assert (len(headings), len(titles), len(words), len(legends)) == (2 * count, 3 * count, count, count)
    boxes = [each.get_window_extent() for each in (*headings, *titles, *words, *legends)]
    for place, box in enumerate(boxes):
        assert 0 <= box.x0 < box.x1 <= figure.bbox.x1
        assert 0 <= box.y0 < box.y1 <= figure.bbox.y1
        assert not any(box.overlaps(later) for later in boxes[place + 1 :])


@pytest.mark.parametrize("other", OTHERS)
def test_the_panels_have_one_scale_with_a_bar(monkeypatch: pytest.MonkeyPatch, other: str) -> None:
    template_ = OTHERS[other]
    why = explanation(min(4, template_.count), PROBE, template_)
    figure = as_figure(monkeypatch, PROBE, [Candidate("b", template_, why)])
    panels = [axes for axes in figure.axes if axes.get_title()]
    scales = [axes.transData.transform([(0, 0), (PX_PER_MM, 0)])[:, 0] for axes in panels]
    assert len({round(float(end - start), 6) for start, end in scales}) == 1
    for axes in panels:
        assert "5 mm" in [text.get_text() for text in axes.texts]
        ((start, end),) = [line.get_xdata() for line in axes.lines if line.get_color() == "k"]
        assert end - start == pytest.approx(5 * PX_PER_MM)


def test_what_is_in_both_prints_is_red_where_nothing_is_marked() -> None:
    found = evidence(PROBE, PROBE, explanation(3, PROBE, PROBE, score=4.0))
    assert "have no partner: 1 of the probe, 1 of the candidate" in found.sentences()[-1]
    assert "red" not in found.sentences()[-1]
    assert "(red; " in evidence(PROBE, PROBE, explanation(3, PROBE, PROBE, score=81.0)).sentences()[-1]


@pytest.mark.parametrize("pairs", [3, 4])
@pytest.mark.parametrize(("turn", "against"), [(134, True), (-134, True), (226, True), (30, False), (-344, False)])
def test_a_turn_speaks_against_where_the_score_does_not_decide(pairs: int, turn: float, against: bool) -> None:
    for score, borderline in ((4.0, False), (35.0, True), (81.0, False)):
        last = evidence(PROBE, PROBE, explanation(pairs, PROBE, PROBE, math.radians(turn), score)).sentences()[-1]
        assert last.startswith("Against: ")
        assert ("turned by 134°" in last) == (against and borderline)


def test_types_that_are_not_known_are_said() -> None:
    other = FingerTemplate(PROBE.x_px, PROBE.y_px, PROBE.angle, np.zeros(5, np.uint8), PROBE.quality)
    found = evidence(other, other, explanation(4, other, other))
    assert [pair.types for pair in found.pairs] == ["other"] * 4
    assert "Types: of no pair are both known" in found.sentences()[3]
    half = FingerTemplate(PROBE.x_px, PROBE.y_px, PROBE.angle, np.array([0, 1, 2, 1, 1], np.uint8), PROBE.quality)
    found = evidence(half, half, explanation(4, half, half))
    assert "3 of 3 pairs are the same type" in found.sentences()[3]
    assert "Of 1 it is not known" in found.sentences()[3]


def test_what_agrees_is_green_and_numbered() -> None:
    few, many = drawn(1), drawn(4)
    assert like(many, GREEN) > like(few, GREEN) > 0
    assert like(many, BROWN) == 0


def test_what_does_not_decide_is_not_green() -> None:
    undecided = drawn(4, score=35.0)
    assert like(undecided, GREEN) == 0
    assert like(undecided, BROWN) > 0


@pytest.mark.parametrize("score", [0.0, 4.3, 19.9])
def test_on_different_fingers_nothing_is_marked_as_agreeing(score: float) -> None:
    chance = drawn(4, score=score)
    assert like(chance, GREEN) == like(chance, BROWN) == 0
    assert like(chance, RED) > 0
    found = evidence(PROBE, PROBE, explanation(4, PROBE, PROBE, score=score))
    assert found.weight is Weight.NONE
    assert "not agreement" in " ".join(found.sentences())
    assert "agree," not in " ".join(found.sentences())


def test_several_candidates_are_drawn_below_each_other() -> None:
    two, three = drawn(3, candidates=2), drawn(3, candidates=3)
    assert three.shape[1] == two.shape[1]
    assert three.shape[0] == pytest.approx(1.5 * two.shape[0], abs=2)
    for count in (0, MOST_CANDIDATES + 1):
        with pytest.raises(ParameterError):
            drawn(3, candidates=count)


@pytest.mark.parametrize("count", [0, 1])
def test_empty_templates_are_drawn(count: int) -> None:
    small = template([(10, 10)][:count])
    why = explanation(count, small, PROBE)
    assert len(picture("a", small, [Candidate("b", PROBE, why)])) > 10_000
    words = " ".join(evidence(small, PROBE, why).sentences())
    assert ("no minutiae" in words) == (count == 0)


def test_a_long_name_leaves_the_picture_its_size() -> None:
    why = explanation(2, PROBE, PROBE)
    sizes = set()
    for name in ("a", "b" * 250 + ".fmr"):
        with Image.open(io.BytesIO(picture(name, PROBE, [Candidate(name, PROBE, why)]))) as image:
            sizes.add(image.size)
    assert len(sizes) == 1
    assert _short("a" * 48) == "a" * 48
    assert _short("b" * 250 + "_12.fmr") == "b" * 35 + "…" + "b" * 5 + "_12.fmr"


def test_minutiae_in_one_place_and_as_many_as_there_can_be() -> None:
    heap = template([(100, 100)] * 255)
    assert len(picture("a", heap, [Candidate("b", heap, explanation(100, heap, heap))])) > 10_000


def test_a_name_is_drawn_as_it_is() -> None:
    why = explanation(2, PROBE, PROBE)
    assert len(picture("$x_$", PROBE, [Candidate(r"\frac$", PROBE, why)])) > 10_000


def test_the_candidate_is_laid_onto_the_probe() -> None:
    # The candidate is the probe turned clockwise by a quarter turn as seen: turning it back lays them on each other.
    turned = template([(int(400 - y), int(x)) for x, y in zip(PROBE.x_px, PROBE.y_px, strict=True)])
    why = explanation(5, PROBE, turned, math.pi / 2)
    shift = (places(PROBE) - laid_over(turned, why)).mean(axis=0)
    object.__setattr__(why, "shift_px", (float(shift[0]), float(shift[1])))
    assert np.abs(laid_over(turned, why) - places(PROBE)).max() < 1e-9
    found = evidence(PROBE, turned, why)
    assert max(pair.apart_mm for pair in found.pairs) < 1e-9
    assert "by 90° counter-clockwise" in " ".join(found.sentences())


def test_the_evidence_is_what_is_there() -> None:
    kinds = np.array([1, 2, 1, 2, 0], np.uint8)
    probe = FingerTemplate(PROBE.x_px, PROBE.y_px, PROBE.angle, kinds, PROBE.quality)
    moved = FingerTemplate(
        PROBE.x_px + np.uint16(3),
        PROBE.y_px,
        PROBE.angle + np.uint16(65536 // 36),
        kinds[[0, 0, 2, 3, 4]],
        PROBE.quality,
    )
    found = evidence(probe, moved, explanation(3, probe, moved))
    assert [pair.probe for pair in found.pairs] == [pair.candidate for pair in found.pairs] == [0, 1, 2]
    assert [pair.types for pair in found.pairs] == ["ending", "bifurcation / ending", "ending"]
    assert [pair.turned_deg for pair in found.pairs] == pytest.approx([10.0] * 3, abs=0.1)
    assert [pair.apart_mm for pair in found.pairs] == pytest.approx([3 / PX_PER_MM] * 3, rel=0.01)
    assert (found.types_agree, found.types_known) == (2, 3)
    # four of five lie in the common area, three of them have partners
    assert (found.common_probe, found.alone_probe, found.common_candidate, found.alone_candidate) == (4, 1, 4, 1)
    corners = [(50, 60), (120, 90), (200, 150), (80, 220)]
    around = zip(corners, corners[1:] + corners[:1], strict=True)
    area = abs(sum(ax * by - bx * ay for (ax, ay), (bx, by) in around)) / 2
    assert found.common_mm2 == pytest.approx(area / PX_PER_MM**2, rel=0.01)
    record = json.loads(json.dumps(found.as_dict()))
    assert record["weight"] == "one_finger"
    assert record["common_area"]["probe"] == {"minutiae": 4, "of": 5, "alone": 1}
    assert record["words"][1].startswith("3 minutiae agree, numbered in both prints")
    assert "2 of 3 pairs are the same type" in record["words"][3]
    assert "2 of the 8 minutiae in the common area have no partner" in record["words"][-1]


@pytest.mark.parametrize(
    ("score", "extrapolated_from", "words"),
    [
        (40.0, 53.8, "one pair of different fingers in 10,000 scores as high"),
        (2.9, 53.8, "more than half of all pairs"),
        (90.0, 53.8, "fewer than one pair of different fingers in 240,000"),
        (90.0, 53.8, "worked out from there it is one in 1 thousand million"),
    ],
)
def test_a_score_in_words(score: float, extrapolated_from: float, words: str) -> None:
    why = explanation(2, PROBE, PROBE, score=score)
    assert words in evidence(PROBE, PROBE, why, extrapolated_from=extrapolated_from).sentences()[0]


@pytest.mark.parametrize(
    ("number", "words"),
    [(1.0, "1"), (3.4, "3"), (12.3, "12"), (3981.0, "4,000"), (2.51e6, "2 million"), (1e9, "1 thousand million"),
     (2e12, "2 million million"), (10**25.87, "10^26")],
)  # fmt: skip
def test_large_numbers_are_rounded_to_words(number: float, words: str) -> None:
    assert in_words(number) == words


def test_numbers_stand_apart_from_minutiae_and_from_each_other() -> None:
    axes = Figure().add_subplot()
    crowded = template([(50 + 9 * (k % 3), 50 + 9 * (k // 3)) for k in range(9)])
    _numbers(axes, places(crowded), crowded, list(range(9)), "k")
    spots = np.array([text.get_position() for text in axes.texts])
    assert [text.get_text() for text in axes.texts] == [str(k + 1) for k in range(9)]
    apart = np.sqrt(((spots[:, None] - spots[None]) ** 2).sum(axis=2)) + 1e9 * np.eye(9)
    assert apart.min() > 1.0
