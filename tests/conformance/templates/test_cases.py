"""The cases of ../shared/cases/templates.md, one test for each row and as a user would meet it: what is read, what is
refused, and in which words. Rows P19 (ANSI/NIST-ITL files), P33 (mirrored prints) and P34 (taking a person out) have
tests of their own.
"""

from __future__ import annotations

import base64
import json
import os
import stat
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cccd_core import pki, templates
from cccd_core.cli.common import EXIT_FAULTS, EXIT_NOT_RUN, EXIT_USAGE, run
from cccd_core.cli.main import build
from cccd_core.dedup import Deduplicator, EnrolledPerson, MemoryGallery
from cccd_core.errors import FormatError, ParameterError
from cccd_core.templates import Tenprint
from support import dossiers
from support.issuing import Office
from support.known_fingers import KnowingMatcher, person
from support.patience import PATIENCE_S

G = bytes.fromhex("464d520020323000000000240000012c019000c500c50100020050014064003220500000")
TWO_VIEWS = bytes.fromhex(
    "464d520020323000000000300000012c019000c500c50200070050014064003220500000020050014064003220500000"
)
EMPTY = bytes.fromhex("464d5200203230000000001e0000012c019000c500c50100020050000000")
DRAFT_2007 = bytes.fromhex("464d5200303330000000002d0042001100b50100020000fe01030001012c019000c500c5014064003220500000")
FLAG_OF_TWO = bytes.fromhex(
    "464d5200303330000000003700010200000028ffffffffffffffffff000000000000020000c500c500012c019060014064003220500000"
)

Said = tuple[int, str, str]
Cccd = Callable[..., Said]


def changed(data: bytes, at: int, value: bytes) -> bytes:
    return data[:at] + value + data[at + len(value) :]


@pytest.fixture
def cccd(capsys: pytest.CaptureFixture[str]) -> Cccd:
    """The command, as (exit code, standard output, standard error)."""

    def called(*words: str | Path) -> Said:
        code = run(build(), [str(word) for word in words])
        said = capsys.readouterr()
        return code, said.out, said.err

    return called


@pytest.fixture
def office(tmp_path: Path) -> Office:
    """An issuing office with the real matcher."""
    folder = tmp_path / "office"
    folder.mkdir()
    pki.init(folder / "pki", now=datetime(2026, 10, 1, tzinfo=UTC))
    return Office(folder, folder / "pki", toy=False)


@pytest.fixture
def put(tmp_path: Path) -> Callable[[str, bytes], Path]:
    def written(name: str, data: bytes) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        return path

    return written


Put = Callable[[str, bytes], Path]


def a_print(seed: int = 1, position: int = 0, impression: int = 0) -> bytes:
    """A sound print: a synthetic finger in a record, another impression without its first minutiae."""
    view = dossiers.finger(seed, position=position)
    if impression:
        kept = {name: getattr(view, name)[4 * impression :] for name in ("x_px", "y_px", "angle", "kind", "quality")}
        view = replace(view, **kept)
    return templates.write(view, "iso-2005")


def words_of(findings: list[dict[str, Any]]) -> list[str]:
    return [each["word"] for each in findings]


def info(cccd: Cccd, path: Path, *more: str) -> dict[str, Any]:
    """What `template info --json` says of a file that is read."""
    code, out, err = cccd("template", "info", path, "--json", *more)
    assert code == 0, err + out
    (row,) = json.loads(out)
    return dict(row)


def refusal(cccd: Cccd, path: Path, *more: str) -> str:
    """What `template info` says of a file that is not read, in words and as JSON alike."""
    code, _, err = cccd("template", "info", path, *more)
    assert code == EXIT_NOT_RUN
    code, out, _ = cccd("template", "info", path, "--json", *more)
    assert code == EXIT_NOT_RUN
    message = str(json.loads(out)[0]["error"]["message"])
    assert message in err
    return err


# -- 1: framing that does no harm


