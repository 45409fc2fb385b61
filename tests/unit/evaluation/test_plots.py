"""The pictures: drawn where asked, with something in them, also where there is little to draw."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cccd_core.errors import FileError, ParameterError
from cccd_core.evaluation import evaluate_folder, folder, plots
from support.toy_matcher import ToyMatcher, fingers, write_folder


def colours(path: Path) -> int:
    """How many different pixels a picture has."""
    with Image.open(path) as image:
        assert image.size[0] > 400
        return len(np.unique(np.asarray(image.convert("RGB")).reshape(-1, 3), axis=0))


def test_every_set_has_its_pictures(tmp_path: Path) -> None:
    results = []
    for name, count, impressions in (("x/a", 5, 3), ("x/b", 4, 2), ("y/single", 3, 1)):
        write_folder(tmp_path / name, fingers(4, count, impressions))
        results.append(evaluate_folder(tmp_path / name, ToyMatcher(), replicates=20))
    written = plots.plot_sets(results, tmp_path / "pictures")
    assert {path.name for path in written} == {
        "x_a_det.png",
        "x_a_scores.png",
        "x_b_det.png",
        "x_b_scores.png",
        "y_single_scores.png",
        "all_det.png",
    }
    assert all(colours(path) > 20 for path in written)
    before = (tmp_path / "pictures" / "x_a_det.png").read_bytes()
    plots.plot_sets(results, tmp_path / "pictures")
    assert (tmp_path / "pictures" / "x_a_det.png").read_bytes() == before


def test_several_runs_in_one_picture(tmp_path: Path) -> None:
    write_folder(tmp_path / "x" / "a", fingers(4, 5, 3))
    record = folder.result_file(ToyMatcher(), [evaluate_folder(tmp_path / "x" / "a", ToyMatcher(), replicates=20)])
    other = {"sets": [{**record["sets"][0], "path": "elsewhere/x/a"}, {"path": "only/here"}]}
    one = plots.plot_comparison([("now", record)], tmp_path / "one.png")
    two = plots.plot_comparison([("now", record), ("before", other)], tmp_path / "two.png")
    with Image.open(one) as first, Image.open(two) as second:
        assert first.size == second.size  # one panel: both runs are of the set x/a
    assert one.read_bytes() != two.read_bytes()
    with pytest.raises(ParameterError):
        plots.plot_comparison([("nothing", {"sets": [{"path": "a"}]})], tmp_path / "none.png")


def test_a_picture_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(FileError):
        plots.plot_det([], "nothing", tmp_path / "file" / "x.png")
