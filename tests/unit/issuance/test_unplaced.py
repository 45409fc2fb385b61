"""Fingers of a dossier whose position nobody knows: read in both forms of a batch, judged, kept; bounded and named."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from cccd_core.intake import Doubt
from cccd_core.issuance import CheckPolicy, check_dossier, open_batch
from cccd_core.issuance.dossiers.check import CheckedDossier
from cccd_core.issuance.dossiers.policy import USUAL_SEVERITIES
from cccd_core.issuance.dossiers.reasons import Severity
from cccd_core.issuance.runs.content import Content, ContentStore, pack, unpack
from cccd_core.templates import write
from support.dossiers import document, finger, portrait, put
from support.issuing import DAY
from support.parquet import write_parquet


def record(seed: int, position: int = 0) -> bytes:
    return write(finger(seed, position=position), "iso-2005")


def check(batch: Path, policy: CheckPolicy | None = None) -> CheckedDossier:
    policy = policy or CheckPolicy()
    (raw,) = open_batch(batch, policy).read()
    return check_dossier(raw, day=DAY, policy=policy)


def parquet(folder: Path, **columns: Any) -> Path:
    """One dossier with these fingers, as a Parquet file."""

    kinds = {name: pa.list_(pa.binary()) for name in ("unplaced", "unplaced_images")}
    row = {"dossier_id": "A", **document(), "portrait": portrait(), **columns}
    return write_parquet([row], folder / "batch.parquet", **{name: kinds[name] for name in kinds if name in columns})


def said(checked: CheckedDossier) -> set[tuple[str, str, str]]:
    return {(str(one.severity), str(one.reason), one.field) for one in checked.problems}


WARNED = {("warning", "unplaced_finger", f"fingers/{name}") for name in ("0.fmr", "0-2.fmr")}


def test_both_forms_of_a_batch_give_the_same_fingers(tmp_path: Path) -> None:
    files = {"2.fmr": record(2, 2), "7.fmr": record(7, 7), "0.fmr": record(3), "0-2.fmr": record(4)}
    put(tmp_path / "folder", "A", fingers=files)
    of_folder = check(tmp_path / "folder")
    assert said(of_folder) == WARNED
    columns = {"finger_2": record(2, 2), "finger_7": record(7, 7), "unplaced": [record(3), record(4)]}
    of_file = check(parquet(tmp_path, **columns))
    for checked in (of_folder, of_file):
        assert checked.sound is not None
        assert list(checked.sound.tenprint) == [2, 7]
        assert [one.position for one in checked.sound.unplaced] == [0, 0]
    assert of_folder.sound is not None
    assert of_file.sound is not None
    assert of_folder.sound.unplaced == of_file.sound.unplaced
    assert [one.count for one in of_file.sound.unplaced] == [40, 40]


def test_the_name_of_the_file_counts(tmp_path: Path) -> None:
    put(tmp_path, "A", fingers={"2.fmr": record(2, 0), "7.fmr": record(7, 7), "0.fmr": record(3, position=9)})
    checked = check(tmp_path)
    assert checked.sound is not None
    assert (list(checked.sound.tenprint), [one.position for one in checked.sound.unplaced]) == ([2, 7], [0])
    (differs,) = [one for one in checked.problems if one.reason == "position_differs"]
    assert (differs.field, differs.facts["position"], differs.facts["stated"]) == ("fingers/0.fmr", 0, 9)


@pytest.mark.parametrize(
    ("files", "severity"),
    [
        ({"0-1.fmr": record(3), "0-2.fmr": record(4)}, "review"),
        ({"2.fmr": record(2, 2), "0.fmr": record(4)}, "review"),
        ({"2.fmr": record(2, 2), "7.fmr": record(7, 7), "0.fmr": record(4)}, None),
    ],
)
def test_too_few_of_known_position_are_for_people_to_look_at(
    tmp_path: Path, files: dict[str, bytes], severity: str | None
) -> None:
    put(tmp_path, "A", fingers=files)
    checked = check(tmp_path)
    assert checked.reason is None
    doubts = [one for one in checked.problems if one.facts.get("doubt") == "position_unknown"]
    assert [str(one.severity) for one in doubts] == ([] if severity is None else [severity])
    stricter = CheckPolicy(severities={**USUAL_SEVERITIES, Doubt.POSITION_UNKNOWN: Severity.ERROR})
    assert str(check(tmp_path, stricter).reason) == ("None" if severity is None else "implausible_finger")


def test_one_finger_of_unknown_position_alone_is_too_few(tmp_path: Path) -> None:
    put(tmp_path, "A", fingers={"0.fmr": record(3)})
    assert check(tmp_path).reason == "too_few_fingers"


def test_a_person_has_ten_fingers(tmp_path: Path) -> None:
    ten = {f"0-{number}.fmr": record(number) for number in range(1, 11)}
    put(tmp_path / "ten", "A", fingers=ten)
    assert check(tmp_path / "ten").reason is None
    put(tmp_path / "eleven", "A", fingers={**ten, "2.fmr": record(12, 2)})
    assert check(tmp_path / "eleven").reason == "too_many_fingers"
    lacking = document(fingers={"3": {"missing": "amputated"}})
    put(tmp_path / "lacking", "A", lacking, fingers=ten)
    assert check(tmp_path / "lacking").reason == "too_many_fingers"
    many = parquet(tmp_path, unplaced=[b"x"] * 65)
    assert check(many).reason == "unreadable_finger"
    assert check(parquet(tmp_path, unplaced=[record(number) for number in range(11)])).reason == "too_many_fingers"


@pytest.mark.parametrize(
    "files",
    [
        {"0-1.fmr": record(3), "0-1.xyt": b"1 2 3 4\n"},  # two of one name
        {"0.fmr": record(3), "0-0.fmr": record(4)},
        {"0-1.fmr": record(3), "0-2.fmr": record(3)},  # one file twice
        {"2.fmr": record(2, 2), "0.fmr": record(2, 2)},
    ],
)
def test_repeated_ones_are_named(tmp_path: Path, files: dict[str, bytes]) -> None:
    put(tmp_path, "A", fingers={"6.fmr": record(6, 6), "7.fmr": record(7, 7), **files})
    assert "finger_repeated" in {str(one.reason) for one in check(tmp_path).problems}


@pytest.mark.parametrize(
    "name", ["00.fmr", "0-.fmr", "0-1000.fmr", "-1.fmr", "11.fmr", "13.fmr", "0-1-2.fmr", "unknown.fmr"]
)
def test_other_names_are_no_positions(tmp_path: Path, name: str) -> None:
    put(tmp_path, "A", fingers={"2.fmr": record(2, 2), "7.fmr": record(7, 7), name: record(3)})
    assert check(tmp_path).reason == "finger_position"


def test_what_is_doubted_is_said_of_position_0(tmp_path: Path) -> None:
    put(tmp_path, "A", fingers={"2.fmr": record(2, 2), "7.fmr": record(7, 7), "0-4.fmr": record(3), "0-5.fmr": b"?"})
    (wrong,) = [one for one in check(tmp_path).problems if one.severity == "error"]
    assert (wrong.field, wrong.facts["position"]) == ("fingers/0-5.fmr", 0)


def test_they_are_kept_bit_for_bit(tmp_path: Path) -> None:
    put(tmp_path / "batch", "A", fingers={"2.fmr": record(2, 2), "0.fmr": record(3), "0-9.fmr": record(4)})
    sound = check(tmp_path / "batch").sound
    assert sound is not None
    content = Content(sound.dossier, sound.tenprint, b"portrait", unplaced=sound.unplaced)
    store = ContentStore(tmp_path / "checked.sqlite")
    store.put([content, content])
    assert list(store.read(["A"])) == [content]
    store.close()
    assert unpack(pack(content), tmp_path) == content
