"""cccd template: what it prints, what it writes, how it ends."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cccd_core import templates
from cccd_core.cli.common import EXIT_NOT_RUN, EXIT_USAGE, run
from cccd_core.cli.main import build
from cccd_core.templates import FingerTemplate, TemplateRecord
from cccd_core.templates.draw import draw

app = build("template")
XYT = "10 470 90 55\n200 100 359 100\n"


@pytest.fixture
def fmr(tmp_path: Path) -> Path:
    numbers = np.arange(1, 41)
    view = FingerTemplate(
        numbers * 9, numbers * 11, numbers * 1600, numbers % 3, numbers, width_px=400, height_px=480, position=2
    )
    path = tmp_path / "[2].fmr"
    views = (view, replace(view, view=1, extended=bytes.fromhex("010100061234")))
    templates.save(templates.write(TemplateRecord("iso-2005", views), "iso-2005"), path)
    return path


def test_info(fmr: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(app, ["template", "info", str(fmr)]) == 0
    out = capsys.readouterr().out
    assert "[2].fmr: ISO/IEC 19794-2:2005 record, 2 views" in out
    assert "view 2: finger 2 (right index), 40 minutiae (14 endings, 13 bifurcations), 400 x 480 px" in out
    assert "6 bytes of extended data" in out


def test_info_goes_on_after_a_bad_file(fmr: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bad = tmp_path / "bad.fmr"
    bad.write_bytes(fmr.read_bytes()[:-3])
    assert run(app, ["template", "info", str(bad), str(fmr), "--json"]) == 1
    first, second = json.loads(capsys.readouterr().out)
    assert first["error"]["kind"] == "format"
    assert first["error"]["facts"]["offset"] == 516
    assert second["views"][1]["extended_bytes"] == 6
    assert run(app, ["template", "info", str(bad), str(fmr)]) == 1
    captured = capsys.readouterr()
    assert "bad.fmr" in captured.err
    assert "2 views" in captured.out


def test_convert_there_and_back(fmr: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    xyt, back = tmp_path / "2.xyt", tmp_path / "back.fmr"
    assert run(app, ["template", "convert", str(fmr), "--view", "1", "--to", "xyt", "-o", str(xyt)]) == 0
    assert (
        "directions within 0.50 degrees; not kept: views, kind, position, size, resolution" in capsys.readouterr().out
    )
    image = ["--dpi", "500", "--height", "480", "--width", "400"]
    assert run(app, ["template", "convert", str(xyt), *image, "--to", "iso-2005", "-o", str(back), "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["minutiae"] == [40]
    assert result["loss"]["angle_deg"] == pytest.approx(0.6875)
    np.testing.assert_array_equal(templates.load(back).view.angle, templates.load(fmr).view.angle)
    np.testing.assert_array_equal(templates.load(back).view.y_px, templates.load(fmr).view.y_px)


def test_another_resolution_is_converted_to_and_a_false_one_replaced(
    fmr: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out.fmr"
    before = templates.load(fmr).view
    convert = ["template", "convert", str(fmr), "--to", "iso-2005", "-o", str(out), "--json"]
    assert run(app, [*convert, "--dpi", "1000"]) == 0
    assert json.loads(capsys.readouterr().out)["loss"]["coordinate_mm"] > 0
    scaled = templates.load(out).view
    assert scaled.resolution_x_ppcm == 394
    assert np.abs(scaled.x_px / 394 - before.x_px / 197).max() * 10 < 0.02  # millimetres
    assert run(app, [*convert, "--from-dpi", "1000"]) == 0
    replaced = templates.load(out).view
    assert (replaced.resolution_x_ppcm, replaced.x_px.tolist()) == (394, before.x_px.tolist())


@pytest.mark.parametrize(("form", "ppcm"), [("iso-2005-card", 1000), ("iso-2005-compact", 100)])
def test_a_record_in_units_of_length_says_that_it_keeps_them(
    form: str, ppcm: int, fmr: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bare, out = tmp_path / "2.card", tmp_path / "out.fmr"
    assert run(app, ["template", "convert", str(fmr), "--view", "1", "--to", form, "-o", str(bare)]) == 0
    assert "the resolution stays" not in capsys.readouterr().out
    back = ["template", "convert", str(bare), "--format", form, "--to", "iso-2005", "-o", str(out)]
    assert run(app, back) == 0
    assert f"the resolution stays {ppcm} pixels/cm, the unit of {form}: --dpi 500" in capsys.readouterr().out
    assert templates.load(out).view.resolution_x_ppcm == ppcm
    assert run(app, [*back, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["loss"]["kept_ppcm"] == ppcm
    assert run(app, [*back, "--dpi", "500", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["loss"]["kept_ppcm"] == 0
    assert templates.load(out).view.resolution_x_ppcm == 197


@pytest.mark.parametrize("form", ["nist-itl-legacy", "nist-itl-378", "nist-itl-efs"])
def test_convert_to_an_itl_file_and_back(
    form: str, fmr: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    itl, back = tmp_path / "2.an2", tmp_path / "back.fmr"
    assert run(app, ["template", "convert", str(fmr), "--to", form, "-o", str(itl)]) == 0
    assert f"{itl.name}: {templates.FORMATS[form]}" in capsys.readouterr().out.replace("\n", "")
    assert run(app, ["template", "info", str(itl), "--json"]) == 0
    (said,) = json.loads(capsys.readouterr().out)
    assert said["format"] == form
    assert [(view["position"], view["minutiae"]) for view in said["views"]] == [(2, 40), (2, 40)]
    assert [doubt for doubt in said["findings"] if doubt["word"] == "resolution_unit"] == []
    asked = ["--dpi", "500", "--height", "480"]
    assert run(app, ["template", "convert", str(itl), *asked, "--to", "iso-2005", "-o", str(back)]) == 0
    home, away = templates.load(back).view, templates.load(fmr).view
    np.testing.assert_array_equal(home.x_px, away.x_px)
    np.testing.assert_array_equal(home.y_px, away.y_px)
    np.testing.assert_array_equal(home.kind, away.kind)


def test_an_itl_file_of_images_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    image = b"14.001:40\x1d14.002:0\x1d14.011:WSQ20\x1d14.013:7\x1d14.999:\xff\xa0\xff\x1c"
    path = tmp_path / "images.eft"
    path.write_bytes(b"1.001:40\x1d1.002:0501\x1d1.003:1\x1f1\x1e14\x1f00\x1c" + image)
    assert run(app, ["template", "info", str(path)]) == 3
    words = " ".join(capsys.readouterr().err.split())
    assert "an ANSI/NIST-ITL file with 1 fingerprint image (type 14, WSQ) of position 7 and no minutiae" in words


def test_convert_for_a_card(fmr: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    card = tmp_path / "2.cc"
    options = ["--view", "2", "--most", "10", "--order", "yx", "--to", "iso-2005-compact", "-o", str(card)]
    assert run(app, ["template", "convert", str(fmr), *options]) == 0
    view = templates.load(card, format="iso-2005-compact").view
    assert view.count == 10
    assert view.y_px.tolist() == sorted(view.y_px.tolist())


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["convert", "{fmr}", "--to", "xyt", "-o", "{out}"], "fewer finger views"),
        (["convert", "{fmr}", "--to", "xyz", "-o", "{out}"], "unknown template format"),
        (["convert", "{fmr}", "--view", "3", "--to", "xyt", "-o", "{out}"], "no such view"),
        (["convert", "{xyt}", "--to", "iso-2005", "-o", "{out}"], "state them"),
        (["convert", "{fmr}", "--most", "0", "--to", "iso-2005", "-o", "{out}"], "--most"),
        (["convert", "{fmr}", "--most", "-1", "--to", "iso-2005", "-o", "{out}"], "--most"),
        (["draw", "{fmr}", "--view", "0", "-o", "{out}"], "--view"),
        (["draw", "{fmr}", "--view", "3", "-o", "{out}"], "no such view"),
        (["draw", "{fmr}", "--position", "7", "-o", "{out}"], "none of this finger"),
        (["draw", "{fmr}", "--position", "2", "--view", "1", "-o", "{out}"], "give one"),
        (["draw", "{fmr}.none", "-o", "{out}"], "cannot be read"),
    ],
)
def test_refusals(
    arguments: list[str], said: str, fmr: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "2.xyt").write_text(XYT, encoding="ascii")
    places = {"fmr": fmr, "xyt": tmp_path / "2.xyt", "out": tmp_path / "out"}
    code = EXIT_NOT_RUN if said == "cannot be read" else EXIT_USAGE
    assert run(app, ["template", *(argument.format(**places) for argument in arguments)]) == code
    assert said in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_of_several_views_the_one_that_is_meant_is_drawn(
    fmr: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first = templates.load(fmr).views[0]
    few = replace(templates.strongest(first, 5), position=7)
    both, out = tmp_path / "both.fmr", tmp_path / "2.png"
    templates.save(templates.write(TemplateRecord("iso-2005", (first, few)), "iso-2005"), both)
    for options, number, minutiae in (
        ([], 1, 40),
        (["--view", "2"], 2, 5),
        (["--position", "7"], 2, 5),
        (["--position", "2"], 1, 40),
    ):
        assert run(app, ["template", "draw", str(both), "-o", str(out), *options]) == 0
        said = capsys.readouterr().out
        assert f"{minutiae} minutiae" in said
        assert f"of 2 finger views the one numbered {number} is used" in said
        assert run(app, ["template", "draw", str(both), "-o", str(out), *options, "--json"]) == 0
        record = json.loads(capsys.readouterr().out)
        assert (record["views"], record["view"], record["minutiae"]) == (2, number, minutiae)


def test_draw(fmr: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "2.png"
    assert run(app, ["template", "draw", str(fmr), "-o", str(out)]) == 0
    assert "40 minutiae" in capsys.readouterr().out
    with Image.open(out) as picture:
        assert picture.size == (2 * 400 + 48, 2 * 480 + 48 + 44)
    assert run(app, ["template", "draw", str(fmr), "-o", str(out), "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"path": str(out), "minutiae": 40, "views": 2, "view": 1}


def _ink(picture: Image.Image, box: tuple[int, int, int, int]) -> int:
    pixels = np.asarray(picture.convert("L").crop(box))
    return int((pixels < 200).sum())


@pytest.mark.parametrize("kind", [0, 1, 2])
def test_the_line_leaves_in_the_minutia_s_direction(kind: int) -> None:
    """One minutia in the middle pointing up: ink above it and none below."""
    view = FingerTemplate([100], [100], [16384], [kind], [0], width_px=200, height_px=200)
    with Image.open(io.BytesIO(draw(view))) as picture:
        x, y = 24 + 200, 24 + 200
        assert _ink(picture, (x - 3, y - 18, x + 4, y - 8)) >= 8
        assert _ink(picture, (x - 3, y + 8, x + 4, y + 18)) == 0
        assert _ink(picture, (x - 18, y - 3, x - 8, y + 4)) == 0


@pytest.mark.parametrize(("width", "height"), [(0, 0), (0xFFFF, 1), (16383, 16383)])
def test_any_template_is_drawn_within_bounds(width: int, height: int) -> None:
    view = FingerTemplate([0, 16383], [5, 16383], [0, 1], [0, 1], [0, 100], width_px=width, height_px=height)
    for template in (view, replace(view, resolution_x_ppcm=1), FingerTemplate([], [], [], [], [])):
        with Image.open(io.BytesIO(draw(template))) as picture:
            assert max(picture.size) <= 2000 + 48 + 44
