"""How well a search finds: shares with their intervals, and mates lost where it is said."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cccd_core.dedup import Cascade, EnrolledPerson, GalleryStore
from cccd_core.dedup.codes import FingerCoder
from cccd_core.dedup.index import update
from cccd_core.dedup.measuring import Measurement, SearchMeasure, SearchMeasured, Share, picture
from cccd_core.errors import ConflictError, ParameterError
from cccd_core.templates import Tenprint
from support.joining import MATCHER, population, someone


@pytest.mark.parametrize(
    ("count", "of", "low", "high"),
    [(0, 10, 0.0, 0.308497), (1, 10, 0.002529, 0.445016), (5, 10, 0.187086, 0.812914), (10, 10, 0.691503, 1.0)],
)
def test_intervals_are_those_of_clopper_and_pearson(count: int, of: int, low: float, high: float) -> None:
    share = Share.counted(count, of)
    assert (share.rate, share.low, share.high) == pytest.approx((count / of, low, high), abs=1e-6)


def test_nothing_counted_says_nothing() -> None:
    assert (Share.counted(0, 0).rate, Share.counted(0, 0).low, Share.counted(0, 0).high) == (None, 0.0, 1.0)
    with pytest.raises(ParameterError):
        Share.counted(3, 2)


@given(st.integers(1, 400), st.data())
def test_an_interval_holds_its_share_and_mirrors(of: int, data: st.DataObject) -> None:
    count = data.draw(st.integers(0, of))
    share, other = Share.counted(count, of), Share.counted(of - count, of)
    assert share.low <= count / of <= share.high
    assert share.low == pytest.approx(1 - other.high, abs=1e-6)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> tuple[GalleryStore, Path]:
    folder = tmp_path_factory.mktemp("gallery")
    gallery = GalleryStore(folder / "gallery.sqlite")
    gallery.add_many(population())
    update(gallery, folder, MATCHER, FingerCoder.shipped())
    return gallery, folder


PROBES = [
    someone("p008", 8, impression=5),
    someone("p013", 13, impression=5),
    someone("p022", 300),  # enrolled under this name is somebody else
    EnrolledPerson("p023", Tenprint({})),
    someone("stranger", 301),
]


@pytest.fixture(scope="module")
def measured(world: tuple[GalleryStore, Path]) -> SearchMeasured:
    work = SearchMeasure(*world, MATCHER, FingerCoder.shipped())
    return work.measure(PROBES, [Cascade.parse("codes:keep=0.001>same>any"), Cascade()])


@pytest.mark.jit
def test_each_cascade_stands_beside_the_exhaustive_one(measured: SearchMeasured) -> None:
    assert [one.cascade for one in measured.cascades] == ["same>any", "codes:keep=0.001>same>any"]
    assert (measured.people, measured.mated, measured.others) == (26, 4, 1)
    exhaustive, screened = measured.cascades
    assert exhaustive.penetration == 1.0 > screened.penetration
    assert exhaustive.screened == screened.screened == 5 * 26
    assert exhaustive.codes_seconds == 0.0 < screened.codes_seconds < screened.seconds
    assert exhaustive.expected_loss == 0.0
    for one in measured.cascades:
        assert one.outcomes == {"mate_found": 2, "mate_missed": 2, "other_left": 1}
        at_usual = next(point for point in one.points if point.asked == 1e-4)
        assert (at_usual.fnir.count, at_usual.fnir.of, at_usual.fpir.count, at_usual.fpir.of) == (2, 4, 0, 1)


@pytest.mark.jit
def test_a_mate_is_lost_at_the_stage_that_lost_it(measured: SearchMeasured) -> None:
    def lost(one: Measurement) -> dict[str, str]:
        return {missed.probe: missed.lost_at for missed in one.missed}

    exhaustive, screened = measured.cascades
    assert lost(exhaustive) == {"p022": "comparison", "p023": "not_searchable"}
    assert lost(screened) == {"p022": "codes", "p023": "not_searchable"}
    assert screened.lost_at == {"codes": 1, "not_searchable": 1}


@pytest.mark.jit
def test_it_is_told_as_plain_data_and_drawn(measured: SearchMeasured) -> None:
    told = measured.as_dict()
    assert isinstance(told["cascades"], list)
    assert told["cascades"][1]["points"][0]["fnir"]["rate"] == 0.5
    assert len(picture(measured).axes) == 2


@pytest.mark.jit
def test_an_index_that_lacks_people_measures_nothing(tmp_path: Path) -> None:
    gallery = GalleryStore(tmp_path / "gallery.sqlite")
    gallery.add(someone("p1", 1))
    with pytest.raises(ConflictError):
        SearchMeasure(gallery, tmp_path, MATCHER, FingerCoder.shipped())
    update(gallery, tmp_path, MATCHER, FingerCoder.shipped())
    with pytest.raises(ParameterError):
        SearchMeasure(gallery, tmp_path, MATCHER, FingerCoder.shipped()).measure([], [])
