"""`cccd dedup`: files and figures of a join, and what becomes of its workers when it is killed."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from cccd_core.cli import common
from cccd_core.cli.main import build
from cccd_core.dedup import Cascade, EnrolledPerson, GalleryStore, open_gallery
from cccd_core.dedup.search.estimate import Rates, estimate
from cccd_core.dedup.search.join import LEDGER_FILE, SNAPSHOT_FOLDER, Join
from cccd_core.errors import ParameterError
from cccd_core.storage.aes_gcm import KeyRing
from support.joining import population, someone, truth
from support.patience import until

pytestmark = pytest.mark.jit


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A gallery of 26 people, some of whom are there again."""
    return enrolled(tmp_path_factory.mktemp("gallery"), population())


def enrolled(folder: Path, people: list[EnrolledPerson]) -> Path:
    gallery = GalleryStore(folder / "gallery.sqlite")
    gallery.add_many(people)
    gallery.close()
    return folder


@pytest.fixture
def cccd(capsys: pytest.CaptureFixture[str]) -> Any:
    """Runs `cccd dedup`; returns exit code, standard output and standard error."""

    def run(*words: str | Path) -> tuple[int, str, str]:
        code = common.run(build("dedup"), ["dedup", *map(str, words)])
        said = capsys.readouterr()
        return code, said.out, said.err

    return run


def pairs(out: Path) -> list[dict[str, str]]:
    with (out / "pairs.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def expected(people: list[EnrolledPerson]) -> list[tuple[str, str, str]]:
    found = truth(enumerate(people))
    return [(people[pair.a].person_id, people[pair.b].person_id, pair.outcome) for pair in found]


def test_pairs_persons_and_figures(cccd: Any, folder: Path, tmp_path: Path) -> None:
    code, out, _ = cccd(folder, "--out", tmp_path / "out", "--json")
    assert code == 0
    told = json.loads(out)
    assert json.loads((tmp_path / "out" / "report.json").read_text()) == told
    found = pairs(tmp_path / "out")
    assert [(row["a"], row["b"], row["outcome"]) for row in found] == expected(population())
    assert {row["a"]: row["fingers"] for row in found}["p002"] == "2>7 3>8 7>2 8>3"
    assert told["found"] == {"duplicate": len(found), "review": 0}
    assert told["people"] == [26]
    assert told["pairs_of_people"] == told["comparisons"]["same"]["people"] == 26 * 25 // 2
    assert told["penetration"] == 1.0
    assert set(told["seconds"]) == {"codes", "glance", "same", "any", "loading"}
    assert told["expected"]["duplicate"] == pytest.approx(13 * 1e-4)
    with (tmp_path / "out" / "persons.csv").open(newline="") as file:
        persons = list(csv.DictReader(file))
    assert [row["identifier"] for row in persons if row["person"] == "1"] == ["p001", "again 1", "again 1 once more"]
    assert all(path.stat().st_mode & 0o077 == 0 for path in (tmp_path / "out").iterdir())
    assert not {LEDGER_FILE, SNAPSHOT_FOLDER} & {path.name for path in (tmp_path / "out").iterdir()}
    code, out, _ = cccd("join", folder, "--out", tmp_path / "out")
    assert code == 0
    assert "duplicates" in out


def test_against_another_gallery(cccd: Any, folder: Path, tmp_path: Path) -> None:
    other = enrolled(tmp_path, [someone("=x", 1, impression=5), someone("y, z", 40)])
    code, out, _ = cccd(folder, "--against", other, "--out", tmp_path / "out", "--json", "--workers", "1")
    assert code == 0
    assert json.loads(out)["people"] == [26, 2]
    found = [(row["a"], row["b"]) for row in pairs(tmp_path / "out")]
    assert found == [("p001", "=x"), ("again 1", "=x"), ("again 1 once more", "=x")]


def test_an_encrypted_gallery_is_joined_in_processes_and_its_key_is_in_no_file(cccd: Any, tmp_path: Path) -> None:
    key = bytes(range(32))
    (tmp_path / "key").write_text(key.hex())
    gallery = GalleryStore(tmp_path / "gallery.sqlite", cipher=KeyRing(key))
    gallery.add_many(population(21))
    gallery.close()
    words = (tmp_path, "--out", tmp_path / "out", "--key", tmp_path / "key")
    stopped: list[bytes] = []

    def stop(self: Any) -> None:
        stopped.extend(path.read_bytes() for path in (tmp_path / "out").rglob("*") if path.is_file())

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Join, "finish", stop)
        assert cccd(*words)[0] == 0
    assert [(row["a"], row["b"]) for row in pairs(tmp_path / "out")][:2] == [
        ("p001", "again 1"),
        ("p001", "again 1 once more"),
    ]
    assert any(data.startswith(b"CCCDJOIN") for data in stopped)
    assert not any(key in data or key.hex().encode() in data for data in stopped)