@pytest.mark.parametrize("padding", [b"\x00", b"\n", b"\r\n", bytes(348)])
def test_p01_bytes_after_the_record(padding: bytes, cccd: Cccd, put: Put) -> None:
    row = info(cccd, put("g.fmr", G + padding))
    assert row["views"][0]["minutiae"] == 1
    (notice,) = row["notices"]
    assert notice["word"] == "padded"
    assert notice["facts"]["bytes"] == len(padding)
    assert f"bytes {len(padding)}" in cccd("template", "info", put("g.fmr", G + padding))[1]


@pytest.mark.jit
def test_p01_padding_changes_no_score(cccd: Cccd, put: Put) -> None:
    plain, padded = put("a.fmr", a_print()), put("b.fmr", a_print() + bytes(120))
    probe = put("p.fmr", a_print(impression=1))
    code, out, _ = cccd("match", probe, plain, padded, "--json")
    assert code == 0
    one, other = json.loads(out)["candidates"]
    assert one["score"] == other["score"]
    assert words_of(other["notices"]) == ["padded"]
    assert "bytes follow the record" in cccd("match", probe, padded)[1]


def test_p03_a_length_one_too_small(cccd: Cccd, put: Put) -> None:
    row = info(cccd, put("g.fmr", changed(G, 8, b"\x00\x00\x00\x23")))
    assert row["views"][0]["minutiae"] == 1
    assert words_of(row["notices"]) == ["length_off"]


# -- 2: what it is


def test_p05_the_draft_of_2007(cccd: Cccd, put: Put) -> None:
    row = info(cccd, put("g.fmr", DRAFT_2007))
    assert row["views"][0]["minutiae"] == 1
    assert "header_2007" in words_of(row["notices"])


TEXT = {
    "base64": base64.b64encode(G),
    "wrapped base64": b"\n".join(base64.b64encode(G)[at : at + 16] for at in range(0, 48, 16)) + b"\n",
    "hex": G.hex().encode(),
    "base64 with blanks": base64.b64encode(G).replace(b"+", b" "),
    "JSON": json.dumps(base64.b64encode(G).decode()).encode(),
    "data URI": b"data:application/octet-stream;base64," + base64.b64encode(G),
}


@pytest.mark.parametrize("form", TEXT)
def test_p12_a_record_as_text(form: str, cccd: Cccd, put: Put) -> None:
    row = info(cccd, put("g.txt", TEXT[form]))
    assert (row["format"], row["views"][0]["minutiae"]) == ("iso-2005", 1)
    assert "unwrapped" in words_of(row["notices"])


def test_p12_a_plus_that_was_turned_to_a_blank(put: Put, cccd: Cccd) -> None:
    """A record whose base64 has the sign: its minutia points elsewhere."""
    data = changed(G, 32, b"\x3e")
    assert b"+" in base64.b64encode(data)
    row = info(cccd, put("g.txt", base64.b64encode(data).replace(b"+", b" ")))
    assert row["views"][0]["minutiae"] == 1


def test_p13_a_vendors_xml(cccd: Cccd, put: Put) -> None:
    text = f"<Fid><Bytes>{base64.b64encode(G).decode()}</Bytes><Format>1769473</Format><Version>1.0.0</Version></Fid>"
    assert info(cccd, put("g.xml", text.encode()))["views"][0]["minutiae"] == 1
    assert "XML" in refusal(cccd, put("other.xml", b"<Fid><Bytes></Bytes></Fid>"))


def test_p24_an_empty_file(cccd: Cccd, put: Put) -> None:
    assert "empty file" in refusal(cccd, put("g.fmr", b""))


def test_p28_a_certification_flag_of_two(cccd: Cccd, put: Put) -> None:
    row = info(cccd, put("g.fmr", FLAG_OF_TWO))
    assert (row["format"], words_of(row["notices"])) == ("iso-2011", ["certification_flag"])


