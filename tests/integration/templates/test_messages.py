"""What a command says where a file is not what its user took it for; and what the library says of a wrong argument."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.support.dossiers import finger

from cccd_core import templates
from cccd_core.cli.common import EXIT_FAULTS, EXIT_NOT_RUN, EXIT_USAGE, run
from cccd_core.cli.main import build
from cccd_core.errors import CccdError, FormatError, ParameterError
from cccd_core.intake import check_tenprint, examine
from cccd_core.matching import Matcher
from cccd_core.templates import Tenprint

ONE = finger(1)
RECORD = templates.read(templates.write(ONE, "iso-2005"))


@pytest.fixture
def cccd(capsys: pytest.CaptureFixture[str]) -> Any:
    """Runs a command; returns exit code, standard output and standard error."""

    def said(*words: str | Path) -> tuple[int, str, str]:
        code = run(build(str(words[0])), [str(word) for word in words])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return said


@pytest.fixture
def hands(tmp_path: Path) -> Path:
    """One file of the fingers 2, 7 and 7 again."""
    views = [replace(finger(seed), position=position) for seed, position in ((1, 2), (2, 7), (3, 7))]
    path = tmp_path / "hands.fmr"
    templates.save(templates.write(views, "iso-2011"), path)
    return path


@pytest.mark.jit
def test_match_says_why_a_candidate_cannot_be_read(cccd: Any, hands: Path, tmp_path: Path) -> None:
    cut = tmp_path / "cut.fmr"
    cut.write_bytes(hands.read_bytes()[:-9])
    code, out, _ = cccd("match", hands, cut, hands, "--view", "2")
    assert code == EXIT_FAULTS
    assert "offset=" in out
    code, out, _ = cccd("match", hands, tmp_path / "none.fmr", hands)
    assert "No such file or directory" in out
    single = tmp_path / "single.fmr"
    templates.save(templates.write(ONE, "iso-2005"), single)
    code, out, _ = cccd("match", single, hands, single, "--view", "9")
    assert (code, "view=9, views=3" in out) == (EXIT_FAULTS, True)
    code, out, _ = cccd("match", single, hands, single, "--position", "3")
    assert "views=3, positions='2 7 7'" in out


def test_info_of_one_view(cccd: Any, hands: Path) -> None:
    code, out, _ = cccd("template", "info", hands, "--position", "7", "--json")
    (row,) = json.loads(out)
    assert (code, [(view["number"], view["position"]) for view in row["views"]]) == (0, [(2, 7)])
    code, out, _ = cccd("template", "info", hands, "--view", "3")
    assert ("view 3: finger 7" in out, "view 2" in out, "of 3 finger views" in out) == (True, False, True)
    code, _, err = cccd("template", "info", hands, "--view", "4")
    assert (code, "views=3" in err) == (EXIT_NOT_RUN, True)
    assert cccd("template", "info", hands, "--view", "1", "--position", "2")[0] == EXIT_USAGE


def test_convert_of_the_view_of_a_finger(cccd: Any, hands: Path, tmp_path: Path) -> None:
    out = tmp_path / "7.fmr"
    assert cccd("template", "convert", hands, "--position", "7", "--to", "iso-2005", "-o", out)[0] == 0
    found, wanted = templates.load(out), templates.load(hands)
    assert [view.position for view in found.views] == [7]
    assert found.view.x_px.tolist() == wanted.views[1].x_px.tolist()
    code, _, err = cccd("template", "convert", hands, "--position", "3", "--to", "iso-2005", "-o", out)
    assert (code, "positions='2 7 7'" in err, "option='--position'" in err) == (EXIT_USAGE, True, True)


@pytest.mark.parametrize("name", ["d.bmp", "d.JPG", "d.svg"])
def test_a_picture_is_no_other_image_than_its_name_says(name: str, cccd: Any, hands: Path, tmp_path: Path) -> None:
    for words in (("template", "draw", hands, "-o"), ("match", hands, hands, "--explain")):
        code, _, err = cccd(*words, tmp_path / name)
        assert (code, ".png" in err, (tmp_path / name).exists()) == (EXIT_USAGE, True, False)


@pytest.mark.parametrize(
    ("data", "name", "said"),
    [
        (templates.write(ONE, "iso-2011"), "iso-2005", "it is iso-2011"),
        (templates.write(ONE, "iso-2005"), "xyt", "it is iso-2005"),
        (templates.write(ONE, "iso-2005"), "nist-itl-378", "it is iso-2005"),
        (templates.write(ONE, "nist-itl-378"), "ansi-2004", "it is nist-itl-378"),
        (b"\xff\xd8\xff" + bytes(90), "iso-2005", "an image, JPEG"),
        (b"a,b\n1,2\n", "iso-2005", "a table"),
        (b"", "xyt", "an empty file"),
        (b"10 20 90 50\n" * 9, "iso-2005", "it is xyt"),
    ],
)  # fmt: skip
def test_a_wrong_format_says_what_the_file_is(data: bytes, name: str, said: str) -> None:
    with pytest.raises(FormatError, match=f"the file is not {name}: {said}"):
        templates.read(data, format=name)


def test_a_right_format_says_what_is_wrong_with_the_file() -> None:
    with pytest.raises(ParameterError, match="needs='dpi and height_px'"):
        templates.read(b"10 20 90 50\n" * 9, format="xyt")
    with pytest.raises(FormatError, match="ends within the minutiae"):
        templates.read(templates.write(ONE, "iso-2005")[:-3], format="iso-2005")


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: Matcher().score(RECORD, RECORD), "field='probe', wanted='FingerTemplate or PreparedTemplate', given="),
        (lambda: Matcher().score(ONE, b"x"), "field='candidate'"),
        (lambda: Matcher().prepare(RECORD), "wanted='FingerTemplate', given='TemplateRecord'"),
        (lambda: Matcher().gallery(ONE), "field='templates', wanted='several of FingerTemplate'"),
        (lambda: Matcher().gallery([RECORD]), "field='templates', wanted='FingerTemplate'"),
        (lambda: Matcher().scores(ONE, Matcher().gallery([])), "field='probe', wanted='PreparedTemplate'"),
        (lambda: Matcher().scores(Matcher().prepare(ONE), [ONE]), "field='gallery', wanted='PreparedGallery'"),
        (lambda: Matcher().explain(ONE, RECORD), "field='candidate', wanted='FingerTemplate'"),
        (lambda: examine(ONE), "field='record', wanted='TemplateRecord', given='FingerTemplate'"),
        (lambda: examine(RECORD, 1), "field='view'"),
        (lambda: check_tenprint([ONE]), "field='fingers', wanted='Mapping', given='list'"),
        (lambda: check_tenprint({"2": ONE}), "wanted='int', given='str'"),
        (lambda: check_tenprint({2: b"x"}), "wanted='FingerTemplate or TemplateRecord', given='bytes'"),
        (lambda: Tenprint([ONE]), "field='fingers', wanted='Mapping'"),
        (lambda: Tenprint({2: RECORD}), "wanted='FingerTemplate', given='TemplateRecord'"),
        (lambda: templates.read("101_1.fmr"), "field='data', wanted='bytes or bytearray or memoryview', given='str'"),
        (lambda: templates.read(5), "given='int'"),
        (lambda: templates.write(5, "iso-2005"), "field='record', wanted='several of FingerTemplate', given='int'"),
    ],
)  # fmt: skip
@pytest.mark.jit
def test_arguments_of_other_types_are_named(call: Any, said: str) -> None:
    with pytest.raises(ParameterError) as caught:
        call()
    assert said in str(caught.value)


def test_an_errors_facts_are_shown_as_everything_from_outside_is() -> None:
    error = CccdError("no", path="a\udcff\x1b[31m\u202e.fmr", other="it's", number=3)
    assert str(error) == "no (path='a\\xff\\x1b[31m\\u202e.fmr', other=\"it's\", number=3)"


@pytest.mark.parametrize("name", ["iso-2011", "ansi-2009", "nist-itl-378"])
def test_what_holds_for_every_view_is_said_once(name: str, cccd: Any, tmp_path: Path) -> None:
    views = [replace(finger(seed), position=seed) for seed in range(1, 5)]
    path = tmp_path / "four.fmr"
    templates.save(templates.write(views, name), path)
    code, out, _ = cccd("template", "info", path, "--dpi", "508")
    assert (code, out.count("stands in place of the stated one")) == (0, 1)
