"""The map from raw scores to −10·log10(FMR): its shape, its file, its fit on distributions that are known."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import numpy as np
import pytest

from cccd_core.errors import FormatError, ParameterError
from cccd_core.evaluation.calibrating import (
    MISTAKEN,
    Raw,
    RawSet,
    fit,
    fit_fusion,
    fit_levelling,
)
from cccd_core.evaluation.left_out import TOGETHER, check, leave_one_set_out, together
from cccd_core.evaluation.tails import fit_tail
from cccd_core.matching.calibration import Calibration
from cccd_core.matching.levelling import Levelling, Surroundings

MAP = Calibration((1.0, 2.0, 4.0), (0.0, 10.0, 50.0), "sha256:x", 1000, 20.0)


def around(minutiae: np.ndarray, neighbours: int | np.ndarray = 4) -> Surroundings:  # type: ignore[type-arg]
    """Two fingers alike: minutiae that all count, and eighths of neighbours a minutia; 4 give a figure of 0."""
    octets = np.zeros((len(minutiae), 8), np.uint8)
    octets[:, 0] = minutiae
    octets[:, 3] = np.minimum(2 * minutiae, 255)
    octets[:, 4] = neighbours
    return Surroundings(octets, octets)


def raw(scores: np.ndarray, minutiae: int | np.ndarray = 40) -> Raw:  # type: ignore[type-arg]
    return Raw(scores.astype(np.float32), around(np.broadcast_to(np.int32(minutiae), scores.shape)))


def one_set(name: str, impostor: Raw, extractor: str = "e") -> RawSet:
    return RawSet(name, extractor, raw(np.linspace(0, 50, 200)), impostor)


def test_scores_are_read_off_the_knots() -> None:
    scores = MAP.scores(np.array([-5.0, 1.0, 1.5, 3.0, 4.0, 6.0], np.float32), around(np.full(6, 40)))
    assert scores.dtype == np.float32
    assert scores.tolist() == [0.0, 0.0, 5.0, 30.0, 50.0, 90.0]


LEVELLING = Levelling((-0.5, 0.0, 0.0, 0.25, 2.0, *[0.0] * 4), -math.log(20.0), 10.0, 8.0, 9.0, (0.0, 0.0), 0.0)


def test_surroundings_are_read_from_first_words() -> None:
    first = np.array([30 | 48 << 24 | 24 << 32 | 51 << 40], np.uint64)
    second = np.array([50 | 255 << 24 | 12 << 32, 20 | 20 << 24 | 255 << 40, 0], np.uint64)
    both = Surroundings.of(first, second)
    assert both.minutiae.tolist() == [30, 20, 0]
    assert both.figures.shape == (3, 9)
    assert both.figures[:, 0] == pytest.approx([math.log(24 * n) for n in (60, 10, 4)], abs=1e-6)
    assert both.figures[:, 2] == pytest.approx([math.log(30 * n) for n in (60, 30, 30)], abs=1e-6)
    assert both.figures[:, 3] == pytest.approx([math.log(3.5 * n) for n in (2.0, 0.5, 0.5)], abs=1e-6)
    assert both.figures[:, 4] == pytest.approx([0.2, 1.2, 0.2], abs=1e-6)
    assert both.figures[:, 5] == pytest.approx([math.log(n) for n in (30, 20, 8)], abs=1e-6)
    assert both.figures[:, 6] == pytest.approx([math.log(n) for n in (30, 20, 20)], abs=1e-6)
    assert both.figures[:, 8] == pytest.approx(np.full(3, math.log(60)), abs=1e-6)
    assert both.spread_figures[:, 0] == pytest.approx([math.log(n) for n in (30, 20, 8)], abs=1e-6)


def test_surroundings_level_the_raw_score() -> None:
    levelled = replace(MAP, levelling=LEVELLING, most_per_minutia=1e6)
    counts = np.array([3, 4, 20, 60, 120])
    same = levelled.levelled(np.full(5, 30.0), around(counts))
    expected = [math.log(max(4, min(60, count)) / 20) for count in counts.tolist()]
    assert same == pytest.approx([30.0 + min(1.5, value) for value in expected])  # raised by 1.5 at most
    # Where it does not begin yet, scores stay; a pair that reaches 10.5 by chance has the common level 10 there.
    chance = 0.5 * math.log(20 / 8 + 0.5)
    crowded = levelled.levelled(np.array([1.0, 8.9, 10.0 + chance, 12.0]), around(np.full(4, 20), 20))
    assert crowded == pytest.approx([1.0, 8.9, 10.0, 12.0 - chance])
    for neighbours in (0, 4, 20, 255):
        rising = levelled.levelled(np.linspace(0.0, 40.0, 2000), around(np.full(2000, 20), neighbours))
        assert (np.diff(rising) > 0.0).all()


def test_pairs_of_one_finger_and_single_pairs_score_the_same() -> None:
    levelled = replace(MAP, levelling=LEVELLING, most_per_minutia=1e6)
    random = np.random.default_rng(4)
    heads = random.integers(0, 1 << 48, 500, dtype=np.uint64)
    scores = random.normal(8.0, 3.0, 500).astype(np.float32)
    together = levelled.scores(scores, Surroundings.of(heads[7:8], heads))
    alone = [levelled.scores(scores[k : k + 1], Surroundings.of(heads[7:8], heads[k : k + 1]))[0] for k in range(500)]
    assert together.tolist() == alone
    assert together.tolist() == levelled.scores(scores, Surroundings.of(np.repeat(heads[7:8], 500), heads)).tolist()
    assert len(levelled.scores(scores[:0], Surroundings.of(heads[:1], heads[:0]))) == 0


def test_two_fingers_of_many_minutiae_are_held_to_more_than_one_of_them_with_one_of_few() -> None:
    """Typed: the smaller count adds log(n / 20) from 20 on; scores above the level spread twice as far from 60 on."""
    smaller = replace(LEVELLING, slopes=(*[0.0] * 5, 0.0, 1.0, 0.0, 0.0), centre=math.log(20.0))
    levelled = replace(MAP, levelling=smaller, most_per_minutia=1e6)
    octets = np.zeros((4, 8), np.uint8)
    octets[:, 0] = (20, 80, 80, 120)
    pairs = Surroundings(octets, np.array([[80], [20], [80], [200]], np.uint8) * (np.arange(8) == 0).astype(np.uint8))
    at_30 = levelled.levelled(np.full(4, 30.0), pairs)
    assert at_30 == pytest.approx([30.0, 30.0, 30.0 - math.log(4.0), 30.0 - math.log(6.0)])
    slope = math.log(2.0) / math.log(60.0 / 30.0)
    wide = replace(MAP, levelling=replace(LEVELLING, slopes=(0.0,) * 9, centre=0.0, spreads=(0.0, slope),
                                          spread_centre=slope * math.log(30.0)))  # fmt: skip
    for count, times in ((8, 1.0), (30, 1.0), (60, 2.0), (200, 2.0)):
        found = wide.levelled(np.array([9.5, 10.0, 10.0 + times, 10.0 + 7.0 * times]), around(np.full(4, count)))
        assert found == pytest.approx([9.5, 10.0, 11.0, 17.0])


@pytest.mark.parametrize(
    "changes",
    [
        {"slopes": (1.0,)},
        {"centre": math.inf},
        {"level": 8.5},
        {"raised_from": 11.0},
        {"spreads": (0.0,)},
        {"spread_centre": math.nan},
        {"spread_centre": 1e4},
    ],
)
def test_what_is_no_levelling_is_refused(changes: dict[str, object]) -> None:
    with pytest.raises(FormatError):
        replace(LEVELLING, **changes)


def test_few_minutiae_cannot_score_high() -> None:
    scores = MAP.scores(np.full(5, 1000.0, np.float32), around(np.array([0, 1, 4, 10, 64])))
    assert scores.tolist() == [0.0, 7.0, 28.0, 70.0, 448.0]


def test_identity_gives_raw_scores_back() -> None:
    values = np.array([0.0, 0.25, 3.0, 700.0], np.float32)
    assert Calibration.identity().scores(values, around(np.full(4, 9))).tolist() == values.tolist()


@pytest.mark.parametrize(
    "changes",
    [
        {"raw_knots": (1.0,), "score_knots": (0.0,)},
        {"raw_knots": (1.0, 2.0)},
        {"raw_knots": (1.0, 1.0, 4.0)},
        {"score_knots": (0.0, 20.0, 10.0)},
        {"score_knots": (1.0, 10.0, 50.0)},
        {"raw_knots": (1.0, 2.0, float("inf"))},
        {"extrapolated_from": float("nan")},
        {"most_per_minutia": 0.0},
        {"most_per_minutia": float("nan")},
        {"raw_knots": tuple(map(float, range(5000))), "score_knots": tuple(map(float, range(5000)))},
    ],
)
def test_what_is_no_map_is_refused(changes: dict[str, object]) -> None:
    with pytest.raises(FormatError):
        replace(MAP, **changes)


def test_its_file_reads_back_and_its_digest_covers_it() -> None:
    record = json.loads(json.dumps(MAP.as_dict()))
    assert Calibration.from_dict(record) == MAP
    level = replace(MAP, levelling=LEVELLING)
    assert Calibration.from_dict(json.loads(json.dumps(level.as_dict()))) == level
    with pytest.raises(FormatError):
        Calibration.from_dict({**record, "levelling": [1.0, 2.0]})
    assert Calibration.from_dict(record).digest == MAP.digest
    assert replace(MAP, impostor_pairs=1001).digest != MAP.digest
    for broken in (None, [], {}, {**record, "format": "other"}, {**record, "raw": "text"}, {**record, "tail": 3}):
        with pytest.raises(FormatError):
            Calibration.from_dict(broken)
    for name in record:
        with pytest.raises(FormatError):
            Calibration.from_dict({key: value for key, value in record.items() if key != name})


@pytest.mark.parametrize("shape", [-0.2, 0.0, 0.15])
def test_tail_of_a_known_distribution(shape: float) -> None:
    uniform = np.random.default_rng(8).random(400_000)
    excess = -np.log(uniform) if shape == 0.0 else (uniform**-shape - 1.0) / shape
    tail = fit_tail(np.sort(3.0 + 2.0 * excess))
    assert tail.excesses == 4000
    assert tail.shape == pytest.approx(shape, abs=0.05)
    # The score that one in 100,000 exceeds: known exactly.
    exact = 3.0 + 2.0 * (-math.log(1e-5) if shape == 0.0 else (1e-5**-shape - 1.0) / shape)
    assert float(tail.raw_at(np.array([1e-5]))[0]) == pytest.approx(exact, rel=0.08)


def test_equal_scores_have_no_tail() -> None:
    with pytest.raises(ParameterError):
        fit_tail(np.zeros(5000))


def test_levelling_is_found() -> None:
    random = np.random.default_rng(2)
    counts = random.integers(8, 60, 60_000)
    neighbours = random.integers(30, 90, 60_000)
    scores = random.normal(0, 1, 60_000) - 0.8 * np.log(counts) + 1.4 * np.log(neighbours / 8 + 0.5)
    found = fit_levelling(scores, around(counts, neighbours))
    assert found is not None
    assert found.slopes[3] == pytest.approx(0.7, abs=0.1)
    assert found.slopes[4] == 0.0  # all alike: nothing to be learned
    # One slope over the logarithm of the count, given as a broken line of three.
    at = around(np.array([12, 48])).figures @ np.array(found.slopes)
    assert at[1] - at[0] == pytest.approx(-0.8 * math.log(4.0), abs=0.25)
    assert fit_levelling(np.zeros(60_000), around(counts)) is None


def test_how_far_scores_go_beyond_the_level_is_found() -> None:
    random = np.random.default_rng(3)
    counts = random.integers(8, 60, 200_000)
    far = np.exp(np.where(counts < 30, 0.7 * np.log(30.0 / counts), 0.0))  # twice as far at 11 as from 30 on
    scores = random.exponential(1.0, 200_000) * far
    found = fit_levelling(scores, around(counts))
    assert found is not None
    few, many = (around(np.array([count])).spread_figures[0] @ np.array(found.spreads) for count in (11, 45))
    assert few - many == pytest.approx(0.7 * math.log(30.0 / 11.0), abs=0.15)
    levelled = found.levelled(scores, around(counts))
    for least, most in ((8, 15), (15, 30), (30, 60)):
        some = levelled[(counts >= least) & (counts < most)]
        assert (some > found.level + math.log(10.0) * 0.8).mean() == pytest.approx(
            (levelled > found.level + math.log(10.0) * 0.8).mean(), rel=0.35
        )


def test_calibrated_scores_say_the_fmr_on_new_pairs() -> None:
    def impostors(seed: int, pairs: int) -> Raw:
        random = np.random.default_rng(seed)
        counts = random.integers(20, 60, pairs)
        return raw(random.gumbel(5.0, 1.0, pairs) - 1.2 * np.log(counts) + 6.0, counts)

    calibration, tail = fit([one_set("a", impostors(1, 200_000)), one_set("b", impostors(2, 100_000))], "sha256:x")
    assert calibration.impostor_pairs == 300_000
    assert calibration.sets == ("a/e", "b/e")
    assert calibration.extrapolated_from == pytest.approx(44.77, abs=0.01)
    assert calibration.levelling is not None
    assert tail.fraction == pytest.approx(0.01)
    fresh = check(calibration, one_set("c", impostors(3, 1_000_000)), scores=(3, 10, 20, 30, 40))
    for score in (3, 10, 20, 30):
        assert fresh.ratio(score) == pytest.approx(1.0, abs=0.12)
    assert fresh.ratio(40) == pytest.approx(1.0, abs=0.4)
    # Above the last knot of any use the map still rises, no faster than before.
    high = calibration.scores(np.array([12.0, 16.0, 20.0], np.float32), around(np.full(3, 40)))
    assert (np.diff(high) > 0).all()


def test_many_zeros_are_no_evidence() -> None:
    random = np.random.default_rng(5)
    scores = np.where(random.random(50_000) < 0.7, 0.0, 1.0 + random.exponential(1.0, 50_000))
    calibration, _ = fit([one_set("a", raw(scores))], "sha256:x")
    at = calibration.scores(np.array([0.0, 1.0 + math.log(3.0)], np.float32), around(np.full(2, 40)))
    assert at[0] == 0.0
    assert at[1] == pytest.approx(10.0, abs=0.2)  # a tenth of all pairs: a third of those above 1


def test_too_little_to_fit_on() -> None:
    with pytest.raises(ParameterError):
        fit([], "sha256:x")
    with pytest.raises(ParameterError):
        fit([one_set("a", raw(np.arange(9999.0)))], "sha256:x")
    calibration, _ = fit([one_set("a", raw(np.arange(10_000.0)))], "sha256:x")
    with pytest.raises(ParameterError):
        fit_fusion([RawSet("a", "e", raw(np.arange(99.0)), raw(np.arange(9.0)))], calibration)


def test_each_set_is_left_out_with_all_its_extractors() -> None:
    random = np.random.default_rng(6)

    def part(name: str, extractor: str, shift: float) -> RawSet:
        return one_set(name, raw(random.exponential(1.0, 20_000) + shift), extractor)

    parts = [part("a", "x", 0.0), part("a", "y", 0.0), part("b", "x", 0.0), part("odd", "x", math.log(10.0))]
    checks = leave_one_set_out(parts, "sha256:x")
    assert [(row.set_name, row.extractor) for row in checks] == [
        ("a", TOGETHER), ("a", "x"), ("a", "y"), ("b", "x"), ("odd", "x")
    ]  # fmt: skip
    assert checks[0].pairs == 40_000
    assert checks[0].accepted[20] == checks[1].accepted[20] + checks[2].accepted[20]
    # The odd set's scores are ten times as often exceeded as the others say.
    assert checks[-1].ratio(20) == pytest.approx(10.0, rel=0.2)
    # Left in for the others, it makes them look better than they are.
    assert all(row.ratio(20) < 1.0 for row in checks[:-1])
    # Calibrated on one part alone, every other is checked against that one.
    checks = leave_one_set_out(parts, "sha256:x", fitted_on={"a/x", "b/x"})
    assert [row.ratio(20) == pytest.approx(1.0, rel=0.2) for row in checks] == [True, True, True, True, False]


def test_a_check_tells_what_the_two_most_alike_fingers_make() -> None:
    # Of fingers 0 1, 0 2 and 1 2 so many pairs reach 50 (raw 4): 3 of 4, 1 of 4, 2 of 4.
    scores = np.array([4.0, 4.0, 4.0, 0.0, 4.0, 0.0, 0.0, 0.0, 4.0, 4.0, 0.0, 0.0])
    first, second = np.repeat([0, 0, 1], 4).astype(np.int32), np.repeat([1, 2, 2], 4).astype(np.int32)
    part = replace(one_set("a", raw(scores)), impostor_fingers=(first, second), fingers=("x", "y", "z"))
    row = check(MAP, part, (50,))
    assert row.accepted == {50: 6}
    assert row.alike == {50: (5, 8)}
    assert row.ratio(50) == pytest.approx(6 / 12 * 1e5)
    assert row.ratio_without_alike(50) == pytest.approx(1 / 4 * 1e5)


def test_extractors_pooled_keep_their_fingers() -> None:
    def part(fingers: tuple[str, ...], first: list[int], second: list[int], scores: list[float]) -> RawSet:
        places = (np.array(first, np.int32), np.array(second, np.int32))
        return replace(one_set("a", raw(np.array(scores))), impostor_fingers=places, fingers=fingers)

    # The second extractor failed on every impression of finger 2.
    parts = [part(("1", "2", "3"), [0, 0, 1], [1, 2, 2], [1.0, 2.0, 3.0]), part(("1", "3"), [0], [1], [4.0])]
    pooled = together(parts)
    assert pooled.fingers == ("1", "2", "3")
    assert pooled.impostor_fingers is not None
    assert [side.tolist() for side in pooled.impostor_fingers] == [[0, 0, 1, 0], [1, 2, 2, 2]]
    assert pooled.impostor.scores.tolist() == [1.0, 2.0, 3.0, 4.0]
    assert together([*parts, one_set("a", raw(np.arange(9.0)))]).impostor_fingers is None
    with pytest.raises(ParameterError):
        together([*parts, one_set("b", raw(np.arange(9.0)))])


def test_fusion_is_fitted_on_genuine_pairs() -> None:
    random = np.random.default_rng(9)
    impostors = one_set("a", raw(random.exponential(1.0, 100_000)))
    calibration, _ = fit([impostors], "sha256:x")
    # Genuine raw scores with 10 % like impostors: at score 0 a ratio of ln(0.1) or so.
    genuine = np.where(random.random(5000) < 0.1, random.exponential(1.0, 5000), random.uniform(8, 20, 5000))
    fusion = fit_fusion([RawSet("a", "e", raw(genuine), impostors.impostor)], calibration)
    assert fusion.genuine_pairs == 5000
    assert fusion.ratios(np.array([1.0]))[0] == pytest.approx(math.log(0.1 * (1 - MISTAKEN) + MISTAKEN), abs=0.35)
    assert fusion.ratios(np.array([60.0]))[0] > 8.0
    assert fusion.parameters_digest == "sha256:x"