def test_p18_one_name_for_the_format(cccd: Cccd, put: Put) -> None:
    bare = templates.write(dossiers.finger(3, 50), "iso-2005-card")
    assert len(bare) == 250
    path = put("card.bin", bare)
    for words in (["template", "info", path], ["match", path, path], ["template", "convert", path, "--to", "iso-2005",
                  "-o", path.with_suffix(".fmr")]):  # fmt: skip
        code, out, err = cccd(*words)
        assert code in (EXIT_NOT_RUN, EXIT_USAGE)
        assert "--format" in out + err
        assert "--from" not in out + err
        assert cccd(*words, "--format", "iso-2005-card")[0] == 0
    folder = path.parent / "set"
    for name in ("1_1", "1_2", "2_1"):
        put(f"set/{name}.bin", bare)
    code, out, err = cccd("evaluate", folder, "--bootstrap", "0")
    assert code == EXIT_FAULTS
    assert "--format" in out + err
    assert cccd("evaluate", folder, "--bootstrap", "0", "--format", "iso-2005-card")[0] == 0


def test_p22_one_view_for_a_format_of_one(cccd: Cccd, put: Put, tmp_path: Path) -> None:
    path, out = put("two.fmr", TWO_VIEWS), tmp_path / "o.xyt"
    code, _, err = cccd("template", "convert", path, "--to", "xyt", "-o", out)
    assert code == EXIT_USAGE
    assert "--view" in err
    assert cccd("template", "convert", path, "--to", "xyt", "--view", "2", "-o", out)[0] == 0
    assert out.read_bytes().count(b"\n") == 1


# -- 3: no finger


def test_p14_bytes_that_are_no_card_format(cccd: Cccd, put: Put) -> None:
    random = put("r.bin", np.random.default_rng(5).bytes(384))
    for path in (random, put("z.bin", bytes(384)), put("t.bin", b"abcd" * 96)):
        assert "iso-2005-c" not in refusal(cccd, path)
    assert info(cccd, random, "--format", "iso-2005-compact")["findings"]
    text = put("b.txt", base64.b64encode(np.random.default_rng(6).bytes(210)))
    assert len(text.read_bytes()) == 280
    assert "text" in refusal(cccd, text, "--format", "iso-2005-card")
    for form in ("iso-2005-compact", "iso-2005-card"):
        code, out, err = cccd("template", "info", put("g.fmr", G), "--format", form)
        assert code != 0
        assert "record" in out + err


@pytest.mark.jit
@pytest.mark.parametrize("data", [G, a_print()], ids=["G", "print"])
def test_p15_dots_an_inch_for_pixels_a_centimetre(data: bytes, cccd: Cccd, put: Put) -> None:
    path = put("g.fmr", changed(data, 18, b"\x01\xf4\x01\xf4"))
    assert "resolution_unit" in words_of(info(cccd, path)["findings"])
    assert "doubtful" in cccd("template", "info", path)[1]
    code, out, _ = cccd("match", put("p.fmr", a_print(impression=1)), path)
    assert code == 0
    assert "doubtful" in out
    assert "another unit" in out


def test_p15_in_a_dossier(cccd: Cccd, tmp_path: Path) -> None:
    code, said = checked(cccd, tmp_path, {"2.fmr": changed(a_print(1), 18, b"\x01\xf4\x01\xf4"), "7.fmr": a_print(2)})
    assert code == EXIT_FAULTS
    assert ("resolution_unit", "error") in said


def test_p16_no_resolution_stated(cccd: Cccd, put: Put) -> None:
    path = put("g.fmr", changed(G, 18, bytes(4)))
    code, _, err = cccd("template", "info", path)
    assert code != 0
    assert "--dpi" in err
    view = info(cccd, path, "--dpi", "500")["views"][0]
    assert (view["minutiae"], view["resolution_x_ppcm"]) == (1, 197)


