"""Batches as folders: what is read, what is refused, and that nothing outside is ever opened."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cccd_core.errors import FileError, ParameterError
from cccd_core.intake import Doubt
from cccd_core.issuance.dossiers.batch import open_batch
from cccd_core.issuance.dossiers.check import CheckedDossier, check_batch, check_dossier
from cccd_core.issuance.dossiers.policy import USUAL_SEVERITIES, CheckPolicy
from cccd_core.issuance.dossiers.raw import shown_id
from cccd_core.issuance.dossiers.reasons import Severity
from cccd_core.synthesis import MasterFinger
from cccd_core.templates import mirrored, write
from support.dossiers import document, finger, portrait, put

DAY = date(2026, 11, 1)
POLICY = CheckPolicy()
RECORD = write(finger(1), "iso-2005")


def check(batch: Path) -> dict[str, CheckedDossier]:
    return {raw.dossier_id: check_dossier(raw, day=DAY, policy=POLICY) for raw in open_batch(batch).read()}


def errors(checked: CheckedDossier) -> set[tuple[str, str]]:
    return {(problem.field, problem.reason) for problem in checked.problems if problem.severity == "error"}


def warnings(checked: CheckedDossier) -> set[tuple[str, str]]:
    return {(problem.field, problem.reason) for problem in checked.problems if problem.severity == "warning"}


def test_a_sound_dossier(tmp_path: Path) -> None:
    put(tmp_path, "D1")
    checked = check(tmp_path)["D1"]
    assert checked.problems == ()
    assert checked.reason is None
    assert checked.sound is not None
    assert list(checked.sound.tenprint) == [1, 2, 7]
    assert [template.position for template in checked.sound.tenprint.values()] == [1, 2, 7]


def test_the_digest_covers_everything_that_is_used(tmp_path: Path) -> None:
    def digest() -> str:
        return next(iter(open_batch(tmp_path).read())).digest

    folder = put(tmp_path, "D1")
    seen = {digest()}
    (folder / "fingers" / "8.fmr").write_bytes(RECORD)
    seen.add(digest())
    (folder / "fingers" / "8.fmr").rename(folder / "fingers" / "9.fmr")
    seen.add(digest())
    (folder / "portrait.jpg").write_bytes(portrait(5))
    seen.add(digest())
    (folder / "dossier.json").write_text(json.dumps(document(2)), encoding="utf-8")
    seen.add(digest())
    assert len(seen) == 5
    (folder / "note.txt").write_text("x", encoding="utf-8")
    assert digest() in seen


SPOIL: dict[str, tuple[Callable[[Path], Any], set[tuple[str, str]]]] = {
    "no dossier.json": (
        lambda folder: (folder / "dossier.json").unlink(),
        {("dossier.json", "dossier_unreadable")},
    ),
    "dossier.json too large": (
        lambda folder: (folder / "dossier.json").write_bytes(b" " * (POLICY.max_dossier_bytes + 1)),
        {("dossier.json", "dossier_unreadable")},
    ),
    "dossier.json is a folder": (
        lambda folder: ((folder / "dossier.json").unlink(), (folder / "dossier.json").mkdir()),
        {("dossier.json", "unsafe_path")},
    ),
    "dossier.json is a link": (
        lambda folder: (
            (folder / "dossier.json").rename(folder.parent.parent / "elsewhere.json"),
            (folder / "dossier.json").symlink_to(folder.parent.parent / "elsewhere.json"),
        ),
        {("dossier.json", "unsafe_path")},
    ),
    "a finger is a link": (
        lambda folder: (folder / "fingers" / "3.fmr").symlink_to("/etc/hostname"),
        {("fingers/3.fmr", "unsafe_path")},
    ),
    "a finger is a pipe": (
        lambda folder: os.mkfifo(folder / "fingers" / "3.fmr"),
        {("fingers/3.fmr", "unsafe_path")},
    ),
    "fingers is a link": (
        lambda folder: (
            (folder / "fingers").rename(folder.parent.parent / "fingers"),
            (folder / "fingers").symlink_to(folder.parent.parent / "fingers"),
        ),
        {("fingers", "unsafe_path"), ("fingers", "too_few_fingers")},
    ),
    "the portrait is a link": (
        lambda folder: ((folder / "portrait.jpg").unlink(), (folder / "portrait.jpg").symlink_to("/etc/hostname")),
        {("portrait", "unsafe_path")},
    ),
    "no portrait": (lambda folder: (folder / "portrait.jpg").unlink(), {("portrait", "portrait_missing")}),
    "portrait under another suffix": (
        lambda folder: (folder / "portrait.jpg").rename(folder / "portrait.bmp"),
        {("portrait", "portrait_missing")},
    ),
    "two portraits": (
        lambda folder: (folder / "portrait.png").write_bytes(portrait(form="PNG")),
        {("portrait", "portrait_repeated")},
    ),
    "a torn portrait": (
        lambda folder: (folder / "portrait.jpg").write_bytes(portrait()[:500]),
        {("portrait", "portrait_unreadable")},
    ),
    "a portrait too large as a file": (
        lambda folder: (folder / "portrait.jpg").write_bytes(b"\0" * (POLICY.max_portrait_bytes + 1)),
        {("portrait", "portrait_size")},
    ),
    "a tiny portrait": (
        lambda folder: (folder / "portrait.jpg").write_bytes(portrait(size=(50, 70))),
        {("portrait", "portrait_size")},
    ),
    "a finger that is no position": (
        lambda folder: (folder / "fingers" / "11.fmr").write_bytes(RECORD),
        {("fingers/11.fmr", "finger_position")},
    ),
    "a finger without a number": (
        lambda folder: (folder / "fingers" / "thumb.fmr").write_bytes(RECORD),
        {("fingers/thumb.fmr", "finger_position")},
    ),
    "two files for one finger": (
        lambda folder: (folder / "fingers" / "2.iso").write_bytes(RECORD),
        {("fingers/2.iso", "finger_repeated")},
    ),
    "one template for two fingers": (
        lambda folder: (folder / "fingers" / "8.fmr").write_bytes((folder / "fingers" / "7.fmr").read_bytes()),
        {("fingers/8.fmr", "finger_repeated")},
    ),
    "a finger too large": (
        lambda folder: (folder / "fingers" / "8.fmr").write_bytes(b"\0" * (POLICY.max_finger_bytes + 1)),
        {("fingers/8.fmr", "unreadable_finger")},
    ),
    "a torn finger": (
        lambda folder: (folder / "fingers" / "8.fmr").write_bytes(RECORD[:40]),
        {("fingers/8.fmr", "unreadable_finger")},
    ),
    "an empty finger": (
        lambda folder: (folder / "fingers" / "8.fmr").write_bytes(b""),
        {("fingers/8.fmr", "unreadable_finger")},
    ),
    "no fingers at all": (
        lambda folder: [file.unlink() for file in (folder / "fingers").iterdir()],
        {("fingers", "too_few_fingers")},
    ),
    "one finger": (
        lambda folder: [(folder / "fingers" / name).unlink() for name in ("1.fmr", "7.fmr")],
        {("fingers", "too_few_fingers")},
    ),
    "poor fingers": (
        lambda folder: [
            (folder / "fingers" / f"{position}.fmr").write_bytes(write(finger(position, 7), "iso-2005"))
            for position in (1, 2)
        ],
        {("fingers/1.fmr", "poor_finger"), ("fingers/2.fmr", "poor_finger")},
    ),
    "an .xyt of unknown height": (
        lambda folder: (folder / "fingers" / "8.xyt").write_bytes(b"10 20 90 50\n" * 12),
        {("fingers/8.xyt", "finger_undescribed")},
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", SPOIL)
def test_each_fault_of_the_files_is_named(tmp_path: Path, what: str) -> None:
    spoil, expected = SPOIL[what]
    batch = tmp_path / "batch"
    batch.mkdir()
    spoil(put(batch, "D1"))
    assert errors(check(batch)["D1"]) == expected


def test_a_dossier_that_is_a_link_or_has_a_wild_name(tmp_path: Path) -> None:
    batch = tmp_path / "batch"
    batch.mkdir()
    put(tmp_path, "outside")
    (batch / "link").symlink_to(tmp_path / "outside")
    (batch / "dangling").symlink_to(tmp_path / "nothing")
    put(batch, "a b")
    put(batch, "x" * 65)
    put(batch, "line\nbreak")
    checked = check(batch)
    assert errors(checked["link"]) == {("", "unsafe_path")}
    assert errors(checked["dangling"]) == {("", "unsafe_path")}
    wild = [item for name, item in checked.items() if name not in ("link", "dangling")]
    assert [errors(item) for item in wild] == [{("dossier_id", "dossier_id")}] * 3
    assert all(name.isprintable() and len(name) <= 64 for name in checked)


def test_ids_stay_apart_and_printable() -> None:
    names = ["a\n", "a\t", "a", "x" * 65, "x" * 66, "ż", "..", "a/b"]
    assert len({shown_id(name) for name in names}) == len(names)
    assert shown_id("HN-2026.000_1") == "HN-2026.000_1"


def test_loose_files_and_hidden_folders_are_no_dossiers(tmp_path: Path) -> None:
    put(tmp_path, "D1")
    (tmp_path / "planted.json").write_text("{}", encoding="utf-8")
    (tmp_path / ".snapshots").mkdir()
    assert open_batch(tmp_path).ids() == ["D1"]


def test_unknown_files_are_named_and_ignored(tmp_path: Path) -> None:
    folder = put(tmp_path, "D1")
    (folder / "scan.pdf").write_bytes(b"%PDF")
    (folder / ".DS_Store").write_bytes(b"x")
    checked = check(tmp_path)["D1"]
    assert checked.reason is None
    assert warnings(checked) == {("scan.pdf", "unknown_file")}


def test_a_folder_with_too_many_files(tmp_path: Path) -> None:
    folder = put(tmp_path, "D1")
    for number in range(POLICY.max_files):
        (folder / f"{number}.txt").write_bytes(b"")
    assert ("", "unknown_file") in errors(check(tmp_path)["D1"])


def test_a_weak_finger_beside_enough_good_ones(tmp_path: Path) -> None:
    folder = put(tmp_path, "D1")
    (folder / "fingers" / "8.fmr").write_bytes(write(finger(8, 3), "iso-2005"))
    checked = check(tmp_path)["D1"]
    assert warnings(checked) == {("fingers/8.fmr", "weak_finger")}
    assert checked.sound is not None
    assert list(checked.sound.tenprint) == [1, 2, 7]


@pytest.mark.parametrize(
    ("form", "suffix", "says"),
    [
        ("iso-2005", "fmr", {}),
        ("iso-2011", "fmr", {}),
        ("ansi-2004", "ansi", {}),
        ("ansi-2009", "bin", {}),
        ("xyt", "xyt", {"templates": {"dpi": 500, "height_px": 500}}),
        ("xyt", "xyt", {"fingers": {name: {"dpi": 500, "height_px": 500} for name in "127"}}),
        ("nist-itl-legacy", "an2", {}),
        ("nist-itl-378", "eft", {}),
        ("nist-itl-efs", "ebts", {}),
        ("iso-2005-card", "fmc", {"templates": {"format": "iso-2005-card"}}),
        ("iso-2005-compact", "fmc", {"templates": {"format": "iso-2005-compact"}}),
    ],
)
def test_fingers_of_every_format(tmp_path: Path, form: str, suffix: str, says: dict[str, Any]) -> None:
    fingers = {f"{position}.{suffix}": write(finger(position), form) for position in (1, 2, 7)}
    put(tmp_path, "D1", document(1, **says), fingers=fingers)
    checked = check(tmp_path)["D1"]
    assert errors(checked) == set()
    assert checked.sound is not None
    assert [template.count for template in checked.sound.tenprint.values()] == [40, 40, 40]


def test_odd_records_are_named(tmp_path: Path) -> None:
    fingers = {
        "2.fmr": write([finger(2, position=2), finger(3, position=2, view=1)], "iso-2005"),
        "7.fmr": write(finger(7, position=3), "iso-2005"),
    }
    put(tmp_path, "D1", fingers=fingers)
    checked = check(tmp_path)["D1"]
    assert errors(checked) == set()
    assert warnings(checked) == {("fingers/2.fmr", "several_views"), ("fingers/7.fmr", "position_differs")}


def test_a_view_is_taken_by_its_position(tmp_path: Path) -> None:
    both = write([finger(7, position=7), finger(2, position=2)], "iso-2005")
    put(tmp_path, "D1", fingers={"2.fmr": both, "8.fmr": write(finger(8), "iso-2005")})
    put(tmp_path, "D2", document(2), fingers={"3.fmr": both, "8.fmr": write(finger(8), "iso-2005")})
    checked = check(tmp_path)
    assert checked["D1"].sound is not None
    assert checked["D1"].sound.tenprint[2].x_px.tolist() == finger(2).x_px.tolist()
    assert errors(checked["D2"]) == {("fingers/3.fmr", "finger_view")}


def reviews(checked: CheckedDossier) -> set[tuple[str, str]]:
    return {(one.field, str(one.reason)) for one in checked.problems if one.severity is Severity.REVIEW}


def test_one_finger_at_two_positions_is_for_review(tmp_path: Path) -> None:
    made = MasterFinger.make(4, 4, 2)
    first, again = made.impression(0), made.impression(1)
    put(
        tmp_path,
        "same",
        fingers={"2.fmr": write(first, "iso-2005"), "7.fmr": write(replace(first, position=7), "iso-2005")},
    )
    put(tmp_path, "other", document(2), fingers={"2.fmr": write(first, "iso-2005"), "7.fmr": write(again, "iso-2005")})
    mirror = {"2.fmr": write(first, "iso-2005"), "7.fmr": write(mirrored(again), "iso-2005")}
    put(tmp_path, "mirror", document(3), fingers=mirror)
    checked = check(tmp_path)
    for name in ("same", "other", "mirror"):
        assert reviews(checked[name]) == {("fingers", "same_finger")}
        assert errors(checked[name]) == set()
        assert checked[name].sound is not None
    result = check_batch(open_batch(tmp_path))
    assert (result.sound, result.review, result.well) == (3, 3, False)


def test_fingers_that_are_none_are_refused_or_for_review(tmp_path: Path) -> None:
    rng = np.random.default_rng(6)
    good = finger(2, 60)
    shuffled = replace(good, x_px=rng.permutation(good.x_px), y_px=rng.permutation(good.y_px))
    once = replace(good, **{name: np.full(60, getattr(good, name)[0]) for name in ("x_px", "y_px")})
    failed = bytearray(write(finger(7), "iso-2005"))
    failed[26] = 255
    other = {"8.fmr": write(finger(8), "iso-2005")}
    put(tmp_path, "once", fingers={"2.fmr": write(once, "iso-2005"), **other})
    put(tmp_path, "shuffled", document(2), fingers={"2.fmr": write(shuffled, "iso-2005"), **other})
    put(tmp_path, "failed", document(3), fingers={"2.fmr": bytes(failed), **other})
    random = {"templates": {"format": "iso-2005-compact"}}
    put(tmp_path, "random", document(4, **random), fingers={"2.fmc": rng.bytes(384), "7.fmc": rng.bytes(384)})
    checked = check(tmp_path)
    assert ("fingers/2.fmr", "implausible_finger") in errors(checked["once"])
    assert reviews(checked["shuffled"]) == {("fingers/2.fmr", "finger_in_doubt")}
    assert errors(checked["failed"]) == {("fingers/2.fmr", "implausible_finger")}
    assert errors(checked["random"]) == {
        ("fingers/2.fmc", "implausible_finger"),
        ("fingers/7.fmc", "implausible_finger"),
    }


def test_what_a_dossier_says_of_its_files_is_for_those_that_do_not(tmp_path: Path) -> None:
    fingers = {"2.xyt": write(finger(2), "xyt"), "7.fmr": write(finger(7), "iso-2005")}
    put(tmp_path, "D1", document(1, templates={"dpi": 250, "height_px": 500}), fingers=fingers)
    checked = check(tmp_path)["D1"]
    assert checked.sound is not None
    assert [each.resolution_x_ppcm for each in checked.sound.tenprint.values()] == [98, 197]
    assert ("fingers/7.fmr", "finger_file_odd") not in warnings(checked)


def test_one_file_of_several_fingers_stands_for_each_of_them(tmp_path: Path) -> None:
    both = write([finger(2, position=2), finger(7, position=7)], "iso-2005")
    put(tmp_path, "D1", fingers={"2.fmr": both, "7.fmr": both})
    assert errors(check(tmp_path)["D1"]) == set()
    put(tmp_path, "D2", document(2), fingers={"2.fmr": both, "3.fmr": both})
    assert errors(check(tmp_path)["D2"]) == {("fingers/3.fmr", "finger_view")}


def test_a_card_format_said_of_a_record_is_told(tmp_path: Path) -> None:
    put(tmp_path, "D1", document(1, templates={"format": "iso-2005-card"}), fingers={"2.fmr": RECORD, "7.fmr": RECORD})
    found = [one for one in check(tmp_path)["D1"].problems if one.field == "fingers/2.fmr"]
    assert [str(one.reason) for one in found] == ["unreadable_finger"]
    assert "a whole record" in str(found[0].facts["why"])


def test_a_policy_says_what_each_doubt_does(tmp_path: Path) -> None:
    made = MasterFinger.make(4, 4, 2)
    put(
        tmp_path,
        "D1",
        fingers={"2.fmr": write(made.impression(0), "iso-2005"), "7.fmr": write(made.impression(1), "iso-2005")},
    )
    raw = next(iter(open_batch(tmp_path).read()))
    for severity, found in (
        (Severity.ERROR, "implausible_finger"),
        (Severity.WARNING, "doubtful_finger"),
        (None, None),
    ):
        policy = CheckPolicy(severities={**USUAL_SEVERITIES, Doubt.SAME_FINGER: severity})
        said = {str(one.reason) for one in check_dossier(raw, day=DAY, policy=policy).problems}
        assert said - {"position_differs"} == ({found} if found else set())
    assert CheckPolicy().digest != CheckPolicy(severities={**USUAL_SEVERITIES, Doubt.NO_FLOW: None}).digest
    with pytest.raises(ParameterError, match="every doubt"):
        CheckPolicy(severities={})


def test_missing_fingers_lower_what_is_asked(tmp_path: Path) -> None:
    notes = {str(position): {"missing": "amputated", "note": "tai nạn"} for position in range(1, 11)}
    left = {name: note for name, note in notes.items() if name != "7"}
    put(tmp_path, "none", document(1, fingers=notes), fingers={})
    put(tmp_path, "one", document(2, fingers=left), fingers={"7.fmr": RECORD})
    put(tmp_path, "contradiction", document(3, fingers=notes), fingers={"7.fmr": RECORD})
    checked = check(tmp_path)
    assert checked["none"].reason is None
    assert checked["one"].reason is None
    assert errors(checked["contradiction"]) == {("fingers/7.fmr", "finger_conflict")}


def test_check_batch_counts_and_names_numbers_that_stand_twice(tmp_path: Path) -> None:
    put(tmp_path, "A", document(1), seed=1)
    put(tmp_path, "B", document(1, captured_at="2026-01-01T08:00:00+07:00"), seed=2)
    put(tmp_path, "C", document(3, sex="F"), seed=3)
    seen: list[tuple[int, int, str]] = []
    result = check_batch(open_batch(tmp_path), day=DAY, progress=lambda *step: seen.append(step))
    assert (result.received, result.sound) == (3, 1)
    assert dict(result.rejected) == {"number_repeated": 1, "number_sex": 1}
    (repeated,) = [problem for problem in result.errors if problem.reason == "number_repeated"]
    assert (repeated.dossier_id, repeated.facts) == ("A", {"first": "B"})
    assert seen[-1] == (3, 3, "checked")


def test_what_is_no_batch(tmp_path: Path) -> None:
    with pytest.raises(FileError):
        open_batch(tmp_path / "nowhere")
    with pytest.raises(FileError):
        check_batch(open_batch(tmp_path))
    (tmp_path / "x.parquet").write_bytes(b"PAR1 not really")
    with pytest.raises(FileError):
        open_batch(tmp_path / "x.parquet")
