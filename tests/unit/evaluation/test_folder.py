"""The result file, the scores file, and what happens to files that are neither."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from cccd_core.errors import FileError, FormatError, ParameterError
from cccd_core.evaluation import Expectation, evaluate_folder, folder
from cccd_core.evaluation.cross import cross_tables
from cccd_core.storage import whole_file
from reference import evaluation_naive as naive
from support.toy_matcher import ToyMatcher, fingers, write_folder


def test_the_result_file_has_the_shape_other_tools_read(tmp_path: Path) -> None:
    write_folder(tmp_path / "set", fingers(2, 5, 3))
    result = evaluate_folder(tmp_path / "set", ToyMatcher(), expect=Expectation.parse("101-106:1-3"), replicates=50)
    folder.write_result_file(tmp_path / "r.json", folder.result_file(ToyMatcher(), [result], threads=2))
    record = json.loads((tmp_path / "r.json").read_text("utf-8"))
    assert record["manifest"]["parameters"] == "sha256:toy"
    assert record["manifest"]["threads"] == 2
    assert {"version", "kernels"} <= set(record["manifest"])
    (entry,) = record["sets"]
    assert entry["path"] == str(tmp_path / "set")
    assert (entry["fingers"], entry["templates"], entry["failed"]) == (6, 15, 3)
    assert (entry["genuine_pairs"], entry["impostor_pairs"]) == (18, 135)
    assert list(entry["fnmr_at_fmr"]) == ["0.01", "0.001", "0.0001"]
    assert 0 <= entry["eer"] <= 1
    assert entry["zero_fmr"] >= entry["fnmr_at_fmr"]["0.01"]
    assert entry["impostor_pairs_per_second"] > 0
    assert entry["genuine_pairs_per_second"] > 0
    assert entry["bounds"]["eer"][0] <= entry["eer"] <= entry["bounds"]["eer"][1]
    assert [failure["sample"] for failure in entry["failures"]] == ["106_1", "106_2", "106_3"]
    assert folder.read_result_file(tmp_path / "r.json") == record
    assert sorted(path.name for path in tmp_path.iterdir()) == ["r.json", "set"]  # no part file left


def test_figures_can_be_checked_from_the_scores_file(tmp_path: Path) -> None:
    write_folder(tmp_path / "set", fingers(4, 6, 3))
    result = evaluate_folder(tmp_path / "set", ToyMatcher(), expect=Expectation.parse("101-106:1-4"), replicates=0)
    whole_file.write(tmp_path / "s.csv", folder.score_rows([result]))
    with (tmp_path / "s.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == ["probe", "candidate", "genuine", "score"]
    assert len({frozenset((row["probe"], row["candidate"])) for row in rows}) == len(rows) == 24 * 23 // 2
    for row in rows:
        same = row["probe"].rpartition("_")[0] == row["candidate"].rpartition("_")[0]
        assert row["genuine"] == str(int(same))
        if row["probe"].endswith("_4") or row["candidate"].endswith("_4"):
            assert float(row["score"]) == 0.0
    genuine = [float(row["score"]) for row in rows if row["genuine"] == "1"]
    impostor = [float(row["score"]) for row in rows if row["genuine"] == "0"]
    assert result.rates.eer == pytest.approx(naive.eer(genuine, impostor))
    assert result.rates.fnmr_at_fmr[0.01] == naive.fnmr_at_fmr(genuine, impostor, 0.01)


def test_scores_of_several_sets_name_the_set(tmp_path: Path) -> None:
    results = []
    for name in ("a", "b"):
        write_folder(tmp_path / name, fingers(4, 2, 2))
        results.append(evaluate_folder(tmp_path / name, ToyMatcher(), replicates=0))
    lines = b"".join(folder.score_rows(results)).decode().splitlines()
    assert len(lines) == 1 + 2 * 6
    assert lines[1].startswith(f"{tmp_path}/a/101_1,{tmp_path}/a/101_2,1,")
    assert lines[-1].startswith(f"{tmp_path}/b/")


def test_an_empty_genuine_set_gives_null(tmp_path: Path) -> None:
    write_folder(tmp_path / "set", fingers(4, 3, 1))
    entry = evaluate_folder(tmp_path / "set", ToyMatcher()).as_dict()
    assert (entry["genuine_pairs"], entry["impostor_pairs"]) == (0, 3)
    assert entry["eer"] is None
    assert entry["zero_fmr"] is None
    assert "det" not in entry


def test_one_folder_twice_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    with pytest.raises(ParameterError):
        folder.check_distinct([tmp_path / "a", tmp_path / "b" / ".." / "a"])
    folder.check_distinct([tmp_path / "a", tmp_path])


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        "[" * 100_000,
        '{"sets": 3}',
        '{"sets": [3]}',
        '{"sets": [{"path": 3}]}',
        '{"sets": [{"path": "x", "det": []}]}',
        '{"sets": [{"path": "x", "det": {"fmr": [0.1]}}]}',
        '{"sets": [{"path": "x", "det": {"fmr": [0.1], "fnmr": []}}]}',
        '{"sets": [{"path": "x", "det": {"fmr": [0.1], "fnmr": ["a"]}}]}',
        '{"sets": [{"path": "x", "det": {"fmr": [0.1], "fnmr": [7]}}]}',
        '{"sets": [{"path": "x", "det": {"fmr": [0.1], "fnmr": [NaN]}}]}',
    ],
)
def test_what_is_no_result_file_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "x.json").write_text(text)
    with pytest.raises(FormatError):
        folder.read_result_file(tmp_path / "x.json")


def test_files_that_cannot_be_had(tmp_path: Path) -> None:
    with pytest.raises(FileError):
        folder.read_result_file(tmp_path / "nothing.json")


def test_cross_table(tmp_path: Path) -> None:
    results = []
    for name in ("a", "b"):
        write_folder(tmp_path / name, fingers(4, 3, 3))
        results.append(evaluate_folder(tmp_path / name, ToyMatcher(), replicates=0))
    rows = cross_tables(results, ToyMatcher(), threads=1)
    assert [(row["probes"], row["gallery"]) for row in rows] == [
        (str(tmp_path / "a"), str(tmp_path / "b")),
        (str(tmp_path / "b"), str(tmp_path / "a")),
    ]
    assert all((row["genuine_pairs"], row["impostor_pairs"]) == (18, 54) for row in rows)
    # The same templates on both sides: the rates of the set itself.
    assert rows[0]["eer"] == pytest.approx(results[0].rates.eer)
    write_folder(tmp_path / "c", [(f"9{f}", i, t) for f, i, t in fingers(4, 1, 2)])
    with pytest.raises(ParameterError):
        cross_tables([*results, evaluate_folder(tmp_path / "c", ToyMatcher(), replicates=0)], ToyMatcher(), threads=1)