def test_p23_the_other_form_of_xyt(cccd: Cccd, put: Put) -> None:
    view = dossiers.finger(4, 40)
    default = templates.write(view, "xyt", height_px=500)
    columns = zip(view.x_px.tolist(), view.y_px.tolist(), (view.angle // 364 % 180).tolist(), strict=True)
    other = "".join(f"{x} {y} {t} 50\n" for x, y, t in columns).encode()
    given = ("--dpi", "500", "--height", "500")
    assert "half_circle" in words_of(info(cccd, put("m1.xyt", other), *given)["findings"])
    assert "half_circle" not in words_of(info(cccd, put("m.xyt", default), *given)["findings"])


@pytest.mark.jit
def test_p25_no_minutiae(cccd: Cccd, put: Put) -> None:
    path = put("e.fmr", EMPTY)
    code, out, _ = cccd("match", path, path)
    assert code == 0
    assert "no minutiae" in out
    code, out, _ = cccd("match", path, path, "--json")
    assert words_of(json.loads(out)["candidates"][0]["findings"]) == ["empty"]


def test_p26_a_capture_quality_that_is_none(cccd: Cccd, put: Put, tmp_path: Path) -> None:
    path = put("g.fmr", changed(G, 26, b"\x65"))
    assert info(cccd, path)["views"][0]["capture_quality"] == 0
    assert "capture quality not reported" in cccd("template", "info", path)[1]
    assert templates.write(templates.load(path), "iso-2005") == path.read_bytes()
    assert cccd("template", "convert", path, "--to", "iso-2011", "-o", tmp_path / "n.fmr")[0] == 0
    written = templates.load(tmp_path / "n.fmr").view
    assert written.capture_quality == 0
    assert all(block.score in (254, 255) or block.score <= 100 for block in written.details.quality_blocks)


def checked(cccd: Cccd, folder: Path, fingers: dict[str, bytes]) -> tuple[int, set[tuple[str, str]]]:
    """`batch check` of one dossier with these fingers: the exit code, and (doubt or else reason, severity) of what it
    says, which plain output says as well."""
    dossiers.put(folder / "batch", "D1", fingers=fingers)
    code, out, _ = cccd("batch", "check", folder / "batch", "--json")
    problems = json.loads(out)["problems"]
    plain = cccd("batch", "check", folder / "batch")[1]
    said = {(str(one["facts"].get("doubt", one["reason"])), one["severity"]) for one in problems}
    assert all(word in plain for word, _ in said)
    return code, said


def test_sound_fingers_raise_no_doubt(cccd: Cccd, tmp_path: Path) -> None:
    assert checked(cccd, tmp_path, {"2.fmr": a_print(1, 2), "7.fmr": a_print(2, 7)}) == (0, set())


def test_b08a_one_minutia_forty_times(cccd: Cccd, tmp_path: Path) -> None:
    head = G[:24]
    fingers = {}
    for position, angle in ((2, "0c"), (7, "40")):
        view = bytes((position, 0, 80, 40)) + bytes.fromhex(f"40640064{angle}3c") * 40 + b"\0\0"
        fingers[f"{position}.fmr"] = changed(head, 8, (24 + len(view)).to_bytes(4, "big")) + view
    code, said = checked(cccd, tmp_path, fingers)
    assert code == EXIT_FAULTS
    assert "repeated_minutiae" in {reason for reason, _ in said}


@pytest.mark.parametrize(("first", "second", "word"), [(255, 80, "capture_failed"), (1, 1, "low_quality")])
def test_b08b_a_capture_that_failed_or_is_of_the_lowest_quality(
    first: int, second: int, word: str, cccd: Cccd, tmp_path: Path
) -> None:
    fingers = {
        "2.fmr": changed(a_print(1), 26, bytes([first])),
        "7.fmr": changed(a_print(2), 26, bytes([second])),
    }
    assert word in {reason for reason, _ in checked(cccd, tmp_path, fingers)[1]}


# -- 4: one person, different fingers


@pytest.mark.jit
@pytest.mark.parametrize("impression", [0, 1])
def test_p31_one_finger_for_two_positions(impression: int, cccd: Cccd, tmp_path: Path) -> None:
    _, said = checked(cccd, tmp_path, {"2.fmr": a_print(1, 2), "7.fmr": a_print(1, 7, impression)})
    assert ("same_finger", "review") in said


@pytest.mark.jit
def test_p31_such_a_dossier_is_never_issued(office: Office) -> None:
    fingers = {f"{position}.fmr": a_print(1, position, k) for k, position in enumerate((2, 3, 7, 8))}
    dossiers.put(office.batch(), "A1", dossiers.document(1), fingers=fingers)
    report = office.issue()
    (entry,) = report.entries
    assert (entry.state, entry.reason) != ("verified", None)
    assert "review" in entry.state or entry.reason == "same_finger", (entry.state, entry.reason)


@pytest.mark.jit
def test_p21_the_view_of_the_files_position(cccd: Cccd, tmp_path: Path) -> None:
    both = templates.write([templates.read(a_print(1, 7)).view, templates.read(a_print(2, 2)).view], "iso-2005")
    assert checked(cccd, tmp_path / "right", {"2.fmr": both, "8.fmr": a_print(3, 8)}) == (0, set())
    # The view of position 2 is the finger of 8.fmr: were the first view taken, nothing would be said.
    _, said = checked(cccd, tmp_path / "same", {"2.fmr": both, "8.fmr": a_print(2, 8)})
    assert ("same_finger", "review") in said
    code, said = checked(cccd, tmp_path / "none", {"3.fmr": both, "8.fmr": a_print(3, 8)})
    assert code == EXIT_FAULTS
    assert "error" in {severity for _, severity in said}


def test_p38_fingers_of_two_people() -> None:
    gallery = [person(f"G{k}", k, positions=(2, 3, 7, 8)) for k in range(1, 30)]
    one, other = gallery[4].tenprint, gallery[9].tenprint
    mixed = EnrolledPerson("mixed", Tenprint({2: one[2], 3: one[3], 7: other[7], 8: other[8]}))
    (found,) = Deduplicator(KnowingMatcher(75.0)).search([mixed], MemoryGallery(gallery))
    assert found.outcome in ("duplicate", "review")
    assert "several_people" in found.evidence.reasons
    assert {match.person_id for match in found.evidence.matches} == {"G5", "G10"}


def test_p36_one_identifier_twice() -> None:
    a, b = person("a", 1), person("b", 2)
    with pytest.raises(ParameterError) as caught:
        Deduplicator(KnowingMatcher()).search([a, b, b], MemoryGallery([person("c", 3)]))
    assert "b" in {str(value) for value in caught.value.facts.values()}


# -- 5: what a conversion loses


def converted(cccd: Cccd, source: Path, *words: str) -> tuple[dict[str, Any], str, bytes]:
    out = source.with_suffix(".out")
    code, plain, err = cccd("template", "convert", source, *words, "-o", out)
    assert code == 0, err
    data = out.read_bytes()
    code, text, _ = cccd("template", "convert", source, *words, "-o", out, "--json")
    assert code == 0
    return json.loads(text), plain, data


def test_p30a_extended_data_that_are_no_areas(cccd: Cccd, put: Put) -> None:
    data = bytes.fromhex("464d520020323000000000250000012c019000c500c50100020050014064003220500001ff")
    said, plain, _ = converted(cccd, put("g.fmr", data), "--to", "iso-2011")
    assert "extended" in " ".join(said["lost"])
    assert "nothing lost" not in plain


@pytest.mark.parametrize("minutiae", ["406400322050", "4064003220504010001020503c"[:24]])
def test_p30b_ridge_counts_by_number_and_another_order(minutiae: str, cccd: Cccd, put: Put) -> None:
    count = len(minutiae) // 12
    view = bytes((2, 0, 80, count)) + bytes.fromhex(minutiae) + bytes.fromhex("0008" + "0001000801010203")
    data = G[:24] + view
    data = changed(data, 8, len(data).to_bytes(4, "big"))
    said, plain, written = converted(cccd, put("g.fmr", data), "--to", "iso-2005", "--order", "xy")
    kept = templates.read(written).view.extended == templates.read(data).view.extended and count == 1
    assert kept or ("extended" in " ".join(said["lost"]) and "nothing lost" not in plain)


# -- 6: paths


@pytest.fixture
def outputs(put: Put) -> dict[str, list[str | Path]]:
    """Commands that write a file, less its path."""
    path = put("g.fmr", a_print())
    for name in ("1_1", "1_2", "2_1"):
        put(f"set/{name}.fmr", a_print(int(name[0]), impression=int(name[2]) - 1))
    return {
        "convert": ["template", "convert", path, "--to", "ansi-2004", "-o"],
        "draw": ["template", "draw", path, "-o"],
        "evaluate": ["evaluate", path.parent / "set", "--bootstrap", "0", "--out"],
    }


@pytest.mark.jit
@pytest.mark.parametrize("command", ["convert", "draw", "evaluate"])
def test_b01_a_pipe_is_never_replaced(command: str, outputs: dict[str, list[str | Path]], cccd: Cccd) -> None:
    pipe = Path(str(outputs["convert"][2])).with_name("pipe")
    os.mkfifo(pipe)
    read: list[bytes] = []
    reader = threading.Thread(target=lambda: read.append(pipe.read_bytes()))
    reader.start()
    assert cccd(*outputs[command], pipe)[0] == 0
    reader.join(PATIENCE_S)
    assert read[0]
    assert stat.S_ISFIFO(pipe.stat().st_mode)


@pytest.mark.jit
@pytest.mark.parametrize("command", ["convert", "draw", "evaluate"])
def test_b02_a_link_stays_a_link(command: str, outputs: dict[str, list[str | Path]], cccd: Cccd, put: Put) -> None:
    target = put("target", b"before")
    link = target.with_name("link")
    link.symlink_to(target)
    assert cccd(*outputs[command], link)[0] == 0
    assert link.is_symlink()
    assert target.read_bytes() != b"before"


def test_b03_a_name_that_is_no_utf_8(tmp_path: Path) -> None:
    (tmp_path / os.fsdecode(b"bad\xff\xfe_1.fmr")).write_bytes(G)
    words = [sys.executable, "-m", "cccd_core.cli.main", "template", "info", os.fsdecode(b"bad\xff\xfe_1.fmr")]
    strict = {**os.environ, "PYTHONIOENCODING": "utf-8:strict", "PYTHONUTF8": "0"}
    for more in ([], ["--json"]):
        done = subprocess.run([*words, *more], cwd=tmp_path, env=strict, capture_output=True, check=False)
        assert done.returncode == 0, done.stderr
        assert "\\xff\\xfe" in done.stdout.decode("utf-8").replace("\\\\", "\\")
        assert b"Traceback" not in done.stderr


@pytest.mark.parametrize("name", ["red\x1b[31m.fmr", "two\nlines.fmr"])
def test_b04_no_terminal_obeys_a_name(name: str, cccd: Cccd, put: Put) -> None:
    for data in (G, b""):
        _, out, err = cccd("template", "info", put(name, data))
        said = out + err
        assert "\x1b" not in said
        assert "two\nlines" not in said


def test_b05_a_dash_is_a_stream(tmp_path: Path, put: Put) -> None:
    def called(*words: str, given: bytes = b"") -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(
            [sys.executable, "-m", "cccd_core.cli.main", *words],
            cwd=tmp_path,
            input=given,
            capture_output=True,
            check=False,
        )

    done = called("template", "info", "-", given=G)
    assert done.returncode == 0
    assert b"1 minutiae" in done.stdout
    path = put("g.fmr", G)
    done = called("template", "convert", str(path), "--to", "ansi-2004", "-o", "-")
    assert done.returncode == 0
    assert templates.read(done.stdout).format == "ansi-2004"
    assert not (tmp_path / "-").exists()


def test_b10_a_gallery_is_its_owners_alone(office: Office) -> None:
    office.gallery.mkdir(mode=0o755)
    office.gallery.chmod(0o755)
    office.put("A1", 1)
    before = os.umask(0o022)
    try:
        office.issue()
    finally:
        os.umask(before)
    files = [path for path in office.gallery.rglob("*") if path.is_file()]
    assert files
    assert {oct(path.stat().st_mode & 0o077) for path in files} == {"0o0"}


# -- 7: other files in a folder


@pytest.mark.jit
def test_p10_images_beside_templates(cccd: Cccd, put: Put, tmp_path: Path) -> None:
    for finger in (101, 102):
        for impression in (1, 2):
            put(f"set/{finger}_{impression}.fmr", a_print(finger, impression=impression - 1))
    for name in ("101_1.tif", "101_2.bmp", "103_1.tif", "103_2.wsq"):
        put(f"set/{name}", b"II*\0" + bytes(80))
    code, out, _ = cccd("evaluate", tmp_path / "set", "--bootstrap", "0", "--json")
    assert code == 0
    (entry,) = json.loads(out)["sets"]
    assert (entry["fingers"], entry["templates"], entry["failed"], entry["passed_over"]) == (2, 4, 0, 4)


def test_b06_nothing_that_can_be_read(cccd: Cccd, put: Put, tmp_path: Path) -> None:
    put("set/1_1.fmr", b"junk")
    put("set/1_2.fmr", b"\x00\x01junk")
    code, _, err = cccd("evaluate", tmp_path / "set", "--bootstrap", "0")
    assert code == EXIT_FAULTS
    assert "1_1: " in err
    assert "1_2: " in err


@pytest.mark.jit
def test_b07_what_a_file_manager_leaves(cccd: Cccd, tmp_path: Path) -> None:
    left = {"Thumbs.db": b"\xd0\xcf\x11\xe0", "desktop.ini": b"[.ShellClassInfo]\r\n"}
    code, said = checked(cccd, tmp_path, {"2.fmr": a_print(1, 2), "7.fmr": a_print(2, 7), **left})
    assert code == 0
    assert {severity for _, severity in said} == {"warning"}


@pytest.mark.parametrize("name", ["notes.txt", "scan.PNG", "ehthumbs.db", ".DS_Store", "overview.wsq", "12.txt"])
def test_b07_other_files_are_passed_over(name: str, cccd: Cccd, tmp_path: Path) -> None:
    code, said = checked(cccd, tmp_path, {"2.fmr": a_print(1, 2), "7.fmr": a_print(2, 7), name: b"x"})
    assert code == 0
    assert {severity for _, severity in said} <= {"warning"}


@pytest.mark.parametrize("name", ["index.fmr", "11.fmr", "left thumb.xyt", "0.fmr", "8.png"])
def test_b07_what_should_be_a_finger_is_told(name: str, cccd: Cccd, tmp_path: Path) -> None:
    code, said = checked(cccd, tmp_path, {"2.fmr": a_print(1, 2), "7.fmr": a_print(2, 7), name: b"x"})
    assert code == EXIT_FAULTS
    assert "error" in {severity for _, severity in said}


# -- 8: messages


def test_b09a_the_readers_sentence_is_kept(cccd: Cccd, tmp_path: Path) -> None:
    cut = a_print(1)[:-3]
    with pytest.raises(FormatError) as caught:
        templates.read(cut)
    sentence = str(caught.value).partition(" (")[0]
    dossiers.put(tmp_path / "batch", "D1", fingers={"2.fmr": cut, "7.fmr": a_print(2)})
    code, out, _ = cccd("batch", "check", tmp_path / "batch", "--json")
    assert code == EXIT_FAULTS
    assert sentence in out
    assert sentence in cccd("batch", "check", tmp_path / "batch")[1]


def test_b09b_nothing_is_cut_in_a_pipe(tmp_path: Path) -> None:
    name = "D" * 30
    dossiers.put(tmp_path / "batch", name, fingers={"2.fmr": a_print(1)[:-3], "7.fmr": a_print(2)})
    done = subprocess.run(
        [sys.executable, "-m", "cccd_core.cli.main", "batch", "check", str(tmp_path / "batch")],
        capture_output=True,
        check=False,
    )
    said = done.stdout.decode()
    assert name in said
    assert "…" not in said
    assert "the record ends within the minutiae" in said
