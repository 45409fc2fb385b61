"""`cccd synth`: people on disk and in a gallery, and what a check prints."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from cccd_core.cli import common
from cccd_core.cli.main import build
from cccd_core.dedup import open_gallery
from cccd_core.synthesis import Enrolments, tenprints
from cccd_core.templates import save, write


@pytest.fixture
def cccd(capsys: pytest.CaptureFixture[str]) -> Any:
    """Runs `cccd synth`; returns exit code, standard output and standard error."""

    def run(*words: str | Path, area: str = "synth") -> tuple[int, str, str]:
        code = common.run(build(area), [area, *map(str, words)])
        said = capsys.readouterr()
        return code, said.out, said.err

    return run


SHARES = ("--duplicates", "0.3", "--mistakes", "0.3", "--fingers", "2,7", "--seed", "9")


def test_people_on_disk_and_in_a_gallery_are_the_plan(cccd: Any, tmp_path: Path) -> None:
    words = ("people", "20", "--out", tmp_path / "people", "--gallery", tmp_path / "gallery", *SHARES)
    code, out, _ = cccd(*words, "--json")
    assert code == 0
    plan = Enrolments(9, 0.3, 0.3, (2, 7))
    assert json.loads(out) == {"records": 20, "plan": plan.digest, "written": 20, "enrolled": 20}
    with open_gallery(tmp_path / "gallery") as gallery:
        for record, person in zip(plan.records(0, 20), gallery, strict=True):
            assert person.person_id == record.record_id
            assert dict(person.tenprint).keys() == dict(record.placed).keys()
            assert len(person.unplaced) == len(record.unplaced)
    assert (tmp_path / "people" / "truth.csv").read_bytes() == (tmp_path / "gallery" / "truth.csv").read_bytes()
    code, out, _ = cccd(*words)
    assert code == 0
    assert "written   0" in out
    assert "enrolled  0" in out
    assert cccd("people", "20", "--gallery", tmp_path / "gallery", "--seed", "1")[0] == 3


@pytest.mark.parametrize("form", ["folders", "parquet"])
def test_a_gallery_takes_both_forms(cccd: Any, tmp_path: Path, form: str) -> None:
    assert cccd("people", "12", "--out", tmp_path / "people", "--form", form, *SHARES)[0] == 0
    cccd("people", "12", "--gallery", tmp_path / "one", *SHARES)
    assert cccd("create", tmp_path / "other", area="gallery")[0] == 0
    code, out, _ = cccd("add", tmp_path / "other", tmp_path / "people", "--json", area="gallery")
    assert code == 0
    assert json.loads(out)["added"] == 12
    with open_gallery(tmp_path / "one") as one, open_gallery(tmp_path / "other") as other:
        assert list(one) == sorted(other, key=lambda person: person.person_id)


def test_words_that_make_no_people(cccd: Any, tmp_path: Path) -> None:
    assert cccd("people", "20")[0] == 2
    for wrong in (("--fingers", "11"), ("--fingers", "a"), ("--duplicates", "0.7"), ("--setting", "none")):
        assert cccd("people", "2", "--out", tmp_path / "people", *wrong)[0] == 2
    assert not (tmp_path / "people").exists()


@pytest.mark.jit
def test_a_check_prints_quantiles_and_draws(cccd: Any, tmp_path: Path) -> None:
    data = tmp_path / "real"
    data.mkdir()
    for number in (0, 1):
        for person, fingers in enumerate(tenprints(4, range(6), impressions=number, positions=(2, 7))):
            for position, finger in fingers.items():
                save(write(finger, "iso-2005"), data / f"{person}-{position}_{number}.fmr")
    code, out, _ = cccd("check", data, "--out", tmp_path / "drawn", "--times", "2")
    assert code == 0
    assert "genuine, cccd" in out
    assert "d', cccd, synthetic" in out
    assert (tmp_path / "drawn" / "likeness.png").read_bytes().startswith(b"\x89PNG")
    code, out, _ = cccd("check", data, "--json")
    found = json.loads(out)
    assert code == 0
    assert found["setting"] == "fjfx"
    assert [measure["name"] for measure in found["measures"]][-2:] == ["genuine, cccd", "impostor, cccd"]
    assert all(len(measure["gaps"]) == 7 for measure in found["measures"])
    (tmp_path / "empty").mkdir()
    assert cccd("check", tmp_path / "empty")[0] == 3
