"""The native kernels and their twins in Python can be laid side by side: settings, features and functions have the same
names in the same order. What one side alone has is listed here, with its reason."""

from __future__ import annotations

import ast
import re
from itertools import chain
from pathlib import Path
from types import ModuleType

import pytest

from cccd_core.matching import MatcherParameters, calibration, levelling, weights
from cccd_core.matching.calibration import Calibration
from cccd_core.matching.kernels import prepare, score

NATIVE = Path(__file__).parents[3] / "native" / "kernels"
SCORING = ("lanes", "work", "pairs", "placing", "figures", "score", "plain")  # as each includes the one before

# functions of one side alone
REGISTERS = {"each", "all", "select", "at", "from", "put", "index_from", "pick", "eight", "four", "fold", "add_lanes"}
PADDING = {"padded", "pad_pairs"}
RING = {"compatible"}  # the twin's matrix is whole
THREAD = {"own_work"}  # kept between calls of a thread
FIELDS = {"x_of", "y_of", "angle_of"}  # read once into arrays by the twin
SORTING = {"insert"}  # the twin has arrays that sort themselves
# sums in 24 bits, where these tell enough
ROUNDED = {"pack", "round_tables", "reach_along", "squares", "add_square", "rounded_cylinder"}
SCALES = {"at_scale"}  # of several that are made together; the twin makes each anew
ROOM = {"new_finger", "new_pairing", "new_work"}  # structs, in C++
BUILT_IN = {"popcount", "take_over"}  # __builtin_popcountll, std::swap


def text(*names: str) -> str:
    """Native sources one after the other, without comments."""
    return re.sub(r" *//.*", "", "\n".join((NATIVE / name).read_text(encoding="utf-8") for name in names))


def enumerators(source: str, name: str) -> list[str]:
    """The names of an enumeration."""
    found = re.search(rf"enum {name} : int \{{(.*?)\}};", source, re.DOTALL)
    assert found, name
    return re.findall(r"(\w+)(?: = [^,]+)?(?:,|\s*$)", found[1])


def defined(source: str) -> list[str]:
    """The functions that C++ defines, in order."""
    return re.findall(r"^(?:static )?(?:inline )?[\w:]+[&*]* (\w+)\([^;{]*\) \{", source, re.MULTILINE)


def functions(module: ModuleType) -> list[str]:
    """The functions and methods of a module, in order, each once, without a leading underscore."""
    assert module.__file__
    tree = ast.parse(Path(module.__file__).read_text(encoding="utf-8"))
    bodies = chain([tree.body], (node.body for node in tree.body if isinstance(node, ast.ClassDef)))
    found = sorted(
        (node for body in bodies for node in body if isinstance(node, ast.FunctionDef)), key=lambda f: f.lineno
    )
    return list(dict.fromkeys(node.name.removeprefix("_") for node in found))


def constants(source: str) -> dict[str, str]:
    """The constants of C++ and what they are set to, in Python's way to write numbers and with names in capitals."""
    found = re.findall(r"(?:constexpr (?:int|u32|f32)|^ ) (\w+) = ([^;,{}]+?)[;,]?$", source, re.MULTILINE)
    numbers = re.compile(r"\b(0x[\da-f]+)u\b|\b([\d.]+(?:e\d+)?)f\b")
    return {name.upper(): numbers.sub(r"\1\2", value).upper().replace("0X", "0x") for name, value in found}


@pytest.mark.parametrize(
    ("sources", "twin", "native_alone", "twin_alone"),
    [
        (
            [f"matching/{name}.ipp" for name in SCORING],
            score,
            REGISTERS | PADDING | RING | THREAD | FIELDS,
            ROOM | BUILT_IN,
        ),
        (["preparing/finger.ipp"], prepare, SORTING | ROUNDED | SCALES, set()),
    ],
    ids=["score", "prepare"],
)
def test_functions_have_the_same_names_in_the_same_order(
    sources: list[str], twin: ModuleType, native_alone: set[str], twin_alone: set[str]
) -> None:
    native, python = defined(text(*sources)), functions(twin)
    assert len(python) >= 10
    assert len(set(native)) == len(native)
    assert set(native) - set(python) == native_alone
    assert set(python) - set(native) == twin_alone
    assert [name for name in native if name in python] == [name for name in python if name in native]


def test_a_level_that_writes_its_own_parts_keeps_their_order() -> None:
    plain, own = defined(text("matching/plain.ipp")), defined(text("matching/avx512.cpp"))
    assert [name for name in own if name in plain] == plain


def test_calibrating_has_the_same_names_in_the_same_order() -> None:
    native = defined(text("calibrating/calibrate.cpp"))
    python = dict.fromkeys([*functions(levelling), *functions(calibration)])
    assert native == [name for name in python if name in native]
    *numbers, count = enumerators(text("calibrating/calibrating.hpp"), "Number")
    assert count == "numbers_count"
    assert list(Calibration.shipped().numbers()) == numbers
    assert list(Calibration.identity().numbers()) == numbers


def test_settings_have_the_same_names_in_the_same_order() -> None:
    names = enumerators(text("matching/matching.hpp"), "Setting")
    assert [*MatcherParameters().settings(), "settings_count"] == names
    assert [getattr(score, name.upper()) for name in names] == list(range(len(names)))


def test_features_have_the_same_names_in_the_same_order() -> None:
    names = enumerators(text("matching/matching.hpp"), "Feature")
    assert [*weights.FEATURE_NAMES, "features_count"] == names
    assert [getattr(score, name.upper()) for name in names] == list(range(len(names)))
    assert [weights.FIRST, weights.SECOND] == [score.FIRST_FEATURES, score.SECOND_FEATURES]


def test_weights_begin_at_the_same_places() -> None:
    source = text("matching/matching.hpp")
    names, values = [name.upper() for name in enumerators(source, "Weight")], constants(source)
    assert len(names) == 6
    assert [getattr(score, name) for name in names] == [eval(values[name], {}, vars(score)) for name in names]
    assert len(weights.Weights.shipped().numbers()) == score.WEIGHTS_COUNT


@pytest.mark.parametrize(
    ("sources", "twin", "native_alone"),
    [
        (
            ["matching/matching.hpp", "matching/lanes.ipp", "matching/work.ipp"],
            score,
            {"MINUTIAE_MAX", "PARTS", "CODE_HALVES", "FAR_AWAY"},
        ),
        (
            ["preparing/preparing.hpp", "preparing/finger.ipp"],
            prepare,
            {"MINUTIAE_MAX", "CYLINDERS_MAX", "NEIGHBOURS_MAX", "LANES", "CODE_WORDS", "SPATIAL_MAX", "QUAD"}
            | {"USED_CELLS", "ROUNDED_MAX"},
        ),
    ],
    ids=["score", "prepare"],
)
def test_constants_have_the_same_values(sources: list[str], twin: ModuleType, native_alone: set[str]) -> None:
    values = constants(text(*sources))
    assert {name for name in values if not hasattr(twin, name)} == native_alone
    shared = [name for name in values if hasattr(twin, name)]
    assert shared
    for name in shared:
        assert getattr(twin, name) == eval(values[name], {}, vars(twin)), name


def test_no_setting_feature_or_weight_is_a_bare_number() -> None:
    sources = [path.read_text(encoding="utf-8") for path in sorted((NATIVE / "matching").iterdir())]
    assert score.__file__
    sources.append(Path(score.__file__).read_text(encoding="utf-8"))
    for source in sources:
        assert not re.findall(r"\b(?:settings|set|SETTINGS\]|WEIGHTS\]|weights|exits|features|f)\[\d+\]", source)