def test_who_was_taken_out_meanwhile_is_in_no_file(cccd: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from cccd_core.dedup.search import report

    folder = enrolled(tmp_path, population(21))
    real = report.JoinReport.of

    def late(*given: Any) -> Any:
        with open_gallery(folder) as gallery:
            gallery.remove("p001", order="1")
        return real(*given)

    monkeypatch.setattr(report.JoinReport, "of", late)
    code, out, _ = cccd(folder, "--out", tmp_path / "out", "--json")
    assert code == 0
    assert json.loads(out)["withdrawn_pairs"] == 2
    assert "p001" not in (tmp_path / "out" / "pairs.csv").read_text() + (tmp_path / "out" / "persons.csv").read_text()


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["--cascade", "codes"], 2),
        (["--fpir", "0.5"], 2),
        (["--executor", "cluster"], 2),
        (["--workers", "0"], 2),
        (["--address", "auto"], 2),
    ],
)
def test_what_cannot_be_asked(cccd: Any, folder: Path, tmp_path: Path, words: list[str], code: int) -> None:
    found, _, err = cccd(folder, "--out", tmp_path / "out", *words)
    assert found == code
    assert words[0].lstrip("-") in err
    assert not (tmp_path / "out" / "pairs.csv").exists()


def test_codes_first(cccd: Any, folder: Path, tmp_path: Path) -> None:
    code, out, _ = cccd(folder, "--out", tmp_path / "out", "--json", "--cascade", "codes:keep=0.01>same>any")
    assert code == 0
    told = json.loads(out)
    assert told["cascade"] == "codes:keep=0.01>same>any"
    assert told["first_look"]["fingers"] == [2, 7, 1, 6]
    assert told["screened"] == told["pairs_of_people"]
    assert told["penetration"] == told["comparisons"]["glance"]["people"] / told["pairs_of_people"] < 0.3
    assert 0 < told["miss_rate"]["4"] < told["miss_rate"]["1"] < 1
    found = [(row["a"], row["b"], row["outcome"]) for row in pairs(tmp_path / "out")]
    assert set(found) <= set(expected(population()))
    assert len(found) >= 3


def test_what_a_join_would_take(cccd: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    code, out, _ = cccd("plan", "--people", "1000000", "--fingers", "2", "--cores", "2", "--json")
    assert code == 0
    told = json.loads(out)
    assert told["pairs"] == 1_000_000 * 999_999 // 2
    assert told["compared_pairs"] == pytest.approx(told["pairs"] * 3e-4 * 1.02)
    assert min(told["rates"].values()) > 0
    assert told["hours"] == pytest.approx(told["index_hours"] + told["screen_hours"] + told["compare_hours"])
    assert cccd("plan", "--people", "1")[0] == 2
    rates = Rates(1000, 1000, 100_000, 1e6, 1e8, 1e4, 1500, 384)
    one, two = (estimate(1_000_000, 10, workers, Cascade(1e-4), rates) for workers in (1, 4))
    assert (one.index_hours, one.compare_hours) == pytest.approx((4 * two.index_hours, 4 * two.compare_hours))
    assert one.index_hours == pytest.approx(1e7 * 2e-3 / 3600)
    # Each worker finds out for itself what strangers give.
    assert one.screen_hours == pytest.approx((one.pairs / 1e8 + 1e6 / 1e4) / 3600)
    assert two.screen_hours == pytest.approx((one.pairs / 1e8 / 4 + 1e6 / 1e4) / 3600)
    # Of ten fingers the sketch takes most strangers.
    # A few at a glance; of one pair in a thousand ten by position, then eight of ten with each other.
    left = 0.35 * 1.02e-4 * one.pairs
    fingers = 2 * left * 4 + 2 * 0.001 * left * 10  # pair by pair, which is less than by windows
    assert one.compare_hours == pytest.approx((left * (2.0 + 0.001 * (10 + 8 * 10)) / 1e5 + fingers / 1e6) / 3600)
    assert (one.chance_duplicates, one.chance_reviews) == (50, 500)
    whole = estimate(1000, 10, 1, Cascade(any_position=False), rates)
    assert (whole.tiles, whole.screen_hours, whole.compared_pairs) == (10, 0, 499_500)
    with pytest.raises(ParameterError):
        estimate(1000, 11, 1, Cascade(), rates)


def test_a_rate_asked_for_moves_the_thresholds(cccd: Any, folder: Path, tmp_path: Path) -> None:
    scores = []
    for rate in ("0.001", "0.00001"):
        code, out, _ = cccd(folder, "--out", tmp_path / rate, "--json", "--fpir", rate)
        assert code == 0
        scores.append(json.loads(out)["duplicate_score"])
    assert scores[1] - scores[0] == pytest.approx(20.0)


def test_its_workers_are_gone_when_it_is_killed(folder: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "cccd_core.cli.main", "dedup", str(folder), "--out", str(tmp_path / "out")]
    process = subprocess.Popen([*command, "--workers", "2"], stderr=subprocess.PIPE)
    children: set[int] = set()

    def begun_or_done() -> bool:
        children.update(_children(process.pid))
        return len(children) > 1 or process.poll() is not None  # the first one only minds what the others share

    until(begun_or_done)
    process.kill()
    process.communicate()
    until(lambda: not any(_runs(child) for child in children))


def _children(pid: int) -> list[int]:
    try:
        return [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except FileNotFoundError:
        return []


def _runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False
